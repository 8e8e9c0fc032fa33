//! `build` and `pull`: prepare images before anything runs, for CI, where they are kept between runs.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{BuildArgs, PullArgs};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, Printer};
use crate::cli::running::asking;
use crate::control::image_request;
use crate::control::runtime::{
    Fresh, ImagePolicy, ImageProgress, ImageRequest, ProvidedImage, Runtime as _, RuntimeError,
};
use crate::ecs::images::naming;
use crate::model::Topology;
use crate::runtime::docker::DockerOptions;
use crate::runtime::docker::DockerRuntime;

/// An image, and what people call it.
struct Wanted {
    label: String,
    request: ImageRequest,
}

/// `build`
pub(crate) fn build(global: &Global, args: &BuildArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let topology = project::load(global, None, false, printer)?.topology;
    let mut wanted = wanted(&topology, &args.services)?;
    wanted.retain(|image| image.request.build.is_some());
    for image in &mut wanted {
        image.request.fresh = Fresh { steps: args.no_cache, bases: args.pull };
    }
    if wanted.is_empty() {
        printer.note("nothing to build: no container has a `build` (`neargate pull` pulls images)");
    }
    provide(&topology, wanted, printer)
}

/// `pull`
pub(crate) fn pull(global: &Global, args: &PullArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let topology = project::load(global, None, false, printer)?.topology;
    let mut wanted = wanted(&topology, &args.services)?;
    wanted.retain(|image| image.request.build.is_none());
    for image in &mut wanted {
        image.request.policy = ImagePolicy::Always;
    }
    if wanted.is_empty() {
        printer.note("nothing to pull: every container has a `build` (`neargate build` builds them)");
    }
    provide(&topology, wanted, printer)
}

/// The images of these services, or of all; each once.
fn wanted(topology: &Topology, services: &[String]) -> Result<Vec<Wanted>, Failure> {
    if let Some(unknown) = services.iter().find(|name| !topology.services.contains_key(name.as_str())) {
        let known: Vec<&str> = topology.services.keys().map(|name| name.as_str()).collect();
        return Err(Failure::usage(format!("no service `{unknown}`; the services are: {}", known.join(", "))));
    }
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    for (name, service) in &topology.services {
        if !services.is_empty() && !services.iter().any(|service| service == name.as_str()) {
            continue;
        }
        for container in &service.task_definition.containers {
            let image = naming::reference(&topology.name, name, service, container);
            let request = image_request::new(topology, service, container, image.clone());
            let label = if request.build.is_some() { format!("{name}/{}", container.name) } else { image.clone() };
            wanted.entry(image).or_insert(Wanted { label, request });
        }
    }
    Ok(wanted.into_values().collect())
}

/// Has all of them at once, telling how far each is; each failure is told once, at the end.
fn provide(topology: &Topology, wanted: Vec<Wanted>, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    if wanted.is_empty() {
        return Ok(ExitStatus::SUCCESS);
    }
    let labels: BTreeMap<String, String> =
        wanted.iter().map(|image| (image.request.image.clone(), image.label.clone())).collect();
    let results = asking::block_on(async {
        let runtime = DockerRuntime::connect(DockerOptions::new(topology.name.clone())).await?;
        let (sender, mut progress) = mpsc::channel::<ImageProgress>(256);
        let providing = join_all(wanted.iter().map(|image| {
            let (runtime, sender) = (&runtime, sender.clone());
            async move { (image, runtime.provide_image(&image.request, &[], sender).await) }
        }));
        tokio::pin!(providing);
        loop {
            tokio::select! {
                results = &mut providing => break Ok(results),
                // Cancel-safe: a line that is not taken stays in the queue.
                Some(line) = progress.recv() => {
                    let label = labels.get(&line.image).unwrap_or(&line.image);
                    let message = line.message;
                    match line.detail {
                        true => printer.note(format!("{DIM}  {label} {message}{DIM:#}")),
                        false => printer.note(format!("{NOTE}·{NOTE:#} {label} {message}")),
                    }
                }
            }
        }
    })?;
    tell(&results, printer)
}

fn tell(
    results: &[(&Wanted, Result<ProvidedImage, RuntimeError>)],
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let mut failed = None;
    for (image, result) in results {
        match result {
            Ok(provided) => printer.note(format!("{GOOD}✔{GOOD:#} {} {}", image.label, provided.origin)),
            Err(error) => {
                printer.note(format!("{BAD}✘{BAD:#} {}: {error}", image.label));
                let failure = Failure::from(error);
                failed.get_or_insert(failure.status);
            }
        }
    }
    failed.map_or(Ok(ExitStatus::SUCCESS), |status| Err(Failure::printed(status)))
}

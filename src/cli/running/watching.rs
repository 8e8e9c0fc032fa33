//! `up --watch`: what follows from changed files, done to the stack that runs, in this process or in another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::admin::wire::Request;
use crate::cli::failure::Failure;
use crate::cli::input::file;
use crate::cli::input::project::Project;
use crate::cli::output::printer::{BAD, DIM, NOTE, Printer};
use crate::cli::running::stack;
use crate::control::view::ClusterView;
use crate::ecs::images::watching;
use crate::ecs::images::watching::Reaction;
use crate::machine::watch::Watcher;
use crate::model::{ContainerName, ServiceName, TaskId, Topology};
use crate::runtime::docker::tasks::sync;
use crate::runtime::docker::{DockerOptions, DockerRuntime};

/// How many files a line names.
const NAMED: usize = 3;

type Container = (ServiceName, ContainerName);

/// What watches, and what it has copied since images were built.
pub(crate) struct Watching {
    watcher: Option<Watcher>,
    runtime: Option<DockerRuntime>,
    /// Copied into containers; those that start later need it as well.
    copied: BTreeMap<Container, BTreeSet<(PathBuf, String)>>,
    /// Containers that have it, by the engine's id.
    served: BTreeSet<String>,
    folder: PathBuf,
}

impl Watching {
    /// Watches what the project wants watched; nothing at all unless `wanted`.
    pub(crate) fn start(project: &Project, wanted: bool, printer: &mut Printer) -> Result<Self, Failure> {
        let folder = std::env::current_dir()?;
        let mut this = Self { watcher: None, runtime: None, copied: BTreeMap::new(), served: BTreeSet::new(), folder };
        if wanted {
            let rules = watching::rules(&resolved(&project.topology), sync::ignore_file).map_err(Failure::new)?;
            if rules.is_empty() {
                return Err(Failure::usage("nothing to watch: no container has a `build` or a `develop`"));
            }
            let mut paths: Vec<String> = rules.iter().map(|rule| this.shown(&rule.watch.path)).collect();
            paths.sort_unstable();
            paths.dedup();
            printer.note(format!("{NOTE}watching{NOTE:#} {}", paths.join(", ")));
            this.watcher = Some(Watcher::start(rules).map_err(Failure::new)?);
        }
        Ok(this)
    }

    /// The next changes; never, if nothing is watched. Cancel-safe.
    pub(crate) async fn changes(&mut self) -> Result<BTreeSet<PathBuf>, Failure> {
        match &mut self.watcher {
            Some(watcher) => watcher.changes().await.map_err(Failure::new),
            None => std::future::pending().await,
        }
    }

    /// Does what follows from changes. What fails is told, and the watching goes on: the next change may mend it.
    pub(crate) async fn react(
        &mut self,
        project: &Project,
        view: &ClusterView,
        changed: &BTreeSet<PathBuf>,
        printer: &mut Printer,
    ) {
        let Some(watcher) = &self.watcher else { return };
        let reactions = watching::react(watcher.rules(), changed);
        for (container, reaction) in &reactions {
            let named = self.named(changed);
            let what = words(reaction);
            printer.note(format!("{NOTE}▸{NOTE:#} {}/{} {what} {DIM}{named}{DIM:#}", container.0, container.1));
        }
        if let Err(failure) = self.carry_out(project, view, reactions).await {
            printer.note(format!("{BAD}✘{BAD:#} {}", failure.message));
        }
    }

    async fn carry_out(
        &mut self,
        project: &Project,
        view: &ClusterView,
        reactions: BTreeMap<Container, Reaction>,
    ) -> Result<(), Failure> {
        let (mut rebuild, mut restart) = (Vec::new(), Vec::new());
        for (container, reaction) in reactions {
            let pair = (container.0.to_string(), container.1.to_string());
            if reaction.rebuild {
                // The next image has what was copied.
                self.copied.remove(&container);
                rebuild.push(pair);
                continue;
            }
            if !reaction.sync.is_empty() {
                for (task, id) in running(view, &container) {
                    self.copy(project, &task, &container.1, &reaction.sync).await?;
                    self.served.insert(id);
                }
                self.copied.entry(container).or_default().extend(reaction.sync);
            }
            if reaction.restart {
                restart.push(pair);
            }
        }
        if !rebuild.is_empty() {
            stack::request(&project.folders, &Request::Rebuild { containers: rebuild }).await?;
        }
        if !restart.is_empty() {
            stack::request(&project.folders, &Request::RestartContainers { containers: restart }).await?;
        }
        Ok(())
    }

    /// Copies into containers that have started since what those before them have got.
    pub(crate) async fn catch_up(&mut self, project: &Project, view: &ClusterView, printer: &mut Printer) {
        let copied: Vec<_> = self.copied.iter().map(|(container, files)| (container.clone(), files.clone())).collect();
        for (container, files) in copied {
            for (task, id) in running(view, &container) {
                if self.served.insert(id)
                    && let Err(failure) = self.copy(project, &task, &container.1, &files).await
                {
                    printer.note(format!("{BAD}✘{BAD:#} {}", failure.message));
                }
            }
        }
    }

    async fn copy(
        &mut self,
        project: &Project,
        task: &TaskId,
        container: &ContainerName,
        files: &BTreeSet<(PathBuf, String)>,
    ) -> Result<(), Failure> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => DockerRuntime::connect(DockerOptions::new(project.topology.name.clone())).await?,
        };
        let result = runtime.sync(task, container, files).await;
        self.runtime = Some(runtime);
        Ok(result?)
    }

    fn shown(&self, path: &Path) -> String {
        let shown = file::relative(path, &self.folder);
        if shown.as_os_str().is_empty() { ".".to_owned() } else { shown.display().to_string() }
    }

    fn named(&self, changed: &BTreeSet<PathBuf>) -> String {
        let mut names: Vec<String> = changed.iter().take(NAMED).map(|path| self.shown(path)).collect();
        if changed.len() > NAMED {
            names.push(format!("{} more", changed.len() - NAMED));
        }
        names.join(", ")
    }
}

fn words(reaction: &Reaction) -> &'static str {
    match (reaction.rebuild, reaction.sync.is_empty(), reaction.restart) {
        (true, ..) => "rebuild",
        (false, false, false) => "sync",
        (false, false, true) => "sync and restart",
        (false, true, _) => "restart",
    }
}

/// The containers that run, with the engine's id of each.
fn running(view: &ClusterView, container: &Container) -> Vec<(TaskId, String)> {
    let service = view.services.iter().filter(|service| service.service_name == container.0.as_str());
    let tasks = service.flat_map(|service| &service.tasks).filter(|task| task.desired_status == "RUNNING");
    let running = tasks.filter_map(|task| {
        let found = task.containers.iter().find(|found| found.name == container.1.as_str())?;
        let id = found.runtime_id.clone().filter(|_| found.last_status == "RUNNING")?;
        Some((TaskId::new(&task.task_id), id))
    });
    running.collect()
}

/// The topology with paths as the system reports changes of them: without links on the way.
fn resolved(topology: &Topology) -> Topology {
    let real = |path: &mut PathBuf| {
        if let Ok(resolved) = path.canonicalize() {
            *path = resolved;
        }
    };
    let mut topology = topology.clone();
    for service in topology.services.values_mut() {
        service.builds.values_mut().for_each(|build| real(&mut build.context));
        service.watches.values_mut().flatten().for_each(|watch| real(&mut watch.path));
    }
    topology
}

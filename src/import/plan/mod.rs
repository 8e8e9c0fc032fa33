//! What `init` would write, as data: every guess with its reason. Nothing here reads a file.

mod dockerfiles;
mod domain;
pub(crate) mod draft;
mod images;
mod names;
mod routes;
mod services;
pub(crate) mod value;
mod values;

use std::collections::BTreeMap;

use super::definition::{self, Container, Definitions, Facts};
use super::pipeline;
use super::pipeline::found::{Edit, Pipeline, Place, Which};
use super::pipeline::paths::relative_to;
use super::pipeline::stage::Wanted;
use super::pipeline::text;
use super::repository::Repository;
use draft::{BuildPlan, Draft, NoDefinition, Plan, Reasoned, Service};
use images::{Builds, Need};
use services::Chosen;
pub(super) use value::{Part, Value};

/// Decides everything. `folder` is the name of the folder.
pub(super) fn plan(repository: &Repository, folder: &str, wanted: &Wanted) -> Result<Plan, NoDefinition> {
    let pipeline = pipeline::read(repository, wanted);
    let definitions = definition::find(repository);
    let mut plan = Plan::default();
    let chosen = services::choose(&definitions, &pipeline, wanted, &mut plan.notes, &mut plan.variants);
    if chosen.is_empty() {
        return Err(no_definition(&definitions, repository, &pipeline));
    }
    for (path, why) in &definitions.broken {
        plan.notes.push(format!("{path} is left out: {why}"));
    }
    let service_names = names::of_services(&chosen, &pipeline, folder, &mut plan.notes);
    plan.name = names::project(&chosen, folder);
    let cluster = chosen.iter().find_map(|chosen| text::known(chosen.cluster.as_deref()?)).map(names::ecs_name);
    plan.cluster = cluster.filter(|name| !name.is_empty()).unwrap_or_else(|| plan.name.clone());
    sources(&chosen, &pipeline, &mut plan);
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for (chosen, name) in chosen.into_iter().zip(service_names) {
        let images = deployed_images(&chosen, &pipeline);
        drafts.push(Draft { chosen, name, images, builds: Vec::new() });
    }
    find_builds(&mut drafts, repository, &pipeline, wanted);
    plan.domain = domain::domain(&drafts);
    routes::routes(&drafts, repository, &pipeline, &mut plan);
    let mut writer = values::Variables::default();
    for draft in &drafts {
        let service = service(draft, &mut writer, &mut plan.notes);
        plan.services.push(service);
    }
    plan.secrets = values::secrets(&drafts, &mut writer, &mut plan.notes);
    plan.variables = writer.list;
    Ok(plan)
}

fn no_definition(definitions: &Definitions, repository: &Repository, pipeline: &Pipeline) -> NoDefinition {
    let families = pipeline.definitions.iter().filter_map(|definition| match &definition.origin {
        pipeline::found::Origin::Family(family) => text::known(family).map(str::to_owned),
        _ => None,
    });
    let writes = |(path, text): (&str, &str)| {
        let line = text.find("\"containerDefinitions\"").map(|at| 1 + text[..at].matches('\n').count())?;
        let runs = path.starts_with(".github/") || path.ends_with(".sh") || path.contains("buildspec");
        runs.then(|| Place { file: path.to_owned(), line })
    };
    NoDefinition {
        broken: definitions.broken.clone(),
        written: repository.texts_below("").filter_map(writes).collect(),
        families: families.collect(),
    }
}

fn sources(chosen: &[Chosen<'_>], pipeline: &Pipeline, plan: &mut Plan) {
    for chosen in chosen {
        if !plan.sources.contains(&chosen.facts.path) {
            plan.sources.push(chosen.facts.path.clone());
        }
    }
    plan.sources.extend(pipeline.sources().into_iter().map(str::to_owned));
}

/// The images of a task definition as they are after all that the pipeline does to it.
fn deployed_images(chosen: &Chosen<'_>, pipeline: &Pipeline) -> Vec<String> {
    let facts: &Facts = chosen.facts;
    let mut images: Vec<String> = facts.containers.iter().map(|container| container.image.clone()).collect();
    for edit in &chosen.edits {
        for (index, container) in facts.containers.iter().enumerate() {
            match edit {
                Edit::Image(which, image) => {
                    let meant = match which {
                        Which::Name(name) => {
                            *name == container.name || (!text::is_known(name) && facts.containers.len() == 1)
                        }
                        Which::Index(at) => *at == index,
                        Which::All => true,
                    };
                    if meant {
                        images[index].clone_from(image);
                    }
                }
                Edit::Replace(from, to) => images[index] = images[index].replace(from.as_str(), to),
                Edit::Variables(variables) => {
                    for (name, value) in variables {
                        images[index] = images[index].replace(&format!("${{{name}}}"), value);
                        if images[index].ends_with(&format!("${name}")) {
                            images[index] = images[index].replace(&format!("${name}"), value);
                        }
                    }
                }
                Edit::Environment(..) | Edit::Other(..) => {}
            }
        }
    }
    for (index, container) in facts.containers.iter().enumerate() {
        if images[index] == container.image
            && let Some((_, image)) = pipeline.images.iter().find(|(name, _)| *name == container.name)
        {
            images[index].clone_from(image);
        }
    }
    images
}

fn find_builds(drafts: &mut [Draft<'_>], repository: &Repository, pipeline: &Pipeline, wanted: &Wanted) {
    let builds = Builds::new(repository, pipeline, wanted);
    let wanting = |draft: &Draft<'_>| {
        draft
            .containers()
            .filter(|(index, container)| {
                draft.images[*index] != container.image || !images::is_public(&container.image)
            })
            .count()
    };
    let all: usize = drafts.iter().map(wanting).sum();
    let one_image = drafts.iter().all(|draft| draft.chosen.facts.containers.len() == 1)
        && drafts.iter().all(|draft| same_repository(&draft.images[0], &drafts[0].images[0]));
    for draft in drafts.iter_mut() {
        let found = draft
            .containers()
            .map(|(index, container)| {
                let need = need(draft, index, container);
                if !need.rendered && images::is_public(&need.image) {
                    return None;
                }
                // A web service and a worker of the same image are one build.
                builds.find(&need, if one_image { 0 } else { all.saturating_sub(1) })
            })
            .collect();
        draft.builds = found;
    }
    let left: Vec<(usize, usize)> = drafts
        .iter()
        .enumerate()
        .flat_map(|(at, draft)| {
            draft.containers().map(move |(index, container)| (at, index, need(draft, index, container)))
        })
        .filter(|(at, index, need)| {
            drafts[*at].builds[*index].is_none() && (need.rendered || !images::is_public(&need.image))
        })
        .map(|(at, index, _)| (at, index))
        .collect();
    if let [(at, index)] = left[..] {
        let taken: Vec<_> =
            drafts.iter().flat_map(|draft| draft.builds.iter().flatten().map(|found| found.build.clone())).collect();
        drafts[at].builds[index] = builds.left_over(&taken);
    }
}

fn need<'d>(draft: &'d Draft<'_>, index: usize, container: &'d Container) -> Need<'d> {
    Need {
        container: &container.name,
        hints: vec![draft.name.clone(), draft.chosen.facts.family.clone(), draft.chosen.facts.path.clone()],
        image: draft.images[index].clone(),
        rendered: draft.images[index] != container.image,
        job: draft.chosen.job,
    }
}

fn same_repository(left: &str, right: &str) -> bool {
    text::untagged(left) == text::untagged(right)
}

fn service(draft: &Draft<'_>, writer: &mut values::Variables, notes: &mut Vec<String>) -> Service {
    let mut service = Service {
        name: draft.name.clone(),
        task_definition: Reasoned { value: draft.chosen.facts.path.clone(), why: draft.chosen.why.clone() },
        builds: Vec::new(),
        pulled: Vec::new(),
        environment: values::environment(draft, writer, notes),
    };
    for (index, container) in draft.containers() {
        let Some(found) = &draft.builds[index] else {
            let image = if container.image.is_empty() { draft.images[index].clone() } else { container.image.clone() };
            let why =
                if images::is_public(&image) { "it is a public image" } else { "nothing in the repository builds it" };
            service.pulled.push((container.name.clone(), Reasoned { value: text::show(&image), why: why.to_owned() }));
            continue;
        };
        let context = if found.build.context.is_empty() { "." } else { &found.build.context };
        let mut args: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in &found.build.args {
            if !name.is_empty() {
                args.insert(
                    name.clone(),
                    writer.value(value, name, &format!("build argument of `{}`", container.name)),
                );
            }
        }
        service.builds.push(BuildPlan {
            container: container.name.clone(),
            context: context.to_owned(),
            dockerfile: relative_to(&found.build.context, &found.build.dockerfile),
            args: args.into_iter().collect(),
            target: found.build.target.as_deref().and_then(text::known).map(str::to_owned),
            why: found.why.clone(),
        });
    }
    service
}

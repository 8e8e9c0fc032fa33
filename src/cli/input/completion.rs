//! Shell completion of arguments: the services, containers and tasks of this project. It returns at once with whatever is
//! known, and never with an error.

use std::collections::BTreeSet;

use clap_complete::engine::CompletionCandidate;

use crate::admin::view::shape::ClusterView;
use crate::cli::input::global::{Color, Global};
use crate::cli::input::project;
use crate::cli::output::picture::short;
use crate::cli::running::asking;
use crate::model::task::DesiredStatus;

/// Names of services.
pub(crate) fn services() -> Vec<CompletionCandidate> {
    candidates(service_names())
}

/// Names of services, ready for a number.
pub(crate) fn scaled_services() -> Vec<CompletionCandidate> {
    candidates(service_names().into_iter().map(|name| format!("{name}=")))
}

/// Names of containers.
pub(crate) fn containers() -> Vec<CompletionCandidate> {
    let mut names = BTreeSet::new();
    if let Some(topology) = project::topology_if_readable(&global()) {
        let definitions = topology.services.values().flat_map(|service| &service.task_definition.containers);
        names.extend(definitions.map(|container| container.name.to_string()));
    }
    let view = view();
    let tasks = view.iter().flat_map(|view| &view.services).flat_map(|service| &service.tasks);
    names.extend(tasks.flat_map(|task| &task.containers).map(|container| container.name.clone()));
    candidates(names)
}

/// Ids of running tasks, with the containers in them as help.
pub(crate) fn tasks() -> Vec<CompletionCandidate> {
    let view = view();
    let tasks = view.iter().flat_map(|view| &view.services).flat_map(|service| &service.tasks);
    tasks
        .filter(|task| task.desired_status == DesiredStatus::Running)
        .map(|task| {
            let containers: Vec<&str> = task.containers.iter().map(|container| container.name.as_str()).collect();
            CompletionCandidate::new(short(&task.task_id)).help(Some(containers.join(", ").into()))
        })
        .collect()
}

/// What `stop` takes.
pub(crate) fn tasks_and_services() -> Vec<CompletionCandidate> {
    tasks().into_iter().chain(services()).collect()
}

fn candidates(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn service_names() -> BTreeSet<String> {
    let topology = project::topology_if_readable(&global());
    let mut names: BTreeSet<String> =
        topology.iter().flat_map(|topology| topology.services.keys()).map(ToString::to_string).collect();
    names.extend(view().iter().flat_map(|view| &view.services).map(|service| service.service_name.clone()));
    names
}

fn view() -> Option<ClusterView> {
    let (_, folders) = project::identify(&global()).ok()?;
    asking::block_on(asking::view(&folders)).ok()?
}

/// Of the options, only what the environment says is known: the line is not finished yet.
fn global() -> Global {
    Global {
        file: project::variable("NEARGATE_FILE").iter().flat_map(std::env::split_paths).collect(),
        project_name: project::variable("NEARGATE_PROJECT_NAME"),
        environment: project::variable(crate::cli::input::file::ENVIRONMENT),
        color: Color::Never,
        ..Global::default()
    }
}

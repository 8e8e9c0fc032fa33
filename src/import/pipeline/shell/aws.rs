//! The AWS CLI and tools beside it: task definitions that are registered, services that are updated.

use super::state::Shell;
use crate::pipeline::described;
use crate::pipeline::found::Described;
use crate::pipeline::found::{Definition, Deploy, Edit, Origin, Pipeline, Which};
use crate::pipeline::scope::text_of;
use crate::pipeline::text::{self, Text, unknown};
use crate::repository::Repository;
use neargate_config::init_support::yaml;

/// `aws …`, and what it prints.
pub(super) fn aws(arguments: &[Text], input: &Text, shell: &mut Shell<'_, '_>) -> Text {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(at) = words.iter().position(|word| matches!(*word, "ecs" | "ecr" | "deploy")) else {
        return unknown("$(aws …)");
    };
    let option = |name: &str| option(arguments, name);
    match (words[at], words.get(at + 1).copied().unwrap_or_default()) {
        ("ecs", "register-task-definition") => register(arguments, input, shell),
        ("ecs", "describe-task-definition") => {
            let family = option("--task-definition").unwrap_or_default();
            described(family, shell)
        }
        ("ecs", "update-service" | "create-service") => {
            let described = described_service(arguments, input, shell);
            let definition = option("--task-definition").or_else(|| described.as_ref()?.family.clone());
            let definition = definition.map(|given| of_argument(&given, shell));
            let service = option("--service").or_else(|| option("--service-name"));
            let service = service.or_else(|| Some(described.as_ref()?.service.clone()));
            let cluster = option("--cluster").or_else(|| described?.cluster);
            deploy(service, cluster, definition, shell);
            String::new()
        }
        ("ecs", "wait") if words.get(at + 2) == Some(&"services-stable") => {
            for service in values(arguments, "--services") {
                awaited(service, option("--cluster"), shell);
            }
            String::new()
        }
        ("ecr", "describe-repositories" | "create-repository") => {
            match option("--repository-names").or_else(|| option("--repository-name")) {
                Some(name) => format!("{}/{name}", unknown("registry")),
                None => unknown("$(aws ecr …)"),
            }
        }
        _ => unknown("$(aws …)"),
    }
}

/// The service that `--cli-input-json` describes.
fn described_service(arguments: &[Text], input: &Text, shell: &Shell<'_, '_>) -> Option<Described> {
    let given = option(arguments, "--cli-input-json")?;
    match given.strip_prefix("file://") {
        Some("/dev/stdin") => described::read("", input).pop(),
        Some(path) => {
            let path = shell.scope.path(&shell.folder, path);
            let written = shell.scope.files.get(&path).map(String::as_str);
            described::read(&path, written.or_else(|| shell.scope.repository.text(&path))?).pop()
        }
        None => described::read("", &given).pop(),
    }
}

/// A service that a job waits for is one that it has deployed, by whatever means: CodeDeploy, a template, a console.
fn awaited(service: Text, cluster: Option<Text>, shell: &mut Shell<'_, '_>) {
    let job = shell.scope.job;
    let deploys = &mut shell.scope.pipeline.deploys;
    if deploys.iter().any(|deploy| deploy.service.as_ref() == Some(&service)) {
        return;
    }
    let nameless =
        |deploy: &&mut Deploy| deploy.job == job && deploy.service.as_deref().is_none_or(|s| !text::is_known(s));
    match deploys.iter_mut().find(nameless) {
        Some(deploy) if text::is_known(&service) => deploy.service = Some(service),
        // Two names that only the runner knows may be of the same service.
        Some(deploy) if deploy.service.is_some() => {}
        Some(deploy) => deploy.service = Some(service),
        None => {
            let registered = shell.scope.pipeline.definitions.iter().rposition(|definition| definition.job == job);
            deploy(Some(service), cluster, registered, shell);
        }
    }
}

/// What is registered under a family, or what a text stands for.
fn described(family: Text, shell: &mut Shell<'_, '_>) -> Text {
    if shell.scope.pipeline.definition_in(&family).is_some() {
        return family;
    }
    let job = shell.scope.job;
    let origin = Origin::Family(family);
    shell.scope.pipeline.add_definition(Definition { job, origin, edits: Vec::new() })
}

fn register(arguments: &[Text], input: &Text, shell: &mut Shell<'_, '_>) -> Text {
    let given = option(arguments, "--cli-input-json").or_else(|| option(arguments, "--cli-input-yaml"));
    let given = given.unwrap_or_else(|| {
        // Only the containers are a file then; there is no definition to read.
        option(arguments, "--family").unwrap_or_default()
    });
    let text = match given.strip_prefix("file://") {
        Some("/dev/stdin") => input.clone(),
        Some(path) => shell.content(path),
        None => given,
    };
    match shell.scope.pipeline.definition_in(&text) {
        Some(_) => text,
        None => {
            // A script may have written it: then its family is all that is known of it.
            let written = yaml(&text).and_then(|root| text_of(&root, "family").map(str::to_owned));
            let family = written.unwrap_or_else(|| text.trim().to_owned());
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            described(if family.chars().all(is_name) { family } else { String::new() }, shell)
        }
    }
}

/// The task definition that an argument means: what a variable stands for, or a family with or without revision.
fn of_argument(given: &str, shell: &mut Shell<'_, '_>) -> usize {
    if let Some(known) = shell.scope.pipeline.definition_in(given) {
        return known;
    }
    let family = given.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let job = shell.scope.job;
    // What the job has registered before is what it deploys now.
    let registered = shell.scope.pipeline.definitions.iter().rposition(|definition| definition.job == job);
    if let Some(registered) = registered.filter(|_| !text::is_known(family) || family.is_empty()) {
        return registered;
    }
    // A family by its name: the file of that family that the job has changed and registered before.
    let pipeline = &shell.scope.pipeline;
    let of_family = |at: &usize| {
        let known = &pipeline.definitions[*at];
        known.job == job && family_of(shell.scope.repository, pipeline, *at).as_deref() == Some(family)
    };
    if let Some(registered) = (0..pipeline.definitions.len()).rev().find(of_family) {
        return registered;
    }
    shell.scope.pipeline.add_definition(Definition {
        job,
        origin: Origin::Family(family.to_owned()),
        edits: Vec::new(),
    });
    shell.scope.pipeline.definitions.len() - 1
}

/// The family that stands in the file that a definition comes from.
fn family_of(repository: &Repository, pipeline: &Pipeline, mut at: usize) -> Option<String> {
    // No chain is longer than there are definitions.
    for _ in 0..=pipeline.definitions.len() {
        match &pipeline.definitions.get(at)?.origin {
            Origin::Definition(before) => at = *before,
            Origin::Path(path) => {
                let root = yaml(repository.text(path)?)?;
                return text_of(&root, "family").map(str::to_owned);
            }
            Origin::Family(_) => return None,
        }
    }
    None
}

fn deploy(service: Option<Text>, cluster: Option<Text>, definition: Option<usize>, shell: &mut Shell<'_, '_>) {
    let scope = &mut shell.scope;
    let (place, job, stages) = (scope.place(), scope.job, scope.stages.clone());
    scope.pipeline.deploys.push(Deploy { place, job, service, cluster, definition, stages });
}

/// `ecs-deploy` (silinternational) and `ecs deploy` (fabfuel).
pub(super) fn other_tools(program: &str, arguments: &[Text], shell: &mut Shell<'_, '_>) {
    let option = |names: &[&str]| names.iter().find_map(|name| option(arguments, name));
    if program == "ecs-deploy" {
        let (cluster, service) = (option(&["-c", "--cluster"]), option(&["-n", "--service-name"]));
        let definition = option(&["-i", "--image"]).map(|image| {
            let origin = Origin::Family(service.clone().unwrap_or_default());
            let edits = vec![Edit::Image(Which::All, image)];
            let job = shell.scope.job;
            shell.scope.pipeline.add_definition(Definition { job, origin, edits });
            shell.scope.pipeline.definitions.len() - 1
        });
        deploy(service, cluster, definition, shell);
        return;
    }
    if let [verb, cluster, service, ..] = arguments
        && verb == "deploy"
    {
        let mut edits = Vec::new();
        for (index, word) in arguments.iter().enumerate() {
            if matches!(word.as_str(), "-i" | "--image")
                && let [container, image, ..] = &arguments[index + 1..]
            {
                edits.push(Edit::Image(Which::Name(container.clone()), image.clone()));
            }
        }
        let job = shell.scope.job;
        let origin = Origin::Family(service.clone());
        shell.scope.pipeline.add_definition(Definition { job, origin, edits });
        let definition = shell.scope.pipeline.definitions.len() - 1;
        deploy(Some(service.clone()), Some(cluster.clone()), Some(definition), shell);
    }
}

/// The values of `--name value value …`.
fn values(arguments: &[Text], name: &str) -> Vec<Text> {
    let after = arguments.iter().skip_while(|word| *word != name).skip(1);
    after.take_while(|word| !word.starts_with("--")).cloned().collect()
}

/// The value of `--name value` or `--name=value`.
fn option(arguments: &[Text], name: &str) -> Option<Text> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == name {
            return words.next().cloned();
        }
        if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

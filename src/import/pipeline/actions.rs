//! Actions that build images and deploy task definitions, by what their inputs are called: there are dozens of them,
//! and they copy each other's names.

use super::bake;
use super::found::{Build, Definition, Deploy, Edit, Origin, Which};
use super::paths::join;
use super::scope::{Scope, entries};
use super::text::{self, Text, unknown};
use neargate_config::text::tree::Node;

/// The inputs of an action or a workflow, resolved.
pub(super) struct Inputs(Vec<(String, Text)>);

impl Inputs {
    /// `with`.
    pub(super) fn read(node: Option<&Node>, scope: &Scope<'_>) -> Self {
        let resolve = |node: &Node| scope.resolve(node.text().unwrap_or_default());
        Self(entries(node).iter().map(|entry| (entry.key.clone(), resolve(&entry.value))).collect())
    }

    /// As values by name.
    pub(super) fn into_values(self) -> std::collections::BTreeMap<String, Text> {
        self.0.into_iter().collect()
    }

    /// The first of these that is given and says something; `-` and `_` are the same.
    fn first(&self, names: &[&str]) -> Option<&Text> {
        names.iter().find_map(|name| {
            let found = self.0.iter().find(|(known, _)| known.to_lowercase().replace('_', "-") == *name);
            found.map(|(_, value)| value).filter(|value| !value.trim().is_empty())
        })
    }
}

/// Follows one step that uses an action.
pub(super) fn act(uses: &str, inputs: &Inputs, scope: &mut Scope<'_>) {
    let action = uses.split('@').next().unwrap_or_default().to_lowercase();
    let name = action.rsplit('/').next().unwrap_or_default();
    match name {
        "checkout" => checkout(inputs, scope),
        "metadata-action" => metadata(inputs, scope),
        "amazon-ecr-login" => scope.set_output("registry", unknown("registry")),
        "build-push-action" => build(inputs, scope),
        "bake-action" => {
            let files = inputs.first(&["files"]).cloned().unwrap_or_default();
            let targets = inputs.first(&["targets"]).cloned().unwrap_or_default();
            let folder = inputs.first(&["workdir", "source"]).map_or_else(String::new, |folder| scope.path("", folder));
            let split = |text: &str| -> Vec<String> {
                text.split(['\n', ',', ' ']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            bake::build(&split(&files), &split(&targets), &folder, scope);
        }
        _ if name.contains("render-task-definition") => render(inputs, scope),
        _ if inputs.first(DEFINITION).is_some() || (inputs.first(SERVICE).is_some() && name.contains("ecs")) => {
            if inputs.first(DOCKERFILE).is_some() {
                build(inputs, scope);
            }
            deploy(inputs, scope);
        }
        _ if !name.contains("login") && !name.contains("setup") && builds(name, inputs) => build(inputs, scope),
        _ => {}
    }
}

const DEFINITION: &[&str] = &["task-definition", "task-definition-file", "task-definition-path", "taskdef", "task-def"];
const SERVICE: &[&str] = &["service", "ecs-service", "service-name", "ecs-service-name"];
const CLUSTER: &[&str] = &["cluster", "ecs-cluster", "cluster-name", "ecs-cluster-name"];
const CONTAINER: &[&str] = &["container-name", "container", "ecs-container-name"];
const CONTEXT: &[&str] =
    &["context", "path", "build-context", "docker-context", "directory", "workdir", "working-directory", "build-path"];
const DOCKERFILE: &[&str] = &["file", "dockerfile", "dockerfile-path", "docker-file", "containerfiles", "dockerfiles"];
const IMAGE: &[&str] = &[
    "tags",
    "image",
    "images",
    "repo",
    "repository",
    "ecr-repository",
    "image-name",
    "ecr-repo",
    "name",
    "image-repo",
];

fn builds(name: &str, inputs: &Inputs) -> bool {
    let speaks = ["docker", "ecr", "build", "image"].iter().any(|word| name.contains(word));
    inputs.first(DOCKERFILE).is_some() || (speaks && inputs.first(CONTEXT).is_some() && inputs.first(IMAGE).is_some())
}

fn checkout(inputs: &Inputs, scope: &mut Scope<'_>) {
    let own = inputs.first(&["repository"]).is_none_or(|repository| repository.contains("github.repository"));
    if own && let Some(path) = inputs.first(&["path"]) {
        scope.checkout = join("", path);
    }
}

/// The tags that `docker/metadata-action` makes: its images with tags that only it knows.
fn metadata(inputs: &Inputs, scope: &mut Scope<'_>) {
    let version =
        unknown(&format!("job{}.steps.{}.outputs.version", scope.job, scope.step.clone().unwrap_or_default()));
    let images = inputs.first(&["images"]).cloned().unwrap_or_default();
    let names = images.split(['\n', ',']).map(|name| name.trim().trim_start_matches("name=")).filter(|n| !n.is_empty());
    let tags: Vec<String> = names.map(|name| format!("{name}:{version}")).collect();
    scope.set_output("tags", tags.join("\n"));
    scope.set_output("version", version);
}

fn build(inputs: &Inputs, scope: &mut Scope<'_>) {
    let default = unknown("defaultContext");
    let context = inputs.first(CONTEXT).map_or(".", |context| context.trim());
    // The default context is the repository itself; `{{defaultContext}}:folder` is a folder of it.
    let context = context.trim_start_matches("{{defaultContext}}").trim_start_matches(&default).trim_start_matches(':');
    let context = match context.split_once("://") {
        Some((_, address)) => address.split_once(':').map_or("", |(_, folder)| folder),
        None => context,
    };
    let context = scope.path("", context);
    let dockerfile = match inputs.first(DOCKERFILE) {
        Some(file) => {
            let file = file.lines().next().unwrap_or_default();
            let (root, inside) = (scope.path("", file), scope.path(&context, file));
            // Some actions take it relative to the context.
            if !scope.repository.has(&root) && scope.repository.has(&inside) { inside } else { root }
        }
        None => join(&context, "Dockerfile"),
    };
    let args = inputs.first(&["build-args", "build-arg", "extra-build-args"]).cloned().unwrap_or_default();
    let mut images: Vec<Text> = Vec::new();
    for tag in inputs.first(IMAGE).cloned().unwrap_or_default().split(['\n', ',']) {
        let tag = tag.trim().trim_start_matches("type=raw,value=").trim_start_matches("name=");
        if !tag.is_empty() {
            images.push(tag.to_owned());
        }
    }
    let outputs = inputs.first(&["outputs"]).cloned().unwrap_or_default();
    images.extend(outputs.split(',').filter_map(|part| part.trim().strip_prefix("name=")).map(str::to_owned));
    if let Some(image) = images.first() {
        for output in ["image", "imageid", "image-uri", "full-image"] {
            scope.set_output(output, image.clone());
        }
    }
    scope.pipeline.builds.push(Build {
        place: scope.place(),
        job: scope.job,
        step: scope.step.clone(),
        context,
        dockerfile,
        args: pairs(&args),
        target: inputs.first(&["target"]).cloned(),
        images,
        names: Vec::new(),
    });
}

/// The task definition that an input names: a path, what another step made of one, or a family.
fn definition(inputs: &Inputs, scope: &Scope<'_>) -> Option<Origin> {
    let Some(given) = inputs.first(DEFINITION) else {
        let family = inputs.first(&["task-definition-family", "task-definition-arn", "task-family", "family"])?;
        return Some(Origin::Family(family.trim().to_owned()));
    };
    let path = scope.path("", given);
    let written = scope.files.get(&path).unwrap_or(given);
    match scope.pipeline.definition_in(written) {
        Some(known) => Some(Origin::Definition(known)),
        None if given.trim().starts_with("arn:") => Some(Origin::Family(given.trim().to_owned())),
        None => Some(Origin::Path(path)),
    }
}

fn render(inputs: &Inputs, scope: &mut Scope<'_>) {
    let Some(origin) = definition(inputs, scope) else { return };
    let mut edits = Vec::new();
    for container in inputs.first(CONTAINER).cloned().unwrap_or_default().split(',') {
        let container = container.trim().to_owned();
        if let Some(image) = inputs.first(&["image", "image-uri", "image-name"]) {
            edits.push(Edit::Image(Which::Name(container.clone()), image.trim().to_owned()));
        }
        if let Some(variables) = inputs.first(&["environment-variables"]) {
            edits.push(Edit::Environment(container.clone(), pairs(variables)));
        }
        for (input, what) in [
            ("secrets", "secrets"),
            ("docker-labels", "Docker labels"),
            ("command", "its command"),
            ("env-files", "environment files"),
            ("log-configuration-log-driver", "its log driver"),
            ("task-role-arn", "a task role"),
            ("execution-role-arn", "an execution role"),
        ] {
            if inputs.first(&[input]).is_some() {
                edits.push(Edit::Other(container.clone(), what));
            }
        }
    }
    let made = scope.pipeline.add_definition(Definition { job: scope.job, origin, edits });
    scope.set_output("task-definition", made);
}

fn deploy(inputs: &Inputs, scope: &mut Scope<'_>) {
    let definition = definition(inputs, scope).map(|origin| match origin {
        Origin::Definition(known) if inputs.first(&["image"]).is_none() => known,
        origin => {
            let image = inputs.first(&["image", "image-uri"]).map(|image| {
                let container = inputs.first(CONTAINER).map(|name| Which::Name(name.trim().to_owned()));
                Edit::Image(container.unwrap_or(Which::All), image.trim().to_owned())
            });
            scope.pipeline.add_definition(Definition { job: scope.job, origin, edits: image.into_iter().collect() });
            scope.pipeline.definitions.len() - 1
        }
    });
    let service = inputs.first(SERVICE).map(|name| name.trim().to_owned());
    // Without a service it only registers the definition, or runs one task of it.
    if service.is_none() && inputs.first(&["run-task", "codedeploy-application"]).is_some_and(|run| run == "true") {
        return;
    }
    scope.pipeline.deploys.push(Deploy {
        place: scope.place(),
        job: scope.job,
        service,
        cluster: inputs.first(CLUSTER).map(|name| name.trim().to_owned()),
        definition,
        stages: scope.stages.clone(),
    });
}

/// Lines of `NAME=value`.
pub(super) fn pairs(text: &str) -> Vec<(String, Text)> {
    text.lines()
        .filter_map(|line| line.trim().split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned()))
        .filter(|(name, _)| !name.is_empty() && !name.starts_with('#') && text::is_known(name))
        .collect()
}

fn unquoted(value: &str) -> &str {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

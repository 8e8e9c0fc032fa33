//! Pipelines of other systems: CodeBuild, GitLab, CircleCI, Bitbucket, Azure, Travis, Jenkins; and scripts that
//! somebody runs by hand. Their files differ, but all have variables and lists of commands: these are followed in the
//! order in which they stand.

use super::found::{Pipeline, line_of};
use super::paths::name;
use super::scope::{Scope, entries, items, text_of};
use super::stage::Wanted;
use super::{groovy, shell};
use crate::repository::Repository;
use neargate_config::init_support::yaml;
use neargate_config::text::tree::{Node, Value};

/// Keys under which commands stand.
const SCRIPTS: &[&str] =
    &["commands", "script", "before_script", "after_script", "run", "command", "bash", "after_success"];
/// Keys under which variables stand.
const VARIABLES: &[&str] = &["variables", "env", "environment"];

/// Every one of them; scripts only for what no pipeline does.
pub(super) fn follow(repository: &Repository, wanted: &Wanted, pipeline: &mut Pipeline) {
    let paths: Vec<&str> = repository.paths().filter(|path| path.matches('/').count() <= 3).collect();
    for path in &paths {
        let file = name(path).to_lowercase();
        if file.starts_with("appspec.") {
            app_spec(repository.text(path).unwrap_or_default(), pipeline);
        } else if is_pipeline(path, &file)
            && let Some(text) = repository.text(path)
            && let Some(root) = yaml(text)
        {
            let mut scope = Scope::new(path, repository, wanted, pipeline);
            scope.stages = vec![(*path).to_owned()];
            walk(&root, text, &mut scope, 0);
        } else if file.starts_with("jenkinsfile") || file.ends_with(".jenkinsfile") {
            let mut scope = Scope::new(path, repository, wanted, pipeline);
            scope.stages = vec![(*path).to_owned()];
            groovy::follow(repository.text(path).unwrap_or_default(), &mut scope);
        }
    }
    by_hand(repository, &paths, wanted, pipeline);
}

/// Scripts that no pipeline calls, for what no pipeline does: build images, deploy services.
fn by_hand(repository: &Repository, paths: &[&str], wanted: &Wanted, pipeline: &mut Pipeline) {
    const BUILDS: &[&str] = &["docker build", "docker buildx", "compose build"];
    const DEPLOYS: &[&str] = &["ecs update-service", "ecs create-service", "ecs wait services-stable", "ecs-deploy"];
    let (builds, deploys) = (pipeline.builds.is_empty(), pipeline.deploys.is_empty());
    for path in paths.iter().filter(|path| path.ends_with(".sh") || name(path) == "Makefile") {
        let Some(text) = repository.text(path) else { continue };
        let speaks = |commands: &[&str]| commands.iter().any(|command| text.contains(command));
        if (builds && speaks(BUILDS)) || (deploys && speaks(DEPLOYS)) {
            let known = (pipeline.builds.len(), pipeline.deploys.len());
            let mut scope = Scope::new(path, repository, wanted, pipeline);
            scope.stages = vec![(*path).to_owned()];
            hand_script(path, text, &mut scope);
            if !builds {
                pipeline.builds.truncate(known.0);
            }
            if !deploys {
                pipeline.deploys.truncate(known.1);
            }
        }
    }
}

fn is_pipeline(path: &str, file: &str) -> bool {
    let is_yaml = file.ends_with(".yml") || file.ends_with(".yaml");
    is_yaml
        && (file.starts_with("buildspec")
            || file.starts_with(".gitlab-ci")
            || file.starts_with("bitbucket-pipelines")
            || file.starts_with("azure-pipelines")
            || file == ".travis.yml"
            || file == "cloudbuild.yaml"
            || path.starts_with(".circleci/")
            || path.contains("buildspec"))
}

/// Variables and commands, wherever they stand.
fn walk(node: &Node, text: &str, scope: &mut Scope<'_>, depth: usize) {
    if depth > 20 {
        return;
    }
    match &node.value {
        Value::Map(map) => {
            for entry in map {
                if VARIABLES.contains(&entry.key.as_str()) {
                    variables(&entry.value, scope);
                }
            }
            for entry in map {
                let key = entry.key.as_str();
                if SCRIPTS.contains(&key)
                    && !items(Some(&entry.value)).iter().any(|item| matches!(item.value, Value::Map(_)))
                {
                    scope.line = line_of(text, entry.key_span.range().start);
                    let folder = text_of(node, "working_directory").or_else(|| text_of(node, "workingDirectory"));
                    let folder = folder.map_or_else(|| scope.folder.clone(), |folder| scope.path("", folder));
                    let lines: Vec<&str> = items(Some(&entry.value)).iter().filter_map(Node::text).collect();
                    let script: Vec<String> = lines.iter().map(|line| super::text::from_file(line)).collect();
                    let (variables, folder) = shell::run(&script.join("\n"), &folder, scope);
                    scope.env.extend(variables);
                    // CodeBuild runs all commands of all phases in one shell (buildspec reference, `version` 0.2).
                    if scope.file.contains("buildspec") {
                        scope.folder = folder;
                    }
                } else if !VARIABLES.contains(&key) {
                    walk(&entry.value, text, scope, depth + 1);
                }
            }
        }
        Value::List(list) => list.iter().for_each(|item| walk(item, text, scope, depth + 1)),
        Value::Scalar(_) => {}
    }
}

fn variables(node: &Node, scope: &mut Scope<'_>) {
    // CodeBuild has them one deeper; GitLab may give a value with a description.
    let inner = node.get("variables").unwrap_or(node);
    for entry in entries(Some(inner)) {
        if let Some(value) = entry.value.text().or_else(|| text_of(&entry.value, "value")) {
            scope.env.insert(entry.key.clone(), super::text::from_file(value));
        }
    }
}

/// CodeDeploy's `ContainerName` and `ContainerPort`.
fn app_spec(text: &str, pipeline: &mut Pipeline) {
    fn find(node: &Node, pipeline: &mut Pipeline) {
        if let (Some(container), Some(port)) = (text_of(node, "ContainerName"), text_of(node, "ContainerPort"))
            && let Ok(port) = port.parse()
        {
            pipeline.ports.push((container.to_owned(), port));
        }
        match &node.value {
            Value::Map(entries) => entries.iter().for_each(|entry| find(&entry.value, pipeline)),
            Value::List(items) => items.iter().for_each(|item| find(item, pipeline)),
            Value::Scalar(_) => {}
        }
    }
    if let Some(root) = yaml(text) {
        find(&root, pipeline);
    }
}

/// A script, started from the root of the repository or from its own folder: from where its paths lead somewhere.
fn hand_script(path: &str, text: &str, scope: &mut Scope<'_>) {
    let script = if name(path) == "Makefile" { make_all(text) } else { super::text::from_file(text) };
    let (builds, deploys) = (scope.pipeline.builds.len(), scope.pipeline.deploys.len());
    let definitions = scope.pipeline.definitions.len();
    let own = super::paths::parent(path);
    for folder in ["", own] {
        shell::run(&script, folder, scope);
        let repository = scope.repository;
        let there = |build: &super::found::Build| repository.has(&build.dockerfile);
        let found = if scope.pipeline.builds.len() > builds {
            scope.pipeline.builds[builds..].iter().any(there)
        } else {
            let read =
                |definition: &super::found::Definition| matches!(definition.origin, super::found::Origin::Path(_));
            scope.pipeline.definitions[definitions..].iter().any(read)
        };
        if found || folder == own {
            let mut index = 0;
            scope.pipeline.builds.retain(|build| {
                index += 1;
                index <= builds || there(build)
            });
            break;
        }
        // What a definition that is no longer there was deployed as goes with it.
        scope.pipeline.builds.truncate(builds);
        scope.pipeline.deploys.truncate(deploys);
        scope.pipeline.definitions.truncate(definitions);
    }
}

fn make_all(makefile: &str) -> String {
    let targets: Vec<String> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', '.', ' ']))
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, rest)| !rest.starts_with('='))
        .flat_map(|(names, _)| names.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    shell::make_script(&super::text::from_file(makefile), &targets).join("\n")
}

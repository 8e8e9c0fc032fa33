//! From facts to a plan: what goes where, and why it was guessed so.

use super::repository::Repository;
use super::workflow::{BuildStep, Image, Workflow};
use super::{BuildPlan, Plan, Route, health_path, is_front};
use crate::config::init_support::{ContainerFacts, TaskFacts};
use crate::config::lower::project_name_from;

/// Decides everything.
pub(super) fn plan(facts: &TaskFacts, workflows: &[Workflow], repository: &Repository) -> Plan {
    let mut plan = Plan { name: project_name_from(&facts.family).as_str().to_owned(), ..Plan::default() };
    let deploy = workflows.iter().find(|workflow| workflow.service.is_some());
    plan.service = deploy.and_then(|w| w.service.clone()).unwrap_or_else(|| format!("{}-service", plan.name));
    plan.cluster = deploy.and_then(|w| w.cluster.clone()).unwrap_or_else(|| plan.name.clone());
    domain(facts, &mut plan);
    routes(facts, &mut plan);
    builds(facts, workflows, repository, &mut plan);
    environment(facts, workflows, &mut plan);
    secrets(facts, &mut plan);
    plan
}

/// The host of the first URL that a variable about origins or domains carries.
fn domain(facts: &TaskFacts, plan: &mut Plan) {
    let speaking = ["ORIGIN", "DOMAIN", "PUBLIC_URL", "APP_URL", "SITE_URL", "FRONTEND_URL", "HOSTNAME"];
    for container in &facts.containers {
        for (name, value) in &container.environment {
            if !speaking.iter().any(|word| name.to_uppercase().contains(word)) {
                continue;
            }
            let first = value.split([',', ' ']).next().unwrap_or_default();
            let host = first.split_once("://").map_or(first, |(_, rest)| rest);
            let host = host.split(['/', ':']).next().unwrap_or_default();
            let plausible = host.contains('.')
                && !host.ends_with("amazonaws.com")
                && !host.starts_with('*')
                && host.parse::<std::net::IpAddr>().is_err()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
            if plausible {
                plan.domain = host.to_lowercase();
                plan.notes.push(format!("domain {}: from {name} of `{}`", plan.domain, container.name));
                return;
            }
        }
    }
    plan.domain = "app.example.com".to_owned();
    plan.notes.push("domain app.example.com: nothing says what yours is".to_owned());
}

fn routes(facts: &TaskFacts, plan: &mut Plan) {
    let mut serving: Vec<&ContainerFacts> =
        facts.containers.iter().filter(|container| !container.ports.is_empty()).collect();
    // Port 80 first, then a telling name, then the order of the task definition.
    let by_port = serving.iter().position(|container| container.ports.contains(&80));
    let by_name = serving.iter().position(|container| is_front(&container.name.to_lowercase()));
    let front = by_port.or(by_name).unwrap_or(0);
    if serving.is_empty() {
        plan.notes.push("no container has a port: the load balancer answers with a fixed page".to_owned());
        return;
    }
    let default = serving.remove(front);
    let why = match (serving.is_empty(), by_port, by_name) {
        (true, ..) => "the only container with a port",
        (_, Some(_), _) => "it has port 80",
        (_, None, Some(_)) => "its name says so",
        _ => "the first one with a port",
    };
    plan.notes.push(format!("`{}` gets what no rule claims: {why}", default.name));
    let only_one_more = serving.len() == 1;
    for (index, container) in std::iter::once(default).chain(serving).enumerate() {
        let name = container.name.to_lowercase();
        let api = ["api", "backend", "server"].iter().any(|word| name.contains(word));
        let path = match index {
            0 => None,
            _ if (api || only_one_more) && !plan.routes.iter().any(|r| r.path.as_deref() == Some("/api/*")) => {
                Some("/api/*".to_owned())
            }
            _ => Some(format!("/{}/*", slug(&container.name))),
        };
        if let Some(path) = &path {
            plan.notes.push(format!("`{}` gets {path}: copy the rules of your load balancer here", container.name));
        }
        let health = health_path(facts, &container.name);
        plan.notes.push(match &health {
            Some(path) => {
                format!("health check {path} for `{}`: from its health check in the task definition", container.name)
            }
            None => format!("health check / for `{}`: nothing says which path tells its health", container.name),
        });
        plan.routes.push(Route {
            container: container.name.clone(),
            target_group: target_group_name(&container.name),
            port: if index == 0 && container.ports.contains(&80) { 80 } else { container.ports[0] },
            health_path: health.unwrap_or_else(|| "/".to_owned()),
            path,
        });
    }
}

fn slug(name: &str) -> String {
    let slug: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    slug.trim_matches('-').to_owned()
}

fn target_group_name(container: &str) -> String {
    let name: String =
        format!("tg-{container}").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(32).collect();
    name.trim_end_matches('-').to_owned()
}

fn builds(facts: &TaskFacts, workflows: &[Workflow], repository: &Repository, plan: &mut Plan) {
    let steps: Vec<&BuildStep> = workflows.iter().flat_map(|workflow| &workflow.builds).collect();
    for container in &facts.containers {
        let rendered = workflows
            .iter()
            .flat_map(|workflow| &workflow.renders)
            .find(|render| render.container == container.name)
            .map(|render| &render.image);
        let found = matching(container, rendered, &steps, facts.containers.len() == 1);
        let build = match found {
            Some((step, why)) => from_step(container, step, why),
            None => from_folder(container, repository),
        };
        let Some((build, why)) = build else {
            plan.notes.push(format!("`{}` is pulled as {}: no workflow builds it", container.name, container.image));
            continue;
        };
        if !repository.has(&inside(&build.context, &build.dockerfile)) {
            plan.notes.push(format!(
                "`{}` is pulled: {} is not in the build context {} that the workflow names",
                container.name, build.dockerfile, build.context
            ));
            continue;
        }
        plan.notes
            .push(format!("`{}` is built from {} with {}: {why}", container.name, build.context, build.dockerfile));
        for (_, value) in &build.args {
            for variable in demanded(value) {
                plan.variable(variable, &format!("build argument of `{}`", container.name));
            }
        }
        plan.builds.push(build);
    }
}

/// `context/dockerfile`, without `.` and `..`.
fn inside(context: &str, dockerfile: &str) -> String {
    let mut parts = Vec::new();
    for part in context.split('/').chain(dockerfile.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The step that builds the container's image, and how it was found.
fn matching<'s>(
    container: &ContainerFacts,
    rendered: Option<&Image>,
    steps: &[&'s BuildStep],
    alone: bool,
) -> Option<(&'s BuildStep, &'static str)> {
    let name_of = |image: &str| image.split('@').next().unwrap_or_default().to_owned();
    let by_image = |image: &str| steps.iter().find(|step| step.images.iter().any(|built| built == image)).copied();
    match rendered {
        Some(Image::Named(image)) => {
            if let Some(step) = by_image(image) {
                return Some((step, "the workflow puts that image into it"));
            }
        }
        Some(Image::Step(id)) => {
            if let Some(step) = steps.iter().find(|step| step.id.as_deref() == Some(id)) {
                return Some((step, "the workflow puts that step's image into it"));
            }
        }
        _ => {}
    }
    let own = name_of(&container.image);
    let untagged =
        own.rfind(':').filter(|colon| !own[*colon..].contains('/')).map_or(own.as_str(), |colon| &own[..colon]);
    if let Some(step) = by_image(untagged) {
        return Some((step, "the workflow builds the image that it names"));
    }
    let name = container.name.to_lowercase();
    let speaks = |step: &&&BuildStep| {
        let words = [&step.context, step.dockerfile.as_ref().unwrap_or(&step.context)];
        words.iter().any(|word| word.to_lowercase().contains(&name))
            || step
                .images
                .iter()
                .any(|image| image.to_lowercase().rsplit('/').next().unwrap_or_default().contains(&name))
    };
    if let Some(step) = steps.iter().find(speaks) {
        return Some((step, "a build step mentions its name"));
    }
    match steps {
        [only] if alone => Some((only, "the only image that the workflow builds")),
        _ => None,
    }
}

fn from_step(container: &ContainerFacts, step: &BuildStep, why: &'static str) -> Option<(BuildPlan, &'static str)> {
    let context = step.context.trim_end_matches('/').trim_start_matches("./");
    let context = if context.is_empty() { "." } else { context };
    if context.contains("${{") || context.contains("://") {
        return None;
    }
    // The action's `file` is relative to the repository, Compose's `dockerfile` to the context.
    let dockerfile = match &step.dockerfile {
        None => "Dockerfile".to_owned(),
        Some(file) => {
            let file = file.trim_start_matches("./");
            match (context, file.strip_prefix(&format!("{context}/"))) {
                (".", _) => file.to_owned(),
                (_, Some(inside)) => inside.to_owned(),
                (_, None) => format!("{}{file}", "../".repeat(context.split('/').count())),
            }
        }
    };
    let args = step.args.iter().map(|(name, value)| {
        // What only GitHub knows becomes a variable of the same name.
        let value = if value.contains("${{") { format!("${{{name}:-}}") } else { value.clone() };
        (name.clone(), value)
    });
    let build = BuildPlan {
        container: container.name.clone(),
        context: context.to_owned(),
        dockerfile,
        args: args.collect(),
        target: step.target.clone(),
    };
    Some((build, why))
}

/// Variables without a default in a value.
fn demanded(value: &str) -> impl Iterator<Item = &str> {
    value
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// A Dockerfile in a folder of the container's name.
fn from_folder(container: &ContainerFacts, repository: &Repository) -> Option<(BuildPlan, &'static str)> {
    if !repository.has(&format!("{}/Dockerfile", container.name)) {
        return None;
    }
    let build = BuildPlan {
        container: container.name.clone(),
        context: container.name.clone(),
        dockerfile: "Dockerfile".to_owned(),
        args: Vec::new(),
        target: None,
    };
    Some((build, "there is a Dockerfile in the folder of its name"))
}

/// What the pipeline adds when it renders: values that stay, and variables for those that only GitHub knows.
fn environment(facts: &TaskFacts, workflows: &[Workflow], plan: &mut Plan) {
    for render in workflows.iter().flat_map(|workflow| &workflow.renders) {
        let Some(container) = facts.containers.iter().find(|known| known.name == render.container) else { continue };
        let mut variables = Vec::new();
        for (name, value) in &render.environment {
            let from_task = container.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            if value.contains("${") {
                match from_task {
                    // The task definition has a value already: the variable may override it.
                    Some(default) if !default.contains(['}', '$']) => {
                        variables.push((name.clone(), format!("${{{name}:-{default}}}")));
                    }
                    _ => {
                        plan.variable(name, &format!("environment of `{}`", container.name));
                        variables.push((name.clone(), format!("${{{name}}}")));
                    }
                }
            } else if from_task != Some(value) {
                variables.push((name.clone(), value.replace('$', "$$")));
            }
        }
        if !variables.is_empty() {
            plan.notes.push(format!("environment of `{}`: what the workflow adds when it deploys", container.name));
            plan.environment.push((container.name.clone(), variables));
        }
    }
}

/// JSON key and variable.
type Wish = (Option<String>, String);

fn secrets(facts: &TaskFacts, plan: &mut Plan) {
    let mut by_secret: Vec<(String, Vec<Wish>)> = Vec::new();
    for container in &facts.containers {
        for (variable, secret, json_key) in &container.secrets {
            plan.variable(variable, &format!("secret of `{}`", container.name));
            let wish = (json_key.clone(), variable.clone());
            match by_secret.iter_mut().find(|(known, _)| known == secret) {
                Some((_, wishes)) => wishes.push(wish),
                None => by_secret.push((secret.clone(), vec![wish])),
            }
        }
    }
    for (secret, wishes) in by_secret {
        let keyed: Vec<String> = wishes
            .iter()
            .filter_map(|(key, variable)| Some(format!("\"{}\":\"${{{variable}}}\"", key.as_ref()?)))
            .collect();
        let value = if keyed.is_empty() { format!("${{{}}}", wishes[0].1) } else { format!("{{{}}}", keyed.join(",")) };
        plan.secrets.push((secret, value));
    }
    for container in &facts.containers {
        let built = plan.builds.iter().any(|build| build.container == container.name);
        if let Some(credentials) = container.credentials.as_ref().filter(|_| !built) {
            plan.notes.push(format!(
                "`{}` is pulled with your own docker login: `secrets` has no value for {credentials}",
                container.name
            ));
        }
    }
}

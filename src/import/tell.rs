//! What `init` says: every guess with its reason, what must be set, and what was not found.

use super::plan::draft::{NoDefinition, Plan, Route, Service};
use super::repository::Repository;

/// After the file was written.
pub(super) fn written(plan: &Plan, repository: &Repository) -> String {
    let mut out = format!("wrote neargate.yaml from {}\n\nguessed; please review:\n", list(&plan.sources));
    for guess in guesses(plan) {
        out.push_str(&format!("  - {guess}\n"));
    }
    if repository.is_cut() {
        out.push_str("  - not all files were read\n");
    }
    if !plan.variables.is_empty() {
        out.push_str("\nset in the environment or in .env:\n");
        for (name, what) in &plan.variables {
            out.push_str(&format!("  {name}  {what}\n"));
        }
        if !ignores_dotenv(repository) {
            out.push_str("add .env to .gitignore, or git will commit it\n");
        }
    }
    out.push_str("\nnext: neargate check\n");
    out
}

fn guesses(plan: &Plan) -> Vec<String> {
    let mut said = vec![format!("domain {}: {}", plan.domain.value, plan.domain.why)];
    for (index, service) in plan.services.iter().enumerate() {
        said.push(format!(
            "service {} runs {}: {}",
            service.name, service.task_definition.value, service.task_definition.why
        ));
        for route in plan.routes.iter().filter(|route| route.service == index) {
            said.push(match route.paths.first() {
                None => format!("`{}` is behind the load balancer; {}", route.container, route.why),
                Some(path) => format!("`{}` gets {path} and below: {}", route.container, route.why),
            });
            said.push(health(route));
        }
        said.extend(images(service));
        for (container, _) in &service.environment {
            said.push(format!("environment of `{container}`: added by the workflow when it deploys"));
        }
    }
    said.extend(plan.variants.iter().chain(&plan.notes).cloned());
    said
}

fn health(route: &Route) -> String {
    match &route.health {
        Some(health) => format!("health check {} for `{}`: {}", health.value, route.container, health.why),
        None => format!("health check / for `{}`: no health path was found", route.container),
    }
}

fn images(service: &Service) -> Vec<String> {
    let built = service.builds.iter().map(|build| {
        format!("`{}` is built from {} with {}: {}", build.container, build.context, build.dockerfile, build.why)
    });
    let pulled = service.pulled.iter().map(|(container, image)| {
        let name = if image.value.is_empty() {
            "an image that the task definition does not name"
        } else {
            image.value.as_str()
        };
        format!("`{container}` is pulled as {name}: {}", image.why)
    });
    built.chain(pulled).collect()
}

/// For `up` without a file: what was taken from where, and what nobody said, in a few lines.
pub(super) fn summary(plan: &Plan) -> Vec<String> {
    let mut lines =
        vec![format!("no neargate.yaml: running what `neargate init` would write from {}", list(&plan.sources))];
    lines.extend(plan.variants.iter().map(|variant| format!("  {variant}")));
    for (index, service) in plan.services.iter().enumerate() {
        let built = service.builds.iter().map(|build| format!("`{}` built from {}", build.container, build.context));
        let pulled = service.pulled.iter().map(|(container, image)| format!("`{container}` pulled as {}", image.value));
        let checks = plan.routes.iter().filter(|route| route.service == index).map(|route| match &route.health {
            Some(health) => format!("health check {}", health.value),
            None => format!("health check / for `{}`, a guess", route.container),
        });
        let all: Vec<String> = built.chain(pulled).chain(checks).collect();
        lines.push(format!("  service {}: {}", service.name, all.join(", ")));
    }
    lines.push(format!(
        "  https://{} is also a guess; `neargate init` writes everything to a file, with reasons",
        plan.domain.value
    ));
    lines
}

/// When there is nothing to begin with.
pub(super) fn nothing_found(none: &NoDefinition, repository: &Repository) -> String {
    let mut out = "error: no task definition found\n".to_owned();
    for (path, why) in &none.broken {
        out.push_str(&format!("note: {path} looks like one, but {why}\n"));
    }
    for place in &none.written {
        out.push_str(&format!("note: {place} generates one at run time; save its output as a file\n"));
    }
    if none.broken.is_empty() && none.written.is_empty() {
        out.push_str("note: looked for JSON and YAML files of any name that contain `containerDefinitions`\n");
    }
    if repository.is_cut() {
        out.push_str("note: not all files were read; run it in the folder of the application\n");
    }
    let family = none.families.first().map_or("FAMILY", String::as_str);
    out.push_str(&format!(
        "help: save the one that runs, then try again:\n  \
         aws ecs describe-task-definition --task-definition {family} --query taskDefinition > .aws/task-definition.json\n"
    ));
    out
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn ignores_dotenv(repository: &Repository) -> bool {
    let lines = repository.text(".gitignore").unwrap_or_default().lines().map(str::trim);
    lines.into_iter().any(|line| {
        matches!(line.trim_start_matches('/').trim_start_matches("**/"), ".env" | "*.env" | ".env*" | ".env.*")
    })
}

//! Which containers stand behind the load balancer, under which paths, and what tells their health.

use super::draft::{Draft, Plan, Reasoned, Route};
use crate::definition::Container;
use crate::evidence;
use crate::evidence::question::Evidence;
use crate::evidence::question::Question;
use crate::pipeline::found::Pipeline;
use crate::pipeline::stage::{without_stage, words};
use crate::repository::Repository;

/// A container that may be reached.
struct Reachable<'d> {
    draft: usize,
    container: &'d Container,
    index: usize,
    port: u16,
}

/// Decides, and says what stays behind.
pub(super) fn routes(drafts: &[Draft<'_>], repository: &Repository, pipeline: &Pipeline, plan: &mut Plan) {
    let mut reachable: Vec<Reachable<'_>> = Vec::new();
    for (draft, planned) in drafts.iter().enumerate() {
        reachable.extend(of_service(draft, planned, repository, pipeline, &mut plan.notes));
    }
    if reachable.is_empty() {
        plan.notes
            .push("no container has a port that speaks HTTP: the load balancer answers with a fixed page".to_owned());
        return;
    }
    let front = front(&reachable, drafts);
    let default = reachable.remove(front.value);
    let only_one_more = reachable.len() == 1;
    let only = reachable.is_empty();
    let mut prefixes: Vec<String> = Vec::new();
    for (position, one) in std::iter::once(default).chain(reachable).enumerate() {
        let draft = &drafts[one.draft];
        let prefix = (position > 0).then(|| prefix(&one, draft, only_one_more, &prefixes));
        prefixes.extend(prefix.clone());
        let why = match &prefix {
            None => format!("it gets every request that no rule matches: {}", front.why),
            Some(_) => "copy the rules of your load balancer here".to_owned(),
        };
        let evidence = evidence(&one, draft, repository, only);
        plan.routes.push(Route {
            service: one.draft,
            container: one.container.name.clone(),
            target_group: target_group(&one.container.name, &draft.name, &plan.routes),
            port: one.port,
            matcher: evidence.as_ref().and_then(|evidence| evidence.matcher.clone()),
            health: evidence
                .map(|found| Reasoned { why: format!("{} ({})", found.why, found.place), value: found.path }),
            paths: prefix.map_or_else(Vec::new, |prefix| vec![prefix.clone(), format!("{prefix}/*")]),
            why,
        });
    }
}

/// The containers of a service that speak HTTP and that no other one of them stands before.
fn of_service<'d>(
    draft: usize,
    planned: &'d Draft<'_>,
    repository: &Repository,
    pipeline: &Pipeline,
    notes: &mut Vec<String>,
) -> Vec<Reachable<'d>> {
    let mut found: Vec<Reachable<'d>> = Vec::new();
    for (index, container) in planned.containers() {
        let named =
            pipeline.ports.iter().find(|(name, port)| *name == container.name && container.ports.contains(port));
        if let Some((_, port)) = named {
            found.push(Reachable { draft, container, index, port: *port });
            continue;
        }
        let build = planned.builds[index].as_ref().map(|found| &found.build);
        let dockerfile = build.and_then(|build| repository.text(&build.dockerfile));
        let silent = |port: u16| evidence::silence(&container.name, &container.image, port, dockerfile);
        let mut speaking: Vec<u16> = container.ports.iter().copied().filter(|port| silent(*port).is_none()).collect();
        speaking.retain(|port| !container.grpc.contains(port));
        // Of several ports, one that the image says it listens on; 80 if it says nothing, or that as well.
        let target = build.and_then(|build| build.target.as_deref());
        let mut exposed = dockerfile.map_or_else(Vec::new, |text| evidence::exposed(text, target));
        exposed.retain(|port| speaking.contains(port));
        let usual = |ports: &[u16]| ports.iter().copied().find(|port| *port == 80).or(ports.first().copied());
        let best = usual(&exposed).or(usual(&speaking));
        match (best, container.ports.first()) {
            (Some(port), _) => {
                if exposed.contains(&port) && usual(&speaking) != Some(port) {
                    let name = &container.name;
                    notes.push(format!("`{name}` is reached on port {port}, which its Dockerfile exposes"));
                }
                found.push(Reachable { draft, container, index, port });
            }
            (None, Some(port)) => {
                let grpc = "it speaks gRPC; give it a target group with `protocol_version: GRPC`";
                let why = silent(*port).map_or(grpc, |silence| silence.why);
                notes.push(format!("`{}` stays behind the load balancer: {why}", container.name));
            }
            (None, None) => {}
        }
    }
    // Nginx before PHP, a proxy before the application: what others wait for is reached through them.
    let behind: Vec<String> = found
        .iter()
        .filter(|one| {
            let by_name = pipeline.ports.iter().any(|(name, _)| *name == one.container.name);
            !by_name && found.iter().any(|other| other.container.depends_on.contains(&one.container.name))
        })
        .map(|one| one.container.name.clone())
        .collect();
    if behind.len() < found.len() {
        for name in &behind {
            let waits = found.iter().find(|other| other.container.depends_on.contains(name));
            let waits = waits.map_or("", |other| other.container.name.as_str());
            notes.push(format!("`{name}` stays behind the load balancer: `{waits}` depends on it"));
        }
        found.retain(|one| !behind.contains(&one.container.name));
    }
    found
}

const FRONT: &[&str] = &[
    "client",
    "dashboard",
    "front",
    "frontend",
    "nginx",
    "proxy",
    "site",
    "spa",
    "ui",
    "web",
    "webapp",
    "website",
    "www",
];
const API: &[&str] = &["api", "apis", "back", "backend", "server"];

/// The one that answers what no rule claims.
fn front(reachable: &[Reachable<'_>], drafts: &[Draft<'_>]) -> Reasoned<usize> {
    let score = |one: &Reachable<'_>| {
        let mut own = words(&one.container.name);
        own.extend(words(&drafts[one.draft].name));
        let says = |list: &[&str]| i32::from(own.iter().any(|word| list.contains(&word.as_str())));
        2 * says(FRONT) - 2 * says(API) + i32::from(one.port == 80)
    };
    let best = reachable.iter().map(score).max().unwrap_or_default();
    let at = reachable.iter().position(|one| score(one) == best).unwrap_or_default();
    let why = match (reachable.len(), best) {
        (1, _) => "it is the only reachable one",
        (_, best) if best >= 2 => "its name says so",
        (_, 1) => "it has port 80",
        _ => "it is the first reachable one",
    };
    Reasoned { value: at, why: why.to_owned() }
}

/// The path that the others are under.
fn prefix(one: &Reachable<'_>, draft: &Draft<'_>, only_one_more: bool, taken: &[String]) -> String {
    let own: Vec<String> = words(&one.container.name).into_iter().chain(words(&draft.name)).collect();
    let api = own.iter().any(|word| API.contains(&word.as_str()));
    let names = [one.container.name.clone(), without_stage(&draft.name), draft.name.clone()];
    let general = ["app", "container", "main", "service", "task"];
    let telling = names.iter().filter(|name| !words(name).iter().all(|word| general.contains(&word.as_str())));
    let api = (api || only_one_more).then(|| "/api".to_owned());
    let candidates = api.into_iter().chain(telling.map(|name| format!("/{}", slug(name))));
    let free = candidates.chain((2..).map(|number| format!("/{}-{number}", slug(&one.container.name))));
    free.into_iter().find(|prefix| prefix.len() > 1 && !taken.contains(prefix)).unwrap_or_default()
}

fn slug(name: &str) -> String {
    let slug: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .take(60)
        .collect();
    slug.trim_matches('-').to_owned()
}

/// At most 32 letters, digits and hyphens, and not one that is taken.
fn target_group(container: &str, service: &str, taken: &[Route]) -> String {
    let clean = |text: &str| {
        let name: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(32).collect();
        name.trim_matches('-').to_owned()
    };
    let names = [format!("tg-{container}"), format!("tg-{service}"), format!("tg-{service}-{container}")]
        .map(|name| clean(&name));
    let numbered = (2..).map(|number| clean(&format!("tg-{number}-{container}")));
    let free = |name: &String| !taken.iter().any(|route| route.target_group == *name);
    names.into_iter().chain(numbered).find(free).unwrap_or_default()
}

fn evidence(one: &Reachable<'_>, draft: &Draft<'_>, repository: &Repository, only: bool) -> Option<Evidence> {
    let build = draft.builds[one.index].as_ref().map(|found| &found.build);
    let target = build.and_then(|build| build.target.as_deref());
    evidence::health_path(
        repository,
        &Question {
            container: &one.container.name,
            service: Some(&draft.name),
            port: one.port,
            image: &one.container.image,
            context: build.map(|build| if build.context.is_empty() { "." } else { build.context.as_str() }),
            dockerfile: build.map(|build| build.dockerfile.as_str()),
            target,
            task_definition: &draft.chosen.facts.path,
            health_command: one.container.health_command.as_deref(),
            only,
        },
    )
}

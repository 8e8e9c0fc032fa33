//! Routes that the application's source declares, and what its framework answers by itself.

mod dotnet;
mod frameworks;
mod go;
mod graph;
mod javascript;
mod jvm;
mod nest;
mod pages;
mod php;
mod python;
pub(crate) mod route;
mod ruby;
mod rust;
mod webserver;

use super::dockerfile;
use super::question::{Evidence, Question, folder_of, is_below, place};
use crate::repository::Repository;
use route::{Route, Scope};

/// Bytes of a file that people write.
const MAX_SOURCE: usize = 300_000;

/// The route that tells of the application's health, as far as names tell.
pub(super) fn health_path(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    best(repository, question, 0..OF_A_PART)
}

/// The route that tells of the health of one part of it.
pub(super) fn part(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    best(repository, question, OF_A_PART..u32::MAX)
}

fn best(repository: &Repository, question: &Question<'_>, ranks: std::ops::Range<u32>) -> Option<Evidence> {
    let scope = Scope::new(repository, question)?;
    let routes = scope.routes(question);
    let ranked = routes.iter().filter_map(|route| Some((rank(route)?, route)));
    let best = ranked
        .filter(|(rank, _)| ranks.contains(rank))
        .min_by_key(|(rank, route)| (*rank, route.file.matches('/').count(), route.file, route.at));
    best.map(|(_, route)| evidence(route))
}

/// The root, where something really answers it.
pub(super) fn root(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    let scope = Scope::new(repository, question)?;
    let routes = scope.routes(question);
    let root = routes.iter().find(|route| route.path == "/" && route.is_certain);
    root.map(evidence).or_else(|| frameworks::root(&scope).as_ref().map(evidence))
}

fn evidence(route: &Route<'_>) -> Evidence {
    Evidence {
        path: route.path.clone(),
        matcher: route.matcher.map(str::to_owned),
        place: place(route.file, route.text, route.at),
        why: if route.is_certain {
            route.why
        } else {
            "from a route in its source; not all of its prefixes could be followed"
        },
    }
}

impl<'r> Scope<'r> {
    fn new(repository: &'r Repository, question: &Question<'_>) -> Option<Self> {
        let context =
            super::question::join("", question.context.or_else(|| without_dockerfile(repository, question))?)?;
        let text = question.dockerfile.and_then(|path| repository.text(path));
        let (base, command) = text.map(|text| dockerfile::base_and_command(text, question.target)).unwrap_or_default();
        let named = dockerfile::sources(repository, question);
        let beside = question.dockerfile.map(folder_of).unwrap_or_default();
        // All is copied, and the Dockerfile lies in a folder with source: that is the application's.
        let has_source = |folder: &str| repository.texts_below(folder).any(|(path, _)| is_source(path));
        // An archive that was made elsewhere says nothing of its source.
        let in_named = |path: &str| {
            named.iter().any(|source| path == source || is_below(path, source) || path.starts_with(source.as_str()))
        };
        let everything = named.contains(&context) || !repository.paths().any(|path| is_source(path) && in_named(path));
        let root =
            if everything && beside != context && is_below(&format!("{beside}/x"), &context) && has_source(beside) {
                beside.to_owned()
            } else {
                context
            };
        let others = others(repository, question, &root);
        let belongs = |path: &&str| {
            is_below(path, &root) && (everything || in_named(path)) && !others.iter().any(|other| is_below(path, other))
        };
        let paths: Vec<&str> = repository.paths().filter(belongs).collect();
        let files = paths
            .iter()
            .filter(|path| !is_test(path))
            .filter_map(|path| Some((*path, repository.text(path)?)))
            // What is larger was written by a generator.
            .filter(|(_, text)| text.len() < MAX_SOURCE)
            .collect();
        Some(Self { files, paths, named, base, command, root })
    }

    fn routes(&self, question: &Question<'_>) -> Vec<Route<'r>> {
        // What a web server was built with does not run in its image.
        if webserver::is_base(&self.base) {
            return webserver::routes(self);
        }
        let mut found = [
            python::routes(self),
            javascript::routes(self),
            nest::routes(self),
            jvm::routes(self, question.port),
            go::routes(self),
            dotnet::routes(self),
            ruby::routes(self),
            php::routes(self),
            rust::routes(self),
            pages::routes(self),
            frameworks::routes(self),
        ]
        .concat();
        // What asks who is calling answers 401 to a load balancer.
        found.retain(|route| !asks_who_calls(route));
        found
    }

    /// Files with one of these extensions.
    fn with<'s>(&'s self, extensions: &'s [&str]) -> impl Iterator<Item = (&'r str, &'r str)> + 's {
        self.files
            .iter()
            .copied()
            .filter(|(path, _)| path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension)))
    }

    /// The file of a name nearest to the application's folder.
    fn nearest(&self, name: &str) -> Option<(&'r str, &'r str)> {
        let named = self.files.iter().copied().filter(|(path, _)| path.rsplit('/').next() == Some(name));
        named.min_by_key(|(path, _)| path.matches('/').count())
    }
}

/// The whole repository, where buildpacks or a plugin (Jib, `bootBuildImage`) make the one image of it: a registry of the
/// team's holds it, and no Dockerfile says how it came there.
fn without_dockerfile(repository: &Repository, question: &Question<'_>) -> Option<&'static str> {
    let is_own = question.image.contains(".dkr.ecr.") || question.image.starts_with("ghcr.io/");
    let is_made = |path: &str| path.rsplit('/').next().is_some_and(|name| name.to_lowercase().contains("dockerfile"));
    (question.only && is_own && !repository.paths().any(is_made)).then_some(".")
}

/// Folders with an application of another Dockerfile.
fn others(repository: &Repository, question: &Question<'_>, root: &str) -> Vec<String> {
    let own = question.dockerfile.map(folder_of).unwrap_or_default();
    let dockerfiles = repository.paths().filter(|path| {
        path.rsplit('/').next().is_some_and(|name| name.to_lowercase().contains("dockerfile")) && is_below(path, root)
    });
    dockerfiles
        .map(folder_of)
        .filter(|folder| *folder != root && *folder != own && !folder.is_empty() && !is_below(own, folder))
        .map(str::to_owned)
        .collect()
}

fn is_source(path: &str) -> bool {
    const SOURCES: &[&str] = &[
        "cjs", "clj", "cs", "cts", "ex", "exs", "go", "java", "js", "jsx", "kt", "mjs", "mts", "php", "py", "rb", "rs",
        "scala", "ts", "tsx", "vue", "svelte",
    ];
    path.rsplit_once('.').is_some_and(|(_, extension)| SOURCES.contains(&extension))
}

fn is_test(path: &str) -> bool {
    let lower = path.to_lowercase();
    let in_folder = lower.split('/').any(|part| {
        matches!(
            part,
            "test"
                | "tests"
                | "__tests__"
                | "spec"
                | "specs"
                | "e2e"
                | "cypress"
                | "mocks"
                | "__mocks__"
                | "fixtures"
                | "docs"
                | "migrations"
        )
    });
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    in_folder
        || [".test.", ".spec.", ".e2e-spec."].iter().any(|mark| name.contains(mark))
        || name.starts_with("test_")
        || name.ends_with("_test.go")
        || name.ends_with("_test.py")
        || name.ends_with("tests.java")
        || name.ends_with("test.java")
        || name.ends_with("test.kt")
}

/// Names that a route for health checks has, best first.
const NAMES: &[&[&str]] = &[
    &["health", "healthz", "healthcheck", "health-check", "health_check", "_health", "healthy", "heartbeat"],
    &["livez", "liveness", "live", "alive", "isalive", "is-alive"],
    &["up", "ping"],
    &["readyz", "readiness", "ready"],
    &["status"],
];

/// Added to the rank of what tells the health of one part.
const OF_A_PART: u32 = 100;
/// Added to the rank of a path whose prefixes are not all known.
const UNCERTAIN: u32 = 30;

/// Whether a path's name says that it tells of health.
pub(super) fn tells_health(path: &str) -> bool {
    name_rank(path).is_some()
}

/// Best is `/health`; then what is deeper or has a vaguer name. `None` if the name says nothing.
fn name_rank(path: &str) -> Option<u32> {
    let path = path.split('?').next().unwrap_or(path);
    if !path.starts_with('/') || path.contains([':', '{', '<', '*', '(', '[', '$', ' ']) {
        return None;
    }
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    let (name, prefix) = parts.split_last()?;
    let kind = u32::try_from(NAMES.iter().position(|names| names.contains(&name.as_str()))?).ok()?;
    let neutral = |part: &String| {
        matches!(
            part.as_str(),
            "api"
                | "rest"
                | "actuator"
                | "public"
                | "internal"
                | "system"
                | "manage"
                | "management"
                | "_stcore"
                | "health"
        ) || part.strip_prefix('v').is_some_and(|number| number.parse::<f32>().is_ok())
    };
    let depth = u32::try_from(prefix.len()).ok()?;
    // `/orders/status` is of orders; `/payments/health` may be of one part only.
    let is_of_another = !prefix.iter().all(neutral);
    if is_of_another && kind > 0 {
        return None;
    }
    Some(kind * 10 + depth + if is_of_another { OF_A_PART } else { 0 })
}

fn rank(route: &Route<'_>) -> Option<u32> {
    Some(name_rank(&route.path)? + if route.is_certain { 0 } else { UNCERTAIN })
}

/// Whether the declaration itself names something that checks the caller.
fn asks_who_calls(route: &Route<'_>) -> bool {
    let line = route.text[route.at.min(route.text.len())..].lines().next().unwrap_or_default().to_lowercase();
    let checks = [
        "protect",
        "authenticate",
        "requireauth",
        "require_auth",
        "isauth",
        "ensureauth",
        "verifytoken",
        "verify_token",
        "verifyjwt",
        "checkauth",
        "authmiddleware",
        "auth_middleware",
        "jwtauth",
        "passport.",
        "isadmin",
        "requireadmin",
        "get_current_user",
        "current_user",
        "authguard",
        "requirelogin",
        "login_required",
    ];
    checks.iter().any(|check| line.contains(check))
}

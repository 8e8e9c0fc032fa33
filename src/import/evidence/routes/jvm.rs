//! Routes of Spring, and its actuator; of Ktor, Javalin and their kin.

use std::sync::LazyLock;

use regex::Regex;

use super::javascript::is_comment;
use super::route::{ROUTE, Route, Scope, arguments, bracketed, joined, literal};
use neargate_config::init_support;
use neargate_config::text::tree::Node;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

/// Mappings and the class that they are on or in.
static MAPPING: LazyLock<Regex> =
    LazyLock::new(|| regex(r"@(?<kind>RequestMapping|GetMapping|Path|GET)\b|\b(?:class|interface)\s+\w+"));
/// `get("/health") {` of Ktor, `.get("/health", …` of Javalin and Spark.
static PLAIN: LazyLock<Regex> = LazyLock::new(|| regex(r#"\bget\(\s*"(?<path>/[^"]*)"\s*[,)]"#));

/// What the application's settings say of paths.
#[derive(Default)]
struct Settings {
    context: String,
    actuator: Option<String>,
    management_port: Option<String>,
}

/// Every mapping, and the actuator's health.
pub(super) fn routes<'r>(scope: &Scope<'r>, port: u16) -> Vec<Route<'r>> {
    let settings = settings(scope);
    let mut found = Vec::new();
    for (file, text) in scope.with(&["java", "kt", "scala", "groovy"]) {
        if text.contains("Mapping") && text.contains("Controller") {
            found.extend(mappings((file, text), &settings.context));
        }
        if text.contains("ktor") || text.contains("javalin") || text.contains("spark.Spark") {
            found.extend(PLAIN.captures_iter(text).map(|route| Route {
                path: route["path"].to_owned(),
                file,
                text,
                at: route.get(0).map_or(0, |found| found.start()),
                is_certain: false,
                matcher: None,
                why: ROUTE,
            }));
        }
    }
    let elsewhere = settings.management_port.as_ref().is_some_and(|other| *other != port.to_string());
    if !elsewhere {
        found.extend(actuator(scope, &settings));
    }
    found
}

fn mappings<'r>((file, text): (&'r str, &'r str), context: &str) -> Vec<Route<'r>> {
    let mut found = Vec::new();
    let mut pending: Option<String> = None;
    let mut class: Option<String> = Some(String::new());
    for mapping in MAPPING.captures_iter(text) {
        let whole = mapping.get(0).expect("a match has a whole");
        if is_comment(text, whole.start()) {
            continue;
        }
        let Some(kind) = mapping.name("kind") else {
            // What stood before the class is its own.
            class = Some(pending.take().unwrap_or_default());
            continue;
        };
        let inside = if text[whole.end()..].starts_with('(') { bracketed(text, whole.end()) } else { "" };
        let Some(path) = path_of(inside) else { continue };
        let is_method = kind.as_str() == "GetMapping"
            || (kind.as_str() == "RequestMapping" && inside.contains("RequestMethod.GET"));
        if is_method {
            if let Some(above) = &class {
                let path = joined(context, &joined(above, &path));
                found.push(Route { path, file, text, at: whole.start(), is_certain: true, matcher: None, why: ROUTE });
            }
        } else if kind.as_str() == "RequestMapping" {
            pending = Some(path);
        }
    }
    found
}

/// The path of `("/x")`, `(value = "/x")`, `({"/x"})`; `None` if it is a constant.
fn path_of(inside: &str) -> Option<String> {
    let given = arguments(inside);
    let named = given.iter().find_map(|argument| {
        let (name, value) = argument.split_once('=')?;
        matches!(name.trim(), "value" | "path").then_some(value)
    });
    let positional = given.first().filter(|first| !first.contains('=')).copied();
    match named.or(positional) {
        Some(value) => {
            let value = value.trim().trim_start_matches(['{', '[']).split(',').next()?.trim_end_matches(['}', ']']);
            literal(value).map(str::to_owned)
        }
        None => Some(String::new()),
    }
}

fn actuator<'r>(scope: &Scope<'r>, settings: &Settings) -> Option<Route<'r>> {
    let builds = scope.files.iter().copied().filter(|(path, _)| {
        ["pom.xml", "build.gradle", "build.gradle.kts"].iter().any(|name| path.rsplit('/').next() == Some(name))
    });
    let (file, text, at) =
        builds.filter_map(|(file, text)| Some((file, text, text.find("spring-boot-starter-actuator")?))).next()?;
    let base = settings.actuator.as_deref().unwrap_or("/actuator");
    let path = joined(&settings.context, &joined(base, "health"));
    Some(Route { path, file, text, at, is_certain: true, matcher: None, why: "Spring Boot's actuator answers there" })
}

/// `application.yml` or `.properties`, of no profile or of the one for production.
fn settings(scope: &Scope<'_>) -> Settings {
    let mut settings = Settings::default();
    let mut files: Vec<_> = scope
        .files
        .iter()
        .filter(|(path, _)| path.rsplit('/').next().is_some_and(|name| name.starts_with("application")))
        .filter(|(path, _)| !["dev", "local", "test"].iter().any(|profile| path.contains(&format!("-{profile}."))))
        .collect();
    files.sort_by_key(|(path, _)| path.len());
    for (path, text) in files {
        let value = |keys: &[&str]| {
            if path.ends_with(".properties") { property(text, &keys.join(".")) } else { yaml(text, keys) }
        };
        let context = value(&["server", "servlet", "context-path"])
            .or_else(|| value(&["spring", "webflux", "base-path"]))
            .or_else(|| value(&["server", "context-path"]));
        settings.context = context.unwrap_or(settings.context);
        settings.actuator = value(&["management", "endpoints", "web", "base-path"]).or(settings.actuator);
        settings.management_port = value(&["management", "server", "port"]).or(settings.management_port);
    }
    settings
}

fn property(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

fn yaml(text: &str, keys: &[&str]) -> Option<String> {
    text.split("\n---").find_map(|document| {
        let root = init_support::yaml(document)?;
        let mut node: Option<&Node> = Some(&root);
        // `server.servlet: { context-path: … }` is written as well.
        for count in (1..=keys.len()).rev() {
            if let Some(found) = root.get(&keys[..count].join(".")) {
                return descend(found, &keys[count..]);
            }
        }
        for key in keys {
            node = node.and_then(|node| node.get(key));
        }
        node.and_then(Node::text).map(str::to_owned)
    })
}

fn descend(node: &Node, keys: &[&str]) -> Option<String> {
    match keys.split_first() {
        None => node.text().map(str::to_owned),
        Some((key, rest)) => descend(node.get(key)?, rest),
    }
}

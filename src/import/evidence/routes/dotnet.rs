//! Routes of ASP.NET Core.

use std::sync::LazyLock;

use regex::Regex;

use super::javascript::is_comment;
use super::route::{ROUTE, Route, Scope, joined};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

/// `app.MapHealthChecks("/health")`, `app.MapGet("/", …)`, `app.UseHealthChecks("/health")`
static MAPPED: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\.(?<kind>MapHealthChecks|UseHealthChecks|MapGet|MapMethods)\(\s*"(?<path>[^"]*)""#));
/// Attributes of controllers.
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"\[(?<kind>Route|HttpGet)(?:\(\s*"(?<path>[^"]*)"[^)]*\))?\s*[,\]]|\bclass\s+(?<class>\w+)"#)
});
/// Every route.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let mut found = Vec::new();
    for (file, text) in scope.with(&["cs", "fs"]) {
        for mapped in MAPPED.captures_iter(text) {
            let at = mapped.get(0).map_or(0, |found| found.start());
            if !is_comment(text, at) {
                let is_certain = !text.contains("MapGroup(") || &mapped["kind"] != "MapGet";
                found.push(Route {
                    path: joined("", &mapped["path"]),
                    file,
                    text,
                    at,
                    is_certain,
                    matcher: None,
                    why: ROUTE,
                });
            }
        }
        if text.contains("Controller") {
            found.extend(controllers((file, text)));
        }
        // Service discovery's defaults, as Aspire's template has them.
        if let Some(at) = text.find(".MapDefaultEndpoints(") {
            found.push(Route {
                path: "/health".to_owned(),
                file,
                text,
                at,
                is_certain: false,
                matcher: None,
                why: ROUTE,
            });
        }
    }
    found
}

fn controllers<'r>((file, text): (&'r str, &'r str)) -> Vec<Route<'r>> {
    let mut found = Vec::new();
    let (mut pending, mut above) = (None, String::new());
    for attribute in ATTRIBUTE.captures_iter(text) {
        let at = attribute.get(0).map_or(0, |found| found.start());
        if is_comment(text, at) {
            continue;
        }
        if let Some(class) = attribute.name("class") {
            let name = class.as_str().trim_end_matches("Controller");
            above = pending.take().unwrap_or_default();
            above = above.replace("[controller]", &name.to_lowercase());
            continue;
        }
        let path = attribute.name("path").map_or("", |path| path.as_str());
        if &attribute["kind"] == "Route" {
            pending = Some(path.to_owned());
        } else {
            // A path from the root takes the place of the controller's.
            let whole = match path.strip_prefix('~').or_else(|| path.strip_prefix('/').map(|_| path)) {
                Some(absolute) => joined("", absolute),
                None => joined(&above, path),
            };
            found.push(Route { path: whole, file, text, at, is_certain: true, matcher: None, why: ROUTE });
        }
    }
    found
}

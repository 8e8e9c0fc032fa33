//! Routes of axum, actix and Rocket; and of Phoenix, whose macros look alike.

use std::sync::LazyLock;

use regex::Regex;

use super::javascript::is_comment;
use super::route::{ROUTE, Route, Scope};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

/// `.route("/health", get(health))`, `.route("/health", web::get().to(health))`
static ROUTED: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\.route\(\s*"(?<path>/[^"]*)"\s*,\s*(?:\w+::)*(?:get|head|any|web::get)\b"#));
/// `#[get("/health")]`
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| regex(r#"#\[get\(\s*"(?<path>/[^"]*)""#));
/// `get "/health", HealthController, :index`
static PHOENIX: LazyLock<Regex> = LazyLock::new(|| regex(r#"(?m)^\s*get\s*\(?\s*"(?<path>/[^"]*)""#));
/// Prefixes that are given elsewhere.
static PREFIXED: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\.nest\(|web::scope\(|\.mount\(\s*"/[^"]|scope\s+"/[^"]"#));

/// Every route; where something nests routers, none is certain.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let nests = scope.with(&["rs", "ex"]).any(|(_, text)| PREFIXED.is_match(text));
    let mut found = Vec::new();
    for (file, text) in scope.with(&["rs", "ex"]) {
        let declared = if file.ends_with(".rs") {
            ROUTED.captures_iter(text).chain(ATTRIBUTE.captures_iter(text)).collect::<Vec<_>>()
        } else {
            PHOENIX.captures_iter(text).collect()
        };
        found.extend(declared.iter().filter_map(|route| {
            let at = route.get(0).map_or(0, |found| found.start());
            let path = route["path"].to_owned();
            (!is_comment(text, at)).then_some(Route {
                path,
                file,
                text,
                at,
                is_certain: !nests,
                matcher: None,
                why: ROUTE,
            })
        }));
    }
    found
}

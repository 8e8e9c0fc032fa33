//! Routes of NestJS: controllers, and the prefix that `main.ts` sets.

use std::sync::LazyLock;

use regex::Regex;

use super::javascript::is_comment;
use super::route::{ROUTE, Route, Scope, arguments, bracketed, joined, literal};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

/// `@Controller("health")` and `@Get("live")`, in the order of the file.
static DECORATOR: LazyLock<Regex> = LazyLock::new(|| regex(r"@(?<kind>Controller|Get|All|Version)\("));
/// `app.setGlobalPrefix("api", { exclude: ["health"] })`
static PREFIX: LazyLock<Regex> = LazyLock::new(|| regex(r"\.setGlobalPrefix\("));
/// `path: "health"` or `"health"` in a list of what is excluded.
static EXCLUDED: LazyLock<Regex> = LazyLock::new(|| regex(r#"['"`](?<path>/?[\w/-]+)['"`]"#));

/// Every `@Get` of every controller.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let (prefix, excluded) = global_prefix(scope);
    let mut found = Vec::new();
    for (file, text) in scope.with(&["ts", "js"]).filter(|(_, text)| text.contains("@Controller(")) {
        let mut controller = None;
        let mut is_versioned = false;
        for decorator in DECORATOR.captures_iter(text) {
            let at = decorator.get(0).map_or(0, |found| found.start());
            if is_comment(text, at) {
                continue;
            }
            let given = arguments(bracketed(text, decorator.get(0).map_or(0, |found| found.end() - 1)));
            let path = path_of(&given);
            match &decorator["kind"] {
                "Controller" => {
                    is_versioned = given.first().is_some_and(|options| options.contains("version"));
                    controller = path;
                }
                "Get" | "All" => {
                    let (Some(above), Some(path), false) = (&controller, path, is_versioned) else { continue };
                    let own = joined(above, &path);
                    let is_excluded = excluded.iter().any(|excluded| joined("", excluded) == own);
                    let path = if is_excluded { own } else { joined(prefix.as_deref().unwrap_or_default(), &own) };
                    let is_certain = prefix.is_some() || is_excluded;
                    found.push(Route { path, file, text, at, is_certain, matcher: None, why: ROUTE });
                }
                _ => {}
            }
        }
    }
    found
}

/// The path of `@Controller()`, `("x")`, `(["x"])` and `({ path: "x" })`; `None` if it is a variable.
fn path_of(given: &[&str]) -> Option<String> {
    let Some(first) = given.first() else { return Some(String::new()) };
    if let Some(object) = first.strip_prefix('{') {
        let path = object.split_once("path")?.1.trim_start_matches([':', ' ']);
        let end = path.find([',', '}']).unwrap_or(path.len());
        return literal(&path[..end]).map(str::to_owned);
    }
    literal(first.trim_start_matches('[').split(',').next()?.trim_end_matches(']')).map(str::to_owned)
}

/// The prefix, `None` if only running would tell it, and the routes that it leaves out.
fn global_prefix(scope: &Scope<'_>) -> (Option<String>, Vec<String>) {
    let set = scope.with(&["ts", "js"]).find_map(|(_, text)| {
        let found = PREFIX.find_iter(text).find(|found| !is_comment(text, found.start()))?;
        Some(bracketed(text, found.end() - 1))
    });
    let Some(inside) = set else { return (Some(String::new()), Vec::new()) };
    let given = arguments(inside);
    // `process.env.PREFIX || "api"`
    let prefix = given.first().and_then(|first| literal(first.rsplit("||").next()?.rsplit("??").next()?));
    let excluded = given.get(1).map_or("", |options| options.split_once("exclude").map_or("", |(_, list)| list));
    let excluded = EXCLUDED.captures_iter(excluded).map(|found| found["path"].to_owned()).collect();
    (prefix.map(str::to_owned), excluded)
}

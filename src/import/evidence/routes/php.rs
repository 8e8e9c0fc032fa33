//! Routes of Laravel, Lumen, Slim and Symfony.

use std::sync::LazyLock;

use regex::Regex;

use super::javascript::is_comment;
use super::route::{ROUTE, Route, Scope, joined};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

/// `Route::get('/health', …)`, `$router->get('/health', …)`, `#[Route('/health', …)]`
static DECLARED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?:\bRoute::(?:get|any|view|redirect)\(|\$(?:app|router|group)->(?:get|any)\(|#\[Route\(\s*(?:path:\s*)?)\s*['"](?<path>[^'"]*)['"]"#,
    )
});
/// `health: '/up'` of `bootstrap/app.php`
static HEALTH: LazyLock<Regex> = LazyLock::new(|| regex(r#"\bhealth:\s*['"](?<path>/?[^'"]*)['"]"#));
/// Groups with a prefix: what is in them is not certain.
static GROUP: LazyLock<Regex> = LazyLock::new(|| regex(r#"\bprefix['"(]|->group\("#));

/// Every route.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let mut found = Vec::new();
    for (file, text) in scope.with(&["php"]) {
        if file.ends_with("bootstrap/app.php") {
            found.extend(HEALTH.captures_iter(text).map(|health| Route {
                path: joined("", &health["path"]),
                file,
                text,
                at: health.get(0).map_or(0, |found| found.start()),
                is_certain: true,
                matcher: None,
                why: "Laravel's own health route",
            }));
        }
        let prefix = if file.ends_with("routes/api.php") { "api" } else { "" };
        let mut group = None;
        for declared in DECLARED.captures_iter(text) {
            let at = declared.get(0).map_or(0, |found| found.start());
            if is_comment(text, at) {
                continue;
            }
            // Routes of a group are indented.
            let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
            let group_before = *group.get_or_insert_with(|| GROUP.find(text).map_or(usize::MAX, |group| group.start()));
            let is_certain = line == at || at < group_before;
            found.push(Route {
                path: joined(prefix, &declared["path"]),
                file,
                text,
                at,
                is_certain,
                matcher: None,
                why: ROUTE,
            });
        }
    }
    found
}

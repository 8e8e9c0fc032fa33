//! nginx, Apache and Caddy as the container's own server: locations that answer by themselves, and pages.

use std::sync::LazyLock;

use regex::Regex;

use super::route::{Route, Scope, bracketed};

/// `location = /health {`
static LOCATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^[ \t]*location\s+(?:(?<kind>=|\^~|~\*?)\s+)?(?<path>/\S*)\s*\{")
        .expect("a constant pattern that compiles")
});

/// Whether an image is made from a web server's.
pub(super) fn is_base(base: &str) -> bool {
    let name = base.rsplit('/').next().unwrap_or_default();
    ["nginx", "openresty", "httpd", "caddy"].iter().any(|server| name.starts_with(server))
}

/// What the server answers.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let configurations: Vec<_> =
        scope.files.iter().copied().filter(|(path, text)| is_configuration(scope, path, text)).collect();
    let mut found: Vec<Route<'_>> = configurations.iter().flat_map(|file| locations(*file)).collect();
    if configurations.is_empty() {
        found.extend(pages(scope));
    }
    found
}

/// Those that the Dockerfile names, else any.
fn is_configuration(scope: &Scope<'_>, path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let looks = text.contains("location ") && (name.contains(".conf") || name.contains("nginx"));
    let any_is_named = scope.named.iter().any(|named| named.contains(".conf") || named.ends_with("nginx"));
    let is_named =
        scope.named.iter().any(|named| path == named || path.starts_with(&format!("{named}/")) && *named != scope.root);
    looks && (is_named || !any_is_named)
}

fn locations<'r>((file, text): (&'r str, &'r str)) -> Vec<Route<'r>> {
    let all = LOCATION.captures_iter(text).filter_map(|location| {
        let whole = location.get(0)?;
        let is_pattern = location.name("kind").is_some_and(|kind| kind.as_str().starts_with('~'));
        let block = bracketed(text, whole.end() - 1);
        let forwards =
            ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "grpc_pass"].iter().any(|pass| block.contains(pass));
        let at = whole.start() + whole.as_str().find("location").unwrap_or(0);
        let path = location["path"].to_owned();
        let answers = block.contains("return 200") || block.contains("stub_status");
        // A page for every path, or what a file of the image answers.
        let serves = path == "/" && !forwards && !block.contains("return ") && !block.contains("deny all");
        let keeps = !is_pattern && (answers || serves || (path == "/" && forwards));
        let why = if answers { "nginx answers it by itself" } else { "nginx answers there" };
        keeps.then_some(Route { path, file, text, at, is_certain: !forwards, matcher: None, why })
    });
    let mut found: Vec<Route<'_>> = all.collect();
    let has_root = found.iter().any(|route| route.path == "/");
    if !has_root && text.contains("index.html") && text.contains("root ") {
        let at = text.find("root ").unwrap_or(0);
        found.push(Route {
            path: "/".to_owned(),
            file,
            text,
            at,
            is_certain: true,
            matcher: None,
            why: "nginx answers there",
        });
    }
    found
}

/// The server's own configuration serves what is copied into it.
fn pages<'r>(scope: &Scope<'r>) -> Option<Route<'r>> {
    let page = scope.paths.iter().find(|path| path.rsplit('/').next() == Some("index.html"));
    let package = scope.nearest("package.json").map(|(path, _)| path);
    let file = page.copied().or(package)?;
    let text = scope.files.iter().find(|(path, _)| *path == file).map_or("", |(_, text)| text);
    Some(Route {
        path: "/".to_owned(),
        file,
        text,
        at: 0,
        is_certain: true,
        matcher: None,
        why: "the web server answers with that page",
    })
}

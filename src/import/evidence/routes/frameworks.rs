//! What frameworks answer without a route in the source.

use super::route::{Route, Scope};

/// Packages of npm that bring a health route, the path, and what it answers if that is not 200.
const NPM: &[(&str, &str, Option<&str>, &str)] = &[
    ("@strapi/strapi", "/_health", Some("200-299"), "Strapi answers 204 there"),
    ("@medusajs/medusa", "/health", None, "Medusa answers there"),
    ("directus", "/server/health", None, "Directus answers there"),
    ("n8n", "/healthz", None, "n8n answers there"),
];

/// Packages of npm that serve a page at the root.
const PAGES: &[(&str, &str)] = &[
    ("react-scripts", "React's development server answers there with the page"),
    ("vite", "the page that Vite serves"),
    ("@angular/core", "the page that Angular serves"),
    ("@vue/cli-service", "the page that Vue serves"),
    ("gatsby", "the page that Gatsby serves"),
    ("astro", "the page that Astro serves"),
];

/// Health routes of frameworks.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let mut found = Vec::new();
    if let Some((file, text)) = scope.nearest("package.json") {
        found.extend(NPM.iter().filter_map(|(package, path, matcher, why)| {
            let at = text.find(&format!("\"{package}\""))?;
            Some(Route { path: (*path).to_owned(), file, text, at, is_certain: true, matcher: *matcher, why })
        }));
    }
    // Its server is what the image runs.
    if scope.command.contains("streamlit") {
        found.extend(scope.with(&["py"]).find_map(|(file, text)| {
            let at = text.find("import streamlit")?;
            let path = "/_stcore/health".to_owned();
            Some(Route { path, file, text, at, is_certain: true, matcher: None, why: "Streamlit answers there" })
        }));
    }
    found
}

/// Something that answers the root.
pub(super) fn root<'r>(scope: &Scope<'r>) -> Option<Route<'r>> {
    let page = |file: &'r str, text: &'r str, at: usize, why: &'static str| Route {
        path: "/".to_owned(),
        file,
        text,
        at,
        is_certain: true,
        matcher: None,
        why,
    };
    let spa = scope.with(&["cs"]).find_map(|(file, text)| {
        let at = [".UseSpa(", ".MapFallbackToFile(", ".UseDefaultFiles("].iter().find_map(|call| text.find(call))?;
        Some(page(file, text, at, "the page that ASP.NET serves"))
    });
    let spring = scope.paths.iter().find(|path| path.ends_with("src/main/resources/static/index.html"));
    spa.or_else(|| spring.map(|path| page(path, "", 0, "Spring Boot serves that page"))).or_else(|| php(scope)).or_else(
        || {
            let (file, text) = scope.nearest("package.json")?;
            // A server beside the page answers in its own way.
            let has_server = ["\"express\"", "\"fastify\"", "\"@nestjs/core\"", "\"koa\""]
                .iter()
                .any(|server| text.contains(server));
            let (at, why) =
                PAGES.iter().find_map(|(package, why)| Some((text.find(&format!("\"{package}\""))?, *why)))?;
            (!has_server).then(|| page(file, text, at, why))
        },
    )
}

/// Apache with PHP answers with the index of what was copied into it.
fn php<'r>(scope: &Scope<'r>) -> Option<Route<'r>> {
    let serves = scope.base.starts_with("php:") && scope.base.contains("apache") || scope.base.starts_with("wordpress");
    let index = scope.files.iter().filter(|(path, _)| path.rsplit('/').next() == Some("index.php"));
    let (file, text) = index.min_by_key(|(path, _)| path.matches('/').count()).filter(|_| serves)?;
    Some(Route {
        path: "/".to_owned(),
        file,
        text,
        at: 0,
        is_certain: true,
        matcher: None,
        why: "Apache answers with that page",
    })
}

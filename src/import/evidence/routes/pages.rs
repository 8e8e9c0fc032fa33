//! Routes that are files: Next.js, Nuxt, SvelteKit, Remix.

use super::route::{Route, Scope, joined};

const WHY: &str = "from a route file in its source";

/// Every page and every route file.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let Some((package, text)) = scope.nearest("package.json") else { return Vec::new() };
    let has = |name: &str| text.contains(&format!("\"{name}\""));
    let folder = crate::evidence::question::folder_of(package);
    let base = scope
        .with(&["js", "mjs", "ts", "cjs"])
        .find(|(path, _)| path.rsplit('/').next().is_some_and(|name| name.starts_with("next.config.")))
        .and_then(|(_, text)| {
            let line = text.lines().map(str::trim).find(|line| line.starts_with("basePath"))?;
            super::route::literal(line.split_once(':')?.1.trim().trim_end_matches(',')).map(str::to_owned)
        })
        .unwrap_or_default();
    scope
        .files
        .iter()
        .filter_map(|(file, text)| {
            let inside = file.strip_prefix(folder)?.trim_start_matches('/');
            let inside = inside.strip_prefix("src/").unwrap_or(inside);
            let path = if has("next") {
                next(inside).map(|path| joined(&base, &path))
            } else if has("nuxt") {
                nuxt(inside)
            } else if has("@sveltejs/kit") {
                svelte(inside)
            } else {
                None
            };
            // `/admin/health` is a page for people.
            let path =
                path.filter(|path| !is_page(file) || path.matches('/').count() < 3 && !path.starts_with("/admin"))?;
            Some(Route { path, file, text, at: 0, is_certain: true, matcher: None, why: WHY })
        })
        .collect()
}

/// A file that makes a page rather than an answer.
fn is_page(path: &str) -> bool {
    !path.contains("/api/") && ["page", "tsx", "jsx", "vue", "svelte"].iter().any(|mark| path.contains(mark))
}

fn stem(path: &str) -> Option<(&str, &str)> {
    let (stem, extension) = path.rsplit_once('.')?;
    matches!(extension, "ts" | "tsx" | "js" | "jsx" | "mjs" | "vue" | "svelte").then_some((stem, extension))
}

/// `app/api/health/route.ts`, `app/(site)/page.tsx`, `pages/api/health.ts`, `pages/index.tsx`
fn next(path: &str) -> Option<String> {
    let (stem, _) = stem(path)?;
    if let Some(inside) = stem.strip_prefix("app/") {
        let (folders, name) = inside.rsplit_once('/').unwrap_or(("", inside));
        // Groups in brackets are no part of the path; `@slot` and `_private` are none either.
        let parts: Vec<&str> = folders.split('/').filter(|part| !part.is_empty() && !part.starts_with('(')).collect();
        let is_hidden = parts.iter().any(|part| part.starts_with(['@', '_', '[']));
        return (matches!(name, "page" | "route") && !is_hidden).then(|| format!("/{}", parts.join("/")));
    }
    let inside = stem.strip_prefix("pages/")?;
    let inside = inside.strip_suffix("index").map_or(inside, |folder| folder.trim_end_matches('/'));
    let is_page = !inside.starts_with('_') && !inside.contains('[');
    is_page.then(|| format!("/{inside}"))
}

/// `server/api/health.get.ts`, `server/routes/health.ts`, `pages/index.vue`
fn nuxt(path: &str) -> Option<String> {
    let (stem, _) = stem(path)?;
    let stem = stem.strip_suffix(".get").unwrap_or(stem);
    if let Some(inside) = stem.strip_prefix("server/api/") {
        return Some(format!("/api/{inside}"));
    }
    if let Some(inside) = stem.strip_prefix("server/routes/") {
        return Some(format!("/{inside}"));
    }
    matches!(stem, "pages/index" | "app").then(|| "/".to_owned())
}

/// `routes/health/+server.ts`, `routes/+page.svelte`
fn svelte(path: &str) -> Option<String> {
    let (stem, _) = stem(path)?;
    let inside = stem.strip_prefix("routes")?;
    let folders = inside.strip_suffix("/+server").or_else(|| inside.strip_suffix("/+page"))?;
    let parts: Vec<&str> = folders.split('/').filter(|part| !part.is_empty() && !part.starts_with('(')).collect();
    (!parts.iter().any(|part| part.starts_with('['))).then(|| format!("/{}", parts.join("/")))
}

//! Routes of FastAPI, Flask and their kin, and of Django.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::graph::{Graph, Router};
use super::route::{Route, Scope, arguments, bracketed, literal};
use crate::evidence::question::folder_of;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

/// `@router.get("/health")`
static ROUTE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)^[ \t]*@\s*(?<router>[\w.]+)\.(?<verb>get|route|api_route|head|any)\("));
/// `app.add_api_route("/health", …)`, `api.add_resource(Health, "/health")`, `app.add_url_rule("/health", …)`
static ADDED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?m)\b(?<router>[\w.]+)\.(?:add_api_route|add_url_rule|add_resource|add_route|add_get)\(")
});
/// `router = APIRouter(prefix="/api")`
static MADE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?m)\b(?<name>\w+)\s*(?::\s*[\w.]+\s*)?=\s*(?:\w+\.)*(?<kind>APIRouter|Blueprint|FastAPI|Flask|Starlette|Sanic|Quart|Bottle|Litestar|Application|Api|Falcon|App)\(",
    )
});
/// `def register(app: FastAPI)`
static PASSED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?<name>\w+)\s*:\s*(?:\w+\.)?(?:FastAPI|Flask|Starlette)\b"));
/// `app.include_router(health.router, prefix="/api")`
static MOUNTED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)\b(?<router>[\w.]+)\.(?<verb>include_router|register_blueprint|mount)\("));
/// `from app.routes import health as h, users`
static FROM: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)^[ \t]*from\s+(?<module>[.\w]+)\s+import\s+(?:\((?<many>[^)]*)\)|(?<few>[^\n]*))"));
/// `import app.routes.health as health`
static IMPORT: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)^[ \t]*import\s+(?<module>[.\w]+)(?:\s+as\s+(?<alias>\w+))?"));
/// What a module says of itself.
static DOCSTRING: LazyLock<Regex> = LazyLock::new(|| regex(r#"(?s)\A\s*(?:"""|''').*?(?:"""|''')"#));
/// `path("health/", view)`
static DJANGO: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?:re_path|path|url)\("));

/// Every route.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let python = Python::read(scope);
    let (mut applications, mut patterns) = (Graph::default(), Graph::default());
    for (file, text) in scope.with(&["py"]) {
        python.application((file, text), &mut applications);
        if text.contains("urlpatterns") {
            python.django((file, text), scope, &mut patterns);
        }
    }
    // What no project of Django includes answers nowhere.
    let is_project = patterns.has_root();
    let patterns = patterns.resolve().into_iter().filter(|route| route.is_certain || !is_project);
    applications.resolve().into_iter().chain(patterns).collect()
}

/// What must be known of all files before one is read.
struct Python<'r> {
    files: Vec<(&'r str, &'r str)>,
    imports: BTreeMap<&'r str, BTreeMap<String, (String, String)>>,
    made: BTreeMap<&'r str, Vec<String>>,
}

impl<'r> Python<'r> {
    fn read(scope: &Scope<'r>) -> Self {
        let files: Vec<_> = scope.with(&["py"]).collect();
        let imports = files.iter().map(|(file, text)| (*file, imports(text))).collect();
        let made = files
            .iter()
            .map(|(file, text)| (*file, MADE.captures_iter(text).map(|made| made["name"].to_owned()).collect()))
            .collect();
        Self { files, imports, made }
    }

    fn application(&self, (file, text): (&'r str, &'r str), graph: &mut Graph<'r>) {
        let router = |name: &str| (file.to_owned(), name.to_owned());
        for made in MADE.captures_iter(text) {
            let inside = bracketed(text, made.get(0).map_or(0, |made| made.end() - 1));
            if let Some(prefix) = self.named(inside, &["prefix", "url_prefix"]) {
                graph.own(router(&made["name"]), &prefix);
            }
            // `Api(blueprint)` adds routes to what it wraps.
            match (&made["kind"], arguments(inside).first()) {
                ("APIRouter" | "Blueprint", _) => {}
                ("Api", Some(wrapped)) if wrapped.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                    graph.mount(router(&made["name"]), "", router(wrapped));
                }
                _ => graph.root(router(&made["name"])),
            }
        }
        for passed in PASSED.captures_iter(text) {
            graph.root(router(&passed["name"]));
        }
        if !self.made[file].iter().any(|name| name == "app") {
            graph.root(router("app"));
        }
        for mounted in MOUNTED.captures_iter(text) {
            let inside = bracketed(text, mounted.get(0).map_or(0, |found| found.end() - 1));
            self.mounted(file, &mounted["router"], &mounted["verb"], inside, graph);
        }
        for found in ROUTE.captures_iter(text).chain(ADDED.captures_iter(text)) {
            let whole = found.get(0).expect("a match has a whole");
            let inside = bracketed(text, whole.end() - 1);
            let answers_get = !inside.contains("methods") || inside.contains("GET");
            for path in arguments(inside)
                .iter()
                .take(2)
                .filter_map(|argument| literal(argument.trim_start_matches("path=").trim_start_matches("rule=")))
            {
                // A field of a class is known by its last name.
                let name = found["router"].rsplit('.').next().unwrap_or_default();
                if answers_get && (path.starts_with('/') || path.is_empty()) {
                    graph.route(name, path, (file, text), whole.start() + text[whole.start()..].find('@').unwrap_or(0));
                }
            }
        }
    }

    fn mounted(&self, file: &str, onto: &str, verb: &str, inside: &str, graph: &mut Graph<'_>) {
        let arguments = arguments(inside);
        let onto = (file.to_owned(), onto.rsplit('.').next().unwrap_or_default().to_owned());
        if verb == "mount" {
            if let [path, what, ..] = arguments.as_slice()
                && let (Some(path), Some(what)) = (literal(path), self.router(file, what, 0))
            {
                graph.mount(what, path, onto);
            }
            return;
        }
        let Some(what) = arguments.first().map(|what| what.trim_start_matches("router=")) else { return };
        let Some(what) = self.router(file, what, 0) else { return };
        let given = ["prefix", "url_prefix"]
            .iter()
            .any(|name| inside.contains(&format!("{name}=")) || inside.contains(&format!("{name} =")));
        match self.named(inside, &["prefix", "url_prefix"]) {
            Some(prefix) if verb == "register_blueprint" => graph.mount_instead(what, &prefix, onto),
            Some(prefix) => graph.mount(what, &prefix, onto),
            // A prefix that only running would tell is no prefix that may be left out.
            None if given => {}
            None => graph.mount(what, "", onto),
        }
    }

    /// A keyword argument's text; constants are looked up.
    fn named(&self, inside: &str, names: &[&str]) -> Option<String> {
        arguments(inside).into_iter().find_map(|argument| {
            let (name, value) = argument.split_once('=')?;
            if names.contains(&name.trim()) { self.text(value.trim()) } else { None }
        })
    }

    fn text(&self, expression: &str) -> Option<String> {
        match literal(expression) {
            Some(text) if text.contains('{') => {
                let (before, rest) = text.split_once('{')?;
                let (name, after) = rest.split_once('}')?;
                Some(format!("{before}{}{after}", self.constant(name)?))
            }
            Some(text) => Some(text.to_owned()),
            None => self.constant(expression),
        }
    }

    /// `API_PREFIX` or `settings.API_PREFIX`, wherever it is set.
    fn constant(&self, name: &str) -> Option<String> {
        let name = name.rsplit('.').next()?;
        let set =
            Regex::new(&format!(r#"(?m)\b{}\s*(?::\s*\w+\s*)?=\s*["'](?<value>/[^"']*)["']"#, regex::escape(name)))
                .ok()?;
        self.files.iter().find_map(|(_, text)| Some(set.captures(text)?["value"].to_owned()))
    }

    /// The file and variable that a name in a file stands for.
    fn router(&self, file: &str, expression: &str, depth: usize) -> Option<Router> {
        if depth > 3 {
            return None;
        }
        let (first, rest) = expression.split_once('.').unwrap_or((expression, ""));
        if rest.is_empty() && self.made.get(file)?.iter().any(|name| name == first) {
            return Some((file.to_owned(), first.to_owned()));
        }
        let (module, name) = self.imports.get(file)?.get(first)?;
        let variable = if rest.is_empty() { name.as_str() } else { rest.rsplit('.').next()? };
        // The name is a module of a package…
        if let Some(target) = self.module(file, &format!("{module}.{name}")).filter(|_| !rest.is_empty()) {
            return self.router(target, variable, depth + 1);
        }
        // … or something that a module makes or passes on.
        let target = self.module(file, module)?;
        self.router(target, variable, depth + 1)
    }

    /// The file of a module, as one file names it.
    fn module(&self, file: &str, module: &str) -> Option<&'r str> {
        let dots = module.chars().take_while(|c| *c == '.').count();
        let tail = module.trim_start_matches('.').replace('.', "/");
        let tail = tail.trim_matches('/');
        let mut folder = folder_of(file);
        for _ in 1..dots {
            folder = folder_of(folder);
        }
        let exact = |path: &str| self.files.iter().map(|(path, _)| *path).find(|known| *known == path);
        if dots > 0 {
            let base = [folder, tail].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
            return exact(&format!("{base}.py")).or_else(|| exact(&format!("{base}/__init__.py")));
        }
        let ends = [format!("{tail}.py"), format!("{tail}/__init__.py")];
        self.files.iter().map(|(path, _)| *path).find(|path| {
            ends.iter()
                .any(|end| path == end || path.strip_suffix(end.as_str()).is_some_and(|rest| rest.ends_with('/')))
        })
    }

    fn django(&self, (file, text): (&'r str, &'r str), scope: &Scope<'r>, graph: &mut Graph<'r>) {
        let router = (file.to_owned(), "urlpatterns".to_owned());
        let beside = format!("{}/settings", folder_of(file));
        if scope
            .paths
            .iter()
            .any(|path| path.starts_with(&beside) || (folder_of(file).is_empty() && *path == "settings.py"))
        {
            graph.root(router.clone());
        }
        // Django's own template explains there what a path is.
        let start = DOCSTRING.find(text).map_or(0, |docstring| docstring.end());
        for found in DJANGO.find_iter(text).filter(|found| found.start() >= start) {
            let line = text[..found.start()].rfind('\n').map_or(0, |at| at + 1);
            if text[line..found.start()].contains('#') {
                continue;
            }
            let given = arguments(bracketed(text, found.end() - 1));
            let [pattern, view, ..] = given.as_slice() else { continue };
            let Some(pattern) = literal(pattern) else { continue };
            let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
            if pattern.contains(['<', '(', '\\', '[']) {
                continue;
            }
            let included = view
                .strip_prefix("include(")
                .and_then(|rest| literal(rest.trim_end_matches(')').split(',').next()?.trim_start_matches('(')));
            match included.map(|module| (module, self.module(file, module))) {
                Some((_, Some(target))) => {
                    graph.mount((target.to_owned(), "urlpatterns".to_owned()), pattern, router.clone())
                }
                // django-health-check and its like bring their own pages, the first at the root.
                Some((module, None)) if module.contains("health") => {
                    graph.route("urlpatterns", pattern, (file, text), found.start())
                }
                Some(_) => {}
                None if !view.starts_with("include(") && !view.starts_with("admin.") => {
                    graph.route("urlpatterns", pattern, (file, text), found.start());
                }
                None => {}
            }
        }
    }
}

/// Local names and what they are: module and name in it.
fn imports(text: &str) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for import in FROM.captures_iter(text) {
        let names = import.name("many").or_else(|| import.name("few")).map_or("", |names| names.as_str());
        for name in names.split(',') {
            let name = name.split('#').next().unwrap_or_default().trim();
            let (name, alias) = name.split_once(" as ").unwrap_or((name, name));
            found.insert(alias.trim().to_owned(), (import["module"].to_owned(), name.trim().to_owned()));
        }
    }
    for import in IMPORT.captures_iter(text) {
        let module = &import["module"];
        let (package, name) = module.rsplit_once('.').unwrap_or(("", module));
        let alias = import.name("alias").map_or(name, |alias| alias.as_str());
        found.insert(alias.to_owned(), (package.to_owned(), name.to_owned()));
    }
    found
}

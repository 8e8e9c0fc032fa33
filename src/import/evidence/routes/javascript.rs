//! Routes of Express, Fastify, Koa, Hono and of Node's own server.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::graph::{ANY, Graph};
use super::route::{ROUTE, Route, Scope, arguments, bracketed, literal};
use crate::evidence::question::folder_of;
use crate::evidence::question::join;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

const EXTENSIONS: &[&str] = &["js", "ts", "mjs", "cjs", "mts", "cts", "jsx", "tsx"];

/// What a file of a server mentions; a page that calls the API with `api.get("/health")` does not.
static SERVER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b[Ee]xpress\b|\b[Ff]astify|\b[Kk]oa\b|\b[Hh]ono\b|@hapi/|restify|polka|\bRouter\(|createServer|\bElysia\b|\boak\b"#,
    )
});
/// `app.get("/health", …`, `server.all(…`, `router.route("/health")`
static METHOD: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(?<router>\w+)\s*\.\s*(?<verb>get|all|head|route|use|register)\s*(?:<[^>(]*>)?\s*\("));
/// `const router = express.Router()`, `const app = fastify({…})`
static MADE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:const|let|var)\s+(?<name>\w+)\s*(?::\s*[^=]+)?=\s*(?:await\s+)?(?<maker>[\w.]+\.Router|Router|new\s+[\w.]*Router|express|[Ff]astify|new\s+\w*(?:Koa|Hono|OpenAPIHono|Elysia)|(?:\w+\.)?createServer|restify\.createServer|polka|new\s+Koa)\s*(?:<[^>(]*>)?\(",
    )
});
/// `import a, { b as c } from "./x"`, `const { b } = require("./x")`
static IMPORTED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?s)(?:\bimport\s+(?:type\s+)?(?<names>[^'";]*?)\s+from\s*|\b(?:const|let|var)\s+(?<required>[^=;]*?)=\s*(?:await\s+)?(?:require|import)\s*\(\s*)['"](?<module>\.[^'"]*)['"]"#,
    )
});
/// `require("./routes/health")`
static REQUIRED: LazyLock<Regex> = LazyLock::new(|| regex(r#"require\(\s*['"](?<module>\.[^'"]*)['"]\s*\)"#));
/// `registerRoutes(app)`, `require("./routes")(app)`
static PASSED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?:\b(?<name>\w+)|require\(\s*['"](?<module>\.[^'"]*)['"]\s*\))\s*\(\s*(?<app>app|server|router|fastify|api)\s*[,)]"#,
    )
});
/// `req.url === "/health"`
static COMPARED: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"\b(?:url|pathname|path)\s*={2,3}\s*['"`](?<path>/[^'"`]*)['"`]"#));

/// Every route.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let files: Vec<_> = scope.with(EXTENSIONS).filter(|(path, _)| !path.contains("/public/")).collect();
    let scripts = Scripts { files };
    let mut graph = Graph::default();
    let mut found = Vec::new();
    for (file, text) in scripts.files.iter().copied().filter(|(_, text)| SERVER.is_match(text)) {
        scripts.read((file, text), &mut graph);
        for compared in COMPARED.captures_iter(text) {
            let at = compared.get(0).map_or(0, |found| found.start());
            let route = Route {
                path: compared["path"].to_owned(),
                file,
                text,
                at,
                is_certain: true,
                matcher: None,
                why: ROUTE,
            };
            found.extend(text.contains("createServer").then_some(route));
        }
    }
    found.extend(graph.resolve());
    found
}

struct Scripts<'r> {
    files: Vec<(&'r str, &'r str)>,
}

impl<'r> Scripts<'r> {
    fn read(&self, (file, text): (&'r str, &'r str), graph: &mut Graph<'r>) {
        let router = |name: &str| (file.to_owned(), name.to_owned());
        let imports = self.imports(file, text);
        let mut made = Vec::new();
        for found in MADE.captures_iter(text) {
            let name = found["name"].to_owned();
            if !found["maker"].ends_with("Router") {
                graph.root(router(&name));
            }
            let inside = bracketed(text, found.get(0).map_or(0, |found| found.end() - 1));
            if let Some(prefix) = self.option(inside, &["prefix", "basePath"]) {
                graph.own(router(&name), &prefix);
            }
            made.push(name);
        }
        for passed in PASSED.captures_iter(text) {
            let by_name = passed.name("name").and_then(|name| imports.get(name.as_str()).copied());
            let target = by_name.or_else(|| self.file(file, passed.name("module")?.as_str()));
            if let Some(target) = target {
                graph.mount((target.to_owned(), ANY.to_owned()), "", router(&passed["app"]));
            }
        }
        for found in METHOD.captures_iter(text) {
            let whole = found.get(0).expect("a match has a whole");
            if is_comment(text, whole.start()) {
                continue;
            }
            let given = arguments(bracketed(text, whole.end() - 1));
            match &found["verb"] {
                "use" | "register" => {
                    self.mounted(&found["router"], &given, (file, text), whole.start(), &imports, graph)
                }
                // Hono: `app.route("/api", api)` mounts.
                "route" if given.len() == 2 && !given[1].starts_with('{') => {
                    self.mounted(&found["router"], &given, (file, text), whole.start(), &imports, graph);
                }
                verb => {
                    // Without a handler it is a request, or a setting.
                    let has_handler = given.len() > 1 || verb == "route";
                    if let Some(path) = given
                        .first()
                        .and_then(|path| self.text(path))
                        .filter(|path| path.starts_with('/') && has_handler)
                    {
                        // Express answers with and without the slash.
                        graph.route(&found["router"], path.trim_end_matches('/'), (file, text), whole.start());
                    }
                }
            }
        }
    }

    /// `app.use("/api", routes)`, `server.register(routes, { prefix: "/api" })`
    fn mounted(
        &self,
        onto: &str,
        given: &[&str],
        (file, text): (&'r str, &'r str),
        at: usize,
        imports: &BTreeMap<String, &'r str>,
        graph: &mut Graph<'r>,
    ) {
        let prefix = match given.first().and_then(|first| self.text(first)) {
            Some(prefix) => Some(prefix),
            None => given.get(1).and_then(|options| self.option(options, &["prefix"])),
        };
        let has_path = given.first().is_some_and(|first| first.starts_with(['"', '\'', '`']));
        // A prefix that only running would tell.
        if given.len() > 1 && prefix.is_none() && !given[0].contains(['(', '{']) && !imports.contains_key(given[0]) {
            return;
        }
        let prefix = prefix.unwrap_or_default();
        let mut is_handler = has_path && given.len() > 1;
        for what in given.iter().skip(usize::from(has_path)) {
            let name: String = what.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let required = REQUIRED.captures(what).and_then(|found| self.file(file, &found["module"]));
            if let Some(target) = required.or_else(|| imports.get(&name).copied()) {
                graph.mount((target.to_owned(), ANY.to_owned()), &prefix, (file.to_owned(), onto.to_owned()));
                is_handler = false;
            } else if !name.is_empty() && *what == name.as_str() || what.ends_with(".routes()") {
                graph.mount((file.to_owned(), name), &prefix, (file.to_owned(), onto.to_owned()));
                is_handler = false;
            }
        }
        if is_handler {
            graph.route(onto, &prefix, (file, text), at);
        }
    }

    /// Local names and the files they come from.
    fn imports(&self, file: &str, text: &str) -> BTreeMap<String, &'r str> {
        let mut found = BTreeMap::new();
        for import in IMPORTED.captures_iter(text) {
            let Some(target) = self.file(file, &import["module"]) else { continue };
            let names = import.name("names").or_else(|| import.name("required")).map_or("", |names| names.as_str());
            for name in names.split(|c: char| "{},*".contains(c) || c == '\n') {
                let name = name.split(" as ").last().unwrap_or(name).split(':').next_back().unwrap_or(name).trim();
                if !name.is_empty() {
                    found.insert(name.to_owned(), target);
                }
            }
        }
        found
    }

    /// The file of a relative module.
    fn file(&self, from: &str, module: &str) -> Option<&'r str> {
        let base = join(folder_of(from), module)?;
        let stem = EXTENSIONS.iter().find_map(|extension| base.strip_suffix(&format!(".{extension}"))).unwrap_or(&base);
        let is_it = |path: &str| {
            path.strip_prefix(stem).is_some_and(|rest| {
                let rest = rest.strip_prefix("/index").unwrap_or(rest);
                rest.strip_prefix('.').is_some_and(|extension| EXTENSIONS.contains(&extension))
            })
        };
        self.files.iter().map(|(path, _)| *path).find(|path| is_it(path))
    }

    fn option(&self, object: &str, names: &[&str]) -> Option<String> {
        let inside = object.trim().strip_prefix('{')?.trim_end().strip_suffix('}')?;
        arguments(inside).into_iter().find_map(|entry| {
            let (name, value) = entry.split_once(':')?;
            if names.contains(&name.trim()) { self.text(value.trim()) } else { None }
        })
    }

    /// A literal; `${NAME}` and names are looked up.
    fn text(&self, expression: &str) -> Option<String> {
        match literal(expression) {
            Some(text) => match text.split_once("${") {
                Some((before, rest)) => {
                    let (name, after) = rest.split_once('}')?;
                    Some(format!("{before}{}{after}", self.constant(name)?))
                }
                None => Some(text.to_owned()),
            },
            None => self.constant(expression),
        }
    }

    fn constant(&self, name: &str) -> Option<String> {
        let name = name.rsplit('.').next()?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
            return None;
        }
        let set =
            Regex::new(&format!(r#"\b{name}\s*(?::\s*\w+\s*)?[=:]\s*[^;\n]*?['"`](?<value>/[^'"`]*)['"`]"#)).ok()?;
        self.files.iter().find_map(|(_, text)| Some(set.captures(text)?["value"].to_owned()))
    }
}

/// Whether a place is in a line that begins as a comment does.
pub(super) fn is_comment(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
    text[line..at].trim_start().starts_with(['/', '*', '#'])
}

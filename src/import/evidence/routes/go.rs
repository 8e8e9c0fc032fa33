//! Routes of Go: net/http, and routers that group (gin, echo, chi, fiber, gorilla).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::graph::Graph;
use super::javascript::is_comment;
use super::route::{Route, Scope, arguments, bracketed, literal};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

/// `r.GET("/health", …)`, `mux.HandleFunc("GET /health", …)`
static ROUTE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?<router>[\w.]+?)\.(?:GET|Get|Any|All|Handle|HandleFunc|HandlerFunc|Path)\(\s*"(?:GET )?(?<path>/[^"]*|)"\s*[,)]"#,
    )
});
/// `gin.Default()` and what it is assigned to.
static MADE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?<name>[\w.]+)\s*:?=\s*(?:gin\.(?:Default|New)|echo\.New|chi\.New(?:Router|Mux)|mux\.NewRouter|http\.NewServeMux|fiber\.New|httprouter\.New|iris\.\w+|bunrouter\.New)\(",
    )
});
/// `v1 := r.Group("/api/v1")`, `s := r.PathPrefix("/api").Subrouter()`
static GROUP: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"\b(?<name>[\w.]+)\s*:?=\s*(?<router>[\w.]+)\.(?:Group|PathPrefix|Party)\(\s*"(?<prefix>[^"]*)""#)
});
/// `r.Route("/api", func(v1 chi.Router) {`
static NESTED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"\b(?<router>[\w.]+)\.(?:Route|Group)\(\s*(?:"(?<prefix>[^"]*)"\s*,\s*)?func\(\s*(?<name>\w+)\s"#)
});
/// `func setup(r chi.Router, h *Handler) {`
static FUNCTION: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^func\s+(?:\([^)]*\)\s*)?(?<name>\w+)\("));
/// `setup(v1, handler)`
static CALL: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(?<name>\w+)\("));

/// Every route.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    let files: Vec<_> = scope.with(&["go"]).collect();
    let mut functions = Functions::default();
    for (file, text) in &files {
        functions.read(file, text);
    }
    let mut graph = Graph::default();
    for (file, text) in files {
        functions.describe((file, text), &mut graph);
    }
    graph.resolve()
}

/// Functions of all files: where their bodies begin, and what their arguments are called.
#[derive(Default)]
struct Functions {
    starts: BTreeMap<String, Vec<(usize, String)>>,
    /// The file, and the names of the parameters that are routers.
    parameters: BTreeMap<String, (String, Vec<Option<String>>)>,
}

impl Functions {
    fn read(&mut self, file: &str, text: &str) {
        for function in FUNCTION.captures_iter(text) {
            let whole = function.get(0).expect("a match has a whole");
            let name = function["name"].to_owned();
            let parameters: Vec<_> = arguments(bracketed(text, whole.end() - 1)).into_iter().map(router).collect();
            self.starts.entry(file.to_owned()).or_default().push((whole.start(), name.clone()));
            if parameters.iter().any(Option::is_some) {
                self.parameters.insert(name, (file.to_owned(), parameters));
            }
        }
    }

    /// Variables of two functions are two, unless they are fields.
    fn variable(&self, file: &str, at: usize, name: &str) -> (String, String) {
        if let Some((_, field)) = name.rsplit_once('.') {
            return (String::new(), format!(".{field}"));
        }
        let starts = self.starts.get(file);
        let function = starts.and_then(|starts| starts.iter().rev().find(|(start, _)| *start <= at));
        (file.to_owned(), format!("{}:{name}", function.map_or("", |(_, function)| function)))
    }

    fn describe<'r>(&self, (file, text): (&'r str, &'r str), graph: &mut Graph<'r>) {
        for made in MADE.captures_iter(text) {
            graph.root(self.variable(file, start(&made), &made["name"]));
        }
        for group in GROUP.captures_iter(text).chain(NESTED.captures_iter(text)) {
            let at = start(&group);
            let prefix = group.name("prefix").map_or("", |prefix| prefix.as_str());
            let (inner, outer) = (self.variable(file, at, &group["name"]), self.variable(file, at, &group["router"]));
            graph.mount(inner, prefix, outer);
        }
        for call in CALL.captures_iter(text) {
            let Some((target, parameters)) = self.parameters.get(&call["name"]) else { continue };
            let whole = call.get(0).expect("a match has a whole");
            if text[..whole.start()].ends_with("func ") {
                continue;
            }
            for (given, parameter) in arguments(bracketed(text, whole.end() - 1)).iter().zip(parameters) {
                let Some(parameter) = parameter else { continue };
                let is_name = !given.is_empty() && given.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
                if is_name {
                    let inner = (target.clone(), format!("{}:{parameter}", &call["name"]));
                    graph.mount(inner, "", self.variable(file, whole.start(), given));
                }
            }
        }
        for route in ROUTE.captures_iter(text) {
            let at = start(&route);
            if is_comment(text, at) {
                continue;
            }
            let (owner, name) = self.variable(file, at, &route["router"]);
            // The package itself is a router.
            if &route["router"] == "http" {
                graph.root((owner.clone(), name.clone()));
            }
            let key = format!("{owner}\u{0}{name}");
            graph.mount((file.to_owned(), key.clone()), "", (owner, name));
            graph.route(&key, literal(&format!("\"{}\"", &route["path"])).unwrap_or_default(), (file, text), at);
        }
    }
}

/// The name of a parameter whose type is some router's.
fn router(parameter: &str) -> Option<String> {
    let (name, kind) = parameter.split_once(char::is_whitespace)?;
    let kind = kind.to_lowercase();
    let routers = ["router", "engine", "group", "mux", "echo", "fiber", "chi.", "iris", "party"];
    routers.iter().any(|router| kind.contains(router)).then(|| name.to_owned())
}

fn start(found: &regex::Captures<'_>) -> usize {
    found.get(0).map_or(0, |found| found.start())
}

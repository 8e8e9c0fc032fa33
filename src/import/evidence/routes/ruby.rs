//! Routes of Rails, and of Sinatra.

use std::sync::LazyLock;

use regex::Regex;

use super::route::{ROUTE, Route, Scope, joined};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that compiles")
}

/// `get "up" => "rails/health#show"`, `get :health, to: "health#show"`
static GET: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"^get[ (]+(?:["'](?<path>[^"']*)["']|:(?<symbol>\w+))(?<rest>.*)"#));
/// `root "home#index"`, `root to: "home#index"`
static ROOT: LazyLock<Regex> = LazyLock::new(|| regex(r"^root\b[ (]"));
/// `namespace :api do`, `scope "/v1" do`, `scope path: "api"`
static NESTED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"^(?<kind>namespace|scope|resources?|member|collection)\b\s*\(?\s*(?:path:\s*)?(?:["'](?<path>[^"']*)["']|:(?<symbol>\w+))?(?<rest>.*)"#,
    )
});
/// `path: "v1"` among the options.
static PATH: LazyLock<Regex> = LazyLock::new(|| regex(r#"\bpath:\s*["'](?<path>[^"']*)["']"#));

/// Every route that `config/routes.rb` spells out, and Sinatra's.
pub(super) fn routes<'r>(scope: &Scope<'r>) -> Vec<Route<'r>> {
    scope
        .with(&["rb"])
        .flat_map(|(file, text)| {
            if file.ends_with("config/routes.rb") || file.contains("config/routes/") {
                rails((file, text))
            } else if text.contains("sinatra") || text.contains("Sinatra") {
                sinatra((file, text))
            } else {
                Vec::new()
            }
        })
        .collect()
}

fn rails<'r>((file, text): (&'r str, &'r str)) -> Vec<Route<'r>> {
    let mut found = Vec::new();
    // One entry for each open block: its prefix, or `None` for blocks that hide their routes from us.
    let mut open: Vec<Option<String>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at + line.len() - line.trim_start().len();
        at += line.len();
        let code = line.trim().split(" #").next().unwrap_or_default().trim_end();
        if code.starts_with('#') || code.is_empty() {
            continue;
        }
        let prefix: Option<String> = open.iter().cloned().collect::<Option<Vec<_>>>().map(|open| open.join("/"));
        let mut add = |path: &str| {
            if let Some(prefix) = &prefix {
                let path = joined(prefix, path);
                found.push(Route { path, file, text, at: start, is_certain: true, matcher: None, why: ROUTE });
            }
        };
        if let Some(get) = GET.captures(code) {
            add(get.name("path").or_else(|| get.name("symbol")).map_or("", |path| path.as_str()));
        } else if ROOT.is_match(code) {
            add("/");
        }
        if code == "end" || code.starts_with("end ") {
            open.pop();
        } else if code.ends_with(" do")
            || code.contains(" do |")
            || ["if ", "unless ", "def ", "case ", "begin"].iter().any(|word| code.starts_with(word))
        {
            open.push(nested(code));
        }
    }
    found
}

/// The prefix that a block gives its routes.
fn nested(code: &str) -> Option<String> {
    let Some(nested) = NESTED.captures(code) else { return Some(String::new()) };
    let given = nested.name("path").or_else(|| nested.name("symbol")).map_or("", |path| path.as_str());
    let option = PATH.captures(&nested["rest"]).map(|path| path["path"].to_owned());
    match &nested["kind"] {
        "namespace" => Some(option.unwrap_or_else(|| given.to_owned())),
        // `scope module: :x` and `scope :api` differ; only text and `path:` are prefixes for sure.
        "scope" => Some(option.unwrap_or_else(|| {
            if code.contains("module:") && nested.name("path").is_none() { String::new() } else { given.to_owned() }
        })),
        _ => None,
    }
}

fn sinatra<'r>((file, text): (&'r str, &'r str)) -> Vec<Route<'r>> {
    let lines = text.split_inclusive('\n').scan(0, |at, line| {
        *at += line.len();
        Some((*at - line.len(), line.trim()))
    });
    lines
        .filter_map(|(at, line)| {
            let path = GET.captures(line)?.name("path")?.as_str().to_owned();
            Some(Route { path, file, text, at, is_certain: true, matcher: None, why: ROUTE })
        })
        .collect()
}

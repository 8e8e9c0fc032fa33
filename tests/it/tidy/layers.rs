//! Which module may import which. Arrows point down only; a module that is missing here fails the test.

use std::collections::BTreeSet;

use super::source::{Source, module_of_crate, own_modules, paths};

/// What every edge may import: the layers below, never another edge. Two edges that need each other communicate through
/// `control`, or `app` connects them.
const BELOW_EDGES: &[&str] = &["model", "http1", "alb", "ecs", "machine", "transport", "control"];
/// The same, and the protocols of AWS's APIs, which nothing else reads.
const AWS: &[&str] = &["model", "alb", "ecs", "iam", "control", "protocols"];
/// Wiring and words may import everything below them.
const EVERYTHING: &[&str] = &["*"];

/// A top-level module, and the modules it may import.
const LAYERS: &[(&str, &[&str])] = &[
    // nouns, and the codec of HTTP/1
    ("model", &[]),
    ("http1", &[]),
    ("protocols", &[]),
    // decisions, and above them the user's files: the effect of a file is asked of the decisions themselves
    ("alb", &["model", "http1"]),
    ("ecs", &["model", "alb"]),
    ("lint", &["model", "http1", "alb"]),
    ("replay", &["model", "http1", "alb"]),
    ("rehearsal", &["model"]),
    ("iam", &[]),
    ("config", &["model", "alb", "ecs", "iam", "lint"]),
    ("import", &["config"]),
    ("pipeline", &["config"]),
    // what this machine has: folders, trust stores, the certificates issued here
    ("machine", &["model", "alb", "ecs"]),
    ("certs", &["model", "alb", "ecs", "machine"]),
    ("transport", &["alb"]),
    // one writer
    ("control", &["model", "alb", "ecs", "iam"]),
    // edges
    ("admin", BELOW_EDGES),
    ("aws", AWS),
    ("connect", BELOW_EDGES),
    ("logs", BELOW_EDGES),
    ("metadata", BELOW_EDGES),
    ("names", BELOW_EDGES),
    ("probes", BELOW_EDGES),
    ("proxy", BELOW_EDGES),
    ("runtime", BELOW_EDGES),
    ("runner", &["pipeline", "machine"]),
    ("traffic", &["model", "rehearsal"]),
    ("web", BELOW_EDGES),
    // wiring
    ("app", EVERYTHING),
    // for tests and fuzzing only
    ("properties", EVERYTHING),
    // words
    ("cli", EVERYTHING),
    ("main", &["cli"]),
];

/// An import that the table forbids, by file and module, and why it is acceptable.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// What the pure layers may use besides `std`. A cipher, a classifier and a parser are functions of their arguments:
/// keys and nonces are passed in.
const PURE: &[(&str, &[&str])] = &[
    ("model", &["ipnet", "serde", "strum"]),
    ("http1", &["httparse", "memchr"]),
    ("alb", &["aws_lc_rs", "base64", "http_desync_guardian", "ipnet", "itoa", "jiff", "memchr", "regex"]),
    ("ecs", &["jiff", "regex", "serde", "serde_json", "strum"]),
    (
        "config",
        &[
            "annotate_snippets",
            "deunicode",
            "granit_parser",
            "ipnet",
            "regex",
            "schemars",
            "serde",
            "serde_json",
            "strsim",
        ],
    ),
    ("iam", &["base64", "ipnet", "jiff", "serde_json"]),
    ("import", &["granit_parser", "hcl", "regex", "serde", "serde_json"]),
    ("lint", &["ipnet", "regex_automata", "regex_syntax"]),
    ("pipeline", &["base64", "regex", "serde_json"]),
    ("rehearsal", &[]),
    ("replay", &["memchr"]),
    (
        "protocols",
        &[
            "aws_lc_rs",
            "erased_serde",
            "form_urlencoded",
            "jiff",
            "percent_encoding",
            "quick_xml",
            "serde",
            "serde_json",
        ],
    ),
];

/// Layers without async, I/O and clock: time, files and variables arrive as arguments.
const WITHOUT_IO: &[&str] = &[
    "model",
    "http1",
    "protocols",
    "alb",
    "ecs",
    "iam",
    "lint",
    "rehearsal",
    "replay",
    "config",
    "import",
    "pipeline",
];
const IO_AND_CLOCK: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "std::env",
    "std::fs",
    "std::process",
    "std::thread",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixListener",
    "UnixStream",
];

/// A crate that only these modules may use, so that replacing it is a change in one place.
const OWNED: &[(&str, &[&str], &str)] = &[
    ("bollard", &["runtime"], "only `runtime::docker` speaks to an engine"),
    ("tar", &["runtime"], "build contexts and the pause image"),
    (
        "hyper",
        &["aws", "connect", "metadata", "runner", "runtime", "traffic", "web"],
        "APIs, metadata and figures are served, Service Connect is a small proxy, BuildKit takes calls that bollard cannot make, and \
         rehearsals need a client; the proxy reads and writes HTTP itself",
    ),
    ("hyper_util", &["aws", "connect", "metadata", "runner", "runtime", "traffic", "web"], "as hyper"),
    ("http_body_util", &["aws", "connect", "metadata", "runner", "runtime", "traffic", "web"], "as hyper"),
    ("simple_dns", &["names"], "messages of DNS are read where they arrive"),
    ("h2", &["proxy", "probes"], "HTTP/2 on connections; what a request means is decided before"),
    ("httparse", &["http1", "probes"], "heads are read where bytes arrive"),
    (
        "rustls",
        &["certs", "transport", "proxy", "probes", "traffic", "machine"],
        "`certs` and `transport` decide what TLS offers, `proxy`, `probes` and `traffic` speak it, `machine` reads a root",
    ),
    ("tokio_rustls", &["proxy", "probes", "traffic"], "TLS on sockets"),
    ("rcgen", &["certs"], "certificates are issued in one place"),
    ("x509_parser", &["certs", "proxy", "machine"], "certificates are read where they are kept, shown and trusted"),
    ("annotate_snippets", &["config"], "mistakes of files are drawn in one place"),
    ("granit_parser", &["config", "import"], "YAML is what `config` reads, and what CloudFormation's templates are"),
    ("schemars", &["config"], "only `config` knows the file format"),
    ("hcl", &["import"], "only `import` reads what a repository says of its infrastructure"),
    ("clap", &["cli"], "what is typed is the command line's"),
    ("clap_complete", &["cli"], "what is typed is the command line's"),
    ("notify", &["machine"], "files are watched in one place"),
    ("indicatif", &["cli"], "what is drawn is the command line's"),
    ("anstream", &["cli"], "what is coloured is the command line's"),
    ("tracing_subscriber", &["cli"], "diagnostics are subscribed to once"),
];

/// The only files that may print.
const PRINTERS: &[(&str, &str)] = &[
    ("src/cli/output/printer.rs", "data on stdout, everything else on stderr"),
    ("src/cli/verbs/exec.rs", "its streams are the container's, byte for byte"),
    ("src/cli/output/terminal.rs", "asks the terminal for its size"),
];
const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln"];

/// Every forbidden import of a file, as sentences.
pub(super) fn mistakes(sources: &[Source], crates: &BTreeSet<String>) -> Vec<String> {
    let mut mistakes = Vec::new();
    let sources = || sources.iter().filter(|source| source.path.starts_with("src/"));
    let tops: BTreeSet<&str> = sources().filter_map(|source| Some(top_of(source)?.0)).collect();
    for top in &tops {
        if !LAYERS.iter().any(|(name, _)| name == top) {
            mistakes
                .push(format!("src/{top}: which layer is it in? Give it a row in LAYERS of tests/it/tidy/layers.rs"));
        }
    }
    let mut excused = BTreeSet::<&(&str, &str, &str)>::new();
    for source in sources() {
        let Some((top, allowed)) = top_of(source) else { continue };
        let mut say = |line: usize, what: String| mistakes.push(format!("{}:{line}: {what}", source.path));
        let own = own_modules(&source.code);
        for (line, path) in paths(&source.code) {
            let (root, rest) = (path[0].as_str(), &path[1..]);
            if let Some(module) = module_named(source, root, rest) {
                let exception = EXCEPTIONS.iter().find(|(file, to, _)| *file == source.path && *to == module);
                excused.extend(exception);
                let is_allowed =
                    module == top || allowed == EVERYTHING || allowed.contains(&module) || exception.is_some();
                if tops.contains(module) && !is_allowed {
                    say(
                        line,
                        format!(
                            "`{top}` may not import `{module}`. Move the noun it needs down to `model`, let \
                                       `control` publish it, or let `app` hand it in"
                        ),
                    );
                }
            }
            if crates.contains(root) && !own.contains(root) {
                crate_mistake(top, root).into_iter().for_each(|what| say(line, what));
            }
            let named = path.join("::");
            let io =
                IO_AND_CLOCK.iter().find(|io| named == **io || format!("::{named}::").contains(&format!("::{io}::")));
            if let Some(io) = io.filter(|_| WITHOUT_IO.contains(&top)) {
                say(line, format!("`{top}` has neither I/O nor a clock: take what `{io}` gives as an argument"));
            }
        }
        for window in source.code.windows(3) {
            let [before, word, next] = window else { continue };
            if WITHOUT_IO.contains(&top) && (word.is("async") || word.is("await")) {
                say(word.line, format!("`{top}` decides and does not wait: no async"));
            }
            let prints = next.is("!") && PRINTING.iter().any(|name| word.is(name));
            // `.stdout(…)` chooses where a child's output goes; `io::stdout()` is ours.
            let takes_stream = next.is("(") && !before.is(".") && (word.is("stdout") || word.is("stderr"));
            if (prints || takes_stream) && !PRINTERS.iter().any(|(file, _)| *file == source.path) {
                say(
                    word.line,
                    format!("`{}` belongs to the printer: return the text, or log it with `tracing`", word.text),
                );
            }
            if next.is("!") && ["dbg", "todo", "unimplemented"].iter().any(|name| word.is(name)) {
                say(word.line, format!("`{}!` is for the desk, not for a commit", word.text));
            }
        }
    }
    for (file, module, reason) in EXCEPTIONS.iter().filter(|exception| !excused.contains(exception)) {
        mistakes.push(format!("{file} no longer imports `{module}` ({reason}): take its row out of EXCEPTIONS"));
    }
    mistakes
}

/// The top-level module of a file, with what it may import. `None` for `lib.rs`, which names everything.
fn top_of(source: &Source) -> Option<(&str, &'static [&'static str])> {
    let top = match source.module.first() {
        Some(top) => top.as_str(),
        None if source.path == "src/main.rs" => "main",
        None => return None,
    };
    let allowed = LAYERS.iter().find(|(name, _)| *name == top).map_or(EVERYTHING, |(_, allowed)| *allowed);
    Some((top, allowed))
}

/// The top-level module that a path leads to, if it leads to one of ours.
fn module_named<'a>(source: &'a Source, root: &'a str, rest: &'a [String]) -> Option<&'a str> {
    match root {
        "crate" => source.root.first().or(rest.first()).map(String::as_str),
        "neargate" => rest.first().map(String::as_str),
        "super" => {
            let up = 1 + rest.iter().take_while(|segment| *segment == "super").count();
            (up >= source.module.len()).then(|| rest.get(up - 1).map(String::as_str)).flatten()
        }
        name => module_of_crate(name),
    }
}

fn crate_mistake(top: &str, name: &str) -> Option<String> {
    if let Some((_, allowed)) = PURE.iter().find(|(layer, _)| *layer == top)
        && !allowed.contains(&name)
    {
        return Some(format!(
            "`{top}` is plain data and decisions: it may not use `{name}`, only {}",
            allowed.join(", ")
        ));
    }
    let (_, owners, why) = OWNED.iter().find(|(owned, _, _)| *owned == name)?;
    (!owners.contains(&top)).then(|| format!("`{name}` belongs to {}: {why}", owners.join(" and ")))
}

/// What the manifest of a pure layer may not list: a crate that is not a dependency cannot be imported.
pub(super) fn forbidden_dependencies(layer: &str, dependencies: &BTreeSet<String>) -> Vec<String> {
    let Some((_, allowed)) = PURE.iter().find(|(pure, _)| *pure == layer) else { return Vec::new() };
    let below = LAYERS.iter().find(|(name, _)| *name == layer).map_or(EVERYTHING, |(_, below)| *below);
    let is_allowed = |name: &&String| match module_of_crate(name) {
        Some(module) => below.contains(&module),
        None => allowed.contains(&name.as_str()),
    };
    let sentence = |name: &String| {
        format!("src/{layer}/Cargo.toml: `{layer}` is plain data and decisions: it may not depend on `{name}`")
    };
    dependencies.iter().filter(|name| !is_allowed(name)).map(sentence).collect()
}

/// Dependencies that no code of their package uses, so that its manifest lists only what is used.
pub(super) fn unused<'s>(
    manifest: &str,
    sources: impl Iterator<Item = &'s Source>,
    crates: &BTreeSet<String>,
) -> Vec<String> {
    let named: BTreeSet<String> = sources
        .flat_map(|source| paths(&source.code).into_iter().chain(paths(&source.tests)))
        .map(|(_, mut path)| path.swap_remove(0))
        .collect();
    crates.difference(&named).map(|name| format!("{manifest}: nothing uses `{name}`; take it out")).collect()
}

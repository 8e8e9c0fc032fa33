//! Documents that have become untrue: paths that no longer exist, modules that are missing from the map, commands that
//! the program does not accept.

use std::collections::BTreeSet;

use super::{fail_on, files, sources, text, top};

const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// The documents at the top of the repository.
const DOCUMENTS: &[&str] = &["README.md", "CONTRIBUTING.md", "SECURITY.md", ARCHITECTURE, "CHANGELOG.md"];
/// The documents that list `make` targets.
const FOR_DEVELOPERS: &[&str] = &["README.md", "CONTRIBUTING.md"];

/// Verbs that documents mention as future ones.
const LATER: &[&str] = &["deploy"];

/// The code in a document: lines of blocks, and text between backticks.
fn code(document: &str) -> Vec<(usize, &str)> {
    let mut in_block = false;
    let mut found = Vec::new();
    for (index, line) in document.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            found.push((index + 1, line));
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(|word| (index + 1, word)));
        }
    }
    found
}

#[test]
fn the_map_shows_every_module_and_no_place_that_does_not_exist() {
    let document = text(ARCHITECTURE);
    let quoted = code(&document);
    let mut mistakes = Vec::new();
    for path in files("src") {
        let top_level = path["src/".len()..].split('/').next().unwrap_or_default();
        let name = if path.matches('/').count() > 1 { format!("{top_level}/") } else { top_level.to_owned() };
        if name != "lib.rs" && !quoted.iter().any(|(_, word)| *word == name) {
            mistakes.push(format!("{ARCHITECTURE}: `{name}` is not on the map"));
        }
    }
    mistakes.sort();
    mistakes.dedup();
    let sources = sources();
    for (line, word) in quoted {
        let is_path = (word.contains('/') || word.ends_with(".rs"))
            && !word.starts_with(['/', '$', '~', '<', '@'])
            && !word.contains([' ', '*']);
        if is_path && !top().join(word).exists() && !top().join("src").join(word).exists() {
            mistakes.push(format!("{ARCHITECTURE}:{line}: there is no `{word}`, neither here nor in src/"));
        }
        if let Some((module, item)) = word.split_once("::").filter(|(module, _)| *module != "std") {
            let last = item.rsplit("::").next().unwrap_or(item).trim_end_matches("()");
            let mut inside = sources.iter().filter(|source| source.module.first().is_some_and(|first| first == module));
            if !inside.any(|source| {
                source.module.iter().any(|name| name == last) || source.code.iter().any(|token| token.is(last))
            }) {
                mistakes.push(format!("{ARCHITECTURE}:{line}: nothing is called `{word}`"));
            }
        }
    }
    fail_on(&mistakes);
}

/// Promises. A page describes what exists; plans are in the issues, and a plan on a page would be forgotten when it is
/// carried out.
const PROMISES: &[&str] = &["not yet", "none yet", "for now", "later version", "future version", "will be supported"];
/// Pages that tests generate: their words are tested at the source.
const GENERATED: &[&str] = &["docs/alb.md", "docs/configuration.md", "docs/ecs.md", "docs/fidelity.md"];

#[test]
fn documents_promise_nothing() {
    let pages = files("docs").into_iter().filter(|path| path.ends_with(".md") && !GENERATED.contains(&path.as_str()));
    let mut mistakes = Vec::new();
    for document in DOCUMENTS.iter().map(|name| (*name).to_owned()).chain(pages) {
        for (index, line) in text(&document).lines().enumerate() {
            for promise in PROMISES.iter().filter(|promise| line.to_lowercase().contains(**promise)) {
                mistakes.push(format!("{document}:{}: \"{promise}\": say what is, or nothing", index + 1));
            }
        }
    }
    fail_on(&mistakes);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut mistakes = Vec::new();
    for document in DOCUMENTS {
        let text = text(document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next()) {
            if !target.is_empty() && !target.contains("://") && !top().join(target).exists() {
                mistakes.push(format!("{document}: the link to {target} leads nowhere"));
            }
        }
        for target in text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !target.contains("://") && !top().join(target).exists() {
                mistakes.push(format!("{document}: there is no picture {target}"));
            }
        }
    }
    fail_on(&mistakes);
}

#[test]
fn documents_and_makefile_name_the_same_targets() {
    let makefile = text("Makefile");
    let targets = || {
        makefile
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| !name.contains([' ', '\t', '.', '#']))
    };
    let known: BTreeSet<&str> = targets().map(|(name, _)| name).collect();
    let mut mistakes = Vec::new();
    let mut mentioned = BTreeSet::new();
    let workflows = files(".github").into_iter().chain(files(".ci"));
    for document in DOCUMENTS.iter().map(|name| (*name).to_owned()).chain(workflows) {
        let text = text(&document);
        // Only in code: in prose the words may mean something else.
        for place in ["`make ", "\nmake ", "  make ", "run: make "] {
            for rest in text.split(place).skip(1) {
                let target: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
                if !known.contains(target.as_str()) {
                    mistakes.push(format!("{document}: the Makefile has no target `{target}`"));
                }
                if FOR_DEVELOPERS.contains(&document.as_str()) {
                    mentioned.insert(target);
                }
            }
        }
    }
    let documented = targets().filter(|(_, rest)| rest.contains("## ")).map(|(name, _)| name);
    for target in documented.filter(|target| *target != "help" && !mentioned.contains(*target)) {
        mistakes.push(format!("Makefile: `make {target}` is in neither {}", FOR_DEVELOPERS.join(" nor ")));
    }
    for ci in [".ci/run", ".github/workflows/ci.yml"] {
        if !text(ci).contains("make test") {
            mistakes.push(format!("{ci}: CI runs what developers run, `make test`"));
        }
    }
    fail_on(&mistakes);
}

/// The arguments, if the code calls neargate.
fn arguments(code: &str) -> Option<Vec<&str>> {
    let code = code.trim_start().trim_start_matches("- run: ").split(['#', '|', '>', ';']).next()?;
    // After `sudo`, and after variables that are set for this call.
    let mut words = code.split_whitespace().skip_while(|word| *word == "sudo" || word.contains('='));
    (words.next()? == "neargate").then(|| words.take_while(|word| *word != "--").collect())
}

/// What an option is called, after two hyphens.
fn names(option: &clap::Arg) -> impl Iterator<Item = &str> {
    option.get_long().into_iter().chain(option.get_visible_aliases().unwrap_or_default())
}

#[test]
fn documents_use_commands_that_neargate_accepts() {
    let command = <neargate::cli::Cli as clap::CommandFactory>::command();
    let mut mistakes = Vec::new();
    for document in DOCUMENTS {
        for call in code(&text(document)).into_iter().filter_map(|(_, code)| arguments(code)) {
            let Some(verb) = call.first().filter(|verb| !LATER.contains(*verb)) else { continue };
            let Some(subcommand) = command.find_subcommand(verb) else {
                mistakes.push(format!("{document}: `neargate {verb}` is no command"));
                continue;
            };
            let known: Vec<&str> = command.get_arguments().chain(subcommand.get_arguments()).flat_map(names).collect();
            for option in call.iter().filter_map(|word| word.strip_prefix("--")) {
                let name = option.split('=').next().unwrap_or(option).trim_end_matches([',', '.', ';']);
                if !known.contains(&name) {
                    mistakes.push(format!("{document}: `neargate {verb}` has no --{name}"));
                }
            }
        }
    }
    let readme = text("README.md");
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(clap::Command::get_name) {
        if !readme.contains(&format!("\n| `{verb}` |")) {
            mistakes.push(format!("README.md: `{verb}` is missing from the table of commands"));
        }
    }
    fail_on(&mistakes);
}

#[test]
fn every_module_of_this_binary_has_a_sentence() {
    let main = text("tests/it/main.rs");
    let lines: Vec<&str> = main.lines().collect();
    let without = lines.windows(2).filter(|pair| pair[1].starts_with("mod ") && !pair[0].starts_with("///"));
    let mistakes: Vec<String> = without
        .map(|pair| format!("tests/it/main.rs: what does `{}` hold? Say it above, with `///`", pair[1]))
        .collect();
    fail_on(&mistakes);
}

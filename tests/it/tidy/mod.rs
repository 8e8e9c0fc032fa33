//! Is the house tidy? Layers, files, fixtures, dependencies and documents, checked like any other behaviour. Every
//! complaint says how to fix it; every exception is in a table with its reason.

mod circles;
mod dependencies;
mod documents;
mod layers;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use source::{Kind, Source, Token, reachable};

/// A longer file is really two.
const MOST_LINES: usize = 600;
/// From this length on, consider splitting it.
const MANY_LINES: usize = 400;

/// Fixtures that programs use rather than tests: folder, and the program.
const FIXTURES_OF_PROGRAMS: &[(&str, &str)] = &[("chatkit", "docker/demo"), ("openai-stand-in", "docker/demo")];

/// Functions that read every file of a family of fixtures.
const FIXTURE_READERS: &[&str] = &["cases", "each"];

/// Where a test may sleep.
const SLEEPERS: &[(&str, &str)] = &[
    ("tests/it/support/waiting.rs", "between two looks at what other processes do"),
    ("tests/it/support/world.rs", "containers of the pretended world take time, on a paused clock"),
    ("tests/it/tasks/mod.rs", "a script says what happens when, on a paused clock"),
];

/// The top of the repository.
fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust of the repository, read once.
fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let roots = ["src/lib.rs", "src/main.rs", "tests/it/main.rs"].map(str::to_owned);
        let crates = dependencies::crates().into_iter().map(|folder| format!("{folder}/lib.rs"));
        reachable(top(), &roots.into_iter().chain(crates).collect::<Vec<_>>())
    });
    &SOURCES
}

fn text(path: &str) -> String {
    std::fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below a folder, from the top of the repository, sorted.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(top().join(&folder)).into_iter().flatten() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            // Files created by running and building the fixtures are not in the repository.
            let is_left_over = matches!(entry.file_name().to_str(), Some("node_modules" | "dist" | "__pycache__"))
                || path == Path::new("fixtures/chatkit/.env");
            match entry.file_type().unwrap().is_dir() {
                _ if is_left_over => {}
                true => folders.push(path),
                false => found.push(path.to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

fn fail_on(mistakes: &[String]) {
    assert!(mistakes.is_empty(), "{} to mend:\n\n{}\n", mistakes.len(), mistakes.join("\n"));
}

#[test]
fn modules_import_only_what_their_layer_may() {
    fail_on(&layers::mistakes(sources(), &dependencies::crate_names()));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    fail_on(&circles::circles(sources()));
}

#[test]
fn no_file_imports_its_own_folders_mod_file() {
    fail_on(&circles::faces(sources()));
}

#[test]
fn every_file_is_reachable_says_what_it_is_and_is_short() {
    let sources = sources();
    let reached: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let rust = [files("src"), files("tests")].concat().into_iter().filter(|path| path.ends_with(".rs"));
    let mut mistakes: Vec<String> = rust
        .filter(|path| !reached.contains(path.as_str()))
        .map(|path| format!("{path}: no `mod` line reaches it. Declare it, or delete it"))
        .collect();
    for Source { path, text, .. } in sources {
        if !text.starts_with("//!") {
            mistakes.push(format!("{path}: open it with `//!` and a sentence that says what it holds"));
        }
        match text.lines().count() {
            lines if lines > MOST_LINES => {
                mistakes
                    .push(format!("{path}: {lines} lines, {MOST_LINES} are the limit. What are the two things in it?"));
            }
            lines if lines > MANY_LINES => eprintln!("{path}: {lines} lines; {MANY_LINES} are plenty"),
            _ => {}
        }
    }
    fail_on(&mistakes);
}

#[test]
fn failures_are_handled_or_shown_to_be_impossible() {
    let mut mistakes = Vec::new();
    for source in sources() {
        for window in source.code.windows(4) {
            let [dot, name, open, argument] = window else { continue };
            if !dot.is(".") || !open.is("(") {
                continue;
            }
            let at = format!("{}:{}", source.path, name.line);
            if name.is("unwrap") {
                mistakes.push(format!("{at}: handle the failure, or say in `.expect(\"…\")` why it cannot happen"));
            }
            let argues = argument.text.split_whitespace().count() >= 3;
            if name.is("expect") && argument.kind == Kind::Text && !argues {
                mistakes.push(format!("{at}: `.expect(\"{}\")` does not say why it cannot happen", argument.text));
            }
        }
    }
    fail_on(&mistakes);
}

#[test]
fn tests_wait_for_a_predicate_and_do_not_sleep() {
    let mut mistakes = Vec::new();
    for source in sources().iter().filter(|source| !SLEEPERS.iter().any(|(file, _)| *file == source.path)) {
        let sleeps = |pair: &&[Token]| pair[0].is("sleep") && pair[1].is("(");
        for pair in source.tests.windows(2).filter(sleeps) {
            mistakes.push(format!(
                "{}:{}: wait for what you expect, with a deadline; or pause the clock",
                source.path, pair[0].line
            ));
        }
    }
    fail_on(&mistakes);
}

/// What tests read below `fixtures/`: paths that contain the word, and the arguments of readers of families.
fn fixtures_read() -> BTreeSet<&'static str> {
    let mut read = BTreeSet::new();
    for window in sources().iter().flat_map(|source| source.tests.windows(3)) {
        let [reader, open, name] = window else { continue };
        let by_family = open.is("(") && FIXTURE_READERS.iter().any(|known| reader.is(known));
        match name.text.rsplit_once("fixtures/") {
            // `fixtures/alb/health/{file}` counts as the whole folder.
            Some((_, path)) if name.kind == Kind::Text => {
                read.insert(path.split('{').next().unwrap_or_default().trim_end_matches('/'));
            }
            None if name.kind == Kind::Text && by_family => {
                read.insert(name.text.as_str());
            }
            _ => {}
        }
    }
    read
}

#[test]
fn every_fixture_is_used() {
    let mut read = fixtures_read();
    read.remove("");
    let is_read = |path: &Path| path.ancestors().filter_map(Path::to_str).any(|ancestor| read.contains(ancestor));
    let mut mistakes = Vec::new();
    for path in files("fixtures") {
        let inside = Path::new(path.strip_prefix("fixtures/").unwrap());
        let program = FIXTURES_OF_PROGRAMS.iter().find(|(folder, _)| inside.starts_with(folder));
        if program.is_none() && !is_read(inside) {
            mistakes.push(format!("{path}: no test names it or its folder. Run it, or delete it"));
        }
    }
    for (folder, program) in FIXTURES_OF_PROGRAMS {
        if !text(program).contains(&format!("fixtures/{folder}")) {
            mistakes.push(format!("{program} no longer uses fixtures/{folder}: mend FIXTURES_OF_PROGRAMS"));
        }
    }
    fail_on(&mistakes);
}

/// Text that is true on one machine only: the folder of this checkout, the home of the user who runs the test.
#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let here = top().to_str().unwrap().to_owned();
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1).map(|home| format!("{home}/"));
    let at_top =
        std::fs::read_dir(top()).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file());
    let at_top = at_top.map(|entry| entry.file_name().into_string().unwrap());
    let folders = ["src", "tests", "fixtures", "docker", "docs", "schema", "benches", "packaging", ".github", ".ci"];
    let mut mistakes = Vec::new();
    for path in folders.into_iter().flat_map(files).chain(at_top) {
        // Pictures and the like are not text.
        let Ok(text) = std::fs::read_to_string(top().join(&path)) else { continue };
        for (index, line) in text.lines().enumerate() {
            if [Some(&here), home.as_ref()].into_iter().flatten().any(|folder| line.contains(folder.as_str())) {
                mistakes
                    .push(format!("{path}:{}: a folder of this machine. Derive it, or use a temporary one", index + 1));
            }
        }
    }
    fail_on(&mistakes);
}

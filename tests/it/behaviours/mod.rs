//! `docs/alb.md` and `docs/ecs.md`: every behaviour of AWS that a case under `fixtures/` proves, with its source,
//! followed by the differences listed in `src/config/fidelity/`. Nothing on these pages is written by hand, so they
//! cannot stay untrue for longer than a test run.
//!
//! A case has a sentence (`name`, or `rule` if a file is one case) and a source: first a title that the page knows,
//! then, after a semicolon, any other evidence. `inferred` marks what AWS does not document; `neargate` marks what is
//! not AWS's behaviour at all.
//!
//! To add a family of cases, add a line to `CHAPTERS` of the page; for a new source, add a line to `TITLES`.

mod alb;
mod ecs;

use std::collections::BTreeSet;
use std::path::Path;

use neargate::config::Level;
use neargate::config::fidelity;
use serde::Deserialize;

use crate::support::expected::{Differences, cases, fixtures, read};

const PAGES: [Page; 2] = [alb::PAGE, ecs::PAGE];

/// A generated page.
struct Page {
    /// Path from the top of the repository.
    file: &'static str,
    /// The folder of `fixtures/` that holds its families.
    root: &'static str,
    opening: &'static str,
    chapters: &'static [Chapter],
    /// The text after the chapters.
    appendix: fn() -> String,
    /// Where the titles that sources begin with can be read. The longest match counts.
    titles: &'static [(&'static str, &'static str)],
    /// Base address of titles that have only a path.
    guide: &'static str,
    /// How a source in an API reference begins, before the name of an action or type, and its address.
    reference: (&'static str, &'static str),
}

/// A chapter of a page.
struct Chapter {
    title: &'static str,
    /// Folders of the page's root.
    folders: &'static [&'static str],
    /// Records of the fidelity table.
    records: &'static [&'static str],
}

/// A file of cases.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cases {
    Several(Vec<Case>),
    One(Transcript),
}

/// A case that is a file of its own.
#[derive(Deserialize)]
struct Transcript {
    rule: String,
    source: String,
}

/// The fields that every case has, whatever its family.
#[derive(Deserialize)]
struct Case {
    name: String,
    source: String,
    /// How an ambiguous request is classified.
    classification: Option<String>,
    /// Why AWS does it and neargate does not.
    not_yet: Option<String>,
}

impl Case {
    /// Whose behaviour it is, and how well it is known; empty for neargate's own.
    fn verdict(&self) -> Option<&'static str> {
        if self.not_yet.is_some() {
            return Some("not yet");
        }
        match self.source.split([':', ' ']).next() {
            Some("neargate") => None,
            Some("inferred") => Some("approximated"),
            _ => Some("honoured"),
        }
    }

    fn sentence(&self) -> String {
        let classified = self.classification.as_ref().map(|class| format!(": {class}")).unwrap_or_default();
        let instead = self.not_yet.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default();
        let name = self.name.trim().trim_end_matches('.');
        escape(&capitalised(&format!("{name}{classified}{instead}")))
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
}

/// Escapes what Markdown would interpret.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '|' | '*' | '_' | '[' | '`' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The fields that a line of the fidelity table is about.
fn fields(line: &fidelity::Line) -> String {
    let quoted = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let keys = match line.keys {
        [first, second, _, rest @ ..] if !rest.is_empty() => {
            format!("{} and {} more", quoted(&[first, second]), rest.len() + 1)
        }
        keys => quoted(keys),
    };
    let values = if line.values.is_empty() { String::new() } else { format!(" = {}", quoted(line.values)) };
    format!("{keys}{values} of {}", line.record)
}

fn row(behaviour: &str, source: &str, verdict: &str) -> String {
    format!("| {behaviour} | {source} | {verdict} |\n")
}

impl Page {
    /// The cases of a chapter, each with the path of its file.
    fn cases(&self, chapter: &Chapter) -> Vec<(std::path::PathBuf, Case)> {
        let files = chapter.folders.iter().flat_map(|folder| cases(&format!("{}/{folder}", self.root), "yaml"));
        let of_file = |file: std::path::PathBuf| match read::<Cases>(&file) {
            Cases::Several(cases) => cases.into_iter().map(|case| (file.clone(), case)).collect(),
            Cases::One(Transcript { rule: name, source }) => {
                vec![(file, Case { name, source, classification: None, not_yet: None })]
            }
        };
        files.flat_map(of_file).collect()
    }

    /// The beginning of the source that can be looked up: the longest known title, or a page of the reference.
    fn title<'s>(&self, source: &'s str) -> Option<&'s str> {
        let known =
            self.titles.iter().filter(|(title, _)| source.starts_with(title)).map(|(title, _)| title.len()).max();
        let length = known.or_else(|| {
            let (before, _) = self.reference;
            let name = source.strip_prefix(before)?;
            let length = name.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(name.len());
            (length > 0).then_some(before.len() + length)
        })?;
        Some(&source[..length])
    }

    /// The source, with its titles as links.
    fn linked(&self, source: &str) -> String {
        let parts = source.trim().split("; ").map(|part| match self.title(part) {
            // The case quotes the page.
            Some(title) => format!("[{title}]{}", escape(part[title.len()..].split(": ").next().unwrap_or_default())),
            None => escape(part),
        });
        parts.collect::<Vec<_>>().join("; ")
    }

    /// Targets of the page's links.
    fn links(&self, text: &str) -> String {
        let (before, reference) = self.reference;
        let mut links = "\n".to_owned();
        for (title, path) in self.titles.iter().filter(|(title, _)| text.contains(&format!("[{title}]"))) {
            let guide = if path.contains("://") { "" } else { self.guide };
            links.push_str(&format!("[{title}]: {guide}{path}\n"));
        }
        let begins = format!("[{before}");
        let of_reference = text.split(begins.as_str()).skip(1).filter_map(|rest| rest.split_once(']'));
        for name in of_reference.map(|(name, _)| name).collect::<BTreeSet<_>>() {
            links.push_str(&format!("[{before}{name}]: {reference}API_{name}.html\n"));
        }
        links
    }

    fn chapter(&self, chapter: &Chapter) -> String {
        let mut text = format!("\n## {}\n\n| behaviour | source | |\n|---|---|---|\n", chapter.title);
        for (_, case) in self.cases(chapter) {
            if let Some(verdict) = case.verdict() {
                text.push_str(&row(&case.sentence(), &self.linked(&case.source), verdict));
            }
        }
        for line in fidelity::lines().filter(|line| chapter.records.contains(&line.record)) {
            if let Level::NotYet(reason) | Level::Approximated(reason) = line.level {
                text.push_str(&row(&capitalised(reason), &fields(&line), line.level.name()));
            }
        }
        text
    }

    fn text(&self) -> String {
        let chapters: String = self.chapters.iter().map(|chapter| self.chapter(chapter)).collect();
        let text = self.opening.to_owned() + &chapters + &(self.appendix)();
        text.clone() + &self.links(&text)
    }
}

/// Every folder below this one that contains cases, from `root`.
fn families_of(root: &Path, folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut families_of(root, &path));
        } else {
            found.insert(folder.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn the_pages_of_behaviours_are_current() {
    let mut differences = Differences::default();
    for page in &PAGES {
        differences.check(&Path::new(env!("CARGO_MANIFEST_DIR")).join(page.file), &page.text());
    }
    differences.finish();
}

#[test]
fn every_family_of_cases_has_a_chapter() {
    for Page { root, file, chapters, .. } in &PAGES {
        let listed: BTreeSet<String> =
            chapters.iter().flat_map(|chapter| chapter.folders).map(|&name| name.into()).collect();
        let root = fixtures().join(root);
        assert_eq!(families_of(&root, &root), listed, "CHAPTERS of {file} names other folders than there are");
    }
}

#[test]
fn every_difference_has_a_chapter() {
    let differs = |line: &fidelity::Line| matches!(line.level, Level::NotYet(_) | Level::Approximated(_));
    let told = |record| PAGES.iter().flat_map(|page| page.chapters).any(|chapter| chapter.records.contains(&record));
    let untold: BTreeSet<&str> =
        fidelity::lines().filter(differs).map(|line| line.record).filter(|record| !told(*record)).collect();
    assert!(untold.is_empty(), "add to the records of a chapter: {untold:?}");
}

#[test]
fn what_is_only_told_says_so() {
    for page in &PAGES {
        for (file, case) in page.chapters.iter().flat_map(|chapter| page.cases(chapter)) {
            assert!(
                !file.ends_with("not-yet.yaml") || case.not_yet.is_some(),
                "{}: \"{}\" is not checked, and has no not_yet",
                file.display(),
                case.name
            );
        }
    }
}

#[test]
fn every_case_says_where_its_rule_can_be_seen() {
    let mut mistakes = Vec::new();
    for page in &PAGES {
        for (file, case) in page.chapters.iter().flat_map(|chapter| page.cases(chapter)) {
            let known = ["capture", "inferred: ", "neargate"].iter().any(|word| case.source.starts_with(word));
            if !known && page.title(&case.source).is_none() {
                mistakes.push(format!(
                    "{}: \"{}\": a source begins with one of the TITLES of {}, `captures`, `inferred: ` or `neargate`, not \
                     \"{}\"",
                    file.display(),
                    case.name,
                    page.file,
                    case.source
                ));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

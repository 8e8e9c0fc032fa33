//! The changes that `up` reports: `fixtures/changes/`.

use std::path::Path;

use neargate::config::{Source, Style, Tasks, load};
use neargate::control::changes::changes;
use neargate::model::Topology;
use serde::Deserialize;

use crate::support::expected::read;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    edits: Vec<Edit>,
    said: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    from: String,
    to: String,
}

#[test]
fn the_difference_of_two_files_is_reported_in_their_words() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/changes");
    let cases: Vec<Case> = read(&folder.join("cases.yaml"));
    let before = topology(&folder.join("before"), &[]);
    for case in cases {
        let after = topology(&folder.join("before"), &case.edits);
        assert_eq!(changes(&before, &after), case.said, "{}", case.name);
    }
}

/// The topology of the files in a folder, edited.
fn topology(folder: &Path, edits: &[Edit]) -> Topology {
    let text = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut text = std::fs::read_to_string(folder.join(&name))?;
        for edit in edits.iter().filter(|edit| edit.file == name) {
            assert!(text.contains(&edit.from), "{name} does not say {:?}", edit.from);
            text = text.replacen(&edit.from, &edit.to, 1);
        }
        Ok::<_, std::io::Error>(text)
    };
    let path = folder.join("neargate.yaml");
    let file = text(&path).unwrap();
    let source = Source {
        path: &path,
        folder,
        text: &file,
        read_file: &text,
        unusable_certificate: &|_, _| None,
        env: &|_| None,
        env_files: None,
        overrides: &[],
        tasks: Tasks::Run,
    };
    load(source).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(Style::Plain))).topology
}

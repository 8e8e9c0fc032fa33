//! The cases of `fixtures/import/`: `KIND/CASE/` has a source, and what it becomes.
//!
//! Every source has canaries where secrets can stand: `hunter2`, and whatever has `CANARY` in it. No output may have one.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use neargate_config::{Source, Style, Tasks};

use crate::lower::{Choice, Imported};
use crate::sources::{Options, SourceFile};
use crate::{NotImported, import};

/// What an import makes, in a case's folder.
const MADE: &[&str] = &["neargate.yaml", "report.json", "env.example", "report.txt", "refusal.txt"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/import")
}

fn is_made(name: &str) -> bool {
    MADE.contains(&name) || name.starts_with("task-definition")
}

/// The sources of a case, by name, and what its `arguments` say.
fn sources(case: &Path) -> (Vec<SourceFile>, Choice) {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut choice = Choice::default();
    for entry in fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "arguments" {
            for line in fs::read_to_string(&path).unwrap().lines() {
                match line.split_once(' ').unwrap() {
                    ("--bind", bind) => choice.bind.push(bind.to_owned()),
                    ("--service", service) => choice.services.push(service.to_owned()),
                    ("--load-balancer", name) => choice.load_balancers.push(name.to_owned()),
                    other => panic!("{other:?}"),
                }
            }
        } else if path.is_dir() {
            // An assembly of CDK, whose files name each other.
            for file in fs::read_dir(&path).unwrap().flatten().filter(|file| file.path().is_file()) {
                let inner = format!("{name}/{}", file.file_name().to_string_lossy());
                files.insert(inner, fs::read(file.path()).unwrap());
            }
        } else if !is_made(&name) {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    (files.into_iter().map(|(path, bytes)| SourceFile { path, bytes }).collect(), choice)
}

/// Everything that an import prints or writes, by file.
fn outputs(imported: &Result<Imported, NotImported>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    match imported {
        Ok(imported) => {
            out.insert("neargate.yaml".to_owned(), imported.yaml.clone());
            out.extend(imported.files.iter().cloned());
            let json = serde_json::to_string_pretty(&imported.report.json()).unwrap() + "\n";
            out.insert("report.json".to_owned(), json);
            out.insert("report.txt".to_owned(), imported.report.human());
            if !imported.env_example.is_empty() {
                out.insert("env.example".to_owned(), imported.env_example.clone());
            }
        }
        Err(NotImported::Nothing(why)) => drop(out.insert("refusal.txt".to_owned(), format!("{why}\n"))),
        Err(NotImported::Refused(refusals)) => {
            let text = refusals.iter().map(|refusal| format!("{}: {}\n{}\n", refusal.file, refusal.what, refusal.help));
            out.insert("refusal.txt".to_owned(), text.collect());
        }
    }
    out
}

/// What `check` says about the file with all variables set.
fn checked(imported: &Imported, case: &Path) -> Result<(), String> {
    let read_file = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = imported.files.iter().find(|(known, _)| *known == name);
        match (file, path.strip_prefix("/p/app")) {
            (Some((_, text)), _) => Ok(text.clone()),
            (None, Ok(beside)) => fs::read_to_string(case.join(beside)),
            (None, Err(_)) => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    };
    let source = Source {
        path: Path::new("neargate.yaml"),
        folder: Path::new("/p/app"),
        text: &imported.yaml,
        overrides: &[],
        env_files: None,
        read_file: &read_file,
        unusable_certificate: &|_, _| None,
        env: &|_| Some("set".to_owned()),
        tasks: Tasks::Run,
    };
    neargate_config::load(source).map(drop).map_err(|mistakes| mistakes.render(Style::Plain))
}

fn cases() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for kind in fs::read_dir(root()).unwrap().flatten().filter(|kind| kind.path().is_dir()) {
        all.extend(fs::read_dir(kind.path()).unwrap().flatten().map(|case| case.path()));
    }
    all.sort();
    all
}

#[test]
fn sources_become_files_that_check_accepts() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut failures = Vec::new();
    for case in cases() {
        let (files, choice) = sources(&case);
        let imported = import(&files, &Options::default(), &choice);
        let outputs = outputs(&imported);
        for (name, text) in &outputs {
            if text.contains("hunter2") || text.contains("CANARY") {
                failures.push(format!("{}: a secret in {name}", case.display()));
            }
            if update {
                fs::write(case.join(name), text).unwrap();
            } else if fs::read_to_string(case.join(name)).ok().as_ref() != Some(text) {
                failures.push(format!("{}: {name} differs:\n{text}", case.display()));
            }
        }
        if let Ok(imported) = &imported
            && imported.report.refused() == 0
            && let Err(mistakes) = checked(imported, &case)
        {
            failures.push(format!("{}:\n{mistakes}", case.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

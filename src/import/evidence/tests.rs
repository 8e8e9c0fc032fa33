//! The cases under `fixtures/config/init-evidence/`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::dockerfile::exposed;
use super::health_path;
use super::ports::silence;
use super::question::Question;
use crate::repository::Repository;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    question: Asked,
    /// `null` where nothing may be found.
    evidence: Option<Found>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    container: String,
    service: Option<String>,
    port: u16,
    image: String,
    context: Option<String>,
    dockerfile: Option<String>,
    target: Option<String>,
    health_command: Option<String>,
    only: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            container: "app".to_owned(),
            service: None,
            port: 8000,
            image: "account/app:latest".to_owned(),
            context: Some(".".to_owned()),
            dockerfile: Some("Dockerfile".to_owned()),
            target: None,
            health_command: None,
            only: true,
        }
    }
}

#[derive(Deserialize, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Found {
    path: String,
    place: String,
    #[serde(default)]
    matcher: Option<String>,
    #[serde(default)]
    why: Option<String>,
}

fn cases<T: for<'de> Deserialize<'de>>(file: &str) -> Vec<T> {
    let path = neargate_fixture::top().join("fixtures/config/init-evidence").join(file);
    serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn check(case: &Case) -> Result<(), String> {
    let files: Vec<(&str, &str)> = case.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let repository = Repository::from_files(&files);
    let asked = &case.question;
    let question = Question {
        container: &asked.container,
        service: asked.service.as_deref(),
        port: asked.port,
        image: &asked.image,
        context: asked.context.as_deref(),
        dockerfile: asked.dockerfile.as_deref(),
        target: asked.target.as_deref(),
        task_definition: ".aws/task-definition.json",
        health_command: asked.health_command.as_deref(),
        only: asked.only,
    };
    let found = health_path(&repository, &question).map(|found| Found {
        path: found.path,
        place: found.place,
        matcher: found.matcher,
        why: case.evidence.as_ref().and_then(|wanted| wanted.why.as_ref()).map(|_| found.why.to_owned()),
    });
    let source = case.source.as_deref().unwrap_or("the issue");
    if found == case.evidence {
        Ok(())
    } else {
        Err(format!("{}: found {found:?}, wanted {:?} ({source})", case.name, case.evidence))
    }
}

#[test]
fn evidence_is_found_where_it_stands() {
    let files = ["checks.yaml", "infrastructure.yaml", "routes.yaml"];
    let cases: Vec<Case> = files.iter().flat_map(|file| cases::<Case>(file)).collect();
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Silent {
    name: String,
    container: String,
    image: String,
    port: u16,
    #[serde(default)]
    dockerfile: Option<String>,
    /// `null` where it may speak HTTP.
    why: Option<String>,
}

#[test]
fn what_speaks_no_http_is_known() {
    for case in cases::<Silent>("silent.yaml") {
        let found = silence(&case.container, &case.image, case.port, case.dockerfile.as_deref());
        assert_eq!(found.map(|found| found.why), case.why.as_deref(), "{}", case.name);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exposed {
    name: String,
    dockerfile: String,
    #[serde(default)]
    target: Option<String>,
    ports: Vec<u16>,
}

#[test]
fn exposed_ports_are_those_of_the_built_stage() {
    for case in cases::<Exposed>("exposed.yaml") {
        assert_eq!(exposed(&case.dockerfile, case.target.as_deref()), case.ports, "{}", case.name);
    }
}

//! What the cases answer, held against the models that SDKs are made from.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use neargate_fixture as fixture;
use serde::Serialize;

use super::account::{Answered, Refused};
use super::play_all;
use crate::aws::services;
use crate::protocols::service;

/// Shapes, not meanings: what botocore's parser would drop without a word, and what SDKs with types would not read.
#[test]
fn every_reply_has_the_shape_of_botocores_model() {
    let replies: Vec<Answered> = play_all().into_iter().flat_map(|account| account.answered).collect();
    read_by("shapes.py", &replies);
}

/// Code and message as boto3 and the AWS CLI read them, and the code among those that the API reference lists for the action.
#[test]
fn every_error_is_read_as_it_is_meant() {
    read_by("errors.py", &errors());
}

#[test]
fn the_matrix_of_errors_has_every_service_and_every_protocol() {
    let errors = errors();
    let distinct: BTreeSet<_> = errors.iter().map(|error| (error.service, &error.action, &error.code)).collect();
    assert!(distinct.len() >= 60, "{} errors", distinct.len());
    let mut of_service: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (service, _, code) in &distinct {
        of_service.entry(service).or_default().insert(code);
    }
    for served in services::actions().map(|action| action.service).collect::<BTreeSet<_>>() {
        let codes = of_service.get(served).map_or(0, BTreeSet::len);
        assert!(codes >= 3, "{served}: {codes} codes in fixtures/aws/calls, where at least 3 belong");
    }
    let protocol = |name| service::signed_as(name).map(|service| format!("{:?}", service.protocol));
    let protocols: BTreeSet<_> = of_service.keys().filter_map(|name| protocol(name)).collect();
    assert_eq!(protocols.iter().map(String::as_str).collect::<Vec<_>>(), ["Ec2", "Json", "Query", "RestXml"]);
}

fn errors() -> Vec<Refused> {
    play_all().into_iter().flat_map(|account| account.refused).collect()
}

/// A script of Python reads them, each as a line of JSON.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn read_by(script: &str, all: &[impl Serialize]) {
    let python = fixture::top().join("target/clients/venv/bin/python");
    if !python.exists() {
        eprintln!("skipped: botocore is not installed (fixtures/clients/install)");
        return;
    }
    let line = |one| format!("{}\n", serde_json::to_string(one).expect("a structure is text"));
    let lines: String = all.iter().map(line).collect();
    let mut reading = Command::new(python)
        .arg(fixture::top().join("fixtures/clients").join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut stdin = reading.stdin.take().expect("a pipe");
    let sent = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let read = reading.wait_with_output().expect("Python ends");
    sent.join().expect("no panic").expect("the script reads everything");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stdout));
}

//! Cases of `fixtures/aws/calls/`: calls of actions in turn, each with what it answers, on an account in memory.
//!
//! ```text
//!  stack: a file's text ──> account ──> call: input ──> action decides ──> edit ──> Desired ──> plan ──> reply or error
//! ```
//!
//! No engine runs anything: a task that is planned stays as it is planned. The time stands still, and ids are counted.

mod account;
mod form;
mod matching;
mod models;
mod signed;

use std::collections::BTreeMap;

use neargate_fixture as fixture;
use serde::Deserialize;
use serde_json::Value;

use self::account::{Account, Probed};
use crate::protocols::fault::Fault;

/// Calls that build on each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    /// The text of a neargate file. An account without one is empty.
    #[serde(default)]
    stack: Option<String>,
    /// Task definitions that the file names, by their file's name.
    #[serde(default)]
    files: BTreeMap<String, Value>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    Call(Box<Call>),
    Probed(ProbedStep),
}

/// A call, with the action as `ecs CreateCluster`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    call: String,
    /// Whose: the id of an access key, or `task` and its ARN for the key of its role. The account's root, if none is given.
    #[serde(default)]
    by: Option<String>,
    /// As JSON, whatever the protocol. `$name` stands for what a call before kept under that name.
    #[serde(default)]
    input: Option<Value>,
    /// Members of the reply. Lists are given whole, their elements by members again; null is a member that must not be there.
    #[serde(default)]
    reply: Option<Value>,
    #[serde(default)]
    error: Option<Refused>,
    /// Names for parts of the reply, by their JSON pointer.
    #[serde(default)]
    keep: BTreeMap<String, String>,
}

/// An error, whole.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Refused {
    code: String,
    message: String,
    #[serde(default = "bad_request")]
    status: u16,
}

fn bad_request() -> u16 {
    400
}

/// A health check of a target.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProbedStep {
    probed: Probed,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code.into_owned(), message: fault.message, status: fault.status }
    }
}

fn check(case: Case) {
    play(case);
}

/// Plays a case, and returns what became of its account.
fn play(case: Case) -> Account {
    let mut account = Account::new(case.stack.as_deref(), &case.files);
    let mut kept = BTreeMap::new();
    for (number, step) in (1..).zip(case.steps) {
        let at = format!("{}: step {number}", case.name);
        match step {
            Step::Probed(ProbedStep { probed }) => account.probe(&probed),
            Step::Call(call) => check_call(&mut account, *call, &mut kept, &at),
        }
    }
    account
}

/// Plays all cases of all services.
fn play_all() -> Vec<Account> {
    let folder = fixture::top().join("fixtures/aws/calls");
    let services = std::fs::read_dir(folder).expect("a folder for each service");
    let mut played = Vec::new();
    for service in services.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        fixture::each(&format!("aws/calls/{service}"), |case: Case| played.push(play(case)));
    }
    played
}

fn check_call(account: &mut Account, mut call: Call, kept: &mut BTreeMap<String, String>, at: &str) {
    let at = format!("{at}, {}", call.call);
    for given in [&mut call.input, &mut call.reply].into_iter().flatten() {
        matching::fill_in(given, kept);
    }
    let (service, action) = call.call.split_once(' ').expect("a service and an action");
    let key = call.by.map(|key| matching::filled_in(&key, kept));
    let answered =
        account.call(key.as_deref(), service, action, &call.input.unwrap_or_else(|| Value::Object(Default::default())));
    match (answered, call.error) {
        (Ok(reply), None) => {
            if let Some(expected) = &call.reply {
                matching::assert_holds(&reply, expected, &at);
            }
            for (name, pointer) in call.keep {
                let part = reply.pointer(&pointer).unwrap_or_else(|| panic!("{at}: nothing at {pointer} of {reply:#}"));
                kept.insert(name, part.as_str().map_or_else(|| part.to_string(), str::to_owned));
            }
        }
        (Err(fault), Some(mut expected)) => {
            account.refuse(service, action, &fault);
            expected.message = matching::filled_in(&expected.message, kept);
            assert_eq!(Refused::from(fault), expected, "{at}");
        }
        (Ok(reply), Some(expected)) => panic!("{at}: expected {expected:?}, but it was answered: {reply:#}"),
        (Err(fault), None) => panic!("{at}: {fault:?}"),
    }
}

#[test]
fn access() {
    fixture::each("aws/calls/access", check);
}

#[test]
fn route53() {
    fixture::each("aws/calls/route53", check);
}

#[test]
fn sts() {
    fixture::each("aws/calls/sts", check);
}

#[test]
fn ec2() {
    fixture::each("aws/calls/ec2", check);
}

#[test]
fn ecr() {
    fixture::each("aws/calls/ecr", check);
}

#[test]
fn ecs() {
    fixture::each("aws/calls/ecs", check);
}

#[test]
fn elasticloadbalancing() {
    fixture::each("aws/calls/elasticloadbalancing", check);
}

#[test]
fn servicediscovery() {
    fixture::each("aws/calls/servicediscovery", check);
}

#[test]
fn application_autoscaling() {
    fixture::each("aws/calls/application-autoscaling", check);
}

#[test]
fn acm() {
    fixture::each("aws/calls/acm", check);
}

#[test]
fn iam() {
    fixture::each("aws/calls/iam", check);
}

#[test]
fn logs() {
    fixture::each("aws/calls/logs", check);
}

#[test]
fn secretsmanager() {
    fixture::each("aws/calls/secretsmanager", check);
}

#[test]
fn ssm() {
    fixture::each("aws/calls/ssm", check);
}

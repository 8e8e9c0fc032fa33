//! Cases of `fixtures/aws/policies/` and `fixtures/aws/trust/`: what IAM's pages say, and what follows from it here.

use std::collections::BTreeMap;

use neargate_fixture as fixture;
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;
use crate::denial;
use crate::document::{Document, Purpose};
use crate::evaluate::{Decision, Policies, Policy, Request, Source, evaluate};
use crate::trust::{self, Principal, Trust};

/// A condition key with one value, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

fn context(keys: BTreeMap<String, Values>) -> Context {
    let values = |values| match values {
        Values::One(value) => vec![value],
        Values::Several(values) => values,
    };
    keys.into_iter().map(|(key, given)| (key, values(given))).collect()
}

/// A document with nothing but statements may leave out what is the same in all.
fn document(value: &Value, purpose: Purpose) -> Document {
    let document = match value {
        Value::Object(members) if members.contains_key("Statement") => value.clone(),
        statements => serde_json::json!({ "Version": "2012-10-17", "Statement": statements }),
    };
    Document::parse(&document.to_string(), purpose).unwrap_or_else(|error| panic!("{document}: {error}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The page that says so.
    #[serde(rename = "source")]
    _source: String,
    /// By name, or by ARN for managed policies.
    identity: BTreeMap<String, Value>,
    #[serde(default)]
    boundary: Option<Value>,
    #[serde(default)]
    session: Option<Vec<Value>>,
    requests: Vec<Asked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    action: String,
    #[serde(default = "any")]
    resource: String,
    #[serde(default)]
    context: BTreeMap<String, Values>,
    /// `allowed by NAME, statement N`, or the reason in AWS's words.
    answer: String,
}

fn any() -> String {
    "*".to_owned()
}

#[test]
fn policies_decide_as_iam_documents_it() {
    fixture::each("aws/policies", |case: Case| {
        let policy = |(name, value): (&String, &Value)| Policy {
            source: match name.starts_with("arn:") {
                true => Source::Managed(name.clone()),
                false => Source::Inline(name.clone()),
            },
            document: document(value, Purpose::Identity),
        };
        let passed = |value: &Value| Policy { source: Source::Passed, document: document(value, Purpose::Identity) };
        let boundary = case.boundary.as_ref().map(|value| Policy {
            source: Source::Managed("arn:aws:iam::111122223333:policy/boundary".to_owned()),
            document: document(value, Purpose::Identity),
        });
        let policies = Policies {
            identity: case.identity.iter().map(policy).collect(),
            boundary,
            session: case.session.map(|values| values.iter().map(passed).collect()),
        };
        for Asked { action, resource, context: keys, answer } in case.requests {
            let context = context(keys);
            let request = Request { action: &action, resource: &resource, context: &context };
            let decision = evaluate(&policies, &request);
            let said = match &decision {
                Decision::Allowed(deciders) => match &deciders[0].source {
                    Source::Managed(name) | Source::Inline(name) => {
                        format!("allowed by {name}, statement {}", deciders[0].statement + 1)
                    }
                    Source::Passed => "allowed by a passed policy".to_owned(),
                },
                _ => {
                    let whole =
                        denial::sentence("arn:aws:iam::111122223333:user/ana", &action, Some(&resource), &decision);
                    let start = format!(
                        "User: arn:aws:iam::111122223333:user/ana is not authorized to perform: {action} on resource: {resource} "
                    );
                    whole.strip_prefix(&start).unwrap_or(&whole).to_owned()
                }
            };
            assert_eq!(said, answer, "{}: {action} on {resource}", case.name);
        }
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustCase {
    name: String,
    #[serde(rename = "source")]
    _source: String,
    policy: Value,
    requests: Vec<TrustAsked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustAsked {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    session_of: Option<String>,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    provider: Option<String>,
    #[serde(default = "assume_role")]
    action: String,
    #[serde(default)]
    context: BTreeMap<String, Values>,
    /// `named`, `account`, `denied` or `not trusted`.
    answer: String,
}

fn assume_role() -> String {
    "sts:AssumeRole".to_owned()
}

#[test]
fn trust_policies_let_in_whom_they_name() {
    fixture::each("aws/trust", |case: TrustCase| {
        let document = document(&case.policy, Purpose::Trust);
        for asked in &case.requests {
            let account = "111122223333";
            let session = asked.session_of.as_ref().map(|role| {
                format!("arn:aws:sts::{account}:assumed-role/{}/s", role.rsplit('/').next().unwrap_or(role))
            });
            let principal = match asked {
                TrustAsked { user: Some(arn), .. } => Principal::Aws { account, arn, role: None },
                TrustAsked { session_of: Some(role), .. } => {
                    Principal::Aws { account, arn: session.as_deref().expect("a session"), role: Some(role) }
                }
                TrustAsked { service: Some(name), .. } => Principal::Service(name),
                TrustAsked { provider: Some(arn), .. } => Principal::Federated(arn),
                _ => panic!("{}: nobody asks", case.name),
            };
            let keys = asked.context.iter().map(|(key, values)| match values {
                Values::One(value) => (key, vec![value.clone()]),
                Values::Several(values) => (key, values.clone()),
            });
            let said = match trust::judge(&document, &principal, &asked.action, &keys.collect()) {
                Ok(Trust::Named) => "named",
                Ok(Trust::Account) => "account",
                Err(Decision::Denied(_)) => "denied",
                Err(_) => "not trusted",
            };
            assert_eq!(said, asked.answer, "{}", case.name);
        }
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broken {
    name: String,
    #[serde(default)]
    trust: bool,
    text: String,
    message: String,
}

#[test]
fn what_is_no_policy_is_refused_in_iams_words() {
    fixture::each("aws/malformed-policies", |case: Broken| {
        let purpose = if case.trust { Purpose::Trust } else { Purpose::Identity };
        let refused = Document::parse(&case.text, purpose).err().map(|malformed| malformed.0);
        assert_eq!(refused.as_deref(), Some(case.message.as_str()), "{}", case.name);
    });
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}\":,a-zA-Z*0-9 ]{0,80}") {
        let _ = Document::parse(&text, Purpose::Identity);
        let _ = Document::parse(&text, Purpose::Trust);
    }
}

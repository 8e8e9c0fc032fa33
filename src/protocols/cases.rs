//! Cases of `fixtures/aws/`: requests that clients were recorded to send, signatures, answers.

use jiff::Timestamp;
use neargate_fixture as fixture;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::Answer;
use crate::fault::{Common, Fault};
use crate::query;
use crate::request::Request;
use crate::route;
use crate::service;
use crate::signature::credential::{Credential, Incomplete};
use crate::signature::verify::{Invalid, verify};

/// A request, with the action that it asks for and the input that it carries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    client: String,
    service: String,
    action: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    target: Option<String>,
    content_type: String,
    body: String,
    /// What a form says, as a tree.
    #[serde(default)]
    input: Option<Value>,
}

#[test]
fn requests_lead_to_their_action_and_forms_to_their_input() {
    fixture::each("aws/requests", |case: Sent| {
        let name = format!("{} {}:{}", case.client, case.service, case.action);
        let mut headers = vec![
            ("host".to_owned(), "127.0.0.1:4566".to_owned()),
            ("content-type".to_owned(), case.content_type.clone()),
        ];
        headers.extend(case.target.clone().map(|target| ("x-amz-target".to_owned(), target)));
        headers.extend(case.scope.clone().map(|scope| {
            let value = format!("AWS4-HMAC-SHA256 Credential=AKID/20261130/us-east-1/{scope}/aws4_request, SignedHeaders=host, Signature=00");
            ("authorization".to_owned(), value)
        }));
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: case.body.as_bytes() };
        let credential = Credential::of(&request).expect("a whole signature, or none");
        let route = route::route(&request, credential.as_ref()).expect("a service that is known");
        assert_eq!((route.service.signing_name, route.action.as_str()), (&*case.service, &*case.action), "{name}");
        if let Some(input) = case.input {
            let read: Value = query::read(case.body.as_bytes()).expect("a form");
            assert_eq!(read, input, "{name}");
        }
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    name: String,
    method: String,
    path: String,
    #[serde(default)]
    query: String,
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    now: Option<String>,
    verdict: String,
}

#[test]
fn signatures_hold_or_are_refused_in_awss_words() {
    fixture::each("aws/signatures", |case: Signed| {
        let request = Request {
            method: &case.method,
            path: &case.path,
            query: &case.query,
            headers: &case.headers,
            body: case.body.as_bytes(),
        };
        let verdict = match Credential::of(&request) {
            Ok(None) => "not signed".to_owned(),
            Err(Incomplete(message)) => message,
            Ok(Some(credential)) => {
                let now: Timestamp = case.now.as_deref().expect("a time of the server").parse().expect("a time");
                match verify(&request, &credential, &case.secret, now) {
                    Ok(()) => "valid".to_owned(),
                    Err(Invalid::Mismatch) => "mismatch".to_owned(),
                    Err(Invalid::Skew(message) | Invalid::Date(message)) => message,
                }
            }
        };
        assert_eq!(verdict, case.verdict, "{}", case.name);
    });
}

/// An output as a structure, whose members have names of their own, and not as a map.
struct Output(Value);

impl serde::Serialize for Output {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        match &self.0 {
            Value::Object(members) => {
                let mut structure = serializer.serialize_struct("Output", members.len())?;
                for (name, value) in members {
                    // Names of structures live as long as the program; there are few.
                    structure.serialize_field(name.clone().leak(), &Output(value.clone()))?;
                }
                structure.end()
            }
            Value::Array(items) => serializer.collect_seq(items.iter().cloned().map(Output)),
            scalar => scalar.serialize(serializer),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    name: String,
    service: String,
    action: String,
    /// The output of the action, or else
    #[serde(default)]
    reply: Option<Value>,
    /// a common error.
    #[serde(default)]
    error: Option<String>,
    status: u16,
    content_type: String,
    body: String,
}

#[test]
fn answers_have_the_form_of_their_protocol() {
    fixture::each("aws/answers", |case: Answered| {
        let service = service::signed_as(&case.service).expect("a service");
        let answer = match (case.reply, case.error.as_deref()) {
            (Some(reply), _) => {
                let reply: crate::answer::Reply = Box::new(Output(reply));
                Answer::reply(service, &case.action, &reply, "id")
            }
            (None, error) => {
                let common = match error.expect("a reply or an error") {
                    "unknown action" => Common::UnknownAction(format!("The action {} is not valid.", case.action)),
                    "malformed" => Common::Malformed("it <is> malformed".to_owned()),
                    "not signed" => Common::NotSigned,
                    "unknown key" => Common::UnknownKey,
                    "signature mismatch" => Common::SignatureMismatch,
                    "expired" => Common::Expired,
                    "internal" => Common::Internal,
                    other => panic!("no such error: {other}"),
                };
                Answer::fault(service, &Fault::common(common, service), "id")
            }
        };
        let got = (answer.status, answer.content_type, answer.body.as_str());
        assert_eq!(got, (case.status, &*case.content_type, case.body.trim_end()), "{}", case.name);
    });
}

proptest::proptest! {
    #[test]
    fn no_form_makes_the_reader_panic(form in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = query::read::<Value>(&form);
    }

    #[test]
    fn lists_come_in_the_order_of_their_numbers(values in proptest::collection::vec("[a-z]{1,4}", 1..30), seed: u64) {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(rename = "Names")]
            names: Vec<String>,
        }
        let mut pairs: Vec<(usize, &String)> = values.iter().enumerate().collect();
        pairs.sort_by_key(|(index, _)| (*index as u64 + 1).wrapping_mul(seed | 1));
        let form: Vec<String> =
            pairs.iter().map(|(index, value)| format!("Names.member.{}={value}", index + 1)).collect();
        let listed: Listed = query::read(form.join("&").as_bytes()).expect("a form");
        proptest::prop_assert_eq!(listed.names, values);
    }
}

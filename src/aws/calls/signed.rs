//! Cases of `fixtures/aws/authentication/`: whose signature a request has.

use neargate_fixture as fixture;
use serde::Deserialize;

use super::account::Account;
use crate::aws::authentication;
use crate::protocols::request::Request;
use crate::protocols::service;
use crate::protocols::signature::credential::Credential;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    service: String,
    method: String,
    #[serde(default)]
    query: String,
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// An ARN, or status, code and message.
    answer: String,
}

const STACK: &str = "\
name: shop
load_balancer:
  listeners: [ { port: 80, protocol: HTTP, default_action: { fixed_response: { status_code: 404 } } } ]
aws:
  users:
    deploy: { access_keys: { AKIADEPLOYDEPLOYDEPL: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY } }
";

#[test]
fn a_request_is_its_signers() {
    let account = Account::new(Some(STACK), &Default::default());
    fixture::each("aws/authentication", |case: Case| {
        let request = Request {
            method: &case.method,
            path: "/",
            query: &case.query,
            headers: &case.headers,
            body: case.body.as_bytes(),
        };
        let credential = Credential::of(&request).expect("a whole signature, or none");
        let service = service::signed_as(&case.service).expect("a service");
        let caller = authentication::caller(&account.state(), &request, credential.as_ref(), service, "ListClusters");
        let answer = match caller {
            Ok(caller) => caller.arn,
            Err(fault) => format!("{} {} {}", fault.status, fault.code, fault.message),
        };
        assert_eq!(answer, case.answer, "{}", case.name);
    });
}

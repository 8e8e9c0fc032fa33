//! Properties of the protocols that must hold for any request from strangers. The package neargate checks them on its seeds, and
//! `make fuzz` looks for bytes that break one.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::answer::Answer;
use crate::fault::Fault;
use crate::query;
use crate::request::Request;
use crate::rest;
use crate::route;
use crate::service::{Protocol, SERVICES};
use crate::signature::credential::Credential;
use crate::signature::verify::verify;

/// A form becomes a tree with no more values than it has pairs, or is refused.
pub fn query(form: &[u8]) {
    if let Ok(tree) = query::read::<Value>(form) {
        let pairs = form_urlencoded::parse(form).count();
        assert!(values(&tree) <= pairs, "{pairs} pairs became {tree}");
    }
}

fn values(tree: &Value) -> usize {
    match tree {
        Value::Object(members) => members.values().map(values).sum(),
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Null => 0,
        Value::String(text) if text.is_empty() => 0,
        _ => 1,
    }
}

/// A request as text has an action or none, and input or none; a signature that was made with another secret is refused.
pub fn requests(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap_or_default().split_once(' ').unwrap_or(("POST", "/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(field).collect();
    let request = Request { method, path, query, headers: &headers, body: body.as_bytes() };
    let credential = Credential::of(&request);
    let known = credential.as_ref().ok().and_then(Option::as_ref);
    // Any answer will do.
    let _ = route::route(&request, known);
    let _ = rest::input(&request);
    if let Some(credential) = known {
        let secret = format!("a secret that nobody has: {:016x}", text.len());
        let verified = verify(&request, credential, &secret, jiff::Timestamp::UNIX_EPOCH);
        assert!(verified.is_err(), "it was signed with a secret that nobody has: {text}");
    }
}

/// Clients read in an error what it says, whatever a stranger makes us repeat.
pub fn errors(bytes: &[u8]) {
    let message = String::from_utf8_lossy(bytes);
    let fault = Fault::new("ValidationError", message.as_ref());
    for service in SERVICES {
        let body = Answer::fault(service, &fault, "id").body;
        match service.protocol {
            Protocol::Json => {
                let read: Value = serde_json::from_str(&body).expect("serde_json wrote it");
                assert_eq!(read["message"], *message);
            }
            Protocol::Query | Protocol::RestXml | Protocol::Ec2 => {
                // XML has no other characters: https://www.w3.org/TR/xml/#charsets
                let is_none = |letter| matches!(letter, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
                assert!(!body.contains(is_none), "no client reads {body:?}");
                assert_eq!(message_of(&body), message.replace(is_none, "\u{fffd}"));
            }
        }
    }
}

/// The text of `Message`, with line ends as parsers of XML read them.
fn message_of(body: &str) -> String {
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = Reader::from_str(&body);
    let (mut is_message, mut message) = (false, String::new());
    loop {
        match reader.read_event().expect("clients read the answer") {
            Event::Start(start) => is_message = start.name().as_ref() == b"Message",
            Event::End(_) => is_message = false,
            Event::Text(text) if is_message => message.push_str(&text.decode().expect("it was a string")),
            Event::GeneralRef(name) if is_message => {
                let whole = format!("&{};", name.decode().expect("it was a string"));
                message.push_str(&quick_xml::escape::unescape(&whole).expect("only references of XML are written"));
            }
            Event::Eof => return message,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn clients_read_what_an_error_says(message in any::<String>()) {
            super::errors(message.as_bytes());
        }

        #[test]
        fn forms_become_no_more_than_they_say(form in "([A-Za-z.0-9]{0,12}=[a-z]{0,3}&){0,12}") {
            super::query(form.as_bytes());
        }
    }
}

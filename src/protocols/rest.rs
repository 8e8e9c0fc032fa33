//! REST in XML, which Route 53 speaks: the method and the path name the action; the path, the query string and the body have
//! its input. (Amazon Route 53 API reference, "Request Syntax" of each action.)

use quick_xml::events::Event;
use quick_xml::reader::Reader;
use serde_json::{Map, Value};

use crate::request::Request;

/// What follows the version in a path, the method, and the action. `Id` and its like are members of the input.
const PATHS: &[(&str, &str, &str)] = &[
    ("GET", "change/Id", "GetChange"),
    ("GET", "hostedzone", "ListHostedZones"),
    ("POST", "hostedzone", "CreateHostedZone"),
    ("GET", "hostedzone/Id", "GetHostedZone"),
    ("POST", "hostedzone/Id", "UpdateHostedZoneComment"),
    ("DELETE", "hostedzone/Id", "DeleteHostedZone"),
    ("GET", "hostedzone/Id/rrset", "ListResourceRecordSets"),
    ("POST", "hostedzone/Id/rrset", "ChangeResourceRecordSets"),
    ("GET", "hostedzonecount", "GetHostedZoneCount"),
    ("GET", "hostedzonesbyname", "ListHostedZonesByName"),
    ("GET", "tags/ResourceType/ResourceId", "ListTagsForResource"),
    ("POST", "tags/ResourceType/ResourceId", "ChangeTagsForResource"),
];

/// Deeper bodies belong to nobody's API.
const DEEPEST: usize = 16;

/// The parts of a path after the version. Ids may come with their kind, as in `hostedzone//hostedzone/Z1`.
fn parts(path: &str) -> Vec<String> {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
    decoded.split('/').filter(|part| !part.is_empty()).skip(1).map(str::to_owned).collect()
}

fn find(request: &Request<'_>) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    let given = parts(request.path);
    PATHS.iter().find_map(|(method, path, action)| {
        let pattern: Vec<&str> = path.split('/').collect();
        if *method != request.method || pattern.len() != given.len() {
            return None;
        }
        let mut members = Vec::new();
        for (part, given) in pattern.into_iter().zip(&given) {
            match part.starts_with(char::is_uppercase) {
                true => members.push((part, given.clone())),
                false if part == given => {}
                false => return None,
            }
        }
        Some((*action, members))
    })
}

/// The action that a request asks for; empty if there is none at its path.
pub(crate) fn action(request: &Request<'_>) -> &'static str {
    find(request).map(|(action, _)| action).unwrap_or_default()
}

/// The input of an action: members of the path and of the query string beside those of the body. Values are texts; an element
/// that comes several times is a list.
///
/// # Errors
///
/// The body is not XML.
pub fn input(request: &Request<'_>) -> Result<Value, String> {
    let mut members = match request.body.is_empty() {
        true => Map::new(),
        false => match body(request.body)? {
            Value::Object(members) => members,
            _ => Map::new(),
        },
    };
    for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
        members.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    for (name, value) in find(request).map(|(_, members)| members).unwrap_or_default() {
        members.insert(name.to_owned(), Value::String(value));
    }
    Ok(Value::Object(members))
}

/// What is inside the root element.
fn body(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(text);
    // Elements that are open: what is in each so far, and its text.
    let mut open: Vec<(String, Map<String, Value>, String)> = Vec::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) => {
                if open.len() == DEEPEST {
                    return Err("the body is nested too deeply".to_owned());
                }
                let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
                open.push((name, Map::new(), String::new()));
            }
            Event::Empty(element) => {
                let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
                match open.last_mut() {
                    Some((_, members, _)) => add(members, name, Value::String(String::new())),
                    None => return Ok(Value::Object(Map::new())),
                }
            }
            Event::End(_) => {
                let Some((name, members, text)) = open.pop() else { return Err("the body is not XML".to_owned()) };
                let value = if members.is_empty() { Value::String(text) } else { Value::Object(members) };
                match open.last_mut() {
                    Some((_, members, _)) => add(members, name, value),
                    None => return Ok(value),
                }
            }
            Event::Text(more) => {
                let more = more.decode().map_err(|error| error.to_string())?;
                open.iter_mut().last().into_iter().for_each(|(_, _, text)| text.push_str(&more));
            }
            Event::CData(more) => {
                let more = String::from_utf8_lossy(&more).into_owned();
                open.iter_mut().last().into_iter().for_each(|(_, _, text)| text.push_str(&more));
            }
            Event::GeneralRef(reference) => {
                let name = String::from_utf8_lossy(&reference).into_owned();
                let symbol = match reference.resolve_char_ref() {
                    Ok(Some(symbol)) => symbol.to_string(),
                    _ => quick_xml::escape::resolve_predefined_entity(&name)
                        .ok_or_else(|| format!("no such entity: {name}"))?
                        .to_owned(),
                };
                open.iter_mut().last().into_iter().for_each(|(_, _, text)| text.push_str(&symbol));
            }
            Event::Eof => return Err("the body is not whole".to_owned()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// The second element of a name makes a list of both.
fn add(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.get_mut(&name) {
        None => {
            members.insert(name, value);
        }
        Some(Value::Array(items)) => items.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request<'a>(method: &'a str, path: &'a str, query: &'a str, body: &'a str) -> Request<'a> {
        Request { method, path, query, headers: &[], body: body.as_bytes() }
    }

    #[test]
    fn paths_name_actions_and_what_they_are_about() {
        let get = request("GET", "/2013-04-01/hostedzone/Z1/rrset", "maxitems=1&name=a.b.&type=A", "");
        assert_eq!(action(&get), "ListResourceRecordSets");
        assert_eq!(input(&get), Ok(json!({ "Id": "Z1", "maxitems": "1", "name": "a.b.", "type": "A" })));
        assert_eq!(action(&request("DELETE", "/2013-04-01/hostedzone/Z1", "", "")), "DeleteHostedZone");
        assert_eq!(action(&request("POST", "/2013-04-01/hostedzone/Z1/rrset/", "", "")), "ChangeResourceRecordSets");
        assert_eq!(action(&request("PUT", "/2013-04-01/hostedzone", "", "")), "");
        assert_eq!(action(&request("GET", "/2013-04-01/healthcheck/1", "", "")), "");
    }

    #[test]
    fn bodies_are_read_as_they_nest() {
        let tags = "<?xml version=\"1.0\"?>\n<ChangeTagsForResourceRequest xmlns=\"x\"><AddTags><Tag><Key>a</Key>\
                    <Value>1 &amp; &#50;</Value></Tag><Tag><Key>b</Key><Value/></Tag></AddTags></ChangeTagsForResourceRequest>";
        let post = request("POST", "/2013-04-01/tags/hostedzone/Z1", "", tags);
        let tags = json!([{ "Key": "a", "Value": "1 & 2" }, { "Key": "b", "Value": "" }]);
        assert_eq!(
            input(&post),
            Ok(json!({ "AddTags": { "Tag": tags }, "ResourceType": "hostedzone", "ResourceId": "Z1" }))
        );
        for broken in ["<a>", "<a></b>", "no", "<a>&none;</a>", &"<a>".repeat(100)] {
            assert!(input(&request("POST", "/2013-04-01/hostedzone", "", broken)).is_err(), "{broken}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = body(&bytes);
        }

        #[test]
        fn no_text_that_looks_like_xml_makes_the_reader_panic(text in "[<>/a-c&;#x0-9 \"=!?\\[-]{0,60}") {
            let _ = body(text.as_bytes());
        }
    }
}

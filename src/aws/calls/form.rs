//! Inputs as a form spells them.

use serde_json::Value;

use crate::protocols::service::Protocol;

/// `Tags.member.1.Key=a`, or with EC2 `Tag.1.Key=a`.
pub(super) fn form(input: &Value, protocol: Protocol) -> String {
    let mut form = String::new();
    spell(input, String::new(), protocol, &mut form);
    form
}

fn spell(value: &Value, name: String, protocol: Protocol, form: &mut String) {
    let below = |part: String| if name.is_empty() { part } else { format!("{name}.{part}") };
    match value {
        Value::Null => {}
        Value::Object(members) => {
            members.iter().for_each(|(member, value)| spell(value, below(member.clone()), protocol, form));
        }
        Value::Array(items) => {
            let member = if protocol == Protocol::Ec2 { "" } else { "member." };
            for (number, value) in (1..).zip(items) {
                spell(value, below(format!("{member}{number}")), protocol, form);
            }
        }
        Value::String(text) => {
            pair(form, &name, text);
        }
        scalar => {
            pair(form, &name, &scalar.to_string());
        }
    }
}

fn pair(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    form.push_str(name);
    form.push('=');
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => form.push(char::from(byte)),
            _ => form.push_str(&format!("%{byte:02X}")),
        }
    }
}

//! The first file of tests: a request for each rule, with what becomes of it.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::failure::ExitStatus;
use crate::lint::expectation::{self, Done, Outcome};
use crate::lint::visit::Step;
use crate::model::Topology;
use crate::model::listener::{ListenerProtocol, LoadBalancer};

/// Writes the file, unless there is one.
pub(super) fn first_file(topology: &Topology, path: &Path, err: &mut dyn Write) -> io::Result<ExitStatus> {
    let text = text(topology);
    match std::fs::File::create_new(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            writeln!(err, "wrote {}", path.display())?;
            Ok(ExitStatus::SUCCESS)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            writeln!(err, "error: {} exists; move it away first", path.display())?;
            Ok(ExitStatus::USAGE)
        }
        Err(error) => {
            writeln!(err, "error: {}: {error}", path.display())?;
            Ok(ExitStatus::FAILED)
        }
    }
}

fn text(topology: &Topology) -> String {
    let mut text = String::from(
        "# Where requests go, tested with `neargate test`: no engine, no stack. One request for each rule, as neargate\n\
         # found it; write down the ones that matter to you.\ntests:\n",
    );
    for (balancer, step, outcome) in expectation::examples(topology) {
        let _ = writeln!(text, "  - {}", test(topology, balancer, &step, &outcome));
    }
    text
}

fn test(topology: &Topology, balancer: &LoadBalancer, step: &Step, outcome: &Outcome) -> String {
    let expect = match &outcome.action {
        Done::Forwarded { groups, .. } => match groups.keys().collect::<Vec<_>>().as_slice() {
            [only] => format!("group: {}", quoted(only.as_str())),
            _ => {
                let each = groups.iter().map(|(name, weight)| format!("{}: {weight}", quoted(name.as_str())));
                format!("groups: {{ {} }}", each.collect::<Vec<_>>().join(", "))
            }
        },
        Done::Redirected { status, location: Some(location) } => {
            format!("redirect: {}, status: {status}", quoted(location))
        }
        Done::Redirected { location: None, .. } => "status: 507".to_owned(),
        Done::Answered { status, .. } => format!("status: {status}"),
        Done::Failed => "status: 500".to_owned(),
    };
    let rule = match outcome.rule {
        expectation::RuleName::Priority(priority) => priority.to_string(),
        expectation::RuleName::Default => "default".to_owned(),
    };
    let request = &step.request;
    let mut fields = vec![format!("request: {}", quoted(&url(balancer, step)))];
    if let Some(source) = request.source {
        fields.push(format!("source: {}", quoted(&source.to_string())));
    }
    if !request.headers.is_empty() {
        let each = request
            .headers
            .iter()
            .map(|(name, value)| format!("{}: {}", quoted(name), quoted(&String::from_utf8_lossy(value))));
        fields.push(format!("headers: {{ {} }}", each.collect::<Vec<_>>().join(", ")));
    }
    if topology.has_several_load_balancers() {
        fields.push(format!("load_balancer: {}", quoted(balancer.name.as_str())));
    }
    fields.push(format!("expect: {{ {expect}, rule: {rule} }}"));
    format!("{{ {} }}", fields.join(", "))
}

/// Method and URL; only the path where the host is the usual one of the usual listener.
fn url(balancer: &LoadBalancer, step: &Step) -> String {
    let listener = &balancer.listeners[step.listener];
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let is_https = matches!(listener.protocol, ListenerProtocol::Https(_));
    let method = step.request.method.as_deref().unwrap_or("GET");
    let path = step.request.path.as_deref().map_or("/".to_owned(), text);
    let query = text(&step.request.parameters.join(&b"&"[..]));
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let usual = balancer.domains.first().map(|name| name.as_str().replacen("*.", "www.", 1));
    if (step.request.host.is_none() || step.request.host == usual) && is_https && listener.port == 443 {
        return format!("{method} {path}{query}");
    }
    let host = step.request.host.clone().or(usual).unwrap_or_else(|| "localhost".to_owned());
    let (scheme, own) = if is_https { ("https", 443) } else { ("http", 80) };
    let port = if listener.port == own { String::new() } else { format!(":{}", listener.port) };
    format!("{method} {scheme}://{host}{port}{path}{query}")
}

/// As YAML, in a flow mapping.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    let is_word = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) && text.bytes().all(plain);
    // Every JSON string is a YAML string.
    if is_word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

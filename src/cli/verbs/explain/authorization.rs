//! `explain ID`: why a request to the endpoint of AWS's APIs was denied. The message of the error gives the id.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::Format;
use crate::cli::output::printer::Printer;
use crate::machine::folders::Folders;

/// How long the stack may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether this is an authorization id, and not a URL.
pub(super) fn is_one(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Prints it.
pub(super) fn explain(
    id: &str,
    folders: &Folders,
    format: Format,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let endpoint = std::fs::read_to_string(folders.aws_endpoint()).map_err(|_| {
        Failure::new("no stack that serves AWS APIs is running; what it denied is known only as long as it runs")
    })?;
    let address = endpoint.trim().trim_start_matches("http://");
    let address: SocketAddr = address
        .parse()
        .map_err(|error| Failure::new(format!("the address of the AWS APIs cannot be read: {error}")))?;
    let body =
        get(address, id).map_err(|error| Failure::new(format!("the AWS APIs at {address} do not answer: {error}")))?;
    let denial: Value = serde_json::from_str(&body).unwrap_or_default();
    if denial["authorizationId"] != id {
        return Err(Failure::new(format!("nothing was denied under {id} since the stack was started")));
    }
    match format {
        Format::Json => printer.json(&denial)?,
        Format::Table => printer.data(&text(&denial))?,
    }
    Ok(ExitStatus::SUCCESS)
}

fn get(address: SocketAddr, id: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /_neargate/authorizations/{id} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn text(denial: &Value) -> String {
    let member = |name: &str| denial[name].as_str().unwrap_or_default();
    let mut lines = vec![
        format!("{} was denied {} on {}", member("principal"), member("action"), member("resource")),
        format!("  at      {}", member("at")),
        format!("  reason  {}", member("reason")),
    ];
    if let Some(to) = denial["add"]["to"].as_str() {
        let statement = serde_json::to_string_pretty(&denial["add"]["statement"]).unwrap_or_default();
        lines.push(format!("  fix     add to {to}:"));
        lines.extend(statement.lines().map(|line| format!("          {line}")));
    }
    let keys = denial["context"].as_object();
    if let Some(keys) = keys.filter(|keys| !keys.is_empty()) {
        lines.push("  keys    that conditions could ask for:".to_owned());
        lines.extend(keys.iter().map(|(key, values)| {
            let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            format!("          {key} = {}", values.join(", "))
        }));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_urls() {
        assert!(is_one("abcdefghijklmnopqrstuvwx27"));
        for url in ["app.example.com", "/api/users", "localhost", "https://abcdefghijklmnopqrstuvwx27"] {
            assert!(!is_one(url), "{url}");
        }
    }
}

//! Those of a listener.

use neargate_model::listener::{HeaderModification, RESPONSE_HEADERS, TLS_CIPHER_SUITE, TLS_VERSION};

use super::texts::{Reader, Texts};
use crate::violation::Violation;

const SERVER: &str = "routing.http.response.server.enabled";
const TLS_VERSION_NAME: &str = "routing.http.request.x_amzn_tls_version.header_name";
const TLS_CIPHER_SUITE_NAME: &str = "routing.http.request.x_amzn_tls_cipher_suite.header_name";

/// All that make a difference here. A header that is not set has no value.
pub fn texts(headers: &HeaderModification) -> Texts {
    let mut list = Texts::from([
        (SERVER.to_owned(), headers.server.to_string()),
        (TLS_VERSION_NAME.to_owned(), headers.tls_version_name.clone()),
        (TLS_CIPHER_SUITE_NAME.to_owned(), headers.tls_cipher_suite_name.clone()),
    ]);
    list.extend(RESPONSE_HEADERS.iter().map(|name| {
        let value = headers.response.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        (key(name), value.unwrap_or_default())
    }));
    list
}

/// What they mean. "Setting an empty value will cause the load balancer to revert to the default behavior" (ALB user guide,
/// HTTP header modification).
///
/// # Errors
///
/// A value that its key does not take. Names and values of headers are judged with the attributes.
pub fn read(texts: &Texts) -> Result<HeaderModification, Violation> {
    let reader = Reader(texts);
    let name = |key, default: &str| match reader.text(key) {
        "" => default.to_owned(),
        name => name.to_owned(),
    };
    let value = |name: &str| texts.get(&key(name)).filter(|value| !value.is_empty()).cloned();
    Ok(HeaderModification {
        server: reader.flag(SERVER)?,
        response: RESPONSE_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect(),
        tls_version_name: name(TLS_VERSION_NAME, TLS_VERSION),
        tls_cipher_suite_name: name(TLS_CIPHER_SUITE_NAME, TLS_CIPHER_SUITE),
    })
}

fn key(header: &str) -> String {
    format!("routing.http.response.{}.header_value", header.to_ascii_lowercase().replace('-', "_"))
}

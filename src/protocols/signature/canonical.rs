//! The text that is signed.

use std::fmt::Write;

use aws_lc_rs::digest;
use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

use super::credential::Credential;
use crate::percent::RESERVED;
use crate::request::Request;

/// The same without slashes, for paths.
const RESERVED_IN_PATHS: &AsciiSet = &RESERVED.remove(b'/');

/// The canonical request, hashed, in hexadecimal digits.
pub(super) fn hash(request: &Request<'_>, credential: &Credential) -> String {
    let mut text = format!("{}\n{}\n{}\n", request.method, path(request.path), query(request.query));
    for name in credential.signed_headers.split(';') {
        let values = request.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| squeezed(value));
        let _ = writeln!(text, "{name}:{}", values.collect::<Vec<_>>().join(","));
    }
    let _ = write!(text, "\n{}\n{}", credential.signed_headers, payload(request, credential));
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// Services other than S3 sign the path as it is sent, encoded once more.
fn path(path: &str) -> String {
    match path {
        "" => "/".to_owned(),
        path => utf8_percent_encode(path, RESERVED_IN_PATHS).to_string(),
    }
}

/// Sorted by name and then value, each encoded in the one way; without the signature itself.
fn query(query: &str) -> String {
    let encoded = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&decoded, RESERVED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded(name), encoded(value)))
        .filter(|(name, _)| name != "X-Amz-Signature")
        .collect();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Trimmed, and inner runs of spaces as one.
fn squeezed(value: &str) -> String {
    value.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The hash of the body. A client may say it in a header field that it signs; it still must be true.
fn payload(request: &Request<'_>, credential: &Credential) -> String {
    const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
    let said = request.header("x-amz-content-sha256");
    if said == Some(UNSIGNED) && credential.signed_headers.split(';').any(|name| name == "x-amz-content-sha256") {
        return UNSIGNED.to_owned();
    }
    hex(digest::digest(&digest::SHA256, request.body).as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

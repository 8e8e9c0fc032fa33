//! The path as rules compare it: "The rule evaluation is performed only after URI normalization occurs" (ALB user
//! guide, "Path conditions").
//!
//! AWS does not say which normalization. This module implements RFC 3986, section 6.2.2: `%c3` becomes `%C3` (6.2.2.1),
//! `%61` becomes `a`, while `%2F` does not become a slash (6.2.2.2), `/a/../b` becomes `/b`, and the parent of the root
//! is the root (6.2.2.3). Consecutive slashes stay, unlike in nginx. Nothing else sees the result: targets, redirects,
//! transforms and logs use the original path.

use std::borrow::Cow;

/// The normal form of a path. Most paths are already normal and are only scanned.
pub(crate) fn normal(path: &[u8]) -> Cow<'_, [u8]> {
    let odd = |at: usize| path[at] == b'%' || at.checked_sub(1).is_some_and(|before| path[before] == b'/');
    // `OPTIONS *` has no path.
    if !memchr::memchr2_iter(b'%', b'.', path).any(odd) || !path.starts_with(b"/") {
        return Cow::Borrowed(path);
    }
    Cow::Owned(without_dot_segments(&decoded(path)))
}

fn decoded(path: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(path.len()), 0);
    while let Some(&byte) = path.get(at) {
        let digits = path.get(at + 1..at + 3).filter(|_| byte == b'%');
        let value = digits.and_then(|digits| Some(16 * hex(digits[0])? + hex(digits[1])?));
        match (value, digits) {
            (Some(value), _) if is_unreserved(value) => out.push(value),
            (Some(_), Some(digits)) => {
                out.extend([b'%', digits[0].to_ascii_uppercase(), digits[1].to_ascii_uppercase()]);
            }
            // Anything else stays as it is, including a percent sign that encodes nothing.
            _ => {
                out.push(byte);
                at += 1;
                continue;
            }
        }
        at += 3;
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn without_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let mut segments = path.split(|&byte| byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    out.truncate(out.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
                }
                if last {
                    out.push(b'/');
                }
            }
            segment => {
                out.push(b'/');
                out.extend_from_slice(segment);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 3986, section 5.2.4, rule by rule, for paths that begin with a slash.
    fn by_the_book(path: &str) -> String {
        let (mut input, mut output) = (path.to_owned(), String::new());
        while !input.is_empty() {
            if input.starts_with("/./") || input == "/." {
                input = format!("/{}", input.strip_prefix("/./").unwrap_or_default());
            } else if input.starts_with("/../") || input == "/.." {
                input = format!("/{}", input.strip_prefix("/../").unwrap_or_default());
                output.truncate(output.rfind('/').unwrap_or(0));
            } else {
                let end = input[1..].find('/').map_or(input.len(), |slash| slash + 1);
                output.extend(input.drain(..end));
            }
        }
        output
    }

    proptest! {
        #[test]
        fn dot_segments_go_by_the_book(path in "/[a./]{0,12}") {
            let normal = normal(path.as_bytes());
            prop_assert_eq!(String::from_utf8_lossy(&normal), by_the_book(&path));
        }

        #[test]
        fn unnecessary_encoding_makes_no_difference(path in "/[a.~/]{0,8}", at in 0..8usize) {
            let encode = |(index, byte): (usize, u8)| {
                if index == at + 1 && byte != b'/' { format!("%{byte:02x}") } else { char::from(byte).to_string() }
            };
            let encoded: String = path.bytes().enumerate().map(encode).collect();
            prop_assert_eq!(normal(encoded.as_bytes()), normal(path.as_bytes()));
        }

        #[test]
        fn the_normal_form_is_its_own(path in "/[a%2eEfF./]{0,12}") {
            let once = normal(path.as_bytes()).into_owned();
            let again = normal(&once);
            prop_assert_eq!(&again[..], &once[..]);
        }
    }
}

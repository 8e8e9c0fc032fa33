//! Nearly valid heads, for [`super::properties::has_one_meaning`] and
//! [`super::properties::plain_is_compliant`].

use proptest::prelude::*;

use super::properties::{has_one_meaning, plain_is_compliant};
use neargate_http1::head::HeadScanner;
use neargate_model::listener::DesyncMode;

fn line() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec![
        "Content-Length",
        "content_length",
        "Content-Length ",
        "\tContent-Length",
        "Transfer-Encoding",
        "Transfer_Encoding",
        "transferencoding",
        "Transfer-Encoding\t",
        " Transfer-Encoding",
        "\u{1}Transfer-Encoding",
        "Tran\u{17f}fer-Encoding",
        "Host",
        "X",
        "",
    ]);
    let value =
        proptest::sample::select(vec!["5", "6", "005", "", "chunked", "gzip", "identity", "chunked, chunked", "e.com"]);
    let separator = proptest::sample::select(vec![": ", ":", "", ":\t", " : "]);
    let end = proptest::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "\r\n ", "\r\n\t", "\r"]);
    (name, separator, value, end).prop_map(|(name, separator, value, end)| format!("{name}{separator}{value}{end}"))
}

/// Complete lines and fragments.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec![
            "GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "HEAD / HTTP/1.0\r\n", "Host: e.com\r\n",
            "Content-Length: 5\r\n", "content-length:0\r\n", "Transfer-Encoding: chunked\r\n", "Transfer_Encoding: x\r\n",
            "Content_Length: 5\r\n", "C-ontent-Length: 5\r\n", "Cookie: a=b\r\n", " folded\r\n", "nocolon\r\n", ": x\r\n",
            "\r\n", "\n", "X: y\n", "X: y \r\n", "X:\r\n", "X : y\r\n", "X: y\r\r\n", "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n", "T-ransferEncoding: chunked\r\n", "Content-Lengt\u{131}h: 1\r\n",
        ]).prop_map(str::to_owned),
        1 => "[A-Za-z_ :\r\n\t\u{1}\0/0-9.-]{0,12}",
    ]
}

#[test]
fn everyday_heads_are_recognised_without_the_classifier() {
    for head in [
        "GET /a?b=c HTTP/1.1\r\nHost: e.com\r\nUser-Agent: x/1 (y)\r\nAccept: */*\r\nCookie: a=b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 12\r\nContent-Type: text/plain\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:e.com\r\nEmpty:\r\nCache-Control: no-cache  \r\ntraceparent: 00-1-2-3\r\n\r\n",
    ] {
        assert!(plain_is_compliant(head.as_bytes()), "{head:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]
    #[test]
    fn what_looks_plain_is_compliant_to_the_classifier(parts in proptest::collection::vec(fragment(), 1..8)) {
        plain_is_compliant((parts.concat() + "\r\n").as_bytes());
    }

    #[test]
    fn no_request_reaches_a_target_with_two_meanings(
        first in proptest::sample::select(vec![
            "GET / HTTP/1.1", "POST /a b HTTP/1.1", "POST / HTTP/1.0", "HEAD / HTTP/1.9 ", "PUT http://h/x HTTP/1.1",
        ]),
        lines in proptest::collection::vec(line(), 0..6),
        mode in proptest::sample::select(vec![DesyncMode::Monitor, DesyncMode::Defensive, DesyncMode::Strictest]),
    ) {
        let text = format!("{first}\r\n{}\r\n\r\n", lines.concat());
        // As the connection would cut it out of the stream.
        let end = HeadScanner::for_request().scan(text.as_bytes()).unwrap();
        if let Some(end) = end {
            has_one_meaning(&text.as_bytes()[..end], mode);
        }
    }
}

//! Heads that are nearly right, for [`super::properties::has_one_meaning`].

use proptest::prelude::*;

use super::head::HeadScanner;
use super::properties::has_one_meaning;
use crate::model::listener::DesyncMode;

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]
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

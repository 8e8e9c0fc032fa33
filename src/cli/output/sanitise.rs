//! Sanitises foreign text before it reaches a terminal: names in files and messages of engines and registries may contain
//! control characters, which a terminal obeys (CWE-150). Our own colours pass; everything else is made visible.
//!
//! [`crate::cli::output::printer`] sends everything through here, except the output of containers, which `logs` shows as
//! `docker logs` does.

use std::io::{self, Write};

/// The text with every control character shown instead of obeyed, except line ends, tabs and our own colours.
pub(crate) fn sanitised(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character == '\u{1b}'
            && let Some(length) = own_style(rest)
        {
            clean.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        push(character, &mut clean);
        rest = &rest[character.len_utf8()..];
    }
    clean
}

/// JSON with its last control characters escaped: serde_json leaves DEL and C1 as they are.
pub(crate) fn json(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut clean, character| {
        match character {
            '\u{7f}'..='\u{9f}' => clean.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => clean.push(other),
        }
        clean
    })
}

fn push(character: char, clean: &mut String) {
    match character {
        '\n' | '\t' => clean.push(character),
        // Unicode has a picture of each.
        '\0'..='\u{1f}' => clean.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}')),
        '\u{7f}' => clean.push('␡'),
        '\u{80}'..='\u{9f}' => clean.push_str(&format!("<U+{:04X}>", u32::from(character))),
        // They change the order in which a line is read, and so what it seems to say.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            clean.push_str(&format!("<U+{:04X}>", u32::from(character)));
        }
        other => clean.push(other),
    }
}

/// The length of an SGR sequence (ECMA-48, 8.3.117) that we could have written ourselves: colours of the foreground,
/// bold, dim, italic, underlined. Nothing that hides text.
fn own_style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|character: char| !character.is_ascii_digit() && character != ';')?;
    if !parameters[end..].starts_with('m') {
        return None;
    }
    let mut numbers = parameters[..end].split(';').map(|number| number.parse::<u16>().unwrap_or(0));
    while let Some(number) = numbers.next() {
        match number {
            0..=4 | 22..=24 | 30..=37 | 39 | 90..=97 => {}
            38 if numbers.next() == Some(5) && numbers.next().is_some_and(|colour| colour < 256) => {}
            _ => return None,
        }
    }
    Some("\u{1b}[".len() + end + 1)
}

/// Sanitises output line by line, because a sequence may come in pieces.
pub(crate) struct Sanitised<W: Write> {
    inner: W,
    pending: Vec<u8>,
}

impl<W: Write> Sanitised<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, pending: Vec::new() }
    }

    /// Bypasses sanitising, for output that must arrive unchanged.
    pub(crate) fn raw(&mut self) -> io::Result<&mut W> {
        self.flush()?;
        Ok(&mut self.inner)
    }

    fn write_pending(&mut self, length: usize) -> io::Result<()> {
        let ready: Vec<u8> = self.pending.drain(..length).collect();
        self.inner.write_all(sanitised(&String::from_utf8_lossy(&ready)).as_bytes())
    }
}

impl<W: Write> Write for Sanitised<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if let Some(end) = self.pending.iter().rposition(|byte| *byte == b'\n') {
            self.write_pending(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_pending(self.pending.len())?;
        self.inner.flush()
    }
}

impl<W: Write> Drop for Sanitised<W> {
    fn drop(&mut self) {
        // A caller that did not flush is not interested in errors.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, STRONG};

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (hostile, shown) in [
            ("x\u{1b}]0;owned\u{7}", "x␛]0;owned␇"),
            ("\u{1b}[2J\u{1b}[H", "␛[2J␛[H"),
            ("\u{9b}2J", "<U+009B>2J"),
            ("\u{1b}[8mhidden\u{1b}[7m", "␛[8mhidden␛[7m"),
            ("\u{1b}[38;2;0;0;0mblack", "␛[38;2;0;0;0mblack"),
            ("a\rb\u{8}c\u{7f}", "a␍b␈c␡"),
            ("user\u{202e}txt.exe", "user<U+202E>txt.exe"),
        ] {
            assert_eq!(sanitised(hostile), shown);
        }
    }

    #[test]
    fn our_own_colours_and_all_other_text_pass() {
        for style in [GOOD, BAD, NOTE, DIM, STRONG] {
            let text = format!("{style}✔ naïve\t→ 日本{style:#}\n");
            assert_eq!(sanitised(&text), text);
        }
        let annotated = "\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[38;5;12m | \u{1b}[0m\n";
        assert_eq!(sanitised(annotated), annotated);
    }

    #[test]
    fn a_sequence_that_is_written_in_pieces_is_found() {
        let mut out = Sanitised::new(Vec::new());
        for piece in ["a\u{1b}", "]0;x", "\u{7}\n", "\u{1b}[3", "1mred\u{1b}[0m", "\u{1b}c"] {
            out.write_all(piece.as_bytes()).unwrap();
        }
        out.flush().unwrap();
        assert_eq!(String::from_utf8(out.raw().unwrap().clone()).unwrap(), "a␛]0;x␇\n\u{1b}[31mred\u{1b}[0m␛c");
    }

    #[test]
    fn json_stays_json_and_means_the_same() {
        let value = serde_json::json!({ "image": "x\u{9b}2J\u{7f}\u{1b}" });
        let text = json(&value.to_string());
        assert!(text.chars().all(|character| !character.is_control()), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}

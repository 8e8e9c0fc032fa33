//! Header fields of a request, including odd ones.
//!
//! Desync mitigation has already classified odd fields; those that it lets pass must be forwarded in an unambiguous form,
//! as an ALB does: a name may contain any byte but NUL and CR, a line without a colon is a name, a folded line is a
//! separate field. Only lines without any name are dropped.

use super::bytes::{trim, trim_cr};
use super::fields::FieldSpan;

/// Splits header lines from `start` up to the empty line. The message says what cannot be forwarded in any mode.
pub fn parse(head: &[u8], mut start: usize, fields: &mut Vec<FieldSpan>) -> Result<(), &'static str> {
    fields.clear();
    let clean = is_clean(head);
    while let Some(length) = memchr::memchr(b'\n', &head[start..]) {
        let line = trim_cr(&head[start..start + length]);
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = split(line, clean)? {
            fields.push(FieldSpan::new(
                head,
                start + name.start..start + name.end,
                start + value.start..start + value.end,
            ));
        }
        start += length + 1;
    }
    Ok(())
}

/// Whether there is no NUL in a head, and no CR but at the ends of lines. Over the whole head at once, and in this form,
/// because then the compiler makes vectors of it: 50 ns in place of 400 for a look at every byte of every field. The last
/// byte is an LF.
fn is_clean(head: &[u8]) -> bool {
    let pairs = head.iter().zip(head.get(1..).unwrap_or_default());
    !pairs.fold(false, |odd, (&byte, &next)| odd | (byte == 0) | (byte == b'\r') & (next != b'\n'))
}

fn has_nul_or_cr(bytes: &[u8]) -> bool {
    bytes.iter().any(|&byte| matches!(byte, 0 | b'\r'))
}

type Range = std::ops::Range<usize>;

/// Name and value of one line; `None` for a line that is left out. `clean`: there is no NUL and no CR in it.
fn split(line: &[u8], clean: bool) -> Result<Option<(Range, Range)>, &'static str> {
    // Names are short: a search with vectors would cost more.
    let colon = line.iter().position(|&byte| byte == b':');
    let name = match colon {
        _ if matches!(line[0], b' ' | b'\t') => return continuation(line, colon),
        Some(colon) => 0..colon,
        // nginx, from which ALB descends, takes the whole line for a name, and writes a colon behind it.
        None => 0..line.len(),
    };
    // "EmptyHeader", which http-desync-guardian rates bad: not to be sent to targets.
    if trim(&line[name.clone()], 0).is_empty() {
        return Ok(None);
    }
    let value = colon.map_or(line.len()..line.len(), |colon| trim(line, colon + 1));
    if !clean && has_nul_or_cr(&line[name.clone()]) {
        return Err("NUL or CR in a header name");
    }
    if !clean && has_nul_or_cr(&line[value.clone()]) {
        return Err("NUL or CR in a header value");
    }
    Ok(Some((name, value)))
}

/// A line that continues the one before. "When a multi-line header is provided the Application Load Balancer appends
/// a colon character before passing it to the target" (ALB user guide, Troubleshooting): it becomes a field without a
/// value.
///
/// Its leading blanks are taken off: the fields around it change places on the way, and the target would fold it into
/// one that it never belonged to. A continuation that has a colon itself is left out, since without its blanks it
/// would be a header that was never sent, such as a Content-Length.
fn continuation(line: &[u8], colon: Option<usize>) -> Result<Option<(Range, Range)>, &'static str> {
    let name = trim(line, 0);
    if has_nul_or_cr(line) {
        return Err("NUL or CR in a folded header");
    }
    let end = name.end;
    Ok((colon.is_none() && !name.is_empty()).then_some((name, end..end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;

    fn fields(lines: &str) -> Result<Vec<String>, &'static str> {
        let head = format!("{lines}\r\n\r\n");
        let mut spans = Vec::new();
        parse(head.as_bytes(), 0, &mut spans)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = Fields::new(head.as_bytes(), &spans);
        Ok(fields.iter().map(|field| format!("{}={}", text(field.name), text(field.value))).collect())
    }

    #[test]
    fn odd_names_are_kept_as_they_are() {
        assert_eq!(fields("a(b: 1\r\nA : 2\r\n\u{1}x:3").unwrap(), ["a(b=1", "A =2", "\u{1}x=3"]);
    }

    #[test]
    fn a_line_without_a_colon_is_a_name_and_one_without_a_name_is_left_out() {
        assert_eq!(fields("nocolon\r\n: x\r\n \t: y\r\nB: 1").unwrap(), ["nocolon=", "B=1"]);
    }

    #[test]
    fn a_folded_line_is_a_field_of_its_own_unless_it_has_a_colon() {
        let folded = "X: a\r\n b c\r\n\t\r\n Content-Length: 5\r\nY: d";
        assert_eq!(fields(folded).unwrap(), ["X=a", "b c=", "Y=d"]);
    }

    #[test]
    fn nul_and_cr_are_forwarded_in_no_mode() {
        for lines in ["a\0: b", "a: b\0", "a: b\rc", "a\r: b", "a: b\r\n c\rd", "no\0colon"] {
            assert!(fields(lines).is_err(), "{lines:?}");
        }
    }
}

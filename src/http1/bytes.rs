//! Trims blanks in heads.

use std::ops::Range;

/// `line[start..]` without spaces and tabs at both ends.
pub fn trim(line: &[u8], start: usize) -> Range<usize> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let leading = line[start..].iter().take_while(|byte| is_blank(byte)).count();
    let trailing = line[start + leading..].iter().rev().take_while(|byte| is_blank(byte)).count();
    start + leading..line.len() - trailing
}

/// A line without the CR at its end.
pub fn trim_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

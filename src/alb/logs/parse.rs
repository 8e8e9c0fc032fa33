//! Parses lines for tests: by spaces, quotation marks and `\xHH`, as every tool for these logs does.

/// The fields of a line, unescaped and without quotation marks. A dash stays a dash.
pub(crate) fn fields(line: &[u8]) -> Vec<Vec<u8>> {
    let plain =
        |field: &&[u8]| unescape(field.strip_prefix(b"\"").map_or(*field, |quoted| &quoted[..quoted.len() - 1]));
    raw_fields(line).iter().map(plain).collect()
}

/// The fields of a line, unchanged.
pub(crate) fn raw_fields(line: &[u8]) -> Vec<&[u8]> {
    let mut fields = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = match rest.strip_prefix(b"\"") {
            Some(quoted) => quoted.iter().position(|&byte| byte == b'"').expect("an unterminated field") + 2,
            None => rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len()),
        };
        let (field, after) = rest.split_at(end);
        fields.push(field);
        rest = match after.strip_prefix(b" ") {
            Some(after) => after,
            None => {
                assert!(after.is_empty(), "something follows a closing quotation mark");
                after
            }
        };
    }
    fields
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'\\' {
            let digits = std::str::from_utf8(&after[1..3]).unwrap();
            plain.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[3..];
        } else {
            plain.push(byte);
            rest = after;
        }
    }
    plain
}

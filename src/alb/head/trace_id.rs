//! `X-Amzn-Trace-Id` (ALB user guide, "Request tracing for your Application Load Balancer").

/// Larger heads lose their trace ID and get a new one (ALB user guide, "Request tracing", limitations: "if the trace ID
/// header in a request is greater than 7 KB").
pub const LARGEST_TRACED_HEAD: usize = 7 * 1024;

/// Inputs for a new ID: the time and random bits, both supplied by the caller.
#[derive(Clone, Copy, Debug)]
pub struct TraceSeed {
    /// Seconds since 1970.
    pub seconds: u32,
    /// The 96 random bits.
    pub random: [u8; 12],
}

/// Appends the value for the target.
///
/// - No header: `Root=…`.
/// - With `Root`: `Self=…;` goes in front, the rest stays as it is.
/// - With `Self`: its value is replaced.
/// - With neither (the guide does not say): `Root=…;` goes in front, so that the request can be traced at all.
pub fn write(existing: Option<&[u8]>, head_size: usize, seed: TraceSeed, out: &mut Vec<u8>) {
    let existing = existing.filter(|value| !value.is_empty() && head_size <= LARGEST_TRACED_HEAD);
    let Some(existing) = existing else {
        out.extend_from_slice(b"Root=");
        write_id(seed, out);
        return;
    };
    if let Some((before, after)) = find_field(existing, b"Self=") {
        out.extend_from_slice(&existing[..before]);
        write_id(seed, out);
        out.extend_from_slice(&existing[after..]);
        return;
    }
    out.extend_from_slice(if find_field(existing, b"Root=").is_some() { b"Self=" } else { b"Root=" });
    write_id(seed, out);
    out.push(b';');
    out.extend_from_slice(existing);
}

/// Position of a field's value in the header.
fn find_field(header: &[u8], name: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    for field in header.split(|&byte| byte == b';') {
        let indent = field.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if field[indent..].starts_with(name) {
            return Some((start + indent + name.len(), start + field.len()));
        }
        start += field.len() + 1;
    }
    None
}

/// `1-<8 hex digits of time>-<24 hex digits>`
fn write_id(seed: TraceSeed, out: &mut Vec<u8>) {
    out.extend_from_slice(b"1-");
    write_hex(&seed.seconds.to_be_bytes(), out);
    out.push(b'-');
    write_hex(&seed.random, out);
}

fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        source: String,
        received: Option<String>,
        #[serde(default)]
        head_size: usize,
        /// `<new>` stands for the generated id.
        sent: String,
    }

    fn check(case: Case) {
        let seed = TraceSeed { seconds: 0x6789_1233, random: [0xab; 12] };
        let mut sent = Vec::new();
        write(case.received.as_deref().map(str::as_bytes), case.head_size, seed, &mut sent);
        let sent = String::from_utf8(sent).unwrap().replace("1-67891233-abababababababababababab", "<new>");
        assert_eq!(sent, case.sent, "{} ({})", case.name, case.source);
    }

    #[test]
    fn trace_ids_are_those_of_the_fixtures() {
        fixture::each("alb/trace-id", check);
    }
}

//! The subset of Protocol Buffers that BuildKit's progress and credentials need: fields in, fields out.

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Wire types 0, 1 and 5.
    Number(u64),
    /// Wire type 2: text, bytes, or another message.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Its text; invalid UTF-8 is replaced.
    pub(crate) fn text(self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Its bytes; empty for a number.
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => &[],
        }
    }
}

/// The fields of a message, in order, up to the first that cannot be read.
pub(crate) fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut message)?),
            1 => Value::Number(u64::from_le_bytes(take(&mut message, 8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Value::Bytes(take(&mut message, length)?)
            }
            5 => Value::Number(u64::from(u32::from_le_bytes(take(&mut message, 4)?.try_into().ok()?))),
            _ => return None,
        };
        Some((key >> 3, value))
    })
}

/// Appends a text field.
pub(crate) fn put_text(message: &mut Vec<u8>, field: u8, text: &str) {
    if text.is_empty() {
        return;
    }
    message.push(field << 3 | 2);
    let mut length = text.len();
    while length >= 0x80 {
        message.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or_default());
    message.extend_from_slice(text.as_bytes());
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let long = "x".repeat(300);
        let mut message = Vec::new();
        put_text(&mut message, 1, "ghcr.io");
        put_text(&mut message, 2, "");
        put_text(&mut message, 3, &long);
        message.extend([4 << 3, 0xac, 0x02]);
        let read: Vec<(u64, Value<'_>)> = fields(&message).collect();
        assert_eq!(read.len(), 3, "empty text is left out");
        assert_eq!(read[0], (1, Value::Bytes(b"ghcr.io")));
        assert_eq!(read[1].1.text(), long);
        assert_eq!(read[2], (4, Value::Number(300)));
    }

    #[test]
    fn a_truncated_message_ends_early() {
        assert_eq!(fields(&[0x0a, 0x05, b'a']).count(), 0);
        assert_eq!(fields(&[0x80]).count(), 0);
    }
}

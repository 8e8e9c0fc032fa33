//! A log line: fields separated by spaces, quoted and escaped as by the load balancer.

use jiff::Timestamp;
use jiff::tz::Offset;

use neargate_model::settled_request::SettledRequest;

/// An entry that becomes one line of a log.
pub trait LogLine: Send + 'static {
    /// Appends the line, without a line end.
    fn write(&self, names: Names<'_>, out: &mut Vec<u8>);

    /// What matters of a request to the one who sent it; nothing of other entries.
    fn settled(&self) -> Option<SettledRequest> {
        None
    }
}

/// The load balancer's names.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// `app/<name>/<id>`
    pub id: &'a str,
    /// Its DNS name.
    pub dns_name: &'a str,
}

/// Appends fields with single spaces between them.
pub(crate) struct Fields<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Fields<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, first: true }
    }

    /// Starts the next field.
    pub(super) fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b' ');
        }
        self.out
    }

    pub(super) fn bare(&mut self, text: &str) {
        self.next().extend_from_slice(text.as_bytes());
    }

    /// Writes the value, or a dash if there is none.
    pub(super) fn optional(&mut self, text: Option<&str>) {
        self.bare(text.unwrap_or("-"));
    }

    pub(super) fn shown(&mut self, value: impl std::fmt::Display) {
        use std::io::Write as _;
        // Writing to memory cannot fail.
        let _ = write!(self.next(), "{value}");
    }

    pub(super) fn number(&mut self, value: u64) {
        self.next().extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Writes the value in quotation marks, or a dash if there is none.
    pub(super) fn quoted(&mut self, text: Option<&[u8]>) {
        let out = self.next();
        out.push(b'"');
        match text {
            Some(text) if !text.is_empty() => escape(text, out),
            _ => out.push(b'-'),
        }
        out.push(b'"');
    }

    /// Writes the trace ID of a connection.
    pub(super) fn connection(&mut self, id: u128) {
        use std::io::Write as _;
        let _ = write!(self.next(), "TID_{id:032x}");
    }

    /// Writes the time in UTC with microseconds.
    pub(super) fn time(&mut self, time: Timestamp) {
        let out = self.next();
        let civil = Offset::UTC.to_datetime(time);
        let mut digits = |number: u32, width: usize, end: u8| {
            let mut text = [b'0'; 6];
            let mut rest = number;
            for digit in text[..width].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            out.extend_from_slice(&text[..width]);
            out.push(end);
        };
        digits(civil.year().unsigned_abs().into(), 4, b'-');
        digits(civil.month().unsigned_abs().into(), 2, b'-');
        digits(civil.day().unsigned_abs().into(), 2, b'T');
        digits(civil.hour().unsigned_abs().into(), 2, b':');
        digits(civil.minute().unsigned_abs().into(), 2, b':');
        digits(civil.second().unsigned_abs().into(), 2, b'.');
        digits(civil.subsec_nanosecond().unsigned_abs() / 1000, 6, b'Z');
    }
}

/// As nginx does it, from which the load balancer descends: access logs show `\x22` for a quotation mark.
pub(crate) fn escape(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if matches!(byte, b'"' | b'\\') || !(b' '..=b'~').contains(&byte) {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'\\', b'x', high, low]);
        } else {
            out.push(byte);
        }
    }
}

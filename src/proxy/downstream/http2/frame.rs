//! The header of an HTTP/2 frame (RFC 9113, section 4.1).

pub(super) const FRAME_HEAD: usize = 9;

pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const CONTINUATION: u8 = 9;

/// The nine bytes that a frame begins with.
pub(super) struct FrameHead {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl FrameHead {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..FRAME_HEAD)?;
        let length = number(head) as usize >> 8;
        Some(Self { length, kind: head[3], flags: head[4], stream: number(&head[5..]) & 0x7fff_ffff })
    }

    pub(super) fn is_of_head(&self) -> bool {
        matches!(self.kind, HEADERS | CONTINUATION)
    }
}

pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes[..4].iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

//! Replaces the heads in a client's bytes with those that `h2` gets: frames are found, header blocks decoded, and
//! substitutes written. What is not a head passes unchanged.

use std::cell::Cell;
use std::rc::Rc;

use h2::Reason;
use tokio::io::ReadBuf;

use super::super::frame::{CONTINUATION, FRAME_HEAD, FrameHead, HEADERS, number};
use super::super::hpack::Decoder;
use super::super::opaque;
use super::super::refused::Refusals;
use crate::http1::message;
use crate::proxy::io::inflow::MALFORMED_TRAILERS;

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// A header block, compressed, is not read beyond this; a head may have 64 K (ALB user guide, quotas), and compressing it
/// makes it no longer. Beyond it the client is told to calm down, as `h2` does.
const LARGEST_BLOCK: usize = 256 * 1024;
/// Names and values of one block, whatever it was compressed to.
const LARGEST_DECODED: usize = 512 * 1024;
/// A head of 64 K takes four frames of the smallest size that has to be allowed.
const MOST_CONTINUATIONS: usize = 16;

/// An error that ends the connection, for its owner to act on. After it, nothing more is read.
pub(crate) type Fault = Rc<Cell<Option<Reason>>>;

/// Processes the bytes of a client, without I/O.
pub(super) struct Reader {
    decoder: Decoder,
    /// The remaining length of something that passes unchanged: the preface, or the payload of a frame.
    passing: usize,
    /// Read, and not looked at yet because more has to come.
    held: Vec<u8>,
    /// For `h2`, and how much of it that has got.
    out: Vec<u8>,
    given: usize,
    /// A head whose last frame has not come yet.
    open: Option<Open>,
    /// The highest stream that was opened.
    newest: u32,
    pub(super) fault: Fault,
    pub(super) refusals: Rc<Refusals>,
}

/// A head under way.
struct Open {
    stream: u32,
    flags: u8,
    depends_on_itself: bool,
    block: Vec<u8>,
    continuations: usize,
}

/// Something that ends the connection.
type Checked<T = ()> = Result<T, Reason>;

impl Reader {
    pub(super) fn new(fault: Fault, refusals: Rc<Refusals>) -> Self {
        Self {
            decoder: Decoder::default(),
            passing: PREFACE,
            held: Vec::new(),
            out: Vec::new(),
            given: 0,
            open: None,
            newest: 0,
            fault,
            refusals,
        }
    }

    /// Hands out ready bytes; `false` if there are none.
    pub(super) fn give(&mut self, space: &mut ReadBuf<'_>) -> bool {
        let ready = &self.out[self.given..];
        if ready.is_empty() {
            return false;
        }
        let count = ready.len().min(space.remaining());
        space.put_slice(&ready[..count]);
        self.given += count;
        if self.given == self.out.len() {
            self.out.clear();
            self.given = 0;
        }
        true
    }

    /// Takes in what was read, and returns how much at its beginning passes where it lies.
    pub(super) fn take(&mut self, read: &[u8]) -> usize {
        if self.fault.get().is_some() {
            return 0;
        }
        let untouched = if self.held.is_empty() { self.pass(read) } else { 0 };
        if untouched < read.len() {
            self.held.extend_from_slice(&read[untouched..]);
            if let Err(reason) = self.work() {
                self.fault.set(Some(reason));
            }
        }
        untouched
    }

    /// How many bytes need no looking at: up to the next frame of a head, or one that is not all there.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let rest = bytes.len() - at;
            let count = self.passing.min(rest);
            at += count;
            self.passing -= count;
            match FrameHead::read(&bytes[at..]) {
                Some(frame) if self.open.is_none() && !frame.is_of_head() => {
                    at += FRAME_HEAD;
                    self.passing = frame.length;
                }
                _ => return at,
            }
        }
    }

    /// Processes the held bytes.
    fn work(&mut self) -> Checked {
        let held = std::mem::take(&mut self.held);
        let mut at = 0;
        let worked = loop {
            let untouched = self.pass(&held[at..]);
            self.out.extend_from_slice(&held[at..at + untouched]);
            at += untouched;
            let Some(frame) = FrameHead::read(&held[at..]) else { break Ok(()) };
            if frame.length > LARGEST_BLOCK {
                break Err(Reason::ENHANCE_YOUR_CALM);
            }
            let Some(payload) = held[at + FRAME_HEAD..].get(..frame.length) else { break Ok(()) };
            if let Err(reason) = self.frame(&frame, payload) {
                break Err(reason);
            }
            at += FRAME_HEAD + frame.length;
        };
        self.held = held;
        self.held.drain(..at);
        worked
    }

    /// One frame of a head.
    fn frame(&mut self, frame: &FrameHead, payload: &[u8]) -> Checked {
        let open = match (self.open.take(), frame.kind) {
            (Some(mut open), CONTINUATION) if open.stream == frame.stream => {
                open.continuations += 1;
                open.block.extend_from_slice(payload);
                open.flags |= frame.flags & END_HEADERS;
                open
            }
            (None, HEADERS) if frame.stream > 0 => {
                let (block, depends_on_itself) = block_of(frame, payload)?;
                if frame.flags & END_HEADERS > 0 {
                    return self.head(frame.stream, frame.flags, depends_on_itself, block);
                }
                let (stream, flags) = (frame.stream, frame.flags);
                Open { stream, flags, depends_on_itself, block: block.to_vec(), continuations: 0 }
            }
            // "A HEADERS frame without END_HEADERS must be followed by a CONTINUATION frame for the same stream", and there
            // is no other place for one (RFC 9113, sections 6.2 and 6.10).
            _ => return Err(Reason::PROTOCOL_ERROR),
        };
        if open.block.len() > LARGEST_BLOCK || open.continuations > MOST_CONTINUATIONS {
            return Err(Reason::ENHANCE_YOUR_CALM);
        }
        if open.flags & END_HEADERS == 0 {
            self.open = Some(open);
            return Ok(());
        }
        self.head(open.stream, open.flags, open.depends_on_itself, &open.block)
    }

    /// A complete header block: of a request, or of trailers.
    fn head(&mut self, stream: u32, flags: u8, depends_on_itself: bool, block: &[u8]) -> Checked {
        let start = self.out.len();
        self.out.extend_from_slice(&[0; FRAME_HEAD]);
        let is_request = stream > self.newest;
        self.newest = self.newest.max(stream);
        let written = if is_request { self.request(stream, block, depends_on_itself) } else { self.trailers(block) };
        if written.is_err() {
            // Half a frame is nothing for `h2`.
            self.out.truncate(start);
            return written;
        }
        let length = (self.out.len() - start - FRAME_HEAD) as u32;
        self.out[start..start + 3].copy_from_slice(&length.to_be_bytes()[1..]);
        self.out[start + 3] = HEADERS;
        self.out[start + 4] = flags & END_STREAM | END_HEADERS;
        self.out[start + 5..start + FRAME_HEAD].copy_from_slice(&stream.to_be_bytes());
        Ok(())
    }

    /// Writes a head that is nothing to `h2` but the field that carries the real one.
    fn request(&mut self, stream: u32, block: &[u8], depends_on_itself: bool) -> Checked {
        let mut writer = opaque::Writer::default();
        if depends_on_itself {
            writer.refuse(opaque::Flaw::DependsOnItself);
        }
        let mut decoded = 0;
        let read = self.decoder.decode(block, |name, value| {
            decoded += name.len() + value.len() + 32;
            if decoded <= LARGEST_DECODED {
                writer.field(name, value);
            }
        });
        read.map_err(|_| Reason::COMPRESSION_ERROR)?;
        if decoded > LARGEST_DECODED {
            return Err(Reason::ENHANCE_YOUR_CALM);
        }
        // `:method: GET`, `:scheme: https`, `:path: /`, and a value for the name of entry 32, `cookie`, which goes into no
        // table.
        self.out.extend_from_slice(&[0x82, 0x87, 0x84, 0x0f, 32 - 15]);
        let head = writer.finish();
        self.refusals.opened(stream, head);
        write_string(head, &mut self.out);
        Ok(())
    }

    /// Writes trailers as they are, or as [`MALFORMED_TRAILERS`]. `h2` takes either for sound and judges the state of the stream first:
    /// on one that has ended, or was never there, they end the connection whatever they hold (RFC 9113, section 5.1).
    fn trailers(&mut self, block: &[u8]) -> Checked {
        let out = &mut self.out;
        let start = out.len();
        let mut sound = true;
        let mut decoded = 0;
        let read = self.decoder.decode(block, |name, value| {
            decoded += name.len() + value.len() + 32;
            sound &= message::is_field_name(name) && message::is_field_value(value) && !message::is_of_connection(name);
            if sound && decoded <= LARGEST_BLOCK {
                out.push(0);
                write_string(name, out);
                write_string(message::trim_blanks(value), out);
            }
        });
        read.map_err(|_| Reason::COMPRESSION_ERROR)?;
        if decoded > LARGEST_DECODED {
            return Err(Reason::ENHANCE_YOUR_CALM);
        }
        if !sound || decoded > LARGEST_BLOCK {
            out.truncate(start);
            out.push(0);
            write_string(MALFORMED_TRAILERS.0.as_bytes(), out);
            write_string(MALFORMED_TRAILERS.1.as_bytes(), out);
        }
        Ok(())
    }
}

/// The header block fragment of a HEADERS frame, and whether its stream depends on itself.
fn block_of<'p>(frame: &FrameHead, mut payload: &'p [u8]) -> Checked<(&'p [u8], bool)> {
    let mut padding = 0;
    if frame.flags & PADDED > 0 {
        let (&length, rest) = payload.split_first().ok_or(Reason::FRAME_SIZE_ERROR)?;
        (padding, payload) = (usize::from(length), rest);
    }
    let mut depends_on_itself = false;
    if frame.flags & PRIORITY > 0 {
        let (priority, rest) = payload.split_at_checked(5).ok_or(Reason::FRAME_SIZE_ERROR)?;
        payload = rest;
        depends_on_itself = number(priority) & 0x7fff_ffff == frame.stream;
    }
    let end = payload.len().checked_sub(padding).ok_or(Reason::PROTOCOL_ERROR)?;
    Ok((&payload[..end], depends_on_itself))
}

/// RFC 7541, section 5.2, without Huffman coding.
fn write_string(string: &[u8], out: &mut Vec<u8>) {
    if string.len() < 127 {
        out.push(string.len() as u8);
    } else {
        out.push(127);
        let mut rest = string.len() - 127;
        while rest >= 128 {
            out.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        out.push(rest as u8);
    }
    out.extend_from_slice(string);
}

/// The bytes that `h2` gets from input that arrives in these pieces.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn passed(input: &[u8], sizes: impl IntoIterator<Item = usize>) -> (Vec<u8>, Option<Reason>) {
    let mut reader = Reader::new(Fault::default(), Rc::default());
    let mut out = Vec::new();
    let mut rest = input;
    for size in sizes.into_iter().chain([input.len()]) {
        let (piece, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        let untouched = reader.take(piece);
        out.extend_from_slice(&piece[..untouched]);
        out.append(&mut reader.out);
    }
    (out, reader.fault.get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    const BLOCK: &[u8] = b"\x82\x87\x84\x41\x05e.com";

    fn preface() -> Vec<u8> {
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()
    }

    #[test]
    fn everything_but_heads_passes_untouched() {
        let input = [preface(), frame(4, 0, 0, &[]), frame(0, 1, 1, b"data"), frame(6, 0, 0, b"12345678")].concat();
        assert_eq!(passed(&input, []), (input.clone(), None));
    }

    #[test]
    fn a_head_in_pieces_is_the_head_in_one() {
        let whole = [preface(), frame(HEADERS, END_HEADERS | END_STREAM, 1, BLOCK)].concat();
        let (first, second) = BLOCK.split_at(6);
        let padded = [&[3_u8][..], &[0, 0, 0, 0, 7], first, &[0; 3]].concat();
        let parts = [
            preface(),
            frame(HEADERS, END_STREAM | PADDED | PRIORITY, 1, &padded),
            frame(CONTINUATION, END_HEADERS, 1, second),
        ];
        let expected = passed(&whole, []);
        assert_eq!(expected.1, None);
        assert_eq!(passed(&parts.concat(), []), expected);
    }

    #[test]
    fn what_would_be_misunderstood_ends_the_connection() {
        let cases = [
            (frame(HEADERS, END_HEADERS, 1, b"\xbe"), Reason::COMPRESSION_ERROR),
            (frame(HEADERS, END_HEADERS, 0, BLOCK), Reason::PROTOCOL_ERROR),
            (frame(CONTINUATION, END_HEADERS, 1, BLOCK), Reason::PROTOCOL_ERROR),
            ([frame(HEADERS, 0, 1, BLOCK), frame(6, 0, 0, b"12345678")].concat(), Reason::PROTOCOL_ERROR),
            ([frame(HEADERS, 0, 1, BLOCK), frame(CONTINUATION, END_HEADERS, 3, b"")].concat(), Reason::PROTOCOL_ERROR),
            (frame(HEADERS, END_HEADERS | PADDED, 1, b"\x09\x82"), Reason::PROTOCOL_ERROR),
            (
                [frame(HEADERS, 0, 1, BLOCK), frame(CONTINUATION, 0, 1, b"").repeat(17)].concat(),
                Reason::ENHANCE_YOUR_CALM,
            ),
            // A frame that is too large is not waited for.
            (frame(HEADERS, END_HEADERS, 1, &vec![0; LARGEST_BLOCK + 1])[..9].to_vec(), Reason::ENHANCE_YOUR_CALM),
        ];
        for (frames, reason) in cases {
            assert_eq!(passed(&[preface(), frames].concat(), []).1, Some(reason));
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_arrive(
            sizes in proptest::collection::vec(1_usize..40, 0..30),
            frames in proptest::collection::vec((0_u8..7, 0_usize..30), 1..8),
        ) {
            let mut input = preface();
            let mut stream = 1;
            for (kind, length) in frames {
                input.extend(match kind {
                    0 | 1 => {
                        stream += 2;
                        frame(HEADERS, END_HEADERS, stream, BLOCK)
                    }
                    2 => [frame(HEADERS, 0, stream + 2, &BLOCK[..4]), frame(CONTINUATION, 4, stream + 2, &BLOCK[4..])].concat(),
                    kind => frame(if kind == 3 { 0 } else { 8 }, 0, stream, &vec![kind; length]),
                });
            }
            prop_assert_eq!(passed(&input, sizes), passed(&input, []));
        }
    }
}

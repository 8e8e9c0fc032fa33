//! Streams that are refused because there are too many of them, or their listener is gone.
//!
//! `h2` tells only the client: the head is gone by then, and we never see the stream. We therefore watch outgoing frames
//! for the RST_STREAM, and keep the heads of streams that may get one until they are accepted.

use std::cell::{Cell, RefCell};

use h2::Reason;
use http::HeaderValue;

use super::frame::{FRAME_HEAD, FrameHead, RST_STREAM, number};

/// ALB user guide, "Listeners": at most 128 concurrent streams.
pub(super) const MOST_STREAMS: u32 = 128;
/// Of RST_STREAM, with its head.
const WHOLE: usize = FRAME_HEAD + 4;
/// The heads of one connection that are kept; of more streams the log has no request line.
const MOST_KEPT: usize = 256 * 1024;

/// A stream that was refused.
pub(super) struct Refused {
    /// Its head as [`super::opaque`] writes it, if it was kept.
    pub(super) head: Option<HeaderValue>,
    /// The client was told how many it may open.
    pub(super) too_many: bool,
}

/// The known streams of one connection, shared by its incoming and outgoing halves.
#[derive(Default)]
pub(super) struct Refusals {
    /// How many streams came, and how many of those have ended.
    opened: Cell<usize>,
    ended: Cell<usize>,
    kept: RefCell<Vec<(u32, Refused)>>,
    refused: RefCell<Vec<Refused>>,
    sent: RefCell<Sent>,
}

impl Refusals {
    /// A request came. `h2` refuses none that is not doubtful: it counts no more streams than are counted here.
    pub(super) fn opened(&self, stream: u32, head: &[u8]) {
        self.opened.set(self.opened.get() + 1);
        let is_doubtful = self.opened.get() - self.ended.get() > MOST_STREAMS as usize;
        let kept: usize = self.kept.borrow().iter().flat_map(|(_, kept)| &kept.head).map(HeaderValue::len).sum();
        if is_doubtful
            && kept + head.len() <= MOST_KEPT
            && let Ok(head) = HeaderValue::from_bytes(head)
        {
            self.keep(stream, Refused { head: Some(head), too_many: true });
        }
    }

    /// The facts to keep about a stream in case it is refused.
    pub(super) fn keep(&self, stream: u32, refused: Refused) {
        self.kept.borrow_mut().push((stream, refused));
    }

    /// A stream was not refused.
    pub(super) fn accepted(&self, stream: u32) {
        self.kept.borrow_mut().retain(|(kept, _)| *kept != stream);
    }

    /// A stream that was accepted has ended.
    pub(super) fn ended(&self) {
        self.ended.set(self.ended.get() + 1);
    }

    /// Looks at what goes out.
    pub(super) fn watch(&self, bytes: &[u8]) {
        self.sent.borrow_mut().look(bytes, |stream| {
            self.ended();
            let mut kept = self.kept.borrow_mut();
            let at = kept.iter().position(|(kept, _)| *kept == stream);
            let refused = at.map_or(Refused { head: None, too_many: true }, |at| kept.swap_remove(at).1);
            self.refused.borrow_mut().push(refused);
        });
    }

    /// Whether a refused stream has not been logged.
    pub(super) fn is_due(&self) -> bool {
        !self.refused.borrow().is_empty()
    }

    /// The streams refused since the last call.
    pub(super) fn take(&self) -> Vec<Refused> {
        self.refused.take()
    }
}

/// Follows the frames that go out.
#[derive(Default)]
struct Sent {
    /// The remaining length of a payload that is skipped.
    passing: usize,
    /// The beginning of a frame.
    begun: Vec<u8>,
}

impl Sent {
    fn look(&mut self, mut bytes: &[u8], mut refused: impl FnMut(u32)) {
        loop {
            let passed = self.passing.min(bytes.len());
            self.passing -= passed;
            bytes = &bytes[passed..];
            let wanted = match FrameHead::read(&self.begun) {
                Some(frame) if frame.kind == RST_STREAM && self.begun.len() < WHOLE => WHOLE,
                Some(frame) => {
                    if self.begun.get(FRAME_HEAD..WHOLE).map(number) == Some(Reason::REFUSED_STREAM.into()) {
                        refused(frame.stream);
                    }
                    self.passing = FRAME_HEAD + frame.length - self.begun.len();
                    self.begun.clear();
                    continue;
                }
                None => FRAME_HEAD,
            };
            if bytes.is_empty() {
                return;
            }
            let (now, later) = bytes.split_at((wanted - self.begun.len()).min(bytes.len()));
            self.begun.extend_from_slice(now);
            bytes = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, 0]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    #[test]
    fn refusals_are_seen_however_the_bytes_leave() {
        let bytes = [
            frame(4, 0, &[0; 12]),
            frame(0, 1, &frame(RST_STREAM, 9, &[0, 0, 0, 7])),
            frame(RST_STREAM, 3, &[0, 0, 0, 7]),
            frame(RST_STREAM, 5, &[0, 0, 0, 8]),
            frame(0, 1, b""),
            frame(RST_STREAM, 7, &[0, 0, 0, 7]),
        ]
        .concat();
        for size in 1..bytes.len() {
            let (mut sent, mut seen) = (Sent::default(), Vec::new());
            bytes.chunks(size).for_each(|piece| sent.look(piece, |stream| seen.push(stream)));
            assert_eq!(seen, [3, 7], "in pieces of {size}");
        }
    }

    #[test]
    fn heads_are_kept_of_those_who_may_be_refused() {
        let refusals = Refusals::default();
        (0..130).for_each(|index| refusals.opened(2 * index + 1, &[b'x'; 10]));
        assert_eq!(refusals.kept.borrow().iter().map(|(stream, _)| *stream).collect::<Vec<_>>(), [257, 259]);
        refusals.accepted(257);
        refusals.watch(&[frame(RST_STREAM, 259, &[0, 0, 0, 7]), frame(RST_STREAM, 261, &[0, 0, 0, 7])].concat());
        assert!(refusals.is_due());
        let heads: Vec<_> = refusals.take().into_iter().map(|refused| refused.head.map(|head| head.len())).collect();
        assert_eq!(heads, [Some(10), None]);
        assert!(refusals.kept.borrow().is_empty() && !refusals.is_due());
    }

    #[test]
    fn no_more_is_kept_of_heads_than_there_is_room_for() {
        let refusals = Refusals::default();
        (0..1_000).for_each(|index| refusals.opened(2 * index + 1, &[b'x'; 1024]));
        assert_eq!(refusals.kept.borrow().len(), MOST_KEPT / 1024);
    }
}

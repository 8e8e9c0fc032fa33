//! After `101 Switching Protocols`: copies bytes both ways without looking at them.
//!
//! Listener rules no longer apply; the target that answered owns the connection; any byte resets the idle timeout
//! (ALB user guide, "Listeners", WebSockets).

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::proxy::io::buffer::Buffer;
use crate::proxy::io::idle::IdleTimer;
use crate::proxy::io::stream::Stream;

/// Carries bytes until the target has finished, either end fails, or nothing moves for too long. A client that has
/// finished is told to the target, which may still have something to say. `is_over` ends it at once. Returns how many
/// bytes went to the target and how many to the client.
pub(crate) async fn run(
    client: &Stream,
    client_buffer: &mut Buffer,
    target: &Stream,
    target_buffer: &mut Buffer,
    idle: &IdleTimer,
    is_over: impl Fn() -> bool,
) -> (u64, u64) {
    let (sent_up, sent_down) = (Cell::new(0), Cell::new(0));
    let mut up = pin!(carry(client, client_buffer, target, idle, &sent_up));
    let mut down = pin!(carry(target, target_buffer, client, idle, &sent_down));
    let (mut up_done, mut down_done) = (false, false);
    poll_fn(|cx| {
        let failed = poll_direction(up.as_mut(), &mut up_done, cx) || poll_direction(down.as_mut(), &mut down_done, cx);
        if failed || down_done || is_over() { Poll::Ready(()) } else { idle.poll_expired(cx) }
    })
    .await;
    (sent_up.get(), sent_down.get())
}

/// Returns whether it failed.
fn poll_direction(
    direction: Pin<&mut impl Future<Output = io::Result<()>>>,
    done: &mut bool,
    cx: &mut Context<'_>,
) -> bool {
    if *done {
        return false;
    }
    match direction.poll(cx) {
        Poll::Ready(result) => {
            *done = true;
            result.is_err()
        }
        Poll::Pending => false,
    }
}

/// One direction: when its source has finished, its destination is told so.
async fn carry(from: &Stream, buffer: &mut Buffer, to: &Stream, idle: &IdleTimer, sent: &Cell<u64>) -> io::Result<()> {
    loop {
        if !buffer.is_empty() {
            to.write_all(&mut [IoSlice::new(buffer)], || idle.touch()).await?;
            let length = buffer.len();
            sent.set(sent.get() + length as u64);
            buffer.consume(length);
        }
        let count = from.read(buffer.space()).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        idle.touch();
        buffer.filled(count);
    }
}

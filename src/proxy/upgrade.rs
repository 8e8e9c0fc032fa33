//! After `101 Switching Protocols`: bytes are carried both ways and not looked at any more.
//!
//! Listener rules no longer apply; the target that answered owns the connection; any byte puts the idle timeout off
//! (ALB user guide, "Listeners", WebSockets).

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::pin;
use std::task::Poll;

use super::buffer::Buffer;
use super::idle::IdleTimer;
use super::stream::Stream;

/// Carries bytes until both ends have finished, one of them fails, or nothing moves for too long.
pub(super) async fn run(
    client: &Stream,
    client_buffer: &mut Buffer,
    target: &Stream,
    target_buffer: &mut Buffer,
    idle: &IdleTimer,
) {
    let mut up = pin!(carry(client, client_buffer, target, idle));
    let mut down = pin!(carry(target, target_buffer, client, idle));
    let (mut up_done, mut down_done) = (false, false);
    poll_fn(|cx| {
        for (carrying, done) in
            [(up.as_mut() as std::pin::Pin<&mut dyn Future<Output = _>>, &mut up_done), (down.as_mut(), &mut down_done)]
        {
            if *done {
                continue;
            }
            match carrying.poll(cx) {
                Poll::Ready(Ok(())) => *done = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
        }
        if up_done && down_done { Poll::Ready(()) } else { idle.poll_expired(cx) }
    })
    .await;
}

/// One direction: when its source has finished, its destination is told so.
async fn carry(from: &Stream, buffer: &mut Buffer, to: &Stream, idle: &IdleTimer) -> io::Result<()> {
    loop {
        if !buffer.is_empty() {
            to.write_all(&mut [IoSlice::new(buffer)], || idle.touch()).await?;
            let length = buffer.len();
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

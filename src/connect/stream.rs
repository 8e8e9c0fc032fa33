//! Bytes in both directions: of TCP endpoints, and of upgraded connections.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::TcpStream;

use super::route::Route;

const BUFFER: usize = 16 * 1024;

/// Passes a connection on to a server. Without one it ends, as one does that Envoy cannot pass on.
pub(super) async fn pass_on(route: &Route, client: TcpStream) {
    if let Some(server) = route.connect().await {
        between(client, server, route.endpoint().idle_timeout).await;
    }
}

/// Passes bytes on until both sides have ended, one fails, or nothing has come for so long.
pub(super) async fn between<A, B>(one: A, other: B, idle_timeout: Option<Duration>)
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let moved = AtomicU64::new(0);
    let ((read_one, write_one), (read_other, write_other)) = (split(one), split(other));
    let both = async { tokio::try_join!(pump(read_one, write_other, &moved), pump(read_other, write_one, &moved)) };
    tokio::select! {
        // Whoever ended abruptly is not told how the other side fared.
        _ = both => {}
        () = until_idle(&moved, idle_timeout) => {}
    }
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, moved: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        moved.fetch_add(1, Ordering::Relaxed);
        to.write_all(&buffer[..read]).await?;
    }
}

async fn until_idle(moved: &AtomicU64, limit: Option<Duration>) {
    let Some(limit) = limit else { return std::future::pending().await };
    let mut before = moved.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(limit).await;
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_side_that_has_ended_still_hears_the_other() {
        let (mut client, one) = duplex(64);
        let (other, mut server) = duplex(64);
        let passing = tokio::spawn(between(one, other, Some(Duration::from_secs(60))));
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = String::new();
        server.read_to_string(&mut heard).await.unwrap();
        server.write_all(b"answer").await.unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!((heard.as_str(), answer.as_str()), ("question", "answer"));
        passing.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_and_one_in_use_stays() {
        let (mut client, one) = duplex(64);
        let (other, mut server) = duplex(64);
        let passing = tokio::spawn(between(one, other, Some(Duration::from_secs(60))));
        for _ in 0..5 {
            tokio::time::advance(Duration::from_secs(50)).await;
            client.write_all(b"x").await.unwrap();
            assert_eq!(server.read_u8().await.unwrap(), b'x');
        }
        let begun = tokio::time::Instant::now();
        passing.await.unwrap();
        assert!(begun.elapsed() <= Duration::from_secs(120), "{:?}", begun.elapsed());
    }
}

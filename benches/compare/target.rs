//! The targets: an HTTP/1.1 server that does next to nothing, in its own process.
//!
//! | path ends in | answer |
//! |---|---|
//! | `/small` | 1 KiB |
//! | `/big` | 1 MiB |
//! | `/echo` | the head of the request as it arrived, and the target's port |
//! | anything else | two bytes, after the body has been read |

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::process;

/// How often a target checks whether it is still needed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Serves on these listeners until the harness has ended.
pub(crate) fn run(ports: &[u16]) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        for &port in ports {
            let listener = TcpListener::bind(("127.0.0.1", port)).await?;
            tokio::task::spawn_local(accept(listener));
        }
        while !process::is_orphan() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    })
}

async fn accept(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        tokio::task::spawn_local(serve(stream));
    }
}

fn response(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    let port = stream.local_addr()?.port().to_string();
    let small = response(&[b'x'; 1024]);
    let nothing = response(b"ok");
    let mut big = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut filled = 0;
    loop {
        let head = loop {
            if let Some(end) = memchr::memmem::find(&buffer[..filled], b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Ok(()),
                count => filled += count,
            }
        };
        let path_end = buffer[..head].iter().position(|&byte| byte == b'\r').unwrap_or(head);
        let path = buffer[..path_end].strip_suffix(b" HTTP/1.1").unwrap_or_default();
        let path = path.split(|&byte| byte == b'?').next().unwrap_or_default();
        let answer = if path.ends_with(b"/small") {
            small.as_slice()
        } else if path.ends_with(b"/big") {
            if big.is_empty() {
                big = response(&vec![b'x'; 1024 * 1024]);
            }
            big.as_slice()
        } else if path.ends_with(b"/echo") {
            let echo = [&buffer[..head - 2], b"echoed-by: ", port.as_bytes(), b"\r\n\r\n"].concat();
            &response(&echo)
        } else {
            nothing.as_slice()
        };
        let mut body = content_length(&buffer[..head]);
        let read_ahead = body.min(filled - head);
        body -= read_ahead;
        buffer.copy_within(head + read_ahead..filled, 0);
        filled -= head + read_ahead;
        while body > 0 {
            let most = body.min(buffer.len());
            match stream.read(&mut buffer[..most]).await? {
                0 => return Ok(()),
                count => body -= count,
            }
        }
        stream.write_all(answer).await?;
    }
}

/// Finds a length in a head, in any case: contenders may change the case of names.
fn content_length(head: &[u8]) -> usize {
    let name = b"\r\ncontent-length:";
    let found = head.windows(name.len()).position(|window| window.eq_ignore_ascii_case(name));
    let value = found.and_then(|at| std::str::from_utf8(&head[at + name.len()..]).ok());
    value.and_then(|value| value.split('\r').next()?.trim().parse().ok()).unwrap_or(0)
}

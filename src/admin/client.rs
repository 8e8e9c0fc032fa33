//! The client of the control socket.

use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::admin::view::shape::ClusterView;
use crate::admin::wire::{Answer, Request};

/// A conversation with the process that runs the stack.
#[derive(Debug)]
pub struct Conversation {
    lines: Lines<BufReader<OwnedReadHalf>>,
    /// Kept open: its end tells the server that nobody listens any more.
    _write: OwnedWriteHalf,
}

/// Asks; `None` if no process listens there.
pub async fn ask(socket: &Path, request: &Request) -> io::Result<Option<Conversation>> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    match write.write_all(&line).await {
        // It is about to exit: nothing listens there any more.
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
            return Ok(None);
        }
        other => other?,
    }
    Ok(Some(Conversation { lines: BufReader::new(read).lines(), _write: write }))
}

impl Conversation {
    /// The next answer; `None` once the process has hung up.
    pub async fn answer(&mut self) -> io::Result<Option<Answer>> {
        match self.lines.next_line().await {
            Ok(Some(line)) => Ok(Some(serde_json::from_str(&line)?)),
            Ok(None) => Ok(None),
            // It was killed with our request unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next view; `None` once the process has hung up.
    pub async fn view(&mut self) -> io::Result<Option<ClusterView>> {
        loop {
            match self.answer().await? {
                Some(Answer::View(view)) => return Ok(Some(*view)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn a_process_that_is_killed_before_it_reads_has_hung_up() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let mut conversation = ask(&socket, &Request::View).await.unwrap().unwrap();
        let (mut accepted, _) = listener.accept().await.unwrap();
        accepted.read_u8().await.unwrap();
        // The rest of the request is unread, so that this resets the connection.
        drop(accepted);
        assert!(conversation.answer().await.unwrap().is_none());
    }
}

//! Our own terminal: raw mode, its size, and input that can be waited for.

use std::io::{IsTerminal as _, Read as _};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Whether input and output are a terminal.
pub(crate) fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Standard input, in pieces; closed at its end. Read by a separate thread that dies with the process.
pub(crate) fn read_stdin() -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin();
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = stdin.read(&mut buffer) {
            let piece = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
            if sender.blocking_send(piece).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Columns and rows of the terminal, now and whenever they change. To be called inside a tokio runtime.
pub(crate) fn sizes() -> mpsc::Receiver<(u16, u16)> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut changes = SizeChanges::new();
        while let Some(size) = size() {
            if sender.send(size).await.is_err() {
                return;
            }
            changes.next().await;
        }
    });
    receiver
}

/// Columns and rows of standard output's terminal.
#[cfg(unix)]
fn size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

#[cfg(not(unix))]
fn size() -> Option<(u16, u16)> {
    None
}

/// Changes of the terminal's size.
struct SizeChanges {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

impl SizeChanges {
    /// From now on.
    fn new() -> Self {
        Self {
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change()).ok(),
        }
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals
            && signals.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// Keys go to the command as they are typed, Ctrl-C included, until this is dropped.
#[cfg(unix)]
pub(crate) struct RawMode {
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl RawMode {
    /// `None` if standard input is no terminal.
    pub(crate) fn enter() -> Option<Self> {
        use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self { before })
    }
}

#[cfg(unix)]
impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, &self.before);
    }
}

/// There is no raw mode without `termios`; lines go to the command when they are complete.
#[cfg(not(unix))]
pub(crate) struct RawMode;

#[cfg(not(unix))]
impl RawMode {
    pub(crate) fn enter() -> Option<Self> {
        None
    }
}

//! The account's registry of images: distribution's `registry` and what Amazon ECR has in front of it.
//!
//! ```text
//!  ECR's actions ────────────────────────> storage (files that both read and write)
//!  docker push ──> aws::docker: token, policies,   ^
//!      ^           repository, tag ──────> process: distribution's registry on a socket
//!      │
//!  the engine <── aws::repositories: which of the tasks' images are here
//! ```

mod process;
mod storage;
mod tokens;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::UnixStream;

use process::Process;

pub(super) use storage::{Image, Removed, Storage, is_tag};
pub(super) use tokens::Tokens;

/// The registry of an account.
#[derive(Debug)]
pub struct Registry {
    /// Where clients of this machine reach it, `docker` included: an engine takes any loopback address without TLS.
    pub(super) address: SocketAddr,
    pub(super) storage: Storage,
    pub(super) tokens: Tokens,
    process: Process,
}

impl Registry {
    /// With its files in that folder.
    pub fn new(address: SocketAddr, folder: PathBuf) -> Self {
        let process = Process::new(&folder);
        Self { address, storage: Storage::new(folder), tokens: Tokens::default(), process }
    }

    /// A connection to distribution's registry.
    pub(super) async fn connect(&self) -> io::Result<UnixStream> {
        self.process.connect().await
    }

    /// `repositoryUri`
    pub(super) fn uri(&self, repository: &str) -> String {
        format!("{}/{repository}", self.address)
    }
}

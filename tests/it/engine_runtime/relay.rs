//! Other ways to the engine: a socket that can be cut, a TCP port.

use neargate::runtime::docker::endpoint::{Candidate, Endpoint};
use neargate::runtime::docker::{DockerOptions, DockerRuntime, Engine};

use super::world::World;

/// A socket that leads to the engine until it is cut.
pub(super) struct Relay {
    folder: tempfile::TempDir,
    target: std::path::PathBuf,
    accepting: std::sync::Mutex<tokio::task::JoinSet<()>>,
}

impl Relay {
    /// `None` where the engine has no Unix socket.
    pub(super) async fn new(world: &World) -> Option<Self> {
        let Endpoint::Unix(target) = world.engine.endpoint().clone() else {
            eprintln!("skipped: the engine has no Unix socket");
            return None;
        };
        let relay = Self { folder: tempfile::tempdir().unwrap(), target, accepting: std::sync::Mutex::default() };
        relay.mend();
        Some(relay)
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("docker.sock")
    }

    pub(super) async fn runtime(&self, options: DockerOptions) -> DockerRuntime {
        let endpoint = Endpoint::Unix(self.path());
        let candidate = Candidate { endpoint, source: "relay".to_owned() };
        DockerRuntime::new(Engine::connect_in(&[candidate]).await.unwrap(), options)
    }

    pub(super) fn cut(&self) {
        std::fs::remove_file(self.path()).unwrap();
        *self.accepting.lock().unwrap() = tokio::task::JoinSet::new();
    }

    pub(super) fn mend(&self) {
        let listener = tokio::net::UnixListener::bind(self.path()).unwrap();
        let target = self.target.clone();
        self.accepting.lock().unwrap().spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let target = target.clone();
                connections.spawn(async move {
                    let mut server = tokio::net::UnixStream::connect(target).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
    }
}

/// The engine behind a TCP port, until the test ends.
pub(super) async fn over_tcp(world: &World) -> Option<Engine> {
    let Endpoint::Unix(target) = world.engine.endpoint().clone() else {
        eprintln!("skipped: the engine has no Unix socket");
        return None;
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                let mut server = tokio::net::UnixStream::connect(target).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let endpoint = Endpoint::Tcp { address, tls: None };
    let candidate = Candidate { endpoint, source: "test".to_owned() };
    Some(Engine::connect_in(&[candidate]).await.unwrap())
}

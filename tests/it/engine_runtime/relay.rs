//! Other ways to reach the engine: a socket that can be cut, and a TCP port.

use neargate::runtime::docker::DockerRuntime;
use neargate::runtime::docker::engine::endpoint::{Candidate, Endpoint};
use neargate::runtime::docker::{DockerOptions, Engine};

use super::world::World;
use crate::support::engine::Relay;

/// The runtime over a socket that can be cut.
pub(super) async fn runtime(relay: &Relay, options: DockerOptions) -> DockerRuntime {
    let candidate = Candidate { endpoint: Endpoint::Unix(relay.path()), source: "relay".to_owned() };
    DockerRuntime::new(Engine::connect_in(&[candidate]).await.unwrap(), options)
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

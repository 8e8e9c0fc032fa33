//! Connections to servers.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::ecs::service_connect::servers::Server;

/// How long a connection to a server may take: Envoy's default, as AWS publishes none.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Connects to this server.
pub(super) async fn dial(server: &Server) -> io::Result<TcpStream> {
    let connecting = async {
        match server.dial {
            Some(address) => TcpStream::connect(address).await,
            // What a security group drops is never answered.
            None => std::future::pending().await,
        }
    };
    let stream = tokio::time::timeout(CONNECT_LIMIT, connecting).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

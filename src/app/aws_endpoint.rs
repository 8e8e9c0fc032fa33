//! AWS's APIs on a port of this machine, for the stack.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use tokio::net::TcpListener;

use super::journal::{self, Journal};
use crate::aws::{self, Endpoint, KeepEdits};
use crate::control::ControlHandle;
use crate::machine::folders::Folders;

/// Listens, and tells `env` where. The port may have been ours to choose.
pub(super) async fn serve(
    address: SocketAddr,
    control: &ControlHandle,
    journal: &Arc<Mutex<Journal>>,
    folders: &Folders,
) -> io::Result<(SocketAddr, impl Future<Output = ()> + use<>)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    std::fs::write(folders.aws_endpoint(), format!("http://{address}\n"))?;
    let (journal, handle) = (Arc::clone(journal), control.clone());
    let keep: KeepEdits = Arc::new(move || journal::keep(handle.clone(), Arc::clone(&journal)).boxed());
    let endpoint = Endpoint::new(control.clone(), keep);
    Ok((address, aws::serve(listener, Arc::new(endpoint))))
}

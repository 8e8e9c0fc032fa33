//! AWS's APIs on a port of this machine, for the stack.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use tokio::net::TcpListener;

use super::journal::{self, Journal};
use crate::aws::{self, ContainerOutput, Endpoint, Event, KeepEdits, Registry, Repositories};
use crate::control::ControlHandle;
use crate::control::runtime::Runtime;
use crate::logs::containers::files;
use crate::logs::containers::reader;
use crate::machine::folders::Folders;

/// Listens, and tells `env` where. The port may have been ours to choose.
pub(super) async fn serve(
    address: SocketAddr,
    control: &ControlHandle,
    journal: &Arc<Mutex<Journal>>,
    folders: &Folders,
    runtime: &dyn Runtime,
) -> io::Result<(SocketAddr, impl Future<Output = ()> + use<>)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    std::fs::write(folders.aws_endpoint(), format!("http://{address}\n"))?;
    let (journal, handle) = (Arc::clone(journal), control.clone());
    let keep: KeepEdits = Arc::new(move || journal::keep(handle.clone(), Arc::clone(&journal)).boxed());
    let output = Arc::new(KeptOutput(folders.container_logs()));
    let registry = Arc::new(Registry::new(address, folders.registry()));
    runtime.use_registry(Arc::new(Repositories::new(Arc::clone(&registry), control.clone())));
    let endpoint = Endpoint::new(control.clone(), output, registry, keep);
    Ok((address, aws::serve(listener, Arc::new(endpoint))))
}

/// The files of the containers' output.
struct KeptOutput(PathBuf);

impl ContainerOutput for KeptOutput {
    fn streams(&self, group: &str) -> Vec<String> {
        files::streams_of(&self.0, group)
    }

    fn events(&self, group: &str, stream: &str) -> Vec<Event> {
        let lines = reader::lines(&files::file_of(&self.0, group, stream));
        lines.into_iter().map(|entry| Event { at: entry.at.as_millisecond(), text: entry.text }).collect()
    }
}

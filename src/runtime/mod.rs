//! Chooses the runtime of a stack.

pub mod docker;
pub(crate) mod hooks;
mod nobody;

use std::path::PathBuf;
use std::sync::Arc;

use crate::control::runtime::{Runtime, RuntimeError};
use crate::model::Topology;
use docker::DockerOptions;
use docker::DockerRuntime;
use nobody::Nobody;

/// The runtime of a stack: a container engine, or none for a load balancer whose targets the file lists by address. `door`
/// is a folder for a socket of its own. With `later`, clients may ask for tasks although there are none yet.
pub async fn connect(topology: &Topology, later: bool, door: PathBuf) -> Result<Arc<dyn Runtime>, RuntimeError> {
    if topology.services.is_empty() && !later {
        return Ok(Arc::new(Nobody));
    }
    let options = DockerOptions { door: Some(door), ..DockerOptions::new(topology.name.clone()) };
    match DockerRuntime::connect(options).await {
        // Load balancers need none.
        Err(error) if topology.services.is_empty() => {
            tracing::warn!("no tasks can be run: {error}");
            Ok(Arc::new(Nobody))
        }
        connected => Ok(Arc::new(connected?)),
    }
}

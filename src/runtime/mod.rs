//! Chooses the runtime of a stack.

pub mod docker;
mod nobody;

use std::sync::Arc;

use crate::control::runtime::{Runtime, RuntimeError};
use crate::model::Topology;
use docker::DockerOptions;
use docker::DockerRuntime;
use nobody::Nobody;

/// The runtime of a stack: a container engine, or none for a load balancer whose targets the file lists by address.
pub async fn connect(topology: &Topology) -> Result<Arc<dyn Runtime>, RuntimeError> {
    if topology.services.is_empty() {
        return Ok(Arc::new(Nobody));
    }
    Ok(Arc::new(DockerRuntime::connect(DockerOptions::new(topology.name.clone())).await?))
}

//! Which images the engine finds here instead of at AWS.

use std::sync::Arc;

use crate::aws::registry::Registry;
use crate::aws::services::ecr::Repository;
use crate::control::ControlHandle;
use crate::control::runtime::{LocalRegistry, Pulled, RegistryCredentials};
use crate::model::Redacted;
use crate::model::arn::{ACCOUNT, REGION};

/// The account's repositories, for the engine.
pub struct Repositories {
    registry: Arc<Registry>,
    control: ControlHandle,
}

impl std::fmt::Debug for Repositories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repositories").field("registry", &self.registry.address).finish_non_exhaustive()
    }
}

impl Repositories {
    /// Those of the stack.
    pub fn new(registry: Arc<Registry>, control: ControlHandle) -> Self {
        Self { registry, control }
    }
}

impl LocalRegistry for Repositories {
    fn pull(&self, image: &str) -> Option<Pulled> {
        let (host, rest) = image.split_once('/')?;
        let address = self.registry.address.to_string();
        if host != address && host != format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com") {
            return None;
        }
        let name = rest.split('@').next().unwrap_or(rest);
        let name = name.split(':').next().unwrap_or(name);
        // What is at AWS, and not here, is pulled from there.
        if host != address && Repository::named(self.control.desired().records(), name).is_none() {
            return None;
        }
        let password = Redacted::new(self.registry.tokens.ours()?.password);
        let credentials = RegistryCredentials { username: "AWS".to_owned(), password };
        Some(Pulled { reference: format!("{address}/{rest}"), credentials })
    }
}

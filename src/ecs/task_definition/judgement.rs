//! All rules together.

use neargate_model::registration::Registration;

use super::refusal::Refusal;
use super::{containers, dependencies, logs, ports, roles, task, volumes};

/// Everything that RegisterTaskDefinition would refuse.
pub fn refusals(registration: &Registration) -> Vec<Refusal> {
    let mut found = Vec::new();
    task::judge(registration, &mut found);
    volumes::judge(registration, &mut found);
    for (index, container) in registration.container_definitions.iter().enumerate() {
        containers::judge(index, container, registration, &mut found);
    }
    containers::together(registration, &mut found);
    ports::judge(registration, &mut found);
    dependencies::judge(registration, &mut found);
    logs::routers(registration, &mut found);
    roles::judge(registration, &mut found);
    found
}

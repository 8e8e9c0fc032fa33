//! Looks up the values of `secrets` and `repositoryCredentials` when a task starts, as the execution role would (ECS
//! developer guide, "Pass Secrets Manager secrets through environment variables").

use std::collections::BTreeMap;

use crate::control::runtime::RegistryCredentials;
use crate::model::task::Reason;
use crate::model::task_definition::{ContainerDefinition, SecretReference, TaskDefinition};
use crate::model::{ContainerName, Redacted, Topology};

/// The beginning of Fargate's message about a secret that it cannot read.
const PREFIX: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
                      retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): ";

/// The values of all secrets of a task, by container and variable; or `stoppedReason` if one is missing.
pub(crate) fn resolve(
    topology: &Topology,
    definition: &TaskDefinition,
) -> Result<BTreeMap<ContainerName, BTreeMap<String, Redacted>>, Reason> {
    let mut by_container = BTreeMap::new();
    for container in &definition.containers {
        let mut values = BTreeMap::new();
        for reference in &container.secrets {
            values.insert(reference.name.clone(), resolve_one(topology, reference)?);
        }
        by_container.insert(container.name.clone(), values);
    }
    Ok(by_container)
}

fn resolve_one(topology: &Topology, reference: &SecretReference) -> Result<Redacted, Reason> {
    let value = topology.secrets.get(&reference.secret).ok_or_else(|| {
        format!(
            "{PREFIX}ResourceNotFoundException: Secrets Manager can't find the specified secret. ({})",
            reference.secret
        )
    })?;
    let Some(key) = &reference.json_key else { return Ok(value.clone()) };
    let missing = || format!("{PREFIX}retrieved secret from Secrets Manager did not contain json key {key}");
    let object: serde_json::Value = serde_json::from_str(value.expose()).map_err(|_| missing())?;
    match object.get(key).ok_or_else(missing)? {
        serde_json::Value::String(text) => Ok(Redacted::new(text)),
        other => Ok(Redacted::new(other.to_string())),
    }
}

/// Username and password for the container's private registry, if it has one.
pub(crate) fn credentials(
    topology: &Topology,
    container: &ContainerDefinition,
) -> Result<Option<RegistryCredentials>, Reason> {
    let Some(parameter) = &container.repository_credentials else { return Ok(None) };
    let invalid = || {
        format!(
            "{PREFIX}asm fetching authorization data: unable to unmarshal secret value, invalid schema ({parameter} \
             must be {{\"username\":\"…\",\"password\":\"…\"}})"
        )
    };
    let value = topology.secrets.get(parameter).ok_or_else(invalid)?;
    let object: serde_json::Value = serde_json::from_str(value.expose()).map_err(|_| invalid())?;
    let field = |name: &str| object.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    match (field("username"), field("password")) {
        (Some(username), Some(password)) => {
            Ok(Some(RegistryCredentials { username, password: Redacted::new(password) }))
        }
        _ => Err(invalid()),
    }
}

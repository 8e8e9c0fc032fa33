//! Looks up the values of `secrets` and `repositoryCredentials` when a task starts, as the execution role would (ECS
//! developer guide, "Pass Secrets Manager secrets through environment variables").

use std::collections::BTreeMap;

use crate::control::permissions;
use crate::control::runtime::RegistryCredentials;
use crate::ecs::task_definition::environment_file;
use crate::model::task::Reason;
use crate::model::task_definition::{ContainerDefinition, SecretReference, TaskDefinition};
use crate::model::{ContainerName, Redacted, TaskId, Topology};

/// The beginning of Fargate's message about a secret that it cannot read.
const PREFIX: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
                      retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): ";

/// The same about a parameter.
const PREFIX_OF_PARAMETERS: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution \
                                    resource retrieval failed: unable to retrieve secrets from ssm: service call has \
                                    been retried 1 time(s): ";

fn prefix(secret: &str) -> &'static str {
    if secret.starts_with("arn:aws:secretsmanager:") { PREFIX } else { PREFIX_OF_PARAMETERS }
}

/// The values of all secrets of a task, and the variables of its environment files, by container and variable; or `stoppedReason` if one is missing.
pub(crate) fn resolve(
    topology: &Topology,
    definition: &TaskDefinition,
    task: &TaskId,
) -> Result<BTreeMap<ContainerName, BTreeMap<String, Redacted>>, Reason> {
    let mut by_container = BTreeMap::new();
    for container in &definition.containers {
        let mut values = BTreeMap::new();
        for reference in &container.secrets {
            let role = definition.execution_role_arn.as_deref();
            if let Some(denied) = permissions::refusal(topology, role, &reference.secret, task) {
                return Err(format!("{}{denied}", prefix(&reference.secret)));
            }
            values.insert(reference.name.clone(), resolve_one(topology, reference)?);
        }
        for (name, value) in from_files(&topology.environment_files, container) {
            values.entry(name.to_owned()).or_insert_with(|| Redacted::new(value));
        }
        by_container.insert(container.name.clone(), values);
    }
    Ok(by_container)
}

/// Variables of environment files that the definition does not give itself; of several files, the first that has a
/// variable counts (Amazon ECS container agent, `taskresource/envFiles`). A file for which none stands here has been
/// reported.
fn from_files<'t>(
    files: &'t BTreeMap<String, Redacted>,
    container: &ContainerDefinition,
) -> BTreeMap<&'t str, &'t str> {
    let mut variables = BTreeMap::new();
    let texts = container.environment_files.iter().rev().filter_map(|arn| files.get(arn));
    texts.for_each(|text| variables.extend(environment_file::variables(text.expose())));
    variables.retain(|name, _| !container.environment.contains_key(*name));
    variables
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_wins_then_the_first_file() {
        let files = [("arn:one", "A=one\nB=one\n"), ("arn:two", "A=two\nB=two\nC=two\n")];
        let files = files.map(|(arn, text)| (arn.to_owned(), Redacted::new(text))).into();
        let mut container = ContainerDefinition::new("web", "i");
        container.environment = BTreeMap::from([("A".to_owned(), "definition".to_owned())]);
        container.environment_files = ["arn:one", "arn:missing", "arn:two"].map(str::to_owned).into();
        assert_eq!(from_files(&files, &container), BTreeMap::from([("B", "one"), ("C", "two")]));
    }
}

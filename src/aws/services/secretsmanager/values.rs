//! GetSecretValue.

use serde::Deserialize;
use serde_json::json;

use super::faults::no_value;
use super::secret::{CURRENT, Secret, seconds};
use crate::aws::action::{Decision, Input, State};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let secret = Secret::live(state, &given.secret_id)?;
    let stage = given.version_stage.as_deref().unwrap_or(CURRENT);
    let (found, what) = match &given.version_id {
        Some(id) => (secret.versions.iter().find(|version| version.id == *id), format!("VersionId: {id}")),
        None => {
            let has = |stages: &[String]| stages.iter().any(|known| known == stage);
            (secret.versions.iter().find(|version| has(&version.stages)), format!("staging label: {stage}"))
        }
    };
    let version = found.ok_or_else(|| no_value(&what))?;
    let mut reply = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "VersionStages": version.stages,
        "CreatedDate": seconds(version.created_at),
    });
    if let Some(string) = &version.string {
        reply["SecretString"] = json!(string);
    }
    if let Some(binary) = &version.binary {
        reply["SecretBinary"] = json!(binary);
    }
    Ok(Decision::reply(reply))
}

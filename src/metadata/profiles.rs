//! Credentials of the profiles of whoever runs neargate, for tasks whose role the file gives one.
//!
//! A profile with keys in AWS's files, or with a `credential_process`, needs nothing else. Any other (single sign-on, a role
//! that is assumed) is resolved by the AWS CLI, which must be installed. *Invariant:* no key is logged or kept on disk.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::profile_files::{Found, find};
use crate::ecs::metadata::credentials::RoleCredentials;
use crate::model::{ProfileName, Redacted};

/// How long a program may take to find credentials.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long credentials are served again that say of themselves until when they are valid: so long before that time new
/// ones are asked for, before clients do.
const EARLY: SignedDuration = SignedDuration::from_mins(6);
/// How long keys are served again that do not expire: they may be changed.
const KEPT: SignedDuration = SignedDuration::from_mins(1);
/// What clients are told of those: they ask again then.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Those that were asked for, with the time until which they need not be asked for again.
#[derive(Default)]
pub(super) struct Profiles(Mutex<HashMap<ProfileName, (RoleCredentials, Timestamp)>>);

/// Why there are no credentials. None of it is secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    #[error("`{program}` could not be run for the profile `{profile}`")]
    NotRun { profile: ProfileName, program: String, source: std::io::Error },
    #[error("`{program}` took longer than 30 s for the profile `{profile}`")]
    TooSlow { profile: ProfileName, program: String },
    #[error("`{program}` has no credentials for the profile `{profile}`: {said}")]
    Failed { profile: ProfileName, program: String, said: String },
    #[error("what `{program}` says of the profile `{profile}` cannot be read")]
    Unreadable { profile: ProfileName, program: String },
}

impl Profiles {
    /// Asks for them, unless that was done a moment ago. Others wait meanwhile: they most likely want the same.
    pub(super) async fn credentials(&self, profile: &ProfileName) -> Result<RoleCredentials, ProfileError> {
        let mut known = self.0.lock().await;
        let now = Timestamp::now();
        if let Some((credentials, until)) = known.get(profile)
            && now < *until
        {
            return Ok(credentials.clone());
        }
        let credentials = resolve(profile, now).await?;
        let until = (now + KEPT).max(credentials.expires_at - EARLY);
        known.insert(profile.clone(), (credentials.clone(), until.min(credentials.expires_at)));
        Ok(credentials)
    }
}

async fn resolve(profile: &ProfileName, now: Timestamp) -> Result<RoleCredentials, ProfileError> {
    let (credentials, config) = files();
    let read = async |path: Option<PathBuf>| match path {
        Some(path) => tokio::fs::read_to_string(path).await.unwrap_or_default(),
        None => String::new(),
    };
    match find(profile.as_str(), &read(credentials).await, &read(config).await) {
        Found::Keys { access_key_id, secret_access_key, session_token } => {
            Ok(RoleCredentials { access_key_id, secret_access_key, session_token, expires_at: now + LIFETIME })
        }
        Found::Process(command) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(&command);
            run(profile, "credential_process", shell, now).await
        }
        Found::Else => {
            let mut cli = Command::new("aws");
            cli.args(["configure", "export-credentials", "--format", "process", "--profile", profile.as_str()]);
            run(profile, "aws configure export-credentials", cli, now).await
        }
    }
}

/// AWS's files (SDK reference guide, "Location of the shared config and credentials files").
fn files() -> (Option<PathBuf>, Option<PathBuf>) {
    let home = std::env::home_dir().map(|home| home.join(".aws"));
    let file = |variable: &str, name: &str| {
        std::env::var_os(variable).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(name)))
    };
    (file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config"))
}

/// What such a program prints (SDK reference guide, "Process credential provider").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

async fn run(
    profile: &ProfileName,
    program: &str,
    mut command: Command,
    now: Timestamp,
) -> Result<RoleCredentials, ProfileError> {
    let (profile, program) = (profile.clone(), program.to_owned());
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = match tokio::time::timeout(PATIENCE, running).await {
        Ok(Ok(output)) => output,
        Ok(Err(source)) => return Err(ProfileError::NotRun { profile, program, source }),
        Err(_) => return Err(ProfileError::TooSlow { profile, program }),
    };
    if !output.status.success() {
        // Only what it says to people: standard output may hold keys.
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim().to_owned();
        return Err(ProfileError::Failed { profile, program, said });
    }
    let printed = serde_json::from_slice::<Printed>(&output.stdout).ok().and_then(|printed| {
        let expires_at = printed.expiration.as_ref().map_or(Ok(now + LIFETIME), |at| at.parse());
        Some((expires_at.ok()?, printed))
    });
    let Some((expires_at, printed)) = printed else { return Err(ProfileError::Unreadable { profile, program }) };
    Ok(RoleCredentials {
        access_key_id: printed.access_key_id,
        secret_access_key: Redacted::new(printed.secret_access_key),
        session_token: printed.session_token.map(Redacted::new),
        expires_at,
    })
}

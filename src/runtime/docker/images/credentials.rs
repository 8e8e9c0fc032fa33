//! Registry credentials, from the same places as for `docker pull`: `config.json`'s credential helpers and `auths`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use crate::control::runtime::RegistryCredentials;

use super::reference::DOCKER_HUB;
use crate::runtime::docker::engine::endpoint::Env;

/// Docker Hub's name in `config.json`.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";
/// Helpers may have to wait for the user to unlock a keychain.
const HELPER_LIMIT: Duration = Duration::from_secs(30);

/// The user's own credentials.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    path: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    identitytoken: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// The output of a helper.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FromHelper {
    username: String,
    secret: String,
}

impl Store {
    /// `DOCKER_CONFIG/config.json`, or `~/.docker/config.json`.
    pub(crate) fn of_user() -> Self {
        Self { path: Env::real().docker_config_folder().map(|folder| folder.join("config.json")) }
    }

    /// Credentials for a registry; `Ok(None)` if the user has none. The error says why they could not be read.
    pub(crate) async fn lookup(&self, registry: &str) -> Result<Option<DockerCredentials>, String> {
        let Some(text) = self.path.as_ref().and_then(|path| std::fs::read_to_string(path).ok()) else {
            return Ok(None);
        };
        let config: Config = serde_json::from_str(&text).map_err(|error| format!("docker's config.json: {error}"))?;
        let key = if matches!(registry, DOCKER_HUB | "registry-1.docker.io") { DOCKER_HUB_KEY } else { registry };
        let helper = config.cred_helpers.get(key).or(config.cred_helpers.get(registry)).or(config.creds_store.as_ref());
        if let Some(helper) = helper
            && let Some(found) = ask(helper, key).await?
        {
            return Ok(Some(found));
        }
        let auth = config.auths.iter().find(|(name, _)| host(name) == host(key)).map(|(_, auth)| auth);
        Ok(auth.and_then(|auth| auth.credentials(key)))
    }
}

impl Auth {
    fn credentials(&self, key: &str) -> Option<DockerCredentials> {
        let decoded = self.auth.as_ref().filter(|auth| !auth.is_empty()).and_then(|auth| {
            let bytes = base64::engine::general_purpose::STANDARD.decode(auth).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (username, password) = text.trim_end_matches('\0').split_once(':')?;
            Some((username.to_owned(), password.to_owned()))
        });
        let (username, password) = match decoded {
            Some((username, password)) => (Some(username), Some(password)),
            None => (self.username.clone(), self.password.clone()),
        };
        if username.is_none() && self.identitytoken.is_none() {
            return None;
        }
        Some(DockerCredentials {
            username,
            password,
            identitytoken: self.identitytoken.clone(),
            serveraddress: Some(key.to_owned()),
            ..DockerCredentials::default()
        })
    }
}

/// The credentials from a task definition's `repositoryCredentials`.
pub(crate) fn given(credentials: &RegistryCredentials, registry: &str) -> DockerCredentials {
    DockerCredentials {
        username: Some(credentials.username.clone()),
        password: Some(credentials.password.expose().to_owned()),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    }
}

/// Keys of `auths` may have a scheme and a path.
fn host(key: &str) -> &str {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest);
    key.split('/').next().unwrap_or(key)
}

/// Runs `docker-credential-<helper> get`.
async fn ask(helper: &str, key: &str) -> Result<Option<DockerCredentials>, String> {
    let program = format!("docker-credential-{helper}");
    let run = async {
        let mut child = tokio::process::Command::new(&program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(key.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let output = match tokio::time::timeout(HELPER_LIMIT, run).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("docker's config.json names {program}, which cannot be run: {error}")),
        Err(_) => return Err(format!("{program} did not answer within {} s", HELPER_LIMIT.as_secs())),
    };
    // A helper that knows nothing says so by failing; what it prints then is not to be trusted to be free of secrets.
    if !output.status.success() {
        return Ok(None);
    }
    let found: FromHelper =
        serde_json::from_slice(&output.stdout).map_err(|_| format!("{program} returned no credentials"))?;
    if found.username.is_empty() && found.secret.is_empty() {
        return Ok(None);
    }
    let mut credentials = DockerCredentials { serveraddress: Some(key.to_owned()), ..DockerCredentials::default() };
    if found.username == "<token>" {
        credentials.identitytoken = Some(found.secret);
    } else {
        credentials.username = Some(found.username);
        credentials.password = Some(found.secret);
    }
    Ok(Some(credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lookup(config: &str, registry: &str) -> Result<Option<DockerCredentials>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, config).unwrap();
        Store { path: Some(path) }.lookup(registry).await
    }

    #[tokio::test]
    async fn auths_are_found_under_all_their_names() {
        // me:s3cret
        let config = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"bWU6czNjcmV0"},
            "https://ghcr.io":{"auth":"bWU6czNjcmV0"},"r.example.com/v2/":{"identitytoken":"t"},"empty.example.com":{}}}"#;
        for registry in [DOCKER_HUB, "registry-1.docker.io", "ghcr.io"] {
            let found = lookup(config, registry).await.unwrap().unwrap();
            assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("me"), Some("s3cret")));
        }
        let token = lookup(config, "r.example.com").await.unwrap().unwrap();
        assert_eq!(token.identitytoken.as_deref(), Some("t"));
        assert_eq!(lookup(config, "empty.example.com").await.unwrap(), None);
        assert_eq!(lookup(config, "quay.io").await.unwrap(), None);
        assert_eq!(Store { path: None }.lookup("quay.io").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_helper_that_is_not_installed_is_named() {
        let config = r#"{"credHelpers":{"ghcr.io":"neargate-test-missing"}}"#;
        let error = lookup(config, "ghcr.io").await.unwrap_err();
        assert!(error.contains("docker-credential-neargate-test-missing"), "{error}");
        assert_eq!(lookup(config, "quay.io").await.unwrap(), None, "other registries do not need it");
    }
}

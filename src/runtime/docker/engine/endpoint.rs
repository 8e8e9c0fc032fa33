//! Finds the engine: from the environment, the active docker context, and the sockets of common engines.
//!
//! The user's choice (`DOCKER_HOST`, `DOCKER_CONTEXT`, `CONTAINER_HOST`, `docker context use`) is the only candidate, as
//! with the docker command: silently using another engine would start the stack in the wrong place. Without a choice, every
//! known socket is a candidate, the most likely first.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The environment, passed in so that tests need not change the process's own.
pub struct Env<'a> {
    /// Looks a variable up.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
}

/// A possible address of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The address.
    pub endpoint: Endpoint,
    /// Where it comes from, for messages: `DOCKER_HOST`, `docker context 'colima'`, `default socket`.
    pub source: String,
}

/// An address of the engine's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// `host:port`, with or without TLS.
    Tcp {
        /// `host:port`
        address: String,
        /// Certificates, for TLS.
        tls: Option<TlsFiles>,
    },
    /// A Windows named pipe.
    NamedPipe(String),
}

/// Client certificate, its key, and the authority that signed the engine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// `ca.pem`
    pub ca: PathBuf,
    /// `cert.pem`
    pub cert: PathBuf,
    /// `key.pem`
    pub key: PathBuf,
}

impl Env<'_> {
    /// The environment of this process.
    pub fn real() -> Env<'static> {
        Env { variable: &|name| std::env::var(name).ok().filter(|value| !value.is_empty()), home: std::env::home_dir() }
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    /// `DOCKER_CONFIG`, or `~/.docker`.
    pub fn docker_config_folder(&self) -> Option<PathBuf> {
        self.variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(self.home.as_ref()?.join(".docker")))
    }
}

impl TlsFiles {
    fn of_folder(folder: &Path) -> Self {
        Self { ca: folder.join("ca.pem"), cert: folder.join("cert.pem"), key: folder.join("key.pem") }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { address, .. } => write!(f, "tcp://{address}"),
            Self::NamedPipe(path) => write!(f, "npipe://{path}"),
        }
    }
}

impl Endpoint {
    /// Parses a URL in docker's form. The error says what is wrong and what to do.
    pub fn parse(url: &str, tls: Option<TlsFiles>) -> Result<Self, String> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(format!(
                "{url:?} is not an address: write unix:///path, tcp://host:port or npipe:////./pipe/name"
            ));
        };
        match scheme {
            "unix" => Ok(Self::Unix(PathBuf::from(rest))),
            "tcp" | "http" => {
                let address = rest.trim_end_matches('/');
                let default_port = if tls.is_some() { 2376 } else { 2375 };
                let address = if has_port(address) { address.to_owned() } else { format!("{address}:{default_port}") };
                Ok(Self::Tcp { address, tls })
            }
            "https" if tls.is_some() => Self::parse(&format!("tcp://{rest}"), tls),
            "https" => Err(format!("{url}: set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem")),
            "npipe" => Ok(Self::NamedPipe(rest.to_owned())),
            "ssh" => Err(format!(
                "{url}: neargate does not speak SSH to an engine. Forward its socket, \
                 `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock {rest}`, and set \
                 DOCKER_HOST=unix:///tmp/docker.sock"
            )),
            other => Err(format!("{url}: {other}:// is not supported; use unix://, tcp:// or npipe://")),
        }
    }
}

fn has_port(address: &str) -> bool {
    let behind_host = address.rsplit_once(']').map_or(address, |(_, rest)| rest);
    behind_host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// Every address to try, in order. The error is a message for the user.
pub fn candidates(env: &Env<'_>) -> Result<Vec<Candidate>, String> {
    if let Some(url) = env.variable("DOCKER_HOST") {
        let endpoint = Endpoint::parse(&url, environment_tls(env)).map_err(|text| format!("DOCKER_HOST={text}"))?;
        return Ok(vec![Candidate { endpoint, source: "DOCKER_HOST".to_owned() }]);
    }
    if let Some(name) = env.variable("DOCKER_CONTEXT") {
        if name != "default" {
            return Ok(vec![context(env, &name, "DOCKER_CONTEXT")?]);
        }
    } else if let Some(url) = env.variable("CONTAINER_HOST") {
        let endpoint = Endpoint::parse(&url, None).map_err(|text| format!("CONTAINER_HOST={text}"))?;
        return Ok(vec![Candidate { endpoint, source: "CONTAINER_HOST".to_owned() }]);
    } else if let Some(name) = current_context(env)? {
        return Ok(vec![context(env, &name, "docker context use")?]);
    }
    Ok(well_known(env))
}

/// docker's own rule: a non-empty `DOCKER_TLS_VERIFY`, with certificates from `DOCKER_CERT_PATH` or `~/.docker`.
fn environment_tls(env: &Env<'_>) -> Option<TlsFiles> {
    env.variable("DOCKER_TLS_VERIFY")?;
    let folder = env.variable("DOCKER_CERT_PATH").map(PathBuf::from).or(env.docker_config_folder())?;
    Some(TlsFiles::of_folder(&folder))
}

fn current_context(env: &Env<'_>) -> Result<Option<String>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        current_context: Option<String>,
    }
    let Some(path) = env.docker_config_folder().map(|folder| folder.join("config.json")) else {
        return Ok(None);
    };
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    let config: Config =
        serde_json::from_str(&text).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(config.current_context.filter(|name| !name.is_empty() && name != "default"))
}

/// Finds a context by its name. The folder's name is a digest of the context's name, but a file in the folder also has
/// the name, so no digest has to be computed.
fn context(env: &Env<'_>, wanted: &str, said_by: &str) -> Result<Candidate, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        name: String,
        endpoints: std::collections::BTreeMap<String, MetaEndpoint>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct MetaEndpoint {
        host: Option<String>,
    }
    let missing = || {
        format!(
            "the docker context '{wanted}' ({said_by}) does not exist: `docker context ls` shows those that do, \
             `docker context use default` goes back to the default"
        )
    };
    let folder = env.docker_config_folder().ok_or_else(missing)?.join("contexts");
    for entry in std::fs::read_dir(folder.join("meta")).map_err(|_| missing())?.flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path().join("meta.json")) else { continue };
        let Ok(meta) = serde_json::from_str::<Meta>(&text) else { continue };
        if meta.name != wanted {
            continue;
        }
        let url = meta.endpoints.get("docker").and_then(|endpoint| endpoint.host.clone());
        let url = url.ok_or_else(|| format!("the docker context '{wanted}' has no docker endpoint"))?;
        let tls = TlsFiles::of_folder(&folder.join("tls").join(entry.file_name()).join("docker"));
        let tls = tls.ca.exists().then_some(tls);
        let endpoint = Endpoint::parse(&url, tls).map_err(|text| format!("docker context '{wanted}': {text}"))?;
        return Ok(Candidate { endpoint, source: format!("docker context '{wanted}'") });
    }
    Err(missing())
}

/// The sockets of common engines.
fn well_known(env: &Env<'_>) -> Vec<Candidate> {
    let home = env.home.as_deref();
    let runtime_folder = env.variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let in_home = |path: &str| home.map(|home| home.join(path));
    let in_runtime = |path: &str| runtime_folder.as_ref().map(|folder| folder.join(path));
    let sockets = [
        (Some(PathBuf::from("/var/run/docker.sock")), "default socket"),
        (in_runtime("docker.sock"), "rootless Docker"),
        (in_home(".docker/run/docker.sock"), "Docker Desktop"),
        (in_home(".docker/desktop/docker.sock"), "Docker Desktop"),
        (in_home(".orbstack/run/docker.sock"), "OrbStack"),
        (in_home(".colima/default/docker.sock"), "Colima"),
        (in_home(".rd/docker.sock"), "Rancher Desktop"),
        (in_runtime("podman/podman.sock"), "rootless Podman"),
        (Some(PathBuf::from("/run/podman/podman.sock")), "Podman"),
    ];
    let mut candidates: Vec<Candidate> = sockets
        .into_iter()
        .filter_map(|(path, source)| Some(Candidate { endpoint: Endpoint::Unix(path?), source: source.to_owned() }))
        .collect();
    if cfg!(windows) {
        let endpoint = Endpoint::NamedPipe("//./pipe/docker_engine".to_owned());
        candidates.insert(0, Candidate { endpoint, source: "default pipe".to_owned() });
    }
    candidates
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    struct Machine {
        folder: tempfile::TempDir,
        variables: HashMap<String, String>,
    }

    impl Machine {
        fn new(variables: &[(&str, &str)]) -> Self {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Self { folder: tempfile::tempdir().unwrap(), variables }
        }

        fn file(self, path: &str, text: &str) -> Self {
            let path = self.folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
            self
        }

        fn candidates(&self) -> Result<Vec<Candidate>, String> {
            let variable = |name: &str| self.variables.get(name).cloned();
            candidates(&Env { variable: &variable, home: Some(self.folder.path().to_owned()) })
        }

        fn shown(&self) -> String {
            let candidates = self.candidates().unwrap();
            let shown: Vec<String> =
                candidates.iter().map(|found| format!("{} {}", found.endpoint, found.source)).collect();
            shown.join("; ")
        }
    }

    const COLIMA: &str = r#"{"Name":"colima","Metadata":{"Description":"colima"},"Endpoints":{"docker":
        {"Host":"unix:///home/u/.colima/default/docker.sock","SkipTLSVerify":false}}}"#;

    #[test]
    fn the_environment_comes_before_the_context_in_use() {
        let machine = Machine::new(&[("DOCKER_HOST", "tcp://10.0.0.7:2375")])
            .file(".docker/config.json", r#"{"currentContext":"colima"}"#)
            .file(".docker/contexts/meta/abc/meta.json", COLIMA);
        assert_eq!(machine.shown(), "tcp://10.0.0.7:2375 DOCKER_HOST");

        let machine = Machine::new(&[])
            .file(".docker/config.json", r#"{"auths":{},"currentContext":"colima"}"#)
            .file(".docker/contexts/meta/zzz/meta.json", &COLIMA.replace("colima", "other"))
            .file(".docker/contexts/meta/abc/meta.json", COLIMA);
        assert_eq!(machine.shown(), "unix:///home/u/.colima/default/docker.sock docker context 'colima'");
    }

    #[test]
    fn docker_context_names_one_of_the_contexts_or_nothing() {
        let machine = Machine::new(&[("DOCKER_CONTEXT", "colima")]).file(".docker/contexts/meta/abc/meta.json", COLIMA);
        assert_eq!(machine.shown(), "unix:///home/u/.colima/default/docker.sock docker context 'colima'");

        let message = Machine::new(&[("DOCKER_CONTEXT", "nope")]).candidates().unwrap_err();
        assert!(message.starts_with("the docker context 'nope' (DOCKER_CONTEXT) does not exist"), "{message}");
    }

    #[test]
    fn the_default_context_means_the_known_sockets() {
        for config in [r#"{"currentContext":"default"}"#, "{}"] {
            let machine = Machine::new(&[("XDG_RUNTIME_DIR", "/run/user/7")]).file(".docker/config.json", config);
            let shown = machine.shown();
            assert!(shown.contains("unix:///var/run/docker.sock default socket"), "{shown}");
            assert!(shown.contains("unix:///run/user/7/podman/podman.sock rootless Podman"), "{shown}");
        }
    }

    #[test]
    fn certificates_are_those_of_the_context_or_of_the_environment() {
        let machine = Machine::new(&[("DOCKER_CONFIG", "CFG")]);
        let config = machine.folder.path().join("cfg");
        let mut machine = machine
            .file("cfg/config.json", r#"{"currentContext":"remote"}"#)
            .file("cfg/contexts/meta/abc/meta.json", r#"{"Name":"remote","Endpoints":{"docker":{"Host":"tcp://h"}}}"#)
            .file("cfg/contexts/tls/abc/docker/ca.pem", "");
        machine.variables.insert("DOCKER_CONFIG".to_owned(), config.display().to_string());
        let tls = TlsFiles::of_folder(&config.join("contexts/tls/abc/docker"));
        let endpoint = Endpoint::Tcp { address: "h:2376".to_owned(), tls: Some(tls) };
        assert_eq!(machine.candidates().unwrap()[0].endpoint, endpoint);

        let machine =
            Machine::new(&[("DOCKER_HOST", "tcp://docker"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/c")]);
        let tls = Some(TlsFiles::of_folder(Path::new("/c")));
        assert_eq!(machine.candidates().unwrap()[0].endpoint, Endpoint::Tcp { address: "docker:2376".to_owned(), tls });
    }

    #[test]
    fn what_cannot_be_used_says_what_to_do() {
        let cases = [
            ("ssh://me@host", "DOCKER_HOST=ssh://me@host: neargate does not speak SSH"),
            ("fd://", "DOCKER_HOST=fd://: fd:// is not supported"),
            ("/var/run/docker.sock", "DOCKER_HOST=\"/var/run/docker.sock\" is not an address"),
        ];
        for (value, start) in cases {
            let message = Machine::new(&[("DOCKER_HOST", value)]).candidates().unwrap_err();
            assert!(message.starts_with(start), "{message}");
        }
    }
}

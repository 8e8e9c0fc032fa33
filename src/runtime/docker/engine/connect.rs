//! The connection to the engine: tries the candidates and identifies the engine that responds.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::models::SystemInfo;
use bollard::{API_DEFAULT_VERSION, Docker};
use jiff::Timestamp;

use crate::control::runtime::RuntimeError;
use crate::model::NodeName;

use super::endpoint::{Candidate, Endpoint, Env, candidates};
use super::error;
use super::error::Phrase;
use super::pause::Arch;

/// A reachable engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    info: EngineInfo,
    system: Arc<SystemInfo>,
    /// When we read its clock.
    heard: Instant,
    endpoint: Endpoint,
    host: IpAddr,
}

/// What `doctor` says about the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// `docker` or `podman`.
    pub name: EngineKind,
    /// e.g. `20.10.24`
    pub version: String,
    /// e.g. `1.41`
    pub api_version: String,
    /// e.g. `linux`
    pub os: String,
    /// e.g. `amd64`
    pub arch: String,
    /// e.g. `unix:///var/run/docker.sock`
    pub endpoint: String,
    /// Where the address comes from: `DOCKER_HOST`, `docker context 'colima'`, `default socket`.
    pub source: String,
}

/// The engines with this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Docker Engine, in any packaging.
    Docker,
    /// Podman's compatible service.
    Podman,
}

impl std::fmt::Display for EngineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        })
    }
}

/// The timeout of ordinary calls. Calls that wait for something (stop, build, pull) set their own.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// How long to wait for an answer from a candidate before it counts as absent.
const HELLO_LIMIT: Duration = Duration::from_secs(5);

impl Engine {
    /// Finds the engine that the user means, and connects to it.
    pub async fn connect() -> Result<Self, RuntimeError> {
        Self::connect_in(&candidates(&Env::real()).map_err(|text| RuntimeError::EngineUnreachable(text.into()))?).await
    }

    /// Connects to the first candidate that answers.
    pub async fn connect_in(candidates: &[Candidate]) -> Result<Self, RuntimeError> {
        let mut failures = Vec::new();
        for candidate in candidates {
            match hello(candidate).await {
                Ok(engine) => return Ok(engine),
                Err(error) => failures.push((candidate, error)),
            }
        }
        let unreachable = RuntimeError::EngineUnreachable(nobody_answered(&failures).into());
        Err(match failures.pop() {
            Some((_, last)) => unreachable.caused_by(last),
            None => unreachable,
        })
    }

    /// The engine that answered.
    pub fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// The address in use.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The address on which the engine's published ports are reachable: loopback, or the address of a remote engine.
    pub fn host(&self) -> IpAddr {
        self.host
    }

    /// Whether it runs on this machine, or in a virtual machine on it.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.endpoint, Endpoint::Unix(_))
    }

    /// Whether it is Docker on this machine without root.
    pub(crate) fn is_rootless(&self) -> bool {
        let options = self.system.security_options.iter().flatten();
        self.is_local() && options.into_iter().any(|option| option.contains("name=rootless"))
    }

    /// Its description of the machine on which it runs.
    pub(crate) fn system(&self) -> &SystemInfo {
        &self.system
    }

    /// The engine's name for the machine that it runs on.
    pub(crate) fn node(&self) -> NodeName {
        NodeName::new(self.system.name.as_deref().unwrap_or("engine"))
    }

    /// The number of its CPUs.
    pub(crate) fn cpus(&self) -> i64 {
        self.system.ncpu.unwrap_or(1)
    }

    /// The time on its clock, assuming that it has kept pace with ours since we connected. The clock of a virtual
    /// machine may be far off, and stops while the machine sleeps.
    pub(crate) fn clock(&self) -> Option<Timestamp> {
        let shown = self.system.system_time.as_ref()?.parse::<Timestamp>().ok()?;
        shown.checked_add(self.heard.elapsed()).ok()
    }

    /// The client.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// A client with a longer timeout.
    pub fn patient(&self, limit: Duration) -> Docker {
        self.docker.clone().with_timeout(limit)
    }

    /// Whether it answers in time.
    pub async fn answers(&self) -> Result<(), RuntimeError> {
        let error = match tokio::time::timeout(HELLO_LIMIT, self.docker.ping()).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => HelloError::Failed(error),
            Err(_) => HelloError::NoResponse,
        };
        Err(RuntimeError::EngineUnreachable(self.gone(&error.to_string()).into()).caused_by(error))
    }

    /// Adds the engine's address and the fix to the error if the engine is unreachable.
    pub(crate) fn located(&self, error: RuntimeError) -> RuntimeError {
        match error {
            RuntimeError::EngineUnreachable(reason) => {
                RuntimeError::EngineUnreachable(reason.reworded(|text| self.gone(text)))
            }
            other => other,
        }
    }

    /// The message that the engine is gone.
    pub(crate) fn gone(&self, text: &str) -> String {
        let EngineInfo { endpoint, source, .. } = &self.info;
        unreachable(endpoint, source, text)
    }

    /// The architecture of images that run here without emulation.
    pub fn arch(&self) -> Result<Arch, RuntimeError> {
        Arch::parse(&self.info.arch).ok_or_else(|| {
            RuntimeError::Other(format!("the engine runs on {}; neargate knows amd64 and arm64", self.info.arch).into())
        })
    }
}

/// Why a candidate is not an engine that can be used.
#[derive(Debug, thiserror::Error)]
enum HelloError {
    #[error("no response within {} s", HELLO_LIMIT.as_secs())]
    NoResponse,
    #[error("{}", error::message(.0))]
    Failed(#[from] bollard::errors::Error),
    #[error("it runs Windows containers; switch it to Linux containers")]
    WindowsContainers,
    #[error("{0}")]
    Lookup(#[from] std::io::Error),
    #[error("{0} has no address")]
    NoAddress(String),
    #[error("{0}")]
    UnsupportedEndpoint(&'static str),
}

async fn hello(candidate: &Candidate) -> Result<Engine, HelloError> {
    let docker = client(&candidate.endpoint)?;
    // Together: each takes the engine several milliseconds, because it asks its own parts.
    let introduced = async { tokio::try_join!(docker.version(), docker.info()) };
    let (version, system) =
        tokio::time::timeout(HELLO_LIMIT, introduced).await.map_err(|_| HelloError::NoResponse)??;
    let heard = Instant::now();
    let is_podman =
        version.components.iter().flatten().any(|component| component.name.to_ascii_lowercase().contains("podman"));
    let info = EngineInfo {
        name: if is_podman { EngineKind::Podman } else { EngineKind::Docker },
        version: version.version.unwrap_or_default(),
        api_version: version.api_version.unwrap_or_default(),
        os: version.os.unwrap_or_default(),
        arch: version.arch.unwrap_or_default(),
        endpoint: candidate.endpoint.to_string(),
        source: candidate.source.clone(),
    };
    if info.os == "windows" {
        return Err(HelloError::WindowsContainers);
    }
    let host = host_of(&candidate.endpoint).await?;
    Ok(Engine { docker, info, system: Arc::new(system), heard, endpoint: candidate.endpoint.clone(), host })
}

/// The address on which an engine publishes ports, as seen from here.
async fn host_of(endpoint: &Endpoint) -> Result<IpAddr, HelloError> {
    let Endpoint::Tcp { address, .. } = endpoint else { return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
    let found: Vec<IpAddr> = tokio::net::lookup_host(address).await?.map(|found| found.ip()).collect();
    // Engines publish on IPv4 unless they are told otherwise.
    let best = found.iter().find(|found| found.is_ipv4()).or(found.first()).copied();
    best.ok_or_else(|| HelloError::NoAddress(address.clone()))
}

fn client(endpoint: &Endpoint) -> Result<Docker, HelloError> {
    let limit = CALL_LIMIT.as_secs();
    let docker = match endpoint {
        #[cfg(unix)]
        Endpoint::Unix(path) => Docker::connect_with_unix(&path.to_string_lossy(), limit, API_DEFAULT_VERSION),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => return Err(HelloError::UnsupportedEndpoint("Unix sockets do not work on this system")),
        Endpoint::Tcp { address, tls: None } => Docker::connect_with_http(address, limit, API_DEFAULT_VERSION),
        Endpoint::Tcp { address, tls: Some(tls) } => {
            Docker::connect_with_ssl(address, &tls.key, &tls.cert, &tls.ca, limit, API_DEFAULT_VERSION)
        }
        #[cfg(windows)]
        Endpoint::NamedPipe(path) => Docker::connect_with_named_pipe(path, limit, API_DEFAULT_VERSION),
        #[cfg(not(windows))]
        Endpoint::NamedPipe(_) => return Err(HelloError::UnsupportedEndpoint("named pipes exist on Windows only")),
    };
    Ok(docker?.with_request_modifier(url_safe_credentials))
}

/// The engine expects credentials in the URL-safe base64 alphabet and silently ignores others, while bollard uses the
/// standard alphabet. The two differ in two characters.
fn url_safe_credentials(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    for name in ["X-Registry-Auth", "X-Registry-Config"] {
        let Some(value) = request.headers().get(name).and_then(|value| value.to_str().ok()) else { continue };
        if let Ok(value) = value.replace('+', "-").replace('/', "_").parse() {
            request.headers_mut().insert(name, value);
        }
    }
    request
}

/// One message: the addresses that were tried, and what to do.
fn nobody_answered(failures: &[(&Candidate, HelloError)]) -> String {
    let exists = |candidate: &Candidate| match &candidate.endpoint {
        Endpoint::Unix(path) => path.exists(),
        _ => true,
    };
    // Sockets that are not there are no news, unless the user named one.
    let mut told: Vec<_> = failures.iter().filter(|(candidate, _)| exists(candidate)).collect();
    if told.is_empty() && failures.len() == 1 {
        told = failures.iter().collect();
    }
    if told.is_empty() {
        let tried: Vec<String> = failures.iter().map(|(candidate, _)| candidate.endpoint.to_string()).collect();
        return format!(
            "no container engine is running (looked for {}). Start Docker Desktop, `sudo systemctl start docker`, \
             `colima start` or `systemctl --user start podman.socket`, or set DOCKER_HOST",
            tried.join(", ")
        );
    }
    let told: Vec<String> = told
        .iter()
        .map(|(candidate, error)| unreachable(&candidate.endpoint.to_string(), &candidate.source, &error.to_string()))
        .collect();
    told.join("\n")
}

/// The sentence about an engine that cannot be used: its address and where that comes from, the reason, and the fix.
fn unreachable(endpoint: &str, source: &str, text: &str) -> String {
    let from = match source {
        "DOCKER_HOST" | "DOCKER_CONTEXT" | "CONTAINER_HOST" => format!("from {source}"),
        other => other.to_owned(),
    };
    let what = if Phrase::NotAllowed.is_in(text) { "the container engine" } else { "no container engine" };
    format!("{what} at {endpoint} ({from}): {text}. {}", fix(source, text))
}

fn fix(source: &str, text: &str) -> String {
    let text = &text.to_ascii_lowercase();
    let fix = if Phrase::NotAllowed.is_in(text) {
        "Let this user use it: sudo usermod -aG docker $USER, then log in again; or use rootless Docker"
    } else if Phrase::Tls.is_in(text) {
        "Check DOCKER_TLS_VERIFY and the certificates in DOCKER_CERT_PATH"
    } else if Phrase::WindowsContainers.is_in(text) {
        "Docker Desktop's menu has the switch"
    } else {
        return match source {
            "DOCKER_HOST" | "CONTAINER_HOST" => format!("Start it, or unset {source}"),
            _ if source.starts_with("docker context") => {
                "Start it, or choose another: docker context use default".to_owned()
            }
            _ => "Start it; `docker info` should work".to_owned(),
        };
    };
    fix.to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[tokio::test]
    async fn ports_are_published_where_the_engine_runs() {
        let tcp = |address: &str| Endpoint::Tcp { address: address.to_owned(), tls: None };
        for (endpoint, host) in [
            (Endpoint::Unix(PathBuf::from("/x")), "127.0.0.1"),
            (tcp("127.0.0.1:2375"), "127.0.0.1"),
            (tcp("192.0.2.7:2375"), "192.0.2.7"),
        ] {
            assert_eq!(host_of(&endpoint).await.unwrap().to_string(), host);
        }
    }

    fn unix(path: &str, source: &str) -> Candidate {
        Candidate { endpoint: Endpoint::Unix(PathBuf::from(path)), source: source.to_owned() }
    }

    #[tokio::test]
    async fn no_engine_is_one_message_that_names_what_was_tried() {
        let missing = [unix("/nonexistent/a.sock", "default socket"), unix("/nonexistent/b.sock", "Podman")];
        let error = Engine::connect_in(&missing).await.unwrap_err().to_string();
        assert!(error.contains("unix:///nonexistent/a.sock, unix:///nonexistent/b.sock"), "{error}");
        assert!(error.contains("DOCKER_HOST"), "{error}");
    }

    #[tokio::test]
    async fn an_engine_that_the_environment_names_is_one_sentence_without_the_client_s_layers() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let endpoint = Endpoint::Tcp { address: address.clone(), tls: None };
        let named = Candidate { endpoint, source: "DOCKER_HOST".to_owned() };
        let error = Engine::connect_in(&[named]).await.unwrap_err();
        let expected = format!(
            "no container engine at tcp://{address} (from DOCKER_HOST): connection refused. Start it, or unset DOCKER_HOST"
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_socket_that_this_user_may_not_use_is_another_matter() {
        let told = unreachable("unix:///var/run/docker.sock", "default socket", "permission denied");
        assert_eq!(
            told,
            "the container engine at unix:///var/run/docker.sock (default socket): permission denied. Let this user use it: \
             sudo usermod -aG docker $USER, then log in again; or use rootless Docker"
        );
    }

    #[tokio::test]
    #[cfg(unix)]
    async fn a_named_engine_that_does_not_answer_is_blamed_by_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let error = Engine::connect_in(&[unix(path.to_str().unwrap(), "docker context 'colima'")]).await.unwrap_err();
        assert!(matches!(error, RuntimeError::EngineUnreachable(_)));
        let expected = format!(
            "no container engine at unix://{} (docker context 'colima'): connection refused. Start it, or choose another: \
             docker context use default",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
    }
}

//! A registry on loopback, which engines accept without TLS: it has one image, or one way to refuse it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use neargate::runtime::docker::engine::pause;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How it responds to a request for a manifest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// There is no such image.
    Missing,
    /// Its token service refuses, as ghcr.io's does for private images.
    Private,
    /// An error of its own.
    Broken,
    /// One image, for everybody.
    Image,
    /// The same, for authorized clients.
    ImageFor { username: &'static str, password: &'static str },
}

/// A running registry.
pub(crate) struct Registry {
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Registry {
    /// Serves until dropped.
    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let blobs = Arc::new(Blobs::new());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let blobs = Arc::clone(&blobs);
                tokio::spawn(async move { serve(stream, address, answer, &blobs).await });
            }
        });
        Self { address, serving }
    }

    /// A reference to its image, under this name.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/it/{name}:1", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An image of one layer: the pause executable.
struct Blobs {
    manifest: String,
    all: Vec<(String, Vec<u8>)>,
}

impl Blobs {
    fn new() -> Self {
        let arch = pause::Arch::parse(std::env::consts::ARCH).unwrap();
        let layer = pause::root_file_system(arch).unwrap();
        let name = if arch == pause::Arch::Amd64 { "amd64" } else { "arm64" };
        let config = format!(
            r#"{{"architecture":"{name}","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            digest(&layer)
        );
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":{},"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar","size":{},"digest":"{}"}}]}}"#,
            config.len(),
            digest(config.as_bytes()),
            layer.len(),
            digest(&layer),
        );
        let all = vec![(digest(config.as_bytes()), config.into_bytes()), (digest(&layer), layer)];
        Self { manifest, all }
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    format!("sha256:{}", output.split_whitespace().next().unwrap())
}

async fn serve(mut stream: TcpStream, address: SocketAddr, answer: Answer, blobs: &Blobs) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            // The engine tries TLS first, and falls back when that is refused.
            Ok(0x16) if head.is_empty() => return,
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split_whitespace().nth(1).unwrap();
    let reply = reply(&head, path, address, answer, blobs);
    let (status, headers, body) = reply;
    let length = body.len();
    let start = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
    let _ = stream.write_all(start.as_bytes()).await;
    if !head.starts_with("HEAD") {
        let _ = stream.write_all(&body).await;
    }
    let _ = stream.shutdown().await;
}

fn reply(
    head: &str,
    path: &str,
    address: SocketAddr,
    answer: Answer,
    blobs: &Blobs,
) -> (&'static str, String, Vec<u8>) {
    let error = |code: &str| format!(r#"{{"errors":[{{"code":"{code}","message":"{code}"}}]}}"#).into_bytes();
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{address}/token\",service=\"it\"\r\n");
    match answer {
        _ if path.starts_with("/token") && matches!(answer, Answer::Private) => {
            ("401 Unauthorized", String::new(), error("UNAUTHORIZED"))
        }
        Answer::Private => ("401 Unauthorized", challenge, error("UNAUTHORIZED")),
        Answer::Broken if path != "/v2/" => ("503 Service Unavailable", String::new(), Vec::new()),
        Answer::Missing if path != "/v2/" => {
            ("404 Not Found", "Content-Type: application/json\r\n".to_owned(), error("MANIFEST_UNKNOWN"))
        }
        Answer::ImageFor { username, password } if !is_allowed(head, username, password) => {
            ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"it\"\r\n".to_owned(), error("UNAUTHORIZED"))
        }
        Answer::Image | Answer::ImageFor { .. } if path != "/v2/" => {
            if path.contains("/manifests/") {
                let kind = "Content-Type: application/vnd.docker.distribution.manifest.v2+json\r\n";
                let id = format!("Docker-Content-Digest: {}\r\n", digest(blobs.manifest.as_bytes()));
                return ("200 OK", format!("{kind}{id}"), blobs.manifest.clone().into_bytes());
            }
            let blob = blobs.all.iter().find(|(digest, _)| path.ends_with(digest.as_str()));
            ("200 OK", String::new(), blob.map(|(_, bytes)| bytes.clone()).unwrap_or_default())
        }
        _ => ("200 OK", String::new(), b"{}".to_vec()),
    }
}

fn is_allowed(head: &str, username: &str, password: &str) -> bool {
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    head.to_lowercase().contains(&format!("authorization: basic {expected}").to_lowercase())
}

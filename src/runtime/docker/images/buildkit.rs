//! BuildKit inside the engine, the default of `docker build` since Docker 23.
//!
//! The build goes to the same endpoint as the classic one's, with `version=2` and a [`super::session`] beside it;
//! its progress is a stream of protobuf messages about vertices, the steps of its graph.

use std::collections::HashMap;

use base64::Engine as _;
use bytes::{Buf as _, BytesMut};
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};

use crate::control::runtime::RuntimeError;

use super::progress::Progress;
use super::protobuf::fields;
use super::recipe::{Recipe, Transcript, build_failed, send_context};
use super::session;
use crate::runtime::docker::engine::connect::Engine;
use crate::runtime::docker::engine::error::Phrase;
use crate::runtime::docker::engine::raw;

pub(crate) use crate::runtime::docker::engine::raw::can_reach;

/// The maximum length of a line of the response; each line is one progress message.
const LINE_LIMIT: usize = 16 * 1024 * 1024;

/// Builds and tags the image.
pub(crate) async fn build(engine: &Engine, recipe: &Recipe<'_>, progress: &Progress) -> Result<(), RuntimeError> {
    let id = session_id();
    let session = session::open(engine, &id, recipe.credentials.clone()).await;
    let session = AbortOnDrop(session.map_err(build_failed)?);
    let body = StreamBody::new(send_context(&recipe.context, progress).map_ok(Frame::data));
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/build?{}", query(recipe, &id)))
        .header(HOST, "engine")
        .header(CONTENT_TYPE, "application/x-tar")
        .body(BodyExt::boxed_unsync(body))
        .map_err(build_failed)?;
    let response = raw::send(engine, request).await.map_err(unreachable)?;
    let built = read(response, recipe, progress).await;
    drop(session);
    built
}

fn unreachable(cause: impl std::error::Error + Send + Sync + 'static) -> RuntimeError {
    RuntimeError::EngineUnreachable(cause.to_string().into()).caused_by(cause)
}

/// Ends the session together with the build.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An id that no other session of this engine has.
fn session_id() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let part = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", part(), part())
}

fn query(recipe: &Recipe<'_>, session: &str) -> String {
    let args = serde_json::to_string(&recipe.build.args).unwrap_or_default();
    let mut pairs = vec![
        ("version", "2"),
        ("session", session),
        ("buildid", session),
        ("t", recipe.request.image.as_str()),
        ("dockerfile", recipe.context.dockerfile.as_str()),
        ("buildargs", args.as_str()),
        ("rm", "1"),
    ];
    pairs.extend(recipe.request.fresh.steps.then_some(("nocache", "1")));
    pairs.extend(recipe.request.fresh.bases.then_some(("pull", "1")));
    pairs.extend(recipe.build.target.as_deref().map(|target| ("target", target)));
    pairs.extend(recipe.request.platform.as_deref().map(|platform| ("platform", platform)));
    pairs.extend(recipe.network.map(|network| ("networkmode", network)));
    let encoded: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
    encoded.join("&")
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

async fn read(response: Response<Incoming>, recipe: &Recipe<'_>, progress: &Progress) -> Result<(), RuntimeError> {
    let is_refused = !response.status().is_success();
    let mut body = response.into_body();
    let mut pending = BytesMut::new();
    let mut trace = Trace::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(unreachable)?;
        let Ok(data) = frame.into_data() else { continue };
        pending.extend_from_slice(&data);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line = pending.split_to(end);
            pending.advance(1);
            trace.line(&line, recipe, progress)?;
        }
        if pending.len() > LINE_LIMIT {
            return Err(RuntimeError::BuildFailed("the engine's answer is too long".into()));
        }
    }
    if is_refused {
        let refusal: Message = serde_json::from_slice(&pending).unwrap_or_default();
        return Err(trace.failed(recipe, &refusal.message.unwrap_or_else(|| "the engine refused the build".to_owned())));
    }
    trace.line(&pending, recipe, progress)
}

/// One line of the response.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Message {
    id: Option<String>,
    aux: Option<serde_json::Value>,
    error: Option<String>,
    message: Option<String>,
}

/// The vertices seen so far.
#[derive(Default)]
struct Trace {
    transcripts: HashMap<String, Transcript>,
    told: HashMap<String, bool>,
    failing: Option<String>,
}

impl Trace {
    fn line(&mut self, line: &[u8], recipe: &Recipe<'_>, progress: &Progress) -> Result<(), RuntimeError> {
        let Ok(message) = serde_json::from_slice::<Message>(line) else { return Ok(()) };
        if let Some(text) = message.error {
            return Err(self.failed(recipe, &text));
        }
        if message.id.as_deref() == Some("moby.buildkit.trace")
            && let Some(serde_json::Value::String(aux)) = message.aux
            && let Ok(status) = base64::engine::general_purpose::STANDARD.decode(aux)
        {
            self.status(&status, progress);
        }
        Ok(())
    }

    fn failed(&self, recipe: &Recipe<'_>, text: &str) -> RuntimeError {
        if Phrase::DiskFull.is_in(text) {
            return RuntimeError::DiskFull(text.into());
        }
        let failing = self.failing.as_ref().and_then(|digest| self.transcripts.get(digest));
        failing.unwrap_or(&Transcript::default()).failure(&recipe.build.dockerfile, text)
    }

    /// `StatusResponse`: vertices (1), their progress (2), their output (3).
    fn status(&mut self, status: &[u8], progress: &Progress) {
        for (field, value) in fields(status) {
            match field {
                1 => self.vertex(&Vertex::read(value.bytes()), progress),
                3 => self.output(value.bytes(), progress),
                _ => {}
            }
        }
    }

    fn vertex(&mut self, vertex: &Vertex, progress: &Progress) {
        if !vertex.error.is_empty() && !Phrase::Canceled.is_in(&vertex.error) {
            self.failing = Some(vertex.digest.clone());
        }
        // Told when it starts, and once more if it then turns out to be cached.
        let is_news = self.told.get(&vertex.digest).is_none_or(|cached| vertex.cached && !cached);
        if !(vertex.started || vertex.cached) || !is_news {
            return;
        }
        self.told.insert(vertex.digest.clone(), vertex.cached);
        let transcript = self.transcripts.entry(vertex.digest.clone()).or_default();
        let name = if vertex.cached { format!("{} CACHED", vertex.name) } else { vertex.name.clone() };
        let is_internal = vertex.name.starts_with("[internal]") || vertex.name.starts_with("copy /context");
        if is_internal { progress.detail(name) } else { transcript.step(&name, progress) }
    }

    /// `VertexLog`: vertex (1), message (4).
    fn output(&mut self, log: &[u8], progress: &Progress) {
        let (mut digest, mut text) = (String::new(), String::new());
        for (field, value) in fields(log) {
            match field {
                1 => digest = value.text(),
                4 => text = value.text(),
                _ => {}
            }
        }
        let transcript = self.transcripts.entry(digest).or_default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            transcript.line(line.to_owned(), progress);
        }
    }
}

/// The part of a `Vertex` that is shown.
#[derive(Debug, Default)]
struct Vertex {
    digest: String,
    name: String,
    cached: bool,
    started: bool,
    error: String,
}

impl Vertex {
    fn read(message: &[u8]) -> Self {
        let mut vertex = Self::default();
        for (field, value) in fields(message) {
            match field {
                1 => vertex.digest = value.text(),
                3 => vertex.name = value.text(),
                4 => vertex.cached = value == super::protobuf::Value::Number(1),
                5 => vertex.started = true,
                7 => vertex.error = value.text(),
                _ => {}
            }
        }
        vertex
    }
}

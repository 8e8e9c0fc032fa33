//! Building an image from a context: which builder, and the engine's first one.
//!
//! Dropping the future closes the connection, and the engine stops the build: nothing goes on after Ctrl-C.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::{BuildInfo, CreateImageInfo};
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::TryStreamExt as _;
use futures_util::stream::unfold;
use regex::Regex;

use crate::control::runtime::{ImageRequest, RuntimeError};
use crate::model::service::Build;

use super::context::Context;
use super::dockerfile::{Glance, glance};
use super::image::Progress;
use super::pull::Layers;
use super::reference::{DOCKER_HUB, Reference};
use super::{buildkit, pull};
use crate::runtime::docker::engine::connect::{Engine, EngineKind};
use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::options::BuilderMode;

/// The first Docker Engine whose own client builds with BuildKit.
const BUILDKIT_BY_DEFAULT: u32 = 23;
/// A build may take this long before the engine answers at all: it reads the whole context first.
const ANSWER_LIMIT: Duration = Duration::from_secs(3600);
/// How many lines of output a failure shows.
const LAST_LINES: usize = 20;

/// What a builder needs to know.
pub(crate) struct Recipe<'a> {
    pub(crate) request: &'a ImageRequest,
    pub(crate) build: &'a Build,
    pub(crate) context: Arc<Context>,
    pub(crate) credentials: HashMap<String, DockerCredentials>,
    /// Which network its steps use; `None` for the engine's default.
    pub(crate) network: Option<&'static str>,
}

/// Builds and tags the image.
pub(crate) async fn build(
    engine: &Engine,
    mode: BuilderMode,
    request: &ImageRequest,
    build: &Build,
    progress: &Progress,
) -> Result<(), RuntimeError> {
    let opened = {
        let build = build.clone();
        tokio::task::spawn_blocking(move || Context::open(&build)).await
    };
    let context = opened.map_err(|error| RuntimeError::BuildFailed(error.to_string()))?;
    let context = Arc::new(context.map_err(RuntimeError::BuildFailed)?);
    let seen = glance(&context.dockerfile_text, &build.args);
    let with_buildkit = choose(engine, mode, &seen, &request.image)?;
    let credentials = credentials(&seen, progress).await;
    let network = network(engine).await;
    let recipe = Recipe { request, build, context, credentials, network };
    if with_buildkit {
        buildkit::build(engine, &recipe, progress).await
    } else {
        classic(engine, &recipe, progress).await
    }
}

/// Whether BuildKit builds it.
fn choose(engine: &Engine, mode: BuilderMode, seen: &Glance, image: &str) -> Result<bool, RuntimeError> {
    let info = engine.info();
    // Podman has one builder, which understands what BuildKit does.
    if mode == BuilderMode::Classic || info.name == EngineKind::Podman {
        return Ok(false);
    }
    let major = info.version.split('.').next().and_then(|major| major.parse::<u32>().ok()).unwrap_or(0);
    let wanted = mode == BuilderMode::BuildKit || major >= BUILDKIT_BY_DEFAULT || seen.buildkit_for.is_some();
    if wanted && !buildkit::can_reach(engine) {
        return match &seen.buildkit_for {
            None => Ok(false),
            Some(reason) => Err(RuntimeError::BuildFailed(format!(
                "the Dockerfile needs BuildKit (`{reason}`), which neargate cannot reach over {}. Build it with \
                 `docker buildx build -t {image} …` and start with --no-build",
                info.endpoint
            ))),
        };
    }
    Ok(wanted)
}

/// Builders of an engine without a default bridge (`--bridge=none`) would run their steps without any network, or none
/// at all; the host's is the one that both know by name and that is always there.
async fn network(engine: &Engine) -> Option<&'static str> {
    if engine.info().name == EngineKind::Podman {
        return None;
    }
    let bridge = engine.docker().inspect_network("bridge", None).await;
    bridge.is_err_and(|cause| error::is_not_found(&cause)).then_some("host")
}

/// Credentials for the registries the Dockerfile starts from.
async fn credentials(seen: &Glance, progress: &Progress) -> HashMap<String, DockerCredentials> {
    let mut found = HashMap::new();
    for image in &seen.images {
        let registry = Reference::parse(image).registry;
        let key = if registry == DOCKER_HUB { "https://index.docker.io/v1/".to_owned() } else { registry.clone() };
        if found.contains_key(&key) {
            continue;
        }
        if let Some(credentials) = pull::of_user(&registry, progress).await {
            found.insert(key, credentials);
        }
    }
    found
}

/// The engine's first builder.
async fn classic(engine: &Engine, recipe: &Recipe<'_>, progress: &Progress) -> Result<(), RuntimeError> {
    let args: HashMap<String, String> = recipe.build.args.clone().into_iter().collect();
    let mut options = BuildImageOptionsBuilder::new()
        .dockerfile(&recipe.context.dockerfile)
        .t(&recipe.request.image)
        .buildargs(&args)
        .rm(true)
        .forcerm(true);
    if recipe.request.fresh.steps {
        options = options.nocache(true);
    }
    if recipe.request.fresh.bases {
        options = options.pull("true");
    }
    if let Some(target) = &recipe.build.target {
        options = options.target(target);
    }
    if let Some(platform) = &recipe.request.platform {
        options = options.platform(platform);
    }
    if let Some(network) = recipe.network {
        options = options.networkmode(network);
    }
    let body = bollard::body_try_stream(send_context(&recipe.context, progress));
    let credentials = (!recipe.credentials.is_empty()).then(|| recipe.credentials.clone());
    let docker = engine.patient(ANSWER_LIMIT);
    let mut building = docker.build_image(options.build(), credentials, Some(body));
    let mut transcript = Transcript::default();
    let mut layers = Layers::default();
    loop {
        match building.try_next().await {
            Ok(Some(info)) => transcript.tell(info, &mut layers, progress),
            Ok(None) => return Ok(()),
            Err(cause) => {
                return Err(error::sorted(&cause, |text| transcript.failure(&recipe.build.dockerfile, &text)));
            }
        }
    }
}

/// The context as a body, telling how much is on its way.
pub(crate) fn send_context(
    context: &Arc<Context>,
    progress: &Progress,
) -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + use<> {
    const TELL_EVERY: u64 = 4_000_000;
    let sent = Arc::new(AtomicU64::new(0));
    let pieces = Arc::clone(context).send(Arc::clone(&sent));
    let progress = progress.clone();
    let mut total = 0_u64;
    unfold(pieces, |mut pieces| async move { pieces.recv().await.map(|piece| (piece, pieces)) }).inspect_ok(
        move |piece| {
            let before = total;
            total += piece.len() as u64;
            if before == 0 || before / TELL_EVERY != total / TELL_EVERY {
                #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
                let megabytes = sent.load(Ordering::Relaxed) as f64 / 1e6;
                progress.tell(format!("sending the build context, {megabytes:.1} MB"));
            }
        },
    )
}

/// How the first builder's notes about its own containers and layers begin.
const BOOKKEEPING: [&str; 2] = [" ---> ", "Removing intermediate container "];

/// The line without escape sequences: what a step writes to standard error arrives in red.
fn without_colours(line: &str) -> String {
    static SEQUENCE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").ok());
    SEQUENCE.as_ref().map_or_else(|| line.to_owned(), |sequence| sequence.replace_all(line, "").into_owned())
}

/// What the builder said, as far as a failure has to show it.
#[derive(Default)]
pub(crate) struct Transcript {
    step: String,
    lines: VecDeque<String>,
    unfinished: String,
}

impl Transcript {
    fn tell(&mut self, info: BuildInfo, layers: &mut Layers, progress: &Progress) {
        if let Some(text) = info.stream {
            self.output(&text, progress);
        } else if let (Some(id), Some(status)) = (info.id, info.status) {
            let progress_detail = info.progress_detail;
            let info = CreateImageInfo { id: Some(id), status: Some(status), progress_detail, error_detail: None };
            layers.tell(&info, progress);
        }
    }

    fn output(&mut self, text: &str, progress: &Progress) {
        self.unfinished.push_str(text);
        while let Some((line, rest)) = self.unfinished.split_once('\n') {
            let line = without_colours(line.trim_end());
            self.unfinished = rest.to_owned();
            // What a step writes without a line end, the builder's own words follow on the same line.
            let at = BOOKKEEPING.iter().filter_map(|words| line.find(words)).min().unwrap_or(line.len());
            let (line, bookkeeping) = (line[..at].trim_end(), &line[at..]);
            if line.starts_with("Step ") {
                self.step(line, progress);
            } else if !line.is_empty() {
                self.line(line.to_owned(), progress);
            }
            if !bookkeeping.is_empty() {
                progress.detail(bookkeeping.to_owned());
            }
        }
    }

    /// A step begins.
    pub(crate) fn step(&mut self, step: &str, progress: &Progress) {
        self.step = step.to_owned();
        self.lines.clear();
        progress.tell(step.to_owned());
    }

    /// A line of its output.
    pub(crate) fn line(&mut self, line: String, progress: &Progress) {
        if self.lines.len() == LAST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.clone());
        progress.detail(line);
    }

    /// The failure, with the step it happened in and what was said last.
    pub(crate) fn failure(&self, dockerfile: &str, cause: &str) -> RuntimeError {
        let mut text = dockerfile.to_owned();
        if !self.step.is_empty() {
            text.push_str(&format!(", {}", self.step));
        }
        text.push_str(&format!(": {cause}"));
        for line in &self.lines {
            text.push_str("\n  ");
            text.push_str(line);
        }
        RuntimeError::BuildFailed(text)
    }
}

//! Builds an image from a context: chooses the builder, and implements the engine's classic one.
//!
//! Dropping the future closes the connection, and the engine stops the build: nothing continues after Ctrl-C.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::TryStreamExt as _;

use crate::control::runtime::{ImageRequest, RuntimeError};
use crate::model::service::Build;

use super::context::Context;
use super::dockerfile::{self, Needs};
use super::layers::Layers;
use super::progress::Progress;
use super::reference::{DOCKER_HUB, Reference};
use super::{buildkit, pull};
use crate::runtime::docker::engine::connect::{Engine, EngineKind};
use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::options::BuilderMode;
use crate::runtime::docker::images::recipe::{Recipe, Transcript, build_failed, send_context};

/// The first version of Docker Engine whose client uses BuildKit by default.
const BUILDKIT_BY_DEFAULT: u32 = 23;
/// The time that a build may take before the engine responds; it reads the whole context first.
const ANSWER_LIMIT: Duration = Duration::from_secs(3600);
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
    let context = opened.map_err(build_failed)?;
    let context = Arc::new(context.map_err(build_failed)?);
    let seen = dockerfile::read(&context.dockerfile_text, &build.args);
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

/// Whether to build with BuildKit.
fn choose(engine: &Engine, mode: BuilderMode, seen: &Needs, image: &str) -> Result<bool, RuntimeError> {
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
            Some(reason) => Err(RuntimeError::BuildFailed(
                format!(
                    "the Dockerfile needs BuildKit (`{reason}`), which neargate cannot reach over {}. Build it with \
                     `docker buildx build -t {image} …` and start with --no-build",
                    info.endpoint
                )
                .into(),
            )),
        };
    }
    Ok(wanted)
}

/// The network of build steps. With an engine without a default bridge (`--bridge=none`), steps would have no network
/// or not run at all; both builders know the host's network by name, and it always exists.
async fn network(engine: &Engine) -> Option<&'static str> {
    if engine.info().name == EngineKind::Podman {
        return None;
    }
    let bridge = engine.docker().inspect_network("bridge", None).await;
    bridge.is_err_and(|cause| error::is_not_found(&cause)).then_some("host")
}

/// Credentials for the registries of the Dockerfile's base images.
async fn credentials(seen: &Needs, progress: &Progress) -> HashMap<String, DockerCredentials> {
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

/// Builds with the engine's classic builder.
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
                return Err(error::classify(cause, |text| transcript.failure(&recipe.build.dockerfile, &text)));
            }
        }
    }
}

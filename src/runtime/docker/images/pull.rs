//! Pulls images: with the credentials of `docker pull`, progress in one line, retries, and errors in ECS's words.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt as _;

use crate::control::runtime::{ImageRequest, RuntimeError};

use super::credentials::{Store, given};
use super::progress::Progress;
use super::reference::{DOCKER_HUB, Reference};
use crate::runtime::docker::engine::connect::Engine;
use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::error::Phrase;
use crate::runtime::docker::images::layers::Layers;

/// The number of attempts after temporary failures. Fargate's own number varies from 1 to 7.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A pull fails after this time without a byte.
const STALL_LIMIT: Duration = Duration::from_secs(180);
/// Pulls the requested image.
pub(crate) async fn pull(engine: &Engine, request: &ImageRequest, progress: &Progress) -> Result<(), RuntimeError> {
    let reference = Reference::parse(&request.image);
    let credentials = match &request.credentials {
        Some(credentials) => Some(given(credentials, &reference.registry)),
        None => of_user(&reference.registry, progress).await,
    };
    pull_reference(engine, &reference, request.platform.as_deref(), credentials, progress).await
}

/// The user's own credentials. If a helper fails, the pull continues without them.
pub(crate) async fn of_user(registry: &str, progress: &Progress) -> Option<DockerCredentials> {
    match Store::of_user().lookup(registry).await {
        Ok(credentials) => credentials,
        Err(text) => {
            progress.tell(format!("{text}; continuing without credentials for {registry}"));
            None
        }
    }
}

/// Pulls, and tries again after temporary failures.
pub(crate) async fn pull_reference(
    engine: &Engine,
    reference: &Reference,
    platform: Option<&str>,
    credentials: Option<DockerCredentials>,
    progress: &Progress,
) -> Result<(), RuntimeError> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        let error = match once(engine, reference, platform, credentials.clone(), progress).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let text = error::message(&error);
        // An engine that cannot be reached has not answered; its own words about a registry are an answer.
        if error::is_unreachable(&error) || Phrase::DiskFull.is_in(&text) {
            return Err(error::classify(error, |text| RuntimeError::CannotPullContainer(text.into())));
        }
        let cause = Cause::from_words(&text);
        if cause != Cause::MayPass || attempt >= ATTEMPTS {
            let platform = platform.map_or_else(|| format!("linux/{}", engine.info().arch), str::to_owned);
            let what = Failed { reference, platform, with_credentials: credentials.is_some(), attempts: attempt };
            return Err(RuntimeError::CannotPullContainer(what.in_words(cause, &text).into()).caused_by(error));
        }
        progress.tell(format!("pulling failed, trying again: {text}"));
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    unreachable!("the loop returns")
}

async fn once(
    engine: &Engine,
    reference: &Reference,
    platform: Option<&str>,
    credentials: Option<DockerCredentials>,
    progress: &Progress,
) -> Result<(), Error> {
    let mut options = CreateImageOptionsBuilder::new().from_image(&reference.repository()).tag(reference.version());
    if let Some(platform) = platform {
        options = options.platform(platform);
    }
    let docker = engine.patient(STALL_LIMIT);
    let mut pulling = docker.create_image(Some(options.build()), None, credentials);
    let mut layers = Layers::default();
    loop {
        let next = tokio::time::timeout(STALL_LIMIT, pulling.try_next());
        match next.await.map_err(|_| Error::DockerStreamError { error: "the registry stalled".to_owned() })?? {
            Some(info) => layers.tell(&info, progress),
            None => return Ok(()),
        }
    }
}

/// Why a registry gave no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    NotFound,
    Denied,
    Unauthorized,
    Platform,
    RateLimit,
    MayPass,
}

impl Cause {
    /// Classifies the words of Docker Engine, containerd and Podman.
    fn from_words(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let causes = [
            (Phrase::RateLimited, Self::RateLimit),
            (Phrase::NoSuchPlatform, Self::Platform),
            (Phrase::UnknownImage, Self::NotFound),
            (Phrase::Unauthorized, Self::Unauthorized),
            (Phrase::Denied, Self::Denied),
            (Phrase::NotFound, Self::NotFound),
            // No other words of AWS's are known; trying again does not help.
            (Phrase::InvalidReference, Self::NotFound),
        ];
        causes.into_iter().find(|(phrase, _)| phrase.is_in(&text)).map_or(Self::MayPass, |(_, cause)| cause)
    }
}

struct Failed<'a> {
    reference: &'a Reference,
    platform: String,
    with_credentials: bool,
    attempts: u32,
}

impl Failed<'_> {
    /// The failure in ECS's words, then in the engine's, then the fix if it is known.
    fn in_words(&self, cause: Cause, engine: &str) -> String {
        let reference = self.reference;
        let resolve = format!("failed to resolve ref {reference}");
        let (aws, fix) = match cause {
            Cause::NotFound => (format!("{resolve}: {reference}: not found"), ""),
            Cause::Denied if reference.registry == DOCKER_HUB => (
                format!(
                    "{resolve}: pull access denied, repository does not exist or may require authorization: server \
                     message: insufficient_scope: authorization failed"
                ),
                "",
            ),
            Cause::Unauthorized | Cause::Denied if !self.with_credentials => (
                format!("{resolve}: failed to authorize: failed to fetch anonymous token: 401 Unauthorized"),
                ". The image is private or does not exist: give the container `repositoryCredentials`, or \
                 `docker login` for this machine only",
            ),
            Cause::Unauthorized | Cause::Denied => (
                format!("{resolve}: failed to authorize: failed to fetch oauth token: 403 Forbidden"),
                ". The credentials were refused: check that the token may read packages",
            ),
            Cause::Platform => (
                format!("image Manifest does not contain descriptor matching platform '{}'", self.platform),
                ". Build the image for that platform, or set `runtimePlatform.cpuArchitecture`",
            ),
            Cause::RateLimit => (format!("{resolve}: toomanyrequests: You have reached your pull rate limit"), ""),
            Cause::MayPass => (format!("{resolve}: failed to do request"), ""),
        };
        format!("pull image manifest has been retried {} time(s): {aws} (engine: {engine}){fix}", self.attempts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(image: &str, with_credentials: bool, engine: &str) -> String {
        let reference = Reference::parse(image);
        let platform = "linux/amd64".to_owned();
        let failed = Failed { reference: &reference, platform, with_credentials, attempts: 1 };
        failed.in_words(Cause::from_words(engine), engine)
    }

    #[test]
    fn failures_are_told_in_ecs_words() {
        const START: &str = "pull image manifest has been retried 1 time(s): ";
        let cases = [
            (
                "me.example.com/app:tag",
                "manifest for me.example.com/app:tag not found: manifest unknown: manifest unknown",
                "failed to resolve ref me.example.com/app:tag: me.example.com/app:tag: not found",
            ),
            (
                "ngin",
                "pull access denied for ngin, repository does not exist or may require 'docker login': denied",
                "failed to resolve ref docker.io/library/ngin:latest: pull access denied, repository does not exist or \
                 may require authorization: server message: insufficient_scope: authorization failed",
            ),
            (
                "ghcr.io/org/app:1",
                "Head \"https://ghcr.io/v2/org/app/manifests/1\": unauthorized",
                "failed to resolve ref ghcr.io/org/app:1: failed to authorize: failed to fetch anonymous token: 401 \
                 Unauthorized",
            ),
            (
                "ghcr.io/org/app:1",
                "Head \"https://ghcr.io/v2/org/app/manifests/1\": denied",
                "failed to resolve ref ghcr.io/org/app:1: failed to authorize: failed to fetch anonymous token: 401 \
                 Unauthorized",
            ),
            (
                "nginx",
                "no matching manifest for linux/amd64 in the manifest list entries",
                "image Manifest does not contain descriptor matching platform 'linux/amd64'",
            ),
        ];
        for (image, engine, aws) in cases {
            let text = words(image, false, engine);
            assert!(text.starts_with(&format!("{START}{aws} (engine: {engine})")), "{text}");
        }
        let text = words("ghcr.io/org/app:1", true, "Head \"https://ghcr.io/v2/\": denied");
        assert!(text.contains("failed to fetch oauth token: 403 Forbidden"), "{text}");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for text in [
            "Get \"https://registry-1.docker.io/v2/\": dial tcp 1.2.3.4:443: i/o timeout",
            "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
            "received unexpected HTTP status: 503 Service Unavailable",
        ] {
            assert_eq!(Cause::from_words(text), Cause::MayPass, "{text}");
        }
    }

    #[test]
    fn layers_add_up() {
        let mut layers = Layers::default();
        assert_eq!(layers.line(), None);
        layers.add(Some("a"), Some("Downloading"), Some(1_000_000), Some(5_000_000));
        layers.add(Some("b"), Some("Downloading"), Some(300_000), Some(40_000_000));
        assert_eq!(layers.line().as_deref(), Some("pulling 1.3 of 45.0 MB"));
        layers.add(Some("a"), Some("Pull complete"), None, None);
        assert_eq!(layers.line().as_deref(), Some("pulling 5.3 of 45.0 MB"));
    }
}

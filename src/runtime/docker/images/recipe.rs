//! The common input of both builders, and the record of their output.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use bollard::auth::DockerCredentials;
use bollard::models::{BuildInfo, CreateImageInfo};
use futures_util::TryStreamExt as _;
use futures_util::stream::unfold;
use regex::Regex;

use super::context::Context;
use super::layers::Layers;
use super::progress::Progress;
use crate::control::runtime::{ImageRequest, RuntimeError};
use crate::model::service::Build;

/// The number of output lines that a failure shows.
pub(crate) const LAST_LINES: usize = 20;

/// The input of a builder.
pub(crate) struct Recipe<'a> {
    pub(crate) request: &'a ImageRequest,
    pub(crate) build: &'a Build,
    pub(crate) context: Arc<Context>,
    pub(crate) credentials: HashMap<String, DockerCredentials>,
    /// The network that its steps use; `None` for the engine's default.
    pub(crate) network: Option<&'static str>,
}

/// The context as a request body that reports how much has been sent.
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

/// The beginnings of the classic builder's notes about its own containers and layers.
pub(crate) const BOOKKEEPING: [&str; 2] = [" ---> ", "Removing intermediate container "];

/// Removes escape sequences, because the classic builder colours standard error red.
pub(crate) fn without_colours(line: &str) -> String {
    static SEQUENCE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").ok());
    SEQUENCE.as_ref().map_or_else(|| line.to_owned(), |sequence| sequence.replace_all(line, "").into_owned())
}

/// The failure of a build before any step of it.
pub(crate) fn build_failed(cause: impl std::error::Error + Send + Sync + 'static) -> RuntimeError {
    RuntimeError::BuildFailed(cause.to_string().into()).caused_by(cause)
}

/// The part of the builder's output that a failure shows.
#[derive(Default)]
pub(crate) struct Transcript {
    step: String,
    lines: VecDeque<String>,
    unfinished: String,
}

impl Transcript {
    pub(super) fn tell(&mut self, info: BuildInfo, layers: &mut Layers, progress: &Progress) {
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

    /// Starts a step.
    pub(crate) fn step(&mut self, step: &str, progress: &Progress) {
        self.step = step.to_owned();
        self.lines.clear();
        progress.tell(step.to_owned());
    }

    /// Adds a line of the step's output.
    pub(crate) fn line(&mut self, line: String, progress: &Progress) {
        if self.lines.len() == LAST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.clone());
        progress.detail(line);
    }

    /// The error, with the current step and its last lines of output.
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
        RuntimeError::BuildFailed(text.into())
    }
}

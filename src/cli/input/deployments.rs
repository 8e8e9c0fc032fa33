//! Options of `deploy` and `run-task`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::admin::wire::Replacements;
use crate::cli::input::completion;
use crate::cli::input::format::FormatArgs;
use crate::cli::input::global::ShortFile;

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// The service [default: the only one]
    #[arg(add = ArgValueCandidates::new(completion::services))]
    pub(crate) service: Option<String>,
    /// The cluster [default: the file's]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// A registered revision, as family:revision, or the last one of a family [default: what the file says]
    #[arg(long, value_name = "FAMILY[:REVISION]")]
    pub(crate) task_definition: Option<String>,
    #[command(flatten)]
    pub(crate) replacements: ReplacementArgs,
    /// Build the images of containers that have a `build` section
    #[arg(long)]
    pub(crate) build: bool,
    /// Replace the tasks even if nothing has changed
    #[arg(long)]
    pub(crate) force_new_deployment: bool,
    /// Do not follow the deployment
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// How long to wait for the service to be stable, in seconds, after images are built or pulled
    #[arg(long, value_name = "SECONDS", default_value_t = 600, env = "NEARGATE_WAIT_TIMEOUT")]
    pub(crate) wait_timeout: u64,
    #[command(flatten)]
    pub(crate) stopping: StoppingArgs,
    #[command(flatten)]
    pub(crate) rehearsal: RehearsalArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// `--rollback` and `--stop`.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct StoppingArgs {
    /// Stop the deployment in progress and restore the last one that completed
    #[arg(long, conflicts_with_all = DEPLOYS)]
    pub(crate) rollback: bool,
    /// Stop the deployment in progress and leave everything as it is now
    #[arg(long, conflicts_with_all = DEPLOYS)]
    pub(crate) stop: bool,
}

/// Options that deploy something.
const DEPLOYS: [&str; 7] =
    ["cluster", "task_definition", "image", "variable-of-container", "build", "force_new_deployment", "rehearse"];

/// How a deployment in progress is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// `--rollback`
    Rollback,
    /// `--stop`
    Abort,
}

impl StoppingArgs {
    /// What was asked for, if anything.
    pub(crate) fn how(&self) -> Option<How> {
        match (self.rollback, self.stop) {
            (true, _) => Some(How::Rollback),
            (false, true) => Some(How::Abort),
            (false, false) => None,
        }
    }
}

/// `--rehearse` and what goes with it.
#[derive(Debug, Args)]
pub(crate) struct RehearsalArgs {
    /// Send steady traffic through the load balancer meanwhile, and report every request that failed, and why
    #[arg(long, conflicts_with = "detach")]
    pub(crate) rehearse: bool,
    /// How many requests to send
    #[arg(long, value_name = "N/s", default_value = "100/s", value_parser = parse_rate, requires = "rehearse")]
    pub(crate) rate: f64,
    /// What to ask for, with GET [default: a path that leads to the service, its health check's if that does]
    #[arg(long, value_name = "PATH", value_parser = parse_path, requires = "rehearse")]
    pub(crate) path: Option<String>,
    /// Also hold WebSockets open at this path
    #[arg(long, value_name = "PATH", value_parser = parse_path, requires = "rehearse")]
    pub(crate) websocket: Option<String>,
    /// Where to write the timeline, as SVG [default: the stack's state folder]
    #[arg(long, value_name = "FILE", requires = "rehearse")]
    pub(crate) picture: Option<PathBuf>,
}

/// More would measure this machine rather than the deployment.
const MOST_PER_SECOND: f64 = 5000.0;

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.strip_suffix("/s").unwrap_or(text).trim().parse::<f64>().ok();
    let rate = rate.filter(|rate| (0.1..=MOST_PER_SECOND).contains(rate));
    rate.ok_or_else(|| format!("must look like 200/s, and be between 0.1 and {MOST_PER_SECOND} requests a second"))
}

fn parse_path(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/') && text.parse::<http::uri::PathAndQuery>().is_ok() && !text.contains('#');
    if is_path { Ok(text.to_owned()) } else { Err("must be a path, such as /api/orders?page=1".to_owned()) }
}

#[derive(Debug, Args)]
pub(crate) struct ContinueDeploymentArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// The service
    #[arg(add = ArgValueCandidates::new(completion::services))]
    pub(crate) service: String,
    /// Return to what ran before
    #[arg(long)]
    pub(crate) rollback: bool,
}

/// `--image` and `--env`.
#[derive(Debug, Args)]
pub(crate) struct ReplacementArgs {
    /// The image of a container; repeatable
    #[arg(long, value_name = "CONTAINER=IMAGE", value_parser = parse_image)]
    pub(crate) image: Vec<(String, String)>,
    /// A variable of a container; repeatable
    #[arg(long = "env", id = "variable-of-container", value_name = "CONTAINER.KEY=VALUE", value_parser = parse_variable)]
    pub(crate) variable: Vec<(String, String, String)>,
}

impl ReplacementArgs {
    /// For the process that runs the stack.
    pub(crate) fn replacements(&self) -> Replacements {
        let mut replacements = Replacements { images: self.image.iter().cloned().collect(), ..Replacements::default() };
        for (container, key, value) in &self.variable {
            let variables = replacements.environment.entry(container.clone()).or_default();
            variables.insert(key.clone(), value.clone());
        }
        replacements
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunTaskArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// A family (its last revision), family:revision, or the file of a task definition
    #[arg(value_name = "FAMILY|FILE")]
    pub(crate) task_definition: String,
    /// The cluster [default: the file's]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    #[command(flatten)]
    pub(crate) replacements: ReplacementArgs,
    /// The container that runs the command [default: the first essential one]
    #[arg(long, value_name = "NAME", requires = "command")]
    pub(crate) container: Option<String>,
    /// A command in place of the container's; everything that follows belongs to it
    #[arg(long, value_name = "CMD", num_args = 1.., allow_hyphen_values = true)]
    pub(crate) command: Vec<String>,
    /// How many tasks
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) count: u8,
    /// A name for whoever runs it
    #[arg(long, value_name = "TEXT")]
    pub(crate) started_by: Option<String>,
    /// Print the tasks' IDs and leave them running
    #[arg(short, long)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

fn parse_image(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((container, image)) if !container.is_empty() && !image.is_empty() => {
            Ok((container.to_owned(), image.to_owned()))
        }
        _ => Err("must look like CONTAINER=IMAGE".to_owned()),
    }
}

/// Names of containers have no dots (ECS API, ContainerDefinition).
fn parse_variable(text: &str) -> Result<(String, String, String), String> {
    let parts = text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
    match parts {
        Some(((container, key), value)) if !container.is_empty() && !key.is_empty() => {
            Ok((container.to_owned(), key.to_owned(), value.to_owned()))
        }
        _ => Err("must look like CONTAINER.KEY=VALUE".to_owned()),
    }
}

//! Options that every verb accepts, and options of the verbs that start a stack.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::admin::wire::Listen;
use crate::cli::input::listen;

/// Options that every command accepts.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// The file that describes the stack; short form -f (put it before `logs` and `events`, where -f means --follow).
    /// Repeatable; later files override earlier ones [default: NEARGATE_FILE, or neargate.yaml and
    /// neargate.override.yaml in this folder or a parent]
    #[arg(long, global = true, value_name = "FILE", visible_alias = "from")]
    pub(crate) file: Vec<PathBuf>,
    /// Read variables from this file instead of .env; repeatable; later files win
    #[arg(long, global = true, value_name = "FILE", env = "NEARGATE_ENV_FILES", value_delimiter = ',')]
    pub(crate) env_file: Vec<PathBuf>,
    /// Override the project name, e.g. to run the same file twice
    #[arg(short, long, global = true, value_name = "NAME", env = "NEARGATE_PROJECT_NAME")]
    pub(crate) project_name: Option<String>,
    /// The environment to use, e.g. dev, if there is no file and the repository has several environments
    /// [default: production]
    #[arg(long, global = true, value_name = "NAME", env = "NEARGATE_ENVIRONMENT")]
    pub(crate) environment: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
    /// Print neargate's own log to stderr; repeat for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `-f FILE` after the command, as in `neargate up -f other.yaml`. Not for `logs`, where `-f` follows.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ShortFile {
    #[arg(short = 'f', value_name = "FILE", hide = true, id = "short-file-after")]
    pub(super) short_file: Vec<PathBuf>,
}

/// Options of everything that starts a stack.
#[derive(Clone, Debug, Args)]
pub(crate) struct StartArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// How long --wait waits, in seconds, after images are built or pulled
    #[arg(long, value_name = "SECONDS", default_value_t = 120, env = "NEARGATE_WAIT_TIMEOUT")]
    pub(crate) wait_timeout: u64,
    /// Build images before starting (always done; unchanged steps come from the builder's cache)
    #[arg(long, overrides_with = "no_build")]
    build: bool,
    /// Do not build; use the images from an earlier build
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Pull images even if they are present
    #[arg(long)]
    pub(crate) pull: bool,
    /// Bind another local port for a listener, e.g. 443=8443, or internal:443=8443 with several load balancers; repeatable
    #[arg(long, value_name = "PORT=LOCAL", value_parser = listen::parse, env = "NEARGATE_LISTEN", value_delimiter = ',')]
    pub(crate) listen: Vec<Listen>,
    /// Replace a running stack of the same project that was started from another folder
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Discard changes made by commands such as `scale`, and use the file's values
    #[arg(long)]
    pub(crate) reset: bool,
    /// Divide waits that depend only on the clock by this factor; 1 is AWS's pace [default: the file's, or 10]
    #[arg(long, value_name = "FACTOR", env = "NEARGATE_TIME_SCALE")]
    pub(crate) time_scale: Option<f64>,
    /// Serve CloudWatch metrics for Prometheus at http://ADDRESS/metrics, e.g. 127.0.0.1:9180 (loopback only)
    #[arg(long, value_name = "ADDRESS", env = "NEARGATE_ADMIN", value_parser = crate::web::metrics::parse_address)]
    pub(crate) admin: Option<std::net::SocketAddr>,
    /// Serve AWS's APIs for AWS CLI, SDKs and pipelines; `neargate env` says how to reach them (loopback only)
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "NEARGATE_AWS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "127.0.0.1:4566",
        value_parser = crate::web::metrics::parse_address
    )]
    pub(crate) aws: Option<std::net::SocketAddr>,
}

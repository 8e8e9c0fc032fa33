//! Options of commands about this machine: `env`, `hosts`, `trust`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::input::global::ShortFile;

#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// Show what would be done, without doing it
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// Whose syntax [default: that of $SHELL]
    #[arg(long, value_enum)]
    pub(crate) shell: Option<Syntax>,
}

/// How a shell sets variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Syntax {
    /// export NAME=value, also for zsh, dash and the like
    Bash,
    /// set -gx NAME value
    Fish,
    /// $env:NAME = 'value'
    Powershell,
    /// NAME=value, for $GITHUB_ENV and .env files
    Github,
}

#[derive(Debug, Args)]
pub(crate) struct HostsArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// Write the lines to the hosts file, replacing those that neargate wrote before
    #[arg(long, conflicts_with = "remove")]
    pub(crate) apply: bool,
    /// Remove the lines that neargate wrote
    #[arg(long)]
    pub(crate) remove: bool,
    /// The hosts file
    #[arg(long, value_name = "FILE", default_value = "/etc/hosts")]
    pub(crate) hosts_file: PathBuf,
}

//! Options of `pipeline`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::input::global::ShortFile;

#[derive(Debug, Args)]
pub(crate) struct PipelineArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// The workflow: its file, or its name in .github/workflows [default: the one that deploys]
    #[arg(value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// Only this job, and the jobs that it needs; repeatable
    #[arg(long, value_name = "JOB")]
    pub(crate) job: Vec<String>,
    /// Only print what would run, and what would be skipped and why
    #[arg(long, visible_alias = "list")]
    pub(crate) dry_run: bool,
    /// The event that starts it [default: push if the workflow has it, otherwise its first one]
    #[arg(long, value_name = "EVENT")]
    pub(crate) event: Option<String>,
    /// An input of a workflow that is started by hand; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_input)]
    pub(crate) input: Vec<(String, String)>,
    /// The folder of actions [default: `actions` in the data folder]
    #[arg(long, value_name = "FOLDER", env = "NEARGATE_ACTIONS")]
    pub(crate) actions: Option<PathBuf>,
    /// Do not fetch actions that are not in the folder
    #[arg(long)]
    pub(crate) offline: bool,
    /// Where AWS's APIs are served [default: by the running stack]
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Print the output of every step, not only of those that fail
    #[arg(long)]
    pub(crate) log: bool,
    /// Keep the folder with the copies of the working tree
    #[arg(long)]
    pub(crate) keep: bool,
}

fn parse_input(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must look like NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

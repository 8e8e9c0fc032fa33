//! The command line: verbs and their options, as clap reads them. `--help` prints the texts in this file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use crate::admin::wire::Listen;
use crate::cli::input::completion;
use crate::cli::input::deployments::{ContinueDeploymentArgs, DeployArgs, RunTaskArgs};
pub use crate::cli::input::format::Format;
pub(crate) use crate::cli::input::format::FormatArgs;
use crate::cli::input::global::{Global, ShortFile, StartArgs};
use crate::cli::input::listen;
use crate::cli::input::machine::{EnvArgs, HostsArgs, TrustArgs};
use crate::cli::input::pipeline::PipelineArgs;

/// Fargate, but near you: an AWS Application Load Balancer in front of ECS Fargate tasks, on this machine.
#[derive(Debug, Parser)]
#[command(name = "neargate", version, max_term_width = 100, infer_subcommands = false)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// Short for --file, before the command; also after it, unless -f has another meaning there
    #[arg(short = 'f', value_name = "FILE", hide = true)]
    short_file: Vec<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Verb,
}

impl Cli {
    /// The options that every command takes, with `-f` from wherever it was written.
    pub(crate) fn global(&self) -> Global {
        let mut global = self.global.clone();
        global.file.extend(self.short_file.iter().chain(self.command.short_file()).cloned());
        if let (true, Some(files)) = (global.file.is_empty(), std::env::var_os("NEARGATE_FILE")) {
            global.file = std::env::split_paths(&files).filter(|file| !file.as_os_str().is_empty()).collect();
        }
        global
    }
}

/// `--format` of `lint`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// For code scanning (SARIF 2.1.0)
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// `--format` of `test`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// JUnit's XML, which CI systems read
    Junit,
    /// Annotations of GitHub Actions
    Github,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Start the stack, or apply a changed file to the running one
    #[command(alias = "create", alias = "apply")]
    Up(UpArgs),
    /// Stop the stack and remove everything that belongs to it
    Down(DownArgs),
    /// Build the images that have a `build` section
    Build(BuildArgs),
    /// Pull the images that have no `build` section
    Pull(PullArgs),
    /// List tasks, containers and targets
    #[command(alias = "status", alias = "list", alias = "ls")]
    Ps(PsArgs),
    /// Show the output of containers
    Logs(LogsArgs),
    /// Run a command inside a running container
    Exec(ExecArgs),
    /// Change the number of tasks of a service
    Scale(ScaleArgs),
    /// Stop a task, which its service then replaces, or all tasks of a service
    Stop(StopArgs),
    /// Start the tasks of a service again after `stop` or `scale`
    Start(StartServicesArgs),
    /// Show what the services' schedulers did
    Events(EventsArgs),
    /// Open the stack's page in a browser that can reach it
    Open(OpenArgs),
    /// Replace the tasks of a service with new ones
    Restart(RestartArgs),
    /// Deploy a new revision of a service's task definition, and follow the deployment to its end
    #[command(
        long_about = "Register a revision of a service's task definition file, with other images or variables, update the service, and follow the deployment to its end.\n\nWith --rehearse, steady traffic goes through the load balancer meanwhile: over kept and new connections, HTTP/1.1 and HTTP/2. Every request that failed is reported with its time, its task, the phase of that task's life and the reason, and a timeline is drawn.\n\nExits with 0 if the service is stable, 1 if the deployment failed or was rolled back, or a request of the rehearsal failed, 3 if the service is not stable in time."
    )]
    Deploy(DeployArgs),
    /// Let a deployment go on that a lifecycle hook has paused, or roll it back
    ContinueDeployment(ContinueDeploymentArgs),
    /// Run a task that belongs to no service, show its output, and exit with its exit code
    RunTask(RunTaskArgs),
    /// Check the file and report how faithfully neargate honours each setting; needs no engine
    #[command(aliases = ["config", "validate"])]
    Check(CheckArgs),
    /// Find rules that never decide a request, loops of redirects and the like, each with proof; needs no engine
    #[command(
        long_about = "Find rules that never decide a request, contradict each other or redirect in a circle, hosts without a certificate, and the like. Each finding is proved or shown by a request. Needs no engine.\n\nA comment accepts a finding: `# neargate-lint: allow ID`, at the end of its line or on the line above. Exits with 1 if there are warnings."
    )]
    Lint(LintArgs),
    /// Test where requests go, as routes.test.yaml says; needs no engine
    #[command(
        long_about = "Test where requests go: every request of routes.test.yaml is routed by the load balancer's own code, without an engine or a running stack. A test that fails prints what `explain` says of its request. What must never reach a target group is proved for all requests. docs/test.md describes the file; `--write` writes a first one.\n\nExits with 1 if a test fails."
    )]
    Test(TestArgs),
    /// Replay production access logs against the rules; needs no engine
    #[command(
        long_about = "Replay production access logs against the rules: which lines agree with what the file would have decided, which contradict it, and which depend on headers that logs do not hold. `--with` says which requests would go elsewhere with another file. Nothing is sent anywhere. docs/replay.md describes the report.\n\nExits with 1 if lines contradict the rules."
    )]
    Replay(ReplayArgs),
    /// Print the variables that lead AWS CLI, SDKs and Terraform to a stack that was started with `--aws`
    #[command(
        long_about = "Print the variables that lead AWS CLI, SDKs and Terraform to a stack that was started with `--aws`:\n\n  eval \"$(neargate env)\"\n  neargate env --shell github >> \"$GITHUB_ENV\"\n\nThe keys are not secret, and worth nothing at AWS."
    )]
    Env(EnvArgs),
    /// Run the jobs of a GitHub workflow on this machine, and deploy to the running stack
    #[command(
        long_about = "Run the jobs of a GitHub workflow on this machine: the same actions under node, the same expressions and conditions. AWS's actions deploy to the running stack (`neargate up --aws`), images are built by the engine of this machine. Secrets and variables come from .env. `--dry-run` says what would run, and what is skipped and why. docs/pipeline.md describes what is as on GitHub, and what is not.\n\nExits with 1 if a job fails."
    )]
    Pipeline(PipelineArgs),
    /// Write a neargate.yaml from a Terraform state or plan, or from answers of the AWS CLI
    #[command(
        long_about = "Write neargate.yaml, task definitions and .env.example from what describes a stack in AWS: a state of Terraform or OpenTofu, `terraform show -json` of a state or a plan, saved answers of `aws … describe-…`. Secrets are never copied: they become variables. A report says what became of every field. docs/import.md describes it.\n\nA link that the sources do not decide is refused, never guessed. Exits with 1 if something that decides traffic is not known, 2 if a source cannot be read.\n\nTo run a source as it is, without writing a file: `neargate up --file terraform.tfstate`."
    )]
    Import(crate::cli::verbs::import::ImportArgs),
    /// Write a neargate.yaml from this repository's task definitions and pipelines
    Init(InitArgs),
    /// Show which rule a request would match and why, and what would happen to it
    Explain(ExplainArgs),
    /// Start the stack, run a command against it, and stop the stack
    Run(RunArgs),
    /// Find out what is wrong, and how to fix it
    Doctor(DoctorArgs),
    /// Print or update the /etc/hosts lines for the stack's names
    Hosts(HostsArgs),
    /// Print the certificate of the local authority as PEM
    Ca(ShortFile),
    /// Make this machine's browsers and tools trust the local authority
    Trust(TrustArgs),
    /// Undo `trust`
    Untrust(ShortFile),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    #[command(hide = true)]
    Version,
    /// Write the manual pages into a folder, for packages
    #[command(hide = true)]
    Man {
        /// The folder
        folder: PathBuf,
    },
    /// The process behind `up -d`.
    #[command(hide = true)]
    Background(UpArgs),
    /// The process that becomes the command of `run`.
    #[command(hide = true, name = "__enter")]
    Enter(crate::cli::verbs::enter::EnterArgs),
}

/// Options of `up`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UpArgs {
    /// Watch files until Ctrl-C: rebuild and roll out images, copy files listed under `develop`, apply neargate.yaml
    #[arg(long, conflicts_with_all = ["detach", "wait"])]
    pub(crate) watch: bool,
    /// Leave the stack running in the background
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Wait until every target is healthy; exit with 3 if that takes too long. Implies --detach
    #[arg(long)]
    pub(crate) wait: bool,
    /// In the foreground, show only the output of these containers; repeatable
    #[arg(long, value_name = "CONTAINER", conflicts_with_all = ["detach", "wait"],
        add = ArgValueCandidates::new(completion::containers))]
    pub(crate) attach: Vec<String>,
    /// In the foreground, hide the output of this container, or of all containers; repeatable
    #[arg(long, value_name = "CONTAINER", num_args = 0..=1, require_equals = true, default_missing_value = ALL,
        conflicts_with_all = ["detach", "wait"], add = ArgValueCandidates::new(completion::containers))]
    pub(crate) no_attach: Vec<String>,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

#[derive(Debug, Default, Args)]
pub(crate) struct DownArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Skip draining and kill containers at once
    #[arg(long)]
    pub(crate) force: bool,
    /// Also remove images: `local` means those that neargate built for the project [default: keep them as a cache]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(crate) rmi: Option<Rmi>,
    /// Keep changes made by commands such as `scale` for the next `up`
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Which images `down` removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rmi {
    /// Those that neargate built
    Local,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Only the images of these services
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Do not use the builder's cache
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Pull newer versions of base images
    #[arg(long)]
    pub(crate) pull: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Only the images of these services
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Include stopped tasks
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Include service events
    #[arg(long)]
    pub(crate) events: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FileAndFormat {
    #[command(flatten)]
    short: ShortFile,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    short: ShortFile,
    /// The local ports that `up` would bind, e.g. 443=8443; repeatable
    #[arg(long, value_name = "PORT=LOCAL", value_parser = listen::parse, env = "NEARGATE_LISTEN", value_delimiter = ',')]
    pub(crate) listen: Vec<Listen>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Use placeholders for variables that are not set, with a warning; for jobs without secrets
    #[arg(long)]
    pub(crate) no_env: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    #[command(flatten)]
    short: ShortFile,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: LintFormat,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Files of tests [default: routes.test.yaml beside neargate.yaml]
    #[arg(value_name = "TESTS")]
    pub(crate) tests: Vec<PathBuf>,
    /// Write a first file: one request for each rule, with what becomes of it
    #[arg(long)]
    pub(crate) write: bool,
    /// Also list the rules that no test decides
    #[arg(long)]
    pub(crate) coverage: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TestFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Files of access logs, plain or gzip, or folders of them as in S3; `-` is standard input
    #[arg(value_name = "LOG", required = true)]
    pub(crate) logs: Vec<PathBuf>,
    /// Another neargate.yaml: which requests would go elsewhere with it
    #[arg(long, value_name = "FILE")]
    pub(crate) with: Option<PathBuf>,
    /// The load balancer of the file whose rules are meant [default: the main one]
    #[arg(long, value_name = "NAME")]
    pub(crate) load_balancer: Option<String>,
    /// Only lines of this load balancer, as it is called in the logs
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// How many lines may contradict the rules
    #[arg(long, value_name = "LINES", default_value_t = 0)]
    pub(crate) max_contradictions: u64,
    /// Show the values of query parameters in samples
    #[arg(long)]
    pub(crate) show_values: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Only these containers
    #[arg(value_name = "CONTAINER", add = ArgValueCandidates::new(completion::containers))]
    pub(crate) containers: Vec<String>,
    /// Follow the output
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Hide health check requests
    #[arg(long, conflicts_with_all = ["access", "connections", "health_checks"])]
    pub(crate) no_health: bool,
    /// Show lines since this time: a timestamp (2026-01-02T13:23:37Z) or an age (10m, 1h30m)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Show only this many of the last lines
    #[arg(short = 'n', long, value_name = "LINES")]
    pub(crate) tail: Option<usize>,
    /// Show when each line was written
    #[arg(short, long)]
    pub(crate) timestamps: bool,
    /// Show the load balancer's access log instead: one line per request
    #[arg(long, conflicts_with_all = ["containers", "connections", "health_checks"])]
    pub(crate) access: bool,
    /// Show the load balancer's connection log instead: one line per client connection
    #[arg(long, conflicts_with_all = ["containers", "health_checks"])]
    pub(crate) connections: bool,
    /// Show the load balancer's health check log instead: one line per health check
    #[arg(long, conflicts_with = "containers")]
    pub(crate) health_checks: bool,
    /// Only the log of this load balancer, with `--access`, `--connections` or `--health-checks`
    #[arg(long, value_name = "NAME", conflicts_with = "containers")]
    pub(crate) load_balancer: Option<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// Do not allocate a terminal
    #[arg(short = 'T', long)]
    pub(crate) no_tty: bool,
    /// Run it in the task whose ID begins like this
    #[arg(long, value_name = "ID", add = ArgValueCandidates::new(completion::tasks))]
    pub(crate) task: Option<String>,
    /// The container
    #[arg(add = ArgValueCandidates::new(completion::containers))]
    pub(crate) container: String,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Only this service
    #[arg(add = ArgValueCandidates::new(completion::services))]
    pub(crate) service: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ScaleArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Service and number of tasks, e.g. api=3
    #[arg(value_name = "SERVICE=N", required = true, value_parser = parse_scale,
        add = ArgValueCandidates::new(completion::scaled_services))]
    pub(crate) counts: Vec<(String, u32)>,
}

#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Tasks (the beginning of an ID) or services; without any, take the whole stack down, like `down`
    #[arg(value_name = "TASK|SERVICE", add = ArgValueCandidates::new(completion::tasks_and_services))]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StartServicesArgs {
    #[command(flatten)]
    short: ShortFile,
    /// Only these services
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(completion::services))]
    pub(crate) services: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Follow the events
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    short: ShortFile,
    /// The path of the page
    pub(crate) path: Option<String>,
    /// The page of this load balancer, if there are several
    #[arg(long, value_name = "NAME")]
    pub(crate) load_balancer: Option<String>,
    /// Print the command instead of running it
    #[arg(long)]
    pub(crate) print: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(super) short: ShortFile,
    /// e.g. `https://app.domain.com/api/users?page=2`, `app.domain.com`, or `/api/users` on the first domain; or the id in
    /// an AccessDenied of `up --aws`
    pub(crate) url: String,
    /// Request method
    #[arg(short = 'X', long, default_value = "GET", value_name = "METHOD")]
    pub(crate) request: String,
    /// Request header, e.g. 'User-Agent: curl/8'; repeatable
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// The load balancer that the request arrives at [default: the one that the host leads to]
    #[arg(long, value_name = "NAME")]
    pub(crate) load_balancer: Option<String>,
    /// Address of the client
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) source_ip: std::net::IpAddr,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// Run the command in the machine's own namespace, where it reaches and trusts the stack only through variables
    #[arg(long, env = "NEARGATE_NO_NAMESPACE", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_namespace: bool,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

impl Verb {
    fn short_file(&self) -> &[PathBuf] {
        let short = match self {
            Self::Up(args) | Self::Background(args) => &args.start.short,
            Self::Run(args) => &args.start.short,
            Self::Down(args) => &args.short,
            Self::Build(args) => &args.short,
            Self::Pull(args) => &args.short,
            Self::Ps(args) => &args.short,
            Self::Restart(args) => &args.short,
            Self::Scale(args) => &args.short,
            Self::Stop(args) => &args.short,
            Self::Start(args) => &args.short,
            Self::Deploy(args) => &args.short,
            Self::Open(args) => &args.short,
            Self::Check(args) => &args.short,
            Self::Lint(args) => &args.short,
            Self::Test(args) => &args.short,
            Self::Replay(args) => &args.short,
            Self::Doctor(args) => &args.short,
            Self::Exec(args) => &args.short,
            Self::ContinueDeployment(args) => &args.short,
            Self::RunTask(args) => &args.short,
            Self::Env(args) => &args.short,
            Self::Pipeline(args) => &args.short,
            Self::Explain(args) => &args.short,
            Self::Hosts(args) => &args.short,
            Self::Trust(args) => &args.short,
            Self::Ca(short) | Self::Untrust(short) => short,
            // `-f` follows, or there is no file to name.
            Self::Logs(_) | Self::Events(_) => return &[],
            Self::Import(_) | Self::Init(_) | Self::Completions { .. } | Self::Version => return &[],
            Self::Man { .. } | Self::Enter(_) => return &[],
        };
        &short.short_file
    }
}

fn parse_scale(text: &str) -> Result<(String, u32), String> {
    let (service, count) = text.split_once('=').ok_or("must look like SERVICE=3")?;
    Ok((service.to_owned(), count.parse().map_err(|_| format!("`{count}` is not a number of tasks"))?))
}

/// `--no-attach` without a name.
pub(crate) const ALL: &str = "*";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_contradict_nothing() {
        Cli::command().debug_assert();
    }

    /// As the help of every command says.
    #[test]
    fn every_command_of_a_file_takes_f_after_it() {
        let command = Cli::command();
        for verb in command.get_subcommands() {
            let has = verb.get_arguments().any(|argument| argument.get_short() == Some('f'));
            let without = ["import", "init", "completions", "version", "man", "__enter"].contains(&verb.get_name());
            assert_eq!(has, !without, "{}", verb.get_name());
        }
    }
}

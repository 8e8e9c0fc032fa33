//! What a run is given: the workflow, the facts of the repository, secrets and variables, the address of AWS's APIs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::choose;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::global::Global;
use crate::cli::input::pipeline::PipelineArgs;
use crate::cli::input::project;
use crate::cli::output::printer::{NOTE, Printer};
use crate::cli::running::asking;
use crate::config::init_support;
use crate::config::{Diagnostics, Style};
use crate::machine::files;
use crate::machine::folders::actions_folder;
use crate::pipeline::expression::contexts::Contexts;
use crate::pipeline::expression::value::Value;
use crate::pipeline::plan::{self, Plan};
use crate::pipeline::workflow::model::{Step, Work, Workflow};
use crate::pipeline::workflow::{order, read};
use crate::runner::{Cache, Repository, Settings};

/// Variables of the person's own that steps get: programs and their homes, not credentials.
const PASSED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_BUILDKIT",
    "XDG_RUNTIME_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
];

/// A run that may begin.
pub(super) struct Prepared {
    pub(super) settings: Settings,
    pub(super) plan: Plan,
    /// Every step of the jobs that run.
    pub(super) steps: Vec<Step>,
    pub(super) remarks: Vec<String>,
}

pub(super) fn prepare(global: &Global, args: &PipelineArgs, printer: &mut Printer) -> Result<Prepared, Failure> {
    let here = std::env::current_dir()?;
    let repository = Repository::of(&here).map_err(Failure::usage)?;
    let file = choose::file(&repository.top, args.workflow.as_deref(), &here)?;
    let text = files::read_text(&file).map_err(|error| Failure::from(error).context(file.display()))?;
    let shown = file.strip_prefix(&here).unwrap_or(&file).display().to_string();
    let workflow = read::workflow(&shown, &text).map_err(|mistakes| printed(&mistakes, printer))?.workflow;
    let event = args.event.clone().or_else(|| default_event(&workflow)).unwrap_or_else(|| "push".to_owned());
    let mut facts = repository.facts(&event).map_err(Failure::new)?;
    let path = file.strip_prefix(&repository.top).unwrap_or(&file).display().to_string();
    facts.workflow = workflow.name.clone().unwrap_or_else(|| path.clone());
    facts.workflow_path = path;
    facts.inputs = inputs(&workflow, &args.input)?;

    let variables = env_files(global, &repository.top, printer)?;
    let jobs = order::wanted(&workflow, &args.job).map_err(Failure::usage)?;
    let no_files = |_: &[String]| Ok(String::new());
    let mut contexts = Contexts::new(&no_files);
    contexts.set("github", facts.context(&Default::default(), "", "", &[]));
    contexts.set("inputs", facts.inputs.clone());
    let given = |context: &str, contexts: &Contexts<'_>| {
        let asked = plan::asked(&workflow, &jobs, contexts, context);
        let (found, missing): (Vec<_>, Vec<_>) =
            asked.into_iter().partition(|(name, _)| variables.contains_key(&name.to_uppercase()));
        let found = found.into_iter().map(|(name, _)| {
            let value = variables.get(&name.to_uppercase()).cloned().unwrap_or_default();
            (name, value)
        });
        (found.collect::<BTreeMap<String, String>>(), missing)
    };
    let (vars, no_vars) = given("vars", &contexts);
    contexts.set("vars", Value::texts(vars.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
    let (mut secrets, mut no_secrets) = given("secrets", &contexts);
    if let Some(token) = variables.get("GITHUB_TOKEN") {
        secrets.insert("GITHUB_TOKEN".to_owned(), token.clone());
    }
    no_secrets.retain(|(name, _)| !name.eq_ignore_ascii_case("GITHUB_TOKEN"));
    let plan = plan::plan(&workflow, &jobs, &contexts);
    let mut remarks = Vec::new();
    if !args.dry_run && !no_secrets.is_empty() {
        let lines = no_secrets.iter().map(|(name, place)| format!("\n  {name}  ({place})"));
        return Err(Failure::usage(format!("secrets that .env does not have:{}", lines.collect::<String>())));
    }
    if !no_vars.is_empty() {
        let names: Vec<&str> = no_vars.iter().map(|(name, _)| name.as_str()).collect();
        remarks.push(format!(
            "{NOTE}!{NOTE:#} variables that .env does not have are empty, as on GitHub: {}",
            names.join(", ")
        ));
    }
    let endpoint = endpoint(global, args)?;
    if endpoint.is_none() && !args.dry_run {
        if choose::deploys(&workflow) {
            return Err(Failure::new(
                "no stack with AWS's APIs is running, to which the workflow could deploy; start it with `neargate up --aws`",
            ));
        }
        remarks.push(format!("{NOTE}!{NOTE:#} no stack with AWS's APIs is running: AWS's clients find a closed door"));
    }
    let cache = args.actions.clone().map_or_else(|| actions_folder(project::variable), Ok)?;
    let steps =
        jobs.iter().filter_map(|job| if let Work::Steps(steps) = &job.work { Some(steps.clone()) } else { None });
    let steps = steps.flatten().collect();
    let settings = Settings {
        repository: repository.top,
        jobs: args.job.clone(),
        facts,
        secrets,
        vars,
        cache: Cache { folder: here.join(cache), offline: args.offline },
        scratch: scratch(),
        aws_endpoint: endpoint,
        base: PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), project::variable(name)?))).collect(),
        workflow,
    };
    Ok(Prepared { settings, plan, steps, remarks })
}

fn printed(mistakes: &Diagnostics, printer: &mut Printer) -> Failure {
    printer.note(mistakes.render(Style::Coloured).trim_end());
    Failure::printed(ExitStatus::USAGE)
}

fn default_event(workflow: &Workflow) -> Option<String> {
    let preferred =
        ["push", "workflow_dispatch"].into_iter().find(|event| workflow.events.iter().any(|known| known == event));
    preferred.map(str::to_owned).or_else(|| workflow.events.first().cloned())
}

/// As given, or by default; a boolean is one.
fn inputs(workflow: &Workflow, given: &[(String, String)]) -> Result<Value, Failure> {
    if let Some((name, _)) = given.iter().find(|(name, _)| !workflow.inputs.iter().any(|input| input.name == *name)) {
        return Err(Failure::usage(format!("the workflow has no input `{name}`")));
    }
    let values = workflow.inputs.iter().map(|input| {
        let given = given.iter().rfind(|(name, _)| *name == input.name).map(|(_, value)| value);
        if given.is_none() && input.default.is_none() && input.required {
            return Err(Failure::usage(format!("the workflow needs the input `{0}`: --input {0}=…", input.name)));
        }
        let text = given.or(input.default.as_ref()).cloned().unwrap_or_default();
        let value = if input.is_boolean { Value::Bool(text == "true") } else { Value::Text(text) };
        Ok((input.name.clone(), value))
    });
    Ok(Value::map(values.collect::<Result<Vec<_>, Failure>>()?))
}

/// The variables of `--env-file`, or of `.env` at the top; by upper-case name, since GitHub does not look at case.
fn env_files(global: &Global, top: &Path, printer: &mut Printer) -> Result<BTreeMap<String, String>, Failure> {
    let mut files = global.env_file.clone();
    if files.is_empty() && top.join(".env").is_file() {
        files.push(top.join(".env"));
    }
    let mut variables = BTreeMap::new();
    for file in files {
        let text = files::read_text(&file).map_err(|error| Failure::from(error).context(file.display()))?;
        let read = init_support::env_file(&file.display().to_string(), &text, &project::variable);
        let read = read.map_err(|mistakes| printed(&mistakes, printer))?;
        variables.extend(read.into_iter().map(|(name, value)| (name.to_uppercase(), value)));
    }
    Ok(variables)
}

/// Where the running stack serves AWS's APIs. The file of a stack that was killed says nothing.
fn endpoint(global: &Global, args: &PipelineArgs) -> Result<Option<String>, Failure> {
    if let Some(endpoint) = &args.endpoint {
        return Ok(Some(endpoint.clone()));
    }
    let Ok((_, folders)) = project::identify(global) else { return Ok(None) };
    let Ok(endpoint) = std::fs::read_to_string(folders.aws_endpoint()) else { return Ok(None) };
    let runs = asking::block_on(asking::view(&folders))?.is_some();
    Ok(runs.then(|| endpoint.trim().to_owned()))
}

/// A name that no other run has.
fn scratch() -> PathBuf {
    let time = jiff::Timestamp::now().as_nanosecond();
    std::env::temp_dir().join(format!("neargate-pipeline-{}-{time}", std::process::id()))
}

//! Turns the command line into what the verbs need: the file, its topology, the project's folders.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::admin::wire::{Listen, Refused, UpRequest};
use crate::app::chain;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::file;
use crate::cli::input::file::{FileError, Files, LoadedFile};
use crate::cli::input::global::{Global, StartArgs};
use crate::cli::input::listen;
use crate::cli::output::printer::{NOTE, Printer};
use crate::config::{self, Diagnostics, Style, Tasks};
use crate::machine::folders::Folders;
use crate::model::listener::LoadBalancer;
use crate::model::task_definition::TaskDefinition;
use crate::model::topology::TimeScale;
use crate::model::{ProjectName, Topology};

/// A file that was loaded.
pub(crate) struct Project {
    /// Where it is, absolute.
    pub(crate) file: PathBuf,
    /// All files that it is made of.
    pub(crate) files: Files,
    /// Every file that it was read from, absolute; some may not be there.
    pub(crate) read: BTreeSet<PathBuf>,
    /// What it wants, `--listen` and the like applied.
    pub(crate) topology: Arc<Topology>,
    /// The variables it referred to.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where the project's things are kept.
    pub(crate) folders: Folders,
}

/// The variables of this process.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The variables of this process, with what `--environment` says in the place of `NEARGATE_ENVIRONMENT`.
pub(crate) fn variables(global: &Global) -> impl Fn(&str) -> Option<String> {
    let environment = global.environment.clone();
    move |name| if name == file::ENVIRONMENT { environment.clone() } else { variable(name) }
}

/// Loads the file, printing its mistakes (and, if asked, its warnings).
pub(crate) fn load(
    global: &Global,
    start: Option<&StartArgs>,
    warnings: bool,
    printer: &mut Printer,
) -> Result<Project, Failure> {
    load_for(Tasks::Run, global, start, warnings, printer)
}

/// Loads the file for its names only: what services and secrets refer to need not be set.
pub(crate) fn load_names(global: &Global, printer: &mut Printer) -> Result<Project, Failure> {
    load_for(Tasks::DoNotRun, global, None, false, printer)
}

fn load_for(
    tasks: Tasks,
    global: &Global,
    start: Option<&StartArgs>,
    warnings: bool,
    printer: &mut Printer,
) -> Result<Project, Failure> {
    let files = find_or_account(global, start.is_some_and(|start| start.aws.is_some()))?;
    let used = RefCell::new(BTreeMap::new());
    let variables = variables(global);
    let env = |name: &str| {
        let value = variables(name);
        if let Some(value) = &value {
            used.borrow_mut().insert(name.to_owned(), value.clone());
        }
        value
    };
    let request = UpRequest {
        file: files.main.clone(),
        overrides: files.overrides.clone(),
        env_files: files.env_files.clone(),
        environment: BTreeMap::new(),
        listen: start.map(|start| start.listen.clone()).unwrap_or_default(),
        time_scale: start.and_then(|start| start.time_scale),
        project_name: global.project_name.clone(),
        no_build: start.is_some_and(|start| start.no_build),
        pull: start.is_some_and(|start| start.pull),
        admin: start.and_then(|start| start.admin),
        aws: start.and_then(|start| start.aws),
        take_over: false,
        reset: false,
    };
    let (loaded, derived, read) = match read(&files, &env, tasks)? {
        Ok(read) => (Ok(read.loaded), read.derived, read.read),
        Err((mistakes, derived)) => (Err(mistakes), derived, BTreeSet::new()),
    };
    if warnings || loaded.is_err() {
        derived.iter().for_each(|line| printer.note(line));
    }
    let loaded = loaded.map_err(|mistakes| {
        let _ = printer.err().write_all(mistakes.render(Style::Coloured).as_bytes());
        Failure::printed(ExitStatus::USAGE)
    })?;
    // In full they belong to `check`: a stack that is started ten times a day need not say them ten times.
    if warnings && !loaded.warnings.is_empty() {
        let count = loaded.warnings.len();
        let noun = if count == 1 { "warning" } else { "warnings" };
        let name = files.main.file_name().unwrap_or_default().to_string_lossy();
        printer.note(format!("{NOTE}!{NOTE:#} {count} {noun} in {name}; `neargate check` shows details"));
    }
    let (topology, told) = adjust(loaded.topology, &request).map_err(Failure::usage)?;
    if warnings {
        told.iter().for_each(|line| printer.note(format!("{NOTE}!{NOTE:#} {line}")));
    }
    let folders = Folders::new(&topology.name, variable)?;
    let file = files.main.clone();
    Ok(Project { file, files, read, topology: Arc::new(topology), environment: used.into_inner(), folders })
}

impl Project {
    /// The project with listeners bound to other local ports, as `--listen` says.
    pub(crate) fn listening_on(mut self, listen: &[Listen]) -> Result<Self, Failure> {
        let request = UpRequest { listen: listen.to_vec(), ..UpRequest::default() };
        let (topology, _) = adjust(Topology::clone(&self.topology), &request).map_err(Failure::usage)?;
        self.topology = Arc::new(topology);
        Ok(self)
    }

    /// What the process that runs the stack needs in order to apply the same.
    pub(crate) fn request(&self, global: &Global, start: &StartArgs) -> UpRequest {
        UpRequest {
            file: self.file.clone(),
            overrides: self.files.overrides.clone(),
            env_files: self.files.env_files.clone(),
            environment: self.environment.clone(),
            listen: start.listen.clone(),
            time_scale: start.time_scale,
            project_name: global.project_name.clone(),
            no_build: start.no_build,
            pull: start.pull,
            admin: start.admin,
            aws: start.aws,
            take_over: start.take_over,
            reset: start.reset,
        }
    }
}

/// The load balancer that `--load-balancer` names.
pub(crate) fn load_balancer<'t>(topology: &'t Topology, name: &str) -> Result<&'t LoadBalancer, Failure> {
    topology.load_balancers.get(name).ok_or_else(|| {
        let known: Vec<&str> = topology.load_balancers.keys().map(|name| name.as_str()).collect();
        Failure::usage(format!("there is no load balancer `{name}`; the load balancers are: {}", known.join(", ")))
    })
}

/// The files that `--file` and `--env-file` name, or the nearest ones above the working directory; absolute.
pub(crate) fn find(global: &Global) -> Result<Files, Failure> {
    find_or_account(global, false)
}

/// The same; without a file, an empty account if one is wanted or runs already.
fn find_or_account(global: &Global, is_wanted: bool) -> Result<Files, Failure> {
    let folder = std::env::current_dir()?;
    let is_account = |main: &Path| is_wanted || runs_as_account(main, global.project_name.as_deref());
    match Files::find(&global.file, &global.env_file, &folder) {
        Ok(files) => Ok(Files { is_account: is_account(&files.main), ..files }),
        Err(FileError::NotFound { folder }) if is_account(&folder.join("neargate.yaml")) => {
            let env_files = global.env_file.iter().map(|file| folder.join(file)).collect();
            Ok(Files { main: folder.join("neargate.yaml"), env_files, is_account: true, ..Files::default() })
        }
        Err(error) => Err(Failure::usage(error)),
    }
}

/// Whether a stack runs from a file that is not there, and serves AWS's APIs: what stood for the file was an empty account.
fn runs_as_account(file: &Path, project: Option<&str>) -> bool {
    let name = match (project, file.parent().and_then(Path::file_name)) {
        (Some(name), _) => config::project_name(name).ok(),
        (None, Some(folder)) => Some(config::project_name_from(&folder.to_string_lossy())),
        (None, None) => None,
    };
    let folders = name.and_then(|name| Folders::new(&name, variable).ok());
    !file.exists()
        && folders.is_some_and(|folders| {
            folders.aws_endpoint().exists() && folders.runs_from().is_ok_and(|from| from.as_deref() == Some(file))
        })
}

/// The project's name and folders, for verbs that need no more: a file with mistakes must not keep a stack from
/// being looked at or taken down.
pub(crate) fn identify(global: &Global) -> Result<(ProjectName, Folders), Failure> {
    let name = match &global.project_name {
        Some(name) => config::project_name(name).map_err(Failure::usage)?,
        None => {
            let files = find(global)?;
            let name = files
                .project_name(&std::env::current_dir()?, &variables(global))
                .map_err(|error| Failure::usage(chain(&error)))?;
            name.ok_or_else(|| {
                Failure::usage(format!(
                    "{} has no readable `name` (see `neargate check`); name the project with --project-name",
                    files.main.display()
                ))
            })?
        }
    };
    let folders = Folders::new(&name, variable)?;
    Ok((name, folders))
}

/// Whether the file asks for tasks; one that cannot be read might.
pub(crate) fn needs_engine(global: &Global) -> bool {
    topology_if_readable(global).is_none_or(|topology| !topology.services.is_empty())
}

/// What the file says, for verbs that do without if it cannot be read.
pub(crate) fn topology_if_readable(global: &Global) -> Option<Topology> {
    let files = find(global).ok()?;
    Some(read(&files, &variables(global), Tasks::DoNotRun).ok()?.ok()?.loaded.topology)
}

/// Mistakes, and what was said to be taken in place of a file.
type Mistakes = (Diagnostics, Vec<String>);

/// Reads the file and what it mentions. The outer failure is one of this machine, the inner one the file's mistakes.
pub(crate) fn read(
    files: &Files,
    env: &dyn Fn(&str) -> Option<String>,
    tasks: Tasks,
) -> Result<Result<LoadedFile, Mistakes>, Failure> {
    match file::load(files, &std::env::current_dir()?, env, tasks) {
        Ok(read) => Ok(Ok(read)),
        Err(FileError::Invalid { diagnostics, derived, .. }) => Ok(Err((diagnostics, derived))),
        Err(error) => Err(Failure::usage(chain(&error))),
    }
}

/// A task definition from a file of its own, read as if a service of the project named it.
pub(crate) fn task_definition(global: &Global, file: &Path) -> Result<TaskDefinition, Failure> {
    const SERVICE: &str = "neargate-run-task";
    let files = find(global)?;
    let folder = std::env::current_dir()?;
    let path = serde_json::to_string(&folder.join(file)).map_err(Failure::new)?;
    let text = format!("services: {{ {SERVICE}: {{ task_definition: {path}, desired_count: 0 }} }}\n");
    let more = [(PathBuf::from("run-task"), text)];
    match file::load_with(&files, &more, &folder, &variables(global), Tasks::Run) {
        Ok(mut read) => {
            let service = read.loaded.topology.services.remove(SERVICE);
            let service = service.ok_or_else(|| Failure::new("the task definition was not read"))?;
            Ok(TaskDefinition::clone(&service.task_definition))
        }
        Err(FileError::Invalid { diagnostics, .. }) => Err(Failure::usage(diagnostics.render(Style::Plain).trim_end())),
        Err(error) => Err(Failure::usage(chain(&error))),
    }
}

/// What the process that runs a stack does when `up` is typed again somewhere else.
pub(crate) fn reload(request: &UpRequest) -> Result<Arc<Topology>, Refused> {
    let env = |name: &str| request.environment.get(name).cloned();
    let files = Files {
        main: request.file.clone(),
        overrides: request.overrides.clone(),
        env_files: request.env_files.clone(),
        is_account: request.aws.is_some() || runs_as_account(&request.file, request.project_name.as_deref()),
    };
    let loaded = read(&files, &env, Tasks::Run)
        .map_err(|Failure { status, message }| Refused { message, exit_code: status.0 })?
        .map_err(|(mistakes, _)| Refused::usage(mistakes.render(Style::Plain)))?;
    adjust(loaded.loaded.topology, request).map(|(topology, _)| Arc::new(topology)).map_err(Refused::usage)
}

/// Applies what the command line says about the topology; also returns what this machine makes different.
fn adjust(mut topology: Topology, request: &UpRequest) -> Result<(Topology, Vec<String>), String> {
    if let Some(name) = &request.project_name {
        topology.name = config::project_name(name)?;
    }
    if let Some(factor) = request.time_scale {
        topology.time_scale =
            TimeScale::new(factor).ok_or_else(|| format!("--time-scale {factor}: must be a number of at least 1"))?;
    }
    let told = listen::bind(&mut topology, &request.listen, listen::is_here)?;
    Ok((topology, told))
}

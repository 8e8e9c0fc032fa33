//! `up --watch`: applies changed files to the running stack, in this process or another. A change of neargate.yaml, or of a
//! file that it names, is applied as with a second `up`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::admin::view::shape::ClusterView;
use crate::admin::wire::Request;
use crate::cli::failure::Failure;
use crate::cli::input::file;
use crate::cli::input::global::{Global, StartArgs};
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::printer::{BAD, DIM, NOTE, Printer};
use crate::cli::running::{asking, stack};
use crate::config;
use crate::ecs::images::watching;
use crate::ecs::images::watching::Reaction;
use crate::machine::watch::{Watcher, files};
use crate::model::service::Hook;
use crate::model::task::{ContainerStatus, DesiredStatus};
use crate::model::{ContainerName, ServiceName, TaskId, Topology};
use crate::runtime::docker::DockerOptions;
use crate::runtime::docker::DockerRuntime;
use crate::runtime::docker::tasks::sync;

/// How many files a line names.
const NAMED: usize = 3;

type Container = (ServiceName, ContainerName);

/// What watches, and what it has copied since images were built.
pub(crate) struct Watching {
    watcher: Option<Watcher>,
    /// The project's own files, as the system reports changes of them.
    files: BTreeSet<PathBuf>,
    runtime: Option<DockerRuntime>,
    /// Copied into containers; those that start later need it as well.
    copied: BTreeMap<Container, BTreeSet<(PathBuf, String)>>,
    /// Containers that have it, by the engine's id.
    served: BTreeSet<String>,
    folder: PathBuf,
}

impl Watching {
    /// Watches what the project wants watched; nothing at all unless `wanted`.
    pub(crate) fn start(project: &Project, wanted: bool, printer: &mut Printer) -> Result<Self, Failure> {
        let folder = std::env::current_dir()?;
        let mut this = Self {
            watcher: None,
            files: BTreeSet::new(),
            runtime: None,
            copied: BTreeMap::new(),
            served: BTreeSet::new(),
            folder,
        };
        if wanted {
            this.watch(project, printer)?;
        }
        Ok(this)
    }

    fn watch(&mut self, project: &Project, printer: &mut Printer) -> Result<(), Failure> {
        let rules = watching::rules(&resolved(&project.topology), sync::ignore_file).map_err(Failure::new)?;
        let mut paths: Vec<String> = rules.iter().map(|rule| self.shown(&rule.watch.path)).collect();
        paths.push(self.shown(&project.file));
        paths.sort_unstable();
        paths.dedup();
        printer.note(format!("{NOTE}watching{NOTE:#} {}", paths.join(", ")));
        for rule in rules.iter().filter(|rule| rule.watch.initial_sync) {
            let files = files(rule, &rule.watch.path);
            let pairs = files.into_iter().filter_map(|file| rule.destination(&file).map(|there| (file, there)));
            let container = (rule.service.clone(), rule.container.clone());
            self.copied.entry(container).or_default().extend(pairs);
            // Those that run get it as well.
            self.served.clear();
        }
        self.files = project.read.iter().map(|file| in_real_folder(file)).collect();
        self.files.extend(config::override_files(&project.file).iter().map(|file| in_real_folder(file)));
        self.watcher = Some(Watcher::start(rules, self.files.clone()).map_err(Failure::new)?);
        Ok(())
    }

    /// The next changes; never, if nothing is watched. Cancel-safe.
    pub(crate) async fn changes(&mut self) -> Result<BTreeSet<PathBuf>, Failure> {
        match &mut self.watcher {
            Some(watcher) => watcher.changes().await.map_err(Failure::new),
            None => std::future::pending().await,
        }
    }

    /// Does what follows from changes. What fails is told, and the watching goes on: the next change may mend it. Returns
    /// the project as it is now, if its own files have changed and were applied.
    pub(crate) async fn react(
        &mut self,
        again: &Again<'_>,
        project: &Project,
        view: &ClusterView,
        mut changed: BTreeSet<PathBuf>,
        printer: &mut Printer,
    ) -> Option<Project> {
        let own: BTreeSet<PathBuf> = changed.intersection(&self.files).cloned().collect();
        // To containers they are of no concern, and who applies the file has images built.
        changed.retain(|path| !own.contains(path));
        let rules = self.watcher.as_ref().map(Watcher::rules).unwrap_or_default();
        let reactions = watching::react(rules, &changed);
        for (container, reaction) in &reactions {
            let named = self.named(&changed);
            let what = words(reaction);
            printer.note(format!("{NOTE}▸{NOTE:#} {}/{} {what} {DIM}{named}{DIM:#}", container.0, container.1));
        }
        if let Err(failure) = self.carry_out(project, view, reactions, printer).await {
            printer.note(format!("{BAD}✘{BAD:#} {}", failure.message));
        }
        if own.is_empty() {
            return None;
        }
        printer.note(format!("{NOTE}▸{NOTE:#} apply {DIM}{}{DIM:#}", self.named(&own)));
        match self.apply(again, project, printer).await {
            Ok(project) => Some(project),
            Err(failure) => {
                printer.failure(&failure);
                printer.note(format!("{BAD}✘{BAD:#} not applied; the stack keeps running unchanged"));
                None
            }
        }
    }

    /// Reads the file again and applies it.
    async fn apply(&mut self, again: &Again<'_>, old: &Project, printer: &mut Printer) -> Result<Project, Failure> {
        let project = project::load(again.global, Some(again.start), true, printer)?;
        if project.topology.name != old.topology.name {
            return Err(Failure::new(format!(
                "the project is now called `{}`, but `{}` is running: `neargate up` starts the new one",
                project.topology.name, old.topology.name
            )));
        }
        let request = project.request(again.global, again.start);
        let Some(applied) = stack::apply(&project.folders, &request, printer).await? else {
            return Err(asking::not_running(&project.topology.name));
        };
        applied.tell(&project.file, printer);
        self.watch(&project, printer)?;
        Ok(project)
    }

    async fn carry_out(
        &mut self,
        project: &Project,
        view: &ClusterView,
        reactions: BTreeMap<Container, Reaction>,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let (mut rebuild, mut restart) = (Vec::new(), Vec::new());
        for (container, reaction) in reactions {
            let pair = (container.0.to_string(), container.1.to_string());
            if reaction.rebuild {
                // The next image has what was copied.
                self.copied.remove(&container);
                rebuild.push(pair);
                continue;
            }
            if !reaction.sync.is_empty() {
                for (task, id) in running(view, &container) {
                    self.copy(project, &task, &container.1, &reaction.sync).await?;
                    self.served.insert(id);
                }
                for hook in &reaction.exec {
                    self.exec(project, view, &container, hook, printer).await?;
                }
                self.copied.entry(container).or_default().extend(reaction.sync);
            }
            if reaction.restart {
                restart.push(pair);
            }
        }
        if !rebuild.is_empty() {
            asking::request(&project.folders, &Request::Rebuild { containers: rebuild }).await?;
        }
        if !restart.is_empty() {
            asking::request(&project.folders, &Request::RestartContainers { containers: restart }).await?;
        }
        Ok(())
    }

    /// Copies into containers that have started since what those before them have got.
    pub(crate) async fn catch_up(&mut self, project: &Project, view: &ClusterView, printer: &mut Printer) {
        let copied: Vec<_> = self.copied.iter().map(|(container, files)| (container.clone(), files.clone())).collect();
        for (container, files) in copied {
            for (task, id) in running(view, &container) {
                if self.served.insert(id)
                    && let Err(failure) = self.copy(project, &task, &container.1, &files).await
                {
                    printer.note(format!("{BAD}✘{BAD:#} {}", failure.message));
                }
            }
        }
    }

    async fn copy(
        &mut self,
        project: &Project,
        task: &TaskId,
        container: &ContainerName,
        files: &BTreeSet<(PathBuf, String)>,
    ) -> Result<(), Failure> {
        Ok(self.runtime(project).await?.sync(task, container, files).await?)
    }

    /// Runs a command in all tasks of the container, and shows what it says.
    async fn exec(
        &mut self,
        project: &Project,
        view: &ClusterView,
        container: &Container,
        hook: &Hook,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        for (task, _) in running(view, container) {
            let (code, output) = self.runtime(project).await?.run_hook(&task, &container.1, hook).await?;
            for line in output.lines() {
                printer.note(format!("{DIM}  {} | {line}{DIM:#}", container.1));
            }
            if code != 0 {
                let command = hook.command.join(" ");
                return Err(Failure::new(format!("{}/{}: `{command}` ended with {code}", container.0, container.1)));
            }
        }
        Ok(())
    }

    async fn runtime(&mut self, project: &Project) -> Result<&DockerRuntime, Failure> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => DockerRuntime::connect(DockerOptions::new(project.topology.name.clone())).await?,
        };
        Ok(self.runtime.insert(runtime))
    }

    fn shown(&self, path: &Path) -> String {
        let shown = file::relative(path, &self.folder);
        if shown.as_os_str().is_empty() { ".".to_owned() } else { shown.display().to_string() }
    }

    fn named(&self, changed: &BTreeSet<PathBuf>) -> String {
        let mut names: Vec<String> = changed.iter().take(NAMED).map(|path| self.shown(path)).collect();
        if changed.len() > NAMED {
            names.push(format!("{} more", changed.len() - NAMED));
        }
        names.join(", ")
    }
}

fn words(reaction: &Reaction) -> &'static str {
    match (reaction.rebuild, reaction.sync.is_empty(), reaction.restart) {
        (true, ..) => "rebuild",
        (false, false, false) if !reaction.exec.is_empty() => "sync and exec",
        (false, false, false) => "sync",
        (false, false, true) => "sync and restart",
        (false, true, _) => "restart",
    }
}

/// The containers that run, with the engine's id of each.
fn running(view: &ClusterView, container: &Container) -> Vec<(TaskId, String)> {
    let service = view.services.iter().filter(|service| service.service_name == container.0.as_str());
    let tasks = service.flat_map(|service| &service.tasks).filter(|task| task.desired_status == DesiredStatus::Running);
    let running = tasks.filter_map(|task| {
        let found = task.containers.iter().find(|found| found.name == container.1.as_str())?;
        let id = found.runtime_id.clone().filter(|_| found.last_status == ContainerStatus::Running)?;
        Some((TaskId::new(&task.task_id), id))
    });
    running.collect()
}

/// What was typed, for reading the file once more.
pub(crate) struct Again<'a> {
    pub(crate) global: &'a Global,
    pub(crate) start: &'a StartArgs,
}

/// The path of a file as the system reports changes of it; the file itself need not be there.
fn in_real_folder(file: &Path) -> PathBuf {
    let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
    folder.zip(file.file_name()).map_or_else(|| file.to_owned(), |(folder, name)| folder.join(name))
}

/// The topology with paths as the system reports changes of them: without links on the way.
fn resolved(topology: &Topology) -> Topology {
    let real = |path: &mut PathBuf| {
        if let Ok(resolved) = path.canonicalize() {
            *path = resolved;
        }
    };
    let mut topology = topology.clone();
    for service in topology.services.values_mut() {
        service.builds.values_mut().for_each(|build| real(&mut build.context));
        service.watches.values_mut().flatten().for_each(|watch| real(&mut watch.path));
    }
    topology
}

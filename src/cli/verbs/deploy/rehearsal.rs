//! `deploy --rehearse`: traffic before, during and after the deployment, and what it shows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::aim::{self, Target};
use super::observed::Observed;
use crate::admin::view::shape::ClusterView;
use crate::admin::wire::{Answer, Request};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::deployments::RehearsalArgs;
use crate::cli::input::project::Project;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::cli::running::process::Signals;
use crate::model::ServiceName;
use crate::model::settled_request::SettledRequest;
use crate::rehearsal::findings::{Verdict, judge};
use crate::rehearsal::picture;
use crate::rehearsal::recording::{Outcome, Recording, Sample};
use crate::traffic::{self, Traffic};

/// Traffic before the deployment begins, to see that all is well, and after it has ended.
const AROUND: Duration = Duration::from_secs(1);
/// How long the load balancer may take to say what became of a request.
const SAID_WITHIN: Duration = Duration::from_secs(1);
/// How often it is asked before that is a failure.
const PROBES: usize = 5;
/// WebSockets that are open at once.
const SOCKETS: usize = 4;

/// A rehearsal under way.
pub(super) struct Rehearsal {
    target: Target,
    began: Instant,
    deployed: Duration,
    observed: Observed,
    gathered: Arc<Mutex<Recording>>,
    traffic: Traffic,
    samples: JoinHandle<()>,
    entries: JoinHandle<()>,
    picture: PathBuf,
}

/// What a rehearsal has shown.
pub(super) struct Shown {
    pub(super) recording: Recording,
    pub(super) verdict: Verdict,
    pub(super) url: String,
    pub(super) picture: PathBuf,
    /// Requests that were not sent because too many were on their way.
    pub(super) skipped: usize,
}

impl Rehearsal {
    /// Looks whether all is well, and lets the traffic flow.
    pub(super) async fn begin(
        project: &Project,
        view: &ClusterView,
        service: &str,
        args: &RehearsalArgs,
        printer: &mut Printer,
    ) -> Result<Self, Failure> {
        let name = ServiceName::new(service);
        let target = aim::find(&project.topology, view, &name, args.path.as_deref())?;
        let picture = match &args.picture {
            Some(file) => std::path::absolute(file)?,
            None => project.folders.state().join("rehearsal.svg"),
        };
        // Before anything is deployed: what was seen must not be lost for want of a place.
        std::fs::write(&picture, "").map_err(|error| cannot_write(&picture, error))?;
        let began = Instant::now();
        let mut observed = Observed::new(service);
        observed.see(view, Duration::ZERO);
        let gathered = Arc::new(Mutex::new(Recording { settings: target.settings, ..Recording::default() }));
        let entries = listen(project, &gathered).await?;
        check(&target, &observed, began, &gathered, printer).await?;
        let websockets = match &args.websocket {
            Some(path) => Some((checked_websocket(&target, path).await?, SOCKETS)),
            None => None,
        };
        let plan = traffic::Plan { aim: target.aim.clone(), rate: args.rate, websockets };
        let (traffic, arriving) = Traffic::start(plan, began);
        let samples = tokio::spawn(gather(arriving, Arc::clone(&gathered)));
        printer.note(format!("rehearsal: {} requests a second to {}", args.rate, target.url));
        tokio::time::sleep(AROUND).await;
        let deployed = began.elapsed();
        Ok(Self { target, began, deployed, observed, gathered, traffic, samples, entries, picture })
    }

    /// Takes a view of the stack.
    pub(super) fn see(&mut self, view: &ClusterView) {
        self.observed.see(view, self.began.elapsed());
    }

    /// Lets the traffic end, and judges it. The picture is on the disk then.
    pub(super) async fn end(mut self, project: &Project, service: &str, deployment: &str) -> Result<Shown, Failure> {
        let ended = self.began.elapsed();
        let mut signals = Signals::new()?;
        tokio::select! {
            () = tokio::time::sleep(AROUND) => {}
            () = signals.next() => {}
        }
        self.traffic.stop();
        tokio::select! {
            // What is on its way may settle; the one who does not want to wait for that has seen the rest.
            _ = &mut self.samples => {}
            () = signals.next() => self.traffic.abort(),
        }
        self.hear_the_rest().await;
        if let Some(view) = asking::view(&project.folders).await? {
            self.see(&view);
        }
        self.entries.abort();
        let mut recording = lock(&self.gathered).clone();
        let last = recording.samples.iter().map(|sample| sample.settled).max().unwrap_or_default();
        recording.length = last.max(ended);
        recording.deployed = self.deployed;
        recording.ended = Some(ended);
        recording.tasks = self.observed.into_tasks(deployment);
        let verdict = judge(&recording);
        let title = format!("{}: rehearsal of a deployment of {service}", project.topology.name);
        let svg = picture::draw(&recording, &verdict, &title);
        std::fs::write(&self.picture, svg).map_err(|error| cannot_write(&self.picture, error))?;
        let (url, skipped) = (self.target.url, self.traffic.skipped());
        Ok(Shown { recording, verdict, url, picture: self.picture, skipped })
    }

    /// Waits until the load balancer has said what became of those that failed, but not for long.
    async fn hear_the_rest(&self) {
        let is_missing = || {
            let recording = lock(&self.gathered);
            let is_known = |sample: &&Sample| {
                matches!(sample.outcome, Outcome::NoConnection(_)) || recording.entry(sample).is_some()
            };
            !recording.samples.iter().filter(|sample| sample.outcome.is_lost()).all(|sample| is_known(&sample))
        };
        let deadline = Instant::now() + SAID_WITHIN;
        while is_missing() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn cannot_write(picture: &Path, error: std::io::Error) -> Failure {
    Failure::from(error).context(format!("cannot write the timeline to {}", picture.display()))
}

/// Hears what becomes of every request, from now on.
async fn listen(project: &Project, gathered: &Arc<Mutex<Recording>>) -> Result<JoinHandle<()>, Failure> {
    let not_running = || asking::not_running(&project.topology.name);
    let mut conversation = asking::ask(&project.folders, &Request::Requests).await?.ok_or_else(not_running)?;
    let gathered = Arc::clone(gathered);
    Ok(tokio::spawn(async move {
        while let Ok(Some(answer)) = conversation.answer().await {
            if let Answer::Settled(settled) = answer {
                lock(&gathered).log(settled);
            }
        }
    }))
}

/// Before anything is deployed: the path leads to a task of the service, and is answered.
async fn check(
    target: &Target,
    observed: &Observed,
    began: Instant,
    gathered: &Mutex<Recording>,
    printer: &mut Printer,
) -> Result<(), Failure> {
    for _ in 0..PROBES {
        let sample = traffic::probe(&target.aim, began).await;
        let status = match &sample.outcome {
            Outcome::Answered(status) => *status,
            Outcome::NoConnection(why) | Outcome::Cut(why) => {
                return Err(Failure::new(format!("GET {} before the deployment: {why}", target.url)));
            }
            Outcome::Closed | Outcome::GaveUp => 504,
        };
        // Until the load balancer tells of it.
        let Some(entry) = said_of(&sample, gathered).await else { continue };
        if status >= 500 {
            return Err(Failure::new(format!(
                "GET {} is answered with {status} before the deployment begins; `neargate doctor` says why",
                target.url
            )));
        }
        if !entry.target.is_some_and(|target| observed.has(target)) {
            return Err(Failure::usage(format!(
                "GET {} is answered with {status}, and not by a task of the service; name a path of it with --path \
                 (`neargate explain URL` shows where a request goes)",
                target.url
            )));
        }
        if status >= 400 {
            printer.note(format!("GET {} is answered with {status}; --path names another path", target.url));
        }
        return Ok(());
    }
    Err(Failure::new("the load balancer does not say what becomes of requests; run `neargate doctor`"))
}

async fn said_of(sample: &Sample, gathered: &Mutex<Recording>) -> Option<SettledRequest> {
    let deadline = Instant::now() + SAID_WITHIN;
    while Instant::now() < deadline {
        if let Some(entry) = lock(gathered).entry(sample) {
            return Some(entry.clone());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}

/// The path, if there is a WebSocket.
async fn checked_websocket(target: &Target, path: &str) -> Result<String, Failure> {
    let aim = traffic::Aim { path: path.to_owned(), ..target.aim.clone() };
    match traffic::probe_websocket(&aim).await {
        Ok(101) => Ok(path.to_owned()),
        Ok(status) => Err(Failure {
            status: ExitStatus::USAGE,
            message: format!("{path} is no WebSocket: the answer is {status} and not 101 Switching Protocols"),
        }),
        Err(why) => Err(Failure::new(format!("cannot open a WebSocket at {path}: {why}"))),
    }
}

async fn gather(mut arriving: mpsc::UnboundedReceiver<Sample>, gathered: Arc<Mutex<Recording>>) {
    while let Some(sample) = arriving.recv().await {
        lock(&gathered).samples.push(sample);
    }
}

/// Usable after a panic elsewhere.
fn lock(gathered: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

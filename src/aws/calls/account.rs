//! An account in memory, with what the controller does to it when nothing runs.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::form;
use crate::alb::targets::health::{Probe, ProbeTick};
use crate::aws::access::call::Call;
use crate::aws::action::{Decision, Effect, Input, State, check_dry_run};
use crate::aws::caller::{Caller, Sessions};
use crate::aws::endpoint::refused;
use crate::aws::ids::Ids;
use crate::aws::output::{NoOutput, Output};
use crate::aws::registry::Registry;
use crate::aws::remembered::Remembered;
use crate::aws::{access, authentication, services};
use crate::config::{self, Source, Style, Tasks};
use crate::control::command::Refusal;
use crate::control::desired::edit::Edit;
use crate::control::desired::state::Desired;
use crate::control::ids::{CountedIds, IdSource as _};
use crate::control::service_deployments;
use crate::control::snapshot::{Bindings, Snapshot};
use crate::control::specs::{self, StandaloneRun};
use crate::ecs::apply::Context;
use crate::ecs::metadata::credentials::MadeUp;
use crate::ecs::plan;
use crate::ecs::step::{Change, Step};
use crate::ecs::world::{Deployment, Now, World};
use crate::model::target_health::{ProbeOutcome, Target};
use crate::model::task::StopCode;
use crate::model::{ServiceName, TaskId, Topology};
use crate::protocols::answer::Answer;
use crate::protocols::fault::{Common, Fault};
use crate::protocols::service::{self, Protocol, Service};

/// A stack without an engine.
pub(super) struct Account {
    desired: Desired,
    world: World,
    ids: CountedIds,
    sessions: Arc<Sessions>,
    remembered: Arc<Remembered>,
    output: Arc<Output>,
    registry: Arc<Registry>,
    /// The registry's files.
    _folder: tempfile::TempDir,
    now: Now,
    calls: u64,
    /// Every reply, as it goes over the wire.
    pub(super) answered: Vec<Answered>,
    /// Every error, likewise.
    pub(super) refused: Vec<Refused>,
}

/// An error on the wire, and what clients must read in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refused {
    pub(super) service: &'static str,
    pub(super) action: String,
    pub(super) code: String,
    message: String,
    status: u16,
    content_type: &'static str,
    body: String,
}

/// A reply on the wire.
#[derive(Serialize)]
pub(super) struct Answered {
    service: &'static str,
    action: String,
    body: String,
}

/// What a health check found, so many times in a row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probed {
    target_group: String,
    target: SocketAddr,
    #[serde(default = "once")]
    times: usize,
    outcome: Outcome,
}

fn once() -> usize {
    1
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Passed,
    CodeMismatch(u16),
    TimedOut,
    Failed,
}

impl Account {
    /// The account of a file, or an empty one.
    pub(super) fn new(stack: Option<&str>, files: &BTreeMap<String, Value>) -> Self {
        let topology = stack.map_or_else(|| Topology::new("empty", []), |text| loaded(text, files));
        let timestamp = "2026-11-30T12:00:00Z".parse::<Timestamp>().expect("a time");
        let folder = tempfile::tempdir().expect("a folder");
        let registry = Registry::new(([127, 0, 0, 1], 4566).into(), folder.path().to_owned());
        let mut account = Self {
            desired: Desired::from(Arc::new(topology)),
            world: World::default(),
            ids: CountedIds::default(),
            sessions: Arc::default(),
            remembered: Arc::default(),
            output: Arc::new(Output::new(Arc::new(NoOutput))),
            registry: Arc::new(registry),
            _folder: folder,
            now: Now { instant: Instant::now(), timestamp },
            calls: 0,
            answered: Vec::new(),
            refused: Vec::new(),
        };
        account.take_topology(&BTreeSet::new());
        account
    }

    /// What an action answers to the owner of a key, as JSON.
    pub(super) fn call(
        &mut self,
        key: Option<&str>,
        service: &str,
        action: &str,
        input: &Value,
    ) -> Result<Value, Fault> {
        self.calls += 1;
        let service = service::signed_as(service).unwrap_or_else(|| panic!("no service {service}"));
        let served = services::find(service, action).unwrap_or_else(|| panic!("{action} is not served"));
        let body = body(service, input);
        let state = self.state();
        let key = key.map(|key| self.key(key));
        let known = |key: &String| authentication::of_key(&state, key).unwrap_or_else(|| panic!("no owner of {key}"));
        let caller = key.as_ref().map_or_else(Caller::root, known);
        let input = Input { service, caller: &caller, body: body.as_bytes() };
        let whole = input.whole()?;
        let call = Call { service, action, input: &whole, region: None, user_agent: None };
        access::judge(&state, &caller, &call)
            .map_err(|denial| Fault::common(Common::AccessDenied(denial.sentence), service))?;
        check_dry_run(service, &whole)?;
        let Decision { effect, reply } = (served.decide)(&state, &input)?;
        if let Some(effect) = effect {
            self.carry_out(effect).map_err(|refusal| refused(&refusal, service))?;
        }
        let reply = reply(&self.state())?;
        let answer = Answer::reply(service, action, &reply, "id");
        assert!(answer.status < 300, "{action}: a reply that its protocol cannot write: {}", answer.body);
        self.answered.push(Answered { service: service.signing_name, action: action.to_owned(), body: answer.body });
        Ok(serde_json::to_value(&reply).expect("a reply is a structure"))
    }

    fn key(&self, given: &str) -> String {
        match given.strip_prefix("task ").and_then(|arn| arn.rsplit('/').next()) {
            Some(task) => MadeUp::at(&TaskId::new(task), self.now.timestamp).access_key_id,
            None => given.to_owned(),
        }
    }

    /// Writes an error down as it goes over the wire.
    pub(super) fn refuse(&mut self, service: &str, action: &str, fault: &Fault) {
        let service = service::signed_as(service).unwrap_or_else(|| panic!("no service {service}"));
        let Answer { status, content_type, body, .. } = Answer::fault(service, fault, "id");
        let (service, action) = (service.signing_name, action.to_owned());
        let (code, message) = (fault.code.to_string(), fault.message.clone());
        self.refused.push(Refused { service, action, code, message, status, content_type, body });
    }

    pub(super) fn state(&self) -> State {
        let snapshot = Snapshot {
            generation: self.calls,
            topology: Arc::clone(self.desired.topology()),
            left_alone: self.desired.left_alone().into(),
            world: self.world.clone(),
            bindings: Bindings::new(),
        };
        State {
            snapshot: Arc::new(snapshot),
            desired: Arc::new(self.desired.clone()),
            sessions: Arc::clone(&self.sessions),
            remembered: Arc::clone(&self.remembered),
            output: Arc::clone(&self.output),
            registry: Arc::clone(&self.registry),
            ids: Ids::of_request(self.calls),
            now: self.now.timestamp,
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), Refusal> {
        effect.store(&self.registry.storage).expect("files can be changed");
        match effect {
            Effect::Edit(edit) | Effect::ForgetRepository(_, edit) => self.edit(*edit),
            Effect::RemoveImages(..) | Effect::PutImage { .. } => Ok(()),
            Effect::StopServiceDeployment(service, how) => {
                service_deployments::stop(&mut self.world, self.desired.topology(), &service, how, self.now)
            }
            Effect::ContinueServiceDeployment(service, action) => {
                service_deployments::resume(&mut self.world, self.desired.topology(), &service, action, self.now)
            }
            Effect::UpdateTaskProtection(tasks, change) => tasks.iter().try_for_each(|task| {
                let updated = self.world.update_task_protection(task, change, self.now);
                updated.map_err(Refusal::TaskProtection)
            }),
            Effect::StopTask(task, reason) => {
                self.apply(&Change::StopTask { task, code: StopCode::UserInitiated, reason });
                Ok(())
            }
        }
    }

    fn edit(&mut self, edit: Edit) -> Result<(), Refusal> {
        self.desired.edit(edit.clone()).map_err(Refusal::Violation)?;
        let mut redeployed = BTreeSet::new();
        for part in edit.parts() {
            match part {
                Edit::RunTask { tasks, task_definition, overrides, started_by, images } => {
                    let revision = self.desired.task_definitions().revision(task_definition);
                    let (overrides, images) = (overrides.clone(), images.clone());
                    let run = StandaloneRun { revision, overrides, started_by: started_by.clone(), images };
                    for (spec, verdict) in run.tasks(self.desired.topology(), tasks.clone()) {
                        self.world.add_task(spec, verdict, self.now);
                    }
                    return Ok(());
                }
                Edit::UpdateService { service, force_new_deployment: true, .. } => {
                    redeployed.insert(service.clone());
                }
                _ => {}
            }
        }
        self.take_topology(&redeployed);
        Ok(())
    }

    fn take_topology(&mut self, redeployed: &BTreeSet<ServiceName>) {
        let topology = Arc::clone(self.desired.topology());
        let (now, ids) = (self.now, &mut self.ids);
        self.world.target_groups_wanted(&topology, now);
        self.world.services_wanted(&topology.services, redeployed, || ids.deployment_id(), now);
        self.plan();
    }

    /// Until nothing is left to decide. What is begun never ends.
    fn plan(&mut self) {
        let topology = Arc::clone(self.desired.topology());
        loop {
            let steps = plan::plan(&topology, &self.world, self.now.instant).steps;
            if steps.is_empty() {
                return;
            }
            for step in steps {
                match step {
                    Step::Effect(effect) => self.world.begin(&effect, &topology, self.now),
                    Step::Change(change) => self.apply(&change),
                    Step::Shift(shift) => {
                        self.desired.shift(&shift.rule, &shift.target_groups).expect("a rule of the topology");
                    }
                }
            }
        }
    }

    fn apply(&mut self, change: &Change) {
        let topology = Arc::clone(self.desired.topology());
        let ids = RefCell::new(&mut self.ids);
        let mut new_task = |name: &ServiceName, deployment: &Deployment| {
            specs::of_service(&topology, &mut **ids.borrow_mut(), name, deployment)
        };
        let mut deployment_id = || ids.borrow_mut().deployment_id();
        let context = &mut Context {
            topology: &topology,
            now: self.now,
            new_task: &mut new_task,
            deployment_id: &mut deployment_id,
        };
        self.world.apply(change, context);
    }

    /// The target was checked.
    pub(super) fn probe(&mut self, probed: &Probed) {
        let group = probed.target_group.as_str().into();
        let target = Target { address: probed.target.ip(), port: probed.target.port() };
        let outcome = match probed.outcome {
            Outcome::Passed => ProbeOutcome::Passed { code: 200 },
            Outcome::CodeMismatch(code) => ProbeOutcome::CodeMismatch { code },
            Outcome::TimedOut => ProbeOutcome::TimedOut,
            Outcome::Failed => ProbeOutcome::Failed,
        };
        let settings = self.desired.topology().target_groups[&group].health_check.clone();
        for _ in 0..probed.times {
            let probe = Probe { tick: ProbeTick::Whole, outcome, reachable: true };
            let is_known = self.world.target_probed(&group, &target, &settings, probe, String::new(), self.now);
            assert!(is_known, "{target} is not registered with {group}");
        }
    }
}

fn body(service: &Service, input: &Value) -> String {
    match service.protocol {
        Protocol::Json | Protocol::RestXml => input.to_string(),
        protocol => form::form(input, protocol),
    }
}

fn loaded(text: &str, files: &BTreeMap<String, Value>) -> Topology {
    let read_file = |path: &Path| {
        let file = path.file_name().and_then(|name| files.get(name.to_str()?));
        file.map(Value::to_string).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let source = Source {
        path: Path::new("neargate.yaml"),
        folder: Path::new("/stack"),
        text,
        overrides: &[],
        env_files: None,
        read_file: &read_file,
        unusable_certificate: &|_, _| None,
        env: &|_| None,
        tasks: Tasks::Run,
    };
    let loaded = config::load(source).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(Style::Plain)));
    loaded.topology
}

//! From a request to its answer.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::access::call::Call;
use super::access::denials::{Denial, Denials};
use super::action::{Decision, Effect, Input, State, check_dry_run};
use super::caller::{Caller, Sessions};
use super::ids::Ids;
use super::output::{ContainerOutput, Output};
use super::registry::Registry;
use super::remembered::Remembered;
use super::{access, authentication, services};
use crate::control::ControlHandle;
use crate::control::command::{Refusal, Renew};
use crate::control::desired::state::Desired;
use crate::ecs::service::protection::ProtectionChange;
use crate::model::TaskId;
use crate::protocols::answer::{Answer, Reply};
use crate::protocols::fault::{Common, Fault};
use crate::protocols::request::Request;
use crate::protocols::rest;
use crate::protocols::route::{self, NoRoute, Route};
use crate::protocols::service::{self, Protocol, SERVICES, Service};
use crate::protocols::signature::credential::{Credential, Incomplete};

/// Writes down what is wanted against the file's word.
pub type KeepEdits = Arc<dyn Fn() -> BoxFuture<'static, io::Result<()>> + Send + Sync>;

/// All services, for one stack.
pub struct Endpoint {
    control: ControlHandle,
    sessions: Arc<Sessions>,
    remembered: Arc<Remembered>,
    output: Arc<Output>,
    registry: Arc<Registry>,
    denials: Denials,
    keep_edits: KeepEdits,
    /// Changes are decided and made one after the other, so that each is about the state that it changes.
    turn: Mutex<()>,
}

impl Endpoint {
    /// For this stack.
    pub fn new(
        control: ControlHandle,
        output: Arc<dyn ContainerOutput>,
        registry: Arc<Registry>,
        keep_edits: KeepEdits,
    ) -> Self {
        Self {
            control,
            sessions: Arc::default(),
            remembered: Arc::default(),
            output: Arc::new(Output::new(output)),
            registry,
            denials: Denials::default(),
            keep_edits,
            turn: Mutex::default(),
        }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<'_>, request_id: &str) -> Answer {
        let credential = Credential::of(&request);
        let known = credential.as_ref().ok().and_then(Option::as_ref);
        let Route { service, action } = match route::route(&request, known) {
            Ok(route) => route,
            Err(no_route) => return nowhere(&no_route, request_id),
        };
        match self.outcome(&request, credential, service, &action).await {
            Ok(reply) => Answer::reply(service, &action, &reply, request_id),
            Err(fault) => Answer::fault(service, &fault, request_id),
        }
    }

    async fn outcome(
        &self,
        request: &Request<'_>,
        credential: Result<Option<Credential>, Incomplete>,
        service: &'static Service,
        name: &str,
    ) -> Result<Reply, Fault> {
        let credential =
            credential.map_err(|incomplete| Fault::common(Common::IncompleteSignature(incomplete.0), service))?;
        let action = services::find(service, name).ok_or_else(|| unknown(service, name))?;
        let state = self.state();
        let caller = authentication::caller(&state, request, credential.as_ref(), service, name)?;
        let body = body(request, service)?;
        let input = Input { service, caller: &caller, body: &body };
        let call = Call {
            service,
            action: name,
            input: &input.whole()?,
            region: credential.as_ref().map(|credential| credential.region.as_str()),
            user_agent: request.header("user-agent"),
        };
        access::judge(&state, &caller, &call).map_err(|denial| self.denied(*denial, service))?;
        check_dry_run(service, call.input)?;
        let decision = (action.decide)(&state, &input)?;
        if decision.effect.is_none() {
            return (decision.reply)(&self.state());
        }
        let turn = self.turn.lock().await;
        let Decision { effect, reply } = (action.decide)(&self.state(), &input)?;
        if let Some(effect) = effect {
            self.carry_out(effect, service).await?;
        }
        let state = self.state();
        drop(turn);
        (self.keep_edits)().await.map_err(|error| {
            tracing::warn!(%error, "the journal cannot be written");
            Fault::common(Common::Internal, service)
        })?;
        reply(&state)
    }

    fn state(&self) -> State {
        State {
            snapshot: Arc::clone(&self.control.snapshots().borrow()),
            desired: self.control.desired(),
            sessions: Arc::clone(&self.sessions),
            remembered: Arc::clone(&self.remembered),
            output: Arc::clone(&self.output),
            registry: Arc::clone(&self.registry),
            ids: Ids::random(),
            now: Timestamp::now(),
        }
    }

    /// Kept for `explain`, and in the log.
    fn denied(&self, denial: Denial, service: &'static Service) -> Fault {
        tracing::warn!("{} ({})", denial.sentence, denial.authorization_id);
        let fault = Fault::common(Common::AccessDenied(denial.message()), service);
        self.denials.keep(denial);
        fault
    }

    /// What was denied under that id, as JSON.
    pub(super) fn authorization(&self, id: &str) -> Option<String> {
        serde_json::to_string(&self.denials.find(id)?).ok()
    }

    /// Whether somebody with a token may do this to a repository; why not, else.
    pub(super) fn may(&self, caller: &Caller, action: &str, repository: &str) -> Result<(), String> {
        let Some(service) = service::signed_as("ecr") else { return Ok(()) };
        let input = serde_json::json!({ "repositoryName": repository });
        let call = Call { service, action, input: &input, region: None, user_agent: None };
        access::judge(&self.state(), caller, &call).map_err(|denial| self.denied(*denial, service).message)
    }

    /// What is wanted.
    pub(super) fn desired(&self) -> Arc<Desired> {
        self.control.desired()
    }

    /// The account's images.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    async fn protect(&self, tasks: Vec<TaskId>, change: ProtectionChange) -> Result<(), Refusal> {
        for task in tasks {
            match self.control.update_task_protection(task, change).await {
                // It has stopped meanwhile, as it may at AWS after the answer.
                Err(Refusal::TaskProtection(_)) => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Forgets what clients have made: what is wanted is what the file says, and sessions are over.
    pub(super) async fn reset(&self) -> Result<(), String> {
        let _turn = self.turn.lock().await;
        let declared = Arc::clone(self.control.desired().declared());
        let reset = self.control.apply(declared, Renew { builds: false, pulls: false }, true).await;
        reset.map_err(|refusal| refusal.to_string())?;
        self.sessions.end_all();
        self.remembered.forget();
        (self.keep_edits)().await.map_err(|error| format!("the journal cannot be written: {error}"))
    }

    async fn carry_out(&self, effect: Effect, service: &'static Service) -> Result<(), Fault> {
        let stored = effect.store(&self.registry.storage);
        stored.map_err(|error| {
            tracing::warn!(%error, "the registry's files cannot be changed");
            Fault::common(Common::Internal, service)
        })?;
        let done = match effect {
            Effect::RemoveImages(..) | Effect::PutImage { .. } => Ok(()),
            Effect::ForgetRepository(_, edit) => {
                self.control.edit_and_renew(*edit, Renew { builds: false, pulls: false }).await
            }
            // What is built or pulled already is not asked for again.
            Effect::Edit(edit) => self.control.edit_and_renew(*edit, Renew { builds: false, pulls: false }).await,
            Effect::StopTask(task, reason) => self.control.stop_task_because(task, reason).await,
            Effect::UpdateTaskProtection(tasks, change) => self.protect(tasks, change).await,
            Effect::StopServiceDeployment(service, how) => self.control.stop_service_deployment(service, how).await,
            Effect::ContinueServiceDeployment(service, action) => {
                self.control.continue_service_deployment(service, action).await
            }
        };
        done.map_err(|refusal| refused(&refusal, service))
    }
}

/// What a request says, as its action reads it.
fn body<'r>(request: &Request<'r>, service: &'static Service) -> Result<Cow<'r, [u8]>, Fault> {
    Ok(match service.protocol {
        Protocol::RestXml => {
            let input = rest::input(request);
            let input = input.map_err(|message| Fault::common(Common::Malformed(message), service))?;
            Cow::Owned(input.to_string().into_bytes())
        }
        _ if request.method == "GET" => Cow::Borrowed(request.query.as_bytes()),
        _ => Cow::Borrowed(request.body),
    })
}

/// A change that control refuses, in the service's words.
pub(super) fn refused(refusal: &Refusal, service: &'static Service) -> Fault {
    match refusal {
        Refusal::Violation(violation) => Fault::new(violation.code(), violation.to_string()),
        Refusal::UnknownTask(_) => Fault::new("InvalidParameterException", "The referenced task was not found."),
        Refusal::UnknownService { .. } => Fault::new("ServiceNotFoundException", "Service not found."),
        Refusal::TaskProtection(failure) => Fault::new("InvalidParameterException", failure.to_string()),
        Refusal::ShuttingDown | Refusal::Gone | Refusal::StillNeeded(_) => {
            Fault { message: refusal.to_string(), ..Fault::common(Common::Internal, service) }
        }
    }
}

/// An action that is not served. Never a 5xx: Terraform repeats those for minutes.
fn unknown(service: &'static Service, action: &str) -> Fault {
    let sentence = match service.protocol {
        Protocol::Json => "The requested operation is not recognized by the service.".to_owned(),
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {
            format!("The action {action} is not valid for this web service.")
        }
    };
    let name = service.signing_name;
    tracing::warn!("{name}: {action} was called, which neargate does not serve");
    let served = match action {
        "" => format!("The request names no action of {name}."),
        action => format!("neargate does not serve {name}:{action}."),
    };
    Fault::common(Common::UnknownAction(format!("{sentence} ({served})")), service)
}

/// Nothing says whose API is meant; the answer is in JSON, which the most services speak.
fn nowhere(no_route: &NoRoute, request_id: &str) -> Answer {
    let (service, message) = match no_route {
        NoRoute::Service => {
            let names: Vec<&str> = SERVICES.iter().map(|service| service.signing_name).collect();
            (&SERVICES[0], format!("The request is for no service that neargate knows. It knows {}.", names.join(", ")))
        }
        NoRoute::Cbor(service) => {
            (*service, format!("neargate does not read CBOR. {} also takes JSON.", service.signing_name))
        }
    };
    let fault = Fault::new("UnknownOperationException", message).with_status(404);
    Answer::fault(service, &fault, request_id)
}

//! What someone expects of the rules: where a request goes, and where no request may go.

use std::collections::BTreeMap;

use neargate_alb::routing::{RoutedAction, RoutingTable};
use neargate_model::listener::LoadBalancer;
use neargate_model::rule::{Action, Condition};
use neargate_model::{TargetGroupName, Topology};

use crate::decide::{Decided, Decisions};
use crate::undecided::Undecided;
use crate::visit::Step;
use crate::witness::Witness;

/// What is expected of a request. What is absent may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The rule that decides.
    pub rule: Option<RuleName>,
    /// The only target group.
    pub group: Option<TargetGroupName>,
    /// All target groups, with their weights.
    pub groups: Option<BTreeMap<TargetGroupName, u16>>,
    /// The `Location`, with its port.
    pub redirect: Option<String>,
    /// The status of a redirect or a fixed response.
    pub status: Option<u16>,
    /// The body of a fixed response.
    pub body: Option<String>,
    /// The host that the target sees.
    pub target_host: Option<String>,
    /// The path and query that the target sees.
    pub target_uri: Option<String>,
    /// How many redirects to follow first.
    pub follow: usize,
    /// The path, or the URL, of the last request of these.
    pub at: Option<String>,
}

/// A rule, as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleName {
    /// By its priority.
    Priority(u32),
    /// The default rule.
    Default,
}

impl std::fmt::Display for RuleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Priority(priority) => write!(f, "rule {priority}"),
            Self::Default => f.write_str("the default rule"),
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where the last request of a chain of redirects arrived.
    pub last: Step,
    /// The rule that decided it.
    pub rule: RuleName,
    /// What the rule does.
    pub action: Done,
}

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It goes to one of these groups.
    Forwarded {
        /// With their weights.
        groups: BTreeMap<TargetGroupName, u16>,
        /// The host that the target sees, if it is rewritten.
        host: Option<String>,
        /// The path and query that the target sees.
        uri: String,
    },
    /// It is redirected.
    Redirected {
        /// The status.
        status: u16,
        /// The `Location`; `None` if it would be too long, which is a 507.
        location: Option<String>,
    },
    /// It gets a fixed page.
    Answered {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// Its transform fails.
    Failed,
}

/// What becomes of a request after at most `follow` redirects.
pub fn outcome(load_balancer: &LoadBalancer, table: &RoutingTable, first: &Step, follow: usize) -> Option<Outcome> {
    let mut last = first.clone();
    for _ in 0..follow {
        let Some(location) = last.location(load_balancer, table) else { break };
        let Some(next) = location.visit(load_balancer, &last.request) else { break };
        last = next;
    }
    let index = table.listener_by_port(load_balancer.listeners.get(last.listener)?.port)?;
    let route = last.request.route(table, index);
    let rule = if route.priority == 0 { RuleName::Default } else { RuleName::Priority(route.priority) };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let action = match route.action {
        RoutedAction::Forward(forward) => {
            let name = |group: usize| table.target_groups[group].name.clone();
            let groups = forward.groups.iter().map(|group| (name(group.group), group.weight)).collect();
            let (host, uri) = last.request.with_facts(|facts| {
                let query = facts.query.map(|query| [b"?", query].concat()).unwrap_or_default();
                let own = text([facts.path, &query].concat());
                match route.transforms.map(|transforms| transforms.apply(facts)) {
                    None => Some((None, own)),
                    Some(Ok(rewritten)) => Some((rewritten.host.map(text), rewritten.uri.map_or(own, text))),
                    Some(Err(_)) => None,
                }
            })?;
            Done::Forwarded { groups, host, uri }
        }
        RoutedAction::Redirect(redirect) => Done::Redirected {
            status: redirect.status_code,
            location: last.location(load_balancer, table).map(|location| location.text),
        },
        RoutedAction::FixedResponse(fixed) => {
            Done::Answered { status: fixed.status_code, body: fixed.message_body.clone() }
        }
    };
    Some(Outcome { last, rule, action })
}

impl Expected {
    /// What is not as expected, a line each.
    pub fn differences(&self, outcome: &Outcome) -> Vec<String> {
        let mut all = Vec::new();
        let mut compare = |what: &str, expected: Option<String>, actual: Option<String>| {
            let Some(expected) = expected else { return };
            if actual.as_ref() != Some(&expected) {
                all.push(format!(
                    "{what}: expected {expected}, got {}",
                    actual.unwrap_or_else(|| outcome.action.to_string())
                ));
            }
        };
        let groups = |groups: &BTreeMap<TargetGroupName, u16>| match groups.len() {
            1 => groups.keys().map(ToString::to_string).collect(),
            _ => groups.iter().map(|(name, weight)| format!("{name} (weight {weight})")).collect::<Vec<_>>().join(", "),
        };
        let (mut forwarded, mut location, mut status, mut body, mut host, mut uri) = Default::default();
        match &outcome.action {
            Done::Forwarded { groups: to, host: rewritten, uri: path } => {
                forwarded = Some(groups(to));
                host = rewritten.clone().or(outcome.last.request.host.clone());
                uri = Some(path.clone());
            }
            Done::Redirected { status: code, location: to } => {
                status = Some(to.as_ref().map_or(507, |_| *code).to_string());
                location = to.clone();
            }
            Done::Answered { status: code, body: text } => {
                status = Some(code.to_string());
                body = Some(text.clone());
            }
            Done::Failed => status = Some("500".to_owned()),
        }
        compare("target group", self.group.as_ref().map(ToString::to_string), forwarded.clone());
        compare("target groups", self.groups.as_ref().map(groups), forwarded);
        compare("redirect", self.redirect.clone(), location);
        compare("status", self.status.map(|status| status.to_string()), status);
        compare("body", self.body.clone(), body);
        compare("host at the target", self.target_host.clone(), host);
        compare("uri at the target", self.target_uri.clone(), uri);
        compare("rule", self.rule.map(|rule| rule.to_string()), Some(outcome.rule.to_string()));
        if let Some(at) = &self.at {
            let path = outcome.last.request.path.as_deref().map(|path| String::from_utf8_lossy(path).into_owned());
            compare("after redirects at", Some(at.clone()), path);
        }
        all
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forwarded { groups, .. } => {
                let names: Vec<String> = groups.keys().map(ToString::to_string).collect();
                write!(f, "forward {}", names.join(", "))
            }
            Self::Redirected { status, location: Some(location) } => write!(f, "redirect {status} to {location}"),
            Self::Redirected { location: None, .. } => f.write_str("507, as the Location is too long"),
            Self::Answered { status, .. } => write!(f, "fixed-response {status}"),
            Self::Failed => f.write_str("500, as the transform fails"),
        }
    }
}

/// A request that matches these conditions and is forwarded to the group by a listener, and the rule that does it. `None`
/// if there is none.
pub fn forwarded_to(
    load_balancer: &LoadBalancer,
    listener: usize,
    conditions: &[Condition],
    group: &TargetGroupName,
) -> Result<Option<(RuleName, Witness)>, Undecided> {
    let Some(listener) = load_balancer.listeners.get(listener) else { return Ok(None) };
    let mut decisions = Decisions::new(&listener.rules)?;
    for at in 0..=listener.rules.len() {
        let rule = listener.rules.get(at);
        let action = rule.map_or(&listener.default_actions.routing, |rule| &rule.actions.routing);
        let forwards = |action: &Action| action.forwards_to().any(|name| name == group);
        if !forwards(action) {
            continue;
        }
        let own = rule.map(|rule| rule.conditions.as_slice()).unwrap_or_default();
        let both: Vec<Condition> = own.iter().chain(conditions).cloned().collect();
        if let Decided::Yes(witness) = decisions.of_conditions(at, &both)? {
            return Ok(Some((rule.map_or(RuleName::Default, |rule| RuleName::Priority(rule.priority)), *witness)));
        }
    }
    Ok(None)
}

/// A request for each rule of each listener that decides anything, with what becomes of it: what a first file of tests
/// consists of.
pub fn examples(topology: &Topology) -> Vec<(&LoadBalancer, Step, Outcome)> {
    let mut all = Vec::new();
    for balancer in topology.load_balancers.values() {
        let table = RoutingTable::compile(topology, balancer, &BTreeMap::new(), 0);
        for (at, listener) in balancer.listeners.iter().enumerate() {
            let Ok(decisions) = Decisions::new(&listener.rules) else { continue };
            let Some(index) = table.listener_by_port(listener.port) else { continue };
            for rule in 0..=listener.rules.len() {
                let Ok(Some(request)) = decisions.example(rule) else { continue };
                let step = Step { listener: at, request: request.with_own_host(balancer, &table, index) };
                all.extend(outcome(balancer, &table, &step, 0).map(|outcome| (balancer, step, outcome)));
            }
        }
    }
    all
}

//! Compiles the topology and the state of its targets into a table that routes requests.
//!
//! Every request reads the table: patterns are compiled, references are indices, and the targets that may take new
//! requests (including fail-open) are precomputed. Rules are compiled once per topology; after a change of targets a
//! new table shares them.
//!
//! ```text
//!  Topology + TargetStates ──compile──> RoutingTable ──route(listener, facts)──> Route: rule and its action
//!                                        │   ^       └─explain(listener, facts)─> every rule with its verdicts
//!                changed TargetStates ───renew
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use super::actions::redirect::CompiledRedirect;
use super::actions::transform::CompiledTransforms;
use super::request::facts::RequestFacts;
use super::rules::conditions::{CompiledCondition, NormalizedRequest, Place};
use super::rules::index::Index;
use super::rules::prefilter::{Prefilter, RequestKey};
use super::targets::balancing;
use super::targets::target_tls::TargetPolicy;
use neargate_model::arn::{self, Arn};
use neargate_model::listener::{HeaderModification, Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes};
use neargate_model::rule::{Action, FixedResponse, Forward};
use neargate_model::target_group::TargetGroup;
use neargate_model::target_health::TargetState;
use neargate_model::topology::TimeScale;
use neargate_model::{DomainName, LoadBalancerName, TargetGroupName, Topology};

/// Everything that the data plane, the probes and `explain` need, as one value with a generation number.
#[derive(Clone, Debug)]
pub struct RoutingTable {
    /// Grows with every published table and never decreases.
    pub generation: u64,
    /// The load balancer that the table belongs to.
    pub load_balancer: LoadBalancerName,
    /// `app/<name>/<id>` as in logs and ARNs.
    pub load_balancer_id: String,
    /// The load balancer's own DNS name, used as `Host` for requests that have none.
    pub dns_name: String,
    /// Attributes of the load balancer.
    pub attributes: LoadBalancerAttributes,
    /// By how much health checks are faster than on AWS.
    pub time_scale: TimeScale,
    /// The domain names that resolve to it.
    pub domains: Vec<DomainName>,
    /// In ascending order of port.
    pub listeners: Arc<[RoutedListener]>,
    /// Security policy of TLS connections to targets.
    pub target_policy: TargetPolicy,
    /// In the order of their names; rules refer to them by index.
    pub target_groups: Vec<RoutedTargetGroup>,
}

/// A listener, ready to be bound and to route.
#[derive(Debug)]
pub struct RoutedListener {
    /// The port that clients believe they are talking to.
    pub port: u16,
    /// The port that is actually bound.
    pub bind: SocketAddr,
    /// HTTP, or HTTPS with its certificates.
    pub protocol: ListenerProtocol,
    /// In ascending order of priority, the default rule last.
    pub(super) rules: Vec<RoutedRule>,
    /// The prefilter of each rule.
    pub(super) prefilters: Vec<Prefilter>,
    /// Finds the rules to evaluate for a request.
    pub(super) index: Index<Place>,
    /// `None` if every header stays unchanged, which is the usual case.
    pub headers: Option<Arc<HeaderModification>>,
}

impl RoutedListener {
    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        match self.protocol {
            ListenerProtocol::Http => "http",
            ListenerProtocol::Https(_) => "https",
        }
    }
}

/// A compiled rule. The default rule has no conditions, so it matches every request that reaches it.
#[derive(Debug)]
pub(super) struct RoutedRule {
    /// 0 for the default rule, as in access logs.
    pub(super) priority: u32,
    pub(super) conditions: Vec<CompiledCondition>,
    pub(super) action: RoutedAction,
    pub(super) transforms: Option<CompiledTransforms>,
}

/// The action of a rule, with references resolved.
#[derive(Debug)]
pub enum RoutedAction {
    /// Send to one of these groups, by weight.
    Forward(RoutedForward),
    /// Answer with a `Location`.
    Redirect(CompiledRedirect),
    /// Answer with a fixed page.
    FixedResponse(FixedResponse),
}

/// A forward action.
#[derive(Debug)]
pub struct RoutedForward {
    /// Never empty.
    pub groups: Vec<WeightedGroup>,
    /// Group stickiness, when enabled.
    pub stickiness_seconds: Option<u32>,
}

impl RoutedForward {
    /// The group for a request: the one that the client is bound to, whatever its weight, otherwise one chosen by
    /// weight. The health of targets does not matter: "the load balancer does not automatically fail over to a target
    /// group with healthy targets". `None` if all weights are 0, which has the same effect as having no targets.
    ///
    /// `random` is called only if there is a choice; a single group takes everything.
    pub fn choose(&self, bound: Option<usize>, random: impl FnOnce() -> u64) -> Option<usize> {
        match (bound, self.groups.as_slice()) {
            (Some(group), _) => Some(group),
            (None, [only]) => Some(only.group),
            (None, groups) => {
                let weights = groups.iter().map(|group| group.weight);
                balancing::choose_by_weight(weights, random()).map(|index| groups[index].group)
            }
        }
    }
}

/// One of the groups of a forward action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightedGroup {
    /// Index into the table's `target_groups`.
    pub group: usize,
    /// 0–999.
    pub weight: u16,
}

/// A target group with its targets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RoutedTargetGroup {
    /// Its name.
    pub name: TargetGroupName,
    /// `arn:aws:elasticloadbalancing:…:targetgroup/<name>/<id>`
    pub arn: Arn,
    /// The hexadecimal part of its ARN: what cookies call it.
    pub id: u64,
    /// Its settings.
    pub settings: Arc<TargetGroup>,
    /// Whether any rule forwards to it; if not it is not probed.
    pub in_use: bool,
    /// Every registered target, draining ones included.
    pub targets: Arc<[TargetState]>,
    /// Indices into `targets` of those that may take a new request now; empty means 503.
    pub eligible: Arc<[usize]>,
}

/// The rule that a request matched.
#[derive(Clone, Copy, Debug)]
pub struct Route<'t> {
    /// Its priority; 0 is the default rule.
    pub priority: u32,
    /// How many rules were evaluated, not counting the default rule (CloudWatch metric `RuleEvaluations`).
    pub evaluated: u32,
    /// What to do.
    pub action: &'t RoutedAction,
    /// How the request is rewritten before it is forwarded.
    pub transforms: Option<&'t CompiledTransforms>,
}

impl RoutingTable {
    /// Compiles the table of one load balancer. The topology is valid, so every group that a rule names exists.
    pub fn compile(
        topology: &Topology,
        load_balancer: &LoadBalancer,
        targets: &BTreeMap<TargetGroupName, Vec<TargetState>>,
        generation: u64,
    ) -> Self {
        let in_use = topology.in_use();
        let own: BTreeSet<&TargetGroupName> = load_balancer.forwards_to().collect();
        // A group that nothing forwards to belongs to one table, so that it stays visible.
        let is_main = topology.main_load_balancer().name == load_balancer.name;
        let belongs = |name: &TargetGroupName| own.contains(name) || (is_main && !in_use.contains(name));
        let index_of: BTreeMap<&TargetGroupName, usize> =
            topology.target_groups.keys().filter(|name| belongs(name)).zip(0..).collect();
        let mut listeners: Vec<_> = load_balancer
            .listeners
            .iter()
            .map(|listener| compile_listener(load_balancer, listener, &index_of))
            .collect();
        listeners.sort_by_key(|listener| listener.port);
        let target_groups = topology
            .target_groups
            .iter()
            .filter(|(name, _)| belongs(name))
            .map(|(name, settings)| {
                let targets = targets.get(name).cloned().unwrap_or_default();
                RoutedTargetGroup {
                    name: name.clone(),
                    arn: Arn::target_group(name),
                    id: arn::target_group_id(name),
                    settings: Arc::new(settings.clone()),
                    in_use: in_use.contains(name),
                    eligible: balancing::eligible(&targets, &settings.attributes).into(),
                    targets: targets.into(),
                }
            })
            .collect();
        Self {
            generation,
            load_balancer: load_balancer.name.clone(),
            load_balancer_id: arn::load_balancer_id(&load_balancer.name),
            dns_name: arn::load_balancer_dns_name(&load_balancer.name, load_balancer.internal),
            time_scale: topology.time_scale,
            attributes: load_balancer.attributes.clone(),
            domains: load_balancer.domains.clone(),
            listeners: listeners.into(),
            target_policy: TargetPolicy::from_listener_policies(load_balancer.security_policies()),
            target_groups,
        }
    }

    /// The table after a change of targets: these groups now have these targets. `None` if nothing changed. Its cost
    /// depends on the groups named; rules are not evaluated.
    pub fn renew(
        &self,
        changed: impl IntoIterator<Item = (TargetGroupName, Vec<TargetState>)>,
        generation: u64,
    ) -> Option<Self> {
        let mut renewed = None;
        for (name, targets) in changed {
            let Some(index) = self.index_of(&name) else { continue };
            if *self.target_groups[index].targets != *targets {
                let table = renewed.get_or_insert_with(|| Self { generation, ..self.clone() });
                let group = &mut table.target_groups[index];
                group.eligible = balancing::eligible(&targets, &group.settings.attributes).into();
                group.targets = targets.into();
            }
        }
        renewed
    }

    /// The group with this name.
    pub fn target_group(&self, name: &TargetGroupName) -> Option<&RoutedTargetGroup> {
        self.index_of(name).map(|index| &self.target_groups[index])
    }

    fn index_of(&self, name: &TargetGroupName) -> Option<usize> {
        // The groups come from a map, so they are sorted by name.
        self.target_groups.binary_search_by(|group| group.name.cmp(name)).ok()
    }

    /// A table without listeners, for the time before the first real one.
    pub fn empty() -> Self {
        Self {
            generation: 0,
            load_balancer: LoadBalancerName::new(""),
            load_balancer_id: String::new(),
            dns_name: String::new(),
            time_scale: TimeScale::DEFAULT,
            attributes: LoadBalancerAttributes::default(),
            domains: Vec::new(),
            listeners: Arc::default(),
            target_policy: TargetPolicy::default(),
            target_groups: Vec::new(),
        }
    }

    /// Index of the listener with AWS's port.
    pub fn listener_by_port(&self, port: u16) -> Option<usize> {
        self.listeners.iter().position(|listener| listener.port == port)
    }

    /// The first rule whose conditions all match, in ascending order of priority. The default rule always matches.
    pub fn route(&self, listener: usize, facts: &RequestFacts<'_>) -> Route<'_> {
        let request = NormalizedRequest::new(facts);
        let RoutedListener { rules, prefilters, index, .. } = &self.listeners[listener];
        let shown = RequestKey::by(&request);
        let matching = |rule: &RoutedRule| rule.conditions.iter().all(|condition| condition.matches(&request));
        let index = index.first(request.shown(), |rule| prefilters[rule].admits(shown) && matching(&rules[rule]));
        let index = index.unwrap_or(rules.len() - 1);
        let evaluated = (index + 1).min(rules.len() - 1) as u32;
        let rule = &rules[index];
        Route { priority: rule.priority, evaluated, action: &rule.action, transforms: rule.transforms.as_ref() }
    }

    /// The local port behind a port of this load balancer, if `host` is a name that resolves to it; otherwise the port
    /// itself. With `--listen 443=8443`, a browser can only follow a redirect that names 8443.
    pub fn bound_port(&self, request_host: &[u8], host: &[u8], port: u16) -> u16 {
        let own = host.eq_ignore_ascii_case(request_host) || self.domains.iter().any(|name| covers(name, host));
        let listener = self.listeners.iter().find(|listener| listener.port == port);
        listener.filter(|_| own).map_or(port, |listener| listener.bind.port())
    }
}

/// Whether a name of the certificate, possibly `*.…`, covers the host.
fn covers(name: &DomainName, host: &[u8]) -> bool {
    match name.as_str().strip_prefix("*.") {
        Some(parent) => host
            .iter()
            .position(|&byte| byte == b'.')
            .is_some_and(|dot| dot > 0 && host[dot + 1..].eq_ignore_ascii_case(parent.as_bytes())),
        None => name.as_str().as_bytes().eq_ignore_ascii_case(host),
    }
}

fn compile_listener(
    load_balancer: &LoadBalancer,
    listener: &Listener,
    index_of: &BTreeMap<&TargetGroupName, usize>,
) -> RoutedListener {
    let mut rules: Vec<_> = listener
        .rules
        .iter()
        .map(|rule| RoutedRule {
            priority: rule.priority,
            conditions: rule.conditions.iter().map(CompiledCondition::new).collect(),
            action: compile_action(&rule.actions.routing, index_of),
            transforms: CompiledTransforms::new(&rule.transforms),
        })
        .collect();
    rules.sort_by_key(|rule| rule.priority);
    let action = compile_action(&listener.default_actions.routing, index_of);
    rules.push(RoutedRule { priority: 0, conditions: Vec::new(), action, transforms: None });
    RoutedListener {
        port: listener.port,
        bind: SocketAddr::new(load_balancer.bind_address, listener.bind_port),
        protocol: listener.protocol.clone(),
        prefilters: rules.iter().map(|rule| Prefilter::new(&rule.conditions)).collect(),
        index: Index::new(rules.iter().map(|rule| rule.conditions.iter().map(CompiledCondition::anchors).collect())),
        rules,
        headers: (listener.headers != HeaderModification::default()).then(|| Arc::new(listener.headers.clone())),
    }
}

fn compile_action(action: &Action, index_of: &BTreeMap<&TargetGroupName, usize>) -> RoutedAction {
    match action {
        Action::Forward(Forward { target_groups, stickiness_seconds }) => RoutedAction::Forward(RoutedForward {
            groups: target_groups
                .iter()
                .filter_map(|weighted| {
                    let group = *index_of.get(&weighted.target_group)?;
                    Some(WeightedGroup { group, weight: weighted.weight })
                })
                .collect(),
            stickiness_seconds: *stickiness_seconds,
        }),
        Action::Redirect(redirect) => RoutedAction::Redirect(CompiledRedirect::new(redirect)),
        Action::FixedResponse(fixed) => RoutedAction::FixedResponse(fixed.clone()),
    }
}

#[cfg(test)]
mod tests;

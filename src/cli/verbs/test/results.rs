//! The results of a file of tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::alb::routing::RoutingTable;
use crate::cli::verbs::explain;
use crate::config::Location;
use crate::config::route_tests::{Forbidden, RouteTest, RouteTests};
use crate::lint::expectation::{self, RuleName};
use crate::lint::visit::Step;
use crate::model::listener::{ListenerProtocol, LoadBalancer};
use crate::model::{LoadBalancerName, Topology};

/// What came of a file of tests.
pub(super) struct Results {
    /// The file, as messages show it.
    pub(super) path: PathBuf,
    /// In the order of the file: tests, then what must never happen, then what must be complete.
    pub(super) all: Vec<Result>,
    /// Rules that no test decides, if anyone asked.
    pub(super) not_covered: Vec<String>,
}

/// What came of one test.
pub(super) struct Result {
    /// Which listener it is about.
    pub(super) class: String,
    /// The request, or what is forbidden.
    pub(super) name: String,
    /// Where it is written.
    pub(super) location: Location,
    /// What is not as expected; nothing if it passed.
    pub(super) differences: Vec<String>,
    /// Why it is expected.
    pub(super) why: Option<String>,
    /// What `explain` says of the request, if it failed.
    pub(super) explained: Option<String>,
}

/// A rule of a topology.
type RuleOf = (LoadBalancerName, usize, RuleName);

impl Results {
    pub(super) fn new(
        path: &Path,
        tests: &RouteTests,
        topology: &Topology,
        tables: &BTreeMap<LoadBalancerName, RoutingTable>,
        coverage: bool,
    ) -> Self {
        let mut decided: BTreeSet<RuleOf> = BTreeSet::new();
        let mut all = Vec::new();
        for test in &tests.tests {
            let (balancer, table) = (&topology.load_balancers[&test.load_balancer], &tables[&test.load_balancer]);
            let outcome = expectation::outcome(balancer, table, &test.step, test.expected.follow);
            decided.extend(outcome.iter().map(|it| (balancer.name.clone(), it.last.listener, it.rule)));
            let differences = match &outcome {
                Some(outcome) => test.expected.differences(outcome),
                None => vec!["the transform of its rule fails: 500".to_owned()],
            };
            all.push(Result::of_test(test, tests, topology, balancer, differences));
        }
        all.extend(tests.never.iter().map(|never| Result::of_forbidden(never, tests, topology)));
        for (span, group) in &tests.exhaustive {
            let missing: Vec<String> = rules(topology)
                .into_iter()
                .filter(|(rule, forwards_to)| forwards_to.contains(group.as_str()) && !decided.contains(rule))
                .map(|(rule, _)| shown(topology, &rule))
                .collect();
            let differences = missing.iter().map(|rule| format!("no test is decided by {rule}")).collect();
            all.push(Result {
                class: "routes.exhaustive".to_owned(),
                name: format!("every rule for {group} is tested"),
                location: tests.sources.location(*span),
                differences,
                why: None,
                explained: None,
            });
        }
        let not_covered = rules(topology).into_iter().filter(|(rule, _)| coverage && !decided.contains(rule));
        let not_covered = not_covered.map(|(rule, _)| shown(topology, &rule)).collect();
        Self { path: path.to_owned(), all, not_covered }
    }

    /// How many tests failed.
    pub(super) fn failures(&self) -> usize {
        self.all.iter().filter(|result| !result.differences.is_empty()).count()
    }
}

impl Result {
    fn of_test(
        test: &RouteTest,
        tests: &RouteTests,
        topology: &Topology,
        balancer: &LoadBalancer,
        differences: Vec<String>,
    ) -> Self {
        let listener = &balancer.listeners[test.step.listener];
        let explained = (!differences.is_empty()).then(|| explain(topology, balancer, &test.step));
        Self {
            class: format!("routes.{}.{}", balancer.name, listener.port),
            name: test.name.clone(),
            location: tests.sources.location(test.span),
            differences,
            why: test.why.clone(),
            explained,
        }
    }

    fn of_forbidden(never: &Forbidden, tests: &RouteTests, topology: &Topology) -> Self {
        let mut result = Self {
            class: "routes.never".to_owned(),
            name: format!("{} never reaches {}", conditions(never), never.group),
            location: tests.sources.location(never.span),
            differences: Vec::new(),
            why: None,
            explained: None,
        };
        for (name, at) in &never.listeners {
            let balancer = &topology.load_balancers[name];
            match expectation::forwarded_to(balancer, *at, &never.conditions, &never.group) {
                Ok(None) => {}
                Ok(Some((rule, request))) => {
                    let port = balancer.listeners[*at].port;
                    result.differences.push(format!("{rule} of port {port} of {name} forwards a request there"));
                    let step = Step { listener: *at, request };
                    result.explained.get_or_insert_with(|| explain(topology, balancer, &step));
                }
                Err(undecided) => result.differences.push(format!("not decided: {undecided}")),
            }
        }
        result
    }
}

fn conditions(never: &Forbidden) -> String {
    let texts =
        |condition: &crate::model::rule::Condition| format!("{} {}", condition.field(), condition.texts().join(" or "));
    never.conditions.iter().map(texts).collect::<Vec<_>>().join(", ")
}

/// Every rule, with the groups that it forwards to.
fn rules(topology: &Topology) -> Vec<(RuleOf, BTreeSet<&str>)> {
    let mut all = Vec::new();
    for balancer in topology.load_balancers.values() {
        for (at, listener) in balancer.listeners.iter().enumerate() {
            let named = listener.rules.iter().map(|rule| (RuleName::Priority(rule.priority), &rule.actions.routing));
            for (name, action) in named.chain([(RuleName::Default, &listener.default_actions.routing)]) {
                let groups = action.forwards_to().map(|group| group.as_str()).collect();
                all.push(((balancer.name.clone(), at, name), groups));
            }
        }
    }
    all
}

fn shown(topology: &Topology, (balancer, listener, rule): &RuleOf) -> String {
    let port = topology.load_balancers[balancer].listeners[*listener].port;
    if topology.has_several_load_balancers() {
        format!("{rule} of port {port} of {balancer}")
    } else {
        format!("{rule} of port {port}")
    }
}

/// What `explain` prints about a request.
fn explain(topology: &Topology, balancer: &LoadBalancer, step: &Step) -> String {
    let listener = &balancer.listeners[step.listener];
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let scheme = if matches!(listener.protocol, ListenerProtocol::Https(_)) { "https" } else { "http" };
    let request = &step.request;
    let own = || balancer.domains.first().map(|name| name.as_str().replacen("*.", "www.", 1));
    let host = request.host.clone().or_else(own).unwrap_or_else(|| "localhost".to_owned());
    let query = text(&request.parameters.join(&b"&"[..]));
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let path = request.path.as_deref().map_or("/".to_owned(), text);
    let question = explain::Question {
        url: format!("{scheme}://{host}:{}{path}{query}", listener.port),
        method: request.method.clone().unwrap_or_else(|| "GET".to_owned()),
        headers: request.headers.iter().map(|(name, value)| format!("{name}: {}", text(value))).collect(),
        source_ip: request.source.unwrap_or_else(|| [198, 51, 100, 1].into()),
    };
    explain::answer(topology, balancer, &question).unwrap_or_else(|failure| format!("{}\n", failure.message))
}

//! Which rules may have decided a request of which not everything is known: logs hold no header fields but `User-Agent`.

use crate::request::facts::RequestFacts;
use crate::routing::{RoutedAction, RoutedRule, RoutingTable};
use crate::rules::conditions::NormalizedRequest;
use crate::rules::prefilter::RequestKey;

/// The rules of a listener, for requests without most of their header fields.
#[derive(Debug)]
pub struct Candidates<'t> {
    table: &'t RoutingTable,
    listener: usize,
    /// Rules with a condition on a header that logs do not hold.
    unknown: Vec<usize>,
    /// Rules with a condition on `User-Agent`.
    agent: Vec<usize>,
}

/// A rule that may have decided.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'t> {
    /// 0 for the default rule.
    pub priority: u32,
    /// What it does.
    pub action: &'t RoutedAction,
}

impl<'t> Candidates<'t> {
    /// Prepares the rules of a listener.
    pub fn new(table: &'t RoutingTable, listener: usize) -> Self {
        let rules = table.listeners[listener].rules.iter().enumerate();
        let looking_at = |wanted: fn(&str) -> bool| {
            let looks = move |name: Option<&str>| name.is_some_and(wanted);
            let matching = rules
                .clone()
                .filter(move |(_, rule)| rule.conditions.iter().any(|condition| looks(condition.header())));
            matching.map(|(at, _)| at).collect()
        };
        Self {
            table,
            listener,
            unknown: looking_at(|name| !name.eq_ignore_ascii_case("user-agent")),
            agent: looking_at(|name| name.eq_ignore_ascii_case("user-agent")),
        }
    }

    /// Appends the rules that may have decided, in their order: those that match if their unknown headers do, up to the
    /// first one that matches in any case. `User-Agent` is among the fields unless it is unknown as well.
    pub fn of(&self, facts: &RequestFacts<'_>, agent_is_known: bool, out: &mut Vec<Candidate<'t>>) {
        let request = NormalizedRequest::new(facts);
        let listener = &self.table.listeners[self.listener];
        let shown = RequestKey::by(&request);
        let is_unknown = |header: &str| !agent_is_known || !header.eq_ignore_ascii_case("user-agent");
        let depends = |rule: usize| self.unknown.contains(&rule) || (!agent_is_known && self.agent.contains(&rule));
        let matches = |rule: usize| listener.rules[rule].conditions.iter().all(|condition| condition.matches(&request));
        let certain = listener
            .index
            .first(request.shown(), |rule| listener.prefilters[rule].admits(shown) && !depends(rule) && matches(rule));
        let certain = certain.unwrap_or(listener.rules.len() - 1);
        let agent = if agent_is_known { &[][..] } else { &self.agent };
        let mut possible: Vec<usize> = self.unknown.iter().chain(agent).copied().filter(|at| *at < certain).collect();
        possible.sort_unstable();
        possible.dedup();
        possible.retain(|rule| {
            let known = listener.rules[*rule].conditions.iter();
            let mut known = known.filter(|condition| !condition.header().is_some_and(is_unknown));
            known.all(|condition| condition.matches(&request))
        });
        out.extend(possible.into_iter().chain([certain]).map(|rule| {
            let rule = &listener.rules[rule];
            Candidate { priority: rule.priority, action: &rule.action }
        }));
    }

    /// Priorities of the rules that look at headers that logs do not hold, with the names of these headers.
    pub fn undecidable(&self) -> Vec<(u32, Vec<&'t str>)> {
        let rules = self.unknown.iter().map(|at| &self.table.listeners[self.listener].rules[*at]);
        let names = |rule: &'t RoutedRule| rule.conditions.iter().filter_map(|condition| condition.header()).collect();
        rules.map(|rule| (rule.priority, names(rule))).collect()
    }
}

//! Judges lines: what the rules would have decided, beside what was decided.

use std::net::SocketAddr;

use neargate_alb::actions::redirect::RedirectFacts;
use neargate_alb::candidates::{Candidate, Candidates};
use neargate_alb::request::facts::RequestFacts;
use neargate_alb::routing::{RoutedAction, RoutingTable};
use neargate_http1::fields::FieldList;

use crate::line::{Line, unescaped};

/// "If the string is longer than 8 KB, it is truncated" (ALB user guide, "Access log entries", `user_agent`).
const LONGEST_USER_AGENT: usize = 8 * 1024;

/// Rules, ready to be asked about lines. One for each thread.
#[derive(Debug)]
pub struct Replay<'t> {
    table: &'t RoutingTable,
    /// By listener.
    candidates: Vec<Candidates<'t>>,
    fields: FieldList,
    found: Vec<Candidate<'t>>,
}

/// What comes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The rules would have decided the same.
    Agrees,
    /// They may have: it depends on a header that logs do not hold. The priorities of the rules in question.
    Possible(Vec<u32>),
    /// They would have decided otherwise.
    Contradicts(Contradiction),
    /// No rule decided it: it was malformed, refused, or answered before the rules.
    NotRouted,
    /// No listener of the file is on its port.
    NoListener,
}

/// A decision that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contradiction {
    /// Index of the listener.
    pub listener: usize,
    /// The rule that decided, 0 for the default rule.
    pub recorded: u32,
    /// The rule that would decide.
    pub own: u32,
    /// What differs.
    pub what: Difference,
}

/// What differs between a line and the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// Another rule decides.
    Rule,
    /// The same rule forwards to other target groups.
    TargetGroup,
    /// The same rule redirects elsewhere.
    Location,
    /// The same rule does something else.
    Action,
}

impl<'t> Replay<'t> {
    /// Prepares the rules of a load balancer.
    pub fn new(table: &'t RoutingTable) -> Self {
        let candidates = (0..table.listeners.len()).map(|at| Candidates::new(table, at)).collect();
        Self { table, candidates, fields: FieldList::default(), found: Vec::new() }
    }

    /// The listener that a line was received by: by its port, else by its protocol.
    pub fn listener(&self, line: &Line<'_>) -> Option<usize> {
        let scheme = if matches!(line.kind, "http" | "ws") { "http" } else { "https" };
        let by_port = line.request.port.and_then(|port| self.table.listener_by_port(port));
        let by_scheme = || self.table.listeners.iter().position(|listener| listener.scheme() == scheme);
        by_port.or_else(|| if line.request.port.is_none() { by_scheme() } else { None })
    }

    /// The rules.
    pub fn table(&self) -> &'t RoutingTable {
        self.table
    }

    /// Judges a line.
    pub fn judge(&mut self, line: &Line<'_>) -> Verdict {
        // In AWS's examples a request that was not understood has the default rule's priority, and no action.
        let was_understood = line.request.method != b"-";
        let Some(recorded) = line.priority.filter(|_| was_understood) else { return Verdict::NotRouted };
        let Some(listener) = self.listener(line) else { return Verdict::NoListener };
        self.decide(line, listener);
        let contradiction = |own: u32, what| Verdict::Contradicts(Contradiction { listener, recorded, own, what });
        let Some(own) = self.found.iter().find(|candidate| candidate.priority == recorded).copied() else {
            let own = self.found.first().map_or(0, |candidate| candidate.priority);
            return contradiction(own, Difference::Rule);
        };
        if let Some(what) = self.difference(line, listener, own) {
            return contradiction(own.priority, what);
        }
        match self.found.as_slice() {
            [_] => Verdict::Agrees,
            several => Verdict::Possible(several.iter().map(|candidate| candidate.priority).collect()),
        }
    }

    /// Which rules may decide the request of a line: the first that certainly does is the last of them.
    pub fn decide(&mut self, line: &Line<'_>, listener: usize) -> &[Candidate<'t>] {
        self.found.clear();
        let Self { candidates, fields, found, .. } = self;
        let agent_is_known = line.user_agent != b"-" && line.user_agent.len() < LONGEST_USER_AGENT;
        with_facts(line, agent_is_known, fields, |facts| candidates[listener].of(facts, agent_is_known, found));
        &self.found
    }

    /// Whether the rule that was recorded does what was done.
    fn difference(&self, line: &Line<'_>, listener: usize, own: Candidate<'_>) -> Option<Difference> {
        // The last action routes; others come before it, and what failed before it says nothing.
        let action = line.actions.rsplit(',').next().unwrap_or_default();
        match (own.action, action) {
            (RoutedAction::Forward(forward), "forward") => {
                let recorded = group_of(line.target_group_arn)?;
                let is_own = |group: usize| self.table.target_groups[group].name.as_str() == recorded;
                (!forward.groups.iter().any(|group| is_own(group.group))).then_some(Difference::TargetGroup)
            }
            (RoutedAction::Redirect(redirect), "redirect") => {
                if line.redirect_url == b"-" {
                    return None;
                }
                let mut fields = FieldList::default();
                let location = with_facts(line, false, &mut fields, |facts| {
                    let parts = RedirectFacts {
                        protocol: self.table.listeners[listener].scheme(),
                        host: facts.host(),
                        port: self.table.listeners[listener].port,
                        path: facts.path,
                        query: facts.query.unwrap_or_default(),
                    };
                    redirect.location(&parts, |_, port| port)
                });
                let same = location.is_ok_and(|location| location == *unescaped(line.redirect_url));
                (!same).then_some(Difference::Location)
            }
            (RoutedAction::FixedResponse(fixed), "fixed-response") => {
                (fixed.status_code != line.status).then_some(Difference::Action)
            }
            (_, "forward" | "redirect" | "fixed-response") => Some(Difference::Action),
            // A firewall, sign-in, or nothing.
            _ => None,
        }
    }

    /// The rules that depend on headers that logs do not hold: listener, priority, and these headers.
    pub fn undecidable(&self) -> Vec<(usize, u32, Vec<&'t str>)> {
        let each = self.candidates.iter().enumerate();
        each.flat_map(|(at, candidates)| {
            candidates.undecidable().into_iter().map(move |(priority, headers)| (at, priority, headers))
        })
        .collect()
    }
}

fn with_facts<T>(
    line: &Line<'_>,
    agent_is_known: bool,
    fields: &mut FieldList,
    look: impl FnOnce(&RequestFacts<'_>) -> T,
) -> T {
    let request = &line.request;
    fields.clear();
    if agent_is_known {
        fields.push(b"User-Agent", &unescaped(line.user_agent));
    }
    let (host, path) = (unescaped(request.host), unescaped(request.path));
    let query = request.query.map(unescaped);
    look(&RequestFacts {
        method: request.method,
        authority: Some(&host),
        path: if path.is_empty() { b"/" } else { &path },
        query: query.as_deref(),
        fields: fields.fields(),
        client: SocketAddr::new(line.client.ip(), line.client.port()),
    })
}

/// `arn:aws:elasticloadbalancing:region:account:targetgroup/NAME/id`
pub fn group_of(arn: &str) -> Option<&str> {
    arn.split_once(":targetgroup/")?.1.split('/').next()
}

#[cfg(test)]
mod tests;

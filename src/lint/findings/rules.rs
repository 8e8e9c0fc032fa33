//! Findings about rules: those that decide nothing, and those that decide something unexpected.

use neargate_alb::routing::RoutingTable;
use neargate_model::listener::Listener;
use neargate_model::rule::{Condition, Patterns, Rule};

use super::balancer::action;
use super::finding::Kind;
use crate::decide::{Decided, Decisions};
use crate::dimension::{self, Dimension};
use crate::texts::{self, TextSet};
use crate::undecided::Undecided;
use crate::witness::Witness;

/// Tells the findings about the rules of one listener.
pub(super) fn findings(
    listener: &Listener,
    decisions: &mut Decisions,
    table: &RoutingTable,
    tell: &mut dyn FnMut(Option<usize>, Kind),
) {
    for (at, rule) in listener.rules.iter().enumerate() {
        match of_rule(listener, at, rule, decisions, table) {
            Ok(kinds) => kinds.into_iter().for_each(|kind| tell(Some(at), kind)),
            Err(undecided) => tell(Some(at), Kind::Undecided(undecided)),
        }
    }
}

fn of_rule(
    listener: &Listener,
    at: usize,
    rule: &Rule,
    decisions: &mut Decisions,
    table: &RoutingTable,
) -> Result<Vec<Kind>, Undecided> {
    let mut found: Vec<Kind> = rule.conditions.iter().flat_map(unanchored).collect();
    match decisions.of_rule(at)? {
        Decided::Never => return Ok(vec![Kind::NeverMatches]),
        Decided::Covered(by) => return Ok(vec![Kind::Shadowed { by }]),
        Decided::Yes(_) => {}
    }
    if !has_effect(listener, at, decisions)? {
        return Ok(vec![Kind::WithoutEffect]);
    }
    for (place, condition) in rule.conditions.iter().enumerate() {
        for (value, alone) in values(condition).into_iter().enumerate() {
            let mut conditions = rule.conditions.clone();
            conditions[place] = alone;
            let by = match decisions.of_conditions(at, &conditions)? {
                Decided::Yes(witness) => {
                    found.extend(prefix_without_root(listener, at, &conditions[place], *witness, table));
                    continue;
                }
                Decided::Never => Vec::new(),
                Decided::Covered(by) => by,
            };
            if condition.values() > 1 {
                found.push(Kind::ValueWithoutEffect { field: condition.field(), value, by });
            }
        }
    }
    for later in at + 1..listener.rules.len() {
        let looks_at_less = rule
            .conditions
            .iter()
            .all(|condition| listener.rules[later].conditions.iter().any(|other| other.field() == condition.field()));
        if looks_at_less
            && action(listener, at) != action(listener, later)
            && !matches!(decisions.of_rule(later)?, Decided::Covered(_) | Decided::Never)
            && let Some(witness) = decisions.taken_from(at, later)?
        {
            found.push(Kind::TakesFrom { later, witness: Box::new(witness) });
        }
    }
    Ok(found)
}

/// Whether some request would find another action if the rule were not there.
fn has_effect(listener: &Listener, at: usize, decisions: &Decisions) -> Result<bool, Undecided> {
    let rule = &listener.rules[at];
    for next in (at + 1..=listener.rules.len()).rev() {
        let same = match listener.rules.get(next) {
            Some(next) => next.actions == rule.actions && next.transforms == rule.transforms,
            None => listener.default_actions == rule.actions && rule.transforms == Default::default(),
        };
        if !same && decisions.would_fall_to(at, next)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Conditions with one value each.
fn values(condition: &Condition) -> Vec<Condition> {
    let each = |patterns: &Patterns| -> Vec<Patterns> {
        match patterns {
            Patterns::Wildcards(values) => {
                values.iter().map(|value| Patterns::Wildcards(vec![value.clone()])).collect()
            }
            Patterns::Regexes(values) => values.iter().map(|value| Patterns::Regexes(vec![value.clone()])).collect(),
        }
    };
    match condition {
        Condition::HostHeader(patterns) => each(patterns).into_iter().map(Condition::HostHeader).collect(),
        Condition::PathPattern(patterns) => each(patterns).into_iter().map(Condition::PathPattern).collect(),
        Condition::HttpHeader { name, values } => {
            each(values).into_iter().map(|values| Condition::HttpHeader { name: name.clone(), values }).collect()
        }
        Condition::HttpRequestMethod(methods) => {
            methods.iter().map(|method| Condition::HttpRequestMethod(vec![method.clone()])).collect()
        }
        Condition::QueryString(pairs) => pairs.iter().map(|pair| Condition::QueryString(vec![pair.clone()])).collect(),
        Condition::SourceIp(networks) => networks.iter().map(|network| Condition::SourceIp(vec![*network])).collect(),
    }
}

/// `/api` next to `/api/*`, if it goes elsewhere.
fn prefix_without_root(
    listener: &Listener,
    at: usize,
    alone: &Condition,
    witness: Witness,
    table: &RoutingTable,
) -> Option<Kind> {
    let Condition::PathPattern(Patterns::Wildcards(values)) = alone else { return None };
    let root = values.first()?.strip_suffix("/*").filter(|root| !root.is_empty() && !root.contains(['*', '?']))?;
    let witness = Witness { path: Some(root.as_bytes().to_vec()), ..witness };
    let index = table.listener_by_port(listener.port)?;
    let priority = witness.route(table, index).priority;
    let goes_to = listener.rules.iter().position(|rule| rule.priority == priority).unwrap_or(listener.rules.len());
    (action(listener, goes_to) != action(listener, at))
        .then(|| Kind::PrefixWithoutRoot { witness: Box::new(witness), goes_to })
}

/// Regular expressions that are found not only at the beginning.
fn unanchored(condition: &Condition) -> Vec<Kind> {
    let (patterns, ignores_case) = match condition {
        Condition::HostHeader(patterns) => (patterns, true),
        Condition::PathPattern(patterns) => (patterns, false),
        _ => return Vec::new(),
    };
    let Patterns::Regexes(expressions) = patterns else { return Vec::new() };
    let found_late = |expression: &String| {
        let anywhere = TextSet::new(vec![texts::found_by(expression, ignores_case)?]).ok()?;
        let beginning = TextSet::new(vec![texts::begun_by(expression, ignores_case)?]).ok()?;
        let text = dimension::outside(&Dimension::from_condition(condition), &anywhere, &beginning)?;
        Some(Kind::Unanchored { field: condition.field(), expression: expression.clone(), text })
    };
    expressions.iter().filter_map(found_late).collect()
}

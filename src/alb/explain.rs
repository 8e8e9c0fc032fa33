//! Explains why a request goes where it goes: every rule in order, every condition with the values that were compared.
//!
//! It evaluates the same conditions as the request path, and also records the values.

use super::request::facts::RequestFacts;
use super::routing::{RoutedAction, RoutingTable};
use super::rules::conditions::NormalizedRequest;

/// A rule and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTrace {
    /// `None` for the default rule.
    pub priority: Option<u32>,
    /// In the order of the rule.
    pub conditions: Vec<ConditionTrace>,
    /// Its effect on the request.
    pub verdict: RuleVerdict,
    /// The rule's action, in one line.
    pub action: String,
}

/// The effect of a rule on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleVerdict {
    /// It is the first rule whose conditions all match.
    Chosen,
    /// At least one condition does not match.
    NoMatch,
    /// All its conditions match, but a rule with a lower priority number came first.
    Shadowed,
}

/// A condition and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionTrace {
    /// `path-pattern`, …
    pub field: &'static str,
    /// The values of the condition.
    pub expected: Vec<String>,
    /// The value of the request; `None` if it has none.
    pub actual: Option<String>,
    /// Whether they match.
    pub matched: bool,
}

impl RoutingTable {
    /// Every rule of the listener with its verdict. Exactly one is [`RuleVerdict::Chosen`].
    pub fn explain(&self, listener: usize, facts: &RequestFacts<'_>) -> Vec<RuleTrace> {
        let request = NormalizedRequest::new(facts);
        let mut chosen = false;
        let mut trace = Vec::new();
        for rule in &self.listeners[listener].rules {
            let conditions: Vec<_> = rule
                .conditions
                .iter()
                .map(|condition| ConditionTrace {
                    field: condition.field(),
                    expected: condition.expected(),
                    actual: condition.actual(&request),
                    matched: condition.matches(&request),
                })
                .collect();
            let matched = conditions.iter().all(|condition| condition.matched);
            let verdict = match (matched, chosen) {
                (false, _) => RuleVerdict::NoMatch,
                (true, false) => RuleVerdict::Chosen,
                (true, true) => RuleVerdict::Shadowed,
            };
            chosen |= matched;
            trace.push(RuleTrace {
                priority: (rule.priority != 0).then_some(rule.priority),
                conditions,
                verdict,
                action: self.describe(&rule.action),
            });
        }
        trace
    }

    /// An action in one line: `forward tg-backend`, `redirect 301`, `fixed-response 404`.
    pub fn describe(&self, action: &RoutedAction) -> String {
        match action {
            RoutedAction::Forward(forward) => {
                let name = |group: usize| self.target_groups[group].name.as_str();
                match forward.groups.as_slice() {
                    [only] => format!("forward {}", name(only.group)),
                    groups => {
                        let parts: Vec<_> = groups
                            .iter()
                            .map(|group| format!("{} (weight {})", name(group.group), group.weight))
                            .collect();
                        format!("forward {}", parts.join(", "))
                    }
                }
            }
            RoutedAction::Redirect(redirect) => format!("redirect {}", redirect.status_code),
            RoutedAction::FixedResponse(fixed) => format!("fixed-response {}", fixed.status_code),
        }
    }
}

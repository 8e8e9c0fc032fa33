//! Warnings about rules that get in each other's way. Every rule is compared with every other one, through an index
//! that skips pairs that cannot overlap.

use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;

use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_alb::rules::beginnings::Text;
use neargate_alb::rules::index::{Anchor, Anchors, Index};
use neargate_model::listener::Listener;
use neargate_model::rule::{Condition, Patterns, Rule};

/// Rules that never match, because an earlier rule matches all of their requests.
pub(super) fn shadowed(listener: &Listener, spans: &[Span], out: &mut Vec<Diagnostic>) {
    let covering = Covering::new(&listener.rules);
    for (later, rule) in listener.rules.iter().enumerate() {
        let Some(earlier) = covering.first_before(later) else { continue };
        let (Some(span), Some(by)) = (spans.get(later), spans.get(earlier)) else { continue };
        out.push(
            Diagnostic::warning(format!("the rule with priority {} is never reached", rule.priority), *span, "")
                .also(*by, format!("priority {} matches everything it would match", listener.rules[earlier].priority))
                .note("rules are tried by priority, not by how specific they are (ALB user guide, Listener rules)")
                .help("give it a lower number than the other"),
        );
    }
}

/// Finds the rules that may cover a rule.
struct Covering<'r> {
    rules: &'r [Rule],
    /// Rules by text that a rule must contain for them to cover it.
    index: Index<Place>,
}

/// A key of the index: the kind of condition, and the position in the text.
type Place = (Rc<str>, End);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Beginning,
    Ending,
    /// Anywhere.
    Inside,
}

impl<'r> Covering<'r> {
    fn new(rules: &'r [Rule]) -> Self {
        let anchors = |rule: &Rule| {
            let selective = rule.conditions.iter().filter(|condition| !matches_every_path(condition));
            selective.map(|condition| Compared::from_condition(condition).anchors()).collect()
        };
        Self { rules, index: Index::new(rules.iter().map(anchors)) }
    }

    /// The first rule before this one that covers it.
    fn first_before(&self, later: usize) -> Option<usize> {
        let rule = &self.rules[later];
        let compared: Vec<Compared> = rule.conditions.iter().map(Compared::from_condition).collect();
        let covers = |earlier: usize| earlier < later && covers(&self.rules[earlier], rule);
        // A condition without values is covered by any of its kind.
        if compared.iter().any(|compared| compared.values.is_empty()) {
            return (0..later).find(|earlier| covers(*earlier));
        }
        // Whatever covers a condition covers its first value.
        self.index.first(compared.iter().flat_map(|compared| shown(&compared.kind, &compared.values[0])), covers)
    }
}

/// A condition as texts. One condition covers another only if each value of the other begins or ends with one of its
/// own values.
struct Compared {
    kind: Rc<str>,
    values: Vec<String>,
    /// Whether the values are patterns; otherwise a value covers every text that begins with it.
    are_patterns: bool,
}

impl Compared {
    fn from_condition(condition: &Condition) -> Self {
        let texts = |kind: &str, values: Vec<String>| Self { kind: kind.into(), values, are_patterns: false };
        let patterns = |kind: String, patterns: &Patterns, any_case: bool| match patterns {
            Patterns::Wildcards(values) => {
                let values = values.iter().map(|value| if any_case { value.to_lowercase() } else { value.clone() });
                Self { kind: kind.into(), values: values.collect(), are_patterns: true }
            }
            Patterns::Regexes(values) => texts(&format!("{kind} regex"), values.clone()),
        };
        let kind = condition.field().to_owned();
        match condition {
            Condition::HostHeader(values) => patterns(kind, values, true),
            Condition::PathPattern(values) => patterns(kind, values, false),
            Condition::HttpHeader { name, values } => {
                patterns(format!("{kind} {}", name.to_ascii_lowercase()), values, true)
            }
            Condition::HttpRequestMethod(methods) => texts(&kind, methods.clone()),
            Condition::QueryString(pairs) => {
                let text = |key: &Option<String>, value: &str| format!("{key:?} {value}");
                texts(&kind, pairs.iter().map(|pair| text(&pair.key, &pair.value)).collect())
            }
            Condition::SourceIp(networks) => texts(&kind, networks.iter().map(bits).collect()),
        }
    }

    fn anchors(&self) -> Anchors<Place> {
        let anchors = |value: &String| match self.are_patterns {
            true => glob_anchors(&self.kind, value),
            false => vec![((Rc::clone(&self.kind), End::Beginning), value.clone().into_bytes())],
        };
        self.values.iter().map(anchors).collect()
    }
}

/// The leading bits that the addresses of a network share, and therefore those of any network within it.
fn bits(network: &IpNet) -> String {
    let (family, address) = match network.network() {
        IpAddr::V4(address) => ("4", u128::from(u32::from(address)) << 96),
        IpAddr::V6(address) => ("6", u128::from(address)),
    };
    let bits = format!("{address:0128b}");
    format!("{family}{}", &bits[..usize::from(network.prefix_len())])
}

/// The beginning, the end and a part of every text that the pattern covers.
fn glob_anchors(kind: &Rc<str>, pattern: &str) -> Vec<Anchor<Place>> {
    let parts = || pattern.split(['*', '?']);
    let beginning: Vec<u8> = parts().next().unwrap_or_default().bytes().collect();
    let ending: Vec<u8> = parts().next_back().unwrap_or_default().bytes().rev().collect();
    let inside: Vec<u8> = parts().max_by_key(|part| part.len()).unwrap_or_default().into();
    let anchors = [(End::Beginning, beginning), (End::Ending, ending), (End::Inside, inside)];
    anchors.into_iter().map(|(end, text)| ((Rc::clone(kind), end), text)).collect()
}

/// Its beginning, its end, and everything inside.
fn shown<'t>(kind: &Rc<str>, text: &'t str) -> impl Iterator<Item = (Place, Text<'t>)> {
    let whole = Text::forwards(text.as_bytes());
    let ends = [(End::Beginning, whole), (End::Ending, whole.backwards())];
    // From every place to the end, and from the end: nothing stands there, too.
    let inside = (0..=text.len()).map(move |at| (End::Inside, Text::forwards(&text.as_bytes()[at..])));
    let kind = Rc::clone(kind);
    ends.into_iter().chain(inside).map(move |(end, text)| ((Rc::clone(&kind), end), text))
}

/// Whether `wide` matches every request that `narrow` matches. When in doubt, the answer is no.
fn covers(wide: &Rule, narrow: &Rule) -> bool {
    wide.conditions.iter().all(|wide| narrow.conditions.iter().any(|narrow| condition_covers(wide, narrow)))
}

fn condition_covers(wide: &Condition, narrow: &Condition) -> bool {
    match (wide, narrow) {
        // Any condition at all is narrower.
        (wide, _) if matches_every_path(wide) => true,
        (Condition::PathPattern(wide), Condition::PathPattern(narrow)) => patterns_cover(wide, narrow, false),
        (Condition::HostHeader(wide), Condition::HostHeader(narrow)) => patterns_cover(wide, narrow, true),
        (Condition::HttpHeader { name: a, values: wide }, Condition::HttpHeader { name: b, values: narrow }) => {
            a.eq_ignore_ascii_case(b) && patterns_cover(wide, narrow, true)
        }
        (Condition::HttpRequestMethod(wide), Condition::HttpRequestMethod(narrow)) => {
            narrow.iter().all(|method| wide.contains(method))
        }
        (Condition::QueryString(wide), Condition::QueryString(narrow)) => narrow.iter().all(|pair| wide.contains(pair)),
        (Condition::SourceIp(wide), Condition::SourceIp(narrow)) => {
            narrow.iter().all(|network| wide.iter().any(|wide| wide.contains(network)))
        }
        _ => false,
    }
}

fn matches_every_path(condition: &Condition) -> bool {
    matches!(condition, Condition::PathPattern(Patterns::Wildcards(values)) if values.iter().any(|v| v == "*" || v == "/*"))
}

fn patterns_cover(wide: &Patterns, narrow: &Patterns, any_case: bool) -> bool {
    match (wide, narrow) {
        (Patterns::Wildcards(wide), Patterns::Wildcards(narrow)) => narrow.iter().all(|narrow| {
            wide.iter().any(|wide| {
                if any_case {
                    glob_covers(&wide.to_lowercase(), &narrow.to_lowercase())
                } else {
                    glob_covers(wide, narrow)
                }
            })
        }),
        (Patterns::Regexes(wide), Patterns::Regexes(narrow)) => narrow.iter().all(|narrow| wide.contains(narrow)),
        _ => false,
    }
}

/// Whether the pattern `wide` matches every text that the pattern `narrow` matches: `narrow`'s own wildcards are
/// taken as characters that only a wildcard can match.
fn glob_covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow): (Vec<char>, Vec<char>) = (wide.chars().collect(), narrow.chars().collect());
    let (mut w, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < narrow.len() {
        if wide.get(w) == Some(&'*') {
            star = Some((w, n));
            w += 1;
        } else if w < wide.len() && (wide[w] == narrow[n] || (wide[w] == '?' && narrow[n] != '*')) {
            w += 1;
            n += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            w = at + 1;
            n = from + 1;
        } else {
            return false;
        }
    }
    wide[w..].iter().all(|c| *c == '*')
}

/// `/api/*` does not match `/api`.
pub(super) fn prefix_without_its_root(listener: &Listener, spans: &[Span], out: &mut Vec<Diagnostic>) {
    let paths = |rule: &Rule| -> Vec<String> {
        let conditions = rule.conditions.iter().filter_map(|condition| match condition {
            Condition::PathPattern(Patterns::Wildcards(values)) => Some(values.clone()),
            _ => None,
        });
        conditions.flatten().collect()
    };
    let all: Vec<Vec<String>> = listener.rules.iter().map(paths).collect();
    let patterns: Vec<&String> = all.iter().flatten().filter(|pattern| *pattern != "/*" && *pattern != "*").collect();
    let kind: Rc<str> = "".into();
    let known = Index::new(patterns.iter().map(|pattern| vec![vec![glob_anchors(&kind, pattern)]]));
    let mut found: Vec<Diagnostic> = Vec::new();
    for (index, rule) in listener.rules.iter().enumerate() {
        let Some(span) = spans.get(index) else { continue };
        for value in &all[index] {
            let Some(root) =
                value.strip_suffix("/*").filter(|root| root.starts_with('/') && !root.contains(['*', '?']))
            else {
                continue;
            };
            let elsewhere = known.first(shown(&kind, root), |at| glob_covers(patterns[at], root)).is_some();
            // With a regular expression somewhere nobody can tell.
            if elsewhere || rule.conditions.iter().any(|c| matches!(c, Condition::PathPattern(Patterns::Regexes(_)))) {
                continue;
            }
            found.push(
                Diagnostic::warning(format!("`{value}` does not match `{root}` itself"), *span, "in this rule")
                    .note(format!(
                        "a request for `{root}` goes on to the rules after it (ALB user guide, Path conditions)"
                    ))
                    .help(format!("if it should not, write path_pattern: [\"{root}\", \"{value}\"]")),
            );
        }
    }
    let more = found.len().saturating_sub(ENOUGH);
    found.truncate(ENOUGH);
    if let Some(last) = found.pop() {
        out.extend(found);
        out.push(if more > 0 {
            last.note(format!("{more} more rules of this listener have the same problem"))
        } else {
            last
        });
    }
}

/// Warnings that apply to many rules name only the first few.
const ENOUGH: usize = 3;

#[cfg(test)]
mod tests;

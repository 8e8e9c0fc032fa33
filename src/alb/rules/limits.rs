//! What AWS takes as a rule (ALB user guide, "Listener rules", "Condition types for listener rules", "Quotas for your
//! Application Load Balancers").

use neargate_model::rule::{Condition, Patterns, Rule};

use super::pattern;
use crate::actions::transform;
use crate::limits;
use crate::violation::Violation;
use crate::violation::problems::ValueProblem;

/// The limit for wildcards of one rule. The guide contradicts itself: it says 5 in one place and 6 in another. This is the
/// one that AWS is known to enforce.
pub const WILDCARDS_PER_RULE: usize = 6;

/// The longest value of a condition, in characters.
pub const LONGEST_VALUE: usize = 128;

/// The longest name of a header or a method in a condition, in characters.
pub const LONGEST_NAME: usize = 40;

/// The characters that a path pattern may contain besides letters, digits and wildcards.
pub const PATH_CHARACTERS: &str = "_-.$/~\"'@:+&";

/// Judges a rule but for its actions.
pub fn judge(rule: &Rule) -> Vec<Violation> {
    let mut found = conditions(&rule.conditions);
    found.extend(transform::judge(&rule.transforms));
    found.extend(limits::PRIORITY.judge(rule.priority).map_err(Violation::from).err());
    found
}

/// Judges the conditions of one rule, each by itself and all together.
pub fn conditions(conditions: &[Condition]) -> Vec<Violation> {
    let mut found: Vec<Violation> =
        conditions.iter().filter_map(|condition| self::condition(condition).err()).collect();
    if conditions.is_empty() {
        found.push(Violation::NoConditions);
    }
    for (index, condition) in conditions.iter().enumerate() {
        found.extend(twice(&conditions[..index], condition).err());
    }
    found.extend(counts(conditions));
    found
}

/// "Each rule can include up to one of each of the following conditions: host-header, http-request-method,
/// path-pattern, and source-ip" (ALB user guide, Listener rules).
///
/// # Errors
///
/// One of those before is of the same kind.
pub fn twice(before: &[Condition], condition: &Condition) -> Result<(), Violation> {
    let field = condition.field();
    let several = matches!(condition, Condition::HttpHeader { .. } | Condition::QueryString(_));
    match !several && before.iter().any(|other| other.field() == field) {
        true => Err(Violation::ConditionTwice { field }),
        false => Ok(()),
    }
}

/// Judges how many values and wildcards the conditions of one rule have together.
pub fn counts(conditions: &[Condition]) -> Vec<Violation> {
    let values = conditions.iter().map(Condition::values).sum();
    let wildcards = conditions.iter().map(wildcards).sum();
    let mut found = Vec::new();
    if values > Condition::VALUES_PER_RULE {
        found.push(Violation::TooManyConditionValues { count: values });
    }
    if wildcards > WILDCARDS_PER_RULE {
        found.push(Violation::TooManyWildcards { count: wildcards });
    }
    found
}

/// Judges one condition.
///
/// # Errors
///
/// It has no values, or one of them is not a value for its field.
pub fn condition(condition: &Condition) -> Result<(), Violation> {
    let field = condition.field();
    let wrong = |problem| Violation::InvalidConditionValue { field, problem };
    if condition.values() == 0 {
        return Err(Violation::NoConditionValues);
    }
    let judged = match condition {
        Condition::HostHeader(list) => patterns(list, host_pattern),
        Condition::PathPattern(list) => patterns(list, path_pattern),
        Condition::HttpHeader { name, values } => header_name(name).and_then(|()| patterns(values, text)),
        Condition::HttpRequestMethod(methods) => methods.iter().try_for_each(|value| method(value)),
        Condition::QueryString(pairs) => {
            pairs.iter().flat_map(|pair| pair.key.iter().chain([&pair.value])).try_for_each(|value| text(value))
        }
        Condition::SourceIp(networks) => networks.iter().try_for_each(|network| source_ip(&network.to_string())),
    };
    judged.map_err(wrong)
}

fn patterns(patterns: &Patterns, wildcards: fn(&str) -> Result<(), ValueProblem>) -> Result<(), ValueProblem> {
    match patterns {
        Patterns::Wildcards(values) => values.iter().try_for_each(|value| wildcards(value)),
        Patterns::Regexes(values) => values.iter().try_for_each(|value| regex(value)),
    }
}

/// Judges the length of a value.
///
/// # Errors
///
/// It is empty or longer than `most` characters.
pub fn length(value: &str, most: usize) -> Result<(), ValueProblem> {
    match value.chars().count() {
        0 => Err(ValueProblem::Empty),
        count if count > most => Err(ValueProblem::TooLong { most }),
        _ => Ok(()),
    }
}

/// Judges a value with no rule but its length.
///
/// # Errors
///
/// It is empty or too long.
pub fn text(value: &str) -> Result<(), ValueProblem> {
    length(value, LONGEST_VALUE)
}

fn characters(value: &str, is_valid: impl Fn(char) -> bool) -> Result<(), ValueProblem> {
    match value.char_indices().find(|(_, letter)| !is_valid(*letter)) {
        Some((at, letter)) => Err(ValueProblem::Character { letter, at }),
        None => Ok(()),
    }
}

/// Judges a value of a path-pattern condition.
///
/// # Errors
///
/// It is empty, too long, or contains a character that it may not contain.
pub fn path_pattern(value: &str) -> Result<(), ValueProblem> {
    text(value)?;
    characters(value, |c| c.is_ascii_alphanumeric() || matches!(c, '*' | '?') || PATH_CHARACTERS.contains(c))
}

/// Judges a value of a host-header condition: "You must include at least one "." character. You can include only
/// alphabetical characters after the final "." character" (ALB user guide, Condition types for listener rules).
///
/// # Errors
///
/// It is empty, too long, contains a character that it may not contain, or is no pattern for host names.
pub fn host_pattern(value: &str) -> Result<(), ValueProblem> {
    text(value)?;
    characters(value, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '*' | '?'))?;
    let last = value.rsplit_once('.').map_or("", |(_, last)| last);
    let fits = !last.is_empty() && last.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '*' | '?'));
    if fits { Ok(()) } else { Err(ValueProblem::NoHost) }
}

/// Judges the name of an http-header condition.
///
/// # Errors
///
/// It is empty, too long, `Host`, or contains a character that a name may not contain.
pub fn header_name(name: &str) -> Result<(), ValueProblem> {
    length(name, LONGEST_NAME)?;
    characters(name, |c| c.is_ascii_alphanumeric() || "!#$%&'+-.^_`|~".contains(c))?;
    if name.eq_ignore_ascii_case("host") { Err(ValueProblem::HostHeader) } else { Ok(()) }
}

/// Judges a value of an http-request-method condition.
///
/// # Errors
///
/// It is empty, too long, or contains a character that it may not contain.
pub fn method(value: &str) -> Result<(), ValueProblem> {
    length(value, LONGEST_NAME)?;
    characters(value, |c| c.is_ascii_uppercase() || matches!(c, '-' | '_'))
}

/// Judges a network of a source-ip condition, as it is written.
///
/// # Errors
///
/// It is the broadcast address.
pub fn source_ip(network: &str) -> Result<(), ValueProblem> {
    if network == "255.255.255.255/32" { Err(ValueProblem::Broadcast) } else { Ok(()) }
}

/// Judges a regular expression.
///
/// # Errors
///
/// It is empty, too long, or does not compile.
pub fn regex(value: &str) -> Result<(), ValueProblem> {
    text(value)?;
    pattern::check_regex(value).map_err(ValueProblem::Regex)
}

fn wildcards(condition: &Condition) -> usize {
    let patterns = |patterns: &Patterns| match patterns {
        Patterns::Wildcards(values) => values.iter().map(|value| value.matches(['*', '?']).count()).sum(),
        Patterns::Regexes(_) => 0,
    };
    match condition {
        Condition::HostHeader(list) | Condition::PathPattern(list) => patterns(list),
        Condition::HttpHeader { values, .. } => patterns(values),
        Condition::QueryString(pairs) => {
            let texts = pairs.iter().flat_map(|pair| pair.key.iter().chain([&pair.value]));
            texts.map(|text| unescaped(text)).sum()
        }
        Condition::HttpRequestMethod(_) | Condition::SourceIp(_) => 0,
    }
}

/// Counts the wildcards of a query string pattern, in which a backslash escapes them.
fn unescaped(pattern: &str) -> usize {
    let mut characters = pattern.chars();
    let mut count = 0;
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '*' | '?' => count += 1,
            _ => {}
        }
    }
    count
}

//! Conditions of a rule (ALB user guide, "Condition types for listener rules").

use ipnet::IpNet;

use super::lowering::Lowering;
use crate::file::conditions::{ConditionFile, HttpHeaderFile, PatternsFile};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_alb::rules::limits as rules;
use neargate_alb::violation::problems::ValueProblem;
use neargate_model::rule::{Condition, Patterns, QueryStringPair};

pub(super) const PAGE: &str = "ALB user guide, Condition types for listener rules";
const RULES: &str = "ALB user guide, Listener rules";

/// Lowers the single condition of a mapping.
pub(crate) fn lower(file: &ConditionFile, lowering: &mut Lowering<'_>) -> Option<Condition> {
    let given = [
        file.path_pattern.is_some(),
        file.host_header.is_some(),
        file.http_header.is_some(),
        file.http_request_method.is_some(),
        file.query_string.is_some(),
        file.source_ip.is_some(),
    ];
    match given.iter().filter(|given| **given).count() {
        1 => {}
        0 if lowering.reader.reported_inside(file.whole) => return None,
        0 => {
            lowering.report(Diagnostic::error("an empty condition", file.span, "").help(
                "give it one of path_pattern, host_header, http_header, http_request_method, query_string, source_ip",
            ));
            return None;
        }
        _ => {
            lowering.report(
                Diagnostic::error("several conditions in one element", file.span, "")
                    .note(format!("a condition has one field ({PAGE})"))
                    .help("make each a separate list element: a rule matches when all of them match"),
            );
            return None;
        }
    }
    if let Some(patterns) = &file.path_pattern {
        return patterns_of(patterns, file.span, path, lowering).map(Condition::PathPattern);
    }
    if let Some(patterns) = &file.host_header {
        return patterns_of(patterns, file.span, host, lowering).map(Condition::HostHeader);
    }
    if let Some(header) = &file.http_header {
        return http_header(header, lowering);
    }
    if let Some(methods) = &file.http_request_method {
        some(methods.0.len(), file.span, lowering);
        for value in &methods.0 {
            method(value, lowering);
        }
        return Some(Condition::HttpRequestMethod(texts(&methods.0)));
    }
    if let Some(pairs) = &file.query_string {
        some(pairs.0.len(), file.span, lowering);
        let pairs = pairs.0.iter().filter_map(|pair| {
            let value = pair.value.as_ref()?;
            for text in pair.key.iter().chain([value]) {
                length(text, &rules::text(text), "a query string pattern", lowering);
            }
            Some(QueryStringPair { key: pair.key.as_ref().map(|key| key.value.clone()), value: value.value.clone() })
        });
        return Some(Condition::QueryString(pairs.collect()));
    }
    let networks = &file.source_ip.as_ref()?.0;
    some(networks.len(), file.span, lowering);
    let networks = networks.iter().filter_map(|network| source_ip(network, lowering)).collect();
    Some(Condition::SourceIp(networks))
}

fn texts(values: &[Spanned<String>]) -> Vec<String> {
    values.iter().map(|value| value.value.clone()).collect()
}

fn some(values: usize, span: Span, lowering: &mut Lowering<'_>) {
    if values == 0 {
        lowering.report(
            Diagnostic::error("a condition without values", span, "")
                .note(format!("a condition has at least one value ({PAGE})")),
        );
    }
}

fn patterns_of(
    file: &PatternsFile,
    span: Span,
    check: fn(&Spanned<String>, &mut Lowering<'_>),
    lowering: &mut Lowering<'_>,
) -> Option<Patterns> {
    either(&file.values, &file.regex_values, span, lowering)?;
    if file.regex_values.is_empty() {
        file.values.iter().for_each(|value| check(value, lowering));
        return Some(Patterns::Wildcards(texts(&file.values)));
    }
    file.regex_values.iter().for_each(|value| regex(value, lowering));
    Some(Patterns::Regexes(texts(&file.regex_values)))
}

/// Requires either values or regular expressions.
fn either(
    values: &[Spanned<String>],
    regexes: &[Spanned<String>],
    span: Span,
    lowering: &mut Lowering<'_>,
) -> Option<()> {
    match (values.first(), regexes.first()) {
        (Some(value), Some(regex)) => {
            lowering.report(
                Diagnostic::error("`values` and `regex_values` in one condition", regex.span, "")
                    .also(value.span, "the values")
                    .note(format!("a condition has either `values` or `regex_values` ({PAGE})")),
            );
            None
        }
        (None, None) => {
            some(0, span, lowering);
            None
        }
        _ => Some(()),
    }
}

/// Tells of a value that is empty or too long. `false` if it is.
fn length(text: &Spanned<String>, judged: &Result<(), ValueProblem>, what: &str, lowering: &mut Lowering<'_>) -> bool {
    let most = match judged {
        Err(ValueProblem::TooLong { most }) => *most,
        Err(ValueProblem::Empty) if what == "a header name" || what == "a method" => rules::LONGEST_NAME,
        Err(ValueProblem::Empty) => rules::LONGEST_VALUE,
        _ => return true,
    };
    let length = text.chars().count();
    lowering.report(
        Diagnostic::error(format!("{what} has 1 to {most} characters"), text.span, format!("this has {length}"))
            .note(format!("see {PAGE}")),
    );
    false
}

fn path(value: &Spanned<String>, lowering: &mut Lowering<'_>) {
    let judged = rules::path_pattern(value);
    if !length(value, &judged, "a path pattern", lowering) {
        return;
    }
    if let Some((before, _)) = value.split_once("://") {
        lowering.report(
            Diagnostic::error("a path pattern is compared with the path only", value.span, "this is a whole URL")
                .note(format!("see {PAGE}"))
                .help(format!("put the part after `{before}://HOST` here and the host in a host_header condition")),
        );
        return;
    }
    if let Err(ValueProblem::Character { letter: c, at }) = judged {
        let help = match c {
            ';' if value.contains("&amp;") => "write `&`: the guide's `&amp;` is how XML spells it".to_owned(),
            '%' | ' ' => "match the character with `?` or `*`, or use `regex_values`".to_owned(),
            '[' | '(' | '^' | '|' | '{' | '\\' => "for a regular expression, write `{regex_values: […]}`".to_owned(),
            _ => "use `?` for any one character, or `regex_values`".to_owned(),
        };
        lowering.report(
            Diagnostic::error(format!("`{c}` cannot be in a path pattern"), inside(lowering, value, at, c), "")
                .note(format!("letters, digits, `*`, `?` and _ - . $ / ~ \" ' @ : + & ({PAGE})"))
                .help(help),
        );
    } else if !value.starts_with(['/', '*', '?']) {
        lowering.report(
            Diagnostic::warning("no path starts like this", value.span, "paths start with `/`")
                .help(format!("write `/{}`", value.value)),
        );
    }
}

fn host(value: &Spanned<String>, lowering: &mut Lowering<'_>) {
    let judged = rules::host_pattern(value);
    if !length(value, &judged, "a host pattern", lowering) {
        return;
    }
    match judged {
        Err(ValueProblem::Character { letter: c, at }) => {
            let help = match c {
                ':' => Some("hosts are compared without the port, and without a scheme"),
                '/' => Some("paths belong in a path_pattern condition"),
                _ => None,
            };
            lowering.report(
                Diagnostic::error(format!("`{c}` cannot be in a host pattern"), inside(lowering, value, at, c), "")
                    .note(format!("letters, digits, `-`, `.`, `*` and `?` ({PAGE})"))
                    .maybe_help(help.map(str::to_owned)),
            );
        }
        Err(_) => lowering.report(
            Diagnostic::error("not a pattern for host names", value.span, "")
                .note(format!("it has at least one `.`, and only letters after the last one ({PAGE})")),
        ),
        Ok(()) => {}
    }
}

/// The position of one character, if the value is written without escapes.
fn inside(lowering: &Lowering<'_>, value: &Spanned<String>, at: usize, c: char) -> Span {
    let written = lowering.sources.text(value.span.file()).get(value.span.range()).unwrap_or_default();
    match written.find(&value.value) {
        Some(offset) => value.span.slice(offset + at..offset + at + c.len_utf8()),
        None => value.span,
    }
}

fn http_header(file: &HttpHeaderFile, lowering: &mut Lowering<'_>) -> Option<Condition> {
    let list = |many: &Option<crate::read::OneOrMany<Spanned<String>>>| {
        many.as_ref().map(|many| many.0.clone()).unwrap_or_default()
    };
    let (values, regexes) = (list(&file.values), list(&file.regex_values));
    let name = file.http_header_name.as_ref()?;
    let judged = rules::header_name(name);
    length(name, &judged, "a header name", lowering);
    match judged {
        Err(ValueProblem::Character { letter: c, .. }) => lowering.report(
            Diagnostic::error(format!("`{c}` cannot be in the name of a header"), name.span, "")
                .note(format!("the whole name is compared, without wildcards ({PAGE})")),
        ),
        Err(ValueProblem::HostHeader) => lowering.report(
            Diagnostic::error("an http_header condition cannot look at `Host`", name.span, "")
                .note(format!("see {PAGE}"))
                .help("write a `host_header` condition"),
        ),
        _ => {}
    }
    either(&values, &regexes, name.span, lowering)?;
    let values = if regexes.is_empty() {
        for value in &values {
            length(value, &rules::text(value), "a header pattern", lowering);
        }
        Patterns::Wildcards(texts(&values))
    } else {
        regexes.iter().for_each(|value| regex(value, lowering));
        Patterns::Regexes(texts(&regexes))
    };
    Some(Condition::HttpHeader { name: name.value.clone(), values })
}

fn method(value: &Spanned<String>, lowering: &mut Lowering<'_>) {
    let judged = rules::method(value);
    length(value, &judged, "a method", lowering);
    if let Err(ValueProblem::Character { .. }) = judged {
        let upper = value.to_uppercase();
        let valid = rules::method(&upper).is_ok();
        lowering.report(
            Diagnostic::error(format!("`{}` is not a method", value.value), value.span, "")
                .note(format!("A to Z, `-` and `_`; methods are compared exactly, without wildcards ({PAGE})"))
                .maybe_help(valid.then(|| format!("write `{upper}`"))),
        );
    }
}

fn source_ip(value: &Spanned<String>, lowering: &mut Lowering<'_>) -> Option<IpNet> {
    let parsed = value.parse::<IpNet>();
    if rules::source_ip(value).is_err() {
        lowering.report(
            Diagnostic::error("the broadcast address belongs to no client", value.span, "")
                .note(format!("255.255.255.255/32 is not allowed ({PAGE})")),
        );
    }
    if parsed.is_err() {
        let help = value
            .parse::<std::net::IpAddr>()
            .ok()
            .map(|address| format!("for one address, write {address}/{}", if address.is_ipv4() { 32 } else { 128 }));
        lowering.report(
            Diagnostic::error(format!("`{}` is not a network", value.value), value.span, "")
                .note(format!("values of source_ip are in CIDR form, e.g. 192.0.2.0/24 ({PAGE})"))
                .maybe_help(help),
        );
    }
    parsed.ok()
}

fn regex(value: &Spanned<String>, lowering: &mut Lowering<'_>) {
    let judged = rules::regex(value);
    length(value, &judged, "a regular expression", lowering);
    if let Err(ValueProblem::Regex(problem)) = judged {
        lowering.report(Diagnostic::error("a regular expression that cannot be compiled", value.span, problem).note(
            format!(
                "no look-around, back-references, possessive quantifiers or Unicode classes: what RE2 can do ({RULES})"
            ),
        ));
    }
}

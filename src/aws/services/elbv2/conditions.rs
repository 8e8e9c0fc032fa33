//! Conditions and transforms of rules as the API writes them. The values of most conditions may stand in `Values` or in the
//! member of their field; both are returned.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, refused};
use crate::alb::violation::Violation;
use crate::model::rule::{Condition, Patterns, QueryStringPair, Rewrite, Transforms};
use crate::protocols::fault::Fault;

/// `RuleCondition`
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Given {
    field: String,
    values: Vec<String>,
    regex_values: Vec<String>,
    host_header_config: Config,
    path_pattern_config: Config,
    http_header_config: Config,
    http_request_method_config: Config,
    source_ip_config: Config,
    query_string_config: Pairs,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    http_header_name: Option<String>,
    values: Vec<String>,
    regex_values: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Pairs {
    values: Vec<Pair>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Pair {
    key: Option<String>,
    value: String,
}

/// Reads conditions.
///
/// # Errors
///
/// One is of no field, or says its values twice.
pub(super) fn read(given: Vec<Given>) -> Result<Vec<Condition>, Fault> {
    given.into_iter().map(Given::condition).collect()
}

impl Given {
    fn condition(self) -> Result<Condition, Fault> {
        let Self { field, values, regex_values, .. } = self;
        let plain = (values, regex_values);
        Ok(match field.as_str() {
            "host-header" => Condition::HostHeader(patterns(&field, plain, self.host_header_config)?),
            "path-pattern" => Condition::PathPattern(patterns(&field, plain, self.path_pattern_config)?),
            "http-header" => {
                if !plain.0.is_empty() {
                    return Err(invalid("The 'Values' field is not compatible with 'http-header'"));
                }
                let name = self.http_header_config.http_header_name.clone().filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| invalid("An HTTP header name must be specified"))?;
                Condition::HttpHeader { name, values: patterns(&field, plain, self.http_header_config)? }
            }
            "http-request-method" => {
                Condition::HttpRequestMethod(wildcards(patterns(&field, plain, self.http_request_method_config)?))
            }
            "source-ip" => {
                let values = wildcards(patterns(&field, plain, self.source_ip_config)?);
                Condition::SourceIp(values.iter().map(|value| network(value)).collect::<Result<_, _>>()?)
            }
            "query-string" => {
                let simple = plain.0.into_iter().map(|value| Pair { key: None, value });
                let pairs = self.query_string_config.values.into_iter().chain(simple);
                let pair = |pair: Pair| QueryStringPair { key: pair.key, value: pair.value };
                Condition::QueryString(pairs.map(pair).collect())
            }
            other => {
                return Err(invalid(format!(
                    "Condition field '{other}' must be one of '[path-pattern,host-header,http-header,http-request-method,\
                     query-string,source-ip]'"
                )));
            }
        })
    }
}

fn patterns(field: &str, plain: (Vec<String>, Vec<String>), config: Config) -> Result<Patterns, Fault> {
    if !plain.0.is_empty() && !config.values.is_empty() {
        return Err(invalid(format!("You cannot specify both 'Values' and the configuration of '{field}'")));
    }
    let values = if config.values.is_empty() { plain.0 } else { config.values };
    let regexes = if config.regex_values.is_empty() { plain.1 } else { config.regex_values };
    match (values.is_empty(), regexes.is_empty()) {
        (true, true) => Err(refused(&Violation::NoConditionValues)),
        (false, false) => Err(invalid(format!("You cannot specify both values and regex values for '{field}'"))),
        (false, true) => Ok(Patterns::Wildcards(values)),
        (true, false) => Ok(Patterns::Regexes(regexes)),
    }
}

fn wildcards(patterns: Patterns) -> Vec<String> {
    match patterns {
        Patterns::Wildcards(values) | Patterns::Regexes(values) => values,
    }
}

fn network(value: &str) -> Result<IpNet, Fault> {
    let address = || value.parse::<IpAddr>().ok().map(IpNet::from);
    let parsed = value.parse::<IpNet>().ok().or_else(address);
    parsed.ok_or_else(|| invalid(format!("The source IP '{value}' is not a valid CIDR block")))
}

/// As DescribeRules returns it.
pub(super) fn shape(condition: &Condition) -> Value {
    let field = condition.field();
    match condition {
        Condition::HostHeader(patterns) => with_values(field, "HostHeaderConfig", patterns),
        Condition::PathPattern(patterns) => with_values(field, "PathPatternConfig", patterns),
        Condition::HttpHeader { name, values } => {
            let mut config = self::config(values);
            config["HttpHeaderName"] = json!(name);
            json!({ "Field": field, "HttpHeaderConfig": config })
        }
        Condition::HttpRequestMethod(methods) => {
            json!({ "Field": field, "HttpRequestMethodConfig": { "Values": methods } })
        }
        Condition::QueryString(pairs) => {
            let pair = |pair: &QueryStringPair| match &pair.key {
                Some(key) => json!({ "Key": key, "Value": pair.value }),
                None => json!({ "Value": pair.value }),
            };
            json!({ "Field": field, "QueryStringConfig": { "Values": pairs.iter().map(pair).collect::<Vec<_>>() } })
        }
        Condition::SourceIp(networks) => {
            let values: Vec<String> = networks.iter().map(IpNet::to_string).collect();
            json!({ "Field": field, "SourceIpConfig": { "Values": values } })
        }
    }
}

fn with_values(field: &str, member: &str, patterns: &Patterns) -> Value {
    let mut shape = self::config(patterns);
    shape["Field"] = json!(field);
    shape[member] = config(patterns);
    shape
}

fn config(patterns: &Patterns) -> Value {
    match patterns {
        Patterns::Wildcards(values) => json!({ "Values": values }),
        Patterns::Regexes(values) => json!({ "RegexValues": values }),
    }
}

/// `RuleTransform`
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct GivenTransform {
    r#type: String,
    host_header_rewrite_config: Rewrites,
    url_rewrite_config: Rewrites,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Rewrites {
    rewrites: Vec<GivenRewrite>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct GivenRewrite {
    regex: String,
    replace: String,
}

/// Reads transforms.
///
/// # Errors
///
/// One is of no type, comes twice, or rewrites nothing.
pub(super) fn read_transforms(given: Vec<GivenTransform>) -> Result<Transforms, Fault> {
    let mut transforms = Transforms::default();
    for one in given {
        let GivenTransform { r#type: kind, host_header_rewrite_config, url_rewrite_config } = one;
        let (place, rewrites) = match kind.as_str() {
            "host-header-rewrite" => (&mut transforms.host_header, host_header_rewrite_config),
            "url-rewrite" => (&mut transforms.url, url_rewrite_config),
            other => {
                return Err(super::faults::not_one_of(
                    other,
                    "transforms.type",
                    &["host-header-rewrite", "url-rewrite"],
                ));
            }
        };
        let mut rewrites = rewrites.rewrites.into_iter();
        let (Some(rewrite), None) = (rewrites.next(), rewrites.next()) else {
            return Err(invalid(format!("A transform of type '{kind}' must have one rewrite")));
        };
        if place.replace(Rewrite { regex: rewrite.regex, replace: rewrite.replace }).is_some() {
            return Err(invalid(format!("A rule can only have one transform of type '{kind}'")));
        }
    }
    Ok(transforms)
}

/// `Transforms`
pub(super) fn transforms(transforms: &Transforms) -> Vec<Value> {
    let rewrites = |rewrite: &Rewrite| json!({ "Rewrites": [{ "Regex": rewrite.regex, "Replace": rewrite.replace }] });
    let host = transforms
        .host_header
        .as_ref()
        .map(|rewrite| json!({ "Type": "host-header-rewrite", "HostHeaderRewriteConfig": rewrites(rewrite) }));
    let url =
        transforms.url.as_ref().map(|rewrite| json!({ "Type": "url-rewrite", "UrlRewriteConfig": rewrites(rewrite) }));
    host.into_iter().chain(url).collect()
}

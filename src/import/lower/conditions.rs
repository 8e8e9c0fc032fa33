//! Conditions and transforms of rules.

use super::context::Context;
use super::report::Outcome;
use super::tree::{Map, Out, Part, text};
use crate::objects::Item;

/// The conditions of a rule.
pub(super) fn lower(conditions: &Item, context: &mut Context<'_>) -> Vec<Part> {
    conditions.list().iter().filter_map(|condition| one(condition, context)).collect()
}

fn one(condition: &Item, context: &mut Context<'_>) -> Option<Part> {
    let field = condition.get("Field").and_then(Item::as_text).unwrap_or_default();
    let (key, config) = match field.as_str() {
        "host-header" => ("host_header", "HostHeaderConfig"),
        "path-pattern" => ("path_pattern", "PathPatternConfig"),
        "http-header" => ("http_header", "HttpHeaderConfig"),
        "http-request-method" => ("http_request_method", "HttpRequestMethodConfig"),
        "source-ip" => ("source_ip", "SourceIpConfig"),
        "query-string" => ("query_string", "QueryStringConfig"),
        _ => {
            context.report.add(Outcome::Refused, "Conditions", &condition.place, "its kind is not known here");
            return None;
        }
    };
    let config = condition.get(config);
    let values = config.and_then(|config| config.get("Values")).or_else(|| condition.get("Values"));
    let regexes = config.and_then(|config| config.get("RegexValues")).or_else(|| condition.get("RegexValues"));
    let value = match key {
        "query_string" => query(values, context),
        "http_header" => {
            let name =
                config.and_then(|config| config.get("HttpHeaderName")).and_then(Item::as_text).unwrap_or_default();
            let mut out = Map::default();
            out.put("http_header_name", text(&name));
            patterns(values, regexes, &name, &mut out, context);
            out.out()
        }
        _ => match regexes {
            Some(_) => {
                let mut out = Map::default();
                patterns(values, regexes, key, &mut out, context);
                out.out()
            }
            None => list(values, key, context),
        },
    };
    context.report.add(Outcome::Honoured, &field, &condition.place, "");
    let mut map = Map::default();
    map.put(key, Part::at(value, &condition.place));
    Some(Part::at(map.out(), &condition.place))
}

fn patterns(values: Option<&Item>, regexes: Option<&Item>, name: &str, out: &mut Map, context: &mut Context<'_>) {
    for (key, items) in [("values", values), ("regex_values", regexes)] {
        if let Some(items) = items {
            let list = list(Some(items), name, context);
            out.put(key, Part::at(list, &items.place));
        }
    }
}

fn list(values: Option<&Item>, name: &str, context: &mut Context<'_>) -> Out {
    let values = values.into_iter().flat_map(Item::list);
    let what = format!("the value of a condition on {name}");
    Out::List(values.map(|value| Part::at(context.text(value, name, &what), &value.place)).collect())
}

fn query(values: Option<&Item>, context: &mut Context<'_>) -> Out {
    let values = values.into_iter().flat_map(Item::list);
    let one = |value: &Item| {
        let mut out = Map::default();
        for (field, key) in [("Key", "key"), ("Value", "value")] {
            if let Some(item) = value.get(field) {
                let name = value.get("Key").and_then(Item::as_text).unwrap_or_else(|| "query".to_owned());
                out.put(key, context.text(item, &name, "the value of a condition on the query"));
            }
        }
        Part::at(out.out(), &value.place)
    };
    Out::List(values.map(one).collect())
}

/// The transforms of a rule.
pub(super) fn transforms(transforms: &Item, context: &mut Context<'_>) -> Out {
    let mut all = Vec::new();
    for transform in transforms.list() {
        let kind = transform.get("Type").and_then(Item::as_text).unwrap_or_default();
        let (config, key) = match kind.as_str() {
            "host-header-rewrite" => ("HostHeaderRewriteConfig", "host_header_rewrite_config"),
            _ => ("UrlRewriteConfig", "url_rewrite_config"),
        };
        let mut out = Map::default();
        out.put("type", text(&kind));
        let rewrite = transform.at(&[config, "Rewrites"]).and_then(|rewrites| rewrites.list().first().cloned());
        if let Some(rewrite) = rewrite {
            let mut pair = Map::default();
            for (field, key) in [("Regex", "regex"), ("Replace", "replace")] {
                if let Some(item) = rewrite.get(field) {
                    pair.put(key, context.text(item, key, "a transform"));
                }
            }
            let mut config = Map::default();
            config.put("rewrite", pair.out());
            out.put(key, config.out());
        }
        context.report.add(Outcome::Honoured, "Transforms", &transform.place, "");
        all.push(Part::at(out.out(), &transform.place));
    }
    Out::List(all)
}

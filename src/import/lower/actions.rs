//! Actions of listeners and rules.

use super::context::Context;
use super::report::Outcome;
use super::tree::{Map, Out, Part, raw, text};
use crate::objects::{Item, Kind, Place};

/// The action that routes. Authentication is not emulated: what follows it applies.
pub(super) fn lower(actions: Option<&Item>, owner: &Place, context: &mut Context<'_>) -> Part {
    let mut routed = None;
    for action in actions.into_iter().flat_map(Item::list) {
        let kind = action.get("Type").and_then(Item::as_text).unwrap_or_default().to_lowercase();
        match kind.replace('_', "-").as_str() {
            "forward" => routed = forward(action, context),
            "redirect" => routed = Some(redirect(action, context)),
            "fixed-response" => routed = Some(fixed_response(action, context)),
            "authenticate-oidc" | "authenticate-cognito" | "jwt-validation" => {
                let note = "no client is asked to sign in, and the next action applies";
                context.report.add(Outcome::Approximated, &kind, &action.place, note);
                continue;
            }
            _ => {
                context.report.add(Outcome::Refused, "Actions", &action.place, "its type is not known here");
            }
        }
        if routed.is_none() {
            return incomplete(&action.place);
        }
    }
    routed.unwrap_or_else(|| {
        let unknown = actions.filter(|item| matches!(item.origin, crate::objects::Origin::Unknown { .. }));
        let why = if unknown.is_some() { "they are known only after an apply" } else { "there is none that routes" };
        context.report.add(Outcome::Refused, "Actions", owner, why);
        incomplete(owner)
    })
}

/// What stands for an action that is not known: never a guess.
fn incomplete(place: &Place) -> Part {
    let mut fixed = Map::default();
    fixed.put("status_code", raw(501));
    let mut action = Map::default();
    action.put("fixed_response", fixed.out());
    Part::at(action.out(), place)
}

fn forward(action: &Item, context: &mut Context<'_>) -> Option<Part> {
    let config = action.get("ForwardConfig");
    let weighted: Vec<Item> =
        config.and_then(|config| config.get("TargetGroups")).into_iter().flat_map(Item::list).cloned().collect();
    let single = action.get("TargetGroupArn");
    let mut map = Map::default();
    let stickiness = config.and_then(|config| config.get("TargetGroupStickinessConfig"));
    let sticks = stickiness.and_then(|stickiness| stickiness.get("Enabled")?.as_bool()) == Some(true);
    match (&weighted[..], single) {
        ([], Some(arn)) => {
            let key = group(arn, context)?;
            map.put("forward", Part::at(text(&key), &arn.place));
        }
        ([], None) => {
            context.report.add(Outcome::Refused, "Actions", &action.place, "it forwards to no target group");
            return None;
        }
        ([only], _) if !sticks => {
            let arn = only.get("TargetGroupArn")?;
            let key = group(arn, context)?;
            map.put("forward", Part::at(text(&key), &arn.place));
        }
        (many, _) => {
            let mut groups = Vec::new();
            let mut whole = true;
            for one in many {
                let Some(key) = one.get("TargetGroupArn").and_then(|arn| group(arn, context)) else {
                    whole = false;
                    continue;
                };
                let mut entry = Map::default();
                entry.put("target_group", text(&key));
                if let Some(weight) = one.get("Weight").and_then(Item::as_number) {
                    entry.put("weight", raw(weight));
                }
                groups.push(Part::at(entry.out(), &one.place));
            }
            if !whole {
                return None;
            }
            let mut forward = Map::default();
            forward.put("target_groups", Out::List(groups));
            if let Some(stickiness) = stickiness.filter(|_| sticks) {
                let mut out = Map::default();
                out.put("enabled", raw(true));
                if let Some(seconds) = stickiness.get("DurationSeconds").and_then(Item::as_number) {
                    out.put("duration", raw(seconds));
                }
                forward.put("stickiness", Part::at(out.out(), &stickiness.place));
            }
            map.put("forward", forward.out());
        }
    }
    context.report.add(Outcome::Honoured, "Actions", &action.place, "");
    Some(Part::at(map.out(), &action.place))
}

/// The key of a group that a link leads to.
fn group(arn: &Item, context: &mut Context<'_>) -> Option<String> {
    let group = context.follow(Kind::TargetGroup, arn, "TargetGroupArn")?;
    match context.groups.get(&group.key) {
        Some(key) => Some(key.clone()),
        None => {
            let note = "the target group cannot be behind an Application Load Balancer here";
            context.report.add(Outcome::Refused, "TargetGroupArn", &arn.place, note);
            None
        }
    }
}

fn redirect(action: &Item, context: &mut Context<'_>) -> Part {
    let mut out = Map::default();
    let config = action.get("RedirectConfig");
    for (field, key, default) in [
        ("Protocol", "protocol", "#{protocol}"),
        ("Host", "host", "#{host}"),
        ("Port", "port", "#{port}"),
        ("Path", "path", "/#{path}"),
        ("Query", "query", "#{query}"),
        ("StatusCode", "status_code", ""),
    ] {
        if let Some(item) = config.and_then(|config| config.get(field))
            && item.as_text().is_some_and(|value| value != default)
        {
            let value = context.text(item, key, "a redirect");
            out.put(key, Part::at(value, &item.place));
        }
    }
    context.report.add(Outcome::Honoured, "Actions", &action.place, "");
    let mut map = Map::default();
    map.put("redirect", out.out());
    Part::at(map.out(), &action.place)
}

fn fixed_response(action: &Item, context: &mut Context<'_>) -> Part {
    let mut out = Map::default();
    if let Some(config) = action.get("FixedResponseConfig") {
        if let Some(status) = config.get("StatusCode") {
            let value = status.as_number().map_or_else(|| context.text(status, "status_code", "a status"), raw);
            out.put("status_code", Part::at(value, &status.place));
        }
        for (field, key) in [("ContentType", "content_type"), ("MessageBody", "message_body")] {
            if let Some(item) = config.get(field) {
                let value = context.text(item, key, "a fixed response");
                out.put(key, Part::at(value, &item.place));
            }
        }
    }
    context.report.add(Outcome::Honoured, "Actions", &action.place, "");
    let mut map = Map::default();
    map.put("fixed_response", out.out());
    Part::at(map.out(), &action.place)
}

//! Rules of listeners. The default one stands in its listener, and is described with the others.

use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::{self, BEFORE};
use super::conditions::{self, Given, GivenTransform};
use super::faults::{self, invalid, missing, no_rules, refused, tags_refused};
use super::known::{Known, RuleOf, default_rule_arn, forget, put};
use crate::alb::violation::Violation;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::control::desired::resources::{OwnedListener, OwnedRule};
use crate::model::rule::Rule;
use crate::model::{ListenerId, RuleId};
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    listener_arn: Option<String>,
    rule_arn: Option<String>,
    priority: Option<u32>,
    conditions: Option<Vec<Given>>,
    actions: Option<Vec<actions::Given>>,
    transforms: Option<Vec<GivenTransform>>,
    reset_transforms: bool,
    tags: Vec<Tag>,
}

/// A rule as DescribeRules returns it.
fn shape(known: &Known<'_>, id: &RuleId, owned: &OwnedRule) -> Option<Value> {
    let arn = known.rule_arn(id, owned)?;
    let OwnedRule { rule, .. } = owned;
    Some(json!({
        "RuleArn": arn,
        "Priority": rule.priority.to_string(),
        "Conditions": rule.conditions.iter().map(conditions::shape).collect::<Vec<_>>(),
        "Actions": actions::shape(&rule.actions, known.member(&arn, BEFORE)),
        "IsDefault": false,
        "Transforms": conditions::transforms(&rule.transforms),
    }))
}

fn default_shape(known: &Known<'_>, id: &ListenerId, owned: &OwnedListener) -> Value {
    let before = known.member(&super::known::listener_arn(id, &owned.load_balancer), BEFORE);
    json!({
        "RuleArn": default_rule_arn(id, &owned.load_balancer),
        "Priority": "default",
        "Conditions": [],
        "Actions": actions::shape(&owned.listener.default_actions, before),
        "IsDefault": true,
        "Transforms": [],
    })
}

fn one(known: &Known<'_>, id: &RuleId) -> Result<Value, Fault> {
    let owned = known.resources.rules.get(id).ok_or_else(no_rules)?;
    shape(known, id, owned).ok_or_else(no_rules)
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (listener, owned) = known.listener(asked.listener_arn.as_deref())?;
    let priority = asked.priority.ok_or_else(|| missing("priority"))?;
    let conditions = conditions::read(asked.conditions.unwrap_or_default())?;
    let read = actions::read(&known, asked.actions.ok_or_else(|| missing("actions"))?)?;
    let transforms = conditions::read_transforms(asked.transforms.unwrap_or_default())?;
    let tags = tags::of(asked.tags);
    tags::judge(&tags).map_err(|problem| tags_refused(&problem))?;
    let taken =
        known.resources.rules.values().any(|other| other.listener == *listener && other.rule.priority == priority);
    if taken {
        return Err(refused(&Violation::PriorityInUse { priority }));
    }
    let rule = known.new_rule_id(owned, priority);
    let listener = listener.clone();
    let settings = Rule { priority, conditions, actions: read.actions, transforms };
    let arn = known.rule_arn(&rule, &OwnedRule { listener: listener.clone(), rule: settings.clone() });
    let arn = arn.ok_or_else(faults::no_listeners)?;
    let record = Record::new(json!({ BEFORE: read.before })).with(tags);
    let edits = vec![Edit::CreateRule { rule: rule.clone(), listener, settings }, put(&arn, record)];
    Ok(Decision::edits(edits, move |state| Ok(Members(json!({ "Rules": [one(&Known::of(state), &rule)?] })))))
}

pub(super) fn modify(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let given = asked.rule_arn.as_deref();
    let RuleOf::Own(rule) = known.rule(given)? else {
        return Err(Fault::new(
            "OperationNotPermitted",
            "You cannot modify the default rule. Use ModifyListener instead",
        ));
    };
    if asked.reset_transforms && asked.transforms.is_some() {
        return Err(invalid("You cannot specify both Transforms and ResetTransforms"));
    }
    let conditions = asked.conditions.map(conditions::read).transpose()?;
    let read = asked.actions.map(|actions| actions::read(&known, actions)).transpose()?;
    let reset = asked.reset_transforms.then(Vec::new);
    let transforms = asked.transforms.or(reset).map(conditions::read_transforms).transpose()?;
    let (actions, before) = read.map(|read| (read.actions, read.before)).unzip();
    let mut edits = vec![Edit::ModifyRule { rule: rule.clone(), conditions, actions, transforms }];
    if let (Some(before), Some(arn)) = (before, given) {
        edits.push(known.remember(arn, BEFORE, json!(before)));
    }
    Ok(Decision::edits(edits, move |state| Ok(Members(json!({ "Rules": [one(&Known::of(state), &rule)?] })))))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let given = asked.rule_arn.as_deref();
    let RuleOf::Own(rule) = known.rule(given)? else {
        let message = format!("Default rule '{}' cannot be deleted", given.unwrap_or_default());
        return Err(Fault::new("OperationNotPermitted", message));
    };
    let edits = vec![Edit::DeleteRule { rule }, forget(given.unwrap_or_default())];
    Ok(Decision::edits(edits, |_| Ok(Members(json!({})))))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Priorities {
    rule_priorities: Vec<Pair>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Pair {
    rule_arn: Option<String>,
    priority: u32,
}

pub(super) fn set_priorities(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Priorities = input.read()?;
    let known = Known::of(state);
    let mut priorities = Vec::new();
    for Pair { rule_arn, priority } in asked.rule_priorities {
        let RuleOf::Own(rule) = known.rule(rule_arn.as_deref())? else {
            return Err(Fault::new("OperationNotPermitted", "You cannot set the priority of the default rule"));
        };
        priorities.push((rule, priority));
    }
    let rules: Vec<RuleId> = priorities.iter().map(|(rule, _)| rule.clone()).collect();
    Ok(Decision::edit(Edit::SetRulePriorities { priorities }, move |state| {
        let known = Known::of(state);
        let shapes: Vec<Value> = rules.iter().map(|rule| one(&known, rule)).collect::<Result<_, _>>()?;
        Ok(Members(json!({ "Rules": shapes })))
    }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    listener_arn: Option<String>,
    rule_arns: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    let known = Known::of(state);
    let found: Vec<Value> = match (&asked.listener_arn, asked.rule_arns.as_slice()) {
        (Some(_), [_, ..]) => return Err(invalid("You cannot specify both a listener ARN and rule ARNs")),
        (None, []) => return Err(invalid("You must specify either listener ARN or rule ARNs")),
        (Some(listener), []) => {
            let (id, owned) = known.listener(Some(listener))?;
            let mut rules: Vec<_> = known.resources.rules.iter().filter(|(_, rule)| rule.listener == *id).collect();
            rules.sort_by_key(|(_, rule)| rule.rule.priority);
            let own = rules.into_iter().filter_map(|(id, rule)| shape(&known, id, rule));
            own.chain([default_shape(&known, id, owned)]).collect()
        }
        (None, arns) => {
            let of_arn = |arn: &String| match known.rule(Some(arn))? {
                RuleOf::Own(id) => one(&known, &id),
                RuleOf::Default(id) => {
                    let owned = known.resources.listeners.get(&id).ok_or_else(no_rules)?;
                    Ok(default_shape(&known, &id, owned))
                }
            };
            arns.iter().map(of_arn).collect::<Result<_, _>>()?
        }
    };
    faults::page("Rules", &found, asked.page_size, asked.marker.as_deref()).map(Decision::members)
}

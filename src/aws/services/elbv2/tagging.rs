//! Tags of load balancers, listeners, rules and target groups.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, missing, tags_refused};
use super::known::{Known, put};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

/// "You can specify up to 20 resources in a single call" (DescribeTags).
const MOST_DESCRIBED: usize = 20;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    resource_arns: Vec<String>,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

impl Asked {
    /// The resources, all of which exist.
    fn resources(&self, known: &Known<'_>) -> Result<&[String], Fault> {
        if self.resource_arns.is_empty() {
            return Err(missing("resourceArns"));
        }
        for arn in &self.resource_arns {
            exists(known, arn)?;
        }
        Ok(&self.resource_arns)
    }
}

fn exists(known: &Known<'_>, arn: &str) -> Result<(), Fault> {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    match resource.split('/').next().unwrap_or_default() {
        "loadbalancer" => known.load_balancer(Some(arn)).map(|_| ()),
        "targetgroup" => known.target_group(Some(arn)).map(|_| ()),
        "listener" => known.listener(Some(arn)).map(|_| ()),
        "listener-rule" => known.rule(Some(arn)).map(|_| ()),
        _ => Err(invalid(format!("'{arn}' is not a valid resource ARN"))),
    }
}

pub(super) fn add(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let tags = tags::of(asked.tags.clone());
    let tagged = |arn: &String| {
        let record = tags::added(&known.record(arn), tags.clone()).map_err(|problem| tags_refused(&problem))?;
        Ok(put(arn, record))
    };
    let edits = asked.resources(&known)?.iter().map(tagged).collect::<Result<_, Fault>>()?;
    Ok(Decision::edits(edits, |_| Ok(Members(json!({})))))
}

pub(super) fn remove(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let untagged = |arn: &String| put(arn, tags::removed(&known.record(arn), &asked.tag_keys));
    let edits = asked.resources(&known)?.iter().map(untagged).collect();
    Ok(Decision::edits(edits, |_| Ok(Members(json!({})))))
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    if asked.resource_arns.len() > MOST_DESCRIBED {
        return Err(invalid(
            "1 validation error detected: Value at 'resourceArns' failed to satisfy constraint: Member must have length less \
             than or equal to 20",
        ));
    }
    let described = |arn: &String| json!({ "ResourceArn": arn, "Tags": tags::upper(&known.record(arn).tags) });
    let described: Vec<Value> = asked.resources(&known)?.iter().map(described).collect();
    Ok(Decision::members(json!({ "TagDescriptions": described })))
}

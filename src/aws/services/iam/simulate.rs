//! SimulatePrincipalPolicy and SimulateCustomPolicy.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, judge_document, none};
use super::shapes::Paging;
use crate::aws::action::{Decision, Input, State};
use crate::control::identities::Account;
use crate::iam::context::Context;
use crate::iam::document::{Document, Purpose};
use crate::iam::evaluate::{self, Decider, Policies, Policy, Request, Source, evaluate};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    policy_source_arn: String,
    policy_input_list: Vec<String>,
    permissions_boundary_policy_input_list: Vec<String>,
    action_names: Vec<String>,
    resource_arns: Vec<String>,
    context_entries: Vec<Entry>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    context_key_name: String,
    context_key_values: Vec<String>,
}

pub(super) fn custom(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let policies = Policies { identity: given.passed()?, boundary: given.boundary()?, session: None };
    Ok(Decision::members(given.results(&policies)?))
}

pub(super) fn principal(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let account = Account::of(&state.desired);
    let arn = given.policy_source_arn.as_str();
    let name = arn.rsplit('/').next().unwrap_or_default();
    let permissions = match arn {
        _ if arn.contains(":role/") => account.role(name).map(|role| role.permissions),
        _ if arn.contains(":user/") => account.user(name).map(|user| user.permissions),
        _ => return Err(invalid(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name."))),
    };
    let permissions = permissions.ok_or_else(|| {
        let word = if arn.contains(":role/") { "role" } else { "user" };
        none(format!("The {word} with name {name} cannot be found."))
    })?;
    let mut policies = account.policies(&permissions);
    policies.identity.extend(given.passed()?);
    if let Some(boundary) = given.boundary()? {
        policies.boundary = Some(boundary);
    }
    Ok(Decision::members(given.results(&policies)?))
}

impl Given {
    fn passed(&self) -> Result<Vec<Policy>, Fault> {
        let policy = |(number, text): (usize, &String)| {
            let source = Source::Inline(format!("PolicyInputList.{}", number + 1));
            Ok(Policy { source, document: read(text)? })
        };
        self.policy_input_list.iter().enumerate().map(policy).collect()
    }

    fn boundary(&self) -> Result<Option<Policy>, Fault> {
        let Some(text) = self.permissions_boundary_policy_input_list.first() else { return Ok(None) };
        let source = Source::Inline("PermissionsBoundaryPolicyInputList.1".to_owned());
        Ok(Some(Policy { source, document: read(text)? }))
    }

    fn results(&self, policies: &Policies) -> Result<Value, Fault> {
        let context: Context = self
            .context_entries
            .iter()
            .map(|entry| (entry.context_key_name.clone(), entry.context_key_values.clone()))
            .collect();
        let everything = vec!["*".to_owned()];
        let resources = if self.resource_arns.is_empty() { &everything } else { &self.resource_arns };
        let mut results = Vec::new();
        for action in &self.action_names {
            for resource in resources {
                let decision = evaluate(policies, &Request { action, resource, context: &context });
                results.push(json!({
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": decision.eval_decision(),
                    "MatchedStatements": matched(&decision),
                    "MissingContextValues": [],
                }));
            }
        }
        Paging::default().reply("EvaluationResults", &results)
    }
}

fn read(text: &str) -> Result<Document, Fault> {
    judge_document(text, Purpose::Identity).map_err(|fault| invalid(fault.message))?;
    Document::parse(text, Purpose::Identity).map_err(|malformed| invalid(malformed.0))
}

fn matched(decision: &evaluate::Decision) -> Vec<Value> {
    let deciders: &[Decider] = match decision {
        evaluate::Decision::Allowed(deciders) => deciders,
        evaluate::Decision::Denied(decider) => std::slice::from_ref(decider),
        evaluate::Decision::NotAllowed(_) => &[],
    };
    let statement = |decider: &Decider| {
        let (id, kind) = match &decider.source {
            Source::Managed(arn) if arn.starts_with("arn:aws:iam::aws:") => (arn.as_str(), "aws-managed"),
            Source::Managed(arn) => (arn.as_str(), "user-managed"),
            Source::Inline(name) => (name.as_str(), "none"),
            Source::Passed => ("SessionPolicy", "none"),
        };
        json!({ "SourcePolicyId": id, "SourcePolicyType": kind })
    };
    deciders.iter().map(statement).collect()
}

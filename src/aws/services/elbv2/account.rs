//! What an account has in general: quotas, security policies, capacity that nobody reserves here.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults;
use super::known::Known;
use crate::alb::listeners::SSL_POLICIES;
use crate::alb::quotas;
use crate::alb::violation::Violation;
use crate::aws::action::{Decision, Input, State};
use crate::model::quota::Quota;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    names: Vec<String>,
    load_balancer_type: Option<String>,
    load_balancer_arn: Option<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn limits(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let raised = &state.snapshot.topology.quotas;
    let quota = |name: &str, quota| json!({ "Name": name, "Max": quotas::limit(quota, raised).to_string() });
    let fixed = |name: &str, most: usize| json!({ "Name": name, "Max": most.to_string() });
    let all: Vec<Value> = vec![
        fixed("application-load-balancers", 50),
        fixed("target-groups", 3000),
        fixed("target-groups-per-action-on-application-load-balancer", 5),
        quota("target-groups-per-application-load-balancer", Quota::TargetGroupsPerLoadBalancer),
        quota("listeners-per-application-load-balancer", Quota::ListenersPerLoadBalancer),
        quota("rules-per-application-load-balancer", Quota::RulesPerLoadBalancer),
        quota("targets-per-application-load-balancer", Quota::TargetsPerLoadBalancer),
        quota("targets-per-target-group", Quota::TargetsPerTargetGroup),
        quota("certificates-per-application-load-balancer", Quota::CertificatesPerLoadBalancer),
        fixed("condition-values-per-alb-rule", crate::model::rule::Condition::VALUES_PER_RULE),
        fixed("condition-wildcards-per-alb-rule", 6),
    ];
    faults::page("Limits", &all, asked.page_size, asked.marker.as_deref()).map(Decision::members)
}

pub(super) fn ssl_policies(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    if asked.load_balancer_type.as_deref().is_some_and(|kind| kind == "gateway") {
        return Ok(Decision::members(json!({ "SslPolicies": [] })));
    }
    let unknown = asked.names.iter().find(|name| !SSL_POLICIES.contains(&name.as_str()));
    if let Some(unknown) = unknown {
        return Err(faults::refused(&Violation::SslPolicyNotFound(unknown.clone())));
    }
    let is_asked = |policy: &&&str| asked.names.is_empty() || asked.names.iter().any(|name| name == **policy);
    let shape = |policy: &&str| {
        json!({
            "Name": policy,
            "SslProtocols": protocols(policy),
            "Ciphers": [],
            "SupportedLoadBalancerTypes": ["application", "network"],
        })
    };
    let all: Vec<Value> = SSL_POLICIES.iter().filter(is_asked).map(shape).collect();
    faults::page("SslPolicies", &all, asked.page_size, asked.marker.as_deref()).map(Decision::members)
}

/// The versions that a policy's name says (ALB user guide, Security policies for your Application Load Balancer).
fn protocols(policy: &str) -> Vec<&'static str> {
    let versions = ["TLSv1", "TLSv1.1", "TLSv1.2"];
    let oldest = match () {
        () if policy.contains("TLS13-1-3") => 3,
        () if policy.contains("-1-2-") => 2,
        () if policy.contains("-1-1-") => 1,
        () => 0,
    };
    let newest = policy.contains("TLS13").then_some("TLSv1.3");
    newest.into_iter().chain(versions.into_iter().skip(oldest).rev()).collect()
}

/// Nobody has reserved any.
pub(super) fn capacity_reservation(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    Known::of(state).load_balancer(asked.load_balancer_arn.as_deref())?;
    Ok(Decision::members(json!({ "DecreaseRequestsRemaining": 2, "CapacityReservationState": [] })))
}

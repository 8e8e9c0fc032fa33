//! Actions of listeners and rules as the API writes them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, missing, not_one_of, refused};
use super::known::Known;
use crate::alb::limits;
use crate::alb::violation::Violation;
use crate::model::TargetGroupName;
use crate::model::arn::Arn;
use crate::model::rule::{Action, Actions, AuthenticateAction, FixedResponse, Forward, Redirect, WeightedTargetGroup};
use crate::protocols::fault::Fault;

/// Every type.
const TYPES: [&str; 6] =
    ["forward", "authenticate-oidc", "authenticate-cognito", "redirect", "fixed-response", "jwt-validation"];

/// The member of a record that has the actions before the routing action: who the client is matters to nobody here.
pub(super) const BEFORE: &str = "actionsBefore";

/// `Action`
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Given {
    r#type: String,
    order: Option<u32>,
    authenticate_oidc_config: Option<Value>,
    authenticate_cognito_config: Option<Value>,
    jwt_validation_config: Option<Value>,
    target_group_arn: Option<String>,
    forward_config: Option<ForwardConfig>,
    redirect_config: Option<RedirectConfig>,
    fixed_response_config: Option<FixedResponseConfig>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ForwardConfig {
    target_groups: Vec<Tuple>,
    target_group_stickiness_config: StickinessConfig,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Tuple {
    target_group_arn: Option<String>,
    weight: Option<u16>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct StickinessConfig {
    enabled: bool,
    duration_seconds: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RedirectConfig {
    protocol: Option<String>,
    port: Option<String>,
    host: Option<String>,
    path: Option<String>,
    query: Option<String>,
    status_code: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct FixedResponseConfig {
    message_body: Option<String>,
    status_code: Option<String>,
    content_type: Option<String>,
}

/// Actions, and those that are only remembered.
pub(super) struct Read {
    pub(super) actions: Actions,
    pub(super) before: Vec<Value>,
}

/// Reads the actions of a rule, or of a listener's default rule.
///
/// # Errors
///
/// There is not exactly one that routes, at the end, or one says what the API does not take.
pub(super) fn read(known: &Known<'_>, mut given: Vec<Given>) -> Result<Read, Fault> {
    for (number, action) in (1..).zip(&given) {
        if !TYPES.contains(&action.r#type.as_str()) {
            return Err(not_one_of(&action.r#type, &format!("actions.{number}.member.type"), &TYPES));
        }
        if let Some(order) = action.order {
            limits::ORDER.judge(order).map_err(|out| refused(&Violation::from(out)))?;
        }
    }
    // "The action with the lowest value for order is performed first" (Action); one without comes where it stands.
    given.sort_by_key(|action| action.order.unwrap_or_default());
    let (before, mut routing): (Vec<Given>, Vec<Given>) =
        given.into_iter().partition(|action| authentication(&action.r#type).is_some());
    let (Some(last), None) = (routing.pop(), routing.pop()) else {
        return Err(Fault::new(
            "InvalidLoadBalancerAction",
            "You must specify exactly one of the following action types: forward, redirect, or fixed-response",
        ));
    };
    if before.iter().filter_map(|action| action.order).max() > last.order.or(Some(u32::MAX)) {
        return Err(Fault::new(
            "InvalidLoadBalancerAction",
            "The action of type forward, redirect or fixed-response must be the last action to be performed",
        ));
    }
    let kinds = before.iter().filter_map(|action| authentication(&action.r#type)).collect();
    let actions = Actions { before: kinds, routing: last.routing(known)? };
    Ok(Read { actions, before: before.into_iter().map(Given::remembered).collect() })
}

fn authentication(kind: &str) -> Option<AuthenticateAction> {
    match kind {
        "authenticate-oidc" => Some(AuthenticateAction::Oidc),
        "authenticate-cognito" => Some(AuthenticateAction::Cognito),
        "jwt-validation" => Some(AuthenticateAction::JwtValidation),
        _ => None,
    }
}

impl Given {
    /// An action that asks something of the client, as it was sent.
    fn remembered(self) -> Value {
        let mut action = json!({ "Type": self.r#type });
        for (name, config) in [
            ("AuthenticateOidcConfig", self.authenticate_oidc_config),
            ("AuthenticateCognitoConfig", self.authenticate_cognito_config),
            ("JwtValidationConfig", self.jwt_validation_config),
        ] {
            if let Some(mut config) = config {
                // "The client secret … is not returned" (AuthenticateOidcActionConfig).
                config.as_object_mut().map(|members| members.remove("ClientSecret"));
                action[name] = lists(config);
            }
        }
        action
    }

    fn routing(self, known: &Known<'_>) -> Result<Action, Fault> {
        match self.r#type.as_str() {
            "forward" => self.forward(known).map(Action::Forward),
            "redirect" => {
                let config = self.redirect_config.ok_or_else(|| missing("actions.1.member.redirectConfig"))?;
                config.redirect().map(Action::Redirect)
            }
            _ => {
                let config =
                    self.fixed_response_config.ok_or_else(|| missing("actions.1.member.fixedResponseConfig"))?;
                config.response().map(Action::FixedResponse)
            }
        }
    }

    fn forward(self, known: &Known<'_>) -> Result<Forward, Fault> {
        let config = self.forward_config.unwrap_or_default();
        let stickiness = config.target_group_stickiness_config;
        let mut tuples = config.target_groups;
        match (self.target_group_arn, tuples.as_slice()) {
            (Some(arn), []) => tuples.push(Tuple { target_group_arn: Some(arn), weight: None }),
            // "If you specify both … you can specify only one target group using ForwardConfig and it must be the same" (Action).
            (Some(arn), [one]) if one.target_group_arn.as_ref() == Some(&arn) => {}
            (Some(_), _) => {
                return Err(invalid(
                    "You can't specify a target group ARN and a forward configuration with other target groups",
                ));
            }
            (None, []) => return Err(refused(&Violation::NoTargetGroups)),
            (None, _) => {}
        }
        let weighted = |tuple: Tuple| {
            let target_group = group(known, tuple.target_group_arn.as_deref())?;
            Ok(WeightedTargetGroup { target_group, weight: tuple.weight.unwrap_or(1) })
        };
        let target_groups = tuples.into_iter().map(weighted).collect::<Result<_, Fault>>()?;
        if stickiness.enabled && stickiness.duration_seconds.is_none() {
            return Err(missing("actions.1.member.forwardConfig.targetGroupStickinessConfig.durationSeconds"));
        }
        let stickiness_seconds = stickiness.duration_seconds.filter(|_| stickiness.enabled);
        Ok(Forward { target_groups, stickiness_seconds })
    }
}

fn group(known: &Known<'_>, arn: Option<&str>) -> Result<TargetGroupName, Fault> {
    let found = known.target_group(arn);
    let found = found.map_err(|fault| match (&*fault.code, arn) {
        ("TargetGroupNotFound", Some(arn)) => Fault { message: format!("Target group '{arn}' not found"), ..fault },
        _ => fault,
    });
    found.map(|(name, _)| name.clone())
}

impl RedirectConfig {
    fn redirect(self) -> Result<Redirect, Fault> {
        let status_code = match self.status_code.as_deref() {
            Some("HTTP_301") => 301,
            Some("HTTP_302") => 302,
            Some(other) => {
                return Err(not_one_of(other, "actions.1.member.redirectConfig.statusCode", &["HTTP_301", "HTTP_302"]));
            }
            None => return Err(missing("actions.1.member.redirectConfig.statusCode")),
        };
        let defaults = Redirect::with_defaults(status_code);
        Ok(Redirect {
            protocol: self.protocol.unwrap_or(defaults.protocol),
            host: self.host.unwrap_or(defaults.host),
            port: self.port.unwrap_or(defaults.port),
            path: self.path.unwrap_or(defaults.path),
            query: self.query.unwrap_or(defaults.query),
            status_code,
        })
    }
}

impl FixedResponseConfig {
    fn response(self) -> Result<FixedResponse, Fault> {
        let given = self.status_code.ok_or_else(|| missing("actions.1.member.fixedResponseConfig.statusCode"))?;
        let status_code = given.parse().map_err(|_| {
            invalid(format!(
                "1 validation error detected: Value '{given}' at 'actions.1.member.fixedResponseConfig.statusCode' failed to \
                 satisfy constraint: Member must satisfy regular expression pattern: ^(2|4|5)\\d\\d$"
            ))
        })?;
        Ok(FixedResponse {
            status_code,
            content_type: self.content_type.filter(|media| !media.is_empty()),
            message_body: self.message_body.unwrap_or_default(),
        })
    }
}

/// What no structure describes was read as a form spells it: a list is `member`, and numbers below.
fn lists(value: Value) -> Value {
    let Value::Object(mut members) = value else { return value };
    match members.remove("member") {
        Some(Value::Object(numbered)) => {
            let mut items: Vec<(u64, Value)> =
                numbered.into_iter().filter_map(|(number, value)| Some((number.parse().ok()?, lists(value)))).collect();
            items.sort_by_key(|(number, _)| *number);
            items.into_iter().map(|(_, item)| item).collect()
        }
        Some(other) => other,
        None => Value::Object(members.into_iter().map(|(name, value)| (name, lists(value))).collect()),
    }
}

/// As the API returns them: with the defaults that were not said, and a lone target group in both spellings.
pub(super) fn shape(actions: &Actions, before: Option<Value>) -> Vec<Value> {
    let mut shapes: Vec<Value> = match before {
        Some(Value::Array(before)) if before.len() == actions.before.len() => before,
        _ => actions.before.iter().map(|action| json!({ "Type": kind(*action) })).collect(),
    };
    shapes.push(routing(&actions.routing));
    for (number, shape) in (1..).zip(&mut shapes) {
        shape["Order"] = json!(number);
    }
    shapes
}

fn kind(action: AuthenticateAction) -> &'static str {
    match action {
        AuthenticateAction::Oidc => "authenticate-oidc",
        AuthenticateAction::Cognito => "authenticate-cognito",
        AuthenticateAction::JwtValidation => "jwt-validation",
    }
}

fn routing(action: &Action) -> Value {
    match action {
        Action::Forward(forward) => {
            let tuple = |weighted: &WeightedTargetGroup| json!({ "TargetGroupArn": Arn::target_group(&weighted.target_group), "Weight": weighted.weight });
            let stickiness = match forward.stickiness_seconds {
                Some(seconds) => json!({ "Enabled": true, "DurationSeconds": seconds }),
                None => json!({ "Enabled": false }),
            };
            let config = json!({
                "TargetGroups": forward.target_groups.iter().map(tuple).collect::<Vec<_>>(),
                "TargetGroupStickinessConfig": stickiness,
            });
            match forward.target_groups.as_slice() {
                [one] => json!({
                    "Type": "forward",
                    "TargetGroupArn": Arn::target_group(&one.target_group),
                    "ForwardConfig": config,
                }),
                _ => json!({ "Type": "forward", "ForwardConfig": config }),
            }
        }
        Action::Redirect(redirect) => json!({
            "Type": "redirect",
            "RedirectConfig": {
                "Protocol": redirect.protocol,
                "Port": redirect.port,
                "Host": redirect.host,
                "Path": redirect.path,
                "Query": redirect.query,
                "StatusCode": format!("HTTP_{}", redirect.status_code),
            },
        }),
        Action::FixedResponse(fixed) => {
            let mut config = json!({ "StatusCode": fixed.status_code.to_string() });
            if !fixed.message_body.is_empty() {
                config["MessageBody"] = json!(fixed.message_body);
            }
            if let Some(media) = &fixed.content_type {
                config["ContentType"] = json!(media);
            }
            json!({ "Type": "fixed-response", "FixedResponseConfig": config })
        }
    }
}

//! The outer shape of states and plans. Resources of types that say nothing here are skipped unread: these files can have
//! 100 MB.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value as Json;

/// The types that are read. `aws_alb` and the like are other names of `aws_lb`.
const TYPES: &[&str] = &[
    "aws_lb",
    "aws_lb_listener",
    "aws_lb_listener_certificate",
    "aws_lb_listener_rule",
    "aws_lb_target_group",
    "aws_lb_target_group_attachment",
    "aws_ecs_service",
    "aws_ecs_task_definition",
    "aws_security_group",
    "aws_default_security_group",
    "aws_security_group_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_acm_certificate",
    "aws_acm_certificate_validation",
    "aws_secretsmanager_secret",
    "aws_ssm_parameter",
    "aws_route53_record",
    "aws_appautoscaling_target",
    "aws_wafv2_web_acl_association",
    "aws_ecs_express_gateway_service",
];

/// The name of a type without its alias, if it is read.
pub(super) fn wanted(kind: &str) -> Option<&'static str> {
    let kind = kind.replacen("aws_alb", "aws_lb", 1);
    TYPES.iter().copied().find(|known| *known == kind)
}

/// A raw state, version 4.
#[derive(Debug, Deserialize)]
pub(super) struct StateFile {
    #[serde(default)]
    pub(super) resources: Vec<Raw>,
}

/// `show -json`, of a state or of a plan.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ShowFile {
    pub(super) format_version: Option<String>,
    pub(super) values: Option<Values>,
    pub(super) planned_values: Option<Values>,
    pub(super) prior_state: Option<Prior>,
    #[serde(default)]
    pub(super) resource_changes: Vec<Raw>,
    #[serde(default)]
    pub(super) configuration: Configuration,
    #[serde(default)]
    pub(super) errored: bool,
}

/// What a plan was made from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    pub(super) root_module: Json,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Prior {
    pub(super) values: Option<Values>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Values {
    #[serde(default)]
    pub(super) root_module: Module,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Module {
    pub(super) address: String,
    pub(super) resources: Vec<Raw>,
    pub(super) child_modules: Vec<Module>,
}

/// A resource in any of these files.
#[derive(Debug, Default)]
pub(super) struct Raw {
    /// `None` if nothing of it is wanted.
    pub(super) kind: Option<&'static str>,
    pub(super) mode: String,
    pub(super) address: String,
    pub(super) module: String,
    pub(super) name: String,
    pub(super) index: Json,
    pub(super) values: Json,
    pub(super) sensitive: Json,
    pub(super) deposed: bool,
    pub(super) change: Change,
    pub(super) instances: Vec<Instance>,
}

/// What a plan does to a resource.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub(super) actions: Vec<String>,
    pub(super) after_unknown: Json,
}

/// An instance in a raw state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Instance {
    pub(super) index_key: Json,
    pub(super) attributes: Json,
    pub(super) sensitive_attributes: Json,
    pub(super) deposed: Option<IgnoredAny>,
    pub(super) status: Option<String>,
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a resource")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        let text = |value: Option<String>| value.unwrap_or_default();
        // Terraform writes the type before the values. Where it is not, nothing would be known to be wanted.
        while let Some(key) = map.next_key::<String>()? {
            let is_wanted = raw.kind.is_some();
            match key.as_str() {
                "type" => raw.kind = wanted(&map.next_value::<String>()?),
                "mode" => raw.mode = text(map.next_value()?),
                "address" => raw.address = text(map.next_value()?),
                "module" | "module_address" => raw.module = text(map.next_value()?),
                "name" => raw.name = text(map.next_value()?),
                "index" => raw.index = map.next_value()?,
                "deposed" => raw.deposed = map.next_value::<Option<IgnoredAny>>()?.is_some(),
                "values" if is_wanted => raw.values = map.next_value()?,
                "sensitive_values" if is_wanted => raw.sensitive = map.next_value()?,
                "change" if is_wanted => raw.change = map.next_value()?,
                "instances" if is_wanted => raw.instances = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(raw)
    }
}

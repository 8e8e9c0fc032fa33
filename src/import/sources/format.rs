//! What kind of source a file is, by its content.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::source::Refusal;
use super::text;

/// The kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// State of Terraform or OpenTofu, version 4.
    TerraformState,
    /// `terraform show -json` of a state.
    TerraformShow,
    /// `terraform show -json` of a plan.
    TerraformPlan,
    /// What the AWS CLI answers to a `describe-…`.
    Described,
}

/// Keys by which a JSON file is recognised.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Keys {
    version: Option<u64>,
    lineage: Option<IgnoredAny>,
    resources: Option<IgnoredAny>,
    modules: Option<IgnoredAny>,
    planned_values: Option<IgnoredAny>,
    values: Option<IgnoredAny>,
    format_version: Option<IgnoredAny>,
    terraform_version: Option<IgnoredAny>,
    encryption_version: Option<IgnoredAny>,
    #[serde(rename = "@level")]
    level: Option<IgnoredAny>,
    #[serde(rename = "LoadBalancers")]
    load_balancers: Option<IgnoredAny>,
    #[serde(rename = "Listeners")]
    listeners: Option<IgnoredAny>,
    #[serde(rename = "Rules")]
    rules: Option<IgnoredAny>,
    #[serde(rename = "TargetGroups")]
    target_groups: Option<IgnoredAny>,
    services: Option<Services>,
    #[serde(rename = "taskDefinition")]
    task_definition: Option<IgnoredAny>,
    #[serde(rename = "SecurityGroups")]
    security_groups: Option<IgnoredAny>,
    #[serde(rename = "Certificates")]
    certificates: Option<IgnoredAny>,
    #[serde(rename = "Certificate")]
    certificate: Option<IgnoredAny>,
    #[serde(rename = "Attributes")]
    attributes: Option<IgnoredAny>,
    #[serde(rename = "ScalableTargets")]
    scalable_targets: Option<IgnoredAny>,
    status_code: Option<IgnoredAny>,
    data: Option<IgnoredAny>,
}

/// `services` is a list in an answer of ECS, and a map in other files.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Services {
    Answer(#[expect(dead_code, reason = "only its shape counts")] Vec<IgnoredAny>),
    Other(IgnoredAny),
}

const KINDS: &str = "import reads states and plans of Terraform and OpenTofu (`terraform show -json`), templates of \
                     CloudFormation, CDK's cdk.out, and what the AWS CLI answers to `describe-…` calls as JSON";

/// Which kind of source a file is, or why it is none.
pub fn recognise(path: &str, bytes: &[u8]) -> Result<Format, Refusal> {
    let refuse = |what: &str, help: &str| Err(Refusal::new(path, what, help));
    if bytes.starts_with(b"PK") {
        return refuse("it is a plan in Terraform's own format", "write `terraform show -json PLAN > plan.json`");
    }
    let text = text::decode(bytes).map_err(|why| Refusal::new(path, why, KINDS))?;
    let text = text.trim_start();
    if text.is_empty() {
        return refuse("it is empty", "the command that writes it has probably failed");
    }
    if !text.starts_with('{') {
        return by_text(path, text);
    }
    let keys: Keys = match serde_json::Deserializer::from_str(text).into_iter::<Keys>().next() {
        Some(Ok(keys)) => keys,
        Some(Err(error)) => return Err(Refusal::json(path, &error)),
        None => Keys::default(),
    };
    if keys.encryption_version.is_some() {
        return refuse("it is encrypted by OpenTofu", "write `tofu show -json > state.json`, which decrypts it");
    }
    if keys.level.is_some() {
        return refuse(
            "it is the log of a plan (`plan -json`), not the plan",
            "write `terraform plan -out=plan.bin`, then `terraform show -json plan.bin > plan.json`",
        );
    }
    match keys {
        Keys { version: Some(4), resources: Some(_), .. } | Keys { version: Some(4), lineage: Some(_), .. } => {
            Ok(Format::TerraformState)
        }
        Keys { version: Some(version @ 1..=3), modules: Some(_), .. } => Err(Refusal::new(
            path,
            format!("it is a state of version {version}, which Terraform up to 0.11 wrote"),
            "`terraform state pull` with Terraform 0.12 or later writes version 4",
        )),
        Keys { planned_values: Some(_), .. } => Ok(Format::TerraformPlan),
        Keys { values: Some(_), .. } | Keys { format_version: Some(_), terraform_version: Some(_), .. } => {
            Ok(Format::TerraformShow)
        }
        keys if is_answer(&keys) => Ok(Format::Described),
        _ => refuse("it is none of the files that import knows", KINDS),
    }
}

fn is_answer(keys: &Keys) -> bool {
    let recorded = keys.status_code.is_some() && keys.data.is_some();
    let elbv2 = [&keys.load_balancers, &keys.listeners, &keys.rules, &keys.target_groups, &keys.attributes];
    let others =
        [&keys.task_definition, &keys.security_groups, &keys.certificates, &keys.certificate, &keys.scalable_targets];
    let services = matches!(&keys.services, Some(Services::Answer(_)));
    recorded || services || elbv2.iter().chain(&others).any(|key| key.is_some())
}

fn by_text(path: &str, text: &str) -> Result<Format, Refusal> {
    let first = text.lines().next().unwrap_or_default();
    let (what, help) = if path.ends_with(".tf") || path.ends_with(".tofu") {
        (
            "it is configuration, which says what Terraform would evaluate",
            "import its result: `terraform show -json > state.json`, or of a plan",
        )
    } else if first.contains("LOADBALANCERS") || first.starts_with("---") || first.starts_with('|') {
        ("it is an answer of the AWS CLI as text or as a table", "ask for JSON: `aws … --output json`")
    } else if first.ends_with(':') {
        ("it is YAML", "answers of the AWS CLI are read as JSON: `aws … --output json`")
    } else {
        ("it is none of the files that import knows", KINDS)
    };
    Err(Refusal::new(path, what, help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_how_to_be_made_readable() {
        for (bytes, what) in [
            (&b"PK\x03\x04"[..], "own format"),
            (b"", "empty"),
            (br#"{"version":3,"modules":[]}"#, "version 3"),
            (br#"{"meta":{},"encrypted_data":"x","encryption_version":"v0"}"#, "encrypted"),
            (br#"{"@level":"info","type":"version"}"#, "log of a plan"),
            (br#"{"version":4,"resources":[]"#, "ends too early"),
            (b"{\"a\": hunter2}", "line 1"),
            (br#"{"services":{"web":{}}}"#, "none of the files"),
            (b"LoadBalancers:\n- a: b\n", "YAML"),
        ] {
            let refusal = recognise("f.json", bytes).unwrap_err();
            assert!(refusal.what.contains(what), "{refusal:?}");
            assert!(!format!("{refusal:?}").contains("hunter2"));
        }
        assert_eq!(recognise("f", br#"{"version":4,"resources":[]}"#), Ok(Format::TerraformState));
        assert_eq!(recognise("f", br#"{"services":[]}"#), Ok(Format::Described));
        assert_eq!(recognise("f", br#"{"format_version":"1.2","planned_values":{}}"#), Ok(Format::TerraformPlan));
    }
}

//! AWS's `credentials` and `config`: which of a profile's settings lead to credentials. Pure.
//!
//! Source: SDK reference guide, "Using shared config and credentials files to globally configure AWS SDKs and tools".

use crate::model::Redacted;

/// How a profile's credentials are had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// They stand there.
    Keys {
        /// `aws_access_key_id`
        access_key_id: String,
        /// `aws_secret_access_key`
        secret_access_key: Redacted,
        /// `aws_session_token`
        session_token: Option<Redacted>,
    },
    /// `credential_process` prints them.
    Process(String),
    /// In some other way, or the profile does not exist.
    Else,
}

/// Looks for a profile. The first file is `credentials`, which counts more than `config`.
pub(super) fn find(profile: &str, credentials: &str, config: &str) -> Found {
    let of_credentials = settings(credentials, |title| title == profile);
    let of_config = settings(config, |title| match title.strip_prefix("profile ") {
        Some(name) => name.trim() == profile,
        None => title == "default" && profile == "default",
    });
    let keys = |settings: &[(&str, &str)]| {
        Some(Found::Keys {
            access_key_id: value(settings, "aws_access_key_id")?.to_owned(),
            secret_access_key: Redacted::new(value(settings, "aws_secret_access_key")?),
            session_token: value(settings, "aws_session_token").map(Redacted::new),
        })
    };
    // A profile that assumes a role may hold the keys that it does so with.
    if value(&of_config, "role_arn").is_some() {
        return Found::Else;
    }
    let process = || value(&of_config, "credential_process").map(|command| Found::Process(command.to_owned()));
    keys(&of_credentials).or_else(|| keys(&of_config)).or_else(process).unwrap_or(Found::Else)
}

/// The settings of the sections with such a title. Settings that are indented belong to the one above them.
fn settings(text: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let content = line.trim();
        if let Some(title) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            is_inside = is_wanted(title.trim());
        } else if is_inside && !line.starts_with([' ', '\t', '#', ';']) {
            found.extend(content.split_once('=').map(|(name, value)| (name.trim(), value.trim())));
        }
    }
    found
}

fn value<'t>(settings: &[(&'t str, &'t str)], name: &str) -> Option<&'t str> {
    settings.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = of-default

# mine
[dev]
aws_access_key_id=AKIADEV
aws_secret_access_key=of=dev
aws_session_token=token
";
    const CONFIG: &str = "\
[default]
region = us-east-1
[profile process]
credential_process = /opt/keys --for dev
s3 =
  credential_process = no
[profile sso]
sso_session = company
[profile admin]
role_arn = arn:aws:iam::111122223333:role/admin
source_profile = dev
[dev]
aws_access_key_id = not-this-one
";

    fn found(profile: &str) -> Found {
        find(profile, CREDENTIALS, CONFIG)
    }

    fn keys(id: &str, secret: &str, token: Option<&str>) -> Found {
        Found::Keys {
            access_key_id: id.to_owned(),
            secret_access_key: Redacted::new(secret),
            session_token: token.map(Redacted::new),
        }
    }

    #[test]
    fn keys_and_processes_are_found_and_everything_else_is_not() {
        assert_eq!(found("default"), keys("AKIADEFAULT", "of-default", None));
        assert_eq!(found("dev"), keys("AKIADEV", "of=dev", Some("token")));
        assert_eq!(found("process"), Found::Process("/opt/keys --for dev".to_owned()));
        assert_eq!([found("sso"), found("admin"), found("nobody")], [Found::Else, Found::Else, Found::Else]);
    }

    #[test]
    fn no_key_is_printed() {
        let printed = format!("{:?}", found("dev"));
        assert!(!printed.contains("of=dev") && !printed.contains("token\""), "{printed}");
    }
}

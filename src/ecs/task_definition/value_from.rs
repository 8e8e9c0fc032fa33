//! Parses `valueFrom` of a secret (ECS developer guide, "Pass Secrets Manager secrets through Amazon ECS environment
//! variables").

/// The parsed `valueFrom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueFrom {
    /// ARN or name, without suffixes.
    pub secret: String,
    /// The key, if the value is a JSON object.
    pub json_key: Option<String>,
    /// The label of a version, e.g. `AWSPREVIOUS`.
    pub version_stage: Option<String>,
    /// The id of a version.
    pub version_id: Option<String>,
}

impl ValueFrom {
    /// What names the value: the secret, with its version if one is requested.
    pub fn value(&self) -> String {
        match (&self.version_stage, &self.version_id) {
            (None, None) => self.secret.clone(),
            (stage, id) => {
                let text = |part: &Option<String>| part.clone().unwrap_or_default();
                format!("{}::{}:{}", self.secret, text(stage), text(id))
            }
        }
    }
}

/// Parses a `valueFrom`, or returns the problem.
pub fn parse(text: &str) -> Result<ValueFrom, &'static str> {
    if text.trim().is_empty() {
        return Err("it is empty");
    }
    let Some(rest) = text.strip_prefix("arn:") else {
        return Ok(ValueFrom { secret: text.to_owned(), json_key: None, version_stage: None, version_id: None });
    };
    let parts: Vec<&str> = rest.split(':').collect();
    match parts.as_slice() {
        [_, "ssm", _, _, parameter, ..] => {
            if !parameter.starts_with("parameter/") {
                return Err("an SSM ARN ends with `parameter/NAME`");
            }
            Ok(ValueFrom { secret: text.to_owned(), json_key: None, version_stage: None, version_id: None })
        }
        [partition, "secretsmanager", region, account, "secret", name, extra @ ..] => {
            if !matches!(extra.len(), 0 | 3) {
                return Err(
                    "after the name come three parts, each possibly empty: `:json-key:version-stage:version-id`",
                );
            }
            let part = |index: usize| extra.get(index).filter(|part| !part.is_empty());
            if part(1).is_some() && part(2).is_some() {
                return Err("version-stage and version-id exclude each other");
            }
            Ok(ValueFrom {
                secret: format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}"),
                json_key: part(0).map(|key| (*key).to_owned()),
                version_stage: part(1).map(|stage| (*stage).to_owned()),
                version_id: part(2).map(|id| (*id).to_owned()),
            })
        }
        _ => Err("it is neither the ARN of a secret nor of an SSM parameter"),
    }
}

/// The names under which the user may give a secret's value: the name in `valueFrom`; the name without the six random
/// characters that Secrets Manager adds; the bare name; the parameter's path. The value of a version has the same names
/// with `::version-stage:version-id` after them.
pub fn aliases(value: &str) -> Vec<String> {
    match value.split_once("::") {
        Some((secret, version)) if value.starts_with("arn:") => {
            aliases_of_secret(secret).into_iter().map(|name| format!("{name}::{version}")).collect()
        }
        _ => aliases_of_secret(value),
    }
}

fn aliases_of_secret(secret: &str) -> Vec<String> {
    let mut names = vec![secret.to_owned()];
    let name = match secret.split_once(":secret:") {
        Some((_, name)) => name,
        None => match secret.split_once(":parameter") {
            Some((_, name)) => name,
            None => return names,
        },
    };
    names.push(name.to_owned());
    if let Some((stem, suffix)) = name.rsplit_once('-')
        && suffix.len() == 6
        && suffix.chars().all(|c| c.is_ascii_alphanumeric())
    {
        names.push(stem.to_owned());
        names.push(secret[..secret.len() - suffix.len() - 1].to_owned());
    }
    if let Some(bare) = name.strip_prefix('/') {
        names.push(bare.to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-AbCdEf";

    #[test]
    fn the_parts_after_the_name_are_told_apart() {
        for (extra, json_key, value) in [
            ("", None, ARN.to_owned()),
            (":username::", Some("username"), ARN.to_owned()),
            ("::AWSPREVIOUS:", None, format!("{ARN}::AWSPREVIOUS:")),
            (":k::0d2c", Some("k"), format!("{ARN}:::0d2c")),
        ] {
            let read = parse(&format!("{ARN}{extra}")).unwrap();
            assert_eq!((read.secret.as_str(), read.json_key.as_deref(), read.value()), (ARN, json_key, value));
        }
        assert!(parse(&format!("{ARN}:username")).is_err());
        assert!(parse(&format!("{ARN}:k:stage:id")).is_err());
        assert!(parse("arn:aws:s3:::bucket").is_err());
        assert_eq!(parse("OPENAI_API_KEY").unwrap().secret, "OPENAI_API_KEY");
    }

    #[test]
    fn a_secret_answers_to_its_short_names() {
        assert!(aliases(ARN).contains(&"app/db".to_owned()));
        assert!(aliases(ARN).contains(&"app/db-AbCdEf".to_owned()));
        assert!(aliases("arn:aws:ssm:us-east-1:111122223333:parameter/app/key").contains(&"app/key".to_owned()));
        assert_eq!(aliases("plain"), ["plain"]);
        assert!(aliases(&format!("{ARN}::AWSPREVIOUS:")).contains(&"app/db::AWSPREVIOUS:".to_owned()));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(arn:)?[a-z:/é-]{0,60}") {
            let _ = parse(&text);
            let _ = aliases(&text);
        }
    }
}

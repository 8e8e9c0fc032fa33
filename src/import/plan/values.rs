//! Values of which some parts are variables of the person who runs the stack: build arguments, what the pipeline adds
//! to the environment, secrets.

use super::draft::Draft;
use crate::pipeline::found::Edit;
use crate::pipeline::text;
use crate::pipeline::text::Piece;
use crate::plan::value::{Part, Value};

/// Variables that must be set, and what for.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) list: Vec<(String, String)>,
}

impl Variables {
    fn demand(&mut self, name: &str, what: &str) {
        if !self.list.iter().any(|(known, _)| known == name) {
            self.list.push((name.to_owned(), what.to_owned()));
        }
    }

    /// A text of the pipeline as a value: settings of the repository become variables of the same name, and what only
    /// the runner knows (a commit, a number) becomes an optional one that is named after where it goes.
    pub(super) fn value(&mut self, text: &str, goes_to: &str, what: &str) -> Value {
        let mut parts = Vec::new();
        for piece in text::pieces(text) {
            parts.push(match piece {
                Piece::Known(text) => Part::Text(text),
                Piece::Unknown(origin) => match setting(&origin) {
                    Some(name) => {
                        self.demand(&name, what);
                        Part::Variable { name, default: None }
                    }
                    None => Part::Variable { name: variable_name(goes_to), default: Some(String::new()) },
                },
            });
        }
        Value(parts)
    }
}

/// The variable that stands for a setting of the repository; `None` for what only the runner knows.
fn setting(origin: &str) -> Option<String> {
    let name = ["vars.", "secrets.", "env.", "inputs.", "github.event.inputs.", "$"]
        .iter()
        .find_map(|prefix| origin.strip_prefix(prefix))?;
    let name = name.trim_start_matches('{').trim_end_matches('}');
    let runners = ["GITHUB_", "RUNNER_", "CI_", "CODEBUILD_", "BUILD_", "BITBUCKET_", "CIRCLE_", "TRAVIS_", "ACTIONS_"];
    let plain = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (plain && !runners.iter().any(|prefix| name.starts_with(prefix))).then(|| variable_name(name))
}

/// A name that a shell takes for a variable's.
fn variable_name(text: &str) -> String {
    let name: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// What the pipeline adds to the environment of containers.
pub(super) fn environment(
    draft: &Draft<'_>,
    variables: &mut Variables,
    notes: &mut Vec<String>,
) -> Vec<(String, Vec<(String, Value)>)> {
    let mut all: Vec<(String, Vec<(String, Value)>)> = Vec::new();
    for edit in &draft.chosen.edits {
        let (name, added) = match edit {
            Edit::Environment(name, added) => (name, added),
            Edit::Other(container, what) => {
                notes.push(format!(
                    "the workflow sets {what} of `{}` when it deploys; neargate.yaml has no key for that",
                    text::show(container)
                ));
                continue;
            }
            _ => continue,
        };
        let Some((_, container)) = draft.containers().find(|(_, known)| known.name == *name) else { continue };
        for (name, value) in added {
            // AWS refuses a variable that is a secret as well.
            if container.secrets.iter().any(|(secret, ..)| secret == name) {
                continue;
            }
            let from_task = container.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            let value = match from_task {
                Some(known) if known == value => continue,
                // The task definition has a value already, which the variable may override.
                Some(default) if !text::is_known(value) => {
                    Value(vec![Part::Variable { name: variable_name(name), default: Some(default.clone()) }])
                }
                _ if text::is_known(value) => Value::text(value),
                _ => variables.value(value, name, &format!("environment of `{}`", container.name)),
            };
            let entry = match all.iter_mut().position(|(known, _)| *known == container.name) {
                Some(at) => &mut all[at].1,
                None => {
                    all.push((container.name.clone(), Vec::new()));
                    let last = all.len() - 1;
                    &mut all[last].1
                }
            };
            entry.retain(|(known, _)| known != name);
            entry.push((name.clone(), value));
        }
    }
    all
}

/// JSON key and variable.
type Wish = (Option<String>, String);

/// A value for every secret that a container asks for.
pub(super) fn secrets(
    drafts: &[Draft<'_>],
    variables: &mut Variables,
    notes: &mut Vec<String>,
) -> Vec<(String, Value)> {
    let mut by_secret: Vec<(String, Vec<Wish>)> = Vec::new();
    // What each variable stands for: two secrets must not share one.
    let mut owners: Vec<(String, (String, Option<String>))> = Vec::new();
    for draft in drafts {
        for (_, container) in draft.containers() {
            for (name, secret, key) in &container.secrets {
                let origin = (secret.clone(), key.clone());
                let mut variable = variable_name(name);
                if owners.iter().any(|(known, owner)| *known == variable && *owner != origin) {
                    variable = variable_name(&format!("{}_{name}", container.name.to_uppercase()));
                }
                owners.push((variable.clone(), origin));
                let wishes = match by_secret.iter_mut().find(|(known, _)| known == secret) {
                    Some((_, wishes)) => wishes,
                    None => {
                        by_secret.push((secret.clone(), Vec::new()));
                        let last = by_secret.len() - 1;
                        &mut by_secret[last].1
                    }
                };
                if !wishes.iter().any(|(known, _)| known == key) {
                    variables.demand(&variable, &format!("secret of `{}`", container.name));
                    wishes.push((key.clone(), variable));
                }
            }
        }
        for (index, container) in draft.containers() {
            if let Some(credentials) = container.credentials.as_ref().filter(|_| draft.builds[index].is_none()) {
                notes.push(format!(
                    "`{}` is pulled with your own docker login: `secrets` has no value for {credentials}",
                    container.name
                ));
            }
        }
    }
    by_secret.into_iter().map(|(secret, wishes)| (secret, secret_value(&wishes))).collect()
}

/// The variable itself, or a JSON object with a variable for each key.
fn secret_value(wishes: &[Wish]) -> Value {
    let keyed: Vec<(&String, &String)> = wishes.iter().filter_map(|(key, name)| Some((key.as_ref()?, name))).collect();
    if keyed.is_empty() {
        return Value::variable(wishes.first().map_or("", |(_, name)| name));
    }
    let mut parts = vec![Part::Text("{".to_owned())];
    for (index, (key, name)) in keyed.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        parts.push(Part::Text(format!("{comma}{}:\"", serde_json::Value::from(key.as_str()))));
        parts.push(Part::Variable { name: (*name).clone(), default: None });
        parts.push(Part::Text("\"".to_owned()));
    }
    parts.push(Part::Text("}".to_owned()));
    Value(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_demanded_and_what_the_runner_knows_is_not() {
        let mut variables = Variables::default();
        let text = format!("{}-{}", text::unknown("vars.API_URL"), text::unknown("github.sha"));
        let value = variables.value(&text, "VERSION", "x");
        let variable = |name: &str, default: Option<&str>| Part::Variable {
            name: name.to_owned(),
            default: default.map(str::to_owned),
        };
        assert_eq!(value.0, [variable("API_URL", None), Part::Text("-".to_owned()), variable("VERSION", Some(""))]);
        assert_eq!(variables.list, [("API_URL".to_owned(), "x".to_owned())]);
        for runner in ["$GITHUB_SHA", "$(date …)", "steps.a.outputs.b", "secrets.GITHUB_TOKEN"] {
            assert_eq!(setting(runner), None, "{runner}");
        }
    }

    #[test]
    fn keys_of_a_secret_are_an_object() {
        let wishes = [(Some("us\"er".to_owned()), "DB_USER".to_owned()), (None, "ALL".to_owned())];
        let value = secret_value(&wishes);
        assert_eq!(value.0[1], Part::Text("\"us\\\"er\":\"".to_owned()));
    }
}

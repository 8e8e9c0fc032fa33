//! The reference page of `neargate.yaml`: the schema, for people.

use serde_json::{Map, Value};

const INTRODUCTION: &str = "\
# neargate.yaml

<!-- Generated from src/config/file/ by `UPDATE_EXPECTED=1 cargo test --test it config`; edits here are lost. -->

One file describes one or more load balancers, their target groups and the services behind them. Commands look for it in
the working directory and its parents. Names are those of Terraform's `aws_lb`, `aws_lb_listener`, `aws_lb_listener_rule`,
`aws_lb_target_group` and `aws_ecs_service` where they exist; task definitions have the format of the ECS API.

- `${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${VAR:?message}`, `${VAR:+text}` and `$$` in values mean what they mean
  in Compose, except that an unset variable is a mistake. Variables come from `.env` next to the file, or from the files
  that `--env-file` names (repeatable; later files win); the process's environment overrides them all. A `$` before
  anything else is literal. `neargate check --no-env` uses placeholders for unset variables, with a warning, for jobs that
  have no secrets.
- Keys that begin with `x-` are yours. YAML anchors, aliases and `<<` work.
- An unknown key is a mistake. `neargate check` reports all mistakes at once, and how it treats every AWS field.
- For completion in an editor, start the file with
  `# yaml-language-server: $schema=https://raw.githubusercontent.com/neargate/neargate/main/schema/neargate.schema.json`.
- [fidelity.md](fidelity.md) says how neargate treats each AWS field.

## Several files

`neargate.override.yaml` next to the file is merged over it: use it for settings of your machine. `-f` names the files
explicitly: `neargate -f neargate.yaml -f ci.yaml up` (or `NEARGATE_FILE=neargate.yaml:ci.yaml`). Relative paths are
relative to the first one. A message about a mistake names the file that contains it. As in Compose:

- Mappings are merged key by key, single values are replaced, lists get the later elements that they do not have.
- Elements of `listeners` are merged by `port`, of `rules` by `priority`, of `load_balancers` by `target_group`.
- An `action`, a `default_action`, `conditions`, a `transform`, a `certificate` and `domain` are replaced as a whole.
- `key: !reset null` removes a key, `key: !override [ … ]` replaces instead of merging.
";

/// The page that is checked in at `docs/configuration.md`.
pub fn markdown() -> String {
    let schema = super::schema::value();
    let mut page = INTRODUCTION.to_owned();
    let empty = Map::new();
    let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    section(&mut page, "The file", &schema, definitions);
    // In the order in which the page mentions them, so that it reads from the outside in.
    let mut seen: Vec<String> = Vec::new();
    let mut queue = mentioned(&schema);
    while !queue.is_empty() {
        let name = queue.remove(0);
        if seen.contains(&name) {
            continue;
        }
        let Some(definition) = definitions.get(&name) else { continue };
        if definition.get("properties").is_some() {
            section(&mut page, &title(&name), definition, definitions);
        }
        queue.extend(mentioned(definition));
        seen.push(name);
    }
    page
}

/// `TargetGroupFile` as `Target group`.
fn title(name: &str) -> String {
    let stem = name.strip_suffix("File").unwrap_or(name);
    let mut out = String::new();
    for (index, c) in stem.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

/// Names of the definitions that a schema refers to, in order.
fn mentioned(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| *key != "$defs")
            .flat_map(|(key, value)| match value.as_str().filter(|_| key == "$ref") {
                Some(reference) => vec![definition_name(reference)],
                None => mentioned(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(mentioned).collect(),
        _ => Vec::new(),
    }
}

fn definition_name(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or(reference).to_owned()
}

fn section(page: &mut String, title: &str, schema: &Value, definitions: &Map<String, Value>) {
    let text = |value: &Value| value.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
    page.push_str(&format!("\n## {title}\n\n{}\n\n| key | value | |\n|---|---|---|\n", text(schema)));
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, value) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let must = if required.contains(&key.as_str()) { " **required**" } else { "" };
        let kind = kind(value, definitions).replace('|', "\\|");
        page.push_str(&format!("| `{key}`{must} | {kind} | {} |\n", text(value).replace('|', "\\|")));
    }
}

/// The accepted values, in words.
fn kind(schema: &Value, definitions: &Map<String, Value>) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = definition_name(reference);
        return match definitions.get(&name) {
            Some(definition) if definition.get("properties").is_none() => kind(definition, definitions),
            _ => format!("[{}](#{})", title(&name).to_lowercase(), anchor(&title(&name))),
        };
    }
    if let Some(words) = words(schema) {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        // A variable reference in place of a number goes without saying.
        let mut kinds: Vec<String> = choices
            .iter()
            .filter(|choice| choice.get("pattern").is_none())
            .map(|choice| kind(choice, definitions))
            .collect();
        kinds.dedup();
        return kinds.join(", or ");
    }
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "array" => {
            let items = schema.get("items").map_or("anything".to_owned(), |items| self::kind(items, definitions));
            format!("list: {items}")
        }
        Some(Value::String(kind)) if kind == "object" => match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => format!("by name: {}", self::kind(values, definitions)),
            _ => "mapping".to_owned(),
        },
        Some(Value::String(kind)) if kind == "integer" => "whole number".to_owned(),
        Some(Value::String(kind)) if kind == "boolean" => "true or false".to_owned(),
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(_)) => "text".to_owned(),
        _ => "anything".to_owned(),
    }
}

/// The words of a closed list.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return Some(list.iter().filter_map(Value::as_str).collect());
    }
    let choices = schema.get("oneOf").and_then(Value::as_array)?;
    choices.iter().map(|choice| choice.get("const").and_then(Value::as_str)).collect()
}

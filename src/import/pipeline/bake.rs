//! Bake files of buildx: HCL, JSON and Compose.

use std::collections::BTreeMap;

use super::compose;
use super::found::Build;
use super::hcl::{self, Block, Hcl};
use super::paths::join;
use super::scope::Scope;
use super::text::{Text, from_file, unknown};
use neargate_config::init_support::yaml;
use neargate_config::text::tree::{Node, Value};

/// Notes what `bake` builds: the targets of these files, `default` if none is named.
pub(super) fn build(files: &[String], targets: &[String], folder: &str, scope: &mut Scope<'_>) {
    let usual = [
        "compose.yaml",
        "compose.yml",
        "docker-compose.yml",
        "docker-compose.yaml",
        "docker-bake.json",
        "docker-bake.hcl",
        "docker-bake.override.hcl",
    ];
    let given: Vec<String> = files.iter().map(|file| scope.path(folder, file)).collect();
    let files: Vec<String> = if given.is_empty() {
        usual.iter().map(|file| join(folder, file)).filter(|file| scope.repository.has(file)).collect()
    } else {
        given
    };
    let mut blocks: Vec<Block> = Vec::new();
    for file in &files {
        let Some(text) = scope.repository.text(file).map(from_file) else { continue };
        if file.ends_with(".hcl") {
            blocks.extend(hcl::blocks(&text));
        } else if file.ends_with(".json") {
            blocks.extend(of_json(&text));
        } else {
            let variables = |name: &str| scope.env.get(name).cloned();
            let services = compose::of_file(scope.repository, file, &variables);
            for service in services.into_iter().filter(|service| targets.is_empty() || targets.contains(&service.name))
            {
                let built = service.into_build(scope.place(), scope.job, scope.step.clone());
                scope.pipeline.builds.push(built);
            }
        }
    }
    let wanted: Vec<String> = if targets.is_empty() { vec!["default".to_owned()] } else { targets.to_vec() };
    let variables = variables(&blocks, scope);
    for name in members(&blocks, &wanted, 0) {
        let Some(attributes) = inherited(&blocks, &name, 0) else { continue };
        let text = |key: &str| match attributes.get(key) {
            Some(Hcl::Text(text)) => Some(replaced(text, &variables)),
            _ => None,
        };
        let context = scope.path(folder, &text("context").unwrap_or_default());
        let dockerfile = join(&context, &text("dockerfile").unwrap_or_else(|| "Dockerfile".to_owned()));
        let images = match attributes.get("tags") {
            Some(Hcl::List(tags)) => tags
                .iter()
                .filter_map(|tag| match tag {
                    Hcl::Text(tag) => Some(replaced(tag, &variables)),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        let args = match attributes.get("args") {
            Some(Hcl::Map(args)) => args
                .iter()
                .filter_map(|(key, value)| match value {
                    Hcl::Text(value) => Some((key.clone(), replaced(value, &variables))),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        let (place, job, step) = (scope.place(), scope.job, scope.step.clone());
        let target = text("target");
        scope.pipeline.builds.push(Build {
            place,
            job,
            step,
            context,
            dockerfile,
            args,
            target,
            images,
            names: vec![name],
        });
    }
}

/// JSON has the same shape: `{"target": {"web": {…}}}`.
fn of_json(text: &str) -> Vec<Block> {
    fn value(node: &Node) -> Hcl {
        match &node.value {
            Value::Scalar(_) => node.text().map_or(Hcl::Other, |text| Hcl::Text(text.to_owned())),
            Value::List(items) => Hcl::List(items.iter().map(value).collect()),
            Value::Map(entries) => {
                Hcl::Map(entries.iter().map(|entry| (entry.key.clone(), value(&entry.value))).collect())
            }
        }
    }
    let Some(root) = yaml(text) else { return Vec::new() };
    let mut blocks = Vec::new();
    for kind in ["variable", "group", "target"] {
        let Some(Hcl::Map(named)) = root.get(kind).map(value) else { continue };
        for (label, attributes) in named {
            if let Hcl::Map(attributes) = attributes {
                blocks.push(Block { kind: kind.to_owned(), label, attributes });
            }
        }
    }
    blocks
}

/// Variables with what the environment or the file says.
fn variables(blocks: &[Block], scope: &Scope<'_>) -> BTreeMap<String, Text> {
    let variables = blocks.iter().filter(|block| block.kind == "variable");
    variables
        .map(|block| {
            let default = match block.attributes.get("default") {
                Some(Hcl::Text(text)) => Some(text.clone()),
                _ => None,
            };
            let value = scope.env.get(&block.label).cloned().or(default);
            (block.label.clone(), value.unwrap_or_else(|| unknown(&format!("${}", block.label))))
        })
        .collect()
}

/// Targets of these names, and of the groups among them.
fn members(blocks: &[Block], names: &[String], depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        let group = blocks.iter().find(|block| block.kind == "group" && block.label == *name);
        match group.map(|group| group.attributes.get("targets")) {
            Some(Some(Hcl::List(targets))) if depth < 10 => {
                let inner: Vec<String> = targets
                    .iter()
                    .filter_map(|target| match target {
                        Hcl::Text(name) => Some(name.clone()),
                        _ => None,
                    })
                    .collect();
                found.extend(members(blocks, &inner, depth + 1));
            }
            _ if blocks.iter().any(|block| block.kind == "target" && block.label == *name) => found.push(name.clone()),
            _ => {}
        }
    }
    found
}

/// The attributes of a target over those that it inherits.
fn inherited(blocks: &[Block], name: &str, depth: usize) -> Option<BTreeMap<String, Hcl>> {
    let block = blocks.iter().find(|block| block.kind == "target" && block.label == name)?;
    let mut attributes = BTreeMap::new();
    if let Some(Hcl::List(parents)) = block.attributes.get("inherits").filter(|_| depth < 10) {
        for parent in parents {
            if let Hcl::Text(parent) = parent {
                attributes.extend(inherited(blocks, parent, depth + 1).unwrap_or_default());
            }
        }
    }
    attributes.extend(block.attributes.clone());
    Some(attributes)
}

fn replaced(text: &str, variables: &BTreeMap<String, Text>) -> Text {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let Some((name, after)) = rest[at + 2..].split_once('}') else { break };
        out.push_str(&variables.get(name.trim()).cloned().unwrap_or_else(|| unknown(&format!("${name}"))));
        rest = after;
    }
    out + rest
}

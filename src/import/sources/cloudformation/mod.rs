//! CloudFormation templates and CDK's cloud assemblies.
//!
//! ```text
//!  files ──tree──► Node ──stack──► Stacks ──evaluate──► Evaluated ──resources──► Objects
//!         (short tags)    (parameters, nested stacks)   (ropes, tokens)
//! ```
//! A function's result may hold tokens: attributes of resources that only AWS knows. In the place of a link a token says
//! which object is meant; in other places the value is not known, and says so.

mod assembly;
mod conditions;
mod evaluate;
mod functions;
mod objects;
mod resources;
mod scope;
mod stack;
#[cfg(test)]
mod tests;
mod tree;
mod value;

use super::source::{Refusal, SourceFile};
use super::text;
use crate::objects::Objects;
use stack::{Parameters, Stack, Stacks};
use tree::Node;

/// What of the files is CloudFormation's.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    templates: Vec<(String, Node)>,
    parameters: Parameters,
    assemblies: Vec<assembly::Assembly>,
    /// Paths of the files that need no other reader.
    pub(crate) taken: Vec<String>,
    /// Files that are CloudFormation's and cannot be read.
    pub(crate) refusals: Vec<Refusal>,
}

/// Finds templates, files of parameters and assemblies among the files.
pub(crate) fn claim(files: &[SourceFile]) -> Claim {
    let mut claim = Claim::default();
    for file in files.iter().filter(|file| assembly::is_manifest(file)) {
        match assembly::read(file, files) {
            Ok(assembly) => {
                claim.taken.extend(assembly.files.iter().cloned());
                claim.assemblies.push(assembly);
            }
            Err(refusal) => {
                let folder = assembly::folder(&file.path);
                claim
                    .taken
                    .extend(files.iter().filter(|file| file.path.starts_with(folder)).map(|file| file.path.clone()));
                claim.refusals.push(refusal);
            }
        }
    }
    // A stage's assembly is part of the whole, which names it.
    let whole: Vec<String> = claim.assemblies.iter().flat_map(|assembly| assembly.stages.clone()).collect();
    claim.assemblies.retain(|assembly| !whole.contains(&assembly.manifest));
    for file in files {
        if claim.taken.contains(&file.path) {
            continue;
        }
        let Ok(text) = text::decode(&file.bytes) else { continue };
        if let Some(parameters) = Parameters::read(&text) {
            claim.parameters.extend(parameters);
            claim.taken.push(file.path.clone());
        } else if is_template(&text) {
            claim.taken.push(file.path.clone());
            match template(&file.path, &text) {
                Ok(node) => claim.templates.push((file.path.clone(), node)),
                Err(refusal) => claim.refusals.push(refusal),
            }
        }
    }
    claim
}

/// By the words that every template has; the parser decides the rest.
fn is_template(text: &str) -> bool {
    let has = |key: &str| text.contains(&format!("{key}:")) || text.contains(&format!("\"{key}\""));
    (has("Resources") && (text.contains("AWS::") || text.contains("Custom::"))) || has("TemplateBody")
}

/// The template of a file, or of the answer of `get-template` in it.
fn template(path: &str, text: &str) -> Result<Node, Refusal> {
    let node = tree::parse(text).map_err(|(what, (line, column))| {
        Refusal::new(
            path,
            format!("{what} (line {line}, column {column})"),
            "`aws cloudformation validate-template` shows more",
        )
    })?;
    let node = match node.get("TemplateBody") {
        Some(body) => match body.text() {
            Some(text) => return template(path, text),
            None => body.clone(),
        },
        None => node,
    };
    if node.get("Resources").is_none() {
        return Err(Refusal::new(path, "the template has no `Resources`", "give the template of the stack"));
    }
    for name in node.get("Transform").into_iter().flat_map(Node::one_or_more) {
        let name = name.text().unwrap_or("AWS::Include");
        if !EVALUATED.contains(&name) {
            return Err(Refusal::new(
                path,
                format!("the macro `{name}` changes the template, and only AWS can run it"),
                "give the result: `aws cloudformation get-template --template-stage Processed --stack-name STACK`",
            ));
        }
    }
    Ok(node)
}

/// Transforms that need no AWS: extensions of the language that are evaluated here, and those that leave alone what serves HTTP.
const EVALUATED: &[&str] = &[
    "AWS::LanguageExtensions",
    "AWS::Serverless-2016-10-31",
    "AWS::CodeDeployBlueGreen",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
];

impl Claim {
    /// The objects of all templates. They may import each other's values, and be nested in one another.
    pub(crate) fn read(self) -> Objects {
        let mut stacks = Stacks::default();
        let mut assets = Vec::new();
        let mut paths = Vec::new();
        for assembly in self.assemblies {
            let (found, images, names) = assembly.into_parts();
            stacks.list.extend(found);
            assets.extend(images);
            paths.extend(names);
        }
        for (path, node) in self.templates {
            stacks.list.push(Stack::new(&path, node, &self.parameters));
        }
        stacks.nest();
        resources::read(&stacks, &assets, &paths)
    }
}

//! Stacks: templates with the values of their parameters, and how they belong together.

use std::collections::BTreeMap;

use super::tree::{self, Node};

/// Values of parameters: from files, and from what `describe-stacks` answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    /// For every template.
    all: BTreeMap<String, String>,
    /// By the stack's name.
    of_stack: BTreeMap<String, BTreeMap<String, String>>,
    /// What deployed stacks export.
    exports: BTreeMap<String, String>,
}

impl Parameters {
    /// Parameters as the CLI, CodePipeline and `describe-stacks` write them, or as `KEY=VALUE` lines; nothing if it is another file.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut read = Self::default();
        if text.trim_start().starts_with(['[', '{']) {
            let node = tree::parse(text).ok()?;
            if let Some(parameters) = node.get("Parameters").filter(|_| node.get("Resources").is_none()) {
                for (name, value) in parameters.entries() {
                    read.all.insert(name.clone(), value.text()?.to_owned());
                }
                return Some(read);
            }
            if let Some(stacks) = node.get("Stacks") {
                for stack in stacks.list() {
                    let name = stack.get("StackName")?.text()?.to_owned();
                    read.of_stack.insert(name, pairs(stack.get("Parameters"))?);
                    for output in stack.get("Outputs").into_iter().flat_map(Node::list) {
                        if let (Some(name), Some(value)) = (output.get("ExportName"), output.get("OutputValue")) {
                            read.exports.insert(name.text()?.to_owned(), value.text()?.to_owned());
                        }
                    }
                }
                return Some(read);
            }
            let first = node.list().first()?;
            first.get("ParameterKey")?;
            read.all = pairs(Some(&node))?;
            return Some(read);
        }
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        for line in &lines {
            let (name, value) = line.split_once('=')?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return None;
            }
            read.all.insert(name.to_owned(), value.trim_matches('"').to_owned());
        }
        (!lines.is_empty()).then_some(read)
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.all.extend(more.all);
        self.of_stack.extend(more.of_stack);
        self.exports.extend(more.exports);
    }
}

fn pairs(list: Option<&Node>) -> Option<BTreeMap<String, String>> {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let items = list.into_iter().flat_map(Node::list);
    // `UsePreviousValue` says nothing about the value.
    items
        .filter(|item| item.get("UsePreviousValue").is_none())
        .map(|item| Some((text(item, "ParameterKey")?, text(item, "ParameterValue")?)))
        .collect()
}

/// A template and what it is evaluated with.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) root: Node,
    pub(super) given: BTreeMap<String, String>,
    pub(super) exports: BTreeMap<String, String>,
    pub(super) account: String,
    pub(super) region: String,
    /// The stack and the resource that nest it.
    pub(super) parent: Option<(usize, String)>,
}

/// AWS's account number for examples.
const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";

impl Stack {
    /// The stack of a template, named after its file.
    pub(super) fn new(path: &str, root: Node, parameters: &Parameters) -> Self {
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let stem = file.split('.').next().unwrap_or(file);
        let mut given = parameters.all.clone();
        let deployed = match parameters.of_stack.get(stem) {
            Some(values) => Some(values),
            None if parameters.of_stack.len() == 1 => parameters.of_stack.values().next(),
            None => None,
        };
        for (name, value) in deployed.into_iter().flatten() {
            // `describe-stacks` shows a value with `NoEcho` as asterisks.
            given.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let exports = parameters.exports.clone();
        let (account, region) = (ACCOUNT.to_owned(), REGION.to_owned());
        Self { name: stem.to_owned(), file: path.to_owned(), root, given, exports, account, region, parent: None }
    }

    /// In an environment of CDK: `aws://ACCOUNT/REGION`.
    pub(super) fn within(mut self, environment: &str) -> Self {
        if let Some((account, region)) = environment.strip_prefix("aws://").and_then(|rest| rest.split_once('/')) {
            if !account.starts_with("unknown") {
                self.account = account.to_owned();
            }
            if !region.starts_with("unknown") {
                self.region = region.to_owned();
            }
        }
        self
    }

    pub(super) fn resource(&self, id: &str) -> Option<&Node> {
        self.root.get("Resources")?.get(id)
    }

    pub(super) fn kind(&self, id: &str) -> &str {
        self.resource(id).and_then(|resource| resource.get("Type")).and_then(Node::text).unwrap_or_default()
    }
}

/// All stacks.
#[derive(Clone, Debug, Default)]
pub(super) struct Stacks {
    pub(super) list: Vec<Stack>,
}

impl Stacks {
    /// Finds the templates of nested stacks by the name of their file.
    pub(super) fn nest(&mut self) {
        let mut found = Vec::new();
        for (at, stack) in self.list.iter().enumerate() {
            for (id, resource) in stack.root.get("Resources").map_or(&[][..], Node::entries) {
                let kind = resource.get("Type").and_then(Node::text);
                if !matches!(kind, Some("AWS::CloudFormation::Stack" | "AWS::Serverless::Application")) {
                    continue;
                }
                let mut texts = Vec::new();
                for place in [resource.get("Metadata"), resource.get("Properties")].into_iter().flatten() {
                    let keys = ["aws:asset:path", "TemplateURL", "Location"];
                    keys.iter().filter_map(|key| place.get(key)).for_each(|node| collect(node, &mut texts));
                }
                // Most segments in common from the end: two folders may have templates of one name.
                let score = |file: &str| texts.iter().map(|text| common(text, file)).max().unwrap_or_default();
                let scores: Vec<(usize, usize)> =
                    self.list.iter().enumerate().map(|(child, stack)| (score(&stack.file), child)).collect();
                let best =
                    scores.iter().filter(|(_, child)| *child != at).map(|(score, _)| *score).max().unwrap_or_default();
                let mut children = scores.iter().filter(|(score, child)| *child != at && *score == best && best > 0);
                if let (Some((_, child)), None) = (children.next(), children.next()) {
                    found.push((best, *child, at, id.clone()));
                }
            }
        }
        let mut used = Vec::new();
        for (score, child, parent, id) in &found {
            if found.iter().any(|(better, other, ..)| other == child && better > score) {
                continue;
            }
            let name = format!("{}/{id}", self.list[*parent].name);
            // One template may be nested several times.
            let nested = Stack { name, parent: Some((*parent, id.clone())), ..self.list[*child].clone() };
            if used.contains(child) {
                self.list.push(nested);
            } else {
                used.push(*child);
                self.list[*child] = nested;
            }
        }
    }

    /// The stack that a resource nests.
    pub(super) fn child(&self, parent: usize, id: &str) -> Option<usize> {
        self.list.iter().position(|stack| stack.parent.as_ref().is_some_and(|(at, known)| *at == parent && known == id))
    }
}

/// How many segments two paths have in common, from the end.
fn common(a: &str, b: &str) -> usize {
    let segments = |path: &str| path.rsplit(['/', '\\']).map(str::to_owned).collect::<Vec<_>>();
    segments(a).iter().zip(segments(b).iter()).take_while(|(a, b)| a == b && !a.is_empty()).count()
}

fn collect(node: &Node, texts: &mut Vec<String>) {
    texts.extend(node.text().map(str::to_owned));
    node.list().iter().for_each(|node| collect(node, texts));
    node.entries().iter().for_each(|(_, node)| collect(node, texts));
}

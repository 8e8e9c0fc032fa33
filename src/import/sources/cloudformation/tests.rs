//! Cases of `fixtures/cloudformation/` and `fixtures/import/cdk/`, and properties.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::super::read::read;
use super::super::source::{Options, SourceFile};
use super::objects;
use super::scope::Scope;
use super::stack::{Parameters, Stack, Stacks};
use super::tree::{self, Node};
use super::value::{Evaluated, What};
use super::{conditions, functions};
use crate::objects::{Item, Link, Objects, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rule: String,
    template: String,
    #[serde(default)]
    parameters: Option<String>,
    outputs: BTreeMap<String, String>,
}

fn said(stacks: &Stacks, value: &Evaluated) -> String {
    let text = match &value.what {
        What::Missing(why) => format!("?{why}"),
        _ => match value.pieces().and_then(|pieces| objects::physical(stacks, &pieces)) {
            Ok(text) => text,
            Err(why) => format!("?{why}"),
        },
    };
    if value.secret { format!("!{text}") } else { text }
}

fn stacks(template: &str, parameters: Option<&str>) -> Stacks {
    let parameters = parameters.map(|text| Parameters::read(text).unwrap()).unwrap_or_default();
    Stacks { list: vec![Stack::new("t.yaml", tree::parse(template).unwrap(), &parameters)] }
}

#[test]
fn functions_do_what_aws_documents() {
    neargate_fixture::each("cloudformation/functions", |case: Case| {
        let stacks = stacks(&case.template, case.parameters.as_deref());
        let scope = Scope::new(&stacks, 0);
        let outputs = functions::expanded(scope, scope.stack().root.get("Outputs").map_or(&[][..], Node::entries));
        let said: BTreeMap<String, String> = outputs
            .into_iter()
            .map(|(name, output)| (name, said(&stacks, &scope.evaluate(output.get("Value").unwrap()))))
            .collect();
        assert_eq!(said, case.outputs, "{}", case.rule);
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Templates {
    rule: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    has: Vec<(String, String, String)>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    findings: Vec<String>,
}

fn field(objects: &Objects, key: &str, pointer: &str) -> String {
    let Some(object) = objects.by_key(key) else { return format!("no object {key}") };
    let mut item = &object.fields;
    for part in pointer.split('/').skip(1) {
        let next = match (part.parse::<usize>(), &item.value) {
            (Ok(index), Value::List(items)) => items.get(index),
            (_, Value::Map(entries)) => entries.iter().find(|(known, _)| known == part).map(|(_, item)| item),
            _ => None,
        };
        let Some(next) = next else { return format!("no {part} in {item:?}") };
        item = next;
    }
    match &item.value {
        Value::Link(Link::Resource(key)) => format!("-> {key}"),
        _ if item.is_sensitive() => "SECRET".to_owned(),
        _ => item.as_text().unwrap_or_else(|| format!("{:?}", item.origin)),
    }
}

#[test]
fn resources_become_objects() {
    neargate_fixture::each("cloudformation/objects", |case: Templates| {
        let files: Vec<SourceFile> =
            case.files.into_iter().map(|(path, text)| SourceFile { path, bytes: text.into_bytes() }).collect();
        let objects = read(&files, &Options::default()).unwrap();
        for (key, pointer, expected) in case.has {
            assert_eq!(field(&objects, &key, &pointer), expected, "{}: {key}{pointer}", case.rule);
        }
        assert!(case.without.iter().all(|key| objects.by_key(key).is_none()), "{}", case.rule);
        let findings: Vec<&str> = objects.findings.iter().map(|finding| finding.note.as_str()).collect();
        assert_eq!(findings, case.findings, "{}", case.rule);
    });
}

fn assembly() -> Vec<SourceFile> {
    let folder = neargate_fixture::top().join("fixtures/import/cdk/web/cdk.out");
    let mut files: Vec<SourceFile> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let path = format!("cdk.out/{}", entry.file_name().to_string_lossy());
            SourceFile { path, bytes: std::fs::read(entry.path()).unwrap() }
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Made with aws-cdk-lib 2.276.0 from an app with a Docker asset and a stack that uses another one's listener.
#[test]
fn an_assembly_of_cdk_has_its_images_as_builds_and_its_imports_resolved() {
    let objects = read(&assembly(), &Options::default()).unwrap();
    let kinds: Vec<_> = objects.list.iter().map(|object| object.kind.noun()).collect();
    for wanted in ["load balancer", "listener", "rule", "target group", "service", "task definition", "security group"]
    {
        assert!(kinds.contains(&wanted), "{wanted} in {kinds:?}");
    }
    let task = objects.list.iter().find(|object| object.get("builds").is_some()).unwrap();
    let build = task.fields.at(&["builds", "web"]).unwrap();
    let folder = "cdk.out/asset.22adfb476d72db09b0d9b56b94db48561bb961a01c43ad48d237282cc5fda6fd";
    assert_eq!(build.get("context").and_then(Item::as_text).as_deref(), Some(folder));
    assert_eq!(build.at(&["args", "X"]).and_then(Item::as_text).as_deref(), Some("2"));
    let links = |object: &crate::objects::Object| match object.get("ListenerArn").map(|item| &item.value) {
        Some(Value::Link(Link::Resource(key))) => objects.by_key(key).is_some(),
        _ => false,
    };
    let rules: Vec<_> = objects.of(crate::objects::Kind::Rule).collect();
    assert!(rules.iter().all(|rule| links(rule)), "{rules:#?}");
    assert!(rules.iter().any(|rule| rule.key.starts_with("Second/")), "a rule of the second stack");
}

#[test]
fn an_assembly_with_dummies_or_without_a_template_is_refused() {
    let mut files = assembly();
    files.retain(|file| !file.path.ends_with("Second.template.json"));
    let refusals = read(&files, &Options::default()).unwrap_err();
    assert_eq!(refusals[0].what, "`cdk.out/Second.template.json` is missing, which it names");
    let mut files = assembly();
    let manifest = files.iter_mut().find(|file| file.path.ends_with("manifest.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
    json["missing"] = serde_json::json!([{ "key": "k", "provider": "vpc-provider" }]);
    manifest.bytes = serde_json::to_vec(&json).unwrap();
    let refusals = read(&files, &Options::default()).unwrap_err();
    assert!(refusals[0].what.contains("vpc-provider"), "{refusals:?}");
}

#[test]
fn macros_and_broken_templates_are_refused_with_what_to_do() {
    for (text, what) in [
        (
            "Transform: MyMacro\nResources: { A: { Type: 'AWS::X::Y' } }",
            "the macro `MyMacro` changes the template, and only AWS can run it",
        ),
        ("Resources:\n  A: [\nType: AWS::X", "(line 2, column 6)"),
    ] {
        let file = SourceFile { path: "t.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
        let refusals = read(&[file], &Options::default()).unwrap_err();
        assert!(refusals[0].what.contains(what), "{refusals:?}");
    }
}

/// An expression of conditions over `a`, `b` and `c`.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec!["!Condition a", "!Condition b", "!Condition c"]).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|x| format!("{{ 'Fn::Not': [{x}] }}")),
            (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("{{ 'Fn::And': [{x}, {y}] }}")),
            (inner.clone(), inner).prop_map(|(x, y)| format!("{{ 'Fn::Or': [{x}, {y}] }}")),
        ]
    })
}

fn truth(expression: &str, a: Option<bool>) -> Result<bool, String> {
    let value = |known: bool| if known { "!Equals [x, x]" } else { "!Equals [x, y]" };
    let a = a.map_or("!Equals [!Ref P, x]", value);
    let template = format!(
        "Parameters: {{ P: {{ Type: String }} }}\nConditions: {{ a: {a}, b: {}, c: {}, r: {expression} }}\nResources: {{}}\n",
        value(true),
        value(false)
    );
    let stacks = stacks(&template, None);
    conditions::named(Scope::new(&stacks, 0), "r")
}

proptest! {
    /// What is decided without knowing an operand is what it is for each of its values.
    #[test]
    fn unknown_conditions_are_sound(expression in expression()) {
        if let Ok(decided) = truth(&expression, None) {
            prop_assert_eq!(truth(&expression, Some(true)), Ok(decided));
            prop_assert_eq!(truth(&expression, Some(false)), Ok(decided));
        }
    }

    /// `Fn::Join` undoes `Fn::Split`.
    #[test]
    fn join_undoes_split(parts in prop::collection::vec("[a-z]{0,4}", 1..6)) {
        let text = parts.join("/");
        let template = format!("Resources: {{}}\nOutputs: {{ A: {{ Value: !Join ['/', !Split ['/', '{text}']] }} }}\n");
        let stacks = stacks(&template, None);
        let scope = Scope::new(&stacks, 0);
        let value = scope.evaluate(scope.stack().root.get("Outputs").unwrap().get("A").unwrap().get("Value").unwrap());
        prop_assert_eq!(value.as_text(), Some(text.as_str()));
    }

    /// Whatever a file holds, reading it ends.
    #[test]
    fn any_text_is_read_or_refused(text in "(Resources: AWS::|Parameters:|!Ref |!Sub |\\$\\{|\\}|[a-z:{}\\[\\], \n'\"-]){0,60}") {
        let file = SourceFile { path: "t.yaml".to_owned(), bytes: text.into_bytes() };
        drop(super::claim(&[file]));
    }
}

//! Target groups in Terraform: resources, modules with their variables, and the registry's `alb` module.

use std::collections::BTreeMap;

use hcl::eval::{Context, Evaluate};
use hcl::expr::{Expression, TraversalOperator};
use hcl::{Block, Body, Map, Value};

use super::target_group::{TargetGroup, literal_path};
use crate::evidence::question::{folder_of, join, place};
use crate::repository::Repository;

/// How deep modules may call modules.
const MAX_DEPTH: usize = 4;
const WHY: &str = "from its target group in Terraform";

/// Every target group, once for each call of the module that it is in.
pub(super) fn target_groups(repository: &Repository) -> Vec<TargetGroup> {
    let folders = Folders::read(repository);
    let mut found = Vec::new();
    for folder in folders.modules.keys() {
        if !folders.is_called(folder) {
            folders.walk(folder, &Map::new(), 0, &mut found);
        }
    }
    found
}

/// One file, parsed.
struct File<'r> {
    path: &'r str,
    text: &'r str,
    body: Body,
}

/// Files by their folder: a folder is a module.
struct Folders<'r> {
    modules: BTreeMap<&'r str, Vec<File<'r>>>,
    values: BTreeMap<&'r str, Map<String, Value>>,
}

impl<'r> Folders<'r> {
    fn read(repository: &'r Repository) -> Self {
        let mut modules: BTreeMap<&str, Vec<File<'_>>> = BTreeMap::new();
        let mut values: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for (path, text) in repository.texts_below("") {
            if path.ends_with(".tf") || path.ends_with(".tfvars") {
                // A file that does not parse says nothing; Terraform will.
                let Ok(body) = hcl::parse(text) else { continue };
                if path.ends_with(".tf") {
                    modules.entry(folder_of(path)).or_default().push(File { path, text, body });
                } else {
                    let set = values.entry(folder_of(path)).or_default();
                    set.extend(body.attributes().filter_map(|one| Some((one.key().to_owned(), constant(one.expr())?))));
                }
            }
        }
        Self { modules, values }
    }

    fn blocks(&self, folder: &str, kind: &str) -> impl Iterator<Item = (&File<'r>, &Block)> {
        self.modules.get(folder).into_iter().flatten().flat_map(move |file| {
            file.body.blocks().filter(move |block| block.identifier() == kind).map(move |block| (file, block))
        })
    }

    /// The folder that a module block calls, if it is in the repository.
    fn callee(&self, folder: &str, call: &Block) -> Option<&'r str> {
        let source = attribute(call, "source").and_then(constant)?;
        let source = source.as_str().filter(|source| source.starts_with('.'))?;
        let called = join(folder, source)?;
        self.modules.get_key_value(called.as_str()).map(|(folder, _)| *folder)
    }

    fn is_called(&self, folder: &str) -> bool {
        self.modules.keys().any(|caller| {
            self.blocks(caller, "module")
                .any(|(_, call)| self.callee(caller, call) == Some(folder) && *caller != folder)
        })
    }

    /// What is in a module, with the arguments that it is called with.
    fn walk(&self, folder: &str, arguments: &Map<String, Value>, depth: usize, found: &mut Vec<TargetGroup>) {
        let scope = self.scope(folder, arguments);
        self.resources(folder, &scope, found);
        for (file, call) in self.blocks(folder, "module") {
            registry_module(file, call, &scope, found);
            let Some(called) = self.callee(folder, call).filter(|_| depth < MAX_DEPTH) else { continue };
            let name = label(call, 0);
            for each in instances(call, &scope) {
                let given = call.body().attributes();
                let arguments =
                    given.filter_map(|one| Some((one.key().to_owned(), evaluated(one.expr(), &each.scope)?))).collect();
                let before = found.len();
                self.walk(called, &arguments, depth + 1, found);
                for group in &mut found[before..] {
                    group.names.push(name.clone());
                    group.names.extend(each.key.clone());
                }
            }
        }
    }

    /// Variables and locals of a module.
    fn scope(&self, folder: &str, arguments: &Map<String, Value>) -> Context<'static> {
        let mut variables = Map::new();
        for (_, block) in self.blocks(folder, "variable") {
            if let Some(default) = attribute(block, "default").and_then(constant).filter(|value| !value.is_null()) {
                variables.insert(label(block, 0), default);
            }
        }
        variables.extend(self.values.get(folder).cloned().unwrap_or_default());
        variables.extend(arguments.clone());
        let mut scope = Context::new();
        scope.declare_var("var", Value::Object(variables));
        let mut locals = Map::new();
        // Locals may use one another, whatever their order.
        for _ in 0..3 {
            for (_, block) in self.blocks(folder, "locals") {
                for one in block.body().attributes() {
                    if let Some(value) = evaluated(one.expr(), &scope) {
                        locals.insert(one.key().to_owned(), value);
                    }
                }
            }
            scope.declare_var("local", Value::Object(locals.clone()));
        }
        scope
    }

    fn resources(&self, folder: &str, scope: &Context<'static>, found: &mut Vec<TargetGroup>) {
        let before = found.len();
        let mut resource_names = Vec::new();
        for (file, block) in self.blocks(folder, "resource") {
            if !matches!(label(block, 0).as_str(), "aws_lb_target_group" | "aws_alb_target_group") {
                continue;
            }
            for each in instances(block, scope) {
                if let Some(mut group) = target_group(file, block, &each.scope) {
                    group.names.extend(each.key);
                    found.push(group);
                    resource_names.push(label(block, 1));
                }
            }
        }
        for (_, service) in self.blocks(folder, "resource").filter(|(_, block)| label(block, 0) == "aws_ecs_service") {
            for each in instances(service, scope) {
                for registration in service.body().blocks().filter(|block| block.identifier() == "load_balancer") {
                    let Some(resource) = attribute(registration, "target_group_arn").and_then(resource_of) else {
                        continue;
                    };
                    let container = text(registration, "container_name", &each.scope);
                    let port = text(registration, "container_port", &each.scope).and_then(|port| port.parse().ok());
                    for (group, _) in
                        found[before..].iter_mut().zip(&resource_names).filter(|(_, name)| **name == resource)
                    {
                        group.registered.extend(container.clone().map(|container| (container, port)));
                    }
                }
            }
        }
    }
}

fn target_group(file: &File<'_>, block: &Block, scope: &Context<'static>) -> Option<TargetGroup> {
    let check = block.body().blocks().find(|block| block.identifier() == "health_check");
    let line = check.and_then(|check| attribute(check, "path"));
    let path = match line {
        Some(path) => literal_path(evaluated(path, scope)?.as_str()?)?,
        // "Destination for the health check request … The default value is /".
        None => "/".to_owned(),
    };
    let protocol = check.and_then(|check| text(check, "protocol", scope)).or_else(|| text(block, "protocol", scope));
    if protocol.is_some_and(|protocol| !protocol.to_uppercase().starts_with("HTTP")) {
        return None;
    }
    let header = format!("\"{}\"", label(block, 1));
    let start = file.text.lines().scan(0, |at, line| {
        let here = *at;
        *at += line.len() + 1;
        Some((here, line))
    });
    let at = start
        .clone()
        .find(|(_, line)| {
            line.trim_start().starts_with("resource") && line.contains("_target_group\"") && line.contains(&header)
        })
        .map_or(0, |(at, _)| at);
    let inside = |(here, text): &(usize, &str)| *here > at && text.contains("path") && text.contains('=');
    let at = if line.is_some() { start.clone().find(inside).map_or(at, |(at, _)| at) } else { at };
    Some(TargetGroup {
        names: text(block, "name", scope)
            .or_else(|| text(block, "name_prefix", scope))
            .into_iter()
            .chain([label(block, 1)])
            .collect(),
        port: text(block, "port", scope).and_then(|port| port.parse().ok()),
        path,
        matcher: check.and_then(|check| text(check, "matcher", scope)).filter(|matcher| matcher != "200"),
        place: place(file.path, file.text, at),
        registered: Vec::new(),
        why: WHY,
    })
}

/// `terraform-aws-modules/alb/aws`: `target_groups` is a list or a map of objects.
fn registry_module(file: &File<'_>, call: &Block, scope: &Context<'static>, found: &mut Vec<TargetGroup>) {
    let source = attribute(call, "source").and_then(constant);
    if !source.is_some_and(|source| source.as_str().is_some_and(|source| source.contains("terraform-aws-modules/alb")))
    {
        return;
    }
    let groups = match attribute(call, "target_groups").and_then(|groups| loose(groups, scope)) {
        Some(Value::Array(groups)) => groups.into_iter().map(|group| (String::new(), group)).collect(),
        Some(Value::Object(groups)) => groups.into_iter().collect(),
        _ => Vec::new(),
    };
    for (key, group) in groups {
        let Value::Object(group) = group else { continue };
        let string = |value: Option<&Value>| match value {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let check = group.get("health_check").and_then(Value::as_object);
        let Some(path) = check.and_then(|check| string(check.get("path"))).and_then(|path| literal_path(&path)) else {
            continue;
        };
        let at = file.text.find(&format!("\"{path}\"")).unwrap_or(0);
        found.push(TargetGroup {
            names: [string(group.get("name")), string(group.get("name_prefix")), Some(key)]
                .into_iter()
                .flatten()
                .collect(),
            port: string(group.get("port"))
                .or_else(|| string(group.get("backend_port")))
                .and_then(|port| port.parse().ok()),
            path,
            matcher: check.and_then(|check| string(check.get("matcher"))).filter(|matcher| matcher != "200"),
            place: place(file.path, file.text, at),
            registered: Vec::new(),
            why: WHY,
        });
    }
}

/// One of what `for_each` makes.
struct Instance {
    key: Option<String>,
    scope: Context<'static>,
}

fn instances(block: &Block, scope: &Context<'static>) -> Vec<Instance> {
    let all = attribute(block, "for_each").map(|all| evaluated(all, scope));
    let Some(Some(Value::Object(all))) = all else {
        return vec![Instance { key: None, scope: scope.clone() }];
    };
    let each = |(key, value): (String, Value)| {
        let mut scope = scope.clone();
        scope.declare_var(
            "each",
            Value::Object(Map::from_iter([("key".to_owned(), Value::from(key.clone())), ("value".to_owned(), value)])),
        );
        Instance { key: Some(key), scope }
    };
    all.into_iter().map(each).collect()
}

fn attribute<'b>(block: &'b Block, name: &str) -> Option<&'b Expression> {
    block.body().attributes().find(|one| one.key() == name).map(hcl::Attribute::expr)
}

fn label(block: &Block, index: usize) -> String {
    block.labels().get(index).map_or_else(String::new, |label| label.as_str().to_owned())
}

fn constant(expression: &Expression) -> Option<Value> {
    evaluated(expression, &Context::new())
}

fn evaluated(expression: &Expression, scope: &Context<'_>) -> Option<Value> {
    expression.evaluate(scope).ok()
}

/// An object or a list whose parts may refer to what only `apply` knows: those are left out.
fn loose(expression: &Expression, scope: &Context<'_>) -> Option<Value> {
    match expression {
        Expression::Object(object) => {
            let entries = object.iter().filter_map(|(key, value)| {
                let key = match key {
                    hcl::expr::ObjectKey::Identifier(name) => name.as_str().to_owned(),
                    hcl::expr::ObjectKey::Expression(key) => evaluated(key, scope)?.as_str()?.to_owned(),
                    _ => return None,
                };
                Some((key, loose(value, scope)?))
            });
            Some(Value::Object(entries.collect()))
        }
        Expression::Array(items) => Some(Value::Array(items.iter().filter_map(|item| loose(item, scope)).collect())),
        expression => evaluated(expression, scope),
    }
}

fn text(block: &Block, name: &str, scope: &Context<'_>) -> Option<String> {
    match evaluated(attribute(block, name)?, scope)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `name` of `aws_lb_target_group.name[0].arn`.
fn resource_of(expression: &Expression) -> Option<String> {
    let Expression::Traversal(traversal) = expression else { return None };
    let is_group = matches!(&traversal.expr, Expression::Variable(kind) if kind.as_str().ends_with("lb_target_group"));
    match traversal.operators.first()? {
        TraversalOperator::GetAttr(name) if is_group => Some(name.as_str().to_owned()),
        _ => None,
    }
}

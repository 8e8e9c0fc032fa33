//! Links of a plan that are known only after an apply, from what the configuration refers to.
//!
//! Only what can mean a single resource is taken: a wrong link sends traffic to another container, and nobody sees it. Blocks
//! written with `dynamic` are not in a plan's configuration; blocks are paired with it by what both say, never by their order,
//! because a plan sorts them. (Terraform internals, "JSON Output Format", "Expression Representation".)

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::resource::Resource;
use crate::objects::{Item, Link, Origin, Value};

/// How many modules a reference may lead through.
const DEEPEST: usize = 16;

/// Resolves the unknown links of all resources.
pub(super) fn resolve(resources: &mut [Resource], root: &Json) {
    let plan = Plan {
        root,
        instances: resources.iter().map(|one| (one.address.clone(), base(one), one.index.clone())).collect(),
    };
    for resource in resources.iter_mut().filter(|one| !one.is_data) {
        let path = calls(&resource.module);
        let Some(expressions) = plan.expressions(&path, &own_name(resource)) else { continue };
        let at = At { path, key: resource.index.clone() };
        fill(&mut resource.values, expressions, &plan, &at);
    }
}

/// The planned resources, and the configuration that they come from.
struct Plan<'p> {
    /// `configuration.root_module`
    root: &'p Json,
    /// Address, address without the index, index.
    instances: Vec<(String, String, Option<String>)>,
}

/// Where a reference stands: the calls of modules down to it, and the key of the instance there.
#[derive(Clone)]
struct At {
    path: Vec<Call>,
    key: Option<String>,
}

/// `module.alb`, or `module.service["web"]`.
#[derive(Clone)]
struct Call {
    name: String,
    /// As it is written in addresses: `module.service["web"]`
    whole: String,
}

fn base(resource: &Resource) -> String {
    let module = if resource.module.is_empty() { String::new() } else { format!("{}.", resource.module) };
    format!("{module}{}", own_name(resource))
}

/// `aws_lb.this`, in its module.
fn own_name(resource: &Resource) -> String {
    let own = resource.address.strip_prefix(&resource.module).unwrap_or(&resource.address).trim_start_matches('.');
    own.split('[').next().unwrap_or(own).to_owned()
}

/// The calls in a module's address.
fn calls(module: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut rest = module;
    while let Some(after) = rest.strip_prefix("module.") {
        // A key may have dots in it.
        let name_end = after.find(['.', '[']).unwrap_or(after.len());
        let end = match after[name_end..].starts_with('[') {
            true => after.find(']').map_or(after.len(), |end| end + 1),
            false => name_end,
        };
        calls.push(Call { name: after[..name_end].to_owned(), whole: format!("module.{}", &after[..end]) });
        rest = after[end..].trim_start_matches('.');
    }
    calls
}

impl Plan<'_> {
    fn module(&self, path: &[Call]) -> Option<&Json> {
        path.iter().try_fold(self.root, |module, call| module["module_calls"].get(&call.name)?.get("module"))
    }

    fn expressions(&self, path: &[Call], name: &str) -> Option<&Json> {
        let resources = self.module(path)?["resources"].as_array()?;
        resources.iter().find(|one| one["address"] == name)?.get("expressions")
    }

    /// What references can mean; `None` if that is not known.
    fn targets(&self, references: &Json, at: &At, depth: usize) -> Option<BTreeSet<String>> {
        let all: Vec<&str> = references.as_array()?.iter().filter_map(Json::as_str).collect();
        let is_prefix = |text: &str, of: &str| {
            of.len() > text.len() && of.starts_with(text) && of[text.len()..].starts_with(['.', '['])
        };
        let whole = all.iter().filter(|text| !all.iter().any(|other| is_prefix(text, other)));
        let by_key = all.iter().any(|text| *text == "each.key" || *text == "count.index");
        let mut targets = BTreeSet::new();
        for text in whole.filter(|text| **text != "each.key" && **text != "count.index") {
            targets.extend(self.target(text, by_key, at, depth)?);
        }
        Some(targets)
    }

    fn target(&self, text: &str, by_key: bool, at: &At, depth: usize) -> Option<BTreeSet<String>> {
        if depth == DEEPEST {
            return None;
        }
        if let Some(variable) = text.strip_prefix("var.") {
            // A part of a variable cannot be followed: the plan has no expression for it alone.
            let (call, above) = at.path.split_last().filter(|_| !variable.contains(['.', '[']))?;
            let passed = &self.module(above)?["module_calls"][&call.name]["expressions"][variable]["references"];
            return self.targets(passed, &At { path: above.to_vec(), key: None }, depth + 1);
        }
        if let Some(rest) = text.strip_prefix("module.") {
            return self.output(rest, at, depth);
        }
        if ["local.", "data.", "each.", "path.", "terraform.", "self."].iter().any(|other| text.starts_with(other)) {
            return None;
        }
        let module: String = at.path.iter().map(|call| format!("{}.", call.whole)).collect();
        let mut parts = text.splitn(3, ['.', '[']);
        let own = format!("{}.{}", parts.next()?, parts.next()?);
        let rest = &text[own.len()..];
        let key = rest.strip_prefix('[').and_then(|rest| rest.split(']').next()).map(|key| key.trim_matches('"'));
        if own.starts_with("aws_acm_certificate_validation.") {
            // It is the same certificate, once it is valid.
            let certificate = &self.expressions(&at.path, &own)?["certificate_arn"]["references"];
            return self.targets(certificate, at, depth + 1);
        }
        self.instance(&format!("{module}{own}"), key.or(at.key.as_deref().filter(|_| by_key)))
    }

    /// The instance of a resource with that key, or its only one.
    fn instance(&self, base: &str, key: Option<&str>) -> Option<BTreeSet<String>> {
        let of_base = self.instances.iter().filter(|(_, known, _)| known == base);
        let mut fitting = of_base.filter(|(_, _, index)| key.is_none() || index.as_deref() == key);
        let (address, ..) = fitting.next()?;
        fitting.next().is_none().then(|| BTreeSet::from([address.clone()]))
    }

    /// `alb.target_groups["front"].arn`
    fn output(&self, rest: &str, at: &At, depth: usize) -> Option<BTreeSet<String>> {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (index, after) = match after.strip_prefix('[') {
            Some(inside) => inside.split_once(']').map(|(key, after)| (format!("[{key}]"), after))?,
            None => (String::new(), after),
        };
        let after = after.strip_prefix('.')?;
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let (output, after) = after.split_at(end);
        let key = after.strip_prefix('[').and_then(|rest| rest.split(']').next()).map(|key| key.trim_matches('"'));
        let mut path = at.path.clone();
        path.push(Call { name: name.to_owned(), whole: format!("module.{name}{index}") });
        let references = &self.module(&path)?["outputs"][output]["expression"]["references"];
        // The key of an output that is a whole `for_each` resource is the key of its instance.
        let inside = At { path, key: key.map(str::to_owned) };
        if key.is_some() {
            let all: Vec<&str> = references.as_array()?.iter().filter_map(Json::as_str).collect();
            let [only] = all[..] else { return None };
            return self.target(only, true, &inside, depth + 1);
        }
        self.targets(references, &inside, depth + 1)
    }
}

/// Follows values and expressions side by side.
fn fill(item: &mut Item, expression: &Json, plan: &Plan<'_>, at: &At) {
    if matches!(item.origin, Origin::Unknown { .. }) {
        let targets = plan.targets(&expression["references"], at, 0);
        match targets.as_ref().map(|targets| targets.iter().collect::<Vec<_>>()).as_deref() {
            Some([only]) => item.value = Value::Link(Link::Resource((*only).clone())),
            Some(several) => {
                if let Origin::Unknown { candidates, .. } = &mut item.origin {
                    candidates.extend(several.iter().map(|one| (*one).clone()));
                }
            }
            None => {}
        }
        return;
    }
    match &mut item.value {
        Value::Map(entries) => {
            for (key, value) in entries {
                if let Some(inner) = expression.get(key.as_str()) {
                    fill(value, inner, plan, at);
                }
            }
        }
        Value::List(items) => {
            let blocks = expression.as_array().map(Vec::as_slice).unwrap_or_default();
            let pairs: Vec<Option<usize>> = items.iter().map(|item| pair(item, blocks)).collect();
            for (place, item) in items.iter_mut().enumerate() {
                let is_alone = |block: usize| pairs.iter().filter(|other| **other == Some(block)).count() == 1;
                if let Some(block) = pairs[place].filter(|block| is_alone(*block)) {
                    fill(item, &blocks[block], plan, at);
                }
            }
        }
        _ => {}
    }
}

/// The only block that may have made this item.
fn pair(item: &Item, blocks: &[Json]) -> Option<usize> {
    let mut fitting = blocks.iter().enumerate().filter(|(_, block)| fits(item, block));
    let (index, _) = fitting.next()?;
    fitting.next().is_none().then_some(index)
}

/// Whether what a block says of constants is what the item has.
fn fits(item: &Item, block: &Json) -> bool {
    let Some(arguments) = block.as_object() else { return false };
    arguments.iter().all(|(name, expression)| match (expression.get("constant_value"), item.get(name)) {
        (Some(constant), Some(known)) => match constant {
            Json::String(text) => known.as_text().as_deref() == Some(text),
            Json::Number(number) => known.as_text() == Some(number.to_string()),
            _ => true,
        },
        // A block that the item does not have.
        (None, None) => !expression.is_array(),
        _ => true,
    })
}

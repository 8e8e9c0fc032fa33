//! Everything together: the file, the task definitions, what must be set, and the report.

use super::balancers::{self, Balancer};
use super::context::{Choice, Context};
use super::report::{Outcome, Report};
use super::tree::{Map, Out, Part, text, write};
use super::{groups, names, security, services};
use crate::objects::{Item, Kind, Object, Objects, Place, Target};
use crate::plan::{Part as Piece, Value as Template};
use crate::yaml;

/// What an import makes.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// `neargate.yaml`
    pub yaml: String,
    /// Task definitions beside it: name and text.
    pub files: Vec<(String, String)>,
    /// `.env.example`; empty if nothing must be set.
    pub env_example: String,
    /// The variables that must be set.
    pub variables: Vec<String>,
    /// What became of every field.
    pub report: Report,
    /// The place in the sources behind lines of `yaml`, by number from 1.
    pub places: Vec<(usize, Place)>,
}

impl Imported {
    /// The place behind a line of `yaml`.
    pub fn place(&self, line: usize) -> Option<&Place> {
        self.places.iter().rev().find(|(at, _)| *at <= line).map(|(_, place)| place)
    }
}

/// What neargate makes of the objects, or why there is nothing to make.
pub fn lower(objects: &Objects, choice: &Choice) -> Result<Imported, String> {
    let mut context = Context::new(objects, choice);
    for finding in &objects.findings {
        let outcome = if finding.refused { Outcome::Refused } else { Outcome::Approximated };
        context.report.add(outcome, "source", &finding.place, finding.note.clone());
    }
    let chosen = choose(Kind::LoadBalancer, "Name", &choice.load_balancers, objects)?;
    let mut balancers: Vec<Balancer<'_>> = chosen.iter().map(|object| balancers::gather(object, &context)).collect();
    balancers.retain(|balancer| {
        let has = !balancer.listeners.is_empty();
        if !has {
            context.report.add(
                Outcome::Ignored,
                "load balancer",
                balancer.object.place(),
                "it has no listener in the sources",
            );
        }
        has
    });
    orphans(&mut context);
    let running = running(&balancers, &mut context)?;
    if balancers.is_empty() && running.is_empty() {
        return Err(
            "there is neither a load balancer with a listener nor a service of Fargate in the sources".to_owned()
        );
    }
    let kept = kept_groups(&balancers, &running, &context);
    context.groups = names::keys(kept.iter().copied());
    let members: Vec<&Item> = balancers
        .iter()
        .filter_map(|balancer| balancer.object.get("SecurityGroups"))
        .chain(running.iter().filter_map(|service| {
            service.fields.at(&["networkConfiguration", "awsvpcConfiguration", "securityGroups"])
        }))
        .collect();
    context.security = security::keys(&members, &mut context);
    Ok(put_together(&balancers, &kept, &running, context))
}

fn put_together(
    balancers: &[Balancer<'_>],
    kept: &[&Object],
    running: &[&Object],
    mut context: Context<'_>,
) -> Imported {
    let mut root = Map::default();
    let first = balancers.first().map(|balancer| balancer.object).or(running.first().copied());
    if let Some(first) = first {
        let name = names::clean(first.name.as_deref().unwrap_or(&first.label)).to_lowercase();
        root.put("name", text(&name));
    }
    if let Some((cluster, place)) = running.iter().find_map(|service| services::cluster(service, context.objects)) {
        root.put("cluster", Part::at(text(&cluster), &place));
    }
    put_balancers(balancers, &mut root, &mut context);
    if !kept.is_empty() {
        let mut all = Map::default();
        for group in kept {
            let key = context.groups.get(&group.key).cloned().unwrap_or_default();
            let part = groups::lower(group, &mut context);
            all.put(&key, part);
        }
        root.put("target_groups", all.out());
    }
    let (files, secrets) = put_services(running, &mut root, &mut context);
    if !context.security.is_empty() {
        let groups = security::lower(&mut context);
        root.put("security_groups", groups);
    }
    if !secrets.is_empty() {
        let mut all = Map::default();
        secrets.iter().for_each(|(secret, wishes)| all.put(secret, secret_value(wishes)));
        root.put("secrets", Part::from(all.out()).comment("Values are in .env: see .env.example"));
    }
    for acl in context.objects.of(Kind::WebAcl) {
        context.report.add(Outcome::Ignored, "web ACL", acl.place(), "AWS WAF is not emulated: nothing is blocked");
    }
    let mut sources: Vec<String> = context.objects.list.iter().map(|object| object.place().file.to_string()).collect();
    sources.sort();
    sources.dedup();
    let head = format!("{}\n", yaml::comment(&format!("Imported from {}", sources.join(", "))));
    let (yaml, places) = write(&root, &head);
    let (env_example, variables) = (context.env_example(), context.variables());
    Imported { yaml, files, env_example, variables, report: context.report, places }
}

fn put_balancers(balancers: &[Balancer<'_>], root: &mut Map, context: &mut Context<'_>) {
    let domain = |names: &[String]| match names {
        [only] => text(only),
        many => Out::List(many.iter().map(|name| text(name).into()).collect()),
    };
    match balancers {
        [] => root.put("load_balancers", Map::default().out()),
        [only] => {
            let (part, names) = balancers::lower(only, context);
            root.put("domain", domain(&names));
            root.put("load_balancer", part);
        }
        many => {
            let keys = names::keys(many.iter().map(|balancer| balancer.object));
            let mut all = Map::default();
            let mut taken: Vec<String> = Vec::new();
            for balancer in many {
                let (mut part, mut names) = balancers::lower(balancer, context);
                // A name leads to one load balancer.
                names.retain(|name| !taken.contains(name));
                taken.extend(names.clone());
                if let (Out::Map(entries), false) = (&mut part.value, names.is_empty()) {
                    entries.insert(0, ("domain".to_owned(), domain(&names).into()));
                }
                let key = keys.get(&balancer.object.key).cloned().unwrap_or_default();
                all.put(&key, part);
            }
            root.put("load_balancers", all.out());
        }
    }
}

/// JSON keys of a secret, each with its variable.
type Wishes = Vec<(Option<String>, String)>;
/// Files that go beside the file, and the secrets that they ask for.
type Tasks = (Vec<(String, String)>, Vec<(String, Wishes)>);

fn put_services(running: &[&Object], root: &mut Map, context: &mut Context<'_>) -> Tasks {
    let keys = names::keys(running.iter().copied());
    let (mut files, mut secrets) = (Vec::new(), Vec::<(String, Wishes)>::new());
    let mut all = Map::default();
    for service in running {
        let key = keys.get(&service.key).cloned().unwrap_or_default();
        let file =
            if running.len() == 1 { "task-definition.json".to_owned() } else { format!("task-definition-{key}.json") };
        let Some(lowered) = services::lower(service, &file, context) else { continue };
        for (secret, json_key, variable) in lowered.secrets {
            match secrets.iter_mut().find(|(known, _)| *known == secret) {
                Some((_, wishes)) if wishes.iter().any(|(known, _)| *known == json_key) => {}
                Some((_, wishes)) => wishes.push((json_key, variable)),
                None => secrets.push((secret, vec![(json_key, variable)])),
            }
        }
        all.put(&key, lowered.part);
        files.push((file, lowered.definition));
    }
    if !all.0.is_empty() {
        root.put("services", all.out());
    }
    (files, secrets)
}

/// The variable, or a JSON object with a variable for each key.
fn secret_value(wishes: &Wishes) -> Out {
    let variable = |name: &String| Piece::Variable { name: name.clone(), default: None };
    let keyed: Vec<(&String, &String)> = wishes.iter().filter_map(|(key, name)| Some((key.as_ref()?, name))).collect();
    let mut pieces = Vec::new();
    for (index, (key, name)) in keyed.iter().enumerate() {
        let before = if index == 0 { "{" } else { "\"," };
        pieces.push(Piece::Text(format!("{before}{}:\"", serde_json::Value::from(key.as_str()))));
        pieces.push(variable(name));
    }
    if keyed.is_empty() {
        pieces.extend(wishes.first().map(|(_, name)| variable(name)));
    } else {
        pieces.push(Piece::Text("\"}".to_owned()));
    }
    Out::Scalar(yaml::value(&Template(pieces)))
}

/// The objects of a kind that the command line names; all if it names none.
fn choose<'o>(kind: Kind, name: &str, wanted: &[String], objects: &'o Objects) -> Result<Vec<&'o Object>, String> {
    let all: Vec<&Object> = objects.of(kind).collect();
    let matches = |object: &Object, wanted: &str| {
        let own = object.get(name).and_then(Item::as_text).unwrap_or_default();
        let short = wanted.rsplit_once('/').map_or(wanted, |(_, name)| name);
        object.key == wanted
            || object.ids.iter().any(|id| id == wanted)
            || own == wanted
            || (!wanted.contains(':') && own == short)
    };
    if let Some(missing) = wanted.iter().find(|wanted| !all.iter().any(|object| matches(object, wanted))) {
        let known: Vec<&str> = all.iter().map(|object| object.key.as_str()).collect();
        let noun = kind.noun();
        return Err(if known.is_empty() {
            format!("there is no {noun} in the sources")
        } else {
            format!("there is no {noun} `{missing}`; there are: {}", known.join(", "))
        });
    }
    Ok(all
        .into_iter()
        .filter(|object| wanted.is_empty() || wanted.iter().any(|wanted| matches(object, wanted)))
        .collect())
}

/// Listeners and rules whose load balancer or listener is unknown.
fn orphans(context: &mut Context<'_>) {
    for (kind, field, of) in
        [(Kind::Listener, "LoadBalancerArn", Kind::LoadBalancer), (Kind::Rule, "ListenerArn", Kind::Listener)]
    {
        let links: Vec<Item> = context.objects.of(kind).filter_map(|object| object.get(field).cloned()).collect();
        for link in links {
            // Listeners of network load balancers lead to nothing here, which is no loss.
            let network = link.as_text().is_some_and(|arn| arn.contains("/net/") || arn.contains("/gwy/"));
            if !network {
                context.follow(of, &link, field);
            }
        }
    }
}

/// The services to run: those named, or all of Fargate; with a load balancer named, those behind it.
fn running<'o>(balancers: &[Balancer<'o>], context: &mut Context<'o>) -> Result<Vec<&'o Object>, String> {
    let (objects, choice) = (context.objects, context.choice);
    let mut services = choose(Kind::Service, "serviceName", &choice.services, objects)?;
    if !choice.load_balancers.is_empty() && choice.services.is_empty() {
        let forwarded = forwarded(balancers, objects);
        services.retain(|service| {
            services::bindings(service).iter().any(|binding| {
                let link = binding.get("targetGroupArn").map(|link| objects.follow(Kind::TargetGroup, link));
                matches!(link, Some(Target::Object(group)) if forwarded.iter().any(|known| known.key == group.key))
            })
        });
    }
    services.retain(|service| match services::not_fargate(service) {
        None => true,
        Some(why) => {
            let behind = !services::bindings(service).is_empty();
            let outcome = if behind { Outcome::Refused } else { Outcome::Ignored };
            context.report.add(outcome, "launchType", service.place(), why);
            false
        }
    });
    Ok(services)
}

/// The groups that actions forward to.
fn forwarded<'o>(balancers: &[Balancer<'o>], objects: &'o Objects) -> Vec<&'o Object> {
    let mut found: Vec<&Object> = Vec::new();
    for balancer in balancers {
        let rules = balancer.rules.iter().flat_map(|(listener, rules)| {
            listener.get("DefaultActions").into_iter().chain(rules.iter().filter_map(|rule| rule.get("Actions")))
        });
        for action in rules.flat_map(Item::list) {
            let weighted = action.at(&["ForwardConfig", "TargetGroups"]).into_iter().flat_map(Item::list);
            let links = weighted.filter_map(|one| one.get("TargetGroupArn")).chain(action.get("TargetGroupArn"));
            for link in links {
                if let Target::Object(group) = objects.follow(Kind::TargetGroup, link)
                    && !found.iter().any(|known| known.key == group.key)
                {
                    found.push(group);
                }
            }
        }
    }
    found
}

/// The groups of the file: those that are forwarded to, those that services are bound to, and those that `--bind` names.
fn kept_groups<'o>(balancers: &[Balancer<'o>], running: &[&'o Object], context: &Context<'o>) -> Vec<&'o Object> {
    let objects = context.objects;
    let mut kept = forwarded(balancers, objects);
    let bound = running.iter().flat_map(|service| services::bindings(service)).filter_map(|binding| {
        match objects.follow(Kind::TargetGroup, binding.get("targetGroupArn")?) {
            Target::Object(group) => Some(group),
            _ => None,
        }
    });
    let named = objects
        .of(Kind::TargetGroup)
        .filter(|group| context.choice.bind.iter().any(|bind| bind.ends_with(&format!("={}", group.key))));
    for group in bound.chain(named) {
        if !kept.iter().any(|known| known.key == group.key) {
            kept.push(group);
        }
    }
    kept.retain(|group| groups::is_http(group) && !balancers.is_empty());
    kept
}

//! What every step of lowering shares: the objects, the choice, the report, and variables for secrets.

use std::collections::BTreeMap;

use super::policy;
use super::report::{Outcome, Report};
use super::tree::{Out, text};
use crate::objects::{Item, Kind, Link, Object, Objects, Target};
use crate::plan::{Part as Piece, Value as Template};
use crate::yaml;

/// What the command line chooses.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// `--load-balancer`: names, addresses or ARNs; all if empty.
    pub load_balancers: Vec<String>,
    /// `--service`: names, `CLUSTER/SERVICE`, addresses or ARNs; all if empty.
    pub services: Vec<String>,
    /// `--bind`: what a link leads to that the sources do not decide.
    pub bind: Vec<String>,
    /// `--env-values=none`: no values of environment variables.
    pub no_env_values: bool,
}

/// The state of lowering.
pub(super) struct Context<'a> {
    pub(super) objects: &'a Objects,
    pub(super) choice: &'a Choice,
    pub(super) report: Report,
    /// Keys of target groups by the objects' keys.
    pub(super) groups: BTreeMap<String, String>,
    /// Keys of security groups by the objects' keys.
    pub(super) security: BTreeMap<String, String>,
    /// Variables, the value that each stands for if one is known, and what it is for.
    variables: Vec<(String, Option<String>, String)>,
}

impl<'a> Context<'a> {
    pub(super) fn new(objects: &'a Objects, choice: &'a Choice) -> Self {
        let (groups, security) = (BTreeMap::new(), BTreeMap::new());
        Self { objects, choice, report: Report::default(), groups, security, variables: Vec::new() }
    }

    /// What a link leads to. `None` after reporting why it is not known; a person decides with `--bind`.
    pub(super) fn follow(&mut self, kind: Kind, link: &Item, what: &str) -> Option<&'a Object> {
        if let Some(bound) = self.bound(kind, link) {
            self.report.add(Outcome::Assumed, what, &link.place, format!("--bind says that it is {}", bound.key));
            return Some(bound);
        }
        let (why, candidates) = match self.objects.follow(kind, link) {
            Target::Object(object) => return Some(object),
            Target::External(id) => {
                let noun = kind.noun();
                (
                    format!("the {noun} {id} is in none of the sources; import the source that has it as well"),
                    Vec::new(),
                )
            }
            Target::Refused { why, candidates } => (format!("not known: {why}"), candidates),
        };
        let candidates = if candidates.is_empty() {
            self.objects.of(kind).map(|object| object.key.clone()).collect()
        } else {
            candidates
        };
        let place = format!("{}{}", link.place.address, link.place.pointer);
        let help = match &candidates[..] {
            [] => String::new(),
            [only] => format!("; the only {} here is: --bind '{place}={only}'", kind.noun()),
            [first, ..] => format!("; one of {}: --bind '{place}={first}'", candidates.join(", ")),
        };
        self.report.add(Outcome::Refused, what, &link.place, format!("{why}{help}"));
        None
    }

    /// What `--bind` says of a link.
    fn bound(&self, kind: Kind, link: &Item) -> Option<&'a Object> {
        let place = format!("{}{}", link.place.address, link.place.pointer);
        let targets = self.choice.bind.iter().filter_map(|bind| bind.strip_prefix(place.as_str())?.strip_prefix('='));
        targets.filter_map(|target| self.objects.named(kind, target)).next_back()
    }

    /// Text of the source as a scalar; a variable if it is a secret. `name` is what it is a value of.
    pub(super) fn text(&mut self, item: &Item, name: &str, what: &str) -> Out {
        let value = item.as_text().unwrap_or_default();
        if item.is_sensitive() || policy::looks(&value) || (policy::named(name) && policy::random(&value)) {
            return self.variable(name, Some(&value), what);
        }
        text(&value)
    }

    /// A variable that stands for a secret.
    pub(super) fn variable(&mut self, name: &str, value: Option<&str>, what: &str) -> Out {
        let name = self.variable_name(name, value, what);
        Out::Scalar(yaml::value(&Template(vec![Piece::Variable { name, default: None }])))
    }

    /// The name of a variable for a secret: two secrets never share one.
    pub(super) fn variable_name(&mut self, name: &str, value: Option<&str>, what: &str) -> String {
        let base: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        let base =
            if base.starts_with(|c: char| c.is_ascii_digit()) || base.is_empty() { format!("V_{base}") } else { base };
        let names = std::iter::once(base.clone()).chain((2..).map(|number| format!("{base}_{number}")));
        for name in names {
            match self.variables.iter().find(|(known, ..)| *known == name) {
                Some((_, known, _)) if known.as_deref() == value => return name,
                Some(_) => {}
                None => {
                    self.variables.push((name.clone(), value.map(str::to_owned), what.to_owned()));
                    return name;
                }
            }
        }
        base
    }

    /// `.env.example`: every variable, without a value.
    pub(super) fn env_example(&self) -> String {
        let mut out = String::from("# Copy to .env and fill in; .env does not belong into version control.\n");
        for (name, _, what) in &self.variables {
            out.push_str(&format!("{}\n{name}=\n", yaml::comment(what)));
        }
        if self.variables.is_empty() { String::new() } else { out }
    }

    /// Variables that must be set.
    pub(super) fn variables(&self) -> Vec<String> {
        self.variables.iter().map(|(name, ..)| name.clone()).collect()
    }

    /// Reports what an object says and nothing here reads.
    pub(super) fn rest(&mut self, object: &Object, read: &[&str]) {
        for (field, item) in object.fields.entries() {
            if item.is_given() && !read.contains(&field.as_str()) && !is_link(item) && item.as_bool() != Some(false) {
                self.report.add(Outcome::Ignored, field, &item.place, why_ignored(field));
            }
        }
        for place in &object.others {
            let field = place.pointer.rsplit('/').next().unwrap_or_default();
            self.report.add(Outcome::Ignored, field, place, why_ignored(field));
        }
        for finding in &object.findings {
            let outcome = if finding.refused { Outcome::Refused } else { Outcome::Approximated };
            self.report.add(outcome, object.kind.noun(), &finding.place, finding.note.clone());
        }
    }
}

fn is_link(item: &Item) -> bool {
    matches!(item.value, crate::objects::Value::Link(Link::Resource(_)))
}

/// Why a field has no effect here.
fn why_ignored(field: &str) -> &'static str {
    match field {
        "Tags" | "tags" => "shown nowhere",
        "VpcId" | "Subnets" | "SubnetMappings" | "IpAddressType" | "vpc_id" | "subnets" => {
            "the project's network replaces them"
        }
        "MutualAuthentication" => "client certificates are not requested",
        "capacityProviderStrategy" | "platformVersion" => "everything runs on this machine",
        _ => "",
    }
}

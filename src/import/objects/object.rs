//! An object of AWS, and all of them.

use super::item::{Item, Link, Value};
use super::place::Place;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are AWS's")]
pub enum Kind {
    LoadBalancer,
    Listener,
    ListenerCertificate,
    Rule,
    TargetGroup,
    Service,
    TaskDefinition,
    SecurityGroup,
    SecurityGroupIngress,
    Certificate,
    Secret,
    Alias,
    ScalableTarget,
    WebAcl,
}

impl Kind {
    /// In a sentence, after a number or `the`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load balancer",
            Self::Listener => "listener",
            Self::ListenerCertificate => "listener certificate",
            Self::Rule => "rule",
            Self::TargetGroup => "target group",
            Self::Service => "service",
            Self::TaskDefinition => "task definition",
            Self::SecurityGroup => "security group",
            Self::SecurityGroupIngress => "security group rule",
            Self::Certificate => "certificate",
            Self::Secret => "secret",
            Self::Alias => "DNS record",
            Self::ScalableTarget => "scalable target",
            Self::WebAcl => "web ACL",
        }
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// What its source calls it, unique among the sources: a Terraform address, `Stack/LogicalId`, an ARN.
    pub key: String,
    /// What others may call it: ARN, id, DNS name, `family:revision`.
    pub ids: Vec<String>,
    /// The name that a person chose for it; none if a tool made it up.
    pub name: Option<String>,
    /// A name to fall back on, short and local: the name in Terraform (`svc-api`), the logical id.
    pub label: String,
    /// Its fields: a map. Its place is the object's.
    pub fields: Item,
    /// Places of what the source says besides, and AWS's API does not know or neargate has no use for. Never the values.
    pub others: Vec<Place>,
    /// What could not be read of it.
    pub findings: Vec<Finding>,
}

impl Object {
    /// An object without fields yet.
    pub fn new(kind: Kind, key: &str, label: &str, file: &str) -> Self {
        Self {
            kind,
            key: key.to_owned(),
            ids: Vec::new(),
            name: None,
            label: label.to_owned(),
            fields: Item::map(&Place::of(file, key)),
            others: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// A field, if it is given.
    pub fn get(&self, field: &str) -> Option<&Item> {
        self.fields.get(field)
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.fields.place
    }
}

/// Something about the sources that the user should know; `lower` puts it into the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What, as a sentence. No values of secrets.
    pub note: String,
    /// Whether traffic cannot be decided without it.
    pub refused: bool,
}

/// All objects of all sources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    /// In the order of the sources.
    pub list: Vec<Object>,
    /// What was noticed on the way.
    pub findings: Vec<Finding>,
}

impl Objects {
    /// Those of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.list.iter().filter(move |object| object.kind == kind)
    }

    /// By key.
    pub fn by_key(&self, key: &str) -> Option<&Object> {
        self.list.iter().find(|object| object.key == key)
    }

    /// What a text means: an ARN, an id, a name, or a key.
    pub fn named(&self, kind: Kind, text: &str) -> Option<&Object> {
        self.of(kind).find(|object| object.key == text || object.ids.iter().any(|id| id == text))
    }

    /// What a link leads to.
    pub fn follow<'o>(&'o self, kind: Kind, item: &Item) -> Target<'o> {
        use super::item::Origin;
        match (&item.value, &item.origin) {
            (Value::Link(Link::Resource(key)), _) => match self.by_key(key).filter(|object| object.kind == kind) {
                Some(object) => Target::Object(object),
                None => Target::External(key.clone()),
            },
            (Value::Link(Link::External(id)), _) => self.text(kind, id),
            (Value::Link(Link::Refused { why, candidates }), _) | (_, Origin::Unknown { why, candidates }) => {
                Target::Refused { why: why.clone(), candidates: candidates.clone() }
            }
            (Value::Text(text), _) => self.text(kind, text),
            _ => Target::Refused { why: "it is not text".to_owned(), candidates: Vec::new() },
        }
    }

    fn text(&self, kind: Kind, text: &str) -> Target<'_> {
        self.named(kind, text).map_or_else(|| Target::External(text.to_owned()), Target::Object)
    }

    /// Adds the objects of a later source. An object that is there already, by an ARN or an id, gets the later fields.
    pub fn merge(&mut self, later: Self) {
        self.findings.extend(later.findings);
        for object in later.list {
            let same = |known: &&mut Object| {
                known.kind == object.kind
                    && (known.key == object.key
                        || known.ids.iter().any(|id| id.contains(':') && object.ids.contains(id)))
            };
            match self.list.iter_mut().find(same) {
                Some(known) => {
                    for (field, item) in object.fields.entries() {
                        known.fields.put(field, item.clone());
                    }
                    known.ids.extend(object.ids);
                    known.ids.push(object.key);
                    known.name = known.name.take().or(object.name);
                }
                None => self.list.push(object),
            }
        }
    }
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Target<'o> {
    /// An object.
    Object(&'o Object),
    /// Something that is in none of the sources: an ARN, an id or a name.
    External(String),
    /// Not known, and why.
    Refused {
        /// Why.
        why: String,
        /// Keys of what it may be.
        candidates: Vec<String>,
    },
}

/// What is left of a name that a tool made up, or nothing if a person chose it: `api` of Terraform's
/// `api20261129101103565700000004`, `MyApp-Targe` of CloudFormation's `MyApp-Targe-1ABCDEFGHIJ2`.
pub fn made_up(name: &str) -> Option<String> {
    const TERRAFORM: usize = 18;
    const CLOUDFORMATION: usize = 10;
    let stem = name.trim_end_matches(|c: char| c.is_ascii_hexdigit());
    let last = name.rsplit('-').next().unwrap_or_default();
    let upper = last.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let random =
        upper && last.bytes().any(|byte| byte.is_ascii_digit()) && last.bytes().any(|b| b.is_ascii_uppercase());
    if name.len() - stem.len() >= TERRAFORM {
        // A name may itself end in hexadecimal letters: the time after it begins with a digit.
        let tail: String = name[stem.len()..].chars().take_while(char::is_ascii_alphabetic).collect();
        return Some(format!("{stem}{tail}").trim_end_matches('-').to_owned());
    }
    if last.len() >= CLOUDFORMATION && random && last.len() < name.len() {
        return Some(name[..name.len() - last.len()].trim_end_matches('-').to_owned());
    }
    (name.starts_with("terraform-") || name.starts_with("tf-lb-") || name.starts_with("tf-2")).then(|| "tf".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tools_are_told_from_those_of_people() {
        for (name, left) in [
            ("api20261129101103565700000004", Some("api")),
            ("cafe20261129101103565700000004", Some("cafe")),
            ("web-20261129101103565700000004", Some("web")),
            ("MyApp-Targe-1ABCDEFGHIJ2", Some("MyApp-Targe")),
            ("tg-frontend", None),
            ("billing-PRODUCTION", None),
            ("deadbeef", None),
        ] {
            assert_eq!(made_up(name).as_deref(), left, "{name}");
        }
    }
}

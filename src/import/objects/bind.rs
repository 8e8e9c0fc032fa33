//! Where links lead because a person says so: `--bind PLACE=OBJECT`.

use super::item::{Item, Link, Value};
use super::object::Objects;

/// Why a decision decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotBound {
    /// No source has this place.
    NoPlace,
    /// There is no such object.
    NoObject,
}

impl Objects {
    /// Makes links lead where the decisions say. Returns those that decide nothing.
    pub fn bind<'b>(&mut self, decisions: &'b [String]) -> Vec<(&'b str, NotBound)> {
        let mut wrong = Vec::new();
        for decision in decisions {
            let targets = self.list.iter().filter_map(|object| target(&object.fields, decision)).next();
            let Some(target) = targets else {
                wrong.push((decision.as_str(), NotBound::NoPlace));
                continue;
            };
            let known =
                self.list.iter().find(|object| object.key == target || object.ids.iter().any(|id| id == target));
            let Some(key) = known.map(|object| object.key.clone()) else {
                wrong.push((decision.as_str(), NotBound::NoObject));
                continue;
            };
            for object in &mut self.list {
                lead(&mut object.fields, decision, &key);
            }
        }
        wrong
    }
}

/// What stands behind `=`, if this item or one inside it has the place before that.
fn target<'d>(item: &Item, decision: &'d str) -> Option<&'d str> {
    let place = format!("{}{}", item.place.address, item.place.pointer);
    let own = decision.strip_prefix(place.as_str()).and_then(|rest| rest.strip_prefix('='));
    let inside = || match &item.value {
        Value::List(items) => items.iter().find_map(|item| target(item, decision)),
        Value::Map(fields) => fields.iter().find_map(|(_, item)| target(item, decision)),
        _ => None,
    };
    own.or_else(inside)
}

fn lead(item: &mut Item, decision: &str, key: &str) {
    let place = format!("{}{}", item.place.address, item.place.pointer);
    if decision.strip_prefix(place.as_str()).is_some_and(|rest| rest.starts_with('=')) {
        item.value = Value::Link(Link::Resource(key.to_owned()));
        return;
    }
    match &mut item.value {
        Value::List(items) => items.iter_mut().for_each(|item| lead(item, decision, key)),
        Value::Map(fields) => fields.iter_mut().for_each(|(_, item)| lead(item, decision, key)),
        _ => {}
    }
}

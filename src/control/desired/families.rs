//! Task definitions by family. Revisions are numbered from 1 in the order in which they were registered, by whichever
//! author, and no number is used twice (ECS API, RegisterTaskDefinition, DeregisterTaskDefinition).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ecs::violation::Violation as Refused;
use crate::model::task_definition::{Revision, RevisionName, TaskDefinition};

/// Every revision that was registered, by family.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Families(BTreeMap<Arc<str>, Vec<Registered>>);

/// One revision. Its number is its place in the family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Registered {
    status: Status,
    definition: Arc<TaskDefinition>,
}

/// `status` of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Services and tasks may name it.
    Active,
    /// Services that named it before go on; nothing new may name it.
    Inactive,
}

impl Families {
    /// Registers the next revision of its family, also if it says what another one says.
    pub(super) fn register(&mut self, definition: &Arc<TaskDefinition>) -> RevisionName {
        let family: Arc<str> = definition.family.as_str().into();
        let revisions = self.0.entry(Arc::clone(&family)).or_default();
        revisions.push(Registered { status: Status::Active, definition: Arc::clone(definition) });
        RevisionName { family, number: revisions.len() as u32 }
    }

    /// The revisions of what a file says: the one with which it said the same `before`, or the last one of the family;
    /// if that says something else, a new one.
    pub(super) fn declare<'d>(
        &mut self,
        definitions: impl IntoIterator<Item = &'d Arc<TaskDefinition>>,
        before: impl IntoIterator<Item = &'d RevisionName>,
    ) -> Vec<RevisionName> {
        let mut said: BTreeMap<Arc<str>, Vec<RevisionName>> = BTreeMap::new();
        for name in before {
            said.entry(Arc::clone(&name.family)).or_default().push(name.clone());
        }
        let mut one = |definition: &Arc<TaskDefinition>| {
            let says_so = |name: &&RevisionName| self.find(name).is_some_and(|known| known.definition == *definition);
            let before = said.get(definition.family.as_str()).and_then(|names| names.iter().find(says_so));
            if let Some(name) = before {
                return name.clone();
            }
            let last = self.latest(&definition.family).filter(|last| last.definition == *definition);
            let name = last.map_or_else(|| self.register(definition), |last| last.name());
            said.entry(Arc::clone(&name.family)).or_default().push(name.clone());
            name
        };
        definitions.into_iter().map(&mut one).collect()
    }

    /// Makes a revision INACTIVE. One that is INACTIVE stays so.
    pub(super) fn deregister(&mut self, name: &RevisionName) -> Result<(), Refused> {
        let registered = index(name).and_then(|index| self.0.get_mut(&name.family)?.get_mut(index));
        let registered = registered.ok_or_else(|| Refused::NoSuchTaskDefinition(name.clone()))?;
        registered.status = Status::Inactive;
        Ok(())
    }

    fn find(&self, name: &RevisionName) -> Option<&Registered> {
        self.0.get(&name.family)?.get(index(name)?)
    }

    /// A revision of any status.
    pub fn revision(&self, name: &RevisionName) -> Option<Revision> {
        let definition = Arc::clone(&self.find(name)?.definition);
        Some(Revision { number: name.number, definition })
    }

    /// `status` of a revision.
    pub fn status(&self, name: &RevisionName) -> Option<Status> {
        self.find(name).map(|registered| registered.status)
    }

    /// The revision that a family's name alone stands for: its last one that is ACTIVE.
    pub fn latest(&self, family: &str) -> Option<Revision> {
        let revisions = self.0.get(family)?;
        let index = revisions.iter().rposition(|registered| registered.status == Status::Active)?;
        Some(Revision { number: index as u32 + 1, definition: Arc::clone(&revisions[index].definition) })
    }

    /// The name of the revision that a family's next registration makes.
    pub fn next(&self, family: &str) -> RevisionName {
        let registered = self.0.get(family).map_or(0, Vec::len);
        RevisionName { family: family.into(), number: registered as u32 + 1 }
    }

    /// The last ACTIVE revision with this content.
    pub fn last_with(&self, definition: &TaskDefinition) -> Option<RevisionName> {
        let revisions = self.0.get(definition.family.as_str())?;
        let says_so = |known: &Registered| known.status == Status::Active && *known.definition == *definition;
        let index = revisions.iter().rposition(says_so)?;
        Some(RevisionName { family: definition.family.as_str().into(), number: index as u32 + 1 })
    }

    /// The names of all families.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(AsRef::as_ref)
    }

    /// Every revision with its status, by family and number.
    pub fn all(&self) -> impl Iterator<Item = (RevisionName, Status)> {
        self.0.iter().flat_map(|(family, revisions)| {
            let named = |number| RevisionName { family: Arc::clone(family), number };
            (1..).map(named).zip(revisions.iter().map(|registered| registered.status))
        })
    }
}

fn index(name: &RevisionName) -> Option<usize> {
    (name.number as usize).checked_sub(1)
}

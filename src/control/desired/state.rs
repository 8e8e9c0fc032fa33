//! The desired state: what the file declares, and what other authors have made of it since. Pure.

use std::sync::Arc;

use super::apply;
use super::edit::Edit;
use super::families::Families;
use super::journal::{Base, Entry};
use super::merge::{self, Departure};
use super::resources::{Dangling, Resources};
use super::shifts;
use super::violation::Violation;
use crate::model::rule::{ListenerRule, WeightedTargetGroup};
use crate::model::{ClusterName, ServiceName, Topology};

/// The file's declarations, and the changes by others since.
#[derive(Clone, Debug)]
pub struct Desired {
    declared: Arc<Topology>,
    /// Absent while the file's declarations are all that is wanted.
    edited: Option<Edited>,
}

/// What others have changed.
#[derive(Clone, Debug)]
struct Edited {
    /// Where their changes began.
    base: Arc<Base>,
    /// Their changes since, in order.
    edits: Vec<Edit>,
    /// What is wanted.
    wanted: Resources,
    /// What follows from it.
    topology: Arc<Topology>,
}

/// A file without a history: its task definitions are the first of their families.
impl From<Arc<Topology>> for Desired {
    fn from(declared: Arc<Topology>) -> Self {
        Self { declared: numbered(declared), edited: None }
    }
}

/// The file's topology with the revisions that it registers when it is read for the first time.
fn numbered(mut declared: Arc<Topology>) -> Arc<Topology> {
    let definitions = declared.services.values().map(|service| &service.task_definition.definition);
    let names = Families::default().declare(definitions, []);
    let numbers = declared.services.values().map(|service| service.task_definition.number);
    if !numbers.eq(names.iter().map(|name| name.number)) {
        for (service, name) in Arc::make_mut(&mut declared).services.values_mut().zip(names) {
            service.task_definition.number = name.number;
        }
    }
    declared
}

impl Desired {
    /// The file's declarations, with what a journal says about others.
    ///
    /// # Errors
    ///
    /// The file no longer has what others refer to.
    pub fn restored(declared: Arc<Topology>, journal: &[Entry]) -> Result<Self, StillNeeded> {
        let [Entry::Base(base), edits @ ..] = journal else { return Ok(Self::from(declared)) };
        let mut wanted = base.wanted().clone();
        for entry in edits {
            match entry {
                Entry::Edit(edit) if apply::apply(edit, &mut wanted).is_ok() => {}
                // Nobody wrote such a journal: what follows has no ground to stand on.
                Entry::Edit(_) | Entry::Base(_) => break,
            }
        }
        Self::merged(declared, &base.file, &wanted, false)
    }

    /// With `reset`, only what was registered stays of what others did: no number is used twice.
    fn merged(declared: Arc<Topology>, then: &Resources, wanted: &Resources, reset: bool) -> Result<Self, StillNeeded> {
        let declared = numbered(declared);
        let file = Resources::of_file(&declared, &then.services, wanted.task_definitions.clone());
        let wanted = if reset { file.clone() } else { merge::merge(then, &file, wanted) };
        // A file alone refers to nothing that it does not have.
        let dangling = if wanted == file { Vec::new() } else { wanted.dangling() };
        match dangling {
            dangling if !dangling.is_empty() => Err(StillNeeded(dangling)),
            _ if wanted == Resources::from(&*declared) => Ok(Self::from(declared)),
            _ => {
                let base = Arc::new(Base::new(file, wanted.clone()));
                let edited = Edited::new(base, Vec::new(), wanted, &declared);
                Ok(Self { declared, edited: Some(edited) })
            }
        }
    }

    /// The file as it was read last.
    pub fn declared(&self) -> &Arc<Topology> {
        &self.declared
    }

    /// Takes the file as it is now. What others have changed stays where the file says what it said then; with `reset`
    /// nothing of it stays.
    ///
    /// # Errors
    ///
    /// The file no longer has what others refer to. Everything stays as it was.
    pub fn declare(&mut self, declared: Arc<Topology>, reset: bool) -> Result<(), StillNeeded> {
        *self = match &self.edited {
            Some(edited) => Self::merged(declared, &edited.base.file, &edited.wanted, reset)?,
            None if runs_the_same(&self.declared, &declared) => Self::from(declared),
            None => {
                let then = Resources::from(&*self.declared);
                Self::merged(declared, &then, &then, reset)?
            }
        };
        Ok(())
    }

    /// Makes a change on behalf of another author.
    ///
    /// # Errors
    ///
    /// AWS would refuse it. Everything stays as it was.
    pub fn edit(&mut self, edit: Edit) -> Result<(), Violation> {
        let (base, mut edits, before) = match &self.edited {
            Some(edited) => (Arc::clone(&edited.base), edited.edits.clone(), edited.wanted.clone()),
            None => {
                let file = Resources::from(&*self.declared);
                (Arc::new(Base::unchanged(file.clone())), Vec::new(), file)
            }
        };
        let mut wanted = before.clone();
        apply::apply(&edit, &mut wanted)?;
        if wanted == before {
            return Ok(());
        }
        edits.push(edit);
        let is_the_file = wanted == base.file && wanted == Resources::from(&*self.declared);
        self.edited = (!is_the_file).then(|| Edited::new(base, edits, wanted, &self.declared));
        Ok(())
    }

    /// Gives the target groups of a rule other weights, on behalf of ECS: to ModifyRule, or to ModifyListener for the default
    /// rule.
    ///
    /// # Errors
    ///
    /// As for [`Self::edit`]; or there is no such rule, or it does not forward.
    pub fn shift(&mut self, rule: &ListenerRule, target_groups: &[WeightedTargetGroup]) -> Result<(), Violation> {
        let edit = match &self.edited {
            Some(edited) => shifts::edit(&edited.wanted, rule, target_groups)?,
            None => shifts::edit(&Resources::from(&*self.declared), rule, target_groups)?,
        };
        self.edit(edit)
    }

    /// The edit that runs another number of tasks of a service; `None` is the file's.
    pub fn scale(&self, service: ServiceName, desired_count: Option<u32>) -> Edit {
        let count = |topology: &Topology| topology.services.get(&service).map(|service| service.desired_count);
        // A service that the file does not have stays at what it has.
        let count = desired_count.or_else(|| count(&self.declared)).or_else(|| count(self.topology()));
        Edit::scale(service, count.unwrap_or_default())
    }

    /// Every task definition that was registered.
    pub fn task_definitions(&self) -> Families {
        let edited = self.edited.as_ref();
        edited.map_or_else(
            || Resources::from(&*self.declared).task_definitions,
            |edited| edited.wanted.task_definitions.clone(),
        )
    }

    /// Every cluster: the stack's, and those that others created.
    pub fn clusters(&self) -> impl Iterator<Item = ClusterName> {
        let edited = self.edited.as_ref();
        let clusters = edited.map(|edited| edited.wanted.clusters.keys().cloned().collect::<Vec<_>>());
        clusters.unwrap_or_else(|| vec![self.declared.cluster.clone()]).into_iter()
    }

    /// The combined desired state of all authors.
    pub fn topology(&self) -> &Arc<Topology> {
        self.edited.as_ref().map_or(&self.declared, |edited| &edited.topology)
    }

    /// What a journal must hold, so that [`Desired::restored`] leads here: where others began, and their changes since.
    /// `None` while nothing has been changed.
    pub fn history(&self) -> Option<(&Arc<Base>, &[Edit])> {
        self.edited.as_ref().map(|edited| (&edited.base, &*edited.edits))
    }

    /// Where the file does not apply, for people.
    pub fn left_alone(&self) -> Vec<Departure> {
        self.edited.as_ref().map_or_else(Vec::new, |edited| merge::departures(&edited.base.file, &edited.wanted))
    }
}

/// Whether two files register the same task definitions, so that no revision of the first needs to be remembered.
fn runs_the_same(one: &Topology, other: &Topology) -> bool {
    let definitions = |topology: &'_ Topology| {
        topology.services.values().map(|service| Arc::clone(&service.task_definition.definition)).collect::<Vec<_>>()
    };
    definitions(one) == definitions(other)
}

impl Edited {
    fn new(base: Arc<Base>, edits: Vec<Edit>, wanted: Resources, file: &Topology) -> Self {
        let topology = Arc::new(wanted.derive(file));
        Self { base, edits, wanted, topology }
    }
}

/// The file no longer has resources that others refer to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file removes what others still use: {}. Delete what uses it, or drop all changes that the file did not make \
     (`up --reset`)",
    .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
)]
pub struct StillNeeded(pub Vec<Dangling>);

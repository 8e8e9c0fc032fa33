//! The desired state: what the file declares, and what other authors have made of it since. Pure.

use std::sync::{Arc, LazyLock};

use super::edit::Edit;
use super::families::Families;
use super::journal::{Base, Entry};
use super::merge::{self, Departure};
use super::put_secrets;
use super::records::Records;
use super::resources::{Dangling, Resources};
use super::shifts;
use super::violation::Violation;
use super::{aliases, apply};
use crate::model::rule::{ListenerRule, WeightedTargetGroup};
use crate::model::{ClusterName, ServiceName, Topology};

/// After so many edits the history begins anew with what they led to, so that neither it nor the journal grows with the
/// time that a stack runs.
const LONGEST_HISTORY: usize = 512;

/// The file's declarations, and the changes by others since. Cheap to clone.
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
    edits: Vec<Arc<Edit>>,
    /// What is wanted.
    wanted: Arc<Resources>,
    /// What follows from it.
    topology: Arc<Topology>,
    /// What is remembered besides.
    records: Records,
}

/// What an account without clients remembers.
static NOTHING: LazyLock<Records> = LazyLock::new(Records::default);

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
        let mut wanted = Arc::new(base.wanted().clone());
        let mut records = base.records.clone();
        for entry in edits {
            match entry {
                Entry::Edit(edit) if apply::apply(edit, &mut wanted, &mut records).is_ok() => {}
                // Nobody wrote such a journal: what follows has no ground to stand on.
                Entry::Edit(_) | Entry::Base(_) => break,
            }
        }
        Self::merged(declared, &base.file, &wanted, records, false)
    }

    /// With `reset`, only what was registered stays of what others did: no number is used twice.
    fn merged(
        declared: Arc<Topology>,
        then: &Resources,
        wanted: &Resources,
        records: Records,
        reset: bool,
    ) -> Result<Self, StillNeeded> {
        let declared = numbered(declared);
        let records = if reset { Records::default() } else { records };
        let file = Resources::of_file(&declared, &then.services, wanted.task_definitions.clone());
        let wanted = if reset { file.clone() } else { merge::merge(then, &file, wanted) };
        // A file alone refers to nothing that it does not have.
        let dangling = if wanted == file { Vec::new() } else { wanted.dangling() };
        match dangling {
            dangling if !dangling.is_empty() => Err(StillNeeded(dangling)),
            _ if records.is_empty() && wanted == Resources::from(&*declared) => Ok(Self::from(declared)),
            _ => {
                let topology = derived(&wanted, &records, &declared);
                let base = Arc::new(Base::new(file, wanted.clone(), records.clone()));
                let edited = Edited { base, edits: Vec::new(), wanted: Arc::new(wanted), topology, records };
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
            Some(edited) => Self::merged(declared, &edited.base.file, &edited.wanted, edited.records.clone(), reset)?,
            None if runs_the_same(&self.declared, &declared) => Self::from(declared),
            None => {
                let then = Resources::from(&*self.declared);
                Self::merged(declared, &then, &then, Records::default(), reset)?
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
        let mut edited = match &self.edited {
            Some(edited) => edited.clone(),
            None => {
                let file = Resources::from(&*self.declared);
                Edited {
                    base: Arc::new(Base::unchanged(file.clone())),
                    edits: Vec::new(),
                    wanted: Arc::new(file),
                    topology: Arc::clone(&self.declared),
                    records: Records::default(),
                }
            }
        };
        let (wanted, records) = (Arc::clone(&edited.wanted), edited.records.clone());
        apply::apply(&edit, &mut edited.wanted, &mut edited.records)?;
        let is_wanted_already = Arc::ptr_eq(&wanted, &edited.wanted) || wanted == edited.wanted;
        if is_wanted_already && records == edited.records {
            return Ok(());
        }
        if edited.records.is_empty() && edited.is_what(&self.declared) {
            self.edited = None;
            return Ok(());
        }
        if !is_wanted_already || put_secrets::changes(&edit) || aliases::changes(&edit) {
            edited.topology = derived(&edited.wanted, &edited.records, &self.declared);
        }
        edited.edits.push(Arc::new(edit));
        if edited.edits.len() >= LONGEST_HISTORY {
            edited.begin_anew();
        }
        self.edited = Some(edited);
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

    /// What is wanted, resource by resource.
    pub fn resources(&self) -> Arc<Resources> {
        let edited = self.edited.as_ref().map(|edited| Arc::clone(&edited.wanted));
        edited.unwrap_or_else(|| Arc::new(Resources::from(&*self.declared)))
    }

    /// What is remembered beside the topology.
    pub fn records(&self) -> &Records {
        self.edited.as_ref().map_or(&NOTHING, |edited| &edited.records)
    }

    /// What a journal must hold, so that [`Desired::restored`] leads here: where others began, and their changes since.
    /// `None` while nothing has been changed.
    pub fn history(&self) -> Option<(&Arc<Base>, &[Arc<Edit>])> {
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

/// What follows from what is wanted, and from the secrets that clients have put.
fn derived(wanted: &Resources, records: &Records, file: &Topology) -> Arc<Topology> {
    let mut topology = wanted.derive(file);
    put_secrets::add(records, &mut topology.secrets);
    topology.aliases = aliases::of(records, &topology.load_balancers);
    Arc::new(topology)
}

impl Edited {
    /// Whether nothing is left of what others have changed.
    fn is_what(&self, file: &Topology) -> bool {
        *self.wanted == self.base.file && *self.wanted == Resources::from(file)
    }

    /// What the file said stays the same: it is what the next file is compared with.
    fn begin_anew(&mut self) {
        let wanted = Resources::clone(&self.wanted);
        self.base = Arc::new(Base::new(self.base.file.clone(), wanted, self.records.clone()));
        self.edits.clear();
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

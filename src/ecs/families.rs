//! Task definitions by family, and the numbers of their revisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use neargate_model::task_definition::TaskDefinition;

/// Every revision that was registered, by family.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Families(BTreeMap<String, Vec<Arc<TaskDefinition>>>);

impl Families {
    /// Registers a task definition and returns its `revision`, counted from 1. On AWS every registration creates a
    /// revision (ECS API, RegisterTaskDefinition). Every `up` reads the file again, so here the same content has the
    /// same revision, and reverting the file reverts the number.
    pub fn register(&mut self, definition: &Arc<TaskDefinition>) -> u32 {
        let revisions = self.0.entry(definition.family.clone()).or_default();
        let is_same = |known: &Arc<TaskDefinition>| Arc::ptr_eq(known, definition) || known == definition;
        let index = revisions.iter().rposition(is_same).unwrap_or_else(|| {
            revisions.push(Arc::clone(definition));
            revisions.len() - 1
        });
        index as u32 + 1
    }

    /// A registered revision.
    pub fn revision(&self, family: &str, revision: u32) -> Option<&Arc<TaskDefinition>> {
        self.0.get(family)?.get(revision.checked_sub(1)? as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(family: &str, cpu: u32) -> Arc<TaskDefinition> {
        Arc::new(TaskDefinition {
            family: family.to_owned(),
            containers: Vec::new(),
            cpu,
            memory_mib: 512,
            cpu_architecture: None,
            execution_role_arn: None,
            task_role_arn: None,
            volumes: Vec::new(),
        })
    }

    #[test]
    fn other_content_is_the_next_revision_and_the_same_content_is_the_one_it_was() {
        let mut families = Families::default();
        let registered = [("web", 256), ("web", 512), ("web", 256), ("api", 256), ("web", 1024)]
            .map(|(family, cpu)| families.register(&definition(family, cpu)));
        assert_eq!(registered, [1, 2, 1, 1, 3]);
        assert_eq!(families.revision("web", 2).map(|definition| definition.cpu), Some(512));
        for (family, revision) in [("web", 0), ("web", 4), ("worker", 1)] {
            assert_eq!(families.revision(family, revision), None, "{family}:{revision}");
        }
    }
}

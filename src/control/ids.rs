//! Generates IDs: random in production, counted in tests, so that transcripts are stable.

use crate::model::{DeploymentId, TaskId};

/// A source of ids.
pub trait IdSource: Send + 'static {
    /// 32 hexadecimal digits.
    fn task_id(&mut self) -> TaskId;
    /// `ecs-svc/` and 19 digits.
    fn deployment_id(&mut self) -> DeploymentId;
}

/// Random ids, like AWS's.
#[derive(Debug, Default)]
pub struct RandomIds;

impl RandomIds {
    /// Two unpredictable words, from the standard hasher's operating system seed.
    fn random() -> [u64; 2] {
        use std::hash::{BuildHasher, Hasher, RandomState};
        [(); 2].map(|()| RandomState::new().build_hasher().finish())
    }
}

impl IdSource for RandomIds {
    fn task_id(&mut self) -> TaskId {
        let [high, low] = Self::random();
        TaskId::new(format!("{high:016x}{low:016x}"))
    }

    fn deployment_id(&mut self) -> DeploymentId {
        let [word, _] = Self::random();
        DeploymentId::new(format!("ecs-svc/{:019}", word % 10_000_000_000_000_000_000))
    }
}

/// Ids that count up.
#[derive(Debug, Default)]
pub struct CountedIds {
    tasks: u64,
    deployments: u64,
}

impl IdSource for CountedIds {
    fn task_id(&mut self) -> TaskId {
        self.tasks += 1;
        TaskId::new(format!("{:032x}", self.tasks))
    }

    fn deployment_id(&mut self) -> DeploymentId {
        self.deployments += 1;
        DeploymentId::new(format!("ecs-svc/{:019}", self.deployments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_have_the_documented_form_and_differ() {
        let mut ids = RandomIds;
        let (one, two) = (ids.task_id(), ids.task_id());
        assert_ne!(one, two);
        assert!(one.as_str().len() == 32 && one.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
        let deployment = ids.deployment_id();
        assert_eq!(deployment.as_str().len(), "ecs-svc/".len() + 19);
    }
}

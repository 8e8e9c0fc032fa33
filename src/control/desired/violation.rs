//! Why AWS would refuse an edit.

use std::fmt;

use super::records::Full;
use crate::{alb, ecs};

/// A refused edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// By ELBv2 or EC2.
    Alb(alb::violation::Violation),
    /// By ECS.
    Ecs(ecs::violation::Violation),
    /// By Application Auto Scaling.
    Scaling(ecs::scaling::violation::Violation),
    /// By nobody at AWS: there is room for more.
    Records(Full),
}

impl Violation {
    /// The error's code, as the API says it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Alb(violation) => violation.code(),
            Self::Ecs(violation) => violation.code(),
            Self::Scaling(violation) => violation.code(),
            Self::Records(Full) => "LimitExceededException",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alb(violation) => violation.fmt(f),
            Self::Ecs(violation) => violation.fmt(f),
            Self::Scaling(violation) => violation.fmt(f),
            Self::Records(full) => full.fmt(f),
        }
    }
}

impl std::error::Error for Violation {}

impl From<alb::violation::Violation> for Violation {
    fn from(violation: alb::violation::Violation) -> Self {
        Self::Alb(violation)
    }
}

impl From<ecs::task_definition::violation::Violation> for Violation {
    fn from(violation: ecs::task_definition::violation::Violation) -> Self {
        Self::Ecs(violation.into())
    }
}

impl From<ecs::violation::Violation> for Violation {
    fn from(violation: ecs::violation::Violation) -> Self {
        Self::Ecs(violation)
    }
}

impl From<ecs::scaling::violation::Violation> for Violation {
    fn from(violation: ecs::scaling::violation::Violation) -> Self {
        Self::Scaling(violation)
    }
}

impl From<Full> for Violation {
    fn from(full: Full) -> Self {
        Self::Records(full)
    }
}

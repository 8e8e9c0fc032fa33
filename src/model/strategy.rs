//! Deployments that run two revisions of a service side by side and shift traffic from one to the other: blue/green, linear
//! and canary (ECS developer guide, "Amazon ECS blue/green deployments", "Amazon ECS linear deployments", "Amazon ECS
//! canary deployments").

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// How a new revision takes over (`strategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// `ROLLING`: its tasks replace those of the last one step by step, in the same target group.
    #[default]
    Rolling,
    /// `BLUE_GREEN`: it gets all production traffic at once.
    BlueGreen,
    /// `LINEAR`: it gets production traffic in equal steps.
    Linear {
        /// `stepPercent`
        step: Share,
        /// `stepBakeTimeInMinutes`: the wait after each step but the last.
        bake_time: Duration,
    },
    /// `CANARY`: it gets a part of the production traffic, and later the rest.
    Canary {
        /// `canaryPercent`
        share: Share,
        /// `canaryBakeTimeInMinutes`: the wait in between.
        bake_time: Duration,
    },
}

impl Strategy {
    /// `strategy` of the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rolling => "ROLLING",
            Self::BlueGreen => "BLUE_GREEN",
            Self::Linear { .. } => "LINEAR",
            Self::Canary { .. } => "CANARY",
        }
    }

    /// Whether two revisions run side by side.
    pub fn shifts_traffic(&self) -> bool {
        *self != Self::Rolling
    }

    /// The wait between two steps.
    pub fn step_bake_time(&self) -> Duration {
        match *self {
            Self::Rolling | Self::BlueGreen => Duration::ZERO,
            Self::Linear { bake_time, .. } | Self::Canary { bake_time, .. } => bake_time,
        }
    }
}

/// A share of the traffic, in tenths of a percent: the API takes multiples of 0.1 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Share(u16);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// All of it.
    pub const ALL: Self = Self(1000);

    /// `None` for a number that is no multiple of 0.1 between 0 and 100.
    pub fn from_percent(percent: f64) -> Option<Self> {
        let tenths = percent * 10.0;
        let is_one = (0.0..=1000.0).contains(&tenths) && (tenths - tenths.round()).abs() < 1e-6;
        is_one.then_some(Self(tenths.round() as u16))
    }

    /// In tenths of a percent, at most 1000.
    pub fn tenths(self) -> u16 {
        self.0
    }

    /// `None` for more than everything.
    pub fn from_tenths(tenths: u16) -> Option<Self> {
        (tenths <= Self::ALL.0).then_some(Self(tenths))
    }

    /// In percent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// What is left of the traffic.
    #[must_use]
    pub fn rest(self) -> Self {
        Self(Self::ALL.0 - self.0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

/// `lifecycleStage` of a service deployment, in order.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    Serialize,
    Deserialize,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LifecycleStage {
    /// Only one earlier revision is left.
    ReconcileService,
    /// The new revision has no tasks.
    PreScaleUp,
    /// Its tasks start.
    ScaleUp,
    /// All of them are healthy.
    PostScaleUp,
    /// It gets the test traffic.
    TestTrafficShift,
    /// It has it.
    PostTestTrafficShift,
    /// It is about to get production traffic.
    PreProductionTrafficShift,
    /// It gets it.
    ProductionTrafficShift,
    /// It has all of it.
    PostProductionTrafficShift,
    /// Both revisions run, in case that something turns out to be wrong.
    BakeTime,
    /// The tasks of the earlier one stop.
    CleanUp,
}

/// What decides whether a deployment goes on (ECS API, DeploymentLifecycleHook).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleHook {
    /// `targetType`, with what answers.
    pub target: HookTarget,
    /// `lifecycleStages`
    pub stages: Vec<LifecycleStage>,
    /// `hookDetails`: a JSON object.
    pub details: Option<String>,
    /// `timeoutConfiguration.timeoutInMinutes`
    pub timeout: Duration,
    /// `timeoutConfiguration.action`
    pub on_timeout: TimeoutAction,
}

/// What a hook asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookTarget {
    /// `AWS_LAMBDA`: a function, and the command that stands for it here.
    Lambda {
        /// `hookTargetArn`, or the command where no function is named.
        name: String,
        /// Program and arguments; never empty.
        command: Vec<String>,
        /// Where it runs.
        folder: PathBuf,
    },
    /// `PAUSE`: somebody.
    Pause,
}

/// What happens when a hook has not decided in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString, IntoStaticStr, Serialize, Deserialize)]
#[strum(serialize_all = "UPPERCASE")]
#[serde(rename_all = "UPPERCASE")]
pub enum TimeoutAction {
    /// The deployment is rolled back.
    #[default]
    Rollback,
    /// The deployment goes on.
    Continue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_multiple_of_a_tenth_of_a_percent() {
        for refused in [-0.1, 0.05, 3.21, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::from_percent(refused), None, "{refused}");
        }
        let shown = |percent| Share::from_percent(percent).map(|share| (share.to_string(), share.rest().to_string()));
        assert_eq!(shown(12.5), Some(("12.5 %".to_owned(), "87.5 %".to_owned())));
        assert_eq!(shown(50.0), Some(("50 %".to_owned(), "50 %".to_owned())));
    }
}

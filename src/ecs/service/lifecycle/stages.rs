//! The stages of a service deployment: whose tasks run, where traffic goes, what ends each.
//!
//! Source: ECS developer guide, "Amazon ECS blue/green service deployments workflow". *Blue* is the revision that had the
//! traffic, *green* the one that gets it.

use neargate_model::strategy::{LifecycleStage, Share, Strategy};

/// What a stage is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    /// Its name.
    pub(crate) name: LifecycleStage,
    /// Whether green has tasks.
    pub(crate) green: bool,
    /// Whether blue has tasks.
    pub(crate) blue: bool,
    /// Whether green has the test traffic.
    pub(crate) test: bool,
    /// Green's part of the production traffic.
    pub(crate) production: Part,
    /// What ends it, once its hooks have agreed.
    pub(crate) ends: End,
}

/// Green's part of the production traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Nothing,
    /// What the last step has given it.
    LastStep,
    /// What this step gives it.
    Step,
    All,
}

/// What ends a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its hooks alone.
    Hooks,
    /// Blue's tasks are the only ones left.
    OneRevisionLeft,
    /// All of green's tasks are healthy.
    Healthy,
    /// The wait after a step is over.
    StepBaked,
    /// The bake time is over.
    Baked,
    /// Green's tasks are the only ones left.
    CleanedUp,
}

const fn stage(name: LifecycleStage, (blue, green): (bool, bool), test: bool, production: Part, ends: End) -> Stage {
    Stage { name, green, blue, test, production, ends }
}

const BLUE: (bool, bool) = (true, false);
const BOTH: (bool, bool) = (true, true);
const GREEN: (bool, bool) = (false, true);

/// All of them, in order.
#[rustfmt::skip]
const STAGES: [Stage; 11] = [
    //                                                     tasks  test   production      ends with
    stage(LifecycleStage::ReconcileService,                BLUE,  false, Part::Nothing,  End::OneRevisionLeft),
    stage(LifecycleStage::PreScaleUp,                      BLUE,  false, Part::Nothing,  End::Hooks),
    stage(LifecycleStage::ScaleUp,                         BOTH,  false, Part::Nothing,  End::Healthy),
    stage(LifecycleStage::PostScaleUp,                     BOTH,  false, Part::Nothing,  End::Hooks),
    stage(LifecycleStage::TestTrafficShift,                BOTH,  true,  Part::Nothing,  End::Hooks),
    stage(LifecycleStage::PostTestTrafficShift,            BOTH,  true,  Part::Nothing,  End::Hooks),
    stage(LifecycleStage::PreProductionTrafficShift,       BOTH,  true,  Part::LastStep, End::Hooks),
    stage(LifecycleStage::ProductionTrafficShift,          BOTH,  true,  Part::Step,     End::StepBaked),
    stage(LifecycleStage::PostProductionTrafficShift,      BOTH,  true,  Part::All,      End::Hooks),
    stage(LifecycleStage::BakeTime,                        BOTH,  true,  Part::All,      End::Baked),
    stage(LifecycleStage::CleanUp,                         GREEN, true,  Part::All,      End::CleanedUp),
];

/// What a stage is.
pub(crate) fn of(name: LifecycleStage) -> &'static Stage {
    let found = STAGES.iter().find(|stage| stage.name == name);
    found.expect("the table has every stage")
}

/// Whether a hook may run at this stage (ECS API, DeploymentLifecycleHook).
pub fn takes_hooks(stage: LifecycleStage) -> bool {
    !matches!(stage, LifecycleStage::ScaleUp | LifecycleStage::BakeTime | LifecycleStage::CleanUp)
}

/// Whether a hook may pause the deployment at this stage (ECS developer guide, "Troubleshooting Amazon ECS blue/green
/// deployments").
pub fn takes_pauses(stage: LifecycleStage) -> bool {
    use LifecycleStage::{ProductionTrafficShift, ReconcileService, TestTrafficShift};
    takes_hooks(stage) && !matches!(stage, ReconcileService | TestTrafficShift | ProductionTrafficShift)
}

/// The production traffic of green after each step. Where there is no blue, there is one step.
pub(crate) fn steps(strategy: Strategy, has_blue: bool) -> Vec<Share> {
    match strategy {
        Strategy::Linear { step, .. } if has_blue && step > Share::NONE => {
            let size = step.tenths();
            let counts = 1..=Share::ALL.tenths().div_ceil(size);
            counts.map(|count| Share::from_tenths(count * size).unwrap_or(Share::ALL)).collect()
        }
        Strategy::Canary { share, .. } if has_blue && share < Share::ALL => vec![share, Share::ALL],
        _ => vec![Share::ALL],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_table_has_every_stage_in_its_order() {
        assert!(STAGES.iter().map(|stage| stage.name).eq(LifecycleStage::iter()));
        // What a stage has begun, the next ones keep until the tasks of blue stop.
        assert!(STAGES.is_sorted_by_key(|stage| (stage.green, stage.test)));
        assert!(STAGES.iter().all(|stage| stage.green || stage.production == Part::Nothing));
    }

    #[test]
    fn the_last_step_is_everything() {
        let share = |percent| Share::from_percent(percent).expect("a share");
        let linear = |percent| Strategy::Linear { step: share(percent), bake_time: Duration::ZERO };
        let canary = |percent| Strategy::Canary { share: share(percent), bake_time: Duration::ZERO };
        let percents =
            |strategy, has_blue| steps(strategy, has_blue).into_iter().map(Share::percent).collect::<Vec<_>>();
        assert_eq!(percents(Strategy::BlueGreen, true), [100.0]);
        assert_eq!(percents(linear(25.0), true), [25.0, 50.0, 75.0, 100.0]);
        assert_eq!(percents(linear(30.0), true), [30.0, 60.0, 90.0, 100.0]);
        assert_eq!(percents(canary(5.0), true), [5.0, 100.0]);
        assert_eq!(percents(canary(100.0), true), [100.0]);
        assert_eq!(percents(canary(5.0), false), [100.0]);
    }
}

//! `deployment_configuration` of a service, and `advanced_configuration` of its load balancers (Terraform: `aws_ecs_service`).

use crate::read::reader::Spanned;
use crate::read::{Anything, CommandLine, keywords, record};

record! {
    /// How a new revision takes over (Terraform: `deployment_configuration` of `aws_ecs_service`).
    DeploymentConfigurationFile, "deployment_configuration" {
        /// `ROLLING`, `BLUE_GREEN`, `LINEAR` or `CANARY`. Default: `ROLLING`.
        strategy: Spanned<StrategyWord>,
        /// Minutes during which both revisions run after all production traffic has shifted. It is divided by `time_scale`.
        bake_time_in_minutes: Spanned<u32>,
        /// What decides whether a deployment goes on (Terraform: `lifecycle_hook`).
        lifecycle_hooks: Vec<LifecycleHookFile>,
        /// The steps of `LINEAR`.
        linear_configuration: LinearFile,
        /// The steps of `CANARY`.
        canary_configuration: CanaryFile,
    }
}

keywords! {
    /// How a new revision takes over.
    StrategyWord, "a deployment strategy" {
        /// Its tasks replace those of the last one step by step.
        Rolling = "ROLLING",
        /// It gets all production traffic at once.
        BlueGreen = "BLUE_GREEN",
        /// It gets production traffic in equal steps.
        Linear = "LINEAR",
        /// It gets a part of the production traffic, and later the rest.
        Canary = "CANARY",
    }
}

record! {
    /// Production traffic shifts in equal steps.
    LinearFile, "linear_configuration" {
        /// Percent of each step: 3 to 100, in tenths. Default: 10.
        step_percent: Spanned<f64>,
        /// Minutes between two steps. It is divided by `time_scale`. Default: 6.
        step_bake_time_in_minutes: Spanned<u32>,
    }
}

record! {
    /// A part of the production traffic shifts first.
    CanaryFile, "canary_configuration" {
        /// Percent of that part: 0.1 to 100, in tenths. Default: 5.
        canary_percent: Spanned<f64>,
        /// Minutes until the rest follows. It is divided by `time_scale`. Default: 10.
        canary_bake_time_in_minutes: Spanned<u32>,
    }
}

record! {
    /// What decides at some stages whether a deployment goes on: a command here in place of a Lambda function, or somebody
    /// (Terraform: `lifecycle_hook`).
    LifecycleHookFile, "lifecycle hook" {
        /// The stages at which it is asked.
        lifecycle_stages: Vec<Spanned<StageWord>> [required],
        /// The command that stands for the function: a list, or one text that is split at blanks as in a shell. It runs in
        /// the folder of this file, and gets the function's event on its standard input. It answers with a JSON object on its
        /// last line, `{"hookStatus": "SUCCEEDED"}`, or with its exit code.
        command: Spanned<CommandLine>,
        /// The function that is asked on AWS. It is only named here.
        hook_target_arn: Spanned<String>,
        /// `AWS_LAMBDA` or `PAUSE`: a deployment that is paused waits for `neargate continue-deployment`. Default: `AWS_LAMBDA`.
        target_type: Spanned<HookTargetWord>,
        /// A JSON object that the command gets.
        hook_details: Spanned<String>,
        /// How long it may take to decide.
        timeout_configuration: TimeoutFile,
        /// Recognised; nothing here needs a role.
        role_arn: Anything,
    }
}

keywords! {
    /// A stage at which a hook is asked.
    StageWord, "a lifecycle stage with hooks" {
        /// More than one earlier revision has tasks.
        ReconcileService = "RECONCILE_SERVICE",
        /// Before the new revision has tasks.
        PreScaleUp = "PRE_SCALE_UP",
        /// All of its tasks are healthy.
        PostScaleUp = "POST_SCALE_UP",
        /// It gets the test traffic.
        TestTrafficShift = "TEST_TRAFFIC_SHIFT",
        /// It has the test traffic.
        PostTestTrafficShift = "POST_TEST_TRAFFIC_SHIFT",
        /// Before each step of the production traffic.
        PreProductionTrafficShift = "PRE_PRODUCTION_TRAFFIC_SHIFT",
        /// Each step of the production traffic.
        ProductionTrafficShift = "PRODUCTION_TRAFFIC_SHIFT",
        /// It has all production traffic.
        PostProductionTrafficShift = "POST_PRODUCTION_TRAFFIC_SHIFT",
    }
}

keywords! {
    /// What a hook asks.
    HookTargetWord, "a target type of a hook" {
        /// A function.
        Lambda = "AWS_LAMBDA",
        /// Somebody.
        Pause = "PAUSE",
    }
}

record! {
    /// How long a hook may take to decide.
    TimeoutFile, "timeout_configuration" {
        /// Minutes: 1 to 1440, for a pause 1 to 20160. It is not divided by `time_scale`. Default: 1440.
        timeout_in_minutes: Spanned<u32>,
        /// What happens then: `ROLLBACK` or `CONTINUE`. Default: `ROLLBACK`.
        action: Spanned<TimeoutWord>,
    }
}

keywords! {
    /// What happens when a hook has not decided in time.
    TimeoutWord, "an action" {
        /// The deployment is rolled back.
        Rollback = "ROLLBACK",
        /// The deployment goes on.
        Continue = "CONTINUE",
    }
}

record! {
    /// What ECS needs to shift traffic between two revisions (Terraform: `advanced_configuration` of `load_balancer`).
    AdvancedFile, "advanced_configuration" {
        /// A key of `target_groups`: every other revision is registered with it.
        alternate_target_group: Spanned<String> [required],
        /// The rule that forwards production traffic. ECS sets the weights of its target groups.
        production_listener_rule: ListenerRuleFile [required],
        /// The rule that leads to the new revision first.
        test_listener_rule: ListenerRuleFile,
        /// Recognised; nothing here needs a role.
        role_arn: Anything,
    }
}

record! {
    /// A rule of a listener.
    ListenerRuleFile, "listener rule reference" {
        /// The port of the listener.
        listener: Spanned<u16> [required],
        /// The priority of the rule. Default: the default rule of the listener.
        priority: Spanned<u32>,
        /// A key of `load_balancers`. Default: the load balancer, if there is one.
        load_balancer: Spanned<String>,
    }
}

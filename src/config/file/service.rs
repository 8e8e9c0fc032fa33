//! `services:` in the file (Terraform: `aws_ecs_service`).

use super::connect::ConnectFile;
use super::discovery::RegistryFile;
use super::scaling::{ScalableTargetFile, ScalingPolicyFile};
use super::strategy::{AdvancedFile, DeploymentConfigurationFile};
use crate::read::reader::Spanned;
use crate::read::{Anything, CommandLine, Named, OneOrMany, keywords, record};

record! {
    /// A service (Terraform: `aws_ecs_service`).
    ServiceFile, "service" {
        /// Path of the task definition: the JSON that you register with ECS.
        task_definition: Spanned<String> [required],
        /// How many tasks should run. Default: 1.
        desired_count: Spanned<u32>,
        /// The security groups its tasks are in: keys of `security_groups`.
        security_groups: Vec<Spanned<String>>,
        /// Which container belongs to which target group.
        load_balancers: Vec<BindingFile>,
        /// How to build images, by container. Other images are pulled.
        build: Named<BuildFile>,
        /// Images to pull instead of the task definition's, by container.
        image: Named<Spanned<String>>,
        /// What `up --watch` does when files change, by container, as in Compose. Without it, a change in a build context
        /// builds the image again.
        develop: Named<DevelopFile>,
        /// Environment variables by container, as your pipeline adds them to the task definition when it deploys.
        environment: Named<Named<Spanned<String>>>,
        /// Seconds during which failed health checks do not replace a new task. Default: 0.
        health_check_grace_period_seconds: Spanned<u32>,
        /// Recognised: `FARGATE` is the only one.
        launch_type: Spanned<String>,
        /// Recognised: `REPLICA` is the only one.
        scheduling_strategy: Spanned<String>,
        /// Recognised; behaves like the latest version.
        platform_version: String,
        /// The share of `desired_count` that stays healthy during a deployment, rounded up. Default: 100.
        deployment_minimum_healthy_percent: Spanned<u32>,
        /// The share of `desired_count` that may run at once during a deployment, rounded down. Default: 200.
        deployment_maximum_percent: Spanned<u32>,
        /// When a deployment that does not come up is given up.
        deployment_circuit_breaker: CircuitBreakerFile,
        /// Recognised; the only controller is ECS's own.
        deployment_controller: Anything,
        /// How a new revision takes over: rolling, blue/green, linear or canary.
        deployment_configuration: DeploymentConfigurationFile,
        /// Alarms that end a deployment when they go off.
        alarms: DeploymentAlarmsFile,
        /// Between how many tasks the service is scaled.
        appautoscaling_target: ScalableTargetFile,
        /// What scales it, by name.
        appautoscaling_policy: Named<ScalingPolicyFile>,
        /// Recognised; `neargate exec` works either way.
        enable_execute_command: bool,
        /// Recognised; `security_groups` of the service applies instead, and the project's network replaces subnets.
        network_configuration: Anything,
        /// Recognised; everything runs on this machine.
        capacity_provider_strategy: Anything,
        /// The Cloud Map service in which its tasks are registered.
        service_registries: RegistryFile,
        /// Which services of its namespace it reaches, and under which names they reach it.
        service_connect_configuration: ConnectFile,
        /// Whether tasks that are spread unevenly over the zones are moved. Default: `ENABLED`, if
        /// `deployment_maximum_percent` is above 100.
        availability_zone_rebalancing: Spanned<RebalancingWord>,
        /// Recognised; `up --wait` waits.
        wait_for_steady_state: bool,
        /// Recognised; use `neargate restart` instead.
        force_new_deployment: bool,
        /// Recognised; shown nowhere.
        propagate_tags: String,
        /// Recognised; shown nowhere.
        enable_ecs_managed_tags: bool,
        /// Recognised; shown nowhere.
        tags: Anything,
    }
}

keywords! {
    /// Whether tasks are moved between zones.
    RebalancingWord, "a state of Availability Zone rebalancing" {
        /// They are.
        Enabled = "ENABLED",
        /// They are not.
        Disabled = "DISABLED",
    }
}

record! {
    /// When a deployment that does not come up is given up (Terraform: `deployment_circuit_breaker` of
    /// `aws_ecs_service`).
    CircuitBreakerFile, "deployment_circuit_breaker" {
        /// Whether failed tasks are counted.
        enable: Spanned<bool> [required],
        /// Whether the service returns to the last deployment that came up.
        rollback: Spanned<bool> [required],
        /// Whether a task that becomes healthy makes up for all failures before. Default: `true`.
        reset_on_healthy_task: Spanned<bool>,
        /// How many tasks may fail. Default: half of `desired_count`, at least 3 and at most 200.
        threshold_configuration: ThresholdFile,
    }
}

record! {
    /// Alarms that end a deployment when they go off (Terraform: `alarms` of `aws_ecs_service`).
    DeploymentAlarmsFile, "alarms" {
        /// Keys of `metric_alarms`.
        alarm_names: Vec<Spanned<String>> [required],
        /// Whether they are watched.
        enable: Spanned<bool> [required],
        /// Whether the service returns to the last deployment that came up.
        rollback: Spanned<bool> [required],
    }
}

record! {
    /// How many tasks may fail (ECS API: ThresholdConfiguration).
    ThresholdFile, "threshold_configuration" {
        /// `COUNT`, `BOUNDED_PERCENT` (of `desired_count`, at least 3 and at most 200 tasks) or `UNBOUNDED_PERCENT`.
        kind = "type": Spanned<ThresholdWord> [required],
        /// That many tasks, or percent.
        value: Spanned<u32> [required],
    }
}

keywords! {
    /// What a threshold counts.
    ThresholdWord, "a type of a threshold" {
        /// Tasks.
        Count = "COUNT",
        /// Percent of the desired count, but at least 3 and at most 200 tasks.
        BoundedPercent = "BOUNDED_PERCENT",
        /// Percent of the desired count.
        UnboundedPercent = "UNBOUNDED_PERCENT",
    }
}

record! {
    /// One container port in one target group (Terraform: `load_balancer` of `aws_ecs_service`).
    BindingFile, "load_balancers entry" {
        /// A key of `target_groups`.
        target_group: Spanned<String> [required],
        /// A container of the task definition.
        container: Spanned<String> [required],
        /// A port of that container's `portMappings`.
        port: Spanned<u16> [required],
        /// What ECS needs to shift traffic between two revisions.
        advanced_configuration: AdvancedFile,
    }
}

record! {
    /// How to build one image, as in Compose.
    BuildFile, "build" {
        /// Folder to send to the builder, relative to this file.
        context: Spanned<String> [required],
        /// Path of the Dockerfile, relative to the context. Default: `Dockerfile`.
        dockerfile: Spanned<String>,
        /// Build arguments.
        args: Named<Spanned<String>>,
        /// Stage to stop at.
        target: Spanned<String>,
    }
}

record! {
    /// What to do when files change (Compose: `develop`).
    DevelopFile, "develop" {
        /// Replaces watching the whole build context.
        watch: Vec<WatchFile> [required],
    }
}

record! {
    /// One file or folder to watch (Compose: an entry of `develop.watch`).
    WatchFile, "watch entry" {
        /// A file or a folder, relative to this file.
        path: Spanned<String> [required],
        /// `rebuild`, `restart`, `sync`, `sync+restart` or `sync+exec`.
        action: Spanned<String> [required],
        /// Its path in the container, for `sync`.
        target: Spanned<String>,
        /// Patterns as in `.dockerignore`, relative to `path`: matching files are ignored.
        ignore: OneOrMany<Spanned<String>>,
        /// Patterns as in `.dockerignore`, relative to `path`: only matching files count.
        include: OneOrMany<Spanned<String>>,
        /// For `sync`: also copy the existing files when watching starts. Default: `false`.
        initial_sync: Spanned<bool>,
        /// What `sync+exec` runs in the container.
        exec: HookFile,
    }
}

record! {
    /// A command in a running container (Compose: `exec` of a watch rule).
    HookFile, "exec" {
        /// Program and arguments: a list, or one text that is split at blanks as in a shell. It does not run in a shell.
        command: Spanned<CommandLine> [required],
        /// The user that runs it. Default: the container's user.
        user: Spanned<String>,
        /// Whether it runs with all privileges. Default: `false`.
        privileged: bool,
        /// The folder in which it runs. Default: the container's.
        working_dir: Spanned<String>,
        /// Variables in addition to the container's.
        environment: Named<Spanned<String>>,
    }
}

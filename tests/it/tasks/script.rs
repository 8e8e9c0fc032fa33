//! The language of the cases: what is wanted, and how the world behaves.

use std::collections::BTreeMap;
use std::time::Duration;

use neargate::model::alarm::{Comparison, MetricAlarm, MissingData, Statistic};
use neargate::model::deployment::{DeploymentAlarms, DeploymentConfiguration};
use neargate::model::listener::{HeaderModification, Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes};
use neargate::model::rule::{Action, Forward, ListenerRule, WeightedTargetGroup};
use neargate::model::scaling::{ScalableTarget, ScalingMetric, Suspended, TargetTracking};
use neargate::model::security_group::{IngressRule, IpProtocol, SecurityGroup, Source};
use neargate::model::service::{AdvancedConfiguration, Build, LoadBalancerBinding, Service};
use neargate::model::strategy::{HookTarget, LifecycleHook, LifecycleStage, Share, Strategy, TimeoutAction};
use neargate::model::target_group::{TargetGroup, TargetGroupAttributes};
use neargate::model::task_definition::{
    ContainerDefinition, ContainerHealthCheck, Dependency, DependencyCondition, PortMapping, RestartPolicy, Revision,
    SecretReference, TaskDefinition,
};
use neargate::model::topology::{TimeScale, Topology};
use neargate::model::{AlarmName, ContainerName, TargetGroupName};
use serde::Deserialize;

use crate::support::world::Script;

/// One case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// The documented rule that the case shows, in its own words.
    #[expect(dead_code, reason = "for the reader")]
    rule: String,
    /// Where AWS says so.
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    #[serde(default = "one")]
    desired_count: u32,
    #[serde(default)]
    grace_period: u64,
    #[serde(default)]
    deployment_configuration: DeploymentConfiguration,
    /// How a new revision takes over; without, its tasks replace those of the last one.
    pub(super) strategy: Option<StrategyCase>,
    /// Lifecycle hooks of it.
    #[serde(default)]
    hooks: Vec<HookCase>,
    /// Alarms that end a deployment and roll it back, each with its period in seconds.
    #[serde(default)]
    alarms: BTreeMap<String, u64>,
    #[serde(default = "yes")]
    availability_zone_rebalancing: bool,
    /// How the service is scaled.
    scaling: Option<ScalingCase>,
    /// What is measured for a scaling policy at the end of each minute: from this second on. Without a value, nothing.
    #[serde(default)]
    pub(super) metrics: BTreeMap<String, Vec<(u64, Option<f64>)>>,
    containers: Vec<ContainerCase>,
    #[serde(default)]
    pub(super) world: Script,
    /// What probes of a port find: from this second of the target's life on. `none` is no probe at all.
    #[serde(default)]
    pub(super) probes: BTreeMap<u16, Vec<(f64, String)>>,
    /// Ports that the service's security group keeps closed.
    #[serde(default)]
    closed_ports: Vec<u16>,
    /// At which second what is done; `doctor` writes down what it says then.
    #[serde(default, rename = "do")]
    pub(super) actions: Vec<(f64, String)>,
    /// Whether the service's deployments are written down as they come, change and go.
    #[serde(default)]
    pub(super) deployments: bool,
    /// Whether tasks, containers and targets are left out: deployments and events tell enough.
    #[serde(default)]
    pub(super) brief: bool,
    /// Whether the times of every task are written down in the end.
    #[serde(default)]
    pub(super) times: bool,
    /// How long the case is watched.
    pub(super) seconds: f64,
}

/// A scalable target.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScalingCase {
    min_capacity: u32,
    max_capacity: u32,
    #[serde(default)]
    policies: BTreeMap<String, PolicyCase>,
}

/// A target tracking policy on the CPU, or on the requests of `tg-web`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyCase {
    metric: MetricCase,
    target_value: f64,
    #[serde(default = "three_hundred")]
    scale_out_cooldown: u64,
    #[serde(default = "three_hundred")]
    scale_in_cooldown: u64,
    #[serde(default)]
    disable_scale_in: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MetricCase {
    Cpu,
    Memory,
    Requests,
}

/// How a new revision takes over. Production traffic comes by the listener 80, test traffic by 8080.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StrategyCase {
    name: String,
    /// Of each step, or of the canary.
    percent: Option<f64>,
    /// After a step, or after the canary.
    #[serde(default)]
    step_bake_time_in_minutes: f64,
    #[serde(default)]
    bake_time_in_minutes: f64,
    #[serde(default)]
    test_listener_rule: bool,
}

impl StrategyCase {
    fn strategy(&self) -> Strategy {
        let share = || Share::from_percent(self.percent.expect("percent")).expect("a share");
        let bake_time = minutes(self.step_bake_time_in_minutes);
        match self.name.as_str() {
            "ROLLING" => Strategy::Rolling,
            "BLUE_GREEN" => Strategy::BlueGreen,
            "LINEAR" => Strategy::Linear { step: share(), bake_time },
            "CANARY" => Strategy::Canary { share: share(), bake_time },
            other => panic!("unknown strategy {other:?}"),
        }
    }

    fn advanced(&self, group: &TargetGroupName) -> AdvancedConfiguration {
        let rule = |listener| ListenerRule { load_balancer: "test".into(), listener, priority: None };
        AdvancedConfiguration {
            alternate_target_group: alternate(group),
            production_listener_rule: rule(80),
            test_listener_rule: self.test_listener_rule.then(|| rule(8080)),
        }
    }
}

fn alternate(group: &TargetGroupName) -> TargetGroupName {
    TargetGroupName::new(format!("{group}-2"))
}

fn minutes(minutes: f64) -> Duration {
    Duration::from_secs_f64(minutes * 60.0)
}

/// A lifecycle hook; the world says what it answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HookCase {
    /// Its command; without, it is a pause.
    name: Option<String>,
    stages: Vec<LifecycleStage>,
    details: Option<String>,
    timeout_in_minutes: Option<f64>,
    #[serde(default)]
    on_timeout: TimeoutAction,
}

impl HookCase {
    fn hook(&self) -> LifecycleHook {
        let target = match &self.name {
            Some(name) => {
                HookTarget::Lambda { name: name.clone(), command: vec![name.clone()], folder: "/project".into() }
            }
            None => HookTarget::Pause,
        };
        LifecycleHook {
            target,
            stages: self.stages.clone(),
            details: self.details.clone(),
            timeout: minutes(self.timeout_in_minutes.unwrap_or(1440.0)),
            on_timeout: self.on_timeout,
        }
    }
}

/// A container of its tasks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContainerCase {
    name: String,
    port: Option<u16>,
    #[serde(default = "yes")]
    essential: bool,
    #[serde(default)]
    depends_on: BTreeMap<String, String>,
    start_timeout: Option<u64>,
    #[serde(default = "thirty")]
    stop_timeout: u64,
    #[serde(default)]
    health_check: bool,
    restart_attempt_period: Option<u64>,
    /// Of which a variable is to be made; nothing has its value.
    secret: Option<String>,
    #[serde(default)]
    build: bool,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn thirty() -> u64 {
    30
}

fn three_hundred() -> u64 {
    300
}

/// What the case wants.
pub(super) fn topology(case: &Case) -> Topology {
    let containers: Vec<ContainerDefinition> = case.containers.iter().map(container).collect();
    let bound: Vec<&ContainerCase> = case.containers.iter().filter(|container| container.port.is_some()).collect();
    let group = |container: &ContainerCase| TargetGroupName::new(format!("tg-{}", container.name));
    let mut target_groups: BTreeMap<_, _> =
        bound.iter().map(|container| (group(container), target_group(container.port.unwrap()))).collect();
    let mut weights: Vec<_> =
        target_groups.keys().map(|name| WeightedTargetGroup { target_group: name.clone(), weight: 1 }).collect();
    if case.strategy.is_some() {
        let alternates = bound.iter().map(|container| {
            let name = alternate(&group(container));
            weights.push(WeightedTargetGroup { target_group: name.clone(), weight: 0 });
            (name, target_group(container.port.unwrap()))
        });
        target_groups.extend(alternates.collect::<Vec<_>>());
    }
    let forward = Action::Forward(Forward { target_groups: weights, stickiness_seconds: None });
    let listener = |port| Listener {
        port,
        bind_port: port,
        protocol: ListenerProtocol::Http,
        default_actions: forward.clone().into(),
        rules: Vec::new(),
        headers: HeaderModification::default(),
    };
    let has_test_rule = case.strategy.as_ref().is_some_and(|strategy| strategy.test_listener_rule);
    let service = Service {
        task_definition: Revision::first(TaskDefinition::new("app", containers)),
        desired_count: case.desired_count,
        security_groups: vec!["tasks".into()],
        load_balancers: bound
            .iter()
            .map(|container| LoadBalancerBinding {
                target_group: group(container),
                container: ContainerName::new(&container.name),
                port: container.port.unwrap(),
                advanced: case.strategy.as_ref().map(|strategy| strategy.advanced(&group(container))),
            })
            .collect(),
        builds: case
            .containers
            .iter()
            .filter(|container| container.build)
            .map(|container| (ContainerName::new(&container.name), build()))
            .collect(),
        images: BTreeMap::new(),
        watches: BTreeMap::new(),
        service_registry: None,
        service_connect: None,
        health_check_grace_period: Duration::from_secs(case.grace_period),
        deployment_configuration: DeploymentConfiguration {
            alarms: alarms(case),
            strategy: case.strategy.as_ref().map(StrategyCase::strategy).unwrap_or_default(),
            bake_time: minutes(case.strategy.as_ref().map_or(0.0, |strategy| strategy.bake_time_in_minutes)),
            lifecycle_hooks: case.hooks.iter().map(HookCase::hook).collect(),
            ..case.deployment_configuration.clone()
        },
        availability_zone_rebalancing: case.availability_zone_rebalancing,
    };
    Topology {
        name: "test".into(),
        domains: Vec::new(),
        aliases: BTreeMap::new(),
        local_ports: BTreeMap::new(),
        aws_endpoint: None,
        security_groups: [("alb".into(), open_to_all()), ("tasks".into(), open_to_the_load_balancer(case))].into(),
        target_groups,
        load_balancers: BTreeMap::from([(
            "test".into(),
            LoadBalancer {
                name: "test".into(),
                internal: false,
                domains: Vec::new(),
                security_groups: vec!["alb".into()],
                listeners: [80].into_iter().chain(has_test_rule.then_some(8080)).map(listener).collect(),
                attributes: LoadBalancerAttributes::default(),
                bind_address: std::net::Ipv4Addr::LOCALHOST.into(),
            },
        )]),
        cluster: "test".into(),
        services: [("app".into(), service)].into(),
        scalable_targets: case.scaling.iter().map(|scaling| ("app".into(), scalable_target(scaling))).collect(),
        secrets: BTreeMap::new(),
        task_roles: BTreeMap::new(),
        identities: Default::default(),
        environment_files: BTreeMap::new(),
        quotas: Default::default(),
        time_scale: TimeScale::REAL,
    }
}

fn scalable_target(case: &ScalingCase) -> ScalableTarget {
    let policy = |case: &PolicyCase| TargetTracking {
        metric: match case.metric {
            MetricCase::Cpu => ScalingMetric::Cpu,
            MetricCase::Memory => ScalingMetric::Memory,
            MetricCase::Requests => ScalingMetric::RequestCountPerTarget("tg-web".into()),
        },
        target_value: case.target_value,
        scale_out_cooldown: Duration::from_secs(case.scale_out_cooldown),
        scale_in_cooldown: Duration::from_secs(case.scale_in_cooldown),
        disable_scale_in: case.disable_scale_in,
    };
    ScalableTarget {
        min_capacity: case.min_capacity,
        max_capacity: case.max_capacity,
        suspended: Suspended::default(),
        policies: case.policies.iter().map(|(name, case)| (name.as_str().into(), policy(case))).collect(),
    }
}

fn alarms(case: &Case) -> Option<DeploymentAlarms> {
    let alarm = |period: u64| MetricAlarm {
        metric: "HTTPCode_Target_5XX_Count".to_owned(),
        load_balancer: "test".into(),
        target_group: None,
        statistic: Statistic::Sum,
        period: Duration::from_secs(period),
        evaluation_periods: 1,
        datapoints_to_alarm: 1,
        comparison: Comparison::Greater,
        threshold: 5.0,
        missing_data: MissingData::NotBreaching,
    };
    let alarms: BTreeMap<AlarmName, MetricAlarm> =
        case.alarms.iter().map(|(name, period)| (AlarmName::new(name), alarm(*period))).collect();
    (!alarms.is_empty()).then_some(DeploymentAlarms { rollback: true, alarms })
}

fn open_to_all() -> SecurityGroup {
    let source = Source::Cidr("0.0.0.0/0".parse().unwrap());
    SecurityGroup { ingress: vec![IngressRule { protocol: IpProtocol::Tcp, from_port: 80, to_port: 80, source }] }
}

fn open_to_the_load_balancer(case: &Case) -> SecurityGroup {
    let ports = case.containers.iter().filter_map(|container| container.port);
    let open = ports.filter(|port| !case.closed_ports.contains(port));
    SecurityGroup {
        ingress: open
            .map(|port| IngressRule {
                protocol: IpProtocol::Tcp,
                from_port: port,
                to_port: port,
                source: Source::SecurityGroup("alb".into()),
            })
            .collect(),
    }
}

fn build() -> Build {
    Build { context: "/context".into(), dockerfile: "Dockerfile".into(), args: BTreeMap::new(), target: None }
}

fn target_group(port: u16) -> TargetGroup {
    TargetGroup {
        attributes: TargetGroupAttributes {
            deregistration_delay: Duration::from_secs(20),
            ..TargetGroupAttributes::default()
        },
        ..TargetGroup::new(port)
    }
}

fn container(case: &ContainerCase) -> ContainerDefinition {
    let condition = |text: &str| match text {
        "START" => DependencyCondition::Start,
        "COMPLETE" => DependencyCondition::Complete,
        "SUCCESS" => DependencyCondition::Success,
        "HEALTHY" => DependencyCondition::Healthy,
        other => panic!("unknown condition {other:?}"),
    };
    ContainerDefinition {
        essential: case.essential,
        port_mappings: case.port.map(PortMapping::tcp).into_iter().collect(),
        depends_on: case
            .depends_on
            .iter()
            .map(|(other, text)| Dependency { container: ContainerName::new(other), condition: condition(text) })
            .collect(),
        start_timeout: case.start_timeout.map(Duration::from_secs),
        stop_timeout: Duration::from_secs(case.stop_timeout),
        health_check: case.health_check.then(|| ContainerHealthCheck {
            command: vec!["CMD".into(), "true".into()],
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            retries: 3,
            start_period: Duration::ZERO,
        }),
        restart_policy: case.restart_attempt_period.map(|period| RestartPolicy {
            ignored_exit_codes: Vec::new(),
            restart_attempt_period: Duration::from_secs(period),
        }),
        secrets: case
            .secret
            .iter()
            .map(|secret| SecretReference { name: "SECRET".into(), secret: secret.clone(), json_key: None })
            .collect(),
        ..ContainerDefinition::new(&case.name, format!("{}:1", case.name))
    }
}

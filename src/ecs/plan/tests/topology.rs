//! What the stack is told to run, one file after the other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use neargate_model::listener::{Listener, ListenerProtocol, LoadBalancer};
use neargate_model::rule::{Action, Forward, WeightedTargetGroup};
use neargate_model::service::{Build, LoadBalancerBinding, Service};
use neargate_model::target_group::{StaticTarget, TargetGroup};
use neargate_model::task_definition::{
    ContainerDefinition, ContainerHealthCheck, Dependency, DependencyCondition, RestartPolicy, Revision, TaskDefinition,
};
use neargate_model::topology::TimeScale;
use neargate_model::{ServiceName, Topology};

/// Three files: services come, go, change and are scaled, and so does a target that is given by address.
pub(super) fn topology(variant: usize) -> Topology {
    let mut web = container("web", "web:1", true);
    web.health_check = Some(ContainerHealthCheck {
        command: vec!["CMD".into(), "true".into()],
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        retries: 1,
        start_period: Duration::ZERO,
    });
    web.environment = [("VARIANT".to_owned(), (variant % 2).to_string())].into();
    let mut beside = container("beside", "shared:1", false);
    beside.depends_on = vec![Dependency { container: "web".into(), condition: DependencyCondition::Start }];
    beside.restart_policy =
        Some(RestartPolicy { ignored_exit_codes: vec![0], restart_attempt_period: Duration::from_secs(60) });
    let mut first = container("beside", "shared:1", false);
    first.start_timeout = Some(Duration::from_secs(20));
    let mut after = container("web", "other:1", true);
    after.depends_on = vec![Dependency { container: "beside".into(), condition: DependencyCondition::Success }];
    let alone = container("web", "shared:1", true);

    let mut built = service(vec![web, beside], [2, 3, 1][variant], Some(("web", 80)));
    let build = Build { context: "/app".into(), dockerfile: "Dockerfile".into(), args: BTreeMap::new(), target: None };
    built.builds = [("web".into(), build)].into();
    let pulled = service(vec![first, after], 1 + variant as u32 / 2, Some(("web", 81)));
    let unused = service(vec![alone], 1, Some(("unused", 80)));
    let mut services: BTreeMap<ServiceName, Service> = [("built".into(), built)].into();
    if variant != 1 {
        services.insert("pulled".into(), pulled);
    }
    if variant != 0 {
        services.insert("unused".into(), unused);
    }

    let given = (variant == 2).then(|| StaticTarget { address: address(3), port: 80 });
    let forward = Action::Forward(Forward {
        target_groups: vec![WeightedTargetGroup { target_group: "web".into(), weight: 1 }],
        stickiness_seconds: None,
    });
    let listener = Listener::new(80, ListenerProtocol::Http, forward);
    Topology {
        target_groups: [
            ("unused".into(), target_group(Vec::new())),
            ("web".into(), target_group(given.into_iter().collect())),
        ]
        .into(),
        services,
        quotas: Default::default(),
        time_scale: TimeScale::DEFAULT,
        ..Topology::new("growth", [LoadBalancer::new("growth", vec![listener])])
    }
}

fn service(containers: Vec<ContainerDefinition>, desired_count: u32, binding: Option<(&str, u16)>) -> Service {
    let bound = |(group, port): (&str, u16)| LoadBalancerBinding {
        target_group: group.into(),
        container: "web".into(),
        port,
        advanced: None,
    };
    Service {
        load_balancers: binding.into_iter().map(bound).collect(),
        health_check_grace_period: Duration::from_secs(15),
        ..Service::new(Revision::first(TaskDefinition::new("growth", containers)), desired_count)
    }
}

fn target_group(static_targets: Vec<StaticTarget>) -> TargetGroup {
    let mut group = TargetGroup { static_targets, ..TargetGroup::new(80) };
    group.health_check.healthy_threshold = 2;
    group
}

fn container(name: &str, image: &str, essential: bool) -> ContainerDefinition {
    ContainerDefinition { essential, ..ContainerDefinition::new(name, image) }
}

pub(super) fn address(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

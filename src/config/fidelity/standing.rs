//! Differences that no field asks for.

/// A difference that `time_scale: 1` takes away.
pub(super) const DRAINING: (&str, &str) = (
    "draining ends early",
    "a deregistered target disappears as soon as nothing is in flight, at the latest after its delay; `time_scale: 1` shows it for \
     the whole delay",
);

/// Differences that no field asks for.
pub(super) const STANDING: &[(&str, &str)] = &[
    (
        "certificates",
        "issued by a local authority for the names of the file; `neargate trust` makes browsers accept them",
    ),
    ("one zone, one machine", "the load balancer has one node, and every task runs on this machine"),
    (
        "the VPC is a Docker bridge network",
        "addresses are the bridge's; security groups are enforced for traffic through the load balancer",
    ),
    ("the ports are on loopback", "unless `bind_address` says otherwise, only this machine reaches the load balancer"),
    (
        "limits of open files",
        "Fargate's nofile limits are not applied where the engine lacks the right to raise limits (an engine in a container)",
    ),
    (
        "a task is a group of containers",
        "Fargate gives each task a virtual machine; here tasks share the engine's kernel",
    ),
];

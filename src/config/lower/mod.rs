//! Lowers the file to [`Topology`]: resolves references, checks ranges and AWS's limits.
//!
//! Every function here continues after a mistake, so that all mistakes are reported together.

mod actions;
mod alarms;
mod certificates;
pub(crate) mod conditions;
mod connect;
pub(crate) mod containers;
mod deployments;
mod discovery;
mod environment_files;
mod headers;
mod identities;
mod images;
mod listeners;
mod load_balancers;
pub(crate) mod lowering;
pub(crate) mod names;
mod quotas;
mod scaling;
mod secrets;
mod security_groups;
mod services;
mod strategies;
mod target_groups;
mod task_roles;
mod transforms;
mod watches;

use std::collections::BTreeMap;

use super::file::File;
use super::text::diagnostics::Diagnostic;
use lowering::Lowering;
use neargate_model::topology::TimeScale;
use neargate_model::{ClusterName, Topology};

/// Lowers the whole file. `None` after reporting; `Some` does not mean that there are no mistakes.
pub(crate) fn lower(file: &File, lowering: &mut Lowering<'_>) -> Option<Topology> {
    let name = names::project(file, lowering);
    let cluster = match &file.cluster {
        Some(cluster) => {
            names::cluster(cluster, lowering);
            ClusterName::new(&cluster.value)
        }
        None => ClusterName::new(name.as_str()),
    };
    let mut security_groups = security_groups::lower(file, lowering);
    let target_groups = target_groups::lower(file, lowering);
    let balancers = load_balancers::lower(file, &name, &target_groups, &security_groups, lowering);
    let names: Option<Vec<_>> = balancers.as_ref().map(|(_, balancers)| balancers.keys().cloned().collect());
    let alarms = alarms::lower(file, names.as_deref(), lowering);
    let rules = balancers.as_ref().map(|(_, balancers)| balancers);
    let registries = discovery::lower(file, lowering);
    let services = services::lower(file, &target_groups, rules, &security_groups, &alarms, &registries, lowering);
    let scalable_targets = scaling::lower(file, &cluster, &services, lowering);
    let secrets = secrets::lower(file, &services, lowering);
    let task_roles = task_roles::lower(file, &services, lowering);
    let aws_endpoint = identities::endpoint(file, lowering);
    let identities = identities::lower(file, lowering);
    let environment_files = environment_files::lower(file, lowering);
    let time_scale = time_scale(file, lowering);
    let (domains, mut load_balancers) = balancers?;
    let mut services = services;
    security_groups::join_default(&mut security_groups, &mut load_balancers, &mut services);
    Some(Topology {
        name,
        domains,
        aliases: BTreeMap::new(),
        security_groups,
        target_groups,
        load_balancers,
        cluster,
        services,
        scalable_targets,
        secrets,
        task_roles,
        local_ports: BTreeMap::new(),
        aws_endpoint,
        identities,
        environment_files,
        quotas: quotas::raised(file),
        time_scale,
    })
}

fn time_scale(file: &File, lowering: &mut Lowering<'_>) -> TimeScale {
    let Some(scale) = &file.time_scale else { return TimeScale::DEFAULT };
    TimeScale::new(scale.value).unwrap_or_else(|| {
        lowering.report(
            Diagnostic::error("time_scale is at least 1", scale.span, "")
                .help("1 is real time, 10 makes the load balancer's waits ten times shorter"),
        );
        TimeScale::DEFAULT
    })
}

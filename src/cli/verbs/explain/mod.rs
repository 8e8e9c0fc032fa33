//! `explain URL`: every rule and why it did or did not match, the action, the targets and their health. The code is the
//! same as on the request path; without a running stack, only the targets are unknown.

mod authorization;
mod explanation;
mod text;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::admin::view::shape::ClusterView;
use crate::alb::routing::RoutingTable;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{ExplainArgs, Format};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::input::url::Url;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::model::listener::LoadBalancer;
use crate::model::rule::{Action, Actions, WeightedTargetGroup};
use crate::model::{DomainName, TargetGroupName, Topology, arn};
use explanation::Explanation;
pub(crate) use explanation::Question;

/// `explain`
pub(crate) fn explain(global: &Global, args: &ExplainArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let mut project = project::load_names(global, printer)?;
    if authorization::is_one(&args.url) {
        return authorization::explain(&args.url, &project.folders, args.format.format, printer);
    }
    let view = asking::block_on(asking::view(&project.folders))?;
    if let Some(view) = &view {
        bind_as_running(&mut project, view);
    }
    let balancer = load_balancer(&project.topology, args)?;
    let table = RoutingTable::compile(&project.topology, balancer, &BTreeMap::new(), 0);
    let url = Url::parse(&args.url, balancer)?;
    let question = Question {
        url: args.url.clone(),
        method: args.request.clone(),
        headers: args.header.clone(),
        source_ip: args.source_ip,
    };
    let explanation = Explanation::new(&project.topology, balancer, view.as_ref(), &table, &url, &question)?;
    match args.format.format {
        Format::Json => printer.json(&explanation)?,
        Format::Table => printer.data(&text::text(&explanation))?,
    }
    Ok(ExitStatus::SUCCESS)
}

/// What `explain` prints about a request when no stack is running.
pub(crate) fn answer(topology: &Topology, balancer: &LoadBalancer, question: &Question) -> Result<String, Failure> {
    let table = RoutingTable::compile(topology, balancer, &BTreeMap::new(), 0);
    let url = Url::parse(&question.url, balancer)?;
    Ok(text::text(&Explanation::new(topology, balancer, None, &table, &url, question)?))
}

/// The local ports of the running stack, which was told of them by `up --listen`, not by the file.
pub(crate) fn bind_as_running(project: &mut Project, view: &ClusterView) {
    for balancer in Arc::make_mut(&mut project.topology).load_balancers.values_mut() {
        for listener in &mut balancer.listeners {
            if let Some(running) = view.listener(balancer.name.as_str(), listener.port) {
                listener.bind_port = running.bind_port;
                balancer.bind_address = running.bind_address.unwrap_or(balancer.bind_address);
            }
        }
    }
    weigh_as_running(Arc::make_mut(&mut project.topology), view);
}

/// The weights that ECS has set in the running stack, of rules that the file gives to it.
fn weigh_as_running(topology: &mut Topology, view: &ClusterView) {
    for running in &view.weights {
        if let Some(Actions { routing: Action::Forward(forward), .. }) = topology.actions_of_mut(&running.rule()) {
            let weights = running.target_groups.iter().map(|group| WeightedTargetGroup {
                target_group: TargetGroupName::new(&group.target_group),
                weight: group.weight,
            });
            forward.target_groups = weights.collect();
        }
    }
}

/// The load balancer that the request arrives at: the named one, or the one that the host or its address leads to, or
/// the only one with a listener on the port.
fn load_balancer<'t>(topology: &'t Topology, args: &ExplainArgs) -> Result<&'t LoadBalancer, Failure> {
    if let Some(name) = &args.load_balancer {
        return project::load_balancer(topology, name);
    }
    let (host, port) = host_and_port(&args.url);
    let all = || topology.load_balancers.values();
    let names = |name: &DomainName| name.as_str().eq_ignore_ascii_case(host);
    let covers = |name: &DomainName| {
        let parent = name.as_str().strip_prefix("*.");
        parent.is_some_and(|parent| host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)))
    };
    let is_own = |balancer: &&LoadBalancer| {
        arn::load_balancer_dns_name(&balancer.name, balancer.internal).eq_ignore_ascii_case(host)
            || host.parse().is_ok_and(|address: IpAddr| balancer.bind_address == address)
    };
    let has_port = |balancer: &&LoadBalancer| {
        balancer.listeners.iter().any(|listener| Some(listener.port) == port || Some(listener.bind_port) == port)
    };
    let by_name = all().find(|balancer| balancer.domains.iter().any(names));
    let by_name = by_name.or_else(|| all().find(|balancer| balancer.domains.iter().any(covers)));
    let by_address = by_name.or_else(|| all().find(is_own));
    let by_port = || all().find(has_port).filter(|_| all().filter(has_port).count() == 1);
    let found = by_address.or_else(by_port).or_else(|| topology.default_load_balancer());
    found.ok_or_else(|| Failure::new("the stack has no load balancer"))
}

/// The host of a URL as people write it, empty for a path alone, and its port if it says one.
fn host_and_port(url: &str) -> (&str, Option<u16>) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (authority, None),
    }
}

//! `load_balancer` and `load_balancers`: which there are, their names and addresses, and what two of them cannot share
//! (ELBv2 API reference, CreateLoadBalancer, CreateRule).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::listeners::{Around, Settled};
use super::lowering::Lowering;
use super::security_groups::Groups;
use super::{listeners, names};
use crate::file::{File, LoadBalancerFile};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_alb::violation::Violation;
use neargate_alb::violation::problems::NameKind;
use neargate_model::listener::LoadBalancer;
use neargate_model::target_group::TargetGroup;
use neargate_model::{DomainName, LoadBalancerName, ProjectName, TargetGroupName};

/// One as it is written.
struct Given<'f> {
    /// Its key in `load_balancers`.
    key: Option<&'f Spanned<String>>,
    file: &'f LoadBalancerFile,
}

impl Given<'_> {
    /// Where to point when it as a whole is meant.
    fn place(&self) -> Span {
        self.key.map_or(self.file.span, |key| key.span)
    }
}

/// All names, and the load balancers by name. `None` after reporting.
pub(super) fn lower(
    file: &File,
    project: &ProjectName,
    target_groups: &BTreeMap<TargetGroupName, TargetGroup>,
    groups: &Groups,
    lowering: &mut Lowering<'_>,
) -> Option<(Vec<DomainName>, BTreeMap<LoadBalancerName, LoadBalancer>)> {
    let shared = names::domains(file.domain.as_ref(), lowering);
    let all = given(file, lowering);
    let names = Names::new(shared, &all, lowering);
    let addresses = addresses(&all, lowering);
    let domain_given = file.domain.is_some()
        || lowering.reader.has_explained(file.whole, "domain")
        || all.iter().any(|given| given.file.domain.is_some());
    let mut lowered = BTreeMap::new();
    let mut forwards: Vec<ForwardPlace> = Vec::new();
    // An account may be empty, if that is said.
    let is_empty = file.load_balancer.is_none() && file.load_balancers.as_ref().is_some_and(|named| named.0.is_empty());
    let mut is_whole = is_empty || !all.is_empty();
    for (index, (given, bind_address)) in all.iter().zip(addresses).enumerate() {
        let name = name(given, project, lowering);
        if let Some(first) = lowering.places.load_balancers.get(&name).copied() {
            let place = given.file.name.as_ref().map_or(given.place(), |name| name.span);
            lowering.report(
                Diagnostic::error(format!("two load balancers are named `{name}`"), place, "")
                    .also(first, "the other")
                    .aws(
                        "DuplicateLoadBalancerName: A load balancer with the specified name already exists.",
                        "ELBv2 API reference, CreateLoadBalancer",
                    ),
            );
        }
        lowering.places.load_balancers.entry(name.clone()).or_insert(given.place());
        let domains = names.own(index);
        // Its certificates name what leads to it, and not what leads to the others.
        let own = if domains.is_empty() { names.all.clone() } else { domains.clone() };
        let around = Around { file, domains: &own, target_groups, groups, domain_given };
        let settled = Settled { name: name.clone(), domains, bind_address, is_first: index == 0 };
        match listeners::load_balancer(given.file, &around, settled, lowering) {
            Some(balancer) => drop(lowered.insert(balancer.name.clone(), balancer)),
            None => is_whole = false,
        }
        let own = std::mem::take(&mut lowering.places.forwards);
        forwards.extend(own.into_iter().map(|(group, span)| (group, name.clone(), span)));
    }
    one_for_each_target_group(forwards, lowering);
    one_for_each_socket(&lowered, lowering);
    let mut domains = names.all;
    if domains.is_empty() && !is_empty {
        domains.push(DomainName::new("localhost"));
        if let Some(first) = lowered.values_mut().min_by_key(|balancer| balancer.bind_address) {
            first.domains.clone_from(&domains);
        }
    }
    is_whole.then_some((domains, lowered))
}

/// In the order of the file.
fn given<'f>(file: &'f File, lowering: &mut Lowering<'_>) -> Vec<Given<'f>> {
    let several = file.load_balancers.iter().flat_map(|named| named.iter());
    let several: Vec<Given<'f>> = several.map(|(key, file)| Given { key: Some(key), file }).collect();
    match (&file.load_balancer, several.first()) {
        (Some(only), Some(first)) => {
            lowering.report(
                Diagnostic::error("both `load_balancer` and `load_balancers`", only.span, "")
                    .also(first.place(), "the others")
                    .help("give it a name and move it to `load_balancers`"),
            );
            several
        }
        (Some(only), None) => vec![Given { key: None, file: only }],
        (None, Some(_)) => several,
        (None, None) => {
            let explained = |field| lowering.reader.has_explained(file.whole, field);
            if file.load_balancers.is_none() && !explained("load_balancer") && !explained("load_balancers") {
                let missing =
                    Diagnostic::error("a file needs `load_balancer`", file.span, "`load_balancer` is missing here");
                lowering.report(missing);
            }
            several
        }
    }
}

/// `name`, or the key, or the project's name.
fn name(given: &Given<'_>, project: &ProjectName, lowering: &mut Lowering<'_>) -> LoadBalancerName {
    match given.file.name.as_ref().or(given.key) {
        Some(name) => {
            names::elbv2(name, NameKind::LoadBalancer, "CreateLoadBalancer", lowering);
            LoadBalancerName::new(&name.value)
        }
        None => {
            let name: String = project.as_str().replace('_', "-").chars().take(32).collect();
            LoadBalancerName::new(name.trim_matches('-'))
        }
    }
}

/// The names of all load balancers, and where each leads.
struct Names {
    all: Vec<DomainName>,
    own: Vec<Vec<DomainName>>,
    /// The load balancer that gets the names that no other one claims.
    heir: usize,
}

impl Names {
    fn new(shared: Vec<DomainName>, given: &[Given<'_>], lowering: &mut Lowering<'_>) -> Self {
        let mut taken: BTreeMap<DomainName, Span> = BTreeMap::new();
        let mut own = Vec::new();
        for one in given {
            let written = one.file.domain.as_ref();
            let names = names::domains(written, lowering);
            let place = written.and_then(|many| many.0.first()).map_or(one.place(), |name| name.span);
            for name in &names {
                if let Some(first) = taken.get(name) {
                    lowering.report(
                        Diagnostic::error(format!("`{name}` leads to two load balancers"), place, "")
                            .also(*first, "the other")
                            .note("a name has one address on this machine")
                            .help("give each load balancer its own names"),
                    );
                }
            }
            for name in &names {
                taken.entry(name.clone()).or_insert(place);
            }
            own.push(names);
        }
        let heir = given.iter().position(|one| one.file.domain.is_none()).unwrap_or(0);
        let mut all = shared;
        for name in own.iter().flatten() {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        if given.len() > 1 {
            let nameless = given.iter().enumerate().filter(|(index, one)| *index != heir && one.file.domain.is_none());
            for (_, one) in nameless {
                lowering.report(
                    Diagnostic::warning("no name leads to this load balancer", one.place(), "")
                        .help("add `domain: NAME` to it; without one it is reached by its address"),
                );
            }
        }
        Self { all, own, heir }
    }

    /// Those that lead to one load balancer.
    fn own(&self, index: usize) -> Vec<DomainName> {
        let own = &self.own[index];
        if index != self.heir {
            return own.clone();
        }
        let claimed: Vec<&DomainName> = self.own.iter().flatten().collect();
        self.all.iter().filter(|name| own.contains(name) || !claimed.contains(name)).cloned().collect()
    }
}

/// Where each is bound: `bind_address`, or the next loopback address that no other one names.
fn addresses(all: &[Given<'_>], lowering: &mut Lowering<'_>) -> Vec<IpAddr> {
    let written: Vec<Option<IpAddr>> = all.iter().map(|given| bind_address(given.file, lowering)).collect();
    let mut next = u32::from(Ipv4Addr::LOCALHOST);
    let mut address = |written: Option<IpAddr>, all: &[Option<IpAddr>]| {
        written.unwrap_or_else(|| {
            loop {
                let free = IpAddr::V4(Ipv4Addr::from(next));
                next += 1;
                if !all.contains(&Some(free)) {
                    return free;
                }
            }
        })
    };
    written.iter().map(|one| address(*one, &written)).collect()
}

fn bind_address(file: &LoadBalancerFile, lowering: &mut Lowering<'_>) -> Option<IpAddr> {
    let text = file.bind_address.as_ref()?;
    match text.parse::<IpAddr>() {
        Ok(address) => {
            if !address.is_loopback() {
                lowering.report(
                    Diagnostic::warning("the load balancer can be reached from other machines", text.span, "")
                        .note("without `bind_address` it listens on 127.0.0.1 only"),
                );
            }
            Some(address)
        }
        Err(_) => {
            lowering.report(
                Diagnostic::error(format!("`{}` is not an address to bind", text.value), text.span, "")
                    .help("127.0.0.1 for this machine only, 0.0.0.0 for every machine that can reach it"),
            );
            None
        }
    }
}

/// A forward action's target group, with the load balancer and the position in the file.
type ForwardPlace = (TargetGroupName, LoadBalancerName, Span);

/// A target group belongs to one load balancer.
fn one_for_each_target_group(mut forwards: Vec<ForwardPlace>, lowering: &mut Lowering<'_>) {
    // In the order of the file, so that the later one is reported.
    forwards.sort_by_key(|(_, _, span)| *span);
    let mut owners: BTreeMap<&TargetGroupName, (&LoadBalancerName, Span)> = BTreeMap::new();
    let mut told = Vec::new();
    for (group, balancer, span) in &forwards {
        let (owner, first) = *owners.entry(group).or_insert((balancer, *span));
        if owner == balancer || told.contains(&(group, balancer)) {
            continue;
        }
        told.push((group, balancer));
        let wrong = format!("`{group}` belongs to load balancer `{owner}`, so `{balancer}` cannot forward to it");
        lowering.report(
            Diagnostic::error(wrong, *span, "")
                .also(first, format!("`{owner}` forwards to it here"))
                .refused(&Violation::TargetGroupAssociationLimit(group.clone()), "CreateRule")
                .help("declare a second target group; a service can register its tasks in several"),
        );
    }
}

/// An address has each port once.
fn one_for_each_socket(all: &BTreeMap<LoadBalancerName, LoadBalancer>, lowering: &mut Lowering<'_>) {
    let mut bound: Vec<(&LoadBalancer, u16, Span)> = Vec::new();
    for balancer in all.values() {
        let places = lowering.places.listeners_of(balancer);
        bound.extend(
            balancer.listeners.iter().zip(places).map(|(listener, (span, _))| (balancer, listener.port, *span)),
        );
    }
    bound.sort_by_key(|(_, _, span)| *span);
    let mut wrong = Vec::new();
    for (later, (balancer, port, span)) in bound.iter().enumerate() {
        let overlaps = |(other, other_port, _): &&(&LoadBalancer, u16, Span)| {
            let (one, two) = (balancer.bind_address, other.bind_address);
            other.name != balancer.name
                && other_port == port
                && (one == two || one.is_unspecified() || two.is_unspecified())
        };
        let Some((other, _, first)) = bound[..later].iter().find(overlaps) else { continue };
        wrong.push(
            Diagnostic::error(
                format!(
                    "`{}` and `{}` would both be bound to port {port} of {}",
                    other.name, balancer.name, balancer.bind_address
                ),
                *span,
                "",
            )
            .also(*first, "the other")
            .help("give one of them another `bind_address`, or leave it out: each then has its own loopback address"),
        );
    }
    wrong.into_iter().for_each(|diagnostic| lowering.report(diagnostic));
}

//! The differences between two topologies in the file's terms, which `up` prints after applying one. Pure. Values that
//! may be secret (variables, secrets) are named but never shown.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use crate::alb::security_group;
use crate::model::listener::{Listener, LoadBalancer};
use crate::model::scaling::ScalableTarget;
use crate::model::security_group::{IngressRule, SecurityGroup};
use crate::model::service::Service;
use crate::model::target_group::TargetGroup;
use crate::model::task_definition::ContainerDefinition;
use crate::model::{Redacted, Topology};

/// One line per difference; empty if the two are equivalent.
pub fn changes(before: &Topology, after: &Topology) -> Vec<String> {
    let mut lines = Lines(Vec::new());
    lines.each("service", &before.services, &after.services, service);
    lines.each("scalable target", &before.scalable_targets, &after.scalable_targets, scalable_target);
    lines.each("target group", &before.target_groups, &after.target_groups, target_group);
    lines.each("security group", &before.security_groups, &after.security_groups, group);
    load_balancers(&mut lines, before, after);
    lines.list("domains", &before.domains, &after.domains);
    lines.hidden("secret", &before.secrets, &after.secrets);
    lines.hidden("environment file", &before.environment_files, &after.environment_files);
    lines.value("time_scale", &before.time_scale, &after.time_scale);
    lines.0
}

struct Lines(Vec<String>);

impl Lines {
    /// Compares values that are not shown.
    fn hidden(&mut self, kind: &str, before: &BTreeMap<String, Redacted>, after: &BTreeMap<String, Redacted>) {
        for (name, value) in after {
            match before.get(name) {
                Some(old) if old == value => {}
                Some(_) => self.0.push(format!("{kind} {name}: another value")),
                None => self.0.push(format!("{kind} {name}: added")),
            }
        }
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        self.0.extend(gone.map(|name| format!("{kind} {name}: removed")));
    }

    /// Compares named items: reports those that were added, removed or changed.
    fn each<K: Ord + Display, V: PartialEq>(
        &mut self,
        kind: &str,
        before: &BTreeMap<K, V>,
        after: &BTreeMap<K, V>,
        compare: impl Fn(&mut Lines, &str, &V, &V),
    ) {
        for (name, new) in after {
            let subject = format!("{kind} {name}");
            match before.get(name) {
                None => self.0.push(format!("{subject}: added")),
                Some(old) if old == new => {}
                Some(old) => {
                    let told = self.0.len();
                    compare(self, &subject, old, new);
                    if self.0.len() == told {
                        self.0.push(format!("{subject}: changed"));
                    }
                }
            }
        }
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        self.0.extend(gone.map(|name| format!("{kind} {name}: removed")));
    }

    fn value<T: PartialEq + Display>(&mut self, subject: &str, before: &T, after: &T) {
        if before != after {
            self.0.push(format!("{subject}: {before} → {after}"));
        }
    }

    fn list<T: PartialEq + Display>(&mut self, subject: &str, before: &[T], after: &[T]) {
        let text = |list: &[T]| match list {
            [] => "none".to_owned(),
            list => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        self.value(subject, &text(before), &text(after));
    }

    fn changed<T: PartialEq + Debug>(&mut self, subject: &str, before: &T, after: &T) {
        if before != after {
            self.0.push(format!("{subject}: changed"));
        }
    }
}

fn service(lines: &mut Lines, subject: &str, before: &Service, after: &Service) {
    lines.value(&format!("{subject}: desired_count"), &before.desired_count, &after.desired_count);
    lines.list(&format!("{subject}: security groups"), &before.security_groups, &after.security_groups);
    lines.changed(&format!("{subject}: load_balancers"), &before.load_balancers, &after.load_balancers);
    lines.changed(&format!("{subject}: service_registries"), &before.service_registry, &after.service_registry);
    lines.changed(
        &format!("{subject}: service_connect_configuration"),
        &before.service_connect,
        &after.service_connect,
    );
    lines.changed(&format!("{subject}: build"), &before.builds, &after.builds);
    let seconds = |service: &Service| format!("{} s", service.health_check_grace_period.as_secs());
    lines.value(&format!("{subject}: grace period"), &seconds(before), &seconds(after));
    let percents = |service: &Service| {
        let of = &service.deployment_configuration;
        format!("{} % to {} %", of.minimum_healthy_percent, of.maximum_percent)
    };
    lines.value(&format!("{subject}: healthy and running tasks in a deployment"), &percents(before), &percents(after));
    let (old, new) = (&before.task_definition, &after.task_definition);
    lines.value(&format!("{subject}: task definition"), &old.name(), &new.name());
    lines.value(&format!("{subject}: cpu"), &old.cpu, &new.cpu);
    lines.value(&format!("{subject}: memory"), &old.memory_mib, &new.memory_mib);
    let containers = |list: &[ContainerDefinition]| -> BTreeMap<String, ContainerDefinition> {
        list.iter().map(|container| (container.name.to_string(), container.clone())).collect()
    };
    let kind = format!("{subject}: container");
    lines.each(&kind, &containers(&old.containers), &containers(&new.containers), container);
}

fn container(lines: &mut Lines, subject: &str, before: &ContainerDefinition, after: &ContainerDefinition) {
    lines.value(&format!("{subject}: image"), &before.image, &after.image);
    lines.changed(&format!("{subject}: command"), &before.command, &after.command);
    lines.changed(&format!("{subject}: entryPoint"), &before.entry_point, &after.entry_point);
    lines.changed(&format!("{subject}: healthCheck"), &before.health_check, &after.health_check);
    lines.changed(&format!("{subject}: secrets"), &before.secrets, &after.secrets);
    lines.each(
        &format!("{subject}: variable"),
        &before.environment,
        &after.environment,
        |lines: &mut Lines, subject: &str, _: &String, _: &String| lines.0.push(format!("{subject}: another value")),
    );
}

fn scalable_target(lines: &mut Lines, subject: &str, before: &ScalableTarget, after: &ScalableTarget) {
    lines.value(&format!("{subject}: min_capacity"), &before.min_capacity, &after.min_capacity);
    lines.value(&format!("{subject}: max_capacity"), &before.max_capacity, &after.max_capacity);
    lines.each(&format!("{subject}: policy"), &before.policies, &after.policies, |_, _, _, _| {});
}

fn target_group(lines: &mut Lines, subject: &str, before: &TargetGroup, after: &TargetGroup) {
    lines.value(&format!("{subject}: port"), &before.port, &after.port);
    let (old, new) = (&before.health_check, &after.health_check);
    lines.value(&format!("{subject}: health check path"), &old.path, &new.path);
    if old.path == new.path {
        lines.changed(&format!("{subject}: health check"), old, new);
    }
    lines.changed(&format!("{subject}: targets"), &before.static_targets, &after.static_targets);
    lines.changed(&format!("{subject}: attributes"), &before.attributes, &after.attributes);
}

/// A rule that differs only in its port counts as one change, not two.
fn group(lines: &mut Lines, subject: &str, before: &SecurityGroup, after: &SecurityGroup) {
    let gone: Vec<&IngressRule> = before.ingress.iter().filter(|rule| !after.ingress.contains(rule)).collect();
    let mut new: Vec<&IngressRule> = after.ingress.iter().filter(|rule| !before.ingress.contains(rule)).collect();
    for rule in gone {
        let moved = new.iter().position(|other| other.source == rule.source && other.protocol == rule.protocol);
        match moved.map(|at| new.remove(at)) {
            Some(other) => {
                let (old, new) = (security_group::in_words(rule), security_group::in_words(other));
                lines.0.push(format!("{subject}: {old} → {new}"));
            }
            None => lines.0.push(format!("{subject}: no longer {}", security_group::in_words(rule))),
        }
    }
    lines.0.extend(new.into_iter().map(|rule| format!("{subject}: now {}", security_group::in_words(rule))));
}

/// The only one needs no name.
fn load_balancers(lines: &mut Lines, before: &Topology, after: &Topology) {
    if before.load_balancers.len() == 1 && after.load_balancers.len() == 1 {
        let (old, new) = (before.main_load_balancer(), after.main_load_balancer());
        return load_balancer(lines, ("load balancer", "listener"), old, new);
    }
    lines.each("load balancer", &before.load_balancers, &after.load_balancers, |lines, subject, old, new| {
        load_balancer(lines, (subject, &format!("{subject}: listener")), old, new);
    });
}

fn load_balancer(lines: &mut Lines, names: (&str, &str), before: &LoadBalancer, after: &LoadBalancer) {
    let listeners = |balancer: &LoadBalancer| -> BTreeMap<u16, Listener> {
        balancer.listeners.iter().map(|listener| (listener.port, listener.clone())).collect()
    };
    let (subject, kind) = names;
    lines.each(kind, &listeners(before), &listeners(after), listener);
    lines.list(&format!("{subject}: security groups"), &before.security_groups, &after.security_groups);
    lines.changed(&format!("{subject}: attributes"), &before.attributes, &after.attributes);
}

fn listener(lines: &mut Lines, subject: &str, before: &Listener, after: &Listener) {
    lines.value(&format!("{subject}: local port"), &before.bind_port, &after.bind_port);
    lines.changed(&format!("{subject}: protocol"), &before.protocol, &after.protocol);
    lines.changed(&format!("{subject}: default action"), &before.default_actions, &after.default_actions);
    let rules = |listener: &Listener| -> BTreeMap<_, _> {
        listener.rules.iter().map(|rule| (rule.priority, rule.clone())).collect()
    };
    lines.each(&format!("{subject}: rule"), &rules(before), &rules(after), |_, _, _, _| {});
}

//! How many there may be of what: the quotas of an Application Load Balancer that a file alone can exceed. Those that AWS
//! raises on request can be raised under `quotas`, too.

use std::collections::BTreeSet;

use super::Lowering;
use crate::config::diagnostics::Diagnostic;
use crate::config::file::load_balancer::ListenerFile;
use crate::config::file::{File, QuotasFile};
use crate::config::read::Spanned;
use crate::config::source::Span;
use crate::model::listener::Listener;
use crate::model::rule::Action;

pub(super) const PAGE: &str = "ALB user guide, Quotas for your Application Load Balancers";

/// One quota.
struct Quota {
    /// What is counted, and what takes it.
    what: &'static str,
    taker: &'static str,
    limit: usize,
    /// What AWS answers, and the call that it answers so.
    error: &'static str,
    call: &'static str,
    /// What more there is to know.
    note: &'static str,
    /// The key of `quotas` that raises it.
    key: Option<&'static str>,
}

/// Reports what is one too many.
pub(super) fn check(
    file: &File,
    listeners: &[ListenerFile],
    lowered: &[(Listener, Span, Vec<Span>)],
    lowering: &mut Lowering<'_>,
) {
    let raised = |key: fn(&QuotasFile) -> Option<&Spanned<u32>>, default: usize| {
        file.quotas.as_ref().and_then(key).map_or(default, |quota| quota.value as usize)
    };
    let rules = listeners.iter().flat_map(|listener| listener.rules.iter().flatten());
    let rules = rules.map(|rule| rule.priority.as_ref().map_or(rule.span, |priority| priority.span));
    let quota = Quota {
        what: "rule",
        taker: "the load balancer",
        limit: raised(|quotas| quotas.rules_per_load_balancer.as_ref(), 100),
        error: "TooManyRules: You've reached the limit on the number of rules per load balancer.",
        call: "CreateRule",
        note: "default rules are not counted; ",
        key: Some("rules_per_load_balancer"),
    };
    quota.check(rules, lowering);
    let quota = Quota {
        what: "listener",
        taker: "the load balancer",
        limit: raised(|quotas| quotas.listeners_per_load_balancer.as_ref(), 50),
        error: "TooManyListeners: You've reached the limit on the number of listeners per load balancer.",
        call: "CreateListener",
        note: "",
        key: Some("listeners_per_load_balancer"),
    };
    quota.check(listeners.iter().map(|listener| listener.span), lowering);
    let certificates = listeners.iter().flat_map(|listener| &listener.certificate);
    let quota = Quota {
        what: "certificate",
        taker: "the load balancer",
        limit: raised(|quotas| quotas.certificates_per_load_balancer.as_ref(), 25),
        error: "TooManyCertificates: You've reached the limit on the number of certificates per load balancer.",
        call: "AddListenerCertificates",
        note: "default certificates are not counted; ",
        key: Some("certificates_per_load_balancer"),
    };
    quota.check(certificates.flat_map(|many| many.0.iter().skip(1)).map(|certificate| certificate.span), lowering);
    let quota = Quota {
        what: "target group",
        taker: "the load balancer",
        limit: 100,
        error: "TooManyUniqueTargetGroupsPerLoadBalancer: You've reached the limit on the number of unique target groups \
                per load balancer across all listeners.",
        call: "CreateRule",
        note: "",
        key: None,
    };
    quota.check(target_groups(lowered), lowering);
    for (_, group) in file.target_groups.iter().flat_map(|groups| groups.iter()) {
        let quota = Quota {
            what: "target",
            taker: "a target group",
            limit: raised(|quotas| quotas.targets_per_target_group.as_ref(), 1000),
            error: "TooManyTargets: You've reached the limit on the number of targets.",
            call: "RegisterTargets",
            note: "",
            key: Some("targets_per_target_group"),
        };
        quota.check(group.targets.iter().flatten().map(|target| target.span), lowering);
    }
}

/// Where each target group is forwarded to for the first time.
fn target_groups(listeners: &[(Listener, Span, Vec<Span>)]) -> impl Iterator<Item = Span> {
    let actions = listeners.iter().flat_map(|(listener, span, rules)| {
        let rules = listener.rules.iter().zip(rules).map(|(rule, span)| (&rule.action, *span));
        std::iter::once((&listener.default_action, *span)).chain(rules)
    });
    let mut seen = BTreeSet::new();
    actions.flat_map(move |(action, span)| {
        let groups = match action {
            Action::Forward(forward) => forward.target_groups.as_slice(),
            _ => &[],
        };
        let new = groups.iter().filter(|group| seen.insert(group.target_group.clone())).count();
        std::iter::repeat_n(span, new)
    })
}

impl Quota {
    fn check(&self, places: impl Iterator<Item = Span>, lowering: &mut Lowering<'_>) {
        let places: Vec<Span> = places.collect();
        let Self { what, taker, limit, note, .. } = self;
        let Some(over) = places.get(*limit) else { return };
        let title = format!("{} {what}s, {taker} takes {limit}", places.len());
        let mut diagnostic = Diagnostic::error(title, *over, format!("{what} {}", limit + 1))
            .aws(self.error, format!("ELBv2 API reference, {}", self.call).as_str());
        diagnostic = match self.key {
            Some(key) => diagnostic
                .note(format!("{note}the quota can be raised on request ({PAGE})"))
                .help(format!("if yours is higher, write `quotas: {{{key}: N}}`")),
            None => diagnostic.note(format!("{note}the quota cannot be raised ({PAGE})")),
        };
        lowering.report(diagnostic);
    }
}

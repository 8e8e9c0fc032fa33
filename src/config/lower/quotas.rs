//! The quotas of an Application Load Balancer that a file alone can exceed. Quotas that AWS raises on request can also be
//! raised under `quotas`.

use std::collections::BTreeSet;

use super::lowering::Lowering;
use crate::file::load_balancer::ListenerFile;
use crate::file::{File, QuotasFile};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_alb::quotas;
use neargate_alb::violation::Violation;
use neargate_model::TargetGroupName;
use neargate_model::listener::Listener;
use neargate_model::quota::{Quota, Quotas};
use neargate_model::rule::Action;

pub(super) const PAGE: &str = "ALB user guide, Quotas for your Application Load Balancers";

/// One quota, as a file counts it.
struct Counting {
    quota: Quota,
    /// What is counted, and what contains it.
    what: &'static str,
    taker: &'static str,
    /// The call that AWS refuses.
    call: &'static str,
    /// Additional information.
    note: &'static str,
    /// The key of `quotas` that raises it; `None` if AWS never raises it.
    raised: Option<Raised>,
    /// The items that count, as one list per container of items.
    counted: fn(&Counted<'_>) -> Vec<Vec<Span>>,
}

/// A key of `quotas`.
struct Raised {
    key: &'static str,
    value: fn(&QuotasFile) -> Option<&Spanned<u32>>,
}

/// The parts of the file that are counted.
struct Counted<'a> {
    file: &'a File,
    /// What does not belong to a load balancer is counted with the first.
    first: bool,
    listeners: &'a [ListenerFile],
    lowered: &'a [(Listener, Span, Vec<Span>)],
}

const QUOTAS: &[Counting] = &[
    Counting {
        quota: Quota::RulesPerLoadBalancer,
        what: "rule",
        taker: "the load balancer",
        call: "CreateRule",
        note: "default rules are not counted; ",
        raised: Some(Raised {
            key: "rules_per_load_balancer",
            value: |quotas| quotas.rules_per_load_balancer.as_ref(),
        }),
        counted: |counted| {
            let rules = counted.listeners.iter().flat_map(|listener| listener.rules.iter().flatten());
            vec![rules.map(|rule| rule.priority.as_ref().map_or(rule.span, |priority| priority.span)).collect()]
        },
    },
    Counting {
        quota: Quota::ListenersPerLoadBalancer,
        what: "listener",
        taker: "the load balancer",
        call: "CreateListener",
        note: "",
        raised: Some(Raised {
            key: "listeners_per_load_balancer",
            value: |quotas| quotas.listeners_per_load_balancer.as_ref(),
        }),
        counted: |counted| vec![counted.listeners.iter().map(|listener| listener.span).collect()],
    },
    Counting {
        quota: Quota::CertificatesPerLoadBalancer,
        what: "certificate",
        taker: "the load balancer",
        call: "AddListenerCertificates",
        note: "default certificates are not counted; ",
        raised: Some(Raised {
            key: "certificates_per_load_balancer",
            value: |quotas| quotas.certificates_per_load_balancer.as_ref(),
        }),
        counted: |counted| {
            let listeners = counted.listeners.iter().flat_map(|listener| &listener.certificate);
            vec![listeners.flat_map(|many| many.0.iter().skip(1)).map(|certificate| certificate.span).collect()]
        },
    },
    Counting {
        quota: Quota::TargetGroupsPerLoadBalancer,
        what: "target group",
        taker: "the load balancer",
        call: "CreateRule",
        note: "",
        raised: None,
        counted: |counted| {
            let mut seen = BTreeSet::new();
            vec![forwards(counted.lowered).filter(|(group, _)| seen.insert(*group)).map(|(_, span)| span).collect()]
        },
    },
    Counting {
        quota: Quota::TargetsPerTargetGroup,
        what: "target",
        taker: "a target group",
        call: "RegisterTargets",
        note: "",
        raised: Some(Raised {
            key: "targets_per_target_group",
            value: |quotas| quotas.targets_per_target_group.as_ref(),
        }),
        counted: |counted| targets(counted).filter(|_| counted.first).map(|(_, targets)| targets).collect(),
    },
    Counting {
        quota: Quota::TargetsPerLoadBalancer,
        what: "target",
        taker: "the load balancer",
        call: "RegisterTargets",
        note: "",
        raised: Some(Raised {
            key: "targets_per_load_balancer",
            value: |quotas| quotas.targets_per_load_balancer.as_ref(),
        }),
        counted: |counted| {
            let used: BTreeSet<&TargetGroupName> = forwards(counted.lowered).map(|(group, _)| group).collect();
            let of_balancer = targets(counted).filter(|(group, _)| used.contains(&TargetGroupName::new(group)));
            vec![of_balancer.flat_map(|(_, targets)| targets).collect()]
        },
    },
];

/// Reports the first item above the quota.
pub(super) fn check(
    file: &File,
    listeners: &[ListenerFile],
    lowered: &[(Listener, Span, Vec<Span>)],
    first: bool,
    lowering: &mut Lowering<'_>,
) {
    let counted = Counted { file, first, listeners, lowered };
    let raised = raised(file);
    for quota in QUOTAS {
        let limit = quotas::limit(quota.quota, &raised);
        for places in (quota.counted)(&counted) {
            if let Err(violation) = quotas::judge(quota.quota, places.len(), &raised) {
                lowering.report(quota.exceeded(places.len(), limit, places[limit], &violation));
            }
        }
    }
}

/// The quotas that the file raises.
pub(super) fn raised(file: &File) -> Quotas {
    let each = QUOTAS.iter().filter_map(|counting| {
        let value = (counting.raised.as_ref()?.value)(file.quotas.as_ref()?)?;
        Some((counting.quota, value.value))
    });
    each.collect()
}

impl Counting {
    fn exceeded(&self, count: usize, limit: usize, over: Span, violation: &Violation) -> Diagnostic {
        let Self { what, taker, note, .. } = self;
        let title = format!("{count} {what}s, {taker} takes {limit}");
        let diagnostic = Diagnostic::error(title, over, format!("{what} {}", limit + 1)).refused(violation, self.call);
        match &self.raised {
            Some(raised) => diagnostic
                .note(format!("{note}the quota can be raised on request ({PAGE})"))
                .help(format!("if yours is higher, write `quotas: {{{}: N}}`", raised.key)),
            None => diagnostic.note(format!("{note}the quota cannot be raised ({PAGE})")),
        }
    }
}

/// The targets that the file lists for each target group.
fn targets<'a>(counted: &Counted<'a>) -> impl Iterator<Item = (&'a str, Vec<Span>)> + use<'a> {
    let groups = counted.file.target_groups.iter().flat_map(|groups| groups.iter());
    groups.map(|(name, group)| (name.as_str(), group.targets.iter().flatten().map(|target| target.span).collect()))
}

/// The target groups that rules forward to, with their positions.
fn forwards(listeners: &[(Listener, Span, Vec<Span>)]) -> impl Iterator<Item = (&TargetGroupName, Span)> {
    let actions = listeners.iter().flat_map(|(listener, span, rules)| {
        let rules = listener.rules.iter().zip(rules).map(|(rule, span)| (&rule.actions.routing, *span));
        std::iter::once((&listener.default_actions.routing, *span)).chain(rules)
    });
    actions.flat_map(|(action, span)| {
        let groups = match action {
            Action::Forward(forward) => forward.target_groups.as_slice(),
            _ => &[],
        };
        groups.iter().map(move |group| (&group.target_group, span))
    })
}

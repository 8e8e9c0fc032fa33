//! The quotas of an Application Load Balancer that a file alone can exceed. Quotas that AWS raises on request can also be
//! raised under `quotas`.

use std::collections::BTreeSet;

use super::lowering::Lowering;
use crate::file::load_balancer::ListenerFile;
use crate::file::{File, QuotasFile};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_model::TargetGroupName;
use neargate_model::listener::Listener;
use neargate_model::rule::Action;

pub(super) const PAGE: &str = "ALB user guide, Quotas for your Application Load Balancers";

/// One quota.
struct Quota {
    /// What is counted, and what contains it.
    what: &'static str,
    taker: &'static str,
    /// The limit, unless `quotas` raises it.
    default: usize,
    /// AWS's error, and the call that returns it.
    error: &'static str,
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

const QUOTAS: &[Quota] = &[
    Quota {
        what: "rule",
        taker: "the load balancer",
        default: 100,
        error: "TooManyRules: You've reached the limit on the number of rules per load balancer.",
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
    Quota {
        what: "listener",
        taker: "the load balancer",
        default: 50,
        error: "TooManyListeners: You've reached the limit on the number of listeners per load balancer.",
        call: "CreateListener",
        note: "",
        raised: Some(Raised {
            key: "listeners_per_load_balancer",
            value: |quotas| quotas.listeners_per_load_balancer.as_ref(),
        }),
        counted: |counted| vec![counted.listeners.iter().map(|listener| listener.span).collect()],
    },
    Quota {
        what: "certificate",
        taker: "the load balancer",
        default: 25,
        error: "TooManyCertificates: You've reached the limit on the number of certificates per load balancer.",
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
    Quota {
        what: "target group",
        taker: "the load balancer",
        default: 100,
        error: "TooManyUniqueTargetGroupsPerLoadBalancer: You've reached the limit on the number of unique target groups \
                per load balancer across all listeners.",
        call: "CreateRule",
        note: "",
        raised: None,
        counted: |counted| {
            let mut seen = BTreeSet::new();
            vec![forwards(counted.lowered).filter(|(group, _)| seen.insert(*group)).map(|(_, span)| span).collect()]
        },
    },
    Quota {
        what: "target",
        taker: "a target group",
        default: 1000,
        error: TOO_MANY_TARGETS,
        call: "RegisterTargets",
        note: "",
        raised: Some(Raised {
            key: "targets_per_target_group",
            value: |quotas| quotas.targets_per_target_group.as_ref(),
        }),
        counted: |counted| targets(counted).filter(|_| counted.first).map(|(_, targets)| targets).collect(),
    },
    Quota {
        what: "target",
        taker: "the load balancer",
        default: 1000,
        error: TOO_MANY_TARGETS,
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

const TOO_MANY_TARGETS: &str = "TooManyTargets: You've reached the limit on the number of targets.";

/// Reports the first item above the quota.
pub(super) fn check(
    file: &File,
    listeners: &[ListenerFile],
    lowered: &[(Listener, Span, Vec<Span>)],
    first: bool,
    lowering: &mut Lowering<'_>,
) {
    let counted = Counted { file, first, listeners, lowered };
    for quota in QUOTAS {
        let raised = quota.raised.as_ref().zip(file.quotas.as_ref());
        let raised = raised.and_then(|(raised, quotas)| (raised.value)(quotas));
        let limit = raised.map_or(quota.default, |raised| raised.value as usize);
        for places in (quota.counted)(&counted) {
            if let Some(over) = places.get(limit) {
                lowering.report(quota.exceeded(places.len(), limit, *over));
            }
        }
    }
}

impl Quota {
    fn exceeded(&self, count: usize, limit: usize, over: Span) -> Diagnostic {
        let Self { what, taker, note, .. } = self;
        let title = format!("{count} {what}s, {taker} takes {limit}");
        let diagnostic = Diagnostic::error(title, over, format!("{what} {}", limit + 1))
            .aws(self.error, format!("ELBv2 API reference, {}", self.call).as_str());
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

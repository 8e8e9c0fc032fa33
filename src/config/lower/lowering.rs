//! The context of every lowering step: the list of mistakes, and the positions of names.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::input::Source;
use crate::read::reader::{Reader, Spanned};
use crate::task_definition::context::WantedSecret;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::{Sources, Span};
use crate::text::suggest::help_for;
use neargate_alb::limits::{Limit, OutOfRange};
use neargate_model::listener::LoadBalancer;
use neargate_model::{LoadBalancerName, TargetGroupName};

/// The input and output of lowering.
pub(crate) struct Lowering<'a> {
    /// Mistakes, and which fields were used.
    pub(crate) reader: Reader,
    /// Every text that was read.
    pub(crate) sources: &'a mut Sources,
    /// The file, its folder, and access to other files.
    pub(crate) source: &'a Source<'a>,
    /// The positions that warnings about the whole file need.
    pub(crate) places: Places,
    /// Every secret that a container refers to.
    pub(crate) wanted: Vec<WantedSecret>,
    /// Every environment file that a container names.
    pub(crate) wanted_files: Vec<Spanned<String>>,
}

/// The positions of the parts of the topology.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// By name.
    pub(crate) target_groups: BTreeMap<String, Span>,
    /// By name.
    pub(crate) load_balancers: BTreeMap<LoadBalancerName, Span>,
    /// By load balancer, in the order of its listeners, with their rules in the order of the topology's rules.
    pub(crate) listeners: BTreeMap<LoadBalancerName, Vec<(Span, Vec<Span>)>>,
    /// Target groups with the positions at which the load balancer that is being lowered forwards to them.
    pub(crate) forwards: Vec<(TargetGroupName, Span)>,
    /// By service, in the order of its bindings.
    pub(crate) bindings: BTreeMap<String, Vec<Span>>,
    /// By service.
    pub(crate) services: BTreeMap<String, Span>,
}

impl Places {
    /// The listeners of a load balancer.
    pub(crate) fn listeners_of(&self, balancer: &LoadBalancer) -> &[(Span, Vec<Span>)] {
        self.listeners.get(&balancer.name).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Lowering<'_> {
    /// Reports a mistake or warning.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.reader.report(diagnostic);
    }

    /// Reports a number that is outside of its range.
    pub(crate) fn within(&mut self, field: &Spanned<u32>, limit: &'static Limit, what: &str, page: &str) {
        if let Err(OutOfRange { limit: Limit { least, most, .. }, .. }) = limit.judge(field.value) {
            let (least, most) = (*least, *most);
            let nearest = field.value.clamp(least, most);
            self.report(
                Diagnostic::error(format!("{what} is out of range"), field.span, format!("{least} to {most}"))
                    .note(format!("{what}: {least} to {most} ({page})"))
                    .help(format!("the nearest valid value is {nearest}")),
            );
        }
    }

    /// The same for a duration with a default.
    pub(crate) fn seconds(
        &mut self,
        field: Option<&Spanned<u32>>,
        default: Duration,
        limit: &'static Limit,
        what: &str,
        page: &str,
    ) -> Duration {
        let Some(field) = field else { return default };
        self.within(field, limit, what, page);
        Duration::from_secs(field.value.into())
    }

    /// Looks up a target group that a listener or a service names.
    pub(crate) fn target_group(&mut self, name: &Spanned<String>) -> Option<TargetGroupName> {
        if self.places.target_groups.contains_key(&name.value) {
            return Some(TargetGroupName::new(&name.value));
        }
        if self.reader.has_lost(name) || self.reader.has_lost("target_groups") {
            return None;
        }
        let known = self.places.target_groups.keys().map(String::as_str);
        let diagnostic = Diagnostic::error(format!("there is no target group `{}`", name.value), name.span, "")
            .maybe_help(help_for(name, "the target groups are", known));
        let diagnostic = if name.starts_with("arn:") {
            diagnostic.help("refer to target groups by their key in `target_groups`, not by ARN")
        } else {
            diagnostic
        };
        self.report(diagnostic);
        None
    }
}

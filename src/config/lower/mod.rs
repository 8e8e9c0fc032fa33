//! From what is written to [`Topology`]: references resolved, ranges checked, AWS's limits kept.
//!
//! Every function here goes on after a mistake, so that all of them are reported together.

mod actions;
mod certificates;
mod conditions;
mod headers;
mod images;
mod listeners;
mod names;
mod quotas;
mod secrets;
mod security_groups;
mod services;
mod target_groups;
mod transforms;
mod watches;

use std::collections::BTreeMap;
use std::time::Duration;

use super::file::File;
use super::input::Source;
use super::read::{Reader, Spanned};
use super::task_definition::WantedSecret;
use super::text::diagnostics::Diagnostic;
use super::text::source::{Sources, Span};
use super::text::suggest::help_for;
use crate::model::topology::TimeScale;
use crate::model::{ClusterName, ProjectName, TargetGroupName, Topology};

/// What lowering reads from and writes to.
pub(crate) struct Lowering<'a> {
    /// Mistakes, and which fields were used.
    pub(crate) reader: Reader,
    /// Every text.
    pub(crate) sources: &'a mut Sources,
    /// The file, its folder, and how to read more.
    pub(crate) source: &'a Source<'a>,
    /// Where things stand, for warnings about the whole.
    pub(crate) places: Places,
    /// Every secret that some container asks for.
    pub(crate) wanted: Vec<WantedSecret>,
}

/// Where the parts of the topology are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// By name.
    pub(crate) target_groups: BTreeMap<String, Span>,
    /// In the order of the topology's listeners, with their rules in the order of the topology's rules.
    pub(crate) listeners: Vec<(Span, Vec<Span>)>,
    /// By service, in the order of its bindings.
    pub(crate) bindings: BTreeMap<String, Vec<Span>>,
    /// By service.
    pub(crate) services: BTreeMap<String, Span>,
}

impl Lowering<'_> {
    /// Reports.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.reader.report(diagnostic);
    }

    /// A number that must be within a range.
    pub(super) fn within(&mut self, field: &Spanned<u32>, least: u32, most: u32, what: &str, page: &str) {
        if !(least..=most).contains(&field.value) {
            let nearest = field.value.clamp(least, most);
            self.report(
                Diagnostic::error(format!("{what} is out of range"), field.span, format!("{least} to {most}"))
                    .note(format!("{what}: {least} to {most} ({page})"))
                    .help(format!("the nearest valid value is {nearest}")),
            );
        }
    }

    /// The same, as a duration with a default.
    pub(super) fn seconds(
        &mut self,
        field: Option<&Spanned<u32>>,
        default: Duration,
        (least, most): (u32, u32),
        what: &str,
        page: &str,
    ) -> Duration {
        let Some(field) = field else { return default };
        self.within(field, least, most, what, page);
        Duration::from_secs(field.value.into())
    }

    /// A target group that a listener or a service names.
    pub(super) fn target_group(&mut self, name: &Spanned<String>) -> Option<TargetGroupName> {
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
            diagnostic.help("target groups are named here by their key in `target_groups`, not by ARN")
        } else {
            diagnostic
        };
        self.report(diagnostic);
        None
    }
}

/// Lowers the whole file. `None` after reporting; with `Some` there may be mistakes all the same.
pub(crate) fn lower(file: &File, lowering: &mut Lowering<'_>) -> Option<Topology> {
    let name = names::project(file, lowering);
    let domains = names::domains(file.domain.as_ref(), lowering);
    let cluster = match &file.cluster {
        Some(cluster) => {
            names::ecs(cluster, "ClusterName", lowering);
            ClusterName::new(&cluster.value)
        }
        None => ClusterName::new(name.as_str()),
    };
    let mut security_groups = security_groups::lower(file, lowering);
    let target_groups = target_groups::lower(file, lowering);
    let load_balancer = listeners::load_balancer(file, &name, &domains, &target_groups, &security_groups, lowering);
    let services = services::lower(file, &target_groups, &security_groups, lowering);
    let secrets = secrets::lower(file, &services, lowering);
    let time_scale = time_scale(file, lowering);
    let mut load_balancer = load_balancer?;
    let mut services = services;
    security_groups::join_default(&mut security_groups, &mut load_balancer, &mut services);
    Some(Topology {
        name,
        domains: if domains.is_empty() { vec![crate::model::DomainName::new("localhost")] } else { domains },
        security_groups,
        target_groups,
        load_balancer,
        cluster,
        services,
        secrets,
        time_scale,
    })
}

fn time_scale(file: &File, lowering: &mut Lowering<'_>) -> TimeScale {
    let Some(scale) = &file.time_scale else { return TimeScale::DEFAULT };
    TimeScale::new(scale.value).unwrap_or_else(|| {
        lowering.report(
            Diagnostic::error("time_scale is at least 1", scale.span, "")
                .help("1 is real time, 10 makes the load balancer's waits ten times as short"),
        );
        TimeScale::DEFAULT
    })
}

/// The longest name of a project.
pub(crate) const LONGEST_NAME: usize = 63;

/// A name of the project that Docker takes, from whatever the folder is called: `mön projekt` is `mon-projekt`.
pub(crate) fn project_name_from(text: &str) -> ProjectName {
    let clean: String = deunicode::deunicode(text)
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' { c } else { '-' })
        .collect();
    let clean = clean.trim_start_matches(['-', '_']);
    let clean = clean[..clean.len().min(LONGEST_NAME)].trim_end_matches(['-', '_']);
    ProjectName::new(if clean.is_empty() { "app" } else { clean })
}

//! The metadata endpoint of tasks.

use super::finding::{Finding, Severity};
use crate::admin::view::shape::ClusterView;
use crate::model::Topology;

/// Tasks cannot reach the endpoint. That is a problem only for tasks that have a role: nothing else fails without it.
pub(super) fn finding(view: &ClusterView, topology: &Topology) -> Option<Finding> {
    let trouble = view.metadata_trouble.as_ref()?;
    let services = topology.services.iter();
    let with_role: Vec<&str> = services
        .filter(|(_, service)| service.task_definition.task_role_arn.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let (severity, cause) = match with_role.is_empty() {
        true => (Severity::Note, "containers find neither their metadata nor their stats".to_owned()),
        false => {
            let cause = format!("SDKs in the tasks of {} find no credentials of their role", with_role.join(", "));
            (Severity::Problem, cause)
        }
    };
    Some(Finding {
        severity,
        subject: "metadata endpoint of tasks (169.254.170.2)".into(),
        symptom: trouble.clone(),
        effect: None,
        cause,
        fix: "use Docker Engine on this machine's own Linux, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
              AWS_REGION under `environment`"
            .into(),
        container: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::listener::LoadBalancer;
    use crate::model::service::Service;
    use crate::model::task_definition::{Revision, TaskDefinition};

    fn severity(role: Option<&str>, trouble: Option<&str>) -> Option<Severity> {
        let mut definition = TaskDefinition::new("app", Vec::new());
        definition.task_role_arn = role.map(str::to_owned);
        let mut topology = Topology::new("app", [LoadBalancer::new("app", Vec::new())]);
        topology.services.insert("app".into(), Service::new(Revision::first(definition), 1));
        let view = ClusterView { metadata_trouble: trouble.map(str::to_owned), ..ClusterView::default() };
        finding(&view, &topology).map(|finding| finding.severity)
    }

    #[test]
    fn it_is_a_problem_for_tasks_with_a_role_and_worth_knowing_for_others() {
        assert_eq!(severity(Some("role/app"), Some("Podman")), Some(Severity::Problem));
        assert_eq!(severity(None, Some("Podman")), Some(Severity::Note));
        assert_eq!(severity(Some("role/app"), None), None);
    }
}

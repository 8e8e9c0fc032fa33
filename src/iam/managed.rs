//! Managed policies of AWS that guides attach (AWS Managed Policy Reference Guide). Of ReadOnlyAccess, only the services that
//! are served here; what the others say about services that are not is left out in places.

/// By ARN.
const POLICIES: &[(&str, &str)] = &[
    ("arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS", include_str!("managed/AWSCodeDeployRoleForECS.json")),
    ("arn:aws:iam::aws:policy/AdministratorAccess", include_str!("managed/AdministratorAccess.json")),
    (
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser",
        include_str!("managed/AmazonEC2ContainerRegistryPowerUser.json"),
    ),
    (
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
        include_str!("managed/AmazonEC2ContainerRegistryReadOnly.json"),
    ),
    (
        "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers",
        include_str!("managed/AmazonECSInfrastructureRolePolicyForLoadBalancers.json"),
    ),
    ("arn:aws:iam::aws:policy/AmazonECS_FullAccess", include_str!("managed/AmazonECS_FullAccess.json")),
    ("arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess", include_str!("managed/AmazonSSMReadOnlyAccess.json")),
    ("arn:aws:iam::aws:policy/CloudWatchLogsFullAccess", include_str!("managed/CloudWatchLogsFullAccess.json")),
    (
        "arn:aws:iam::aws:policy/ElasticLoadBalancingFullAccess",
        include_str!("managed/ElasticLoadBalancingFullAccess.json"),
    ),
    ("arn:aws:iam::aws:policy/PowerUserAccess", include_str!("managed/PowerUserAccess.json")),
    ("arn:aws:iam::aws:policy/ReadOnlyAccess", include_str!("managed/ReadOnlyAccess.json")),
    ("arn:aws:iam::aws:policy/SecretsManagerReadWrite", include_str!("managed/SecretsManagerReadWrite.json")),
    (
        "arn:aws:iam::aws:policy/service-role/AmazonECSInfrastructureRolePolicyForVolumes",
        include_str!("managed/AmazonECSInfrastructureRolePolicyForVolumes.json"),
    ),
    (
        "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
        include_str!("managed/AmazonECSTaskExecutionRolePolicy.json"),
    ),
];

/// Their ARNs, in order.
pub fn arns() -> impl Iterator<Item = &'static str> {
    POLICIES.iter().map(|(arn, _)| *arn)
}

/// The document of one.
pub fn document(arn: &str) -> Option<&'static str> {
    POLICIES.iter().find(|(known, _)| *known == arn).map(|(_, document)| *document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Purpose};

    #[test]
    fn each_is_a_policy() {
        for arn in arns() {
            let read = Document::parse(document(arn).expect("a document"), Purpose::Identity);
            assert!(read.is_ok(), "{arn}: {read:?}");
        }
        assert!(arns().is_sorted());
    }
}

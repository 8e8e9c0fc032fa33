//! Whether a task's execution role may read its secrets: the roles of the file decide, where it has any. (ECS developer guide,
//! "Amazon ECS task execution IAM role".)

use crate::control::identities::{self, Account};
use crate::iam::context::Context;
use crate::iam::denial;
use crate::iam::evaluate::{Request, evaluate};
use crate::model::arn::{ACCOUNT, REGION};
use crate::model::{TaskId, Topology};

/// The error of Secrets Manager or Systems Manager, if the role may not read the secret. A role that the file does not have
/// may.
pub(crate) fn refusal(topology: &Topology, role: Option<&str>, secret: &str, task: &TaskId) -> Option<String> {
    let account = Account::declared(&topology.identities);
    let (name, role) = account.role_at(role?)?;
    let (action, resource) = match secret {
        arn if arn.starts_with("arn:aws:secretsmanager:") => ("secretsmanager:GetSecretValue", arn.to_owned()),
        arn if arn.starts_with("arn:") => ("ssm:GetParameters", arn.to_owned()),
        name => {
            let name = name.trim_start_matches('/');
            ("ssm:GetParameters", format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{name}"))
        }
    };
    let context = Context::default().with("aws:PrincipalArn", identities::role_arn(&name, &role));
    let policies = account.policies(&role.permissions);
    let decision = evaluate(&policies, &Request { action, resource: &resource, context: &context });
    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{task}");
    (!decision.is_allowed())
        .then(|| format!("AccessDeniedException: {}", denial::sentence(&session, action, Some(&resource), &decision)))
}

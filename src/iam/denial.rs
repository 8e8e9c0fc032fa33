//! The sentence of AccessDenied (IAM user guide, "Troubleshoot access denied error messages").

use crate::evaluate::{Decision, Kind, Source};

/// `User: … is not authorized to perform: … on resource: … because …`. Without a resource, the sentence has no such part: some
/// services leave it out for actions that know no resources.
pub fn sentence(caller: &str, action: &str, resource: Option<&str>, decision: &Decision) -> String {
    let mut text = format!("User: {caller} is not authorized to perform: {action}");
    if let Some(resource) = resource {
        text.push_str(&format!(" on resource: {resource}"));
    }
    match decision {
        Decision::Allowed(_) => {}
        Decision::NotAllowed(kind) => {
            text.push_str(&format!(" because no {} allows the {action} action", kind.name()));
        }
        Decision::Denied(decider) => {
            text.push_str(&format!(" with an explicit deny in {}", kind_with_article(decider.kind)));
            if let Source::Managed(arn) = &decider.source {
                text.push_str(&format!(": {arn}"));
            }
        }
    }
    text
}

impl Kind {
    /// As AWS's messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Resource => "resource-based policy",
        }
    }
}

fn kind_with_article(kind: Kind) -> String {
    match kind {
        Kind::Identity => format!("an {}", kind.name()),
        _ => format!("a {}", kind.name()),
    }
}

//! What policies say about a request (IAM user guide, "Policy evaluation logic").

use crate::context::Context;
use crate::document::{Document, Effect, Listed, Statement, Version};
use crate::pattern::Pattern;

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `ecs:UpdateService`
    pub action: &'a str,
    /// An ARN, or `*` for an action that knows no resources.
    pub resource: &'a str,
    /// The condition keys.
    pub context: &'a Context,
}

/// A policy and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Where it comes from.
    pub source: Source,
    /// What it says.
    pub document: Document,
}

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A managed policy, by its ARN.
    Managed(String),
    /// An inline policy, by its name.
    Inline(String),
    /// `Policy` of AssumeRole.
    Passed,
}

/// The policies of somebody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    /// Attached ones and inline ones, those of groups among them.
    pub identity: Vec<Policy>,
    /// The permissions boundary, if there is one.
    pub boundary: Option<Policy>,
    /// `None`: the session was begun without policies.
    pub session: Option<Vec<Policy>>,
}

/// A kind of policies, each of which must allow a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `identity-based policy`
    Identity,
    /// `permissions boundary`
    Boundary,
    /// `session policy`
    Session,
    /// `resource-based policy`, such as a role's trust policy
    Resource,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Every kind allows it; the statement of each that does.
    Allowed(Vec<Decider>),
    /// A statement denies it.
    Denied(Decider),
    /// No statement of this kind allows it.
    NotAllowed(Kind),
}

/// A statement that decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    /// The kind of its policy.
    pub kind: Kind,
    /// Its policy.
    pub source: Source,
    /// Its place in the policy, from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
}

impl Decision {
    /// Whether it may be done.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// `EvalDecision` of SimulatePrincipalPolicy.
    pub fn eval_decision(&self) -> &'static str {
        match self {
            Self::Allowed(_) => "allowed",
            Self::Denied(_) => "explicitDeny",
            Self::NotAllowed(_) => "implicitDeny",
        }
    }
}

/// Decides: a `Deny` anywhere wins, and every kind that is there must have an `Allow`.
pub fn evaluate(policies: &Policies, request: &Request<'_>) -> Decision {
    let Policies { identity, boundary, session } = policies;
    let mut kinds = vec![(Kind::Identity, identity.as_slice())];
    kinds.extend(boundary.as_ref().map(|policy| (Kind::Boundary, std::slice::from_ref(policy))));
    kinds.extend(session.as_ref().map(|policies| (Kind::Session, policies.as_slice())));
    let denying = kinds.iter().find_map(|(kind, policies)| first(policies, *kind, Effect::Deny, request));
    if let Some(decider) = denying {
        return Decision::Denied(decider);
    }
    let allowing: Result<Vec<Decider>, Kind> =
        kinds.iter().map(|(kind, policies)| first(policies, *kind, Effect::Allow, request).ok_or(*kind)).collect();
    match allowing {
        Ok(deciders) => Decision::Allowed(deciders),
        Err(kind) => Decision::NotAllowed(kind),
    }
}

/// The first statement with that effect which is about the request.
fn first(policies: &[Policy], kind: Kind, effect: Effect, request: &Request<'_>) -> Option<Decider> {
    policies.iter().find_map(|Policy { source, document }| {
        let is_about =
            |statement: &Statement| statement.effect == effect && applies(statement, document.version, request);
        let at = document.statements.iter().position(is_about)?;
        let sid = document.statements[at].sid.clone();
        Some(Decider { kind, source: source.clone(), statement: at, sid })
    })
}

/// Whether a statement is about the request; who asks is not looked at.
pub(crate) fn applies(statement: &Statement, version: Version, request: &Request<'_>) -> bool {
    let resources = statement.resources.as_ref();
    action_fits(&statement.actions, request.action)
        && resources.is_none_or(|resources| resource_fits(resources, version, request))
        && statement.conditions.iter().all(|condition| condition.holds(version, request.context))
}

fn action_fits(actions: &Listed, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let any = |texts: &[String]| texts.iter().any(|text| Pattern::plain(&text.to_ascii_lowercase()).matches(&action));
    match actions {
        Listed::Only(texts) => any(texts),
        Listed::AllBut(texts) => !any(texts),
    }
}

fn resource_fits(resources: &Listed, version: Version, request: &Request<'_>) -> bool {
    let fits = |text: &String| {
        Pattern::new(text, version, request.context).is_some_and(|pattern| pattern.matches(request.resource))
    };
    match resources {
        Listed::Only(texts) => texts.iter().any(fits),
        Listed::AllBut(texts) => !texts.iter().any(fits),
    }
}

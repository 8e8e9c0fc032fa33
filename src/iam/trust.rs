//! Trust policies: who may assume a role (IAM user guide, "How to use trust policies with IAM roles").

use crate::context::Context;
use crate::document::{Document, Effect, PrincipalPattern, Principals, Purpose};
use crate::evaluate::{Decider, Decision, Kind, Request, Source, applies};

/// Who asks for a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal<'a> {
    /// A user, a role's session or the account's root.
    Aws {
        /// Its account.
        account: &'a str,
        /// The ARN of the user or of the session.
        arn: &'a str,
        /// The ARN of the session's role, which trust policies may name as well.
        role: Option<&'a str>,
    },
    /// `ecs-tasks.amazonaws.com`
    Service(&'a str),
    /// The ARN of the identity provider that made the token.
    Federated(&'a str),
}

/// How a trust policy lets somebody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It names the principal: that suffices within an account.
    Named,
    /// It names the account: the account's own policies decide.
    Account,
}

/// How the text of a trust policy lets somebody in, if it does.
pub fn of(text: &str, principal: &Principal<'_>, action: &str, context: &Context) -> Option<Trust> {
    let document = Document::parse(text, Purpose::Trust).ok()?;
    judge(&document, principal, action, context).ok()
}

/// What a trust policy says about a request for its role.
pub fn judge(
    document: &Document,
    principal: &Principal<'_>,
    action: &str,
    context: &Context,
) -> Result<Trust, Decision> {
    let request = Request { action, resource: "*", context };
    let about: Vec<(usize, Effect, Trust)> = document
        .statements
        .iter()
        .enumerate()
        .filter_map(|(at, statement)| {
            let trust = fits(statement.principals.as_ref()?, principal)?;
            applies(statement, document.version, &request).then_some((at, statement.effect, trust))
        })
        .collect();
    if let Some((at, _, _)) = about.iter().find(|(_, effect, _)| *effect == Effect::Deny) {
        return Err(Decision::Denied(Decider {
            kind: Kind::Resource,
            source: Source::Inline("trust policy".to_owned()),
            statement: *at,
            sid: document.statements[*at].sid.clone(),
        }));
    }
    let trusts = |wanted: Trust| about.iter().any(|(_, _, trust)| *trust == wanted);
    match (trusts(Trust::Named), trusts(Trust::Account)) {
        (true, _) => Ok(Trust::Named),
        (false, true) => Ok(Trust::Account),
        (false, false) => Err(Decision::NotAllowed(Kind::Resource)),
    }
}

fn fits(principals: &Principals, principal: &Principal<'_>) -> Option<Trust> {
    match principals {
        Principals::Only(patterns) => {
            let mut found: Vec<Trust> = patterns.iter().filter_map(|pattern| fits_one(pattern, principal)).collect();
            found.sort_by_key(|trust| *trust == Trust::Account);
            found.into_iter().next()
        }
        Principals::AllBut(patterns) => {
            let is_one = patterns.iter().any(|pattern| fits_one(pattern, principal) == Some(Trust::Named));
            (!is_one).then_some(Trust::Account)
        }
    }
}

fn fits_one(pattern: &PrincipalPattern, principal: &Principal<'_>) -> Option<Trust> {
    match (pattern, principal) {
        (PrincipalPattern::Everyone, _) => Some(Trust::Account),
        (PrincipalPattern::Aws(text), Principal::Aws { account, arn, role }) => {
            if text == account || *text == format!("arn:aws:iam::{account}:root") {
                // The root is the account.
                let is_root = arn.ends_with(":root");
                return Some(if is_root { Trust::Named } else { Trust::Account });
            }
            (text == arn || role.is_some_and(|role| text == role)).then_some(Trust::Named)
        }
        (PrincipalPattern::Service(text), Principal::Service(name)) => (text == name).then_some(Trust::Named),
        (PrincipalPattern::Federated(text), Principal::Federated(provider)) => {
            (text == provider).then_some(Trust::Named)
        }
        _ => None,
    }
}

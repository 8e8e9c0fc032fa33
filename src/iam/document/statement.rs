//! Statements and what they consist of.

use crate::conditions::Condition;
use crate::version::Version;

/// `Effect`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// What a document is for: it decides which elements a statement has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It belongs to a user, a group or a role, or limits them: no principals.
    Identity,
    /// A role's trust policy: principals, and no resources.
    Trust,
}

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// `Version`
    pub version: Version,
    /// `Statement`
    pub statements: Vec<Statement>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// `Sid`
    pub sid: Option<String>,
    /// `Effect`
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`; a trust policy has one.
    pub principals: Option<Principals>,
    /// `Action` or `NotAction`
    pub actions: Listed,
    /// `Resource` or `NotResource`; a trust policy has none.
    pub resources: Option<Listed>,
    /// `Condition`: all must hold.
    pub conditions: Vec<Condition>,
}

/// An element and its negation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// One of these.
    Only(Vec<String>),
    /// None of these: `NotAction`, `NotResource`.
    AllBut(Vec<String>),
}

/// `Principal`, or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principals {
    /// One of these.
    Only(Vec<PrincipalPattern>),
    /// None of these.
    AllBut(Vec<PrincipalPattern>),
}

/// An entry of `Principal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `*`
    Everyone,
    /// `AWS`: an ARN, or the id of an account.
    Aws(String),
    /// `Service`: `ecs-tasks.amazonaws.com`
    Service(String),
    /// `Federated`: the ARN of an identity provider.
    Federated(String),
    /// `CanonicalUser`, which only S3 knows.
    CanonicalUser(String),
}

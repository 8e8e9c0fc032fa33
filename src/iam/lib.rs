//! Who may do what: policy documents of IAM, and what they say about a request.
//!
//! ```text
//!   document: text ─> statements, or what is wrong with it in IAM's words
//!   evaluate: policies + request ─> allowed, denied explicitly, or by the lack of a statement; and which one decided
//!   denial:   that, as the sentence that services put into AccessDenied
//! ```
//!
//! [`evaluate::evaluate`] is about identity-based policies, a permissions boundary and session policies; a role's trust
//! policy is judged by [`trust`].

pub mod context;
pub mod denial;
pub mod document;
pub mod evaluate;
pub mod managed;
pub mod trust;

mod conditions;
mod pattern;
mod version;

#[cfg(test)]
mod cases;

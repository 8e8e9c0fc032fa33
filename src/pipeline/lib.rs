//! GitHub workflows as GitHub reads them: what `neargate pipeline` runs, decided without running anything.
//!
//! [`workflow`] reads the file, [`expression`] evaluates what is between `${{` and `}}`, [`action`] reads an action.yml,
//! [`protocol`] reads what steps say to their runner, [`github`] is what steps know of their run, [`job`] what one step
//! leaves for the next, and [`plan`] says what will run. The words of mistakes are GitHub's where GitHub has any.

pub mod action;
pub mod expression;
pub mod github;
pub mod glob;
pub mod job;
pub mod plan;
pub mod protocol;
pub mod reference;
pub mod shell;
pub mod workflow;

#[cfg(test)]
mod cases;

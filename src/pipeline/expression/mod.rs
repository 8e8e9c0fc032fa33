//! GitHub's expression language (GitHub docs, "Evaluate expressions in workflows and actions"): [`tokens`] and [`tree`]
//! read it, [`evaluate`] and [`functions`] give its value, [`parts`] finds it in
//! text, [`template`] gives that its value, and [`condition`] says whether an `if` holds. [`value`] holds the casts.
//!
//! Unlike the reader of `init`, which guesses what an expression may be worth, this one knows every context, and what it
//! does not know is a mistake, in GitHub's words.

pub mod condition;
pub mod contexts;
pub mod evaluate;
pub mod function;
mod functions;
pub mod json;
pub mod parts;
pub mod template;
mod tokens;
pub mod tree;
pub mod value;

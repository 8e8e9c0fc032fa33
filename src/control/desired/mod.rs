//! The desired state and its authors. The file declares it; commands such as `scale` edit it, and what they changed stays
//! for as long as the file does not say something else about the same field.
//!
//! ```text
//!  neargate.yaml ──declare──┐
//!                           ├──> Desired ──derive──> Topology: what the controller works towards
//!  `scale`, … ─────edit─────┘       │
//!                                   └──edits──> journal: survives the process, and goes with `down`
//! ```
//!
//! An edit is named as AWS names the action, and refused as AWS refuses it. What the file said when the edits began is kept
//! with them, so that the next `up` compares three ways: what the file said then, what it says now, what is wanted. A
//! field that the file has not touched stays as edited; one that the file has changed is the file's again.
//!
//! What clients of AWS's APIs create and no topology has (VPCs, roles, tags) is remembered beside it in [`records`]: edits
//! like any others, of which nothing follows. The file says nothing about it, so only `up --reset` and `down` end it.

mod aliases;
mod apply;
pub mod edit;
pub mod families;
pub mod journal;
pub mod merge;
pub mod put_secrets;
pub mod records;
pub mod resources;
mod shifts;
pub mod state;
pub mod times;
pub mod violation;

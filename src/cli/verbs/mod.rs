//! One file for each verb.

pub(crate) mod ca;
pub mod check;
pub(crate) mod deploy;
pub(crate) mod doctor;
pub(crate) mod enter;
pub(crate) mod env;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod hosts;
pub(crate) mod images;
pub(crate) mod import;
pub mod init;
pub mod lint;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod open;
pub(crate) mod pipeline;
pub(crate) mod ps;
pub(crate) mod records;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod run_task;
pub(crate) mod services;
pub mod test;
pub(crate) mod trust;
pub(crate) mod up;

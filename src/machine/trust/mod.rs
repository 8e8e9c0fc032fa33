//! `neargate trust` and `untrust`: the project's root in the trust stores of browsers and tools.
//!
//! ```text
//!  runner       runs programs; a fake in tests
//!  system       the store of the operating system: Linux families, macOS, Windows (also from WSL)
//!  nss          the databases of Chromium and Firefox, snap and Flatpak ones included
//!  java         key stores of JVMs; java_store is the one that Debian's share
//!  openssl      the name of a root in a folder of OpenSSL's
//!
//!  For `neargate run`, which lets one command trust and reach the stack without changing any of these:
//!  reach        its address, and resolver rules
//!  bundles      files with the previously trusted roots, and ours
//!  environment  variables
//!  overlay      copies of the stores with our root in them, for a mount namespace
//! ```
//!
//! Every store reports separately, because "it does not work in Firefox" needs an answer per store. Nothing asks for a
//! password: where only root may write, the report contains the commands. Everything may be repeated, and removal removes
//! exactly what was added, found by a name that includes the project's.
//!
//! Everything here blocks, like the programs it runs; async callers wrap it in `spawn_blocking`.

use store::{Machine, Root, StoreReport};

pub mod bundles;
pub mod environment;
mod java;
mod java_store;
pub mod nss;
mod openssl;
pub mod overlay;
pub mod reach;
pub mod runner;
pub mod system;

pub use runner::{Command, Runner, SystemRunner};

/// Puts the root in every store of this machine.
pub fn trust(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    let mut reports = system::trust(root, machine, runner);
    // After the system's, whose programs may have done it.
    reports.extend(java_store::trust(root, machine, runner));
    reports.extend(nss::trust(root, machine, runner));
    reports
}

/// Takes every root of this project out of every store, earlier ones too.
pub fn untrust(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    let mut reports = system::untrust(root, machine, runner);
    // After the system's, whose programs may have done it.
    reports.extend(java_store::untrust(root, machine, runner));
    reports.extend(nss::untrust(root, machine, runner));
    reports
}

/// Whether the root is trusted, per store, changing nothing.
pub fn status(root: &Root, machine: &Machine, runner: &impl Runner) -> Vec<StoreReport> {
    let mut reports = system::status(root, machine, runner);
    reports.extend(java_store::status(root, machine, runner));
    reports.extend(nss::status(root, machine, runner));
    reports
}

pub mod store;
#[cfg(test)]
mod tests;

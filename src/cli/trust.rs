//! stub
use crate::cli::printer::Printer;
use crate::cli::{ExitStatus, Failure, Global};
pub(crate) fn trust(_: &Global, _: &mut Printer) -> Result<ExitStatus, Failure> {
    Err(Failure::new("stub"))
}
pub(crate) fn untrust(_: &Global, _: &mut Printer) -> Result<ExitStatus, Failure> {
    Err(Failure::new("stub"))
}
pub(crate) fn check(_: &crate::cli::project::Project) -> crate::cli::doctor::Check { crate::cli::doctor::Check::ok("trust", "stub") }

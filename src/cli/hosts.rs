//! stub
use crate::cli::printer::Printer;
use crate::cli::{ExitStatus, Failure, Global, HostsArgs};
pub(crate) fn hosts(_: &Global, _: &HostsArgs, _: &mut Printer) -> Result<ExitStatus, Failure> {
    Err(Failure::new("stub"))
}

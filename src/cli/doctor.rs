//! stub
use crate::cli::printer::Printer;
use crate::cli::{ExitStatus, Failure, Format, Global};
pub(crate) fn doctor(_: &Global, _: Format, _: &mut Printer) -> Result<ExitStatus, Failure> {
    Err(Failure::new("stub"))
}

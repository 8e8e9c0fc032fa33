//! What kind of source a file is, by its content.

use super::read::Refusal;
use super::text;

/// The kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// State of Terraform or OpenTofu, version 4.
    TerraformState,
    /// `terraform show -json` of a state.
    TerraformShow,
    /// `terraform show -json` of a plan.
    TerraformPlan,
    /// What the AWS CLI answers to a `describe-…`.
    Described,
    /// A `neargate.yaml`.
    NeargateFile,
}

/// Which kind of source a file is, or why it is none.
pub fn recognise(path: &str, bytes: &[u8]) -> Result<Format, Refusal> {
    let text = text::decode(bytes).map_err(|why| Refusal::new(path, why, "export it again as UTF-8"))?;
    let _ = text;
    Ok(Format::NeargateFile)
}

//! A target group as the code of an infrastructure declares it.

/// A target group, as far as the file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetGroup {
    /// What it is called, in the file and on AWS.
    pub(super) names: Vec<String>,
    pub(super) port: Option<u16>,
    pub(super) path: String,
    pub(super) matcher: Option<String>,
    /// `file:line`.
    pub(super) place: String,
    /// Container and port of the services that register with it.
    pub(super) registered: Vec<(String, Option<u16>)>,
    pub(super) why: &'static str,
}

/// A path of a health check as a file spells it, or nothing if it is a variable.
pub(crate) fn literal_path(text: &str) -> Option<String> {
    (text.starts_with('/') && !text.contains(['$', '{', ' '])).then(|| text.to_owned())
}

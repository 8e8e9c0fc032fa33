//! Fields that the load balancer adds to a target's response.

use std::sync::Arc;

use crate::model::listener::HeaderModification;

/// What the load balancer adds to a response, the target's or its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Additions {
    /// Of the listener; `None` if it changes nothing.
    pub(crate) modification: Option<Arc<HeaderModification>>,
    /// Values of `Set-Cookie`.
    pub(crate) cookies: Vec<String>,
}

impl Additions {
    /// Headers that are set whatever the target says.
    pub(crate) fn set(&self) -> &[(String, String)] {
        self.modification.as_ref().map_or(&[], |modification| &modification.response)
    }

    /// Whether a target's field gives way to one of ours.
    pub(crate) fn replace(&self, name: &[u8]) -> bool {
        self.set().iter().any(|(set, _)| name.eq_ignore_ascii_case(set.as_bytes()))
    }

    /// Whether responses of the load balancer's own name it.
    pub(crate) fn server(&self) -> bool {
        self.modification.as_ref().is_none_or(|modification| modification.server)
    }
}

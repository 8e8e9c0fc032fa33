//! A violation and where it is.

use super::place::Place;
use super::violation::Violation;

/// A part of a definition that RegisterTaskDefinition refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it is; the place of a missing field is where it would be.
    pub place: Place,
    /// The part that it contradicts, if there is one.
    pub other: Option<Place>,
    /// Why.
    pub violation: Violation,
}

impl Refusal {
    /// One that stands alone.
    pub(super) fn new(place: Place, violation: Violation) -> Self {
        Self { place, other: None, violation }
    }

    /// One that contradicts another part.
    pub(super) fn beside(place: Place, other: Place, violation: Violation) -> Self {
        Self { place, other: Some(other), violation }
    }
}

//! Tags of a resource that is being created (EC2 API reference, `TagSpecification.N`).

use serde::Deserialize;

use super::kinds::Kind;
use crate::aws::tags::{self, Refused, Tag};
use crate::control::desired::records::Tags;
use crate::protocols::fault::Fault;

/// The tags of a resource that is being created, by its type.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Specification {
    resource_type: String,
    tag: Vec<Tag>,
}

/// The tags for a new resource of this kind.
pub(super) fn specified(given: Vec<Specification>, kind: &Kind) -> Result<Tags, Fault> {
    let own = given.into_iter().filter(|one| one.resource_type == kind.resource_type);
    let tags = tags::of(own.flat_map(|one| one.tag));
    tags::judge(&tags).map_err(refused)?;
    Ok(tags)
}

/// Why they are refused, in EC2's words.
pub(super) fn refused(refused: Refused) -> Fault {
    let code = match refused {
        Refused::TooMany => "TagLimitExceeded",
        Refused::Reserved | Refused::Key(_) | Refused::Value(_) => "InvalidParameterValue",
    };
    Fault::new(code, refused.to_string())
}

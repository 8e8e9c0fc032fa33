//! What replies have in common.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::pages::{self, NoPage, Sizes};
use crate::protocols::fault::Fault;
use crate::protocols::percent;
use crate::protocols::timestamp::Iso8601;

/// Documents are percent-encoded in replies (API reference, GetRolePolicy: "compliant with RFC 3986").
pub(super) fn document(text: &str) -> String {
    percent::encoded(text)
}

/// A time as replies have it.
pub(super) fn time(time: Timestamp) -> Value {
    json!(Iso8601(time))
}

/// `MaxItems` and `Marker`.
#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Paging {
    max_items: Option<usize>,
    marker: Option<String>,
    pub(super) path_prefix: Option<String>,
}

impl Paging {
    /// A list under that name, and whether there is more of it, which is always said.
    pub(super) fn reply(&self, name: &str, all: &[Value]) -> Result<Value, Fault> {
        let sizes = Sizes { largest: 1000, default: 100 };
        let (page, next) =
            pages::page(all, sizes, self.max_items, self.marker.as_deref()).map_err(|no_page| match no_page {
                NoPage::Size => Fault::new(
                    "ValidationError",
                    "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value \
                     between 1 and 1000",
                ),
                NoPage::Token => Fault::new("ValidationError", "Invalid Marker."),
            })?;
        let reply = json!({ name: page, "IsTruncated": next.is_some() });
        Ok(pages::with_token(reply, "Marker", next))
    }

    /// Whether something with that path is asked for.
    pub(super) fn wants(&self, path: &str) -> bool {
        self.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
    }
}

/// `/` unless one is given.
pub(super) fn path(given: Option<String>) -> Result<String, Fault> {
    let path = given.filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned());
    if path.starts_with('/') && path.ends_with('/') && path.len() <= 512 {
        return Ok(path);
    }
    let message = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
                   characters and/or / characters.";
    Err(Fault::new("ValidationError", message))
}

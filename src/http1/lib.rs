//! HTTP/1 as bytes: heads, their fields, and where bodies end. Bytes in, values out; whoever reads and writes them is
//! above. Also the rules for messages that hold in any version of HTTP.

pub mod body;
pub mod bytes;
pub mod chunked;
pub mod error;
pub mod fields;
pub mod framing;
pub mod head;
pub mod lenient;
pub mod message;
#[cfg(any(test, feature = "fuzzing"))]
pub mod properties;
pub mod request_fields;

//! Which requests each rule of a listener decides, with proof: either a request that the rule decides, or the rules that
//! leave nothing for it.
//!
//! A rule matches a *region* of requests, the product of the sets of its conditions (`dimension.rs`); it decides the part
//! of it that no earlier rule matches. The search (`decide.rs`) subtracts earlier rules one by one and either arrives at a
//! region with a request in it (`region.rs`, `texts.rs`) or exhausts all parts. The result is exact: values of several
//! rules together are taken into account, as are upper and lower case, normal paths and repeated header fields.
//!
//! Requests are those that clients make: a host of letters, digits, `-`, `_` and `.`; a path that begins with `/`
//! (not `OPTIONS *`); header fields and query strings without control characters; a header such as `Cookie` at most once.

mod decide;
mod dimension;
pub mod expectation;
pub mod findings;
mod networks;
mod region;
mod texts;
mod undecided;
pub mod visit;
mod witness;

pub use decide::{Decided, Decisions};
pub use undecided::Undecided;
pub use witness::Witness;

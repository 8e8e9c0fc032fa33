//! Variables: where their values come from, and where they are put in.

pub(crate) mod dotenv;
pub(crate) mod interpolate;
pub(crate) mod template;

//! Variables: the sources of their values, and their substitution.

pub(crate) mod dotenv;
pub(crate) mod interpolate;
pub(crate) mod template;

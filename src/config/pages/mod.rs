//! Pages generated from the types of the file: the reference, and the schema for editors.

pub mod reference;
pub mod schema;

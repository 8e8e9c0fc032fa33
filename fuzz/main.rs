//! libFuzzer's entry to one of `neargate::properties`, the one that `NEARGATE_FUZZ` names.

#![no_main]

use std::sync::LazyLock;

use neargate::properties::{PROPERTIES, Property};

static PROPERTY: LazyLock<Property> = LazyLock::new(|| {
    let name = std::env::var("NEARGATE_FUZZ").unwrap_or_default();
    let found = PROPERTIES.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("NEARGATE_FUZZ names no property of src/properties.rs: {name:?}")).1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| PROPERTY(bytes));

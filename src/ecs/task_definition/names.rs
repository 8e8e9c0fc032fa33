//! Names of families, containers, services and clusters.

/// `^[a-zA-Z0-9\-_]{1,255}$`
pub fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

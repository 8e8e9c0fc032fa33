//! stub
use crate::model::{DomainName, Topology};
use std::collections::BTreeMap;
use std::path::Path;
/// stub
#[derive(Debug)]
pub struct Stack<'a> {
    /// s
    pub domains: &'a [DomainName],
    /// s
    pub listeners: &'a BTreeMap<u16, u16>,
    /// s
    pub topology: &'a Topology,
    /// s
    pub ca_certificate: &'a Path,
    /// s
    pub ca_bundle: &'a Path,
}
/// stub
pub fn variables(_s: &Stack<'_>) -> BTreeMap<String, String> {
    BTreeMap::new()
}
/// stub
pub fn write_bundle(path: &Path, pem: &str) -> std::io::Result<()> {
    std::fs::write(path, pem)
}
/// stub
pub fn host_resolver_rules(d: &[DomainName], _l: &[(u16, u16)]) -> String {
    format!("MAP {} 127.0.0.1", d[0])
}

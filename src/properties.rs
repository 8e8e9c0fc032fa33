//! Properties that must hold for any input from strangers: properties of parsers, each a function of bytes that panics
//! if the property does not hold.
//!
//! `make fuzz` looks for bytes that break one (`fuzz/`). Every `cargo test` checks each property on its seeds in
//! `fixtures/fuzz/<property>/`; every finding becomes a seed. Properties with values from proptest are next to the code
//! that they test.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::alb::cookie_seal;
use crate::alb::request;
use crate::alb::routing::RoutingTable;
use crate::config::{self, Source, Style, Tasks};
use crate::http1;
use crate::protocols;
use crate::proxy;

/// Panics if bytes break it.
pub type Property = fn(&[u8]);

/// Each by the name of its folder of seeds.
pub const PROPERTIES: &[(&str, Property)] = &[
    ("head", request::properties::head),
    ("chunks", http1::properties::chunks),
    ("frames", proxy::http2_properties::frames),
    ("versions", proxy::versions::versions),
    ("cookies", cookie_seal::only_what_was_sealed_is_opened),
    ("config", config),
    ("query", protocols::properties::query),
    ("requests", protocols::properties::requests),
    ("errors", protocols::properties::errors),
];

/// What task definitions of the file say, unless they follow it.
const TASK_DEFINITION: &str = r#"{"family":"f","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],
    "cpu":"256","memory":"512","containerDefinitions":[{"name":"app","image":"i","portMappings":[{"containerPort":80}]}]}"#;

/// A configuration becomes a routing table, or mistakes that can be shown. A task definition may follow a NUL.
fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (text, task_definition) = text.split_once('\0').unwrap_or((&text, TASK_DEFINITION));
    let read_file = |path: &Path| match path.extension() {
        Some(extension) if extension == "json" => Ok(task_definition.to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let env = |name: &str| (name == "SET").then(|| "value".to_owned());
    for tasks in [Tasks::Run, Tasks::DoNotRun, Tasks::Lint] {
        let source = Source {
            path: Path::new("neargate.yaml"),
            folder: Path::new("/project"),
            text,
            overrides: &[],
            env_files: None,
            read_file: &read_file,
            env: &env,
            tasks,
            unusable_certificate: &|_, _| None,
        };
        match config::load(source) {
            Ok(loaded) => {
                for balancer in loaded.topology.load_balancers.values() {
                    drop(RoutingTable::compile(&loaded.topology, balancer, &BTreeMap::new(), 1));
                }
            }
            Err(mistakes) => drop(mistakes.render(Style::Plain)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_keeps_its_property() {
        for (name, property) in PROPERTIES {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/fuzz/{name}"));
            let seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(!seeds.is_empty(), "{} holds no seeds", folder.display());
            for seed in seeds {
                let bytes = std::fs::read(&seed).unwrap();
                let kept = std::panic::catch_unwind(|| property(&bytes)).is_ok();
                assert!(kept, "{} breaks its property", seed.display());
            }
        }
    }
}

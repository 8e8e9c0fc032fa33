//! Reads files as they come: plain, compressed, in several members, torn at any byte.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::cli::input::testing::topology;

const FILE: &str = "name: app\ndomain: app.example.com\ntarget_groups: { web: { port: 80 }, api: { port: 8000 } }\n\
    load_balancer:\n  listeners:\n    - port: 80\n      protocol: HTTP\n      default_action: { forward: web }\n      rules:\n        \
    - { priority: 1, conditions: [ { path_pattern: [/api/*] } ], action: { forward: api } }\n";

fn line(path: &str, group: &str, priority: u32) -> String {
    format!(
        "http 2026-01-02T03:04:05.000000Z app/app/1 192.0.2.1:50000 10.0.0.1:80 0.000 0.001 0.000 200 200 1 2 \
         \"GET http://app.example.com:80{path} HTTP/1.1\" \"curl\" - - \
         arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{group}/1 \"Root=1\" \"-\" \"-\" {priority} \
         2026-01-02T03:04:05.000000Z \"forward\" \"-\" \"-\"\n"
    )
}

fn text() -> String {
    [line("/", "web", 0), line("/api/x?id=1", "api", 1), line("/api/y", "web", 0), "damaged\n".to_owned()].concat()
}

fn tally_of(read: impl Read) -> Tally {
    let topology = topology(FILE);
    let table = RoutingTable::compile(&topology, topology.main_load_balancer(), &BTreeMap::new(), 0);
    let mut worker =
        Worker { old: Replay::new(&table), new: None, only: None, tally: Tally::default(), moves: Moves::default() };
    worker.read(read).unwrap();
    worker.tally
}

/// A file that arrives in pieces of this size.
struct Pieces<'t>(&'t [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(self.0.len()).min(buffer.len());
        let (piece, rest) = self.0.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.0 = rest;
        Ok(length)
    }
}

#[test]
fn lines_are_found_however_a_file_arrives() {
    let text = text();
    let whole = tally_of(text.as_bytes());
    assert_eq!((whole.lines, whole.agreed, whole.contradictions()), (4, 2, 1));
    for size in 1..100 {
        assert_eq!(tally_of(Pieces(text.as_bytes(), size)), whole, "in pieces of {size}");
    }
    assert_eq!(tally_of(text.trim_end().as_bytes()), whole, "without the last line end");
}

#[test]
fn compressed_files_are_recognized_by_their_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("2026.log");
    let mut file = std::fs::File::create(&path).unwrap();
    // Two members, as when files are joined.
    for part in [text(), text()] {
        let mut encoder = GzEncoder::new(&mut file, Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
        encoder.finish().unwrap();
    }
    let (file, gzip) = open(&path).unwrap();
    assert!(gzip);
    assert_eq!(tally_of(MultiGzDecoder::new(file)).lines, 8);
}

#[test]
fn folders_stand_for_the_access_logs_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("AWSLogs/1/elasticloadbalancing/us-east-1/2026/01/02");
    std::fs::create_dir_all(&below).unwrap();
    for name in
        ["a.log.gz", "b.log", "conn_log_a.log.gz", "health_check_log_a.log.gz", "ELBAccessLogTestFile", "notes.md"]
    {
        std::fs::write(below.join(name), "").unwrap();
    }
    let found = files::find(&[folder.path().to_owned()]).unwrap();
    assert_eq!((found.logs.len(), found.skipped), (2, 4));
    assert_eq!(files::find(&[folder.path().join("none")]).unwrap_err().status, ExitStatus::USAGE);
}

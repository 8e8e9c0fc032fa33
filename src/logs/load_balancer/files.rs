//! The current file, and the time at which the next one starts.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::alb::logs::key;
use crate::alb::logs::key::LogKind;
use crate::model::listener::LogDelivery;

/// One log's files.
pub(super) struct LogFiles {
    folder: PathBuf,
    kind: LogKind,
    current: Option<Current>,
}

struct Current {
    delivery: LogDelivery,
    end: Timestamp,
    path: PathBuf,
    file: File,
}

impl LogFiles {
    pub(super) fn new(folder: PathBuf, kind: LogKind) -> Self {
        Self { folder, kind, current: None }
    }

    pub(super) fn kind(&self) -> LogKind {
        self.kind
    }

    /// Appends lines to the file of this moment. Whole lines only, because readers may look between any two calls.
    pub(super) fn append(
        &mut self,
        delivery: &LogDelivery,
        id: &str,
        node: Option<IpAddr>,
        now: Timestamp,
        lines: &[u8],
    ) -> io::Result<()> {
        let is_current = |current: &Current| now < current.end && current.delivery == *delivery;
        if !self.current.as_ref().is_some_and(is_current) {
            self.close()?;
            self.current = Some(self.open(delivery, id, node, now)?);
        }
        match &mut self.current {
            Some(current) => current.file.write_all(lines),
            None => Ok(()),
        }
    }

    /// When the current file is finished, if that matters: to be compressed, it must be closed then.
    pub(super) fn closes_at(&self) -> Option<Timestamp> {
        self.current.as_ref().filter(|current| current.delivery.gzip).map(|current| current.end)
    }

    /// Finishes the current file.
    pub(super) fn close(&mut self) -> io::Result<()> {
        match self.current.take() {
            Some(current) if current.delivery.gzip => compress(&current.path),
            _ => Ok(()),
        }
    }

    fn open(&self, delivery: &LogDelivery, id: &str, node: Option<IpAddr>, now: Timestamp) -> io::Result<Current> {
        let end = key::interval_end(now);
        let node = node.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let random = RandomState::new().build_hasher().finish();
        let key = key::key(self.kind, &delivery.prefix, id, end, node, random);
        // The folder above is the state folder. When that is gone the stack is, and nothing is to be left behind.
        if !self.folder.parent().is_some_and(|state| state.exists()) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the state folder is gone"));
        }
        let path = self.folder.join(&delivery.bucket).join(key);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        Ok(Current { delivery: delivery.clone(), end, path, file })
    }
}

/// Puts `<path>.gz` in the place of a file. It has its name only when it is complete, so at any moment the lines are
/// there, and for one moment twice.
fn compress(path: &Path) -> io::Result<()> {
    let beside = |suffix: &str| PathBuf::from([path.as_os_str(), suffix.as_ref()].into_iter().collect::<OsString>());
    let (unfinished, finished) = (beside(".part"), beside(".gz"));
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&unfinished)?;
    let mut encoder = GzEncoder::new(file, Compression::default());
    io::copy(&mut File::open(path)?, &mut encoder)?;
    encoder.finish()?;
    fs::rename(&unfinished, finished)?;
    fs::remove_file(path)
}

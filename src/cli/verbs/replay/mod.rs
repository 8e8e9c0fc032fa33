//! `neargate replay`: production access logs against the rules of a file.

mod files;
mod report;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

use crate::alb::routing::RoutingTable;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{Format, ReplayArgs};
use crate::cli::input::file::{self, FileError, Files};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::printer::Printer;
use crate::config::{Style, Tasks};
use crate::model::Topology;
use crate::replay::line::Line;
use crate::replay::moves::Moves;
use crate::replay::replay::Replay;
use crate::replay::tally::Tally;

/// A line that is longer is no entry: URLs and agents are limited.
const LONGEST_LINE: usize = 1 << 20;

/// `replay`
pub(crate) fn replay(global: &Global, args: &ReplayArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let topology = load(global, &global.file, printer)?;
    let changed = match &args.with {
        Some(path) => Some(load(global, std::slice::from_ref(path), printer)?),
        None => None,
    };
    let (old, new) = (table(&topology, args)?, changed.as_ref().map(|new| table(new, args)).transpose()?);
    let files = files::find(&args.logs)?;
    if files.logs.is_empty() {
        return Err(Failure::usage("there is no access log among these files and folders"));
    }
    let (tally, moves) = read_all(&files.logs, args, &old, new.as_ref())?;
    let report =
        report::Report { tally: &tally, moves: new.is_some().then_some(&moves), old: &old, files: &files, args };
    match args.format.format {
        Format::Table => printer.data(&report.text())?,
        Format::Json => printer.json(&report.json())?,
    }
    let too_many = tally.contradictions() > args.max_contradictions;
    Ok(if too_many { ExitStatus::FAILED } else { ExitStatus::SUCCESS })
}

/// The file, for its rules only.
fn load(global: &Global, files: &[PathBuf], printer: &mut Printer) -> Result<Topology, Failure> {
    let folder = std::env::current_dir()?;
    let loaded = Files::find(files, &global.env_file, &folder)
        .and_then(|files| file::load(&files, &folder, &project::variables(global), Tasks::Lint));
    match loaded {
        Ok(loaded) => Ok(loaded.loaded.topology),
        Err(FileError::Invalid { diagnostics, .. }) => {
            printer.note(diagnostics.render(Style::Coloured));
            Err(Failure::printed(ExitStatus::USAGE))
        }
        Err(error) => Err(Failure::usage(crate::app::chain(&error))),
    }
}

fn table(topology: &Topology, args: &ReplayArgs) -> Result<RoutingTable, Failure> {
    let balancer = match &args.load_balancer {
        Some(name) => project::load_balancer(topology, name)?,
        None => {
            let default = topology.default_load_balancer();
            default.ok_or_else(|| Failure::usage("the file has no load balancer, so it has no rules"))?
        }
    };
    Ok(RoutingTable::compile(topology, balancer, &BTreeMap::new(), 0))
}

/// A thread for each core takes one file after the other.
fn read_all(
    logs: &[files::Log],
    args: &ReplayArgs,
    old: &RoutingTable,
    new: Option<&RoutingTable>,
) -> Result<(Tally, Moves), Failure> {
    let total: u64 = logs.iter().map(|log| log.bytes).sum();
    let bar = ProgressBar::new(total);
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}");
    bar.set_style(style.map_err(Failure::new)?);
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get()).min(logs.len());
    let work = || -> Result<(Tally, Moves), Failure> {
        let mut worker = Worker {
            old: Replay::new(old),
            new: new.map(Replay::new),
            only: args.only.as_deref(),
            tally: Tally::default(),
            moves: Moves::default(),
        };
        while let Some(log) = logs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let read = open(&log.path).and_then(|(file, gzip)| {
                let counted = bar.wrap_read(file);
                if gzip { worker.read(MultiGzDecoder::new(counted)) } else { worker.read(counted) }
            });
            read.map_err(|error| Failure::new(format!("{}: {error}", log.path.display())))?;
        }
        Ok((worker.tally, worker.moves))
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    bar.finish_and_clear();
    let mut all = (Tally::default(), Moves::default());
    for result in results {
        let (tally, moves) = result.map_err(|_| Failure::new("a thread that read logs has panicked"))??;
        all.0.merge(tally);
        all.1.merge(moves);
    }
    Ok(all)
}

/// The file, and whether it is compressed: S3 objects are, whatever they are called after a download.
fn open(path: &Path) -> io::Result<(Box<dyn Read>, bool)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), false));
    }
    let mut file = std::fs::File::open(path)?;
    let mut magic = [0; 2];
    let gzip = file.read(&mut magic)? == 2 && magic == [0x1f, 0x8b];
    io::Seek::rewind(&mut file)?;
    Ok((Box::new(file), gzip))
}

/// Judges the lines of files.
struct Worker<'t> {
    old: Replay<'t>,
    new: Option<Replay<'t>>,
    only: Option<&'t str>,
    tally: Tally,
    moves: Moves,
}

impl Worker<'_> {
    fn read(&mut self, file: impl Read) -> io::Result<()> {
        let mut reader = io::BufReader::with_capacity(256 << 10, file);
        let mut torn = Vec::new();
        loop {
            let chunk = match reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            let taken = chunk.len();
            let mut rest = chunk;
            while let Some(end) = memchr::memchr(b'\n', rest) {
                let (line, after) = rest.split_at(end);
                if torn.is_empty() {
                    self.line(line);
                } else {
                    torn.extend_from_slice(line);
                    self.line(&torn);
                    torn.clear();
                }
                rest = &after[1..];
            }
            // More of a line than any entry has is dropped; what is kept is no entry and is counted as such.
            torn.extend_from_slice(&rest[..rest.len().min(LONGEST_LINE.saturating_sub(torn.len()))]);
            reader.consume(taken);
        }
        if !torn.is_empty() {
            self.line(&torn);
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let line = match Line::parse(line) {
            Ok(line) => line,
            Err(why) => return self.tally.unreadable(why),
        };
        let name = line.load_balancer.split('/').nth(1).unwrap_or(line.load_balancer);
        if self.only.is_some_and(|only| only != name && only != line.load_balancer) {
            self.tally.lines += 1;
            self.tally.other_load_balancers += 1;
            return;
        }
        let verdict = self.old.judge(&line);
        self.tally.add(&line, verdict);
        if let Some(new) = &mut self.new {
            self.moves.add(&line, &mut self.old, new);
        }
    }
}

#[cfg(test)]
mod tests;

//! `neargate test`: requests and what is expected to become of them, without a running stack.

mod report;
mod results;
mod write;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::alb::routing::RoutingTable;
use crate::cli::failure::ExitStatus;
use crate::cli::input::arguments::TestFormat;
use crate::cli::input::file::{self, FileError, Files, LoadedFile};
use crate::config::route_tests::{self, RouteTests};
use crate::config::{Style, Tasks};
use crate::model::Topology;

/// The file that is looked for beside `neargate.yaml`.
pub const FILE: &str = "routes.test.yaml";

/// What `test` is given.
pub struct TestArgs<'a> {
    /// `--file`; without it the file is searched upward from the folder.
    pub files: Vec<PathBuf>,
    /// `--env-file`
    pub env_files: Vec<PathBuf>,
    /// Files of tests; without any, the one beside `neargate.yaml`.
    pub tests: Vec<PathBuf>,
    /// `--write`: write a first file of tests instead of running any.
    pub write: bool,
    /// `--coverage`: also list rules that no test decides.
    pub coverage: bool,
    /// The working directory.
    pub folder: PathBuf,
    /// `--format`
    pub format: TestFormat,
    /// Whether to colour the report.
    pub style: Style,
    /// The process's environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// Prints the results to `out`, mistakes of files to `err`. Fails if a test fails.
pub fn test(args: &TestArgs<'_>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitStatus> {
    let loaded = Files::find(&args.files, &args.env_files, &args.folder).and_then(|files| {
        // Values of variables do not matter to rules, and jobs that test them often have none.
        file::load(&files, &args.folder, args.env, Tasks::Lint).map(|loaded| (files, loaded))
    });
    let (files, LoadedFile { loaded, .. }) = match loaded {
        Ok(loaded) => loaded,
        Err(FileError::Invalid { diagnostics, .. }) => {
            write!(err, "{}", diagnostics.render(args.style))?;
            return Ok(ExitStatus::USAGE);
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            writeln!(err, "error: {error}{cause}")?;
            return Ok(ExitStatus::USAGE);
        }
    };
    let topology = &loaded.topology;
    let beside = files.main.parent().unwrap_or(Path::new("")).join(FILE);
    let paths = if args.tests.is_empty() { vec![beside] } else { args.tests.clone() };
    if args.write {
        return write::first_file(topology, &paths[0], err);
    }
    let Some(all) = read(args, &paths, topology, err)? else { return Ok(ExitStatus::USAGE) };
    let tables: BTreeMap<_, _> = topology
        .load_balancers
        .values()
        .map(|balancer| (balancer.name.clone(), RoutingTable::compile(topology, balancer, &BTreeMap::new(), 0)))
        .collect();
    let results: Vec<_> =
        all.iter().map(|(path, tests)| results::Results::new(path, tests, topology, &tables, args.coverage)).collect();
    match args.format {
        TestFormat::Table => write!(out, "{}", report::table(&results))?,
        TestFormat::Json => writeln!(out, "{}", report::json(&results))?,
        TestFormat::Junit => write!(out, "{}", report::junit(&results))?,
        TestFormat::Github => write!(out, "{}", report::github(&results))?,
    }
    let failed = results.iter().any(|results| results.failures() > 0);
    Ok(if failed { ExitStatus::FAILED } else { ExitStatus::SUCCESS })
}

/// All files of tests, or `None` after their mistakes were printed.
fn read(
    args: &TestArgs<'_>,
    paths: &[PathBuf],
    topology: &Topology,
    err: &mut dyn Write,
) -> io::Result<Option<Vec<(PathBuf, RouteTests)>>> {
    let (mut all, mut broken) = (Vec::new(), false);
    for path in paths {
        let text = match crate::machine::files::read_text(&args.folder.join(path)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                writeln!(err, "error: {}: no such file; `neargate test --write` writes one", path.display())?;
                broken = true;
                continue;
            }
            Err(error) => {
                writeln!(err, "error: {}: {error}", path.display())?;
                broken = true;
                continue;
            }
        };
        let shown = path.strip_prefix(&args.folder).unwrap_or(path);
        match route_tests::load(shown, &text, topology) {
            Ok(tests) => all.push((shown.to_owned(), tests)),
            Err(diagnostics) => {
                write!(err, "{}", diagnostics.render(args.style))?;
                broken = true;
            }
        }
    }
    Ok((!broken).then_some(all))
}

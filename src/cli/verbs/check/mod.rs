//! `neargate check`: parses, resolves, and prints what would run and what would differ from AWS. Needs no engine.

mod json;
mod scaling;
mod settings;
pub(crate) mod tree;

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::cli::failure::ExitStatus;
use crate::cli::input::arguments::Format;
use crate::cli::input::file;
use crate::cli::input::file::{FileError, Files, LoadedFile};
use crate::cli::input::listen;
use crate::config::text::diagnostics::render_all;
use crate::config::{self, Fidelity, Level, Loaded, Style, Tasks};

/// What `check` is given.
pub struct CheckArgs<'a> {
    /// `--file`; without it the file is searched upward from the folder.
    pub files: Vec<PathBuf>,
    /// `--env-file`
    pub env_files: Vec<PathBuf>,
    /// `--project-name`
    pub project_name: Option<String>,
    /// `--no-env`
    pub no_env: bool,
    /// The working directory.
    pub folder: PathBuf,
    /// `--format`
    pub format: Format,
    /// Whether to colour the diagnostics.
    pub style: Style,
    /// The process's environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the machine has an address.
    pub has_address: &'a dyn Fn(IpAddr) -> bool,
}

impl<'a> CheckArgs<'a> {
    /// The default: check the folder's file, and print for people.
    pub fn new(folder: &Path, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            files: Vec::new(),
            env_files: Vec::new(),
            project_name: None,
            no_env: false,
            folder: folder.to_owned(),
            format: Format::Table,
            style: Style::Plain,
            env,
            has_address: &|_| true,
        }
    }

    fn load(&self) -> Result<LoadedFile, FileError> {
        let files = Files::find(&self.files, &self.env_files, &self.folder)?;
        let tasks = if self.no_env { Tasks::Lint } else { Tasks::Run };
        file::load(&files, &self.folder, self.env, tasks)
    }
}

/// Prints the report to `out`, or the mistakes to `err` (as JSON: to `out`).
pub fn check(args: &CheckArgs<'_>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitStatus> {
    let name = match args.project_name.as_deref().map(config::project_name).transpose() {
        Ok(name) => name,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(ExitStatus::USAGE);
        }
    };
    match args.load() {
        Ok(LoadedFile { mut loaded, derived, .. }) => {
            if let Some(name) = name {
                loaded.topology.name = name;
            }
            // Without `--listen` there is nothing to refuse.
            let told = listen::bind(&mut loaded.topology, &[], args.has_address).unwrap_or_default();
            match args.format {
                Format::Table => {
                    write!(err, "{}{}", lines(&derived), lines(&told))?;
                    write!(err, "{}", render_all(&loaded.warnings, &loaded.sources, args.style))?;
                    write!(out, "{}", human(&loaded, &args.folder))?;
                }
                Format::Json => writeln!(out, "{}", json::valid(&loaded, &args.folder))?,
            }
            Ok(ExitStatus::SUCCESS)
        }
        Err(FileError::Invalid { diagnostics, derived, .. }) => {
            match args.format {
                Format::Table => write!(err, "{}{}", lines(&derived), diagnostics.render(args.style))?,
                Format::Json => writeln!(out, "{}", json::invalid(&diagnostics))?,
            }
            Ok(ExitStatus::USAGE)
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            writeln!(err, "error: {error}{cause}")?;
            Ok(ExitStatus::USAGE)
        }
    }
}

fn lines(said: &[String]) -> String {
    said.iter().map(|line| format!("{line}\n")).collect()
}

/// The whole report for people. Paths in it are shown relative to `folder`.
pub fn human(loaded: &Loaded, folder: &Path) -> String {
    let mut text = tree::render(&loaded.topology, folder);
    text.push('\n');
    text.push_str(&fidelity(&loaded.fidelity));
    text
}

/// The fidelity report: what differs one by one, what does not in a few lines.
fn fidelity(fields: &[Fidelity]) -> String {
    let mut text = String::from("fidelity\n");
    let mut differences: Vec<&Fidelity> = fields.iter().filter(|field| field.level != Level::Honoured).collect();
    // What is missing first, then what differs, then what has no effect; standing differences last of their kind.
    differences.sort_by_key(|field| (rank(field.level), field.locations.is_empty(), field.level));
    let mut heading = "";
    let mut rest = differences.as_slice();
    while let [first, ..] = rest {
        // Neighbours with one reason share it.
        let same = rest.iter().take_while(|field| field.level == first.level).count();
        if first.level.name() != heading {
            heading = first.level.name();
            text.push_str(&format!("  {heading}\n"));
        }
        for field in &rest[..same] {
            let place = match field.locations.as_slice() {
                [] => String::new(),
                [only] => format!("  {only}"),
                [first, more @ ..] => format!("  {first} and {} more", more.len()),
            };
            text.push_str(&format!("    {}{place}\n", field.field));
        }
        text.push_str(&format!("      {}\n", first.level.reason().unwrap_or_default()));
        rest = &rest[same..];
    }
    let honoured: Vec<&str> =
        fields.iter().filter(|field| field.level == Level::Honoured).map(|field| field.field.as_str()).collect();
    if !honoured.is_empty() {
        text.push_str(&format!("  honoured\n{}", folded(&honoured)));
    }
    text
}

fn rank(level: Level) -> u8 {
    match level {
        Level::NotYet(_) => 0,
        Level::Approximated(_) => 1,
        Level::Ignored(_) => 2,
        Level::Honoured => 3,
    }
}

/// `a.b` and `a.c` as `a: b, c`, wrapped.
fn folded(fields: &[&str]) -> String {
    let mut parents: Vec<(&str, Vec<&str>)> = Vec::new();
    for field in fields {
        let (parent, leaf) = field.rsplit_once('.').unwrap_or(("", field));
        match parents.iter_mut().find(|(known, _)| *known == parent) {
            Some((_, leaves)) if leaves.contains(&leaf) => {}
            Some((_, leaves)) => leaves.push(leaf),
            None => parents.push((parent, vec![leaf])),
        }
    }
    let mut text = String::new();
    for (parent, leaves) in parents {
        let mut line = if parent.is_empty() { "   ".to_owned() } else { format!("    {parent}:") };
        for (index, leaf) in leaves.iter().enumerate() {
            let comma = if index + 1 < leaves.len() { "," } else { "" };
            if line.chars().count() + leaf.len() > 108 {
                text.push_str(&line);
                text.push('\n');
                line = "       ".to_owned();
            }
            line.push_str(&format!(" {leaf}{comma}"));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

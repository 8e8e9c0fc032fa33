//! `neargate import`: writes neargate.yaml, task definitions and `.env.example` from a state or plan of Terraform, or from
//! answers of the AWS CLI. Here files are read and written; [`crate::import`] makes the one from the other.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::file::not_imported;
use crate::cli::output::printer::Printer;
use crate::import::lower::{Choice, Imported};
use crate::import::sources::{Options, SourceFile};

/// What becomes of the values of environment variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvValues {
    /// Write those that do not look like secrets
    #[default]
    Plain,
    /// Write only the names
    None,
}

/// `--format` of `import`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// For people
    #[default]
    Human,
    /// For programs
    Json,
}

/// Options of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files to read, merged by ARN; all files of a folder
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<PathBuf>,
    /// The file to write, or - for stdout; task definitions and .env.example go beside it
    #[arg(short, long, value_name = "FILE", default_value = "neargate.yaml")]
    output: PathBuf,
    /// Import only this load balancer, by name, address or ARN; repeatable
    #[arg(long, value_name = "NAME")]
    load_balancer: Vec<String>,
    /// Import only this service, by name, address or ARN; repeatable
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Decide a link that the sources do not decide; the refusal says what to write; repeatable
    #[arg(long, value_name = "LINK=OBJECT")]
    bind: Vec<String>,
    /// What to do with the values of environment variables
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    env_values: EnvValues,
    /// Write the file although something that decides traffic is not known; it answers 501 there
    #[arg(long)]
    allow_incomplete: bool,
    /// Take half of a plan, whose planning failed
    #[arg(long)]
    partial: bool,
    /// Overwrite existing files
    #[arg(long)]
    force: bool,
    /// The format of the report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: ImportFormat,
    /// Write the report to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Imports. Fails if something that decides traffic is not known, and then writes nothing.
pub(crate) fn import(args: &ImportArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let mut files = Vec::new();
    for source in &args.sources {
        read(source, &mut files)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", source.display())))?;
    }
    let choice = Choice {
        load_balancers: args.load_balancer.clone(),
        services: args.service.clone(),
        bind: args.bind.clone(),
        no_env_values: args.env_values == EnvValues::None,
    };
    let options = Options { partial: args.partial };
    let imported =
        crate::import::import(&files, &options, &choice).map_err(|why| Failure::usage(not_imported(&why)))?;
    let incomplete = imported.report.refused() > 0 && !args.allow_incomplete;
    let to_stdout = args.output == Path::new("-");
    if !incomplete && !to_stdout {
        write(args, &imported)?;
    }
    let report = match args.format {
        ImportFormat::Human => imported.report.human(),
        ImportFormat::Json => serde_json::to_string_pretty(&imported.report.json()).map_err(Failure::new)? + "\n",
    };
    match &args.report {
        Some(file) => std::fs::write(file, report)?,
        None if to_stdout => printer.err().write_all(report.as_bytes())?,
        None => printer.data(&report)?,
    }
    if incomplete {
        return Err(Failure::new(
            "nothing is written, because something that decides traffic is not known; decide it with --bind, or write the \
             file anyway with --allow-incomplete",
        ));
    }
    if to_stdout {
        printer.data(&imported.yaml)?;
    } else {
        printer.note(next(args, &imported));
    }
    Ok(ExitStatus::SUCCESS)
}

/// What was written, and what to do next.
fn next(args: &ImportArgs, imported: &Imported) -> String {
    let files: Vec<&str> = imported.files.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!("wrote {}", args.output.display());
    if !files.is_empty() {
        text.push_str(&format!(" and {}", files.join(", ")));
    }
    if !imported.variables.is_empty() {
        text.push_str(&format!("; set {} in .env (see .env.example)", imported.variables.join(", ")));
    }
    text
}

/// The file, or all files of a folder.
fn read(source: &Path, files: &mut Vec<SourceFile>) -> io::Result<()> {
    if source.is_dir() {
        let mut inside: Vec<PathBuf> = std::fs::read_dir(source)?.flatten().map(|entry| entry.path()).collect();
        // A stage of CDK is an assembly in the assembly; other folders in it are what images are built from.
        let is_stage = |path: &Path| path.join("manifest.json").is_file() && path.join("cdk.out").is_file();
        inside.retain(|path| path.is_file() || is_stage(path));
        inside.sort();
        return inside.iter().try_for_each(|path| read(path, files));
    }
    files.push(SourceFile { path: source.display().to_string(), bytes: std::fs::read(source)? });
    Ok(())
}

/// Writes all files or none.
fn write(args: &ImportArgs, imported: &Imported) -> Result<(), Failure> {
    let folder = args.output.parent().unwrap_or(Path::new(""));
    let mut all = vec![(args.output.clone(), &imported.yaml)];
    all.extend(imported.files.iter().map(|(name, text)| (folder.join(name), text)));
    if !imported.env_example.is_empty() {
        all.push((folder.join(".env.example"), &imported.env_example));
    }
    if let Some((there, _)) = all.iter().find(|(path, _)| path.exists() && !args.force) {
        return Err(Failure::usage(format!("{} already exists; --force overwrites it", there.display())));
    }
    for (path, text) in all {
        std::fs::write(path, text)?;
    }
    Ok(())
}

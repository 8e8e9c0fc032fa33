//! The binary: calls the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    neargate::cli::main(std::env::args_os()).into()
}

//! The program `cngtoken`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    cngtoken_cli::main()
}

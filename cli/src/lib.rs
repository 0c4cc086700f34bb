//! The command line of cngtoken: the second door to the token beside the C edge. It calls the token's safe API in its own process and
//! never loads the module on a store that it has open. `main.rs` is the program; tests and fuzz targets call the parts.
#![forbid(unsafe_code)]

mod anatomy;
mod args;
mod codes;
mod commands;
mod failure;
mod forms;
mod groups;
mod module;
mod objects;
mod page;
mod report;
pub mod shapes;
mod source;
mod store;
mod uri;

pub use commands::explain::answers as explain_answers;
pub use commands::inspect::forms as inspect_forms;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

/// The program: reads the command line, does what it says, tells what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("cngtoken: {failure}");
            failure.exit.code()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let place = commands::Place { store: cli.store, slot: cli.slot };
    match cli.command {
        Command::Quickstart(args) => commands::quickstart::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Init(args) => commands::init::run(&place, &args).map(|()| ExitCode::SUCCESS),
        Command::Import(args) => commands::import::run(&place, &args),
        Command::Ls(args) => commands::ls::run(&place, &args).map(|()| ExitCode::SUCCESS),
        Command::Export(args) => commands::export::run(&place, &args).map(|()| ExitCode::SUCCESS),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Rm(args) => commands::rm::run(&place, &args).map(|()| ExitCode::SUCCESS),
        Command::Pin(args) => commands::pin::run(&place, &args.action).map(|()| ExitCode::SUCCESS),
        Command::Info => commands::info::run(&place).map(|()| ExitCode::SUCCESS),
        Command::Mechanisms(args) => commands::mechanisms::run(&place, &args).map(|()| ExitCode::SUCCESS),
        Command::BlobTypes(args) => commands::blob_types::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Doctor(args) => commands::doctor::run(&place, &args),
        Command::Env(args) => commands::env::run(&place, &args).map(|()| ExitCode::SUCCESS),
        Command::Run(args) => commands::run::run(&args),
        Command::Explain(args) => commands::explain::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => commands::manuals::completions(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => commands::manuals::pages(&args).map(|()| ExitCode::SUCCESS),
        Command::Client(args) => commands::client::run(&args).map(|()| ExitCode::SUCCESS),
    }
}

//! Speed: this module beside a peer (SoftHSM2) and beside the bare library, in one run, in interleaved rounds.
//!
//! The coordinator makes keys and stores, starts one worker process for each subject and store, and asks them in turn, so
//! that what else the machine does meets all of them alike. Workers load a module by path as any client does and answer with
//! CPU time per operation. The table tells the ratio to the bare library and the bar of docs/benchmarks.md.

mod bare;
mod client;
mod clock;
mod cold;
mod imports;
mod keys;
mod operation;
mod rows;
mod run;
mod store;
mod table;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What went wrong, as one line for a person.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(name = "cngtoken-bench", about = "The module beside a peer and the bare library, in one run", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    child: Option<Child>,
    #[command(flatten)]
    run: RunArguments,
}

/// What a person may choose.
#[derive(clap::Args, Debug)]
struct RunArguments {
    /// The module; libcngtoken.so beside this program if not given
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// The command line that fills large stores; `cngtoken` beside this program if not given
    #[arg(long, value_name = "PATH")]
    command_line: Option<PathBuf>,
    /// SoftHSM2's module; where Debian installs it if not given; without one there is no peer column
    #[arg(long, value_name = "PATH")]
    peer: Option<PathBuf>,
    /// No peer
    #[arg(long)]
    no_peer: bool,
    /// Fewer rounds, shorter samples, no store of 100,000 objects
    #[arg(long)]
    quick: bool,
    /// Only rows whose name contains one of these
    #[arg(long, value_name = "TEXT", num_args = 1..)]
    only: Vec<String>,
    /// Store sizes for the rows that grow; 100 10000 100000 if not given (100 10000 with --quick)
    #[arg(long, value_name = "N", num_args = 1..)]
    objects: Vec<usize>,
    /// Also write the figures here, as JSON
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Exit code 1 if a bar is missed
    #[arg(long)]
    strict: bool,
}

#[derive(Subcommand)]
enum Child {
    /// The slowest imports, accepted and refused: every vector and inputs made to keep the module busy
    Imports(imports::Arguments),
    /// Make a token and its keys
    #[command(hide = true)]
    Make(worker::Arguments),
    /// Answer the coordinator's questions
    #[command(hide = true)]
    Work(worker::Arguments),
    /// Start cold, do little, tell how long it took
    #[command(hide = true)]
    Cold(worker::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.child {
        None => run::run(&arguments.run),
        Some(Child::Imports(imports)) => imports::run(imports),
        Some(Child::Make(make)) => store::make(make).map(|()| true),
        Some(Child::Work(work)) => worker::work(work).map(|()| true),
        Some(Child::Cold(start)) => cold::start(start).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("cngtoken-bench: {failure}");
            ExitCode::from(2)
        }
    }
}

//! Runs real clients, and a kill loop, against the built module and says what came of it.
//!
//! `clients` runs the scenario scripts of `../shared/clients` in their laboratory root, compares each step with
//! `expected.toml`, prints a table and writes `target/conformance.json`. `kill` ends importing processes by SIGKILL and
//! looks whether what was acknowledged is there. `wine` lets Wine's Windows libraries judge the blobs, `openssl-blobs`
//! OpenSSL's code for CryptoAPI's, `guides` runs the lines of docs/guides, `suites` other people's tests. Exit code 0: nothing unexpected. This package never links the module.

mod clients;
mod expected;
mod guides;
mod kill;
mod openssl_blobs;
mod report;
mod scenario;
mod suites;
mod token;
mod wine;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What went wrong in the harness itself, as one line for a person.
type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
#[command(name = "cngtoken-conformance", about = "Real clients and foreign suites against the built module")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run client scenarios in the laboratory root (root and mmdebstrap needed once, to build it)
    Clients(clients::Arguments),
    /// Kill importing processes with SIGKILL and look for what was acknowledged
    Kill(kill::Arguments),
    /// Read, write and use every blob type that Wine knows on both sides (skipped where Wine is not)
    Wine(wine::Arguments),
    /// Let OpenSSL read and write the CryptoAPI blobs and PVK files (skipped where OpenSSL is not)
    OpensslBlobs(openssl_blobs::Arguments),
    /// Run the lines of docs/guides in the laboratory root
    Guides(guides::Arguments),
    /// Run foreign test suites (python-pkcs11's, the cryptoki crate's); they are fetched
    Suites(suites::Arguments),
    /// A token for one of `suites`
    #[command(hide = true)]
    SuiteToken(suites::TokenArguments),
    /// One child of `kill`
    #[command(hide = true)]
    KillChild(kill::ChildArguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Clients(arguments) => clients::run(&arguments),
        Command::Kill(arguments) => kill::run(&arguments),
        Command::Wine(arguments) => wine::run(&arguments),
        Command::OpensslBlobs(arguments) => openssl_blobs::run(&arguments),
        Command::Guides(arguments) => guides::run(&arguments),
        Command::Suites(arguments) => suites::run(&arguments),
        Command::SuiteToken(arguments) => suites::token(&arguments).map(|()| true),
        Command::KillChild(arguments) => kill::child(&arguments).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("cngtoken-conformance: {failure}");
            ExitCode::from(2)
        }
    }
}

/// The folder that holds the workspace.
fn project() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The folder that cargo builds into: the one this program lies in, two levels up.
fn target() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent).ok_or("this program does not lie in a target folder")?;
    Ok(target.to_path_buf())
}

/// The module to test: the one named, or the release build, brought up to date first so that no stale one is tested.
fn module(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return path.canonicalize().map_err(|error| format!("{}: {error}", path.display()).into());
    }
    let target = target()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = std::process::Command::new(cargo)
        .args(["build", "--release", "--quiet", "-p", "cngtoken", "-p", "cngtoken-cli", "--target-dir"])
        .arg(&target)
        .current_dir(project())
        .status()?;
    if !built.success() {
        return Err("the module does not build: cargo build --release -p cngtoken".into());
    }
    Ok(target.join("release").join("libcngtoken.so"))
}

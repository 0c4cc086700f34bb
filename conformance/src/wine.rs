//! The `wine` command: Wine's bcrypt.dll, rsaenh.dll and dssenh.dll as a foreign judge of every blob type that they know.
//!
//! Two small C programs of our own, `windows.c` inside Wine and `token.c` on the module, answer the same line protocol. Keys that
//! Wine makes and the keys of `../shared/vectors` go through both: each blob is read by the other side, written again and compared byte
//! for byte, and the key is used on one side and checked on the other. What Wine refuses as unknown is told with its NTSTATUS and counts as
//! skipped; where the two differ otherwise, `differences.toml` has the reason, or it is a failure.

pub(crate) mod judge;
mod keys;
mod tally;
mod trial;
mod vectors;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Failure, module, project};
use judge::{Place, Token, Windows};
use tally::{Differences, Tally};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The module to test; the release build of this project, brought up to date, if not given
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// A root folder that has wine and the mingw-w64 compiler (needs root); this machine's own programs, if not given
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The folder with the vectors
    #[arg(long, value_name = "DIR")]
    vectors: Option<PathBuf>,
}

/// Runs every trial; true if there is no difference without a reason. Without Wine or its compiler: one line, and true.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let place = Place::new(arguments.root.as_deref())?;
    for (program, what) in [("wine", "Wine"), ("x86_64-w64-mingw32-gcc", "the mingw-w64 compiler")] {
        if !place.has(program) {
            return Ok(absent(what, program));
        }
    }
    if !runs("cc", &["--version"]) {
        return Ok(absent("a C compiler", "cc"));
    }
    let module = module(arguments.module.as_deref())?;
    let sources = project().join("conformance").join("wine");
    let differences = Differences::read(&sources.join("differences.toml"))?;
    let mut windows = Windows::start(&place, &sources)?;
    let mut token = Token::start(&module, &sources, place.scratch())?;
    let version = place.version();
    println!("judge: {version}");

    let mut tally = Tally::new(&differences, version);
    keys::run(&mut windows, &mut token, &mut tally)?;
    let vectors = arguments.vectors.clone().unwrap_or_else(|| project().join("..").join("shared").join("vectors"));
    if vectors.is_dir() {
        vectors::run(&vectors, &mut windows, &mut token, &mut tally)?;
    } else {
        println!("no vectors at {}: Wine's own keys only", vectors.display());
    }
    drop(windows);
    place.end();
    Ok(tally.print())
}

fn absent(what: &str, program: &str) -> bool {
    println!("skipped: {what} is not here ({program})");
    println!("wine: 0 passed, 0 failed, 1 skipped");
    true
}

/// True if the program starts and ends well.
fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a compiler, whose complaints are the failure.
fn compile(command: &mut Command, source: &Path) -> Result<(), Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{} does not compile:\n{}", source.display(), String::from_utf8_lossy(&output.stderr)).into())
}

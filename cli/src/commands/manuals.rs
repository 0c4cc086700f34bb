//! `completions` and `man`: what a package ships beside the program, made from the same declarations as the help.

use crate::args::{Cli, Completions, Man};
use crate::failure::{Exit, Failure};
use crate::report;
use clap::CommandFactory;

/// Prints the completions of a shell.
pub(crate) fn completions(args: &Completions) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cngtoken", &mut text);
    report::raw(&text)
}

/// Writes cngtoken.1 and a page for each command.
pub(crate) fn pages(args: &Man) -> Result<(), Failure> {
    if !args.dir.is_dir() {
        return Err(Failure::new(Exit::Usage, format!("{} is no folder", args.dir.display())));
    }
    clap_mangen::generate_to(Cli::command(), &args.dir).map_err(|e| Failure::file(&args.dir, &e))
}

//! `rm`: removes objects, after a question on the terminal or with `--yes`.

use super::Place;
use crate::args::Rm;
use crate::failure::{Exit, Failure};
use crate::report;
use std::io::{BufRead, IsTerminal, Write};

/// Runs it.
pub(crate) fn run(place: &Place, args: &Rm) -> Result<(), Failure> {
    let store = place.open()?;
    let session = store.session(true)?;
    session.login(args.pin_source.as_ref())?;
    let found = session.chosen(&args.selection.choice()?)?;
    if found.is_empty() {
        return Err(Failure::new(Exit::Refused, "no object matches; `cngtoken ls --login` shows what is there"));
    }
    let lines: Vec<String> = found.iter().map(|l| format!("{} {} \"{}\" (id {})", l.kind(), l.what, l.label, l.id_hex())).collect();
    if !args.yes && !confirmed(&lines)? {
        return Err(Failure::new(Exit::Refused, "nothing was removed"));
    }
    for (listed, line) in found.iter().zip(&lines) {
        store.app.destroy_object(session.handle, listed.handle)?;
        report::line(&format!("removed {line}"))?;
    }
    Ok(())
}

fn confirmed(lines: &[String]) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, format!("{} would be removed; say --yes", lines.join(", "))));
    }
    let mut err = std::io::stderr().lock();
    let asked = write!(err, "Remove\n  {}\nfor good? [y/N] ", lines.join("\n  ")).and_then(|()| err.flush());
    asked.map_err(|e| Failure::new(Exit::Store, e.to_string()))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|e| Failure::new(Exit::Store, e.to_string()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

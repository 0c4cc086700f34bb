//! `ls`: the objects as a table, as URIs or as JSON.

use super::Place;
use crate::args::Ls;
use crate::failure::{Exit, Failure};
use crate::objects::{Choice, Listed};
use crate::report;
use std::io::IsTerminal;

/// Runs it.
pub(crate) fn run(place: &Place, args: &Ls) -> Result<(), Failure> {
    let store = place.open()?;
    let session = store.session(false)?;
    let logged_in = if args.login {
        session.login(args.pin_source.as_ref())?;
        true
    } else {
        session.login_if_given(args.pin_source.as_ref())?
    };
    let (token, serial) = session.token_name()?;
    let found = session.chosen(&Choice::default())?;
    let text = if args.json {
        json(&found, &token, &serial)?
    } else if args.uri {
        found.iter().map(|l| format!("{}\n", l.uri(&token, &serial).to_text())).collect()
    } else {
        table(&found)
    };
    report::raw(text.as_bytes())?;
    if !logged_in && !args.json && std::io::stderr().is_terminal() {
        eprintln!("Private keys are seen after a login: --login.");
    }
    Ok(())
}

fn table(found: &[Listed]) -> String {
    let mut rows = vec![["TYPE", "KEY", "LABEL", "ID", "MAY", "LEAVES"].map(str::to_owned).to_vec()];
    for l in found {
        let leaves = match l.extractable {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        rows.push(vec![l.kind().to_owned(), l.what.clone(), l.label.clone(), l.id_hex(), l.uses.join(","), leaves.to_owned()]);
    }
    report::table(&rows)
}

fn json(found: &[Listed], token: &str, serial: &str) -> Result<String, Failure> {
    let list: Vec<serde_json::Value> = found
        .iter()
        .map(|l| {
            serde_json::json!({
                "type": l.kind(), "key": l.what, "label": l.label, "id": l.id_hex(), "uses": l.uses, "extractable": l.extractable,
                "origin": l.origin, "uri": l.uri(token, serial).to_text(),
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&list).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    Ok(format!("{text}\n"))
}

//! `init`: makes a token, or empties one under its SO PIN.

use super::Place;
use crate::args::Init;
use crate::failure::{Exit, Failure};
use crate::report;
use crate::source;
use crate::store::{PIN_VARIABLE, SO_PIN_VARIABLE, Store, padded_label};
use cryptoki_sys as ck;

/// Runs it.
pub(crate) fn run(place: &Place, args: &Init) -> Result<(), Failure> {
    let store = place.open()?;
    let label = padded_label(&args.label)?;
    let there = store.is_initialised()?;
    if there && !args.force {
        return Err(Failure::new(Exit::Refused, "there is a token already; --force empties it (its SO PIN is needed, every object is lost)"));
    }
    let so_pin = if there {
        source::pin(args.so_pin_source.as_ref(), SO_PIN_VARIABLE, "SO PIN")?
    } else {
        source::new_pin(args.so_pin_source.as_ref(), SO_PIN_VARIABLE, "New SO PIN")?
    };
    let pin = source::new_pin(args.pin_source.as_ref(), PIN_VARIABLE, "New user PIN")?;
    make(&store, &label, so_pin.as_bytes(), pin.as_bytes())?;
    let session = store.session(false)?;
    let (label, serial) = session.token_name()?;
    report::line(&format!("Token \"{label}\" is ready: serial {serial}, slot {}.", store.slot))
}

/// Makes the token and sets the user's PIN.
pub(crate) fn make(store: &Store, label: &[u8; 32], so_pin: &[u8], pin: &[u8]) -> Result<(), Failure> {
    store.app.init_token(store.slot, Some(so_pin), label)?;
    let session = store.session(true)?;
    store.app.login(session.handle, ck::CKU_SO, Some(so_pin))?;
    Ok(store.app.init_pin(session.handle, Some(pin))?)
}

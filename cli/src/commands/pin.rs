//! `pin change` and `pin reset`.

use super::Place;
use crate::args::PinAction;
use crate::failure::Failure;
use crate::report;
use crate::source;
use crate::store::{PIN_VARIABLE, SO_PIN_VARIABLE};
use cryptoki_sys as ck;

const NEW_PIN_VARIABLE: &str = "CNGTOKEN_NEW_PIN_SOURCE";

/// Runs it.
pub(crate) fn run(place: &Place, action: &PinAction) -> Result<(), Failure> {
    let store = place.open()?;
    let session = store.session(true)?;
    match action {
        PinAction::Change { so, pin_source, new_pin_source } => {
            let (variable, what) = if *so { (SO_PIN_VARIABLE, "SO PIN") } else { (PIN_VARIABLE, "User PIN") };
            let old = source::pin(pin_source.as_ref(), variable, what)?;
            let new = source::new_pin(new_pin_source.as_ref(), NEW_PIN_VARIABLE, &format!("New {what}"))?;
            if *so {
                store.app.login(session.handle, ck::CKU_SO, Some(old.as_bytes()))?;
            }
            store.app.set_pin(session.handle, Some(old.as_bytes()), Some(new.as_bytes()))?;
            report::line(&format!("The {what} is changed."))
        }
        PinAction::Reset { so_pin_source, new_pin_source } => {
            let so_pin = source::pin(so_pin_source.as_ref(), SO_PIN_VARIABLE, "SO PIN")?;
            let new = source::new_pin(new_pin_source.as_ref(), NEW_PIN_VARIABLE, "New user PIN")?;
            store.app.login(session.handle, ck::CKU_SO, Some(so_pin.as_bytes()))?;
            store.app.init_pin(session.handle, Some(new.as_bytes()))?;
            report::line("The user PIN is set.")
        }
    }
}

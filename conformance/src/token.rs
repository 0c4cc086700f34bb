//! A fresh token for a run, made through the module as any client makes one. Called in processes of their own, since the environment says which store.

use cryptoki::context::Pkcs11;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;

use crate::Failure;

/// Initialises the first slot's token and sets the user's PIN.
pub(crate) fn make(module: &Pkcs11, label: &str, pin: &str, so_pin: &str) -> Result<(), Failure> {
    let (pin, so_pin) = (AuthPin::new(pin.into()), AuthPin::new(so_pin.into()));
    let slot = *module.get_all_slots()?.first().ok_or("the module has no slot")?;
    module.init_token(slot, &so_pin, label)?;
    // SoftHSM2 moves a token to a new slot.
    let slot = *module.get_slots_with_initialized_token()?.first().ok_or("there is no token after C_InitToken")?;
    let session = module.open_rw_session(slot)?;
    session.login(UserType::So, Some(&so_pin))?;
    Ok(session.init_pin(&pin)?)
}

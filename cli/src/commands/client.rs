//! The client half of quickstart, in a process of its own: loads the module with dlopen, finds its interface, logs in, signs with every
//! private key and verifies with the public one. It knows nothing of the token but PKCS#11, through the cryptoki crate.

use crate::args::Client;
use crate::failure::{Exit, Failure};
use crate::report;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

const MESSAGE: &[u8] = b"signed by a key that came from Windows";

/// Runs it.
pub(crate) fn run(args: &Client) -> Result<(), Failure> {
    let failed = |what: &str, e: &Error| Failure::new(Exit::Internal, format!("the module, {what}: {e}"));
    let module = Pkcs11::new(&args.module).map_err(|e| failed("loading it", &e))?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(|e| failed("C_Initialize", &e))?;
    let info = module.get_library_info().map_err(|e| failed("C_GetInfo", &e))?;
    let version = info.cryptoki_version();
    report::line(&format!("  The module is loaded: PKCS#11 {}.{}, made by {}.", version.major(), version.minor(), info.manufacturer_id()))?;
    let slot = module.get_slots_with_token().map_err(|e| failed("C_GetSlotList", &e))?;
    let slot = *slot.first().ok_or_else(|| Failure::new(Exit::Internal, "the module shows no slot"))?;
    let session = module.open_rw_session(slot).map_err(|e| failed("C_OpenSession", &e))?;
    let pin = args.pin_source.read()?;
    session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into()))).map_err(|e| failed("C_Login", &e))?;
    let keys = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).map_err(|e| failed("C_FindObjects", &e))?;
    report::line(&format!("  Logged in; {} private keys are there.", keys.len()))?;
    for key in keys {
        let line = sign_and_verify(&session, key).map_err(|e| failed("signing", &e))?;
        report::line(&format!("  {line}"))?;
    }
    Ok(())
}

fn sign_and_verify(session: &Session, key: ObjectHandle) -> Result<String, Error> {
    let mut label = String::from("a key");
    let (mut id, mut kind) = (Vec::new(), KeyType::RSA);
    for attribute in session.get_attributes(key, &[AttributeType::Label, AttributeType::Id, AttributeType::KeyType])? {
        match attribute {
            Attribute::Label(bytes) => label = String::from_utf8_lossy(&bytes).into_owned(),
            Attribute::Id(bytes) => id = bytes,
            Attribute::KeyType(found) => kind = found,
            _ => {}
        }
    }
    let (mechanism, name) =
        if kind == KeyType::EC { (Mechanism::EcdsaSha256, "ECDSA with SHA-256") } else { (Mechanism::Sha256RsaPkcs, "RSA PKCS#1 with SHA-256") };
    let signature = session.sign(&mechanism, key, MESSAGE)?;
    let public = session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Id(id)])?;
    let public = *public.first().ok_or(Error::NotSupported)?;
    session.verify(&mechanism, public, MESSAGE, &signature)?;
    // A verification that accepts everything proves nothing.
    let refused = session.verify(&mechanism, public, b"another message", &signature).is_err();
    if !refused {
        return Err(Error::NotSupported);
    }
    Ok(format!("\"{label}\" signed ({name}, {} bytes); its public half verified that and refused another message.", signature.len()))
}

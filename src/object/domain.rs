//! New domain parameters: what C_GenerateKey lays over the numbers that it was given. The numbers themselves come from `crypto`.
//! C_CreateObject's way is in `birth.rs`. Source: PKCS#11 3.2, "DSA domain parameter objects" and their Diffie-Hellman kin.

use super::birth::{self, Actor, Origin};
use super::error::ObjectError;
use super::instance::Object;
use super::template::Template;
use super::value::Value;
use cngtoken_key::Uint;
use cryptoki_sys::*;

/// Checks, before any costly step, that the template can be laid over a new group of that key type. `t` loses what says nothing.
///
/// # Errors
/// What §4.1.1 lists; `UserNotLoggedIn` for a private object without the user.
pub fn domain_precheck(t: &mut Template, key_type: u64, mechanism: u64, actor: &Actor) -> Result<(), ObjectError> {
    birth::check_domain(t, key_type, &Origin::Generated { mechanism }, actor)?;
    if t.bool(CKA_PRIVATE) == Some(true) && !actor.logged_in { Err(birth::not_logged_in()) } else { Ok(()) }
}

/// The object of a new group: a prime, a subprime and a base, as far as its mechanism gives them.
///
/// # Errors
/// As [`domain_precheck`].
pub fn domain(t: &Template, key_type: u64, numbers: &[(u64, Uint)], actor: &Actor) -> Result<Object, ObjectError> {
    let row = birth::class_row(CKO_DOMAIN_PARAMETERS, Some(key_type))?;
    let mut object = Object::bare(row);
    object.put(CKA_PRIVATE, Value::Bool(false));
    for (id, value) in t.iter() {
        object.put(id, value.clone());
    }
    for (id, number) in numbers {
        object.put(*id, Value::bytes(number.as_be()));
        let bits = match *id {
            CKA_PRIME => CKA_PRIME_BITS,
            CKA_SUBPRIME => CKA_SUBPRIME_BITS,
            _ => continue,
        };
        if row.has(bits).is_some() {
            object.put(bits, Value::Ulong(number.bit_len() as u64));
        }
    }
    object.put(CKA_LOCAL, Value::Bool(true));
    object.put_presets();
    birth::finish(object, actor)
}

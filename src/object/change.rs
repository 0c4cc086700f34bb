//! C_CopyObject and C_SetAttributeValue: who may change what, by the rules of the class row. Both give a new object and leave the
//! old one as it was, so that a failed write changes nothing.

use super::birth::{Actor, not_logged_in};
use super::error::{ObjectError, Reason};
use super::instance::Object;
use super::rules::{Has, Rules};
use super::template::Template;
use super::value::Value;
use cryptoki_sys::*;

/// A copy with the changes of `t`. Its CKA_UNIQUE_ID is gone; the token gives it a new one. CKA_PRIVATE and CKA_SENSITIVE may be
/// raised and CKA_EXTRACTABLE lowered, never the other way. Trust is not copied unless the security officer copies.
///
/// # Errors
/// `ActionProhibited` if CKA_COPYABLE is false, `UserNotLoggedIn`, else as [`set`].
pub fn copy(object: &Object, t: &Template, actor: &Actor) -> Result<Object, ObjectError> {
    if !object.bool(CKA_COPYABLE) {
        return Err(ObjectError::at(Reason::ActionProhibited, CKA_COPYABLE, "false"));
    }
    if object.is_sealed() && object.row().is_key() && object.class() != CKO_PUBLIC_KEY {
        return Err(ObjectError::whole(Reason::UserNotLoggedIn, "the key is sealed until somebody logs in"));
    }
    let mut out = object.clone();
    drop(out.take(CKA_UNIQUE_ID));
    if out.is_trusted() && !actor.so {
        out.put(CKA_TRUSTED, Value::Bool(false));
    }
    apply(&mut out, t, Rules::CHANGE, Some(Rules::COPY), actor)?;
    if out.is_private() && !actor.logged_in {
        return Err(not_logged_in());
    }
    Ok(out)
}

/// The object with the changes of `t`.
///
/// # Errors
/// `ActionProhibited` if CKA_MODIFIABLE is false or a trusted certificate is to be changed by anyone but the security officer,
/// `AttributeReadOnly`, `AttributeTypeInvalid` for what the class does not have, `AttributeSensitive` is never used here.
pub fn set(object: &Object, t: &Template, actor: &Actor) -> Result<Object, ObjectError> {
    if !object.bool(CKA_MODIFIABLE) {
        return Err(ObjectError::at(Reason::ActionProhibited, CKA_MODIFIABLE, "false"));
    }
    if object.class() == CKO_CERTIFICATE && object.is_trusted() && !actor.so {
        return Err(ObjectError::at(
            Reason::ActionProhibited,
            CKA_TRUSTED,
            "true, and trusted certificates are changed by the security officer only",
        ));
    }
    let mut out = object.clone();
    apply(&mut out, t, Rules::CHANGE, None, actor)?;
    Ok(out)
}

fn apply(object: &mut Object, t: &Template, change: Rules, copy: Option<Rules>, actor: &Actor) -> Result<(), ObjectError> {
    for (id, value) in t.iter() {
        let has = object
            .row()
            .has(id)
            .ok_or_else(|| ObjectError::at(Reason::AttributeTypeInvalid, id, format!("not an attribute of {}", object.row().name)))?;
        let same = is_same(object, id, value);
        let may = has.rules.has(change) || copy.is_some_and(|c| has.rules.has(c));
        if !may {
            // Repeating what is there is no change; a secret is never compared with.
            if copy.is_some() && same && !has.rules.has(Rules::SECRET) {
                continue;
            }
            return Err(ObjectError::at(Reason::AttributeReadOnly, id, "cannot be changed here"));
        }
        if !same {
            one_way(has, object, value, actor)?;
        }
        object.put(id, value.clone());
    }
    Ok(())
}

fn is_same(object: &Object, id: u64, value: &Value) -> bool {
    object.get(id).map_or_else(|| value.is_empty(), |own| own == value)
}

fn one_way(has: &Has, object: &Object, value: &Value, actor: &Actor) -> Result<(), ObjectError> {
    let frozen = |is: &'static str| Err(ObjectError::at(Reason::AttributeReadOnly, has.id, is));
    if has.rules.has(Rules::SO) && !actor.so {
        return frozen("only the security officer can change it");
    }
    if has.rules.has(Rules::STAYS_TRUE) && object.bool(has.id) {
        return if has.id == CKA_PRIVATE {
            Err(ObjectError::at(Reason::TemplateInconsistent, has.id, "a copy of a private object is private"))
        } else {
            frozen("once true it stays true")
        };
    }
    if has.rules.has(Rules::STAYS_FALSE) && !object.bool(has.id) && *value == Value::Bool(true) {
        return frozen("once false it stays false");
    }
    Ok(())
}

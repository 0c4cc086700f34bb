//! What a new key holds where its template says nothing, and what only the token says of it.
//!
//! Where the standard leaves the default to the token: CKA_PRIVATE is true for private and secret keys, else false. CKA_SENSITIVE is
//! true for private keys and for imports, false for other secret keys. CKA_EXTRACTABLE is true after unwrapping and encapsulation
//! (as §5.18 says) and for secret keys that are not sensitive, else false. Usage flags are true where the class row lists the use;
//! of an import, as "Rules of import" in `vendor-ext/README.md` says. CKA_DERIVE is false except for imports.

use super::birth::{KeyDefaults, Origin, Usage};
use super::ids;
use super::instance::Object;
use super::template::Template;
use super::value::Value;
use cryptoki_sys::*;

/// The template, then the defaults for a key of that birth.
pub(super) fn lay_over(object: &mut Object, t: &Template, origin: &Origin, from: &KeyDefaults) {
    let class = object.class();
    let imported = *origin == Origin::Imported;
    for (id, value) in t.iter() {
        object.put(id, value.clone());
    }
    if let (Some(id), false) = (&from.id, t.contains(CKA_ID)) {
        object.put(CKA_ID, Value::bytes(id));
    }
    if let Some(text) = &from.origin {
        object.put(ids::CKA_CNG_ORIGIN, Value::bytes(text.as_bytes()));
    }
    let mut default = |object: &mut Object, id: u64, value: bool| {
        if object.get(id).is_none() && object.row().has(id).is_some() {
            object.put(id, Value::Bool(value));
        }
    };
    default(object, CKA_PRIVATE, class != CKO_PUBLIC_KEY);
    default(object, CKA_SENSITIVE, imported || class == CKO_PRIVATE_KEY);
    let unwrapped = matches!(origin, Origin::Unwrapped | Origin::Encapsulated);
    let open_secret = class == CKO_SECRET_KEY && !imported && !object.bool(CKA_SENSITIVE);
    default(object, CKA_EXTRACTABLE, unwrapped || open_secret);
    if imported {
        default_usage(object, from.usage, &mut default);
    }
    object.put_presets();

    let (sensitive, hidden) = (object.bool(CKA_SENSITIVE), !object.bool(CKA_EXTRACTABLE));
    let (always, never) = match origin {
        Origin::Generated { .. } => (sensitive, hidden),
        Origin::Derived { always_sensitive, never_extractable } => (*always_sensitive && sensitive, *never_extractable && hidden),
        Origin::Created | Origin::Unwrapped | Origin::Encapsulated | Origin::PublicHalf { .. } | Origin::Imported => (false, false),
    };
    let mechanism = match origin {
        Origin::Generated { mechanism } | Origin::PublicHalf { key_gen_mechanism: mechanism } => *mechanism,
        _ => ids::CK_UNAVAILABLE_INFORMATION,
    };
    if class != CKO_PUBLIC_KEY {
        object.put(CKA_ALWAYS_SENSITIVE, Value::Bool(always));
        object.put(CKA_NEVER_EXTRACTABLE, Value::Bool(never));
    }
    object.put(CKA_LOCAL, Value::Bool(matches!(origin, Origin::Generated { .. })));
    object.put(CKA_KEY_GEN_MECHANISM, Value::Ulong(mechanism));
}

/// `vendor-extension.md`, "Rules of import".
fn default_usage(object: &mut Object, usage: Usage, default: &mut impl FnMut(&mut Object, u64, bool)) {
    let row = object.row();
    let derives = matches!(row.subtype, Some(CKK_DH | CKK_X9_42_DH | CKK_EC_MONTGOMERY)) || usage == Usage::DeriveAndSign;
    default(object, CKA_DERIVE, derives);
    for id in [CKA_SIGN_RECOVER, CKA_VERIFY_RECOVER] {
        default(object, id, false);
    }
    if usage != Usage::Family && row.class != CKO_SECRET_KEY {
        for id in [CKA_SIGN, CKA_VERIFY] {
            default(object, id, row.uses.contains(&id));
        }
        for id in [CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP] {
            default(object, id, false);
        }
    }
}

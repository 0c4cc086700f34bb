//! From a vector's `parameter` to a CK_MECHANISM; keys that it names by value are created first.

use crate::client::{Attrs, Mech, Module};
use crate::numbers::number;
use cryptoki_sys::*;
use serde_json::Value;

pub(crate) fn hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hex")).expect("hex")
}

/// A key that may serve as the base, or as another input, of a derivation.
pub(crate) fn base(m: &Module, s: u64, key: &Value) -> u64 {
    let key_type = number(&format!("CKK_{}", key["type"].as_str().unwrap_or("GENERIC_SECRET")));
    let attrs = Attrs::secret(key_type, "base", &hex(&key["value"])).bool(CKA_DERIVE, true);
    m.create(s, &attrs.bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)).expect("the base key")
}

fn string_data(id: u64, data: &[u8]) -> Mech {
    let mut buffers = vec![data.to_vec()];
    let structure = CK_KEY_DERIVATION_STRING_DATA { pData: buffers[0].as_mut_ptr(), ulLen: data.len() as CK_ULONG };
    Mech::structure(id, structure, buffers)
}

/// The mechanism of a vector.
pub(crate) fn mechanism(m: &Module, s: u64, id: u64, parameter: &Value) -> Mech {
    match parameter["kind"].as_str() {
        None => Mech::plain(id),
        Some("ulong") => Mech::structure(id, parameter["value"].as_u64().expect("a number"), Vec::new()),
        Some("key") => Mech::structure(id, base(m, s, parameter), Vec::new()),
        Some("string") => string_data(id, &hex(&parameter["data"])),
        Some(other) => panic!("a parameter of the kind {other}"),
    }
}

//! One key or pair of each type, with every usage, made when a row first asks for it.

use crate::client::{Attrs, Mech};
use crate::{Bench, Case};
use cryptoki_sys::*;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;

const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const ED25519: [u8; 5] = [0x06, 0x03, 0x2B, 0x65, 0x70];
const X25519: [u8; 5] = [0x06, 0x03, 0x2B, 0x65, 0x6E];

/// The handles of a key: the same twice for a secret key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    /// Verifies, encrypts, wraps, encapsulates.
    pub(crate) public: u64,
    /// Signs, decrypts, unwraps, decapsulates, derives.
    pub(crate) private: u64,
}

#[derive(Default)]
pub(crate) struct Keys(RefCell<HashMap<(u64, u64), Key>>);

fn number(name: &str) -> Vec<u8> {
    let group: Value = serde_json::from_str(include_str!("group.json")).unwrap();
    let digits = hex::decode(group[name].as_str().unwrap()).unwrap();
    digits.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// What the generation of a pair of this type must be told in the public template; None for a secret key.
pub(crate) fn pair_template(key_type: u64) -> Option<(u64, Attrs)> {
    let domain = || Attrs::new().bytes(CKA_PRIME, &number("p")).bytes(CKA_BASE, &number("g"));
    Some(match key_type {
        CKK_RSA => (CKM_RSA_PKCS_KEY_PAIR_GEN, Attrs::new().ulong(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1])),
        CKK_EC => (CKM_EC_KEY_PAIR_GEN, Attrs::new().bytes(CKA_EC_PARAMS, &P256)),
        CKK_EC_EDWARDS => (CKM_EC_EDWARDS_KEY_PAIR_GEN, Attrs::new().bytes(CKA_EC_PARAMS, &ED25519)),
        CKK_EC_MONTGOMERY => (CKM_EC_MONTGOMERY_KEY_PAIR_GEN, Attrs::new().bytes(CKA_EC_PARAMS, &X25519)),
        CKK_DSA => (CKM_DSA_KEY_PAIR_GEN, domain().bytes(CKA_SUBPRIME, &number("q"))),
        CKK_DH => (CKM_DH_PKCS_KEY_PAIR_GEN, domain()),
        CKK_X9_42_DH => (CKM_X9_42_DH_KEY_PAIR_GEN, domain().bytes(CKA_SUBPRIME, &number("q"))),
        CKK_ML_KEM => (CKM_ML_KEM_KEY_PAIR_GEN, Attrs::new().ulong(CKA_PARAMETER_SET, CKP_ML_KEM_512)),
        CKK_ML_DSA => (CKM_ML_DSA_KEY_PAIR_GEN, Attrs::new().ulong(CKA_PARAMETER_SET, CKP_ML_DSA_44)),
        CKK_SLH_DSA => (CKM_SLH_DSA_KEY_PAIR_GEN, Attrs::new().ulong(CKA_PARAMETER_SET, CKP_SLH_DSA_SHA2_128F)),
        _ => return None,
    })
}

/// The usages of the two halves, by type.
fn usages(key_type: u64) -> (&'static [u64], &'static [u64]) {
    match key_type {
        CKK_RSA => (
            &[CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_ENCRYPT, CKA_WRAP, CKA_ENCAPSULATE],
            &[CKA_SIGN, CKA_SIGN_RECOVER, CKA_DECRYPT, CKA_UNWRAP, CKA_DECAPSULATE],
        ),
        CKK_EC => (&[CKA_VERIFY, CKA_WRAP, CKA_ENCAPSULATE], &[CKA_SIGN, CKA_DERIVE, CKA_UNWRAP, CKA_DECAPSULATE]),
        CKK_EC_MONTGOMERY => (&[CKA_WRAP, CKA_ENCAPSULATE], &[CKA_DERIVE, CKA_UNWRAP, CKA_DECAPSULATE]),
        CKK_DH | CKK_X9_42_DH => (&[CKA_ENCAPSULATE], &[CKA_DERIVE, CKA_DECAPSULATE]),
        CKK_ML_KEM => (&[CKA_ENCAPSULATE], &[CKA_DECAPSULATE]),
        _ => (&[CKA_VERIFY], &[CKA_SIGN]),
    }
}

fn with(attrs: Attrs, usages: &[u64]) -> Attrs {
    usages.iter().fold(attrs, |attrs, usage| attrs.bool(*usage, true))
}

/// A value of a secret key that no rule of its type objects to.
pub(crate) fn secret_value(key_type: u64, len: usize) -> Vec<u8> {
    let value = (0..len).map(|i| u8::try_from(i % 251).unwrap().wrapping_mul(37).wrapping_add(11));
    let odd = |byte: u8| if byte.count_ones().is_multiple_of(2) { byte ^ 1 } else { byte };
    if matches!(key_type, CKK_DES | CKK_DES2 | CKK_DES3) { value.map(odd).collect() } else { value.collect() }
}

/// A secret key's template with every usage and a value that may be read.
pub(crate) fn secret(key_type: u64, len: usize) -> Attrs {
    let all = [CKA_SIGN, CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE];
    let open = Attrs::secret(key_type, "secret", &secret_value(key_type, len)).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    with(open, &all)
}

impl Bench {
    /// A fresh pair.
    pub(crate) fn pair(&self, key_type: u64) -> Option<Key> {
        self.pair_by(pair_template(key_type)?.0, key_type)
    }

    /// The same by another mechanism than the type's first.
    pub(crate) fn pair_by(&self, mechanism: u64, key_type: u64) -> Option<Key> {
        let (_, public) = pair_template(key_type)?;
        let (of_public, of_private) = usages(key_type);
        let private = with(Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true), of_private);
        let pair = self.m.generate_pair(self.s, &Mech::plain(mechanism), &with(public, of_public), &private);
        let (public, private) = pair.unwrap_or_else(|rv| panic!("a pair of type {key_type:#x}: {rv:?}"));
        Some(Key { public, private })
    }

    /// The length that a row's secret key gets: 32 bytes, or what its type has.
    pub(crate) fn secret_len(case: Case<'_>) -> usize {
        let (min, max) = case.row.sizes.bounds();
        let len = match case.key_type {
            CKK_DES => 8,
            CKK_DES2 => 16,
            CKK_DES3 => 24,
            // Two keys of one size.
            CKK_AES_XTS => 64,
            _ => 32.clamp(min, max.max(min)),
        };
        usize::try_from(len).unwrap()
    }

    /// The key of a row.
    pub(crate) fn key(&self, case: Case<'_>) -> Key {
        self.key_of_len(case, Self::secret_len(case))
    }

    fn key_of_len(&self, case: Case<'_>, len: usize) -> Key {
        let place = (case.key_type, len as u64);
        if let Some(key) = self.keys.0.borrow().get(&place) {
            return *key;
        }
        let key = self.pair(case.key_type).unwrap_or_else(|| {
            let handle = self.m.create(self.s, &secret(case.key_type, len)).unwrap_or_else(|rv| panic!("a secret key for {case}: {rv:?}"));
            Key { public: handle, private: handle }
        });
        self.keys.0.borrow_mut().insert(place, key);
        key
    }

    /// A key of a type that the row does not take.
    pub(crate) fn stranger(&self, case: Case<'_>) -> Key {
        let other = [CKK_AES, CKK_GENERIC_SECRET, CKK_RSA].into_iter().find(|t| !case.row.keys.contains(t)).expect("no row takes them all");
        self.key_of_len(Case { row: case.row, key_type: other }, 32)
    }
}

//! Keys that are generated.

use crate::client::{Attrs, R};
use crate::{Bench, Case, keys};
use cngtoken::token::mechanism::Sizes;
use cryptoki_sys::*;

/// The type of the key that a row makes: a row of two (HMAC) does not occur among those that generate.
pub(crate) fn generate(b: &Bench, case: Case<'_>) {
    let (m, s, mech) = (b.m, b.s, b.good(case));
    if case.row.uses & CKF_GENERATE_KEY_PAIR != 0 {
        let key = b.pair_by(case.row.id, case.key_type).unwrap_or_else(|| panic!("{case}: no recipe for a pair: add one in keys.rs"));
        for handle in [key.public, key.private] {
            assert_eq!(m.get_ulong(s, handle, CKA_KEY_TYPE), Ok(case.key_type), "{case}");
            assert_eq!(m.get_ulong(s, handle, CKA_KEY_GEN_MECHANISM), Ok(case.row.id), "{case}");
            assert_eq!(m.get_bool(s, handle, CKA_LOCAL), Ok(true), "{case}");
        }
        if case.key_type == CKK_RSA {
            let (min, max) = case.row.sizes.bounds();
            for bits in [min - 8, max + 8] {
                let public = Attrs::new().ulong(CKA_MODULUS_BITS, bits).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
                assert!(m.generate_pair(s, &mech, &public, &Attrs::new()).is_err(), "{case}: {bits} bits");
            }
        }
        return;
    }
    if keys::pair_template(case.key_type).is_some() {
        // Domain parameters, which take a while: `tests/known_answers/domains.rs` makes and judges them.
        return;
    }
    let of_len = |len: Option<u64>| -> R<u64> {
        let attrs = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
        m.generate(s, &mech, &len.map_or(attrs.clone(), |len| attrs.ulong(CKA_VALUE_LEN, len)))
    };
    // A type of one length takes no length.
    let fixed = of_len(None);
    let handle = fixed.or_else(|_| of_len(Some(Bench::secret_len(case) as u64))).unwrap_or_else(|rv| panic!("{case}: {rv:?}"));
    assert_eq!(m.get_ulong(s, handle, CKA_KEY_TYPE), Ok(case.key_type), "{case}");
    assert_eq!(m.get_ulong(s, handle, CKA_KEY_GEN_MECHANISM), Ok(case.row.id), "{case}");
    let value = m.get(s, handle, CKA_VALUE).unwrap();
    assert!(value.iter().any(|byte| *byte != 0), "{case}");
    let (min, max) = case.row.sizes.bounds();
    if let Sizes::Bytes(..) = case.row.sizes {
        assert!((min..=max).contains(&(value.len() as u64)), "{case}");
        for len in [min - 1, max + 1] {
            assert!(of_len(Some(len)).is_err(), "{case}: {len} bytes");
        }
    }
    assert_ne!(value, keys::secret_value(case.key_type, value.len()));
}

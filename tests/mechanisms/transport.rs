//! Keys that travel or arise: wrapping, derivation, encapsulation.

use crate::client::{Attrs, Rv, input, two_calls};
use crate::p11;
use crate::{Bench, Case, keys};
use cryptoki_sys::*;

fn open_secret(len: Option<u64>) -> Attrs {
    let attrs = Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    len.map_or(attrs.clone(), |len| attrs.ulong(CKA_VALUE_LEN, len))
}

pub(crate) fn wrap(b: &Bench, case: Case<'_>) {
    let (m, s, key, mech) = (b.m, b.s, b.key(case), b.good(case));
    let value = keys::secret_value(CKK_GENERIC_SECRET, 32);
    let inner = m.create(s, &keys::secret(CKK_GENERIC_SECRET, 32)).unwrap();
    let wrapped =
        two_calls(|out, len| p11!(m, C_WrapKey, s, mech.as_ptr(), key.public, inner, out, len)).unwrap_or_else(|rv| panic!("{case}: {rv:?}"));
    assert!(!wrapped.windows(value.len()).any(|w| w == value), "{case}: the key is in the clear");
    let unwrap = |wrapped: &[u8]| {
        let (at, len) = input(wrapped);
        // A whole RSA block does not say where the key begins.
        let template = open_secret((case.row.id == CKM_RSA_X_509).then_some(32));
        let (mut rows, mut handle) = (template.rows(), CK_INVALID_HANDLE);
        let count = rows.len() as CK_ULONG;
        p11!(m, C_UnwrapKey, s, mech.as_ptr(), key.private, at, len, rows.as_mut_ptr(), count, &raw mut handle).ok().map(|()| handle)
    };
    let handle = unwrap(&wrapped).unwrap_or_else(|rv| panic!("{case} back: {rv:?}"));
    assert_eq!(m.get(s, handle, CKA_VALUE), Ok(value.clone()), "{case}");
    // A stream cipher cannot tell.
    let shorter = unwrap(&wrapped[1..]).map(|handle| m.get(s, handle, CKA_VALUE).unwrap());
    assert!(shorter.is_err() || shorter != Ok(value), "{case}: a byte less");
    let kept = m.create(s, &keys::secret(CKK_GENERIC_SECRET, 32).without(&[CKA_EXTRACTABLE]).bool(CKA_EXTRACTABLE, false)).unwrap();
    let refused = two_calls(|out, len| p11!(m, C_WrapKey, s, mech.as_ptr(), key.public, kept, out, len));
    assert_eq!(refused, Err(Rv(CKR_KEY_UNEXTRACTABLE)), "{case}");
}

pub(crate) fn derive(b: &Bench, case: Case<'_>) {
    let (m, s, key, mech) = (b.m, b.s, b.key(case), b.good(case));
    // What is made of a key without a digest is no longer than the key.
    let len = Bench::secret_len(case).min(16);
    let value = || {
        let handle = m.derive(s, &mech, key.private, &open_secret(Some(len as u64))).unwrap_or_else(|rv| panic!("{case}: {rv:?}"));
        m.get(s, handle, CKA_VALUE).unwrap()
    };
    let first = value();
    assert_eq!(first.len(), len, "{case}");
    assert!(first.iter().any(|byte| *byte != 0), "{case}");
    assert_eq!(first, value(), "{case}: another secret the second time");
}

pub(crate) fn encapsulate(b: &Bench, case: Case<'_>) {
    let (m, s, key, mech) = (b.m, b.s, b.key(case), b.good_for(case, CKF_ENCAPSULATE));
    let template = open_secret(Some(32));
    let (mut ciphertext, sent) = m.encapsulate(s, &mech, key.public, &template).unwrap_or_else(|rv| panic!("{case}: {rv:?}"));
    let value = |handle| m.get(s, handle, CKA_VALUE).unwrap();
    let received = |ciphertext: &[u8]| m.decapsulate(s, &mech, key.private, &template, ciphertext).map(value);
    assert_eq!(received(&ciphertext), Ok(value(sent)), "{case}");
    // Another number may be a public value of the group, too: then the secret is another.
    assert_ne!(received(&ciphertext[1..]), Ok(value(sent)), "{case}: a byte less");
    let last = ciphertext.len() - 1;
    ciphertext[last] ^= 1;
    assert_ne!(received(&ciphertext), Ok(value(sent)), "{case}: a changed ciphertext");
}

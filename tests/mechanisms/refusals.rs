//! What every use of every row refuses, and with which code.

use crate::client::{Attrs, Mech, R, Rv, two_calls};
use crate::keys::{Key, pair_template};
use crate::p11;
use crate::{Bench, Case, keys};
use cryptoki_sys::*;
use std::ptr::null_mut;

/// A use, the attribute that allows it, and the half that serves it.
struct Use {
    flag: u64,
    attribute: u64,
    private: bool,
    wrong_type: u64,
}

const fn of(flag: u64, attribute: u64, private: bool) -> Use {
    Use { flag, attribute, private, wrong_type: CKR_KEY_TYPE_INCONSISTENT }
}

const USES: [Use; 15] = [
    of(CKF_ENCRYPT, CKA_ENCRYPT, false),
    of(CKF_DECRYPT, CKA_DECRYPT, true),
    of(CKF_SIGN, CKA_SIGN, true),
    of(CKF_VERIFY, CKA_VERIFY, false),
    of(CKF_SIGN_RECOVER, CKA_SIGN_RECOVER, true),
    of(CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER, false),
    of(CKF_MESSAGE_ENCRYPT, CKA_ENCRYPT, false),
    of(CKF_MESSAGE_DECRYPT, CKA_DECRYPT, true),
    of(CKF_MESSAGE_SIGN, CKA_SIGN, true),
    of(CKF_MESSAGE_VERIFY, CKA_VERIFY, false),
    Use { flag: CKF_WRAP, attribute: CKA_WRAP, private: false, wrong_type: CKR_WRAPPING_KEY_TYPE_INCONSISTENT },
    Use { flag: CKF_UNWRAP, attribute: CKA_UNWRAP, private: true, wrong_type: CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT },
    of(CKF_DERIVE, CKA_DERIVE, true),
    of(CKF_ENCAPSULATE, CKA_ENCAPSULATE, false),
    Use { flag: CKF_DECAPSULATE, attribute: CKA_DECAPSULATE, private: true, wrong_type: CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT },
];

/// Begins a use and ends it again if it began.
fn begin(b: &Bench, flag: u64, mech: *mut CK_MECHANISM, key: u64) -> R<()> {
    let (m, s) = (b.m, b.s);
    let attrs = Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
    let (mut rows, mut handle, mut bytes) = (attrs.rows(), 0, [0x5A_u8; 64]);
    let (at, count, data, len) = (rows.as_mut_ptr(), rows.len() as CK_ULONG, bytes.as_mut_ptr(), bytes.len() as CK_ULONG);
    let begun = match flag {
        CKF_DIGEST => p11!(m, C_DigestInit, s, mech),
        CKF_ENCRYPT => p11!(m, C_EncryptInit, s, mech, key),
        CKF_DECRYPT => p11!(m, C_DecryptInit, s, mech, key),
        CKF_SIGN => p11!(m, C_SignInit, s, mech, key),
        CKF_VERIFY => p11!(m, C_VerifyInit, s, mech, key),
        CKF_SIGN_RECOVER => p11!(m, C_SignRecoverInit, s, mech, key),
        CKF_VERIFY_RECOVER => p11!(m, C_VerifyRecoverInit, s, mech, key),
        CKF_MESSAGE_ENCRYPT => p11!(m, C_MessageEncryptInit, s, mech, key),
        CKF_MESSAGE_DECRYPT => p11!(m, C_MessageDecryptInit, s, mech, key),
        CKF_MESSAGE_SIGN => p11!(m, C_MessageSignInit, s, mech, key),
        CKF_MESSAGE_VERIFY => p11!(m, C_MessageVerifyInit, s, mech, key),
        CKF_WRAP => {
            let inner = m.create(s, &keys::secret(CKK_GENERIC_SECRET, 32))?;
            return two_calls(|out, len| p11!(m, C_WrapKey, s, mech, key, inner, out, len)).map(|_| ());
        }
        CKF_UNWRAP => p11!(m, C_UnwrapKey, s, mech, key, data, len, at, count, &raw mut handle),
        CKF_DERIVE => p11!(m, C_DeriveKey, s, mech, key, at, count, &raw mut handle),
        CKF_ENCAPSULATE => return two_calls(|out, len| p11!(m, C_EncapsulateKey, s, mech, key, at, count, out, len, &raw mut handle)).map(|_| ()),
        CKF_DECAPSULATE => p11!(m, C_DecapsulateKey, s, mech, key, at, count, data, len, &raw mut handle),
        CKF_GENERATE => p11!(m, C_GenerateKey, s, mech, at, count, &raw mut handle),
        other => panic!("no way to begin a use {other:#x}: add one here"),
    };
    p11!(m, C_SessionCancel, s, CKF_DIGEST | flag);
    begun.ok()
}

fn wrong_parameters(b: &Bench, case: Case<'_>, flag: u64, key: u64) {
    let invalid = Err(Rv(CKR_MECHANISM_PARAM_INVALID));
    let mut null = CK_MECHANISM { mechanism: case.row.id, pParameter: null_mut(), ulParameterLen: 16 };
    assert_eq!(begin(b, flag, &raw mut null, key), invalid, "{case}, use {flag:#x}: NULL with a length");
    // A process of messages gets its parameter with each message.
    if flag & (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT) == 0 {
        for (what, bad) in Bench::bad(case, flag) {
            assert_eq!(begin(b, flag, bad.as_ptr(), key), invalid, "{case}, use {flag:#x}: {what}");
        }
    }
}

fn use_refused(b: &Bench, case: Case<'_>, wanted: &Use) {
    let half = |key: Key| if wanted.private { key.private } else { key.public };
    let (key, good) = (half(b.key(case)), b.good_for(case, wanted.flag));
    let good = if wanted.flag & (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT) == 0 { good } else { Mech::plain(case.row.id) };
    wrong_parameters(b, case, wanted.flag, key);
    let stranger = begin(b, wanted.flag, good.as_ptr(), half(b.stranger(case)));
    assert_eq!(stranger, Err(Rv(wanted.wrong_type)), "{case}, use {:#x}: a key of another type", wanted.flag);
    // The usage may be taken from a key, and given back.
    let set = |value| b.m.set(b.s, key, &Attrs::new().bool(wanted.attribute, value)).unwrap_or_else(|rv| panic!("{case}: {rv:?}"));
    set(false);
    let forbidden = begin(b, wanted.flag, good.as_ptr(), key);
    set(true);
    assert_eq!(forbidden, Err(Rv(CKR_KEY_FUNCTION_NOT_PERMITTED)), "{case}, use {:#x}: forbidden", wanted.flag);
}

pub(crate) fn refuse(b: &Bench, case: Case<'_>) {
    let uses = case.row.uses;
    for wanted in USES.iter().filter(|wanted| uses & wanted.flag != 0) {
        use_refused(b, case, wanted);
    }
    for flag in [CKF_DIGEST, CKF_GENERATE].into_iter().filter(|flag| uses & flag != 0) {
        wrong_parameters(b, case, flag, 0);
    }
    if uses & CKF_GENERATE_KEY_PAIR != 0 {
        let (_, public) = pair_template(case.key_type).unwrap_or_else(|| panic!("{case}: no recipe for a pair: add one in keys.rs"));
        for mech in Bench::bad(case, CKF_GENERATE_KEY_PAIR) {
            assert_eq!(b.m.generate_pair(b.s, &mech.1, &public, &Attrs::new()), Err(Rv(CKR_MECHANISM_PARAM_INVALID)), "{case}: {}", mech.0);
        }
    }
    // A use that the row does not declare is no use of the mechanism.
    for wanted in USES.iter().filter(|wanted| uses & wanted.flag == 0) {
        let key = b.stranger(case).public;
        assert_eq!(begin(b, wanted.flag, b.good(case).as_ptr(), key), Err(Rv(CKR_MECHANISM_INVALID)), "{case}: use {:#x}", wanted.flag);
    }
}

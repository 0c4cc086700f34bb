//! Every refusal that the project promises: the code, the NTSTATUS, a reason that says what was found, what was expected and where, and
//! that nothing was stored or changed.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::vendor::*;
use client::{Attrs, Mech, Module, R, Room, Rv, SO_PIN, USER_PIN, alone, load};
use cryptoki_sys::*;

const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const WRONG: &[u8] = b"00000000";

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

/// Blobs of fresh keys: RSA (1024 bits) and P-256, private.
fn blobs(m: &Module, s: u64) -> (Vec<u8>, Vec<u8>) {
    let open = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    let rsa = Attrs::new().ulong(CKA_MODULUS_BITS, 1024).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
    let rsa = m.generate_pair(s, &Mech::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &rsa, &open).expect("an RSA pair");
    let ec = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &Attrs::new().bytes(CKA_EC_PARAMS, &P256), &open).expect("an EC pair");
    let blobs = (m.export(s, rsa.1, "RSAFULLPRIVATEBLOB").expect("an export"), m.export(s, ec.1, "ECCPRIVATEBLOB").expect("an export"));
    for handle in [rsa.0, rsa.1, ec.0, ec.1] {
        m.destroy(s, handle).expect("C_DestroyObject");
    }
    blobs
}

/// Imports what must be refused and checks everything that a refusal owes. Gives the reason.
fn refused(m: &Module, s: u64, import: &Import<'_>, rv: u64, status: u32, says: &[&str]) -> String {
    let count = || m.find(s, &Attrs::new()).expect("a search").len();
    let before = count();
    let imported = m.import(s, import);
    let (told, reason) = m.status(s).expect("C_GetBCryptStatus");
    assert_eq!((imported.rv, told), (Rv(rv), status), "{reason}");
    assert_eq!((imported.public, imported.private), (CK_INVALID_HANDLE, CK_INVALID_HANDLE));
    assert!((1..=255).contains(&reason.len()) && !reason.contains('\n'), "a reason is one line: {reason:?}");
    for word in says {
        assert!(reason.contains(word), "the reason does not say {word:?}: {reason:?}");
    }
    assert_eq!(count(), before, "nothing is stored: {reason}");
    reason
}

#[test]
fn a_truncated_blob_is_refused_with_the_lengths_found_and_expected() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (rsa, ec) = blobs(m, s);
        for (blob, blob_type) in [(&rsa, "RSAFULLPRIVATEBLOB"), (&ec, "ECCPRIVATEBLOB")] {
            for token in [false, true] {
                for len in [0, 3, 8, 23, blob.len() - 1] {
                    let import =
                        Import { blob_type: Some(blob_type), blob: &blob[..len], attrs: Attrs::new().bool(CKA_TOKEN, token), ..Import::default() };
                    refused(m, s, &import, CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, &["offset"]);
                }
            }
            let import = Import { blob_type: Some(blob_type), blob: &blob[..blob.len() - 1], ..Import::default() };
            let (found, expected) = ((blob.len() - 1).to_string(), blob.len().to_string());
            refused(m, s, &import, CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, &[&found, &expected]);
        }
    });
}

#[test]
fn an_over_long_blob_is_refused_with_the_lengths_found_and_expected() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (rsa, ec) = blobs(m, s);
        for (blob, blob_type) in [(rsa, Some("RSAFULLPRIVATEBLOB")), (ec, None)] {
            let longer = [&blob[..], &[0]].concat();
            let (found, expected) = (longer.len().to_string(), blob.len().to_string());
            let import = Import { blob_type, blob: &longer, ..Import::default() };
            refused(m, s, &import, CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, &[&found, &expected]);
        }
    });
}

#[test]
fn inconsistent_numbers_are_refused_without_telling_secrets() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (rsa, ec) = blobs(m, s);
        // The last byte of d, of dp and of prime 1 in RSA; of Y and of d in EC.
        let (n, p) = (128, 64);
        for at in [rsa.len() - 1, 24 + 3 + n + 3 * p - 1, 24 + 3 + n + p - 1] {
            let mut blob = rsa.clone();
            blob[at] ^= 2;
            let reason = refused(m, s, &Import { blob: &blob, ..Import::default() }, CKR_ATTRIBUTE_VALUE_INVALID, STATUS_INVALID_PARAMETER, &[]);
            let secret = hex::encode(&blob[24 + 3 + n..24 + 3 + n + 8]);
            assert!(!reason.to_lowercase().contains(&secret), "{reason}");
        }
        for at in [8 + 64 - 1, 8 + 96 - 1] {
            let mut blob = ec.clone();
            blob[at] ^= 1;
            refused(m, s, &Import { blob: &blob, ..Import::default() }, CKR_ATTRIBUTE_VALUE_INVALID, STATUS_INVALID_PARAMETER, &[]);
            let flags = BCRYPT_NO_KEY_VALIDATION;
            let import = Import { blob: &blob, flags, ..Import::default() };
            refused(m, s, &import, CKR_ATTRIBUTE_VALUE_INVALID, STATUS_INVALID_PARAMETER, &[]);
        }
    });
}

#[test]
fn a_magic_that_is_not_the_types_is_refused_with_both_named() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (rsa, ec) = blobs(m, s);
        let cases = [(&rsa, "RSAPUBLICBLOB", "RSA3"), (&rsa, "ECCPRIVATEBLOB", "RSA3"), (&rsa, "PUBLICBLOB", "RSA3")];
        for (blob, blob_type, magic) in cases {
            let import = Import { blob_type: Some(blob_type), blob, ..Import::default() };
            refused(m, s, &import, CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, &[magic]);
        }
        // The magic is the module's own choice of ECS or ECK: only the type is named for certain.
        let import = Import { blob_type: Some("ECCPUBLICBLOB"), blob: &ec, ..Import::default() };
        refused(m, s, &import, CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, &[]);
        let unknown = [b"XXXX", &rsa[4..]].concat();
        refused(
            m,
            s,
            &Import { blob: &unknown, blob_type: Some("RSAFULLPRIVATEBLOB"), ..Import::default() },
            CKR_DATA_INVALID,
            STATUS_INVALID_PARAMETER,
            &[],
        );
        let import = Import { alg_id: Some("ECDSA_P256"), blob_type: Some("RSAFULLPRIVATEBLOB"), blob: &rsa, ..Import::default() };
        refused(m, s, &import, CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, &["ECDSA_P256"]);
    });
}

#[test]
fn type_names_are_exact_and_unknown_ones_are_named_back() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (rsa, _) = blobs(m, s);
        for wrong in ["rsafullprivateblob", "RSAFULLPRIVATEBLOB ", "RSA", "nonsense"] {
            let import = Import { blob_type: Some(wrong), blob: &rsa, ..Import::default() };
            refused(m, s, &import, CKR_ATTRIBUTE_VALUE_INVALID, STATUS_NOT_SUPPORTED, &[wrong.trim_end()]);
        }
        let opaque = Import { blob_type: Some("OpaqueKeyBlob"), blob: &rsa, ..Import::default() };
        refused(m, s, &opaque, CKR_ATTRIBUTE_VALUE_INVALID, STATUS_NOT_SUPPORTED, &["provider"]);
        let import = Import { blob_type: Some("BCRYPT_RSAFULLPRIVATE_BLOB"), blob: &rsa, ..Import::default() };
        assert_eq!(m.import(s, &import).rv, CKR_OK, "the symbolic name serves too");
    });
}

#[test]
fn arguments_that_cannot_be_are_refused() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (rsa, _) = blobs(m, s);
        let import = Import { blob: &rsa, ..Import::default() };
        refused(m, s, &Import { flags: 1, ..import.clone() }, CKR_ARGUMENTS_BAD, STATUS_INVALID_PARAMETER, &[]);
        refused(m, s, &Import { flags: 0x0C, ..import.clone() }, CKR_ARGUMENTS_BAD, STATUS_INVALID_PARAMETER, &[]);
        refused(m, s, &Import { import_key: 5, ..import.clone() }, CKR_ARGUMENTS_BAD, STATUS_INVALID_PARAMETER, &[]);
        for flags in [BCRYPT_NO_KEY_VALIDATION, 0x10, 0x18, 0x20] {
            let imported = m.import(s, &Import { flags, ..import.clone() });
            assert_eq!(imported.rv, CKR_OK, "flags {flags:#x}");
        }
        let imported = m.import(0x7777, &import);
        assert_eq!(imported.rv, CKR_SESSION_HANDLE_INVALID);
        assert_eq!(m.status(0).expect("the thread's last").0, STATUS_INVALID_HANDLE);
        assert_eq!(m.export(s, 0x7777, "RSAPUBLICBLOB"), err(CKR_OBJECT_HANDLE_INVALID));
        assert_eq!(m.status(s).expect("a status").0, STATUS_INVALID_HANDLE);
    });
}

#[test]
fn a_template_that_contradicts_the_blob_is_refused_and_the_attribute_named() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (rsa, ec) = blobs(m, s);
        let inconsistent: [(&[u8], Attrs, &str); 6] = [
            (&rsa, Attrs::new().bytes(CKA_MODULUS, &[0xC5; 128]), "CKA_MODULUS"),
            (&rsa, Attrs::new().ulong(CKA_KEY_TYPE, CKK_EC), "CKA_KEY_TYPE"),
            (&ec, Attrs::new().bytes(CKA_EC_PARAMS, &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22]), "CKA_EC_PARAMS"),
            (&ec, Attrs::new().bytes(CKA_VALUE, &[7; 32]), "CKA_VALUE"),
            (&ec, Attrs::new().label("one").label("two"), "CKA_LABEL"),
            (&rsa, Attrs::new().bytes(CKA_PRIME_1, &[0xC5; 64]), "CKA_PRIME_1"),
        ];
        for (blob, attrs, name) in inconsistent {
            let reason = refused(m, s, &Import { blob, attrs, ..Import::default() }, CKR_TEMPLATE_INCONSISTENT, STATUS_INVALID_PARAMETER, &[name]);
            assert!(!reason.contains("070707") && !reason.contains("c5c5c5"), "{reason}");
        }
        let neither = Attrs::new().bytes(CKA_OWNER, b"x");
        refused(
            m,
            s,
            &Import { blob: &ec, attrs: neither, ..Import::default() },
            CKR_ATTRIBUTE_TYPE_INVALID,
            STATUS_INVALID_PARAMETER,
            &["CKA_OWNER"],
        );
        let agrees = Attrs::new().ulong(CKA_KEY_TYPE, CKK_EC).bytes(CKA_EC_PARAMS, &P256);
        assert_eq!(m.import(s, &Import { blob: &ec, attrs: agrees, ..Import::default() }).rv, CKR_OK, "what agrees may be repeated");
    });
}

#[test]
fn an_import_that_may_not_write_says_why_and_stores_nothing() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (_, ec) = blobs(m, s);
        let ro = m.ro().unwrap();
        let token = Import { blob: &ec, attrs: Attrs::new().token(), ..Import::default() };
        refused(m, ro, &token, CKR_SESSION_READ_ONLY, STATUS_ACCESS_DENIED, &[]);
        m.logout(s).unwrap();
        refused(m, s, &token, CKR_USER_NOT_LOGGED_IN, STATUS_ACCESS_DENIED, &[]);
        refused(m, s, &Import { attrs: Attrs::new(), ..token }, CKR_USER_NOT_LOGGED_IN, STATUS_ACCESS_DENIED, &[]);
    });
}

#[test]
fn an_export_that_does_not_fit_says_why() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (_, ec) = blobs(m, s);
        let attrs = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
        let imported = m.import(s, &Import { blob: &ec, attrs, ..Import::default() });
        assert_eq!(imported.rv, CKR_OK);
        for (key, blob_type) in [(imported.private, "RSAPRIVATEBLOB"), (imported.public, "ECCPRIVATEBLOB"), (imported.private, "DHPRIVATEBLOB")] {
            assert_eq!(m.export(s, key, blob_type), err(CKR_KEY_TYPE_INCONSISTENT), "{blob_type}");
            let (status, reason) = m.status(s).unwrap();
            assert_eq!(status, STATUS_NOT_SUPPORTED);
            assert!(reason.contains(blob_type), "{reason}");
        }
        assert_eq!(m.export(s, imported.private, "nonsense"), err(CKR_ATTRIBUTE_VALUE_INVALID));
        let short = m.export_into(s, imported.private, "ECCPRIVATEBLOB", Room::Bytes(103));
        assert_eq!((short.rv, short.len), (Rv(CKR_BUFFER_TOO_SMALL), 104));
        assert_eq!(m.status(s).unwrap().0, STATUS_BUFFER_TOO_SMALL);
        let wrap = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true).bool(CKA_WRAP_WITH_TRUSTED, true);
        let imported = m.import(s, &Import { blob: &ec, attrs: wrap, ..Import::default() });
        assert_eq!(imported.rv, CKR_OK, "{:?}", m.status(s));
        assert_eq!(m.export(s, imported.private, "ECCPRIVATEBLOB"), err(CKR_KEY_UNEXTRACTABLE));
        assert_eq!(m.status(s).unwrap().0, STATUS_NOT_SUPPORTED);
    });
}

const USER_FLAGS: u64 = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
const SO_FLAGS: u64 = CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_LOCKED;

#[test]
fn wrong_pins_are_counted_flagged_and_delayed_and_a_right_one_clears_them() {
    alone(|_| {
        let m = load();
        m.make_token();
        let s = m.rw().unwrap();
        let flags = || m.token_info().unwrap().flags;
        assert_eq!(flags() & (USER_FLAGS | SO_FLAGS), 0);
        assert_eq!(m.login(s, CKU_USER, WRONG), err(CKR_PIN_INCORRECT));
        assert_eq!(flags() & USER_FLAGS, CKF_USER_PIN_COUNT_LOW);
        assert_eq!(m.login(s, CKU_USER, WRONG), err(CKR_PIN_INCORRECT));
        assert_eq!(flags() & USER_FLAGS, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
        m.login(s, CKU_USER, USER_PIN).unwrap();
        assert_eq!(flags() & USER_FLAGS, 0, "a right PIN clears the count");
        m.logout(s).unwrap();

        for _ in 0..3 {
            assert_eq!(m.login(s, CKU_USER, WRONG), err(CKR_PIN_INCORRECT));
        }
        assert_eq!(m.login(s, CKU_USER, USER_PIN), err(CKR_PIN_LOCKED), "during the delay no PIN is taken");
        assert_eq!(flags() & CKF_USER_PIN_LOCKED, CKF_USER_PIN_LOCKED);
        assert_eq!(flags() & SO_FLAGS, 0, "the SO has a counter of its own");
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        assert_eq!(flags() & CKF_USER_PIN_LOCKED, 0);
        m.login(s, CKU_USER, USER_PIN).expect("the delay ends by itself");
        assert_eq!(flags() & USER_FLAGS, 0);
    });
}

#[test]
fn the_so_lifts_the_delay_and_a_wrong_so_pin_is_counted_apart() {
    alone(|_| {
        let m = load();
        m.make_token();
        let s = m.rw().unwrap();
        for _ in 0..3 {
            assert_eq!(m.login(s, CKU_USER, WRONG), err(CKR_PIN_INCORRECT));
        }
        assert_eq!(m.login(s, CKU_SO, WRONG), err(CKR_PIN_INCORRECT));
        assert_eq!(m.token_info().unwrap().flags & SO_FLAGS, CKF_SO_PIN_COUNT_LOW);
        m.login(s, CKU_SO, SO_PIN).unwrap();
        let new = b"another-pin";
        p11!(m, C_InitPIN, s, new.as_ptr().cast_mut(), new.len() as CK_ULONG).ok().unwrap();
        m.logout(s).unwrap();
        assert_eq!(m.token_info().unwrap().flags & (USER_FLAGS | SO_FLAGS), 0);
        m.login(s, CKU_USER, new).expect("at once");
        assert_eq!(m.set_pin(s, WRONG, USER_PIN), err(CKR_PIN_INCORRECT));
        assert_eq!(m.token_info().unwrap().flags & USER_FLAGS, CKF_USER_PIN_COUNT_LOW, "C_SetPIN counts too");
        m.set_pin(s, new, USER_PIN).unwrap();
        m.logout(s).unwrap();
        assert_eq!(m.login(s, CKU_USER, new), err(CKR_PIN_INCORRECT));
        m.login(s, CKU_USER, USER_PIN).unwrap();
    });
}

#[test]
fn wrong_pins_are_counted_across_processes() {
    alone(|place| {
        let m = load();
        if place.role() == "wrong" {
            m.initialize().unwrap();
            let s = m.rw().unwrap();
            assert_eq!(m.login(s, CKU_USER, WRONG), err(CKR_PIN_INCORRECT));
            return;
        }
        m.make_token();
        place.run("wrong");
        assert_eq!(m.token_info().unwrap().flags & USER_FLAGS, CKF_USER_PIN_COUNT_LOW);
        place.run("wrong");
        assert_eq!(m.token_info().unwrap().flags & USER_FLAGS, CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
    });
}

#[test]
fn pins_of_impossible_length_are_refused_and_change_nothing() {
    alone(|_| {
        let m = load();
        m.make_token();
        let info = m.token_info().unwrap();
        let s = m.rw_user();
        let too_long = vec![b'1'; usize::try_from(info.ulMaxPinLen).unwrap() + 1];
        assert_eq!(m.set_pin(s, USER_PIN, &too_long), err(CKR_PIN_LEN_RANGE));
        if info.ulMinPinLen > 0 {
            let too_short = vec![b'1'; usize::try_from(info.ulMinPinLen).unwrap() - 1];
            assert_eq!(m.set_pin(s, USER_PIN, &too_short), err(CKR_PIN_LEN_RANGE));
        }
        m.logout(s).unwrap();
        m.login(s, CKU_USER, USER_PIN).expect("the PIN is as it was");
    });
}

#[test]
fn a_fresh_token_says_what_is_missing() {
    alone(|place| {
        let m = load();
        m.initialize().unwrap();
        let info = m.token_info().unwrap();
        assert_eq!(info.flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED), 0);
        assert!(!place.store().exists(), "reading makes no file");
        m.init_token(SO_PIN, "fresh").unwrap();
        assert!(place.store().exists());
        let s = m.rw().unwrap();
        assert_eq!(m.login(s, CKU_USER, USER_PIN), err(CKR_USER_PIN_NOT_INITIALIZED));
        let info = m.token_info().unwrap();
        assert_eq!(info.flags & (CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED), CKF_TOKEN_INITIALIZED);
        assert_eq!(&info.model, b"cngtoken TEST   ", "a cheap PIN derivation shows");
        assert_eq!(m.init_token(SO_PIN, "again"), err(CKR_SESSION_EXISTS));
        m.close(s).unwrap();
        assert_eq!(m.init_token(WRONG, "again"), err(CKR_PIN_INCORRECT));
        assert_eq!(&m.token_info().unwrap().label[..6], b"fresh ");
    });
}

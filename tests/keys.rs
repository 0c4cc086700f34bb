//! Keys as objects over C: what is the same in both halves of a pair, what an imported pair looks like, what needs a login, and that no
//! secret is in the store's file.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::place::Place;
use client::vendor::{CKA_CNG_ORIGIN, Import};
use client::{Attrs, Mech, Module, R, Rv, SO_PIN, USER_PIN, alone, load};
use cryptoki_sys::*;
use std::process::Command;

const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

fn aes(label: &str) -> Attrs {
    Attrs::secret(CKK_AES, label, &[9; 16]).bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true)
}

fn ec_pair(m: &Module, s: u64, label: &str, token: bool) -> (u64, u64) {
    let common = Attrs::new().bool(CKA_TOKEN, token).label(label);
    let public = common.clone().bytes(CKA_EC_PARAMS, &P256).bool(CKA_VERIFY, true);
    m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, &common.bool(CKA_SIGN, true)).expect("an EC pair")
}

#[test]
fn public_key_info_of_both_halves_is_what_openssl_writes() {
    alone(|place| {
        let m = load();
        let s = m.make_token_and_log_in();
        if Command::new("openssl").arg("version").output().is_err() {
            println!("note: openssl is not here: only the two halves are compared");
        }
        let rsa_public = Attrs::new().ulong(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
        let rsa = m.generate_pair(s, &Mech::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &rsa_public, &Attrs::new()).expect("an RSA pair");
        let ec = ec_pair(m, s, "ec", false);
        for (name, (public, private)) in [("rsa", rsa), ("ec", ec)] {
            let spki = m.get(s, public, CKA_PUBLIC_KEY_INFO).expect("CKA_PUBLIC_KEY_INFO");
            assert_eq!(m.get(s, private, CKA_PUBLIC_KEY_INFO), Ok(spki.clone()), "{name}: the halves differ");
            assert!(!spki.is_empty());
            if let Some(theirs) = through_openssl(place, name, &spki) {
                assert_eq!(spki, theirs, "{name}: OpenSSL writes other bytes");
            }
            if name == "rsa" {
                let modulus = m.get(s, public, CKA_MODULUS).unwrap();
                assert!(spki.windows(modulus.len()).any(|window| window == modulus));
            }
        }
    });
}

/// The key as OpenSSL reads it and writes it again.
fn through_openssl(place: &Place, name: &str, spki: &[u8]) -> Option<Vec<u8>> {
    let (from, to) = (place.file(&format!("{name}.der")), place.file(&format!("{name}.out")));
    std::fs::write(&from, spki).expect("a file");
    let run =
        Command::new("openssl").args(["pkey", "-pubin", "-inform", "DER", "-outform", "DER", "-in"]).arg(&from).arg("-out").arg(&to).output().ok()?;
    assert!(run.status.success(), "{name}: OpenSSL does not read the key: {}", String::from_utf8_lossy(&run.stderr));
    Some(std::fs::read(&to).expect("OpenSSL's output"))
}

#[test]
fn an_import_gives_two_objects_that_belong_together() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (_, exported) = exported_ec(m, s);
        let attrs = Attrs::new().label("imported").token();
        let imported = m.import(s, &Import { blob: &exported, attrs, ..Import::default() });
        assert_eq!(imported.rv, CKR_OK, "{:?}", m.status(s));
        assert_eq!(m.status(s), Ok((0, String::new())), "success is a status too");
        let (public, private) = (imported.public, imported.private);

        assert_eq!(m.get_ulong(s, public, CKA_CLASS), Ok(CKO_PUBLIC_KEY));
        assert_eq!(m.get_ulong(s, private, CKA_CLASS), Ok(CKO_PRIVATE_KEY));
        for id in [CKA_ID, CKA_LABEL, CKA_EC_PARAMS, CKA_PUBLIC_KEY_INFO, CKA_TOKEN] {
            assert_eq!(m.get(s, public, id), m.get(s, private, id), "attribute {id:#x}");
        }
        assert_eq!(m.get(s, private, CKA_ID).unwrap().len(), 20, "SHA-1 of the point by default");
        let bools = [(CKA_PRIVATE, false, true), (CKA_LOCAL, false, false), (CKA_MODIFIABLE, true, true)];
        for (id, of_public, of_private) in bools {
            assert_eq!((m.get_bool(s, public, id), m.get_bool(s, private, id)), (Ok(of_public), Ok(of_private)), "attribute {id:#x}");
        }
        for (id, value) in [(CKA_SENSITIVE, true), (CKA_EXTRACTABLE, false), (CKA_ALWAYS_SENSITIVE, false), (CKA_NEVER_EXTRACTABLE, false)] {
            assert_eq!(m.get_bool(s, private, id), Ok(value), "attribute {id:#x}");
        }
        let origin = String::from_utf8(m.get(s, private, CKA_CNG_ORIGIN).expect("CKA_CNG_ORIGIN")).unwrap();
        assert!(origin.contains("ECCPRIVATEBLOB"), "{origin}");
        assert_eq!(m.set(s, private, &Attrs::new().text(CKA_CNG_ORIGIN, "x")), err(CKR_ATTRIBUTE_READ_ONLY));
    });
}

#[test]
fn a_private_blob_without_a_place_for_the_public_handle_makes_no_public_object() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (_, exported) = exported_ec(m, s);
        let before = m.find(s, &Attrs::new().class(CKO_PUBLIC_KEY)).unwrap().len();
        let imported = m.import(s, &Import { blob: &exported, no_public: true, ..Import::default() });
        assert_eq!(imported.rv, CKR_OK);
        assert_eq!(m.find(s, &Attrs::new().class(CKO_PUBLIC_KEY)).unwrap().len(), before);
        let refused = m.import(s, &Import { blob: &exported, no_private: true, ..Import::default() });
        assert_eq!(refused.rv, CKR_ARGUMENTS_BAD, "a private blob needs a place for its private handle");
        assert_eq!(refused.public, CK_INVALID_HANDLE);
    });
}

/// A fresh EC key and its blob.
fn exported_ec(m: &Module, s: u64) -> (u64, Vec<u8>) {
    let public = Attrs::new().bytes(CKA_EC_PARAMS, &P256).bool(CKA_VERIFY, true);
    let private = Attrs::new().bool(CKA_SIGN, true).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    let (_, key) = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, &private).expect("an EC pair");
    let blob = m.export(s, key, "ECCPRIVATEBLOB").expect("an export");
    (key, blob)
}

#[test]
fn a_secret_key_that_is_public_needs_a_login_and_works_after_it_whatever_was_read_before() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &aes("shown").token().bool(CKA_PRIVATE, false)).unwrap();
        let mech = Mech::bytes(CKM_AES_CBC_PAD, &[1; 16]);
        m.logout(s).unwrap();
        for _ in 0..2 {
            assert_eq!(m.get(s, key, CKA_LABEL), Ok(b"shown".to_vec()), "seen without a login");
            assert_eq!(m.encrypt(s, &mech, key, b"data"), err(CKR_USER_NOT_LOGGED_IN), "its value is sealed");
            m.login(s, CKU_USER, USER_PIN).unwrap();
            m.encrypt(s, &mech, key, b"data").expect("it works now");
            m.logout(s).unwrap();
        }
    });
}

#[test]
fn nothing_secret_is_in_the_store_file_also_of_public_objects() {
    alone(|place| {
        let m = load();
        let s = m.make_token_and_log_in();
        let secret = *b"0123-very-secret-value-4567-abcd";
        let public_secret = Attrs::secret(CKK_GENERIC_SECRET, "shown label", &secret).token().bool(CKA_PRIVATE, false);
        m.create(s, &public_secret.bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)).unwrap();
        m.create(s, &Attrs::data("hidden label", b"hidden-content-of-a-private-object").token().bool(CKA_PRIVATE, true)).unwrap();
        let (_, blob) = exported_ec(m, s);
        let attrs = Attrs::new().token().bool(CKA_PRIVATE, false);
        assert_eq!(m.import(s, &Import { blob: &blob, attrs, ..Import::default() }).rv, CKR_OK);
        m.finalize().unwrap();

        let mut files = 0;
        for file in std::fs::read_dir(place.file("")).unwrap().map(|entry| entry.unwrap().path()) {
            let content = std::fs::read(&file).unwrap();
            files += usize::from(file.file_name().is_some_and(|name| name == "store.db"));
            for (what, bytes) in [
                ("the value of a public secret key", &secret[..]),
                ("a part of it", &secret[8..24]),
                ("a private object's content", b"hidden-content"),
                ("a private object's label", b"hidden label"),
                ("d of a key imported as a public object", &blob[8 + 64..]),
                ("the user's PIN", USER_PIN),
                ("the SO's PIN", SO_PIN),
            ] {
                assert!(!content.windows(bytes.len()).any(|window| window == bytes), "{what} is in {}", file.display());
            }
        }
        assert_eq!(files, 1, "the store was looked at");
    });
}

//! PKCS8_PRIVATEKEY through the vendor doors: plain keys of every family as OpenSSL writes them, the encryption schemes that files come
//! with, the password in CKA_CNG_PASSWORD, export, and what a refusal says. Files: `src/object/tests/openssl`, `cli/tests/containers`.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::vendor::{
    CKA_CNG_BLOB, CKA_CNG_BLOB_TYPE, CKA_CNG_CURVE_NAME, CKA_CNG_ORIGIN, CKA_CNG_PASSWORD, Import, STATUS_INVALID_BUFFER_SIZE,
    STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED,
};
use client::{Attrs, Mech, Module, Rv, alone, load};
use cryptoki_sys::*;
use std::path::{Path, PathBuf};

const TYPE: &str = "PKCS8_PRIVATEKEY";
/// Of the files in `cli/tests/containers`.
const PASSWORD: &str = "Se%cret";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `NAME.p8` with the `NAME.spki` that OpenSSL wrote beside it.
fn plain_keys() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let folder = root().join("src/object/tests/openssl");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    // The slow half of the SLH-DSA sets takes seconds here and differs in numbers only.
    let slow = |f: &Path| f.file_stem().is_some_and(|n| n.to_string_lossy().starts_with("slh-") && n.to_string_lossy().ends_with('s'));
    files.retain(|f| f.extension().is_some_and(|e| e == "p8") && f.with_extension("spki").exists() && !slow(f));
    files.sort();
    let name = |f: &Path| f.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|f| (name(f), std::fs::read(f).unwrap(), std::fs::read(f.with_extension("spki")).unwrap())).collect()
}

/// The body of a PEM file of `cli/tests/containers`.
fn encrypted(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(root().join("cli/tests/containers").join(name)).unwrap();
    let body: String = text.lines().filter(|l| !l.starts_with('-')).collect();
    let value = |c: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|&l| l == c);
    let digits: Vec<usize> = body.bytes().filter_map(value).collect();
    let mut out = Vec::new();
    for group in digits.chunks(4) {
        let n = group.iter().fold(0, |n, d| n << 6 | d) << (6 * (4 - group.len()));
        out.extend_from_slice(&u32::try_from(n).unwrap().to_be_bytes()[1..group.len()]);
    }
    out
}

fn open() -> Attrs {
    Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)
}

fn import<'a>(blob: &'a [u8], attrs: &Attrs) -> Import<'a> {
    Import { blob_type: Some(TYPE), blob, attrs: attrs.clone(), ..Import::default() }
}

/// Code, NTSTATUS and reason of a refused import, after which no handle is valid.
fn refusal(m: &Module, s: u64, import: &Import<'_>) -> (u64, u32, String) {
    let answer = m.import(s, import);
    assert_ne!(answer.rv, Rv(CKR_OK), "was imported");
    assert_eq!((answer.public, answer.private), (CK_INVALID_HANDLE, CK_INVALID_HANDLE));
    let (status, reason) = m.status(s).expect("a status");
    (answer.rv.0, status, reason)
}

#[test]
fn a_plain_key_of_every_family_is_imported_and_written_again_as_the_same_key() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let keys = plain_keys();
        assert!(keys.len() > 18, "{} files", keys.len());
        for (name, p8, spki) in &keys {
            let answer = m.import(s, &import(p8, &open()));
            assert_eq!(answer.rv, Rv(CKR_OK), "{name}: {:?}", m.status(s));
            for key in [answer.public, answer.private] {
                assert_eq!(m.get(s, key, CKA_PUBLIC_KEY_INFO).as_ref(), Ok(spki), "{name}");
            }
            let origin = String::from_utf8(m.get(s, answer.private, CKA_CNG_ORIGIN).unwrap()).unwrap();
            assert!(origin.starts_with("PKCS8_PRIVATEKEY; imported="), "{origin}");
            let written = m.export(s, answer.private, TYPE).expect("an export");
            let again = m.import(s, &import(&written, &open()));
            assert_eq!(again.rv, Rv(CKR_OK), "{name}: {:?}", m.status(s));
            assert_eq!(m.get(s, again.private, CKA_PUBLIC_KEY_INFO).as_ref(), Ok(spki), "{name}");
            assert_eq!(m.export(s, again.private, "NCRYPT_PKCS8_PRIVATE_KEY_BLOB"), Ok(written), "{name}: written otherwise");
            for key in [answer.public, answer.private, again.public, again.private] {
                m.destroy(s, key).unwrap();
            }
        }
    });
}

#[test]
fn every_encryption_scheme_is_opened_with_the_password_of_the_template() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let plain = std::fs::read(root().join("cli/tests/containers/p256.p8.der")).unwrap();
        let known = m.import(s, &import(&plain, &Attrs::new()));
        assert_eq!(known.rv, Rv(CKR_OK));
        let spki = m.get(s, known.public, CKA_PUBLIC_KEY_INFO).unwrap();
        let utf16: Vec<u8> = PASSWORD.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        for n in 0..16 {
            let blob = encrypted(&format!("p256.enc{n}.pem"));
            for password in [PASSWORD.as_bytes(), &utf16] {
                let attrs = Attrs::new().bytes(CKA_CNG_PASSWORD, password);
                let answer = m.import(s, &import(&blob, &attrs));
                assert_eq!(answer.rv, Rv(CKR_OK), "enc{n}: {:?}", m.status(s));
                assert_eq!(m.get(s, answer.private, CKA_PUBLIC_KEY_INFO).as_ref(), Ok(&spki), "enc{n}");
                // An input, which nobody can read back.
                assert_eq!(m.get(s, answer.private, CKA_CNG_PASSWORD), Err(Rv(CKR_ATTRIBUTE_TYPE_INVALID)));
            }
            let attrs = Attrs::new().bytes(CKA_CNG_PASSWORD, b"not it");
            let (rv, status, reason) = refusal(m, s, &import(&blob, &attrs));
            assert_eq!((rv, status), (CKR_ATTRIBUTE_VALUE_INVALID, STATUS_INVALID_PARAMETER), "enc{n}: {reason}");
            assert!(reason.contains("CKA_CNG_PASSWORD is wrong"), "enc{n}: {reason}");
            let (rv, status, reason) = refusal(m, s, &import(&blob, &Attrs::new()));
            assert_eq!((rv, status), (CKR_ATTRIBUTE_VALUE_INVALID, STATUS_NOT_SUPPORTED), "enc{n}: {reason}");
            assert!(reason.contains("give its password in CKA_CNG_PASSWORD"), "enc{n}: {reason}");
        }
    });
}

#[test]
fn the_same_through_create_object_and_the_key_signs() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let blob = encrypted("p256.enc0.pem");
        let attrs = Attrs::new().bytes(CKA_CNG_BLOB, &blob).text(CKA_CNG_BLOB_TYPE, TYPE);
        assert_eq!(m.create(s, &attrs), Err(Rv(CKR_ATTRIBUTE_VALUE_INVALID)));
        let attrs = attrs.text(CKA_CNG_PASSWORD, PASSWORD);
        let private = m.create(s, &attrs).expect("the private key");
        let public = m.create(s, &attrs.clone().class(CKO_PUBLIC_KEY)).expect("the public key");
        let signature = m.sign(s, &Mech::plain(CKM_ECDSA_SHA256), private, b"data").expect("a signature");
        assert_eq!(m.verify(s, &Mech::plain(CKM_ECDSA_SHA256), public, b"data", &signature), Ok(()));
    });
}

#[test]
fn what_is_no_pkcs8_key_or_contradicts_what_stands_beside_it_is_refused_with_its_reason() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let p8 = std::fs::read(root().join("src/object/tests/openssl/p256.p8")).unwrap();
        let rsa = std::fs::read(root().join("src/object/tests/openssl/rsa.p8")).unwrap();
        let long = [&p8[..], &[0]].concat();
        let mut foreign = p8.clone();
        // id-ecPublicKey becomes an algorithm that nobody knows.
        let at = foreign.windows(7).position(|w| w == [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]).unwrap();
        foreign[at + 6] = 0x7F;
        let none = Attrs::new();
        let cases: Vec<(Import<'_>, u64, u32, &str)> = vec![
            (import(&p8[..p8.len() - 1], &none), CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, "are there"),
            (import(&long, &none), CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, "are there"),
            (import(b"RSA2", &none), CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, "begins with a SEQUENCE"),
            (import(&[], &none), CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE, "too few"),
            (import(&[0x30, 0], &none), CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, "PrivateKeyInfo"),
            (import(&foreign, &none), CKR_ATTRIBUTE_VALUE_INVALID, STATUS_NOT_SUPPORTED, "PKCS#8"),
            (Import { alg_id: Some("ECDSA_P384"), ..import(&p8, &none) }, CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, "nistP256"),
            (Import { alg_id: Some("ECDSA_P256"), ..import(&rsa, &none) }, CKR_DATA_INVALID, STATUS_INVALID_PARAMETER, "an RSA key"),
            (
                import(&p8, &Attrs::new().text(CKA_CNG_CURVE_NAME, "nistP384")),
                CKR_TEMPLATE_INCONSISTENT,
                STATUS_INVALID_PARAMETER,
                "CKA_CNG_CURVE_NAME",
            ),
            // By magic alone it is not taken, and the reason says how.
            (Import { blob_type: None, ..import(&rsa, &none) }, CKR_ATTRIBUTE_VALUE_INVALID, STATUS_NOT_SUPPORTED, "PKCS8_PRIVATEKEY"),
            // A password belongs to an encrypted PKCS#8 key and to nothing else.
            (
                Import { blob_type: Some("RSAPRIVATEBLOB"), ..import(&rsa, &Attrs::new().text(CKA_CNG_PASSWORD, PASSWORD)) },
                CKR_DATA_INVALID,
                STATUS_INVALID_PARAMETER,
                "magic",
            ),
        ];
        for (i, (import, rv, status, words)) in cases.iter().enumerate() {
            let found = refusal(m, s, import);
            assert_eq!((found.0, found.1), (*rv, *status), "case {i}: {}", found.2);
            assert!(found.2.contains(words), "case {i}: {}", found.2);
        }
    });
}

#[test]
fn an_algorithm_identifier_that_agrees_says_the_use() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let p8 = std::fs::read(root().join("src/object/tests/openssl/p256.p8")).unwrap();
        for (alg_id, sign, derive) in [(Some("ECDSA_P256"), true, false), (Some("ECDH_P256"), true, true), (Some("ECDSA"), true, false)] {
            let answer = m.import(s, &Import { alg_id, ..import(&p8, &Attrs::new()) });
            assert_eq!(answer.rv, Rv(CKR_OK), "{:?}", m.status(s));
            let said = (m.get_bool(s, answer.private, CKA_SIGN), m.get_bool(s, answer.private, CKA_DERIVE));
            assert_eq!(said, (Ok(sign), Ok(derive)), "{alg_id:?}");
        }
    });
}

#[test]
fn only_a_private_key_that_may_leave_is_written() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let p8 = std::fs::read(root().join("src/object/tests/openssl/p256.p8")).unwrap();
        let kept = m.import(s, &import(&p8, &Attrs::new()));
        assert_eq!(m.export(s, kept.private, TYPE), Err(Rv(CKR_KEY_UNEXTRACTABLE)));
        assert_eq!(m.export(s, kept.public, TYPE), Err(Rv(CKR_KEY_TYPE_INCONSISTENT)));
        let secret = m.create(s, &Attrs::secret(CKK_AES, "aes", &[9; 16]).and(&open())).unwrap();
        assert_eq!(m.export(s, secret, TYPE), Err(Rv(CKR_KEY_TYPE_INCONSISTENT)));
        assert_eq!(m.status(s).unwrap().0, STATUS_NOT_SUPPORTED);
    });
}

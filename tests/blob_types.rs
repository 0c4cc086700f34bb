//! docs/blob-types.md against the module: each type that the page says is taken is written from a key that fits, read again by
//! C_ImportBCryptBlob under its name and symbol and by C_CreateObject, and gives the use that the page says; each refused type is refused.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::vendor::{CKA_CNG_BLOB, CKA_CNG_BLOB_TYPE, CKA_CNG_CURVE_NAME, Import, STATUS_NOT_SUPPORTED};
use client::{Attrs, Module, Rv, alone, load};
use cryptoki_sys::*;
use std::collections::BTreeSet;
use std::path::Path;

/// One key of each family, written by OpenSSL.
const KEYS: &[&str] = &["rsa", "p256", "x25519", "dsa1024", "dh", "mlkem512", "mldsa44", "slh-SHA2-128f"];

const USES: &[(u64, &str)] = &[
    (CKA_ENCRYPT, "encrypt"),
    (CKA_DECRYPT, "decrypt"),
    (CKA_SIGN, "sign"),
    (CKA_VERIFY, "verify"),
    (CKA_WRAP, "wrap"),
    (CKA_UNWRAP, "unwrap"),
    (CKA_DERIVE, "derive"),
    (CKA_ENCAPSULATE, "encapsulate"),
    (CKA_DECAPSULATE, "decapsulate"),
];

struct Row {
    name: String,
    symbol: String,
    half: String,
    uses: String,
}

/// The rows of the page's first and second table.
fn page() -> (Vec<Row>, Vec<Row>) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/blob-types.md")).unwrap();
    let (taken, refused) = text.split_once("## Recognised and refused").unwrap();
    let rows = |text: &str| {
        let cells = |line: &str| line.trim_matches('|').split('|').map(|c| c.trim().trim_matches('`').to_owned()).collect::<Vec<_>>();
        let rows = text.lines().filter(|l| l.starts_with("| `")).map(cells);
        let cell = |c: &[String], i: usize| c.get(i).cloned().unwrap_or_default();
        rows.map(|c| Row { name: cell(&c, 0), symbol: cell(&c, 1), half: cell(&c, 2), uses: cell(&c, 5) }).collect::<Vec<_>>()
    };
    (rows(taken), rows(refused))
}

fn open() -> Attrs {
    Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)
}

/// Private keys of every family, and the two symmetric ones.
fn keys(m: &Module, s: u64) -> Vec<(String, u64)> {
    let mut keys = Vec::new();
    for name in KEYS {
        let p8 = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/object/tests/openssl/{name}.p8"))).unwrap();
        let answer = m.import(s, &Import { blob_type: Some("PKCS8_PRIVATEKEY"), blob: &p8, attrs: open(), ..Import::default() });
        assert_eq!(answer.rv, Rv(CKR_OK), "{name}: {:?}", m.status(s));
        keys.push(((*name).to_owned(), answer.private));
    }
    let aes = Attrs::secret(CKK_AES, "aes", &[9; 16]).and(&open());
    let generic = Attrs::secret(CKK_GENERIC_SECRET, "generic", &[9; 40]).and(&open());
    keys.push(("aes".to_owned(), m.create(s, &aes).unwrap()));
    keys.push(("generic".to_owned(), m.create(s, &generic).unwrap()));
    keys
}

fn uses(m: &Module, s: u64, key: u64) -> BTreeSet<String> {
    USES.iter().filter(|(id, _)| m.get_bool(s, key, *id) == Ok(true)).map(|(_, name)| (*name).to_owned()).collect()
}

fn named(text: &str) -> BTreeSet<String> {
    text.split([',', ' ', ';', ':']).filter(|w| USES.iter().any(|(_, name)| name == w)).map(str::to_owned).collect()
}

/// What the page's cell says of this key.
fn expected(row: &Row, key: &str, magic: &[u8]) -> Option<BTreeSet<String>> {
    let part = |label: &str| row.uses.split(';').find(|p| p.trim().starts_with(label)).map(named);
    match key {
        _ if row.uses.starts_with("as the") => None,
        // Diffie-Hellman on curve25519 only derives.
        "x25519" => Some(named("derive")),
        "p256" if magic.starts_with(b"ECK") => part("ECDH"),
        "p256" => part("ECDSA"),
        "aes" => part("AES").or_else(|| Some(named(&row.uses))),
        "generic" => part("generic"),
        _ => Some(named(&row.uses)),
    }
}

#[test]
fn the_page_of_blob_types_says_what_the_module_does() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let keys = keys(m, s);
        let (taken, refused) = page();
        assert!(taken.len() >= 32 && refused.len() >= 11, "{} and {} rows", taken.len(), refused.len());
        for row in &taken {
            let mut fits = 0;
            for (name, key) in &keys {
                let Ok(blob) = m.export(s, *key, &row.name) else { continue };
                fits += 1;
                let what = format!("{} of {name}", row.name);
                assert_eq!(m.export(s, *key, &row.symbol).as_ref(), Ok(&blob), "{what}");
                let attrs = if name == "x25519" { open().text(CKA_CNG_CURVE_NAME, "curve25519") } else { open() };
                let alg_id = (name == "aes").then_some("AES");
                let answer = m.import(s, &Import { alg_id, blob_type: Some(&row.symbol), blob: &blob, attrs: attrs.clone(), ..Import::default() });
                assert_eq!(answer.rv, Rv(CKR_OK), "{what}: {:?}", m.status(s));
                let own = if row.half == "public" { answer.public } else { answer.private };
                assert_eq!(m.export(s, own, &row.name).as_ref(), Ok(&blob), "{what}: written otherwise");
                if let Some(expected) = expected(row, name, &blob) {
                    assert_eq!(uses(m, s, own), expected, "{what}");
                }
                let attrs = attrs.bytes(CKA_CNG_BLOB, &blob).text(CKA_CNG_BLOB_TYPE, &row.name);
                let attrs = alg_id.map_or(attrs.clone(), |a| attrs.text(client::vendor::CKA_CNG_ALG_ID, a));
                let attrs = if row.half == "public" { attrs.without(&[CKA_SENSITIVE, CKA_EXTRACTABLE]) } else { attrs };
                let created = m.create(s, &attrs).unwrap_or_else(|rv| panic!("{what}: C_CreateObject: {rv:?} {:?}", m.status(s)));
                for object in [answer.public, answer.private, created].into_iter().filter(|o| *o != CK_INVALID_HANDLE) {
                    m.destroy(s, object).unwrap();
                }
            }
            assert!(fits > 0, "{} was never tried", row.name);
        }
        for row in &refused {
            let answer = m.import(s, &Import { blob_type: Some(&row.name), blob: &[0; 64], ..Import::default() });
            assert_eq!(answer.rv, Rv(CKR_ATTRIBUTE_VALUE_INVALID), "{}", row.name);
            assert_eq!(m.status(s).unwrap().0, STATUS_NOT_SUPPORTED, "{}", row.name);
            assert!(m.export(s, keys[0].1, &row.name).is_err(), "{}", row.name);
        }
    });
}

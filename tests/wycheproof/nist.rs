//! NIST's answers (CAVP) and the known answers of ML-KEM and ML-DSA, out of the package `cryptography-vectors`: too large to be kept
//! here. `CNGTOKEN_NIST_VECTORS` names the unpacked folder `cryptography_vectors` (`conformance/nist.sh` fetches it and runs these
//! tests); without it each test says so and passes.

use crate::client::vendor::CKA_CNG_CURVE_NAME;
use crate::client::{Attrs, Mech, alone};
use crate::ec::secret;
use crate::pq::{blob as pq_blob, decapsulated};
use crate::{Bench, fixed, open, stripped, ulongs, verified};
use cryptoki_sys::*;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;

type Record = HashMap<String, String>;

/// The records of a response file: what stands in brackets under "section"; a line that was not repeated still holds. `last` ends a record.
fn records(name: &str, last: &str) -> Option<Vec<Record>> {
    let Some(folder) = std::env::var_os("CNGTOKEN_NIST_VECTORS") else {
        println!("skipped: CNGTOKEN_NIST_VECTORS does not name the vectors");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join("asymmetric").join(name)).expect("the vectors");
    let (mut all, mut now) = (Vec::new(), Record::new());
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            now.insert("section".to_owned(), section.to_owned());
        } else if let Some((key, value)) = line.split_once('=') {
            now.insert(key.trim().to_owned(), value.trim().to_owned());
            if key.trim() == last {
                all.push(now.clone());
            }
        }
    }
    Some(all)
}

fn part(record: &Record, name: &str) -> Vec<u8> {
    let digits = record.get(name).map(String::as_str).unwrap_or_default();
    let even = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
    hex::decode(even).expect("hexadecimal")
}

/// As a set's test, for the counts: P is valid, F is invalid.
fn test(record: &Record) -> Value {
    let passes = record["Result"].starts_with('P');
    json!({"tcId": record["section"], "comment": record["Result"], "result": if passes { "valid" } else { "invalid" }})
}

/// Mechanisms of ECDSA, DSA, RSA and PSS with a hash, the hash and its MGF.
fn hash(name: &str) -> Option<[u64; 6]> {
    Some(match name.replace('-', "").as_str() {
        "SHA1" => [CKM_ECDSA_SHA1, CKM_DSA_SHA1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1, CKG_MGF1_SHA1],
        "SHA224" => [CKM_ECDSA_SHA224, CKM_DSA_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224, CKG_MGF1_SHA224],
        "SHA256" => [CKM_ECDSA_SHA256, CKM_DSA_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256],
        "SHA384" => [CKM_ECDSA_SHA384, CKM_DSA_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384],
        "SHA512" => [CKM_ECDSA_SHA512, CKM_DSA_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512],
        _ => return None,
    })
}

/// Bytes of the curve, its own letters (public, private) or 0.
fn curve(name: &str) -> Option<(&'static str, usize, u8, u8)> {
    Some(match name {
        "P-224" => ("nistP224", 28, 0, 0),
        "P-256" => ("nistP256", 32, b'1', b'2'),
        "P-384" => ("nistP384", 48, b'3', b'4'),
        "P-521" => ("nistP521", 66, b'5', b'6'),
        _ => return None,
    })
}

/// A verification with a key that may itself be what is wrong.
fn judged(b: &mut Bench, record: &Record, key: Result<(u64, u64), crate::Rv>, mech: &Mech, signature: &[u8]) {
    let test = test(record);
    match key {
        Ok((public, _)) => {
            let answer = b.m.verify(b.s, mech, public, &part(record, "Msg"), signature);
            b.judge("CAVP", &test, verified(answer));
            b.destroy(&[public]);
        }
        Err(_) if test["result"] == "invalid" => b.refused_key(),
        Err(rv) => b.complain(format!("CAVP {}: the key is refused: {rv:?} {:?}", record["section"], b.m.status(b.s))),
    }
}

#[test]
fn cavp_ecdsa_signatures_are_judged_as_said() {
    alone(|_| {
        let Some(all) = records("ECDSA/FIPS_186-3/SigVer.rsp", "Result") else { return };
        let mut b = Bench::new("CAVP ECDSA");
        for record in all {
            let (name, sha) = record["section"].split_once(',').expect("curve and hash");
            let (Some((cng, width, letter, _)), Some(mechs)) = (curve(name), hash(sha)) else { continue };
            let magic = if letter == 0 { *b"ECDP" } else { [b'E', b'C', b'S', letter] };
            let point = ["Qx", "Qy"].map(|c| fixed(&part(&record, c), width)).concat();
            let blob = [magic.to_vec(), ulongs(&[width]), point].concat();
            let attrs = if letter == 0 { Attrs::new().text(CKA_CNG_CURVE_NAME, cng) } else { Attrs::new() };
            let key = b.import("ECCPUBLICBLOB", None, &blob, &attrs, false);
            let signature = ["R", "S"].map(|c| fixed(&part(&record, c), width)).concat();
            judged(&mut b, &record, key, &Mech::plain(mechs[0]), &signature);
        }
        b.close(250);
    });
}

#[test]
fn cavp_dsa_signatures_are_judged_as_said() {
    alone(|_| {
        let Some(all) = records("DSA/FIPS_186-3/SigVer.rsp", "Result") else { return };
        let mut b = Bench::new("CAVP DSA");
        for record in all {
            let Some(mechs) = record["section"].rsplit(", ").next().and_then(hash) else { continue };
            let [p, q, g, y] = ["P", "Q", "G", "Y"].map(|name| stripped(&part(&record, name)));
            let (key, size) = (p.len(), q.len());
            let blob = match key {
                128 => [b"DSPB".to_vec(), ulongs(&[key]), vec![0xFF; 24], q].concat(),
                _ => [b"DPB2".to_vec(), ulongs(&[key, 1, 1, size, size]), vec![0xFF; 4 + size], q].concat(),
            };
            let blob = [blob, p, fixed(&g, key), fixed(&y, key)].concat();
            let key = b.import("DSAPUBLICBLOB", Some("DSA"), &blob, &Attrs::new(), false);
            let signature = ["R", "S"].map(|c| fixed(&part(&record, c), size)).concat();
            judged(&mut b, &record, key, &Mech::plain(mechs[1]), &signature);
        }
        b.close(150);
    });
}

fn rsa(family: &'static str, file: &str, pss: bool) {
    let Some(all) = records(file, "Result") else { return };
    let mut b = Bench::new(family);
    for record in all {
        let Some(mechs) = hash(&record["SHAAlg"]) else { continue };
        let [n, e] = ["n", "e"].map(|name| stripped(&part(&record, name)));
        let blob = [b"RSA1".to_vec(), ulongs(&[8 * n.len(), e.len(), n.len(), 0, 0]), e, n].concat();
        let key = b.import("RSAPUBLICBLOB", None, &blob, &Attrs::new(), false);
        let mech = match pss {
            true => Mech::pss(mechs[3], mechs[4], mechs[5], part(&record, "SaltVal").len() as u64),
            false => Mech::plain(mechs[2]),
        };
        judged(&mut b, &record, key, &mech, &part(&record, "S"));
    }
    b.close(300);
}

#[test]
fn cavp_rsa_pkcs1_signatures_are_judged_as_said() {
    alone(|_| rsa("CAVP RSA PKCS#1 v1.5", "RSA/FIPS_186-2/SigVer15_186-3.rsp", false));
}

#[test]
fn cavp_rsa_pss_signatures_are_judged_as_said() {
    alone(|_| rsa("CAVP RSA PSS", "RSA/FIPS_186-2/SigVerPSS_186-3.rsp", true));
}

#[test]
fn cavp_ecdh_secrets_are_the_ones_said() {
    alone(|_| {
        let Some(all) = records("ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax", "Result") else { return };
        let mut b = Bench::new("CAVP ECDH");
        let curves = HashMap::from([("EB", "P-224"), ("EC", "P-256"), ("ED", "P-384"), ("EE", "P-521")]);
        for record in all {
            let Some((cng, width, _, letter)) = record["section"].split(' ').next().and_then(|set| curves.get(set)).and_then(|name| curve(name))
            else {
                continue;
            };
            let magic = if letter == 0 { *b"ECKV" } else { [b'E', b'C', b'K', letter] };
            // The own point stands in the blob: one that is not d·G makes the import fail.
            let numbers = ["QsIUTx", "QsIUTy", "dsIUT"].map(|c| fixed(&part(&record, c), width)).concat();
            let blob = [magic.to_vec(), ulongs(&[width]), numbers].concat();
            let attrs = if letter == 0 { open().text(CKA_CNG_CURVE_NAME, cng) } else { open() };
            let Ok((public, private)) = b.import("ECCPRIVATEBLOB", Some("ECDH"), &blob, &attrs, true) else {
                if record["Result"].starts_with('F') {
                    b.refused_key()
                } else {
                    b.complain(format!("CAVP ECDH {}: {:?}", record["section"], b.m.status(b.s)))
                }
                continue;
            };
            let peer = [vec![4], ["QsCAVSx", "QsCAVSy"].map(|c| fixed(&part(&record, c), width)).concat()].concat();
            let derived = b.m.derive(b.s, &Mech::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &peer), private, &secret(width));
            let answer = derived.and_then(|handle| {
                let value = b.m.get(b.s, handle, CKA_VALUE);
                b.destroy(&[handle]);
                value.map(|v| v == fixed(&part(&record, "Z"), width))
            });
            b.judge("CAVP ECDH", &test(&record), answer);
            b.destroy(&[public, private]);
        }
        b.close(40);
    });
}

#[test]
fn mlkem_known_answers_come_out_of_seed_blobs() {
    alone(|_| {
        let mut b = Bench::new("ML-KEM known answers");
        for set in ["512", "768", "1024"] {
            let Some(all) = records(&format!("MLKEM/kat_MLKEM_{set}.rsp"), "ss") else { return };
            // The first hundred of a thousand: more find nothing else and take minutes.
            for record in all.iter().take(100) {
                let seed = [part(record, "d"), part(record, "z")].concat();
                let Some((public, private)) = b.key(set, "MLKEMPRIVATESEEDBLOB", Some("ML-KEM"), &pq_blob(b"MLKS", set, &seed), &open(), true) else {
                    continue;
                };
                let told = |key, kind, magic, name| b.m.export(b.s, key, kind).map(|got| got == pq_blob(magic, set, &part(record, name)));
                let keys =
                    told(public, "MLKEMPUBLICBLOB", b"MLKP", "pk").and_then(|pk| told(private, "MLKEMPRIVATEBLOB", b"MLKR", "sk").map(|sk| pk && sk));
                let secrets = [("ct", "ss"), ("ct_n", "ss_n")]
                    .map(|(ct, ss)| json!({"tcId": record["count"], "result": "valid", "c": record[ct], "K": record[ss]}));
                b.judge("keys", &secrets[0], keys);
                for test in &secrets {
                    let answer = decapsulated(&b, private, test);
                    b.judge("secret", test, answer);
                }
                b.destroy(&[public, private]);
            }
        }
        b.close(900);
    });
}

#[test]
fn mldsa_known_answers_come_out_of_seed_blobs() {
    alone(|_| {
        let mut b = Bench::new("ML-DSA known answers");
        for set in ["44", "65", "87"] {
            let Some(all) = records(&format!("MLDSA/kat_MLDSA_{set}_det_pure.rsp"), "ctx") else { return };
            for record in &all {
                let seed = pq_blob(b"DSSS", set, &part(record, "xi"));
                let Some((public, private)) = b.key(set, "PQDSAPRIVATESEEDBLOB", Some("ML-DSA"), &seed, &open(), true) else { continue };
                let test = json!({"tcId": record["count"], "result": "valid"});
                let told = |key, kind, magic, name| b.m.export(b.s, key, kind).map(|got| got == pq_blob(magic, set, &part(record, name)));
                let keys =
                    told(public, "PQDSAPUBLICBLOB", b"DSPK", "pk").and_then(|pk| told(private, "PQDSAPRIVATEBLOB", b"DSSK", "sk").map(|sk| pk && sk));
                b.judge("keys", &test, keys);
                let (mech, message) = (Mech::ml_dsa_deterministic(&part(record, "ctx")), part(record, "msg"));
                let signed = b.m.sign(b.s, &mech, private, &message).map(|s| [s, message.clone()].concat() == part(record, "sm"));
                b.judge("signature", &test, signed);
                b.destroy(&[public, private]);
            }
        }
        b.close(600);
    });
}

//! What a DSA or DH blob says, to the byte: widths, seeds, versions, what is remembered of a form that is not the canonical one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod support;

use cngtoken_blob::{Claim, Context, Fault, decode, encode, row};
use cngtoken_key::*;
use support::reading::{le, read, round_trip};

#[test]
fn a_field_wider_than_its_number_is_remembered() {
    let number = |width: usize, bytes: usize| [vec![0; width - bytes], vec![0xE1; bytes]].concat();
    let dh = [b"DHPB".as_slice(), &le(&[24]), &number(24, 16), &number(24, 1), &number(24, 15)].concat();
    assert!(round_trip("DHPUBLICBLOB", &dh).origin.to_text().ends_with("DHPB cbKey=24"));
    let dsa = [b"DSPB".as_slice(), &le(&[70]), &[0xFF; 24], &number(20, 20), &number(70, 64), &number(70, 60), &number(70, 60)].concat();
    assert!(round_trip("DSAPUBLICBLOB", &dsa).origin.to_text().ends_with("DSPB cbKey=70"));
    let v2 =
        [b"DPB2".as_slice(), &le(&[130, 1, 1, 0, 33]), &[0xFF; 4], &number(33, 32), &number(130, 128), &number(130, 9), &number(130, 9)].concat();
    let said = round_trip("DSAPUBLICBLOB", &v2).origin.to_text();
    assert!(["cbKey=130", "cbGroupSize=33", "hashAlgorithm=1"].iter().all(|note| said.contains(note)), "{said}");
}

/// The three layouts with a seed: counter and seed in FIPS order → the blob.
fn with_seed(layout: &str, counter: u32, seed: &[u8]) -> Vec<u8> {
    let n = |bytes: usize| vec![0xE1; bytes];
    let reversed: Vec<u8> = seed.iter().rev().copied().collect();
    match layout {
        "v1" => [b"DSPB".as_slice(), &le(&[64]), &counter.to_be_bytes(), seed, &n(20), &n(64), &n(64), &n(64)].concat(),
        "v2" => {
            let len = u32::try_from(seed.len()).unwrap();
            [b"DPB2".as_slice(), &le(&[64, 0, 1, len, 20]), &counter.to_be_bytes(), seed, &n(20), &n(64), &n(64), &n(64)].concat()
        }
        _ => {
            let header = [6, 2, 0, 0, 0, 0x22, 0, 0];
            [&header[..], b"DSS1", &le(&[512]), &n(64), &n(20), &n(64), &n(64), &counter.to_le_bytes(), &reversed].concat()
        }
    }
}

#[test]
fn a_dsa_seed_is_there_unless_the_blob_says_otherwise() {
    let (zero, some, all) = ([0; 20], [7; 20], [0xFF; 20]);
    let cases: [(u32, &[u8; 20], bool, bool); 8] = [
        // counter, seed, a seed is there, "no seed" is said in another way than all FF
        (u32::MAX, &all, false, false),
        (u32::MAX, &some, false, true),
        (u32::MAX, &zero, false, true),
        (0, &zero, false, true),
        (0, &some, true, false),
        (497, &zero, true, false),
        (497, &some, true, false),
        (0x0102_0304, &all, true, false),
    ];
    for (layout, name) in [("v1", "DSAPUBLICBLOB"), ("v2", "DSAPUBLICBLOB"), ("capi", "V2CAPIDSAPUBLICBLOB")] {
        for (counter, seed, there, noted) in cases {
            let decoded = round_trip(name, &with_seed(layout, counter, seed));
            let Claim::Dsa(claim) = &decoded.claim else { panic!("a DSA key") };
            let expected = there.then(|| DsaSeed { seed: seed.to_vec(), counter });
            assert!(claim.seed == expected, "{layout} {counter} {seed:?}");
            assert_eq!(decoded.origin.to_text().contains("DSSSEED="), noted, "{layout} {counter} {seed:?}");
        }
    }
    // A version 2 seed of another length than q, and none at all.
    for (counter, len, noted) in [(5, 64, false), (5, 1, false), (5, 0, true), (u32::MAX, 0, true), (u32::MAX, 21, true)] {
        let decoded = round_trip("DSAPUBLICBLOB", &with_seed("v2", counter, &vec![if counter == 5 { 9 } else { 0xFF }; len]));
        assert_eq!(decoded.origin.to_text().contains("DSSSEED="), noted, "{counter} {len}");
    }
}

#[test]
fn dsa_version_2_fields_are_bounded() {
    let blob = |hash, standard, seed: u32, group: u32| {
        let n = |bytes: u32| vec![0xE1; usize::try_from(bytes).unwrap()];
        [b"DPB2".as_slice(), &le(&[128, hash, standard, seed, group]), &[0xFF; 4], &n(seed), &n(group), &n(128), &n(128), &n(128)].concat()
    };
    for (hash, standard, seed, group) in [(0, 0, 0, 20), (2, 1, 64, 64), (1, 1, 32, 32), (1, 0, 20, 28)] {
        round_trip("DSAPUBLICBLOB", &blob(hash, standard, seed, group));
    }
    let refused = |blob: Vec<u8>, field: &str, found: u64, at: usize| {
        let error = read("DSAPUBLICBLOB", &blob).unwrap_err();
        assert!(matches!(&error.fault, Fault::Field { field: f, found: n, .. } if *f == field && *n == found), "{error}");
        assert_eq!(error.at, at);
    };
    refused(blob(3, 1, 20, 20), "hashAlgorithm", 3, 8);
    refused(blob(0, 2, 20, 20), "standardVersion", 2, 12);
    refused(blob(0, 1, 65, 20), "cbSeedLength", 65, 16);
    refused(blob(0, 1, 20, 19), "cbGroupSize", 19, 20);
    refused(blob(0, 1, 20, 65), "cbGroupSize", 65, 20);
    let mut none = blob(0, 1, 20, 20);
    none[4..8].fill(0);
    refused(none, "cbKey", 0, 4);
    refused([b"DSPB".as_slice(), &le(&[0]), &[0; 60]].concat(), "cbKey", 0, 4);
    refused([b"DSPB".as_slice(), &le(&[129]), &[0; 600]].concat(), "cbKey", 129, 4);
}

#[test]
fn a_dsa_key_without_a_history_is_written_with_the_hash_of_its_q() {
    let row = row("DSAPUBLICBLOB").unwrap();
    let dsa = |p: usize, q: usize, seed: Option<DsaSeed>| {
        let n = |bytes: usize| Uint::from_be(&vec![0xE1; bytes]);
        KeyParts::DsaPublic(DsaPublic { domain: DsaDomain { p: n(p), q: n(q), g: n(p), seed }, y: n(p) })
    };
    for (q, hash) in [(20, 0), (32, 1), (64, 2)] {
        let blob = encode(row, &dsa(256, q, None), None, None).unwrap();
        assert_eq!(blob.expose()[..4], *b"DPB2");
        assert_eq!(blob.expose()[8..16], le(&[hash, 1])[..], "q of {q} bytes");
        assert_eq!(blob.expose()[16..28], [&le(&[u32::try_from(q).unwrap(); 2])[..], &[0xFF; 4]].concat(), "no seed, as long as q");
    }
    let error = encode(row, &dsa(256, 28, None), None, None).unwrap_err();
    assert!(error.to_string().contains("no hash as long as this q"), "{error}");
    // Which version fits: 1024 bits of p and 160 of q are version 1's.
    for (p, q, magic) in [(128, 20, b"DSPB"), (129, 20, b"DPB2"), (128, 32, b"DPB2")] {
        assert_eq!(encode(row, &dsa(p, q, None), None, None).unwrap().expose()[..4], *magic);
    }
    // Version 1 has 20 bytes for the seed: another one is left out.
    let long = encode(row, &dsa(128, 20, Some(DsaSeed { seed: vec![1; 32], counter: 3 })), None, None).unwrap();
    assert_eq!(long.expose()[8..32], [0xFF; 24]);
    let fitting = encode(row, &dsa(128, 20, Some(DsaSeed { seed: vec![1; 20], counter: 3 })), None, None).unwrap();
    assert_eq!(fitting.expose()[8..32], [&[0, 0, 0, 3][..], &[1; 20]].concat());
}

#[test]
fn a_version_3_blob_keeps_its_bit_lengths_and_its_j() {
    let n = |bytes: usize| vec![0xE1; bytes];
    let header = |b_type: u8, alg: u32| [&[b_type, 3, 0, 0][..], &le(&[alg])].concat();
    let dss = [header(6, 0x2200), b"DSS3".to_vec(), le(&[512, 160, 20]), vec![0xFF; 24], n(64), n(20), n(64), n(3), n(64)].concat();
    let said = round_trip("CAPIDSAPUBLICBLOB", &dss).origin.to_text();
    assert!(said.contains("bitlenJ=20") && said.contains("j=0xe1e1e1"), "{said}");
    let dh = [header(7, 0xAA01), b"\0DH4".to_vec(), le(&[509, 0, 0, 100]), vec![0xFF; 24], n(64), n(64), n(64), n(13)].concat();
    let decoded = round_trip("CAPIDHPRIVATEBLOB", &dh);
    let said = decoded.origin.to_text();
    assert!(said.contains("bitlenP=509") && said.contains("bitlenX=100") && !said.contains("bitlenQ"), "{said}");
    assert!(matches!(&decoded.claim, Claim::Dh(c) if c.q.is_none()));
    let seeded = [header(6, 0xAA02), b"\0DH3".to_vec(), le(&[512, 160, 0]), vec![0xAB; 24], n(64), n(20), n(64), n(64)].concat();
    let decoded = round_trip("CAPIDHPUBLICBLOB", &seeded);
    assert!(matches!(&decoded.claim, Claim::Dh(c) if c.q == Some(Uint::from_be(&n(20)))));
    assert!(decoded.origin.to_text().contains("aiKeyAlg=43522"));
    for (name, blob, field, at) in [
        ("CAPIDHPUBLICBLOB", [header(6, 0xAA01), b"\0DH3".to_vec(), le(&[0, 0, 0]), vec![0xFF; 24]].concat(), "bitlenP", 12),
        ("CAPIDSAPUBLICBLOB", [header(6, 0x2200), b"DSS3".to_vec(), le(&[512, 0, 0]), vec![0xFF; 24], n(192)].concat(), "bitlenQ", 16),
        ("V2CAPIDSAPUBLICBLOB", [[6, 2, 0, 0].to_vec(), le(&[0x2200]), b"DSS1".to_vec(), le(&[0]), vec![1; 44]].concat(), "bitlen", 12),
        ("CAPIDHPRIVATEBLOB", [[7, 2, 0, 0].to_vec(), le(&[0xAA01]), b"\0DH2".to_vec(), le(&[0])].concat(), "bitlen", 12),
    ] {
        let error = read(name, &blob).unwrap_err();
        assert!(matches!(&error.fault, Fault::Field { field: f, found: 0, .. } if *f == field), "{name}: {error}");
        assert_eq!(error.at, at, "{name}");
    }
}

#[test]
fn a_group_beside_a_dh1_blob_completes_it() {
    let blob = [&[6, 2, 0, 0][..], &le(&[0xAA01]), b"\0DH1", &le(&[509]), &[0x1E; 64]].concat();
    let group = |bytes: usize| Some((Uint::from_be(&vec![0x1F; bytes]), Uint::from_u64(2)));
    let ctx = |bytes| Context { type_name: Some("CAPIDHPUBLICBLOB"), dh_group: group(bytes), ..Context::default() };
    let decoded = decode(&blob, &ctx(64)).unwrap();
    let Claim::Dh(claim) = &decoded.claim else { panic!("a DH key") };
    assert_eq!((&claim.p, &claim.g, claim.y.as_ref()), (&group(64).unwrap().0, &Uint::from_u64(2), Some(&Uint::from_le(&[0x1E; 64]))));
    assert!(decoded.origin.to_text().contains("bitlenP=509"));
    let error = decode(&blob, &ctx(63)).unwrap_err();
    assert!(matches!(error.fault, Fault::Field { field: "bitlen", found: 509, .. }) && error.at == 12, "{error}");
    let error = read("CAPIDHPUBLICBLOB", &blob).unwrap_err();
    assert_eq!((error.fault, error.at), (Fault::GroupMissing, 16));
}

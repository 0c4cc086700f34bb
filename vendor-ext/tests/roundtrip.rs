//! Every row of the table at work: what is written is read again, under every name that fits, and written again unchanged.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod support;

use cngtoken_blob::{BLOBS, Context, EncodeError, FaultClass, Origin, SymmetricAlg, UseHint, decode, encode, explain, row};
use cngtoken_key::{Half, KeyParts, Uint};
use std::collections::BTreeSet;
use support::{complete, samples};

#[test]
fn every_supported_row_writes_something_that_it_reads_again() {
    let samples = samples::all();
    for sample in &samples {
        let name = sample.row.name;
        let decoded = decode(&sample.blob, &sample.context(Some(name))).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((decoded.row.name, decoded.half), (name, sample.row.half));
        assert!(sample.row.magics.contains(&decoded.magic));
        let (parts, invented) = complete(&decoded);
        if !invented {
            let origin = Origin::from_text(&decoded.origin.to_text()).unwrap();
            let again = encode(sample.row, &parts, Some(&origin), decoded.symmetric).unwrap();
            assert!(again.expose() == sample.blob, "{name} comes back different");
        }
    }
    let exercised: BTreeSet<&str> = samples.iter().map(|s| s.row.name).collect();
    for row in BLOBS.iter().filter(|row| row.supported() && !row.magics.is_empty()) {
        assert!(exercised.contains(row.name), "{} is never written", row.name);
    }
}

#[test]
fn every_blob_is_recognised_by_its_magic_alone() {
    for sample in samples::all() {
        let decoded = decode(&sample.blob, &sample.context(None)).unwrap_or_else(|e| panic!("{}: {e}", sample.row.name));
        assert_eq!((decoded.half, decoded.row.family), (sample.row.half, sample.row.family), "{}", sample.row.name);
    }
}

#[test]
fn every_cng_key_goes_under_its_generic_name_and_not_under_the_other_half_s() {
    for sample in samples::all() {
        let (own, other) = match sample.row.half {
            Half::Public => ("PUBLICBLOB", "PRIVATEBLOB"),
            Half::Private => ("PRIVATEBLOB", "PUBLICBLOB"),
        };
        let wrong = decode(&sample.blob, &sample.context(Some(other))).unwrap_err();
        assert_eq!((wrong.fault.class(), wrong.at), (FaultClass::Header, 0), "{}: {wrong}", sample.row.name);
        let is_key_blob = sample.row.symbol.starts_with("BCRYPT") && sample.row.name != "KeyDataBlob";
        match decode(&sample.blob, &sample.context(Some(own))) {
            Ok(decoded) => assert!(is_key_blob && decoded.row.name == sample.row.name),
            Err(error) => assert!(!is_key_blob && error.fault.class() == FaultClass::Header, "{}: {error}", sample.row.name),
        }
    }
}

#[test]
fn every_other_type_name_is_refused_as_a_header_fault() {
    for sample in samples::all() {
        for other in BLOBS.iter().filter(|o| o.supported() && !o.magics.iter().any(|m| sample.row.magics.contains(m)) && !o.magics.is_empty()) {
            let error = decode(&sample.blob, &sample.context(Some(other.name))).unwrap_err();
            assert_eq!(error.fault.class(), FaultClass::Header, "{} as {}: {error}", sample.row.name, other.name);
        }
    }
}

#[test]
fn every_truncation_is_refused_and_before_the_magic_as_size() {
    for sample in samples::all() {
        for len in (0..sample.blob.len()).filter(|len| *len < 70 || len % 97 == 0 || len + 3 > sample.blob.len()) {
            let error = decode(&sample.blob[..len], &sample.context(Some(sample.row.name))).unwrap_err();
            assert!(error.at <= len, "{}: {error}", sample.row.name);
            assert!(len >= 4 || error.fault.class() == FaultClass::Size, "{} cut to {len}: {error}", sample.row.name);
        }
        let mut longer = sample.blob.clone();
        longer.push(0);
        let result = decode(&longer, &sample.context(Some(sample.row.name)));
        match sample.row.name.starts_with("MLKEM") {
            true => assert_eq!(result.unwrap().ignored_trailing, 1),
            false => assert_eq!(result.unwrap_err().fault.class(), FaultClass::Size, "{}", sample.row.name),
        }
    }
}

#[test]
fn a_private_key_is_written_as_a_public_blob_and_never_the_reverse() {
    for parts in samples::keys() {
        let Some(public) = parts.public() else { continue };
        let from_private = encode(row("PUBLICBLOB").unwrap(), &parts, None, None).unwrap();
        let from_public = encode(row("PUBLICBLOB").unwrap(), &public, None, None).unwrap();
        assert!(from_private == from_public);
        for private_row in BLOBS.iter().filter(|r| r.half == Half::Private && r.supported() && !r.is_der()) {
            match encode(private_row, &public, None, Some(SymmetricAlg::Aes)) {
                Err(EncodeError::NeedsPrivate { .. } | EncodeError::DoesNotFit { .. }) => {}
                other => panic!("{}: {:?}", private_row.name, other.map(|s| s.len())),
            }
        }
        let generic = encode(row("PRIVATEBLOB").unwrap(), &public, None, None);
        assert_eq!(generic, Err(EncodeError::NeedsPrivate { type_name: "PRIVATEBLOB" }));
    }
}

#[test]
fn the_public_half_of_an_imported_pair_keeps_the_family_of_its_magic() {
    for (private, public) in [(*b"ECK2", *b"ECK1"), (*b"ECS2", *b"ECS1"), (*b"ECKV", *b"ECKP"), (*b"ECDV", *b"ECDP")] {
        let parts = samples::keys().into_iter().find(|k| matches!(k, KeyParts::EcPrivate(k) if k.public.curve.cng_name() == "nistP256")).unwrap();
        let origin = Origin::of(row("ECCPRIVATEBLOB").unwrap(), private).unwrap();
        let blob = encode(row("ECCPUBLICBLOB").unwrap(), &parts, Some(&origin), None).unwrap();
        assert_eq!(blob.expose()[..4], public);
    }
}

#[test]
fn a_key_without_a_history_is_written_canonically() {
    let first = |name: &str, wanted: fn(&KeyParts) -> bool| {
        let parts = samples::keys().into_iter().find(wanted).unwrap();
        encode(row(name).unwrap(), &parts, None, None).unwrap().expose()[..12].to_vec()
    };
    assert_eq!(first("PRIVATEBLOB", |k| matches!(k, KeyParts::RsaPrivate(_)))[..4], *b"RSA3");
    assert_eq!(first("ECCPRIVATEBLOB", |k| matches!(k, KeyParts::EcPrivate(k) if k.public.curve.field_bits() == 256))[..4], *b"ECS2");
    assert_eq!(first("ECCPRIVATEBLOB", |k| matches!(k, KeyParts::MontgomeryPrivate(_)))[..4], *b"ECKV");
    assert_eq!(first("DSAPRIVATEBLOB", |k| matches!(k, KeyParts::DsaPrivate(_)))[..4], *b"DSPV");
    assert_eq!(first("DSAPRIVATEBLOB", |k| matches!(k, KeyParts::DsaPrivate(k) if k.public.domain.p.bit_len() > 1024))[..4], *b"DPV2");
    assert_eq!(first("CAPIDHPRIVATEBLOB", |k| matches!(k, KeyParts::DhPrivate(_)))[8..], *b"\0DH4");
    assert_eq!(first("V2CAPIDSAPRIVATEBLOB", |k| matches!(k, KeyParts::DsaPrivate(_)))[8..], *b"DSS2");
    assert_eq!(first("CAPIPRIVATEBLOB", |k| matches!(k, KeyParts::RsaPrivate(_)))[..8], [7, 2, 0, 0, 0, 0xA4, 0, 0]);
    assert_eq!(first("PRIVATEBLOB", |k| matches!(k, KeyParts::MlKemPrivate(k) if k.seed.is_some()))[..4], *b"MLKS");
    assert_eq!(first("PRIVATEBLOB", |k| matches!(k, KeyParts::MlKemPrivate(k) if k.seed.is_none()))[..4], *b"MLKR");
}

#[test]
fn a_seed_blob_needs_the_seed() {
    let parts = samples::keys().into_iter().find(|k| matches!(k, KeyParts::MlDsaPrivate(k) if k.seed.is_none())).unwrap();
    let error = encode(row("PQDSAPRIVATESEEDBLOB").unwrap(), &parts, None, None).unwrap_err();
    assert_eq!(error, EncodeError::SeedUnknown { type_name: "PQDSAPRIVATESEEDBLOB" });
}

#[test]
fn an_explanation_names_every_byte_and_shows_no_secret() {
    for sample in samples::all() {
        let explanation = explain(&sample.blob, &sample.context(Some(sample.row.name)));
        let decoded = explanation.outcome.unwrap();
        assert_eq!(explanation.row.unwrap().name, sample.row.name);
        let mut next = 0;
        for field in &explanation.fields {
            assert_eq!(field.offset, next, "{}: {}", sample.row.name, field.name);
            next += field.len;
            assert!(!field.secret || field.meaning == format!("secret, {} bytes", field.len), "{}", field.name);
        }
        assert_eq!(next, sample.blob.len(), "{}", sample.row.name);
        assert_eq!(explanation.fields.iter().any(|f| f.secret), decoded.half == Half::Private, "{}", sample.row.name);
    }
}

#[test]
fn an_explanation_of_a_broken_blob_keeps_what_was_read() {
    let sample = samples::all().into_iter().find(|s| s.row.name == "RSAPUBLICBLOB").unwrap();
    let explanation = explain(&sample.blob[..30], &Context::default());
    assert_eq!(explanation.outcome.unwrap_err().fault.class(), FaultClass::Size);
    assert_eq!(explanation.row.unwrap().name, "RSAPUBLICBLOB");
    assert_eq!(
        explanation.fields.iter().map(|f| f.name).collect::<Vec<_>>(),
        ["Magic", "BitLength", "cbPublicExp", "cbModulus", "cbPrime1", "cbPrime2"]
    );
}

#[test]
fn the_algorithm_decides_only_what_the_magic_leaves_open() {
    let samples = samples::all();
    let find = |magic: &[u8; 4], len: usize| samples.iter().find(|s| s.blob.starts_with(magic) && s.blob.len() == len).unwrap();
    let read = |blob: &[u8], alg| decode(blob, &Context { alg_id: Some(alg), ..Context::default() });
    let class = |blob: &[u8], alg| read(blob, alg).unwrap_err().fault.class();

    let rsa = find(b"RSA1", 283);
    assert_eq!(read(&rsa.blob, "RSA").unwrap().hint, UseHint::Family);
    assert_eq!(read(&rsa.blob, "RSA_SIGN").unwrap().hint, UseHint::SignOnly);
    assert_eq!(class(&rsa.blob, "DSA"), FaultClass::Header);
    assert_eq!(class(&rsa.blob, "rsa"), FaultClass::Header);

    let ecdh = find(b"ECK2", 104);
    assert_eq!(read(&ecdh.blob, "ECDH").unwrap().hint, UseHint::DeriveAndSign);
    assert_eq!(read(&ecdh.blob, "ECDH_P256").unwrap().hint, UseHint::DeriveAndSign);
    assert_eq!(class(&ecdh.blob, "ECDSA_P256"), FaultClass::Header);
    assert_eq!(class(&ecdh.blob, "ECDH_P384"), FaultClass::Header);

    let generic = find(b"ECDV", 104);
    assert_eq!(class(&generic.blob, "ECDSA"), FaultClass::CurveMissing);
    assert_eq!(read(&generic.blob, "ECDSA_P256").unwrap().hint, UseHint::SignOnly);

    let symmetric = find(b"KDBM", 28);
    assert_eq!(read(&symmetric.blob, "AES").unwrap().symmetric, Some(SymmetricAlg::Aes));
    assert_eq!(class(&symmetric.blob, "RSA"), FaultClass::Header);
    let unnamed = decode(&symmetric.blob, &Context::default()).unwrap();
    assert_eq!(unnamed.symmetric, Some(SymmetricAlg::Generic));
}

#[test]
fn a_dh1_blob_needs_a_group_of_its_size() {
    let sample = samples::all().into_iter().find(|s| s.blob.get(8..12) == Some(b"\0DH1")).unwrap();
    let alone = decode(&sample.blob, &Context::default()).unwrap_err();
    assert_eq!(alone.fault.class(), FaultClass::Incomplete);
    let group = Some((Uint::from_u64(23), Uint::from_u64(5)));
    let other = decode(&sample.blob, &Context { dh_group: group, ..Context::default() }).unwrap_err();
    assert_eq!(other.fault.class(), FaultClass::Header);
}

#[test]
fn errors_inside_a_wrapped_blob_count_from_the_outermost_byte() {
    let mut sample = samples::all().into_iter().find(|s| s.row.name == "PQPrivateKeyBlob" && s.blob.windows(4).any(|w| w == b"DSSS")).unwrap();
    let inner = sample.blob.windows(4).position(|w| w == b"DSSS").unwrap();
    sample.blob[inner + 8] ^= 1;
    let error = decode(&sample.blob, &Context::default()).unwrap_err();
    assert!(error.at > inner, "{error}");
    sample.blob[inner] = b'X';
    let error = decode(&sample.blob, &Context::default()).unwrap_err();
    assert_eq!((error.fault.class(), error.at), (FaultClass::Header, inner));
}

#[test]
fn reasons_say_what_was_found_and_what_was_expected() {
    let reason = |blob: &[u8], type_name| decode(blob, &support::context(type_name, None)).unwrap_err().to_string();
    assert_eq!(reason(b"RSA9....", None), "unknown magic RSA9, it looks like an RSA magic (RSA1, RSA2, RSA3) (at offset 0)");
    assert_eq!(reason(b"RSA1....", Some("PRIVATEBLOB")), "magic RSA1 belongs to RSAPUBLICBLOB, not to PRIVATEBLOB (at offset 0)");
    assert_eq!(
        reason(b"ECS9....", Some("PUBLICBLOB")),
        "magic ECS9 is not one of PUBLICBLOB, it looks like an ECDSA magic (ECS1 to ECS6) (at offset 0)"
    );
    assert_eq!(reason(b"ab", None), "the magic needs 4 bytes, 2 are left (at offset 0)");
    assert_eq!(reason(b"RSA1", Some("RSABLOB")), "no blob type is called \"RSABLOB\" (at offset 0)");
    assert!(reason(b"", Some("Rfc3565KeyWrapBlob")).contains("C_UnwrapKey"));
    assert!(reason(b"", Some("BCRYPT_PKCS11_RSA_AES_WRAP_KEY_BLOB")).contains("CKM_RSA_AES_KEY_WRAP"));
    assert!(reason(b"LMPK", Some("PQDSAPUBLICBLOB")).contains("LMS"));
    assert!(reason(b"DHPM....", Some("DHPUBLICBLOB")).contains("BCRYPT_DH_PARAMETERS_MAGIC"));
    assert!(reason(&[0x30, 0x82, 1, 2], None).contains("PKCS8_PRIVATEKEY"));
    assert!(reason(&[1, 2, 0, 0, 0x10, 0x66, 0, 0], None).contains("SIMPLEBLOB"));
}

//! What a blob says and why it is refused, to the byte: hints, notes of what is not canonical, the values in reasons. Each test is
//! one promise of the specification that a round trip alone would not notice broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod support;

use cngtoken_blob::{
    BLOBS, Claim, Context, CurveName, EncodeError, Expected, Fault, FaultClass, Origin, SymmetricAlg, UseHint, decode, encode, explain, magic_text,
    row, sniff,
};
use cngtoken_key::*;
use support::reading::{key, le, read, round_trip, sample};
use support::{complete, samples};

#[test]
fn a_row_s_family_is_that_of_the_keys_it_carries() {
    for sample in samples::all() {
        let family = complete(&decode(&sample.blob, &sample.context(Some(sample.row.name))).unwrap()).0.family();
        let several =
            ["ECCPUBLICBLOB", "ECCPRIVATEBLOB", "PQDSAPUBLICBLOB", "PQDSAPRIVATEBLOB", "PQPrivateKeyBlob", "PVK"].contains(&sample.row.name);
        assert_eq!(sample.row.family, (!several).then_some(family), "{}", sample.row.name);
    }
}

#[test]
fn the_other_names_of_the_mlkem_types_are_known() {
    assert_eq!(row("BCRYPT_MLKEM_ENCAPSULATION_BLOB").unwrap().name, "MLKEMPUBLICBLOB");
    assert_eq!(row("BCRYPT_MLKEM_DECAPSULATION_BLOB").unwrap().name, "MLKEMPRIVATEBLOB");
}

#[test]
fn refused_types_with_a_magic_are_recognised_by_it() {
    let ncrypt = |magic: &[u8]| [&le(&[16]), magic, &[0; 8]].concat();
    let cases = [
        ("PKCS11RsaAesWrapBlob", [b"RAPW".as_slice(), &[0; 8]].concat()),
        ("ProtectedKeyBlob", ncrypt(b"PRTK")),
        ("KDFKeyBlob", ncrypt(b"KDF1")),
        ("PcpTpmProtectedKeyBlob", [b"KPTM".as_slice(), &[0; 8]].concat()),
    ];
    for (name, blob) in cases {
        assert_eq!(sniff(&blob).unwrap().name, name);
        let error = decode(&blob, &Context::default()).unwrap_err();
        assert_eq!(error.fault, Fault::NotSupported { what: row(name).unwrap().about }, "{name}");
    }
    // The NCrypt header must say 16 bytes, and the magic of an NCrypt structure does not stand at the start.
    assert_eq!(sniff(&[&le(&[12]), b"PRTK".as_slice()].concat()).unwrap_err().fault.class(), FaultClass::UnknownType);
    assert_eq!(sniff(b"PRTK....").unwrap_err().fault.class(), FaultClass::UnknownType);
    assert_eq!(sniff(&[&le(&[16]), b"RSA1".as_slice()].concat()).unwrap_err().fault.class(), FaultClass::UnknownType);
}

#[test]
fn cryptoapi_blobs_of_other_kinds_are_named() {
    let words = [
        (1, "SIMPLEBLOB"),
        (8, "PLAINTEXTKEYBLOB"),
        (9, "OPAQUEKEYBLOB"),
        (0xA, "PUBLICKEYBLOBEX"),
        (0xB, "SYMMETRICWRAPKEYBLOB"),
        (0xC, "KEYSTATEBLOB"),
    ];
    for (b_type, word) in words {
        for version in [2, 3] {
            let error = decode(&[b_type, version, 0, 0, 0x10, 0x66, 0, 0], &Context::default()).unwrap_err();
            assert_eq!((error.fault.class(), error.at), (FaultClass::NotSupported, 0));
            assert!(error.to_string().contains(word), "{error}");
        }
    }
    for other in [[2, 2, 0, 0], [1, 1, 0, 0], [1, 2, 1, 0], [1, 2, 0, 1]] {
        assert_eq!(sniff(&[&other[..], &[0; 8]].concat()).unwrap_err().fault.class(), FaultClass::UnknownType, "{other:?}");
    }
}

#[test]
fn a_fault_in_the_blobheader_is_told_at_its_byte_also_inside_a_pvk_file() {
    let pvk = sample("PVK", 32, b"RSA2").blob;
    for (offset, field) in [(1, "bVersion"), (2, "reserved"), (5, "aiKeyAlg")] {
        let mut broken = pvk.clone();
        broken[24 + offset] ^= 4;
        let error = read("PVK", &broken).unwrap_err();
        let at = 24 + if offset == 5 { 4 } else { offset };
        match error.fault {
            // The header no longer looks like a CryptoAPI blob's, so that its start is what is wrong.
            Fault::UnknownMagic { .. } => assert!(offset < 4 && error.at == 24, "{offset}: {}", error.at),
            Fault::Field { field: found, .. } => assert_eq!((found, error.at), (field, at)),
            other => panic!("{offset}: {other}"),
        }
    }
    let mut version_3 = pvk;
    version_3[25] = 3;
    let error = read("PVK", &version_3).unwrap_err();
    assert_eq!((error.fault, error.at), (Fault::Field { field: "bVersion", found: 3, expected: Expected::Exactly(2) }, 25));
}

#[test]
fn a_pvk_file_says_which_of_its_fields_is_wrong() {
    let pvk = sample("PVK", 32, b"RSA2").blob;
    let with = |at: usize, value: u32| {
        let mut blob = pvk.clone();
        blob[at..at + 4].copy_from_slice(&value.to_le_bytes());
        read("PVK", &blob)
    };
    let reserved = with(4, 7).unwrap_err();
    assert_eq!((reserved.fault, reserved.at), (Fault::Field { field: "reserved", found: 7, expected: Expected::Exactly(0) }, 4));
    for at in [12, 16] {
        let locked = with(at, 1).unwrap_err();
        assert_eq!((locked.fault.class(), locked.at), (FaultClass::NotSupported, 12));
    }
    assert!(with(8, 2).unwrap().origin.to_text().contains("keytype=2"));
    assert!(!with(8, 1).unwrap().origin.to_text().contains("keytype"));
    let dsa = sample("PVK", 32, b"DSS2").blob;
    assert_eq!(dsa[8..12], [2, 0, 0, 0], "AT_SIGNATURE for DSA");
    assert!(!read("PVK", &dsa).unwrap().origin.to_text().contains("keytype"));
}

#[test]
fn a_pvk_file_holds_a_private_cryptoapi_blob_and_nothing_else() {
    let wrap = |blob: &[u8]| [&[0x1E, 0xF1, 0xB5, 0xB0][..], &le(&[0, 1, 0, 0, u32::try_from(blob.len()).unwrap()]), blob].concat();
    for (name, at, magic) in [("RSAPRIVATEBLOB", 0, b"RSA2"), ("CAPIPUBLICBLOB", 8, b"RSA1")] {
        let error = read("PVK", &wrap(&sample(name, at, magic).blob)).unwrap_err();
        assert!(matches!(error.fault, Fault::WrongMagic { belongs: Some(belongs), .. } if belongs == name), "{error}");
        assert_eq!(error.at, 24);
    }
    for (name, magic) in
        [("CAPIPRIVATEBLOB", b"RSA2"), ("CAPIDHPRIVATEBLOB", b"\0DH4"), ("V2CAPIDSAPRIVATEBLOB", b"DSS2"), ("CAPIDSAPRIVATEBLOB", b"DSS4")]
    {
        round_trip_or_incomplete(&wrap(&sample(name, 8, magic).blob));
    }
}

/// DSS2 holds no y, so that its parts are partly invented; it is written again all the same.
fn round_trip_or_incomplete(blob: &[u8]) {
    let decoded = read("PVK", blob).unwrap();
    let (parts, _) = complete(&decoded);
    let origin = Origin::from_text(&decoded.origin.to_text()).unwrap();
    assert!(encode(decoded.row, &parts, Some(&origin), None).unwrap().expose() == blob);
}

#[test]
fn the_use_that_a_blob_names_is_told() {
    let mut rsa = sample("CAPIPRIVATEBLOB", 8, b"RSA2").blob;
    assert_eq!(read("CAPIPRIVATEBLOB", &rsa).unwrap().hint, UseHint::Family);
    assert!(explain(&rsa, &Context::default()).fields.iter().any(|f| f.name == "aiKeyAlg" && f.meaning == "41984, CALG_RSA_KEYX"));
    rsa[4..8].copy_from_slice(&0x2400_u32.to_le_bytes());
    assert_eq!(read("CAPIPRIVATEBLOB", &rsa).unwrap().hint, UseHint::SignOnly);
    assert!(explain(&rsa, &Context::default()).fields.iter().any(|f| f.name == "aiKeyAlg" && f.meaning == "9216, CALG_RSA_SIGN"));
    for (name, magic, hint) in [
        ("ECCPRIVATEBLOB", b"ECS2", UseHint::SignOnly),
        ("ECCPRIVATEBLOB", b"ECK2", UseHint::DeriveAndSign),
        ("ECCFULLPRIVATEBLOB", b"ECDV", UseHint::SignOnly),
        ("ECCFULLPRIVATEBLOB", b"ECKV", UseHint::DeriveAndSign),
        ("DHPRIVATEBLOB", b"DHPV", UseHint::Family),
    ] {
        assert_eq!(read(name, &sample(name, 0, magic).blob).unwrap().hint, hint, "{name}");
    }
}

#[test]
fn bit_lengths_are_bounded_by_the_modulus() {
    let mut capi = sample("CAPIPUBLICBLOB", 8, b"RSA1").blob;
    assert_eq!(capi[12..16], [0, 2, 0, 0]);
    let last = capi.len() - 1;
    // n may be shorter than bitlen says by 7 bits and no more; its most significant byte is the last one.
    capi[last] = 1;
    round_trip("CAPIPUBLICBLOB", &capi);
    capi[last] = 0;
    capi[last - 1] = 0x80;
    let error = read("CAPIPUBLICBLOB", &capi).unwrap_err();
    assert_eq!((error.fault, error.at), (Fault::Field { field: "bitlen", found: 512, expected: Expected::Between(504, 511) }, 12));

    let mut cng = sample("RSAPUBLICBLOB", 0, b"RSA1").blob;
    let end = cng.len();
    cng[end - 64] = 1;
    for (bits, ok) in [(504, false), (505, true), (512, true), (513, false)] {
        cng[4..8].copy_from_slice(&u32::to_le_bytes(bits));
        match read("RSAPUBLICBLOB", &cng) {
            Ok(_) => assert!(ok, "{bits}"),
            Err(error) => {
                assert!(!ok, "{bits}");
                let expected = Expected::Between(505, 512);
                assert_eq!((error.fault, error.at), (Fault::Field { field: "BitLength", found: u64::from(bits), expected }, 4));
            }
        }
    }
}

#[test]
fn a_length_of_zero_is_refused_at_its_field() {
    let mut rsa = sample("RSAFULLPRIVATEBLOB", 0, b"RSA3").blob;
    for (at, field) in [(8, "cbPublicExp"), (12, "cbModulus"), (16, "cbPrime1"), (20, "cbPrime2")] {
        let mut header = rsa[..24].to_vec();
        header[at..at + 4].fill(0);
        let [e, n, p, q] = [8, 12, 16, 20].map(|i| usize::try_from(u32::from_le_bytes(header[i..i + 4].try_into().unwrap())).unwrap());
        header.resize(24 + e + 2 * n + 3 * p + 2 * q, 1);
        let error = read("RSAFULLPRIVATEBLOB", &header).unwrap_err();
        assert_eq!((error.fault, error.at), (Fault::Field { field, found: 0, expected: Expected::Words("at least 1") }, at));
    }
    // The prime lengths of a public blob say nothing.
    rsa = sample("RSAPUBLICBLOB", 0, b"RSA1").blob;
    rsa[16..24].fill(9);
    round_trip("RSAPUBLICBLOB", &rsa);
    let wide = [b"RSA1".as_slice(), &le(&[512, 9, 64, 0, 0]), &[1], &[0; 8], &[0xFF; 64]].concat();
    let error = read("RSAPUBLICBLOB", &wide).unwrap_err();
    assert_eq!((error.fault, error.at), (Fault::Number { name: "PublicExp", why: "is wider than 64 bits" }, 24));
    let padded = [b"RSA1".as_slice(), &le(&[512, 9, 64, 0, 0]), &[0], &[0xFF; 8], &[0xFF; 64]].concat();
    round_trip("RSAPUBLICBLOB", &padded);
}

#[test]
fn a_cng_blob_under_a_cryptoapi_name_is_told_apart_at_its_own_magic() {
    let blob = sample("RSAPUBLICBLOB", 0, b"RSA1").blob;
    let error = read("CAPIPUBLICBLOB", &blob).unwrap_err();
    let fault = Fault::WrongMagic { type_name: "CAPIPUBLICBLOB", found: *b"RSA1", belongs: Some("RSAPUBLICBLOB"), like: None };
    assert_eq!((error.fault, error.at), (fault, 0));
    let capi = sample("CAPIPUBLICBLOB", 8, b"RSA1").blob;
    let error = read("CAPIPRIVATEBLOB", &capi).unwrap_err();
    let fault = Fault::WrongMagic { type_name: "CAPIPRIVATEBLOB", found: *b"RSA1", belongs: Some("CAPIPUBLICBLOB"), like: None };
    assert_eq!((error.fault, error.at), (fault, 8));
    // A magic that is known and no key's is named under any type.
    let error = read("DHPUBLICBLOB", b"DHPM\x01\0\0\0").unwrap_err();
    assert!(matches!(error.fault, Fault::WrongMagic { belongs: Some("BCRYPT_DH_PARAMETERS_MAGIC"), .. }), "{error}");
}

#[test]
fn everybody_who_names_a_curve_must_name_the_same() {
    let blob = sample("ECCPUBLICBLOB", 0, b"ECS1").blob;
    let beside = |curve| decode(&blob, &Context { curve: Some(curve), ..Context::default() });
    assert!(beside(CurveName::Weierstrass(Curve::P256)).is_ok());
    let error = beside(CurveName::Weierstrass(Curve::P384)).unwrap_err();
    assert_eq!((error.fault, error.at), (Fault::CurveDisagrees { given: "nistP384", found: "nistP256" }, 0));
    let full = sample("ECCFULLPUBLICBLOB", 0, b"ECDP");
    let error = decode(&full.blob, &Context { curve: Some(CurveName::X25519), ..full.context(None) }).unwrap_err();
    assert!(matches!(error.fault, Fault::CurveDisagrees { given: "curve25519", .. }) && error.at == 32, "{error}");
    let named = decode(&full.blob, &Context { alg_id: Some("ECDSA_P521"), ..Context::default() }).unwrap_err();
    assert!(matches!(named.fault, Fault::CurveDisagrees { given: "nistP521", .. }), "{named}");
    // curve25519 is for agreement only.
    let montgomery = [b"ECDP".as_slice(), &le(&[32]), &[9], &[0; 63]].concat();
    let error = decode(&montgomery, &Context { curve: Some(CurveName::X25519), ..Context::default() }).unwrap_err();
    assert_eq!(error.fault, Fault::CurveDisagrees { given: "curve25519", found: "a curve for ECDSA" });
    assert_eq!(CurveName::X25519.cng_name(), "curve25519");
    assert_eq!(CurveName::Weierstrass(Curve::P521).cng_name(), "nistP521");
}

#[test]
fn curves_have_names_and_identifiers() {
    for curve in Curve::ALL {
        assert_eq!(CurveName::from_cng_name(curve.cng_name()), Ok(CurveName::Weierstrass(curve)));
        assert_eq!(CurveName::from_ec_params(curve.oid_der()), Ok(CurveName::Weierstrass(curve)));
    }
    assert_eq!(CurveName::from_cng_name("curve25519"), Ok(CurveName::X25519));
    assert_eq!(CurveName::from_ec_params(b"\x13\x0Acurve25519"), Ok(CurveName::X25519));
    assert_eq!(CurveName::from_cng_name("nistP192").unwrap_err().to_string(), "the curve nistP192 is not supported (at offset 0)");
    assert_eq!(CurveName::from_ec_params(&[6, 1, 0]).unwrap_err().fault.class(), FaultClass::CurveUnknown);
}

#[test]
fn a_point_with_one_coordinate_zero_is_a_point() {
    let mut blob = sample("ECCPRIVATEBLOB", 0, b"ECS2").blob;
    blob[8..40].fill(0);
    let Claim::Ec(claim) = read("ECCPRIVATEBLOB", &blob).unwrap().claim else { panic!("an EC key") };
    assert!(claim.point.is_some_and(|(x, y)| x.is_zero() && !y.is_zero()));
    blob[40..72].fill(0);
    let Claim::Ec(claim) = read("ECCPRIVATEBLOB", &blob).unwrap().claim else { panic!("an EC key") };
    assert!(claim.point.is_none());
}

#[test]
fn curve25519_blobs_have_a_zero_y_and_a_clamped_d() {
    let public = |x: [u8; 32], y: u8| [b"ECKP".as_slice(), &le(&[32]), &x, &[y; 32]].concat();
    let private = |x: [u8; 32], d: [u8; 32]| [b"ECKV".as_slice(), &le(&[32]), &x, &[0; 32], &d].concat();
    let ctx = Context { curve: Some(CurveName::X25519), ..Context::default() };
    let fault = |blob: &[u8]| decode(blob, &ctx).map(|d| d.hint).map_err(|e| (e.fault, e.at));
    let mut d = [0x55; 32];
    d[0] = 0x50;
    d[31] = 0x55;
    assert_eq!(fault(&public([9; 32], 0)), Ok(UseHint::Family));
    assert_eq!(fault(&private([9; 32], d)), Ok(UseHint::Family));
    assert_eq!(fault(&public([9; 32], 1)), Err((Fault::Number { name: "Y", why: "must be zero for curve25519" }, 40)));
    assert_eq!(fault(&public([0; 32], 0)), Err((Fault::Number { name: "X", why: "is zero" }, 8)));
    for (at, value) in [(0, 0x51), (0, 0x54), (31, 0xD5), (31, 0x15)] {
        let mut wrong = d;
        wrong[at] = value;
        assert_eq!(fault(&private([9; 32], wrong)), Err((Fault::Number { name: "d", why: "is not clamped as RFC 7748 says" }, 72)), "{at} {value}");
    }
    let Claim::Montgomery(claim) = decode(&private([0; 32], d), &ctx).unwrap().claim else { panic!("an X25519 key") };
    assert!(claim.u.is_none() && claim.k == Some(Secret::new(d.to_vec())));
    // A scalar that another source gave unclamped is written clamped.
    let parts = KeyParts::MontgomeryPrivate(MontgomeryPrivate {
        public: MontgomeryPublic { curve: MontgomeryCurve::X25519, u: vec![9; 32] },
        k: Secret::new(vec![0xFF; 32]),
    });
    let blob = encode(row("ECCPRIVATEBLOB").unwrap(), &parts, None, None).unwrap();
    assert_eq!((blob.expose()[72], blob.expose()[103]), (0xF8, 0x7F));
}

#[test]
fn an_explicit_curve_is_taken_with_its_seed_and_refused_with_its_type() {
    let blob = sample("ECCFULLPUBLICBLOB", 0, b"ECDP").blob;
    let Claim::Ec(claim) = read("ECCFULLPUBLICBLOB", &blob).unwrap().claim else { panic!("an EC key") };
    let width = claim.curve.field_bytes();
    let before = 32 + 6 * width + 1;
    let mut seeded = [&blob[..before], &[0xC4; 20], &blob[before..]].concat();
    seeded[28..32].copy_from_slice(&20_u32.to_le_bytes());
    let decoded = round_trip("ECCFULLPUBLICBLOB", &seeded);
    assert!(decoded.origin.to_text().contains("curveSeed=0xc4c4"));
    assert!(!read("ECCFULLPUBLICBLOB", &blob).unwrap().origin.to_text().contains("curveSeed"));
    for (curve_type, words) in [(2, "Edwards"), (3, "Montgomery"), (4, "unknown type")] {
        let mut other = blob.clone();
        other[8..12].copy_from_slice(&u32::to_le_bytes(curve_type));
        let error = read("ECCFULLPUBLICBLOB", &other).unwrap_err();
        assert_eq!((error.fault.class(), error.at), (FaultClass::CurveUnknown, 8));
        assert!(error.to_string().contains(words), "{error}");
    }
    for (at, value, field) in [
        (4, 2, "dwVersion"),
        (12, 1, "dwCurveGenerationAlgId"),
        (16, 0, "cbFieldLength"),
        (16, 67, "cbFieldLength"),
        (20, 0, "cbSubgroupOrder"),
        (20, 67, "cbSubgroupOrder"),
        (24, 2, "cbCofactor"),
        (28, 67, "cbSeed"),
    ] {
        let mut other = blob.clone();
        other[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
        let error = read("ECCFULLPUBLICBLOB", &other).unwrap_err();
        assert!(matches!(&error.fault, Fault::Field { field: f, found, .. } if *f == field && *found == u64::from(value)), "{error}");
        assert_eq!(error.at, at);
    }
    // One parameter that differs, the cofactor too, makes it an unknown curve.
    for at in (32..before).step_by(width).chain([before - 1]) {
        let mut other = blob.clone();
        other[at] ^= 1;
        let error = read("ECCFULLPUBLICBLOB", &other).unwrap_err();
        assert_eq!((error.fault.class(), error.at), (FaultClass::CurveUnknown, 32), "{at}");
    }
}

#[test]
fn symmetric_keys_say_their_cipher_and_their_sizes() {
    let data = |len: usize| [b"KDBM".as_slice(), &le(&[1, u32::try_from(len).unwrap()]), &vec![7; len]].concat();
    let aes = |len| decode(&data(len), &Context { alg_id: Some("AES"), ..Context::default() }).map(|d| d.symmetric).map_err(|e| (e.fault, e.at));
    for len in [16, 24, 32] {
        assert_eq!(aes(len), Ok(Some(SymmetricAlg::Aes)));
    }
    for len in [8, 17, 33, 64] {
        assert_eq!(aes(len), Err((Fault::KeySize { bits: 8 * len as u64, expected: "128, 192 or 256 for AES" }, 8)));
    }
    assert_eq!(aes(0), Err((Fault::KeySize { bits: 0, expected: "at least 8" }, 8)));
    assert_eq!(read("KeyDataBlob", &data(17)).unwrap().symmetric, Some(SymmetricAlg::Generic));
    let mut version_2 = data(16);
    version_2[4] = 2;
    let error = read("KeyDataBlob", &version_2).unwrap_err();
    assert_eq!((error.fault, error.at), (Fault::Field { field: "dwVersion", found: 2, expected: Expected::Exactly(1) }, 4));

    let cipher = sample("CipherKeyBlob", 4, b"CPHR").blob;
    let decoded = round_trip("CipherKeyBlob", &cipher);
    assert_eq!((decoded.origin.type_name(), decoded.origin.magic(), decoded.symmetric), ("CipherKeyBlob", *b"CPHR", Some(SymmetricAlg::Aes)));
    let named = |alg| decode(&cipher, &Context { alg_id: Some(alg), ..Context::default() }).map_err(|e| (e.fault.class(), e.at));
    assert!(named("AES").is_ok());
    assert_eq!(named("RSA").unwrap_err(), (FaultClass::Header, 16));
    let mut size = cipher.clone();
    size[0] = 20;
    let error = read("CipherKeyBlob", &size).unwrap_err();
    assert_eq!((error.fault, error.at), (Fault::Field { field: "cbSize", found: 20, expected: Expected::Exactly(16) }, 0));
    let mut des = cipher;
    des[16] = b'B';
    assert_eq!(read("CipherKeyBlob", &des).map_err(|e| (e.fault.class(), e.at)).unwrap_err(), (FaultClass::NotSupported, 16));
    assert_eq!(SymmetricAlg::Aes.alg_id(), Some("AES"));
    assert_eq!(SymmetricAlg::Generic.alg_id(), None);
    let generic = encode(row("CipherKeyBlob").unwrap(), &key(|k| matches!(k, KeyParts::Secret(_))), None, Some(SymmetricAlg::Generic)).unwrap_err();
    assert!(matches!(generic, EncodeError::DoesNotFit { .. }));
}

#[test]
fn what_a_type_cannot_hold_is_told_apart_from_a_missing_private_half() {
    let families = |name: &str| match name {
        _ if name.starts_with("RSA") || name.starts_with("CAPIP") => vec![Family::Rsa],
        _ if name.starts_with("ECCFULL") => vec![Family::Ec],
        _ if name.starts_with("ECC") => vec![Family::Ec, Family::Montgomery],
        _ if name.contains("CAPIDSA") || name.starts_with("DSA") => vec![Family::Dsa],
        _ if name.contains("CAPIDH") || name.starts_with("DH") => vec![Family::Dh],
        _ if name.starts_with("MLKEM") => vec![Family::MlKem],
        _ if name.starts_with("PQDSA") => vec![Family::MlDsa, Family::SlhDsa],
        _ => vec![],
    };
    let layouts = BLOBS.iter().filter(|r| r.supported() && !r.magics.is_empty() && !["PVK", "PQPrivateKeyBlob"].contains(&r.name));
    for row in layouts {
        for private in samples::keys() {
            let own = families(row.name).contains(&private.family());
            if let (Some(public), Half::Private) = (private.public(), row.half) {
                let error = encode(row, &public, None, Some(SymmetricAlg::Aes)).unwrap_err();
                assert_eq!(matches!(error, EncodeError::NeedsPrivate { .. }), own, "{} {:?}: {error}", row.name, public.family());
            }
            if !own && private.family() != Family::Secret {
                let error = encode(row, &private, None, Some(SymmetricAlg::Aes)).unwrap_err();
                assert!(matches!(error, EncodeError::DoesNotFit { .. }), "{} {:?}: {error}", row.name, private.family());
            }
        }
    }
    let edwards = KeyParts::EdwardsPublic(EdwardsPublic { curve: EdwardsCurve::Ed25519, point: vec![1; 32] });
    for name in ["ECCPUBLICBLOB", "ECCPRIVATEBLOB"] {
        let error = encode(row(name).unwrap(), &edwards, None, None).unwrap_err();
        assert_eq!(error.to_string(), format!("the key does not fit into {name}: CNG has no blob for Edwards curves"));
    }
    let generic = encode(row("PUBLICBLOB").unwrap(), &edwards, None, None).unwrap_err();
    assert!(generic.to_string().contains("no CNG layout"), "{generic}");
    let refused = encode(row("OpaqueKeyBlob").unwrap(), &edwards, None, None).unwrap_err();
    assert!(refused.to_string().starts_with("OpaqueKeyBlob is not written: a provider's own form"), "{refused}");
}

#[test]
fn the_generic_name_means_the_cng_layout_that_the_key_came_as_and_no_other_one() {
    let start =
        |name: &str, parts: &KeyParts, origin: Option<&Origin>| encode(row(name).unwrap(), parts, origin, None).unwrap().expose()[..4].to_vec();
    let rsa = key(|k| matches!(k, KeyParts::RsaPrivate(_)));
    let from = |name: &str, magic: &[u8; 4]| Origin::of(row(name).unwrap(), *magic).unwrap();
    assert_eq!(start("PRIVATEBLOB", &rsa, Some(&from("RSAPRIVATEBLOB", b"RSA2"))), b"RSA2");
    for (name, magic) in [("CAPIPRIVATEBLOB", b"RSA2"), ("PVK", &[0x1E, 0xF1, 0xB5, 0xB0]), ("RSAPUBLICBLOB", b"RSA1")] {
        assert_eq!(start("PRIVATEBLOB", &rsa, Some(&from(name, magic))), b"RSA3", "{name}");
        assert_eq!(start("PUBLICBLOB", &rsa, Some(&from(name, magic))), b"RSA1", "{name}");
    }
    let ec = key(|k| matches!(k, KeyParts::EcPrivate(k) if k.public.curve == Curve::P256));
    assert_eq!(start("PUBLICBLOB", &ec, Some(&from("RSAPUBLICBLOB", b"RSA1"))), b"ECS1");
    assert_eq!(start("PRIVATEBLOB", &ec, Some(&from("ECCFULLPRIVATEBLOB", b"ECKV"))), b"ECKV");
    assert_eq!(start("ECCPRIVATEBLOB", &ec, Some(&from("ECCFULLPRIVATEBLOB", b"ECKV"))), b"ECK2");
    assert_eq!(start("ECCPRIVATEBLOB", &ec, Some(&from("ECCPRIVATEBLOB", b"ECDV"))), b"ECDV");
    let p224 = key(|k| matches!(k, KeyParts::EcPrivate(k) if k.public.curve == Curve::P224));
    assert_eq!(start("ECCPRIVATEBLOB", &p224, None), b"ECDV");
    assert_eq!(start("ECCPUBLICBLOB", &p224, Some(&from("ECCPRIVATEBLOB", b"ECK2"))), b"ECKP");
    let with_seed = key(|k| matches!(k, KeyParts::MlDsaPrivate(k) if k.seed.is_some()));
    let without = key(|k| matches!(k, KeyParts::MlDsaPrivate(k) if k.seed.is_none()));
    assert_eq!((start("PRIVATEBLOB", &with_seed, None), start("PRIVATEBLOB", &without, None)), (b"DSSS".to_vec(), b"DSSK".to_vec()));
    let secret = encode(row("PRIVATEBLOB").unwrap(), &key(|k| matches!(k, KeyParts::Secret(_))), Some(&from("KeyDataBlob", b"KDBM")), None);
    assert!(matches!(secret, Err(EncodeError::DoesNotFit { .. })));
}

#[test]
fn reasons_hold_the_numbers() {
    let short = read("DHPUBLICBLOB", &[b"DHPB".as_slice(), &le(&[16]), &[1; 40]].concat()).unwrap_err();
    assert_eq!(short.to_string(), "the header asks for 56 bytes in all, 48 are there (at offset 48)");
    let long = read("DHPUBLICBLOB", &[b"DHPB".as_slice(), &le(&[16]), &[1; 49]].concat()).unwrap_err();
    assert_eq!(long.to_string(), "the blob ends after 56 bytes, 57 are there (at offset 56)");
    let field = read("ECCPUBLICBLOB", &[b"ECS1".as_slice(), &le(&[33]), &[1; 66]].concat()).unwrap_err();
    assert_eq!(field.to_string(), "cbKey is 33, expected 32 (at offset 4)");
    assert_eq!(Expected::Between(1, 7).to_string(), "1 to 7");
    assert_eq!(Expected::Words("odd").to_string(), "odd");
    let encode = |e: EncodeError| e.to_string();
    assert_eq!(encode(EncodeError::SeedUnknown { type_name: "T" }), "T needs the seed, which is not known for this key");
    assert_eq!(encode(EncodeError::NeedsPrivate { type_name: "T" }), "T needs a private key, this is a public one");
    assert_eq!(magic_text(*b"\0DH1"), "\\0DH1");
    assert_eq!(magic_text(*b"RSA\0"), "52534100");
    assert_eq!(magic_text([0x1E, 0xF1, 0xB5, 0xB0]), "1ef1b5b0");
    assert_eq!(magic_text([b'R', b' ', b'A', b'1']), "52204131");
    assert_eq!(magic_text([1, b'S', b'A', b'1']), "01534131");
    assert_eq!(magic_text([0, b'D', 1, b'1']), "00440131");
    assert_eq!(format!("{:?}", row("RSAPUBLICBLOB").unwrap()), "RSAPUBLICBLOB");
}

#[test]
fn post_quantum_blobs_say_what_is_missing_and_keep_their_type() {
    let public = sample("MLKEMPUBLICBLOB", 0, b"MLKP").blob;
    let error = read("MLKEMPUBLICBLOB", &public[..public.len() - 1]).unwrap_err();
    let total = public.len() as u64;
    assert_eq!((error.fault, error.at), (Fault::WrongTotal { expected: total, found: total - 1 }, public.len() - 1));
    let decoded = round_trip("PQPrivateKeyBlob", &wrapped_seed());
    assert_eq!((decoded.origin.type_name(), decoded.origin.magic()), ("PQPrivateKeyBlob", *b"PQPR"));
    let slhdsa = key(|k| matches!(k, KeyParts::SlhDsaPrivate(_)));
    assert_eq!(encode(row("PQDSAPRIVATEBLOB").unwrap(), &slhdsa, None, None).unwrap().expose()[..4], *b"SHSK");
    let error = encode(row("PQDSAPRIVATESEEDBLOB").unwrap(), &slhdsa, None, None).unwrap_err();
    assert!(error.to_string().ends_with("SLH-DSA has no seed form"), "{error}");
}

/// A PQPrivateKeyBlob around a seed, with nothing in it that has to be invented.
fn wrapped_seed() -> Vec<u8> {
    let all = samples::all();
    let holds = |s: &&samples::Sample, magic: &[u8]| s.row.name == "PQPrivateKeyBlob" && s.blob.windows(4).any(|w| w == magic);
    all.iter().find(|s| holds(s, b"MLKS") || holds(s, b"DSSS")).unwrap().blob.clone()
}

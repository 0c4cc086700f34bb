//! SubjectPublicKeyInfo, PKCS#8 and certificates as OpenSSL writes them.

use super::super::{Actor, Draft, GivenAttr, Origin, Read, Reason, Template, Value, create, numbers, pkcs8, spki};
use cngtoken_key::*;
use cryptoki_sys::*;

struct Pair {
    name: &'static str,
    pkcs8: &'static [u8],
    spki: &'static [u8],
}

static PAIRS: &[Pair] = &[
    Pair { name: "bp384", pkcs8: include_bytes!("openssl/bp384.p8"), spki: include_bytes!("openssl/bp384.spki") },
    Pair { name: "dh", pkcs8: include_bytes!("openssl/dh.p8"), spki: include_bytes!("openssl/dh.spki") },
    Pair { name: "dhx", pkcs8: include_bytes!("openssl/dhx.p8"), spki: include_bytes!("openssl/dhx.spki") },
    Pair { name: "dsa", pkcs8: include_bytes!("openssl/dsa.p8"), spki: include_bytes!("openssl/dsa.spki") },
    Pair { name: "ed25519", pkcs8: include_bytes!("openssl/ed25519.p8"), spki: include_bytes!("openssl/ed25519.spki") },
    Pair { name: "mldsa44", pkcs8: include_bytes!("openssl/mldsa44.p8"), spki: include_bytes!("openssl/mldsa44.spki") },
    Pair { name: "mldsa65", pkcs8: include_bytes!("openssl/mldsa65.p8"), spki: include_bytes!("openssl/mldsa65.spki") },
    Pair { name: "mldsa87", pkcs8: include_bytes!("openssl/mldsa87.p8"), spki: include_bytes!("openssl/mldsa87.spki") },
    Pair { name: "mlkem1024", pkcs8: include_bytes!("openssl/mlkem1024.p8"), spki: include_bytes!("openssl/mlkem1024.spki") },
    Pair { name: "mlkem512", pkcs8: include_bytes!("openssl/mlkem512.p8"), spki: include_bytes!("openssl/mlkem512.spki") },
    Pair { name: "mlkem768", pkcs8: include_bytes!("openssl/mlkem768.p8"), spki: include_bytes!("openssl/mlkem768.spki") },
    Pair { name: "p256", pkcs8: include_bytes!("openssl/p256.p8"), spki: include_bytes!("openssl/p256.spki") },
    Pair { name: "p521", pkcs8: include_bytes!("openssl/p521.p8"), spki: include_bytes!("openssl/p521.spki") },
    Pair { name: "rsa", pkcs8: include_bytes!("openssl/rsa.p8"), spki: include_bytes!("openssl/rsa.spki") },
    Pair { name: "slh-SHA2-128f", pkcs8: include_bytes!("openssl/slh-SHA2-128f.p8"), spki: include_bytes!("openssl/slh-SHA2-128f.spki") },
    Pair { name: "slh-SHA2-128s", pkcs8: include_bytes!("openssl/slh-SHA2-128s.p8"), spki: include_bytes!("openssl/slh-SHA2-128s.spki") },
    Pair { name: "slh-SHA2-192f", pkcs8: include_bytes!("openssl/slh-SHA2-192f.p8"), spki: include_bytes!("openssl/slh-SHA2-192f.spki") },
    Pair { name: "slh-SHA2-192s", pkcs8: include_bytes!("openssl/slh-SHA2-192s.p8"), spki: include_bytes!("openssl/slh-SHA2-192s.spki") },
    Pair { name: "slh-SHA2-256f", pkcs8: include_bytes!("openssl/slh-SHA2-256f.p8"), spki: include_bytes!("openssl/slh-SHA2-256f.spki") },
    Pair { name: "slh-SHA2-256s", pkcs8: include_bytes!("openssl/slh-SHA2-256s.p8"), spki: include_bytes!("openssl/slh-SHA2-256s.spki") },
    Pair { name: "slh-SHAKE-128f", pkcs8: include_bytes!("openssl/slh-SHAKE-128f.p8"), spki: include_bytes!("openssl/slh-SHAKE-128f.spki") },
    Pair { name: "slh-SHAKE-128s", pkcs8: include_bytes!("openssl/slh-SHAKE-128s.p8"), spki: include_bytes!("openssl/slh-SHAKE-128s.spki") },
    Pair { name: "slh-SHAKE-192f", pkcs8: include_bytes!("openssl/slh-SHAKE-192f.p8"), spki: include_bytes!("openssl/slh-SHAKE-192f.spki") },
    Pair { name: "slh-SHAKE-192s", pkcs8: include_bytes!("openssl/slh-SHAKE-192s.p8"), spki: include_bytes!("openssl/slh-SHAKE-192s.spki") },
    Pair { name: "slh-SHAKE-256f", pkcs8: include_bytes!("openssl/slh-SHAKE-256f.p8"), spki: include_bytes!("openssl/slh-SHAKE-256f.spki") },
    Pair { name: "slh-SHAKE-256s", pkcs8: include_bytes!("openssl/slh-SHAKE-256s.p8"), spki: include_bytes!("openssl/slh-SHAKE-256s.spki") },
    Pair { name: "x25519", pkcs8: include_bytes!("openssl/x25519.p8"), spki: include_bytes!("openssl/x25519.spki") },
];

/// The private key that a claim and the public half make together; the job of crypto, here without any check.
fn complete(claim: Claim, public: KeyParts) -> KeyParts {
    match (claim, public) {
        (Claim::Rsa(c), KeyParts::RsaPublic(public)) => {
            assert_eq!((c.n.as_ref(), c.e.as_ref()), (Some(&public.n), Some(&public.e)));
            let (d, p, q) = (c.d.unwrap(), c.p.unwrap(), c.q.unwrap());
            KeyParts::RsaPrivate(RsaPrivate { public, d, p, q, dp: c.dp.unwrap(), dq: c.dq.unwrap(), qinv: c.qinv.unwrap() })
        }
        (Claim::Ec(c), KeyParts::EcPublic(public)) => {
            assert_eq!(c.point, Some((Uint::from_be(&public.x), Uint::from_be(&public.y))));
            KeyParts::EcPrivate(EcPrivate { public, d: c.d.unwrap() })
        }
        (Claim::Edwards(c), KeyParts::EdwardsPublic(public)) => KeyParts::EdwardsPrivate(EdwardsPrivate { public, seed: c.seed.unwrap() }),
        (Claim::Montgomery(c), KeyParts::MontgomeryPublic(public)) => KeyParts::MontgomeryPrivate(MontgomeryPrivate { public, k: c.k.unwrap() }),
        (Claim::Dsa(c), KeyParts::DsaPublic(public)) => {
            assert_eq!((&c.p, &c.q, &c.g), (&public.domain.p, &public.domain.q, &public.domain.g));
            KeyParts::DsaPrivate(DsaPrivate { public, x: c.x.unwrap() })
        }
        (Claim::Dh(c), KeyParts::DhPublic(public)) => {
            assert_eq!((&c.p, &c.q, &c.g), (&public.domain.p, &public.domain.q, &public.domain.g));
            KeyParts::DhPrivate(DhPrivate { public, x: c.x.unwrap() })
        }
        (Claim::MlKem(c), KeyParts::MlKemPublic(public)) => KeyParts::MlKemPrivate(MlKemPrivate { public, dk: c.dk.unwrap(), seed: c.seed }),
        (Claim::MlDsa(c), KeyParts::MlDsaPublic(public)) => KeyParts::MlDsaPrivate(MlDsaPrivate { public, sk: c.sk.unwrap(), seed: c.seed }),
        (Claim::SlhDsa(c), KeyParts::SlhDsaPublic(public)) => {
            let sk = c.sk.unwrap();
            assert!(sk.expose().ends_with(&public.pk));
            KeyParts::SlhDsaPrivate(SlhDsaPrivate { public, sk })
        }
        (claim, public) => panic!("{claim:?} beside {public:?}"),
    }
}

#[test]
fn keys_of_openssl_are_read_and_written_again_byte_for_byte() {
    for pair in PAIRS {
        let public = spki::stored_public(pair.spki).unwrap_or_else(|| panic!("{}: the public key is not read", pair.name));
        assert_eq!(spki::spki(&public).as_deref(), Some(pair.spki), "{}", pair.name);

        let claim = pkcs8::decode(pair.pkcs8).unwrap_or_else(|e| panic!("{}: {e}", pair.name));
        assert_eq!(claim.half(), Half::Private, "{}", pair.name);
        let private = complete(claim, public);
        let written = pkcs8::encode(&private).unwrap();
        assert_eq!(hex::encode(written.expose()), hex::encode(pair.pkcs8), "{}", pair.name);
    }
}

#[test]
fn all_three_forms_of_an_ml_dsa_private_key_are_read() {
    let form = |der: &[u8]| match pkcs8::decode(der) {
        Ok(Claim::MlDsa(c)) => (c.seed, c.sk),
        other => panic!("{other:?}"),
    };

    let (seed, expanded) = form(include_bytes!("openssl/mldsa44.p8"));

    assert_eq!(form(include_bytes!("openssl/mldsa44-seed.p8")), (seed, None));
    assert_eq!(form(include_bytes!("openssl/mldsa44-expanded.p8")), (None, expanded));
}

#[test]
fn an_unknown_algorithm_and_a_cut_key_are_told_apart() {
    let p256 = include_bytes!("openssl/p256.p8").as_slice();
    let mut unknown = p256.to_vec();
    // 1.2.840.10045.2.1, the identifier of EC keys, becomes 1.2.840.10045.2.2.
    let at = unknown.windows(7).position(|w| w == [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]).unwrap();
    unknown[at + 6] = 2;
    assert_eq!(pkcs8::decode(&unknown).unwrap_err().reason, Reason::AlgorithmUnknown);
    for end in 0..p256.len() {
        assert_eq!(pkcs8::decode(&p256[..end]).unwrap_err().reason, Reason::EncodingInvalid, "{end} bytes");
    }
}

#[test]
fn only_private_keys_of_a_pair_go_into_pkcs8() {
    let public = spki::stored_public(PAIRS[0].spki).unwrap();
    assert_eq!(pkcs8::encode(&public).unwrap_err().reason, Reason::KeyTypeInconsistent);
    let symmetric = KeyParts::Secret(Secret::new(vec![1; 16]));
    assert_eq!(pkcs8::encode(&symmetric).unwrap_err().reason, Reason::KeyTypeInconsistent);
    assert_eq!(spki::spki(&symmetric), None);
    assert_eq!(spki::public_value(&symmetric), None);
}

#[test]
fn the_public_value_is_the_bare_number_or_point() {
    let value = |name: &str| {
        let pair = PAIRS.iter().find(|p| p.name == name).unwrap();
        (spki::public_value(&spki::stored_public(pair.spki).unwrap()).unwrap(), pair.spki)
    };

    let (point, der) = value("p256");
    assert_eq!((point.len(), point[0]), (65, 4));
    assert!(der.ends_with(&point));
    let (modulus, der) = value("rsa");
    assert_eq!(modulus.len(), 128);
    assert!(der.windows(128).any(|w| w == modulus));
}

#[test]
fn a_certificate_says_what_its_creator_left_out() {
    let der = include_bytes!("openssl/p256.crt").as_slice();
    let t = Template::parse(vec![
        GivenAttr::ulong(CKA_CLASS, CKO_CERTIFICATE),
        GivenAttr::ulong(CKA_CERTIFICATE_TYPE, CKC_X_509),
        GivenAttr::bytes(CKA_VALUE, der),
        GivenAttr::bytes(CKA_ID, b"kept"),
    ])
    .unwrap();

    let Draft::Object(object) = create(t, &Origin::Created, &Actor::default()).unwrap() else { panic!("a key?") };

    assert_eq!(object.bytes(CKA_PUBLIC_KEY_INFO), Some(include_bytes!("openssl/p256.spki").as_slice()));
    let subject = object.bytes(CKA_SUBJECT).unwrap();
    assert_eq!(object.bytes(CKA_ISSUER), Some(subject), "self-signed");
    assert!(subject.starts_with(&[0x30]) && subject.ends_with(b"object"));
    assert_eq!(object.bytes(CKA_SERIAL_NUMBER).map(|s| (s[0], usize::from(s[1]) + 2 == s.len())), Some((2, true)));
    assert_eq!(object.read(CKA_ID), Read::Bytes(b"kept".into()));
    assert!(!object.is_private());
    assert_eq!(object.get(CKA_TRUSTED), Some(&Value::Bool(false)));
}

#[test]
fn parameter_sets_have_the_numbers_of_the_standard() {
    assert_eq!(numbers::set_number(&MlKemSet::ALL, MlKemSet::MlKem768), CKP_ML_KEM_768);
    assert_eq!(numbers::set_number(&MlDsaSet::ALL, MlDsaSet::MlDsa87), CKP_ML_DSA_87);
    assert_eq!(numbers::set_number(&SlhDsaSet::ALL, SlhDsaSet::Sha2_192f), CKP_SLH_DSA_SHA2_192F);
    assert_eq!(numbers::set_number(&SlhDsaSet::ALL, SlhDsaSet::Shake256f), CKP_SLH_DSA_SHAKE_256F);
    assert_eq!(numbers::set_of(&MlKemSet::ALL, 3), Ok(MlKemSet::MlKem1024));
    for bad in [0, 4, u64::MAX] {
        assert_eq!(numbers::set_of(&MlKemSet::ALL, bad).unwrap_err().reason, Reason::AttributeValueInvalid);
    }
}

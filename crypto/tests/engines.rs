//! The two engines on the same inputs, and the table of who serves what. Without `fast` there is one engine and these tests say so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption here is a failed test")]

use cngtoken_crypto::{
    Agree, AgreeKdf, BlockCipher, Direction, Engine, Generate, Hash, Key, Mode, Scheme, SignStream, agree, cipher, decapsulate, encapsulate, engine,
    generate, recover, sign, signature_len, streams, verify,
};
use cngtoken_key::{Curve, EdwardsCurve, KeyParts, MlDsaSet, MlKemSet, MontgomeryCurve, Secret, Uint};
use std::sync::Arc;

fn private(what: &Generate) -> KeyParts {
    generate(what).unwrap().private.unwrap()
}

fn rsa(bits: usize) -> KeyParts {
    private(&Generate::Rsa { bits, e: Uint::from_u64(65537) })
}

fn public(parts: &KeyParts) -> KeyParts {
    parts.public().unwrap()
}

/// Both engines' keys of the private half, and of the public half.
fn keys(parts: &KeyParts) -> [[Arc<Key>; 2]; 2] {
    [parts.clone(), public(parts)].map(|p| [Key::new(p.clone()).unwrap(), Key::reference(p).unwrap()])
}

/// What one engine signs the other verifies, from the private and the public half; changed messages and signatures are refused.
fn cross(parts: &KeyParts, scheme: &Scheme, message: &[u8], deterministic: bool) {
    let [signers, verifiers] = keys(parts);
    let mut seen = Vec::new();
    for signer in &signers {
        let signature = sign(signer, scheme, message).unwrap();
        assert_eq!(signature.len(), signature_len(signer, scheme), "{scheme:?}");
        for verifier in verifiers.iter().chain(&signers) {
            assert_eq!(verify(verifier, scheme, message, &signature), Ok(()), "{scheme:?}");
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut bad = signature.clone();
                bad[at] ^= 1;
                assert!(verify(verifier, scheme, message, &bad).is_err(), "{scheme:?}");
            }
            assert!(verify(verifier, scheme, message, &signature[1..]).is_err(), "{scheme:?}");
            let mut other = message.to_vec();
            if let Some(first) = other.first_mut() {
                *first ^= 0x40;
                assert!(verify(verifier, scheme, &other, &signature).is_err(), "{scheme:?}");
            }
        }
        if streams(scheme) {
            let mut stream = SignStream::new(signer.clone(), scheme.clone()).unwrap();
            message.chunks(3).for_each(|part| stream.update(part));
            let streamed = stream.finish().unwrap();
            let mut stream = SignStream::new(verifiers[0].clone(), scheme.clone()).unwrap();
            stream.update(message);
            assert_eq!(stream.verify(&streamed), Ok(()), "{scheme:?}");
        } else {
            assert!(SignStream::new(signer.clone(), scheme.clone()).is_err(), "{scheme:?}");
        }
        seen.push(signature);
    }
    if deterministic {
        assert_eq!(seen[0], seen[1], "{scheme:?}");
    }
    for verifier in &verifiers {
        assert!(sign(verifier, scheme, message).is_err(), "a public key signed: {scheme:?}");
    }
}

#[test]
fn rsa_signatures_are_the_same_from_both_engines() {
    let parts = rsa(2048);
    let message = b"the same message for both";
    for hash in Hash::ALL {
        cross(&parts, &Scheme::RsaPkcs1 { hash: Some(hash) }, message, true);
        cross(&parts, &Scheme::RsaPss { hash, mgf: hash, salt_len: hash.len(), prehashed: false }, message, false);
    }
    cross(&parts, &Scheme::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha1, salt_len: 0, prehashed: false }, message, false);
    cross(&parts, &Scheme::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt_len: 32, prehashed: true }, &[7; 32], false);
    cross(&parts, &Scheme::RsaPkcs1 { hash: None }, b"not a DigestInfo", true);
    cross(&parts, &Scheme::RsaPkcs1 { hash: None }, b"", true);
    cross(&parts, &Scheme::RsaPkcs1 { hash: None }, &[1; 256 - 11], true);
    cross(&parts, &Scheme::RsaRaw, &[1; 256], true);
    cross(&parts, &Scheme::RsaRaw, &[1; 10], true);
    let key = Key::new(parts).unwrap();
    assert!(sign(&key, &Scheme::RsaPkcs1 { hash: None }, &[1; 256 - 10]).is_err());
    assert!(sign(&key, &Scheme::RsaRaw, &[0xFF; 256]).is_err());
    assert!(sign(&key, &Scheme::RsaRaw, &[1; 257]).is_err());
    let pss = |salt_len| Scheme::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt_len, prehashed: false };
    assert!(sign(&key, &pss(256 - 34), b"").is_ok());
    assert!(sign(&key, &pss(256 - 33), b"").is_err());
}

#[test]
fn a_digest_info_gives_the_signature_of_the_hashed_form_and_is_recovered() {
    let key = Key::new(rsa(2048)).unwrap();
    let mut info = vec![0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
    info.extend_from_slice(&cngtoken_crypto::digest(Hash::Sha256, b"message"));

    let raw = sign(&key, &Scheme::RsaPkcs1 { hash: None }, &info).unwrap();

    assert_eq!(raw, sign(&key, &Scheme::RsaPkcs1 { hash: Some(Hash::Sha256) }, b"message").unwrap());
    assert_eq!(recover(&key, &Scheme::RsaPkcs1 { hash: None }, &raw).unwrap(), info);
    assert_eq!(recover(&key, &Scheme::RsaRaw, &raw).unwrap()[..2], [0, 1]);
}

#[test]
fn odd_and_small_rsa_keys_and_large_exponents_work() {
    for (bits, e) in [(512, 3), (1000, 17), (1025, 65537), (2047, 65537), (1024, 0xFFFF_FFFF_FFFF_FFFB)] {
        let parts = private(&Generate::Rsa { bits, e: Uint::from_u64(e) });
        cross(&parts, &Scheme::RsaPkcs1 { hash: Some(Hash::Sha256) }, b"message", true);
        let key = Key::new(parts).unwrap();
        for scheme in [
            Scheme::RsaPkcs1Crypt { implicit_reject: false },
            Scheme::RsaPkcs1Crypt { implicit_reject: true },
            Scheme::RsaOaep { hash: Hash::Sha1, mgf: Hash::Sha1, label: vec![] },
            Scheme::RsaRaw,
        ] {
            let sealed = cipher(&key, &scheme, Direction::Encrypt, b"text").unwrap();
            let opened = cipher(&key, &scheme, Direction::Decrypt, sealed.expose()).unwrap();
            assert!(opened.expose().ends_with(b"text"), "{bits} {scheme:?}");
        }
    }
}

#[test]
fn what_one_engine_encrypts_the_other_decrypts() {
    let [private, public] = keys(&rsa(2048));
    for scheme in [
        Scheme::RsaPkcs1Crypt { implicit_reject: false },
        Scheme::RsaPkcs1Crypt { implicit_reject: true },
        Scheme::RsaOaep { hash: Hash::Sha1, mgf: Hash::Sha1, label: b"label".to_vec() },
        Scheme::RsaOaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: vec![] },
        Scheme::RsaOaep { hash: Hash::Sha512, mgf: Hash::Sha1, label: vec![] },
    ] {
        for sealer in public.iter().chain(&private) {
            for message in [&b""[..], b"message"] {
                let sealed = cipher(sealer, &scheme, Direction::Encrypt, message).unwrap();
                for opener in &private {
                    assert_eq!(cipher(opener, &scheme, Direction::Decrypt, sealed.expose()).unwrap().expose(), message, "{scheme:?}");
                }
            }
            assert!(cipher(sealer, &scheme, Direction::Encrypt, &[0; 256]).is_err());
        }
        assert!(cipher(&public[0], &scheme, Direction::Decrypt, &[0; 256]).is_err());
    }
    let substitute = Scheme::RsaPkcs1Crypt { implicit_reject: true };
    let made: Vec<Secret> = private.iter().map(|key| cipher(key, &substitute, Direction::Decrypt, &[1; 256]).unwrap()).collect();
    assert_eq!(made[0], made[1]);
}

#[test]
fn elliptic_curves_sign_and_agree_across_the_engines() {
    for curve in Curve::ALL {
        let parts = private(&Generate::Ec(curve));
        for hash in [None, Some(Hash::Sha1), Some(Hash::Sha512), Some(Hash::Sha3_256)] {
            cross(&parts, &Scheme::Ecdsa { hash }, b"message, and more than twenty bytes of it", false);
        }
        cross(&parts, &Scheme::Ecdsa { hash: None }, b"", false);
        cross(&parts, &Scheme::Ecdsa { hash: None }, &[0x55; 66], false);
        let KeyParts::EcPrivate(peer) = private(&Generate::Ec(curve)) else { panic!("not ec") };
        let how = Agree::Ecdh { kdf: Some(AgreeKdf::X963(Hash::Sha256)), shared: b"info".to_vec(), cofactor: true };
        let [[fast, reference], _] = keys(&parts);
        let peer = peer.public.uncompressed();
        assert_eq!(agree(&fast, &peer, &how, Some(40)).unwrap(), agree(&reference, &peer, &how, Some(40)).unwrap());
    }
}

#[test]
fn the_other_families_sign_agree_and_encapsulate_across_the_engines() {
    let parts = private(&Generate::Edwards(EdwardsCurve::Ed25519));
    for (prehash, context) in [(false, vec![]), (false, b"context".to_vec()), (true, vec![])] {
        cross(&parts, &Scheme::EdDsa { prehash, context }, b"message", true);
    }
    let parts = private(&Generate::MlDsa(MlDsaSet::MlDsa44));
    for deterministic in [false, true] {
        let scheme = Scheme::MlDsa { context: vec![], prehash: None, prehashed: false, deterministic };
        cross(&parts, &scheme, b"message", deterministic);
    }
    let scheme = Scheme::MlDsa { context: b"c".to_vec(), prehash: Some(Hash::Sha512), prehashed: false, deterministic: true };
    cross(&parts, &scheme, b"message", true);

    let (a, b) = (private(&Generate::Montgomery(MontgomeryCurve::X25519)), private(&Generate::Montgomery(MontgomeryCurve::X25519)));
    let KeyParts::MontgomeryPrivate(peer) = &b else { panic!("not montgomery") };
    let [[fast, reference], _] = keys(&a);
    let how = Agree::X25519 { kdf: None, shared: vec![] };
    assert_eq!(agree(&fast, &peer.public.u, &how, None).unwrap(), agree(&reference, &peer.public.u, &how, None).unwrap());
    let named_otherwise = Agree::Ecdh { kdf: None, shared: vec![], cofactor: false };
    assert_eq!(agree(&fast, &peer.public.u, &how, None).unwrap(), agree(&fast, &peer.public.u, &named_otherwise, None).unwrap());

    let [private, public] = keys(&private(&Generate::MlKem(MlKemSet::MlKem768)));
    for sealer in &public {
        let (ciphertext, secret) = encapsulate(sealer).unwrap();
        for opener in &private {
            assert_eq!(decapsulate(opener, &ciphertext).unwrap(), secret);
        }
        assert!(decapsulate(sealer, &ciphertext).is_err());
    }
}

#[test]
fn the_table_of_engines_names_what_aws_lc_refuses() {
    let aws = if cfg!(feature = "fast") { Engine::AwsLc } else { Engine::RustCrypto };
    let rust = Engine::RustCrypto;
    let (rsa2048, rsa1024) = (rsa(2048), rsa(1024));
    let pkcs1 = |hash| Scheme::RsaPkcs1 { hash };
    let pss = |hash, mgf, salt_len| Scheme::RsaPss { hash, mgf, salt_len, prehashed: false };
    let oaep = |hash, mgf| Scheme::RsaOaep { hash, mgf, label: vec![] };
    let ml_dsa = |context: &[u8], prehash, deterministic| Scheme::MlDsa { context: context.to_vec(), prehash, prehashed: false, deterministic };
    let gcm = |iv, tag_len| Scheme::AesGcm { iv: vec![0; iv], aad: vec![], tag_len };
    let ec = |curve| private(&Generate::Ec(curve));
    let edwards = private(&Generate::Edwards(EdwardsCurve::Ed25519));
    let ml = private(&Generate::MlDsa(MlDsaSet::MlDsa44));
    let bytes = KeyParts::Secret(Secret::new(vec![0; 16]));
    let rows = [
        (pkcs1(Some(Hash::Sha256)), rsa2048.clone(), aws),
        (pkcs1(Some(Hash::Sha384)), rsa2048.clone(), aws),
        (pkcs1(Some(Hash::Sha512)), public(&rsa2048), aws),
        (pkcs1(None), rsa2048.clone(), aws),
        (pkcs1(Some(Hash::Sha1)), rsa2048.clone(), rust),
        (pkcs1(Some(Hash::Sha1)), public(&rsa2048), aws),
        (pkcs1(Some(Hash::Sha224)), rsa2048.clone(), rust),
        (pkcs1(Some(Hash::Sha3_256)), rsa2048.clone(), rust),
        (pkcs1(Some(Hash::Sha256)), rsa1024.clone(), rust),
        (Scheme::RsaRaw, rsa2048.clone(), rust),
        (pss(Hash::Sha256, Hash::Sha256, 32), rsa2048.clone(), aws),
        (pss(Hash::Sha256, Hash::Sha256, 20), rsa2048.clone(), rust),
        (pss(Hash::Sha256, Hash::Sha1, 32), rsa2048.clone(), rust),
        (pss(Hash::Sha1, Hash::Sha1, 20), rsa2048.clone(), rust),
        (oaep(Hash::Sha1, Hash::Sha1), rsa2048.clone(), aws),
        (oaep(Hash::Sha256, Hash::Sha1), rsa2048.clone(), rust),
        (oaep(Hash::Sha224, Hash::Sha224), rsa2048.clone(), rust),
        (Scheme::RsaPkcs1Crypt { implicit_reject: false }, rsa2048.clone(), aws),
        (Scheme::RsaPkcs1Crypt { implicit_reject: true }, rsa2048.clone(), rust),
        (Scheme::RsaPkcs1Crypt { implicit_reject: true }, public(&rsa2048), aws),
        (Scheme::Ecdsa { hash: None }, ec(Curve::P256), aws),
        (Scheme::Ecdsa { hash: Some(Hash::Sha3_512) }, ec(Curve::P384), aws),
        (Scheme::Ecdsa { hash: None }, ec(Curve::P521), aws),
        (Scheme::Ecdsa { hash: None }, ec(Curve::P224), rust),
        (Scheme::Ecdsa { hash: None }, ec(Curve::Secp256k1), rust),
        (Scheme::Ecdsa { hash: None }, ec(Curve::BrainpoolP256r1), rust),
        (Scheme::EdDsa { prehash: false, context: vec![] }, edwards.clone(), aws),
        (Scheme::EdDsa { prehash: false, context: vec![1] }, edwards.clone(), rust),
        (Scheme::EdDsa { prehash: true, context: vec![] }, edwards, rust),
        (ml_dsa(b"", None, false), ml.clone(), aws),
        (ml_dsa(b"", None, true), ml.clone(), rust),
        (ml_dsa(b"", None, true), public(&ml), aws),
        (ml_dsa(b"c", None, false), ml.clone(), rust),
        (ml_dsa(b"", Some(Hash::Sha256), false), ml, rust),
        (gcm(12, 16), bytes.clone(), aws),
        (gcm(13, 16), bytes.clone(), rust),
        (gcm(12, 12), bytes.clone(), rust),
        (Scheme::Block { cipher: BlockCipher::Aes, mode: Mode::Cbc { iv: vec![0; 16] } }, bytes.clone(), rust),
        (Scheme::Block { cipher: BlockCipher::Aes, mode: Mode::Ctr { counter: [0; 16], bits: 128 } }, bytes.clone(), rust),
        (Scheme::Hmac { hash: Hash::Sha256, len: 32 }, bytes.clone(), aws),
        (Scheme::Hmac { hash: Hash::Sha3_256, len: 32 }, bytes.clone(), rust),
        (Scheme::Cmac { cipher: BlockCipher::Aes, len: 16 }, bytes.clone(), rust),
        // A key of another family is nobody's.
        (pkcs1(Some(Hash::Sha256)), bytes, rust),
        (gcm(12, 16), rsa2048, rust),
    ];
    for (scheme, parts, expected) in rows {
        assert_eq!(engine(&scheme, &parts), expected, "{scheme:?} {:?} {:?}", parts.family(), parts.half());
    }
}

#[test]
fn schemes_of_other_families_are_refused_and_never_panic() {
    let schemes = [
        Scheme::RsaPkcs1 { hash: Some(Hash::Sha256) },
        Scheme::RsaPkcs1 { hash: None },
        Scheme::RsaRaw,
        Scheme::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt_len: 32, prehashed: false },
        Scheme::Ecdsa { hash: None },
        Scheme::EdDsa { prehash: false, context: vec![] },
        Scheme::Dsa { hash: None },
        Scheme::MlDsa { context: vec![], prehash: None, prehashed: false, deterministic: false },
        Scheme::SlhDsa { context: vec![], prehash: None, prehashed: false, deterministic: false },
        Scheme::Hmac { hash: Hash::Sha256, len: 32 },
        Scheme::Cmac { cipher: BlockCipher::Aes, len: 16 },
        Scheme::Block { cipher: BlockCipher::Aes, mode: Mode::Ecb },
        Scheme::AesGcm { iv: vec![0; 12], aad: vec![], tag_len: 16 },
        Scheme::AesKw { iv: None },
    ];
    let keys = [
        rsa(1024),
        private(&Generate::Ec(Curve::P256)),
        private(&Generate::Edwards(EdwardsCurve::Ed25519)),
        KeyParts::Secret(Secret::new(vec![1; 7])),
    ];
    let mut signed = 0;
    for parts in keys {
        let key = Key::new(parts).unwrap();
        for scheme in &schemes {
            signed += usize::from(sign(&key, scheme, &[1; 16]).is_ok());
            assert!(verify(&key, scheme, &[1; 16], &[2; 5]).is_err());
            let _ = cipher(&key, scheme, Direction::Encrypt, &[1; 16]);
            let _ = cipher(&key, scheme, Direction::Decrypt, &[1; 16]);
            let _ = signature_len(&key, scheme);
        }
    }
    // RSA's four, ECDSA, EdDSA and HMAC; CMAC refuses a key of seven bytes.
    assert_eq!(signed, 7);
}

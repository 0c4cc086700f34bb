//! Microseconds per operation, the best and the median of many batches: what the room itself costs, without sessions and stores.
//! `cargo run --release -p cngtoken-crypto --example speed`

#![allow(clippy::expect_used, clippy::panic, reason = "a measurement that cannot start has nothing to say")]

use cngtoken_crypto::{
    Agree, BlockCipher, Direction, Generate, Hash, Key, Level, Mode, Scheme, admit, agree, cipher, digest, engine, generate, sign, verify,
};
use cngtoken_key::{Claim, Curve, KeyParts, RsaClaim, Secret, Uint};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn time(name: &str, mut work: impl FnMut()) {
    work();
    let start = Instant::now();
    let mut samples = Vec::new();
    while start.elapsed() < Duration::from_millis(400) || samples.len() < 3 {
        // Batches long enough that the clock does not count.
        let batch = Instant::now();
        let mut n = 0u32;
        while n == 0 || batch.elapsed() < Duration::from_millis(2) {
            work();
            n += 1;
        }
        samples.push(batch.elapsed().as_secs_f64() * 1e6 / f64::from(n));
    }
    samples.sort_by(f64::total_cmp);
    println!("{name:<44} {:>12.2} {:>12.2}", samples[0], samples[samples.len() / 2]);
}

fn private(what: &Generate) -> KeyParts {
    generate(what).expect("generate").private.expect("private half")
}

fn claim(parts: &KeyParts) -> Claim {
    let KeyParts::RsaPrivate(k) = parts else { panic!("not rsa") };
    Claim::Rsa(RsaClaim {
        n: Some(k.public.n.clone()),
        e: Some(k.public.e.clone()),
        p: Some(k.p.clone()),
        q: Some(k.q.clone()),
        ..RsaClaim::default()
    })
}

fn main() {
    let data = [7u8; 32];
    let e = Uint::from_u64(65537);
    let pkcs1 = Scheme::RsaPkcs1 { hash: Some(Hash::Sha256) };
    for bits in [1024, 2048, 4096] {
        let parts = private(&Generate::Rsa { bits, e: e.clone() });
        for (which, key) in [("", Key::new(parts.clone()).expect("key")), (" (RustCrypto)", Key::reference(parts.clone()).expect("key"))] {
            println!("RSA-{bits}{which}: {:?}", engine(&pkcs1, key.parts()));
            let signature = sign(&key, &pkcs1, &data).expect("sign");
            time(&format!("RSA-{bits} PKCS#1 SHA-256 sign{which}"), || drop(black_box(sign(&key, &pkcs1, &data))));
            time(&format!("RSA-{bits} PKCS#1 SHA-256 verify{which}"), || drop(black_box(verify(&key, &pkcs1, &data, &signature))));
        }
        time(&format!("RSA-{bits} admit (from primes)"), || drop(black_box(admit(claim(&parts), Level::Full))));
        time(&format!("RSA-{bits} admit, no primality"), || drop(black_box(admit(claim(&parts), Level::NoPrimality))));
        let key = Key::new(parts).expect("key");
        let raw = Scheme::RsaPkcs1 { hash: None };
        let mut info = hex_prefix();
        info.extend_from_slice(&digest(Hash::Sha256, &data));
        time(&format!("RSA-{bits} CKM_RSA_PKCS DigestInfo sign"), || drop(black_box(sign(&key, &raw, &info))));
        let oaep = Scheme::RsaOaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: vec![] };
        if let Ok(ct) = cipher(&key, &oaep, Direction::Encrypt, &data) {
            time(&format!("RSA-{bits} OAEP decrypt"), || drop(black_box(cipher(&key, &oaep, Direction::Decrypt, ct.expose()))));
        }
    }
    time("RSA-2048 generate", || drop(black_box(generate(&Generate::Rsa { bits: 2048, e: e.clone() }))));
    for curve in [Curve::P256, Curve::P384, Curve::P521, Curve::Secp256k1] {
        let parts = private(&Generate::Ec(curve));
        for (which, key) in [("", Key::new(parts.clone()).expect("key")), (" (RustCrypto)", Key::reference(parts.clone()).expect("key"))] {
            for (name, hash) in [("raw", None), ("SHA-256", Some(Hash::Sha256))] {
                let scheme = Scheme::Ecdsa { hash };
                let signature = sign(&key, &scheme, &data).expect("sign");
                time(&format!("ECDSA {curve:?} {name} sign{which}"), || drop(black_box(sign(&key, &scheme, &data))));
                time(&format!("ECDSA {curve:?} {name} verify{which}"), || drop(black_box(verify(&key, &scheme, &data, &signature))));
            }
            let KeyParts::EcPrivate(k) = &parts else { panic!("not ec") };
            let peer = k.public.uncompressed();
            let how = Agree::Ecdh { kdf: None, shared: vec![], cofactor: false };
            time(&format!("ECDH {curve:?}{which}"), || drop(black_box(agree(&key, &peer, &how, None))));
        }
    }
    let parts = KeyParts::Secret(Secret::new(vec![1; 32]));
    for (which, key) in [("", Key::new(parts.clone()).expect("key")), (" (RustCrypto)", Key::reference(parts.clone()).expect("key"))] {
        let text = vec![0u8; 1024];
        let gcm = Scheme::AesGcm { iv: vec![1; 12], aad: vec![], tag_len: 16 };
        time(&format!("AES-256-GCM 1 KiB encrypt{which}"), || drop(black_box(cipher(&key, &gcm, Direction::Encrypt, &text))));
        time(&format!("AES-256-CBC 1 KiB encrypt{which}"), || {
            drop(black_box(cipher(&key, &Scheme::Block { cipher: BlockCipher::Aes, mode: Mode::Cbc { iv: vec![0; 16] } }, Direction::Encrypt, &text)))
        });
        time(&format!("AES-256-CBC 1 KiB decrypt{which}"), || {
            drop(black_box(cipher(&key, &Scheme::Block { cipher: BlockCipher::Aes, mode: Mode::Cbc { iv: vec![0; 16] } }, Direction::Decrypt, &text)))
        });
        time(&format!("AES-256-CTR 1 KiB{which}"), || {
            drop(black_box(cipher(
                &key,
                &Scheme::Block { cipher: BlockCipher::Aes, mode: Mode::Ctr { counter: [0; 16], bits: 128 } },
                Direction::Encrypt,
                &text,
            )))
        });
        time(&format!("HMAC-SHA-256 32 B{which}"), || drop(black_box(sign(&key, &Scheme::Hmac { hash: Hash::Sha256, len: 32 }, &data))));
    }
    time("SHA-256 16 B", || drop(black_box(digest(Hash::Sha256, &data[..16]))));
    time("random 32 B", || drop(black_box(cngtoken_crypto::random(&mut [0; 32]))));
}

fn hex_prefix() -> Vec<u8> {
    vec![0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20]
}

//! Admission under hostile claims: never a panic, never an admitted key that contradicts itself, never longer than two seconds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, reason = "a failed assumption here is a failed test")]

use cngtoken_crypto::{
    Agree, AgreeKdf, BlockCipher, CipherStream, Direction, Generate, Hash, Key, Level, Mode, Scheme, SignStream, StreamCipher, Transport, admit,
    agree, cipher, cipher_len, decapsulate, generate, recover, sign, signature_len, verify,
};
use cngtoken_key::{
    Claim, Curve, DhClaim, DsaClaim, DsaSeed, EcClaim, EdwardsClaim, EdwardsCurve, KeyParts, MlDsaClaim, MlDsaSet, MlKemClaim, MlKemSet,
    MontgomeryClaim, MontgomeryCurve, RsaClaim, RsaPrivate, Secret, SlhDsaClaim, SlhDsaSet, Uint,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

fn uint(max: usize) -> impl Strategy<Value = Uint> {
    prop_oneof![
        vec(any::<u8>(), 0..max).prop_map(|b| Uint::from_be(&b)),
        any::<u64>().prop_map(Uint::from_u64),
        (0u64..5).prop_map(Uint::from_u64),
        (1..max).prop_map(|n| Uint::from_be(&std::vec![0xFF; n])),
    ]
}

fn secret(max: usize) -> impl Strategy<Value = Secret> {
    vec(any::<u8>(), 0..max).prop_map(Secret::new)
}

static RSA: LazyLock<RsaPrivate> = LazyLock::new(|| match generate(&Generate::Rsa { bits: 512, e: Uint::from_u64(65537) }) {
    Ok(pair) => match pair.private {
        Some(KeyParts::RsaPrivate(key)) => key,
        _ => panic!("no rsa key"),
    },
    Err(error) => panic!("{error}"),
});

/// A real key's numbers, each kept, dropped, replaced or disturbed.
fn rsa_claim() -> impl Strategy<Value = Claim> {
    let field = |of: fn(&RsaPrivate) -> Uint| {
        prop_oneof![
            4 => Just(()).prop_map(move |()| Some(of(&RSA))),
            2 => Just(None),
            1 => uint(70).prop_map(Some),
            1 => (0usize..64, 1u8..).prop_map(move |(at, mask)| {
                let mut bytes = of(&RSA).as_be().to_vec();
                let at = at % bytes.len();
                bytes[at] ^= mask;
                Some(Uint::from_be(&bytes))
            }),
        ]
    };
    (
        field(|k| k.public.n.clone()),
        field(|k| k.public.e.clone()),
        field(|k| k.d.clone()),
        field(|k| k.p.clone()),
        field(|k| k.q.clone()),
        field(|k| k.dp.clone()),
        field(|k| k.dq.clone()),
        field(|k| k.qinv.clone()),
    )
        .prop_map(|(n, e, d, p, q, dp, dq, qinv)| Claim::Rsa(RsaClaim { n, e, d, p, q, dp, dq, qinv }))
}

fn any_claim() -> impl Strategy<Value = Claim> {
    prop_oneof![
        4 => rsa_claim(),
        2 => (prop::sample::select(Curve::ALL.to_vec()), option::of((uint(70), uint(70))), option::of(secret(70)))
            .prop_map(|(curve, point, d)| Claim::Ec(EcClaim { curve, point, d })),
        1 => (option::of(vec(any::<u8>(), 0..34)), option::of(secret(34)))
            .prop_map(|(point, seed)| Claim::Edwards(EdwardsClaim { curve: EdwardsCurve::Ed25519, point, seed })),
        1 => (option::of(vec(any::<u8>(), 32..33)), option::of(secret(34)))
            .prop_map(|(u, k)| Claim::Montgomery(MontgomeryClaim { curve: MontgomeryCurve::X25519, u, k })),
        2 => (uint(130), uint(30), uint(130), option::of((vec(any::<u8>(), 0..40), any::<u32>())), option::of(uint(130)), option::of(uint(30)))
            .prop_map(|(p, q, g, seed, y, x)| {
                let seed = seed.map(|(seed, counter)| DsaSeed { seed, counter });
                Claim::Dsa(DsaClaim { p, q, g, seed, y, x })
            }),
        2 => (uint(130), uint(130), option::of(uint(130)), option::of(uint(130)), option::of(uint(130)))
            .prop_map(|(p, g, q, y, x)| Claim::Dh(DhClaim { p, g, q, y, x })),
        1 => (prop::sample::select(MlKemSet::ALL.to_vec()), option::of(vec(any::<u8>(), 799..802)), option::of(secret(1633)), option::of(secret(65)))
            .prop_map(|(set, ek, dk, seed)| Claim::MlKem(MlKemClaim { set, ek, dk, seed })),
        1 => any::<[u8; 32]>().prop_map(|seed| {
            // The right length, random inside: what the crate alone would panic on.
            let sk = (0..2560usize).map(|i| seed[i % 32].rotate_left((i / 32 % 8) as u32)).collect();
            Claim::MlDsa(MlDsaClaim { set: MlDsaSet::MlDsa44, pk: None, sk: Some(Secret::new(sk)), seed: None })
        }),
        1 => any::<[u8; 32]>().prop_map(|seed| {
            let dk = (0..1632usize).map(|i| seed[i % 32].rotate_left((i / 32 % 8) as u32)).collect();
            Claim::MlKem(MlKemClaim { set: MlKemSet::MlKem512, ek: None, dk: Some(Secret::new(dk)), seed: None })
        }),
        1 => (option::of(vec(any::<u8>(), 31..34)), option::of(secret(66)))
            .prop_map(|(pk, sk)| Claim::SlhDsa(SlhDsaClaim { set: SlhDsaSet::Sha2_128f, pk, sk })),
        1 => secret(40).prop_map(Claim::Secret),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_claim_panics_and_no_admitted_rsa_key_contradicts_itself(claim in any_claim(), full in any::<bool>()) {
        let level = if full { Level::Full } else { Level::NoPrimality };
        if let Ok(admitted) = admit(claim, level)
            && let Some(parts @ KeyParts::RsaPrivate(_)) = admitted.private
        {
            let key = Key::new(parts).unwrap();
            let scheme = Scheme::RsaPkcs1 { hash: None };
            let signature = sign(&key, &scheme, b"message").unwrap();
            verify(&Key::new(admitted.public.unwrap()).unwrap(), &scheme, b"message", &signature).unwrap();
        }
    }
}

fn any_hash() -> impl Strategy<Value = Hash> {
    prop::sample::select(Hash::ALL.to_vec())
}

fn any_cipher() -> impl Strategy<Value = BlockCipher> {
    prop::sample::select(BlockCipher::ALL.to_vec())
}

/// Vectors of the right length more often than not.
fn any_vector() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 8), vec(any::<u8>(), 16), vec(any::<u8>(), 0..20)]
}

fn any_nonce() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 8), vec(any::<u8>(), 12), vec(any::<u8>(), 24), vec(any::<u8>(), 0..30)]
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![
        Just(Mode::Ecb),
        any_vector().prop_map(|iv| Mode::Cbc { iv }),
        any_vector().prop_map(|iv| Mode::CbcPad { iv }),
        any_vector().prop_map(|iv| Mode::CbcCs1 { iv }),
        any_vector().prop_map(|iv| Mode::Ofb { iv }),
        (any_vector(), prop::sample::select(std::vec![0usize, 1, 7, 8, 64, 72, 128, 136])).prop_map(|(iv, bits)| Mode::Cfb { iv, bits }),
        (any::<[u8; 16]>(), 0u32..140).prop_map(|(counter, bits)| Mode::Ctr { counter, bits }),
    ]
}

fn any_scheme() -> impl Strategy<Value = Scheme> {
    let context = vec(any::<u8>(), 0..300);
    prop_oneof![
        option::of(any_hash()).prop_map(|hash| Scheme::RsaPkcs1 { hash }),
        Just(Scheme::RsaRaw),
        (any_hash(), any_hash(), 0usize..300, any::<bool>()).prop_map(|(hash, mgf, salt_len, prehashed)| Scheme::RsaPss {
            hash,
            mgf,
            salt_len,
            prehashed
        }),
        any::<bool>().prop_map(|implicit_reject| Scheme::RsaPkcs1Crypt { implicit_reject }),
        (any_hash(), any_hash(), vec(any::<u8>(), 0..20)).prop_map(|(hash, mgf, label)| Scheme::RsaOaep { hash, mgf, label }),
        option::of(any_hash()).prop_map(|hash| Scheme::Ecdsa { hash }),
        (any::<bool>(), context.clone()).prop_map(|(prehash, context)| Scheme::EdDsa { prehash, context }),
        option::of(any_hash()).prop_map(|hash| Scheme::Dsa { hash }),
        (context, option::of(any_hash()), any::<bool>(), any::<bool>()).prop_map(|(context, prehash, prehashed, deterministic)| Scheme::MlDsa {
            context,
            prehash,
            prehashed,
            deterministic
        }),
        (any_hash(), 0usize..80).prop_map(|(hash, len)| Scheme::Hmac { hash, len }),
        (any_cipher(), 0usize..20).prop_map(|(cipher, len)| Scheme::Cmac { cipher, len }),
        (any_cipher(), 0usize..20).prop_map(|(cipher, len)| Scheme::CbcMac { cipher, len }),
        (0usize..20).prop_map(|len| Scheme::AesXcbcMac { len }),
        (vec(any::<u8>(), 0..20), 0usize..20).prop_map(|(iv, len)| Scheme::AesGmac { iv, len }),
        (any_cipher(), any_mode()).prop_map(|(cipher, mode)| Scheme::Block { cipher, mode }),
        any::<[u8; 16]>().prop_map(|tweak| Scheme::AesXts { tweak }),
        (vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..40), 0usize..20).prop_map(|(iv, aad, tag_len)| Scheme::AesGcm { iv, aad, tag_len }),
        (vec(any::<u8>(), 5..16), vec(any::<u8>(), 0..40), 0usize..20, option::of(0usize..300))
            .prop_map(|(nonce, aad, tag_len, data_len)| Scheme::AesCcm { nonce, aad, tag_len, data_len }),
        (any_nonce(), vec(any::<u8>(), 0..40)).prop_map(|(nonce, aad)| Scheme::ChaCha20Poly1305 { nonce, aad }),
        (prop::sample::select(std::vec![StreamCipher::ChaCha20, StreamCipher::Salsa20]), any_nonce(), any::<u64>())
            .prop_map(|(cipher, nonce, counter)| Scheme::Stream { cipher, nonce, counter }),
        Just(Scheme::Poly1305),
        option::of(any::<[u8; 8]>()).prop_map(|iv| Scheme::AesKw { iv }),
        option::of(any::<[u8; 4]>()).prop_map(|iv| Scheme::AesKwp { iv }),
        option::of(any::<[u8; 8]>()).prop_map(|iv| Scheme::AesKwPkcs7 { iv }),
        Just(Scheme::AesKwEitherPad),
        (prop::sample::select(vec![0usize, 16, 24, 32]), any_hash(), vec(any::<u8>(), 0..20)).prop_map(|(aes_len, hash, label)| Scheme::RsaAesKwp {
            aes_len,
            hash,
            mgf: hash,
            label
        }),
        (prop::sample::select(vec![0usize, 16, 24, 32]), option::of(any_hash()), any::<bool>()).prop_map(|(aes_len, kdf, der)| {
            let transport = if der { Transport::Der } else { Transport::Raw };
            Scheme::EcdhAesKwp { aes_len, how: Agree::Ecdh { kdf: kdf.map(AgreeKdf::OneStep), shared: Vec::new(), cofactor: false }, transport }
        }),
    ]
}

static KEYS: LazyLock<Vec<Arc<Key>>> = LazyLock::new(|| {
    let secret = |len| KeyParts::Secret(Secret::new(std::vec![3; len]));
    let private = |what| generate(&what).unwrap().private.unwrap();
    let parts = [
        KeyParts::RsaPrivate(RSA.clone()),
        private(Generate::Rsa { bits: 2048, e: Uint::from_u64(65537) }),
        private(Generate::Ec(Curve::P256)),
        private(Generate::Ec(Curve::P521)),
        private(Generate::Edwards(EdwardsCurve::Ed25519)),
        private(Generate::Montgomery(MontgomeryCurve::X25519)),
        private(Generate::MlDsa(MlDsaSet::MlDsa44)),
        private(Generate::MlKem(MlKemSet::MlKem512)),
        secret(16),
        secret(32),
        secret(5),
        secret(8),
        secret(24),
        secret(64),
    ];
    parts.into_iter().map(|parts| Key::new(parts).unwrap()).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_scheme_and_no_input_panics_and_what_was_made_is_taken_back(
        at in 0usize..14,
        scheme in any_scheme(),
        data in vec(any::<u8>(), 0..300),
        signature in vec(any::<u8>(), 0..300),
    ) {
        let key = &KEYS[at];
        if let Ok(made) = sign(key, &scheme, &data) {
            prop_assert_eq!(made.len(), signature_len(key, &scheme));
            prop_assert_eq!(verify(key, &scheme, &data, &made), Ok(()));
        }
        let _ = verify(key, &scheme, &data, &signature);
        let _ = recover(key, &scheme, &signature);
        if let Ok(sealed) = cipher(key, &scheme, Direction::Encrypt, &data) {
            prop_assert_eq!(cipher_len(key, &scheme, Direction::Encrypt, data.len()).upper(), sealed.len());
            let opened = cipher(key, &scheme, Direction::Decrypt, sealed.expose()).unwrap();
            prop_assert!(opened.len() <= cipher_len(key, &scheme, Direction::Decrypt, sealed.len()).upper());
            prop_assert!(opened.expose().ends_with(&data));
        }
        let _ = cipher(key, &scheme, Direction::Decrypt, &data);
        for dir in [Direction::Encrypt, Direction::Decrypt] {
            if let Ok(mut stream) = CipherStream::new(key.clone(), scheme.clone(), dir) {
                let _ = stream.update(&data);
                let _ = stream.update(&signature);
                let _ = stream.finish();
            }
        }
        if let Ok(mut stream) = SignStream::new(key.clone(), scheme.clone()) {
            stream.update(&data);
            let _ = stream.finish();
        }
        for how in [Agree::Ecdh { kdf: None, shared: vec![], cofactor: false }, Agree::Dh] {
            let _ = agree(key, &data, &how, Some(signature.len()));
        }
        let _ = decapsulate(key, &data);
    }
}

/// The primes of RFC 3526's and RFC 7919's groups of 8192 bits.
fn prime(text: &str) -> Uint {
    Uint::from_be(&hex::decode(text.trim()).unwrap())
}

#[test]
fn the_largest_rsa_and_dh_keys_are_admitted_in_time_and_work() {
    let (p, q) = (prime(include_str!("vectors/modp8192.hex")), prime(include_str!("vectors/ffdhe8192.hex")));
    let half = |p: &Uint| {
        let mut carry = 0;
        let bytes: Vec<u8> = p.as_be().iter().map(|b| (b >> 1) | std::mem::replace(&mut carry, b << 7)).collect();
        Uint::from_be(&bytes)
    };
    let rsa = RsaClaim { e: Some(Uint::from_u64(65537)), p: Some(p.clone()), q: Some(q), ..RsaClaim::default() };
    let dh = DhClaim { g: Uint::from_u64(2), q: Some(half(&p)), x: Some(half(&p)), y: None, p };

    for claim in [Claim::Rsa(rsa.clone()), Claim::Dh(dh)] {
        let start = Instant::now();
        let admitted = admit(claim, Level::Full).unwrap();
        let took = start.elapsed();
        println!("{took:?}");
        // Twice the promise: the machine may be busy with other things.
        assert!(took < Duration::from_secs(4), "{took:?}");
        if let Some(KeyParts::RsaPrivate(key)) = admitted.private {
            let recovered = RsaClaim { n: Some(key.public.n.clone()), e: rsa.e.clone(), d: Some(key.d.clone()), ..RsaClaim::default() };
            assert_eq!(admit(Claim::Rsa(recovered), Level::NoPrimality).unwrap().public.unwrap(), KeyParts::RsaPublic(key.public.clone()));
            let scheme = Scheme::RsaPkcs1 { hash: Some(Hash::Sha512) };
            let key = Key::new(KeyParts::RsaPrivate(key)).unwrap();
            let signature = sign(&key, &scheme, b"message").unwrap();
            verify(&key, &scheme, b"message", &signature).unwrap();
        }
    }
}

/// Odd, of exactly that many bits, and surely composite or not: the cost is the same.
fn odd(bits: usize, fill: u8) -> Uint {
    let mut bytes = vec![fill; bits.div_ceil(8)];
    bytes[0] = 0xFF >> (bytes.len() * 8 - bits);
    *bytes.last_mut().unwrap() |= 1;
    Uint::from_be(&bytes)
}

#[test]
fn the_largest_claims_end_in_time() {
    let rsa = |p: usize, q: usize| RsaClaim { p: Some(odd(p, 0xA7)), q: Some(odd(q, 0xC3)), e: Some(Uint::from_u64(65537)), ..RsaClaim::default() };
    let recover = RsaClaim { n: Some(odd(16384, 0x5B)), e: Some(Uint::from_u64(65537)), d: Some(odd(16383, 0x77)), ..RsaClaim::default() };
    let huge = RsaClaim { n: Some(odd(1 << 20, 0xFF)), e: Some(odd(1 << 20, 0xFF)), d: Some(odd(1 << 20, 0xFF)), ..RsaClaim::default() };
    let dh = |bits: usize, q: Option<usize>| DhClaim {
        p: odd(bits, 0xA7),
        g: Uint::from_u64(2),
        q: q.map(|bits| odd(bits, 0xC3)),
        y: None,
        x: Some(odd(bits - 2, 0x77)),
    };
    let dsa = DsaClaim { p: odd(3072, 0xA7), q: odd(256, 0xC3), g: odd(3000, 0x77), seed: None, y: None, x: Some(odd(200, 0x77)) };
    let claims = [
        Claim::Rsa(rsa(8192, 8192)),
        Claim::Rsa(rsa(8320, 8064)),
        Claim::Rsa(rsa(16000, 384)),
        Claim::Rsa(rsa(4096, 4096)),
        Claim::Rsa(recover),
        Claim::Rsa(huge),
        Claim::Dh(dh(8192, None)),
        Claim::Dh(dh(8192, Some(512))),
        Claim::Dh(dh(4096, Some(4000))),
        Claim::Dsa(dsa),
    ];
    for claim in claims {
        let start = Instant::now();
        let admitted = admit(claim, Level::Full);
        let took = start.elapsed();
        println!("{took:?}: {}", admitted.as_ref().err().map_or_else(|| "admitted".to_owned(), ToString::to_string));
        assert!(admitted.is_err());
        // Twice the promise: the machine may be busy with other things.
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
}

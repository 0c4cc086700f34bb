//! Which engine serves: one total function, and the test that names every refusal of aws-lc-rs. The families' code asks aws-lc only where this says
//! so, and computes itself where aws-lc-rs then turns out not to offer the operation.

use crate::{Hash, Scheme};
use cngtoken_key::{Curve, KeyParts, RsaPrivate, RsaPublic};

/// Who computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the libraries'")]
pub enum Engine {
    RustCrypto,
    AwsLc,
}

/// The engine that serves `scheme` with a key of these parts.
///
/// For [`Scheme::RsaPkcs1`] without a hash aws-lc serves the DigestInfos of SHA-256, SHA-384 and SHA-512, and RustCrypto any other content.
#[must_use]
pub fn engine(scheme: &Scheme, parts: &KeyParts) -> Engine {
    if cfg!(feature = "fast") && aws_takes(scheme, parts) { Engine::AwsLc } else { Engine::RustCrypto }
}

/// The engine that agrees or encapsulates with a key of these parts.
pub(crate) fn agreement(parts: &KeyParts) -> Engine {
    let takes = match parts {
        KeyParts::EcPublic(key) => ec_fits(key.curve),
        KeyParts::EcPrivate(key) => ec_fits(key.public.curve),
        KeyParts::MontgomeryPublic(_) | KeyParts::MontgomeryPrivate(_) | KeyParts::MlKemPublic(_) | KeyParts::MlKemPrivate(_) => true,
        _ => false,
    };
    if cfg!(feature = "fast") && takes { Engine::AwsLc } else { Engine::RustCrypto }
}

fn aws_takes(scheme: &Scheme, parts: &KeyParts) -> bool {
    let rsa = || match parts {
        KeyParts::RsaPublic(key) => rsa_fits(key, None),
        KeyParts::RsaPrivate(key) => rsa_fits(&key.public, Some(key)),
        _ => false,
    };
    match scheme {
        Scheme::RsaPkcs1 { hash: None } => rsa(),
        // aws-lc-rs verifies SHA-1 but does not sign it.
        Scheme::RsaPkcs1 { hash: Some(Hash::Sha1) } => matches!(parts, KeyParts::RsaPublic(_)) && rsa(),
        Scheme::RsaPkcs1 { hash: Some(hash) } => sha2(*hash) && rsa(),
        Scheme::RsaPss { hash, mgf, salt_len, prehashed: _ } => sha2(*hash) && hash == mgf && *salt_len == hash.len() && rsa(),
        Scheme::RsaPkcs1Crypt { implicit_reject } => (!implicit_reject || matches!(parts, KeyParts::RsaPublic(_))) && rsa(),
        Scheme::RsaOaep { hash, mgf, label: _ } => (sha2(*hash) || *hash == Hash::Sha1) && hash == mgf && rsa(),
        Scheme::RsaRaw => false,
        Scheme::Ecdsa { hash: _ } => match parts {
            KeyParts::EcPublic(key) => ec_fits(key.curve),
            KeyParts::EcPrivate(key) => ec_fits(key.public.curve),
            _ => false,
        },
        Scheme::Hmac { hash, len: _ } => {
            matches!(hash, Hash::Sha1 | Hash::Sha224 | Hash::Sha256 | Hash::Sha384 | Hash::Sha512) && matches!(parts, KeyParts::Secret(_))
        }
        Scheme::AesGcm { iv, aad: _, tag_len } => iv.len() == 12 && *tag_len == 16 && matches!(parts, KeyParts::Secret(_)),
        Scheme::ChaCha20Poly1305 { nonce, aad: _ } => nonce.len() == 12 && matches!(parts, KeyParts::Secret(_)),
        Scheme::EdDsa { prehash, context } => {
            !prehash && context.is_empty() && matches!(parts, KeyParts::EdwardsPublic(_) | KeyParts::EdwardsPrivate(_))
        }
        // aws-lc-rs signs hedged only; a public key does not care.
        Scheme::MlDsa { context, prehash, prehashed: _, deterministic } => {
            let plain = context.is_empty() && prehash.is_none();
            plain && (matches!(parts, KeyParts::MlDsaPublic(_)) || (!deterministic && matches!(parts, KeyParts::MlDsaPrivate(_))))
        }
        Scheme::Dsa { .. }
        | Scheme::SlhDsa { .. }
        | Scheme::Cmac { .. }
        | Scheme::CbcMac { .. }
        | Scheme::AesXcbcMac { .. }
        | Scheme::AesGmac { .. }
        | Scheme::Block { .. }
        | Scheme::AesXts { .. }
        | Scheme::AesCcm { .. }
        | Scheme::Stream { .. }
        | Scheme::Poly1305
        | Scheme::AesKw { .. }
        | Scheme::AesKwp { .. }
        | Scheme::AesKwPkcs7 { .. }
        | Scheme::AesKwEitherPad
        | Scheme::TlsMac { .. }
        | Scheme::RsaAesKwp { .. }
        | Scheme::EcdhAesKwp { .. } => false,
    }
}

fn sha2(hash: Hash) -> bool {
    matches!(hash, Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
}

/// 2048 to 8192 bits, an exponent of at most 33 bits, primes of one width.
pub(crate) fn rsa_fits(public: &RsaPublic, private: Option<&RsaPrivate>) -> bool {
    (2048..=8192).contains(&public.n.bit_len()) && public.e.bit_len() <= 33 && private.is_none_or(|key| key.p.bit_len() == key.q.bit_len())
}

/// The curves for which aws-lc has both ECDSA and ECDH.
pub(crate) fn ec_fits(curve: Curve) -> bool {
    matches!(curve, Curve::P256 | Curve::P384 | Curve::P521)
}

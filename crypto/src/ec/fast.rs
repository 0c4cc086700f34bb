//! ECDSA and ECDH in aws-lc: P-256, P-384, P-521. A digest of any length goes in as the number that it stands for: cut to the order's width or
//! padded on the left. `None` means that aws-lc-rs does not offer the operation; the caller then computes it itself.

use crate::CryptoError;
use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521, UnparsedPublicKey};
use aws_lc_rs::digest::{Algorithm, Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use cngtoken_key::{Curve, EcPrivate, EcPublic, Secret};
use std::sync::OnceLock;
use zeroize::Zeroizing;

struct Row {
    sign: &'static EcdsaSigningAlgorithm,
    verify: &'static EcdsaVerificationAlgorithm,
    agree: &'static agreement::Algorithm,
    digest: &'static Algorithm,
}

static P256: Row = Row { sign: &ECDSA_P256_SHA256_FIXED_SIGNING, verify: &ECDSA_P256_SHA256_FIXED, agree: &ECDH_P256, digest: &SHA256 };
static P384: Row = Row { sign: &ECDSA_P384_SHA384_FIXED_SIGNING, verify: &ECDSA_P384_SHA384_FIXED, agree: &ECDH_P384, digest: &SHA384 };
static P521: Row = Row { sign: &ECDSA_P521_SHA512_FIXED_SIGNING, verify: &ECDSA_P521_SHA512_FIXED, agree: &ECDH_P521, digest: &SHA512 };

fn row(curve: Curve) -> Option<&'static Row> {
    match curve {
        Curve::P256 => Some(&P256),
        Curve::P384 => Some(&P384),
        Curve::P521 => Some(&P521),
        Curve::P224 | Curve::Secp256k1 | Curve::BrainpoolP256r1 | Curve::BrainpoolP384r1 => None,
    }
}

/// The digest in the width that the row's hash has, with the same meaning to ECDSA. P-521's order is wider than any digest here, so a longer
/// input (up to its 66 bytes) is not aws-lc-rs's.
fn digest(row: &Row, curve: Curve, digest: &[u8]) -> Option<Digest> {
    let width = row.digest.output_len();
    let cut = digest.get(..curve.field_bytes()).unwrap_or(digest);
    let mut buffer = [0u8; 64];
    let target = buffer.get_mut(..width)?;
    let start = width.checked_sub(cut.len())?;
    target.get_mut(start..)?.copy_from_slice(cut);
    Digest::import_less_safe(target, row.digest).ok()
}

/// aws-lc's forms of one key.
#[derive(Default)]
pub(super) struct Fast {
    pair: OnceLock<Option<EcdsaKeyPair>>,
    verifier: OnceLock<Option<ParsedPublicKey>>,
    agreement: OnceLock<Option<agreement::PrivateKey>>,
}

impl Fast {
    fn pair(&self, key: &EcPrivate) -> Option<&EcdsaKeyPair> {
        let row = row(key.public.curve)?;
        self.pair.get_or_init(|| EcdsaKeyPair::from_private_key_and_public_key(row.sign, key.d.expose(), &key.public.uncompressed()).ok()).as_ref()
    }

    /// True if aws-lc takes the key.
    pub(super) fn warm(&self, key: &EcPrivate) -> bool {
        self.pair(key).is_some()
    }

    pub(super) fn sign(&self, key: &EcPrivate, message_digest: &[u8]) -> Option<Vec<u8>> {
        let row = row(key.public.curve)?;
        let digest = digest(row, key.public.curve, message_digest)?;
        Some(self.pair(key)?.sign_digest(&digest).ok()?.as_ref().to_vec())
    }

    pub(super) fn verify(&self, key: &EcPublic, message_digest: &[u8], signature: &[u8]) -> Option<Result<(), CryptoError>> {
        let row = row(key.curve)?;
        let digest = digest(row, key.curve, message_digest)?;
        let parsed = self.verifier.get_or_init(|| ParsedPublicKey::new(row.verify, key.uncompressed()).ok()).as_ref()?;
        Some(parsed.verify_digest_sig(&digest, signature).map_err(|_| CryptoError::Signature))
    }

    pub(super) fn agree(&self, key: &EcPrivate, point: &[u8]) -> Option<Result<Zeroizing<Vec<u8>>, CryptoError>> {
        let row = row(key.public.curve)?;
        let private = self.agreement.get_or_init(|| agreement::PrivateKey::from_private_key(row.agree, key.d.expose()).ok()).as_ref()?;
        let peer = UnparsedPublicKey::new(row.agree, point);
        Some(agreement::agree(private, peer, CryptoError::PublicKey("not a point of the curve"), |secret| Ok(Zeroizing::new(secret.to_vec()))))
    }
}

/// d·G, where aws-lc has the curve.
pub(super) fn public(curve: Curve, d: &Secret) -> Option<EcPublic> {
    let key = agreement::PrivateKey::from_private_key(row(curve)?.agree, d.expose()).ok()?;
    public_of(curve, &key)
}

fn public_of(curve: Curve, key: &agreement::PrivateKey) -> Option<EcPublic> {
    let point = key.compute_public_key().ok()?;
    let (x, y) = point.as_ref().strip_prefix(&[4])?.split_at_checked(curve.field_bytes())?;
    (y.len() == x.len()).then(|| EcPublic { curve, x: x.to_vec(), y: y.to_vec() })
}

/// A new key, where aws-lc has the curve.
pub(super) fn generate(curve: Curve) -> Option<Result<EcPrivate, CryptoError>> {
    let row = row(curve)?;
    let make = || -> Option<EcPrivate> {
        let key = agreement::PrivateKey::generate(row.agree).ok()?;
        let d: EcPrivateKeyBin<'_> = key.as_be_bytes().ok()?;
        let d = Secret::copy_of(d.as_ref());
        (d.len() == curve.field_bytes()).then_some(EcPrivate { public: public_of(curve, &key)?, d })
    };
    Some(make().ok_or(CryptoError::Internal("aws-lc's ec generation")))
}

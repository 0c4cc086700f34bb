//! Ed25519: pure, with context, and pre-hash (RFC 8032, 5.1). The pure form is `ed25519-dalek`'s or aws-lc's. The two forms with the prefix dom2 are
//! composed here over `curve25519-dalek`'s scalars and points: dalek has no form with a context alone, and takes a hash's state where a caller
//! has its digest.

use crate::random;
use crate::{AdmitError, CryptoError};
use cngtoken_key::{EdwardsClaim, EdwardsCurve, EdwardsPrivate, EdwardsPublic, Secret};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::hazmat::ExpandedSecretKey;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use sha2::{Digest, Sha512};
use std::sync::OnceLock;
use zeroize::Zeroizing;

const NOT_ADMITTED: CryptoError = CryptoError::Internal("edwards numbers that were not admitted");

/// Bytes of a signature.
pub(crate) const SIGNATURE: usize = 64;

/// The engines' contexts of one key, each built when first needed.
#[derive(Default)]
pub(crate) struct Context {
    signing: OnceLock<Option<SigningKey>>,
    verifying: OnceLock<Option<VerifyingKey>>,
    #[cfg(feature = "fast")]
    pair: OnceLock<Option<aws_lc_rs::signature::Ed25519KeyPair>>,
    #[cfg(feature = "fast")]
    parsed: OnceLock<Option<aws_lc_rs::signature::ParsedPublicKey>>,
}

/// A key with its contexts. `fast` is the word of [`crate::engine`] for the scheme at hand.
#[derive(Clone, Copy)]
pub(crate) struct Edwards<'a> {
    pub(crate) public: &'a EdwardsPublic,
    pub(crate) private: Option<&'a EdwardsPrivate>,
    pub(crate) context: &'a Context,
    pub(crate) fast: bool,
}

/// RFC 8032's dom2(F, C); nothing for the pure form.
fn dom2(prehash: bool, context: &[u8]) -> Result<Vec<u8>, CryptoError> {
    if !prehash && context.is_empty() {
        return Ok(Vec::new());
    }
    let len = u8::try_from(context.len()).map_err(|_| CryptoError::Param("the context is longer than 255 bytes"))?;
    let mut out = b"SigEd25519 no Ed25519 collisions".to_vec();
    out.extend_from_slice(&[u8::from(prehash), len]);
    out.extend_from_slice(context);
    Ok(out)
}

/// The hash of the concatenated parts as a scalar.
fn hash_scalar(parts: &[&[u8]]) -> Scalar {
    let mut state = Sha512::new();
    parts.iter().for_each(|part| state.update(part));
    let wide = Zeroizing::new(<[u8; 64]>::from(state.finalize()));
    Scalar::from_bytes_mod_order_wide(&wide)
}

impl<'a> Edwards<'a> {
    fn signing(&self) -> Result<&'a SigningKey, CryptoError> {
        let key = self.private.ok_or(CryptoError::KeyType)?;
        self.context
            .signing
            .get_or_init(|| key.seed.expose().try_into().ok().map(|seed: &[u8; 32]| SigningKey::from_bytes(seed)))
            .as_ref()
            .ok_or(NOT_ADMITTED)
    }

    fn verifying(&self) -> Result<&'a VerifyingKey, CryptoError> {
        self.context
            .verifying
            .get_or_init(|| self.public.point.as_slice().try_into().ok().and_then(|point: &[u8; 32]| VerifyingKey::from_bytes(point).ok()))
            .as_ref()
            .ok_or(NOT_ADMITTED)
    }

    #[cfg(feature = "fast")]
    fn pair(&self) -> Option<&'a aws_lc_rs::signature::Ed25519KeyPair> {
        let key = self.private?;
        self.context
            .pair
            .get_or_init(|| aws_lc_rs::signature::Ed25519KeyPair::from_seed_and_public_key(key.seed.expose(), &key.public.point).ok())
            .as_ref()
    }

    /// Signs the message, or its SHA-512 digest for the pre-hash form.
    pub(crate) fn sign(&self, prehash: bool, context: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let dom = dom2(prehash, context)?;
        if prehash && data.len() != 64 {
            return Err(CryptoError::DataLen);
        }
        if dom.is_empty() {
            #[cfg(feature = "fast")]
            if self.fast
                && let Some(signature) = self.pair().and_then(|pair| pair.try_sign(data).ok())
            {
                return Ok(signature.as_ref().to_vec());
            }
            return Ok(self.signing()?.sign(data).to_bytes().to_vec());
        }
        let signing = self.signing()?;
        let key = ExpandedSecretKey::from(&signing.to_bytes());
        let nonce = Zeroizing::new(hash_scalar(&[&dom, &key.hash_prefix, data]));
        let commitment = EdwardsPoint::mul_base(&nonce).compress();
        let challenge = hash_scalar(&[&dom, commitment.as_bytes(), &self.public.point, data]);
        let response = challenge * key.scalar + *nonce;
        let mut out = commitment.as_bytes().to_vec();
        out.extend_from_slice(response.as_bytes());
        Ok(out)
    }

    pub(crate) fn verify(&self, prehash: bool, context: &[u8], data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let signature: &[u8; SIGNATURE] = signature.try_into().map_err(|_| CryptoError::SignatureLen)?;
        let dom = dom2(prehash, context)?;
        if prehash && data.len() != 64 {
            return Err(CryptoError::DataLen);
        }
        let verifying = self.verifying()?;
        if dom.is_empty() {
            #[cfg(feature = "fast")]
            if self.fast
                && let Some(parsed) = self
                    .context
                    .parsed
                    .get_or_init(|| aws_lc_rs::signature::ParsedPublicKey::new(&aws_lc_rs::signature::ED25519, &self.public.point).ok())
            {
                return parsed.verify_sig(data, signature).map_err(|_| CryptoError::Signature);
            }
            return verifying.verify(data, &Signature::from_bytes(signature)).map_err(|_| CryptoError::Signature);
        }
        let (commitment, response) = signature.split_at(32);
        let response: [u8; 32] = response.try_into().map_err(|_| CryptoError::SignatureLen)?;
        let response = Scalar::from_canonical_bytes(response).into_option().ok_or(CryptoError::Signature)?;
        let challenge = hash_scalar(&[&dom, commitment, &self.public.point, data]);
        let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &-verifying.to_edwards(), &response).compress();
        if expected.as_bytes().as_slice() == commitment { Ok(()) } else { Err(CryptoError::Signature) }
    }
}

/// Completes and checks a claim.
pub(crate) fn admit(claim: &EdwardsClaim) -> Result<(EdwardsPublic, Option<EdwardsPrivate>), AdmitError> {
    let EdwardsCurve::Ed25519 = claim.curve;
    let width = |what, len: usize| AdmitError::range(what, format!("{len} bytes"), "32 bytes");
    let point = match &claim.point {
        Some(point) => {
            let bytes: [u8; 32] = point.as_slice().try_into().map_err(|_| width("public point", point.len()))?;
            let decoded = CompressedEdwardsY(bytes).decompress().filter(|p| p.compress().as_bytes() == &bytes);
            match decoded {
                Some(p) if !p.is_small_order() => Some(bytes),
                Some(_) => return Err(AdmitError::inconsistent("public point", "a point of small order", "a point of the large subgroup")),
                None => return Err(AdmitError::inconsistent("public point", "bytes that encode no point", "a point of edwards25519")),
            }
        }
        None => None,
    };
    let Some(seed) = &claim.seed else {
        let point = point.ok_or(AdmitError::Missing { what: "public point" })?;
        return Ok((EdwardsPublic { curve: claim.curve, point: point.to_vec() }, None));
    };
    let bytes: &[u8; 32] = seed.expose().try_into().map_err(|_| width("private seed", seed.len()))?;
    let computed = SigningKey::from_bytes(bytes).verifying_key().to_bytes();
    if point.is_some_and(|given| given != computed) {
        return Err(AdmitError::inconsistent("public point", "a point that does not belong to the seed", "the seed's point"));
    }
    let public = EdwardsPublic { curve: claim.curve, point: computed.to_vec() };
    Ok((public.clone(), Some(EdwardsPrivate { public, seed: seed.clone() })))
}

/// A new key.
pub(crate) fn generate(curve: EdwardsCurve) -> Result<EdwardsPrivate, CryptoError> {
    let mut seed = Secret::new(vec![0; curve.bytes()]);
    random(seed.expose_mut())?;
    let claim = EdwardsClaim { curve, point: None, seed: Some(seed) };
    admit(&claim).ok().and_then(|(_, key)| key).ok_or(CryptoError::Internal("generated edwards key refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: &str) -> EdwardsPrivate {
        let seed = Some(Secret::new(hex::decode(seed).unwrap()));
        admit(&EdwardsClaim { curve: EdwardsCurve::Ed25519, point: None, seed }).unwrap().1.unwrap()
    }

    fn view<'a>(key: &'a EdwardsPrivate, context: &'a Context, fast: bool) -> Edwards<'a> {
        Edwards { public: &key.public, private: Some(key), context, fast }
    }

    #[test]
    fn all_three_forms_give_the_signatures_of_rfc_8032() {
        let cases = [
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                false,
                "",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
                false,
                "666f6f",
                "f726936d19c800494e3fdaff20b276a8",
                "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
            ),
            (
                "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
                true,
                "",
                "616263",
                "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
            ),
        ];
        for (seed, prehash, context, message, signature) in cases {
            let key = key(seed);
            let contexts = (Context::default(), hex::decode(context).unwrap());
            let mut data = hex::decode(message).unwrap();
            if prehash {
                data = crate::digest(crate::Hash::Sha512, &data);
            }
            for fast in [false, true] {
                let view = view(&key, &contexts.0, fast);
                let made = view.sign(prehash, &contexts.1, &data).unwrap();
                assert_eq!(hex::encode(&made), signature);
                view.verify(prehash, &contexts.1, &data, &made).unwrap();
                let mut bad = made.clone();
                bad[40] ^= 1;
                assert_eq!(view.verify(prehash, &contexts.1, &data, &bad), Err(CryptoError::Signature));
                assert_eq!(view.verify(prehash, b"other", &data, &made), Err(CryptoError::Signature));
            }
        }
    }

    #[test]
    fn points_that_are_none_or_do_not_belong_are_refused() {
        let claim = |point: Vec<u8>, seed: Option<Secret>| admit(&EdwardsClaim { curve: EdwardsCurve::Ed25519, point: Some(point), seed });
        let good = key("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        assert!(claim(good.public.point.clone(), Some(good.seed.clone())).is_ok());
        assert!(claim(good.public.point.clone(), Some(Secret::new(vec![1; 32]))).is_err());
        assert!(claim(good.public.point.clone(), Some(Secret::new(vec![1; 31]))).is_err());
        let mut identity = vec![0; 32];
        identity[0] = 1;
        assert!(claim(identity, None).is_err());
        assert!(claim(vec![2; 32], None).is_err() || claim(vec![3; 32], None).is_err());
        assert!(claim(vec![0xFF; 32], None).is_err());
        assert!(claim(vec![0; 31], None).is_err());
    }
}

//! X25519 (RFC 7748). Private scalars are kept as given and clamped when used. A peer's point of small order is refused: the secret would be zero.

use crate::{AdmitError, CryptoError, random};
use cngtoken_key::{MontgomeryClaim, MontgomeryCurve, MontgomeryPrivate, MontgomeryPublic, Secret};
use std::sync::OnceLock;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

const SMALL_ORDER: CryptoError = CryptoError::PublicKey("a point of small order");

/// The engines' contexts of one key, each built when first needed.
#[derive(Default)]
pub(crate) struct Context {
    #[cfg(feature = "fast")]
    aws: OnceLock<Option<aws_lc_rs::agreement::PrivateKey>>,
    secret: OnceLock<Option<StaticSecret>>,
}

/// A key with its contexts. `fast` is the word of [`crate::engine`].
#[derive(Clone, Copy)]
pub(crate) struct Montgomery<'a> {
    pub(crate) private: Option<&'a MontgomeryPrivate>,
    pub(crate) context: &'a Context,
    pub(crate) fast: bool,
}

impl Montgomery<'_> {
    /// The shared u-coordinate.
    pub(crate) fn agree(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let key = self.private.ok_or(CryptoError::KeyType)?;
        let content = if peer.len() == 32 { peer } else { crate::agree::octet_string(peer).unwrap_or_default() };
        let u: [u8; 32] = content.try_into().map_err(|_| CryptoError::PublicKey("not 32 bytes, nor an OCTET STRING of 32"))?;
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(aws) = self
                .context
                .aws
                .get_or_init(|| aws_lc_rs::agreement::PrivateKey::from_private_key(&aws_lc_rs::agreement::X25519, key.k.expose()).ok())
        {
            let peer = aws_lc_rs::agreement::UnparsedPublicKey::new(&aws_lc_rs::agreement::X25519, u);
            return aws_lc_rs::agreement::agree(aws, peer, SMALL_ORDER, |secret| Ok(Zeroizing::new(secret.to_vec())));
        }
        let secret =
            self.context.secret.get_or_init(|| secret(&key.k)).as_ref().ok_or(CryptoError::Internal("montgomery numbers that were not admitted"))?;
        let shared = secret.diffie_hellman(&PublicKey::from(u));
        if shared.was_contributory() { Ok(Zeroizing::new(shared.as_bytes().to_vec())) } else { Err(SMALL_ORDER) }
    }
}

fn secret(k: &Secret) -> Option<StaticSecret> {
    let bytes: &[u8; 32] = k.expose().try_into().ok()?;
    Some(StaticSecret::from(*bytes))
}

/// Completes and checks a claim.
pub(crate) fn admit(claim: &MontgomeryClaim) -> Result<(MontgomeryPublic, Option<MontgomeryPrivate>), AdmitError> {
    let MontgomeryCurve::X25519 = claim.curve;
    let width = |what, len: usize| AdmitError::range(what, format!("{len} bytes"), "32 bytes");
    if let Some(u) = &claim.u {
        let bytes: [u8; 32] = u.as_slice().try_into().map_err(|_| width("public value", u.len()))?;
        if !canonical(&bytes) {
            return Err(AdmitError::range("public value", "a number not below 2^255 − 19", "a u-coordinate, little-endian"));
        }
        if !StaticSecret::from([1; 32]).diffie_hellman(&PublicKey::from(bytes)).was_contributory() {
            return Err(AdmitError::inconsistent("public value", "a point of small order", "a point of the large subgroup"));
        }
    }
    let Some(k) = &claim.k else {
        let u = claim.u.clone().ok_or(AdmitError::Missing { what: "public value" })?;
        return Ok((MontgomeryPublic { curve: claim.curve, u }, None));
    };
    let parsed = secret(k).ok_or_else(|| width("private scalar", k.len()))?;
    let computed = PublicKey::from(&parsed).to_bytes();
    if claim.u.as_ref().is_some_and(|given| given.as_slice() != computed) {
        let back: Secret = Secret::new(k.expose().iter().rev().copied().collect());
        if secret(&back).is_some_and(|back| claim.u.as_deref() == Some(PublicKey::from(&back).as_bytes().as_slice())) {
            return Err(AdmitError::inconsistent(
                "private scalar",
                "a number that fits when read the other way: the bytes are in reverse order",
                "little-endian bytes",
            ));
        }
        return Err(AdmitError::inconsistent("public value", "a value that does not belong to the scalar", "the scalar's point"));
    }
    let public = MontgomeryPublic { curve: claim.curve, u: computed.to_vec() };
    Ok((public.clone(), Some(MontgomeryPrivate { public, k: k.clone() })))
}

/// Below 2²⁵⁵ − 19, read little-endian. Public.
fn canonical(u: &[u8; 32]) -> bool {
    let mut prime = [0xFF; 32];
    prime[31] = 0x7F;
    prime[0] = 0xED;
    u.iter().rev().lt(prime.iter().rev())
}

/// A new key.
pub(crate) fn generate(curve: MontgomeryCurve) -> Result<MontgomeryPrivate, CryptoError> {
    let mut k = Secret::new(vec![0; curve.bytes()]);
    random(k.expose_mut())?;
    // CNG imports clamped scalars only; a clamped one is the same key.
    if let [first, .., last] = k.expose_mut() {
        *first &= 0xF8;
        *last = (*last & 0x7F) | 0x40;
    }
    let claim = MontgomeryClaim { curve, u: None, k: Some(k) };
    admit(&claim).ok().and_then(|(_, key)| key).ok_or(CryptoError::Internal("generated montgomery key refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(k: &str) -> MontgomeryPrivate {
        let k = Some(Secret::new(hex::decode(k).unwrap()));
        admit(&MontgomeryClaim { curve: MontgomeryCurve::X25519, u: None, k }).unwrap().1.unwrap()
    }

    #[test]
    fn both_engines_agree_from_a_raw_and_a_wrapped_peer() {
        let alice = private("77076d0a7318a57d3c16c17251b26645df4c2f92ebc099c70ae4d5c3b8b3e5a1");
        let bob = private("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        assert_eq!(hex::encode(&bob.public.u), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        let mut wrapped = vec![4, 32];
        wrapped.extend_from_slice(&bob.public.u);
        let mut secrets = Vec::new();
        for fast in [false, true] {
            for peer in [bob.public.u.clone(), wrapped.clone()] {
                secrets.push(Montgomery { private: Some(&alice), context: &Context::default(), fast }.agree(&peer).unwrap());
            }
            secrets.push(Montgomery { private: Some(&bob), context: &Context::default(), fast }.agree(&alice.public.u).unwrap());
        }
        assert!(secrets.iter().all(|s| s == &secrets[0]));
    }

    #[test]
    fn a_peer_of_small_order_is_refused_by_both_engines() {
        let key = generate(MontgomeryCurve::X25519).unwrap();
        for fast in [false, true] {
            let view = Montgomery { private: Some(&key), context: &Context::default(), fast };
            assert!(matches!(view.agree(&[0; 32]), Err(CryptoError::PublicKey(_))));
            assert!(matches!(view.agree(&[0; 31]), Err(CryptoError::PublicKey(_))));
        }
    }

    #[test]
    fn public_values_out_of_range_or_of_another_key_are_refused() {
        let key = generate(MontgomeryCurve::X25519).unwrap();
        let claim = |u: Vec<u8>, k: Option<Secret>| admit(&MontgomeryClaim { curve: MontgomeryCurve::X25519, u: Some(u), k });
        assert!(claim(key.public.u.clone(), Some(key.k.clone())).is_ok());
        assert!(claim(vec![0; 32], None).is_err());
        assert!(claim(vec![0xFF; 32], None).is_err());
        assert!(claim(vec![9; 31], None).is_err());
        assert!(claim(generate(MontgomeryCurve::X25519).unwrap().public.u, Some(key.k.clone())).is_err());
        let back = Secret::new(key.k.expose().iter().rev().copied().collect());
        assert!(claim(key.public.u, Some(back)).unwrap_err().to_string().contains("reverse order"));
    }
}

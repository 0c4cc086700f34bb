//! ECDSA and ECDH over the short Weierstrass curves. `curve` is generic over RustCrypto's curve crates; `fast` is aws-lc's part (P-256, P-384,
//! P-521). Points and scalars were checked by [`crate::admit`]; a peer's point is checked here, before use.
//!
//! secp256k1: signatures come out with the lower of the two possible s, and both are accepted.

mod curve;
#[cfg(feature = "fast")]
mod fast;

use crate::{AdmitError, CryptoError};
use cngtoken_key::{Curve, EcClaim, EcPrivate, EcPublic, Secret};
use curve::Ops;
use std::borrow::Cow;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The engines' contexts of one key, each built when first needed.
#[derive(Default)]
pub(crate) struct Context {
    ops: OnceLock<Result<Box<dyn Ops>, CryptoError>>,
    #[cfg(feature = "fast")]
    fast: fast::Fast,
}

/// A key with its contexts. `fast` is the word of [`crate::engine`] for the scheme at hand.
#[derive(Clone, Copy)]
pub(crate) struct Ec<'a> {
    pub(crate) public: &'a EcPublic,
    pub(crate) private: Option<&'a EcPrivate>,
    pub(crate) context: &'a Context,
    pub(crate) fast: bool,
}

impl<'a> Ec<'a> {
    fn ops(&self) -> Result<&'a dyn Ops, CryptoError> {
        let built = self.context.ops.get_or_init(|| curve::ops(self.public, self.private));
        built.as_ref().map(AsRef::as_ref).map_err(Clone::clone)
    }

    /// Builds the context of the engine that serves most schemes.
    pub(crate) fn warm(&self) -> Result<(), CryptoError> {
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(key) = self.private
            && self.context.fast.warm(key)
        {
            return Ok(());
        }
        self.ops().map(|_| ())
    }

    /// Bytes of a signature.
    pub(crate) fn signature_len(&self) -> usize {
        2 * self.public.curve.field_bytes()
    }

    /// r ‖ s over a digest of any length; its leftmost bits count.
    pub(crate) fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let key = self.private.ok_or(CryptoError::KeyType)?;
        let digest = &*leftmost(self.public.curve, digest);
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(out) = self.context.fast.sign(key, digest)
        {
            return Ok(out);
        }
        let _ = key;
        self.ops()?.sign(digest)
    }

    pub(crate) fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if signature.len() != self.signature_len() {
            return Err(CryptoError::SignatureLen);
        }
        let digest = &*leftmost(self.public.curve, digest);
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(answer) = self.context.fast.verify(self.public, digest, signature)
        {
            return answer;
        }
        self.ops()?.verify(digest, signature)
    }

    /// The x-coordinate of d·peer, as wide as the field.
    pub(crate) fn agree(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let key = self.private.ok_or(CryptoError::KeyType)?;
        let point = point(self.public.curve, peer)?;
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(answer) = self.context.fast.agree(key, point)
        {
            return answer;
        }
        let _ = key;
        self.ops()?.agree(point)
    }
}

/// The number that ECDSA makes of a digest (FIPS 186-5, 6.4.1): its leftmost bits, as many as the order has. Done here because the crate `ecdsa` keeps
/// the wrong bits of P-521's first 66 bytes.
fn leftmost(curve: Curve, digest: &[u8]) -> Cow<'_, [u8]> {
    let bytes = curve.field_bytes();
    let Some(cut) = digest.get(..bytes) else { return Cow::Borrowed(digest) };
    let excess = 8 * bytes - curve.field_bits();
    if excess == 0 {
        return Cow::Borrowed(cut);
    }
    let mut carry = 0u8;
    Cow::Owned(cut.iter().map(|&b| (b >> excess) | std::mem::replace(&mut carry, b << (8 - excess))).collect())
}

/// The SEC 1 point in `peer`: raw, or the content of a DER OCTET STRING. Lengths decide, not trial: no raw point has a length that a wrapped one has.
fn point(curve: Curve, peer: &[u8]) -> Result<&[u8], CryptoError> {
    let f = curve.field_bytes();
    let raw = |p: &[u8]| (p.len() == 1 + 2 * f && p.first() == Some(&4)) || (p.len() == 1 + f && matches!(p.first(), Some(2 | 3)));
    if raw(peer) {
        return Ok(peer);
    }
    let content =
        crate::agree::octet_string(peer).ok_or(CryptoError::PublicKey("neither a point of the curve's width nor an OCTET STRING of one"))?;
    if raw(content) { Ok(content) } else { Err(CryptoError::PublicKey("the point does not have the curve's width")) }
}

/// Completes and checks a claim. The engine's context is built once, so that an admitted key also signs.
pub(crate) fn admit(claim: &EcClaim) -> Result<(EcPublic, Option<EcPrivate>), AdmitError> {
    let (public, private) = curve::admit(claim)?;
    let context = Context::default();
    let ec = Ec { public: &public, private: private.as_ref(), context: &context, fast: crate::engine::ec_fits(public.curve) };
    ec.warm().map_err(|_| AdmitError::inconsistent("key", "numbers that the engine refuses", "a key that can compute"))?;
    Ok((public, private))
}

/// A new key.
pub(crate) fn generate(curve: Curve) -> Result<EcPrivate, CryptoError> {
    #[cfg(feature = "fast")]
    if let Some(key) = fast::generate(curve) {
        return key;
    }
    of_scalar(curve, curve::random_scalar(curve)?)
}

/// A new key by the method that takes more random bits than the order has.
pub(crate) fn generate_extra_bits(curve: Curve) -> Result<EcPrivate, CryptoError> {
    of_scalar(curve, curve::extra_bits_scalar(curve)?)
}

fn of_scalar(curve: Curve, d: Secret) -> Result<EcPrivate, CryptoError> {
    let claim = EcClaim { curve, point: None, d: Some(d) };
    curve::admit(&claim).ok().and_then(|(_, key)| key).ok_or(CryptoError::Internal("generated ec key refused"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cngtoken_key::Uint;

    fn reference<'a>(key: &'a EcPrivate, context: &'a Context) -> Ec<'a> {
        Ec { public: &key.public, private: Some(key), context, fast: false }
    }

    #[test]
    fn every_curve_signs_verifies_and_agrees() {
        for curve in Curve::ALL {
            let (a, b) = (generate(curve).unwrap(), generate_extra_bits(curve).unwrap());
            let (ca, cb) = (Context::default(), Context::default());
            let (ka, kb) = (reference(&a, &ca), reference(&b, &cb));

            for digest in [&[][..], &[7; 20], &[0xFF; 32], &[0xFF; 64], &[0xFF; 80]] {
                let mut signature = ka.sign(digest).unwrap();
                ka.verify(digest, &signature).unwrap();
                assert!(kb.verify(digest, &signature).is_err());
                signature[3] ^= 1;
                assert_eq!(ka.verify(digest, &signature), Err(CryptoError::Signature), "{curve:?}");
            }
            assert_eq!(ka.agree(&b.public.uncompressed()).unwrap(), kb.agree(&a.public.uncompressed()).unwrap());
        }
    }

    #[test]
    fn the_leftmost_bits_of_a_digest_count() {
        assert_eq!(*leftmost(Curve::P256, &[7; 40]), [7; 32]);
        assert_eq!(*leftmost(Curve::P256, &[7; 20]), [7; 20]);
        assert_eq!(*leftmost(Curve::P521, &[7; 65]), [7; 65]);
        let mut expected = [0xFF; 66];
        expected[0] = 0x01;
        assert_eq!(*leftmost(Curve::P521, &[0xFF; 70]), expected);
        let mut digest = [0u8; 66];
        digest[0] = 0x80;
        digest[1] = 0x81;
        expected = [0; 66];
        (expected[0], expected[1], expected[2]) = (1, 1, 2);
        assert_eq!(*leftmost(Curve::P521, &digest), expected);
    }

    #[test]
    fn a_peer_may_be_raw_compressed_or_wrapped() {
        for curve in [Curve::P256, Curve::P521, Curve::BrainpoolP384r1] {
            let (a, b) = (generate(curve).unwrap(), generate(curve).unwrap());
            let context = Context::default();
            let key = reference(&a, &context);
            let raw = b.public.uncompressed();
            let mut compressed = vec![2 + (b.public.y.last().unwrap() & 1)];
            compressed.extend_from_slice(&b.public.x);
            let wrap = |p: &[u8]| {
                let mut out = vec![4];
                if p.len() > 127 {
                    out.push(0x81);
                }
                out.push(u8::try_from(p.len()).unwrap());
                out.extend_from_slice(p);
                out
            };
            let expected = key.agree(&raw).unwrap();
            for form in [wrap(&raw), compressed.clone(), wrap(&compressed)] {
                assert_eq!(key.agree(&form).unwrap(), expected);
            }
            let mut off = raw.clone();
            *off.last_mut().unwrap() ^= 1;
            assert!(matches!(key.agree(&off), Err(CryptoError::PublicKey(_))));
            assert!(matches!(key.agree(&raw[1..]), Err(CryptoError::PublicKey(_))));
            assert!(matches!(key.agree(&[]), Err(CryptoError::PublicKey(_))));
        }
    }

    #[test]
    fn high_and_low_s_both_verify_on_secp256k1() {
        let key = generate(Curve::Secp256k1).unwrap();
        let context = Context::default();
        let ec = reference(&key, &context);
        let signature = ec.sign(&[9; 32]).unwrap();
        let s = crate::num::boxed_bytes(&signature[32..], 256);
        let n = crate::num::boxed_bytes(&hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap(), 256);
        let mut other = signature[..32].to_vec();
        other.extend_from_slice(&crate::num::fixed(&n.wrapping_sub(&s), 32).unwrap());

        ec.verify(&[9; 32], &other).unwrap();
    }

    #[test]
    fn a_claim_is_completed_and_checked() {
        for curve in Curve::ALL {
            let key = generate(curve).unwrap();
            let point = Some((Uint::from_be(&key.public.x), Uint::from_be(&key.public.y)));
            let wrong = generate(curve).unwrap();
            let claim = |point: Option<(Uint, Uint)>, d: Option<Secret>| admit(&EcClaim { curve, point, d });

            assert_eq!(claim(None, Some(key.d.clone())).unwrap().1.unwrap(), key);
            assert_eq!(claim(point.clone(), Some(key.d.clone())).unwrap().1.unwrap(), key);
            assert_eq!(claim(point.clone(), None).unwrap(), (key.public.clone(), None));

            assert!(claim(None, None).is_err());
            assert!(claim(point.clone(), Some(wrong.d)).is_err());
            assert!(claim(point.clone(), Some(Secret::new(vec![0; curve.field_bytes()]))).is_err());
            assert!(claim(None, Some(Secret::new(vec![0xFF; curve.field_bytes()]))).is_err());
            let (x, _) = point.clone().unwrap();
            assert!(claim(Some((x.clone(), x)), None).is_err());
        }
    }

    #[test]
    fn bytes_in_reverse_order_are_named() {
        let key = generate(Curve::P256).unwrap();
        let back = |b: &[u8]| b.iter().rev().copied().collect::<Vec<u8>>();
        let point = Some((Uint::from_be(&back(&key.public.x)), Uint::from_be(&back(&key.public.y))));

        for d in [None, Some(Secret::new(back(key.d.expose())))] {
            let error = admit(&EcClaim { curve: Curve::P256, point: point.clone(), d }).unwrap_err();
            assert!(error.to_string().contains("reverse order"), "{error}");
        }
    }
}

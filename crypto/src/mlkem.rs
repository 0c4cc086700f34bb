//! ML-KEM (FIPS 203). Keys come as a seed, as the expanded decapsulation key, or both; what an expanded key contains is checked against itself.

use crate::{AdmitError, CryptoError, random};
use cngtoken_key::{MlKemClaim, MlKemPrivate, MlKemPublic, MlKemSet, Secret};
#[allow(deprecated, reason = "expanded keys are what many blobs hold")]
use ml_kem::ExpandedKeyEncoding;
use ml_kem::{B32, Decapsulate, MlKem512, MlKem768, MlKem1024};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// A parsed key.
trait Ops: Send + Sync {
    fn encapsulate(&self, m: &B32) -> (Vec<u8>, Secret);
    /// `None` for a public key or a ciphertext of another length.
    fn decapsulate(&self, ciphertext: &[u8]) -> Option<Secret>;
}

/// Runs `$body` with `$P` as the crate's type of the set.
macro_rules! by_set {
    ($set:expr, $P:ident => $body:expr) => {
        match $set {
            MlKemSet::MlKem512 => {
                type $P = MlKem512;
                $body
            }
            MlKemSet::MlKem768 => {
                type $P = MlKem768;
                $body
            }
            MlKemSet::MlKem1024 => {
                type $P = MlKem1024;
                $body
            }
        }
    };
}

macro_rules! ops {
    ($($P:ident),*) => {$(
        impl Ops for (ml_kem::EncapsulationKey<$P>, Option<ml_kem::DecapsulationKey<$P>>) {
            fn encapsulate(&self, m: &B32) -> (Vec<u8>, Secret) {
                let (ciphertext, shared) = self.0.encapsulate_deterministic(m);
                (ciphertext.to_vec(), Secret::copy_of(&Zeroizing::new(shared)))
            }

            fn decapsulate(&self, ciphertext: &[u8]) -> Option<Secret> {
                let shared = self.1.as_ref()?.decapsulate_slice(ciphertext).ok()?;
                Some(Secret::copy_of(&Zeroizing::new(shared)))
            }
        }
    )*};
}
ops!(MlKem512, MlKem768, MlKem1024);

/// The engines' contexts of one key, each built when first needed.
#[derive(Default)]
pub(crate) struct Context {
    ops: OnceLock<Option<Box<dyn Ops>>>,
    #[cfg(feature = "fast")]
    encapsulating: OnceLock<Option<aws_lc_rs::kem::EncapsulationKey>>,
    #[cfg(feature = "fast")]
    decapsulating: OnceLock<Option<aws_lc_rs::kem::DecapsulationKey>>,
}

/// A key with its contexts. `fast` is the word of [`crate::engine`].
#[derive(Clone, Copy)]
pub(crate) struct MlKem<'a> {
    pub(crate) public: &'a MlKemPublic,
    pub(crate) private: Option<&'a MlKemPrivate>,
    pub(crate) context: &'a Context,
    pub(crate) fast: bool,
}

impl<'a> MlKem<'a> {
    #[allow(deprecated, reason = "expanded keys are what many blobs hold")]
    fn ops(&self) -> Result<&'a dyn Ops, CryptoError> {
        let built = self.context.ops.get_or_init(|| {
            by_set!(self.public.set, P => {
                let public = ml_kem::EncapsulationKey::<P>::new(self.public.ek.as_slice().try_into().ok()?).ok()?;
                let private = match self.private {
                    Some(key) => Some(ml_kem::DecapsulationKey::<P>::from_expanded_bytes(key.dk.expose().try_into().ok()?).ok()?),
                    None => None,
                };
                Some(Box::new((public, private)) as Box<dyn Ops>)
            })
        });
        built.as_deref().ok_or(CryptoError::Internal("ml-kem numbers that were not admitted"))
    }

    /// A ciphertext and the secret behind it.
    pub(crate) fn encapsulate(&self) -> Result<(Vec<u8>, Secret), CryptoError> {
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(key) =
                self.context.encapsulating.get_or_init(|| aws_lc_rs::kem::EncapsulationKey::new(aws(self.public.set), &self.public.ek).ok())
            && let Ok((ciphertext, shared)) = key.encapsulate()
        {
            return Ok((ciphertext.as_ref().to_vec(), Secret::copy_of(shared.as_ref())));
        }
        let mut m = Zeroizing::new(B32::default());
        random(&mut m)?;
        Ok(self.ops()?.encapsulate(&m))
    }

    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret, CryptoError> {
        let key = self.private.ok_or(CryptoError::KeyType)?;
        if ciphertext.len() != key.public.set.ciphertext_bytes() {
            return Err(CryptoError::EncryptedDataLen);
        }
        #[cfg(feature = "fast")]
        if self.fast
            && let Some(aws_key) =
                self.context.decapsulating.get_or_init(|| aws_lc_rs::kem::DecapsulationKey::new(aws(key.public.set), key.dk.expose()).ok())
            && let Ok(shared) = aws_key.decapsulate(ciphertext.into())
        {
            return Ok(Secret::copy_of(shared.as_ref()));
        }
        self.ops()?.decapsulate(ciphertext).ok_or(CryptoError::Internal("ml-kem decapsulation"))
    }
}

#[cfg(feature = "fast")]
fn aws(set: MlKemSet) -> &'static aws_lc_rs::kem::Algorithm {
    match set {
        MlKemSet::MlKem512 => &aws_lc_rs::kem::ML_KEM_512,
        MlKemSet::MlKem768 => &aws_lc_rs::kem::ML_KEM_768,
        MlKemSet::MlKem1024 => &aws_lc_rs::kem::ML_KEM_1024,
    }
}

fn check_len(what: &'static str, found: usize, expected: usize) -> Result<(), AdmitError> {
    if found == expected { Ok(()) } else { Err(AdmitError::range(what, format!("{found} bytes"), format!("{expected} bytes"))) }
}

/// Completes and checks a claim.
pub(crate) fn admit(claim: MlKemClaim) -> Result<(MlKemPublic, Option<MlKemPrivate>), AdmitError> {
    let set = claim.set;
    if let Some(ek) = &claim.ek {
        check_len("encapsulation key", ek.len(), set.public_bytes())?;
        let parsed = by_set!(set, P => ek.as_slice().try_into().is_ok_and(|ek| ml_kem::EncapsulationKey::<P>::new(ek).is_ok()));
        if !parsed {
            return Err(AdmitError::inconsistent("encapsulation key", "a coefficient not below 3329", "coefficients below 3329"));
        }
    }
    if claim.dk.is_none() && claim.seed.is_none() {
        let ek = claim.ek.ok_or(AdmitError::Missing { what: "encapsulation key" })?;
        return Ok((MlKemPublic { set, ek }, None));
    }

    let expanded = match &claim.seed {
        Some(seed) => {
            check_len("seed", seed.len(), MlKemSet::SEED_BYTES)?;
            Some(expand(set, seed)?)
        }
        None => None,
    };
    let dk = match (claim.dk, expanded) {
        (Some(dk), Some(expanded)) => {
            if dk != expanded {
                return Err(AdmitError::inconsistent("seed", "a seed that expands to another decapsulation key", "the decapsulation key's seed"));
            }
            dk
        }
        (Some(dk), None) => {
            check_expanded(set, &dk)?;
            dk
        }
        (None, Some(expanded)) => expanded,
        (None, None) => return Err(AdmitError::Missing { what: "decapsulation key" }),
    };
    let own = embedded(set, &dk)?;
    if claim.ek.as_deref().is_some_and(|given| given != own) {
        return Err(AdmitError::inconsistent("encapsulation key", "another than the decapsulation key contains", "the decapsulation key's"));
    }
    let public = MlKemPublic { set, ek: own.to_vec() };
    let private = MlKemPrivate { public: public.clone(), dk, seed: claim.seed };

    // Pairwise consistency: the secret vector belongs to the public one.
    let context = Context::default();
    let view = MlKem { public: &public, private: Some(&private), context: &context, fast: cfg!(feature = "fast") };
    let agrees = view.encapsulate().and_then(|(ciphertext, shared)| Ok(view.decapsulate(&ciphertext)? == shared));
    if agrees != Ok(true) {
        return Err(AdmitError::inconsistent(
            "decapsulation key",
            "a key that does not open what its encapsulation key seals",
            "two halves of one key",
        ));
    }
    Ok((public, Some(private)))
}

/// The encapsulation key inside a decapsulation key.
fn embedded(set: MlKemSet, dk: &Secret) -> Result<&[u8], AdmitError> {
    let start = set.public_bytes().saturating_sub(32);
    dk.expose().get(start..start.saturating_add(set.public_bytes())).ok_or(AdmitError::Missing { what: "decapsulation key" })
}

/// FIPS 203, 7.3: length, the hash of the encapsulation key, its modulus; and the secret vector's modulus.
#[allow(deprecated, reason = "expanded keys are what many blobs hold")]
fn check_expanded(set: MlKemSet, dk: &Secret) -> Result<(), AdmitError> {
    check_len("decapsulation key", dk.len(), set.private_bytes())?;
    let vector = dk.expose().get(..set.public_bytes().saturating_sub(32)).unwrap_or_default();
    let above = vector.chunks_exact(3).fold(0u8, |above, three| {
        let (a, b, c) = match three {
            [a, b, c] => (u16::from(*a), u16::from(*b), u16::from(*c)),
            _ => (0, 0, 0),
        };
        let (low, high) = (a | ((b & 0xF) << 8), (b >> 4) | (c << 4));
        // Sign bit of q − 1 − x, without branching on the secret.
        above | u8::from((3328u16.wrapping_sub(low) | 3328u16.wrapping_sub(high)) & 0x8000 != 0)
    });
    if above != 0 {
        return Err(AdmitError::inconsistent("decapsulation key", "a coefficient not below 3329", "coefficients below 3329"));
    }
    let parsed = by_set!(set, P => dk.expose().try_into().is_ok_and(|dk| ml_kem::DecapsulationKey::<P>::from_expanded_bytes(dk).is_ok()));
    if !parsed {
        return Err(AdmitError::inconsistent(
            "decapsulation key",
            "a hash or modulus that does not hold",
            "a hash of the encapsulation key that it contains",
        ));
    }
    Ok(())
}

/// ML-KEM.KeyGen_internal.
#[allow(deprecated, reason = "expanded keys are what PKCS#11 stores")]
fn expand(set: MlKemSet, seed: &Secret) -> Result<Secret, AdmitError> {
    let seed: Zeroizing<[u8; MlKemSet::SEED_BYTES]> = Zeroizing::new(seed.expose().try_into().map_err(|_| AdmitError::Missing { what: "seed" })?);
    by_set!(set, P => {
        let key = ml_kem::DecapsulationKey::<P>::from_seed((*seed).into());
        Ok(Secret::copy_of(&Zeroizing::new(key.to_expanded_bytes())))
    })
}

/// A new key, with its seed.
pub(crate) fn generate(set: MlKemSet) -> Result<MlKemPrivate, CryptoError> {
    let mut seed = Secret::new(vec![0; MlKemSet::SEED_BYTES]);
    random(seed.expose_mut())?;
    let claim = MlKemClaim { set, ek: None, dk: None, seed: Some(seed) };
    admit(claim).ok().and_then(|(_, key)| key).ok_or(CryptoError::Internal("generated ml-kem key refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view<'a>(key: &'a MlKemPrivate, context: &'a Context, fast: bool) -> MlKem<'a> {
        MlKem { public: &key.public, private: Some(key), context, fast }
    }

    #[test]
    fn what_one_engine_seals_the_other_opens() {
        for set in MlKemSet::ALL {
            let key = generate(set).unwrap();
            for (sealer, opener) in [(false, true), (true, false), (false, false), (true, true)] {
                let (ciphertext, shared) = view(&key, &Context::default(), sealer).encapsulate().unwrap();
                assert_eq!(ciphertext.len(), set.ciphertext_bytes());
                assert_eq!(view(&key, &Context::default(), opener).decapsulate(&ciphertext).unwrap(), shared);
                // A damaged ciphertext gives a secret too (implicit rejection), the same from both.
                let mut bad = ciphertext.clone();
                bad[0] ^= 1;
                let rejected = view(&key, &Context::default(), false).decapsulate(&bad).unwrap();
                assert_ne!(rejected, shared);
                assert_eq!(view(&key, &Context::default(), true).decapsulate(&bad).unwrap(), rejected);
                assert_eq!(view(&key, &Context::default(), opener).decapsulate(&bad[1..]), Err(CryptoError::EncryptedDataLen));
            }
        }
    }

    #[test]
    fn seed_expanded_and_public_forms_lead_to_one_key_and_contradictions_are_refused() {
        for set in MlKemSet::ALL {
            let (key, other) = (generate(set).unwrap(), generate(set).unwrap());
            let claim = |ek: Option<&Vec<u8>>, dk: Option<&Secret>, seed: Option<&Secret>| {
                admit(MlKemClaim { set, ek: ek.cloned(), dk: dk.cloned(), seed: seed.cloned() })
            };
            let (ek, dk, seed) = (&key.public.ek, &key.dk, key.seed.as_ref());

            assert_eq!(claim(Some(ek), Some(dk), seed).unwrap().1.unwrap(), key);
            assert_eq!(claim(None, Some(dk), None).unwrap().1.unwrap().public, key.public);
            assert_eq!(claim(Some(ek), None, None).unwrap(), (key.public.clone(), None));

            assert!(claim(None, None, None).is_err());
            assert!(claim(Some(&other.public.ek), Some(dk), None).is_err());
            assert!(claim(None, Some(dk), other.seed.as_ref()).is_err());
            for at in [0, dk.len() - 1, dk.len() - 40, dk.len() - 33, 400] {
                let mut bad = dk.clone();
                bad.expose_mut()[at] ^= 1;
                // z, the last 32 bytes, is free.
                assert_eq!(claim(None, Some(&bad), None).is_err(), at < dk.len() - 32, "{at}");
            }
            let mut bad = ek.clone();
            bad[0] = 0xFF;
            bad[1] = 0xFF;
            assert!(claim(Some(&bad), None, None).is_err());
            assert!(claim(None, Some(&Secret::new(vec![0xFF; dk.len()])), None).is_err());
            assert!(claim(None, None, Some(&Secret::new(vec![0; 63]))).is_err());
        }
    }
}

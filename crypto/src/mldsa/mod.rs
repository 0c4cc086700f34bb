//! ML-DSA (FIPS 204): pure with a context, HashML-DSA, hedged or deterministic. Keys come as a seed, as the expanded private key, or both; an
//! expanded key is checked by `relation` before the crate sees it, because the crate panics on malformed ones.
//!
//! aws-lc serves the pure form without context; the rest composes FIPS 204's message prefix over `ml-dsa`'s internal functions.

mod relation;

use crate::{AdmitError, CryptoError, Hash, random};
use cngtoken_key::{MlDsaClaim, MlDsaPrivate, MlDsaPublic, MlDsaSet, Secret};
use ml_dsa::{ExpandedSigningKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, VerifyingKey};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// A parsed key.
trait Ops: Send + Sync {
    /// Signs M' with the randomness; `None` for a public key.
    fn sign(&self, message: &[&[u8]], randomness: [u8; 32]) -> Option<Vec<u8>>;
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool;
}

/// Runs `$body` with `$P` as the crate's type of the set.
macro_rules! by_set {
    ($set:expr, $P:ident => $body:expr) => {
        match $set {
            MlDsaSet::MlDsa44 => {
                type $P = MlDsa44;
                $body
            }
            MlDsaSet::MlDsa65 => {
                type $P = MlDsa65;
                $body
            }
            MlDsaSet::MlDsa87 => {
                type $P = MlDsa87;
                $body
            }
        }
    };
}

struct Parsed<P: MlDsaParams> {
    public: VerifyingKey<P>,
    private: Option<ExpandedSigningKey<P>>,
}

impl<P: MlDsaParams + Send + Sync> Ops for Parsed<P>
where
    VerifyingKey<P>: Send + Sync,
    ExpandedSigningKey<P>: Send + Sync,
{
    fn sign(&self, message: &[&[u8]], randomness: [u8; 32]) -> Option<Vec<u8>> {
        let randomness = Zeroizing::new(randomness);
        let signature = self.private.as_ref()?.sign_internal(message, &(*randomness).into());
        Some(signature.encode().to_vec())
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::<P>::try_from(signature).is_ok_and(|signature| self.public.verify_internal(message, &signature))
    }
}

/// The engines' contexts of one key, each built when first needed.
#[derive(Default)]
pub(crate) struct Context {
    ops: OnceLock<Option<Box<dyn Ops>>>,
    #[cfg(feature = "fast")]
    pair: OnceLock<Option<aws_lc_rs::signature::PqdsaKeyPair>>,
    #[cfg(feature = "fast")]
    parsed: OnceLock<Option<aws_lc_rs::signature::ParsedPublicKey>>,
}

/// What is signed besides the message.
#[derive(Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) context: &'a [u8],
    pub(crate) prehash: Option<Hash>,
}

impl Form<'_> {
    /// What FIPS 204 and FIPS 205 put before the message or its digest.
    pub(crate) fn prefix(&self) -> Result<Vec<u8>, CryptoError> {
        let len = u8::try_from(self.context.len()).map_err(|_| CryptoError::Param("the context is longer than 255 bytes"))?;
        let mut out = vec![u8::from(self.prehash.is_some()), len];
        out.extend_from_slice(self.context);
        if let Some(hash) = self.prehash {
            if matches!(hash, Hash::Md5 | Hash::Sha1) {
                return Err(CryptoError::Param("MD5 and SHA-1 are no pre-hashes"));
            }
            out.extend_from_slice(hash.oid_der());
        }
        Ok(out)
    }

    /// Checks that `data` can be the digest.
    pub(crate) fn check(&self, data: &[u8]) -> Result<(), CryptoError> {
        if self.prehash.is_none_or(|hash| hash.len() == data.len()) { Ok(()) } else { Err(CryptoError::DataLen) }
    }

    fn plain(&self) -> bool {
        self.context.is_empty() && self.prehash.is_none()
    }
}

/// A key with its contexts. `fast` is the word of [`crate::engine`] for the scheme at hand.
#[derive(Clone, Copy)]
pub(crate) struct MlDsa<'a> {
    pub(crate) public: &'a MlDsaPublic,
    pub(crate) private: Option<&'a MlDsaPrivate>,
    pub(crate) context: &'a Context,
    pub(crate) fast: bool,
}

impl<'a> MlDsa<'a> {
    #[allow(deprecated, reason = "expanded keys are what many blobs hold")]
    fn ops(&self) -> Result<&'a dyn Ops, CryptoError> {
        let built = self.context.ops.get_or_init(|| {
            by_set!(self.public.set, P => {
                let public = VerifyingKey::<P>::decode(self.public.pk.as_slice().try_into().ok()?);
                let private = match self.private {
                    Some(key) => Some(ExpandedSigningKey::<P>::from_expanded(key.sk.expose().try_into().ok()?)),
                    None => None,
                };
                Some(Box::new(Parsed { public, private }) as Box<dyn Ops>)
            })
        });
        built.as_deref().ok_or(CryptoError::Internal("ml-dsa numbers that were not admitted"))
    }

    #[cfg(feature = "fast")]
    fn pair(&self) -> Option<&'a aws_lc_rs::signature::PqdsaKeyPair> {
        let key = self.private?;
        self.context
            .pair
            .get_or_init(|| aws_lc_rs::signature::PqdsaKeyPair::from_raw_private_key(aws(key.public.set).0, key.sk.expose()).ok())
            .as_ref()
    }

    pub(crate) fn sign(&self, form: Form<'_>, deterministic: bool, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        if self.private.is_none() {
            return Err(CryptoError::KeyType);
        }
        let prefix = form.prefix()?;
        form.check(data)?;
        #[cfg(feature = "fast")]
        if self.fast
            && form.plain()
            && !deterministic
            && let Some(pair) = self.pair()
        {
            let mut out = vec![0u8; self.public.set.signature_bytes()];
            if pair.sign(data, &mut out).is_ok() {
                return Ok(out);
            }
        }
        let mut randomness = [0u8; 32];
        if !deterministic {
            random(&mut randomness)?;
        }
        self.ops()?.sign(&[&prefix, data], randomness).ok_or(CryptoError::KeyType)
    }

    pub(crate) fn verify(&self, form: Form<'_>, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if signature.len() != self.public.set.signature_bytes() {
            return Err(CryptoError::SignatureLen);
        }
        let mut message = form.prefix()?;
        form.check(data)?;
        #[cfg(feature = "fast")]
        if self.fast
            && form.plain()
            && let Some(parsed) =
                self.context.parsed.get_or_init(|| aws_lc_rs::signature::ParsedPublicKey::new(aws(self.public.set).1, &self.public.pk).ok())
        {
            return parsed.verify_sig(data, signature).map_err(|_| CryptoError::Signature);
        }
        message.extend_from_slice(data);
        if self.ops()?.verify(&message, signature) { Ok(()) } else { Err(CryptoError::Signature) }
    }
}

#[cfg(feature = "fast")]
fn aws(set: MlDsaSet) -> (&'static aws_lc_rs::signature::PqdsaSigningAlgorithm, &'static aws_lc_rs::signature::PqdsaVerificationAlgorithm) {
    use aws_lc_rs::signature::{ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87, ML_DSA_87_SIGNING};
    match set {
        MlDsaSet::MlDsa44 => (&ML_DSA_44_SIGNING, &ML_DSA_44),
        MlDsaSet::MlDsa65 => (&ML_DSA_65_SIGNING, &ML_DSA_65),
        MlDsaSet::MlDsa87 => (&ML_DSA_87_SIGNING, &ML_DSA_87),
    }
}

fn check_len(what: &'static str, found: usize, expected: usize) -> Result<(), AdmitError> {
    if found == expected { Ok(()) } else { Err(AdmitError::range(what, format!("{found} bytes"), format!("{expected} bytes"))) }
}

/// Completes and checks a claim.
pub(crate) fn admit(claim: MlDsaClaim) -> Result<(MlDsaPublic, Option<MlDsaPrivate>), AdmitError> {
    let set = claim.set;
    if let Some(pk) = &claim.pk {
        check_len("public key", pk.len(), set.public_bytes())?;
    }
    if claim.sk.is_none() && claim.seed.is_none() {
        let pk = claim.pk.ok_or(AdmitError::Missing { what: "public key" })?;
        return Ok((MlDsaPublic { set, pk }, None));
    }

    let expanded = match &claim.seed {
        Some(seed) => {
            check_len("seed", seed.len(), MlDsaSet::SEED_BYTES)?;
            Some(expand(set, seed)?)
        }
        None => None,
    };
    let (own, sk) = match (claim.sk, expanded) {
        (Some(sk), Some((pk, expanded))) => {
            if sk != expanded {
                return Err(AdmitError::inconsistent("seed", "a seed that expands to another private key", "the private key's seed"));
            }
            (pk, sk)
        }
        (Some(sk), None) => {
            check_len("private key", sk.len(), set.private_bytes())?;
            (relation::public_key(set, sk.expose())?, sk)
        }
        (None, Some(pair)) => pair,
        (None, None) => return Err(AdmitError::Missing { what: "private key" }),
    };
    if claim.pk.as_ref().is_some_and(|given| *given != own) {
        return Err(AdmitError::inconsistent("public key", "another than the private key's", "the private key's"));
    }
    let public = MlDsaPublic { set, pk: own };
    let private = MlDsaPrivate { public: public.clone(), sk, seed: claim.seed };

    #[cfg(feature = "fast")]
    {
        let context = Context::default();
        if (MlDsa { public: &public, private: Some(&private), context: &context, fast: true }).pair().is_none() {
            return Err(AdmitError::inconsistent("private key", "numbers that the engine refuses", "a key that can sign"));
        }
    }
    Ok((public, Some(private)))
}

/// ML-DSA.KeyGen_internal: public and expanded private key.
#[allow(deprecated, reason = "expanded keys are what PKCS#11 stores")]
fn expand(set: MlDsaSet, seed: &Secret) -> Result<(Vec<u8>, Secret), AdmitError> {
    let seed: Zeroizing<[u8; MlDsaSet::SEED_BYTES]> = Zeroizing::new(seed.expose().try_into().map_err(|_| AdmitError::Missing { what: "seed" })?);
    by_set!(set, P => {
        let key = ml_dsa::SigningKey::<P>::from_seed(&(*seed).into());
        let sk = Secret::copy_of(&Zeroizing::new(key.expanded_key().to_expanded()));
        let pk = ml_dsa::Keypair::verifying_key(&key).encode().to_vec();
        Ok((pk, sk))
    })
}

/// A new key, with its seed.
pub(crate) fn generate(set: MlDsaSet) -> Result<MlDsaPrivate, CryptoError> {
    let mut seed = Secret::new(vec![0; MlDsaSet::SEED_BYTES]);
    random(seed.expose_mut())?;
    let claim = MlDsaClaim { set, pk: None, sk: None, seed: Some(seed) };
    admit(claim).ok().and_then(|(_, key)| key).ok_or(CryptoError::Internal("generated ml-dsa key refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view<'a>(key: &'a MlDsaPrivate, context: &'a Context, fast: bool) -> MlDsa<'a> {
        MlDsa { public: &key.public, private: Some(key), context, fast }
    }

    #[test]
    fn every_form_signs_and_verifies_across_the_engines() {
        for set in MlDsaSet::ALL {
            let key = generate(set).unwrap();
            let (fast, reference) = (Context::default(), Context::default());
            let digest = crate::digest(Hash::Sha3_256, b"message");
            let forms = [
                (Form { context: b"", prehash: None }, &b"message"[..]),
                (Form { context: b"context", prehash: None }, b"message"),
                (Form { context: b"", prehash: Some(Hash::Sha3_256) }, &digest),
            ];
            for (form, data) in forms {
                for deterministic in [false, true] {
                    for signer in [true, false] {
                        let context = if signer { &fast } else { &reference };
                        let signature = view(&key, context, signer).sign(form, deterministic, data).unwrap();
                        for verifier in [true, false] {
                            let context = if verifier { &fast } else { &reference };
                            view(&key, context, verifier).verify(form, data, &signature).unwrap();
                            let other = Form { context: b"other", prehash: form.prehash };
                            assert_eq!(view(&key, context, verifier).verify(other, data, &signature), Err(CryptoError::Signature));
                            assert_eq!(view(&key, context, verifier).verify(form, data, &signature[1..]), Err(CryptoError::SignatureLen));
                        }
                    }
                }
            }
            let form = forms[1].0;
            let sign = |deterministic| view(&key, &reference, false).sign(form, deterministic, b"m").unwrap();
            assert_eq!(sign(true), sign(true));
            assert_ne!(sign(false), sign(false));
        }
    }

    #[test]
    fn seed_expanded_and_public_forms_lead_to_one_key_and_contradictions_are_refused() {
        for set in MlDsaSet::ALL {
            let (key, other) = (generate(set).unwrap(), generate(set).unwrap());
            let claim = |pk: Option<&Vec<u8>>, sk: Option<&Secret>, seed: Option<&Secret>| {
                admit(MlDsaClaim { set, pk: pk.cloned(), sk: sk.cloned(), seed: seed.cloned() })
            };
            let (pk, sk, seed) = (&key.public.pk, &key.sk, key.seed.as_ref());

            assert_eq!(claim(Some(pk), Some(sk), seed).unwrap().1.unwrap(), key);
            assert_eq!(claim(None, Some(sk), None).unwrap().1.unwrap().public, key.public);
            assert_eq!(claim(Some(pk), None, None).unwrap(), (key.public.clone(), None));

            assert!(claim(None, None, None).is_err());
            assert!(claim(Some(&other.public.pk), Some(sk), None).is_err());
            assert!(claim(None, Some(sk), other.seed.as_ref()).is_err());
            // K, bytes 32 to 63, is free; everything else hangs together: rho, tr, s1, s2, t0.
            for at in [0, 40, 64, 127, 128, 1000, sk.len() - 1] {
                let mut bad = sk.clone();
                bad.expose_mut()[at] ^= 1;
                assert_eq!(claim(None, Some(&bad), None).is_err(), at != 40, "{at}");
            }
            assert!(claim(None, Some(&Secret::new(vec![0xFF; sk.len()])), None).is_err());
            assert!(claim(None, Some(&Secret::new(vec![0; sk.len()])), None).is_err());
            assert!(claim(None, Some(&Secret::new(vec![0; 7])), None).is_err());
            assert!(claim(None, None, Some(&Secret::new(vec![0; 31]))).is_err());
        }
    }
}

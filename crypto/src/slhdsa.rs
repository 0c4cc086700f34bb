//! SLH-DSA (FIPS 205): pure with a context, HashSLH-DSA, hedged or deterministic; all twelve parameter sets by the crate `slh-dsa`. Signing is slow by
//! nature: from tens of milliseconds (the "f" sets) to seconds (the "s" sets).

use crate::mldsa::Form;
use crate::{AdmitError, CryptoError, Level, random};
use cngtoken_key::{Secret, SlhDsaClaim, SlhDsaPrivate, SlhDsaPublic, SlhDsaSet};
use slh_dsa::{ParameterSet, Signature, SigningKey, VerifyingKey};

/// Runs `$body` with `$P` as the crate's type of the set.
macro_rules! by_set {
    ($set:expr, $P:ident => $body:expr) => {
        by_set!(@ $set, $P => $body; Sha2_128s, Shake128s, Sha2_128f, Shake128f, Sha2_192s, Shake192s, Sha2_192f, Shake192f, Sha2_256s, Shake256s, Sha2_256f, Shake256f)
    };
    (@ $set:expr, $P:ident => $body:expr; $($name:ident),*) => {
        match $set {
            $(SlhDsaSet::$name => {
                type $P = slh_dsa::$name;
                $body
            })*
        }
    };
}

const NOT_ADMITTED: CryptoError = CryptoError::Internal("slh-dsa numbers that were not admitted");

/// A key. Parsing is copying, so nothing is cached.
#[derive(Clone, Copy)]
pub(crate) struct SlhDsa<'a> {
    pub(crate) public: &'a SlhDsaPublic,
    pub(crate) private: Option<&'a SlhDsaPrivate>,
}

impl SlhDsa<'_> {
    pub(crate) fn sign(&self, form: Form<'_>, deterministic: bool, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let key = self.private.ok_or(CryptoError::KeyType)?;
        let prefix = form.prefix()?;
        form.check(data)?;
        let mut randomness = vec![0u8; self.public.set.n()];
        random(&mut randomness)?;
        let randomness = (!deterministic).then_some(randomness.as_slice());
        by_set!(self.public.set, P => sign::<P>(key.sk.expose(), &[&prefix, data], randomness))
    }

    pub(crate) fn verify(&self, form: Form<'_>, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if signature.len() != self.public.set.signature_bytes() {
            return Err(CryptoError::SignatureLen);
        }
        let prefix = form.prefix()?;
        form.check(data)?;
        by_set!(self.public.set, P => {
            let key = VerifyingKey::<P>::try_from(self.public.pk.as_slice()).map_err(|_| NOT_ADMITTED)?;
            let signature = Signature::<P>::try_from(signature).map_err(|_| CryptoError::Signature)?;
            key.slh_verify_internal(&[&prefix, data], &signature).map_err(|_| CryptoError::Signature)
        })
    }
}

fn sign<P: ParameterSet>(sk: &[u8], message: &[&[u8]], randomness: Option<&[u8]>) -> Result<Vec<u8>, CryptoError> {
    let key = SigningKey::<P>::try_from(sk).map_err(|_| NOT_ADMITTED)?;
    Ok(key.slh_sign_internal(message, randomness).to_vec())
}

fn check_len(what: &'static str, found: usize, expected: usize) -> Result<(), AdmitError> {
    if found == expected { Ok(()) } else { Err(AdmitError::range(what, format!("{found} bytes"), format!("{expected} bytes"))) }
}

/// Completes and checks a claim. The root of the top tree is recomputed, which takes as long as generation; at [`Level::NoPrimality`] it is not.
pub(crate) fn admit(claim: SlhDsaClaim, level: Level) -> Result<(SlhDsaPublic, Option<SlhDsaPrivate>), AdmitError> {
    let set = claim.set;
    if let Some(pk) = &claim.pk {
        check_len("public key", pk.len(), set.public_bytes())?;
    }
    let Some(sk) = claim.sk else {
        let pk = claim.pk.ok_or(AdmitError::Missing { what: "public key" })?;
        return Ok((SlhDsaPublic { set, pk }, None));
    };
    check_len("private key", sk.len(), set.private_bytes())?;
    let own = sk.expose().get(2 * set.n()..).unwrap_or_default().to_vec();
    if claim.pk.is_some_and(|given| given != own) {
        return Err(AdmitError::inconsistent("public key", "another than the private key contains", "the private key's"));
    }
    if level == Level::Full && root(set, &sk).as_deref() != own.get(set.n()..) {
        return Err(AdmitError::inconsistent("private key", "a root that does not follow from its seeds", "PK.root of the same key"));
    }
    let public = SlhDsaPublic { set, pk: own };
    Ok((public.clone(), Some(SlhDsaPrivate { public, sk })))
}

/// PK.root from the three seeds of a private key.
fn root(set: SlhDsaSet, sk: &Secret) -> Option<Vec<u8>> {
    let n = set.n();
    let (sk_seed, rest) = sk.expose().split_at_checked(n)?;
    let (sk_prf, rest) = rest.split_at_checked(n)?;
    let pk_seed = rest.get(..n)?;
    by_set!(set, P => {
        let key = SigningKey::<P>::slh_keygen_internal(sk_seed, sk_prf, pk_seed);
        let public = AsRef::<VerifyingKey<P>>::as_ref(&key).to_bytes();
        public.get(n..).map(<[u8]>::to_vec)
    })
}

/// A new key.
pub(crate) fn generate(set: SlhDsaSet) -> Result<SlhDsaPrivate, CryptoError> {
    let mut sk = Secret::new(vec![0; set.private_bytes()]);
    random(sk.expose_mut().get_mut(..3 * set.n()).ok_or(CryptoError::KeySize)?)?;
    let root = root(set, &sk).ok_or(CryptoError::Internal("slh-dsa generation"))?;
    sk.expose_mut().get_mut(3 * set.n()..).ok_or(CryptoError::KeySize)?.copy_from_slice(&root);
    let claim = SlhDsaClaim { set, pk: None, sk: Some(sk) };
    admit(claim, Level::NoPrimality).ok().and_then(|(_, key)| key).ok_or(CryptoError::Internal("generated slh-dsa key refused"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hash;

    #[test]
    fn pure_and_prehashed_forms_sign_and_verify() {
        let digest = crate::digest(Hash::Sha512, b"message");
        let forms = [
            (SlhDsaSet::Sha2_128f, Form { context: b"ctx", prehash: None }, &b"message"[..]),
            (SlhDsaSet::Shake128f, Form { context: b"", prehash: Some(Hash::Sha512) }, &digest),
        ];
        for (set, form, data) in forms {
            let key = generate(set).unwrap();
            let view = SlhDsa { public: &key.public, private: Some(&key) };
            let signature = view.sign(form, true, data).unwrap();
            assert_eq!(signature.len(), set.signature_bytes());
            view.verify(form, data, &signature).unwrap();
            assert_eq!(view.verify(Form { context: b"no", ..form }, data, &signature), Err(CryptoError::Signature));
            assert_eq!(view.verify(form, data, &signature[1..]), Err(CryptoError::SignatureLen));
        }
    }

    #[test]
    fn a_root_that_does_not_follow_is_refused_unless_the_level_says_so() {
        let set = SlhDsaSet::Sha2_128f;
        let key = generate(set).unwrap();
        let claim = |sk: Secret, pk: Option<Vec<u8>>| SlhDsaClaim { set, pk, sk: Some(sk) };

        assert_eq!(admit(claim(key.sk.clone(), Some(key.public.pk.clone())), Level::Full).unwrap().1.unwrap(), key);
        let mut bad = key.sk.clone();
        bad.expose_mut()[0] ^= 1;
        assert!(admit(claim(bad.clone(), None), Level::Full).is_err());
        assert!(admit(claim(bad, None), Level::NoPrimality).is_ok());
        assert!(admit(claim(key.sk.clone(), Some(vec![0; 32])), Level::NoPrimality).is_err());
        assert!(admit(claim(Secret::new(vec![0; 63]), None), Level::Full).is_err());
    }
}

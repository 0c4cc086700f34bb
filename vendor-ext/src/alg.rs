//! Algorithm identifiers (pszAlgId): which kind of key each names, and whether a blob agrees.

use crate::context::{Context, SymmetricAlg, UseHint};
use crate::error::{BlobError, Fault, Text};
use cngtoken_key::{Claim, Curve};

/// What an algorithm identifier says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Alg {
    Rsa,
    RsaSign,
    Ecdsa(Option<Curve>),
    Ecdh(Option<Curve>),
    Dsa,
    Dh,
    MlKem,
    MlDsa,
    SlhDsa,
    Lms,
    Xmss,
    Symmetric(SymmetricAlg),
}

static ALGS: &[(&str, Alg)] = &[
    ("RSA", Alg::Rsa),
    ("RSA_SIGN", Alg::RsaSign),
    ("ECDSA", Alg::Ecdsa(None)),
    ("ECDSA_P256", Alg::Ecdsa(Some(Curve::P256))),
    ("ECDSA_P384", Alg::Ecdsa(Some(Curve::P384))),
    ("ECDSA_P521", Alg::Ecdsa(Some(Curve::P521))),
    ("ECDH", Alg::Ecdh(None)),
    ("ECDH_P256", Alg::Ecdh(Some(Curve::P256))),
    ("ECDH_P384", Alg::Ecdh(Some(Curve::P384))),
    ("ECDH_P521", Alg::Ecdh(Some(Curve::P521))),
    ("DSA", Alg::Dsa),
    ("DH", Alg::Dh),
    ("ML-KEM", Alg::MlKem),
    ("ML-DSA", Alg::MlDsa),
    ("SLH-DSA", Alg::SlhDsa),
    ("LMS", Alg::Lms),
    ("XMSS", Alg::Xmss),
    ("AES", Alg::Symmetric(SymmetricAlg::Aes)),
];

/// The algorithm that the caller names, if any.
pub(crate) fn given(ctx: &Context<'_>, at: usize) -> Result<Option<Alg>, BlobError> {
    let Some(name) = ctx.alg_id else { return Ok(None) };
    match ALGS.iter().find(|(n, _)| *n == name) {
        Some((_, alg)) => Ok(Some(*alg)),
        None => Err(BlobError::new(Fault::UnknownAlgorithm { given: Text::new(name) }, at)),
    }
}

/// The refusal of an algorithm that is not the blob's.
pub(crate) fn disagrees(ctx: &Context<'_>, holds: &'static str, at: usize) -> BlobError {
    BlobError::new(Fault::AlgorithmDisagrees { given: Text::new(ctx.alg_id.unwrap_or_default()), holds }, at)
}

/// Refuses an algorithm other than the ones in `agree`.
pub(crate) fn check(ctx: &Context<'_>, agree: &[Alg], holds: &'static str, at: usize) -> Result<Option<Alg>, BlobError> {
    match given(ctx, at)? {
        Some(alg) if !agree.contains(&alg) => Err(disagrees(ctx, holds, at)),
        alg => Ok(alg),
    }
}

/// Whether an algorithm identifier and a key that came in another form than a blob (PKCS#8) agree, and what the identifier says about use.
///
/// # Errors
/// [`Fault::UnknownAlgorithm`], [`Fault::AlgorithmDisagrees`].
pub fn agree(alg_id: Option<&str>, claim: &Claim) -> Result<UseHint, BlobError> {
    let ctx = Context { alg_id, ..Context::default() };
    let of_curve = |named: Option<Curve>, own: Curve| named.is_none_or(|c| c == own);
    let Some(alg) = given(&ctx, 0)? else { return Ok(UseHint::Family) };
    let (holds, fits) = match claim {
        Claim::Rsa(_) => ("an RSA key", matches!(alg, Alg::Rsa | Alg::RsaSign)),
        Claim::Ec(c) => (c.curve.cng_name(), matches!(alg, Alg::Ecdsa(named) | Alg::Ecdh(named) if of_curve(named, c.curve))),
        Claim::Edwards(_) => ("an Ed25519 key, which CNG has no identifier for", false),
        Claim::Montgomery(_) => ("a key on curve25519", alg == Alg::Ecdh(None)),
        Claim::Dsa(_) => ("a DSA key", alg == Alg::Dsa),
        Claim::Dh(_) => ("a DH key", alg == Alg::Dh),
        Claim::MlKem(_) => ("an ML-KEM key", alg == Alg::MlKem),
        Claim::MlDsa(_) => ("an ML-DSA key", alg == Alg::MlDsa),
        Claim::SlhDsa(_) => ("an SLH-DSA key", alg == Alg::SlhDsa),
        Claim::Secret(_) => ("a symmetric key", matches!(alg, Alg::Symmetric(_))),
    };
    match alg {
        _ if !fits => Err(disagrees(&ctx, holds, 0)),
        Alg::RsaSign | Alg::Ecdsa(_) => Ok(UseHint::SignOnly),
        Alg::Ecdh(_) => Ok(UseHint::DeriveAndSign),
        _ => Ok(UseHint::Family),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cngtoken_key::EcClaim;

    #[test]
    fn an_identifier_must_fit_a_key_that_is_no_blob_and_says_its_use() {
        let ec = Claim::Ec(EcClaim { curve: Curve::P256, point: None, d: None });
        assert_eq!(agree(None, &ec), Ok(UseHint::Family));
        assert_eq!(agree(Some("ECDSA_P256"), &ec), Ok(UseHint::SignOnly));
        assert_eq!(agree(Some("ECDH"), &ec), Ok(UseHint::DeriveAndSign));
        for (name, fault) in [("ECDSA_P384", "nistP256"), ("RSA", "nistP256"), ("ECDSA_P255", "no algorithm")] {
            assert!(alloc::format!("{}", agree(Some(name), &ec).unwrap_err()).contains(fault), "{name}");
        }
    }
}

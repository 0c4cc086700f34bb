//! Algorithm identifiers (pszAlgId): which kind of key each names, and whether a blob agrees.

use crate::context::{Context, SymmetricAlg};
use crate::error::{BlobError, Fault, Text};
use cngtoken_key::Curve;

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

//! Derivation of a secret from a secret key: digests, concatenation and its kin, encryption of data, HKDF, the families of SP 800-108 and IKE;
//! and from a password. What to compute is plain data, a [`Derive`] for most; how many bytes there can be is asked first, with [`derived_len`].
//!
//! Nothing here asks for permission: whether a key may serve is decided above. Agreements with another party's key are in `agree.rs`.

mod hkdf;
mod ike;
mod kbkdf;
mod password;
mod prf;
mod simple;
pub(crate) mod tls;

use crate::{CryptoError, Direction, Hash, Key, Scheme, cipher};
use cngtoken_key::{KeyParts, Secret};
pub use hkdf::Hkdf;
pub use ike::{Ike, IkeForm};
pub use kbkdf::{Kbkdf, KbkdfField, KbkdfMode, Number, kbkdf};
pub use password::{MAX_ITERATIONS, PasswordKdf, Pkcs12Purpose, from_password};
pub use prf::MacPrf;
pub use simple::Xof;
pub use tls::Prf;

/// How to derive a secret from a secret key, the base.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Derive {
    /// The digest of the base, cut.
    Digest(Hash),
    /// The output of an extendable function over the base.
    Xof(Xof),
    /// The base, then this.
    Append(Secret),
    /// This, then the base.
    Prepend(Vec<u8>),
    /// Base and data under exclusive or, as far as both reach.
    Xor(Vec<u8>),
    /// The base's bits from this one on, counted from the first byte's highest; beyond the last bit follows the first.
    Extract {
        /// Number of the first bit.
        bit: usize,
    },
    /// TLS's pseudo-random function with the base as its secret.
    Tls {
        /// Which function.
        prf: Prf,
        /// Label and seed.
        seed: Vec<u8>,
        /// The bytes that it gives by itself.
        natural: Option<usize>,
    },
    /// The data, encrypted by the base.
    Encrypt {
        /// A cipher without a tag, on whole blocks.
        scheme: Scheme,
        /// Whole blocks.
        data: Vec<u8>,
    },
    /// HKDF.
    Hkdf(Hkdf),
    /// One of IKE's.
    Ike(Ike),
}

/// How many bytes a derivation gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DerivedLen {
    /// The bytes that it gives by itself; `None` if somebody has to say.
    pub natural: Option<usize>,
    /// The most that it gives.
    pub most: usize,
}

impl DerivedLen {
    /// So many, or fewer.
    fn up_to(n: usize) -> Self {
        Self { natural: Some(n), most: n }
    }
}

/// Longest secret of a derivation that has no end of its own.
pub(crate) const MAX_DERIVED: usize = 1 << 16;

fn base(key: &Key) -> Result<&[u8], CryptoError> {
    match key.parts() {
        KeyParts::Secret(bytes) => Ok(bytes.expose()),
        _ => Err(CryptoError::KeyType),
    }
}

/// How many bytes [`derive()`] gives.
///
/// # Errors
/// [`CryptoError::KeyType`] for a key that is no secret key, [`CryptoError::Param`] for what cannot be derived in any length.
pub fn derived_len(key: &Key, how: &Derive) -> Result<DerivedLen, CryptoError> {
    let base = base(key)?.len();
    Ok(match how {
        Derive::Digest(hash) => DerivedLen::up_to(hash.len()),
        Derive::Xof(xof) => DerivedLen { natural: Some(xof.natural()), most: MAX_DERIVED },
        Derive::Append(more) => DerivedLen::up_to(base.saturating_add(more.len())),
        Derive::Prepend(data) => DerivedLen::up_to(base.saturating_add(data.len())),
        Derive::Xor(data) if data.is_empty() => return Err(CryptoError::Param("no data to combine with the key")),
        Derive::Xor(data) => DerivedLen::up_to(base.min(data.len())),
        Derive::Extract { bit } if *bit >= base.saturating_mul(8) => return Err(CryptoError::Param("the first bit lies behind the key's last")),
        Derive::Tls { natural, .. } => DerivedLen { natural: *natural, most: MAX_DERIVED },
        Derive::Extract { .. } => DerivedLen { natural: None, most: base },
        Derive::Encrypt { data, .. } => DerivedLen::up_to(data.len()),
        Derive::Hkdf(Hkdf { hash, expand: None, .. }) => DerivedLen::up_to(hash.len()),
        Derive::Hkdf(Hkdf { hash, .. }) => DerivedLen { natural: None, most: hash.len().saturating_mul(255) },
        Derive::Ike(ike) => ike.len(),
    })
}

/// Derives `want` bytes.
///
/// # Errors
/// As [`derived_len`]; [`CryptoError::Param`] if `want` is 0 or more than there is; [`CryptoError::KeySize`] for a base that is too short.
pub fn derive(key: &Key, how: &Derive, want: usize) -> Result<Secret, CryptoError> {
    if want == 0 || want > derived_len(key, how)?.most {
        return Err(CryptoError::Param("no bytes wanted, or more than the derivation gives"));
    }
    let base = base(key)?;
    Ok(match how {
        Derive::Digest(hash) => simple::digest(*hash, base, want),
        Derive::Xof(xof) => xof.expand(base, want),
        Derive::Append(more) => simple::joined(base, more.expose(), want),
        Derive::Prepend(data) => simple::joined(data, base, want),
        Derive::Xor(data) => simple::xor(base, data, want),
        Derive::Tls { prf, seed, natural: _ } => first(&tls::prf(*prf, base, &[seed], want)?, want),
        Derive::Extract { bit } => simple::extract(base, *bit, want),
        Derive::Encrypt { scheme, data } => first(cipher(key, scheme, Direction::Encrypt, data)?.expose(), want),
        Derive::Hkdf(hkdf) => hkdf.derive(base, want)?,
        Derive::Ike(ike) => ike.derive(key, want)?,
    })
}

/// The first `want` bytes of `all`, which has as many.
pub(crate) fn first(all: &[u8], want: usize) -> Secret {
    Secret::copy_of(all.get(..want).unwrap_or_default())
}

//! Keys from passwords: PBKDF2 (RFC 8018) and the derivation of PKCS#12 (RFC 7292, appendix B) with SHA-1. Both take as long as their
//! count of iterations says, which comes from outside: it is bounded here.

use super::{MAX_DERIVED, first};
use crate::{CryptoError, Hash, digest};
use cngtoken_key::Secret;
use pbkdf2::pbkdf2_hmac;
use zeroize::Zeroizing;

/// Most iterations that are computed: some seconds.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// How a key comes from a password.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PasswordKdf {
    /// PBKDF2 with HMAC of this hash, one of SHA-1 and SHA-2.
    Pbkdf2(Hash),
    /// PKCS#12's with SHA-1 for this purpose; the password is taken as it is (files have it as UTF-16 with a final zero).
    Pkcs12(Pkcs12Purpose),
}

/// What PKCS#12's derivation is for: its identification byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Pkcs12Purpose {
    Key,
    Iv,
    Mac,
}

/// `want` bytes from a password.
///
/// # Errors
/// [`CryptoError::Param`] for no iteration or more than [`MAX_ITERATIONS`], for a hash that the derivation does not take, and for a length out of range.
pub fn from_password(how: PasswordKdf, password: &[u8], salt: &[u8], iterations: u32, want: usize) -> Result<Secret, CryptoError> {
    if !(1..=MAX_ITERATIONS).contains(&iterations) {
        return Err(CryptoError::Param("no iteration, or more than 10000000"));
    }
    if !(1..=MAX_DERIVED).contains(&want) {
        return Err(CryptoError::Param("no bytes wanted, or more than the derivation gives"));
    }
    match how {
        PasswordKdf::Pbkdf2(hash) => {
            let compute = match hash {
                Hash::Sha1 => pbkdf2_hmac::<sha1::Sha1>,
                Hash::Sha224 => pbkdf2_hmac::<sha2::Sha224>,
                Hash::Sha256 => pbkdf2_hmac::<sha2::Sha256>,
                Hash::Sha384 => pbkdf2_hmac::<sha2::Sha384>,
                Hash::Sha512 => pbkdf2_hmac::<sha2::Sha512>,
                Hash::Sha512_224 => pbkdf2_hmac::<sha2::Sha512_224>,
                Hash::Sha512_256 => pbkdf2_hmac::<sha2::Sha512_256>,
                _ => return Err(CryptoError::Param("the hash is none of PBKDF2's")),
            };
            let mut out = Secret::new(vec![0; want]);
            compute(password, salt, iterations, out.expose_mut());
            Ok(out)
        }
        PasswordKdf::Pkcs12(purpose) => Ok(pkcs12(purpose, password, salt, iterations, want)),
    }
}

/// Bytes of SHA-1's input block.
const BLOCK: usize = 64;

/// Copies of `bytes`, cut where they fill whole blocks.
fn filled(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.iter().copied().cycle().take(bytes.len().div_ceil(BLOCK).saturating_mul(BLOCK))
}

fn pkcs12(purpose: Pkcs12Purpose, password: &[u8], salt: &[u8], iterations: u32, want: usize) -> Secret {
    let id = match purpose {
        Pkcs12Purpose::Key => 1,
        Pkcs12Purpose::Iv => 2,
        Pkcs12Purpose::Mac => 3,
    };
    let blocks = |bytes: &[u8]| bytes.len().div_ceil(BLOCK).saturating_mul(BLOCK);
    // The diversifier, then what changes from round to round; reserved whole, so that no copy of the password is left behind.
    let mut input = Zeroizing::new(Vec::with_capacity(BLOCK.saturating_add(blocks(salt)).saturating_add(blocks(password))));
    input.extend([id; BLOCK]);
    input.extend(filled(salt));
    input.extend(filled(password));
    let mut out = Zeroizing::new(Vec::with_capacity(want.saturating_add(Hash::Sha1.len())));
    while out.len() < want {
        let mut round = Zeroizing::new(digest(Hash::Sha1, &input));
        for _ in 1..iterations {
            round = Zeroizing::new(digest(Hash::Sha1, &round));
        }
        out.extend_from_slice(&round);
        for block in input.chunks_mut(BLOCK).skip(1) {
            add(block, &round);
        }
    }
    first(&out, want)
}

/// block + (copies of `round`, cut to the block) + 1, as big-endian numbers, modulo 2^(8 · 64).
fn add(block: &mut [u8], round: &[u8]) {
    let addend: Zeroizing<Vec<u8>> = Zeroizing::new(round.iter().copied().cycle().take(block.len()).collect());
    let mut carry = 1u16;
    for (byte, other) in block.iter_mut().zip(addend.iter()).rev() {
        let [high, low] = (u16::from(*byte) + u16::from(*other) + carry).to_be_bytes();
        *byte = low;
        carry = u16::from(high);
    }
}

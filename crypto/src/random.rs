//! Random bytes: aws-lc's generator where `fast` is on (fork-safe, reseeds itself), the operating system's otherwise.
//! Generators of the `rand` crate are banned: they have no fork protection, and two workers would make the same keys.

use crate::CryptoError;
use getrandom::rand_core::{TryCryptoRng, TryRng};

/// Fills `out` with random bytes.
///
/// # Errors
/// [`CryptoError::Random`] if the source fails; `out` is then not to be used.
pub fn random(out: &mut [u8]) -> Result<(), CryptoError> {
    #[cfg(feature = "fast")]
    return aws_lc_rs::rand::fill(out).map_err(|_| CryptoError::Random);
    #[cfg(not(feature = "fast"))]
    return getrandom::fill(out).map_err(|_| CryptoError::Random);
}

/// Stirs outside bytes into the operating system's pool, which takes them without believing them: they can make nothing easier to guess. Every
/// generator here is seeded from that pool.
///
/// # Errors
/// [`CryptoError::Random`] if this process may not write to it.
pub fn stir(seed: &[u8]) -> Result<(), CryptoError> {
    use std::io::Write;
    let pool = std::fs::OpenOptions::new().write(true).open("/dev/urandom");
    pool.and_then(|mut pool| pool.write_all(seed)).map_err(|_| CryptoError::Random)
}

/// The source as the crates of RustCrypto want it.
pub(crate) struct Source;

impl TryRng for Source {
    type Error = CryptoError;

    fn try_next_u32(&mut self) -> Result<u32, CryptoError> {
        let mut b = [0u8; 4];
        random(&mut b)?;
        Ok(u32::from_le_bytes(b))
    }

    fn try_next_u64(&mut self) -> Result<u64, CryptoError> {
        let mut b = [0u8; 8];
        random(&mut b)?;
        Ok(u64::from_le_bytes(b))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        random(out)
    }
}

impl TryCryptoRng for Source {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0u8; 32], [0u8; 32]);

        random(&mut a).unwrap();
        random(&mut b).unwrap();

        assert_ne!(a, b);
    }
}

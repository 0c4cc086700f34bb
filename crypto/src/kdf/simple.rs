//! The derivations that need no keyed function: a digest of the base key, its concatenation with something, some of its bits.
//! Lengths were checked by the caller, `kdf::derive`. Sources: PKCS#11 3.2, "Miscellaneous simple key derivation mechanisms",
//! "Hash-based Key Derivation"; FIPS 202 (SHAKE).

use super::first;
use crate::Hash;
use cngtoken_key::Secret;
use shake::{ExtendableOutput, Shake128, Shake256, Update, XofReader};
use zeroize::Zeroizing;

/// An extendable-output function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum Xof {
    Shake128,
    Shake256,
}

impl Xof {
    /// Bytes that keep its strength.
    pub(super) fn natural(self) -> usize {
        match self {
            Xof::Shake128 => 32,
            Xof::Shake256 => 64,
        }
    }

    pub(super) fn expand(self, base: &[u8], want: usize) -> Secret {
        let mut out = Secret::new(vec![0; want]);
        match self {
            Xof::Shake128 => {
                let mut state = Shake128::default();
                state.update(base);
                state.finalize_xof().read(out.expose_mut());
            }
            Xof::Shake256 => {
                let mut state = Shake256::default();
                state.update(base);
                state.finalize_xof().read(out.expose_mut());
            }
        }
        out
    }
}

pub(super) fn digest(hash: Hash, base: &[u8], want: usize) -> Secret {
    first(&Zeroizing::new(crate::digest(hash, base)), want)
}

pub(super) fn joined(head: &[u8], tail: &[u8], want: usize) -> Secret {
    let mut out = Secret::new(vec![0; want]);
    for (to, from) in out.expose_mut().iter_mut().zip(head.iter().chain(tail)) {
        *to = *from;
    }
    out
}

pub(super) fn xor(base: &[u8], data: &[u8], want: usize) -> Secret {
    let mut out = Secret::new(vec![0; want]);
    for (to, (a, b)) in out.expose_mut().iter_mut().zip(base.iter().zip(data)) {
        *to = a ^ b;
    }
    out
}

/// `bit` is below the number of the base's bits.
pub(super) fn extract(base: &[u8], bit: usize, want: usize) -> Secret {
    let mut out = Secret::new(vec![0; want]);
    let (skip, shift) = (bit / 8, bit % 8);
    let around = base.iter().cycle().skip(skip);
    for (to, (high, low)) in out.expose_mut().iter_mut().zip(around.clone().zip(around.skip(1))) {
        let both = u16::from_be_bytes([*high, *low]);
        *to = both.rotate_left(u32::try_from(shift).unwrap_or_default()).to_be_bytes()[0];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_extracted_as_in_the_standards_example_and_around_the_end() {
        let base = [0x32, 0x9F, 0x84, 0xA9];
        assert_eq!(extract(&base, 21, 2).expose(), [0x95, 0x26]);
        assert_eq!(extract(&base, 0, 4).expose(), base);
        assert_eq!(extract(&base, 8, 4).expose(), [0x9F, 0x84, 0xA9, 0x32]);
        assert_eq!(extract(&base, 31, 4).expose(), [0x99, 0x4F, 0xC2, 0x54]);
        assert_eq!(extract(&[0x81], 7, 1).expose(), [0xC0]);
    }
}

//! From the nouns' [`Uint`] to crypto-bigint's numbers and back. No arithmetic of its own.

use cngtoken_key::Uint;
use crypto_bigint::{BoxedUint, Resize};
use zeroize::Zeroizing;

/// Limb-aligned precision that holds `bits`.
pub(crate) fn precision(bits: usize) -> u32 {
    u32::try_from(bits.max(1).div_ceil(64).saturating_mul(64)).unwrap_or(!63)
}

/// The number in the precision of its own size.
pub(crate) fn boxed(n: &Uint) -> BoxedUint {
    boxed_in(n, precision(n.bit_len()))
}

/// The number in `bits` of precision (a multiple of 64); cut if it does not fit, so callers look first.
pub(crate) fn boxed_in(n: &Uint, bits: u32) -> BoxedUint {
    boxed_bytes(n.as_be(), bits)
}

/// From big-endian bytes, in `bits` of precision.
pub(crate) fn boxed_bytes(bytes: &[u8], bits: u32) -> BoxedUint {
    let own = precision(bytes.len().saturating_mul(8)).max(bits);
    BoxedUint::from_be_slice(bytes, own).unwrap_or_else(|_| BoxedUint::zero_with_precision(own)).resize_unchecked(bits)
}

/// Back to the canonical form.
pub(crate) fn uint(n: &BoxedUint) -> Uint {
    let bytes: Zeroizing<Box<[u8]>> = Zeroizing::new(n.to_be_bytes());
    Uint::from_be(&bytes)
}

/// Big-endian in exactly `width` bytes; `None` if the number is wider.
pub(crate) fn fixed(n: &BoxedUint, width: usize) -> Option<Zeroizing<Vec<u8>>> {
    let bytes: Zeroizing<Box<[u8]>> = Zeroizing::new(n.to_be_bytes());
    let mut out = Zeroizing::new(vec![0u8; width]);
    if bytes.len() <= width {
        let pad = width.checked_sub(bytes.len())?;
        out.get_mut(pad..)?.copy_from_slice(&bytes);
    } else {
        let (high, low) = bytes.split_at(bytes.len().checked_sub(width)?);
        // Number of significant bytes is public: it is the width of a modulus.
        if high.iter().fold(0u8, |all, b| all | b) != 0 {
            return None;
        }
        out.copy_from_slice(low);
    }
    Some(out)
}

//! A canonical unsigned integer: big-endian bytes without leading zeros. No arithmetic; that is crypto's.
//!
//! Private exponents and primes are held in it too, so it is wiped on drop and `Debug` shows only its size.

use crate::Secret;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use zeroize::Zeroizing;

/// An unsigned integer of any size, canonical (no leading zero byte; zero is empty).
#[derive(Clone, PartialEq, Eq)]
pub struct Uint(Zeroizing<Vec<u8>>);

impl Uint {
    /// From big-endian bytes; leading zeros are dropped.
    #[must_use]
    pub fn from_be(bytes: &[u8]) -> Self {
        let start = bytes.iter().position(|&b| b != 0).unwrap_or(bytes.len());
        Self(Zeroizing::new(bytes.get(start..).unwrap_or_default().to_vec()))
    }

    /// From little-endian bytes; high zeros are dropped.
    #[must_use]
    pub fn from_le(bytes: &[u8]) -> Self {
        let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |i| i.saturating_add(1));
        let mut out: Vec<u8> = bytes.get(..end).unwrap_or_default().to_vec();
        out.reverse();
        Self(Zeroizing::new(out))
    }

    /// From a small number.
    #[must_use]
    pub fn from_u64(n: u64) -> Self {
        Self::from_be(&n.to_be_bytes())
    }

    /// Big-endian bytes without leading zeros; empty for zero.
    #[must_use]
    pub fn as_be(&self) -> &[u8] {
        &self.0
    }

    /// The value if it fits into 64 bits.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        if self.0.len() > 8 {
            return None;
        }
        Some(self.0.iter().fold(0u64, |n, &b| (n << 8) | u64::from(b)))
    }

    /// Bytes of the canonical form.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.0.len()
    }

    /// Number of significant bits; 0 for zero.
    #[must_use]
    pub fn bit_len(&self) -> usize {
        self.0.first().map_or(0, |top| self.0.len() * 8 - top.leading_zeros() as usize)
    }

    /// True for zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the lowest bit is set.
    #[must_use]
    pub fn is_odd(&self) -> bool {
        self.0.last().is_some_and(|b| b & 1 == 1)
    }

    /// Big-endian, padded with zeros on the left to `width` bytes; `None` if the number is wider.
    #[must_use]
    pub fn to_be_fixed(&self, width: usize) -> Option<Secret> {
        let pad = width.checked_sub(self.0.len())?;
        let mut out = vec![0u8; width];
        out.get_mut(pad..)?.copy_from_slice(&self.0);
        Some(Secret::new(out))
    }

    /// Little-endian, padded with zeros at the end to `width` bytes; `None` if the number is wider.
    #[must_use]
    pub fn to_le_fixed(&self, width: usize) -> Option<Secret> {
        let mut out = self.to_be_fixed(width)?;
        out.expose_mut().reverse();
        Some(out)
    }
}

impl PartialOrd for Uint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By value. Not constant-time: for public numbers and ranges only.
impl Ord for Uint {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.as_slice().cmp(other.0.as_slice()))
    }
}

impl fmt::Debug for Uint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uint({} bits)", self.bit_len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_do_not_count() {
        let n = Uint::from_be(&[0, 0, 1, 2]);
        assert_eq!(n.as_be(), [1, 2]);
        assert_eq!(n.bit_len(), 9);
        assert_eq!(n, Uint::from_le(&[2, 1, 0]));
    }

    #[test]
    fn zero_is_empty_in_both_byte_orders() {
        assert!(Uint::from_be(&[0, 0]).is_zero());
        assert!(Uint::from_le(&[0]).is_zero());
        assert_eq!(Uint::from_u64(0).bit_len(), 0);
    }

    #[test]
    fn a_fixed_width_pads_or_refuses() {
        let n = Uint::from_u64(0x0102);
        assert_eq!(n.to_be_fixed(3).map(|s| s.expose().to_vec()), Some(vec![0, 1, 2]));
        assert_eq!(n.to_le_fixed(3).map(|s| s.expose().to_vec()), Some(vec![2, 1, 0]));
        assert!(n.to_be_fixed(1).is_none());
    }

    #[test]
    fn numbers_order_by_value() {
        assert!(Uint::from_u64(255) < Uint::from_u64(256));
        assert!(Uint::from_u64(257) > Uint::from_u64(256));
        assert_eq!(Uint::from_u64(u64::MAX).to_u64(), Some(u64::MAX));
        assert_eq!(Uint::from_be(&[1; 9]).to_u64(), None);
    }
}

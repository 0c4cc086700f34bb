//! Writes a blob into a buffer of its final size, so that no grown-out copy of a secret stays behind.

use crate::error::EncodeError;
use alloc::vec::Vec;
use cngtoken_key::{Secret, Uint};
use zeroize::Zeroizing;

/// Larger than any blob of a key that exists; a stored origin that asks for more is damaged.
const MAX_BLOB: u64 = 1 << 20;

pub(crate) struct Writer {
    out: Zeroizing<Vec<u8>>,
    total: u64,
    type_name: &'static str,
}

impl Writer {
    /// For a blob of `total` bytes.
    pub(crate) fn new(type_name: &'static str, total: u64) -> Result<Self, EncodeError> {
        let capacity = usize::try_from(total).ok().filter(|_| total <= MAX_BLOB);
        let Some(capacity) = capacity else {
            return Err(EncodeError::DoesNotFit { type_name, why: "it would be larger than a mebibyte" });
        };
        Ok(Self { out: Zeroizing::new(Vec::with_capacity(capacity)), total, type_name })
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// A number, big-endian, zeros on the left.
    pub(crate) fn be(&mut self, number: &Uint, width: u32, too_wide: &'static str) -> Result<(), EncodeError> {
        let fixed = number.to_be_fixed(usize::try_from(width).unwrap_or(usize::MAX));
        self.fixed(fixed, too_wide)
    }

    /// A number, little-endian, zeros at the end.
    pub(crate) fn le(&mut self, number: &Uint, width: u32, too_wide: &'static str) -> Result<(), EncodeError> {
        let fixed = number.to_le_fixed(usize::try_from(width).unwrap_or(usize::MAX));
        self.fixed(fixed, too_wide)
    }

    fn fixed(&mut self, fixed: Option<Secret>, too_wide: &'static str) -> Result<(), EncodeError> {
        let Some(fixed) = fixed else {
            return Err(EncodeError::DoesNotFit { type_name: self.type_name, why: too_wide });
        };
        self.bytes(fixed.expose());
        Ok(())
    }

    /// Text as UTF-16LE with a NUL.
    pub(crate) fn utf16z(&mut self, text: &str) {
        for unit in text.encode_utf16() {
            self.bytes(&unit.to_le_bytes());
        }
        self.bytes(&[0, 0]);
    }

    pub(crate) fn finish(mut self) -> Secret {
        debug_assert_eq!(self.out.len() as u64, self.total, "{}: the size was computed wrong", self.type_name);
        Secret::new(core::mem::take(&mut *self.out))
    }
}

/// Bytes of a number or of text, as a ULONG. Keys are far smaller than 4 GiB; the saturated value is then refused by [`Writer::new`].
pub(crate) fn ulong(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

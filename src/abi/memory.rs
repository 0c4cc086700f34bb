//! The few operations on the caller's memory that everything else in this room is built from.
//!
//! Values are read and written unaligned and one at a time, so that neither a misaligned structure nor one that overlaps another argument
//! is undefined behaviour. Sizes that come from outside are allocated by `try_reserve`: a refused allocation is CKR_HOST_MEMORY, not an abort.

use crate::token::{R, Reason};
use std::ffi::c_void;

/// Largest attribute value, in bytes.
pub(super) const ATTRIBUTE_CAP: usize = 16 << 20;

/// A value behind a pointer that the caller gave.
///
/// # Errors
/// ArgumentsBad for NULL.
///
/// # Safety
/// `from` is NULL or readable for one `T`, of which any bit pattern is a value.
pub(super) unsafe fn read<T: Copy>(from: *const T) -> R<T> {
    if from.is_null() {
        return Err(missing("a pointer to read from"));
    }
    // SAFETY: not NULL, and readable for one T by this function's contract.
    Ok(unsafe { from.read_unaligned() })
}

/// Writes a value to the caller's memory.
///
/// # Safety
/// `to` is writable for one `T`.
pub(super) unsafe fn write<T: Copy>(to: *mut T, value: T) {
    // SAFETY: writable for one T by this function's contract.
    unsafe { to.write_unaligned(value) }
}

/// Copies bytes into the caller's buffer.
///
/// # Safety
/// `to` is writable for `bytes.len()` bytes, or `bytes` is empty. The token's answers are its own memory, so they never overlap the caller's.
pub(super) unsafe fn fill(to: *mut u8, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    // SAFETY: writable for that many bytes by this function's contract, and distinct from memory that the token owns.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) }
}

/// A pointer and a length as a slice; (NULL, 0) is empty.
///
/// # Errors
/// ArgumentsBad for NULL with a length, and for a length that no memory has.
///
/// # Safety
/// `from` is NULL or readable for `len` bytes, and nobody writes them while the slice lives.
pub(super) unsafe fn bytes<'a>(from: *const u8, len: u64) -> R<&'a [u8]> {
    let len = length(len)?;
    match (from.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(missing("data with a length")),
        // SAFETY: not NULL, readable for `len` bytes by this function's contract, `len` at most isize::MAX.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(from, len) }),
    }
}

/// A copy of the caller's bytes.
///
/// # Errors
/// As [`bytes`]; ArgumentsBad above [`ATTRIBUTE_CAP`]; HostMemory if there is none.
///
/// # Safety
/// As [`bytes`], for the time of the call.
pub(super) unsafe fn copy(from: *const c_void, len: u64) -> R<Vec<u8>> {
    // SAFETY: passed on unchanged.
    let source = unsafe { bytes(from.cast(), len) }?;
    if source.len() > ATTRIBUTE_CAP {
        return Err(Reason::ArgumentsBad.because(format!("{len} bytes; at most {ATTRIBUTE_CAP} are taken")));
    }
    let mut copy = reserve(source.len())?;
    copy.extend_from_slice(source);
    Ok(copy)
}

/// A string that ends with a zero unit, without it.
///
/// # Errors
/// ArgumentsBad if there is no zero within `cap` units.
///
/// # Safety
/// `from` is readable up to its zero unit.
pub(super) unsafe fn until_zero<T: Copy + Default + PartialEq>(from: *const T, cap: usize) -> R<Vec<T>> {
    let mut units = Vec::new();
    for index in 0..cap {
        // SAFETY: no unit before this one was zero, so this one is readable by this function's contract.
        let unit = unsafe { read(from.wrapping_add(index)) }?;
        if unit == T::default() {
            return Ok(units);
        }
        units.push(unit);
    }
    Err(Reason::ArgumentsBad.because(format!("a string without an end within {cap} characters")))
}

/// An empty vector with room for `count` elements.
///
/// # Errors
/// HostMemory.
pub(super) fn reserve<T>(count: usize) -> R<Vec<T>> {
    let mut vector = Vec::new();
    vector.try_reserve_exact(count).map_err(|_| Reason::HostMemory.because(format!("no memory for {count} elements")))?;
    Ok(vector)
}

/// A length from outside.
///
/// # Errors
/// ArgumentsBad above isize::MAX, which no object in memory reaches.
pub(super) fn length(len: u64) -> R<usize> {
    isize::try_from(len)
        .ok()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| Reason::ArgumentsBad.because(format!("a length of {len} bytes cannot be")))
}

/// The refusal of a NULL pointer.
pub(super) fn missing(what: &str) -> crate::token::TokenError {
    Reason::ArgumentsBad.because(format!("{what} is NULL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_with_length_zero_is_empty_and_null_with_a_length_is_refused() {
        // SAFETY: NULL is within the contract.
        assert_eq!(unsafe { bytes(std::ptr::null(), 0) }, Ok(&[][..]));
        // SAFETY: as above.
        assert_eq!(unsafe { bytes(std::ptr::null(), 1) }.unwrap_err().reason, Reason::ArgumentsBad);
    }

    #[test]
    fn a_length_above_the_address_space_is_refused_before_it_is_used() {
        let one = [7u8];
        // SAFETY: refused by its length, so the pointer is not read.
        let refused = unsafe { bytes(one.as_ptr(), 1 << 63) };
        assert_eq!(refused.unwrap_err().reason, Reason::ArgumentsBad);
    }

    #[test]
    fn a_misaligned_structure_is_read() {
        let memory = [0u8, 1, 0, 0, 0, 0, 0, 0, 0];
        // SAFETY: eight bytes are readable from the second one on.
        assert_eq!(unsafe { read(memory.as_ptr().wrapping_add(1).cast::<u64>()) }, Ok(1));
    }

    #[test]
    fn a_string_without_an_end_is_refused() {
        let text = *b"abcd";
        // SAFETY: four units are readable, and no more are asked for.
        assert!(unsafe { until_zero(text.as_ptr(), 4) }.is_err());
        let ended = *b"abc\0";
        // SAFETY: as above.
        assert_eq!(unsafe { until_zero(ended.as_ptr(), 4) }, Ok(b"abc".to_vec()));
    }
}

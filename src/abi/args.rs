//! The kinds of arguments: the only constructors that turn what a C caller passed into values, and the only places that write back.
//!
//! A kind that names memory of the caller keeps the pointer, not a reference: input and output may overlap (encryption in place), so a
//! slice lives only while the token reads it, and the token answers with bytes of its own. `table.rs` calls the constructors; each of
//! them relies on one promise, PKCS#11's: a pointer that is not NULL is valid for the length that stands beside it until the call returns.

use super::memory::{self, missing};
use crate::token::{Answer, R, Reason, Room};
use cryptoki_sys::{CK_BBOOL, CK_ULONG};
use std::ffi::c_void;

/// Longest UTF-16 text, in units: names of algorithms and blob types are far shorter.
const TEXT_CAP: usize = 256;

/// A number: slot, handle, flags, type.
///
/// # Safety
/// None needed; unsafe like its siblings, so that the table can treat all kinds alike.
pub(super) unsafe fn number(value: CK_ULONG) -> R<u64> {
    Ok(value)
}

/// A CK_BBOOL; everything but 0 is true.
///
/// # Safety
/// As [`number`].
pub(super) unsafe fn flag(value: CK_BBOOL) -> R<bool> {
    Ok(value != 0)
}

/// Arguments that are accepted and never used (pApplication and Notify).
///
/// # Safety
/// As [`number`].
pub(super) unsafe fn unused<A, B>(_: A, _: B) -> R<()> {
    Ok(())
}

/// A reserved pointer, which must be NULL.
///
/// # Safety
/// As [`number`].
pub(super) unsafe fn reserved(pointer: *mut c_void) -> R<()> {
    if pointer.is_null() { Ok(()) } else { Err(Reason::ArgumentsBad.because("the reserved pointer is not NULL")) }
}

/// A pointer handed on as it is: C_Initialize's, and those of functions whose turn has not come.
///
/// # Safety
/// As [`number`].
pub(super) unsafe fn pointer<P>(pointer: P) -> R<P> {
    Ok(pointer)
}

/// The caller's input bytes.
#[derive(Clone, Copy)]
pub(super) struct Input {
    from: *const u8,
    len: u64,
}

/// Bytes in.
///
/// # Safety
/// `from` is NULL or readable for `len` bytes until the call returns.
pub(super) unsafe fn bytes<T>(from: *mut T, len: CK_ULONG) -> R<Input> {
    let from = from.cast::<u8>().cast_const();
    // SAFETY: passed on unchanged; the slice is dropped at once.
    unsafe { memory::bytes(from, len) }?;
    Ok(Input { from, len })
}

impl Input {
    /// The bytes, for as long as the token reads them. Drop the slice before an output is written.
    pub(super) fn get(&self) -> &[u8] {
        // SAFETY: checked by the constructor; its caller promised that the memory stays readable.
        unsafe { memory::bytes(self.from, self.len) }.unwrap_or_default()
    }
}

/// A PIN; NULL means "on the token's own key pad".
///
/// # Safety
/// As [`bytes`].
pub(super) unsafe fn pin(from: *mut u8, len: CK_ULONG) -> R<Option<Input>> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on unchanged.
    unsafe { bytes(from, len) }.map(Some)
}

/// A token label: 32 bytes without an end mark.
///
/// # Safety
/// `from` is NULL or readable for 32 bytes.
pub(super) unsafe fn label(from: *mut u8) -> R<[u8; 32]> {
    // SAFETY: passed on unchanged.
    unsafe { memory::read(from.cast::<[u8; 32]>()) }
}

/// A text of 16-bit units with a zero at its end; NULL is none.
///
/// # Safety
/// `from` is NULL or readable up to its zero unit.
pub(super) unsafe fn utf16(from: *const u16) -> R<Option<String>> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on unchanged.
    let units = unsafe { memory::until_zero(from, TEXT_CAP) }?;
    String::from_utf16(&units).map(Some).map_err(|_| Reason::ArgumentsBad.because("a text is not UTF-16"))
}

/// A function's name (the asynchronous functions).
///
/// # Safety
/// `from` is NULL or readable up to its zero byte.
pub(super) unsafe fn name(from: *mut u8) -> R<Vec<u8>> {
    // SAFETY: passed on unchanged.
    unsafe { memory::until_zero(from, TEXT_CAP) }
}

/// Where one value goes: a handle, a number, a structure.
pub(super) struct Place<T>(*mut T);

/// A place that must be there.
///
/// # Safety
/// `to` is NULL or writable for one `T` until the call returns.
pub(super) unsafe fn place<T: Copy>(to: *mut T) -> R<Place<T>> {
    if to.is_null() { Err(missing("a pointer to write to")) } else { Ok(Place(to)) }
}

/// A place that the caller may leave out.
///
/// # Safety
/// As [`place`].
pub(super) unsafe fn maybe<T: Copy>(to: *mut T) -> R<Option<Place<T>>> {
    Ok((!to.is_null()).then_some(Place(to)))
}

impl<T: Copy> Place<T> {
    /// Writes the value, as the last thing that a function does.
    ///
    /// # Errors
    /// None.
    pub(super) fn give(&self, value: T) -> R<()> {
        self.put(value);
        Ok(())
    }

    /// Writes the value.
    pub(super) fn put(&self, value: T) {
        // SAFETY: not NULL by the constructors, whose caller promised that it is writable.
        unsafe { memory::write(self.0, value) }
    }
}

/// Memory that the token fills: random bytes go straight there.
pub(super) struct Buffer {
    to: *mut u8,
    len: usize,
}

/// Bytes to be filled, all of them.
///
/// # Safety
/// `to` is NULL or writable for `len` bytes until the call returns, and not touched by anybody else.
pub(super) unsafe fn buffer(to: *mut u8, len: CK_ULONG) -> R<Buffer> {
    let len = memory::length(len)?;
    if to.is_null() && len != 0 { Err(missing("a buffer with a length")) } else { Ok(Buffer { to, len }) }
}

impl Buffer {
    /// Has the memory filled.
    ///
    /// # Errors
    /// The filler's.
    pub(super) fn fill(self, filler: impl FnOnce(&mut [u8]) -> R<()>) -> R<()> {
        if self.len == 0 {
            return filler(&mut []);
        }
        // SAFETY: not NULL by the constructor, whose caller promised that it is ours for the call.
        filler(unsafe { std::slice::from_raw_parts_mut(self.to, self.len) })
    }
}

/// The caller's output buffer with its length, under the standard's two-call convention.
pub(super) struct Output {
    to: *mut u8,
    room: Room,
    length: Place<CK_ULONG>,
}

/// Bytes out.
///
/// # Safety
/// `length` is NULL or readable and writable for one number; `to` is NULL or writable for `*length` bytes until the call returns.
pub(super) unsafe fn output(to: *mut u8, length: *mut CK_ULONG) -> R<Output> {
    // SAFETY: passed on unchanged.
    let place = unsafe { place(length) }?;
    if to.is_null() {
        return Ok(Output { to, room: Room::Ask, length: place });
    }
    // SAFETY: passed on unchanged.
    let have = unsafe { memory::read(length) }?;
    Ok(Output { to, room: Room::Bytes(memory::length(have)?), length: place })
}

impl Output {
    /// The room that there is.
    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// Writes the token's answer: the bytes and their length, or the length alone.
    ///
    /// # Errors
    /// BufferTooSmall if there was a buffer and the answer is a larger length.
    pub(super) fn write(&self, answer: &Answer) -> R<()> {
        match answer {
            Answer::Needs(need) => self.needs(*need),
            Answer::Bytes(secret) => self.give(secret.expose()),
        }
    }

    /// Writes the length that is needed.
    ///
    /// # Errors
    /// BufferTooSmall if there was a buffer.
    pub(super) fn needs(&self, need: usize) -> R<()> {
        self.length.put(ulong(need));
        match self.room {
            Room::Ask => Ok(()),
            Room::Bytes(have) => Err(Reason::BufferTooSmall.because(format!("{need} bytes are needed, the buffer has {have}"))),
        }
    }

    /// Writes bytes; more than there is room for are never written.
    ///
    /// # Errors
    /// As [`Output::needs`], where they do not fit.
    pub(super) fn give(&self, bytes: &[u8]) -> R<()> {
        match self.room {
            Room::Bytes(have) if have >= bytes.len() => {
                self.length.put(ulong(bytes.len()));
                // SAFETY: the constructor's caller promised `have` writable bytes, and these are not more.
                unsafe { memory::fill(self.to, bytes) }
                Ok(())
            }
            Room::Ask | Room::Bytes(_) => self.needs(bytes.len()),
        }
    }
}

/// The caller's array of numbers with its count, under the same convention: slots and mechanisms.
pub(super) struct Numbers {
    to: *mut CK_ULONG,
    have: usize,
    count: Place<CK_ULONG>,
}

/// Numbers out.
///
/// # Safety
/// `count` is NULL or readable and writable for one number; `to` is NULL or writable for `*count` numbers until the call returns.
pub(super) unsafe fn numbers(to: *mut CK_ULONG, count: *mut CK_ULONG) -> R<Numbers> {
    // SAFETY: passed on unchanged.
    let place = unsafe { place(count) }?;
    if to.is_null() {
        return Ok(Numbers { to, have: 0, count: place });
    }
    // SAFETY: passed on unchanged.
    let have = unsafe { memory::read(count) }?;
    Ok(Numbers { to, have: memory::length(have)?, count: place })
}

impl Numbers {
    /// Writes all of them, or says how many there are.
    ///
    /// # Errors
    /// BufferTooSmall if the array is too short; the count is written.
    pub(super) fn write(&self, values: &[u64]) -> R<()> {
        self.count.put(ulong(values.len()));
        if self.to.is_null() {
            return Ok(());
        }
        if values.len() > self.have {
            return Err(Reason::BufferTooSmall.because(format!("{} numbers, the array has room for {}", values.len(), self.have)));
        }
        for (index, value) in values.iter().enumerate() {
            // SAFETY: index < have, and the constructor's caller promised that many writable numbers.
            unsafe { memory::write(self.to.wrapping_add(index), *value) }
        }
        Ok(())
    }
}

/// The array that C_FindObjects fills, at most `max` at a time.
pub(super) struct Found {
    to: *mut CK_ULONG,
    max: usize,
    count: Place<CK_ULONG>,
}

/// Handles out, as many as fit.
///
/// # Safety
/// `count` is NULL or writable; `to` is NULL or writable for `max` handles until the call returns.
pub(super) unsafe fn found(to: *mut CK_ULONG, max: CK_ULONG, count: *mut CK_ULONG) -> R<Found> {
    // SAFETY: passed on unchanged.
    let count = unsafe { place(count) }?;
    let max = memory::length(max)?;
    if to.is_null() && max != 0 { Err(missing("an array with a length")) } else { Ok(Found { to, max, count }) }
}

impl Found {
    /// How many are wanted.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Writes the handles; the token gives at most [`Found::max`], and more are not written.
    ///
    /// # Errors
    /// None.
    pub(super) fn write(&self, handles: &[u64]) -> R<()> {
        let fitting = handles.iter().take(self.max);
        self.count.put(ulong(fitting.len()));
        for (index, handle) in fitting.enumerate() {
            // SAFETY: index < max, and the constructor's caller promised that many writable handles.
            unsafe { memory::write(self.to.wrapping_add(index), *handle) }
        }
        Ok(())
    }
}

/// A length of ours as the caller's number; `mod.rs` asserts that they are equally wide.
pub(super) fn ulong(n: usize) -> CK_ULONG {
    n as CK_ULONG
}

#[cfg(test)]
mod tests {
    use super::*;
    use cngtoken_key::Secret;

    #[test]
    fn a_size_question_writes_the_length_and_succeeds() {
        let mut length = 99;
        // SAFETY: `length` is a local.
        let out = unsafe { output(std::ptr::null_mut(), &raw mut length) }.unwrap();
        assert_eq!(out.room(), Room::Ask);
        assert!(out.write(&Answer::Needs(64)).is_ok());
        assert_eq!(length, 64);
    }

    #[test]
    fn a_short_buffer_is_left_alone_and_told_the_real_length() {
        let (mut memory, mut length) = ([1u8; 4], 3);
        // SAFETY: both are locals.
        let out = unsafe { output(memory.as_mut_ptr(), &raw mut length) }.unwrap();
        let e = out.write(&Answer::Bytes(Secret::new(vec![9; 4]))).unwrap_err();
        assert_eq!(e.reason, Reason::BufferTooSmall);
        assert_eq!((memory, length), ([1; 4], 4));
    }

    #[test]
    fn input_and_output_may_be_the_same_memory() {
        let (mut memory, mut length) = (*b"abcd", 4);
        let start = memory.as_mut_ptr();
        // SAFETY: `memory` has four bytes.
        let data = unsafe { bytes(start, 4) }.unwrap();
        // SAFETY: as above.
        let out = unsafe { output(start, &raw mut length) }.unwrap();
        let reversed: Vec<u8> = data.get().iter().rev().copied().collect();
        out.give(&reversed).unwrap();
        assert_eq!(&memory, b"dcba");
    }

    #[test]
    fn more_handles_than_asked_for_are_never_written() {
        let (mut memory, mut count) = ([0; 2], 0);
        // SAFETY: `memory` has two places; one is given.
        let found = unsafe { found(memory.as_mut_ptr(), 1, &raw mut count) }.unwrap();
        found.write(&[5, 6]).unwrap();
        assert_eq!((memory, count), ([5, 0], 1));
    }
}

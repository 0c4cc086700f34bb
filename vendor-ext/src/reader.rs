//! Reads a blob field by field, bytewise, never past its end. Keeps the place in the outermost input for errors, and, for
//! `explain`, a list of what was read. All lengths come from outside: each is compared with what is left before anything is copied.

use crate::error::{BlobError, Expected, Fault};
use crate::table::{Magic, magic_text};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use cngtoken_key::{Secret, Uint};
use core::fmt::Write as _;

/// One field of a blob, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Microsoft's name of it.
    pub name: &'static str,
    /// Offset in the outermost input.
    pub offset: usize,
    /// Bytes.
    pub len: usize,
    /// Its value or its sense; of a secret only its size.
    pub meaning: String,
    /// True if the bytes are secret.
    pub secret: bool,
}

/// Whether a field may be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Public,
    Secret,
}

/// Byte order of a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// CNG.
    Big,
    /// CryptoAPI.
    Little,
}

pub(crate) struct Reader<'a, 't> {
    input: &'a [u8],
    pos: usize,
    base: usize,
    fields: Option<&'t mut Vec<Field>>,
}

impl<'a, 't> Reader<'a, 't> {
    pub(crate) fn new(input: &'a [u8], fields: Option<&'t mut Vec<Field>>) -> Self {
        Self { input, pos: 0, base: 0, fields }
    }

    /// A reader over the next `len` bytes as a blob of its own, whose errors keep counting from the outermost input.
    pub(crate) fn inner(&mut self, name: &'static str, len: u32) -> Result<Reader<'a, '_>, BlobError> {
        let base = self.at();
        let input = self.chunk(name, len)?;
        Ok(Reader { input, pos: 0, base, fields: self.fields.as_deref_mut() })
    }

    /// Where the next byte is, in the outermost input.
    pub(crate) fn at(&self) -> usize {
        self.base.saturating_add(self.pos)
    }

    /// Where byte `pos` of this blob is, in the outermost input.
    pub(crate) fn place(&self, pos: usize) -> usize {
        self.base.saturating_add(pos)
    }

    /// Length of this blob.
    pub(crate) fn len(&self) -> u64 {
        self.input.len() as u64
    }

    /// The bytes of this blob from its start; for recognising it.
    pub(crate) fn whole(&self) -> &'a [u8] {
        self.input
    }

    fn left(&self) -> &'a [u8] {
        self.input.get(self.pos..).unwrap_or_default()
    }

    /// Bytes not yet read.
    pub(crate) fn left_len(&self) -> usize {
        self.left().len()
    }

    /// Refuses an input that is not exactly `total` bytes long.
    pub(crate) fn expect_total(&self, total: u64) -> Result<(), BlobError> {
        let found = self.len();
        if found == total {
            return Ok(());
        }
        let place = usize::try_from(total.min(found)).unwrap_or(usize::MAX);
        Err(BlobError::new(Fault::WrongTotal { expected: total, found }, self.place(place)))
    }

    fn chunk(&mut self, name: &'static str, len: u32) -> Result<&'a [u8], BlobError> {
        let left = self.left();
        let short = Fault::TooShort { field: name, want: u64::from(len), have: left.len() as u64 };
        let want = usize::try_from(len).unwrap_or(usize::MAX);
        let Some(bytes) = left.get(..want) else {
            return Err(BlobError::new(short, self.at()));
        };
        self.pos = self.pos.saturating_add(want);
        Ok(bytes)
    }

    fn note(&mut self, name: &'static str, offset: usize, len: usize, secret: bool, meaning: impl FnOnce() -> String) {
        if let Some(fields) = self.fields.as_deref_mut() {
            fields.push(Field { name, offset, len, meaning: meaning(), secret });
        }
    }

    /// Adds what the last field read means.
    pub(crate) fn explain(&mut self, meaning: &str) {
        if let Some(field) = self.fields.as_deref_mut().and_then(|f| f.last_mut()) {
            let _ = write!(field.meaning, ", {meaning}");
        }
    }

    /// The magic, already recognised.
    pub(crate) fn magic(&mut self, name: &'static str) -> Result<Magic, BlobError> {
        let at = self.at();
        let bytes = self.chunk(name, 4)?;
        let magic: Magic = bytes.try_into().unwrap_or_default();
        self.note(name, at, 4, false, || magic_text(magic));
        Ok(magic)
    }

    /// A ULONG: 32 bits, little-endian.
    pub(crate) fn u32(&mut self, name: &'static str) -> Result<u32, BlobError> {
        let at = self.at();
        let bytes = self.chunk(name, 4)?;
        let value = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
        self.note(name, at, 4, false, || format!("{value}"));
        Ok(value)
    }

    /// One byte.
    pub(crate) fn u8(&mut self, name: &'static str) -> Result<u8, BlobError> {
        let at = self.at();
        let value = self.chunk(name, 1)?.first().copied().unwrap_or_default();
        self.note(name, at, 1, false, || format!("{value}"));
        Ok(value)
    }

    /// A WORD: 16 bits, little-endian.
    pub(crate) fn u16(&mut self, name: &'static str) -> Result<u16, BlobError> {
        let at = self.at();
        let value = u16::from_le_bytes(self.chunk(name, 2)?.try_into().unwrap_or_default());
        self.note(name, at, 2, false, || format!("{value}"));
        Ok(value)
    }

    /// Bytes as they stand.
    pub(crate) fn bytes(&mut self, name: &'static str, len: u32, show: Show) -> Result<&'a [u8], BlobError> {
        let at = self.at();
        let bytes = self.chunk(name, len)?;
        self.note(name, at, bytes.len(), show == Show::Secret, || match show {
            Show::Secret => format!("secret, {} bytes", bytes.len()),
            Show::Public => shorten(bytes),
        });
        Ok(bytes)
    }

    /// Secret bytes, copied into what wipes them.
    pub(crate) fn secret(&mut self, name: &'static str, len: u32) -> Result<Secret, BlobError> {
        Ok(Secret::copy_of(self.bytes(name, len, Show::Secret)?))
    }

    /// A number of fixed width.
    pub(crate) fn number(&mut self, name: &'static str, len: u32, order: Order, show: Show) -> Result<Uint, BlobError> {
        let at = self.at();
        let bytes = self.chunk(name, len)?;
        let number = match order {
            Order::Big => Uint::from_be(bytes),
            Order::Little => Uint::from_le(bytes),
        };
        self.note(name, at, bytes.len(), show == Show::Secret, || match show {
            Show::Secret => format!("secret, {} bytes", bytes.len()),
            Show::Public => format!("{} bits, {}", number.bit_len(), shorten(number.as_be())),
        });
        Ok(number)
    }

    /// UTF-16LE text of `len` bytes that ends with one NUL and holds none inside. Only ASCII: every name in these blobs is.
    pub(crate) fn utf16z(&mut self, name: &'static str, len: u32) -> Result<String, BlobError> {
        let at = self.at();
        let refuse = |expected| Err(BlobError::new(Fault::Field { field: name, found: u64::from(len), expected: Expected::Words(expected) }, at));
        if len < 2 || !len.is_multiple_of(2) {
            return refuse("an even number of bytes with the NUL at the end");
        }
        let bytes = self.chunk(name, len)?;
        let mut text = String::new();
        let mut ended = false;
        for unit in bytes.chunks_exact(2) {
            let unit = u16::from_le_bytes(unit.try_into().unwrap_or_default());
            if ended {
                return refuse("UTF-16 text with its one NUL at the end");
            }
            match u8::try_from(unit) {
                Ok(0) => ended = true,
                Ok(c) if c.is_ascii_graphic() || c == b' ' => text.push(char::from(c)),
                _ => return refuse("UTF-16 text of plain ASCII letters"),
            }
        }
        if !ended {
            return refuse("UTF-16 text with a NUL at the end");
        }
        self.note(name, at, bytes.len(), false, || format!("\"{text}\""));
        Ok(text)
    }
}

/// Hexadecimal, the middle left out where it is long.
fn shorten(bytes: &[u8]) -> String {
    const WHOLE: usize = 40;
    const ENDS: usize = 8;
    let mut out = String::new();
    if bytes.len() <= WHOLE {
        hex(&mut out, bytes);
        return out;
    }
    hex(&mut out, bytes.get(..ENDS).unwrap_or_default());
    out.push('…');
    hex(&mut out, bytes.get(bytes.len().saturating_sub(ENDS)..).unwrap_or_default());
    out
}

pub(crate) fn hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_past_the_end_is_refused_where_it_starts() {
        let mut r = Reader::new(&[1, 2, 3, 4, 5], None);
        assert_eq!(r.u32("first"), Ok(0x0403_0201));
        let error = r.u32("second").unwrap_err();
        assert_eq!(error, BlobError::new(Fault::TooShort { field: "second", want: 4, have: 1 }, 4));
    }

    #[test]
    fn a_length_of_four_gigabytes_is_compared_and_not_allocated() {
        let mut r = Reader::new(&[0; 8], None);
        assert!(r.bytes("huge", u32::MAX, Show::Public).is_err());
        assert_eq!(r.left_len(), 8);
    }

    #[test]
    fn offsets_inside_a_wrapped_blob_count_from_the_outermost() {
        let mut outer = Reader::new(&[0; 10], None);
        outer.u32("magic").unwrap();
        let mut inner = outer.inner("blob", 6).unwrap();
        inner.u32("magic").unwrap();
        assert_eq!(inner.u32("more").unwrap_err().at, 8);
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut fields = Vec::new();
        let mut r = Reader::new(&[0xAB; 8], Some(&mut fields));
        r.secret("d", 4).unwrap();
        r.bytes("x", 4, Show::Public).unwrap();
        assert_eq!(fields[0].meaning, "secret, 4 bytes");
        assert_eq!(fields[1].meaning, "abababab");
    }

    #[test]
    fn names_end_with_exactly_one_nul() {
        let read = |bytes: &[u8]| Reader::new(bytes, None).utf16z("name", u32::try_from(bytes.len()).unwrap()).ok();
        assert_eq!(read(b"4\x004\0\0\0").as_deref(), Some("44"));
        assert_eq!(read(b"4\x004\0"), None);
        assert_eq!(read(b"4\0\0\x004\0\0\0"), None);
        assert_eq!(read(b"4\0\0\0\0\0"), None);
        assert_eq!(read(b"4\x00\0"), None);
        assert_eq!(read(b""), None);
        assert_eq!(read(b"4\0\0\0\x07"), None);
        assert_eq!(read(b"\0\0").as_deref(), Some(""));
        assert_eq!(read(b"a\0 \0\0\0").as_deref(), Some("a "));
        assert_eq!(read(b"\xE9\0\0\0"), None);
        assert_eq!(read(b"\x07\0\0\0"), None);
    }
}

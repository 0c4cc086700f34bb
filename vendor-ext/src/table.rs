//! What a row of the table of blob types is, and how a row is found: by name, by magic, behind a generic name.
//!
//! A magic belongs to one row, with two exceptions. The generic EC ones stand before an explicit curve too: there the second field
//! decides. Either version of a CryptoAPI DSS blob is read under either name: by magic alone, the row whose first magic it is.

use crate::blobs::{BEGINNINGS, BLOBS, REFUSED};
use crate::capi;
use crate::context::{Context, Decoded};
use crate::decode::Said;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Fault};
use crate::reader::Reader;
use alloc::format;
use alloc::string::String;
use cngtoken_key::{Family, Half, Secret};

/// The first four bytes of a CNG structure, as they stand in the blob.
pub type Magic = [u8; 4];

/// Where the magic stands, and what stands before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// At 0.
    Start,
    /// After cbSize = 16 (NCRYPT_KEY_BLOB_HEADER).
    NCrypt,
    /// After BLOBHEADER.
    Capi,
}

impl Place {
    pub(crate) fn offset(self) -> usize {
        match self {
            Place::Start => 0,
            Place::NCrypt => 4,
            Place::Capi => 8,
        }
    }
}

pub(crate) type DecodeLayout = fn(&mut Reader<'_, '_>, Magic, &Context<'_>) -> Result<Said, BlobError>;
pub(crate) type DecodeWrapper = fn(&'static BlobRow, Reader<'_, '_>, &Context<'_>) -> Result<Decoded, BlobError>;
pub(crate) type EncodeLayout = fn(&Job<'_>) -> Result<Secret, EncodeError>;

/// How a row is read and written.
#[derive(Clone, Copy)]
pub(crate) enum Codec {
    /// PUBLICBLOB, PRIVATEBLOB: whatever row the magic belongs to.
    ByMagic,
    /// A layout of its own.
    Layout { decode: DecodeLayout, encode: EncodeLayout },
    /// Another blob inside.
    Wrapper { decode: DecodeWrapper, encode: EncodeLayout },
    /// PKCS8_PRIVATEKEY: DER, read by whoever has an ASN.1 reader (the token), not by this crate.
    Der,
    /// Recognised, never read; `about` says why and what to do.
    Refused,
}

/// One blob type.
pub struct BlobRow {
    /// CNG's string (pszBlobType).
    pub name: &'static str,
    /// The header's name of that string.
    pub symbol: &'static str,
    /// Other names of it in the header.
    pub aliases: &'static [&'static str],
    /// The family; `None` where the magic decides.
    pub family: Option<Family>,
    /// Which half it carries.
    pub half: Half,
    /// The magics it may have; the first is the one that a row with several versions is written with.
    pub magics: &'static [Magic],
    /// One sentence: what it is or, where it is refused, what to do instead.
    pub about: &'static str,
    pub(crate) place: Place,
    pub(crate) codec: Codec,
}

impl BlobRow {
    /// True if blobs of this type are taken: by this crate or, where [`BlobRow::is_der`], by the token.
    #[must_use]
    pub fn supported(&self) -> bool {
        !matches!(self.codec, Codec::Refused)
    }

    /// True for PKCS8_PRIVATEKEY, which is ASN.1 and not read by this crate.
    #[must_use]
    pub fn is_der(&self) -> bool {
        matches!(self.codec, Codec::Der)
    }

    /// True if the magic stands at the start, as in all BCRYPT structures.
    pub(crate) fn is_cng(&self) -> bool {
        self.place == Place::Start
    }
}

impl core::fmt::Debug for BlobRow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name)
    }
}

/// A magic that is known and holds no key that the token takes.
pub(crate) struct RefusedMagic {
    pub(crate) magic: Magic,
    pub(crate) symbol: &'static str,
    /// The blob types in which it may legally stand; none: it is no key blob at all.
    pub(crate) types: &'static [&'static str],
    pub(crate) what: &'static str,
}

/// A magic as people write it: `RSA1`, `\0DH1`, or hexadecimal where it is not text.
#[must_use]
pub fn magic_text(magic: Magic) -> String {
    let [first, rest @ ..] = magic;
    match (first, core::str::from_utf8(&rest)) {
        (0, Ok(rest)) if rest.bytes().all(|c| c.is_ascii_graphic()) => format!("\\0{rest}"),
        (c, Ok(rest)) if c.is_ascii_graphic() && rest.bytes().all(|c| c.is_ascii_graphic()) => format!("{}{rest}", char::from(c)),
        _ => format!("{:08x}", u32::from_be_bytes(magic)),
    }
}

/// The row with that name: CNG's string exactly, or the header's symbolic name.
#[must_use]
pub fn row(name: &str) -> Option<&'static BlobRow> {
    BLOBS.iter().find(|r| r.name == name || r.symbol == name || r.aliases.contains(&name))
}

/// The four bytes at `offset`.
pub(crate) fn magic_at(input: &[u8], offset: usize) -> Option<Magic> {
    input.get(offset..)?.first_chunk::<4>().copied()
}

pub(crate) fn refused_magic(magic: Magic) -> Option<&'static RefusedMagic> {
    REFUSED.iter().find(|m| m.magic == magic)
}

/// The row whose magic stands at the start of `input`.
pub(crate) fn cng_row_of(input: &[u8]) -> Option<&'static BlobRow> {
    let magic = magic_at(input, 0)?;
    // The second field of the explicit-curve layout is dwVersion = 1, that of the named-curve one cbKey, which is never 1.
    let explicit = magic_at(input, 4) == Some([1, 0, 0, 0]);
    let mut rows = BLOBS.iter().filter(|r| r.is_cng() && r.magics.contains(&magic));
    let first = rows.next()?;
    match rows.next() {
        Some(second) if explicit => Some(second),
        _ => Some(first),
    }
}

/// The row of an NCrypt structure, whose magic comes second.
fn ncrypt_row_of(input: &[u8]) -> Option<&'static BlobRow> {
    if magic_at(input, 0)? != [16, 0, 0, 0] {
        return None;
    }
    let magic = magic_at(input, Place::NCrypt.offset())?;
    BLOBS.iter().find(|r| r.place == Place::NCrypt && r.magics.contains(&magic))
}

/// The row of a blob with magic `inner` inside a wrapper with magic `outer`.
pub(crate) fn row_inside(outer: Magic, inner: Magic) -> Option<&'static BlobRow> {
    let wrapper = BLOBS.iter().find(|r| matches!(r.codec, Codec::Wrapper { .. }) && r.magics.contains(&outer))?;
    let place = if wrapper.symbol == "PVK" { Place::Capi } else { Place::Start };
    let is_own = |r: &&BlobRow| r.place == place && r.magics.first() == Some(&inner);
    BLOBS.iter().find(is_own).or_else(|| BLOBS.iter().find(|r| r.place == place && r.magics.contains(&inner)))
}

/// The row that a blob belongs to, by its magic.
///
/// # Errors
/// [`BlobError`]: too short, unknown (with the family it looks like), or known and not a key.
pub fn sniff(input: &[u8]) -> Result<&'static BlobRow, BlobError> {
    let Some(found) = magic_at(input, 0) else {
        return Err(BlobError::new(Fault::TooShort { field: "the magic", want: 4, have: input.len() as u64 }, 0));
    };
    if let Some(row) = cng_row_of(input).or_else(|| ncrypt_row_of(input)) {
        return Ok(row);
    }
    if let Some(refused) = refused_magic(found) {
        return Err(BlobError::new(Fault::NotSupported { what: refused.what }, 0));
    }
    if capi::looks_like(input) {
        return sniff_capi(input);
    }
    if let Some(what) = capi::other_blob(input) {
        return Err(BlobError::new(Fault::NotSupported { what }, 0));
    }
    Err(BlobError::new(Fault::UnknownMagic { found, like: like(found) }, 0))
}

fn sniff_capi(input: &[u8]) -> Result<&'static BlobRow, BlobError> {
    let offset = Place::Capi.offset();
    let Some(found) = magic_at(input, offset) else {
        let have = input.len().saturating_sub(offset) as u64;
        return Err(BlobError::new(Fault::TooShort { field: "the magic", want: 4, have }, offset.min(input.len())));
    };
    let rows = || BLOBS.iter().filter(|r| r.place == Place::Capi);
    let row = rows().find(|r| r.magics.first() == Some(&found)).or_else(|| rows().find(|r| r.magics.contains(&found)));
    let like = Some("an encrypted or damaged CryptoAPI blob");
    row.ok_or_else(|| BlobError::new(Fault::UnknownMagic { found, like }, offset))
}

/// What an unknown magic resembles.
fn like(found: Magic) -> Option<&'static str> {
    BEGINNINGS.iter().find(|(start, _)| found.starts_with(start)).map(|(_, family)| *family)
}

/// The row that stands behind PUBLICBLOB or PRIVATEBLOB for this input. Offsets count from the start of `input`.
pub(crate) fn behind(generic: &'static BlobRow, input: &[u8]) -> Result<&'static BlobRow, BlobError> {
    let Some(found) = magic_at(input, 0) else {
        return Err(BlobError::new(Fault::TooShort { field: "the magic", want: 4, have: input.len() as u64 }, 0));
    };
    let wrong = |belongs, like| Err(BlobError::new(Fault::WrongMagic { type_name: generic.name, found, belongs, like }, 0));
    if let Some(row) = cng_row_of(input) {
        // Symmetric and wrapped keys have magics too, but are no BCRYPT_KEY_BLOB.
        let is_key_blob = matches!(row.codec, Codec::Layout { .. }) && row.family != Some(Family::Secret);
        return if is_key_blob && row.half == generic.half { Ok(row) } else { wrong(Some(row.name), None) };
    }
    if let Some(refused) = refused_magic(found) {
        if refused.types.is_empty() {
            return wrong(Some(refused.symbol), None);
        }
        return Err(BlobError::new(Fault::NotSupported { what: refused.what }, 0));
    }
    if capi::looks_like(input)
        && let Ok(row) = sniff_capi(input)
    {
        return wrong(Some(row.name), None);
    }
    wrong(None, like(found))
}

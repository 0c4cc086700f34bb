//! The table of blob types: one row per name, with the magics it may start with, what it is, and how to read and write it.
//! Import, export, sniffing, `inspect`, the README's table and the tests all come from it.
//!
//! A magic belongs to one row, except the generic EC ones, which the explicit-curve layout shares: there the second field decides.

use crate::capi;
use crate::context::{Context, Decoded};
use crate::decode::Said;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Fault};
use crate::reader::Reader;
use crate::{capi_rsa, ecc, rsa};
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
    /// After BLOBHEADER.
    Capi,
}

impl Place {
    pub(crate) fn offset(self) -> usize {
        match self {
            Place::Start => 0,
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
    /// The magics it may have.
    pub magics: &'static [Magic],
    /// One sentence: what it is or, where it is refused, what to do instead.
    pub about: &'static str,
    pub(crate) place: Place,
    pub(crate) codec: Codec,
}

impl BlobRow {
    /// True if blobs of this type can be read.
    #[must_use]
    pub fn supported(&self) -> bool {
        !matches!(self.codec, Codec::Refused)
    }

    /// True if the magic stands at the start, as in all CNG structures.
    pub(crate) fn is_cng(&self) -> bool {
        self.place == Place::Start
    }
}

impl core::fmt::Debug for BlobRow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name)
    }
}

/// All rows.
pub static BLOBS: &[BlobRow] = &[
    BlobRow {
        name: "PUBLICBLOB",
        symbol: "BCRYPT_PUBLIC_KEY_BLOB",
        aliases: &[],
        family: None,
        half: Half::Public,
        magics: &[],
        about: "any CNG public key; the magic decides",
        place: Place::Start,
        codec: Codec::ByMagic,
    },
    BlobRow {
        name: "PRIVATEBLOB",
        symbol: "BCRYPT_PRIVATE_KEY_BLOB",
        aliases: &[],
        family: None,
        half: Half::Private,
        magics: &[],
        about: "any CNG private key; the magic decides",
        place: Place::Start,
        codec: Codec::ByMagic,
    },
    BlobRow {
        name: "RSAPUBLICBLOB",
        symbol: "BCRYPT_RSAPUBLIC_BLOB",
        aliases: &[],
        family: Some(Family::Rsa),
        half: Half::Public,
        magics: &[rsa::PUBLIC],
        about: "RSA public key: e, n",
        place: Place::Start,
        codec: Codec::Layout { decode: rsa::decode, encode: rsa::encode },
    },
    BlobRow {
        name: "RSAPRIVATEBLOB",
        symbol: "BCRYPT_RSAPRIVATE_BLOB",
        aliases: &[],
        family: Some(Family::Rsa),
        half: Half::Private,
        magics: &[rsa::PRIVATE],
        about: "RSA private key: e, n, p, q",
        place: Place::Start,
        codec: Codec::Layout { decode: rsa::decode, encode: rsa::encode },
    },
    BlobRow {
        name: "RSAFULLPRIVATEBLOB",
        symbol: "BCRYPT_RSAFULLPRIVATE_BLOB",
        aliases: &[],
        family: Some(Family::Rsa),
        half: Half::Private,
        magics: &[rsa::FULL],
        about: "RSA private key with d and the CRT values",
        place: Place::Start,
        codec: Codec::Layout { decode: rsa::decode, encode: rsa::encode },
    },
    BlobRow {
        name: "CAPIPUBLICBLOB",
        symbol: "LEGACY_RSAPUBLIC_BLOB",
        aliases: &[],
        family: Some(Family::Rsa),
        half: Half::Public,
        magics: &[*b"RSA1"],
        about: "CryptoAPI RSA public key (PUBLICKEYBLOB)",
        place: Place::Capi,
        codec: Codec::Layout { decode: capi_rsa::decode, encode: capi_rsa::encode },
    },
    BlobRow {
        name: "CAPIPRIVATEBLOB",
        symbol: "LEGACY_RSAPRIVATE_BLOB",
        aliases: &[],
        family: Some(Family::Rsa),
        half: Half::Private,
        magics: &[*b"RSA2"],
        about: "CryptoAPI RSA private key (PRIVATEKEYBLOB)",
        place: Place::Capi,
        codec: Codec::Layout { decode: capi_rsa::decode, encode: capi_rsa::encode },
    },
    BlobRow {
        name: "ECCPUBLICBLOB",
        symbol: "BCRYPT_ECCPUBLIC_BLOB",
        aliases: &[],
        family: None,
        half: Half::Public,
        magics: &[*b"ECS1", *b"ECS3", *b"ECS5", *b"ECK1", *b"ECK3", *b"ECK5", *b"ECDP", *b"ECKP"],
        about: "elliptic-curve public key: X, Y",
        place: Place::Start,
        codec: Codec::Layout { decode: ecc::decode, encode: ecc::encode },
    },
    BlobRow {
        name: "ECCPRIVATEBLOB",
        symbol: "BCRYPT_ECCPRIVATE_BLOB",
        aliases: &[],
        family: None,
        half: Half::Private,
        magics: &[*b"ECS2", *b"ECS4", *b"ECS6", *b"ECK2", *b"ECK4", *b"ECK6", *b"ECDV", *b"ECKV"],
        about: "elliptic-curve private key: X, Y, d",
        place: Place::Start,
        codec: Codec::Layout { decode: ecc::decode, encode: ecc::encode },
    },
];

/// A magic that is known and holds no key that the token takes.
pub(crate) struct RefusedMagic {
    pub(crate) magic: Magic,
    pub(crate) symbol: &'static str,
    /// The blob types in which it may legally stand.
    pub(crate) types: &'static [&'static str],
    pub(crate) what: &'static str,
}

static REFUSED: &[RefusedMagic] = &[];

/// What magics of a family begin with, to name the family of an unknown one. Longer beginnings first.
static BEGINNINGS: &[(&[u8], &str)] = &[
    (b"RSA", "an RSA magic (RSA1, RSA2, RSA3)"),
    (b"ECS", "an ECDSA magic (ECS1 to ECS6)"),
    (b"ECK", "an ECDH magic (ECK1 to ECK6, ECKP, ECKV)"),
    (b"ECD", "a generic ECDSA magic (ECDP, ECDV)"),
    (b"DHP", "a DH magic (DHPB, DHPV)"),
    (b"DSP", "a DSA magic (DSPB, DSPV) or an ML-DSA one (DSPK)"),
    (b"DSS", "an ML-DSA magic (DSSK, DSSS) or a CryptoAPI DSS one"),
    (b"DPB", "a DSA version 2 magic (DPB2)"),
    (b"DPV", "a DSA version 2 magic (DPV2)"),
    (b"MLK", "an ML-KEM magic (MLKP, MLKR, MLKS)"),
    (b"SHP", "an SLH-DSA magic (SHPK)"),
    (b"SHS", "an SLH-DSA magic (SHSK)"),
    (b"\x30\x82", "DER: a PKCS#8 key, whose blob type is PKCS8_PRIVATEKEY"),
    (b"\x30\x81", "DER: a PKCS#8 key, whose blob type is PKCS8_PRIVATEKEY"),
    (b"-----", "PEM text: decode its Base64 first"),
    (b"----", "PEM text: decode its Base64 first"),
];

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

/// The row that a blob belongs to, by its magic.
///
/// # Errors
/// [`BlobError`]: too short, unknown (with the family it looks like), or known and not a key.
pub fn sniff(input: &[u8]) -> Result<&'static BlobRow, BlobError> {
    let Some(found) = magic_at(input, 0) else {
        return Err(BlobError::new(Fault::TooShort { field: "the magic", want: 4, have: input.len() as u64 }, 0));
    };
    if let Some(row) = cng_row_of(input) {
        return Ok(row);
    }
    if let Some(refused) = refused_magic(found) {
        return Err(BlobError::new(Fault::NotSupported { what: refused.what }, 0));
    }
    if capi::looks_like(input) {
        return sniff_capi(input);
    }
    Err(BlobError::new(Fault::UnknownMagic { found, like: like(found) }, 0))
}

fn sniff_capi(input: &[u8]) -> Result<&'static BlobRow, BlobError> {
    let offset = Place::Capi.offset();
    let Some(found) = magic_at(input, offset) else {
        let have = input.len().saturating_sub(offset) as u64;
        return Err(BlobError::new(Fault::TooShort { field: "the magic", want: 4, have }, offset.min(input.len())));
    };
    let row = BLOBS.iter().find(|r| r.place == Place::Capi && r.magics.contains(&found));
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
        return Err(BlobError::new(Fault::NotSupported { what: refused.what }, 0));
    }
    if capi::looks_like(input)
        && let Ok(row) = sniff_capi(input)
    {
        return wrong(Some(row.name), None);
    }
    wrong(None, like(found))
}

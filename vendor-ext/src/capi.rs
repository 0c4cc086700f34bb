//! What all CryptoAPI blobs share: the 8-byte BLOBHEADER. Numbers in these blobs are little-endian, zeros at the end.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | bType | 6 public, 7 private |
//! | 1 | bVersion | 2, or 3 for the later DSS and DH forms |
//! | 2 | reserved | 0 |
//! | 4 | aiKeyAlg | ALG_ID |

use crate::error::{BlobError, Expected, Fault};
use crate::reader::Reader;
use crate::writer::Writer;
use cngtoken_key::Half;

/// Bytes of the header; the magic follows it.
pub(crate) const HEADER: u64 = 8;

pub(crate) const CALG_RSA_KEYX: u32 = 0xA400;
pub(crate) const CALG_RSA_SIGN: u32 = 0x2400;

/// bType of a blob with that half.
fn b_type(half: Half) -> u8 {
    match half {
        Half::Public => 6,
        Half::Private => 7,
    }
}

/// Reads the header and gives back aiKeyAlg, one of `algs`.
pub(crate) fn header(r: &mut Reader<'_, '_>, half: Half, version: u8, algs: &[u32], words: &'static str) -> Result<u32, BlobError> {
    let at = r.at();
    let wrong = |field, found: u32, expected, offset| BlobError::new(Fault::Field { field, found: u64::from(found), expected }, at + offset);
    let found = r.u8("bType")?;
    if found != b_type(half) {
        let expected = match half {
            Half::Public => "6 (PUBLICKEYBLOB)",
            Half::Private => "7 (PRIVATEKEYBLOB)",
        };
        return Err(wrong("bType", u32::from(found), Expected::Words(expected), 0));
    }
    let found = r.u8("bVersion")?;
    if found != version {
        return Err(wrong("bVersion", u32::from(found), Expected::Exactly(u64::from(version)), 1));
    }
    let found = r.u16("reserved")?;
    if found != 0 {
        return Err(wrong("reserved", u32::from(found), Expected::Exactly(0), 2));
    }
    let alg = r.u32("aiKeyAlg")?;
    if !algs.contains(&alg) {
        return Err(wrong("aiKeyAlg", alg, Expected::Words(words), 4));
    }
    Ok(alg)
}

/// Writes the header.
pub(crate) fn write_header(w: &mut Writer, half: Half, version: u8, alg: u32) {
    w.bytes(&[b_type(half), version, 0, 0]);
    w.u32(alg);
}

/// True if the input starts as a CryptoAPI public or private blob does.
pub(crate) fn looks_like(input: &[u8]) -> bool {
    matches!(input, [6 | 7, 2 | 3, 0, 0, ..])
}

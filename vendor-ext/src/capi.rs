//! What all CryptoAPI blobs share: the 8-byte BLOBHEADER, and the version 3 structure that DH and DSS have in common. Numbers in these blobs are little-endian, zeros at the end.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | bType | 6 public, 7 private |
//! | 1 | bVersion | 2, or 3 for the later DSS and DH forms |
//! | 2 | reserved | 0 |
//! | 4 | aiKeyAlg | ALG_ID |

use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::origin::{Noted, Notes};
use crate::reader::{Order, Reader, Show};
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use cngtoken_key::{Half, Secret, Uint};

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

/// bVersion of the forms whose structures end in VER3.
pub(crate) const VERSION_3: u8 = 3;
pub(crate) const VERSION_2: u8 = 2;

/// What a blob with another bType is, none of which is a key pair's.
pub(crate) fn other_blob(input: &[u8]) -> Option<&'static str> {
    let [b_type, 2 | 3, 0, 0, ..] = input else { return None };
    Some(match b_type {
        1 => "a CryptoAPI SIMPLEBLOB, a session key encrypted with an RSA key; unwrap it with C_UnwrapKey",
        8 => "a CryptoAPI PLAINTEXTKEYBLOB, a symmetric key; import its key bytes as a KeyDataBlob",
        9 => "a CryptoAPI OPAQUEKEYBLOB, which only the provider that wrote it can read",
        0xA => "a CryptoAPI PUBLICKEYBLOBEX, for which no layout is published; export a PUBLICKEYBLOB instead",
        0xB => "a CryptoAPI SYMMETRICWRAPKEYBLOB, a key encrypted with a symmetric key; unwrap it with C_UnwrapKey",
        0xC => "a CryptoAPI KEYSTATEBLOB, which is no key",
        _ => return None,
    })
}

/// "No seed": counter and seed all FF.
pub(crate) const NO_SEED: [u8; 24] = [0xFF; 24];

/// Bytes of a number of that many bits.
pub(crate) fn bytes_of(bits: u32) -> u32 {
    bits.div_ceil(8)
}

/// Bits that a canonical writer says of a number of that many bytes.
pub(crate) fn bits_of(bytes: usize) -> u32 {
    ulong(bytes).saturating_mul(8)
}

/// DSSSEED: counter, little-endian, and seed.
pub(crate) fn seed<'a>(r: &mut Reader<'a, '_>) -> Result<&'a [u8], BlobError> {
    r.bytes("DSSSEED", 24, Show::Public)
}

/// DHPUBKEY_VER3 and DSSPUBKEY_VER3 (40 bytes), DHPRIVKEY_VER3 and DSSPRIVKEY_VER3 (44): the same, but that the private ones have
/// bitlenX, and have it before the seed. After them: p, q, g, j, y and, private, x.
pub(crate) struct Ver3<'a> {
    pub(crate) p: u32,
    pub(crate) q: u32,
    pub(crate) j: u32,
    pub(crate) x: Option<u32>,
    pub(crate) seed: &'a [u8],
}

impl<'a> Ver3<'a> {
    /// Reads what follows the magic and checks the size of the whole.
    pub(crate) fn read(r: &mut Reader<'a, '_>, half: Half) -> Result<Self, BlobError> {
        let at = r.at();
        let p = r.u32("bitlenP")?;
        if p == 0 {
            let fault = Fault::Field { field: "bitlenP", found: 0, expected: Expected::Words("at least 1") };
            return Err(BlobError::new(fault, at));
        }
        let q = r.u32("bitlenQ")?;
        let j = r.u32("bitlenJ")?;
        let x = match half {
            Half::Public => None,
            Half::Private => Some(r.u32("bitlenX")?),
        };
        let header = Self { p, q, j, x, seed: seed(r)? };
        r.expect_total(header.total())?;
        Ok(header)
    }

    /// Bytes of the whole blob.
    pub(crate) fn total(&self) -> u64 {
        let [p, q, j] = [self.p, self.q, self.j].map(|bits| u64::from(bytes_of(bits)));
        let (fixed, x) = match self.x {
            None => (40, 0),
            Some(bits) => (44, u64::from(bytes_of(bits))),
        };
        HEADER + fixed + 3 * p + q + j + x
    }

    /// Writes what follows the magic up to the numbers.
    pub(crate) fn write(&self, w: &mut Writer) {
        for bits in [Some(self.p), Some(self.q), Some(self.j), self.x].into_iter().flatten() {
            w.u32(bits);
        }
        w.bytes(self.seed);
    }
}

/// The numbers of a VER3 blob. `j` is only kept, never used.
pub(crate) struct Ver3Numbers<'a> {
    pub(crate) p: Uint,
    pub(crate) q: Uint,
    pub(crate) g: Uint,
    pub(crate) j: &'a [u8],
    pub(crate) y: Uint,
    pub(crate) x: Option<Uint>,
}

impl<'a> Ver3Numbers<'a> {
    pub(crate) fn read(r: &mut Reader<'a, '_>, header: &Ver3<'_>) -> Result<Self, BlobError> {
        Ok(Self {
            p: r.number("p", bytes_of(header.p), Order::Little, Show::Public)?,
            q: r.number("q", bytes_of(header.q), Order::Little, Show::Public)?,
            g: r.number("g", bytes_of(header.p), Order::Little, Show::Public)?,
            j: r.bytes("j", bytes_of(header.j), Show::Public)?,
            y: r.number("y", bytes_of(header.p), Order::Little, Show::Public)?,
            x: header.x.map(|bits| r.number("x", bytes_of(bits), Order::Little, Show::Secret)).transpose()?,
        })
    }

    /// What a canonical writer would say otherwise.
    pub(crate) fn note(&self, header: &Ver3<'_>, canonical_x: u32, notes: &mut Notes) {
        notes.number(Noted::BitLenP, header.p, bits_of(self.p.byte_len()));
        notes.number(Noted::BitLenQ, header.q, bits_of(self.q.byte_len()));
        notes.number(Noted::BitLenJ, header.j, bits_of(self.j.len()));
        if let Some(x) = header.x {
            notes.number(Noted::BitLenX, x, canonical_x);
        }
        if !self.j.is_empty() {
            notes.bytes(Noted::J, self.j);
        }
    }
}

/// Writes a VER3 blob: p, q (nothing if absent), g, y, x; j, if the key came with one.
pub(crate) fn write_ver3(
    job: &Job<'_>,
    magic: Magic,
    alg: u32,
    group: [&Uint; 3],
    y: &Uint,
    x: Option<(&Uint, u32)>,
    seed: &[u8],
) -> Result<Secret, EncodeError> {
    let [p, q, g] = group;
    let j = job.noted_bytes(Noted::J).unwrap_or_default();
    let header = Ver3 {
        p: job.noted(Noted::BitLenP).unwrap_or_else(|| bits_of(p.byte_len())),
        q: job.noted(Noted::BitLenQ).unwrap_or_else(|| bits_of(q.byte_len())),
        j: job.noted(Noted::BitLenJ).filter(|bits| bytes_of(*bits) == ulong(j.len())).unwrap_or_else(|| bits_of(j.len())),
        x: x.map(|(_, canonical)| job.noted(Noted::BitLenX).unwrap_or(canonical)),
        seed,
    };
    let mut w = Writer::new(job.row.name, header.total())?;
    write_header(&mut w, job.row.half, VERSION_3, alg);
    w.bytes(&magic);
    header.write(&mut w);
    w.le(p, bytes_of(header.p), "p is wider than its field")?;
    w.le(q, bytes_of(header.q), "q is wider than its field")?;
    w.le(g, bytes_of(header.p), "g is wider than p")?;
    w.bytes(j);
    w.le(y, bytes_of(header.p), "y is wider than p")?;
    if let (Some((x, _)), Some(bits)) = (x, header.x) {
        w.le(x, bytes_of(bits), "x is wider than its field")?;
    }
    Ok(w.finish())
}

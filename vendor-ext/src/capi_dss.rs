//! CAPIDSAPUBLICBLOB, CAPIDSAPRIVATEBLOB, V2CAPIDSAPUBLICBLOB, V2CAPIDSAPRIVATEBLOB: CryptoAPI's DSS keys, little-endian.
//!
//! The "V2" names are the version 2 blobs, which are the older ones (DSS1, DSS2): q and x are 20 bytes, the private one has no y, the
//! seed stands at the end. Version 3 (DSS3, DSS4) says every width. Under any of the four names either version is read, if only
//! the half agrees. The seed's bytes are reversed against FIPS and CNG order.

use crate::capi::{self, NO_SEED, VERSION_2, VERSION_3, Ver3, Ver3Numbers, bits_of, bytes_of};
use crate::context::Context;
use crate::decode::Said;
use crate::dsa;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::origin::{Noted, Notes};
use crate::reader::{Order, Reader, Show};
use crate::table::Magic;
use crate::writer::Writer;
use alloc::vec::Vec;
use cngtoken_key::{Claim, DsaClaim, DsaPrivate, DsaPublic, DsaSeed, Family, Half, KeyParts, Secret, Uint};

pub(crate) const PUBLIC_V2: Magic = *b"DSS1";
pub(crate) const PRIVATE_V2: Magic = *b"DSS2";
pub(crate) const PUBLIC_V3: Magic = *b"DSS3";
pub(crate) const PRIVATE_V3: Magic = *b"DSS4";

const CALG_DSS_SIGN: u32 = 0x2200;
const ALG_WORDS: &str = "CALG_DSS_SIGN (8704)";
/// Bytes of q and x in version 2.
const Q: u32 = 20;

pub(crate) fn decode(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    dsa::check_alg(ctx, r.at())?;
    let (half, version) = match magic {
        PUBLIC_V2 => (Half::Public, VERSION_2),
        PRIVATE_V2 => (Half::Private, VERSION_2),
        PUBLIC_V3 => (Half::Public, VERSION_3),
        _ => (Half::Private, VERSION_3),
    };
    capi::header(r, half, version, &[CALG_DSS_SIGN], ALG_WORDS)?;
    r.magic("magic")?;
    if version == VERSION_2 { v2(r, half) } else { v3(r, half) }
}

fn total_v2(half: Half, l: u32) -> u64 {
    let l = u64::from(l);
    let key = if half == Half::Public { l } else { u64::from(Q) };
    capi::HEADER + 8 + 2 * l + u64::from(Q) + key + 24
}

fn v2(r: &mut Reader<'_, '_>, half: Half) -> Result<Said, BlobError> {
    let bitlen = r.u32("bitlen")?;
    if bitlen == 0 {
        let fault = Fault::Field { field: "bitlen", found: 0, expected: Expected::Words("at least 1") };
        return Err(BlobError::new(fault, r.place(12)));
    }
    let l = bytes_of(bitlen);
    r.expect_total(total_v2(half, l))?;
    let p = r.number("p", l, Order::Little, Show::Public)?;
    let q = r.number("q", Q, Order::Little, Show::Public)?;
    let g = r.number("g", l, Order::Little, Show::Public)?;
    let (y, x) = match half {
        Half::Public => (Some(r.number("y", l, Order::Little, Show::Public)?), None),
        Half::Private => (None, Some(r.number("x", Q, Order::Little, Show::Secret)?)),
    };
    let mut notes = Notes::default();
    let seed = seed_or_none(capi::seed(r)?, &mut notes);
    notes.number(Noted::BitLenP, bitlen, bits_of(p.byte_len()));
    Ok(Said { notes, ..Said::new(Claim::Dsa(DsaClaim { p, q, g, seed, y, x })) })
}

fn v3(r: &mut Reader<'_, '_>, half: Half) -> Result<Said, BlobError> {
    let header = Ver3::read(r, half)?;
    if header.q == 0 {
        let fault = Fault::Field { field: "bitlenQ", found: 0, expected: Expected::Words("at least 1: DSS needs q") };
        return Err(BlobError::new(fault, r.place(16)));
    }
    let numbers = Ver3Numbers::read(r, &header)?;
    let mut notes = Notes::default();
    let seed = seed_or_none(header.seed, &mut notes);
    numbers.note(&header, bits_of(numbers.q.byte_len()), &mut notes);
    let Ver3Numbers { p, q, g, y, x, .. } = numbers;
    Ok(Said { notes, ..Said::new(Claim::Dsa(DsaClaim { p, q, g, seed, y: Some(y), x })) })
}

/// The seed in FIPS order, or none where the blob says so; what it says in another way than all FF is noted.
fn seed_or_none(raw: &[u8], notes: &mut Notes) -> Option<DsaSeed> {
    let (counter, seed) = raw.split_at_checked(4)?;
    let counter = counter.iter().rev().fold(0u32, |n, b| (n << 8) | u32::from(*b));
    let absent = counter == u32::MAX || (counter == 0 && seed.iter().all(|b| *b == 0));
    if !absent {
        return Some(DsaSeed { seed: seed.iter().rev().copied().collect(), counter });
    }
    if raw != NO_SEED {
        notes.bytes(Noted::DssSeed, raw);
    }
    None
}

/// The DSSSEED to write. A seed that is not 20 bytes long has no place here.
fn raw_seed(job: &Job<'_>, seed: Option<&DsaSeed>) -> Vec<u8> {
    match seed {
        Some(seed) if seed.seed.len() == 20 => seed.counter.to_le_bytes().iter().chain(seed.seed.iter().rev()).copied().collect(),
        _ => job.noted_bytes(Noted::DssSeed).filter(|raw| raw.len() == NO_SEED.len()).unwrap_or(&NO_SEED).to_vec(),
    }
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    let (public, x) = match (job.parts, job.row.half) {
        (KeyParts::DsaPrivate(DsaPrivate { public, x }), Half::Private) => (public, Some(x)),
        (KeyParts::DsaPrivate(DsaPrivate { public, .. }) | KeyParts::DsaPublic(public), Half::Public) => (public, None),
        _ => return Err(job.mismatch(&[Family::Dsa], "it is not a DSA key")),
    };
    match job.magic_as_it_came() {
        PUBLIC_V2 | PRIVATE_V2 => write_v2(job, public, x),
        magic => {
            let domain = &public.domain;
            let seed = raw_seed(job, domain.seed.as_ref());
            let x = x.map(|x| (x, bits_of(domain.q.byte_len())));
            capi::write_ver3(job, magic, CALG_DSS_SIGN, [&domain.p, &domain.q, &domain.g], &public.y, x, &seed)
        }
    }
}

fn write_v2(job: &Job<'_>, public: &DsaPublic, x: Option<&Uint>) -> Result<Secret, EncodeError> {
    let domain = &public.domain;
    let bitlen = job.noted(Noted::BitLenP).unwrap_or_else(|| bits_of(domain.p.byte_len()));
    let l = bytes_of(bitlen);
    let mut w = Writer::new(job.row.name, total_v2(job.row.half, l))?;
    capi::write_header(&mut w, job.row.half, VERSION_2, CALG_DSS_SIGN);
    w.bytes(if x.is_some() { &PRIVATE_V2 } else { &PUBLIC_V2 });
    w.u32(bitlen);
    w.le(&domain.p, l, "p is wider than its field")?;
    w.le(&domain.q, Q, "version 2 holds a q of 160 bits")?;
    w.le(&domain.g, l, "g is wider than p")?;
    match x {
        None => w.le(&public.y, l, "y is wider than p")?,
        Some(x) => w.le(x, Q, "x is wider than q")?,
    }
    w.bytes(&raw_seed(job, domain.seed.as_ref()));
    Ok(w.finish())
}

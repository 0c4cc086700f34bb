//! CAPIDHPUBLICBLOB and CAPIDHPRIVATEBLOB: CryptoAPI's Diffie-Hellman keys, little-endian; the magics begin with a NUL.
//!
//! Version 3 (DH3, DH4) is what the names mean and what is written; version 2 is read too. DH2 has no y. DH1 has y alone: p and g must
//! come from beside the blob. q and j are optional; j is kept and not used, the validation seed likewise.

use crate::capi::{self, NO_SEED, VERSION_2, VERSION_3, Ver3, Ver3Numbers, bits_of, bytes_of};
use crate::context::Context;
use crate::decode::Said;
use crate::dh;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::origin::{Noted, Notes};
use crate::reader::{Order, Reader, Show};
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use cngtoken_key::{Claim, DhClaim, DhPrivate, DhPublic, Family, Half, KeyParts, Secret, Uint};

pub(crate) const PUBLIC_V2: Magic = *b"\0DH1";
pub(crate) const PRIVATE_V2: Magic = *b"\0DH2";
pub(crate) const PUBLIC_V3: Magic = *b"\0DH3";
pub(crate) const PRIVATE_V3: Magic = *b"\0DH4";

const CALG_DH_SF: u32 = 0xAA01;
const CALG_DH_EPHEM: u32 = 0xAA02;
const ALG_WORDS: &str = "CALG_DH_SF (43521) or CALG_DH_EPHEM (43522)";

pub(crate) fn decode(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    dh::check_alg(ctx, r.at())?;
    let (half, version) = match magic {
        PUBLIC_V2 => (Half::Public, VERSION_2),
        PRIVATE_V2 => (Half::Private, VERSION_2),
        PUBLIC_V3 => (Half::Public, VERSION_3),
        _ => (Half::Private, VERSION_3),
    };
    let mut notes = Notes::default();
    let alg = capi::header(r, half, version, &[CALG_DH_SF, CALG_DH_EPHEM], ALG_WORDS)?;
    notes.number(Noted::AiKeyAlg, alg, CALG_DH_SF);
    r.magic("magic")?;
    if version == VERSION_3 { v3(r, half, notes) } else { v2(r, half, ctx, notes) }
}

fn v3(r: &mut Reader<'_, '_>, half: Half, mut notes: Notes) -> Result<Said, BlobError> {
    let header = Ver3::read(r, half)?;
    let numbers = Ver3Numbers::read(r, &header)?;
    if header.seed != NO_SEED {
        notes.bytes(Noted::DssSeed, header.seed);
    }
    let canonical_x = numbers.x.as_ref().map_or(0, |x| bits_of(x.byte_len()));
    numbers.note(&header, canonical_x, &mut notes);
    let Ver3Numbers { p, q, g, y, x, .. } = numbers;
    let q = (header.q > 0).then_some(q);
    Ok(Said { notes, ..Said::new(Claim::Dh(DhClaim { p, g, q, y: Some(y), x })) })
}

fn total_v2(half: Half, l: u32) -> u64 {
    let numbers = if half == Half::Public { 1 } else { 3 };
    capi::HEADER + 8 + numbers * u64::from(l)
}

fn v2(r: &mut Reader<'_, '_>, half: Half, ctx: &Context<'_>, mut notes: Notes) -> Result<Said, BlobError> {
    let bitlen = r.u32("bitlen")?;
    let wrong = |expected| BlobError::new(Fault::Field { field: "bitlen", found: u64::from(bitlen), expected }, r.place(12));
    if bitlen == 0 {
        return Err(wrong(Expected::Words("at least 1")));
    }
    let l = bytes_of(bitlen);
    r.expect_total(total_v2(half, l))?;
    let claim = match half {
        Half::Private => {
            let p = r.number("p", l, Order::Little, Show::Public)?;
            let g = r.number("g", l, Order::Little, Show::Public)?;
            let x = Some(r.number("x", l, Order::Little, Show::Secret)?);
            DhClaim { p, g, q: None, y: None, x }
        }
        Half::Public => {
            let at = r.at();
            let Some((p, g)) = ctx.dh_group.clone() else {
                return Err(BlobError::new(Fault::GroupMissing, at));
            };
            if ulong(p.byte_len()) != l {
                return Err(wrong(Expected::Words("as many bytes as the p given beside the blob has")));
            }
            let y = Some(r.number("y", l, Order::Little, Show::Public)?);
            DhClaim { p, g, q: None, y, x: None }
        }
    };
    notes.number(Noted::BitLenP, bitlen, bits_of(claim.p.byte_len()));
    Ok(Said { notes, ..Said::new(Claim::Dh(claim)) })
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    let (public, x) = match (job.parts, job.row.half) {
        (KeyParts::DhPrivate(DhPrivate { public, x }), Half::Private) => (public, Some(x)),
        (KeyParts::DhPrivate(DhPrivate { public, .. }) | KeyParts::DhPublic(public), Half::Public) => (public, None),
        _ => return Err(job.mismatch(&[Family::Dh], "it is not a DH key")),
    };
    let alg = job.noted_in_family(Noted::AiKeyAlg).filter(|alg| *alg == CALG_DH_EPHEM).unwrap_or(CALG_DH_SF);
    match job.magic_as_it_came() {
        PUBLIC_V2 | PRIVATE_V2 => write_v2(job, public, x, alg),
        magic => {
            let domain = &public.domain;
            let seed = job.noted_bytes(Noted::DssSeed).filter(|raw| raw.len() == NO_SEED.len()).unwrap_or(&NO_SEED);
            let absent = Uint::from_u64(0);
            let q = domain.q.as_ref().unwrap_or(&absent);
            let x = x.map(|x| (x, bits_of(x.byte_len())));
            capi::write_ver3(job, magic, alg, [&domain.p, q, &domain.g], &public.y, x, seed)
        }
    }
}

fn write_v2(job: &Job<'_>, public: &DhPublic, x: Option<&Uint>, alg: u32) -> Result<Secret, EncodeError> {
    let bitlen = job.noted(Noted::BitLenP).unwrap_or_else(|| bits_of(public.domain.p.byte_len()));
    let l = bytes_of(bitlen);
    let mut w = Writer::new(job.row.name, total_v2(job.row.half, l))?;
    capi::write_header(&mut w, job.row.half, VERSION_2, alg);
    w.bytes(if x.is_some() { &PRIVATE_V2 } else { &PUBLIC_V2 });
    w.u32(bitlen);
    match x {
        None => w.le(&public.y, l, "y is wider than p")?,
        Some(x) => {
            w.le(&public.domain.p, l, "p is wider than its field")?;
            w.le(&public.domain.g, l, "g is wider than p")?;
            w.le(x, l, "x is wider than p")?;
        }
    }
    Ok(w.finish())
}

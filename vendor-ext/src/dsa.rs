//! DSAPUBLICBLOB and DSAPRIVATEBLOB in both versions; the magic tells which.
//!
//! Version 1 (DSPB, DSPV; p up to 1024 bits) keeps counter, seed and q in its 52-byte header and x in 20 bytes. Version 2 (DPB2, DPV2)
//! has a 28-byte header and then seed, q, p, g, y, x (the layout of Microsoft's current page; the one of 2018 was wrong). The counter
//! is big-endian. No seed is said by all FF; all 00 is seen too. Numbers big-endian.

use crate::alg::{self, Alg};
use crate::context::Context;
use crate::decode::Said;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::origin::{Noted, Notes};
use crate::reader::{Order, Reader, Show};
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use cngtoken_key::{Claim, DsaClaim, DsaPrivate, DsaPublic, DsaSeed, Family, Half, KeyParts, Secret, Uint};

pub(crate) const PUBLIC_V1: Magic = *b"DSPB";
pub(crate) const PRIVATE_V1: Magic = *b"DSPV";
pub(crate) const PUBLIC_V2: Magic = *b"DPB2";
pub(crate) const PRIVATE_V2: Magic = *b"DPV2";

const HEADER_V1: u64 = 52;
const HEADER_V2: u64 = 28;
/// Bytes of q, x and seed in version 1.
const V1: u32 = 20;
/// Largest p of version 1, in bytes.
const V1_MAX_KEY: u32 = 128;

pub(crate) fn check_alg(ctx: &Context<'_>, at: usize) -> Result<(), BlobError> {
    alg::check(ctx, &[Alg::Dsa], "a DSA key", at).map(|_| ())
}

pub(crate) fn decode(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    check_alg(ctx, r.at())?;
    match magic {
        PUBLIC_V1 => v1(r, Half::Public),
        PRIVATE_V1 => v1(r, Half::Private),
        PUBLIC_V2 => v2(r, Half::Public),
        _ => v2(r, Half::Private),
    }
}

fn field(field: &'static str, found: u32, expected: Expected, at: usize) -> BlobError {
    BlobError::new(Fault::Field { field, found: u64::from(found), expected }, at)
}

fn total_v1(half: Half, cb_key: u32) -> u64 {
    let x = if half == Half::Private { V1 } else { 0 };
    HEADER_V1 + 3 * u64::from(cb_key) + u64::from(x)
}

fn v1(r: &mut Reader<'_, '_>, half: Half) -> Result<Said, BlobError> {
    r.magic("dwMagic")?;
    let cb_key = r.u32("cbKey")?;
    if !(1..=V1_MAX_KEY).contains(&cb_key) {
        return Err(field("cbKey", cb_key, Expected::Between(1, u64::from(V1_MAX_KEY)), r.place(4)));
    }
    let count = r.bytes("Count", 4, Show::Public)?;
    let seed = r.bytes("Seed", V1, Show::Public)?;
    let q = r.number("q", V1, Order::Big, Show::Public)?;
    r.expect_total(total_v1(half, cb_key))?;
    let mut notes = Notes::default();
    let seed = seed_or_none(&mut notes, count, seed, V1);
    numbers(r, half, cb_key, V1, q, seed, notes)
}

struct V2Header {
    cb_key: u32,
    hash: u32,
    standard: u32,
    seed: u32,
    group: u32,
}

impl V2Header {
    fn total(&self, half: Half) -> u64 {
        let [key, seed, group] = [self.cb_key, self.seed, self.group].map(u64::from);
        let x = if half == Half::Private { group } else { 0 };
        HEADER_V2 + seed + group + 3 * key + x
    }
}

/// hashAlgorithm that goes with a q of that many bytes: its output must be as long.
fn hash_for(group: u32) -> Option<u32> {
    match group {
        20 => Some(0),
        32 => Some(1),
        64 => Some(2),
        _ => None,
    }
}

fn v2(r: &mut Reader<'_, '_>, half: Half) -> Result<Said, BlobError> {
    r.magic("dwMagic")?;
    let header = V2Header {
        cb_key: r.u32("cbKey")?,
        hash: r.u32("hashAlgorithm")?,
        standard: r.u32("standardVersion")?,
        seed: r.u32("cbSeedLength")?,
        group: r.u32("cbGroupSize")?,
    };
    let count = r.bytes("Count", 4, Show::Public)?;
    if header.cb_key == 0 {
        return Err(field("cbKey", 0, Expected::Words("at least 1"), r.place(4)));
    }
    if header.hash > 2 {
        return Err(field("hashAlgorithm", header.hash, Expected::Words("0 (SHA-1), 1 (SHA-256) or 2 (SHA-512)"), r.place(8)));
    }
    if header.standard > 1 {
        return Err(field("standardVersion", header.standard, Expected::Words("0 (FIPS 186-2) or 1 (FIPS 186-3)"), r.place(12)));
    }
    if header.seed > 64 {
        return Err(field("cbSeedLength", header.seed, Expected::Between(0, 64), r.place(16)));
    }
    if !(20..=64).contains(&header.group) {
        return Err(field("cbGroupSize", header.group, Expected::Between(20, 64), r.place(20)));
    }
    r.expect_total(header.total(half))?;

    let mut notes = Notes::default();
    let seed = r.bytes("Seed", header.seed, Show::Public)?;
    let seed = seed_or_none(&mut notes, count, seed, header.group);
    let q = r.number("q", header.group, Order::Big, Show::Public)?;
    let canonical_group = ulong(q.byte_len());
    notes.number(Noted::CbGroupSize, header.group, canonical_group);
    // A q that no hash is as long as says nothing about the hash, so what the blob said is always kept.
    notes.number(Noted::HashAlgorithm, header.hash, hash_for(header.group).unwrap_or(u32::MAX));
    notes.number(Noted::StandardVersion, header.standard, 1);
    numbers(r, half, header.cb_key, header.group, q, seed, notes)
}

/// The seed, or none where the blob says so; what it says in another way than all FF is noted.
fn seed_or_none(notes: &mut Notes, count: &[u8], seed: &[u8], canonical_len: u32) -> Option<DsaSeed> {
    let counter = count.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b));
    // 4 · bits(p) counters are tried at most, so all ones is never a counter.
    let absent = counter == u32::MAX || seed.is_empty() || (counter == 0 && seed.iter().all(|b| *b == 0));
    if !absent {
        return Some(DsaSeed { seed: seed.to_vec(), counter });
    }
    let raw = [count, seed].concat();
    if raw.iter().any(|b| *b != 0xFF) || ulong(seed.len()) != canonical_len {
        notes.bytes(Noted::DssSeed, &raw);
    }
    None
}

fn numbers(r: &mut Reader<'_, '_>, half: Half, cb_key: u32, cb_x: u32, q: Uint, seed: Option<DsaSeed>, mut notes: Notes) -> Result<Said, BlobError> {
    let p = r.number("p", cb_key, Order::Big, Show::Public)?;
    let g = r.number("g", cb_key, Order::Big, Show::Public)?;
    let y = Some(r.number("y", cb_key, Order::Big, Show::Public)?);
    let x = match half {
        Half::Public => None,
        Half::Private => Some(r.number("x", cb_x, Order::Big, Show::Secret)?),
    };
    notes.number(Noted::CbKey, cb_key, ulong(p.byte_len()));
    Ok(Said { notes, ..Said::new(Claim::Dsa(DsaClaim { p, q, g, seed, y, x })) })
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    match (job.parts, job.row.half) {
        (KeyParts::DsaPrivate(DsaPrivate { public, x }), Half::Private) => write(job, public, Some(x)),
        (KeyParts::DsaPrivate(DsaPrivate { public, .. }) | KeyParts::DsaPublic(public), Half::Public) => write(job, public, None),
        _ => Err(job.mismatch(&[Family::Dsa], "it is not a DSA key")),
    }
}

fn write(job: &Job<'_>, public: &DsaPublic, x: Option<&Uint>) -> Result<Secret, EncodeError> {
    let domain = &public.domain;
    let fits_v1 = ulong(domain.p.byte_len()) <= V1_MAX_KEY && ulong(domain.q.byte_len()) <= V1;
    let came_as_v2 = matches!(job.origin.map(|o| o.magic()), Some(PUBLIC_V2 | PRIVATE_V2));
    let version_2 = came_as_v2 || !fits_v1;
    let cb_key = job.noted(Noted::CbKey).unwrap_or_else(|| ulong(domain.p.byte_len()));
    if version_2 { write_v2(job, public, x, cb_key) } else { write_v1(job, public, x, cb_key) }
}

fn write_v1(job: &Job<'_>, public: &DsaPublic, x: Option<&Uint>, cb_key: u32) -> Result<Secret, EncodeError> {
    let domain = &public.domain;
    let mut w = Writer::new(job.row.name, total_v1(job.row.half, cb_key))?;
    w.bytes(if x.is_some() { &PRIVATE_V1 } else { &PUBLIC_V1 });
    w.u32(cb_key);
    match &domain.seed {
        // A seed of another length has no place here; leaving it out loses only the proof of how p and q were made.
        Some(seed) if seed.seed.len() == 20 => {
            w.bytes(&seed.counter.to_be_bytes());
            w.bytes(&seed.seed);
        }
        _ => w.bytes(job.noted_bytes(Noted::DssSeed).filter(|raw| raw.len() == 24).unwrap_or(&[0xFF; 24])),
    }
    w.be(&domain.q, V1, "q is wider than 160 bits")?;
    write_numbers(w, public, x, cb_key, V1)
}

fn write_v2(job: &Job<'_>, public: &DsaPublic, x: Option<&Uint>, cb_key: u32) -> Result<Secret, EncodeError> {
    let domain = &public.domain;
    let group = job.noted(Noted::CbGroupSize).unwrap_or_else(|| ulong(domain.q.byte_len()));
    let Some(hash) = job.noted_in_family(Noted::HashAlgorithm).or_else(|| hash_for(group)) else {
        return Err(job.does_not_fit("version 2 has no hash as long as this q (160, 256 and 512 bits have one)"));
    };
    let standard = job.noted_in_family(Noted::StandardVersion).unwrap_or(1);
    let absent = [0xFF; 68];
    let unused = absent.get(..4 + usize::try_from(group).unwrap_or(usize::MAX)).unwrap_or(&absent);
    let own;
    let raw: &[u8] = match &domain.seed {
        Some(seed) => {
            own = [seed.counter.to_be_bytes().as_slice(), &seed.seed].concat();
            &own
        }
        None => job.noted_bytes(Noted::DssSeed).unwrap_or(unused),
    };
    let (count, seed) = raw.split_at_checked(4).unwrap_or((&[0xFF; 4], &[]));
    let header = V2Header { cb_key, hash, standard, seed: ulong(seed.len()), group };
    let mut w = Writer::new(job.row.name, header.total(job.row.half))?;
    w.bytes(if x.is_some() { &PRIVATE_V2 } else { &PUBLIC_V2 });
    for number in [header.cb_key, header.hash, header.standard, header.seed, header.group] {
        w.u32(number);
    }
    w.bytes(count);
    w.bytes(seed);
    w.be(&domain.q, group, "q is wider than its field")?;
    write_numbers(w, public, x, cb_key, group)
}

fn write_numbers(mut w: Writer, public: &DsaPublic, x: Option<&Uint>, cb_key: u32, cb_x: u32) -> Result<Secret, EncodeError> {
    w.be(&public.domain.p, cb_key, "p is wider than its field")?;
    w.be(&public.domain.g, cb_key, "g is wider than p")?;
    w.be(&public.y, cb_key, "y is wider than p")?;
    if let Some(x) = x {
        w.be(x, cb_x, "x is wider than q")?;
    }
    Ok(w.finish())
}

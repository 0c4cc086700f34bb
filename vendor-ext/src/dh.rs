//! DHPUBLICBLOB and DHPRIVATEBLOB: {magic, cbKey}, then p, g, y and, private, x, each cbKey bytes, big-endian.
//!
//! x and g are padded to cbKey however short they are. Windows refuses trailing bytes here, and so do we.

use crate::alg::{self, Alg};
use crate::context::Context;
use crate::decode::Said;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::origin::{Noted, Notes};
use crate::reader::{Order, Reader, Show};
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use cngtoken_key::{Claim, DhClaim, DhPrivate, DhPublic, Family, Half, KeyParts, Secret, Uint};

pub(crate) const PUBLIC: Magic = *b"DHPB";
pub(crate) const PRIVATE: Magic = *b"DHPV";

fn total(half: Half, cb_key: u32) -> u64 {
    let fields = if half == Half::Public { 3 } else { 4 };
    8 + fields * u64::from(cb_key)
}

pub(crate) fn check_alg(ctx: &Context<'_>, at: usize) -> Result<(), BlobError> {
    alg::check(ctx, &[Alg::Dh], "a DH key", at).map(|_| ())
}

pub(crate) fn decode(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    check_alg(ctx, r.at())?;
    let half = if magic == PUBLIC { Half::Public } else { Half::Private };
    r.magic("dwMagic")?;
    let cb_key = r.u32("cbKey")?;
    if cb_key == 0 {
        return Err(BlobError::new(Fault::Field { field: "cbKey", found: 0, expected: Expected::Words("at least 1") }, r.place(4)));
    }
    r.expect_total(total(half, cb_key))?;
    let p = r.number("Modulus", cb_key, Order::Big, Show::Public)?;
    let g = r.number("Generator", cb_key, Order::Big, Show::Public)?;
    let y = Some(r.number("Public", cb_key, Order::Big, Show::Public)?);
    let x = match half {
        Half::Public => None,
        Half::Private => Some(r.number("PrivateExponent", cb_key, Order::Big, Show::Secret)?),
    };
    let mut notes = Notes::default();
    notes.number(Noted::CbKey, cb_key, ulong(p.byte_len()));
    Ok(Said { notes, ..Said::new(Claim::Dh(DhClaim { p, g, q: None, y, x })) })
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    match (job.parts, job.row.half) {
        (KeyParts::DhPrivate(DhPrivate { public, x }), Half::Private) => write(job, PRIVATE, public, Some(x)),
        (KeyParts::DhPrivate(DhPrivate { public, .. }) | KeyParts::DhPublic(public), Half::Public) => write(job, PUBLIC, public, None),
        _ => Err(job.mismatch(&[Family::Dh], "it is not a DH key")),
    }
}

fn write(job: &Job<'_>, magic: Magic, public: &DhPublic, x: Option<&Uint>) -> Result<Secret, EncodeError> {
    let cb_key = job.noted(Noted::CbKey).unwrap_or_else(|| ulong(public.domain.p.byte_len()));
    let mut w = Writer::new(job.row.name, total(job.row.half, cb_key))?;
    w.bytes(&magic);
    w.u32(cb_key);
    w.be(&public.domain.p, cb_key, "p is wider than its field")?;
    w.be(&public.domain.g, cb_key, "g is wider than p")?;
    w.be(&public.y, cb_key, "y is wider than p")?;
    if let Some(x) = x {
        w.be(x, cb_key, "x is wider than p")?;
    }
    Ok(w.finish())
}

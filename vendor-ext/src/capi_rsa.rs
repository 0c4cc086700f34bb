//! CAPIPUBLICBLOB and CAPIPRIVATEBLOB: BLOBHEADER, RSAPUBKEY {magic, bitlen, pubexp}, then little-endian numbers.
//!
//! With L = bitlen / 8 and H = ⌈L / 2⌉: n[L], and private p[H] q[H] dp[H] dq[H] qinv[H] d[L]. Microsoft's page writes bitlen / 16
//! for H; rounding up is what other writers do. bitlen must be a multiple of 8, the modulus may be up to 7 bits shorter.

use crate::capi::{self, CALG_RSA_KEYX, CALG_RSA_SIGN};
use crate::context::{Context, UseHint};
use crate::decode::Said;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::origin::{Noted, Notes};
use crate::reader::{Order, Reader, Show};
use crate::rsa;
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use cngtoken_key::{Claim, Family, Half, KeyParts, RsaClaim, RsaPrivate, RsaPublic, Secret, Uint};

const PUBLIC: Magic = *b"RSA1";
const PRIVATE: Magic = *b"RSA2";

fn half(magic: Magic) -> Half {
    if magic == PUBLIC { Half::Public } else { Half::Private }
}

fn total(magic: Magic, l: u32, h: u32) -> u64 {
    let [l, h] = [l, h].map(u64::from);
    let public = capi::HEADER + 12 + l;
    if magic == PUBLIC { public } else { public + l + 5 * h }
}

pub(crate) fn decode(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    let mut hint = rsa::hint(ctx, r.at())?;
    let alg = capi::header(r, half(magic), 2, &[CALG_RSA_KEYX, CALG_RSA_SIGN], "CALG_RSA_KEYX (41984) or CALG_RSA_SIGN (9216)")?;
    if alg == CALG_RSA_SIGN {
        r.explain("CALG_RSA_SIGN");
        hint = UseHint::SignOnly;
    } else {
        r.explain("CALG_RSA_KEYX");
    }
    r.magic("magic")?;
    let bitlen = r.u32("bitlen")?;
    let field = |field, found: u32, expected, at| Err(BlobError::new(Fault::Field { field, found: u64::from(found), expected }, at));
    if bitlen == 0 || !bitlen.is_multiple_of(8) {
        return field("bitlen", bitlen, Expected::Words("a multiple of 8"), r.place(12));
    }
    let e = r.u32("pubexp")?;
    if e == 0 {
        return field("pubexp", e, Expected::Words("at least 1"), r.place(16));
    }
    let l = bitlen / 8;
    let h = l.div_ceil(2);
    r.expect_total(total(magic, l, h))?;

    let at_n = r.at();
    let n = r.number("modulus", l, Order::Little, Show::Public)?;
    if n.is_zero() {
        return Err(BlobError::new(Fault::Number { name: "modulus", why: "is 0, expected a number of as many bits as bitlen says" }, at_n));
    }
    let bits = n.bit_len() as u64;
    if bits + 7 < u64::from(bitlen) {
        return field("bitlen", bitlen, Expected::Between(bits, bits + 7), r.place(12));
    }
    let mut claim = RsaClaim { n: Some(n), e: Some(Uint::from_u64(u64::from(e))), ..RsaClaim::default() };
    if magic == PRIVATE {
        claim.p = Some(r.number("prime1", h, Order::Little, Show::Secret)?);
        claim.q = Some(r.number("prime2", h, Order::Little, Show::Secret)?);
        claim.dp = Some(r.number("exponent1", h, Order::Little, Show::Secret)?);
        claim.dq = Some(r.number("exponent2", h, Order::Little, Show::Secret)?);
        claim.qinv = Some(r.number("coefficient", h, Order::Little, Show::Secret)?);
        claim.d = Some(r.number("privateExponent", l, Order::Little, Show::Secret)?);
    }
    let mut notes = Notes::default();
    notes.number(Noted::AiKeyAlg, alg, CALG_RSA_KEYX);
    Ok(Said { notes, hint, ..Said::new(Claim::Rsa(claim)) })
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    match (job.parts, job.row.half) {
        (KeyParts::RsaPrivate(key), Half::Private) => write(job, PRIVATE, &key.public, Some(key)),
        (KeyParts::RsaPrivate(RsaPrivate { public, .. }) | KeyParts::RsaPublic(public), Half::Public) => write(job, PUBLIC, public, None),
        _ => Err(job.mismatch(&[Family::Rsa], "it is not an RSA key")),
    }
}

fn write(job: &Job<'_>, magic: Magic, public: &RsaPublic, private: Option<&RsaPrivate>) -> Result<Secret, EncodeError> {
    let Some(e) = public.e.to_u64().and_then(|e| u32::try_from(e).ok()) else {
        return Err(job.does_not_fit("e is wider than 32 bits"));
    };
    let l = ulong(public.n.byte_len());
    let h = l.div_ceil(2);
    let Some(bitlen) = l.checked_mul(8) else {
        return Err(job.does_not_fit("n is too wide"));
    };
    let mut w = Writer::new(job.row.name, total(magic, l, h))?;
    // The two halves of a pair share what aiKeyAlg says, so the note of either serves both.
    let alg = job.noted_in_family(Noted::AiKeyAlg).filter(|alg| *alg == CALG_RSA_SIGN).unwrap_or(CALG_RSA_KEYX);
    capi::write_header(&mut w, half(magic), 2, alg);
    w.bytes(&magic);
    w.u32(bitlen);
    w.u32(e);
    w.le(&public.n, l, "n is wider than its field")?;
    if let Some(key) = private {
        w.le(&key.p, h, "p is wider than half of n")?;
        w.le(&key.q, h, "q is wider than half of n")?;
        w.le(&key.dp, h, "dp is wider than half of n")?;
        w.le(&key.dq, h, "dq is wider than half of n")?;
        w.le(&key.qinv, h, "qinv is wider than half of n")?;
        w.le(&key.d, l, "d is wider than n")?;
    }
    Ok(w.finish())
}

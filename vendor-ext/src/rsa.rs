//! RSAPUBLICBLOB, RSAPRIVATEBLOB, RSAFULLPRIVATEBLOB. Input is untrusted; output is numbers, not yet a key.
//!
//! BCRYPT_RSAKEY_BLOB: magic and five lengths, then big-endian numbers back to back. Widths are the header's; a zero-padded e,
//! a modulus with a leading zero and primes of unequal width are all legal and remembered. Called through the table.

use crate::alg::{self, Alg};
use crate::context::{Context, UseHint};
use crate::decode::Said;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::origin::{Noted, Notes};
use crate::reader::{Order, Reader, Show};
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use cngtoken_key::{Claim, Family, KeyParts, RsaClaim, RsaPrivate, RsaPublic, Secret, Uint};

pub(crate) const PUBLIC: Magic = *b"RSA1";
pub(crate) const PRIVATE: Magic = *b"RSA2";
pub(crate) const FULL: Magic = *b"RSA3";

const HEADER: u64 = 24;

struct Header {
    bit_length: u32,
    e: u32,
    n: u32,
    p: u32,
    q: u32,
}

impl Header {
    fn total(&self, magic: Magic) -> u64 {
        let [e, n, p, q] = [self.e, self.n, self.p, self.q].map(u64::from);
        let public = HEADER + e + n;
        match magic {
            PRIVATE => public + p + q,
            FULL => public + n + 3 * p + 2 * q,
            _ => public,
        }
    }

    /// The header that a canonical writer gives this key.
    fn canonical(magic: Magic, n: &Uint, e: &Uint, primes: Option<(&Uint, &Uint)>) -> Self {
        let bytes = n.byte_len();
        let prime = |p: &Uint| ulong(p.byte_len().max(bytes.div_ceil(2)));
        let (p, q) = match primes {
            Some((p, q)) if magic != PUBLIC => (prime(p), prime(q)),
            _ => (0, 0),
        };
        Self { bit_length: ulong(n.bit_len()), e: ulong(e.byte_len()), n: ulong(bytes), p, q }
    }
}

/// The hint of an RSA key under this context, after its algorithm was found to agree.
pub(crate) fn hint(ctx: &Context<'_>, at: usize) -> Result<UseHint, BlobError> {
    let given = alg::check(ctx, &[Alg::Rsa, Alg::RsaSign], "an RSA key", at)?;
    Ok(if given == Some(Alg::RsaSign) { UseHint::SignOnly } else { UseHint::Family })
}

pub(crate) fn decode(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    let hint = hint(ctx, r.at())?;
    r.magic("Magic")?;
    let header =
        Header { bit_length: r.u32("BitLength")?, e: r.u32("cbPublicExp")?, n: r.u32("cbModulus")?, p: r.u32("cbPrime1")?, q: r.u32("cbPrime2")? };
    r.expect_total(header.total(magic))?;
    let lengths = [("cbPublicExp", header.e, 8), ("cbModulus", header.n, 12), ("cbPrime1", header.p, 16), ("cbPrime2", header.q, 20)];
    // A public blob's prime lengths mean nothing ("only used for private key BLOBs").
    let used = if magic == PUBLIC { 2 } else { 4 };
    for (field, found, offset) in lengths.into_iter().take(used) {
        if found == 0 {
            let fault = Fault::Field { field, found: 0, expected: Expected::Words("at least 1") };
            return Err(BlobError::new(fault, r.place(offset)));
        }
    }

    let at_e = r.at();
    let e = r.number("PublicExp", header.e, Order::Big, Show::Public)?;
    if e.to_u64().is_none() {
        return Err(BlobError::new(Fault::Number { name: "PublicExp", why: "is wider than 64 bits" }, at_e));
    }
    let at_n = r.at();
    let n = r.number("Modulus", header.n, Order::Big, Show::Public)?;
    if n.is_zero() {
        return Err(BlobError::new(Fault::Number { name: "Modulus", why: "is 0, expected a number of as many bits as BitLength says" }, at_n));
    }
    let bits = n.bit_len() as u64;
    let capacity = 8 * u64::from(header.n);
    if !(bits..=capacity).contains(&u64::from(header.bit_length)) {
        let fault = Fault::Field { field: "BitLength", found: u64::from(header.bit_length), expected: Expected::Between(bits, capacity) };
        return Err(BlobError::new(fault, r.place(4)));
    }

    let mut claim = RsaClaim::default();
    if magic != PUBLIC {
        claim.p = Some(r.number("Prime1", header.p, Order::Big, Show::Secret)?);
        claim.q = Some(r.number("Prime2", header.q, Order::Big, Show::Secret)?);
    }
    if magic == FULL {
        claim.dp = Some(r.number("Exponent1", header.p, Order::Big, Show::Secret)?);
        claim.dq = Some(r.number("Exponent2", header.q, Order::Big, Show::Secret)?);
        claim.qinv = Some(r.number("Coefficient", header.p, Order::Big, Show::Secret)?);
        claim.d = Some(r.number("PrivateExponent", header.n, Order::Big, Show::Secret)?);
    }

    let canonical = Header::canonical(magic, &n, &e, claim.p.as_ref().zip(claim.q.as_ref()));
    let mut notes = Notes::default();
    notes.number(Noted::BitLength, header.bit_length, canonical.bit_length);
    notes.number(Noted::CbPublicExp, header.e, canonical.e);
    notes.number(Noted::CbModulus, header.n, canonical.n);
    notes.number(Noted::CbPrime1, header.p, canonical.p);
    notes.number(Noted::CbPrime2, header.q, canonical.q);
    claim.n = Some(n);
    claim.e = Some(e);
    Ok(Said { notes, hint, ..Said::new(Claim::Rsa(claim)) })
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    match (job.parts, job.row.name) {
        (KeyParts::RsaPrivate(key), "RSAPRIVATEBLOB") => write(job, PRIVATE, &key.public, Some(key)),
        (KeyParts::RsaPrivate(key), "RSAFULLPRIVATEBLOB") => write(job, FULL, &key.public, Some(key)),
        (KeyParts::RsaPrivate(RsaPrivate { public, .. }) | KeyParts::RsaPublic(public), "RSAPUBLICBLOB") => write(job, PUBLIC, public, None),
        _ => Err(job.mismatch(&[Family::Rsa], "it is not an RSA key")),
    }
}

fn write(job: &Job<'_>, magic: Magic, public: &RsaPublic, private: Option<&RsaPrivate>) -> Result<Secret, EncodeError> {
    let canonical = Header::canonical(magic, &public.n, &public.e, private.map(|k| (&k.p, &k.q)));
    let header = Header {
        bit_length: job.noted(Noted::BitLength).unwrap_or(canonical.bit_length),
        e: job.noted(Noted::CbPublicExp).unwrap_or(canonical.e),
        n: job.noted(Noted::CbModulus).unwrap_or(canonical.n),
        p: job.noted(Noted::CbPrime1).unwrap_or(canonical.p),
        q: job.noted(Noted::CbPrime2).unwrap_or(canonical.q),
    };
    let mut w = Writer::new(job.row.name, header.total(magic))?;
    w.bytes(&magic);
    for field in [header.bit_length, header.e, header.n, header.p, header.q] {
        w.u32(field);
    }
    w.be(&public.e, header.e, "e is wider than its field")?;
    w.be(&public.n, header.n, "n is wider than its field")?;
    if let Some(key) = private {
        w.be(&key.p, header.p, "p is wider than its field")?;
        w.be(&key.q, header.q, "q is wider than its field")?;
        if magic == FULL {
            w.be(&key.dp, header.p, "dp is wider than p")?;
            w.be(&key.dq, header.q, "dq is wider than q")?;
            w.be(&key.qinv, header.p, "qinv is wider than p")?;
            w.be(&key.d, header.n, "d is wider than n")?;
        }
    }
    Ok(w.finish())
}

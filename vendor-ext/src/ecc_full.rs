//! ECCFULLPUBLICBLOB and ECCFULLPRIVATEBLOB: the curve spelled out, then the point and, private, d.
//!
//! BCRYPT_ECCFULLKEY_BLOB is eight ULONGs; then P A B Gx Gy (field wide), n (order wide), h, seed, Qx Qy, d (order wide), big-endian.
//! Only parameters that are exactly those of a curve the token knows are taken; anything else is refused, not computed with.

use crate::context::{Context, CurveName};
use crate::curves;
use crate::decode::Said;
use crate::ecc;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault, Text};
use crate::origin::{Noted, Notes};
use crate::reader::{Order, Reader, Show};
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use alloc::vec::Vec;
use cngtoken_key::{Claim, Curve, EcClaim, EcPrivate, EcPublic, Family, Half, KeyParts, Secret, Uint};

const HEADER: u64 = 32;
/// Longer than any field or seed of a curve that the token knows.
const MAX_FIELD: u32 = 66;

struct Widths {
    field: u32,
    order: u32,
    cofactor: u32,
    seed: u32,
}

impl Widths {
    fn total(&self, half: Half) -> u64 {
        let [field, order, cofactor, seed] = [self.field, self.order, self.cofactor, self.seed].map(u64::from);
        let d = if half == Half::Private { order } else { 0 };
        HEADER + 7 * field + order + cofactor + seed + d
    }
}

pub(crate) fn decode(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    let at = r.at();
    let Some(kind) = ecc::find(magic) else {
        return Err(BlobError::new(Fault::UnknownMagic { found: magic, like: None }, at));
    };
    let (from_alg, hint) = ecc::purpose(ctx, kind, at)?;
    r.magic("dwMagic")?;
    must_be(r, "dwVersion", 1)?;
    let at_type = r.at();
    let curve_type = r.u32("dwCurveType")?;
    if curve_type != 1 {
        let name = match curve_type {
            2 => "spelled out as a twisted Edwards curve",
            3 => "spelled out as a Montgomery curve",
            _ => "of an unknown type",
        };
        return Err(BlobError::new(Fault::CurveUnknown { name: Text::new(name) }, at_type));
    }
    must_be(r, "dwCurveGenerationAlgId", 0)?;
    let widths = Widths {
        field: bounded(r, "cbFieldLength", 1)?,
        order: bounded(r, "cbSubgroupOrder", 1)?,
        cofactor: must_be(r, "cbCofactor", 1)?,
        seed: bounded(r, "cbSeed", 0)?,
    };
    r.expect_total(widths.total(kind.half))?;

    let at_curve = r.at();
    let mut given = Vec::new();
    for name in ["P", "A", "B", "Gx", "Gy"] {
        given.push(r.number(name, widths.field, Order::Big, Show::Public)?);
    }
    given.push(r.number("n", widths.order, Order::Big, Show::Public)?);
    let cofactor = r.number("h", widths.cofactor, Order::Big, Show::Public)?;
    let known = curves::find(&given).filter(|curve| {
        let width = ulong(curve.field_bytes());
        cofactor == Uint::from_u64(1) && (widths.field, widths.order) == (width, width)
    });
    let Some(curve) = known else {
        return Err(BlobError::new(Fault::CurveUnknown { name: Text::new("that the blob spells out") }, at_curve));
    };
    let beside = from_alg.map(CurveName::Weierstrass).or(ctx.curve);
    if let Some(other) = beside.filter(|other| *other != CurveName::Weierstrass(curve)) {
        return Err(BlobError::new(Fault::CurveDisagrees { given: other.cng_name(), found: curve.cng_name() }, at_curve));
    }
    let seed = r.bytes("Seed", widths.seed, Show::Public)?;

    let at_point = r.at();
    let x = r.number("Qx", widths.field, Order::Big, Show::Public)?;
    let y = r.number("Qy", widths.field, Order::Big, Show::Public)?;
    let point = ecc::point_or_compute(x, y, kind.half, at_point)?;
    let d = match kind.half {
        Half::Public => None,
        Half::Private => Some(r.secret("d", widths.order)?),
    };
    let mut notes = Notes::default();
    if !seed.is_empty() {
        notes.bytes(Noted::CurveSeed, seed);
    }
    Ok(Said { notes, hint, ..Said::new(Claim::Ec(EcClaim { curve, point, d })) })
}

fn must_be(r: &mut Reader<'_, '_>, field: &'static str, expected: u32) -> Result<u32, BlobError> {
    let at = r.at();
    let found = r.u32(field)?;
    if found == expected {
        return Ok(found);
    }
    Err(BlobError::new(Fault::Field { field, found: u64::from(found), expected: Expected::Exactly(u64::from(expected)) }, at))
}

fn bounded(r: &mut Reader<'_, '_>, field: &'static str, low: u32) -> Result<u32, BlobError> {
    let at = r.at();
    let found = r.u32(field)?;
    if (low..=MAX_FIELD).contains(&found) {
        return Ok(found);
    }
    let expected = Expected::Between(u64::from(low), u64::from(MAX_FIELD));
    Err(BlobError::new(Fault::Field { field, found: u64::from(found), expected }, at))
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    match (job.parts, job.row.half) {
        (KeyParts::EcPrivate(EcPrivate { public, d }), Half::Private) => write(job, public, Some(d)),
        (KeyParts::EcPrivate(EcPrivate { public, .. }) | KeyParts::EcPublic(public), Half::Public) => write(job, public, None),
        _ => Err(job.mismatch(&[Family::Ec], "it is not a key on a short Weierstrass curve")),
    }
}

fn write(job: &Job<'_>, public: &EcPublic, d: Option<&Secret>) -> Result<Secret, EncodeError> {
    let curve: Curve = public.curve;
    let magic = ecc::magic_for(job, Some(curve), job.row.half, true)?;
    let seed = job.noted_bytes(Noted::CurveSeed).unwrap_or_default();
    let width = ulong(curve.field_bytes());
    let widths = Widths { field: width, order: width, cofactor: 1, seed: ulong(seed.len()) };
    let mut w = Writer::new(job.row.name, widths.total(job.row.half))?;
    w.bytes(&magic);
    for field in [1, 1, 0, widths.field, widths.order, widths.cofactor, widths.seed] {
        w.u32(field);
    }
    for number in curves::parameters(curve) {
        w.be(&number, width, "a curve parameter is wider than the field")?;
    }
    w.bytes(&[1]);
    w.bytes(seed);
    for field in [public.x.as_slice(), public.y.as_slice()].into_iter().chain(d.map(Secret::expose)) {
        if field.len() != curve.field_bytes() {
            return Err(job.does_not_fit("a field is not as wide as the curve"));
        }
        w.bytes(field);
    }
    Ok(w.finish())
}

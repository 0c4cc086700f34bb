//! ECCPUBLICBLOB and ECCPRIVATEBLOB: {magic, cbKey}, then X, Y and, private, d, each cbKey bytes, big-endian.
//!
//! A magic names ECDSA or ECDH and one of P-256, P-384, P-521, or is generic and then the curve comes from beside the blob. X = Y = 0
//! in a private blob means "compute the point". curve25519 is the exception: RFC 7748's little-endian bytes, Y zero, d clamped.

use crate::alg::{self, Alg};
use crate::context::{Context, CurveName, UseHint};
use crate::decode::Said;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::reader::{Order, Reader, Show};
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use cngtoken_key::{
    Claim, Curve, EcClaim, EcPrivate, EcPublic, Family, Half, KeyParts, MontgomeryClaim, MontgomeryCurve, MontgomeryPrivate, MontgomeryPublic, Secret,
};

/// Which algorithm a magic names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    Ecdsa,
    Ecdh,
}

pub(crate) struct EcMagic {
    pub(crate) magic: Magic,
    pub(crate) purpose: Purpose,
    /// `None`: generic.
    pub(crate) curve: Option<Curve>,
    pub(crate) half: Half,
}

const fn magic(magic: &[u8; 4], purpose: Purpose, curve: Option<Curve>, half: Half) -> EcMagic {
    EcMagic { magic: *magic, purpose, curve, half }
}

/// All sixteen; note D, not S, in the generic ECDSA ones.
static MAGICS: [EcMagic; 16] = [
    magic(b"ECS1", Purpose::Ecdsa, Some(Curve::P256), Half::Public),
    magic(b"ECS2", Purpose::Ecdsa, Some(Curve::P256), Half::Private),
    magic(b"ECS3", Purpose::Ecdsa, Some(Curve::P384), Half::Public),
    magic(b"ECS4", Purpose::Ecdsa, Some(Curve::P384), Half::Private),
    magic(b"ECS5", Purpose::Ecdsa, Some(Curve::P521), Half::Public),
    magic(b"ECS6", Purpose::Ecdsa, Some(Curve::P521), Half::Private),
    magic(b"ECK1", Purpose::Ecdh, Some(Curve::P256), Half::Public),
    magic(b"ECK2", Purpose::Ecdh, Some(Curve::P256), Half::Private),
    magic(b"ECK3", Purpose::Ecdh, Some(Curve::P384), Half::Public),
    magic(b"ECK4", Purpose::Ecdh, Some(Curve::P384), Half::Private),
    magic(b"ECK5", Purpose::Ecdh, Some(Curve::P521), Half::Public),
    magic(b"ECK6", Purpose::Ecdh, Some(Curve::P521), Half::Private),
    magic(b"ECDP", Purpose::Ecdsa, None, Half::Public),
    magic(b"ECDV", Purpose::Ecdsa, None, Half::Private),
    magic(b"ECKP", Purpose::Ecdh, None, Half::Public),
    magic(b"ECKV", Purpose::Ecdh, None, Half::Private),
];

pub(crate) fn find(magic: Magic) -> Option<&'static EcMagic> {
    MAGICS.iter().find(|m| m.magic == magic)
}

/// The purpose that the algorithm identifier and the magic agree on, the curve that the identifier names, and the hint.
pub(crate) fn purpose(ctx: &Context<'_>, kind: &EcMagic, at: usize) -> Result<(Option<Curve>, UseHint), BlobError> {
    let (holds, hint) = match kind.purpose {
        Purpose::Ecdsa => ("an ECDSA key", UseHint::SignOnly),
        Purpose::Ecdh => ("an ECDH key", UseHint::DeriveAndSign),
    };
    let curve = match (alg::given(ctx, at)?, kind.purpose) {
        (None, _) => None,
        (Some(Alg::Ecdsa(curve)), Purpose::Ecdsa) | (Some(Alg::Ecdh(curve)), Purpose::Ecdh) => curve,
        _ => return Err(alg::disagrees(ctx, holds, at)),
    };
    Ok((curve, hint))
}

/// The one curve that everybody who names one names.
fn agreed_curve(ctx: &Context<'_>, kind: &EcMagic, from_alg: Option<Curve>, at: usize) -> Result<CurveName, BlobError> {
    let sources = [kind.curve.map(CurveName::Weierstrass), from_alg.map(CurveName::Weierstrass), ctx.curve];
    let mut agreed: Option<CurveName> = None;
    for curve in sources.into_iter().flatten() {
        match agreed {
            Some(first) if first != curve => {
                return Err(BlobError::new(Fault::CurveDisagrees { given: curve.cng_name(), found: first.cng_name() }, at));
            }
            _ => agreed = Some(curve),
        }
    }
    agreed.ok_or_else(|| BlobError::new(Fault::CurveMissing { magic: kind.magic }, at))
}

fn total(half: Half, cb_key: u32) -> u64 {
    let fields = if half == Half::Public { 2 } else { 3 };
    8 + fields * u64::from(cb_key)
}

pub(crate) fn decode(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    let at = r.at();
    let Some(kind) = find(magic) else {
        return Err(BlobError::new(Fault::UnknownMagic { found: magic, like: None }, at));
    };
    let (from_alg, hint) = purpose(ctx, kind, at)?;
    r.magic("dwMagic")?;
    let cb_key = r.u32("cbKey")?;
    let curve = agreed_curve(ctx, kind, from_alg, at);
    // With a curve at hand its width is the better reason; without one the size still counts first.
    let width = match &curve {
        Ok(CurveName::Weierstrass(curve)) => ulong(curve.field_bytes()),
        Ok(CurveName::X25519) => ulong(MontgomeryCurve::X25519.bytes()),
        Err(_) => cb_key.max(1),
    };
    if cb_key != width {
        let fault = Fault::Field { field: "cbKey", found: u64::from(cb_key), expected: Expected::Exactly(u64::from(width)) };
        return Err(BlobError::new(fault, r.place(4)));
    }
    r.expect_total(total(kind.half, cb_key))?;
    match curve? {
        CurveName::Weierstrass(curve) => weierstrass(r, kind, curve, cb_key, hint),
        CurveName::X25519 if kind.purpose == Purpose::Ecdsa => {
            Err(BlobError::new(Fault::CurveDisagrees { given: CurveName::X25519.cng_name(), found: "a curve for ECDSA" }, at))
        }
        CurveName::X25519 => x25519(r, kind, cb_key),
    }
}

fn weierstrass(r: &mut Reader<'_, '_>, kind: &EcMagic, curve: Curve, cb_key: u32, hint: UseHint) -> Result<Said, BlobError> {
    let at_point = r.at();
    let x = r.number("X", cb_key, Order::Big, Show::Public)?;
    let y = r.number("Y", cb_key, Order::Big, Show::Public)?;
    let point = point_or_compute(x, y, kind.half, at_point)?;
    let d = match kind.half {
        Half::Public => None,
        Half::Private => Some(r.secret("d", cb_key)?),
    };
    Ok(Said { hint, ..Said::new(Claim::Ec(EcClaim { curve, point, d })) })
}

/// X = Y = 0 stands for "compute it" beside a private value and for nothing at all without one.
pub(crate) fn point_or_compute(
    x: cngtoken_key::Uint,
    y: cngtoken_key::Uint,
    half: Half,
    at: usize,
) -> Result<Option<(cngtoken_key::Uint, cngtoken_key::Uint)>, BlobError> {
    match (x.is_zero() && y.is_zero(), half) {
        (false, _) => Ok(Some((x, y))),
        (true, Half::Private) => Ok(None),
        (true, Half::Public) => Err(BlobError::new(Fault::Number { name: "the point", why: "is 0, 0, which is on no curve" }, at)),
    }
}

fn x25519(r: &mut Reader<'_, '_>, kind: &EcMagic, cb_key: u32) -> Result<Said, BlobError> {
    let at_u = r.at();
    let u = r.bytes("X", cb_key, Show::Public)?;
    let at_y = r.at();
    let y = r.bytes("Y", cb_key, Show::Public)?;
    if y.iter().any(|b| *b != 0) {
        return Err(BlobError::new(Fault::Number { name: "Y", why: "must be zero for curve25519" }, at_y));
    }
    let absent = u.iter().all(|b| *b == 0);
    if absent && kind.half == Half::Public {
        return Err(BlobError::new(Fault::Number { name: "X", why: "is zero" }, at_u));
    }
    let k = match kind.half {
        Half::Public => None,
        Half::Private => {
            let at_d = r.at();
            let k = r.secret("d", cb_key)?;
            if clamp(&k) != k {
                return Err(BlobError::new(Fault::Number { name: "d", why: "is not clamped as RFC 7748 says" }, at_d));
            }
            Some(k)
        }
    };
    let u = (!absent).then(|| u.to_vec());
    Ok(Said::new(Claim::Montgomery(MontgomeryClaim { curve: MontgomeryCurve::X25519, u, k })))
}

/// RFC 7748, section 5: the scalar that is really used. CNG wants it so in the blob.
fn clamp(k: &Secret) -> Secret {
    let mut k = k.clone();
    if let Some(low) = k.expose_mut().first_mut() {
        *low &= 0xF8;
    }
    if let Some(high) = k.expose_mut().last_mut() {
        *high = (*high & 0x7F) | 0x40;
    }
    k
}

/// The magic to write: the family that the key came with, generic where it came so or has no magic of its own.
pub(crate) fn magic_for(job: &Job<'_>, curve: Option<Curve>, half: Half, always_generic: bool) -> Result<Magic, EncodeError> {
    let came_as = job.origin.and_then(|o| find(o.magic()));
    // Without a history: ECDSA, which is what a token's EC keys are mostly for; curve25519 knows ECDH only.
    let purpose = match (came_as, curve) {
        (_, None) => Purpose::Ecdh,
        (Some(kind), _) => kind.purpose,
        (None, _) => Purpose::Ecdsa,
    };
    let came_generic = came_as.is_some_and(|kind| kind.curve.is_none()) && job.origin.is_some_and(|o| !o.type_name().starts_with("ECCFULL"));
    let generic = always_generic || came_generic;
    let own = MAGICS.iter().find(|m| !generic && m.curve.is_some() && m.curve == curve && m.purpose == purpose && m.half == half);
    let kind = own.or_else(|| MAGICS.iter().find(|m| m.curve.is_none() && m.purpose == purpose && m.half == half));
    kind.map(|m| m.magic).ok_or_else(|| job.does_not_fit("no magic for this curve"))
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    match (job.parts, job.row.half) {
        (KeyParts::EcPrivate(EcPrivate { public, d }), Half::Private) => write_weierstrass(job, public, Some(d)),
        (KeyParts::EcPrivate(EcPrivate { public, .. }) | KeyParts::EcPublic(public), Half::Public) => write_weierstrass(job, public, None),
        (KeyParts::MontgomeryPrivate(MontgomeryPrivate { public, k }), Half::Private) => write_x25519(job, public, Some(k)),
        (KeyParts::MontgomeryPrivate(MontgomeryPrivate { public, .. }) | KeyParts::MontgomeryPublic(public), Half::Public) => {
            write_x25519(job, public, None)
        }
        (KeyParts::EdwardsPublic(_) | KeyParts::EdwardsPrivate(_), _) => Err(job.does_not_fit("CNG has no blob for Edwards curves")),
        _ => Err(job.mismatch(&[Family::Ec, Family::Montgomery], "it is not an elliptic-curve key")),
    }
}

fn write_weierstrass(job: &Job<'_>, public: &EcPublic, d: Option<&Secret>) -> Result<Secret, EncodeError> {
    let magic = magic_for(job, Some(public.curve), job.row.half, false)?;
    let width = public.curve.field_bytes();
    write(job, magic, width, &[&public.x, &public.y], d)
}

fn write_x25519(job: &Job<'_>, public: &MontgomeryPublic, k: Option<&Secret>) -> Result<Secret, EncodeError> {
    let magic = magic_for(job, None, job.row.half, true)?;
    let MontgomeryCurve::X25519 = public.curve;
    let clamped = k.map(clamp);
    write(job, magic, public.curve.bytes(), &[&public.u, &[0; 32]], clamped.as_ref())
}

fn write(job: &Job<'_>, magic: Magic, width: usize, point: &[&[u8]; 2], d: Option<&Secret>) -> Result<Secret, EncodeError> {
    let mut w = Writer::new(job.row.name, total(job.row.half, ulong(width)))?;
    w.bytes(&magic);
    w.u32(ulong(width));
    for field in point.iter().copied().chain(d.map(Secret::expose)) {
        if field.len() != width {
            return Err(job.does_not_fit("a field is not as wide as the curve"));
        }
        w.bytes(field);
    }
    Ok(w.finish())
}

//! What the vector tests share: finding the vectors, and filling a claim up to a complete key without mathematics, so that
//! `encode` can be driven. A number that a blob does not carry is filled with a placeholder; the blob's own re-encoding never uses it.
#![allow(dead_code, reason = "each test binary uses its part")]

use cngtoken_blob::{Claim, Context, CurveName, Decoded};
use cngtoken_key::*;
use serde_json::Value;
use std::path::PathBuf;

pub(crate) mod reading;
pub(crate) mod samples;

/// The folder of vectors, or `None` with a line saying so.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not here", path.display());
    None
}

/// A file of vectors.
pub(crate) fn load(name: &str) -> Option<Value> {
    let path = folder(name)?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

pub(crate) fn bytes(value: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(value, field)).unwrap()
}

pub(crate) fn uint(hexadecimal: &str) -> Uint {
    let even = if hexadecimal.len().is_multiple_of(2) { hexadecimal.to_string() } else { format!("0{hexadecimal}") };
    Uint::from_be(&hex::decode(even).unwrap())
}

/// The curve names of the vector files.
pub(crate) fn curve(name: &str) -> Option<CurveName> {
    Some(match name {
        "P256" | "P-256" => CurveName::Weierstrass(Curve::P256),
        "P384" | "P-384" => CurveName::Weierstrass(Curve::P384),
        "P521" | "P-521" => CurveName::Weierstrass(Curve::P521),
        "" => return None,
        other => CurveName::from_cng_name(other).unwrap(),
    })
}

pub(crate) fn context<'a>(type_name: Option<&'a str>, alg_id: Option<&'a str>) -> Context<'a> {
    Context { type_name, alg_id, ..Context::default() }
}

/// The named number of a claim, as hexadecimal without leading zeros; `None` if the claim does not carry it.
pub(crate) fn number(claim: &Claim, name: &str) -> Option<Uint> {
    let secret = |s: &Secret| Uint::from_be(s.expose());
    match (claim, name) {
        (Claim::Rsa(c), "n") => c.n.clone(),
        (Claim::Rsa(c), "e") => c.e.clone(),
        (Claim::Rsa(c), "d") => c.d.clone(),
        (Claim::Rsa(c), "p") => c.p.clone(),
        (Claim::Rsa(c), "q") => c.q.clone(),
        (Claim::Rsa(c), "dp") => c.dp.clone(),
        (Claim::Rsa(c), "dq") => c.dq.clone(),
        (Claim::Rsa(c), "qinv") => c.qinv.clone(),
        (Claim::Ec(c), "x") => c.point.clone().map(|p| p.0),
        (Claim::Ec(c), "y") => c.point.clone().map(|p| p.1),
        (Claim::Ec(c), "d") => c.d.as_ref().map(secret),
        (Claim::Montgomery(c), "u_le") => c.u.as_deref().map(Uint::from_be),
        (Claim::Montgomery(c), "d_le") => c.k.as_ref().map(secret),
        (Claim::Dsa(c), "p") => Some(c.p.clone()),
        (Claim::Dsa(c), "q") => Some(c.q.clone()),
        (Claim::Dsa(c), "g") => Some(c.g.clone()),
        (Claim::Dsa(c), "y") => c.y.clone(),
        (Claim::Dsa(c), "x") => c.x.clone(),
        (Claim::Dsa(c), "counter") => c.seed.as_ref().map(|s| Uint::from_u64(u64::from(s.counter))),
        (Claim::Dsa(c), "seed") => c.seed.as_ref().map(|s| Uint::from_be(&s.seed)),
        (Claim::Dh(c), "p") => Some(c.p.clone()),
        (Claim::Dh(c), "g") => Some(c.g.clone()),
        (Claim::Dh(c), "q") => c.q.clone(),
        (Claim::Dh(c), "y") => c.y.clone(),
        (Claim::Dh(c), "x") => c.x.clone(),
        (Claim::MlKem(c), "seed") => c.seed.as_ref().map(secret),
        (Claim::MlKem(c), "ek" | "pk") => c.ek.as_deref().map(Uint::from_be),
        (Claim::MlDsa(c), "seed") => c.seed.as_ref().map(secret),
        (Claim::MlDsa(c), "pk") => c.pk.as_deref().map(Uint::from_be),
        _ => None,
    }
}

/// The claim as a key, and whether anything had to be filled in that its own blob type would write.
pub(crate) fn complete(decoded: &Decoded) -> (KeyParts, bool) {
    let private = decoded.half == Half::Private;
    let one = || Uint::from_u64(1);
    let mut invented = false;
    let parts = match decoded.claim.clone() {
        Claim::Rsa(c) => {
            let public = RsaPublic { n: c.n.unwrap(), e: c.e.unwrap() };
            if !private {
                return (KeyParts::RsaPublic(public), false);
            }
            let or_one = |n: Option<Uint>| n.unwrap_or_else(one);
            let (p, q) = (c.p.unwrap(), c.q.unwrap());
            KeyParts::RsaPrivate(RsaPrivate { public, d: or_one(c.d), p, q, dp: or_one(c.dp), dq: or_one(c.dq), qinv: or_one(c.qinv) })
        }
        Claim::Ec(c) => {
            let width = c.curve.field_bytes();
            invented = c.point.is_none();
            let (x, y) = c.point.unwrap_or_else(|| (one(), one()));
            let fixed = |n: Uint| n.to_be_fixed(width).unwrap().expose().to_vec();
            let public = EcPublic { curve: c.curve, x: fixed(x), y: fixed(y) };
            match c.d {
                None => KeyParts::EcPublic(public),
                Some(d) => KeyParts::EcPrivate(EcPrivate { public, d: Uint::from_be(d.expose()).to_be_fixed(width).unwrap() }),
            }
        }
        Claim::Edwards(_) => unreachable!("CNG has no blob for Edwards curves"),
        Claim::Montgomery(c) => {
            invented = c.u.is_none();
            let public = MontgomeryPublic { curve: c.curve, u: c.u.unwrap_or_else(|| vec![9; 32]) };
            match c.k {
                None => KeyParts::MontgomeryPublic(public),
                Some(k) => KeyParts::MontgomeryPrivate(MontgomeryPrivate { public, k }),
            }
        }
        Claim::Dsa(c) => {
            let public = DsaPublic { domain: DsaDomain { p: c.p, q: c.q, g: c.g, seed: c.seed }, y: c.y.unwrap_or_else(one) };
            match c.x {
                None => KeyParts::DsaPublic(public),
                Some(x) => KeyParts::DsaPrivate(DsaPrivate { public, x }),
            }
        }
        Claim::Dh(c) => {
            let public = DhPublic { domain: DhDomain { p: c.p, g: c.g, q: c.q }, y: c.y.unwrap_or_else(one) };
            match c.x {
                None => KeyParts::DhPublic(public),
                Some(x) => KeyParts::DhPrivate(DhPrivate { public, x }),
            }
        }
        Claim::MlKem(c) => {
            let public = MlKemPublic { set: c.set, ek: c.ek.unwrap_or_else(|| vec![0; c.set.public_bytes()]) };
            match private {
                false => KeyParts::MlKemPublic(public),
                true => {
                    let dk = c.dk.unwrap_or_else(|| Secret::new(vec![0; c.set.private_bytes()]));
                    KeyParts::MlKemPrivate(MlKemPrivate { public, dk, seed: c.seed })
                }
            }
        }
        Claim::MlDsa(c) => {
            let public = MlDsaPublic { set: c.set, pk: c.pk.unwrap_or_else(|| vec![0; c.set.public_bytes()]) };
            match private {
                false => KeyParts::MlDsaPublic(public),
                true => {
                    let sk = c.sk.unwrap_or_else(|| Secret::new(vec![0; c.set.private_bytes()]));
                    KeyParts::MlDsaPrivate(MlDsaPrivate { public, sk, seed: c.seed })
                }
            }
        }
        Claim::SlhDsa(c) => {
            let public = SlhDsaPublic { set: c.set, pk: c.pk.unwrap_or_else(|| vec![0; c.set.public_bytes()]) };
            match c.sk {
                None => KeyParts::SlhDsaPublic(public),
                Some(sk) => KeyParts::SlhDsaPrivate(SlhDsaPrivate { public, sk }),
            }
        }
        Claim::Secret(secret) => KeyParts::Secret(secret),
    };
    (parts, invented)
}

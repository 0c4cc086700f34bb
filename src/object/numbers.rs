//! KeyParts ⇄ attributes. The public half of a stored key is read back from its CKA_PUBLIC_KEY_INFO, which every key has; the other
//! public attributes repeat it for clients. Secret numbers are read from their own attributes.

use super::error::{ObjectError, Reason};
use super::instance::Object;
use super::value::Value;
use super::{ids, point, spki};
use cngtoken_key::{
    DhPrivate, DhPublic, DsaDomain, DsaPrivate, DsaSeed, EcPrivate, EdwardsPrivate, KeyParts, MlDsaPrivate, MlDsaSet, MlKemPrivate, MlKemSet,
    MontgomeryPrivate, RsaPrivate, RsaPublic, Secret, SlhDsaPrivate, SlhDsaSet, Uint,
};
use cryptoki_sys::*;

/// The attributes that hold the numbers of a key.
pub(super) fn of_parts(parts: &KeyParts) -> Vec<(u64, Value)> {
    let mut out = Vec::with_capacity(12);
    if let Some(info) = spki::spki(parts) {
        out.push((CKA_PUBLIC_KEY_INFO, Value::bytes(&info)));
    }
    let mut rsa_public = |k: &RsaPublic| {
        out.push((CKA_MODULUS, uint(&k.n)));
        out.push((CKA_PUBLIC_EXPONENT, uint(&k.e)));
    };
    match parts {
        KeyParts::RsaPublic(k) => {
            rsa_public(k);
            out.push((CKA_MODULUS_BITS, Value::Ulong(k.n.bit_len() as u64)));
        }
        KeyParts::RsaPrivate(k) => {
            rsa_public(&k.public);
            out.push((CKA_PRIVATE_EXPONENT, uint(&k.d)));
            out.push((CKA_PRIME_1, uint(&k.p)));
            out.push((CKA_PRIME_2, uint(&k.q)));
            out.push((CKA_EXPONENT_1, uint(&k.dp)));
            out.push((CKA_EXPONENT_2, uint(&k.dq)));
            out.push((CKA_COEFFICIENT, uint(&k.qinv)));
        }
        KeyParts::EcPublic(k) => curve(&mut out, k.curve.oid_der(), &point::octet_string(&k.uncompressed()).unwrap_or_default()),
        KeyParts::EcPrivate(k) => {
            curve(&mut out, k.public.curve.oid_der(), &point::octet_string(&k.public.uncompressed()).unwrap_or_default());
            out.push((CKA_VALUE, Value::Bytes(k.d.clone())));
        }
        KeyParts::EdwardsPublic(k) => curve(&mut out, k.curve.oid_der(), &k.point),
        KeyParts::EdwardsPrivate(k) => {
            curve(&mut out, k.public.curve.oid_der(), &k.public.point);
            out.push((CKA_VALUE, Value::Bytes(k.seed.clone())));
        }
        KeyParts::MontgomeryPublic(k) => curve(&mut out, k.curve.oid_der(), &k.u),
        KeyParts::MontgomeryPrivate(k) => {
            curve(&mut out, k.public.curve.oid_der(), &k.public.u);
            out.push((CKA_VALUE, Value::Bytes(k.k.clone())));
        }
        KeyParts::DsaPublic(k) => {
            dsa_domain(&mut out, &k.domain);
            out.push((CKA_VALUE, uint(&k.y)));
        }
        KeyParts::DsaPrivate(k) => {
            dsa_domain(&mut out, &k.public.domain);
            out.push((CKA_VALUE, uint(&k.x)));
        }
        KeyParts::DhPublic(k) => {
            dh_domain(&mut out, k);
            out.push((CKA_VALUE, uint(&k.y)));
        }
        KeyParts::DhPrivate(k) => {
            dh_domain(&mut out, &k.public);
            out.push((CKA_VALUE, uint(&k.x)));
            out.push((CKA_VALUE_BITS, Value::Ulong(k.x.bit_len() as u64)));
        }
        KeyParts::MlKemPublic(k) => parameter_set(&mut out, set_number(&MlKemSet::ALL, k.set), Value::bytes(&k.ek)),
        KeyParts::MlKemPrivate(k) => {
            parameter_set(&mut out, set_number(&MlKemSet::ALL, k.public.set), Value::Bytes(k.dk.clone()));
            seed(&mut out, k.seed.as_ref());
        }
        KeyParts::MlDsaPublic(k) => parameter_set(&mut out, set_number(&MlDsaSet::ALL, k.set), Value::bytes(&k.pk)),
        KeyParts::MlDsaPrivate(k) => {
            parameter_set(&mut out, set_number(&MlDsaSet::ALL, k.public.set), Value::Bytes(k.sk.clone()));
            seed(&mut out, k.seed.as_ref());
        }
        KeyParts::SlhDsaPublic(k) => parameter_set(&mut out, set_number(&SlhDsaSet::ALL, k.set), Value::bytes(&k.pk)),
        KeyParts::SlhDsaPrivate(k) => parameter_set(&mut out, set_number(&SlhDsaSet::ALL, k.public.set), Value::Bytes(k.sk.clone())),
        KeyParts::Secret(k) => {
            out.push((CKA_VALUE, Value::Bytes(k.clone())));
            out.push((CKA_VALUE_LEN, Value::Ulong(k.len() as u64)));
        }
    }
    out
}

fn uint(n: &Uint) -> Value {
    Value::bytes(n.as_be())
}

fn curve(out: &mut Vec<(u64, Value)>, params: &[u8], point: &[u8]) {
    out.push((CKA_EC_PARAMS, Value::bytes(params)));
    out.push((CKA_EC_POINT, Value::bytes(point)));
}

fn dsa_domain(out: &mut Vec<(u64, Value)>, d: &DsaDomain) {
    out.push((CKA_PRIME, uint(&d.p)));
    out.push((CKA_SUBPRIME, uint(&d.q)));
    out.push((CKA_BASE, uint(&d.g)));
    if let Some(s) = &d.seed {
        out.push((ids::STORED_DSA_SEED, Value::bytes(&s.seed)));
        out.push((ids::STORED_DSA_COUNTER, Value::Ulong(s.counter.into())));
    }
}

fn dh_domain(out: &mut Vec<(u64, Value)>, k: &DhPublic) {
    out.push((CKA_PRIME, uint(&k.domain.p)));
    out.push((CKA_BASE, uint(&k.domain.g)));
    if let Some(q) = &k.domain.q {
        out.push((CKA_SUBPRIME, uint(q)));
    }
}

fn parameter_set(out: &mut Vec<(u64, Value)>, set: u64, value: Value) {
    out.push((CKA_PARAMETER_SET, Value::Ulong(set)));
    out.push((CKA_VALUE, value));
}

fn seed(out: &mut Vec<(u64, Value)>, seed: Option<&Secret>) {
    if let Some(s) = seed {
        out.push((CKA_SEED, Value::Bytes(s.clone())));
    }
}

/// The CKP_ number of a parameter set: its place in the list of all, from 1 (PKCS #11 3.2 numbers ML-KEM, ML-DSA and SLH-DSA so).
pub(super) fn set_number<S: PartialEq>(all: &[S], set: S) -> u64 {
    all.iter().position(|s| *s == set).map_or(0, |i| i as u64 + 1)
}

/// The parameter set of a CKP_ number.
pub(super) fn set_of<S: Copy>(all: &[S], number: u64) -> Result<S, ObjectError> {
    let place = number.checked_sub(1).and_then(|n| usize::try_from(n).ok());
    place
        .and_then(|i| all.get(i).copied())
        .ok_or_else(|| ObjectError::at(Reason::AttributeValueInvalid, CKA_PARAMETER_SET, format!("{number} is no parameter set of this key type")))
}

/// The numbers of a key object.
///
/// # Errors
/// `KeyTypeInconsistent` if it is no key, `UserNotLoggedIn` if its secrets are still sealed, `Damaged` if they do not make a key.
pub fn parts(object: &Object) -> Result<KeyParts, ObjectError> {
    if !object.row().is_key() {
        return Err(ObjectError::whole(Reason::KeyTypeInconsistent, "the object is no key"));
    }
    if object.class() != CKO_PUBLIC_KEY && object.is_sealed() {
        return Err(ObjectError::whole(Reason::UserNotLoggedIn, "the key is sealed until somebody logs in"));
    }
    stored(object).ok_or_else(|| ObjectError::whole(Reason::Damaged, format!("the stored numbers do not make a {}", object.row().name)))
}

fn stored(object: &Object) -> Option<KeyParts> {
    if object.class() == CKO_SECRET_KEY {
        return object.secret(CKA_VALUE).map(KeyParts::Secret);
    }
    let mut public = spki::stored_public(object.bytes(CKA_PUBLIC_KEY_INFO)?)?;
    if let (KeyParts::DsaPublic(k), Some(seed)) = (&mut public, object.bytes(ids::STORED_DSA_SEED)) {
        let counter = u32::try_from(object.ulong(ids::STORED_DSA_COUNTER)?).ok()?;
        k.domain.seed = Some(DsaSeed { seed: seed.to_vec(), counter });
    }
    if object.class() == CKO_PUBLIC_KEY {
        return Some(public);
    }
    let number = |id| object.bytes(id).map(Uint::from_be);
    let value = || object.secret(CKA_VALUE);
    Some(match public {
        KeyParts::RsaPublic(public) => KeyParts::RsaPrivate(RsaPrivate {
            public,
            d: number(CKA_PRIVATE_EXPONENT)?,
            p: number(CKA_PRIME_1)?,
            q: number(CKA_PRIME_2)?,
            dp: number(CKA_EXPONENT_1)?,
            dq: number(CKA_EXPONENT_2)?,
            qinv: number(CKA_COEFFICIENT)?,
        }),
        KeyParts::EcPublic(public) => KeyParts::EcPrivate(EcPrivate { public, d: value()? }),
        KeyParts::EdwardsPublic(public) => KeyParts::EdwardsPrivate(EdwardsPrivate { public, seed: value()? }),
        KeyParts::MontgomeryPublic(public) => KeyParts::MontgomeryPrivate(MontgomeryPrivate { public, k: value()? }),
        KeyParts::DsaPublic(public) => KeyParts::DsaPrivate(DsaPrivate { public, x: number(CKA_VALUE)? }),
        KeyParts::DhPublic(public) => KeyParts::DhPrivate(DhPrivate { public, x: number(CKA_VALUE)? }),
        KeyParts::MlKemPublic(public) => KeyParts::MlKemPrivate(MlKemPrivate { public, dk: value()?, seed: object.secret(CKA_SEED) }),
        KeyParts::MlDsaPublic(public) => KeyParts::MlDsaPrivate(MlDsaPrivate { public, sk: value()?, seed: object.secret(CKA_SEED) }),
        KeyParts::SlhDsaPublic(public) => KeyParts::SlhDsaPrivate(SlhDsaPrivate { public, sk: value()? }),
        KeyParts::RsaPrivate(_)
        | KeyParts::EcPrivate(_)
        | KeyParts::EdwardsPrivate(_)
        | KeyParts::MontgomeryPrivate(_)
        | KeyParts::DsaPrivate(_)
        | KeyParts::DhPrivate(_)
        | KeyParts::MlKemPrivate(_)
        | KeyParts::MlDsaPrivate(_)
        | KeyParts::SlhDsaPrivate(_)
        | KeyParts::Secret(_) => return None,
    })
}

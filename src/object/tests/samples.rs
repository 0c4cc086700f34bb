//! Keys of every family for the tests. Their numbers are of the right sizes and otherwise meaningless: this room does not compute.

use super::super::{Actor, GivenAttr, KeyDefaults, Object, Origin, Template, from_parts};
use cngtoken_key::*;

pub(super) const USER: Actor = Actor { so: false, logged_in: true };
pub(super) const NOBODY: Actor = Actor { so: false, logged_in: false };
pub(super) const OFFICER: Actor = Actor { so: true, logged_in: false };

pub(super) fn template(given: Vec<GivenAttr>) -> Template {
    Template::parse(given).expect("a template")
}

pub(super) fn rsa() -> KeyParts {
    privates().remove(0)
}

pub(super) fn ec() -> KeyParts {
    privates().into_iter().find(|k| k.family() == Family::Ec).unwrap()
}

/// An AES key as large as AES-256 wants.
pub(super) fn symmetric() -> KeyParts {
    KeyParts::Secret(secret(0xB6, 32))
}

pub(super) fn uint(first: u8, len: usize) -> Uint {
    let mut bytes = vec![first; len];
    bytes[0] |= 0x80;
    Uint::from_be(&bytes)
}

fn secret(byte: u8, len: usize) -> Secret {
    Secret::new(vec![byte; len])
}

/// One private key of every kind.
pub(super) fn privates() -> Vec<KeyParts> {
    let mut out = vec![
        KeyParts::RsaPrivate(RsaPrivate {
            public: RsaPublic { n: uint(0xC1, 256), e: Uint::from_u64(65537) },
            d: uint(0xA2, 256),
            p: uint(0xA3, 128),
            q: uint(0xA4, 128),
            dp: uint(0xA5, 128),
            dq: uint(0xA6, 128),
            qinv: uint(0xA7, 128),
        }),
        KeyParts::EdwardsPrivate(EdwardsPrivate {
            public: EdwardsPublic { curve: EdwardsCurve::Ed25519, point: vec![0x11; 32] },
            seed: secret(0xA8, 32),
        }),
        KeyParts::MontgomeryPrivate(MontgomeryPrivate {
            public: MontgomeryPublic { curve: MontgomeryCurve::X25519, u: vec![0x12; 32] },
            k: secret(0xA9, 32),
        }),
        KeyParts::DsaPrivate(DsaPrivate { public: DsaPublic { domain: dsa_domain(None), y: uint(0x13, 256) }, x: uint(0xAA, 32) }),
        KeyParts::DsaPrivate(DsaPrivate {
            public: DsaPublic { domain: dsa_domain(Some(DsaSeed { seed: vec![0x14; 32], counter: 105 })), y: uint(0x15, 256) },
            x: uint(0xAB, 32),
        }),
        KeyParts::DhPrivate(DhPrivate { public: DhPublic { domain: dh_domain(None), y: uint(0x16, 256) }, x: uint(0xAC, 32) }),
        KeyParts::DhPrivate(DhPrivate { public: DhPublic { domain: dh_domain(Some(uint(0x17, 32))), y: uint(0x18, 256) }, x: uint(0xAD, 32) }),
    ];
    for curve in Curve::ALL {
        let w = curve.field_bytes();
        let public = EcPublic { curve, x: vec![0; w], y: vec![0x1B; w] };
        let mut d = vec![0xAE; w];
        d[0] = 0;
        out.push(KeyParts::EcPrivate(EcPrivate { public, d: Secret::new(d) }));
    }
    for set in MlKemSet::ALL {
        let public = MlKemPublic { set, ek: vec![0x1C; set.public_bytes()] };
        let dk = secret(0xB1, set.private_bytes());
        out.push(KeyParts::MlKemPrivate(MlKemPrivate { public: public.clone(), dk: dk.clone(), seed: None }));
        out.push(KeyParts::MlKemPrivate(MlKemPrivate { public, dk, seed: Some(secret(0xB2, MlKemSet::SEED_BYTES)) }));
    }
    for set in MlDsaSet::ALL {
        let public = MlDsaPublic { set, pk: vec![0x1D; set.public_bytes()] };
        let sk = secret(0xB3, set.private_bytes());
        out.push(KeyParts::MlDsaPrivate(MlDsaPrivate { public: public.clone(), sk: sk.clone(), seed: None }));
        out.push(KeyParts::MlDsaPrivate(MlDsaPrivate { public, sk, seed: Some(secret(0xB4, MlDsaSet::SEED_BYTES)) }));
    }
    for set in SlhDsaSet::ALL {
        let public = SlhDsaPublic { set, pk: vec![0x1E; set.public_bytes()] };
        out.push(KeyParts::SlhDsaPrivate(SlhDsaPrivate { public, sk: secret(0xB5, set.private_bytes()) }));
    }
    out
}

fn dsa_domain(seed: Option<DsaSeed>) -> DsaDomain {
    DsaDomain { p: uint(0xC4, 256), q: uint(0xC5, 32), g: uint(0x46, 256), seed }
}

fn dh_domain(q: Option<Uint>) -> DhDomain {
    DhDomain { p: uint(0xC7, 256), g: Uint::from_u64(2), q }
}

/// Both halves of every kind, and a symmetric key.
pub(super) fn all() -> Vec<KeyParts> {
    let mut out = privates();
    out.extend(privates().iter().filter_map(KeyParts::public));
    out.push(KeyParts::Secret(secret(0xB6, 32)));
    out
}

pub(super) fn born(parts: &KeyParts, t: Template, origin: Origin) -> Object {
    let mut object = from_parts(parts, &t, &origin, &KeyDefaults::default(), &USER).expect("a key object");
    object.with_identity("a1b2");
    object
}

//! One key of each kind with made-up numbers, and every blob that can be written of it. Layouts do not care whether p is prime.

use super::*;
use cngtoken_blob::{BLOBS, BlobRow, EncodeError, Origin, SymmetricAlg, encode};

pub(crate) struct Sample {
    pub(crate) row: &'static BlobRow,
    pub(crate) blob: Vec<u8>,
    pub(crate) curve: Option<CurveName>,
    pub(crate) dh_group: Option<(Uint, Uint)>,
    pub(crate) alg_id: Option<&'static str>,
}

impl Sample {
    pub(crate) fn context<'a>(&self, type_name: Option<&'a str>) -> Context<'a> {
        Context { type_name, alg_id: self.alg_id, curve: self.curve, dh_group: self.dh_group.clone() }
    }
}

/// `bytes` bytes that begin with a set top bit and differ from tag to tag.
fn filled(bytes: usize, tag: u8) -> Vec<u8> {
    (0..bytes).map(|i| if i == 0 { 0x80 | tag } else { tag ^ u8::try_from(i % 251).unwrap() }).collect()
}

fn number(bytes: usize, tag: u8) -> Uint {
    Uint::from_be(&filled(bytes, tag))
}

pub(crate) fn keys() -> Vec<KeyParts> {
    let mut keys = Vec::new();
    for bytes in [64, 129, 256] {
        let half = bytes / 2 + bytes % 2;
        let public = RsaPublic { n: number(bytes, 1), e: Uint::from_u64(65537) };
        let [p, q, dp, dq, qinv] = [2, 3, 4, 5, 6].map(|tag| number(half, tag));
        keys.push(KeyParts::RsaPrivate(RsaPrivate { public, d: number(bytes, 7), p, q, dp, dq, qinv }));
    }
    for curve in Curve::ALL {
        let width = curve.field_bytes();
        let public = EcPublic { curve, x: filled(width, 1), y: filled(width, 2) };
        keys.push(KeyParts::EcPrivate(EcPrivate { public, d: Secret::new(filled(width, 3)) }));
    }
    let mut k = filled(32, 8);
    k[0] = 0x80;
    k[31] = 0x40;
    let public = MontgomeryPublic { curve: MontgomeryCurve::X25519, u: filled(32, 9) };
    keys.push(KeyParts::MontgomeryPrivate(MontgomeryPrivate { public, k: Secret::new(k) }));
    for (p, q, seed) in [(64, 20, None), (128, 20, Some(20)), (256, 32, Some(32)), (384, 32, None), (256, 20, None)] {
        let seed = seed.map(|len| DsaSeed { seed: filled(len, 10), counter: 497 });
        let domain = DsaDomain { p: number(p, 11), q: number(q, 12), g: number(p, 13), seed };
        keys.push(KeyParts::DsaPrivate(DsaPrivate { public: DsaPublic { domain, y: number(p, 14) }, x: number(q - 1, 15) }));
    }
    for q in [None, Some(number(32, 16))] {
        let domain = DhDomain { p: number(128, 17), g: Uint::from_u64(2), q };
        keys.push(KeyParts::DhPrivate(DhPrivate { public: DhPublic { domain, y: number(127, 18) }, x: number(28, 19) }));
    }
    for (set, seed) in MlKemSet::ALL.into_iter().zip([true, false, true]) {
        let public = MlKemPublic { set, ek: filled(set.public_bytes(), 20) };
        let seed = seed.then(|| Secret::new(filled(64, 21)));
        keys.push(KeyParts::MlKemPrivate(MlKemPrivate { public, dk: Secret::new(filled(set.private_bytes(), 22)), seed }));
    }
    for (set, seed) in MlDsaSet::ALL.into_iter().zip([true, false, true]) {
        let public = MlDsaPublic { set, pk: filled(set.public_bytes(), 23) };
        let seed = seed.then(|| Secret::new(filled(32, 24)));
        keys.push(KeyParts::MlDsaPrivate(MlDsaPrivate { public, sk: Secret::new(filled(set.private_bytes(), 25)), seed }));
    }
    for set in SlhDsaSet::ALL {
        let public = SlhDsaPublic { set, pk: filled(set.public_bytes(), 26) };
        keys.push(KeyParts::SlhDsaPrivate(SlhDsaPrivate { public, sk: Secret::new(filled(set.private_bytes(), 27)) }));
    }
    keys.push(KeyParts::Secret(Secret::new(filled(16, 28))));
    keys
}

/// Every key as every blob type under every magic that takes it.
pub(crate) fn all() -> Vec<Sample> {
    let mut samples = Vec::new();
    for parts in keys() {
        for row in BLOBS.iter().filter(|row| row.supported() && !row.magics.is_empty()) {
            for magic in row.magics {
                let origin = Origin::of(row, *magic).unwrap();
                let blob = match encode(row, &parts, Some(&origin), Some(SymmetricAlg::Aes)) {
                    Ok(blob) => blob.expose().to_vec(),
                    Err(EncodeError::DoesNotFit { .. } | EncodeError::SeedUnknown { .. }) => continue,
                    Err(error) => panic!("{}: {error}", row.name),
                };
                let (mut curve, mut dh_group, mut alg_id) = (None, None, None);
                match &parts {
                    KeyParts::EcPrivate(key) => curve = Some(CurveName::Weierstrass(key.public.curve)),
                    KeyParts::MontgomeryPrivate(_) => curve = Some(CurveName::X25519),
                    KeyParts::DhPrivate(key) => dh_group = Some((key.public.domain.p.clone(), key.public.domain.g.clone())),
                    KeyParts::Secret(_) => alg_id = Some("AES"),
                    _ => {}
                }
                samples.push(Sample { row, blob, curve, dh_group, alg_id });
            }
        }
    }
    samples
}

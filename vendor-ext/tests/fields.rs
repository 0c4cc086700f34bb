//! A blob says each thing at one place: whatever single byte of a canonical blob is changed, the blob is refused or says something else
//! of exactly the field that the byte is in. And a key that is written is the key that is read: over random numbers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod support;

use cngtoken_blob::{BLOBS, Claim, Context, Decoded, EncodeError, Field, Origin, SymmetricAlg, decode, encode, explain};
use cngtoken_key::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{complete, samples};

/// What a claim says, number by number.
type Facts = Vec<(&'static str, Vec<u8>)>;

fn facts(claim: &Claim) -> Facts {
    let mut out = Facts::new();
    let mut put = |name, bytes: Option<&[u8]>| out.extend(bytes.map(|b| (name, b.to_vec())));
    let uint = |n: &'static str, u: &Option<Uint>| u.as_ref().map(|u| (n, u.as_be().to_vec()));
    match claim {
        Claim::Rsa(c) => {
            let numbers = [("n", &c.n), ("e", &c.e), ("d", &c.d), ("p", &c.p), ("q", &c.q), ("dp", &c.dp), ("dq", &c.dq), ("qinv", &c.qinv)];
            return numbers.into_iter().filter_map(|(name, number)| uint(name, number)).collect();
        }
        Claim::Ec(c) => {
            put("curve", Some(c.curve.cng_name().as_bytes()));
            put("x", c.point.as_ref().map(|p| p.0.as_be()));
            put("y", c.point.as_ref().map(|p| p.1.as_be()));
            put("d", c.d.as_ref().map(Secret::expose));
        }
        Claim::Montgomery(c) => {
            put("x", c.u.as_deref());
            put("d", c.k.as_ref().map(Secret::expose));
        }
        Claim::Edwards(_) => unreachable!("CNG has no blob for Edwards curves"),
        Claim::Dsa(c) => {
            for (name, number) in [("p", &c.p), ("q", &c.q), ("g", &c.g)] {
                put(name, Some(number.as_be()));
            }
            put("seed", c.seed.as_ref().map(|s| s.seed.as_slice()));
            put("counter", c.seed.as_ref().map(|s| s.counter.to_be_bytes()).as_ref().map(|b| b.as_slice()));
            out.extend([("y", &c.y), ("x", &c.x)].into_iter().filter_map(|(name, number)| uint(name, number)));
        }
        Claim::Dh(c) => {
            put("p", Some(c.p.as_be()));
            put("g", Some(c.g.as_be()));
            out.extend([("q", &c.q), ("y", &c.y), ("x", &c.x)].into_iter().filter_map(|(name, number)| uint(name, number)));
        }
        Claim::MlKem(c) => {
            put("set", Some(c.set.cng_name().as_bytes()));
            put("public", c.ek.as_deref());
            put("private", c.dk.as_ref().map(Secret::expose));
            put("seed", c.seed.as_ref().map(Secret::expose));
        }
        Claim::MlDsa(c) => {
            put("set", Some(c.set.cng_name().as_bytes()));
            put("public", c.pk.as_deref());
            put("private", c.sk.as_ref().map(Secret::expose));
            put("seed", c.seed.as_ref().map(Secret::expose));
        }
        Claim::SlhDsa(c) => {
            put("set", Some(c.set.cng_name().as_bytes()));
            put("public", c.pk.as_deref());
            put("private", c.sk.as_ref().map(Secret::expose));
        }
        Claim::Secret(key) => put("value", Some(key.expose())),
    }
    out
}

/// What of a claim may change with a field of that name; nothing for a field of the header.
fn numbers_in(field: &str, claim: &Claim) -> &'static [&'static str] {
    match (field, claim) {
        ("PublicExp" | "pubexp", _) => &["e"],
        ("Modulus" | "modulus", Claim::Rsa(_)) => &["n"],
        ("Prime1" | "prime1", _) => &["p"],
        ("Prime2" | "prime2", _) => &["q"],
        ("Exponent1" | "exponent1", _) => &["dp"],
        ("Exponent2" | "exponent2", _) => &["dq"],
        ("Coefficient" | "coefficient", _) => &["qinv"],
        ("PrivateExponent" | "privateExponent", Claim::Rsa(_)) => &["d"],
        ("X" | "Qx", _) => &["x"],
        ("Y" | "Qy", _) => &["y"],
        ("d", _) => &["d"],
        ("Modulus" | "p", _) => &["p"],
        ("Generator" | "g", _) => &["g"],
        ("q", _) => &["q"],
        ("Public" | "y", _) => &["y"],
        ("PrivateExponent" | "x", _) => &["x"],
        // A seed may also be declared absent by its bytes.
        ("Count" | "Seed" | "DSSSEED", Claim::Dsa(_)) => &["seed", "counter"],
        ("encapsulationKey" | "publicKey", _) => &["public"],
        ("decapsulationKey" | "privateKey", _) => &["private"],
        ("seed", _) => &["seed"],
        ("key", _) => &["value"],
        _ => &[],
    }
}

/// Whether the blobs differ in what else they say: type, use, what the header has that a canonical writer would say otherwise.
fn other_manner(a: &Decoded, b: &Decoded) -> bool {
    let rest = |d: &Decoded| (d.hint, d.symmetric, d.magic, d.row.name, d.ignored_trailing);
    a.origin != b.origin || rest(a) != rest(b)
}

/// Sample blobs and those of the shared vectors: of each type, magic and length the first two, of long ones the first.
fn blobs(thorough: bool) -> Vec<samples::Sample> {
    let mut all = samples::all();
    for file in ["rsa", "ecc", "dsa", "dh", "legacy", "mlkem", "pqdsa"] {
        let Some(vectors) = support::load(&format!("{file}.json")) else { break };
        for vector in vectors["vectors"].as_array().unwrap() {
            let blob = support::bytes(vector, "blob_hex");
            let Some(row) = cngtoken_blob::row(support::text(vector, "blob_type")) else { continue };
            all.push(samples::Sample { row, blob, curve: None, dh_group: None, alg_id: None });
        }
    }
    let mut seen: BTreeMap<(&str, Vec<u8>), usize> = BTreeMap::new();
    all.retain(|s| {
        let count = seen.entry((s.row.name, s.blob[..12.min(s.blob.len())].to_vec())).or_default();
        *count += 1;
        (thorough || *count <= if s.blob.len() > 1000 { 1 } else { 2 }) && decode(&s.blob, &s.context(Some(s.row.name))).is_ok()
    });
    all
}

/// What the changed blob says, judged: `false` if it is refused.
fn holds(sample: &samples::Sample, blob: &[u8], original: &Decoded, before: &Facts, field: &Field, at: usize) -> bool {
    let name = sample.row.name;
    let Ok(after) = decode(blob, &sample.context(Some(name))) else { return false };
    let now = facts(&after.claim);
    let may = numbers_in(field.name, &original.claim);
    let find = |facts: &Facts, name: &str| facts.iter().position(|(n, _)| *n == name);
    let mut told = other_manner(original, &after);
    assert!(!may.is_empty() || told, "{name}: byte {at} of {} changes nothing that is told", field.name);
    for (number, _) in before.iter().chain(&now) {
        let (a, b) = (find(before, number).map(|i| &before[i]), find(&now, number).map(|i| &now[i]));
        if a != b {
            assert!(may.contains(number), "{name}: byte {at} of {} changes {number}", field.name);
            told = true;
        }
    }
    assert!(told, "{name}: byte {at} of {} says nothing", field.name);
    true
}

#[test]
fn a_changed_byte_is_refused_or_changes_exactly_the_field_that_it_is_in() {
    // Every byte of every blob is changed in any case; with CNGTOKEN_THOROUGH in the environment in more ways, which takes a minute.
    let thorough = std::env::var_os("CNGTOKEN_THOROUGH").is_some();
    let (mut refused, mut accepted) = (0_u64, 0_u64);
    let all = blobs(thorough);
    for sample in &all {
        let explained = explain(&sample.blob, &sample.context(Some(sample.row.name)));
        let original = explained.outcome.unwrap();
        let before = facts(&original.claim);
        let mut blob = sample.blob.clone();
        for field in &explained.fields {
            let of_header = numbers_in(field.name, &original.claim).is_empty();
            for at in field.offset..field.offset + field.len {
                let byte = sample.blob[at];
                let values: Vec<u8> = match of_header {
                    true => (1..=255).step_by(if thorough { 1 } else { 23 }).map(|n: u8| byte ^ n).collect(),
                    false if thorough => vec![byte ^ 1, byte ^ 0x80, if byte == 0 { 0xFF } else { 0 }],
                    false => vec![if byte == 0 { 0x80 } else { 0 }],
                };
                for value in values {
                    blob[at] = value;
                    if holds(sample, &blob, &original, &before, field, at) { accepted += 1 } else { refused += 1 }
                }
                blob[at] = byte;
            }
        }
    }
    println!("{} blobs: {} single-byte changes, {refused} refused, {accepted} say another thing in that field", all.len(), refused + accepted);
    assert!(refused > 10_000 && accepted > 10_000);
}

/// A key of the shape of `like` with other bytes in all its numbers; the first bit of each stays set.
fn renumbered(like: &KeyParts, mut state: u64) -> KeyParts {
    let mut random = |len: usize| -> Vec<u8> {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..len).map(|i| next() | if i == 0 { 0x80 } else { 0 }).collect()
    };
    let mut key = like.clone();
    {
        let mut uint = |n: &mut Uint| *n = Uint::from_be(&random(n.byte_len()));
        match &mut key {
            KeyParts::RsaPrivate(k) => [&mut k.public.n, &mut k.d, &mut k.p, &mut k.q, &mut k.dp, &mut k.dq, &mut k.qinv].into_iter().for_each(uint),
            KeyParts::DsaPrivate(k) => {
                let d = &mut k.public.domain;
                [&mut d.p, &mut d.q, &mut d.g, &mut k.public.y, &mut k.x].into_iter().for_each(uint);
            }
            KeyParts::DhPrivate(k) => {
                [&mut k.public.domain.p, &mut k.public.domain.g, &mut k.public.y, &mut k.x].into_iter().for_each(&mut uint);
                k.public.domain.q.iter_mut().for_each(uint);
            }
            KeyParts::EcPrivate(k) => {
                k.public.x = random(k.public.x.len());
                k.public.y = random(k.public.y.len());
                k.d = Secret::new(random(k.d.len()));
            }
            KeyParts::MontgomeryPrivate(k) => k.public.u = random(32),
            KeyParts::MlKemPrivate(k) => {
                k.public.ek = random(k.public.ek.len());
                k.dk = Secret::new(random(k.dk.len()));
                k.seed = k.seed.as_ref().map(|s| Secret::new(random(s.len())));
            }
            KeyParts::MlDsaPrivate(k) => {
                k.public.pk = random(k.public.pk.len());
                k.sk = Secret::new(random(k.sk.len()));
                k.seed = k.seed.as_ref().map(|s| Secret::new(random(s.len())));
            }
            KeyParts::SlhDsaPrivate(k) => {
                k.public.pk = random(k.public.pk.len());
                k.sk = Secret::new(random(k.sk.len()));
            }
            KeyParts::Secret(k) => *k = Secret::new(random(k.len())),
            _ => unreachable!("the sample keys are private"),
        }
    }
    key
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_key_that_is_written_is_the_key_that_is_read(which in any::<prop::sample::Index>(), state in 1..u64::MAX) {
        let keys = samples::keys();
        let parts = renumbered(which.get(&keys), state);
        let (mut curve, mut dh_group) = (None, None);
        match &parts {
            KeyParts::EcPrivate(key) => curve = Some(cngtoken_blob::CurveName::Weierstrass(key.public.curve)),
            KeyParts::MontgomeryPrivate(_) => curve = Some(cngtoken_blob::CurveName::X25519),
            KeyParts::DhPrivate(key) => dh_group = Some((key.public.domain.p.clone(), key.public.domain.g.clone())),
            _ => {}
        }
        let mut written = 0;
        for row in BLOBS.iter().filter(|row| row.supported() && !row.magics.is_empty()) {
            for magic in row.magics {
                let origin = Origin::of(row, *magic).unwrap();
                let blob = match encode(row, &parts, Some(&origin), Some(SymmetricAlg::Aes)) {
                    Ok(blob) => blob,
                    Err(EncodeError::DoesNotFit { .. } | EncodeError::SeedUnknown { .. }) => continue,
                    Err(error) => panic!("{}: {error}", row.name),
                };
                let ctx = Context { type_name: Some(row.name), curve, dh_group: dh_group.clone(), ..Context::default() };
                let decoded = decode(blob.expose(), &ctx).unwrap();
                // What the blob carries is the key's own, number by number; the rest was filled in by `complete`.
                let carried = facts(&decoded.claim);
                let (again, invented) = complete(&decoded);
                let whole = match (row.half, &parts) {
                    (Half::Private, _) => parts.clone(),
                    (Half::Public, _) => parts.public().unwrap(),
                };
                let all = facts(&claim_of(&whole));
                for (name, value) in &carried {
                    prop_assert_eq!(all.iter().find(|(n, _)| n == name).map(|(_, v)| v), Some(value), "{} {}", row.name, name);
                }
                if !invented {
                    let twice = encode(row, &again, Some(&decoded.origin), decoded.symmetric).unwrap();
                    prop_assert!(twice == blob, "{} comes back different", row.name);
                }
                written += 1;
            }
        }
        prop_assert!(written > 0);
    }
}

/// A complete key as a claim.
fn claim_of(parts: &KeyParts) -> Claim {
    let ec = |k: &EcPublic, d: Option<Secret>| Claim::Ec(EcClaim { curve: k.curve, point: Some((Uint::from_be(&k.x), Uint::from_be(&k.y))), d });
    let dsa = |k: &DsaPublic, x: Option<Uint>| {
        let d = k.domain.clone();
        Claim::Dsa(DsaClaim { p: d.p, q: d.q, g: d.g, seed: d.seed, y: Some(k.y.clone()), x })
    };
    let dh = |k: &DhPublic, x: Option<Uint>| {
        let d = k.domain.clone();
        Claim::Dh(DhClaim { p: d.p, g: d.g, q: d.q, y: Some(k.y.clone()), x })
    };
    match parts.clone() {
        KeyParts::RsaPublic(k) => Claim::Rsa(RsaClaim { n: Some(k.n), e: Some(k.e), ..RsaClaim::default() }),
        KeyParts::RsaPrivate(k) => Claim::Rsa(RsaClaim {
            n: Some(k.public.n),
            e: Some(k.public.e),
            d: Some(k.d),
            p: Some(k.p),
            q: Some(k.q),
            dp: Some(k.dp),
            dq: Some(k.dq),
            qinv: Some(k.qinv),
        }),
        KeyParts::EcPublic(k) => ec(&k, None),
        KeyParts::EcPrivate(k) => ec(&k.public, Some(k.d)),
        KeyParts::MontgomeryPublic(k) => Claim::Montgomery(MontgomeryClaim { curve: k.curve, u: Some(k.u), k: None }),
        KeyParts::MontgomeryPrivate(k) => Claim::Montgomery(MontgomeryClaim { curve: k.public.curve, u: Some(k.public.u), k: Some(k.k) }),
        KeyParts::EdwardsPublic(_) | KeyParts::EdwardsPrivate(_) => unreachable!("CNG has no blob for Edwards curves"),
        KeyParts::DsaPublic(k) => dsa(&k, None),
        KeyParts::DsaPrivate(k) => dsa(&k.public, Some(k.x)),
        KeyParts::DhPublic(k) => dh(&k, None),
        KeyParts::DhPrivate(k) => dh(&k.public, Some(k.x)),
        KeyParts::MlKemPublic(k) => Claim::MlKem(MlKemClaim { set: k.set, ek: Some(k.ek), dk: None, seed: None }),
        KeyParts::MlKemPrivate(k) => Claim::MlKem(MlKemClaim { set: k.public.set, ek: Some(k.public.ek), dk: Some(k.dk), seed: k.seed }),
        KeyParts::MlDsaPublic(k) => Claim::MlDsa(MlDsaClaim { set: k.set, pk: Some(k.pk), sk: None, seed: None }),
        KeyParts::MlDsaPrivate(k) => Claim::MlDsa(MlDsaClaim { set: k.public.set, pk: Some(k.public.pk), sk: Some(k.sk), seed: k.seed }),
        KeyParts::SlhDsaPublic(k) => Claim::SlhDsa(SlhDsaClaim { set: k.set, pk: Some(k.pk), sk: None }),
        KeyParts::SlhDsaPrivate(k) => Claim::SlhDsa(SlhDsaClaim { set: k.public.set, pk: Some(k.public.pk), sk: Some(k.sk) }),
        KeyParts::Secret(k) => Claim::Secret(k),
    }
}

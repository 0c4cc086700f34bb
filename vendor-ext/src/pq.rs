//! The ML-KEM blobs (BCRYPT_MLKEM_KEY_BLOB) and the PQDSA ones (BCRYPT_PQDSA_KEY_BLOB: ML-DSA, SLH-DSA), which share one header:
//! {magic, cbParameterSet, cbKey}, the set's name in UTF-16LE with its NUL, then the key in FIPS encoding.
//!
//! cbParameterSet counts bytes and includes the NUL. Trailing bytes are ignored after ML-KEM keys only, because Windows ignores them
//! there and Microsoft's own Go code sends them. Private keys and seeds are taken as they stand; checking them is `crypto::admit`'s.

use crate::alg::{self, Alg};
use crate::context::Context;
use crate::decode::Said;
use crate::encode::Job;
use crate::error::{BlobError, EncodeError, Fault, Text};
use crate::reader::{Reader, Show};
use crate::table::Magic;
use crate::writer::{Writer, ulong};
use cngtoken_key::{Claim, Family, Half, KeyParts, MlDsaClaim, MlDsaSet, MlKemClaim, MlKemSet, Secret, SlhDsaClaim, SlhDsaSet};

const HEADER: u64 = 12;

const MLKEM_PUBLIC: Magic = *b"MLKP";
const MLKEM_PRIVATE: Magic = *b"MLKR";
const MLKEM_SEED: Magic = *b"MLKS";
const MLDSA_PUBLIC: Magic = *b"DSPK";
const MLDSA_PRIVATE: Magic = *b"DSSK";
const MLDSA_SEED: Magic = *b"DSSS";
const SLHDSA_PUBLIC: Magic = *b"SHPK";
const SLHDSA_PRIVATE: Magic = *b"SHSK";

/// What a magic carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Private,
    Seed,
}

/// Magic, names of the fields, then the set's name: everything up to the key. Gives back the set and cbKey's place.
fn header<Set: Copy>(
    r: &mut Reader<'_, '_>,
    sets: &[Set],
    name_of: fn(Set) -> &'static str,
    bytes: impl Fn(Set) -> usize,
    exact: bool,
) -> Result<(Set, u32), BlobError> {
    r.magic("dwMagic")?;
    let cb_set = r.u32("cbParameterSet")?;
    let cb_key = r.u32("cbKey")?;
    let total = HEADER + u64::from(cb_set) + u64::from(cb_key);
    if exact || r.len() < total {
        r.expect_total(total)?;
    }
    let at_name = r.at();
    let name = r.utf16z("parameterSet", cb_set)?;
    let Some(set) = sets.iter().copied().find(|set| name_of(*set) == name) else {
        return Err(BlobError::new(Fault::ParameterSet { name: Text::new(&name) }, at_name));
    };
    let expected = bytes(set) as u64;
    if u64::from(cb_key) != expected {
        return Err(BlobError::new(Fault::WrongLength { field: "cbKey", found: u64::from(cb_key), expected }, r.place(8)));
    }
    Ok((set, cb_key))
}

pub(crate) fn decode_mlkem(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    alg::check(ctx, &[Alg::MlKem], "an ML-KEM key", r.at())?;
    let kind = match magic {
        MLKEM_PUBLIC => Kind::Public,
        MLKEM_PRIVATE => Kind::Private,
        _ => Kind::Seed,
    };
    let bytes = |set: MlKemSet| match kind {
        Kind::Public => set.public_bytes(),
        Kind::Private => set.private_bytes(),
        Kind::Seed => MlKemSet::SEED_BYTES,
    };
    let (set, cb_key) = header(r, &MlKemSet::ALL, MlKemSet::cng_name, bytes, false)?;
    let mut claim = MlKemClaim { set, ek: None, dk: None, seed: None };
    match kind {
        Kind::Public => claim.ek = Some(r.bytes("encapsulationKey", cb_key, Show::Public)?.to_vec()),
        Kind::Private => claim.dk = Some(r.secret("decapsulationKey", cb_key)?),
        Kind::Seed => claim.seed = Some(r.secret("seed", cb_key)?),
    }
    let ignored_trailing = r.left_len();
    Ok(Said { ignored_trailing, ..Said::new(Claim::MlKem(claim)) })
}

pub(crate) fn decode_pqdsa(r: &mut Reader<'_, '_>, magic: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    let at = r.at();
    match magic {
        SLHDSA_PUBLIC | SLHDSA_PRIVATE => {
            alg::check(ctx, &[Alg::SlhDsa], "an SLH-DSA key", at)?;
            decode_slhdsa(r, magic)
        }
        _ => {
            alg::check(ctx, &[Alg::MlDsa], "an ML-DSA key", at)?;
            decode_mldsa(r, magic)
        }
    }
}

fn decode_mldsa(r: &mut Reader<'_, '_>, magic: Magic) -> Result<Said, BlobError> {
    let kind = match magic {
        MLDSA_PUBLIC => Kind::Public,
        MLDSA_PRIVATE => Kind::Private,
        _ => Kind::Seed,
    };
    let bytes = |set: MlDsaSet| match kind {
        Kind::Public => set.public_bytes(),
        Kind::Private => set.private_bytes(),
        Kind::Seed => MlDsaSet::SEED_BYTES,
    };
    let (set, cb_key) = header(r, &MlDsaSet::ALL, MlDsaSet::cng_name, bytes, true)?;
    let mut claim = MlDsaClaim { set, pk: None, sk: None, seed: None };
    match kind {
        Kind::Public => claim.pk = Some(r.bytes("publicKey", cb_key, Show::Public)?.to_vec()),
        Kind::Private => claim.sk = Some(r.secret("privateKey", cb_key)?),
        Kind::Seed => claim.seed = Some(r.secret("seed", cb_key)?),
    }
    Ok(Said::new(Claim::MlDsa(claim)))
}

fn decode_slhdsa(r: &mut Reader<'_, '_>, magic: Magic) -> Result<Said, BlobError> {
    let public = magic == SLHDSA_PUBLIC;
    let bytes = |set: SlhDsaSet| if public { set.public_bytes() } else { set.private_bytes() };
    let (set, cb_key) = header(r, &SlhDsaSet::ALL, SlhDsaSet::cng_name, bytes, true)?;
    let mut claim = SlhDsaClaim { set, pk: None, sk: None };
    if public {
        claim.pk = Some(r.bytes("publicKey", cb_key, Show::Public)?.to_vec());
    } else {
        claim.sk = Some(r.secret("privateKey", cb_key)?);
    }
    Ok(Said::new(Claim::SlhDsa(claim)))
}

pub(crate) fn encode_mlkem(job: &Job<'_>) -> Result<Secret, EncodeError> {
    let seed_wanted = job.row.magics.contains(&MLKEM_SEED);
    match (job.parts, job.row.half) {
        (KeyParts::MlKemPrivate(key), Half::Private) if seed_wanted => write_seed(job, MLKEM_SEED, key.public.set.cng_name(), key.seed.as_ref()),
        (KeyParts::MlKemPrivate(key), Half::Private) => write(job, MLKEM_PRIVATE, key.public.set.cng_name(), key.dk.expose()),
        (KeyParts::MlKemPrivate(key), Half::Public) => write(job, MLKEM_PUBLIC, key.public.set.cng_name(), &key.public.ek),
        (KeyParts::MlKemPublic(key), Half::Public) => write(job, MLKEM_PUBLIC, key.set.cng_name(), &key.ek),
        _ => Err(job.mismatch(&[Family::MlKem], "it is not an ML-KEM key")),
    }
}

pub(crate) fn encode_pqdsa(job: &Job<'_>) -> Result<Secret, EncodeError> {
    let seed_wanted = job.row.magics.contains(&MLDSA_SEED);
    match (job.parts, job.row.half) {
        (KeyParts::MlDsaPrivate(key), Half::Private) if seed_wanted => write_seed(job, MLDSA_SEED, key.public.set.cng_name(), key.seed.as_ref()),
        (KeyParts::MlDsaPrivate(key), Half::Private) => write(job, MLDSA_PRIVATE, key.public.set.cng_name(), key.sk.expose()),
        (KeyParts::MlDsaPrivate(key), Half::Public) => write(job, MLDSA_PUBLIC, key.public.set.cng_name(), &key.public.pk),
        (KeyParts::MlDsaPublic(key), Half::Public) => write(job, MLDSA_PUBLIC, key.set.cng_name(), &key.pk),
        (KeyParts::SlhDsaPrivate(_), Half::Private) if seed_wanted => Err(job.does_not_fit("SLH-DSA has no seed form")),
        (KeyParts::SlhDsaPrivate(key), Half::Private) => write(job, SLHDSA_PRIVATE, key.public.set.cng_name(), key.sk.expose()),
        (KeyParts::SlhDsaPrivate(key), Half::Public) => write(job, SLHDSA_PUBLIC, key.public.set.cng_name(), &key.public.pk),
        (KeyParts::SlhDsaPublic(key), Half::Public) => write(job, SLHDSA_PUBLIC, key.set.cng_name(), &key.pk),
        _ => Err(job.mismatch(&[Family::MlDsa, Family::SlhDsa], "it is neither an ML-DSA nor an SLH-DSA key")),
    }
}

fn write_seed(job: &Job<'_>, magic: Magic, set: &str, seed: Option<&Secret>) -> Result<Secret, EncodeError> {
    let Some(seed) = seed else {
        return Err(EncodeError::SeedUnknown { type_name: job.row.name });
    };
    write(job, magic, set, seed.expose())
}

fn write(job: &Job<'_>, magic: Magic, set: &str, key: &[u8]) -> Result<Secret, EncodeError> {
    let cb_set = ulong(2 * (set.len() + 1));
    let cb_key = ulong(key.len());
    let mut w = Writer::new(job.row.name, HEADER + u64::from(cb_set) + u64::from(cb_key))?;
    w.bytes(&magic);
    w.u32(cb_set);
    w.u32(cb_key);
    w.utf16z(set);
    w.bytes(key);
    Ok(w.finish())
}

//! The steps by which a DSA group comes from a seed and a counter: FIPS 186-2, appendix 2.2 (SHA-1, q of 160 bits), or FIPS 186-3 and later,
//! A.1.1.2. `domain` generates by them. Here they are repeated, with the hash that the source did not name: each that is wide enough is tried.
//! One candidate of p per try, so the work is bounded.

use crate::num::{boxed_bytes, boxed_in, precision, uint};
use crate::{AdmitError, Hash, digest};
use cngtoken_key::{DsaDomain, DsaSeed, Uint};
use crypto_bigint::{BoxedUint, NonZero};

/// Longest seed; CNG's are as long as q.
const MAX_SEED: usize = 128;

/// Does the seed lead to p and q at that counter?
pub(super) fn check(domain: &DsaDomain, given: &DsaSeed) -> Result<(), AdmitError> {
    if given.seed.is_empty() || given.seed.len() > MAX_SEED {
        return Err(AdmitError::range("seed", format!("{} bytes", given.seed.len()), "1 to 128 bytes"));
    }
    let limit = u32::try_from(4 * domain.p.bit_len()).unwrap_or(u32::MAX);
    if given.counter >= limit {
        return Err(AdmitError::range("seed's counter", given.counter.to_string(), format!("less than {limit}")));
    }
    let old = domain.q.bit_len() == 160 && given.seed.len() >= 20 && replay_old(domain, given);
    let new = [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512]
        .into_iter()
        .any(|hash| 8 * hash.len() >= domain.q.bit_len() && replay(domain, given, hash));
    if old || new {
        Ok(())
    } else {
        Err(AdmitError::inconsistent("seed", "a seed and counter that lead to another prime or subprime", "those from which the group was generated"))
    }
}

/// q's candidate of A.1.1.2: U = Hash(seed) mod 2^(N−1); q = 2^(N−1) + U + 1 − (U mod 2), the low N bits with both ends set.
pub(crate) fn subprime(seed: &[u8], hash: Hash, bytes: usize) -> Uint {
    let whole = digest(hash, seed);
    let mut u = whole.get(whole.len().saturating_sub(bytes)..).unwrap_or_default().to_vec();
    set_ends(&mut u);
    Uint::from_be(&u)
}

/// (seed + offset) mod 2^seedlen.
fn seed_plus(seed: &[u8], offset: u64) -> Vec<u8> {
    let mut out = seed.to_vec();
    let mut carry = u128::from(offset);
    for byte in out.iter_mut().rev() {
        carry += u128::from(*byte);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    out
}

fn replay_old(domain: &DsaDomain, given: &DsaSeed) -> bool {
    let mut u = digest(Hash::Sha1, &given.seed);
    u.iter_mut().zip(digest(Hash::Sha1, &seed_plus(&given.seed, 1))).for_each(|(a, b)| *a ^= b);
    set_ends(&mut u);
    Uint::from_be(&u) == domain.q && replayed(domain, given, Hash::Sha1, 2)
}

fn replay(domain: &DsaDomain, given: &DsaSeed, hash: Hash) -> bool {
    subprime(&given.seed, hash, domain.q.byte_len()) == domain.q && replayed(domain, given, hash, 1)
}

fn set_ends(bytes: &mut [u8]) {
    if let Some(first) = bytes.first_mut() {
        *first |= 0x80;
    }
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
}

/// Is the candidate at the counter p?
fn replayed(domain: &DsaDomain, given: &DsaSeed, hash: Hash, first: u64) -> bool {
    candidate(domain.p.bit_len(), &domain.q, given, hash, first).is_some_and(|p| p == domain.p)
}

/// p's candidate of so many bits at the counter. `first` is the offset of the first one.
pub(crate) fn candidate(bits: usize, q: &Uint, given: &DsaSeed, hash: Hash, first: u64) -> Option<Uint> {
    let blocks = bits.div_ceil(8 * hash.len());
    let step = u64::try_from(blocks).unwrap_or(u64::MAX);
    let start = first.saturating_add(u64::from(given.counter).saturating_mul(step));
    let mut w = Vec::with_capacity(blocks * hash.len());
    for j in (0..step).rev() {
        w.extend_from_slice(&digest(hash, &seed_plus(&given.seed, start.saturating_add(j))));
    }
    // X = (W mod 2^(L−1)) + 2^(L−1); p = X − (X mod 2q) + 1.
    let bytes = bits.div_ceil(8);
    let mut x = w.get(w.len().saturating_sub(bytes)..).unwrap_or_default().to_vec();
    if let Some(top) = x.first_mut() {
        let highest = 0x80u8 >> (8 * bytes - bits);
        *top = (*top & highest.wrapping_sub(1)) | highest;
    }
    let width = precision(bits.saturating_add(1));
    let x = boxed_bytes(&x, width);
    let double_q = NonZero::new(boxed_in(q, width).wrapping_shl_vartime(1)).into_option()?;
    let c = x.rem_vartime(&double_q);
    Some(uint(&x.wrapping_sub(&c).wrapping_add(BoxedUint::one())))
}

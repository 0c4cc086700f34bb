//! Does an expanded ML-DSA private key hang together? t = A·s1 + s2 is computed from rho, s1 and s2 (FIPS 204, algorithm 6 lines 3 to 8), and its
//! low and high parts and their hash are compared with the key's t0 and tr. SymCrypt and aws-lc refuse on a mismatch; the crate `ml-dsa`
//! keeps its arithmetic to itself and panics on coefficients out of range, so this reads the key first. Nothing here signs or verifies.
//!
//! Constant time in s1, s2 and t0 up to the answer: no branch or index depends on them.

use crate::AdmitError;
use cngtoken_key::MlDsaSet;
use shake::{ExtendableOutput, Shake128, Shake256, Update, XofReader};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

const Q: u32 = 8_380_417;
const N: usize = 256;
/// Bits dropped from t (FIPS 204, table 1).
const D: u32 = 13;

type Poly = [u32; N];

struct Shape {
    rows: usize,
    columns: usize,
    eta: u32,
}

fn shape(set: MlDsaSet) -> Shape {
    match set {
        MlDsaSet::MlDsa44 => Shape { rows: 4, columns: 4, eta: 2 },
        MlDsaSet::MlDsa65 => Shape { rows: 6, columns: 5, eta: 4 },
        MlDsaSet::MlDsa87 => Shape { rows: 8, columns: 7, eta: 2 },
    }
}

fn mul(a: u32, b: u32) -> u32 {
    // Q is a constant: the compiler reduces by multiplication. The remainder of a division by Q fits 32 bits.
    u32::try_from((u64::from(a) * u64::from(b)) % u64::from(Q)).unwrap_or(0)
}

/// a mod Q for a < 2Q.
fn reduce_once(a: u32) -> u32 {
    let less = a.wrapping_sub(Q);
    let borrow = (less >> 31).wrapping_neg();
    less.wrapping_add(Q & borrow)
}

fn sub(a: u32, b: u32) -> u32 {
    reduce_once(a + Q - b)
}

fn power(mut base: u32, mut exponent: u32) -> u32 {
    let mut out = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            out = mul(out, base);
        }
        base = mul(base, base);
        exponent >>= 1;
    }
    out
}

/// ζ^BitRev8(i) for ζ = 1753 (FIPS 204, appendix B).
fn zetas() -> Poly {
    let mut out = [0u32; N];
    for (i, zeta) in (0u8..=255).zip(out.iter_mut()) {
        *zeta = power(1753, u32::from(i.reverse_bits()));
    }
    out
}

/// Algorithm 41.
fn ntt(w: &mut Poly, zetas: &Poly) {
    let mut m = 0;
    let mut len = 128;
    while len > 0 {
        for block in w.chunks_exact_mut(2 * len) {
            m += 1;
            let zeta = zetas.get(m).copied().unwrap_or(0);
            let (low, high) = block.split_at_mut(len);
            for (a, b) in low.iter_mut().zip(high) {
                let t = mul(zeta, *b);
                *b = sub(*a, t);
                *a = reduce_once(*a + t);
            }
        }
        len /= 2;
    }
}

/// Algorithm 42.
fn inverse_ntt(w: &mut Poly, zetas: &Poly) {
    let mut m = N;
    let mut len = 1;
    while len < N {
        for block in w.chunks_exact_mut(2 * len) {
            m -= 1;
            let zeta = Q - zetas.get(m).copied().unwrap_or(0);
            let (low, high) = block.split_at_mut(len);
            for (a, b) in low.iter_mut().zip(high) {
                let t = *a;
                *a = reduce_once(t + *b);
                *b = mul(zeta, sub(t, *b));
            }
        }
        len *= 2;
    }
    w.iter_mut().for_each(|x| *x = mul(*x, 8_347_681));
}

/// Algorithm 30, RejNTTPoly: one entry of A. Public.
fn matrix_entry(rho: &[u8], column: u8, row: u8) -> Poly {
    let mut state = Shake128::default();
    state.update(rho);
    state.update(&[column, row]);
    let mut reader = state.finalize_xof();
    let mut out = [0u32; N];
    for x in &mut out {
        loop {
            let mut b = [0u8; 3];
            reader.read(&mut b);
            let candidate = u32::from_le_bytes([b[0], b[1], b[2] & 0x7F, 0]);
            if candidate < Q {
                *x = candidate;
                break;
            }
        }
    }
    out
}

/// The numbers of `bits` bits that `bytes` pack, lowest bit first.
fn unpack(bytes: &[u8], bits: u32) -> Poly {
    let mut out = [0u32; N];
    let mut bytes = bytes.iter();
    let (mut buffer, mut have) = (0u32, 0u32);
    for x in &mut out {
        while have < bits {
            buffer |= u32::from(bytes.next().copied().unwrap_or(0)) << have;
            have += 8;
        }
        *x = buffer & ((1 << bits) - 1);
        buffer >>= bits;
        have -= bits;
    }
    out
}

/// Packs numbers of `bits` bits after `out`.
fn pack(values: &Poly, bits: u32, out: &mut Vec<u8>) {
    let (mut buffer, mut have) = (0u32, 0u32);
    for x in values {
        buffer |= x << have;
        have += bits;
        while have >= 8 {
            out.push(buffer.to_le_bytes()[0]);
            buffer >>= 8;
            have -= 8;
        }
    }
}

/// The public key that belongs to an expanded private key of the right length, if the private key hangs together.
pub(super) fn public_key(set: MlDsaSet, sk: &[u8]) -> Result<Vec<u8>, AdmitError> {
    let shape = shape(set);
    let short = || AdmitError::Missing { what: "private key" };
    let bits = if shape.eta == 2 { 3 } else { 4 };
    let (rho, rest) = sk.split_at_checked(32).ok_or_else(short)?;
    let (_, rest) = rest.split_at_checked(32).ok_or_else(short)?;
    let (tr, rest) = rest.split_at_checked(64).ok_or_else(short)?;
    let (vectors, t0) = rest.split_at_checked((shape.rows + shape.columns) * 32 * bits).ok_or_else(short)?;

    let width = u32::try_from(bits).unwrap_or(4);
    let mut packed: Vec<Poly> = vectors.chunks_exact(32 * bits).map(|poly| unpack(poly, width)).collect();
    let above = packed.iter().flatten().fold(0u32, |above, &x| above | ((2 * shape.eta).wrapping_sub(x) >> 31));
    if above != 0 {
        packed.zeroize();
        return Err(AdmitError::inconsistent("private key", "a coefficient of s1 or s2 out of range", "coefficients from −η to η"));
    }
    // Stored is η − x.
    packed.iter_mut().flatten().for_each(|x| *x = sub(shape.eta, *x));

    let zetas = zetas();
    let (s1, s2) = packed.split_at_mut(shape.columns);
    s1.iter_mut().for_each(|poly| ntt(poly, &zetas));
    let mut pk = rho.to_vec();
    let mut own_t0 = Vec::with_capacity(t0.len());
    for (row, s2) in (0u8..).zip(s2.iter()) {
        let mut t = [0u32; N];
        for (column, s1) in (0u8..).zip(s1.iter()) {
            let entry = matrix_entry(rho, column, row);
            t.iter_mut().zip(entry.iter().zip(s1)).for_each(|(t, (a, s))| *t = reduce_once(*t + mul(*a, *s)));
        }
        inverse_ntt(&mut t, &zetas);
        t.iter_mut().zip(s2).for_each(|(t, s)| *t = reduce_once(*t + *s));
        // Algorithm 35, Power2Round: t = t1·2^13 + t0 with t0 in (−2^12, 2^12]; stored is 2^12 − t0.
        let high = t.map(|x| (x + (1 << (D - 1)) - 1) >> D);
        let mut low = [0u32; N];
        low.iter_mut().zip(t.iter().zip(&high)).for_each(|(low, (t, h))| *low = (1u32 << (D - 1)).wrapping_add(h << D).wrapping_sub(*t));
        pack(&high, 10, &mut pk);
        pack(&low, D, &mut own_t0);
        t.zeroize();
        low.zeroize();
    }
    packed.zeroize();

    let mut own_tr = [0u8; 64];
    Shake256::default().chain(&pk).finalize_xof().read(&mut own_tr);
    let same = own_tr.ct_eq(tr) & own_t0.ct_eq(t0);
    own_t0.zeroize();
    if !bool::from(same) {
        return Err(AdmitError::inconsistent("private key", "a t0 or tr that does not follow from rho, s1 and s2", "t0 and tr of the same key"));
    }
    Ok(pk)
}

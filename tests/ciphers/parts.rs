//! One operation over C in one call and in parts of chance sizes, with every announced length checked.

use crate::client::{Mech, Module, R, Room, input, output};
use crate::p11;
use cryptoki_sys::*;

/// Sizes of parts, the same in every run.
pub(crate) struct Cuts(u64);

impl Cuts {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 0 to 39.
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % 40).unwrap()
    }

    /// The data in parts, empty ones among them.
    pub(crate) fn of<'a>(&mut self, mut data: &'a [u8]) -> Vec<&'a [u8]> {
        let mut parts = Vec::new();
        while !data.is_empty() {
            let (part, rest) = data.split_at(self.next().min(data.len()));
            parts.push(part);
            data = rest;
        }
        parts
    }
}

/// Encrypts or decrypts in parts; each part's length is asked for first, and a buffer that is one byte short loses nothing.
pub(crate) fn in_parts(m: &Module, s: u64, mech: &Mech, key: u64, data: &[u8], encrypt: bool, cuts: &mut Cuts) -> R<Vec<u8>> {
    let rv = if encrypt { p11!(m, C_EncryptInit, s, mech.as_ptr(), key) } else { p11!(m, C_DecryptInit, s, mech.as_ptr(), key) };
    rv.ok()?;
    let mut all = Vec::new();
    for part in cuts.of(data) {
        let (at, len) = input(part);
        let mut call = |room| {
            output(room, |out, out_len| {
                if encrypt { p11!(m, C_EncryptUpdate, s, at, len, out, out_len) } else { p11!(m, C_DecryptUpdate, s, at, len, out, out_len) }
            })
        };
        all.extend(take(&mut call)?);
    }
    let mut last =
        |room| output(room, |out, out_len| if encrypt { p11!(m, C_EncryptFinal, s, out, out_len) } else { p11!(m, C_DecryptFinal, s, out, out_len) });
    all.extend(take(&mut last)?);
    Ok(all)
}

fn take(call: &mut impl FnMut(Room) -> crate::client::Output) -> R<Vec<u8>> {
    let asked = call(Room::Ask);
    asked.rv.ok()?;
    let len = usize::try_from(asked.len).unwrap();
    if len > 0 {
        let short = call(Room::Bytes(len - 1));
        // Where the length is an upper bound the shorter output may fit.
        if short.rv == CKR_OK {
            return Ok(short.bytes);
        }
        assert_eq!((short.rv.0, short.len), (CKR_BUFFER_TOO_SMALL, asked.len));
    }
    let told = call(Room::Bytes(len));
    told.rv.ok()?;
    Ok(told.bytes)
}

/// A signature in parts.
pub(crate) fn sign_in_parts(m: &Module, s: u64, mech: &Mech, key: u64, data: &[u8], cuts: &mut Cuts) -> R<Vec<u8>> {
    p11!(m, C_SignInit, s, mech.as_ptr(), key).ok()?;
    for part in cuts.of(data) {
        let (at, len) = input(part);
        p11!(m, C_SignUpdate, s, at, len).ok()?;
    }
    take(&mut |room| output(room, |out, out_len| p11!(m, C_SignFinal, s, out, out_len)))
}

/// A verification in parts.
pub(crate) fn verify_in_parts(m: &Module, s: u64, mech: &Mech, key: u64, data: &[u8], tag: &[u8], cuts: &mut Cuts) -> R<()> {
    p11!(m, C_VerifyInit, s, mech.as_ptr(), key).ok()?;
    for part in cuts.of(data) {
        let (at, len) = input(part);
        p11!(m, C_VerifyUpdate, s, at, len).ok()?;
    }
    let (at, len) = input(tag);
    p11!(m, C_VerifyFinal, s, at, len).ok()
}

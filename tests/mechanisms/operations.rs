//! Digests, signatures and ciphers: one part, many parts and messages say the same.

use crate::client::{Mech, R, Rv, input, two_calls};
use crate::p11;
use crate::{Bench, Case};
use cryptoki_sys::*;
use std::ptr::null_mut;

/// 32 bytes: a digest, a number below every modulus with its leading zero, two blocks, and a multiple of eight.
pub(crate) const DATA: [u8; 32] = *b"\0s is thirty-two bytes, no more.";

/// Feeds DATA in uneven pieces.
fn in_pieces(mut call: impl FnMut(*mut CK_BYTE, CK_ULONG) -> Rv) -> R<()> {
    for piece in [&DATA[..1], &DATA[1..8], &[], &DATA[8..31], &DATA[31..]] {
        let (at, len) = input(piece);
        call(at, len).ok()?;
    }
    Ok(())
}

pub(crate) fn digest(b: &Bench, case: Case<'_>) {
    let (m, s, mech) = (b.m, b.s, b.good(case));
    let whole = m.digest(s, &mech, &DATA).unwrap();
    assert!(!whole.is_empty());
    assert_eq!(p11!(m, C_DigestInit, s, mech.as_ptr()), CKR_OK);
    in_pieces(|at, len| p11!(m, C_DigestUpdate, s, at, len)).unwrap();
    assert_eq!(two_calls(|out, len| p11!(m, C_DigestFinal, s, out, len)).unwrap(), whole, "{case}: in parts");
    assert_ne!(m.digest(s, &mech, &DATA[1..]).unwrap(), whole, "{case}: other data");
}

fn verify_in_parts(b: &Bench, mech: &Mech, key: u64, signature: &[u8]) -> R<()> {
    let (m, s) = (b.m, b.s);
    p11!(m, C_VerifyInit, s, mech.as_ptr(), key).ok()?;
    in_pieces(|at, len| p11!(m, C_VerifyUpdate, s, at, len))?;
    let (at, len) = input(signature);
    p11!(m, C_VerifyFinal, s, at, len).ok()
}

fn sign_in_parts(b: &Bench, mech: &Mech, key: u64) -> R<Vec<u8>> {
    let (m, s) = (b.m, b.s);
    p11!(m, C_SignInit, s, mech.as_ptr(), key).ok()?;
    in_pieces(|at, len| p11!(m, C_SignUpdate, s, at, len))?;
    two_calls(|out, len| p11!(m, C_SignFinal, s, out, len))
}

fn sign_as_message(b: &Bench, mech: &Mech, key: u64) -> Vec<u8> {
    let (m, s) = (b.m, b.s);
    assert_eq!(p11!(m, C_MessageSignInit, s, mech.as_ptr(), key), CKR_OK);
    let (at, len) = input(&DATA);
    let signature = two_calls(|out, out_len| p11!(m, C_SignMessage, s, null_mut(), 0, at, len, out, out_len)).unwrap();
    assert_eq!(p11!(m, C_MessageSignFinal, s), CKR_OK);
    signature
}

fn verify_as_message(b: &Bench, mech: &Mech, key: u64, signature: &[u8]) -> Rv {
    let (m, s) = (b.m, b.s);
    assert_eq!(p11!(m, C_MessageVerifyInit, s, mech.as_ptr(), key), CKR_OK);
    let ((at, len), (sig, sig_len)) = (input(&DATA), input(signature));
    let rv = p11!(m, C_VerifyMessage, s, null_mut(), 0, at, len, sig, sig_len);
    assert_eq!(p11!(m, C_MessageVerifyFinal, s), CKR_OK);
    rv
}

/// C_VerifySignature*: the signature comes first.
fn verify_signature(b: &Bench, mech: &Mech, key: u64, signature: &[u8]) -> Rv {
    let (m, s) = (b.m, b.s);
    let ((at, len), (sig, sig_len)) = (input(&DATA), input(signature));
    assert_eq!(p11!(m, C_VerifySignatureInit, s, mech.as_ptr(), key, sig, sig_len), CKR_OK);
    p11!(m, C_VerifySignature, s, at, len)
}

pub(crate) fn sign(b: &Bench, case: Case<'_>) {
    let (m, s, key, mech) = (b.m, b.s, b.key(case), b.good(case));
    let signature = m.sign(s, &mech, key.private, &DATA).unwrap_or_else(|rv| panic!("{case}: {rv:?}"));
    let verify = |signature: &[u8]| m.verify(s, &mech, key.public, &DATA, signature);
    assert_eq!(verify(&signature), Ok(()), "{case}: its own signature");
    assert_eq!(verify_signature(b, &mech, key.public, &signature), CKR_OK, "{case}: the signature first");
    for at in [0, signature.len() - 1] {
        let mut bad = signature.clone();
        bad[at] ^= 1;
        assert_eq!(verify(&bad), Err(Rv(CKR_SIGNATURE_INVALID)), "{case}: byte {at} changed");
    }
    assert_eq!(verify(&signature[1..]), Err(Rv(CKR_SIGNATURE_LEN_RANGE)), "{case}: a byte less");
    let mut other = DATA;
    // Not the last: a group of 160 bits sees the first 20 bytes of what is called a digest.
    other[9] ^= 1;
    assert_eq!(m.verify(s, &mech, key.public, &other, &signature), Err(Rv(CKR_SIGNATURE_INVALID)), "{case}: other data");

    let parts = sign_in_parts(b, &mech, key.private);
    if case.row.uses & CKF_MULTI_MESSAGE == 0 {
        assert_eq!(parts, Err(Rv(CKR_OPERATION_NOT_INITIALIZED)), "{case} works in one part only");
    } else {
        let parts = parts.unwrap_or_else(|rv| panic!("{case} in parts: {rv:?}"));
        assert_eq!(verify(&parts), Ok(()), "{case}: signed in parts");
        assert_eq!(verify_in_parts(b, &mech, key.public, &signature), Ok(()), "{case}: verified in parts");
        let mut bad = signature.clone();
        bad[0] ^= 1;
        assert_eq!(verify_in_parts(b, &mech, key.public, &bad), Err(Rv(CKR_SIGNATURE_INVALID)), "{case}: verified in parts");
        if key.public == key.private {
            assert_eq!(parts, signature, "{case}: a MAC in parts");
        }
    }
    if case.row.uses & CKF_MESSAGE_SIGN != 0 {
        assert_eq!(verify(&sign_as_message(b, &mech, key.private)), Ok(()), "{case}: signed as a message");
        assert_eq!(verify_as_message(b, &mech, key.public, &signature), CKR_OK, "{case}: verified as a message");
    }
}

pub(crate) fn recover(b: &Bench, case: Case<'_>) {
    let (m, s, key, mech) = (b.m, b.s, b.key(case), b.good(case));
    let ((at, len), mech) = (input(&DATA), mech.as_ptr());
    assert_eq!(p11!(m, C_SignRecoverInit, s, mech, key.private), CKR_OK);
    let mut signature = two_calls(|out, out_len| p11!(m, C_SignRecover, s, at, len, out, out_len)).unwrap();
    let again = |signature: &[u8]| {
        let (at, len) = input(signature);
        assert_eq!(p11!(m, C_VerifyRecoverInit, s, mech, key.public), CKR_OK);
        two_calls(|out, out_len| p11!(m, C_VerifyRecover, s, at, len, out, out_len))
    };
    let data = again(&signature).unwrap();
    assert!(data.ends_with(&DATA) && data[..data.len() - DATA.len()].iter().all(|byte| *byte == 0), "{case}: {data:?}");
    signature[200] ^= 1;
    assert_ne!(again(&signature), Ok(data), "{case}: a changed signature");
}

/// Both ways in parts; the pieces fit no block.
fn crypt_in_parts(b: &Bench, mech: &Mech, key: u64, encrypt: bool, data: &[u8]) -> R<Vec<u8>> {
    let (m, s) = (b.m, b.s);
    let mut found = Vec::new();
    if encrypt { p11!(m, C_EncryptInit, s, mech.as_ptr(), key) } else { p11!(m, C_DecryptInit, s, mech.as_ptr(), key) }.ok()?;
    for piece in data.chunks(7) {
        let (at, len) = input(piece);
        found.extend(two_calls(|out, out_len| {
            if encrypt { p11!(m, C_EncryptUpdate, s, at, len, out, out_len) } else { p11!(m, C_DecryptUpdate, s, at, len, out, out_len) }
        })?);
    }
    found.extend(two_calls(|out, len| if encrypt { p11!(m, C_EncryptFinal, s, out, len) } else { p11!(m, C_DecryptFinal, s, out, len) })?);
    Ok(found)
}

pub(crate) fn encrypt(b: &Bench, case: Case<'_>) {
    let (m, s, key, mech) = (b.m, b.s, b.key(case), b.good(case));
    let ciphertext = m.encrypt(s, &mech, key.public, &DATA).unwrap_or_else(|rv| panic!("{case}: {rv:?}"));
    assert_ne!(ciphertext, DATA);
    let plain = |found: R<Vec<u8>>| {
        let found = found.unwrap_or_else(|rv| panic!("{case} back: {rv:?}"));
        // A whole RSA block comes back with the zeros before the data.
        assert!(found.ends_with(&DATA) && found[..found.len() - DATA.len()].iter().all(|byte| *byte == 0), "{case}: {found:?}");
    };
    plain(m.decrypt(s, &mech, key.private, &ciphertext));
    let parts = crypt_in_parts(b, &mech, key.public, true, &DATA);
    // RSA, key wrapping and CCM are defined in one part; everything else streams.
    let one_part = case.key_type == CKK_RSA || case.row.name.contains("KEY_WRAP");
    if one_part {
        assert_eq!(parts, Err(Rv(CKR_OPERATION_NOT_INITIALIZED)), "{case} works in one part only");
    } else {
        assert_eq!(parts.as_ref(), Ok(&ciphertext), "{case}: encrypted in parts");
        plain(crypt_in_parts(b, &mech, key.private, false, &ciphertext));
    }
}

//! AES key wrap (RFC 3394) and key wrap with padding (RFC 5649). With the standards' initial values the crate `aes-kw` computes; another value,
//! which PKCS#11 lets a caller choose, runs the standard's W over the block cipher here.

use super::{Aes, Block, by_aes, padding_len};
use crate::CryptoError;
use crate::cipher::pad;
use ::aes::cipher::{BlockCipherDecrypt, common::InnerInit};
use aes_kw::{AesKw, AesKwp};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// RFC 3394's initial value.
const KW_IV: [u8; 8] = [0xA6; 8];
/// RFC 5649's alternative initial value, without the length.
const KWP_IV: [u8; 4] = [0xA6, 0x59, 0x59, 0xA6];

/// RFC 3394, 2.2.1. At least two half-blocks.
pub(crate) fn kw_wrap(aes: &Aes, iv: Option<[u8; 8]>, key: &[u8]) -> Result<Vec<u8>, CryptoError> {
    if key.len() < 16 || !key.len().is_multiple_of(8) {
        return Err(CryptoError::DataLen);
    }
    let iv = iv.unwrap_or(KW_IV);
    if iv != KW_IV {
        return Ok(w(aes, iv, key));
    }
    let mut out = vec![0u8; key.len() + 8];
    by_aes!(aes, c => AesKw::inner_init(c.clone()).wrap_key(key, &mut out).map(|_| ())).map_err(|_| CryptoError::DataLen)?;
    Ok(out)
}

/// RFC 3394, 2.2.2.
pub(crate) fn kw_unwrap(aes: &Aes, iv: Option<[u8; 8]>, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    if wrapped.len() < 24 || !wrapped.len().is_multiple_of(8) {
        return Err(CryptoError::EncryptedDataLen);
    }
    let iv = iv.unwrap_or(KW_IV);
    if iv != KW_IV {
        let (found, key) = w_inverse(aes, wrapped);
        return if bool::from(found.ct_eq(&iv)) { Ok(key) } else { Err(CryptoError::EncryptedData) };
    }
    let mut out = Zeroizing::new(vec![0u8; wrapped.len() - 8]);
    by_aes!(aes, c => AesKw::inner_init(c.clone()).unwrap_key(wrapped, &mut out).map(|_| ())).map_err(|_| CryptoError::EncryptedData)?;
    Ok(out)
}

/// RFC 5649, 4.1.
pub(crate) fn kwp_wrap(aes: &Aes, iv: Option<[u8; 4]>, key: &[u8]) -> Result<Vec<u8>, CryptoError> {
    if key.is_empty() {
        return Err(CryptoError::DataLen);
    }
    let padded_len = key.len().div_ceil(8) * 8;
    let iv = iv.unwrap_or(KWP_IV);
    if iv == KWP_IV {
        let mut out = vec![0u8; padded_len + 8];
        by_aes!(aes, c => AesKwp::inner_init(c.clone()).wrap_key(key, &mut out).map(|_| ())).map_err(|_| CryptoError::DataLen)?;
        return Ok(out);
    }
    let mut start = [0u8; 8];
    let (value, length) = start.split_at_mut(4);
    value.copy_from_slice(&iv);
    length.copy_from_slice(&u32::try_from(key.len()).map_err(|_| CryptoError::DataLen)?.to_be_bytes());
    let mut padded = Zeroizing::new(vec![0u8; padded_len]);
    padded.get_mut(..key.len()).unwrap_or_default().copy_from_slice(key);
    if padded_len == 8 {
        let mut block = Block::default();
        let (a, b) = block.split_at_mut(8);
        a.copy_from_slice(&start);
        b.copy_from_slice(&padded);
        aes.encrypt_block(&mut block);
        return Ok(block.to_vec());
    }
    Ok(w(aes, start, &padded))
}

/// RFC 5649, 4.2. Every fault is the same error.
pub(crate) fn kwp_unwrap(aes: &Aes, iv: Option<[u8; 4]>, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    if wrapped.len() < 16 || !wrapped.len().is_multiple_of(8) {
        return Err(CryptoError::EncryptedDataLen);
    }
    let iv = iv.unwrap_or(KWP_IV);
    if iv == KWP_IV {
        let mut out = Zeroizing::new(vec![0u8; wrapped.len() - 8]);
        let len = by_aes!(aes, c => AesKwp::inner_init(c.clone()).unwrap_key(wrapped, &mut out).map(<[u8]>::len))
            .map_err(|_| CryptoError::EncryptedData)?;
        out.truncate(len);
        return Ok(out);
    }
    let (found, mut key) = if wrapped.len() == 16 {
        let mut block = Block::default();
        block.copy_from_slice(wrapped);
        by_aes!(aes, c => c.decrypt_block(&mut block));
        let (a, b) = block.split_at(8);
        let mut found = [0u8; 8];
        found.copy_from_slice(a);
        (found, Zeroizing::new(b.to_vec()))
    } else {
        w_inverse(aes, wrapped)
    };
    let (value, length) = found.split_at(4);
    let length = length.iter().fold(0usize, |n, &b| (n << 8) | usize::from(b));
    let padding = key.len().checked_sub(length).filter(|&p| p < 8).ok_or(CryptoError::EncryptedData)?;
    let ok = value.ct_eq(&iv) & key.get(length..).unwrap_or_default().ct_eq(&[0u8; 8][..padding]);
    if !bool::from(ok) {
        return Err(CryptoError::EncryptedData);
    }
    key.truncate(length);
    Ok(key)
}

/// PKCS#7 padding to half-blocks, then RFC 3394. A key of fewer than 8 bytes would make one half-block only, which W cannot take.
pub(crate) fn pkcs7_wrap(aes: &Aes, iv: Option<[u8; 8]>, key: &[u8]) -> Result<Vec<u8>, CryptoError> {
    kw_wrap(aes, iv, &pad(key, 8))
}

/// RFC 3394, then the padding away. Every fault is the same error.
pub(crate) fn pkcs7_unwrap(aes: &Aes, iv: Option<[u8; 8]>, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let mut key = kw_unwrap(aes, iv, wrapped)?;
    let padding = padding_len(key.last_chunk::<8>().map_or(&[], |b| b.as_slice()), 8)?;
    let len = key.len().saturating_sub(padding);
    key.truncate(len);
    Ok(key)
}

/// What either padding wrapped.
pub(crate) fn either_unwrap(aes: &Aes, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    kwp_unwrap(aes, None, wrapped).or_else(|_| pkcs7_unwrap(aes, None, wrapped))
}

/// The wrapping function W (SP 800-38F, 6.1).
fn w(aes: &Aes, iv: [u8; 8], key: &[u8]) -> Vec<u8> {
    let mut out = iv.to_vec();
    out.extend_from_slice(key);
    let (a, halves) = out.split_at_mut(8);
    let mut step = 0u64;
    for _ in 0..6 {
        for half in halves.chunks_exact_mut(8) {
            step += 1;
            let mut block = Block::default();
            let (left, right) = block.split_at_mut(8);
            left.copy_from_slice(a);
            right.copy_from_slice(half);
            aes.encrypt_block(&mut block);
            let (left, right) = block.split_at(8);
            a.iter_mut().zip(left).zip(step.to_be_bytes()).for_each(|((a, l), t)| *a = l ^ t);
            half.copy_from_slice(right);
        }
    }
    out
}

/// Its inverse: the initial value found, and the key.
fn w_inverse(aes: &Aes, wrapped: &[u8]) -> ([u8; 8], Zeroizing<Vec<u8>>) {
    let (start, rest) = wrapped.split_at(8);
    let mut a = [0u8; 8];
    a.copy_from_slice(start);
    let mut key = Zeroizing::new(rest.to_vec());
    let mut step = u64::try_from(rest.len() / 8).unwrap_or(0).saturating_mul(6);
    for _ in 0..6 {
        for half in key.chunks_exact_mut(8).rev() {
            let mut block = Block::default();
            let (left, right) = block.split_at_mut(8);
            left.iter_mut().zip(a).zip(step.to_be_bytes()).for_each(|((l, a), t)| *l = a ^ t);
            right.copy_from_slice(half);
            by_aes!(aes, c => c.decrypt_block(&mut block));
            let (left, right) = block.split_at(8);
            a.copy_from_slice(left);
            half.copy_from_slice(right);
            step = step.saturating_sub(1);
        }
    }
    (a, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aes() -> Aes {
        Aes::new(&hex::decode("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8").unwrap()).unwrap()
    }

    #[test]
    fn w_is_what_the_crate_computes_and_its_inverse_undoes_it() {
        for len in [16, 24, 40, 128] {
            let key: Vec<u8> = (0..len).collect();
            let wrapped = kw_wrap(&aes(), None, &key).unwrap();
            assert_eq!(w(&aes(), KW_IV, &key), wrapped);
            let (iv, found) = w_inverse(&aes(), &wrapped);
            assert_eq!((iv, &*found), (KW_IV, &key));
        }
    }

    #[test]
    fn padded_wrapping_gives_the_bytes_of_rfc_5649() {
        for (key, wrapped) in [
            ("c37b7e6492584340bed12207808941155068f738", "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"),
            ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
        ] {
            let key = hex::decode(key).unwrap();
            assert_eq!(hex::encode(kwp_wrap(&aes(), None, &key).unwrap()), wrapped);
            assert_eq!(*kwp_unwrap(&aes(), None, &hex::decode(wrapped).unwrap()).unwrap(), key);
        }
    }

    #[test]
    fn another_initial_value_must_be_given_on_both_sides() {
        for len in [1usize, 7, 8, 9, 16, 17, 33] {
            let key = vec![7u8; len];
            let wrapped = kwp_wrap(&aes(), Some([1; 4]), &key).unwrap();
            assert_eq!(*kwp_unwrap(&aes(), Some([1; 4]), &wrapped).unwrap(), key);
            assert_eq!(kwp_unwrap(&aes(), None, &wrapped), Err(CryptoError::EncryptedData));
            assert_eq!(kwp_unwrap(&aes(), Some([2; 4]), &wrapped), Err(CryptoError::EncryptedData));
        }
        let wrapped = kw_wrap(&aes(), Some([1; 8]), &[7; 16]).unwrap();
        assert_eq!(*kw_unwrap(&aes(), Some([1; 8]), &wrapped).unwrap(), [7; 16]);
        assert_eq!(kw_unwrap(&aes(), None, &wrapped), Err(CryptoError::EncryptedData));
    }

    #[test]
    fn lengths_that_cannot_be_wrapped_are_refused() {
        for len in [0, 8, 17] {
            assert_eq!(kw_wrap(&aes(), None, &vec![0; len]), Err(CryptoError::DataLen));
            assert_eq!(kw_unwrap(&aes(), None, &vec![0; len]), Err(CryptoError::EncryptedDataLen));
        }
        assert_eq!(kwp_wrap(&aes(), None, &[]), Err(CryptoError::DataLen));
        assert_eq!(kwp_unwrap(&aes(), None, &[0; 8]), Err(CryptoError::EncryptedDataLen));
    }
}

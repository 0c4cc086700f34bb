//! Keys wrapped under a public key by way of a temporary AES key: RSA-OAEP around it (PKCS#11's CKM_RSA_AES_KEY_WRAP, CNG's PKCS11RsaAesWrapBlob),
//! or an agreement with a transport key on it (CKM_ECDH_AES_KEY_WRAP and its kin). The load itself is wrapped by AES with padding (RFC 5649).
//!
//! The temporary keys live in this file only. Every fault of a wrapped key is an error of length or of content; callers make one answer of both.

use crate::agree::octet_string;
use crate::block::{Aes, wrap};
use crate::{Agree, CryptoError, Direction, Key, Scheme, Transport, agree, ec, montgomery, random};
use cngtoken_key::{Curve, KeyParts, Secret};

/// Least that AES key wrap with padding gives.
const LEAST_WRAPPED: usize = 16;

/// Wraps or unwraps.
pub(crate) fn cipher(key: &Key, scheme: &Scheme, dir: Direction, data: &[u8]) -> Result<Secret, CryptoError> {
    match (scheme, dir) {
        (Scheme::RsaAesKwp { aes_len, .. }, Direction::Encrypt) => {
            let oaep = oaep(scheme)?;
            let temporary = random_key(*aes_len)?;
            let too_small = |e| if e == CryptoError::DataLen { CryptoError::KeySize } else { e };
            let head = crate::cipher(key, &oaep, dir, temporary.expose()).map_err(too_small)?;
            load_behind(head.expose(), &temporary, data)
        }
        (Scheme::RsaAesKwp { aes_len, .. }, Direction::Decrypt) => {
            let KeyParts::RsaPrivate(rsa) = key.parts() else { return Err(CryptoError::KeyType) };
            let (head, load) = data.split_at_checked(rsa.public.n.byte_len()).ok_or(CryptoError::EncryptedDataLen)?;
            let temporary = crate::cipher(key, &oaep(scheme)?, dir, head)?;
            if temporary.len() != *aes_len {
                return Err(CryptoError::EncryptedData);
            }
            unload(&temporary, load)
        }
        (Scheme::EcdhAesKwp { aes_len, how, transport }, Direction::Encrypt) => {
            let (peer, pair) = match key.parts().public() {
                Some(KeyParts::EcPublic(public)) => (public.uncompressed(), KeyParts::EcPrivate(ec::generate(public.curve)?)),
                Some(KeyParts::MontgomeryPublic(public)) => (public.u, KeyParts::MontgomeryPrivate(montgomery::generate(public.curve)?)),
                _ => return Err(CryptoError::KeyType),
            };
            let pair = Key::new(pair)?;
            let head = match pair.parts() {
                KeyParts::EcPrivate(k) if *transport == Transport::Der => wrapped_point(&k.public.uncompressed()),
                KeyParts::EcPrivate(k) => k.public.uncompressed(),
                KeyParts::MontgomeryPrivate(k) => k.public.u.clone(),
                _ => return Err(CryptoError::KeyType),
            };
            load_behind(&head, &agreed_key(&pair, &peer, how, *aes_len)?, data)
        }
        (Scheme::EcdhAesKwp { aes_len, how, .. }, Direction::Decrypt) => {
            let (head, load) = match key.parts() {
                KeyParts::EcPrivate(k) => split_at_point(k.public.curve, data)?,
                KeyParts::MontgomeryPrivate(k) => data.split_at_checked(k.public.curve.bytes()).ok_or(CryptoError::EncryptedDataLen)?,
                _ => return Err(CryptoError::KeyType),
            };
            unload(&agreed_key(key, head, how, *aes_len)?, load)
        }
        _ => Err(CryptoError::KeyType),
    }
}

/// Bytes that [`cipher`] gives for a load, or less than which it takes to give one.
pub(crate) fn head_len(key: &Key, scheme: &Scheme) -> usize {
    match (scheme, key.parts().public()) {
        (Scheme::RsaAesKwp { .. }, Some(KeyParts::RsaPublic(k))) => k.n.byte_len(),
        (Scheme::EcdhAesKwp { transport, .. }, Some(KeyParts::EcPublic(k))) => {
            let point = 1 + 2 * k.curve.field_bytes();
            if *transport == Transport::Der { point + header_len(point) } else { point }
        }
        (Scheme::EcdhAesKwp { .. }, Some(KeyParts::MontgomeryPublic(k))) => k.curve.bytes(),
        _ => 0,
    }
}

fn oaep(scheme: &Scheme) -> Result<Scheme, CryptoError> {
    match scheme {
        Scheme::RsaAesKwp { hash, mgf, label, .. } => Ok(Scheme::RsaOaep { hash: *hash, mgf: *mgf, label: label.clone() }),
        _ => Err(CryptoError::KeyType),
    }
}

fn random_key(len: usize) -> Result<Secret, CryptoError> {
    if !matches!(len, 16 | 24 | 32) {
        return Err(CryptoError::Param("AES keys have 16, 24 or 32 bytes"));
    }
    let mut key = Secret::new(vec![0; len]);
    random(key.expose_mut())?;
    Ok(key)
}

/// The first bytes of what two keys agree on.
fn agreed_key(key: &Key, peer: &[u8], how: &Agree, len: usize) -> Result<Secret, CryptoError> {
    if !matches!(len, 16 | 24 | 32) {
        return Err(CryptoError::Param("AES keys have 16, 24 or 32 bytes"));
    }
    if how.derives() {
        return agree(key, peer, how, Some(len));
    }
    let whole = agree(key, peer, how, None)?;
    whole.expose().get(..len).map(Secret::copy_of).ok_or(CryptoError::Param("the shared value is shorter than the AES key"))
}

fn load_behind(head: &[u8], temporary: &Secret, load: &[u8]) -> Result<Secret, CryptoError> {
    let load = wrap::kwp_wrap(&Aes::new(temporary.expose())?, None, load)?;
    Ok(Secret::new([head, &load].concat()))
}

fn unload(temporary: &Secret, load: &[u8]) -> Result<Secret, CryptoError> {
    let mut plain = wrap::kwp_unwrap(&Aes::new(temporary.expose())?, None, load)?;
    Ok(Secret::new(std::mem::take(&mut *plain)))
}

/// Bytes of tag and length before a point of that length.
fn header_len(point: usize) -> usize {
    if point < 0x80 { 2 } else { 3 }
}

/// DER OCTET STRING. Points have at most 133 bytes.
fn wrapped_point(point: &[u8]) -> Vec<u8> {
    let len = u8::try_from(point.len()).unwrap_or(u8::MAX);
    let header: &[u8] = if header_len(point.len()) == 2 { &[4, len] } else { &[4, 0x81, len] };
    [header, point].concat()
}

/// Point and load, whether the point is raw or a DER OCTET STRING, compressed or not. No two readings fit one length: the load is a multiple
/// of eight bytes, and a header has two bytes or three.
fn split_at_point(curve: Curve, data: &[u8]) -> Result<(&[u8], &[u8]), CryptoError> {
    let field = curve.field_bytes();
    for header in [0, 2, 3] {
        let point = match data.get(header) {
            Some(2 | 3) => 1 + field,
            Some(4) => 1 + 2 * field,
            _ => continue,
        };
        if let Some((head, load)) = data.split_at_checked(header + point)
            && load.len() >= LEAST_WRAPPED
            && load.len().is_multiple_of(8)
            && (header == 0 || octet_string(head).is_some())
        {
            return Ok((head, load));
        }
    }
    Err(CryptoError::EncryptedDataLen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AgreeKdf, Generate, Hash, cipher_len, generate};
    use cngtoken_key::{MontgomeryCurve, Uint};
    use std::sync::Arc;

    fn key(what: &Generate) -> Arc<Key> {
        Key::new(generate(what).unwrap().private.unwrap()).unwrap()
    }

    fn ecdh(aes_len: usize, kdf: Option<AgreeKdf>, transport: Transport) -> Scheme {
        Scheme::EcdhAesKwp { aes_len, how: Agree::Ecdh { kdf, shared: b"info".to_vec(), cofactor: false }, transport }
    }

    #[test]
    fn every_curve_and_form_wraps_a_load_in_the_length_told_and_gives_it_back() {
        let mut keys: Vec<Arc<Key>> = Curve::ALL.into_iter().map(|curve| key(&Generate::Ec(curve))).collect();
        keys.push(key(&Generate::Montgomery(MontgomeryCurve::X25519)));
        for key in &keys {
            for (kdf, aes_len) in [(Some(AgreeKdf::X963(Hash::Sha256)), 32), (Some(AgreeKdf::OneStep(Hash::Sha1)), 24), (None, 16)] {
                for (transport, load) in [(Transport::Raw, &[7u8; 33][..]), (Transport::Der, &[8; 8])] {
                    let scheme = ecdh(aes_len, kdf, transport);
                    let wrapped = crate::cipher(key, &scheme, Direction::Encrypt, load).unwrap();
                    assert_eq!(cipher_len(key, &scheme, Direction::Encrypt, load.len()).upper(), wrapped.len());
                    assert_eq!(crate::cipher(key, &scheme, Direction::Decrypt, wrapped.expose()).unwrap().expose(), load);
                    // Whatever form the writer chose, the reader takes it.
                    let other = ecdh(aes_len, kdf, Transport::Raw);
                    assert_eq!(crate::cipher(key, &other, Direction::Decrypt, wrapped.expose()).unwrap().expose(), load);
                    for cut in [1, 8, wrapped.len() - 1, wrapped.len()] {
                        let short = wrapped.expose().get(cut..).unwrap();
                        assert!(crate::cipher(key, &scheme, Direction::Decrypt, short).is_err());
                    }
                    let mut forged = wrapped.expose().to_vec();
                    *forged.last_mut().unwrap() ^= 1;
                    assert!(crate::cipher(key, &scheme, Direction::Decrypt, &forged).is_err());
                }
            }
        }
    }

    #[test]
    fn a_compressed_transport_point_is_taken() {
        let key = key(&Generate::Ec(Curve::P256));
        let scheme = ecdh(32, Some(AgreeKdf::X963(Hash::Sha256)), Transport::Raw);
        let wrapped = crate::cipher(&key, &scheme, Direction::Encrypt, &[9; 20]).unwrap();
        let (point, load) = wrapped.expose().split_at(65);
        let compressed = [&[2 + (point[64] & 1)], &point[1..33], load].concat();
        assert_eq!(crate::cipher(&key, &scheme, Direction::Decrypt, &compressed).unwrap().expose(), [9; 20]);
    }

    #[test]
    fn an_rsa_key_too_small_for_the_temporary_key_is_refused() {
        let key = key(&Generate::Rsa { bits: 512, e: Uint::from_u64(65537) });
        let scheme = |aes_len| Scheme::RsaAesKwp { aes_len, hash: Hash::Sha1, mgf: Hash::Sha1, label: vec![] };
        let wrapped = crate::cipher(&key, &scheme(16), Direction::Encrypt, &[1; 40]).unwrap();
        assert_eq!(crate::cipher(&key, &scheme(16), Direction::Decrypt, wrapped.expose()).unwrap().expose(), [1; 40]);
        assert_eq!(crate::cipher(&key, &scheme(24), Direction::Decrypt, wrapped.expose()).unwrap_err(), CryptoError::EncryptedData);
        assert_eq!(crate::cipher(&key, &scheme(24), Direction::Encrypt, &[1; 40]).unwrap_err(), CryptoError::KeySize);
        assert_eq!(
            crate::cipher(&key, &scheme(17), Direction::Encrypt, &[1; 40]).unwrap_err(),
            CryptoError::Param("AES keys have 16, 24 or 32 bytes")
        );
    }
}

//! The pseudo-random function of TLS: P_hash with one hash (RFC 5246, section 5), or with MD5 and SHA-1 over the halves of the secret under
//! exclusive or (RFC 2246 and RFC 4346, section 5). Labels and seeds are the caller's; RFC 5705 and RFC 7627 add theirs.

use crate::mac::Mac;
use crate::{CryptoError, Hash};
use zeroize::Zeroizing;

/// Which function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prf {
    /// TLS 1.0 and 1.1.
    Tls10,
    /// TLS 1.2.
    Tls12(Hash),
}

/// `want` bytes.
pub(crate) fn prf(prf: Prf, secret: &[u8], seed: &[&[u8]], want: usize) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    match prf {
        Prf::Tls12(hash) => p_hash(hash, secret, seed, want),
        Prf::Tls10 => {
            // The halves share the middle byte of a secret of odd length.
            let half = secret.len().div_ceil(2);
            let (first, last) = (secret.get(..half), secret.get(secret.len().saturating_sub(half)..));
            let mut out = p_hash(Hash::Md5, first.unwrap_or_default(), seed, want)?;
            let other = p_hash(Hash::Sha1, last.unwrap_or_default(), seed, want)?;
            out.iter_mut().zip(other.iter()).for_each(|(a, b)| *a ^= b);
            Ok(out)
        }
    }
}

fn p_hash(hash: Hash, secret: &[u8], seed: &[&[u8]], want: usize) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let keyed = Mac::hmac(hash, secret, false)?;
    let hmac = |first: &[u8], rest: &[&[u8]]| {
        let mut mac = keyed.clone();
        mac.update(first);
        rest.iter().for_each(|part| mac.update(part));
        Zeroizing::new(mac.finish(hash.len()))
    };
    let mut a = hmac(&[], seed);
    let mut out = Zeroizing::new(Vec::with_capacity(want.saturating_add(hash.len())));
    while out.len() < want {
        out.extend_from_slice(&hmac(&a, seed));
        a = hmac(&a, &[]);
    }
    out.truncate(want);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_of_tls_1_2_gives_the_bytes_published_for_sha256() {
        // "Generating Pseudorandom Data with the TLS 1.2 PRF", on the IETF's TLS list.
        let secret = hex::decode("9bbe436ba940f017b17652849a71db35").unwrap();
        let seed = hex::decode("a0ba9f936cda311827a6f796ffd5198c").unwrap();
        let expected = concat!(
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af",
            "0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
        );
        assert_eq!(hex::encode(&*prf(Prf::Tls12(Hash::Sha256), &secret, &[b"test label", &seed], 100).unwrap()), expected);
    }

    #[test]
    fn a_short_output_is_the_beginning_of_a_long_one_and_an_odd_secret_shares_its_middle() {
        for which in [Prf::Tls10, Prf::Tls12(Hash::Sha384)] {
            let long = prf(which, b"odd secret!", &[b"label", b"seed"], 200).unwrap();
            for want in [0, 1, 16, 48, 199] {
                assert_eq!(long[..want], *prf(which, b"odd secret!", &[b"labelseed"], want).unwrap());
            }
        }
        assert!(prf(Prf::Tls10, b"", &[], 12).is_ok());
    }
}

//! The keys of a run: made once, the same numbers for every subject, handed to the workers as files.

use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsBigEndian, AsDer};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair};

use crate::Failure;

/// The folder with the key files.
pub(crate) struct Keys {
    folder: PathBuf,
}

/// A curve of the rows.
#[derive(Clone, Copy)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Curve::P256 => "p256",
            Curve::P384 => "p384",
        }
    }

    /// DER of the object identifier.
    pub(crate) fn oid(self) -> &'static [u8] {
        match self {
            Curve::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Curve::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
        }
    }

    pub(crate) fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }
}

/// An EC key: the scalar and the uncompressed point.
pub(crate) struct EcNumbers {
    pub(crate) scalar: Vec<u8>,
    pub(crate) point: Vec<u8>,
}

/// An RSA key: modulus, both exponents, the primes and the CRT values.
pub(crate) struct RsaNumbers {
    pub(crate) parts: [Vec<u8>; 8],
}

impl Keys {
    /// Makes the keys of a run.
    pub(crate) fn generate(folder: &Path) -> Result<Keys, Failure> {
        std::fs::create_dir_all(folder)?;
        for (bits, size) in [(2048, KeySize::Rsa2048), (4096, KeySize::Rsa4096)] {
            let pair = aws_lc_rs::rsa::KeyPair::generate(size)?;
            std::fs::write(folder.join(format!("rsa{bits}.p8")), AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair)?.as_ref())?;
        }
        for curve in [Curve::P256, Curve::P384] {
            let numbers = ec(curve)?;
            std::fs::write(folder.join(curve.name()).with_extension("scalar"), numbers.scalar)?;
            std::fs::write(folder.join(curve.name()).with_extension("point"), numbers.point)?;
        }
        let mut aes = [0; 32];
        aws_lc_rs::rand::fill(&mut aes)?;
        std::fs::write(folder.join("aes256"), aes)?;
        Ok(Keys::open(folder))
    }

    pub(crate) fn open(folder: &Path) -> Keys {
        Keys { folder: folder.to_path_buf() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn rsa_pkcs8(&self, bits: u32) -> Result<Vec<u8>, Failure> {
        Ok(std::fs::read(self.folder.join(format!("rsa{bits}.p8")))?)
    }

    pub(crate) fn rsa(&self, bits: u32) -> Result<RsaNumbers, Failure> {
        rsa_numbers(&self.rsa_pkcs8(bits)?).ok_or_else(|| "the RSA key's encoding was not understood".into())
    }

    pub(crate) fn ec(&self, curve: Curve) -> Result<EcNumbers, Failure> {
        let read = |what| std::fs::read(self.folder.join(curve.name()).with_extension(what));
        Ok(EcNumbers { scalar: read("scalar")?, point: read("point")? })
    }

    pub(crate) fn aes(&self) -> Result<Vec<u8>, Failure> {
        Ok(std::fs::read(self.folder.join("aes256"))?)
    }
}

/// A new EC key.
pub(crate) fn ec(curve: Curve) -> Result<EcNumbers, Failure> {
    let pair = EcdsaKeyPair::generate(curve.signing())?;
    let scalar: aws_lc_rs::encoding::EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes()?;
    Ok(EcNumbers { scalar: scalar.as_ref().to_vec(), point: pair.public_key().as_ref().to_vec() })
}

/// The numbers of an RSA key in PKCS#8: a sequence of version, algorithm and an octet string around RFC 8017's sequence.
fn rsa_numbers(pkcs8: &[u8]) -> Option<RsaNumbers> {
    let (outer, _) = element(pkcs8, 0x30)?;
    let (_, rest) = element(outer, 0x02)?;
    let (_, rest) = element(rest, 0x30)?;
    let (key, _) = element(rest, 0x04)?;
    let (numbers, _) = element(key, 0x30)?;
    let (_, mut rest) = element(numbers, 0x02)?;
    let mut parts: [Vec<u8>; 8] = Default::default();
    for part in &mut parts {
        let (number, after) = element(rest, 0x02)?;
        *part = number.strip_prefix(&[0]).unwrap_or(number).to_vec();
        rest = after;
    }
    Some(RsaNumbers { parts })
}

/// One DER element of the given tag: its content, and what follows it.
fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = input.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let content = rest.split_at_checked(length)?;
    (found == tag).then_some(content)
}

/// The point as CKA_EC_POINT: a DER octet string.
pub(crate) fn wrapped(point: &[u8]) -> Result<Vec<u8>, Failure> {
    let length = u8::try_from(point.len())?;
    if length > 0x7f {
        return Err("a point longer than the short form".into());
    }
    Ok([&[0x04, length], point].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_generated_rsa_key_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::generate(folder.path()).unwrap();

        let numbers = keys.rsa(2048).unwrap();

        let lengths: Vec<_> = numbers.parts.iter().map(Vec::len).collect();
        assert_eq!(lengths[0], 256);
        assert_eq!(numbers.parts[1], [1, 0, 1]);
        assert!(lengths[3] == 128 && lengths[4] == 128, "{lengths:?}");
    }

    #[test]
    fn a_cut_encoding_gives_no_numbers() {
        assert!(rsa_numbers(&[0x30, 0x82, 0x01]).is_none());
        assert!(rsa_numbers(&[]).is_none());
    }
}

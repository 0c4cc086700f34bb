//! Password-based decryption of keys that travel in files: PBES2 (by the pkcs5 crate), the six PKCS#12 schemes, PBES1's four, and
//! OpenSSL's old PEM encryption. Reading only: nothing is ever written under these.
//!
//! Two errors are kept apart: a scheme that is not known here, and a password that is wrong. Iteration counts come from the file,
//! so they are bounded before anything is computed. Called by the token (PKCS8_PRIVATEKEY) and the command line (PKCS#12, PEM).
//! Source: RFC 8018, RFC 7292 appendix B.

use cbc::cipher::{BlockModeDecrypt, InnerIvInit, KeyIvInit, block_padding::Pkcs7};
use der::asn1::OctetStringRef;
use der::{Decode, Encode, Sequence};
use md5::Md5;
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::{Digest, Sha1};
use spki::AlgorithmIdentifierRef;
use thiserror::Error;
use zeroize::Zeroizing;

/// What one file may cost, in calls of a hash: NSS's PKCS#12 with its 600,000 iterations for each part, tried with the empty password
/// and with the right one; about a second of work.
const MAX_ITERATIONS: u32 = 8_000_000;
/// What one iteration of PKCS#12's derivation costs beside a call of SHA-1: it handles its own blocks.
pub const PKCS12_CALLS: u32 = 2;
/// scrypt's memory, 128·N·r bytes; OpenSSL's default is 16 MiB.
const MAX_SCRYPT_BYTES: u64 = 64 << 20;

/// The work that is left for one file, over all its parts and all passwords tried: counts come from the file.
#[derive(Clone, Copy, Debug)]
pub struct Budget(u32);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_ITERATIONS)
    }
}

impl Budget {
    /// So many calls of a hash, if that is less than what a file may cost anyway.
    #[must_use]
    pub fn of(calls: u32) -> Self {
        Self(calls.min(MAX_ITERATIONS))
    }

    /// Pays for `iterations` that cost as much as `each` calls of a hash.
    ///
    /// # Errors
    /// [`PbeError::Unknown`]: more than the file may cost, or none.
    pub fn spend(&mut self, iterations: u32, each: u32) -> Result<(), PbeError> {
        match self.0.checked_sub(iterations.saturating_mul(each)).filter(|_| iterations > 0) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(PbeError::Unknown(format!(
                "{iterations} iterations of the password derivation are too many (or none): a file may cost {MAX_ITERATIONS} calls of a hash"
            ))),
        }
    }
}

/// Why nothing was decrypted.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum PbeError {
    /// The padding or the password is wrong.
    #[error("the password is wrong, or the data is damaged")]
    WrongPassword,
    /// The scheme, or one of its parameters, is not known here.
    #[error("{0}")]
    Unknown(String),
}

/// How a PKCS#12 file spells a password: UTF-16, big-endian, with two zero bytes at the end. The empty one is also spelt as nothing.
#[must_use]
pub fn bmp(password: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect())
}

/// Salt and iterations, as PBES1 and the PKCS#12 schemes have them.
#[derive(Sequence)]
struct SaltAndCount<'a> {
    salt: &'a OctetStringRef,
    iterations: u32,
}

/// Decrypts `data`, encrypted as `algorithm` (a DER AlgorithmIdentifier) says.
///
/// # Errors
/// [`PbeError`]: the scheme is not known or costs too much, or nothing sensible came out.
pub fn decrypt(algorithm: &[u8], data: &[u8], password: &str, budget: &mut Budget) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let algorithm = AlgorithmIdentifierRef::from_der(algorithm)
        .map_err(|e| PbeError::Unknown(format!("the identifier of the encryption scheme cannot be read: {e}")))?;
    let algorithm = &algorithm;
    let oid = algorithm.oid.to_string();
    if let Some(scheme) = oid.strip_prefix("1.2.840.113549.1.12.1.") {
        let params = parameters(algorithm)?;
        let spellings: &[Zeroizing<Vec<u8>>] = &[bmp(password), Zeroizing::default()];
        let used = if password.is_empty() { spellings } else { spellings.get(..1).unwrap_or_default() };
        for spelling in used {
            // Key and initial vector.
            budget.spend(params.iterations, PKCS12_CALLS.saturating_mul(2))?;
            match pkcs12_scheme(scheme, &params, data, spelling) {
                Err(PbeError::WrongPassword) => {}
                other => return other,
            }
        }
        return Err(PbeError::WrongPassword);
    }
    if oid == "1.2.840.113549.1.5.13" {
        return pbes2(algorithm, data, password, budget);
    }
    if let Some(scheme) = oid.strip_prefix("1.2.840.113549.1.5.") {
        let params = parameters(algorithm)?;
        budget.spend(params.iterations, 1)?;
        return pbes1(scheme, &params, data, password.as_bytes());
    }
    Err(PbeError::Unknown(format!("the encryption scheme {oid} is not known")))
}

/// Whether an object identifier, in its dotted form, is one of a password-based scheme.
#[must_use]
pub fn is_scheme(oid: &str) -> bool {
    oid.starts_with("1.2.840.113549.1.12.1.") || oid.starts_with("1.2.840.113549.1.5.")
}

fn parameters<'a>(algorithm: &AlgorithmIdentifierRef<'a>) -> Result<SaltAndCount<'a>, PbeError> {
    let bad = |_| PbeError::Unknown(format!("the parameters of encryption scheme {} cannot be read", algorithm.oid));
    let params: SaltAndCount<'a> =
        algorithm.parameters_any().map_err(|_| bad(der::ErrorKind::Failed.to_error())).and_then(|any| any.decode_as().map_err(bad))?;
    Ok(params)
}

fn pkcs12_scheme(scheme: &str, params: &SaltAndCount<'_>, data: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let rounds = i32::try_from(params.iterations).unwrap_or(i32::MAX);
    let derive = |what, len| Zeroizing::new(derive_key::<Sha1>(password, params.salt.as_bytes(), what, rounds, len));
    let key = |len| derive(Pkcs12KeyType::EncryptionKey, len);
    let iv = || derive(Pkcs12KeyType::Iv, 8);
    match scheme {
        "1" => rc4(&key(16), data),
        "2" => rc4(&key(5), data),
        "3" => unpad(cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key(24), &iv()).ok(), data),
        "4" => unpad(cbc::Decryptor::<des::TdesEde2>::new_from_slices(&key(16), &iv()).ok(), data),
        "5" => rc2(&key(16), 128, &iv(), data),
        "6" => rc2(&key(5), 40, &iv(), data),
        _ => Err(PbeError::Unknown(format!("the PKCS#12 encryption scheme 1.2.840.113549.1.12.1.{scheme} is not known"))),
    }
}

/// PKCS#5 1.5: one block of 64 bits each of key and IV out of an iterated hash (PBKDF1).
fn pbes1(scheme: &str, params: &SaltAndCount<'_>, data: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let block = match scheme {
        "3" | "6" => pbkdf1::<Md5>(password, params),
        "10" | "11" => pbkdf1::<Sha1>(password, params),
        _ => return Err(PbeError::Unknown(format!("the PKCS#5 encryption scheme 1.2.840.113549.1.5.{scheme} is not known"))),
    };
    let (key, iv) = (block.get(..8).unwrap_or_default(), block.get(8..16).unwrap_or_default());
    match scheme {
        "3" | "10" => unpad(cbc::Decryptor::<des::Des>::new_from_slices(key, iv).ok(), data),
        _ => rc2(key, 64, iv, data),
    }
}

fn pbkdf1<D: Digest>(password: &[u8], params: &SaltAndCount<'_>) -> Zeroizing<Vec<u8>> {
    let mut hash = Zeroizing::new(D::new().chain_update(password).chain_update(params.salt.as_bytes()).finalize().to_vec());
    for _ in 1..params.iterations {
        hash = Zeroizing::new(D::digest(&*hash).to_vec());
    }
    hash
}

fn pbes2(algorithm: &AlgorithmIdentifierRef<'_>, data: &[u8], password: &str, budget: &mut Budget) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let unknown = |e: &dyn core::fmt::Display| PbeError::Unknown(format!("the PBES2 encryption cannot be undone: {e}"));
    let der = algorithm.to_der().map_err(|e| unknown(&e))?;
    let scheme = pkcs5::EncryptionScheme::from_der(&der).map_err(|e| unknown(&e))?;
    if let Some(kdf) = scheme.pbes2().map(|p| &p.kdf) {
        if let Some(pbkdf2) = kdf.pbkdf2() {
            // An HMAC is two calls.
            budget.spend(pbkdf2.iteration_count, 2)?;
        }
        if let Some(scrypt) = kdf.scrypt() {
            let memory = scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size)).saturating_mul(128);
            // 64 bytes of memory, filled and read, cost about one call.
            let calls = memory.saturating_mul(u64::from(scrypt.parallelization)) / 64;
            budget.spend(u32::try_from(calls.max(1)).unwrap_or(u32::MAX), 1)?;
            if memory > MAX_SCRYPT_BYTES || scrypt.parallelization > 4 {
                return Err(PbeError::Unknown(format!("scrypt parameters that need {memory} bytes are above the limit of {MAX_SCRYPT_BYTES}")));
            }
        }
    }
    match scheme.decrypt(password.as_bytes(), data) {
        Ok(plain) => Ok(Zeroizing::new(plain)),
        Err(e @ (pkcs5::Error::UnsupportedAlgorithm { .. } | pkcs5::Error::AlgorithmParametersInvalid { .. })) => Err(unknown(&e)),
        Err(_) => Err(PbeError::WrongPassword),
    }
}

fn rc4(key: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let mut plain = Zeroizing::new(data.to_vec());
    let mut cipher = Rc4::new_from_slice(key).map_err(|_| PbeError::Unknown("an RC4 key of an impossible length".to_owned()))?;
    cipher.apply_keystream(&mut plain);
    Ok(plain)
}

fn rc2(key: &[u8], bits: usize, iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    unpad(cbc::Decryptor::inner_iv_slice_init(rc2::Rc2::new_with_eff_key_len(key, bits), iv).ok(), data)
}

fn unpad<D: BlockModeDecrypt>(cipher: Option<D>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let cipher = cipher.ok_or_else(|| PbeError::Unknown("a key or an initial vector of an impossible length".to_owned()))?;
    let mut plain = Zeroizing::new(data.to_vec());
    let len = cipher.decrypt_padded::<Pkcs7>(&mut plain).map_err(|_| PbeError::WrongPassword)?.len();
    plain.truncate(len);
    Ok(plain)
}

/// OpenSSL's old derivation for encrypted PEM (EVP_BytesToKey, MD5, one round).
fn pem_key(password: &[u8], salt: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    let mut out: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(len.saturating_add(16)));
    let mut last: Zeroizing<Vec<u8>> = Zeroizing::default();
    while out.len() < len {
        last = Zeroizing::new(Md5::new().chain_update(last.as_slice()).chain_update(password).chain_update(salt).finalize().to_vec());
        out.extend_from_slice(&last);
    }
    out.truncate(len);
    out
}

/// Decrypts the body of an encrypted PEM of OpenSSL's old form.
///
/// # Errors
/// [`PbeError`].
pub fn pem_body(cipher: &str, iv: &[u8], data: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, PbeError> {
    let salt = iv.get(..8).ok_or_else(|| PbeError::Unknown("an initial vector of less than 8 bytes".to_owned()))?;
    let key = |len| pem_key(password.as_bytes(), salt, len);
    match cipher {
        "DES-EDE3-CBC" => unpad(cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key(24), iv).ok(), data),
        "DES-CBC" => unpad(cbc::Decryptor::<des::Des>::new_from_slices(&key(8), iv).ok(), data),
        "AES-128-CBC" => unpad(cbc::Decryptor::<aes::Aes128>::new_from_slices(&key(16), iv).ok(), data),
        "AES-192-CBC" => unpad(cbc::Decryptor::<aes::Aes192>::new_from_slices(&key(24), iv).ok(), data),
        "AES-256-CBC" => unpad(cbc::Decryptor::<aes::Aes256>::new_from_slices(&key(32), iv).ok(), data),
        _ => Err(PbeError::Unknown(format!("the PEM encryption {cipher} is not known"))),
    }
}

//! PKCS8_PRIVATEKEY, the one blob type that is ASN.1 and may be encrypted under a password. The object room takes it apart, `crypto`
//! decrypts it; this file holds them together and gives each failure its reason.
//!
//! Source: `vendor-ext/README.md`, "PKCS8_PRIVATEKEY"; RFC 5208, RFC 5958, RFC 8018.

use crate::object::{self, ObjectError, pkcs8};
use crate::token::error::{R, Reason, TokenError};
use cngtoken_crypto::pbe::{self, Budget, PbeError};
use cngtoken_key::{Claim, KeyParts, Secret};

/// What the bytes say, decrypted if they are encrypted.
pub(crate) fn claim(input: &[u8], password: Option<&str>) -> R<Claim> {
    if input.len() < 2 {
        return Err(Reason::BlobSize.because(format!("PKCS8_PRIVATEKEY is DER, {} bytes are too few", input.len())));
    }
    let Some(said) = pkcs8::said_length(input) else {
        return Err(Reason::BlobHeader.because("PKCS8_PRIVATEKEY is DER and begins with a SEQUENCE (30); the input does not (at offset 0)"));
    };
    if said != input.len() {
        return Err(Reason::BlobSize.because(format!("the outermost SEQUENCE says {said} bytes in all, {} are there", input.len())));
    }
    let Some(encrypted) = pkcs8::encrypted(input) else { return pkcs8::decode(input).map_err(refused) };
    let Some(password) = password else {
        return Err(Reason::BlobNotSupported.because("an encrypted PKCS#8 key; give its password in CKA_CNG_PASSWORD"));
    };
    let plain = pbe::decrypt(&encrypted.algorithm, encrypted.data, password, &mut Budget::default()).map_err(|e| match e {
        PbeError::WrongPassword => wrong_password(),
        PbeError::Unknown(why) => Reason::BlobNotSupported.because(format!("an encrypted PKCS#8 key: {why}")),
    })?;
    // Padding fits by chance once in 256 wrong passwords: then what comes out is no key.
    if !pkcs8::is_private_key_info(&plain) {
        return Err(wrong_password());
    }
    pkcs8::decode(&plain).map_err(refused)
}

fn wrong_password() -> TokenError {
    Reason::BlobNumbers.because("an encrypted PKCS#8 key: CKA_CNG_PASSWORD is wrong, or the data is damaged")
}

/// The object room's reasons are those of C_UnwrapKey; here the bytes are a blob.
fn refused(e: ObjectError) -> TokenError {
    let reason = match e.reason {
        object::Reason::AlgorithmUnknown => Reason::BlobNotSupported,
        object::Reason::CurveNotSupported => Reason::CurveNotSupported,
        object::Reason::KeySize => Reason::BlobKeySize,
        _ => Reason::BlobHeader,
    };
    reason.because(format!("PKCS#8: {e}"))
}

/// The key as DER, not encrypted. Whether it may leave has been asked before.
pub(crate) fn encode(parts: &KeyParts) -> R<Secret> {
    pkcs8::encode(parts).map_err(|e| Reason::ExportTypeMismatch.because(e.to_string()))
}

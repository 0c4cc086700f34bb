//! X.509 certificates: enough of them to store one as an object and to find the key that it belongs to.

use super::Refusal;
use der::{Decode, Encode};

/// A certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// The whole certificate.
    pub der: Vec<u8>,
    /// The subject as a person reads it.
    pub subject: String,
    /// The subject in DER, for CKA_SUBJECT.
    pub subject_der: Vec<u8>,
    /// The issuer in DER, for CKA_ISSUER.
    pub issuer_der: Vec<u8>,
    /// The serial number in DER, for CKA_SERIAL_NUMBER.
    pub serial_der: Vec<u8>,
    /// SubjectPublicKeyInfo in DER: what pairs it with a key.
    pub spki: Vec<u8>,
    /// A name that the container gives it.
    pub label: Option<String>,
}

/// Reads a certificate.
pub(super) fn parse(der: &[u8]) -> Result<Certificate, Refusal> {
    let unreadable = |e: der::Error| Refusal::new(format!("certificate: cannot be read: {e}"));
    let cert = x509_cert::Certificate::from_der(der).map_err(unreadable)?;
    let tbs = cert.tbs_certificate();
    Ok(Certificate {
        der: der.to_vec(),
        subject: tbs.subject().to_string(),
        subject_der: tbs.subject().to_der().map_err(unreadable)?,
        issuer_der: tbs.issuer().to_der().map_err(unreadable)?,
        serial_der: tbs.serial_number().to_der().map_err(unreadable)?,
        spki: tbs.subject_public_key_info().to_der().map_err(unreadable)?,
        label: None,
    })
}

impl Certificate {
    /// The name under which it is stored: the container's, else the subject's common name, else the subject.
    #[must_use]
    pub fn name(&self) -> String {
        let common = self.subject.split(',').find_map(|part| part.trim().strip_prefix("CN="));
        self.label.clone().or_else(|| common.map(str::to_owned)).unwrap_or_else(|| self.subject.clone())
    }
}

//! CMS (PKCS#7): a `.p7b` is a set of certificates; an enveloped or encrypted one needs somebody's key.

use super::{Bundle, Content, Refusal, certificate};
use der::{Decode, Encode};
use pkcs12::cms::cert::CertificateChoices;
use pkcs12::cms::content_info::ContentInfo;
use pkcs12::cms::signed_data::SignedData;

/// What a ContentInfo holds.
pub(super) fn recognise(bytes: &[u8]) -> Option<Result<Content, Refusal>> {
    let info = ContentInfo::from_der(bytes).ok()?;
    match info.content_type.to_string().as_str() {
        "1.2.840.113549.1.7.2" => Some(certificates(&info)),
        "1.2.840.113549.1.7.3" | "1.2.840.113549.1.7.6" | "1.2.840.113549.1.9.16.1.23" => {
            Some(Err(Refusal::new("an encrypted CMS message (PKCS#7 envelope): it opens only with the private key of its recipient")))
        }
        _ => None,
    }
}

fn certificates(info: &ContentInfo) -> Result<Content, Refusal> {
    let unreadable = |e: der::Error| Refusal::new(format!("CMS (PKCS#7): cannot be read: {e}"));
    let signed: SignedData = info.content.decode_as().map_err(unreadable)?;
    let mut certificates = Vec::new();
    for choice in signed.certificates.iter().flat_map(|set| set.0.iter()) {
        if let CertificateChoices::Certificate(cert) = choice {
            certificates.push(certificate::parse(&cert.to_der().map_err(unreadable)?)?);
        }
    }
    if certificates.is_empty() {
        return Err(Refusal::new("a signed CMS message (PKCS#7) without certificates: it holds no key"));
    }
    Ok(Content::Bundle(Bundle { kind: "PKCS7", keys: Vec::new(), certificates }))
}

//! What an X.509 certificate says of itself, for the attributes that its creator left out: subject, issuer, serial number, public
//! key. Nothing is verified; a certificate that cannot be read is kept as it came as long as its subject is given, since the
//! standard takes BER and old certificates stray from DER.

use super::error::{ObjectError, Reason};
use super::template::Template;
use super::value::Value;
use cryptoki_sys::*;
use der::{Header, Reader, SliceReader, Tag};

struct Said<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
}

/// The fields of TBSCertificate (RFC 5280, 4.1), each with tag and length.
fn read(input: &[u8]) -> Option<Said<'_>> {
    let mut outer = SliceReader::new(content(input)?).ok()?;
    let mut tbs = SliceReader::new(content(outer.tlv_bytes().ok()?)?).ok()?;
    let mut first = tbs.tlv_bytes().ok()?;
    const VERSION: u8 = 0xA0;
    if first.first() == Some(&VERSION) {
        first = tbs.tlv_bytes().ok()?;
    }
    let _signature = tbs.tlv_bytes().ok()?;
    let issuer = tbs.tlv_bytes().ok()?;
    let _validity = tbs.tlv_bytes().ok()?;
    let subject = tbs.tlv_bytes().ok()?;
    let spki = tbs.tlv_bytes().ok()?;
    Some(Said { serial: first, issuer, subject, spki })
}

/// The inside of one SEQUENCE that is the whole input.
fn content(input: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(input).ok()?;
    let header = Header::peek(&reader).ok()?;
    if header.tag() != Tag::Sequence {
        return None;
    }
    let whole = reader.tlv_bytes().ok()?;
    let start = whole.len().checked_sub(usize::try_from(header.length()).ok()?)?;
    if reader.is_finished() { whole.get(start..) } else { None }
}

/// Fills in what the certificate says and checks what §4.6 ties to CKA_URL.
pub(super) fn complete(t: &mut Template) -> Result<(), ObjectError> {
    let absent = |t: &Template, id| t.get(id).is_none_or(Value::is_empty);
    let incomplete = |id, why: &'static str| Err(ObjectError::at(Reason::TemplateIncomplete, id, why));
    if t.ulong(CKA_CERTIFICATE_TYPE) != Some(CKC_X_509) {
        return if absent(t, CKA_VALUE) { incomplete(CKA_VALUE, "empty") } else { Ok(()) };
    }
    if absent(t, CKA_VALUE) {
        if absent(t, CKA_URL) {
            return incomplete(CKA_VALUE, "empty, and there is no CKA_URL either");
        }
        for id in [CKA_HASH_OF_SUBJECT_PUBLIC_KEY, CKA_HASH_OF_ISSUER_PUBLIC_KEY] {
            if absent(t, id) {
                return incomplete(id, "empty, where CKA_URL stands for the certificate");
            }
        }
    } else {
        let value = t.bytes(CKA_VALUE).unwrap_or_default().to_vec();
        if let Some(said) = read(&value) {
            let fields = [(CKA_SUBJECT, said.subject), (CKA_ISSUER, said.issuer), (CKA_SERIAL_NUMBER, said.serial), (CKA_PUBLIC_KEY_INFO, said.spki)];
            for (id, field) in fields {
                if absent(t, id) {
                    t.insert(id, Value::bytes(field));
                }
            }
        }
    }
    if !t.contains(CKA_SUBJECT) {
        return incomplete(CKA_SUBJECT, "not given, and the certificate cannot be read for it");
    }
    Ok(())
}

//! Searching: which objects a template matches, and the index terms by which the store finds candidates. Every term of a search is
//! a term of every object that the search matches; [`matches`] alone decides.

use super::attributes::{self, Index};
use super::instance::Object;
use super::rules::Rules;
use super::template::Template;
use super::value::Value;
use cryptoki_sys::{CKA_CLASS, CKO_CERTIFICATE};

/// Values up to this length are terms as they are; of longer ones the length, the beginning and the end.
const MAX_TERM_BYTES: usize = 64;
const KEPT_BYTES: usize = 28;

/// True if an object has every attribute of the template with that value. A secret that cannot be read matches nothing, so a search
/// cannot be used to guess it; an attribute that is known and empty matches an empty value.
#[must_use]
pub fn matches(object: &Object, t: &Template) -> bool {
    !t.matches_nothing() && t.iter().all(|(id, value)| has_value(object, id, value))
}

fn has_value(object: &Object, id: u64, value: &Value) -> bool {
    let Some(has) = object.row().has(id) else { return false };
    if attributes::is_internal(id) || (has.rules.has(Rules::SECRET) && (object.hides_secrets() || object.is_sealed())) {
        return false;
    }
    match object.get(id) {
        Some(own) => own == value,
        None => value.is_empty(),
    }
}

/// The terms that every object which matches `t` is indexed under. None: every object is a candidate.
#[must_use]
pub fn search_terms(t: &Template) -> Vec<(u32, Vec<u8>)> {
    let certificates = t.ulong(CKA_CLASS) == Some(CKO_CERTIFICATE);
    t.iter().filter_map(|(id, value)| term(id, value, certificates)).collect()
}

/// The terms of an object.
#[must_use]
pub fn index_terms(object: &Object) -> Vec<(u32, Vec<u8>)> {
    let certificate = object.class() == CKO_CERTIFICATE;
    object.values().filter_map(|(id, value)| term(id, value, certificate)).collect()
}

fn term(id: u64, value: &Value, certificate: bool) -> Option<(u32, Vec<u8>)> {
    let wanted = match attributes::row(id)?.index {
        Index::No => false,
        Index::Always => true,
        Index::OfCertificates => certificate,
    };
    if !wanted || value.is_empty() {
        return None;
    }
    let bytes = match value {
        // Little-endian, whatever the host, since it goes to disk.
        Value::Ulong(n) => n.to_le_bytes().to_vec(),
        Value::Bytes(b) => shorten(b.expose()),
        Value::Bool(_) | Value::Ulongs(_) | Value::Template(_) => return None,
    };
    Some((u32::try_from(id).ok()?, bytes))
}

/// Long values (moduli, certificates, names) would make the index as large as the store.
fn shorten(value: &[u8]) -> Vec<u8> {
    if value.len() <= MAX_TERM_BYTES {
        return value.to_vec();
    }
    let mut out = (value.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(value.get(..KEPT_BYTES).unwrap_or_default());
    out.extend_from_slice(value.get(value.len() - KEPT_BYTES..).unwrap_or_default());
    out
}

//! Reading one blob, for tests that look at what it says.

use super::*;
use cngtoken_blob::{BlobError, Origin, decode, encode};

/// The first sample of that type that starts with `magic` at `at`.
pub(crate) fn sample(name: &str, at: usize, magic: &[u8]) -> samples::Sample {
    samples::all().into_iter().find(|s| s.row.name == name && s.blob[at..].starts_with(magic)).unwrap()
}

pub(crate) fn read(name: &str, blob: &[u8]) -> Result<Decoded, BlobError> {
    decode(blob, &Context { type_name: Some(name), ..Context::default() })
}

/// Reads it, takes the origin through its text and writes it again.
pub(crate) fn round_trip(name: &str, blob: &[u8]) -> Decoded {
    let decoded = read(name, blob).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (parts, invented) = complete(&decoded);
    assert!(!invented);
    let origin = Origin::from_text(&decoded.origin.to_text()).unwrap();
    assert!(encode(decoded.row, &parts, Some(&origin), decoded.symmetric).unwrap().expose() == blob, "{name} comes back different");
    decoded
}

pub(crate) fn le(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub(crate) fn key(wanted: fn(&KeyParts) -> bool) -> KeyParts {
    samples::keys().into_iter().find(wanted).unwrap()
}

//! Blobs around a blob: PQPrivateKeyBlob of NCrypt, and PVK files (a private key of CryptoAPI behind 24 bytes of header).
//!
//! Both are unwrapped here and the inner blob is read by its own row; its errors keep counting from the outermost input. An encrypted
//! PVK file is refused: whoever knows the password decrypts it first.

use crate::context::{Context, Decoded};
use crate::decode::decode_as;
use crate::encode::{self, Job};
use crate::error::{BlobError, EncodeError, Expected, Fault, Text};
use crate::origin::{Noted, Origin};
use crate::reader::Reader;
use crate::table::{self, BlobRow, Magic, Place, row};
use crate::writer::{Writer, ulong};
use cngtoken_key::{Family, KeyParts, Secret};

pub(crate) const PQ: Magic = *b"PQPR";
/// 0xB0B5F11E.
pub(crate) const PVK: Magic = [0x1E, 0xF1, 0xB5, 0xB0];

const PQ_HEADER: u64 = 12;
const PVK_HEADER: u64 = 24;

/// The blob types that NCrypt puts into a PQPrivateKeyBlob.
static PQ_INNER: &[&str] = &["PQDSAPRIVATEBLOB", "PQDSAPRIVATESEEDBLOB", "MLKEMPRIVATEBLOB", "MLKEMPRIVATESEEDBLOB"];

pub(crate) fn decode_pq(outer: &'static BlobRow, mut r: Reader<'_, '_>, ctx: &Context<'_>) -> Result<Decoded, BlobError> {
    let magic = r.magic("dwMagic")?;
    let cb_type = r.u32("cbBCryptType")?;
    let cb_blob = r.u32("cbBCryptBlob")?;
    r.expect_total(PQ_HEADER + u64::from(cb_type) + u64::from(cb_blob))?;
    let at_type = r.at();
    let name = r.utf16z("BCryptType", cb_type)?;
    let Some(inner) = row(&name) else {
        return Err(BlobError::new(Fault::UnknownType { name: Text::new(&name) }, at_type));
    };
    if !PQ_INNER.contains(&inner.name) {
        let what = "a PQPrivateKeyBlob around something else than a post-quantum private key; import what is inside by itself";
        return Err(BlobError::new(Fault::NotSupported { what }, at_type));
    }
    let decoded = decode_as(inner, r.inner("BCryptBlob", cb_blob)?, ctx)?;
    Ok(Decoded { row: outer, magic, origin: decoded.origin.wrapped_in(outer, magic, None), ..decoded })
}

pub(crate) fn encode_pq(job: &Job<'_>) -> Result<Secret, EncodeError> {
    if !matches!(job.parts.family(), Family::MlKem | Family::MlDsa | Family::SlhDsa) {
        return Err(job.does_not_fit("it is not a post-quantum key"));
    }
    let came_as = job.same_type().and_then(Origin::inner_row).filter(|r| PQ_INNER.contains(&r.name));
    let by_magic = || encode::specific(job.row.half, job.parts, None).and_then(row);
    let Some(inner) = came_as.or_else(by_magic) else {
        return Err(job.does_not_fit("it is not a post-quantum key"));
    };
    let blob = encode::encode(inner, job.parts, None, None)?;
    let cb_type = ulong(2 * (inner.name.len() + 1));
    let mut w = Writer::new(job.row.name, PQ_HEADER + u64::from(cb_type) + blob.len() as u64)?;
    w.bytes(&PQ);
    w.u32(cb_type);
    w.u32(ulong(blob.len()));
    w.utf16z(inner.name);
    w.bytes(blob.expose());
    Ok(w.finish())
}

pub(crate) fn decode_pvk(outer: &'static BlobRow, mut r: Reader<'_, '_>, ctx: &Context<'_>) -> Result<Decoded, BlobError> {
    let magic = r.magic("magic")?;
    let mut fields = [0; 4];
    for (value, (name, offset)) in fields.iter_mut().zip([("reserved", 4), ("keytype", 8), ("encrypted", 12), ("saltlen", 16)]) {
        *value = r.u32(name)?;
        if name == "reserved" && *value != 0 {
            return Err(BlobError::new(Fault::Field { field: name, found: u64::from(*value), expected: Expected::Exactly(0) }, r.place(offset)));
        }
    }
    let [_, key_type, encrypted, salt] = fields;
    if encrypted != 0 || salt != 0 {
        let what = "an encrypted PVK file; decrypt it first, for example with openssl rsa -inform PVK";
        return Err(BlobError::new(Fault::NotSupported { what }, r.place(12)));
    }
    let cb_key = r.u32("keylen")?;
    r.expect_total(PVK_HEADER + u64::from(cb_key))?;
    let inner_reader = r.inner("privateKeyBlob", cb_key)?;
    let inner = table::sniff(inner_reader.whole()).map_err(|e| BlobError::new(e.fault, inner_reader.place(e.at)))?;
    if inner.place != Place::Capi || inner.half != outer.half {
        let found = table::magic_at(inner_reader.whole(), 0).unwrap_or_default();
        let fault = Fault::WrongMagic { type_name: outer.name, found, belongs: Some(inner.name), like: None };
        return Err(BlobError::new(fault, inner_reader.at()));
    }
    let decoded = decode_as(inner, inner_reader, ctx)?;
    let canonical = canonical_key_type(inner);
    let note = (key_type != canonical).then_some((Noted::KeyType, key_type));
    Ok(Decoded { row: outer, magic, origin: decoded.origin.wrapped_in(outer, magic, note), ..decoded })
}

/// AT_KEYEXCHANGE for RSA and DH, AT_SIGNATURE for DSA: what OpenSSL writes.
fn canonical_key_type(inner: &BlobRow) -> u32 {
    if inner.family == Some(Family::Dsa) { 2 } else { 1 }
}

pub(crate) fn encode_pvk(job: &Job<'_>) -> Result<Secret, EncodeError> {
    let by_family = || match job.parts {
        KeyParts::RsaPrivate(_) | KeyParts::RsaPublic(_) => row("CAPIPRIVATEBLOB"),
        KeyParts::DsaPrivate(_) | KeyParts::DsaPublic(_) => row("V2CAPIDSAPRIVATEBLOB"),
        _ => None,
    };
    let same = job.same_type();
    let Some(inner) = same.and_then(Origin::inner_row).or_else(by_family) else {
        return Err(job.does_not_fit("PVK files hold RSA and DSA keys only"));
    };
    let inner_origin = same.and_then(Origin::unwrapped);
    let blob = encode::encode(inner, job.parts, inner_origin.as_ref(), None)?;
    let key_type = job.noted(Noted::KeyType).unwrap_or_else(|| canonical_key_type(inner));
    let mut w = Writer::new(job.row.name, PVK_HEADER + blob.len() as u64)?;
    w.bytes(&PVK);
    for field in [0, key_type, 0, 0, ulong(blob.len())] {
        w.u32(field);
    }
    w.bytes(blob.expose());
    Ok(w.finish())
}

//! KeyDataBlob (BCRYPT_KEY_DATA_BLOB_HEADER {magic, version 1, cbKeyData} and the bytes of a symmetric key), and CipherKeyBlob, which
//! is the same inside an NCrypt header {cbSize 16, magic, cbAlgName, cbKeyData} and the name of the cipher.

use crate::alg::{self, Alg};
use crate::context::{Context, Decoded, SymmetricAlg};
use crate::decode::{Said, decode_as};
use crate::encode::{self, Job};
use crate::error::{BlobError, EncodeError, Expected, Fault};
use crate::origin::Origin;
use crate::reader::Reader;
use crate::table::{BlobRow, Magic, row};
use crate::writer::{Writer, ulong};
use cngtoken_key::{Claim, KeyParts, Secret};

pub(crate) const KEY_DATA: Magic = *b"KDBM";
pub(crate) const CIPHER: Magic = *b"CPHR";

const HEADER: u64 = 12;
const CIPHER_HEADER: u32 = 16;

pub(crate) fn decode(r: &mut Reader<'_, '_>, _: Magic, ctx: &Context<'_>) -> Result<Said, BlobError> {
    let at = r.at();
    let cipher = match alg::given(ctx, at)? {
        None => SymmetricAlg::Generic,
        Some(Alg::Symmetric(cipher)) => cipher,
        Some(_) => return Err(alg::disagrees(ctx, "a symmetric key", at)),
    };
    r.magic("dwMagic")?;
    let version = r.u32("dwVersion")?;
    if version != 1 {
        let fault = Fault::Field { field: "dwVersion", found: u64::from(version), expected: Expected::Exactly(1) };
        return Err(BlobError::new(fault, r.place(4)));
    }
    let len = r.u32("cbKeyData")?;
    r.expect_total(HEADER + u64::from(len))?;
    let bits = 8 * u64::from(len);
    if len == 0 {
        return Err(BlobError::new(Fault::KeySize { bits, expected: "at least 8" }, r.place(8)));
    }
    if cipher == SymmetricAlg::Aes && ![16, 24, 32].contains(&len) {
        return Err(BlobError::new(Fault::KeySize { bits, expected: "128, 192 or 256 for AES" }, r.place(8)));
    }
    let key = r.secret("key", len)?;
    Ok(Said { symmetric: Some(cipher), ..Said::new(Claim::Secret(key)) })
}

pub(crate) fn encode(job: &Job<'_>) -> Result<Secret, EncodeError> {
    let KeyParts::Secret(key) = job.parts else {
        return Err(job.does_not_fit("it is not a symmetric key"));
    };
    let len = ulong(key.len());
    let mut w = Writer::new(job.row.name, HEADER + u64::from(len))?;
    w.bytes(&KEY_DATA);
    w.u32(1);
    w.u32(len);
    w.bytes(key.expose());
    Ok(w.finish())
}

pub(crate) fn decode_cipher(outer: &'static BlobRow, mut r: Reader<'_, '_>, ctx: &Context<'_>) -> Result<Decoded, BlobError> {
    let size = r.u32("cbSize")?;
    if size != CIPHER_HEADER {
        let fault = Fault::Field { field: "cbSize", found: u64::from(size), expected: Expected::Exactly(u64::from(CIPHER_HEADER)) };
        return Err(BlobError::new(fault, r.place(0)));
    }
    let magic = r.magic("dwMagic")?;
    let cb_name = r.u32("cbAlgName")?;
    let cb_data = r.u32("cbKeyData")?;
    r.expect_total(u64::from(CIPHER_HEADER) + u64::from(cb_name) + u64::from(cb_data))?;
    let at_name = r.at();
    let name = r.utf16z("algName", cb_name)?;
    if name != "AES" {
        let what = "a CipherKeyBlob of another cipher than AES; import its key bytes as a KeyDataBlob";
        return Err(BlobError::new(Fault::NotSupported { what }, at_name));
    }
    if ctx.alg_id.is_some_and(|given| given != name) {
        return Err(alg::disagrees(ctx, "an AES key", at_name));
    }
    let Some(inner) = row("KeyDataBlob") else {
        return Err(BlobError::new(Fault::NotSupported { what: outer.about }, at_name));
    };
    let ctx = Context { alg_id: Some("AES"), ..Context::default() };
    let decoded = decode_as(inner, r.inner("keyData", cb_data)?, &ctx)?;
    Ok(Decoded { row: outer, magic, origin: decoded.origin.wrapped_in(outer, magic, None), ..decoded })
}

pub(crate) fn encode_cipher(job: &Job<'_>) -> Result<Secret, EncodeError> {
    let name = job.symmetric.and_then(SymmetricAlg::alg_id);
    let (Some(name), KeyParts::Secret(_), Some(inner)) = (name, job.parts, row("KeyDataBlob")) else {
        return Err(job.does_not_fit("it is not a key of a known cipher"));
    };
    let origin: Option<&Origin> = None;
    let data = encode::encode(inner, job.parts, origin, job.symmetric)?;
    let cb_name = ulong(2 * (name.len() + 1));
    let mut w = Writer::new(job.row.name, u64::from(CIPHER_HEADER) + u64::from(cb_name) + data.len() as u64)?;
    w.u32(CIPHER_HEADER);
    w.bytes(&CIPHER);
    w.u32(cb_name);
    w.u32(ulong(data.len()));
    w.utf16z(name);
    w.bytes(data.expose());
    Ok(w.finish())
}

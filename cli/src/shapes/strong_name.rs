//! The public form of a strong name (`sn -p`, `sn -o`, an assembly's public key): SigAlgID, HashAlgID, cbPublicKey, then a
//! PUBLICKEYBLOB. A key pair (`sn -k`) is a plain CryptoAPI blob and needs no reader of its own.

use super::{Content, Refusal, Wanted, blob};

const HEADER: usize = 12;
const CALG_RSA_SIGN: u32 = 0x2400;

/// The blob behind the twelve-byte header.
pub(super) fn recognise(bytes: &[u8], wanted: &Wanted) -> Option<Result<Content, Refusal>> {
    let field = |at: usize| bytes.get(at..at.checked_add(4)?).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    // ECMA-335's neutral key has zeros here; only signature and hash algorithm identifiers are keys.
    let hash_class = field(4)? >> 13 == 4;
    if field(0)? != CALG_RSA_SIGN || !hash_class || !blob::is_capi(bytes.get(HEADER..)?) {
        return None;
    }
    let promised = usize::try_from(field(8)?).unwrap_or(usize::MAX);
    let body = bytes.get(HEADER..)?;
    if promised != body.len() {
        return Some(Err(Refusal::new(format!(
            "strong-name public key: the header promises {promised} bytes, {} follow it{}",
            body.len(),
            if body.len() < promised { ": the file ends too early (truncated)" } else { ": too long" }
        ))));
    }
    blob::inside(body, "strong-name public key", wanted)
}

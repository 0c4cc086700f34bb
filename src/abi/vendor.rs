//! The vendor interface: the list that "Vendor cngtoken" gives, and the arguments of its three functions.
//!
//! What they mean is the token's; here every refusal still leaves both handles CK_INVALID_HANDLE and is remembered for C_GetBCryptStatus.
//! Source: `vendor-ext/README.md` and `vendor-ext/include/cngtoken.h`.

use super::args::{self, Output, Place};
use super::memory;
use super::template;
use crate::token::{Application, ImportBlob, R, Reason};
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_PTR, CK_BYTE_PTR, CK_INVALID_HANDLE, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE_PTR, CK_RV, CK_SESSION_HANDLE, CK_ULONG,
    CK_ULONG_PTR, CK_UTF8CHAR_PTR, CK_VERSION,
};
use zeroize::Zeroizing;

/// A unit of UTF-16 text in the host's byte order.
#[allow(non_camel_case_types, reason = "the header's name")]
pub(super) type CK_UTF16CHAR_PTR = *const u16;

/// The function list of the vendor interface, version 1.0.
#[repr(C)]
#[allow(non_snake_case, reason = "the header's names")]
pub(super) struct VendorList {
    pub(super) version: CK_VERSION,
    pub(super) C_ImportBCryptBlob: Option<Import>,
    pub(super) C_ExportBCryptBlob: Option<Export>,
    pub(super) C_GetBCryptStatus: Option<Status>,
}

type Import = unsafe extern "C" fn(
    CK_SESSION_HANDLE,
    CK_UTF16CHAR_PTR,
    CK_OBJECT_HANDLE,
    CK_UTF16CHAR_PTR,
    CK_BYTE_PTR,
    CK_ULONG,
    CK_ULONG,
    CK_ATTRIBUTE_PTR,
    CK_ULONG,
    CK_OBJECT_HANDLE_PTR,
    CK_OBJECT_HANDLE_PTR,
) -> CK_RV;
type Export = unsafe extern "C" fn(CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_UTF16CHAR_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR) -> CK_RV;
type Status = unsafe extern "C" fn(CK_SESSION_HANDLE, CK_ULONG_PTR, CK_UTF8CHAR_PTR, CK_ULONG_PTR) -> CK_RV;

/// C_ImportBCryptBlob's arguments between session and handles, as they came.
pub(super) struct Given {
    pub(super) alg_id: CK_UTF16CHAR_PTR,
    pub(super) import_key: u64,
    pub(super) blob_type: CK_UTF16CHAR_PTR,
    pub(super) input: *mut u8,
    pub(super) input_len: u64,
    pub(super) flags: u64,
    pub(super) template: *mut CK_ATTRIBUTE,
    pub(super) count: u64,
}

/// The two places for handles; either may be left out.
type Handles = (Option<Place<CK_OBJECT_HANDLE>>, Option<Place<CK_OBJECT_HANDLE>>);

/// C_ImportBCryptBlob.
///
/// # Errors
/// The token's; ArgumentsBad for pointers and lengths that cannot be.
///
/// # Safety
/// The texts are NULL or end with a zero, `input` is NULL or readable for its length, `template` as `template::template` says.
pub(super) unsafe fn import(app: &Application, session: u64, given: &Given, (public, private): &Handles) -> R<()> {
    let put = |place: &Option<Place<_>>, handle: Option<u64>| {
        if let Some(place) = place {
            place.put(handle.unwrap_or(CK_INVALID_HANDLE));
        }
    };
    put(public, None);
    put(private, None);
    if given.input.is_null() {
        return Err(memory::missing("pbInput"));
    }
    let blob = ImportBlob {
        // SAFETY: a text by this function's contract.
        alg_id: unsafe { args::utf16(given.alg_id) }?,
        // SAFETY: as above.
        blob_type: unsafe { args::utf16(given.blob_type) }?,
        // SAFETY: readable for its length by this function's contract.
        input: Zeroizing::new(unsafe { memory::copy(given.input.cast_const().cast(), given.input_len) }?),
        flags: given.flags,
        import_key: given.import_key,
        // SAFETY: passed on unchanged.
        template: unsafe { template::template(given.template, given.count) }?,
        want_public: public.is_some(),
        want_private: private.is_some(),
    };
    let imported = app.import_blob(session, blob)?;
    put(public, imported.public);
    put(private, imported.private);
    Ok(())
}

/// C_GetBCryptStatus. A caller who wants the number only leaves the text's pointers out.
///
/// # Errors
/// The token's; BufferTooSmall with the length and the number written.
pub(super) fn status(app: &Application, session: u64, number: &Place<CK_ULONG>, reason: Option<&Output>) -> R<()> {
    let (status, text) = app.bcrypt_status(session)?;
    number.put(status.into());
    reason.map_or(Ok(()), |out| out.give(text.as_bytes()))
}

/// The text's place, or none if both pointers are NULL.
///
/// # Errors
/// ArgumentsBad if there is a buffer without a length.
///
/// # Safety
/// As `args::output`.
pub(super) unsafe fn reason(to: *mut u8, length: *mut CK_ULONG) -> R<Option<Output>> {
    match (to.is_null(), length.is_null()) {
        (true, true) => Ok(None),
        (false, true) => Err(Reason::ArgumentsBad.because("a buffer for the reason without its length")),
        // SAFETY: passed on unchanged.
        (_, false) => unsafe { args::output(to, length) }.map(Some),
    }
}

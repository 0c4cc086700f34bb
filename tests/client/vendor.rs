//! The vendor interface from the caller's side: C_ImportBCryptBlob, C_ExportBCryptBlob, C_GetBCryptStatus, and the vendor attributes.

use super::{Attrs, Module, Output, R, Room, Rv, input, output, two_calls};
use cryptoki_sys::*;
use std::ptr::{null, null_mut};

pub const CKA_CNG_BLOB: u64 = 0xC34E_4701;
pub const CKA_CNG_BLOB_TYPE: u64 = 0xC34E_4702;
pub const CKA_CNG_ALG_ID: u64 = 0xC34E_4703;
pub const CKA_CNG_IMPORT_FLAGS: u64 = 0xC34E_4704;
pub const CKA_CNG_ORIGIN: u64 = 0xC34E_4705;
pub const CKA_CNG_CURVE_NAME: u64 = 0xC34E_4706;
pub const CKA_CNG_PASSWORD: u64 = 0xC34E_4707;

pub const BCRYPT_NO_KEY_VALIDATION: u64 = 8;

pub const STATUS_SUCCESS: u32 = 0;
pub const STATUS_UNSUCCESSFUL: u32 = 0xC000_0001;
pub const STATUS_INVALID_HANDLE: u32 = 0xC000_0008;
pub const STATUS_INVALID_PARAMETER: u32 = 0xC000_000D;
pub const STATUS_ACCESS_DENIED: u32 = 0xC000_0022;
pub const STATUS_BUFFER_TOO_SMALL: u32 = 0xC000_0023;
pub const STATUS_DISK_FULL: u32 = 0xC000_007F;
pub const STATUS_NOT_SUPPORTED: u32 = 0xC000_00BB;
pub const STATUS_INVALID_BUFFER_SIZE: u32 = 0xC000_0206;

/// The function list that "Vendor cngtoken" gives.
#[repr(C)]
#[allow(non_snake_case, reason = "the names of the header")]
pub struct VendorList {
    pub version: CK_VERSION,
    pub C_ImportBCryptBlob: unsafe extern "C" fn(
        CK_SESSION_HANDLE,
        *const u16,
        CK_OBJECT_HANDLE,
        *const u16,
        *mut CK_BYTE,
        CK_ULONG,
        CK_ULONG,
        *mut CK_ATTRIBUTE,
        CK_ULONG,
        *mut CK_OBJECT_HANDLE,
        *mut CK_OBJECT_HANDLE,
    ) -> CK_RV,
    pub C_ExportBCryptBlob: unsafe extern "C" fn(CK_SESSION_HANDLE, CK_OBJECT_HANDLE, *const u16, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV,
    pub C_GetBCryptStatus: unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_ULONG, *mut CK_UTF8CHAR, *mut CK_ULONG) -> CK_RV,
}

/// The arguments of an import.
#[derive(Clone, Default)]
pub struct Import<'a> {
    pub alg_id: Option<&'a str>,
    pub blob_type: Option<&'a str>,
    pub blob: &'a [u8],
    pub flags: u64,
    pub import_key: u64,
    pub attrs: Attrs,
    /// Leave NULL where the public handle goes.
    pub no_public: bool,
    /// Leave NULL where the private handle goes.
    pub no_private: bool,
}

/// What an import answered; the handles as they stand afterwards, whatever the answer.
#[derive(Clone, Copy, Debug)]
pub struct Imported {
    pub rv: Rv,
    pub public: u64,
    pub private: u64,
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

impl Module {
    pub fn import(&self, s: u64, import: &Import<'_>) -> Imported {
        let (alg_id, blob_type) = (import.alg_id.map(utf16), import.blob_type.map(utf16));
        let at = |text: &Option<Vec<u16>>| text.as_ref().map_or(null(), |t| t.as_ptr());
        let (blob, len) = input(import.blob);
        let mut rows = import.attrs.rows();
        let rows_at = if rows.is_empty() { null_mut() } else { rows.as_mut_ptr() };
        // Not CK_INVALID_HANDLE: a refused import must say so itself.
        let (mut public, mut private) = (0xBAD, 0xBAD);
        let to_public = if import.no_public { null_mut() } else { &raw mut public };
        let to_private = if import.no_private { null_mut() } else { &raw mut private };
        let function = self.vendor.C_ImportBCryptBlob;
        // SAFETY: texts end with a zero, the blob and the rows have the lengths said, the handles are live locals or NULL.
        let rv = unsafe {
            let count = rows.len() as CK_ULONG;
            function(s, at(&alg_id), import.import_key, at(&blob_type), blob, len, import.flags, rows_at, count, to_public, to_private)
        };
        Imported { rv: Rv(rv), public, private }
    }

    /// The two calls of an export.
    pub fn export(&self, s: u64, key: u64, blob_type: &str) -> R<Vec<u8>> {
        let name = utf16(blob_type);
        two_calls(|out, len| self.export_call(s, key, &name, out, len))
    }

    /// One export call with the given room.
    pub fn export_into(&self, s: u64, key: u64, blob_type: &str, room: Room) -> Output {
        let name = utf16(blob_type);
        output(room, |out, len| self.export_call(s, key, &name, out, len))
    }

    fn export_call(&self, s: u64, key: u64, name: &[u16], out: *mut CK_BYTE, len: *mut CK_ULONG) -> Rv {
        let function = self.vendor.C_ExportBCryptBlob;
        // SAFETY: the name ends with a zero; `out` and `len` come from `output`, which owns a buffer of that length.
        Rv(unsafe { function(s, key, name.as_ptr(), 0, out, len) })
    }

    /// NTSTATUS and reason of the session's last import, export or C_CreateObject; session 0: the thread's.
    pub fn status(&self, s: u64) -> R<(u32, String)> {
        let mut number: CK_ULONG = 0xBAD;
        let function = self.vendor.C_GetBCryptStatus;
        let reason = two_calls(|out, len| {
            // SAFETY: the number is a live local; `out` and `len` come from `output`, which owns a buffer of that length.
            Rv(unsafe { function(s, &raw mut number, out, len) })
        })?;
        Ok((u32::try_from(number).expect("an NTSTATUS"), String::from_utf8(reason).expect("the reason is UTF-8")))
    }
}

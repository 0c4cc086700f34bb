//! The doors through which a client finds the functions: C_GetFunctionList, C_GetInterface, C_GetInterfaceList.
//!
//! They work before C_Initialize. The default is the newest list, 3.2; C_GetFunctionList gives 2.40. Refused: a flag (fork-safe handles are
//! not offered), an unknown name or version; never with CKR_FUNCTION_NOT_SUPPORTED, which sends some clients to the old door for good.

use super::args::{Place, ulong};
use super::memory::{self, missing};
use super::table::{LIST_2_40, LIST_3_0, LIST_3_2, LIST_VENDOR};
use crate::token::{R, Reason};
use cryptoki_sys::{CK_FLAGS, CK_FUNCTION_LIST, CK_INTERFACE, CK_ULONG, CK_UTF8CHAR, CK_VERSION};
use std::ffi::CStr;
use std::ptr::from_ref;

/// Longest name of an interface that is looked at.
const NAME_CAP: usize = 128;

const STANDARD: &CStr = c"PKCS 11";
const VENDOR: &CStr = c"Vendor cngtoken";

/// One interface: what a client sees of it, and the version by which it is found.
struct Entry {
    name: &'static CStr,
    version: CK_VERSION,
    seen: CK_INTERFACE,
}

// SAFETY: the pointers lead to statics that nobody writes.
unsafe impl Sync for Entry {}

const fn entry<T>(name: &'static CStr, list: &'static T, major: u8, minor: u8) -> Entry {
    let seen = CK_INTERFACE { pInterfaceName: name.as_ptr().cast_mut().cast(), pFunctionList: from_ref(list).cast_mut().cast(), flags: 0 };
    Entry { name, version: CK_VERSION { major, minor }, seen }
}

/// The interfaces; the first is the default.
static INTERFACES: [Entry; 4] =
    [entry(STANDARD, &LIST_3_2, 3, 2), entry(STANDARD, &LIST_3_0, 3, 0), entry(STANDARD, &LIST_2_40, 2, 40), entry(VENDOR, &LIST_VENDOR, 1, 0)];

/// C_GetFunctionList.
///
/// # Errors
/// None.
pub(super) fn function_list(place: &Place<*mut CK_FUNCTION_LIST>) -> R<()> {
    place.give(from_ref(&LIST_2_40).cast_mut())
}

/// C_GetInterfaceList.
///
/// # Errors
/// BufferTooSmall; the count is written.
///
/// # Safety
/// `to` is NULL or writable for `*count` interfaces.
pub(super) unsafe fn list(to: *mut CK_INTERFACE, count: *mut CK_ULONG) -> R<()> {
    if count.is_null() {
        return Err(missing("pulCount"));
    }
    let all = &INTERFACES;
    // SAFETY: not NULL, and readable by the contract of C_GetInterfaceList.
    let have = unsafe { memory::read(count) }?;
    // SAFETY: likewise writable.
    unsafe { memory::write(count, ulong(all.len())) }
    if to.is_null() {
        return Ok(());
    }
    if have < ulong(all.len()) {
        return Err(Reason::BufferTooSmall.because(format!("{} interfaces, the array has room for {have}", all.len())));
    }
    for (index, entry) in all.iter().enumerate() {
        // SAFETY: index < *count, and the array is writable that far by this function's contract.
        unsafe { memory::write(to.wrapping_add(index), entry.seen) }
    }
    Ok(())
}

/// C_GetInterface.
///
/// # Errors
/// ArgumentsBad for an unknown name or version, FunctionFailed for a flag.
///
/// # Safety
/// `name` is NULL or a string, `version` NULL or readable.
pub(super) unsafe fn find(name: *const CK_UTF8CHAR, version: *const CK_VERSION, place: &Place<*mut CK_INTERFACE>, flags: CK_FLAGS) -> R<()> {
    let name = if name.is_null() {
        STANDARD.to_bytes().to_vec()
    } else {
        // SAFETY: a string by this function's contract.
        unsafe { memory::until_zero(name, NAME_CAP) }?
    };
    let version = if version.is_null() {
        None
    } else {
        // SAFETY: readable by this function's contract.
        Some(unsafe { memory::read(version) }?)
    };
    let fits = |entry: &Entry| version.is_none_or(|v| (v.major, v.minor) == (entry.version.major, entry.version.minor));
    let Some(entry) = INTERFACES.iter().find(|entry| entry.name.to_bytes() == name && fits(entry)) else {
        return Err(Reason::ArgumentsBad.because("there is no interface of this name and version"));
    };
    if flags & !entry.seen.flags != 0 {
        return Err(Reason::FunctionFailed.because(format!("no interface has the flags {flags:#x}; handles do not survive a fork")));
    }
    place.give(from_ref(&entry.seen).cast_mut())
}

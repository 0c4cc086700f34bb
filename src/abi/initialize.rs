//! C_Initialize and C_Finalize: the forms in which clients call them, and what is read from the process's surroundings.
//!
//! The module locks with the system's own locks and makes no threads: mutex callbacks are accepted beside CKF_OS_LOCKING_OK (NSS gives
//! both) and never called; callbacks alone are CKR_CANT_LOCK. With AT_SECURE the environment is not read. Source: PKCS#11 3.2, "C_Initialize".

use super::{door, fork, log, memory, state};
use crate::token::{Application, Config, Environment, R, Reason};
use cryptoki_sys::{CK_C_INITIALIZE_ARGS, CKF_OS_LOCKING_OK};
use std::ffi::{CStr, CString, OsStr, OsString, c_void};
use std::os::unix::ffi::OsStrExt;

/// Longest string in pReserved, its end included.
const RESERVED_CAP: usize = 4096;

/// C_Initialize.
///
/// # Errors
/// ArgumentsBad, CantLock, CryptokiAlreadyInitialized; what the configuration is refused for.
///
/// # Safety
/// `args` is NULL or points to CK_C_INITIALIZE_ARGS, whose pReserved is NULL or a string.
pub(super) unsafe fn initialize(args: *mut c_void) -> R<()> {
    door::quiet_panics();
    if state::is_foreign() {
        fork::start_over();
    }
    // SAFETY: passed on unchanged.
    let reserved = unsafe { form(args.cast()) }?;
    if state::is_up() {
        return Err(Reason::CryptokiAlreadyInitialized.into());
    }
    let secure = is_secure();
    if !secure {
        log::set_up(&variable);
    }
    fork::register()?;
    let config = Config::load(&Environment { get: &variable, secure, reserved })?;
    state::install(Application::open(config)?)
}

/// C_Finalize.
///
/// # Errors
/// ArgumentsBad, CryptokiNotInitialized.
pub(super) fn finalize(reserved: *mut c_void) -> R<()> {
    if !reserved.is_null() {
        return Err(Reason::ArgumentsBad.because("the reserved pointer is not NULL"));
    }
    if state::is_foreign() {
        // A copy of the process that ran no fork handler: what it holds is the parent's to close.
        fork::start_over();
    }
    state::finalize()
}

/// Reads the arguments' form; the string in pReserved, if any, configures the module.
///
/// # Safety
/// As [`initialize`].
unsafe fn form(args: *const CK_C_INITIALIZE_ARGS) -> R<Option<String>> {
    if args.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so it points to the structure by this function's contract.
    let args = unsafe { memory::read(args) }?;
    let callbacks = [args.CreateMutex.is_some(), args.DestroyMutex.is_some(), args.LockMutex.is_some(), args.UnlockMutex.is_some()];
    match (callbacks.contains(&true), callbacks.contains(&false)) {
        (true, true) => return Err(Reason::ArgumentsBad.because("some of the four mutex callbacks are NULL and some are not")),
        (true, false) if args.flags & CKF_OS_LOCKING_OK == 0 => return Err(Reason::CantLock.into()),
        (_, _) => {}
    }
    if args.pReserved.is_null() {
        return Ok(None);
    }
    // SAFETY: a string by this function's contract; read no further than its end or the cap.
    let text = unsafe { memory::until_zero(args.pReserved.cast::<u8>(), RESERVED_CAP) }?;
    let text = String::from_utf8(text).map_err(|_| Reason::ArgumentsBad.because("the string in pReserved is not UTF-8"))?;
    Ok((!text.is_empty()).then_some(text))
}

/// True in a process with raised rights (setuid, file capabilities), whose environment its caller has chosen.
fn is_secure() -> bool {
    // SAFETY: getauxval reads a table that the kernel gave the process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// An environment variable, read by libc: the standard library takes a lock that a forked child may find taken.
fn variable(name: &str) -> Option<OsString> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` is a string with its end; the environment is the process's.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: getenv gives NULL or a string, which is copied at once.
    let value = unsafe { CStr::from_ptr(value) };
    Some(OsStr::from_bytes(value.to_bytes()).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::null_mut;

    unsafe extern "C" fn create(_: *mut *mut c_void) -> u64 {
        0
    }

    unsafe extern "C" fn other(_: *mut c_void) -> u64 {
        0
    }

    fn args() -> CK_C_INITIALIZE_ARGS {
        CK_C_INITIALIZE_ARGS { CreateMutex: None, DestroyMutex: None, LockMutex: None, UnlockMutex: None, flags: 0, pReserved: null_mut() }
    }

    fn callbacks(flags: u64) -> CK_C_INITIALIZE_ARGS {
        CK_C_INITIALIZE_ARGS {
            CreateMutex: Some(create),
            DestroyMutex: Some(other),
            LockMutex: Some(other),
            UnlockMutex: Some(other),
            flags,
            pReserved: null_mut(),
        }
    }

    fn read(args: &CK_C_INITIALIZE_ARGS) -> R<Option<String>> {
        // SAFETY: a structure of the test's.
        unsafe { form(args) }
    }

    #[test]
    fn callbacks_are_taken_beside_the_systems_locks_and_not_instead_of_them() {
        assert_eq!(read(&callbacks(CKF_OS_LOCKING_OK | 1)), Ok(None));
        assert_eq!(read(&callbacks(0)).unwrap_err().reason, Reason::CantLock);
        let some = CK_C_INITIALIZE_ARGS { CreateMutex: Some(create), flags: CKF_OS_LOCKING_OK, ..args() };
        assert_eq!(read(&some).unwrap_err().reason, Reason::ArgumentsBad);
    }

    #[test]
    fn the_reserved_string_is_bounded() {
        let mut text = *b"store=/x\0";
        assert_eq!(read(&CK_C_INITIALIZE_ARGS { pReserved: text.as_mut_ptr().cast(), ..args() }), Ok(Some("store=/x".to_owned())));
        let mut endless = [b'a'; RESERVED_CAP];
        let refused = read(&CK_C_INITIALIZE_ARGS { pReserved: endless.as_mut_ptr().cast(), ..args() });
        assert_eq!(refused.unwrap_err().reason, Reason::ArgumentsBad);
    }
}

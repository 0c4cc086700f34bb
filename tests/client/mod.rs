//! A small C client of the module: loads the built `.so` as any application does and calls it through its 3.2 function list.
//!
//! Every method makes one PKCS#11 call (or the few that always belong together) and gives back the CK_RV; nothing is judged here. It never
//! names the rlib, so no test that uses it can open a store a second time in one process. Who calls it: the test binaries beside this
//! folder, through `mod client;`. Source of truth: PKCS#11 3.2 and `docs/` for the vendor interface.
#![allow(dead_code, reason = "each test binary uses its own part of the client")]
#![allow(unreachable_pub, reason = "a module of several test binaries")]

pub mod attrs;
pub mod codes;
pub mod mech;
pub mod place;
pub mod rv;
pub mod shared;
pub mod vendor;

pub use attrs::Attrs;
pub use mech::Mech;
pub use place::alone;
pub use rv::{R, Rv};

use cryptoki_sys::*;
use libloading::Library;
use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::sync::OnceLock;
use vendor::VendorList;

/// PINs and slot of the tokens that tests make.
pub const USER_PIN: &[u8] = b"12345678";
/// The security officer's PIN.
pub const SO_PIN: &[u8] = b"87654321";
/// The one slot that CNGTOKEN_STORE gives.
pub const SLOT: u64 = 0;

/// The loaded module.
pub struct Module {
    pub list: &'static CK_FUNCTION_LIST_3_2,
    pub vendor: &'static VendorList,
    _library: Library,
}

/// Calls a function of the 3.2 list and wraps its CK_RV, which must be one that the function may answer.
#[macro_export]
macro_rules! p11 {
    ($module:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let function = $module.list.$function.expect("the list has every pointer");
        // SAFETY: the function comes from the module's list, whose signatures cryptoki-sys declares; every pointer among the arguments is
        // NULL or points into a live local of the caller with the length that stands beside it.
        let rv = unsafe { function($($argument),*) };
        $crate::client::Rv($crate::client::codes::checked(stringify!($function), rv))
    }};
}

/// The caller's buffer in a call that gives bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// A NULL buffer: the size question.
    Ask,
    /// A buffer of so many bytes.
    Bytes(usize),
    /// A buffer, but NULL where the length is told.
    NoLength,
}

/// What came back from such a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub rv: Rv,
    pub len: u64,
    pub bytes: Vec<u8>,
}

/// Runs one call with the given room. The buffer is larger than said, and a byte written behind its end fails the test.
pub fn output(room: Room, call: impl FnOnce(*mut CK_BYTE, *mut CK_ULONG) -> Rv) -> Output {
    const GUARD: u8 = 0xA5;
    let room_len = if let Room::Bytes(n) = room { n } else { 0 };
    let mut buffer = vec![GUARD; room_len + 64];
    let mut len = if room == Room::Ask { 0xDEAD } else { room_len as CK_ULONG };
    let rv = match room {
        Room::Ask => call(null_mut(), &raw mut len),
        Room::Bytes(_) => call(buffer.as_mut_ptr(), &raw mut len),
        Room::NoLength => call(buffer.as_mut_ptr(), null_mut()),
    };
    assert!(buffer[room_len..].iter().all(|b| *b == GUARD), "bytes were written behind the caller's buffer of {room_len}");
    let written = if rv == CKR_OK && matches!(room, Room::Bytes(_)) { usize::try_from(len).expect("a length") } else { 0 };
    assert!(written <= room_len, "a length of {written} was told for a buffer of {room_len}");
    buffer.truncate(written);
    Output { rv, len, bytes: buffer }
}

/// The usual two calls: the size question, then the answer.
pub fn two_calls(mut call: impl FnMut(*mut CK_BYTE, *mut CK_ULONG) -> Rv) -> R<Vec<u8>> {
    let asked = output(Room::Ask, &mut call);
    asked.rv.ok()?;
    let told = output(Room::Bytes(usize::try_from(asked.len).expect("a length")), &mut call);
    told.rv.ok()?;
    Ok(told.bytes)
}

/// A pointer for input bytes; an empty slice becomes a dangling pointer with length 0, as from most callers.
pub fn input(bytes: &[u8]) -> (*mut CK_BYTE, CK_ULONG) {
    (bytes.as_ptr().cast_mut(), bytes.len() as CK_ULONG)
}

/// The library beside the running test: `cargo test` leaves the fresh one in `deps/`, a stale one may lie in the profile's folder.
fn path() -> PathBuf {
    if let Some(path) = std::env::var_os("CNGTOKEN_TEST_MODULE") {
        return path.into();
    }
    let deps = std::env::current_exe().expect("the test's own path").parent().expect("its folder").to_owned();
    let candidates = [deps.join("libcngtoken.so"), deps.join("../libcngtoken.so")];
    let newest = candidates.iter().filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path))).max();
    newest.expect("libcngtoken.so is beside the test").1.clone()
}

/// Loads the module once per process. It is never unloaded.
pub fn load() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        // SAFETY: loading runs the library's constructors only; it is the module under test.
        let library = unsafe { Library::new(path()) }.expect("the module loads");
        // SAFETY: the symbol is C_GetInterface by the name it is exported under.
        let get = unsafe { library.get::<CK_C_GetInterface>(b"C_GetInterface\0") }.expect("C_GetInterface").expect("not NULL");
        let interface = |name: Option<&[u8]>| {
            let mut interface: *mut CK_INTERFACE = null_mut();
            let name = name.map_or(null_mut(), |n| n.as_ptr().cast_mut());
            // SAFETY: the name is NULL or ends with a zero; `interface` is a live local.
            assert_eq!(unsafe { get(name, null_mut(), &raw mut interface, 0) }, CKR_OK, "the interface is there");
            // SAFETY: the call said CKR_OK, so the pointer leads to a CK_INTERFACE that lives as long as the library, which is never unloaded.
            unsafe { (*interface).pFunctionList }
        };
        let list = interface(None).cast::<CK_FUNCTION_LIST_3_2>();
        let vendor = interface(Some(b"Vendor cngtoken\0")).cast::<VendorList>();
        // SAFETY: the default interface is the 3.2 list and the vendor interface a VendorList; both live as long as the library.
        let (list, vendor) = unsafe { (&*list, &*vendor) };
        assert_eq!((list.version.major, list.version.minor), (3, 2), "the default interface is the 3.2 list");
        Module { list, vendor, _library: library }
    })
}

impl Module {
    pub fn initialize(&self) -> R<()> {
        p11!(self, C_Initialize, null_mut()).ok()
    }

    pub fn finalize(&self) -> R<()> {
        p11!(self, C_Finalize, null_mut()).ok()
    }

    pub fn init_token(&self, pin: &[u8], label: &str) -> R<()> {
        let mut padded = [b' '; 32];
        padded[..label.len()].copy_from_slice(label.as_bytes());
        p11!(self, C_InitToken, SLOT, pin.as_ptr().cast_mut(), pin.len() as CK_ULONG, padded.as_mut_ptr()).ok()
    }

    /// C_Initialize, C_InitToken, the user's PIN: a token as an administrator leaves it, with no session open.
    pub fn make_token(&self) {
        self.initialize().expect("C_Initialize");
        self.init_token(SO_PIN, "test").expect("C_InitToken");
        let s = self.rw().expect("a session");
        self.login(s, CKU_SO, SO_PIN).expect("SO login");
        p11!(self, C_InitPIN, s, USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as CK_ULONG).ok().expect("C_InitPIN");
        self.close(s).expect("C_CloseSession");
    }

    /// A token with the user logged in, in a read-write session.
    pub fn make_token_and_log_in(&self) -> u64 {
        self.make_token();
        self.rw_user()
    }

    /// A read-write session with the user logged in.
    pub fn rw_user(&self) -> u64 {
        let s = self.rw().expect("a session");
        self.login(s, CKU_USER, USER_PIN).expect("the user logs in");
        s
    }

    pub fn token_info(&self) -> R<CK_TOKEN_INFO> {
        let mut info = CK_TOKEN_INFO::default();
        p11!(self, C_GetTokenInfo, SLOT, &raw mut info).ok()?;
        Ok(info)
    }

    pub fn mechanisms(&self) -> R<Vec<u64>> {
        let mut count = 0;
        p11!(self, C_GetMechanismList, SLOT, null_mut(), &raw mut count).ok()?;
        let mut list = vec![0; usize::try_from(count).expect("a count")];
        p11!(self, C_GetMechanismList, SLOT, list.as_mut_ptr(), &raw mut count).ok()?;
        Ok(list)
    }

    pub fn open(&self, flags: u64) -> R<u64> {
        let mut s = CK_INVALID_HANDLE;
        p11!(self, C_OpenSession, SLOT, flags, null_mut(), None, &raw mut s).ok()?;
        Ok(s)
    }

    pub fn rw(&self) -> R<u64> {
        self.open(CKF_SERIAL_SESSION | CKF_RW_SESSION)
    }

    pub fn ro(&self) -> R<u64> {
        self.open(CKF_SERIAL_SESSION)
    }

    pub fn close(&self, s: u64) -> R<()> {
        p11!(self, C_CloseSession, s).ok()
    }

    pub fn close_all(&self) -> R<()> {
        p11!(self, C_CloseAllSessions, SLOT).ok()
    }

    pub fn session_info(&self, s: u64) -> R<CK_SESSION_INFO> {
        let mut info = CK_SESSION_INFO::default();
        p11!(self, C_GetSessionInfo, s, &raw mut info).ok()?;
        Ok(info)
    }

    pub fn login(&self, s: u64, user: u64, pin: &[u8]) -> R<()> {
        p11!(self, C_Login, s, user, pin.as_ptr().cast_mut(), pin.len() as CK_ULONG).ok()
    }

    pub fn logout(&self, s: u64) -> R<()> {
        p11!(self, C_Logout, s).ok()
    }

    pub fn set_pin(&self, s: u64, old: &[u8], new: &[u8]) -> R<()> {
        let (old, old_len) = input(old);
        let (new, new_len) = input(new);
        p11!(self, C_SetPIN, s, old, old_len, new, new_len).ok()
    }

    pub fn create(&self, s: u64, attrs: &Attrs) -> R<u64> {
        let mut handle = CK_INVALID_HANDLE;
        let mut rows = attrs.rows();
        p11!(self, C_CreateObject, s, rows.as_mut_ptr(), rows.len() as CK_ULONG, &raw mut handle).ok()?;
        Ok(handle)
    }

    pub fn copy(&self, s: u64, object: u64, attrs: &Attrs) -> R<u64> {
        let mut handle = CK_INVALID_HANDLE;
        let mut rows = attrs.rows();
        let at = if rows.is_empty() { null_mut() } else { rows.as_mut_ptr() };
        p11!(self, C_CopyObject, s, object, at, rows.len() as CK_ULONG, &raw mut handle).ok()?;
        Ok(handle)
    }

    pub fn destroy(&self, s: u64, object: u64) -> R<()> {
        p11!(self, C_DestroyObject, s, object).ok()
    }

    pub fn size(&self, s: u64, object: u64) -> R<u64> {
        let mut size = 0;
        p11!(self, C_GetObjectSize, s, object, &raw mut size).ok()?;
        Ok(size)
    }

    pub fn set(&self, s: u64, object: u64, attrs: &Attrs) -> R<()> {
        let mut rows = attrs.rows();
        p11!(self, C_SetAttributeValue, s, object, rows.as_mut_ptr(), rows.len() as CK_ULONG).ok()
    }

    /// One attribute by the two usual calls.
    pub fn get(&self, s: u64, object: u64, id: u64) -> R<Vec<u8>> {
        let mut row = CK_ATTRIBUTE { type_: id, pValue: null_mut(), ulValueLen: 0 };
        p11!(self, C_GetAttributeValue, s, object, &raw mut row, 1).ok()?;
        let mut value = vec![0_u8; usize::try_from(row.ulValueLen).expect("a length")];
        row.pValue = value.as_mut_ptr().cast::<c_void>();
        p11!(self, C_GetAttributeValue, s, object, &raw mut row, 1).ok()?;
        Ok(value)
    }

    pub fn get_bool(&self, s: u64, object: u64, id: u64) -> R<bool> {
        let value = self.get(s, object, id)?;
        assert!(matches!(value[..], [0 | 1]), "attribute {id:#x} is a CK_BBOOL, not {value:?}");
        Ok(value[0] == 1)
    }

    pub fn get_ulong(&self, s: u64, object: u64, id: u64) -> R<u64> {
        let value = self.get(s, object, id)?;
        Ok(u64::from_ne_bytes(value.try_into().expect("a CK_ULONG")))
    }

    /// Every object that matches, in the order told.
    pub fn find(&self, s: u64, attrs: &Attrs) -> R<Vec<u64>> {
        let mut rows = attrs.rows();
        let at = if rows.is_empty() { null_mut() } else { rows.as_mut_ptr() };
        p11!(self, C_FindObjectsInit, s, at, rows.len() as CK_ULONG).ok()?;
        let mut found = Vec::new();
        loop {
            let mut handles = [0; 64];
            let mut count = 0;
            p11!(self, C_FindObjects, s, handles.as_mut_ptr(), 64, &raw mut count).ok()?;
            if count == 0 {
                break;
            }
            found.extend_from_slice(&handles[..usize::try_from(count).expect("a count")]);
        }
        p11!(self, C_FindObjectsFinal, s).ok()?;
        Ok(found)
    }

    pub fn digest(&self, s: u64, mech: &Mech, data: &[u8]) -> R<Vec<u8>> {
        p11!(self, C_DigestInit, s, mech.as_ptr()).ok()?;
        let (at, len) = input(data);
        two_calls(|out, out_len| p11!(self, C_Digest, s, at, len, out, out_len))
    }

    pub fn sign(&self, s: u64, mech: &Mech, key: u64, data: &[u8]) -> R<Vec<u8>> {
        p11!(self, C_SignInit, s, mech.as_ptr(), key).ok()?;
        let (at, len) = input(data);
        two_calls(|out, out_len| p11!(self, C_Sign, s, at, len, out, out_len))
    }

    pub fn verify(&self, s: u64, mech: &Mech, key: u64, data: &[u8], signature: &[u8]) -> R<()> {
        p11!(self, C_VerifyInit, s, mech.as_ptr(), key).ok()?;
        let ((at, len), (sig, sig_len)) = (input(data), input(signature));
        p11!(self, C_Verify, s, at, len, sig, sig_len).ok()
    }

    pub fn encrypt(&self, s: u64, mech: &Mech, key: u64, data: &[u8]) -> R<Vec<u8>> {
        p11!(self, C_EncryptInit, s, mech.as_ptr(), key).ok()?;
        let (at, len) = input(data);
        two_calls(|out, out_len| p11!(self, C_Encrypt, s, at, len, out, out_len))
    }

    pub fn decrypt(&self, s: u64, mech: &Mech, key: u64, data: &[u8]) -> R<Vec<u8>> {
        p11!(self, C_DecryptInit, s, mech.as_ptr(), key).ok()?;
        let (at, len) = input(data);
        two_calls(|out, out_len| p11!(self, C_Decrypt, s, at, len, out, out_len))
    }

    pub fn derive(&self, s: u64, mech: &Mech, base: u64, attrs: &Attrs) -> R<u64> {
        let mut handle = CK_INVALID_HANDLE;
        let mut rows = attrs.rows();
        p11!(self, C_DeriveKey, s, mech.as_ptr(), base, rows.as_mut_ptr(), rows.len() as CK_ULONG, &raw mut handle).ok()?;
        Ok(handle)
    }

    pub fn generate(&self, s: u64, mech: &Mech, attrs: &Attrs) -> R<u64> {
        let mut handle = CK_INVALID_HANDLE;
        let mut rows = attrs.rows();
        p11!(self, C_GenerateKey, s, mech.as_ptr(), rows.as_mut_ptr(), rows.len() as CK_ULONG, &raw mut handle).ok()?;
        Ok(handle)
    }

    pub fn generate_pair(&self, s: u64, mech: &Mech, public: &Attrs, private: &Attrs) -> R<(u64, u64)> {
        let mut handles = (CK_INVALID_HANDLE, CK_INVALID_HANDLE);
        let (mut a, mut b) = (public.rows(), private.rows());
        let (a_len, b_len) = (a.len() as CK_ULONG, b.len() as CK_ULONG);
        let rv =
            p11!(self, C_GenerateKeyPair, s, mech.as_ptr(), a.as_mut_ptr(), a_len, b.as_mut_ptr(), b_len, &raw mut handles.0, &raw mut handles.1);
        rv.ok()?;
        Ok(handles)
    }

    pub fn wrap(&self, s: u64, mech: &Mech, wrapping: u64, key: u64) -> R<Vec<u8>> {
        two_calls(|out, len| p11!(self, C_WrapKey, s, mech.as_ptr(), wrapping, key, out, len))
    }

    pub fn unwrap(&self, s: u64, mech: &Mech, unwrapping: u64, wrapped: &[u8], attrs: &Attrs) -> R<u64> {
        let mut handle = CK_INVALID_HANDLE;
        let mut rows = attrs.rows();
        let (at, len) = input(wrapped);
        p11!(self, C_UnwrapKey, s, mech.as_ptr(), unwrapping, at, len, rows.as_mut_ptr(), rows.len() as CK_ULONG, &raw mut handle).ok()?;
        Ok(handle)
    }

    pub fn encapsulate(&self, s: u64, mech: &Mech, public: u64, attrs: &Attrs) -> R<(Vec<u8>, u64)> {
        let mut handle = CK_INVALID_HANDLE;
        let mut rows = attrs.rows();
        let count = rows.len() as CK_ULONG;
        let ciphertext =
            two_calls(|out, len| p11!(self, C_EncapsulateKey, s, mech.as_ptr(), public, rows.as_mut_ptr(), count, out, len, &raw mut handle))?;
        Ok((ciphertext, handle))
    }

    pub fn decapsulate(&self, s: u64, mech: &Mech, private: u64, attrs: &Attrs, ciphertext: &[u8]) -> R<u64> {
        let mut handle = CK_INVALID_HANDLE;
        let mut rows = attrs.rows();
        let (at, len) = input(ciphertext);
        p11!(self, C_DecapsulateKey, s, mech.as_ptr(), private, rows.as_mut_ptr(), rows.len() as CK_ULONG, at, len, &raw mut handle).ok()?;
        Ok(handle)
    }
}

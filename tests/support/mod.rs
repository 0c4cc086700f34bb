//! A small PKCS#11 client for the tests: it loads the built `.so` as applications do and never touches the store in any other way.
//!
//! The environment, the fork handler and the module's state belong to a process, so each scenario runs in a process of its own:
//! [`in_child`] starts the test's executable again for this one test, with a throw-away store, and a crash there is a failed test here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unsafe_code, reason = "calls through function pointers")]

#[path = "../client/codes.rs"]
#[allow(unreachable_pub, reason = "a module of several test binaries")]
pub(crate) mod codes;

use cryptoki_sys::*;
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::{from_mut, null_mut};

/// The PINs of all tests.
pub(crate) const SO_PIN: &[u8] = b"87654321";
/// See [`SO_PIN`].
pub(crate) const PIN: &[u8] = b"12345678";

/// A session that may write.
pub(crate) const RW: CK_FLAGS = CKF_SERIAL_SESSION | CKF_RW_SESSION;

const SCENARIO: &str = "CNGTOKEN_TEST_SCENARIO";

/// Runs the calling test's body in a process of its own, with an empty store folder. Call it once, as the test's only statement.
pub(crate) fn in_child(body: impl FnOnce(&Path)) {
    in_child_with(&[], body);
}

/// As [`in_child`], with more environment variables; `@DIR@` in a value is the folder.
pub(crate) fn in_child_with(variables: &[(&str, &str)], body: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(SCENARIO) {
        return body(Path::new(&folder));
    }
    let thread = std::thread::current();
    let name = thread.name().expect("a test's thread is named after it");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(SCENARIO, path).env("CNGTOKEN_STORE", folder.path().join("store.db")).env("CNGTOKEN_KDF", "test");
    for variable in ["CNGTOKEN_CONF", "CNGTOKEN_LOG", "CNGTOKEN_LOG_FILE"] {
        command.env_remove(variable);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value.replace("@DIR@", path))));
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}\n{said}", output.status);
    assert!(said.contains("1 passed"), "{name}: the scenario did not run\n{said}");
}

/// Where the module lies: cargo leaves the fresh one beside the test's own executable.
pub(crate) fn module_path() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    exe.parent().unwrap().join("libcngtoken.so")
}

/// The loaded module and its newest function list.
#[derive(Clone, Copy)]
pub(crate) struct Module {
    pub(crate) list: &'static CK_FUNCTION_LIST_3_2,
    pub(crate) library: &'static libloading::Library,
}

/// Calls a function of the module's list; the code must be one that the function may answer.
macro_rules! call {
    ($module:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        let function = $module.list.$function.expect(stringify!($function));
        // SAFETY: the arguments are the test's own, valid or refused before they are used.
        let rv = unsafe { function($($argument),*) };
        $crate::support::codes::checked(stringify!($function), rv)
    }};
}

pub(crate) use call;

impl Module {
    /// Loads it; C_Initialize is the test's.
    pub(crate) fn load() -> Self {
        let path = module_path();
        // SAFETY: the module's initialisers are the ones of the libraries linked into it.
        let library = unsafe { libloading::Library::new(&path) };
        let library: &'static _ = Box::leak(Box::new(library.unwrap_or_else(|e| panic!("{}: {e}", path.display()))));
        let mut interface: *mut CK_INTERFACE = null_mut();
        // SAFETY: the symbol has this type by the standard.
        let get =
            unsafe { library.get::<unsafe extern "C" fn(*mut u8, *mut CK_VERSION, *mut *mut CK_INTERFACE, CK_FLAGS) -> CK_RV>(b"C_GetInterface") };
        // SAFETY: NULL asks for the default interface.
        assert_eq!(unsafe { get.unwrap()(null_mut(), null_mut(), &raw mut interface, 0) }, CKR_OK);
        // SAFETY: the module gave the pointer, to a static.
        let list = unsafe { (*interface).pFunctionList };
        // SAFETY: the default interface is the 3.2 list, as tests/interfaces.rs checks.
        Self { list: unsafe { &*list.cast::<CK_FUNCTION_LIST_3_2>() }, library }
    }

    /// Loads and initialises it.
    pub(crate) fn initialized() -> Self {
        let module = Self::load();
        assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
        module
    }

    /// Loads it and makes a token with both PINs in slot 0.
    pub(crate) fn with_token() -> Self {
        let module = Self::initialized();
        let mut label = *b"test token                      ";
        assert_eq!(call!(module, C_InitToken(0, bytes(SO_PIN), len(SO_PIN), label.as_mut_ptr())), CKR_OK);
        let session = module.session(RW);
        assert_eq!(module.login(session, CKU_SO, SO_PIN), CKR_OK);
        assert_eq!(call!(module, C_InitPIN(session, bytes(PIN), len(PIN))), CKR_OK);
        assert_eq!(call!(module, C_CloseSession(session)), CKR_OK);
        module
    }

    /// As [`Module::with_token`], with a session in which the user is logged in.
    pub(crate) fn with_user() -> (Self, CK_SESSION_HANDLE) {
        let module = Self::with_token();
        (module, module.user_session())
    }

    /// A new session in which the user is logged in.
    pub(crate) fn user_session(&self) -> CK_SESSION_HANDLE {
        let session = self.session(RW);
        assert_eq!(self.login(session, CKU_USER, PIN), CKR_OK);
        session
    }

    /// A new session.
    pub(crate) fn session(&self, flags: CK_FLAGS) -> CK_SESSION_HANDLE {
        let mut session = 0;
        assert_eq!(call!(self, C_OpenSession(0, flags, null_mut(), None, &raw mut session)), CKR_OK);
        session
    }

    /// C_Login.
    pub(crate) fn login(&self, session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: &[u8]) -> CK_RV {
        call!(self, C_Login(session, user, bytes(pin), len(pin)))
    }

    /// The session's CKS_ state.
    pub(crate) fn state(&self, session: CK_SESSION_HANDLE) -> CK_STATE {
        let mut info = CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 };
        assert_eq!(call!(self, C_GetSessionInfo(session, &raw mut info)), CKR_OK);
        info.state
    }

    /// C_CreateObject.
    pub(crate) fn create(&self, session: CK_SESSION_HANDLE, template: &mut [CK_ATTRIBUTE]) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let mut handle = 0;
        match call!(self, C_CreateObject(session, template.as_mut_ptr(), len(template), &raw mut handle)) {
            CKR_OK => Ok(handle),
            rv => Err(rv),
        }
    }

    /// A data object with a label.
    pub(crate) fn create_data(&self, session: CK_SESSION_HANDLE, label: &str, token: bool) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (mut class, mut token) = (CKO_DATA, CK_BBOOL::from(token));
        self.create(
            session,
            &mut [number(CKA_CLASS, &mut class), flag(CKA_TOKEN, &mut token), text(CKA_LABEL, label.as_bytes()), text(CKA_VALUE, b"value")],
        )
    }

    /// All objects that fit.
    pub(crate) fn find(&self, session: CK_SESSION_HANDLE, template: &mut [CK_ATTRIBUTE]) -> Vec<CK_OBJECT_HANDLE> {
        assert_eq!(call!(self, C_FindObjectsInit(session, template.as_mut_ptr(), len(template))), CKR_OK);
        let (mut found, mut count) = (vec![0; 1000], 0);
        assert_eq!(call!(self, C_FindObjects(session, found.as_mut_ptr(), 1000, &raw mut count)), CKR_OK);
        assert_eq!(call!(self, C_FindObjectsFinal(session)), CKR_OK);
        found.truncate(usize::try_from(count).unwrap());
        found
    }

    /// How many objects have the label.
    pub(crate) fn count_label(&self, session: CK_SESSION_HANDLE, label: &str) -> usize {
        self.find(session, &mut [text(CKA_LABEL, label.as_bytes())]).len()
    }

    /// One attribute's value.
    pub(crate) fn attribute(&self, session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, id: CK_ATTRIBUTE_TYPE) -> Result<Vec<u8>, CK_RV> {
        let mut row = CK_ATTRIBUTE { type_: id, pValue: null_mut(), ulValueLen: 0 };
        match call!(self, C_GetAttributeValue(session, object, &raw mut row, 1)) {
            CKR_OK => {}
            rv => return Err(rv),
        }
        let mut value = vec![0u8; usize::try_from(row.ulValueLen).unwrap()];
        row.pValue = value.as_mut_ptr().cast();
        match call!(self, C_GetAttributeValue(session, object, &raw mut row, 1)) {
            CKR_OK => Ok(value),
            rv => Err(rv),
        }
    }

    /// A key pair on P-256 in the session: (public, private).
    pub(crate) fn p256_pair(&self, session: CK_SESSION_HANDLE, token: bool) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
        let (mut public, mut private, mut token) = (0, 0, CK_BBOOL::from(token));
        let curve = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
        let mut mechanism = plain(CKM_EC_KEY_PAIR_GEN);
        let mut yes = CK_TRUE;
        let mut public_rows = [text(CKA_EC_PARAMS, &curve), flag(CKA_TOKEN, &mut token.clone()), flag(CKA_VERIFY, &mut yes.clone())];
        let mut private_rows = [flag(CKA_TOKEN, &mut token), flag(CKA_SIGN, &mut yes)];
        let rv = call!(
            self,
            C_GenerateKeyPair(
                session,
                &raw mut mechanism,
                public_rows.as_mut_ptr(),
                len(&public_rows),
                private_rows.as_mut_ptr(),
                len(&private_rows),
                &raw mut public,
                &raw mut private
            )
        );
        assert_eq!(rv, CKR_OK);
        (public, private)
    }

    /// Signs in one go.
    pub(crate) fn sign(
        &self,
        session: CK_SESSION_HANDLE,
        mechanism: CK_MECHANISM_TYPE,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Result<Vec<u8>, CK_RV> {
        let mut mechanism = plain(mechanism);
        match call!(self, C_SignInit(session, &raw mut mechanism, key)) {
            CKR_OK => {}
            rv => return Err(rv),
        }
        let (mut signature, mut length) = (vec![0u8; 8192], 8192);
        match call!(self, C_Sign(session, bytes(data), len(data), signature.as_mut_ptr(), &raw mut length)) {
            CKR_OK => {}
            rv => return Err(rv),
        }
        signature.truncate(usize::try_from(length).unwrap());
        Ok(signature)
    }
}

/// A mechanism without a parameter.
pub(crate) fn plain(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: null_mut(), ulParameterLen: 0 }
}

/// A number attribute.
pub(crate) fn number(id: CK_ATTRIBUTE_TYPE, value: &mut CK_ULONG) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: id, pValue: from_mut(value).cast(), ulValueLen: size_of::<CK_ULONG>() as CK_ULONG }
}

/// A boolean attribute.
pub(crate) fn flag(id: CK_ATTRIBUTE_TYPE, value: &mut CK_BBOOL) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: id, pValue: from_mut(value).cast(), ulValueLen: 1 }
}

/// A bytes attribute.
pub(crate) fn text(id: CK_ATTRIBUTE_TYPE, value: &[u8]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: id, pValue: bytes(value).cast::<c_void>(), ulValueLen: len(value) }
}

/// Input bytes as the standard's pointers want them, which are never const.
pub(crate) fn bytes(data: &[u8]) -> *mut u8 {
    data.as_ptr().cast_mut()
}

/// A length as the caller's number.
pub(crate) fn len<T>(items: &[T]) -> CK_ULONG {
    items.len() as CK_ULONG
}

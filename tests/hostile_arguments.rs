//! Every function with arguments that no sane caller passes: an answer of the standard, never a crash and never a hang.
//!
//! Driven by the standard's own table of functions and argument types. All runs are in child processes, which print each function's name
//! before they call it, so that a crash names its cause.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]
#![allow(unsafe_code, reason = "calls functions through their addresses")]

mod support;

use cryptoki_sys::*;
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;
use std::ptr::null_mut;
use support::{Module, call, in_child};

type Raw = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize, usize, usize, usize, usize, usize, usize) -> CK_RV;

/// The most arguments that a function has, the vendor functions included.
const MOST: usize = 12;

struct Function {
    name: String,
    args: Vec<(String, String)>,
    listed: Vec<String>,
}

struct Table {
    functions: Vec<Function>,
    always: Vec<String>,
}

/// The standard's table, and the vendor functions.
fn table() -> Option<Table> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/functions.json");
    let Ok(spec) = std::fs::read_to_string(&path) else {
        println!("{} is absent: nothing is called", path.display());
        return None;
    };
    let spec: Value = serde_json::from_str(&spec).unwrap();
    let strings = |v: &Value| v.as_array().map(|a| a.iter().map(|s| s.as_str().unwrap().to_owned()).collect::<Vec<_>>()).unwrap_or_default();
    let pair = |a: &Value| (a["type"].as_str().unwrap().to_owned(), a["name"].as_str().unwrap().to_owned());
    let mut functions: Vec<Function> = spec["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| Function {
            name: f["name"].as_str().unwrap().to_owned(),
            args: f["args"].as_array().unwrap().iter().map(pair).collect(),
            listed: strings(&f["returns"]),
        })
        .collect();
    let vendor = |name: &str, args: &[(&str, &str)]| Function {
        name: name.to_owned(),
        args: args.iter().map(|(t, n)| ((*t).to_owned(), (*n).to_owned())).collect(),
        listed: [
            "CKR_ARGUMENTS_BAD",
            "CKR_CRYPTOKI_NOT_INITIALIZED",
            "CKR_OBJECT_HANDLE_INVALID",
            "CKR_ATTRIBUTE_VALUE_INVALID",
            "CKR_BUFFER_TOO_SMALL",
        ]
        .map(str::to_owned)
        .into(),
    };
    functions.push(vendor(
        "C_ImportBCryptBlob",
        &[
            ("CK_SESSION_HANDLE", "hSession"),
            ("CK_UTF16CHAR_PTR", "pszAlgId"),
            ("CK_OBJECT_HANDLE", "hImportKey"),
            ("CK_UTF16CHAR_PTR", "pszBlobType"),
            ("CK_BYTE_PTR", "pbInput"),
            ("CK_ULONG", "cbInput"),
            ("CK_ULONG", "dwFlags"),
            ("CK_ATTRIBUTE_PTR", "pTemplate"),
            ("CK_ULONG", "ulCount"),
            ("CK_OBJECT_HANDLE_PTR", "phPublicKey"),
            ("CK_OBJECT_HANDLE_PTR", "phPrivateKey"),
        ],
    ));
    functions.push(vendor(
        "C_ExportBCryptBlob",
        &[
            ("CK_SESSION_HANDLE", "hSession"),
            ("CK_OBJECT_HANDLE", "hKey"),
            ("CK_UTF16CHAR_PTR", "pszBlobType"),
            ("CK_ULONG", "dwFlags"),
            ("CK_BYTE_PTR", "pbOutput"),
            ("CK_ULONG_PTR", "pcbOutput"),
        ],
    ));
    functions.push(vendor(
        "C_GetBCryptStatus",
        &[("CK_SESSION_HANDLE", "hSession"), ("CK_ULONG_PTR", "pNtStatus"), ("CK_UTF8CHAR_PTR", "pReason"), ("CK_ULONG_PTR", "pulReasonLen")],
    ));
    let mut always = ["universal", "session", "token"].map(|list| strings(&spec[list])).concat();
    always.extend(["CKR_FUNCTION_NOT_SUPPORTED", "CKR_ARGUMENTS_BAD"].map(str::to_owned));
    Some(Table { functions, always })
}

/// The names of the codes that hostile calls may answer, to compare with the standard's lists.
fn names() -> BTreeMap<CK_RV, &'static str> {
    macro_rules! codes { ($($name:ident)*) => { BTreeMap::from([$(($name, stringify!($name)),)*]) } }
    codes! {
        CKR_OK CKR_HOST_MEMORY CKR_SLOT_ID_INVALID CKR_GENERAL_ERROR CKR_FUNCTION_FAILED CKR_ARGUMENTS_BAD CKR_NO_EVENT CKR_CANT_LOCK
        CKR_ATTRIBUTE_READ_ONLY CKR_ATTRIBUTE_SENSITIVE CKR_ATTRIBUTE_TYPE_INVALID CKR_ATTRIBUTE_VALUE_INVALID CKR_ACTION_PROHIBITED
        CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_DEVICE_ERROR CKR_DEVICE_MEMORY CKR_ENCRYPTED_DATA_INVALID CKR_ENCRYPTED_DATA_LEN_RANGE
        CKR_FUNCTION_NOT_PARALLEL CKR_FUNCTION_NOT_SUPPORTED CKR_KEY_HANDLE_INVALID CKR_KEY_SIZE_RANGE CKR_KEY_TYPE_INCONSISTENT
        CKR_KEY_FUNCTION_NOT_PERMITTED CKR_MECHANISM_INVALID CKR_MECHANISM_PARAM_INVALID CKR_OBJECT_HANDLE_INVALID CKR_OPERATION_ACTIVE
        CKR_OPERATION_NOT_INITIALIZED CKR_PIN_INCORRECT CKR_PIN_INVALID CKR_PIN_LEN_RANGE CKR_PIN_LOCKED CKR_SESSION_CLOSED CKR_SESSION_COUNT
        CKR_SESSION_HANDLE_INVALID CKR_SESSION_PARALLEL_NOT_SUPPORTED CKR_SESSION_READ_ONLY CKR_SESSION_EXISTS CKR_SESSION_READ_ONLY_EXISTS
        CKR_SIGNATURE_INVALID CKR_SIGNATURE_LEN_RANGE CKR_TEMPLATE_INCOMPLETE CKR_TEMPLATE_INCONSISTENT CKR_TOKEN_NOT_PRESENT
        CKR_TOKEN_NOT_RECOGNIZED CKR_TOKEN_WRITE_PROTECTED CKR_UNWRAPPING_KEY_HANDLE_INVALID CKR_USER_ALREADY_LOGGED_IN
        CKR_USER_NOT_LOGGED_IN CKR_USER_PIN_NOT_INITIALIZED CKR_USER_TYPE_INVALID CKR_USER_ANOTHER_ALREADY_LOGGED_IN CKR_WRAPPED_KEY_INVALID
        CKR_WRAPPED_KEY_LEN_RANGE CKR_WRAPPING_KEY_HANDLE_INVALID CKR_RANDOM_SEED_NOT_SUPPORTED CKR_BUFFER_TOO_SMALL CKR_SAVED_STATE_INVALID
        CKR_STATE_UNSAVEABLE CKR_CRYPTOKI_NOT_INITIALIZED CKR_CRYPTOKI_ALREADY_INITIALIZED CKR_OPERATION_CANCEL_FAILED
    }
}

/// What a pattern passes for an argument: given its type and name.
type Pick<'a> = dyn Fn(&str, &str) -> usize + 'a;

/// Calls every function with what the pattern picks; `again` puts the module back into its state after each.
fn call_all(module: &Module, table: &Table, skip: &[&str], pick: &Pick<'_>, mut again: impl FnMut()) {
    let names = names();
    let mut out = std::io::stdout();
    for function in table.functions.iter().filter(|f| !skip.contains(&f.name.as_str())) {
        writeln!(out, "calling {}", function.name).unwrap();
        out.flush().unwrap();
        let mut args = [0usize; MOST];
        for (to, (kind, name)) in args.iter_mut().zip(&function.args) {
            *to = pick(kind, name);
        }
        if function.name == "C_WaitForSlotEvent" {
            args[0] |= 1; // CKF_DONT_BLOCK: waiting for ever is what the standard wants else.
        }
        // SAFETY: the symbol is a function of this calling convention; what it is passed is the test.
        let symbol = unsafe { module.library.get::<Raw>(function.name.as_bytes()) }.unwrap();
        let [a, b, c, d, e, f, g, h, i, j, k, l] = args;
        // SAFETY: surplus arguments are the caller's to clean up and are ignored by the callee on this platform.
        let rv = unsafe { symbol(a, b, c, d, e, f, g, h, i, j, k, l) };
        let code = names.get(&rv).unwrap_or_else(|| panic!("{} answered {rv:#x}, which is no code for it", function.name));
        // C_AsyncComplete has no list: it answers what the function that it names answers.
        let listed = function.listed.is_empty() || function.listed.iter().chain(&table.always).any(|name| name == code);
        assert!(listed, "{} answered {code}, which the standard does not list for it", function.name);
        assert_ne!(rv, CKR_GENERAL_ERROR, "{} panicked or gave up", function.name);
        again();
    }
}

fn is_pointer(kind: &str) -> bool {
    kind.ends_with("_PTR")
}

fn is_length(kind: &str, name: &str) -> bool {
    kind == "CK_ULONG" && !is_pointer(kind) && !matches!(name, "ulID" | "dwFlags")
}

/// Memory that the module is handed, all of one word.
struct Block(Vec<Cell<usize>>, usize);

impl Block {
    fn new(word: usize) -> Self {
        Self(vec![Cell::new(word); 4096], word)
    }

    fn at(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Takes back what the last call wrote there: it would be read as pointers and lengths by the next.
    fn refill(&self) {
        self.0.iter().for_each(|cell| cell.set(self.1));
    }
}

/// Initialises and logs in again where a call has ended that.
fn restore(module: &Module, session: CK_SESSION_HANDLE) {
    assert!([CKR_OK, CKR_CRYPTOKI_ALREADY_INITIALIZED].contains(&call!(module, C_Initialize(null_mut()))));
    let mut info = CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 };
    assert_eq!(call!(module, C_GetSessionInfo(session, &raw mut info)), CKR_OK, "the session is gone");
    let _ = module.login(session, CKU_USER, support::PIN);
}

/// Functions that end the session or the application when all goes well, and C_Initialize, whose argument has no length beside it.
const ENDING: [&str; 4] = ["C_Finalize", "C_CloseSession", "C_CloseAllSessions", "C_InitToken"];

#[test]
fn all_arguments_zero_before_initialize() {
    let Some(table) = table() else { return };
    in_child(|_| {
        let module = Module::load();
        call_all(&module, &table, &["C_Initialize"], &|_, _| 0, || {});
    });
}

#[test]
fn all_arguments_zero_after_initialize() {
    let Some(table) = table() else { return };
    in_child(|_| {
        let (module, session) = Module::with_user();
        call_all(&module, &table, &["C_Finalize", "C_CloseAllSessions"], &|_, _| 0, || restore(&module, session));
    });
}

#[test]
fn a_valid_session_and_all_else_zero() {
    let Some(table) = table() else { return };
    in_child(|_| {
        let (module, session) = Module::with_user();
        let pick = |kind: &str, _: &str| if kind == "CK_SESSION_HANDLE" { usize::try_from(session).unwrap() } else { 0 };
        call_all(&module, &table, &ENDING, &pick, || restore(&module, session));
    });
}

#[test]
fn null_pointers_with_lengths() {
    let Some(table) = table() else { return };
    in_child(|_| {
        let (module, session) = Module::with_user();
        for length in [1, 16, 1 << 20, 1 << 31, 1 << 32, isize::MAX as usize, 1 << 63, usize::MAX] {
            let pick = |kind: &str, name: &str| match kind {
                "CK_SESSION_HANDLE" => usize::try_from(session).unwrap(),
                _ if is_length(kind, name) => length,
                _ => 0,
            };
            call_all(&module, &table, &ENDING, &pick, || restore(&module, session));
        }
    });
}

#[test]
fn lengths_that_no_memory_has_beside_good_pointers() {
    let Some(table) = table() else { return };
    in_child(|_| {
        let (module, session) = Module::with_user();
        for length in [1 << 63, usize::MAX, usize::MAX - 7] {
            // One block of zeros, but for the lengths that are passed by pointer, which all say the same.
            let (memory, lengths) = (Block::new(0), Block::new(length));
            let pick = |kind: &str, name: &str| match kind {
                "CK_SESSION_HANDLE" => usize::try_from(session).unwrap(),
                "CK_ULONG_PTR" => lengths.at(),
                // NULL ends an operation where a mechanism may be missing; zeros are a mechanism without a parameter.
                _ if is_pointer(kind) => memory.at(),
                _ if is_length(kind, name) => length,
                _ => 0,
            };
            call_all(&module, &table, &ENDING, &pick, || {
                memory.refill();
                lengths.refill();
                restore(&module, session);
            });
        }
    });
}

#[test]
fn handles_that_never_were_beside_good_pointers() {
    let Some(table) = table() else { return };
    in_child(|_| {
        let (module, session) = Module::with_user();
        for (bad_session, bad_object) in
            [(0xDEAD, 0xDEAD), (usize::MAX, usize::MAX), (usize::try_from(session).unwrap(), usize::MAX), (1 << 40, 1 << 40)]
        {
            let memory = Block::new(0);
            let pick = |kind: &str, _: &str| match kind {
                "CK_SESSION_HANDLE" => bad_session,
                "CK_OBJECT_HANDLE" | "CK_SLOT_ID" | "CK_MECHANISM_TYPE" | "CK_USER_TYPE" | "CK_FLAGS" => bad_object,
                _ if is_pointer(kind) => memory.at(),
                _ => 0,
            };
            // The one good handle must stay open for the next function.
            let good = usize::try_from(session) == Ok(bad_session);
            let skip = ["C_Initialize", "C_Finalize", "C_CloseSession"];
            call_all(&module, &table, &skip[..2 + usize::from(good)], &pick, || {
                memory.refill();
                restore(&module, session);
            });
        }
    });
}

#[test]
fn templates_that_lie_about_their_values() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        let row = |id, value: *mut u8, len| CK_ATTRIBUTE { type_: id, pValue: value.cast(), ulValueLen: len };
        let mut value = [0u8; 64];
        let at = value.as_mut_ptr();
        let mut inner = [row(CKA_LABEL, at, 1 << 63), row(CKA_WRAP_TEMPLATE, at, 24)];
        let inner_at: *mut u8 = inner.as_mut_ptr().cast();
        let ids = [
            CKA_CLASS,
            CKA_LABEL,
            CKA_VALUE,
            CKA_WRAP_TEMPLATE,
            CKA_UNWRAP_TEMPLATE,
            CKA_ALLOWED_MECHANISMS,
            CKA_MODULUS,
            0xC34E_4701,
            0xFFFF_FFFF_FFFF,
        ];
        for id in ids {
            for (value, len) in [
                (null_mut(), 1),
                (null_mut(), CK_ULONG::MAX),
                (at, 1 << 63),
                (at, CK_ULONG::MAX),
                (at, (16 << 20) + 1),
                (at, 3),
                (inner_at, 48),
                (inner_at, 47),
                (at, 0),
            ] {
                let mut rows = [row(id, value, len)];
                let mut handle = 7;
                let create = call!(module, C_CreateObject(session, rows.as_mut_ptr(), 1, &raw mut handle));
                assert!(create != CKR_OK && create != CKR_GENERAL_ERROR, "{id:#x} {len:#x}: {create:#x}");
                let search = call!(module, C_FindObjectsInit(session, rows.as_mut_ptr(), 1));
                assert_ne!(search, CKR_GENERAL_ERROR, "{id:#x} {len:#x}");
                if search == CKR_OK {
                    assert_eq!(call!(module, C_FindObjectsFinal(session)), CKR_OK);
                }
            }
        }
        let mut row = row(CKA_LABEL, at, 1);
        for count in [257, 1 << 31, 1 << 60, 1 << 63, CK_ULONG::MAX] {
            assert_eq!(call!(module, C_FindObjectsInit(session, &raw mut row, count)), CKR_ARGUMENTS_BAD, "{count:#x}");
        }
    });
}

#[test]
fn mechanisms_that_lie_about_their_parameters() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        let (_, key) = module.p256_pair(session, false);
        let mut count = 0;
        assert_eq!(call!(module, C_GetMechanismList(0, null_mut(), &raw mut count)), CKR_OK);
        let mut list = vec![0; usize::try_from(count).unwrap()];
        assert_eq!(call!(module, C_GetMechanismList(0, list.as_mut_ptr(), &raw mut count)), CKR_OK);
        let mut ones = [0xFFu8; 256];
        let mut zeros = [0u8; 256];
        for mechanism in list {
            // All bits set: inner pointers that lead nowhere, with lengths that give them away. A pointer without a length cannot be seen through.
            let filled = if mechanism == CKM_RSA_AES_KEY_WRAP { 0..0 } else { 1..10 };
            let all_ones = ones.as_mut_ptr();
            let filled = filled.map(|words| (all_ones, 8 * words));
            let sizes: [(*mut u8, CK_ULONG); 8] = [
                (null_mut(), 16),
                (null_mut(), CK_ULONG::MAX),
                (zeros.as_mut_ptr(), 0),
                (zeros.as_mut_ptr(), 1),
                (zeros.as_mut_ptr(), 200),
                (all_ones, 200),
                (all_ones, 1 << 63),
                (all_ones, CK_ULONG::MAX),
            ];
            for (parameter, len) in sizes.into_iter().chain(filled) {
                let mut m = CK_MECHANISM { mechanism, pParameter: parameter.cast(), ulParameterLen: len };
                let mut handle = 0;
                let results = [
                    call!(module, C_SignInit(session, &raw mut m, key)),
                    call!(module, C_VerifyInit(session, &raw mut m, key)),
                    call!(module, C_EncryptInit(session, &raw mut m, key)),
                    call!(module, C_DecryptInit(session, &raw mut m, key)),
                    call!(module, C_DigestInit(session, &raw mut m)),
                    call!(module, C_DeriveKey(session, &raw mut m, key, null_mut(), 0, &raw mut handle)),
                ];
                assert!(!results.contains(&CKR_GENERAL_ERROR), "{mechanism:#x} {len:#x}: {results:x?}");
                assert_eq!(call!(module, C_SessionCancel(session, CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST)), CKR_OK);
            }
        }
    });
}

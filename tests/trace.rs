//! The trace: on when asked for, in a file of its own, without secrets; silent otherwise, also when something goes wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]
#![allow(unsafe_code, reason = "calls through function pointers")]

mod support;

use cryptoki_sys::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::ptr::null_mut;
use support::{Module, bytes, call, flag, in_child_with, len, number, text};

const ON: [(&str, &str); 2] = [("CNGTOKEN_LOG", "trace"), ("CNGTOKEN_LOG_FILE", "@DIR@/trace.log")];

fn trace(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("trace.log")).unwrap()
}

#[test]
fn each_call_is_one_line_with_its_function_session_and_result() {
    in_child_with(&ON, |folder| {
        let module = Module::with_token();
        let session = module.session(support::RW);
        assert_eq!(module.login(session, CKU_USER, b"wrong pin"), CKR_PIN_INCORRECT);

        let trace = trace(folder);
        let line = trace.lines().rev().find(|l| l.contains("C_Login")).unwrap();
        for part in [&format!("session={session} "), "rv=0xa0", "CKR_PIN_INCORRECT", "microseconds="] {
            assert!(line.contains(part), "{line}");
        }
        let mode = std::fs::metadata(folder.join("trace.log")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

#[test]
fn no_pin_and_no_key_bytes_are_in_the_trace() {
    in_child_with(&ON, |folder| {
        let (module, session) = Module::with_user();
        let (mut class, mut kind, mut yes) = (CKO_SECRET_KEY, CKK_AES, CK_TRUE);
        let value = *b"SECRETSECRETKEY!";
        let mut rows = [number(CKA_CLASS, &mut class), number(CKA_KEY_TYPE, &mut kind), flag(CKA_ENCRYPT, &mut yes), text(CKA_VALUE, &value)];
        let key = module.create(session, &mut rows).unwrap();
        let mut mechanism = support::plain(CKM_AES_ECB);
        assert_eq!(call!(module, C_EncryptInit(session, &raw mut mechanism, key)), CKR_OK);
        let (mut out, mut length) = ([0u8; 16], 16);
        assert_eq!(call!(module, C_Encrypt(session, bytes(b"PLAINTEXTPLAINTX"), 16, out.as_mut_ptr(), &raw mut length)), CKR_OK);
        assert_eq!(module.login(session, CKU_USER, b"badsecretpin"), CKR_USER_ALREADY_LOGGED_IN);

        let trace = trace(folder);
        assert!(trace.contains("C_Encrypt"));
        let hex_value: String = value.iter().map(|b| format!("{b:02x}")).collect();
        for secret in ["12345678", "87654321", "badsecretpin", "SECRETSECRET", "PLAINTEXT", &hex_value, "83, 69, 67, 82"] {
            assert!(!trace.contains(secret), "{secret} is in the trace");
        }
    });
}

#[test]
fn a_symbolic_link_is_not_followed() {
    in_child_with(&ON, |folder| {
        std::os::unix::fs::symlink(folder.join("elsewhere"), folder.join("trace.log")).unwrap();
        let module = Module::load();
        assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
        assert!(!folder.join("elsewhere").exists());
    });
}

#[test]
fn nothing_is_ever_printed() {
    // The scenario writes one mark; whatever else is there came from the module.
    let exe = std::env::current_exe().unwrap();
    if std::env::var_os("CNGTOKEN_TEST_SILENT").is_none() {
        let folder = tempfile::tempdir().unwrap();
        let output = std::process::Command::new(exe)
            .args(["nothing_is_ever_printed", "--exact", "--nocapture", "--test-threads=1"])
            .env("CNGTOKEN_TEST_SILENT", "1")
            .env("CNGTOKEN_STORE", folder.path().join("store.db"))
            .env("CNGTOKEN_KDF", "test")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        let inner: Vec<&str> = said.split("MARK\n").collect();
        assert_eq!(inner.len(), 3, "{said}");
        assert_eq!(inner[1], "");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    println!("MARK");
    let (module, session) = Module::with_user();
    let (_, key) = module.p256_pair(session, true);
    module.sign(session, CKM_ECDSA, key, &[1; 32]).unwrap();
    assert_eq!(call!(module, C_DestroyObject(session, 0xDEAD)), CKR_OBJECT_HANDLE_INVALID);
    assert_eq!(call!(module, C_SignUpdate(session, bytes(b"x"), len(b"x"))), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
    println!("MARK");
}

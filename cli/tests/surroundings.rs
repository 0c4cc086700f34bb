//! The commands around the token: doctor, env, run, explain, completions, man; the built program, as a person calls it.

#![allow(clippy::unwrap_used, reason = "in a test a failed assumption is a failed test")]

mod common;

use common::{Token, said};
use std::os::unix::fs::PermissionsExt;

#[test]
fn doctor_names_what_is_wrong_and_the_line_that_mends_it() {
    let token = Token::none();
    let out = token.run(&["doctor"]);
    assert!(!out.status.success() && said(&out).contains("cngtoken init --label NAME"), "{}", said(&out));

    let token = Token::new();
    std::fs::set_permissions(token.store(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let out = token.run(&["doctor", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let rights = list.as_array().unwrap().iter().find(|f| f["about"] == "rights").unwrap();
    assert_eq!(rights["verdict"], "FAIL");
    assert!(rights["fix"].as_str().unwrap().starts_with("chmod 600 "), "{rights}");
}

#[test]
fn doctor_finds_nothing_wrong_with_a_fresh_token() {
    let token = Token::new();
    let out = token.run(&["doctor", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    // Whether the module was built beside the program is the build's affair.
    let bad: Vec<_> = list.as_array().unwrap().iter().filter(|f| f["verdict"] == "FAIL" && f["about"] != "module").collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn run_gives_its_command_a_token_with_the_imported_key_and_takes_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    // Loaded by the command, not by run itself: any file will do here.
    let module = dir.path().join("libcngtoken.so");
    std::fs::write(&module, b"").unwrap();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/ec-p256.blob");
    let script = format!("{} ls --login && test -n \"$CNGTOKEN_PIN\" && dirname \"$CNGTOKEN_STORE\" && exit 7", env!("CARGO_BIN_EXE_cngtoken"));
    let token = Token::none();
    let out = token.run(&["run", "--module", module.to_str().unwrap(), "--import", sample, "--", "sh", "-c", &script]);
    assert_eq!(out.status.code(), Some(7), "{}", said(&out));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("ec-p256") && text.contains("private"), "{text}");
    let folder = text.lines().last().unwrap();
    assert!(!std::path::Path::new(folder).exists(), "{folder} is still there");
}

#[test]
fn explain_answers_names_and_numbers_and_refuses_nonsense() {
    let token = Token::none();
    let out = token.run(&["explain", "0xA0"]);
    assert!(out.status.success() && said(&out).contains("CKR_PIN_INCORRECT"), "{}", said(&out));
    let out = token.run(&["explain", "-1073741811"]);
    assert!(out.status.success() && said(&out).contains("STATUS_INVALID_PARAMETER"), "{}", said(&out));
    let out = token.run(&["explain", "CKR_NO_SUCH_THING"]);
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
}

#[test]
fn env_puts_the_tokens_own_name_into_the_lines() {
    let token = Token::new();
    let module = token.dir.path().join("libcngtoken.so");
    std::fs::write(&module, b"").unwrap();
    let out = token.run(&["env", "--for", "openssl", "--module", module.to_str().unwrap()]);
    assert!(out.status.success(), "{}", said(&out));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("pkcs11:token=test%20token;") && text.contains(module.to_str().unwrap()), "{text}");
}

#[test]
fn there_is_a_manual_page_for_each_command_and_completions_for_each_shell() {
    let token = Token::none();
    let out = token.run(&["man", token.dir.path().to_str().unwrap()]);
    assert!(out.status.success(), "{}", said(&out));
    for page in ["cngtoken.1", "cngtoken-import.1", "cngtoken-doctor.1"] {
        assert!(token.dir.path().join(page).is_file(), "{page}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let out = token.run(&["completions", shell]);
        assert!(out.status.success() && said(&out).contains("cngtoken"), "{shell}");
    }
}

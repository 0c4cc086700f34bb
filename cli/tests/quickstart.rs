//! `quickstart` as a newcomer runs it: the module that was built beside the program is loaded by a child process, and both keys sign.

#![allow(clippy::unwrap_used, reason = "in a test a failed assumption is a failed test")]

mod common;

use common::{Token, said};

#[test]
fn quickstart_ends_with_two_keys_that_signed_through_the_module() {
    let token = Token::none();

    let out = token.command().arg("quickstart").env_remove("CNGTOKEN_STORE").env_remove("CNGTOKEN_KDF").output().unwrap();

    let text = said(&out);
    assert!(out.status.success(), "{text}");
    assert_eq!(text.matches("its public half verified that").count(), 2, "{text}");
    assert_eq!(text.matches("type=private\n").count(), 2, "{text}");
}

#[test]
fn a_kept_token_is_there_afterwards_and_its_lines_name_it() {
    let token = Token::none();
    let dir = token.dir.path().join("trial");

    let out = token.command().args(["quickstart", "--keep"]).arg(&dir).output().unwrap();
    let text = said(&out);
    assert!(out.status.success(), "{text}");
    assert!(text.contains(&format!("export CNGTOKEN_STORE={}", dir.join("token.db").display())), "{text}");
    let pin = format!("file:{}", dir.join("pin.txt").display());
    let ls = token.command().args(["ls", "--uri", "--pin-source", &pin]).env("CNGTOKEN_STORE", dir.join("token.db")).output().unwrap();
    assert_eq!(said(&ls).lines().count(), 4, "{}", said(&ls));
    let again = token.command().args(["quickstart", "--keep"]).arg(&dir).output().unwrap();
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
}

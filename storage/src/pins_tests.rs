//! PIN rules over time: the clock of these tests leaps instead of being waited for.

use super::*;
use crate::Access;
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    pub(super) static LEAP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn leap(seconds: u64) {
    LEAP.set(LEAP.get() + Duration::from_secs(seconds));
}

fn token(dir: &tempfile::TempDir) -> Vault {
    let vault = Vault::create(&dir.path().join("token.db"), &Access::Private, Kdf::Test, &[b' '; 32], b"so-pin").unwrap();
    let so = vault.unlock(Role::So, b"so-pin").unwrap();
    vault.set_user_pin(&so, b"1234").unwrap();
    vault
}

fn flags(vault: &Vault) -> (u32, bool, bool, bool) {
    let user = vault.header().unwrap().user;
    (user.failures, user.count_low(), user.final_try(), user.locked())
}

#[test]
fn wrong_pins_are_counted_delayed_and_forgiven_by_the_right_one() {
    let dir = tempfile::tempdir().unwrap();
    let vault = token(&dir);
    let wrong = || vault.unlock(Role::User, b"0000").unwrap_err();

    assert_eq!(flags(&vault), (0, false, false, false));
    assert!(matches!(wrong(), StoreError::PinIncorrect));
    assert_eq!(flags(&vault), (1, true, false, false));
    assert!(matches!(wrong(), StoreError::PinIncorrect));
    assert_eq!(flags(&vault), (2, true, true, false));
    assert!(matches!(wrong(), StoreError::PinIncorrect));
    assert_eq!(flags(&vault), (3, true, false, true));

    assert!(matches!(vault.unlock(Role::User, b"1234"), Err(StoreError::PinLocked { .. })));
    assert_eq!(flags(&vault).0, 3, "a refused PIN is not counted");
    leap(1);
    assert_eq!(flags(&vault), (3, true, true, false));
    assert!(matches!(wrong(), StoreError::PinIncorrect));
    leap(1);
    assert!(matches!(wrong(), StoreError::PinLocked { .. }), "the second delay is longer");
    leap(1);
    vault.unlock(Role::User, b"1234").unwrap();
    assert_eq!(flags(&vault), (0, false, false, false));
}

#[test]
fn twenty_wrong_pins_never_lock_for_ever_and_the_so_lifts_the_delay() {
    let dir = tempfile::tempdir().unwrap();
    let vault = token(&dir);
    for n in 1..=20 {
        assert!(matches!(vault.unlock(Role::User, b"0000"), Err(StoreError::PinIncorrect)));
        assert_eq!(flags(&vault).0, n);
        leap(if n == 20 { 0 } else { 900 });
    }
    assert!(flags(&vault).3);

    let so = vault.unlock(Role::So, b"so-pin").unwrap();
    vault.set_user_pin(&so, b"5678").unwrap();

    assert_eq!(flags(&vault), (0, false, false, false));
    vault.unlock(Role::User, b"5678").unwrap();
    assert!(vault.unlock(Role::User, b"1234").is_err());
}

#[test]
fn each_role_has_its_own_counter() {
    let dir = tempfile::tempdir().unwrap();
    let vault = token(&dir);
    for _ in 0..3 {
        assert!(vault.unlock(Role::So, b"nonsense").is_err());
    }
    let header = vault.header().unwrap();
    assert!(header.so.locked() && !header.user.count_low());
    vault.unlock(Role::User, b"1234").unwrap();
}

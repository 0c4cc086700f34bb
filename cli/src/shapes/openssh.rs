//! OpenSSH keys by the ssh-key crate: private key files (also encrypted ones), public key lines, PuTTY's `.ppk`.

use super::der::OpenError;
use super::search::Candidate;
use super::{Content, Key, Locked, Refusal, Wanted};
use cngtoken_crypto::pbe::{Budget, PbeError};
use cngtoken_key::{Claim, Curve, DsaClaim, EcClaim, EdwardsClaim, EdwardsCurve, RsaClaim, Secret, Uint};
use ssh_key::private::{EcdsaKeypair, KeypairData};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{PrivateKey, PublicKey};
use zeroize::Zeroizing;

const PRIVATE: &str = "OpenSSH private key";
const PUBLIC: &str = "OpenSSH public key";
const PUTTY: &str = "PuTTY private key";

/// A round of bcrypt_pbkdf is some milliseconds, in calls of a hash; ssh-keygen writes 16 to 24 rounds.
const CALLS_PER_BCRYPT_ROUND: u32 = 24_000;
/// A kibibyte of Argon2's memory is about a microsecond. PuTTY's form needs each twice: for the cipher and for the check.
const CALLS_PER_ARGON2_KIBIBYTE: u64 = 2 * 4;
/// PuTTY writes 8 MiB, a few dozen passes, one lane.
const MAX_ARGON2_KIBIBYTES: u64 = 64 << 10;
const MAX_ARGON2_LANES: u64 = 8;

/// The binary form of a private key file, which PEM armour carries.
pub(super) fn recognise(bytes: &[u8], _: &Wanted) -> Option<Result<Content, Refusal>> {
    if !bytes.starts_with(b"openssh-key-v1\0") {
        return None;
    }
    Some(match PrivateKey::from_bytes(bytes) {
        Ok(key) if key.is_encrypted() => Ok(Content::Locked(Locked::OpenSsh(bytes.to_vec()))),
        Ok(key) => private(&key),
        Err(e) => Err(Refusal::new(format!("{PRIVATE}: cannot be read: {e}"))),
    })
}

/// Opens an encrypted private key file.
pub(super) fn open(bytes: &[u8], password: &str, budget: &mut Budget) -> Result<Content, OpenError> {
    let key = PrivateKey::from_bytes(bytes).map_err(|e| OpenError::Refused(Refusal::new(format!("{PRIVATE}: {e}"))))?;
    if let ssh_key::Kdf::Bcrypt { rounds, .. } = key.kdf() {
        budget.spend(*rounds, CALLS_PER_BCRYPT_ROUND).map_err(|e| too_much(PRIVATE, &e))?;
    }
    let plain = key.decrypt(password.as_bytes()).map_err(|_| OpenError::WrongPassword)?;
    private(&plain).map_err(OpenError::Refused)
}

fn too_much(kind: &str, error: &PbeError) -> OpenError {
    match error {
        PbeError::Unknown(why) => OpenError::Refused(Refusal::new(format!("{kind}: {why}"))),
        PbeError::WrongPassword => OpenError::WrongPassword,
    }
}

/// The largest number after `name` in a PuTTY file: of a repeated line, which one counts is the crate's to choose.
fn largest(text: &str, name: &str) -> u64 {
    let values = text.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    values.map(|v| v.trim().parse::<u64>().unwrap_or(u64::MAX)).max().unwrap_or(0)
}

/// Opens a PuTTY key, an encrypted one with its password and what may be spent on it.
pub(super) fn open_ppk(text: &str, password: Option<(&str, &mut Budget)>) -> Result<Content, OpenError> {
    let password = match password {
        None => None,
        Some((password, budget)) => {
            let [kibibytes, passes, lanes] = ["Argon2-Memory", "Argon2-Passes", "Argon2-Parallelism"].map(|name| largest(text, name));
            for (name, found, limit) in [("Argon2-Memory", kibibytes, MAX_ARGON2_KIBIBYTES), ("Argon2-Parallelism", lanes, MAX_ARGON2_LANES)] {
                if found > limit {
                    return Err(OpenError::Refused(Refusal::new(format!("{PUTTY}: {name} {found} is above the limit of {limit}"))));
                }
            }
            if passes > 0 {
                let calls = kibibytes.saturating_mul(passes).saturating_mul(CALLS_PER_ARGON2_KIBIBYTE);
                budget.spend(u32::try_from(calls).unwrap_or(u32::MAX), 1).map_err(|e| too_much(PUTTY, &e))?;
            }
            Some(password.to_owned())
        }
    };
    let locked = password.is_some();
    match PrivateKey::from_ppk(text, password) {
        Ok(key) => private(&key).map_err(OpenError::Refused),
        Err(_) if locked => Err(OpenError::WrongPassword),
        Err(e) => Err(OpenError::Refused(Refusal::new(format!("{PUTTY}: {e}")))),
    }
}

/// Lines as in `authorized_keys` and `*.pub`, and PuTTY key files.
pub(super) fn public_lines(text: &str) -> Vec<Candidate> {
    if text.trim_start().starts_with("PuTTY-User-Key-File-") {
        return vec![Candidate {
            span: 0..text.len(),
            how: vec!["PuTTY key file".to_owned()],
            look: ppk(text),
            notes: Vec::new(),
            bytes: Zeroizing::default(),
        }];
    }
    let mut at = 0usize;
    let mut out = Vec::new();
    for raw in text.split_inclusive('\n') {
        let words: Vec<&str> = raw.split_whitespace().collect();
        // Options may stand before the key.
        let key = words.windows(2).position(|w| matches!(w, [name, data] if name.starts_with(['s', 'e']) && data.starts_with("AAAA")));
        if let Some(line) = key.and_then(|i| words.get(i..)).filter(|w| w.first().is_some_and(|n| n.contains('-'))) {
            let look =
                PublicKey::from_openssh(&line.join(" ")).map_err(|e| Refusal::new(format!("{PUBLIC}: cannot be read: {e}"))).and_then(|k| public(&k));
            out.push(Candidate {
                span: at..at.saturating_add(raw.len()),
                how: vec!["SSH key line".to_owned()],
                look,
                notes: Vec::new(),
                bytes: Zeroizing::default(),
            });
        }
        at = at.saturating_add(raw.len());
    }
    out
}

fn ppk(text: &str) -> Result<Content, Refusal> {
    let encrypted = text.lines().any(|l| l.strip_prefix("Encryption:").is_some_and(|v| v.trim() != "none"));
    if encrypted {
        return Ok(Content::Locked(Locked::Ppk(text.to_owned().into_bytes())));
    }
    open_ppk(text, None).map_err(|e| match e {
        OpenError::Refused(refusal) => refusal,
        OpenError::WrongPassword => Refusal::new(format!("{PUTTY}: damaged")),
    })
}

fn public(key: &PublicKey) -> Result<Content, Refusal> {
    let claim = match key.key_data() {
        KeyData::Rsa(k) => Claim::Rsa(RsaClaim { n: Some(number(k.n())), e: Some(number(k.e())), ..RsaClaim::default() }),
        KeyData::Ecdsa(k) => ec(k, None),
        KeyData::Ed25519(k) => Claim::Edwards(EdwardsClaim { curve: EdwardsCurve::Ed25519, point: Some(k.0.to_vec()), seed: None }),
        KeyData::Dsa(k) => Claim::Dsa(DsaClaim { p: number(k.p()), q: number(k.q()), g: number(k.g()), seed: None, y: Some(number(k.y())), x: None }),
        _ => return Err(hardware(PUBLIC, key.algorithm().as_str())),
    };
    Ok(Content::Key(Key { kind: PUBLIC, claim, label: comment(key), aes: false }))
}

fn private(key: &PrivateKey) -> Result<Content, Refusal> {
    let claim = match key.key_data() {
        KeypairData::Rsa(k) => Claim::Rsa(RsaClaim {
            n: Some(number(k.public().n())),
            e: Some(number(k.public().e())),
            d: Some(number(k.private().d())),
            p: Some(number(k.private().p())),
            q: Some(number(k.private().q())),
            dp: None,
            dq: None,
            qinv: Some(number(k.private().iqmp())),
        }),
        KeypairData::Ecdsa(k) => {
            let public = match k {
                EcdsaKeypair::NistP256 { public, .. } => EcdsaPublicKey::NistP256(*public),
                EcdsaKeypair::NistP384 { public, .. } => EcdsaPublicKey::NistP384(*public),
                EcdsaKeypair::NistP521 { public, .. } => EcdsaPublicKey::NistP521(*public),
            };
            ec(&public, Some(Secret::copy_of(k.private_key_bytes())))
        }
        KeypairData::Ed25519(k) => Claim::Edwards(EdwardsClaim {
            curve: EdwardsCurve::Ed25519,
            point: Some(k.public.0.to_vec()),
            seed: Some(Secret::new(k.private.to_bytes().to_vec())),
        }),
        KeypairData::Dsa(k) => {
            let p = k.public();
            let x = Uint::from_be(k.private().as_mpint().as_positive_bytes().unwrap_or_default());
            Claim::Dsa(DsaClaim { p: number(p.p()), q: number(p.q()), g: number(p.g()), seed: None, y: Some(number(p.y())), x: Some(x) })
        }
        _ => return Err(hardware(PRIVATE, key.algorithm().as_str())),
    };
    Ok(Content::Key(Key { kind: PRIVATE, claim, label: comment(key.public_key()), aes: false }))
}

fn hardware(kind: &str, algorithm: &str) -> Refusal {
    Refusal::new(format!("{kind} of the kind {algorithm}: its private half is in a security key, or the kind is not known; it cannot be imported"))
}

fn number(n: &ssh_key::Mpint) -> Uint {
    Uint::from_be(n.as_positive_bytes().unwrap_or_default())
}

fn ec(key: &EcdsaPublicKey, d: Option<Secret>) -> Claim {
    let curve = match key {
        EcdsaPublicKey::NistP256(_) => Curve::P256,
        EcdsaPublicKey::NistP384(_) => Curve::P384,
        EcdsaPublicKey::NistP521(_) => Curve::P521,
    };
    let sec1 = key.as_sec1_bytes();
    let xy = sec1.get(1..).unwrap_or_default();
    let (x, y) = xy.split_at(xy.len() / 2);
    Claim::Ec(EcClaim { curve, point: Some((Uint::from_be(x), Uint::from_be(y))), d })
}

fn comment(key: &PublicKey) -> Option<String> {
    let text = key.comment().as_str().ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of PuTTY's form whose numbers are those of the bodies given; nothing else of it is right.
    fn locked(numbers: &str) -> String {
        format!(
            "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: aes256-cbc\nComment: c\nPublic-Lines: 1\nAAAA\nKey-Derivation: Argon2id\n{numbers}\n\
             Argon2-Salt: 00112233445566778899aabbccddeeff\nPrivate-Lines: 1\nAAAA\nPrivate-MAC: 00\n"
        )
    }

    fn refusal(numbers: &str) -> Option<String> {
        match open_ppk(&locked(numbers), Some(("", &mut Budget::default()))) {
            Err(OpenError::Refused(refusal)) => Some(refusal.message),
            _ => None,
        }
    }

    #[test]
    fn what_a_putty_file_asks_of_argon2_is_bounded_whichever_of_its_lines_counts() {
        let usual = "Argon2-Memory: 8192\nArgon2-Passes: 34\nArgon2-Parallelism: 1";
        assert_eq!(refusal("Argon2-Memory: 8\nArgon2-Passes: 1\nArgon2-Parallelism: 1"), None);
        for dear in [
            format!("{usual}\nArgon2-Memory: 4194304"),
            format!("Argon2-Memory: 4194304\n{usual}"),
            format!("{usual}\nArgon2-Passes: 4000000000"),
            format!("{usual}\nArgon2-Passes: 99999999999999999999"),
            format!("{usual}\nArgon2-Parallelism: 1000"),
            "Argon2-Memory: 65536\nArgon2-Passes: 64\nArgon2-Parallelism: 1".to_owned(),
        ] {
            assert!(refusal(&dear).is_some(), "{dear}");
        }
    }
}

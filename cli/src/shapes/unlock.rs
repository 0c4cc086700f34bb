//! What needs a password, and opening it. Exporters offer the empty password: it is tried before anybody is asked, and after one that was
//! named beforehand.
//!
//! A wrong password and an unknown scheme are two errors. Passwords come from the caller's [`Passwords`]; nothing is cached here.

use super::der::{OpenError, open_pkcs8};
use super::pvk::EncryptedPvk;
use super::{Content, Key, Refusal, Wanted, binary, openssh, pkcs12, pvk};
use cngtoken_crypto::pbe::{self, Budget};
use zeroize::Zeroizing;

/// An encrypted container.
#[derive(Clone, Debug)]
pub enum Locked {
    /// PVK with RC4.
    Pvk(EncryptedPvk),
    /// EncryptedPrivateKeyInfo, DER.
    Pkcs8(Vec<u8>),
    /// PFX, DER; whether it has a password is seen by trying.
    Pkcs12(Vec<u8>),
    /// An OpenSSH private key file without its armour.
    OpenSsh(Vec<u8>),
    /// A PuTTY key file.
    Ppk(Vec<u8>),
    /// OpenSSL's old encrypted PEM.
    Pem {
        /// OpenSSL's name of the cipher.
        cipher: String,
        /// Initial vector; its first eight bytes are the salt.
        iv: Vec<u8>,
        /// The ciphertext.
        data: Vec<u8>,
    },
}

impl Locked {
    /// What it is called after `--type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Locked::Pvk(_) => "PVK",
            Locked::Pkcs8(_) => "PKCS8_PRIVATEKEY",
            Locked::Pkcs12(_) => "PKCS12",
            Locked::OpenSsh(_) => "OpenSSH private key",
            Locked::Ppk(_) => "PuTTY private key",
            Locked::Pem { .. } => "encrypted PEM",
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Locked::Pvk(_) => "encrypted PVK",
            Locked::Pkcs8(_) => "encrypted PKCS#8",
            Locked::Pkcs12(_) => "PKCS#12 (PFX)",
            Locked::OpenSsh(_) => "encrypted OpenSSH private key",
            Locked::Ppk(_) => "encrypted PuTTY private key",
            Locked::Pem { .. } => "encrypted PEM",
        }
    }
}

/// Where passwords come from.
pub trait Passwords {
    /// The password for `what`; `None` if there is no way to get one.
    ///
    /// # Errors
    /// A source that was named and cannot be read.
    fn password(&mut self, what: &str) -> Result<Option<Zeroizing<String>>, Refusal>;

    /// True if asking for it asks nobody.
    fn is_named(&self) -> bool {
        false
    }
}

/// No source and nobody to ask.
#[derive(Debug, Clone, Copy)]
pub struct NoPasswords;

impl Passwords for NoPasswords {
    fn password(&mut self, _: &str) -> Result<Option<Zeroizing<String>>, Refusal> {
        Ok(None)
    }
}

/// Opens `content` if it is locked; anything else comes back as it is.
///
/// # Errors
/// [`Refusal`]: no password, a wrong one, an unknown scheme, or damage found inside.
pub fn unlock(content: Content, passwords: &mut dyn Passwords, wanted: &Wanted) -> Result<Content, Refusal> {
    unlock_within(content, passwords, wanted, Budget::default())
}

/// The same for a file that may cost less than others: a fuzz target's, for example.
///
/// # Errors
/// As [`unlock`].
pub fn unlock_within(content: Content, passwords: &mut dyn Passwords, wanted: &Wanted, budget: Budget) -> Result<Content, Refusal> {
    let Content::Locked(locked) = content else { return Ok(content) };
    let name = locked.name();
    let mut first = budget;
    if passwords.is_named()
        && let Some(password) = passwords.password(name)?
    {
        let outcome = attempt(&locked, &password, wanted, &mut first);
        if password.is_empty() || !matches!(outcome, Err(OpenError::WrongPassword)) {
            return finish(outcome, name, wanted);
        }
        // What does not open with the empty one either has another password.
        let empty = attempt(&locked, "", wanted, &mut first).map_err(|_| OpenError::WrongPassword);
        return finish(empty, name, wanted);
    }
    let empty = attempt(&locked, "", wanted, &mut first);
    if !matches!(empty, Err(OpenError::WrongPassword)) {
        return finish(empty, name, wanted);
    }
    let Some(password) = passwords.password(name)? else {
        return Err(Refusal::new(format!("{name}: encrypted, its password is needed (the empty password was tried)"))
            .hint("give it with --password-source file:PATH, env:NAME or fd:N, or run on a terminal to be asked"));
    };
    // Somebody was asked: the work starts again.
    let mut again = budget;
    finish(attempt(&locked, &password, wanted, &mut again), name, wanted)
}

fn finish(outcome: Result<Content, OpenError>, name: &str, wanted: &Wanted) -> Result<Content, Refusal> {
    match outcome {
        Ok(content) => {
            wanted.check_opened(&content)?;
            Ok(content)
        }
        Err(OpenError::Refused(refusal)) => Err(refusal),
        Err(OpenError::WrongPassword) => Err(Refusal::new(format!("{name}: the password is wrong, or the file is damaged"))),
    }
}

fn attempt(locked: &Locked, password: &str, wanted: &Wanted, budget: &mut Budget) -> Result<Content, OpenError> {
    match locked {
        Locked::Pvk(file) => pvk::decrypt(file, password, wanted).ok_or(OpenError::WrongPassword)?.map_err(OpenError::Refused),
        Locked::Pkcs8(der) => {
            open_pkcs8(der, password, budget).map(|claim| Content::Key(Key { kind: "PKCS8_PRIVATEKEY", claim, label: None, aes: false }))
        }
        Locked::Pkcs12(der) => pkcs12::open(der, password, budget),
        Locked::OpenSsh(bytes) => openssh::open(bytes, password, budget),
        Locked::Ppk(text) => openssh::open_ppk(&String::from_utf8_lossy(text), Some((password, budget))),
        Locked::Pem { cipher, iv, data } => {
            let plain = pbe::pem_body(cipher, iv, data, password).map_err(|e| match e {
                pbe::PbeError::WrongPassword => OpenError::WrongPassword,
                pbe::PbeError::Unknown(why) => OpenError::Refused(Refusal::new(format!("encrypted PEM: {why}"))),
            })?;
            // Padding fits by chance once in 256 wrong passwords: then what comes out is no ASN.1.
            binary::look(&plain, wanted).ok_or(OpenError::WrongPassword)?.map_err(OpenError::Refused)
        }
    }
}

//! Each row's operation through a module: what is made ready once, and what is repeated.

use std::path::Path;

use cryptoki_sys::*;

use crate::Failure;
use crate::client::{Client, Oaep, Session, plain};
use crate::clock::{Operation, repeat};
use crate::keys::{Curve, Keys};
use crate::rows::{Row, Work};

/// The user's PIN of every bench token.
pub(crate) const PIN: &[u8] = b"12345678";
pub(crate) const SO_PIN: &[u8] = b"87654321";

/// A loaded module with the user logged in, and what the rows need.
pub(crate) struct Subject {
    client: &'static Client,
    slot: CK_SLOT_ID,
    /// Holds the login.
    session: Session,
    keys: Keys,
    /// The ids that a large store was filled with.
    ids: Vec<Vec<u8>>,
}

impl Subject {
    pub(crate) fn open(module: &Path, keys: Keys, ids: Vec<Vec<u8>>) -> Result<Subject, Failure> {
        let client = Client::load(module)?;
        let slot = client.slot(true)?;
        let session = client.open(slot)?;
        session.login(PIN)?;
        Ok(Subject { client, slot, session, keys, ids })
    }

    /// The row's operation in a session of its own; `None` if the token does not list the mechanism.
    pub(crate) fn prepare(&self, row: &Row) -> Result<Option<Operation>, Failure> {
        if row.mechanism.is_some_and(|mechanism| !self.client.has(self.slot, mechanism)) {
            return Ok(None);
        }
        let session = self.client.open(self.slot)?;
        let operation: Operation = match row.work {
            Work::RsaSign { bits } => self.sign(session, &format!("rsa{bits}"), CKM_SHA256_RSA_PKCS, vec![7; 32])?,
            Work::RsaSignRaw { bits } => self.sign(session, &format!("rsa{bits}"), CKM_RSA_PKCS, digest_info())?,
            Work::RsaVerify { bits } => self.verify(session, &format!("rsa{bits}"), CKM_SHA256_RSA_PKCS, vec![7; 32])?,
            Work::OaepDecrypt { digest } => self.decrypt(session, digest)?,
            Work::EcdsaSign { curve } => self.sign(session, curve.name(), CKM_ECDSA, vec![7; digest_len(curve)])?,
            Work::EcdsaVerify { curve } => self.verify(session, curve.name(), CKM_ECDSA, vec![7; digest_len(curve)])?,
            Work::Ecdh { curve } => self.derive(session, curve)?,
            Work::Gcm => self.encrypt(session)?,
            Work::Sha256 => repeat(move || session.digest(&mut plain(CKM_SHA256), &[7; 16], &mut [0; 32])),
            Work::SessionInfo => repeat(move || session.info()),
            Work::OpenClose => {
                let (client, slot) = (self.client, self.slot);
                repeat(move || client.open(slot)?.close())
            }
            Work::Random => repeat(move || session.random(&mut [0; 32])),
            Work::Find => self.find(session)?,
        };
        Ok(Some(operation))
    }

    fn key(&self, session: Session, class: CK_OBJECT_CLASS, id: &str) -> Result<CK_OBJECT_HANDLE, Failure> {
        match session.find(&[(CKA_CLASS, &class.to_ne_bytes()), (CKA_ID, id.as_bytes())])? {
            (1, key) => Ok(key),
            (number, _) => Err(format!("{number} objects with the id {id}, not 1").into()),
        }
    }

    fn sign(&self, session: Session, id: &str, mechanism: CK_MECHANISM_TYPE, data: Vec<u8>) -> Result<Operation, Failure> {
        let key = self.key(session, CKO_PRIVATE_KEY, id)?;
        Ok(repeat(move || session.sign(&mut plain(mechanism), key, &data, &mut [0; 512]).map(drop)))
    }

    fn verify(&self, session: Session, id: &str, mechanism: CK_MECHANISM_TYPE, data: Vec<u8>) -> Result<Operation, Failure> {
        let (private, public) = (self.key(session, CKO_PRIVATE_KEY, id)?, self.key(session, CKO_PUBLIC_KEY, id)?);
        let mut signature = vec![0; 512];
        let length = session.sign(&mut plain(mechanism), private, &data, &mut signature)?;
        signature.truncate(length);
        Ok(repeat(move || session.verify(&mut plain(mechanism), public, &data, &signature)))
    }

    fn decrypt(&self, session: Session, digest: Oaep) -> Result<Operation, Failure> {
        let key = self.key(session, CKO_PRIVATE_KEY, "rsa2048")?;
        let ciphertext = crate::bare::oaep_ciphertext(&self.keys, digest)?;
        Ok(repeat(move || match session.decrypt_oaep(digest, key, &ciphertext, &mut [0; 256])? {
            crate::bare::OAEP_MESSAGE_LEN => Ok(()),
            length => Err(format!("OAEP gave {length} bytes").into()),
        }))
    }

    fn derive(&self, session: Session, curve: Curve) -> Result<Operation, Failure> {
        let key = self.key(session, CKO_PRIVATE_KEY, curve.name())?;
        let peer = crate::keys::ec(curve)?.point;
        Ok(repeat(move || {
            let secret = session.derive(
                key,
                &peer,
                &[
                    (CKA_CLASS, &CKO_SECRET_KEY.to_ne_bytes()),
                    (CKA_KEY_TYPE, &CKK_GENERIC_SECRET.to_ne_bytes()),
                    (CKA_TOKEN, &[CK_FALSE]),
                    (CKA_SENSITIVE, &[CK_FALSE]),
                    (CKA_EXTRACTABLE, &[CK_TRUE]),
                    (CKA_VALUE_LEN, &32_u64.to_ne_bytes()),
                ],
            )?;
            session.destroy(secret)
        }))
    }

    fn encrypt(&self, session: Session) -> Result<Operation, Failure> {
        let key = self.key(session, CKO_SECRET_KEY, "aes256")?;
        let mut counter = 0_u64;
        let mut out = [0; 1024 + 16];
        Ok(repeat(move || {
            counter += 1;
            let mut iv = [0; 12];
            iv[4..].copy_from_slice(&counter.to_be_bytes());
            session.encrypt_gcm(&iv, key, &[7; 1024], &mut out).map(drop)
        }))
    }

    fn find(&self, session: Session) -> Result<Operation, Failure> {
        let ids = self.ids.clone();
        if ids.is_empty() {
            return Err("the store was not filled".into());
        }
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        Ok(repeat(move || {
            // Another id each time, in no order that a cache would like.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let id = usize::try_from(state >> 33)?.checked_rem(ids.len()).and_then(|at| ids.get(at)).ok_or("no id")?;
            match session.find(&[(CKA_ID, id)])? {
                (0, _) => Err("an id that was stored is not found".into()),
                _ => Ok(()),
            }
        }))
    }

    /// Durable imports of RSA private keys for so long: wall per second, CPU microseconds each.
    pub(crate) fn imports(&self, wall: std::time::Duration) -> Result<(f64, f64), Failure> {
        let numbers = self.keys.rsa(2048)?;
        let (started, cpu) = (std::time::Instant::now(), crate::clock::thread_cpu());
        let mut done = 0_u64;
        while started.elapsed() < wall {
            let mut id = [0; 16];
            aws_lc_rs::rand::fill(&mut id)?;
            crate::store::create_rsa_private(self.session, &numbers, &id)?;
            done += 1;
        }
        let spent = crate::clock::thread_cpu().saturating_sub(cpu);
        Ok((done as f64 / started.elapsed().as_secs_f64(), spent.as_secs_f64() * 1e6 / done as f64))
    }
}

fn digest_len(curve: Curve) -> usize {
    match curve {
        Curve::P256 => 32,
        Curve::P384 => 48,
    }
}

/// RFC 8017's DigestInfo of SHA-256 over some digest.
fn digest_info() -> Vec<u8> {
    let prefix = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
    [prefix.as_slice(), &[7; 32]].concat()
}

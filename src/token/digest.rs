//! C_Digest*, and the dual functions that run two operations over the same data.
//!
//! Source: PKCS#11 3.2, "Message digesting functions", "Dual-function cryptographic functions".

use crate::object;
use crate::token::application::Application;
use crate::token::cipher::authorised;
use crate::token::error::{R, Reason, TokenError};
use crate::token::mechanism::{self, Mechanism};
use crate::token::operation::{ContextLogin, Kind, Op, Running, Taken};
use crate::token::plan::{Planner, no_parameter};
use crate::token::room::{Answer, Fit, Room};
use cngtoken_crypto::{Digester, Hash, OutLen};
use cngtoken_key::{KeyParts, Secret};
use cryptoki_sys as ck;

fn digester<'a>(taken: &'a mut Taken<'_>) -> R<(&'a mut Digester, Hash, &'a mut bool)> {
    match &mut taken.running()?.op {
        Op::Digest { digester, hash, started, .. } => Ok((digester, *hash, started)),
        _ => Err(Reason::GeneralError.because("the operation in this place is of another kind")),
    }
}

impl Application {
    /// C_DigestInit; no mechanism cancels.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationActive, MechanismInvalid, MechanismParamInvalid.
    pub fn digest_init(&self, session: u64, mechanism: Option<Mechanism>) -> R<()> {
        let Some(mechanism) = mechanism else { return self.cancel(session, Kind::Digest) };
        let session = self.session(session)?;
        session.operations.must_be_idle(Kind::Digest)?;
        let hash = match mechanism::row(mechanism.id).filter(|r| r.uses & ck::CKF_DIGEST != 0).map(|r| r.plan) {
            Some(Planner::Digest(hash)) => hash,
            Some(_) | None => return Err(Reason::MechanismInvalid.because(format!("mechanism 0x{:x} is not a digest", mechanism.id))),
        };
        no_parameter(&mechanism.params)?;
        session.begin(
            Kind::Digest,
            Running {
                op: Op::Digest { digester: Digester::resumable(hash), hash, mechanism: mechanism.id, started: false },
                epoch: None,
                context_login: ContextLogin::NotNeeded,
            },
        )
    }

    /// C_Digest.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive.
    pub fn digest(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.finish_digest(session, Some(data), room)
    }

    /// C_DigestFinal.
    ///
    /// # Errors
    /// As [`Application::digest`].
    pub fn digest_final(&self, session: u64, room: Room) -> R<Answer> {
        self.finish_digest(session, None, room)
    }

    fn finish_digest(&self, session: u64, all: Option<&[u8]>, room: Room) -> R<Answer> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::Digest)?;
        let (digester, hash, started) = digester(&mut taken)?;
        if all.is_some() && *started {
            return Err(Reason::OperationNotInitialized.because("a multi-part operation is under way; it ends here"));
        }
        if let Fit::Needs(n) = room.fit(OutLen::Exact(hash.len())) {
            taken.put_back();
            return Ok(Answer::Needs(n));
        }
        // What comes in one part goes to the faster engine.
        let digest = match all {
            Some(data) => cngtoken_crypto::digest(hash, data),
            None => std::mem::replace(digester, Digester::resumable(hash)).finish(),
        };
        session.still_valid(None)?;
        Ok(Answer::Bytes(Secret::new(digest)))
    }

    /// C_DigestUpdate.
    ///
    /// # Errors
    /// As [`Application::digest`].
    pub fn digest_update(&self, session: u64, data: &[u8]) -> R<()> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::Digest)?;
        let (digester, _, started) = digester(&mut taken)?;
        digester.update(data);
        *started = true;
        taken.put_back();
        Ok(())
    }

    /// C_DigestKey: the value of a secret key goes into the digest.
    ///
    /// # Errors
    /// As [`Application::digest`]; KeyHandleInvalid, KeyIndigestible.
    pub fn digest_key(&self, session: u64, key: u64) -> R<()> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::Digest)?;
        let entry = self.entry(&session, key).map_err(|_| TokenError::from(Reason::KeyHandleInvalid))?;
        let snapshot = self.current(&session, &entry)?;
        if snapshot.object.class() != ck::CKO_SECRET_KEY {
            return Err(Reason::KeyIndigestible.because("only secret keys can be digested"));
        }
        let KeyParts::Secret(value) = object::parts(&snapshot.object)? else { return Err(Reason::KeyIndigestible.into()) };
        let (digester, _, started) = digester(&mut taken)?;
        digester.update(value.expose());
        *started = true;
        taken.put_back();
        Ok(())
    }

    /// C_DigestEncryptUpdate.
    ///
    /// # Errors
    /// As [`Application::digest_update`] and [`Application::encrypt_update`]; a failure ends both operations.
    pub fn digest_encrypt_update(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.feed_and_encrypt(session, data, room, Kind::Digest)
    }

    /// C_SignEncryptUpdate.
    ///
    /// # Errors
    /// As [`Application::sign_update`] and [`Application::encrypt_update`]; a failure ends both operations.
    pub fn sign_encrypt_update(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.feed_and_encrypt(session, data, room, Kind::Sign)
    }

    /// C_DecryptDigestUpdate.
    ///
    /// # Errors
    /// As [`Application::decrypt_update`] and [`Application::digest_update`]; a failure ends both operations.
    pub fn decrypt_digest_update(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.decrypt_and_feed(session, data, room, Kind::Digest)
    }

    /// C_DecryptVerifyUpdate.
    ///
    /// # Errors
    /// As [`Application::decrypt_update`] and [`Application::verify_update`]; a failure ends both operations.
    pub fn decrypt_verify_update(&self, session: u64, data: &[u8], room: Room) -> R<Answer> {
        self.decrypt_and_feed(session, data, room, Kind::Verify)
    }

    fn feed_and_encrypt(&self, session: u64, data: &[u8], room: Room, first: Kind) -> R<Answer> {
        self.dual(session, (Kind::Encrypt, first), data, room, true)
    }

    fn decrypt_and_feed(&self, session: u64, data: &[u8], room: Room, second: Kind) -> R<Answer> {
        self.dual(session, (Kind::Decrypt, second), data, room, false)
    }

    /// Both operations go on or both end: each is put back only when neither has failed.
    fn dual(&self, session: u64, (cipher, other): (Kind, Kind), data: &[u8], room: Room, feeds_input: bool) -> R<Answer> {
        let session = self.session(session)?;
        let (ciphering, feeding) = (session.take(cipher), session.take(other));
        let (mut ciphering, mut feeding) = (ciphering?, feeding?);
        let answer = Self::update_taken(&session, &mut ciphering, data, room)?;
        if let Answer::Bytes(out) = &answer {
            feed_taken(&mut feeding, if feeds_input { data } else { out.expose() })?;
        }
        ciphering.put_back();
        feeding.put_back();
        Ok(answer)
    }
}

fn feed_taken(taken: &mut Taken<'_>, data: &[u8]) -> R<()> {
    let running = taken.running()?;
    authorised(running)?;
    match &mut running.op {
        Op::Digest { digester, started, .. } => {
            digester.update(data);
            *started = true;
            Ok(())
        }
        Op::Sign { key, scheme, phase, .. } => crate::token::sign::feed(&key.key, scheme, phase, data),
        _ => Err(Reason::GeneralError.because("the operation in this place is of another kind")),
    }
}

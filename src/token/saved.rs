//! C_GetOperationState, C_SetOperationState: digests, HMACs and CMACs leave a session under seal and go on in another.
//!
//! A saved state lies in the caller's memory: it is sealed with AES-256-GCM under a key of this application, so it says nothing and cannot be changed,
//! and it dies with C_Finalize. It is bound to slot and session state, as the standard asks. Keys are not in it; a MAC's key must be
//! given again, and is recognised. Every other running operation makes the state unsaveable. Source: PKCS#11 3.2, "Session management functions".

use crate::object::policy::Use;
use crate::token::application::Application;
use crate::token::error::{R, Reason, TokenError};
use crate::token::mechanism::{self, Mechanism, ParamShape, Params};
use crate::token::operation::{ContextLogin, Kind, Op, Running, SignPhase};
use crate::token::plan::Planner;
use crate::token::room::{Answer, Room};
use cngtoken_crypto::{self as crypto, Digester, Direction, Hash, Key, Scheme, SignStream};
use cngtoken_key::{KeyParts, Secret};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// How a saved state begins: who wrote it, and the version of what follows.
const MAGIC: &[u8; 8] = b"CNGTSAV\x01";
const IV: usize = 12;
const TAG: usize = 16;
const CHECK: usize = 32;

/// The application's sealing key, made when the first state is saved.
#[derive(Default)]
pub(crate) struct Seal(OnceLock<Arc<Key>>);

/// One operation in a saved state.
struct Saved {
    kind: Kind,
    mechanism: u64,
    /// Bytes of a MAC's tag.
    tag_len: u64,
    /// By which a MAC's key is known again; zeros for a digest.
    check: [u8; CHECK],
    /// None where nothing has been taken in yet.
    stream: Option<Zeroizing<Vec<u8>>>,
}

fn unsaveable() -> TokenError {
    Reason::StateUnsaveable.because("only digests, HMACs and CMACs can be saved")
}

fn invalid() -> TokenError {
    Reason::SavedStateInvalid.into()
}

/// A key's mark: says nothing of the key to whoever cannot open the seal, and hardly anything to whoever can.
fn check_of(key: &Key) -> R<[u8; CHECK]> {
    let mark = crypto::sign(key, &Scheme::Hmac { hash: Hash::Sha256, len: CHECK }, b"cngtoken: the key of a saved operation state")?;
    mark.try_into().map_err(|_| Reason::GeneralError.into())
}

fn save(kind: Kind, op: &Op) -> R<Saved> {
    match op {
        Op::Digest { digester, mechanism, started, .. } => {
            let stream = if *started { Some(digester.save().ok_or_else(unsaveable)?) } else { None };
            Ok(Saved { kind, mechanism: *mechanism, tag_len: 0, check: [0; CHECK], stream })
        }
        Op::Sign { key, mechanism, scheme: Scheme::Hmac { len, .. } | Scheme::Cmac { len, .. }, phase } => {
            let stream = match phase {
                SignPhase::Fresh => None,
                SignPhase::Streaming(stream) => Some(Zeroizing::new(stream.save().ok_or_else(unsaveable)?.expose().to_vec())),
            };
            Ok(Saved { kind, mechanism: *mechanism, tag_len: *len as u64, check: check_of(&key.key)?, stream })
        }
        _ => Err(unsaveable()),
    }
}

fn write(saved: &[Saved]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(1024));
    for one in saved {
        out.push(match one.kind {
            Kind::Digest => 0,
            Kind::Sign => 1,
            _ => 2,
        });
        out.extend_from_slice(&one.mechanism.to_le_bytes());
        out.extend_from_slice(&one.tag_len.to_le_bytes());
        out.extend_from_slice(&one.check);
        out.push(u8::from(one.stream.is_some()));
        let stream = one.stream.as_ref().map_or(&[][..], |s| s);
        out.extend_from_slice(&(stream.len() as u64).to_le_bytes());
        out.extend_from_slice(stream);
    }
    out
}

/// The first `N` bytes, and the rest.
fn split<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((*first, rest))
}

fn read(mut rest: &[u8]) -> Option<Vec<Saved>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let ([kind], after) = split(rest)?;
        let (mechanism, after) = split(after)?;
        let (tag_len, after) = split(after)?;
        let (check, after) = split(after)?;
        let ([started], after) = split(after)?;
        let (len, after) = split(after)?;
        let (stream, after) = after.split_at_checked(usize::try_from(u64::from_le_bytes(len)).ok()?)?;
        let kind = match kind {
            0 => Kind::Digest,
            1 => Kind::Sign,
            2 => Kind::Verify,
            _ => return None,
        };
        let stream = (started == 1).then(|| Zeroizing::new(stream.to_vec()));
        found.push(Saved { kind, mechanism: u64::from_le_bytes(mechanism), tag_len: u64::from_le_bytes(tag_len), check, stream });
        rest = after;
    }
    Some(found)
}

impl Application {
    fn sealing_key(&self) -> R<Arc<Key>> {
        if let Some(key) = self.seal.0.get() {
            return Ok(key.clone());
        }
        let mut bytes = Zeroizing::new([0; 32]);
        crypto::random(&mut *bytes)?;
        let key = Key::new(KeyParts::Secret(Secret::copy_of(&*bytes)))?;
        // Another thread may have been quicker: its key is the one.
        Ok(self.seal.0.get_or_init(|| key).clone())
    }

    /// What a saved state is bound to: slot and session state.
    fn saved_where(&self, session: u64) -> R<Vec<u8>> {
        let info = self.session_info(session)?;
        Ok([&MAGIC[..], &info.slot.to_le_bytes(), &info.state.to_le_bytes()].concat())
    }

    /// C_GetOperationState.
    ///
    /// # Errors
    /// SessionHandleInvalid; OperationNotInitialized where nothing runs, OperationActive while it computes, StateUnsaveable where anything runs that is
    /// no digest, HMAC or CMAC. The operations go on.
    pub fn operation_state(&self, session: u64, room: Room) -> R<Answer> {
        let bound = self.saved_where(session)?;
        let session = self.session(session)?;
        session.operations.must_be_saveable()?;
        let mut saved = Vec::new();
        for kind in Kind::SAVED {
            let mut taken = match session.take(kind) {
                Ok(taken) => taken,
                Err(e) if e.reason == Reason::OperationNotInitialized => continue,
                Err(e) => return Err(e),
            };
            let one = taken.running().and_then(|running| save(kind, &running.op));
            taken.put_back();
            saved.push(one?);
        }
        if saved.is_empty() {
            return Err(Reason::OperationNotInitialized.into());
        }
        let mut iv = [0; IV];
        crypto::random(&mut iv)?;
        let scheme = Scheme::AesGcm { iv: iv.to_vec(), aad: bound, tag_len: TAG };
        let sealed = crypto::cipher(&*self.sealing_key()?, &scheme, Direction::Encrypt, &write(&saved))?;
        Ok(room.answer(Secret::new([&MAGIC[..], &iv, sealed.expose()].concat())))
    }

    fn open_saved(&self, session: u64, state: &[u8]) -> R<Vec<Saved>> {
        let sealed = state.strip_prefix(MAGIC).ok_or_else(invalid)?;
        let (iv, sealed) = split::<IV>(sealed).ok_or_else(invalid)?;
        let Some(key) = self.seal.0.get() else { return Err(Reason::SavedStateInvalid.because("this application has saved no state")) };
        let scheme = Scheme::AesGcm { iv: iv.to_vec(), aad: self.saved_where(session)?, tag_len: TAG };
        let plain = crypto::cipher(key, &scheme, Direction::Decrypt, sealed)
            .map_err(|_| Reason::SavedStateInvalid.because("the state was changed, or was saved in another slot, session state or application"))?;
        read(plain.expose()).ok_or_else(invalid)
    }

    /// C_SetOperationState. What ran in the session ends; on failure it goes on.
    ///
    /// # Errors
    /// SessionHandleInvalid, SavedStateInvalid; KeyNeeded for a MAC without `authentication`, KeyNotNeeded for a key that no saved operation uses,
    /// KeyChanged for one that it was not begun with, or that may not be used for it now.
    pub fn set_operation_state(&self, session: u64, state: &[u8], encryption: u64, authentication: u64) -> R<()> {
        let handle = session;
        let session = self.session(handle)?;
        let saved = self.open_saved(handle, state)?;
        if encryption != 0 || (authentication != 0 && saved.iter().all(|one| one.kind == Kind::Digest)) {
            return Err(Reason::KeyNotNeeded.into());
        }
        let mut operations = Vec::new();
        for one in saved {
            let running = match one.kind {
                Kind::Digest => restore_digest(&one)?,
                _ if authentication == 0 => return Err(Reason::KeyNeeded.because("the key of the saved MAC must be given")),
                _ => {
                    let changed = |e: TokenError| Reason::KeyChanged.because(e.to_string());
                    let params = match mechanism::row(one.mechanism).map(|row| row.params) {
                        Some(ParamShape::Ulong) => Params::Ulong(one.tag_len),
                        _ => Params::None,
                    };
                    let usage = if one.kind == Kind::Sign { Use::Sign } else { Use::Verify };
                    let mechanism = Mechanism { id: one.mechanism, params };
                    let ready = self.prepare(&session, &mechanism, authentication, usage).map_err(changed)?;
                    if check_of(&ready.key.key)? != one.check {
                        return Err(Reason::KeyChanged.into());
                    }
                    let phase = match &one.stream {
                        Some(stream) => {
                            SignPhase::Streaming(SignStream::resume(ready.key.key.clone(), ready.scheme.clone(), stream).map_err(|_| invalid())?)
                        }
                        None => SignPhase::Fresh,
                    };
                    let op = Op::Sign { key: ready.key, mechanism: one.mechanism, scheme: ready.scheme, phase };
                    Running { op, epoch: ready.epoch, context_login: ready.context_login }
                }
            };
            operations.push((one.kind, running));
        }
        session.operations.cancel_all();
        operations.into_iter().try_for_each(|(kind, running)| session.begin(kind, running))
    }
}

fn restore_digest(saved: &Saved) -> R<Running> {
    let Some(Planner::Digest(hash)) = mechanism::row(saved.mechanism).map(|row| row.plan) else { return Err(invalid()) };
    let digester = match &saved.stream {
        Some(stream) => Digester::resume(hash, stream).ok_or_else(invalid)?,
        None => Digester::resumable(hash),
    };
    let op = Op::Digest { digester, hash, mechanism: saved.mechanism, started: saved.stream.is_some() };
    Ok(Running { op, epoch: None, context_login: ContextLogin::NotNeeded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_shorter() {
        let one = |kind, stream| Saved { kind, mechanism: 7, tag_len: 9, check: [3; CHECK], stream };
        let bytes = write(&[one(Kind::Digest, None), one(Kind::Verify, Some(Zeroizing::new(vec![1, 2, 3])))]);

        let found = read(&bytes).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].kind, found[1].mechanism, found[1].tag_len, found[1].check), (Kind::Verify, 7, 9, [3; CHECK]));
        assert_eq!(found[1].stream.as_deref(), Some(&vec![1, 2, 3]));
        assert!(found[0].stream.is_none());
        let first = write(&[one(Kind::Digest, None)]).len();
        for end in (1..bytes.len()).filter(|end| *end != first) {
            assert!(read(&bytes[..end]).is_none(), "{end} bytes of {}", bytes.len());
        }
    }
}

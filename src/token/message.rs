//! C_MessageEncrypt* and C_MessageDecrypt*: many messages under one key, each with an initialization vector and a tag of its own.
//!
//! The process stays when a message fails; a message that has begun ends with its first failure. A decrypted message is held back whole until its
//! tag has been checked, so a part that is not the last gives no bytes. Vectors come from `iv.rs`; the edge writes them and the tags back into the
//! caller's parameter. Source: PKCS#11 3.2, "Message-based encryption functions", "Message-based decryption functions".

use crate::object::policy::Use;
use crate::token::application::Application;
use crate::token::cipher::{AEAD_CAP, authorised};
use crate::token::error::{R, Reason, TokenError};
use crate::token::iv::IvSource;
use crate::token::mechanism::{self, Mechanism, Params};
use crate::token::operation::{ContextLogin, Kind, Op, Running};
use crate::token::plan::Planner;
use crate::token::room::{Answer, Fit, Room};
use crate::token::session::Session;
use crate::token::usage::Working;
use cngtoken_crypto::{self as crypto, CipherStream, CryptoError, Direction, OutLen, Scheme};
use cngtoken_key::Secret;
use cryptoki_sys as ck;
use std::sync::Arc;

/// A message-based process.
pub(crate) struct Messages {
    key: Arc<Working>,
    plan: Planner,
    direction: Direction,
    ivs: IvSource,
    /// The message that has begun and not ended.
    open: Option<Open>,
}

struct Open {
    stream: CipherStream,
    shape: Shape,
    tag_len: usize,
    /// Bytes taken in.
    total: usize,
}

/// What a call with a message parameter gives: output, and what goes back into the parameter.
#[derive(Debug)]
pub struct Sealed {
    /// The output; with a length alone nothing else is given.
    pub out: Answer,
    /// The vector, if the token made it.
    pub iv: Option<Vec<u8>>,
    /// The tag, if one was made.
    pub tag: Option<Vec<u8>>,
}

/// Which structure a message's parameter is, with what must stay while a message is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Gcm { tag_bits: u64 },
    Ccm { data_len: u64, mac_len: u64 },
    Poly,
}

/// A message's parameter, judged.
pub(crate) struct Given<'a> {
    pub(crate) iv: &'a [u8],
    pub(crate) fixed_bits: u64,
    pub(crate) generator: u64,
    tag: Option<&'a [u8]>,
    pub(crate) tag_len: usize,
    shape: Shape,
}

fn bad(why: &str) -> TokenError {
    Reason::MechanismParamInvalid.because(why)
}

fn no_message() -> TokenError {
    Reason::OperationNotInitialized.because("no message has begun")
}

impl<'a> Given<'a> {
    pub(crate) fn of(params: &'a Params) -> R<Self> {
        let tag_len = |n: u64| usize::try_from(n).map_err(|_| bad("the tag's length is too large"));
        Ok(match params {
            Params::GcmMessage { iv, fixed_bits, generator, tag, tag_bits } => {
                let shape = Shape::Gcm { tag_bits: *tag_bits };
                Self { iv, fixed_bits: *fixed_bits, generator: *generator, tag: tag.as_deref(), tag_len: tag_len(*tag_bits / 8)?, shape }
            }
            Params::CcmMessage { data_len, nonce, fixed_bits, generator, mac, mac_len } => {
                let shape = Shape::Ccm { data_len: *data_len, mac_len: *mac_len };
                Self { iv: nonce, fixed_bits: *fixed_bits, generator: *generator, tag: mac.as_deref(), tag_len: tag_len(*mac_len)?, shape }
            }
            Params::PolyMessage { nonce, tag } => {
                Self { iv: nonce, fixed_bits: 0, generator: ck::CKG_NO_GENERATE, tag: tag.as_deref(), tag_len: 16, shape: Shape::Poly }
            }
            Params::Malformed(why) => return Err(bad(why)),
            Params::None => return Err(bad("the message's parameter is missing")),
            _ => return Err(bad("the parameter of a message expected")),
        })
    }

    /// Refuses a parameter without a place for the tag.
    pub(crate) fn has_tag(&self) -> R<()> {
        self.tag().map(|_| ())
    }

    /// The tag.
    pub(crate) fn tag(&self) -> R<&'a [u8]> {
        self.tag.ok_or_else(|| bad("the pointer to the tag is NULL"))
    }

    /// What one message computes, with this vector or the given one.
    pub(crate) fn scheme(&self, plan: Planner, iv: Option<&[u8]>, aad: &[u8]) -> R<Scheme> {
        let iv = iv.unwrap_or(self.iv).to_vec();
        let aad = aad.to_vec();
        let params = match (plan, self.shape) {
            (Planner::AesGcm, Shape::Gcm { tag_bits }) => Params::Gcm { iv, aad, tag_bits },
            (Planner::AesCcm, Shape::Ccm { data_len, mac_len }) => Params::Ccm { data_len, nonce: iv, aad, mac_len },
            (Planner::ChaCha20Poly1305, Shape::Poly) => Params::StreamPoly { nonce: iv, aad },
            _ => return Err(bad("the parameter is not the structure of the mechanism's messages")),
        };
        plan.scheme(&params, true, false)
    }
}

/// Whether the mechanism may be used in this way, told by its flag.
pub(crate) fn serves(mechanism: &Mechanism, flag: u64) -> R<()> {
    match mechanism::row(mechanism.id) {
        Some(row) if row.uses & flag != 0 => Ok(()),
        _ => Err(Reason::MechanismInvalid.because(format!("mechanism 0x{:x} does not work on messages", mechanism.id))),
    }
}

/// The end of a ciphertext that is its tag, apart from it.
pub(crate) fn without_tag(both: Secret, tag_len: usize) -> R<(Secret, Vec<u8>)> {
    let at = both.len().checked_sub(tag_len).ok_or_else(|| Reason::GeneralError.because("a ciphertext is shorter than its tag"))?;
    let (text, tag) = both.expose().split_at_checked(at).unwrap_or_default();
    Ok((Secret::copy_of(text), tag.to_vec()))
}

/// A decryption names its faults by the codes for encrypted data, and a wrong tag by its own.
fn opening(e: CryptoError) -> TokenError {
    match e {
        CryptoError::EncryptedData => Reason::AeadDecryptFailed.into(),
        CryptoError::DataLen | CryptoError::EncryptedDataLen => Reason::EncryptedDataLenRange.into(),
        CryptoError::DataInvalid => Reason::EncryptedDataInvalid.into(),
        other => other.into(),
    }
}

fn messages(running: &mut Running) -> R<&mut Messages> {
    match &mut running.op {
        Op::Messages(messages) => Ok(messages),
        _ => Err(Reason::GeneralError.because("the operation in this place is of another kind")),
    }
}

impl Messages {
    fn must_be_between_messages(&self) -> R<()> {
        if self.open.is_some() { Err(Reason::OperationActive.because("a message has begun and not ended")) } else { Ok(()) }
    }

    fn encrypt(&mut self, params: &Params, aad: &[u8], data: &[u8], room: Room) -> R<Sealed> {
        self.must_be_between_messages()?;
        let given = Given::of(params)?;
        given.has_tag()?;
        // Judged before a vector is spent.
        given.scheme(self.plan, None, aad)?;
        if let Fit::Needs(n) = room.fit(OutLen::Exact(data.len())) {
            return Ok(Sealed { out: Answer::Needs(n), iv: None, tag: None });
        }
        let iv = self.ivs.next(given.iv, given.fixed_bits, given.generator)?;
        let scheme = given.scheme(self.plan, iv.as_deref(), aad)?;
        let both = crypto::cipher(&self.key.key, &scheme, Direction::Encrypt, data)?;
        let (text, tag) = without_tag(both, given.tag_len)?;
        Ok(Sealed { out: Answer::Bytes(text), iv, tag: Some(tag) })
    }

    fn decrypt(&mut self, params: &Params, aad: &[u8], data: &[u8], room: Room) -> R<Answer> {
        self.must_be_between_messages()?;
        let given = Given::of(params)?;
        let tag = given.tag()?;
        let scheme = given.scheme(self.plan, None, aad)?;
        if let Fit::Needs(n) = room.fit(OutLen::Exact(data.len())) {
            return Ok(Answer::Needs(n));
        }
        let plain = crypto::cipher(&self.key.key, &scheme, Direction::Decrypt, &[data, tag].concat()).map_err(opening)?;
        Ok(Answer::Bytes(plain))
    }

    /// Begins a message; gives the vector if the token made one.
    fn begin(&mut self, params: &Params, aad: &[u8]) -> R<Option<Vec<u8>>> {
        self.must_be_between_messages()?;
        let given = Given::of(params)?;
        given.scheme(self.plan, None, aad)?;
        let iv = match self.direction {
            Direction::Encrypt => self.ivs.next(given.iv, given.fixed_bits, given.generator)?,
            Direction::Decrypt => None,
        };
        let scheme = given.scheme(self.plan, iv.as_deref(), aad)?;
        let stream = CipherStream::new(self.key.key.clone(), scheme, self.direction)?;
        self.open = Some(Open { stream, shape: given.shape, tag_len: given.tag_len, total: 0 });
        Ok(iv)
    }

    fn next(&mut self, params: &Params, part: &[u8], room: Room, last: bool) -> R<Sealed> {
        // Taken out: a failure ends the message.
        let mut open = self.open.take().ok_or_else(no_message)?;
        let given = Given::of(params)?;
        if last {
            given.has_tag()?;
        }
        if given.shape != open.shape {
            return Err(bad("the lengths in the parameter are not what they were when the message began"));
        }
        let total = open.total.saturating_add(part.len());
        let gives = match self.direction {
            Direction::Encrypt => part.len(),
            Direction::Decrypt if last => total,
            Direction::Decrypt => 0,
        };
        if let Fit::Needs(n) = room.fit(OutLen::Exact(gives)) {
            self.open = Some(open);
            return Ok(Sealed { out: Answer::Needs(n), iv: None, tag: None });
        }
        let out = match self.direction {
            Direction::Encrypt => {
                let text = open.stream.update(part)?;
                if last {
                    return finished(text, open);
                }
                text
            }
            Direction::Decrypt => {
                if total as u64 > AEAD_CAP {
                    return Err(Reason::EncryptedDataLenRange.because(format!("more than {AEAD_CAP} bytes in parts; use one call")));
                }
                let nothing = open.stream.update(part).map_err(opening)?;
                if last {
                    open.stream.update(given.tag()?).map_err(opening)?;
                    let plain = open.stream.finish().map_err(opening)?;
                    return Ok(Sealed { out: Answer::Bytes(plain), iv: None, tag: None });
                }
                nothing
            }
        };
        open.total = total;
        self.open = Some(open);
        Ok(Sealed { out: Answer::Bytes(out), iv: None, tag: None })
    }
}

/// The last part of an encrypted message: what the stream still held, and the tag apart.
fn finished(text: Secret, open: Open) -> R<Sealed> {
    let rest = open.stream.finish()?;
    let (rest, tag) = without_tag(rest, open.tag_len)?;
    let text = if rest.is_empty() { text } else { Secret::new([text.expose(), rest.expose()].concat()) };
    Ok(Sealed { out: Answer::Bytes(text), iv: None, tag: Some(tag) })
}

impl Application {
    fn message_crypt_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64, direction: Direction) -> R<()> {
        let (kind, usage, flag) = match direction {
            Direction::Encrypt => (Kind::MessageEncrypt, Use::Encrypt, ck::CKF_MESSAGE_ENCRYPT),
            Direction::Decrypt => (Kind::MessageDecrypt, Use::Decrypt, ck::CKF_MESSAGE_DECRYPT),
        };
        let Some(mechanism) = mechanism else { return self.cancel(session, kind) };
        let session = self.session(session)?;
        session.operations.must_be_idle(kind)?;
        serves(&mechanism, flag)?;
        let usable = self.usable(&session, &mechanism, key, usage)?;
        let always = usable.working.snapshot.object.bool(ck::CKA_ALWAYS_AUTHENTICATE);
        let context_login = if always { ContextLogin::Missing } else { ContextLogin::NotNeeded };
        let op = Op::Messages(Messages { key: usable.working, plan: usable.row.plan, direction, ivs: IvSource::default(), open: None });
        session.begin(kind, Running { op, epoch: usable.epoch, context_login })
    }

    /// Works on a process, which stays whatever the work answers, unless its login has ended meanwhile.
    pub(crate) fn in_process<T>(&self, session: u64, kind: Kind, work: impl FnOnce(&mut Running) -> R<T>) -> R<T> {
        let session: Arc<Session> = self.session(session)?;
        let mut taken = session.take(kind)?;
        let running = taken.running()?;
        let epoch = running.epoch;
        let answer = work(running);
        session.still_running(epoch)?;
        taken.put_back();
        answer
    }

    /// Ends a process.
    pub(crate) fn end_process(&self, session: u64, kind: Kind) -> R<()> {
        let session = self.session(session)?;
        // Taken and dropped: a message that has begun goes with it.
        session.take(kind).map(|_gone| ())
    }

    /// C_MessageEncryptInit; no mechanism cancels. The mechanism's parameter says nothing that a message does not say again.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationActive, the key's and the mechanism's codes.
    pub fn message_encrypt_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.message_crypt_init(session, mechanism, key, Direction::Encrypt)
    }

    /// C_EncryptMessage.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive (a message has begun), MechanismParamInvalid, DataLenRange; the process stays.
    pub fn encrypt_message(&self, session: u64, params: &Params, aad: &[u8], data: &[u8], room: Room) -> R<Sealed> {
        self.in_process(session, Kind::MessageEncrypt, |running| {
            authorised(running)?;
            messages(running)?.encrypt(params, aad, data, room)
        })
    }

    /// C_EncryptMessageBegin: gives the vector, if the token made it.
    ///
    /// # Errors
    /// As [`Application::encrypt_message`].
    pub fn encrypt_message_begin(&self, session: u64, params: &Params, aad: &[u8]) -> R<Option<Vec<u8>>> {
        self.in_process(session, Kind::MessageEncrypt, |running| {
            authorised(running)?;
            messages(running)?.begin(params, aad)
        })
    }

    /// C_EncryptMessageNext.
    ///
    /// # Errors
    /// As [`Application::encrypt_message`]; OperationNotInitialized where no message has begun. The message ends, the process stays.
    pub fn encrypt_message_next(&self, session: u64, params: &Params, part: &[u8], room: Room, flags: u64) -> R<Sealed> {
        self.in_process(session, Kind::MessageEncrypt, |running| messages(running)?.next(params, part, room, is_last(flags)))
    }

    /// C_MessageEncryptFinal.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationNotInitialized, OperationActive.
    pub fn message_encrypt_final(&self, session: u64) -> R<()> {
        self.end_process(session, Kind::MessageEncrypt)
    }

    /// C_MessageDecryptInit; no mechanism cancels.
    ///
    /// # Errors
    /// As [`Application::message_encrypt_init`].
    pub fn message_decrypt_init(&self, session: u64, mechanism: Option<Mechanism>, key: u64) -> R<()> {
        self.message_crypt_init(session, mechanism, key, Direction::Decrypt)
    }

    /// C_DecryptMessage.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive (a message has begun), MechanismParamInvalid, AeadDecryptFailed, EncryptedDataLenRange; the
    /// process stays.
    pub fn decrypt_message(&self, session: u64, params: &Params, aad: &[u8], data: &[u8], room: Room) -> R<Answer> {
        self.in_process(session, Kind::MessageDecrypt, |running| {
            authorised(running)?;
            messages(running)?.decrypt(params, aad, data, room)
        })
    }

    /// C_DecryptMessageBegin.
    ///
    /// # Errors
    /// As [`Application::decrypt_message`].
    pub fn decrypt_message_begin(&self, session: u64, params: &Params, aad: &[u8]) -> R<()> {
        self.in_process(session, Kind::MessageDecrypt, |running| {
            authorised(running)?;
            messages(running)?.begin(params, aad).map(|_| ())
        })
    }

    /// C_DecryptMessageNext. All bytes come with the last part.
    ///
    /// # Errors
    /// As [`Application::decrypt_message`]; OperationNotInitialized where no message has begun. The message ends, the process stays.
    pub fn decrypt_message_next(&self, session: u64, params: &Params, part: &[u8], room: Room, flags: u64) -> R<Answer> {
        let next = |running: &mut Running| messages(running)?.next(params, part, room, is_last(flags));
        Ok(self.in_process(session, Kind::MessageDecrypt, next)?.out)
    }

    /// C_MessageDecryptFinal.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationNotInitialized, OperationActive.
    pub fn message_decrypt_final(&self, session: u64) -> R<()> {
        self.end_process(session, Kind::MessageDecrypt)
    }
}

fn is_last(flags: u64) -> bool {
    flags & ck::CKF_END_OF_MESSAGE != 0
}

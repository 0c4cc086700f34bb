//! Where new objects go: who may make them, the store or the session, all of them or none.
//!
//! Source: PKCS#11 3.2, "Session states" (what may be made when), "Creating objects"; `docs/design.md`, "Writing needs a login".

use crate::object::{self, Object};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::session::Session;
use crate::token::slot::Role;
use cngtoken_crypto as crypto;
use cngtoken_key::KeyParts;
use cngtoken_storage::{Keys, ObjectId, Record, Term};
use cryptoki_sys as ck;
use std::sync::Arc;

/// A record made of an object.
pub(crate) fn record(object: &Object, id: ObjectId, version: u64) -> R<Record> {
    let encoded = object::record::encode(object);
    let terms = encoded.terms.into_iter().map(|(tag, bytes)| Term { tag, bytes }).collect();
    Ok(Record { id, version, private: object.is_private(), clear: encoded.clear, sealed: encoded.sealed, terms, authentic: true })
}

pub(crate) fn hex(id: &[u8]) -> String {
    let mut text = String::with_capacity(id.len().saturating_mul(2));
    for nibble in id.iter().flat_map(|b| [b >> 4, b & 15]) {
        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
    }
    text
}

impl Session {
    /// CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN: whether a token object may be written at all.
    pub(crate) fn may_write(&self, token: bool) -> R<()> {
        if !token {
            return Ok(());
        }
        self.must_be_read_write()?;
        if self.slot.role() == Role::Nobody {
            return Err(Reason::UserNotLoggedIn.because("writing a token object needs a login"));
        }
        Ok(())
    }

    /// CKR_USER_NOT_LOGGED_IN, CKR_SESSION_READ_ONLY: whether this object may come into being in this session now.
    pub(crate) fn may_create(&self, object: &Object) -> R<()> {
        self.may_write(object.is_token())?;
        if object.is_private() && self.slot.role() != Role::User {
            return Err(Reason::UserNotLoggedIn.because("a private object needs the user's login"));
        }
        Ok(())
    }
}

impl Application {
    /// Gives the objects their identity and their check values, and puts them into the store (in one transaction) or the session.
    /// Their handles, in the same order.
    pub(crate) fn place(&self, session: &Session, objects: Vec<Object>) -> R<Vec<u64>> {
        let mut named = Vec::with_capacity(objects.len());
        for object in objects {
            session.may_create(&object)?;
            named.push(Self::name(object)?);
        }
        let records = named.iter().filter(|(_, o)| o.is_token()).map(|(id, o)| record(o, *id, 1)).collect::<R<Vec<_>>>()?;
        if !records.is_empty() {
            let keys: Arc<Keys> = session.slot.keys()?;
            session.slot.vault()?.insert(&keys, &records)?;
        }
        session.still_valid(None)?;
        let mut handles = Vec::with_capacity(named.len());
        for (id, object) in named {
            let entry = if object.is_token() {
                self.handles.stored(session.slot.id, id, object.is_private())?
            } else {
                self.handles.session_object(session.slot.id, session.handle, object)?
            };
            handles.push(entry.handle);
        }
        Ok(handles)
    }

    /// The identity of a new object.
    pub(crate) fn name(mut object: Object) -> R<(ObjectId, Object)> {
        // From the engine's generator: a system call for each derived session key would cost more than the rest of this.
        let mut id = ObjectId::default();
        crypto::random(&mut id)?;
        object.with_identity(&hex(&id));
        Ok((id, object))
    }
}

/// Settles CKA_CHECK_VALUE of a new object. `suppressed`: its creator gave an empty one and wants none.
pub(crate) fn with_check_value(mut object: Object, suppressed: bool) -> R<Object> {
    if suppressed {
        return Ok(object);
    }
    let computed = match object.class() {
        ck::CKO_SECRET_KEY => key_check_value(&object)?,
        ck::CKO_CERTIFICATE => object.bytes(ck::CKA_VALUE).map(|der| crypto::digest(crypto::Hash::Sha1, der)),
        _ => None,
    };
    if let Some(value) = computed.as_deref().and_then(|v| v.get(..3)) {
        object.settle_check_value(value)?;
    }
    Ok(object)
}

/// A zero block under the key, or the SHA-1 of a key that encrypts nothing; the first three bytes count.
/// Source: PKCS#11 3.2, "CKA_CHECK_VALUE".
fn key_check_value(object: &Object) -> R<Option<Vec<u8>>> {
    let parts = object::parts(object)?;
    let KeyParts::Secret(value) = &parts else { return Ok(None) };
    let cipher = match object.key_type() {
        Some(ck::CKK_AES) => crypto::BlockCipher::Aes,
        Some(ck::CKK_DES | ck::CKK_DES2 | ck::CKK_DES3) => crypto::BlockCipher::Des,
        Some(ck::CKK_CAMELLIA) => crypto::BlockCipher::Camellia,
        _ => return Ok(Some(crypto::digest(crypto::Hash::Sha1, value.expose()))),
    };
    let key = crypto::Key::new(parts.clone())?;
    let scheme = crypto::Scheme::Block { cipher, mode: crypto::Mode::Ecb };
    let block = vec![0; cipher.block_len()];
    Ok(Some(crypto::cipher(&key, &scheme, crypto::Direction::Encrypt, &block)?.expose().to_vec()))
}

//! C_CreateObject, C_CopyObject, C_DestroyObject, C_GetObjectSize, C_GetAttributeValue, C_SetAttributeValue.
//!
//! The rules of templates and attributes are the object room's; this file adds session, login and store. A failed write leaves handle and
//! object as they were. Source: PKCS#11 3.2, "Object management functions".

use crate::object::{self, Draft, GivenAttr, KeyDefaults, Object, ObjectError, Origin, Read, Template, ids};
use crate::token::application::Application;
use crate::token::creation;
use crate::token::error::{R, Reason, TokenError};
use crate::token::handles::{Entry, Snapshot};
use crate::token::import::default_id;
use crate::token::session::Session;
use crate::token::slot::Role;
use cngtoken_crypto::{self as crypto, Level};
use cngtoken_key::Half;
use cngtoken_storage::StoreError;
use cryptoki_sys as ck;
use std::sync::Arc;
use zeroize::Zeroizing;

/// One attribute that C_GetAttributeValue asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// `CKA_*`.
    pub id: u64,
    /// Bytes at pValue; `None` if it is NULL.
    pub room: Option<usize>,
}

/// The answer for one attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// ulValueLen, where pValue was NULL.
    Length(usize),
    /// The value; it fits.
    Bytes(Zeroizing<Vec<u8>>),
    /// ulValueLen becomes CK_UNAVAILABLE_INFORMATION.
    Unavailable,
    /// The attributes of a nested template.
    Template(Vec<(u64, Zeroizing<Vec<u8>>)>),
}

impl Session {
    /// On whose behalf an object is made or changed.
    pub(crate) fn actor(&self) -> object::Actor {
        let role = self.slot.role();
        object::Actor { so: role == Role::So, logged_in: role == Role::User }
    }
}

impl Application {
    /// C_CreateObject.
    ///
    /// # Errors
    /// SessionHandleInvalid, SessionReadOnly, UserNotLoggedIn, the template's codes, the blob's codes (as C_CreateObject lists them).
    pub fn create_object(&self, session: u64, template: Vec<GivenAttr>) -> R<u64> {
        let result = self.session(session).and_then(|s| self.create(&s, template)).map_err(TokenError::through_create);
        self.with_status(session, result)
    }

    fn create(&self, session: &Session, template: Vec<GivenAttr>) -> R<u64> {
        let object = self.build_object(session, Template::parse(template)?)?;
        let handle = self.place(session, vec![object])?.pop();
        handle.ok_or_else(|| Reason::GeneralError.into())
    }

    pub(crate) fn build_object(&self, session: &Session, template: Template) -> R<Object> {
        let bare = template.suppresses_check_value();
        let object =
            if template.contains(ids::CKA_CNG_BLOB) { self.create_from_blob(session, template)? } else { Self::create_plain(session, template)? };
        creation::with_check_value(object, bare)
    }

    fn create_plain(session: &Session, template: Template) -> R<Object> {
        let actor = session.actor();
        let (claim, half, template) = match object::create(template, &Origin::Created, &actor)? {
            Draft::Object(object) => return Ok(object),
            Draft::Key { claim, half, template } => (claim, half, template),
        };
        let admitted = crypto::admit(claim, Level::Full)?;
        let parts = match half {
            Half::Public => admitted.public,
            Half::Private => admitted.private,
        };
        let parts = parts.ok_or_else(|| Reason::TemplateIncomplete.because("the template lacks the numbers of a key of its class"))?;
        let defaults = KeyDefaults { id: default_id(&parts), key_type: template.ulong(ck::CKA_KEY_TYPE), ..KeyDefaults::default() };
        Ok(object::from_parts(&parts, &template, &Origin::Created, &defaults, &actor)?)
    }

    /// C_CopyObject.
    ///
    /// # Errors
    /// ObjectHandleInvalid, ActionProhibited, the template's codes, SessionReadOnly, UserNotLoggedIn.
    pub fn copy_object(&self, session: u64, handle: u64, template: Vec<GivenAttr>) -> R<u64> {
        let session = self.session(session)?;
        let entry = self.entry(&session, handle)?;
        let snapshot = self.current(&session, &entry)?;
        let copy = object::copy(&snapshot.object, &Template::parse(template)?, &session.actor())?;
        self.place(&session, vec![copy])?.pop().ok_or_else(|| Reason::GeneralError.into())
    }

    /// C_DestroyObject. A read-write session destroys public token objects without secrets even if nobody is logged in.
    ///
    /// # Errors
    /// ObjectHandleInvalid, ActionProhibited, SessionReadOnly, UserNotLoggedIn, store failures.
    pub fn destroy_object(&self, session: u64, handle: u64) -> R<()> {
        let session = self.session(session)?;
        let entry = self.entry(&session, handle)?;
        let snapshot = self.current(&session, &entry)?;
        if let Some(id) = entry.id {
            if !snapshot.object.bool(ck::CKA_DESTROYABLE) {
                return Err(Reason::ActionProhibited.because("CKA_DESTROYABLE is false"));
            }
            session.must_be_read_write()?;
            let vault = session.slot.vault()?;
            let destroyed = match session.slot.access().1 {
                Some(keys) => vault.delete(&keys, id),
                // "R/W Public Session": NSS destroys certificates in it, since the token's profile says that they need no login.
                None => vault.retire(id),
            };
            match destroyed {
                Ok(()) => {}
                Err(e @ StoreError::KeysNeeded) => return Err(Reason::UserNotLoggedIn.because(e.to_string())),
                Err(StoreError::NotFound) => {
                    self.handles.remove(&entry);
                    return Err(Reason::ObjectHandleInvalid.into());
                }
                Err(e) => return Err(e.into()),
            }
        } else if !snapshot.object.bool(ck::CKA_DESTROYABLE) {
            return Err(Reason::ActionProhibited.because("CKA_DESTROYABLE is false"));
        }
        self.handles.remove(&entry);
        self.forget_working(session.slot.id, |e| e.handle == handle);
        Ok(())
    }

    /// C_GetObjectSize, roughly: what the attributes take.
    ///
    /// # Errors
    /// ObjectHandleInvalid.
    pub fn object_size(&self, session: u64, handle: u64) -> R<u64> {
        let session = self.session(session)?;
        let entry = self.entry(&session, handle)?;
        Ok(self.current(&session, &entry)?.object.size() as u64)
    }

    /// C_GetAttributeValue: an answer for each attribute asked, and the code of the whole call.
    ///
    /// # Errors
    /// SessionHandleInvalid, ObjectHandleInvalid. What concerns single attributes stands in the second part of the answer.
    pub fn get_attributes(&self, session: u64, handle: u64, asked: &[Asked]) -> R<(Vec<Told>, Option<TokenError>)> {
        let session = self.session(session)?;
        let entry = self.entry(&session, handle)?;
        let snapshot = self.current(&session, &entry)?;
        let mut failure: Option<TokenError> = None;
        let mut told = Vec::with_capacity(asked.len());
        for question in asked {
            let mut unavailable = |reason: Reason| {
                // Of several reasons the first is answered; the standard leaves the choice open.
                failure.get_or_insert_with(|| reason.because(format!("{}: {}", object::attributes::name(question.id), TokenError::from(reason))));
                Told::Unavailable
            };
            told.push(match snapshot.object.read(question.id) {
                Read::Unknown => unavailable(Reason::AttributeTypeInvalid),
                Read::Sensitive | Read::Sealed => unavailable(Reason::AttributeSensitive),
                Read::Bytes(bytes) => match question.room {
                    None => Told::Length(bytes.len()),
                    Some(room) if room < bytes.len() => unavailable(Reason::BufferTooSmall),
                    Some(_) => Told::Bytes(Zeroizing::new(bytes.into_owned())),
                },
                Read::Template(template) => {
                    Told::Template(template.iter().filter_map(|(id, value)| Some((id, Zeroizing::new(value.to_bytes()?.into_owned())))).collect())
                }
            });
        }
        Ok((told, failure))
    }

    /// C_SetAttributeValue.
    ///
    /// # Errors
    /// ObjectHandleInvalid, ActionProhibited, AttributeReadOnly and the template's codes, SessionReadOnly, UserNotLoggedIn, store failures.
    pub fn set_attributes(&self, session: u64, handle: u64, template: Vec<GivenAttr>) -> R<()> {
        let session = self.session(session)?;
        let entry = self.entry(&session, handle)?;
        let template = Template::parse(template)?;
        let Some(_) = entry.id else {
            let snapshot = self.current(&session, &entry)?;
            let changed = object::set(&snapshot.object, &template, &session.actor())?;
            entry.set_state(Some(Arc::new(Snapshot::session(changed))));
            return Ok(());
        };
        session.must_be_read_write()?;
        self.change_stored(&session, &entry, |object| object::set(object, &template, &session.actor()))
    }

    /// Reads, changes and writes a stored object in one transaction, so that two processes lose nothing of each other.
    fn change_stored(&self, session: &Session, entry: &Arc<Entry>, change: impl Fn(&Object) -> Result<Object, ObjectError>) -> R<()> {
        let Some(id) = entry.id else { return Err(Reason::GeneralError.into()) };
        let keys = session.slot.keys()?;
        let mut after = None;
        let written = session.slot.vault()?.update::<TokenError>(&keys, id, &mut |before| {
            let changed = change(&Self::open_record(&before, true)?)?;
            let record = creation::record(&changed, id, before.version)?;
            after = Some(changed);
            Ok(record)
        });
        let version = written.inspect_err(|e| {
            if e.reason == Reason::ObjectHandleInvalid {
                self.handles.remove(entry);
            }
        })?;
        let generation = session.slot.generation(true)?;
        self.forget_working(session.slot.id, |e| e.handle == entry.handle);
        if let Some(changed) = after {
            self.handles.keep(entry, &Arc::new(Snapshot::stored(changed, (version, true), generation)));
        }
        Ok(())
    }
}

impl From<ObjectError> for TokenError {
    fn from(e: ObjectError) -> Self {
        let reason = match e.reason {
            object::Reason::TemplateIncomplete => Reason::TemplateIncomplete,
            object::Reason::TemplateInconsistent => Reason::TemplateInconsistent,
            object::Reason::AttributeTypeInvalid => Reason::AttributeTypeInvalid,
            object::Reason::AttributeValueInvalid => Reason::AttributeValueInvalid,
            object::Reason::AttributeReadOnly => Reason::AttributeReadOnly,
            object::Reason::AttributeSensitive => Reason::AttributeSensitive,
            object::Reason::ActionProhibited => Reason::ActionProhibited,
            object::Reason::DomainParamsInvalid => Reason::DomainParamsInvalid,
            object::Reason::CurveNotSupported => Reason::CurveNotSupported,
            object::Reason::KeySize => Reason::BlobKeySize,
            object::Reason::KeyTypeInconsistent => Reason::KeyTypeInconsistent,
            object::Reason::UserNotLoggedIn => Reason::UserNotLoggedIn,
            object::Reason::EncodingInvalid | object::Reason::AlgorithmUnknown => Reason::WrappedKeyInvalid,
            object::Reason::Damaged => Reason::DeviceError,
        };
        reason.because(e.to_string())
    }
}

impl From<crypto::CryptoError> for TokenError {
    fn from(e: crypto::CryptoError) -> Self {
        use crypto::CryptoError as E;
        let reason = match e {
            E::DataLen => Reason::DataLenRange,
            E::DataInvalid => Reason::DataInvalid,
            E::EncryptedData => Reason::EncryptedDataInvalid,
            E::EncryptedDataLen => Reason::EncryptedDataLenRange,
            E::Signature => Reason::SignatureInvalid,
            E::SignatureLen => Reason::SignatureLenRange,
            E::KeySize => Reason::KeySizeRange,
            E::KeyType => Reason::KeyTypeInconsistent,
            E::Param(_) => Reason::MechanismParamInvalid,
            E::PublicKey(_) => Reason::PublicKeyInvalid,
            E::Random => Reason::DeviceError,
            _ => Reason::GeneralError,
        };
        reason.because(e.to_string())
    }
}

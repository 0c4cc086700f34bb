//! The one door to a key's use: which key a handle means, whether it is current, and whether the mechanism, the key's attributes and the
//! login allow what is asked.
//!
//! `object::policy` knows the attributes, the mechanism row knows types and sizes; this file is the one caller of both.
//! Source: PKCS#11 3.2, "Key objects", the *Init functions.

use crate::object::policy::{self, Denied, Use};
use crate::object::{self, Object};
use crate::token::application::Application;
use crate::token::config::RsaPkcs1Decrypt;
use crate::token::error::{R, Reason, TokenError};
use crate::token::handles::{Entry, SYNTHETIC, Snapshot};
use crate::token::mechanism::{self, MechRow, Mechanism, ParamShape, Params, Sizes};
use crate::token::operation::ContextLogin;
use crate::token::plan::no_parameter;
use crate::token::session::Session;
use crate::token::slot::Role;
use cngtoken_crypto::{Key, Scheme};
use cngtoken_key::{KeyParts, Secret};
use cryptoki_sys as ck;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The flag in C_GetMechanismInfo of a use.
fn flag(what: Use) -> u64 {
    match what {
        Use::Encrypt => ck::CKF_ENCRYPT,
        Use::Decrypt => ck::CKF_DECRYPT,
        Use::Sign => ck::CKF_SIGN,
        Use::SignRecover => ck::CKF_SIGN_RECOVER,
        Use::Verify => ck::CKF_VERIFY,
        Use::VerifyRecover => ck::CKF_VERIFY_RECOVER,
        Use::Wrap => ck::CKF_WRAP,
        Use::Unwrap => ck::CKF_UNWRAP,
        Use::Derive => ck::CKF_DERIVE,
        Use::Encapsulate => ck::CKF_ENCAPSULATE,
        Use::Decapsulate => ck::CKF_DECAPSULATE,
    }
}

/// Whether data goes through the key as through a cipher (CKM_RSA_PKCS means two things).
fn is_cipher(what: Use) -> bool {
    matches!(what, Use::Encrypt | Use::Decrypt | Use::Wrap | Use::Unwrap | Use::Encapsulate | Use::Decapsulate)
}

/// A key as one session works with it.
pub(crate) struct Working {
    pub(crate) entry: Arc<Entry>,
    /// The entry's revision when this was made.
    revision: u64,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) key: Arc<Key>,
}

/// A key that may be used as asked.
pub(crate) struct Ready {
    pub(crate) key: Arc<Working>,
    pub(crate) scheme: Scheme,
    pub(crate) epoch: Option<u64>,
    pub(crate) context_login: ContextLogin,
}

/// A key that may be used, with its object, before any scheme is chosen.
pub(crate) struct Usable {
    pub(crate) working: Arc<Working>,
    pub(crate) row: &'static MechRow,
    pub(crate) epoch: Option<u64>,
}

/// The size of a key in the unit of a row.
fn size_of(parts: &KeyParts, sizes: Sizes) -> u64 {
    let bits = |n: usize| n as u64;
    let bytes_of_public = |n: usize| n as u64;
    match (sizes, parts) {
        (_, KeyParts::RsaPublic(k)) => bits(k.n.bit_len()),
        (_, KeyParts::RsaPrivate(k)) => bits(k.public.n.bit_len()),
        (_, KeyParts::EcPublic(k)) => bits(k.curve.field_bits()),
        (_, KeyParts::EcPrivate(k)) => bits(k.public.curve.field_bits()),
        (_, KeyParts::EdwardsPublic(_) | KeyParts::EdwardsPrivate(_) | KeyParts::MontgomeryPublic(_) | KeyParts::MontgomeryPrivate(_)) => 255,
        (_, KeyParts::DsaPublic(k)) => bits(k.domain.p.bit_len()),
        (_, KeyParts::DsaPrivate(k)) => bits(k.public.domain.p.bit_len()),
        (_, KeyParts::DhPublic(k)) => bits(k.domain.p.bit_len()),
        (_, KeyParts::DhPrivate(k)) => bits(k.public.domain.p.bit_len()),
        (_, KeyParts::MlKemPublic(k)) => bytes_of_public(k.ek.len()),
        (_, KeyParts::MlKemPrivate(k)) => bytes_of_public(k.public.ek.len()),
        (_, KeyParts::MlDsaPublic(k)) => bytes_of_public(k.pk.len()),
        (_, KeyParts::MlDsaPrivate(k)) => bytes_of_public(k.public.pk.len()),
        (_, KeyParts::SlhDsaPublic(k)) => bytes_of_public(k.pk.len()),
        (_, KeyParts::SlhDsaPrivate(k)) => bytes_of_public(k.public.pk.len()),
        (Sizes::Bits(..), KeyParts::Secret(s)) => bits(s.len().saturating_mul(8)),
        (Sizes::Bytes(..) | Sizes::None, KeyParts::Secret(s)) => s.len() as u64,
    }
}

/// CKR_KEY_SIZE_RANGE if a key lies outside its mechanism's row.
pub(crate) fn check_size(row: &MechRow, parts: &KeyParts) -> R<()> {
    let (min, max) = row.sizes.bounds();
    let size = size_of(parts, row.sizes);
    // Montgomery curves have 255 bits, inside the range of the Weierstrass ones.
    if row.sizes != Sizes::None && !(min..=max).contains(&size) {
        return Err(Reason::KeySizeRange.because(format!("the key's size is {size}; {} takes {min} to {max}", row.name)));
    }
    Ok(())
}

impl Application {
    /// The entry behind an object handle, if this session may see it.
    pub(crate) fn entry(&self, session: &Session, handle: u64) -> R<Arc<Entry>> {
        let entry = self.handles.get(handle).filter(|e| e.slot == session.slot.id).ok_or(Reason::ObjectHandleInvalid)?;
        if entry.private && session.slot.role() != Role::User {
            return Err(Reason::ObjectHandleInvalid.into());
        }
        Ok(entry)
    }

    /// The present state of an object. A stored one is looked at again if somebody changed the store since.
    pub(crate) fn current(&self, session: &Session, entry: &Arc<Entry>) -> R<Arc<Snapshot>> {
        let state = entry.state();
        let Some(id) = entry.id else { return state.ok_or_else(|| Reason::ObjectHandleInvalid.into()) };
        if let Some(snapshot) = &state
            && snapshot.generation.load(Ordering::Acquire) == SYNTHETIC
        {
            return Ok(snapshot.clone());
        }
        let generation = session.slot.generation(false)?;
        let (_, keys, _) = session.slot.access();
        // What was read before a login lacks its sealed part.
        let state = state.filter(|s| keys.is_none() || !s.object.is_sealed());
        if let Some(snapshot) = &state
            && snapshot.generation.load(Ordering::Acquire) == generation
        {
            return Ok(snapshot.clone());
        }
        let record = match session.slot.vault()?.load(keys.as_deref(), &id) {
            Ok(record) => record,
            Err(cngtoken_storage::StoreError::NotFound) => {
                self.handles.remove(entry);
                return Err(Reason::ObjectHandleInvalid.into());
            }
            Err(e) => return Err(e.into()),
        };
        if let Some(snapshot) = state
            && snapshot.version == record.version
        {
            snapshot.generation.store(generation, Ordering::Release);
            return Ok(snapshot);
        }
        let snapshot = Arc::new(Snapshot::stored(Self::open_record(&record, keys.is_some())?, (record.version, record.authentic), generation));
        self.handles.keep(entry, &snapshot);
        Ok(snapshot)
    }

    /// A record as an object.
    pub(crate) fn open_record(record: &cngtoken_storage::Record, unlocked: bool) -> R<Object> {
        let sealed: Option<&Secret> = unlocked.then_some(&record.sealed);
        Ok(object::record::decode(&record.clear, sealed)?)
    }

    /// The parsed key of an object, built once.
    pub(crate) fn parsed(snapshot: &Snapshot) -> R<Arc<Key>> {
        if let Some(key) = snapshot.key.get() {
            return Ok(key.clone());
        }
        let key = Key::new(object::parts(&snapshot.object)?)?;
        if snapshot.object.bool(ck::CKA_ALWAYS_AUTHENTICATE) {
            // Such a key lives for one operation.
            return Ok(key);
        }
        Ok(snapshot.key.get_or_init(|| key).clone())
    }

    /// A key that may be used as asked with this mechanism.
    pub(crate) fn usable(&self, session: &Session, mechanism: &Mechanism, handle: u64, what: Use) -> R<Usable> {
        let row = mechanism::row(mechanism.id).filter(|r| r.uses & flag(what) != 0);
        let row = row.ok_or_else(|| Reason::MechanismInvalid.because(format!("mechanism 0x{:x} does not serve {what:?}", mechanism.id)))?;
        if let Params::Malformed(why) = mechanism.params {
            return Err(Reason::MechanismParamInvalid.because(why));
        }
        if row.params == ParamShape::None {
            no_parameter(&mechanism.params)?;
        }
        let working = self.working(session, handle)?;
        let object = &working.snapshot.object;
        let Some(key_type) = object.key_type() else { return Err(Reason::KeyHandleInvalid.because("the object is not a key")) };
        if !row.keys.contains(&key_type) {
            return Err(Reason::KeyTypeInconsistent.because(format!("key type 0x{key_type:x} does not fit {}", row.name)));
        }
        // Dates are "for reference only" (PKCS#11 3.2, common key attributes): they are told, not enforced.
        policy::may(object, what, mechanism.id, None)?;
        check_size(row, working.key.parts())?;
        let epoch = working.entry.private.then(|| session.slot.epoch());
        Ok(Usable { working, row, epoch })
    }

    /// The key behind a handle: the one that the session used last if it is still what it was, else looked up.
    pub(crate) fn working(&self, session: &Session, handle: u64) -> R<Arc<Working>> {
        if let Some(recent) = session.recent(handle)
            && recent.entry.revision() == recent.revision
            && (!recent.entry.private || session.slot.role() == Role::User)
            && (recent.entry.id.is_none() || recent.snapshot.generation.load(Ordering::Acquire) == session.slot.generation(false)?)
        {
            return Ok(recent);
        }
        let no_key = |e: TokenError| if e.reason == Reason::ObjectHandleInvalid { Reason::KeyHandleInvalid.into() } else { e };
        let entry = self.entry(session, handle).map_err(no_key)?;
        // Read first: whoever changes the object from here on makes what is kept below worthless, not current.
        let revision = entry.revision();
        let snapshot = self.current(session, &entry).map_err(no_key)?;
        if snapshot.object.key_type().is_none() {
            return Err(Reason::KeyHandleInvalid.because("the object is not a key"));
        }
        let key = Self::parsed(&snapshot)?;
        let working = Arc::new(Working { entry, revision, snapshot, key });
        if !working.snapshot.object.bool(ck::CKA_ALWAYS_AUTHENTICATE) {
            session.set_recent(Some(working.clone()));
        }
        Ok(working)
    }

    /// A key is gone or changed: no session keeps it.
    pub(crate) fn forget_working(&self, slot: u64, which: impl Fn(&Entry) -> bool) {
        for session in self.sessions.of_slot(slot) {
            session.forget_recent(&which);
        }
    }

    /// The same with the scheme, for the *Init functions and wrapping.
    pub(crate) fn prepare(&self, session: &Session, mechanism: &Mechanism, handle: u64, what: Use) -> R<Ready> {
        let usable = self.usable(session, mechanism, handle, what)?;
        let setting = session.slot.config.rsa_pkcs1_decrypt;
        if mechanism.id == ck::CKM_RSA_PKCS && matches!(what, Use::Decrypt | Use::Unwrap | Use::Decapsulate) && setting == RsaPkcs1Decrypt::Off {
            return Err(Reason::MechanismInvalid.because("rsa_pkcs1_decrypt is off in the configuration"));
        }
        let implicit = setting == RsaPkcs1Decrypt::ImplicitReject && what == Use::Decrypt;
        let scheme = usable.row.plan.scheme(&mechanism.params, is_cipher(what), implicit)?;
        let always = usable.working.snapshot.object.bool(ck::CKA_ALWAYS_AUTHENTICATE);
        let context_login = if always { ContextLogin::Missing } else { ContextLogin::NotNeeded };
        Ok(Ready { key: usable.working, scheme, epoch: usable.epoch, context_login })
    }
}

impl From<Denied> for TokenError {
    fn from(denied: Denied) -> Self {
        let reason = match denied {
            Denied::Mechanism(_) => Reason::MechanismInvalid,
            Denied::Flag(_) | Denied::TooEarly | Denied::TooLate => Reason::KeyFunctionNotPermitted,
        };
        reason.because(denied.to_string())
    }
}

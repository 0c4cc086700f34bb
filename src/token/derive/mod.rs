//! C_DeriveKey: from one or more keys of the token to new ones.
//!
//! What is computed comes from the mechanism's plan; here are the rules that all derivations share: which keys may serve, of what type and
//! length the result is, whose secrecy it has, and that all new keys come into being or none. Source: PKCS#11 3.2, "C_DeriveKey" and the
//! sections of the derivation mechanisms.

mod inputs;
mod tls;

use crate::object::policy::Use;
use crate::object::{self, GivenAttr, Object, Template, classes};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::keys::{only_secret_length, secret_length_fits, value_len};
use crate::token::mechanism::Mechanism;
use crate::token::plan::Planner;
use crate::token::plan::derivation::{Derivation, How, Kdf};
use crate::token::plan::tls::Tls;
use crate::token::session::Session;
use cngtoken_crypto::{self as crypto, DerivedLen};
use cngtoken_key::Secret;
use cryptoki_sys as ck;
use inputs::Inputs;

/// What C_DeriveKey answers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Derived {
    /// The new key; `None` for a mechanism that gives its keys through its parameter alone.
    pub key: Option<u64>,
    /// Further keys, in the order in which the parameter has places for them.
    pub more: Vec<u64>,
    /// A version that lay in the base key.
    pub version: Option<(u8, u8)>,
    /// Initialization vectors: the client's, the server's.
    pub vectors: [Vec<u8>; 2],
}

impl Application {
    /// C_DeriveKey. `place`: the caller has a place for the key's handle.
    ///
    /// # Errors
    /// SessionHandleInvalid, KeyHandleInvalid, KeyTypeInconsistent, KeyFunctionNotPermitted, KeySizeRange, MechanismInvalid,
    /// MechanismParamInvalid, PublicKeyInvalid, DataLenRange, ArgumentsBad without a place, the template's codes.
    pub fn derive_key(&self, session: u64, mechanism: &Mechanism, base: u64, template: Vec<GivenAttr>, place: bool) -> R<Derived> {
        let session = self.session(session)?;
        let usable = self.usable(&session, mechanism, base, Use::Derive)?;
        let tls = if let Planner::Kdf(Kdf::Tls(tls)) = usable.row.plan { Some(tls) } else { None };
        if let Some(Tls::Keys { vectors }) = tls {
            let inputs = Inputs::new(self, &session, mechanism, usable);
            return self.tls_keys(&session, &inputs, Template::parse(template)?, vectors);
        }
        if !place {
            return Err(Reason::ArgumentsBad.because("there is no place for the new key's handle"));
        }
        let mut template = Template::parse(template)?;
        if let Some(Tls::Master { dh, extended }) = tls {
            return self.tls_master(&session, &Inputs::new(self, &session, mechanism, usable), template, dh, extended);
        }
        let (row, base_type) = (usable.row, usable.working.snapshot.object.key_type().unwrap_or_default());
        let mut inputs = Inputs::new(self, &session, mechanism, usable);
        let plan = row.plan.derivation(&mechanism.params, base_type, &mut |handle| inputs.key(handle))?;
        let key = inputs.derived(&mut template, plan.secrecy)?;
        let key_type = key_type(&template, &plan)?;
        let secret = compute(&inputs, &template, &plan, key_type)?;
        let object = Self::secret_object(&session, parity(secret, key_type), &template, key_type, &key)?;
        session.still_valid(inputs.epoch())?;
        let handle = self.place(&session, vec![object])?.pop();
        Ok(Derived { key: Some(handle.ok_or(Reason::GeneralError)?), ..Derived::default() })
    }

    /// The object of a derived or encapsulated secret.
    pub(crate) fn secret_object(session: &Session, secret: Secret, template: &Template, key_type: u64, origin: &object::Origin) -> R<Object> {
        if !secret_length_fits(key_type, secret.len()) {
            return Err(Reason::TemplateInconsistent.because(format!("{} bytes are not a length of key type 0x{key_type:x}", secret.len())));
        }
        Self::build_secret(session, &cngtoken_key::KeyParts::Secret(secret), template, key_type, origin)
    }
}

/// CKA_KEY_TYPE of the new key.
fn key_type(template: &Template, plan: &Derivation) -> R<u64> {
    let asked = template.ulong(ck::CKA_KEY_TYPE).or(plan.key_type);
    asked.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_KEY_TYPE is missing, and the mechanism has none of its own"))
}

/// The new key's value.
fn compute(inputs: &Inputs<'_>, template: &Template, plan: &Derivation, key_type: u64) -> R<Secret> {
    let base = &inputs.base().key;
    match &plan.how {
        How::Agree(agreement) => {
            let want = value_len(template)?.or_else(|| only_secret_length(key_type));
            Ok(crypto::agree(base, &agreement.peer, &agreement.how, want)?)
        }
        How::Derive(how) => {
            let want = length(template, plan, crypto::derived_len(base, how)?, key_type)?;
            Ok(crypto::derive(base, how, want)?)
        }
    }
}

/// How long the new key is: what the template says, else what its type says, else what the derivation gives.
fn length(template: &Template, plan: &Derivation, there: DerivedLen, key_type: u64) -> R<usize> {
    let want = match (value_len(template)?, classes::secret_lengths(key_type)) {
        (Some(0), _) => return Err(Reason::KeySizeRange.because("CKA_VALUE_LEN is 0")),
        (Some(n), _) => Some(n),
        (None, Some([only])) => Some(*only),
        (None, Some([_, ..])) if !plan.own_length => None,
        (None, _) => there.natural,
    };
    let want = want.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_VALUE_LEN is missing, and neither key type nor mechanism has just one"))?;
    if want > there.most {
        return Err(plan.too_long.because(format!("a key of {want} bytes, and the derivation gives {}", there.most)));
    }
    Ok(want)
}

/// The value as its type has it: DES keys with odd parity.
fn parity(mut secret: Secret, key_type: u64) -> Secret {
    if matches!(key_type, ck::CKK_DES | ck::CKK_DES2 | ck::CKK_DES3 | ck::CKK_CDMF) {
        crypto::set_odd_parity(&mut secret);
    }
    secret
}

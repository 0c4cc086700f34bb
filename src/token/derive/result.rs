//! What a derivation's result becomes: the one place for the rules of key type and length, and for the data object that
//! CKM_HKDF_DATA makes. The parity of DES keys is the object room's. Source: PKCS#11 3.2, "If no length or key type is provided in the template …" of each mechanism.

use super::inputs::Inputs;
use crate::object::{self, Draft, Object, Origin, Template, Value, classes};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::keys::{only_secret_length, secret_length_fits, value_len};
use crate::token::plan::derivation::Derivation;
use crate::token::session::Session;
use cngtoken_crypto::DerivedLen;
use cngtoken_key::{KeyParts, Secret};
use cryptoki_sys as ck;

/// Longest of several keys that are derived together.
const MOST: usize = 1 << 16;

/// A key that is to be.
pub(super) struct Target {
    template: Template,
    key_type: u64,
    origin: Origin,
}

impl Target {
    /// The caller's template under what the inputs demand.
    pub(super) fn new(inputs: &Inputs<'_>, plan: &Derivation, mut template: Template) -> R<Self> {
        let origin = inputs.derived(&mut template, plan.secrecy)?;
        let key_type = template.ulong(ck::CKA_KEY_TYPE).or(plan.key_type);
        let key_type =
            key_type.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_KEY_TYPE is missing, and the mechanism has none of its own"))?;
        Ok(Self { template, key_type, origin })
    }

    /// How long it is, of what the derivation gives.
    pub(super) fn length(&self, plan: &Derivation, there: DerivedLen) -> R<usize> {
        length(value_len(&self.template)?, there, plan, Some(self.key_type))
    }

    /// The same where only template and type can say it.
    pub(super) fn asked(&self, plan: &Derivation) -> R<usize> {
        let want = self.length(plan, DerivedLen { natural: None, most: MOST })?;
        if secret_length_fits(self.key_type, want) { Ok(want) } else { Err(no_length(self.key_type, want)) }
    }

    /// The same for an agreement, which gives the whole shared value if nobody says how much.
    pub(super) fn agreed(&self) -> R<Option<usize>> {
        Ok(value_len(&self.template)?.or_else(|| only_secret_length(self.key_type)))
    }

    /// The object.
    pub(super) fn object(&self, session: &Session, secret: Secret) -> R<Object> {
        Application::secret_object(session, secret, &self.template, self.key_type, &self.origin)
    }
}

/// How long a result is: what the template says, else what the key type says, else what the derivation gives.
pub(super) fn length(asked: Option<usize>, there: DerivedLen, plan: &Derivation, key_type: Option<u64>) -> R<usize> {
    let want = match (asked, key_type.and_then(classes::secret_lengths)) {
        (Some(0), _) => return Err(Reason::KeySizeRange.because("CKA_VALUE_LEN is 0")),
        (Some(n), _) => Some(n),
        (None, Some([only])) => Some(*only),
        (None, Some([_, ..])) if !plan.own_length => None,
        (None, _) => there.natural,
    };
    let want = want.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_VALUE_LEN is missing, and neither key type nor mechanism has just one"))?;
    if want > there.most || (plan.whole && want != there.most) {
        return Err(plan.too_long.because(format!("{want} bytes wanted, and the derivation gives {}", there.most)));
    }
    Ok(want)
}

fn no_length(key_type: u64, bytes: usize) -> crate::token::error::TokenError {
    Reason::TemplateInconsistent.because(format!("{bytes} bytes are not a length of key type 0x{key_type:x}"))
}

impl Application {
    /// The object of a derived or encapsulated secret.
    pub(crate) fn secret_object(session: &Session, secret: Secret, template: &Template, key_type: u64, origin: &Origin) -> R<Object> {
        if !secret_length_fits(key_type, secret.len()) {
            return Err(no_length(key_type, secret.len()));
        }
        Self::build_secret(session, &KeyParts::Secret(secret), template, key_type, origin)
    }
}

/// A template for a data object, and the length that it asks for, which is no attribute of such an object.
pub(super) fn for_data(mut template: Template) -> R<(Template, Option<usize>)> {
    let want = value_len(&template)?;
    template.remove(ck::CKA_VALUE_LEN);
    if template.contains(ck::CKA_VALUE) {
        return Err(Reason::TemplateInconsistent.because("CKA_VALUE is not given but derived"));
    }
    match template.ulong(ck::CKA_CLASS) {
        None | Some(ck::CKO_DATA) => Ok((template, want)),
        Some(_) => Err(Reason::TemplateInconsistent.because("CKA_CLASS is not CKO_DATA")),
    }
}

/// A data object with that value.
pub(super) fn data(session: &Session, mut template: Template, value: &Secret) -> R<Object> {
    template.insert(ck::CKA_CLASS, Value::Ulong(ck::CKO_DATA));
    template.insert(ck::CKA_VALUE, Value::Bytes(value.clone()));
    match object::create(template, &Origin::Created, &session.actor())? {
        Draft::Object(object) => Ok(object),
        Draft::Key { .. } => Err(Reason::GeneralError.into()),
    }
}

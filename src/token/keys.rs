//! C_GenerateKey, C_GenerateKeyPair, C_DeriveKey, C_EncapsulateKey, C_DecapsulateKey: keys that are born on the token.
//!
//! Source: PKCS#11 3.2, "Key management functions".

use crate::object::policy::Use;
use crate::object::{self, GivenAttr, KeyDefaults, Object, Origin, Template, classes};
use crate::token::application::Application;
use crate::token::creation;
use crate::token::error::{R, Reason, TokenError};
use crate::token::import::default_id;
use crate::token::mechanism::{self, MechRow, Mechanism, ParamShape, Params};
use crate::token::plan::tls::MASTER;
use crate::token::plan::{Planner, no_parameter};
use crate::token::room::{Fit, Room};
use crate::token::session::Session;
use crate::token::usage::check_size;
use crate::token::wrap::for_unwrapping;
use cngtoken_crypto::{self as crypto, Generate, OutLen};
use cngtoken_key::{Curve, DhDomain, DsaDomain, EdwardsCurve, KeyParts, MlDsaSet, MlKemSet, MontgomeryCurve, Secret, SlhDsaSet, Uint};
use cryptoki_sys as ck;

/// What C_EncapsulateKey answers.
pub enum Encapsulated {
    /// The length of the ciphertext; no key was made.
    Needs(usize),
    /// The ciphertext, and the handle of the shared secret.
    Done {
        /// For the other side.
        ciphertext: Vec<u8>,
        /// The secret key.
        key: u64,
    },
}

/// What C_GenerateKey answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Generated {
    /// The new object.
    pub key: u64,
    /// What goes back through the mechanism's parameter.
    pub back: Option<Vec<u8>>,
}

fn row_for(mechanism: &Mechanism, flag: u64) -> R<&'static MechRow> {
    let row = mechanism::row(mechanism.id).filter(|r| r.uses & flag != 0);
    let row = row.ok_or_else(|| Reason::MechanismInvalid.because(format!("mechanism 0x{:x} does not make keys this way", mechanism.id)))?;
    match mechanism.params {
        Params::Malformed(why) => Err(Reason::MechanismParamInvalid.because(why)),
        _ if row.params == ParamShape::None => no_parameter(&mechanism.params).map(|()| row),
        _ => Ok(row),
    }
}

/// A size that a template asks for and the token does not make is the template's fault: the lists of the generating functions have no other code.
fn asked_size(e: TokenError) -> TokenError {
    if e.reason == Reason::KeySizeRange { Reason::AttributeValueInvalid.because(e.to_string()) } else { e }
}

fn needed(template: &Template, id: u64) -> R<&[u8]> {
    template.bytes(id).ok_or_else(|| Reason::TemplateIncomplete.because(format!("{} is missing", object::attributes::name(id))))
}

fn needed_number(template: &Template, id: u64) -> R<u64> {
    template.ulong(id).ok_or_else(|| Reason::TemplateIncomplete.because(format!("{} is missing", object::attributes::name(id))))
}

fn nth<T: Copy>(all: &[T], number: u64, id: u64) -> R<T> {
    let wrong = || Reason::AttributeValueInvalid.because(format!("{}: {number} is not a parameter set", object::attributes::name(id)));
    usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).and_then(|i| all.get(i)).copied().ok_or_else(wrong)
}

/// What a key pair generation makes, from the key type and the public template.
fn pair_plan(key_type: u64, public: &Template, private: &Template) -> R<Generate> {
    Ok(match key_type {
        ck::CKK_RSA => {
            let bits = needed_number(public, ck::CKA_MODULUS_BITS)?;
            let e = public.bytes(ck::CKA_PUBLIC_EXPONENT).map_or_else(|| Uint::from_u64(65_537), Uint::from_be);
            if !(512..=16_384).contains(&bits) {
                return Err(Reason::KeySizeRange.because(format!("CKA_MODULUS_BITS is {bits}, 512 to 16384 supported")));
            }
            Generate::Rsa { bits: usize::try_from(bits).unwrap_or_default(), e }
        }
        ck::CKK_EC => {
            let params = needed(public, ck::CKA_EC_PARAMS)?;
            let curve = Curve::from_oid_der(params);
            Generate::Ec(curve.ok_or_else(|| Reason::CurveNotSupported.because("CKA_EC_PARAMS names no curve that the token knows"))?)
        }
        ck::CKK_EC_EDWARDS => {
            let curve = EdwardsCurve::from_params(needed(public, ck::CKA_EC_PARAMS)?);
            Generate::Edwards(curve.ok_or(Reason::CurveNotSupported)?)
        }
        ck::CKK_EC_MONTGOMERY => {
            let curve = MontgomeryCurve::from_params(needed(public, ck::CKA_EC_PARAMS)?);
            Generate::Montgomery(curve.ok_or(Reason::CurveNotSupported)?)
        }
        ck::CKK_DSA => Generate::Dsa(DsaDomain {
            p: Uint::from_be(needed(public, ck::CKA_PRIME)?),
            q: Uint::from_be(needed(public, ck::CKA_SUBPRIME)?),
            g: Uint::from_be(needed(public, ck::CKA_BASE)?),
            seed: None,
        }),
        ck::CKK_DH | ck::CKK_X9_42_DH => {
            let q = if key_type == ck::CKK_X9_42_DH { Some(Uint::from_be(needed(public, ck::CKA_SUBPRIME)?)) } else { None };
            let bits = private.ulong(ck::CKA_VALUE_BITS).map(usize::try_from).transpose().map_err(|_| Reason::AttributeValueInvalid)?;
            let domain = DhDomain { p: Uint::from_be(needed(public, ck::CKA_PRIME)?), g: Uint::from_be(needed(public, ck::CKA_BASE)?), q };
            Generate::Dh(domain, bits)
        }
        ck::CKK_ML_KEM => Generate::MlKem(nth(&MlKemSet::ALL, needed_number(public, ck::CKA_PARAMETER_SET)?, ck::CKA_PARAMETER_SET)?),
        ck::CKK_ML_DSA => Generate::MlDsa(nth(&MlDsaSet::ALL, needed_number(public, ck::CKA_PARAMETER_SET)?, ck::CKA_PARAMETER_SET)?),
        ck::CKK_SLH_DSA => Generate::SlhDsa(nth(&SlhDsaSet::ALL, needed_number(public, ck::CKA_PARAMETER_SET)?, ck::CKA_PARAMETER_SET)?),
        _ => return Err(Reason::MechanismInvalid.into()),
    })
}

fn plain(key_type: u64) -> KeyDefaults {
    KeyDefaults { key_type: Some(key_type), ..KeyDefaults::default() }
}

/// Adds the attributes that a nested template of the working key imposes on the new one.
pub(crate) fn impose(worker: &Object, nested: u64, template: &mut Template) -> R<()> {
    match worker.template(nested) {
        Some(imposed) => Ok(template.impose(imposed)?),
        None => Ok(()),
    }
}

/// A length from a template, in bytes.
pub(crate) fn value_len(template: &Template) -> R<Option<usize>> {
    let len = template.ulong(ck::CKA_VALUE_LEN).map(usize::try_from).transpose();
    let len = len.map_err(|_| Reason::AttributeValueInvalid.because("CKA_VALUE_LEN is too large"))?;
    match len {
        Some(n) if n > 1 << 20 => Err(Reason::KeySizeRange.because(format!("CKA_VALUE_LEN is {n}, at most 1048576 supported"))),
        other => Ok(other),
    }
}

impl Application {
    /// C_GenerateKey.
    ///
    /// # Errors
    /// SessionHandleInvalid, MechanismInvalid, MechanismParamInvalid, the template's codes (AttributeValueInvalid for a size), SessionReadOnly, UserNotLoggedIn.
    pub fn generate_key(&self, session: u64, mechanism: &Mechanism, template: Vec<GivenAttr>) -> R<Generated> {
        let session = self.session(session)?;
        let row = row_for(mechanism, ck::CKF_GENERATE)?;
        let template = Template::parse(template)?;
        if let Planner::GenerateDomain(group) = row.plan {
            return self.generate_domain(&session, row, group, mechanism, template).map_err(asked_size);
        }
        if let Planner::Password(kind) = row.plan {
            return self.password_key(&session, kind, mechanism, template).map_err(asked_size);
        }
        if row.plan == Planner::GeneratePremaster {
            return self.generate_premaster(&session, mechanism, &template);
        }
        let key_type = row.keys.first().copied().unwrap_or(ck::CKK_GENERIC_SECRET);
        let bytes = value_len(&template).map_err(asked_size)?.or_else(|| only_secret_length(key_type));
        let bytes = bytes.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_VALUE_LEN is missing"))?;
        if !secret_length_fits(key_type, bytes) {
            return Err(Reason::AttributeValueInvalid.because(format!("CKA_VALUE_LEN is {bytes}, not a length of this key type")));
        }
        let made = crypto::generate(&Generate::Secret { bytes })?;
        let parts = made.private.ok_or(Reason::GeneralError)?;
        check_size(row, &parts).map_err(asked_size)?;
        let key = self.store_secret(&session, &parts, &template, key_type, &Origin::Generated { mechanism: mechanism.id })?;
        Ok(Generated { key, back: None })
    }

    /// CKM_TLS_PRE_MASTER_KEY_GEN: the client's version, then random bytes.
    fn generate_premaster(&self, session: &Session, mechanism: &Mechanism, template: &Template) -> R<Generated> {
        let Params::Version { major, minor } = mechanism.params else {
            return Err(Reason::MechanismParamInvalid.because("CK_VERSION expected"));
        };
        if value_len(template)?.is_some_and(|n| n != MASTER) || template.ulong(ck::CKA_KEY_TYPE).is_some_and(|t| t != ck::CKK_GENERIC_SECRET) {
            return Err(Reason::TemplateInconsistent.because("a premaster secret is a generic secret of 48 bytes"));
        }
        let mut template = template.clone();
        template.insert(ck::CKA_VALUE_LEN, object::Value::Ulong(MASTER as u64));
        let mut parts = crypto::generate(&Generate::Secret { bytes: MASTER })?.private.ok_or(Reason::GeneralError)?;
        if let KeyParts::Secret(value) = &mut parts
            && let [first, second, ..] = value.expose_mut()
        {
            (*first, *second) = (major, minor);
        }
        let origin = Origin::Generated { mechanism: mechanism.id };
        Ok(Generated { key: self.store_secret(session, &parts, &template, ck::CKK_GENERIC_SECRET, &origin)?, back: None })
    }

    /// C_GenerateKeyPair.
    ///
    /// # Errors
    /// As [`Application::generate_key`].
    pub fn generate_key_pair(&self, session: u64, mechanism: Mechanism, public: Vec<GivenAttr>, private: Vec<GivenAttr>) -> R<(u64, u64)> {
        let session = self.session(session)?;
        let row = row_for(&mechanism, ck::CKF_GENERATE_KEY_PAIR)?;
        let (mut public, mut private) = (Template::parse(public)?, Template::parse(private)?);
        let key_type = row.keys.first().copied().ok_or(Reason::GeneralError)?;
        // Some clients name the curve or the parameter set in the private template only.
        for id in [ck::CKA_EC_PARAMS, ck::CKA_PARAMETER_SET] {
            if let (false, Some(value)) = (public.contains(id), private.get(id)) {
                public.insert(id, value.clone());
            }
        }
        // Everything that can be refused is refused before the costly part.
        let origin = Origin::Generated { mechanism: mechanism.id };
        let actor = session.actor();
        object::precheck(&mut public, ck::CKO_PUBLIC_KEY, key_type, &origin, &actor)?;
        object::precheck(&mut private, ck::CKO_PRIVATE_KEY, key_type, &origin, &actor)?;
        for template in [&public, &private] {
            session.may_write(template.bool(ck::CKA_TOKEN).unwrap_or(false))?;
        }
        let what = match (row.plan, pair_plan(key_type, &public, &private).map_err(asked_size)?) {
            (Planner::GenerateExtraBits, Generate::Ec(curve)) => Generate::EcExtraBits(curve),
            (_, what) => what,
        };
        let made = crypto::generate(&what)?;
        let (Some(public_parts), Some(private_parts)) = (made.public, made.private) else { return Err(Reason::GeneralError.into()) };
        check_size(row, &private_parts).map_err(asked_size)?;
        let defaults = KeyDefaults { id: default_id(&public_parts), ..plain(key_type) };
        let pair = vec![
            object::from_parts(&public_parts, &public, &origin, &defaults, &actor)?,
            object::from_parts(&private_parts, &private, &origin, &defaults, &actor)?,
        ];
        match self.place(&session, pair)?.as_slice() {
            [public, private] => Ok((*public, *private)),
            _ => Err(Reason::GeneralError.into()),
        }
    }

    pub(crate) fn store_secret(&self, session: &Session, parts: &KeyParts, template: &Template, key_type: u64, origin: &Origin) -> R<u64> {
        let object = Self::build_secret(session, parts, template, key_type, origin)?;
        self.place(session, vec![object])?.pop().ok_or_else(|| Reason::GeneralError.into())
    }

    /// The object of a new secret key.
    pub(crate) fn build_secret(session: &Session, parts: &KeyParts, template: &Template, key_type: u64, origin: &Origin) -> R<Object> {
        if template.ulong(ck::CKA_CLASS).is_some_and(|c| c != ck::CKO_SECRET_KEY) {
            return Err(Reason::TemplateInconsistent.because("CKA_CLASS is not CKO_SECRET_KEY"));
        }
        let object = object::from_parts(parts, template, origin, &plain(key_type), &session.actor())?;
        creation::with_check_value(object, template.suppresses_check_value())
    }

    pub(crate) fn store_shared(&self, session: &Session, secret: Secret, template: &Template, key_type: u64) -> R<u64> {
        let object = Self::secret_object(session, secret, template, key_type, &Origin::Encapsulated)?;
        self.place(session, vec![object])?.pop().ok_or_else(|| Reason::GeneralError.into())
    }

    /// C_EncapsulateKey.
    ///
    /// # Errors
    /// As [`Application::generate_key`]; PublicKeyInvalid.
    pub fn encapsulate_key(&self, session: u64, mechanism: Mechanism, public: u64, template: Vec<GivenAttr>, room: Room) -> R<Encapsulated> {
        let session = self.session(session)?;
        let usable = self.usable(&session, &mechanism, public, Use::Encapsulate)?;
        match usable.row.plan {
            Planner::MlKem => {}
            Planner::RsaPkcs1(_) | Planner::Oaep => {
                let ready = self.prepare(&session, &mechanism, public, Use::Encapsulate)?;
                return self.encapsulate_rsa(&session, &ready, &Template::parse(template)?, room);
            }
            _ => return self.encapsulate_agreed(&session, &mechanism, &usable, &Template::parse(template)?, room),
        }
        let KeyParts::MlKemPublic(k) = usable.working.key.parts() else { return Err(Reason::KeyTypeInconsistent.into()) };
        if let Fit::Needs(n) = room.fit(OutLen::Exact(k.set.ciphertext_bytes())) {
            return Ok(Encapsulated::Needs(n));
        }
        let template = Template::parse(template)?;
        let (key_type, want) = encapsulation_target(&template)?;
        let (ciphertext, secret) = crypto::encapsulate(&usable.working.key)?;
        let key = self.store_shared(&session, shortened(secret, want)?, &template, key_type)?;
        Ok(Encapsulated::Done { ciphertext, key })
    }

    /// C_DecapsulateKey.
    ///
    /// # Errors
    /// As [`Application::generate_key`], of the key as C_UnwrapKey says it; PublicKeyInvalid; WrappedKeyLenRange for a ciphertext of another length.
    pub fn decapsulate_key(&self, session: u64, mechanism: Mechanism, private: u64, template: Vec<GivenAttr>, ciphertext: &[u8]) -> R<u64> {
        let session = self.session(session)?;
        let usable = self.usable(&session, &mechanism, private, Use::Decapsulate).map_err(for_unwrapping)?;
        match usable.row.plan {
            Planner::MlKem => {}
            Planner::RsaPkcs1(_) | Planner::Oaep => {
                let ready = self.prepare(&session, &mechanism, private, Use::Decapsulate).map_err(for_unwrapping)?;
                return self.decapsulate_rsa(&session, &ready, &Template::parse(template)?, ciphertext);
            }
            _ => return self.decapsulate_agreed(&session, &mechanism, &usable, &Template::parse(template)?, ciphertext),
        }
        let KeyParts::MlKemPrivate(k) = usable.working.key.parts() else { return Err(Reason::UnwrappingKeyTypeInconsistent.into()) };
        if ciphertext.len() != k.public.set.ciphertext_bytes() {
            let expected = k.public.set.ciphertext_bytes();
            return Err(Reason::WrappedKeyLenRange.because(format!("the ciphertext has {} bytes, {expected} expected", ciphertext.len())));
        }
        let template = Template::parse(template)?;
        let (key_type, want) = encapsulation_target(&template)?;
        let secret = crypto::decapsulate(&usable.working.key, ciphertext)?;
        session.still_valid(usable.epoch)?;
        self.store_shared(&session, shortened(secret, want)?, &template, key_type)
    }
}

/// The type and length of a key that is encapsulated.
pub(crate) fn encapsulation_target(template: &Template) -> R<(u64, Option<usize>)> {
    let key_type = template.ulong(ck::CKA_KEY_TYPE).unwrap_or(ck::CKK_GENERIC_SECRET);
    Ok((key_type, value_len(template)?.or_else(|| only_secret_length(key_type))))
}

/// Whether a secret key of that type may have so many bytes.
pub(crate) fn secret_length_fits(key_type: u64, bytes: usize) -> bool {
    match classes::secret_lengths(key_type) {
        Some([]) => bytes > 0,
        Some(lengths) => lengths.contains(&bytes),
        None => false,
    }
}

/// The length of a key type that has just one.
pub(crate) fn only_secret_length(key_type: u64) -> Option<usize> {
    match classes::secret_lengths(key_type) {
        Some([only]) => Some(*only),
        Some(_) | None => None,
    }
}

/// The leading bytes of a shared secret.
fn shortened(secret: Secret, want: Option<usize>) -> R<Secret> {
    match want {
        None => Ok(secret),
        Some(n) if n == secret.len() => Ok(secret),
        Some(n) => {
            let some = secret.expose().get(..n).filter(|s| !s.is_empty());
            let some =
                some.ok_or_else(|| Reason::TemplateInconsistent.because(format!("CKA_VALUE_LEN is {n}, the secret has {} bytes", secret.len())))?;
            Ok(Secret::copy_of(some))
        }
    }
}

//! How objects come into being: the checks and defaults of C_CreateObject, generation, unwrapping, derivation and import.
//!
//! Three steps: [`create`] checks a template of C_CreateObject and finishes what is no key; `crypto` admits a key's numbers;
//! [`from_parts`] makes the object of a key, whatever door it came by. Defaults are in `defaults.rs`, repeats of numbers in
//! `agreement.rs`. Source: PKCS #11 3.2 §4.1.1 and the class rows.

use super::classes::{self, ClassRow};
use super::error::{ObjectError, Reason};
use super::instance::Object;
use super::rules::Rules;
use super::template::Template;
use super::value::Value;
use super::{agreement, attributes, certificate, claim, defaults, numbers, parity};
use cngtoken_key::{Claim, Half, KeyParts};
use cryptoki_sys::*;

/// How an object comes into being.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// C_CreateObject with plain attributes.
    Created,
    /// C_GenerateKey or C_GenerateKeyPair.
    Generated {
        /// CKA_KEY_GEN_MECHANISM.
        mechanism: u64,
    },
    /// C_UnwrapKey.
    Unwrapped,
    /// C_EncapsulateKey or C_DecapsulateKey.
    Encapsulated,
    /// C_DeriveKey; the two facts are the base key's attributes.
    Derived {
        /// CKA_ALWAYS_SENSITIVE of the base key.
        always_sensitive: bool,
        /// CKA_NEVER_EXTRACTABLE of the base key.
        never_extractable: bool,
    },
    /// C_DeriveKey with CKM_PUB_KEY_FROM_PRIV_KEY.
    PublicHalf {
        /// CKA_KEY_GEN_MECHANISM of the private key.
        key_gen_mechanism: u64,
    },
    /// A blob, by whatever door.
    Imported,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Actor {
    /// The security officer is logged in.
    pub so: bool,
    /// The user is logged in.
    pub logged_in: bool,
}

/// What an imported key may be used for, when the template does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Usage {
    /// What the key type can do; DERIVE for Diffie-Hellman and X25519.
    #[default]
    Family,
    /// Signatures only: CALG_RSA_SIGN, the ECDSA magics.
    SignOnly,
    /// Signatures and derivation: the ECDH magics, which Windows gives to every EC key.
    DeriveAndSign,
}

/// What the source of a key says beside its numbers.
#[derive(Clone, Debug, Default)]
pub struct KeyDefaults {
    /// Key type of a symmetric key (else CKK_GENERIC_SECRET) or CKK_X9_42_DH for a Diffie-Hellman key (else CKK_DH).
    pub key_type: Option<u64>,
    /// CKA_ID if the template has none.
    pub id: Option<Vec<u8>>,
    /// Use of an imported key.
    pub usage: Usage,
    /// CKA_CNG_ORIGIN of an imported key.
    pub origin: Option<String>,
}

/// What C_CreateObject makes of a template.
#[derive(Debug)]
pub enum Draft {
    /// No key: finished but for its CKA_UNIQUE_ID (and a certificate's CKA_CHECK_VALUE).
    Object(Object),
    /// A key: `claim` goes to `crypto::admit`, and the half of that class, with the rest of the template, to [`from_parts`].
    Key {
        /// The key's numbers.
        claim: Claim,
        /// Which half of the admitted pair is meant. A symmetric key is private.
        half: Half,
        /// The template without the numbers.
        template: Template,
    },
}

/// Checks a template for a new object of the class that it names.
///
/// # Errors
/// What §4.1.1 lists, and `UserNotLoggedIn` for a private object without the user.
pub fn create(mut t: Template, origin: &Origin, actor: &Actor) -> Result<Draft, ObjectError> {
    let class = t.ulong(CKA_CLASS).ok_or_else(|| ObjectError::at(Reason::TemplateIncomplete, CKA_CLASS, "not given"))?;
    let subtype = match classes::subtype_attribute(class) {
        Some(id) => Some(t.ulong(id).ok_or_else(|| ObjectError::at(Reason::TemplateIncomplete, id, "not given"))?),
        None => None,
    };
    let row = class_row(class, subtype)?;
    if class == CKO_PROFILE {
        return Err(ObjectError::at(Reason::AttributeValueInvalid, CKA_CLASS, "profiles are made by the token, not by applications"));
    }
    check(&mut t, row, origin, actor)?;
    if row.is_key() {
        let claim = claim::of_template(row, &t)?;
        check_length(row, &claim)?;
        let half = if class == CKO_PUBLIC_KEY { Half::Public } else { Half::Private };
        let template = t.iter().filter(|(id, _)| !is_number(row, *id)).map(|(id, v)| (id, v.clone())).collect();
        return Ok(Draft::Key { claim, half, template });
    }
    if class == CKO_CERTIFICATE {
        certificate::complete(&mut t)?;
    }
    if class == CKO_TRUST {
        check_trust(&t)?;
    }
    let mut object = Object::bare(row);
    if class == CKO_DOMAIN_PARAMETERS {
        for (id, of) in [(CKA_PRIME_BITS, CKA_PRIME), (CKA_SUBPRIME_BITS, CKA_SUBPRIME)] {
            if let (Some(_), Some(n)) = (row.has(id), t.bytes(of)) {
                t.insert(id, Value::Ulong(cngtoken_key::Uint::from_be(n).bit_len() as u64));
            }
        }
    }
    object.put(CKA_PRIVATE, Value::Bool(false));
    for (id, value) in t.iter() {
        object.put(id, value.clone());
    }
    if class == CKO_DOMAIN_PARAMETERS {
        object.put(CKA_LOCAL, Value::Bool(false));
    }
    object.put_presets();
    finish(object, actor).map(Draft::Object)
}

/// §4.13: without the certificate's hash an object may only distrust.
fn check_trust(t: &Template) -> Result<(), ObjectError> {
    const NO_HASH_NEEDED: [u64; 2] = [CKT_TRUST_UNKNOWN as u64, CKT_NOT_TRUSTED as u64];
    let trusts = |(id, value): (u64, &Value)| {
        let is_trust = (CKA_TRUST_SERVER_AUTH..=CKA_TRUST_OCSP_SIGNING).contains(&id);
        is_trust && !NO_HASH_NEEDED.iter().any(|n| *value == Value::Ulong(*n))
    };
    if t.iter().any(trusts) && t.get(CKA_HASH_OF_CERTIFICATE).is_none_or(Value::is_empty) {
        return Err(ObjectError::at(Reason::TemplateIncomplete, CKA_HASH_OF_CERTIFICATE, "not given, and the object trusts"));
    }
    Ok(())
}

/// The numbers that a C_CreateObject template gives: they go into the claim and are laid out again from the admitted key.
fn is_number(row: &ClassRow, id: u64) -> bool {
    let extra = matches!(id, CKA_PUBLIC_EXPONENT | CKA_EC_PARAMS | CKA_EC_POINT | CKA_PARAMETER_SET | CKA_PRIME | CKA_SUBPRIME | CKA_BASE);
    extra || id == CKA_MODULUS || id == CKA_VALUE || row.is_secret(id)
}

pub(super) fn class_row(class: u64, subtype: Option<u64>) -> Result<&'static ClassRow, ObjectError> {
    classes::row(class, subtype).ok_or_else(|| match classes::subtype_attribute(class) {
        Some(id) => {
            let detail = format!("{:#x} is not supported for this class", subtype.unwrap_or_default());
            ObjectError::at(Reason::AttributeValueInvalid, id, detail)
        }
        None => ObjectError::at(Reason::AttributeValueInvalid, CKA_CLASS, format!("{class:#x} is not a class that this token can make")),
    })
}

/// Checks, before any costly step, that a template can be laid over a new key of that class and type: what from_parts would refuse
/// without knowing the numbers. `t` loses what says nothing (a usage the class does not have, with CK_FALSE).
///
/// # Errors
/// As [`create`].
pub fn precheck(t: &mut Template, class: u64, key_type: u64, origin: &Origin, actor: &Actor) -> Result<(), ObjectError> {
    let row = class_row(class, Some(key_type))?;
    agrees(t, CKA_CLASS, class)?;
    agrees(t, CKA_KEY_TYPE, key_type)?;
    check(t, row, origin, actor)?;
    if t.bool(CKA_PRIVATE).unwrap_or(class != CKO_PUBLIC_KEY) && !actor.logged_in {
        return Err(not_logged_in());
    }
    Ok(())
}

/// The same for a group that is generated.
pub(super) fn check_domain(t: &mut Template, key_type: u64, origin: &Origin, actor: &Actor) -> Result<(), ObjectError> {
    let row = class_row(CKO_DOMAIN_PARAMETERS, Some(key_type))?;
    agrees(t, CKA_CLASS, CKO_DOMAIN_PARAMETERS)?;
    agrees(t, CKA_KEY_TYPE, key_type)?;
    check(t, row, origin, actor)
}

fn agrees(t: &Template, id: u64, want: u64) -> Result<(), ObjectError> {
    match t.ulong(id) {
        Some(n) if n != want => Err(ObjectError::at(Reason::TemplateInconsistent, id, format!("{n:#x} given, the key is {want:#x}"))),
        _ => Ok(()),
    }
}

/// The rules of §4.1.1 for one row, without the values.
fn check(t: &mut Template, row: &ClassRow, origin: &Origin, actor: &Actor) -> Result<(), ObjectError> {
    let mut silent = Vec::new();
    for (id, value) in t.iter() {
        if attributes::is_import_input(id) {
            return Err(ObjectError::at(Reason::TemplateInconsistent, id, "only for importing a blob through C_CreateObject"));
        }
        let Some(has) = row.has(id) else {
            // Clients say FALSE for every use they do not want, whatever the class.
            if *value == Value::Bool(false) {
                silent.push(id);
                continue;
            }
            return Err(ObjectError::at(Reason::TemplateInconsistent, id, format!("not an attribute of {}", row.name)));
        };
        if has.rules.has(Rules::COMPUTED) {
            return Err(ObjectError::at(Reason::AttributeReadOnly, id, "only the token sets it"));
        }
        let forbidden = match origin {
            Origin::Created => has.rules.has(Rules::NO_CREATE),
            Origin::Generated { .. } if row.is_key() => has.rules.has(Rules::NO_GENERATE.and(Rules::SECRET)),
            Origin::Generated { .. } => has.rules.has(Rules::NO_GENERATE) && id != CKA_KEY_TYPE,
            Origin::Unwrapped | Origin::Encapsulated | Origin::Derived { .. } => has.rules.has(Rules::NO_UNWRAP.and(Rules::SECRET)),
            Origin::PublicHalf { .. } | Origin::Imported => false,
        };
        if forbidden {
            return Err(ObjectError::at(Reason::TemplateInconsistent, id, "must not be given here"));
        }
        if has.rules.has(Rules::SO) && *value == Value::Bool(true) && !actor.so {
            return Err(ObjectError::at(Reason::AttributeReadOnly, id, "only the security officer can set it to true"));
        }
        if id == CKA_OBJECT_VALIDATION_FLAGS && *value != Value::Ulong(0) {
            return Err(ObjectError::at(Reason::AttributeValueInvalid, id, "this token has no validation that an object could be consistent with"));
        }
    }
    for id in silent {
        t.remove(id);
    }
    let required = match origin {
        Origin::Created => Rules::CREATE,
        Origin::Generated { .. } if row.is_key() => Rules::GENERATE,
        Origin::Unwrapped => Rules::UNWRAP,
        // Which sizes a group needs its mechanism knows.
        Origin::Generated { .. } | Origin::Encapsulated | Origin::Derived { .. } | Origin::PublicHalf { .. } | Origin::Imported => return Ok(()),
    };
    for has in row.iter() {
        if has.rules.has(required) && !t.contains(has.id) {
            return Err(ObjectError::at(Reason::TemplateIncomplete, has.id, format!("not given, and {} requires it", row.name)));
        }
    }
    if row.has(CKA_SEED).is_some() && *origin == Origin::Created && !t.contains(CKA_SEED) && !t.contains(CKA_VALUE) {
        return Err(ObjectError::at(Reason::TemplateIncomplete, CKA_VALUE, "neither it nor CKA_SEED is given"));
    }
    Ok(())
}

fn check_length(row: &ClassRow, claim: &Claim) -> Result<(), ObjectError> {
    let Claim::Secret(value) = claim else { return Ok(()) };
    length_fits(row, value.len())
}

fn length_fits(row: &ClassRow, len: usize) -> Result<(), ObjectError> {
    let fits = if row.lengths.is_empty() { len != 0 } else { row.lengths.contains(&len) };
    if fits {
        return Ok(());
    }
    let detail = if row.lengths.is_empty() { "an empty key".to_owned() } else { format!("{len} bytes, where {} has {:?}", row.name, row.lengths) };
    Err(ObjectError::at(Reason::KeySize, CKA_VALUE, detail))
}

/// Makes the object of an admitted or generated key: its own attributes, the template laid over them, defaults for the rest.
/// A template attribute that repeats a number of the key must agree with it.
///
/// # Errors
/// As [`create`]; `KeySize` for a symmetric key of a length that its type does not have.
pub fn from_parts(parts: &KeyParts, template: &Template, origin: &Origin, from: &KeyDefaults, actor: &Actor) -> Result<Object, ObjectError> {
    let (class, key_type) = class_of(parts, template, from)?;
    let mut t = template.clone();
    let row = class_row(class, Some(key_type))?;
    agrees(&t, CKA_CLASS, class)?;
    agrees(&t, CKA_KEY_TYPE, key_type)?;
    // What the template of a creation had to hold was checked with the numbers still in it.
    let born = if *origin == Origin::Created { Origin::Imported } else { *origin };
    check(&mut t, row, &born, actor)?;
    let mut settled = None;
    if let KeyParts::Secret(value) = parts {
        length_fits(row, value.len())?;
        settled = parity::settled(key_type, value, origin)?.map(KeyParts::Secret);
    }
    let parts = settled.as_ref().unwrap_or(parts);

    let mut object = Object::bare(row);
    for (id, own) in numbers::of_parts(parts) {
        if row.has(id).is_none() {
            continue;
        }
        let kept = match t.remove(id) {
            Some(given) => agreement::agreed(id, &given, own, parts, origin)?,
            None => own,
        };
        object.put(id, kept);
    }
    // A number that the key itself does not have would stand beside it unchecked: a seed over an expanded key.
    if let Some((id, _)) = t.iter().find(|(id, value)| row.is_secret(*id) && !value.is_empty()) {
        return Err(ObjectError::at(Reason::TemplateInconsistent, id, "given, and the key has no such number"));
    }
    defaults::lay_over(&mut object, &t, origin, from);
    finish(object, actor)
}

fn class_of(parts: &KeyParts, t: &Template, defaults: &KeyDefaults) -> Result<(u64, u64), ObjectError> {
    let class = match parts {
        KeyParts::Secret(_) => CKO_SECRET_KEY,
        _ if parts.half() == Half::Public => CKO_PUBLIC_KEY,
        _ => CKO_PRIVATE_KEY,
    };
    let asked = t.ulong(CKA_KEY_TYPE).or(defaults.key_type);
    let key_type = match parts {
        KeyParts::RsaPublic(_) | KeyParts::RsaPrivate(_) => CKK_RSA,
        KeyParts::EcPublic(_) | KeyParts::EcPrivate(_) => CKK_EC,
        KeyParts::EdwardsPublic(_) | KeyParts::EdwardsPrivate(_) => CKK_EC_EDWARDS,
        KeyParts::MontgomeryPublic(_) | KeyParts::MontgomeryPrivate(_) => CKK_EC_MONTGOMERY,
        KeyParts::DsaPublic(_) | KeyParts::DsaPrivate(_) => CKK_DSA,
        KeyParts::DhPublic(k) => dh_type(asked, k.domain.q.is_some())?,
        KeyParts::DhPrivate(k) => dh_type(asked, k.public.domain.q.is_some())?,
        KeyParts::MlKemPublic(_) | KeyParts::MlKemPrivate(_) => CKK_ML_KEM,
        KeyParts::MlDsaPublic(_) | KeyParts::MlDsaPrivate(_) => CKK_ML_DSA,
        KeyParts::SlhDsaPublic(_) | KeyParts::SlhDsaPrivate(_) => CKK_SLH_DSA,
        KeyParts::Secret(_) => asked.unwrap_or(CKK_GENERIC_SECRET),
    };
    Ok((class, key_type))
}

/// The CKA_KEY_TYPE that a key gets under that template.
///
/// # Errors
/// `TemplateInconsistent` if CKK_X9_42_DH is asked for and the subprime is not known.
pub fn key_type_of(parts: &KeyParts, t: &Template) -> Result<u64, ObjectError> {
    class_of(parts, t, &KeyDefaults::default()).map(|(_, key_type)| key_type)
}

/// CKK_DH unless X9.42 is asked for, which needs the order of the subgroup.
fn dh_type(asked: Option<u64>, has_q: bool) -> Result<u64, ObjectError> {
    match asked {
        Some(CKK_X9_42_DH) if has_q => Ok(CKK_X9_42_DH),
        Some(CKK_X9_42_DH) => Err(ObjectError::at(Reason::TemplateInconsistent, CKA_KEY_TYPE, "CKK_X9_42_DH, but the key has no subprime")),
        _ => Ok(CKK_DH),
    }
}

pub(super) fn finish(object: Object, actor: &Actor) -> Result<Object, ObjectError> {
    if object.is_private() && !actor.logged_in {
        return Err(not_logged_in());
    }
    if object.bool(CKA_ALWAYS_AUTHENTICATE) && !object.is_private() {
        return Err(ObjectError::at(Reason::TemplateInconsistent, CKA_ALWAYS_AUTHENTICATE, "true, but CKA_PRIVATE is false"));
    }
    Ok(object)
}

pub(super) fn not_logged_in() -> ObjectError {
    ObjectError::at(Reason::UserNotLoggedIn, CKA_PRIVATE, "true, and the user is not logged in")
}

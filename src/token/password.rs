//! C_GenerateKey from a password: PKCS#5's PBKDF2 and the derivation of PKCS#12.
//!
//! The count of iterations comes from the caller and is bounded, so that no call runs for minutes. Source: PKCS#11 3.2, "PKCS #5 and PKCS #5-style
//! password-based encryption", "PKCS #12 password-based encryption/authentication mechanisms".

use crate::object::{Origin, Template, Value};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::keys::{Generated, only_secret_length, secret_length_fits, value_len};
use crate::token::mechanism::{DerivationParams, Mechanism, Params};
use crate::token::plan::{Password, password_hash};
use crate::token::session::Session;
use cngtoken_crypto::{self as crypto, PasswordKdf, Pkcs12Purpose};
use cngtoken_key::{KeyParts, Secret};
use cryptoki_sys as ck;

/// What goes into a derivation.
struct Input<'a> {
    password: &'a Secret,
    salt: &'a [u8],
    iterations: u32,
}

impl Input<'_> {
    fn bytes(&self, how: PasswordKdf, want: usize) -> R<Secret> {
        Ok(crypto::from_password(how, self.password.expose(), self.salt, self.iterations, want)?)
    }
}

fn iterations(n: u64) -> R<u32> {
    let most = crypto::MAX_ITERATIONS;
    let refused = || Reason::MechanismParamInvalid.because(format!("{n} iterations, 1 to {most} expected"));
    u32::try_from(n).ok().filter(|n| (1..=most).contains(n)).ok_or_else(refused)
}

/// The key type, its length, the derivation and the input that mechanism and template name.
fn plan<'a>(kind: Password, params: &'a Params, template: &Template) -> R<(u64, usize, PasswordKdf, Input<'a>)> {
    let pkcs12 = PasswordKdf::Pkcs12(Pkcs12Purpose::Key);
    let (fixed, expected) = match kind {
        Password::Pbkd2 => (None, "CK_PKCS5_PBKD2_PARAMS2"),
        Password::Des3 => (Some((ck::CKK_DES3, 24, pkcs12)), "CK_PBE_PARAMS"),
        Password::Des2 => (Some((ck::CKK_DES2, 16, pkcs12)), "CK_PBE_PARAMS"),
        Password::Hmac => (Some((ck::CKK_GENERIC_SECRET, 20, PasswordKdf::Pkcs12(Pkcs12Purpose::Mac))), "CK_PBE_PARAMS"),
    };
    match (fixed, params) {
        (Some((key_type, len, how)), Params::Derivation(DerivationParams::Pbe { password, salt, iterations: n })) => {
            if template.ulong(ck::CKA_KEY_TYPE).is_some_and(|asked| asked != key_type) {
                return Err(Reason::TemplateInconsistent.because(format!("the mechanism makes keys of type 0x{key_type:x} only")));
            }
            Ok((key_type, len, how, Input { password, salt, iterations: iterations(*n)? }))
        }
        (None, Params::Derivation(DerivationParams::Pbkd2 { salt_source, salt, iterations: n, prf, prf_data, password })) => {
            if *salt_source != ck::CKZ_SALT_SPECIFIED {
                return Err(Reason::MechanismParamInvalid.because(format!("saltSource {salt_source} is not CKZ_SALT_SPECIFIED")));
            }
            if *prf_data != 0 {
                return Err(Reason::MechanismParamInvalid.because("the pseudo-random function takes no data"));
            }
            let how = PasswordKdf::Pbkdf2(password_hash(*prf)?);
            let input = Input { password, salt, iterations: iterations(*n)? };
            let key_type = template.ulong(ck::CKA_KEY_TYPE).ok_or_else(|| Reason::TemplateIncomplete.because("CKA_KEY_TYPE is missing"))?;
            let len = value_len(template)?.or_else(|| only_secret_length(key_type));
            let len = len.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_VALUE_LEN is missing"))?;
            if !secret_length_fits(key_type, len) {
                return Err(Reason::KeySizeRange.because(format!("CKA_VALUE_LEN is {len}, not a length of key type 0x{key_type:x}")));
            }
            Ok((key_type, len, how, input))
        }
        (_, Params::Malformed(why)) => Err(Reason::MechanismParamInvalid.because(*why)),
        _ => Err(Reason::MechanismParamInvalid.because(format!("{expected} is missing"))),
    }
}

impl Application {
    /// A key from a password; for PKCS#12's ciphers the initialization vector too.
    pub(crate) fn password_key(&self, session: &Session, kind: Password, mechanism: &Mechanism, mut template: Template) -> R<Generated> {
        let (key_type, len, how, input) = plan(kind, &mechanism.params, &template)?;
        session.may_write(template.bool(ck::CKA_TOKEN).unwrap_or(false))?;
        let value = input.bytes(how, len)?;
        let back = match kind {
            Password::Des3 | Password::Des2 => Some(input.bytes(PasswordKdf::Pkcs12(Pkcs12Purpose::Iv), 8)?.expose().to_vec()),
            Password::Pbkd2 | Password::Hmac => None,
        };
        // The mechanism says the length where the class wants the template to: of a generic secret.
        if kind == Password::Hmac && !template.contains(ck::CKA_VALUE_LEN) {
            template.insert(ck::CKA_VALUE_LEN, Value::Ulong(20));
        }
        let origin = Origin::Generated { mechanism: mechanism.id };
        let key = self.store_secret(session, &KeyParts::Secret(value), &template, key_type, &origin)?;
        Ok(Generated { key, back })
    }
}

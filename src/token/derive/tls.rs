//! The derivations of TLS that are not like the others: a master secret has one length and tells the version that lay in the premaster secret;
//! a key block becomes four keys at once, and vectors in clear.
//!
//! Source: PKCS#11 3.2, "Master key derivation", "Key and MAC derivation" of the TLS 1.2 mechanisms, and of SSL for TLS 1.0.

use super::Derived;
use super::inputs::{Inputs, demand};
use crate::object::{Template, Value};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::plan::derivation::Secrecy;
use crate::token::plan::tls::{KeyBlock, MASTER, key_block, master};
use crate::token::session::Session;
use cngtoken_crypto as crypto;
use cngtoken_key::{KeyParts, Secret};
use cryptoki_sys as ck;

/// What a TLS 1.2 master secret is for: CKA_ALLOWED_MECHANISMS of the new key.
const AFTER_MASTER: [u64; 6] =
    [ck::CKM_TLS12_KEY_AND_MAC_DERIVE, ck::CKM_TLS12_KEY_SAFE_DERIVE, ck::CKM_TLS_KDF, ck::CKM_TLS_MAC, ck::CKM_TLS12_KDF, ck::CKM_TLS12_MAC];

/// An attribute that the mechanism fixes: the template may repeat it.
fn fixed(template: &Template, id: u64, value: u64) -> R<()> {
    match template.ulong(id) {
        Some(n) if n != value => {
            let name = crate::object::attributes::name(id);
            Err(Reason::TemplateInconsistent.because(format!("{name} is {n}, the mechanism gives {value}")))
        }
        _ => Ok(()),
    }
}

/// CKA_ALLOWED_MECHANISMS of a TLS 1.2 master secret: the mechanism's list, or what of it the template names.
fn allow(template: &mut Template) -> R<()> {
    match template.get(ck::CKA_ALLOWED_MECHANISMS) {
        Some(Value::Ulongs(asked)) if asked.iter().all(|id| AFTER_MASTER.contains(id)) => Ok(()),
        Some(_) => Err(Reason::TemplateInconsistent.because("CKA_ALLOWED_MECHANISMS names a mechanism that a master secret does not serve")),
        None => {
            template.insert(ck::CKA_ALLOWED_MECHANISMS, Value::Ulongs(AFTER_MASTER.to_vec()));
            Ok(())
        }
    }
}

fn secret<'a>(inputs: &'a Inputs<'_>) -> R<&'a Secret> {
    match inputs.base().key.parts() {
        KeyParts::Secret(value) => Ok(value),
        _ => Err(Reason::KeyTypeInconsistent.into()),
    }
}

impl Application {
    /// CKM_TLS12_MASTER_KEY_DERIVE and its kin.
    pub(super) fn tls_master(&self, session: &Session, inputs: &Inputs<'_>, mut template: Template, dh: bool, extended: bool) -> R<Derived> {
        let how = master(inputs.params(), dh, extended)?;
        fixed(&template, ck::CKA_KEY_TYPE, ck::CKK_GENERIC_SECRET)?;
        fixed(&template, ck::CKA_VALUE_LEN, MASTER as u64)?;
        let origin = inputs.derived(&mut template, Secrecy::Free)?;
        if matches!(&how, crypto::Derive::Tls { prf: crypto::Prf::Tls12(_), .. }) {
            allow(&mut template)?;
        }
        let value = crypto::derive(&inputs.base().key, &how, MASTER)?;
        let version = if dh { None } else { secret(inputs)?.expose().first_chunk::<2>().map(|v| (v[0], v[1])) };
        let object = Self::secret_object(session, value, &template, ck::CKK_GENERIC_SECRET, &origin)?;
        session.still_valid(inputs.epoch())?;
        let key = self.place(session, vec![object])?.pop().ok_or(Reason::GeneralError)?;
        Ok(Derived { key: Some(key), version, ..Derived::default() })
    }

    /// CKM_TLS12_KEY_AND_MAC_DERIVE and its kin: all four keys or none.
    pub(super) fn tls_keys(&self, session: &Session, inputs: &Inputs<'_>, mut template: Template, vectors: bool) -> R<Derived> {
        let block = key_block(inputs.params(), vectors)?;
        let base = &inputs.base().snapshot.object;
        for id in [ck::CKA_SENSITIVE, ck::CKA_EXTRACTABLE] {
            demand(&mut template, id, base.bool(id))?;
        }
        let origin = inputs.derived(&mut template, Secrecy::Free)?;
        let all = crypto::derive(&inputs.base().key, &block.how, block.len())?;
        let [client_mac, server_mac, client_key, server_key, client_iv, server_iv] = cut(&block, all.expose())?;

        let mut macs = template.clone();
        for id in [ck::CKA_KEY_TYPE, ck::CKA_VALUE_LEN, ck::CKA_ENCRYPT, ck::CKA_DECRYPT, ck::CKA_WRAP, ck::CKA_UNWRAP, ck::CKA_DERIVE] {
            macs.remove(id);
        }
        for id in [ck::CKA_SIGN, ck::CKA_VERIFY] {
            macs.insert(id, Value::Bool(true));
        }
        for id in [ck::CKA_ENCRYPT, ck::CKA_DECRYPT, ck::CKA_DERIVE] {
            if !template.contains(id) {
                template.insert(id, Value::Bool(true));
            }
        }
        fixed(&template, ck::CKA_VALUE_LEN, block.key as u64)?;
        let key_type = template.ulong(ck::CKA_KEY_TYPE).unwrap_or(ck::CKK_GENERIC_SECRET);
        let mut objects = Vec::with_capacity(4);
        for (value, template, key_type) in [
            (client_mac, &macs, ck::CKK_GENERIC_SECRET),
            (server_mac, &macs, ck::CKK_GENERIC_SECRET),
            (client_key, &template, key_type),
            (server_key, &template, key_type),
        ] {
            if !value.is_empty() {
                objects.push(Self::secret_object(session, Secret::copy_of(value), template, key_type, &origin)?);
            }
        }
        session.still_valid(inputs.epoch())?;
        let mut handles = self.place(session, objects)?.into_iter();
        let mut next = |there: bool| if there { handles.next().unwrap_or(ck::CK_INVALID_HANDLE) } else { ck::CK_INVALID_HANDLE };
        let more = [block.mac, block.mac, block.key, block.key].map(|len| next(len > 0)).to_vec();
        Ok(Derived { key: None, more, vectors: [client_iv.to_vec(), server_iv.to_vec()], version: None })
    }
}

/// The key block's six parts, in the order of RFC 5246, 6.3.
fn cut<'a>(block: &KeyBlock, all: &'a [u8]) -> R<[&'a [u8]; 6]> {
    let mut rest = all;
    let mut parts = [&all[..0]; 6];
    for (part, len) in parts.iter_mut().zip([block.mac, block.mac, block.key, block.key, block.iv, block.iv]) {
        let (head, tail) = rest.split_at_checked(len).ok_or(Reason::GeneralError)?;
        (*part, rest) = (head, tail);
    }
    Ok(parts)
}

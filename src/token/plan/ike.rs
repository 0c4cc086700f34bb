//! The parameters of the IKE derivations. Source: PKCS#11 3.2, "IKE Mechanisms"; RFC 2409, RFC 7296.

use super::derivation::{Base, Derivation, Kdf, KeyValue, prf};
use super::{bad, wrong_shape};
use crate::token::error::{R, Reason};
use crate::token::mechanism::{DerivationParams, Params};
use cngtoken_crypto::{BlockCipher, Derive, Ike, IkeForm, MacPrf};
use cngtoken_key::Secret;
use cryptoki_sys as ck;

/// Parts, some of them secret, one behind the other.
fn joined(parts: &[&[u8]]) -> Secret {
    let mut all = Vec::with_capacity(parts.iter().map(|p| p.len()).sum());
    parts.iter().for_each(|p| all.extend_from_slice(p));
    Secret::new(all)
}

fn planned(prf: MacPrf, form: IkeForm) -> Derivation {
    Derivation { too_long: Reason::KeySizeRange, ..Derivation::of(Derive::Ike(Ike { prf, form })) }
}

/// The type of a key for the function: an HMAC's may be any generic secret.
fn type_of(prf: MacPrf) -> u64 {
    match prf {
        MacPrf::Hmac(_) => ck::CKK_GENERIC_SECRET,
        MacPrf::Cmac(BlockCipher::Des) => ck::CKK_DES3,
        MacPrf::Cmac(BlockCipher::Camellia) => ck::CKK_CAMELLIA,
        MacPrf::Cmac(BlockCipher::Aes) | MacPrf::AesXcbcMac => ck::CKK_AES,
    }
}

pub(super) fn derivation(kdf: Kdf, params: &Params, base: Base, key: KeyValue<'_>) -> R<Derivation> {
    let Base { key_type: base_type, len: base_len } = base;
    let Params::Derivation(given) = params else { return Err(wrong_shape(params, "the structure of the IKE mechanism")) };
    Ok(match (kdf, given) {
        (Kdf::IkePrf, DerivationParams::IkePrf { data_as_key: true, rekey: true, .. }) => {
            // The mechanism's own text names this code.
            return Err(Reason::ArgumentsBad.because("bDataAsKey and bRekey exclude each other"));
        }
        (Kdf::IkePrf, DerivationParams::IkePrf { prf: function, data_as_key, rekey, ni, nr, new_key }) => {
            // Keyed by the nonces, the function does not care what the base key is.
            let function = prf(*function, if *data_as_key { ck::CKK_AES } else { base_type })?;
            let form = match (data_as_key, rekey) {
                (true, _) => IkeForm::KeyedByData([ni.as_slice(), nr].concat()),
                (false, false) => IkeForm::Once(joined(&[ni, nr])),
                (false, true) => IkeForm::Once(joined(&[key(*new_key)?.expose(), ni, nr])),
            };
            Derivation { key_type: Some(type_of(function)), own_length: true, whole: true, ..planned(function, form) }
        }
        (Kdf::Ike1Prf, DerivationParams::Ike1Prf { prf: function, keygxy, previous, cky_i, cky_r, number }) => {
            let function = prf(*function, base_type)?;
            let before = previous.map(&mut *key).transpose()?;
            let shared = key(*keygxy)?;
            let before = before.as_ref().map_or(&[][..], Secret::expose);
            let form = IkeForm::Once(joined(&[before, shared.expose(), cky_i, cky_r, &[*number]]));
            Derivation { key_type: None, own_length: true, ..planned(function, form) }
        }
        (Kdf::Ike2PrfPlus, DerivationParams::Ike2PrfPlus { prf: function, seed_key, seed }) => {
            let function = prf(*function, base_type)?;
            let seed_key = seed_key.map(&mut *key).transpose()?;
            let form = IkeForm::Plus(joined(&[seed_key.as_ref().map_or(&[][..], Secret::expose), seed]));
            planned(function, form)
        }
        (Kdf::Ike1Extended, DerivationParams::Ike1Extended { prf: function, keygxy, extra }) => {
            let function = prf(*function, base_type)?;
            // RFC 2409, appendix B: a base that is long enough is the key. Not where something of quick mode (5.5) would be left out.
            let shorter = (keygxy.is_none() && extra.is_empty()).then(|| base_len.min(function.len()));
            let shared = keygxy.map(&mut *key).transpose()?;
            let form = IkeForm::Chain(joined(&[shared.as_ref().map_or(&[][..], Secret::expose), extra]));
            Derivation { base_if_at_most: shorter, ..planned(function, form) }
        }
        _ => return Err(bad("the structure is another IKE mechanism's")),
    })
}

//! The derivations of IKE: SKEYSEED and SKEYID, the keys that follow from them, and the expansions of both versions.
//! Sources: RFC 2409 (section 5, appendix B), RFC 7296 (2.13, 2.14); PKCS#11 3.2, "IKE Mechanisms". Lengths were checked by `kdf::derive`.

use super::prf::MacPrf;
use super::{DerivedLen, first};
use crate::{CryptoError, Key};
use cngtoken_key::{KeyParts, Secret};
use zeroize::Zeroizing;

/// A derivation of IKE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ike {
    /// The function.
    pub prf: MacPrf,
    /// How it is used.
    pub form: IkeForm,
}

/// How IKE uses its function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IkeForm {
    /// prf(these bytes, base).
    KeyedByData(Vec<u8>),
    /// prf(base, these bytes), cut.
    Once(Secret),
    /// IKEv2's prf+(base, seed).
    Plus(Secret),
    /// IKEv1's expansion: K1 = prf(base, seed), or over a zero byte without a seed; Ki = prf(base, K(i−1) ‖ seed).
    Chain(Secret),
}

impl Ike {
    pub(super) fn len(&self) -> DerivedLen {
        match self.form {
            IkeForm::KeyedByData(_) | IkeForm::Once(_) => DerivedLen::up_to(self.prf.len()),
            IkeForm::Plus(_) | IkeForm::Chain(_) => DerivedLen { natural: None, most: self.prf.len().saturating_mul(255) },
        }
    }

    pub(super) fn derive(&self, base: &Key, want: usize) -> Result<Secret, CryptoError> {
        let KeyParts::Secret(value) = base.parts() else { return Err(CryptoError::KeyType) };
        let keyed = match &self.form {
            IkeForm::KeyedByData(key) => return Ok(first(self.prf.keyed_by(key)?.over(&[value.expose()]).expose(), want)),
            IkeForm::Once(data) => return Ok(first(self.prf.keyed(base)?.over(&[data.expose()]).expose(), want)),
            IkeForm::Plus(_) | IkeForm::Chain(_) => self.prf.keyed(base)?,
        };
        let mut all = Zeroizing::new(Vec::with_capacity(want.saturating_add(self.prf.len())));
        let mut before = Secret::new(Vec::new());
        let mut number = 0u8;
        while all.len() < want {
            number = number.saturating_add(1);
            before = match &self.form {
                IkeForm::Plus(seed) => keyed.over(&[before.expose(), seed.expose(), &[number]]),
                IkeForm::Chain(seed) if seed.is_empty() && before.is_empty() => keyed.over(&[&[0]]),
                IkeForm::Chain(seed) => keyed.over(&[before.expose(), seed.expose()]),
                IkeForm::KeyedByData(_) | IkeForm::Once(_) => break,
            };
            all.extend_from_slice(before.expose());
        }
        Ok(first(&all, want))
    }
}

//! A template under construction: attribute numbers and their bytes, owned, and the CK_ATTRIBUTE rows that point at them.

use cryptoki_sys::*;

/// Attributes in the order given; a number may stand twice, since tests need bad templates too.
#[derive(Clone, Default, Debug)]
pub struct Attrs(Vec<(u64, Vec<u8>)>);

impl Attrs {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn bytes(mut self, id: u64, value: &[u8]) -> Self {
        self.0.push((id, value.to_vec()));
        self
    }

    pub fn bool(self, id: u64, value: bool) -> Self {
        self.bytes(id, &[u8::from(value)])
    }

    pub fn ulong(self, id: u64, value: u64) -> Self {
        self.bytes(id, &value.to_ne_bytes())
    }

    pub fn text(self, id: u64, value: &str) -> Self {
        self.bytes(id, value.as_bytes())
    }

    pub fn class(self, class: u64) -> Self {
        self.ulong(CKA_CLASS, class)
    }

    pub fn label(self, label: &str) -> Self {
        self.text(CKA_LABEL, label)
    }

    pub fn token(self) -> Self {
        self.bool(CKA_TOKEN, true)
    }

    /// A data object's template.
    pub fn data(label: &str, value: &[u8]) -> Self {
        Self::new().class(CKO_DATA).label(label).bytes(CKA_VALUE, value)
    }

    /// A secret key's template, without usages.
    pub fn secret(key_type: u64, label: &str, value: &[u8]) -> Self {
        Self::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, key_type).label(label).bytes(CKA_VALUE, value)
    }

    /// The attributes of `more` behind ours.
    pub fn and(mut self, more: &Self) -> Self {
        self.0.extend(more.0.iter().cloned());
        self
    }

    /// Without the attributes named.
    pub fn without(&self, ids: &[u64]) -> Self {
        Self(self.0.iter().filter(|(id, _)| !ids.contains(id)).cloned().collect())
    }

    /// The rows for the call. They point into `self`; the module only reads them.
    pub fn rows(&self) -> Vec<CK_ATTRIBUTE> {
        let row =
            |(id, value): &(u64, Vec<u8>)| CK_ATTRIBUTE { type_: *id, pValue: value.as_ptr().cast_mut().cast(), ulValueLen: value.len() as CK_ULONG };
        self.0.iter().map(row).collect()
    }
}

//! An object: its class row and its values. Knows no session, no handle and no store. Reading follows the one rule of
//! C_GetAttributeValue; everything that makes or changes an object is in `create.rs`, `keys.rs` and `change.rs`.

use super::attributes;
use super::classes::{self, ClassRow};
use super::error::{ObjectError, Reason};
use super::rules::{Preset, Rules};
use super::template::Template;
use super::value::Value;
use cngtoken_key::Secret;
use cryptoki_sys::*;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An object of the token.
#[derive(Clone, Debug)]
pub struct Object {
    row: &'static ClassRow,
    values: BTreeMap<u64, Value>,
    /// The sealed attributes were not opened: nobody is logged in.
    sealed: bool,
}

/// The answer to a question for one attribute.
#[derive(Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// Its bytes; none for an attribute that is known and empty.
    Bytes(Cow<'a, [u8]>),
    /// It is a template.
    Template(&'a Template),
    /// CKR_ATTRIBUTE_SENSITIVE.
    Sensitive,
    /// Readable, but the record's sealed part has not been opened: CKR_USER_NOT_LOGGED_IN.
    Sealed,
    /// CKR_ATTRIBUTE_TYPE_INVALID: an object of this class has no such attribute.
    Unknown,
}

static NO_TEMPLATE: std::sync::LazyLock<Template> = std::sync::LazyLock::new(Template::default);

impl Object {
    /// An object of that class without any value; the makers of this room fill it.
    pub(super) fn bare(row: &'static ClassRow) -> Self {
        let mut out = Self { row, values: BTreeMap::new(), sealed: false };
        out.put(CKA_CLASS, Value::Ulong(row.class));
        if let (Some(attribute), Some(subtype)) = (classes::subtype_attribute(row.class), row.subtype) {
            out.put(attribute, Value::Ulong(subtype));
        }
        out
    }

    /// Sets a value without asking any rule. An empty value is the same as none.
    pub(super) fn put(&mut self, id: u64, value: Value) {
        if value.is_empty() {
            self.values.remove(&id);
        } else {
            self.values.insert(id, value);
        }
    }

    /// Puts `row`'s default for every attribute that has none yet and whose default is not left to the key or its birth.
    pub(super) fn put_presets(&mut self) {
        for h in self.row.iter() {
            if self.values.contains_key(&h.id) {
                continue;
            }
            let value = match h.preset {
                Preset::False => Value::Bool(false),
                Preset::True => Value::Bool(true),
                Preset::Ulong(n) => Value::Ulong(n),
                Preset::ByUse => Value::Bool(self.row.uses.contains(&h.id)),
                Preset::None | Preset::Empty | Preset::ByBirth => continue,
            };
            self.values.insert(h.id, value);
        }
    }

    pub(super) fn mark_sealed(&mut self) {
        self.sealed = true;
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (u64, &Value)> {
        self.values.iter().map(|(id, v)| (*id, v))
    }

    pub(super) fn take(&mut self, id: u64) -> Option<Value> {
        self.values.remove(&id)
    }

    /// A synthetic CKO_PROFILE object.
    #[must_use]
    pub fn profile(id: u64, unique_id: &str) -> Option<Self> {
        let mut out = Self::bare(classes::row(CKO_PROFILE, None)?);
        out.put(CKA_PROFILE_ID, Value::Ulong(id));
        for fixed in [CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE, CKA_PRIVATE] {
            out.put(fixed, Value::Bool(false));
        }
        out.put_presets();
        out.with_identity(unique_id);
        Some(out)
    }

    /// Sets CKA_UNIQUE_ID; the token does so for every new object, copies included.
    pub fn with_identity(&mut self, unique_id: &str) {
        self.put(CKA_UNIQUE_ID, Value::bytes(unique_id.as_bytes()));
    }

    /// Settles CKA_CHECK_VALUE with what the token computed: if nobody gave one it is set, if one was given it must be equal.
    /// Not to be called where [`Template::suppresses_check_value`] says so.
    ///
    /// # Errors
    /// `AttributeValueInvalid` if a given one differs.
    pub fn settle_check_value(&mut self, computed: &[u8]) -> Result<(), ObjectError> {
        if self.row.has(CKA_CHECK_VALUE).is_none() {
            return Ok(());
        }
        match self.bytes(CKA_CHECK_VALUE) {
            Some(given) if given != computed => Err(ObjectError::at(Reason::AttributeValueInvalid, CKA_CHECK_VALUE, "differs from the value's")),
            Some(_) => Ok(()),
            None => {
                self.put(CKA_CHECK_VALUE, Value::bytes(computed));
                Ok(())
            }
        }
    }

    /// The row of the class table.
    #[must_use]
    pub fn row(&self) -> &'static ClassRow {
        self.row
    }

    /// CKA_CLASS.
    #[must_use]
    pub fn class(&self) -> u64 {
        self.row.class
    }

    /// CKA_KEY_TYPE of a key.
    #[must_use]
    pub fn key_type(&self) -> Option<u64> {
        if self.row.is_key() { self.row.subtype } else { None }
    }

    /// The value of an attribute without any rule of reading: for the rooms of the token, not for clients.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Value> {
        self.values.get(&attributes::canonical(id))
    }

    /// A CK_BBOOL; false where the object has none.
    #[must_use]
    pub fn bool(&self, id: u64) -> bool {
        matches!(self.get(id), Some(Value::Bool(true)))
    }

    /// A CK_ULONG.
    #[must_use]
    pub fn ulong(&self, id: u64) -> Option<u64> {
        if let Some(Value::Ulong(n)) = self.get(id) { Some(*n) } else { None }
    }

    /// Bytes; `None` where there are none.
    #[must_use]
    pub fn bytes(&self, id: u64) -> Option<&[u8]> {
        if let Some(Value::Bytes(b)) = self.get(id) { Some(b.expose()) } else { None }
    }

    /// Bytes as a secret of their own.
    #[must_use]
    pub fn secret(&self, id: u64) -> Option<Secret> {
        self.bytes(id).map(Secret::copy_of)
    }

    /// A nested template; `None` where there is none or an empty one.
    #[must_use]
    pub fn template(&self, id: u64) -> Option<&Template> {
        if let Some(Value::Template(t)) = self.get(id) { Some(t) } else { None }
    }

    /// CKA_PRIVATE: visible only to the user.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.bool(CKA_PRIVATE)
    }

    /// CKA_TOKEN: kept in the store.
    #[must_use]
    pub fn is_token(&self) -> bool {
        self.bool(CKA_TOKEN)
    }

    /// True while the secrets of this key must not be shown: CKA_SENSITIVE, or not CKA_EXTRACTABLE.
    #[must_use]
    pub fn hides_secrets(&self) -> bool {
        self.bool(CKA_SENSITIVE) || !self.bool(CKA_EXTRACTABLE)
    }

    /// CKA_TRUSTED. Counts only for a record whose MAC was checked; that is the token's to know.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.bool(CKA_TRUSTED)
    }

    /// True if the record's sealed part was not opened, so that secret attributes are missing.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// What C_GetAttributeValue answers for one attribute.
    #[must_use]
    pub fn read(&self, id: u64) -> Read<'_> {
        let id = attributes::canonical(id);
        let (Some(has), Some(attr)) = (self.row.has(id), attributes::row(id)) else { return Read::Unknown };
        if attributes::is_internal(id) {
            return Read::Unknown;
        }
        if has.rules.has(Rules::SECRET) {
            if self.hides_secrets() {
                return Read::Sensitive;
            }
            if self.sealed {
                return Read::Sealed;
            }
        }
        match (self.values.get(&id), attr.kind) {
            (Some(Value::Template(t)), _) => Read::Template(t),
            (Some(value), _) => value.to_bytes().map_or(Read::Unknown, Read::Bytes),
            (None, attributes::Kind::Template) => Read::Template(&NO_TEMPLATE),
            (None, attributes::Kind::Bool) => Read::Bytes(Cow::Borrowed(&[0])),
            (None, attributes::Kind::Ulong) => Read::Unknown,
            (None, _) => Read::Bytes(Cow::Borrowed(&[])),
        }
    }

    /// Bytes that the object takes up, roughly: what C_GetObjectSize answers.
    #[must_use]
    pub fn size(&self) -> usize {
        self.values.values().map(|v| 17 + v.to_bytes().map_or(0, |b| b.len())).sum()
    }
}

//! A template: attributes without repeats, each parsed by its row. [`Template::parse`] is for everything that makes or changes an
//! object and refuses what the table does not know; [`Template::parse_search`] refuses nothing, since a search for something
//! unknown is a search that finds nothing.

use super::attributes::{self, Kind};
use super::error::{ObjectError, Reason};
use super::value::{Given, GivenAttr, Value};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Longest value of one attribute.
pub const MAX_VALUE_BYTES: usize = 16 << 20;
/// Most bytes of all values together, nested ones included.
pub const MAX_TEMPLATE_BYTES: usize = 64 << 20;
/// Most attributes, nested ones included.
pub const MAX_ROWS: usize = 256;
/// How deep templates may lie in templates.
pub const MAX_NESTING: usize = 2;

/// A bounded, duplicate-free set of attributes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Template {
    values: BTreeMap<u64, Value>,
    /// A search that contradicts itself.
    impossible: bool,
}

struct Budget {
    rows: usize,
    bytes: usize,
}

impl Template {
    /// Parses what a caller gave to make or change an object.
    ///
    /// # Errors
    /// `AttributeTypeInvalid` for an attribute that the table does not know, `AttributeValueInvalid` for a value of a wrong length or
    /// above 16 MiB, `TemplateInconsistent` for a repeat (an identical one too), for more than 256 attributes or 64 MiB, and for
    /// templates nested deeper than two.
    pub fn parse(given: Vec<GivenAttr>) -> Result<Self, ObjectError> {
        Self::parse_level(given, 0, &mut Budget { rows: MAX_ROWS, bytes: MAX_TEMPLATE_BYTES })
    }

    fn parse_level(given: Vec<GivenAttr>, depth: usize, budget: &mut Budget) -> Result<Self, ObjectError> {
        let mut out = Template::default();
        for attr in given {
            let row = attributes::row(attr.id)
                .filter(|r| !attributes::is_internal(r.id))
                .ok_or_else(|| ObjectError::at(Reason::AttributeTypeInvalid, attr.id, "not an attribute that this token knows"))?;
            budget.rows = budget
                .rows
                .checked_sub(1)
                .ok_or_else(|| ObjectError::whole(Reason::TemplateInconsistent, format!("more than {MAX_ROWS} attributes")))?;
            let value = match attr.value {
                Given::Bytes(bytes) => {
                    if bytes.len() > MAX_VALUE_BYTES {
                        return Err(ObjectError::at(Reason::AttributeValueInvalid, row.id, format!("{} bytes, more than 16 MiB", bytes.len())));
                    }
                    budget.bytes = budget
                        .bytes
                        .checked_sub(bytes.len())
                        .ok_or_else(|| ObjectError::at(Reason::TemplateInconsistent, row.id, "the template is larger than 64 MiB"))?;
                    Value::parse(row.kind, &bytes).map_err(|why| ObjectError::at(Reason::AttributeValueInvalid, row.id, why))?
                }
                Given::Attrs(_) if row.kind != Kind::Template => {
                    return Err(ObjectError::at(Reason::AttributeValueInvalid, row.id, "an array of attributes, where a plain value is expected"));
                }
                Given::Attrs(_) if depth >= MAX_NESTING => {
                    return Err(ObjectError::at(Reason::TemplateInconsistent, row.id, format!("templates nested deeper than {MAX_NESTING}")));
                }
                Given::Attrs(inner) => Value::Template(Self::parse_level(inner, depth + 1, budget)?),
            };
            if out.values.insert(row.id, value).is_some() {
                return Err(ObjectError::at(Reason::TemplateInconsistent, row.id, "given more than once"));
            }
        }
        Ok(out)
    }

    /// Parses what a caller gave to C_FindObjectsInit. What no object can have stays in the template and matches nothing.
    #[must_use]
    pub fn parse_search(given: Vec<GivenAttr>) -> Self {
        let mut out = Template::default();
        for attr in given {
            let id = attributes::canonical(attr.id);
            let parsed = match (attributes::row(id).filter(|r| !attributes::is_internal(r.id)), attr.value) {
                (Some(row), Given::Bytes(bytes)) => Value::parse(row.kind, &bytes).ok(),
                (Some(row), Given::Attrs(inner)) if row.kind == Kind::Template => Self::parse(inner).ok().map(Value::Template),
                _ => None,
            };
            match parsed {
                Some(value) if out.values.get(&id).is_none_or(|old| *old == value) => drop(out.values.insert(id, value)),
                _ => out.impossible = true,
            }
        }
        out
    }

    /// True for a search that no object of any class can answer: an unknown attribute, an ill-formed value, or two values for one
    /// attribute.
    #[must_use]
    pub fn matches_nothing(&self) -> bool {
        self.impossible
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Value> {
        self.values.get(&attributes::canonical(id))
    }

    /// True if an attribute is given.
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.get(id).is_some()
    }

    /// The value of a CK_BBOOL.
    #[must_use]
    pub fn bool(&self, id: u64) -> Option<bool> {
        if let Some(Value::Bool(b)) = self.get(id) { Some(*b) } else { None }
    }

    /// The value of a CK_ULONG.
    #[must_use]
    pub fn ulong(&self, id: u64) -> Option<u64> {
        if let Some(Value::Ulong(n)) = self.get(id) { Some(*n) } else { None }
    }

    /// The value of bytes, text, number or date.
    #[must_use]
    pub fn bytes(&self, id: u64) -> Option<&[u8]> {
        if let Some(Value::Bytes(b)) = self.get(id) { Some(b.expose()) } else { None }
    }

    /// A text as the vendor attributes spell it: UTF-8, or UTF-16LE with a final NUL, which UTF-8 text never ends with.
    ///
    /// # Errors
    /// `AttributeValueInvalid` if it is neither.
    pub fn text(&self, id: u64) -> Result<Option<String>, ObjectError> {
        let Some(bytes) = self.bytes(id) else { return Ok(None) };
        let bad = |what: &'static str| ObjectError::at(Reason::AttributeValueInvalid, id, what);
        let text = match bytes.as_chunks::<2>() {
            ([units @ .., [0, 0]], []) => {
                // May be a password.
                let units: Zeroizing<Vec<u16>> = Zeroizing::new(units.iter().map(|u| u16::from_le_bytes(*u)).collect());
                String::from_utf16(&units).map_err(|_| bad("not UTF-16LE, though it ends like it"))?
            }
            _ => std::str::from_utf8(bytes).map_err(|_| bad("neither UTF-8 nor UTF-16LE with a final NUL"))?.to_owned(),
        };
        if text.contains('\0') { Err(bad("a NUL inside the text")) } else { Ok(Some(text)) }
    }

    /// True if the caller gave an empty CKA_CHECK_VALUE, which means that the object shall have none.
    #[must_use]
    pub fn suppresses_check_value(&self) -> bool {
        self.bytes(cryptoki_sys::CKA_CHECK_VALUE).is_some_and(<[u8]>::is_empty)
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, id: u64) -> Option<Value> {
        self.values.remove(&attributes::canonical(id))
    }

    /// Puts an attribute in, in place of an older value.
    pub fn insert(&mut self, id: u64, value: Value) {
        self.values.insert(attributes::canonical(id), value);
    }

    /// The attributes, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Value)> {
        self.values.iter().map(|(id, value)| (*id, value))
    }

    /// How many attributes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True if there is no attribute.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && !self.impossible
    }

    /// Adds what a CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE or CKA_DECAPSULATE_TEMPLATE of the working key imposes.
    ///
    /// # Errors
    /// `TemplateInconsistent` if the caller asked for something else.
    pub fn impose(&mut self, imposed: &Template) -> Result<(), ObjectError> {
        for (id, value) in imposed.iter() {
            match self.values.get(&id) {
                Some(own) if own != value => {
                    return Err(ObjectError::at(Reason::TemplateInconsistent, id, "the template of the working key wants another value"));
                }
                _ => drop(self.values.insert(id, value.clone())),
            }
        }
        Ok(())
    }
}

impl FromIterator<(u64, Value)> for Template {
    fn from_iter<I: IntoIterator<Item = (u64, Value)>>(iter: I) -> Self {
        Self { values: iter.into_iter().map(|(id, v)| (attributes::canonical(id), v)).collect(), impossible: false }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids;
    use super::*;
    use cryptoki_sys::*;

    fn refusal(given: Vec<GivenAttr>) -> (Reason, Option<u64>) {
        let e = Template::parse(given).expect_err("refused");
        (e.reason, e.attribute)
    }

    #[test]
    fn a_repeat_is_refused_even_with_the_same_value() {
        let given = vec![GivenAttr::bool(CKA_TOKEN, true), GivenAttr::bool(CKA_TOKEN, true)];
        assert_eq!(refusal(given), (Reason::TemplateInconsistent, Some(CKA_TOKEN)));
    }

    #[test]
    fn an_unknown_or_internal_attribute_is_refused_by_name() {
        assert_eq!(refusal(vec![GivenAttr::bool(0x8000_1234, true)]), (Reason::AttributeTypeInvalid, Some(0x8000_1234)));
        let internal = vec![GivenAttr::ulong(ids::STORED_DSA_COUNTER, 1)];
        assert_eq!(refusal(internal), (Reason::AttributeTypeInvalid, Some(ids::STORED_DSA_COUNTER)));
    }

    #[test]
    fn wrong_lengths_are_value_faults() {
        assert_eq!(refusal(vec![GivenAttr::bytes(CKA_CLASS, &[0; 4])]), (Reason::AttributeValueInvalid, Some(CKA_CLASS)));
        assert_eq!(refusal(vec![GivenAttr::bytes(CKA_TOKEN, &[0; 4])]), (Reason::AttributeValueInvalid, Some(CKA_TOKEN)));
    }

    #[test]
    fn templates_nest_two_deep_and_no_deeper() {
        let nested = |inner| vec![GivenAttr { id: CKA_WRAP_TEMPLATE, value: Given::Attrs(inner) }];
        assert!(Template::parse(nested(nested(vec![GivenAttr::bool(CKA_TOKEN, true)]))).is_ok());
        assert_eq!(refusal(nested(nested(nested(Vec::new())))).0, Reason::TemplateInconsistent);
    }

    #[test]
    fn more_than_256_attributes_are_refused_however_they_nest() {
        let row = || GivenAttr { id: CKA_WRAP_TEMPLATE, value: Given::Attrs(Vec::new()) };
        let many = (0..300).map(|_| row()).collect();
        assert_eq!(refusal(many).0, Reason::TemplateInconsistent);
    }

    #[test]
    fn a_search_for_something_unknown_or_contradictory_matches_nothing() {
        let hopeless = |given| Template::parse_search(given).matches_nothing();
        assert!(hopeless(vec![GivenAttr::bytes(0x8000_1234, b"x")]));
        assert!(hopeless(vec![GivenAttr::bytes(CKA_CLASS, &[0; 4])]));
        assert!(hopeless(vec![GivenAttr::bool(CKA_TOKEN, true), GivenAttr::bool(CKA_TOKEN, false)]));
        assert!(!hopeless(vec![GivenAttr::bool(CKA_TOKEN, true), GivenAttr::bool(CKA_TOKEN, true)]));
        assert!(!hopeless(Vec::new()));
    }

    #[test]
    fn vendor_text_is_read_in_both_encodings() {
        let text = |bytes: &[u8]| Template::parse(vec![GivenAttr::bytes(ids::CKA_CNG_ALG_ID, bytes)]).unwrap().text(ids::CKA_CNG_ALG_ID);
        assert_eq!(text(b"RSA"), Ok(Some("RSA".to_owned())));
        assert_eq!(text(b"R\0S\0A\0\0\0"), Ok(Some("RSA".to_owned())));
        assert!(text(b"RSA\0").is_err());
        assert!(text(&[0xFF, 0xFE]).is_err());
    }

    #[test]
    fn what_a_working_key_imposes_is_added_or_must_agree() {
        let imposed: Template = [(CKA_SENSITIVE, Value::Bool(true))].into_iter().collect();
        let mut t = Template::default();
        t.impose(&imposed).unwrap();
        assert_eq!(t.bool(CKA_SENSITIVE), Some(true));
        let mut t: Template = [(CKA_SENSITIVE, Value::Bool(false))].into_iter().collect();
        assert_eq!(t.impose(&imposed).unwrap_err().reason, Reason::TemplateInconsistent);
    }
}

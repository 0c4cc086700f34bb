//! The record of an object: a clear and a sealed part, each `version u8`, then entries in ascending order of their number:
//! `id u64 | kind u8 | length u64 | bytes`, integers little-endian. One object has one encoding; decoding accepts nothing else,
//! allocates no more than the input, and never panics.
//!
//! What is sealed: every secret (footnote 7) always; everything when CKA_PRIVATE is true, and then the clear part is the version
//! alone. A part without entries is written as the version alone when clear and as nothing when sealed.

use super::attributes;
use super::classes;
use super::error::{ObjectError, Reason};
use super::instance::Object;
use super::search;
use super::template::{MAX_NESTING, Template};
use super::value::Value;
use cngtoken_key::Secret;
use cryptoki_sys::*;

const VERSION: u8 = 1;

/// An object as the store takes it.
#[derive(Debug)]
pub struct Encoded {
    /// CKA_PRIVATE: the terms are to be hashed with a key.
    pub private: bool,
    /// What anyone who can read the file may see.
    pub clear: Vec<u8>,
    /// What must be sealed; empty if there is nothing to seal.
    pub sealed: Secret,
    /// Index terms: attribute number and value.
    pub terms: Vec<(u32, Vec<u8>)>,
}

/// Writes an object down.
#[must_use]
pub fn encode(object: &Object) -> Encoded {
    let private = object.is_private();
    let (mut clear, mut sealed) = (Vec::new(), Vec::new());
    for (id, value) in object.values() {
        if private || object.row().is_secret(id) { sealed.push((id, value)) } else { clear.push((id, value)) }
    }
    let sealed = if sealed.is_empty() { Vec::new() } else { part(&sealed) };
    Encoded { private, clear: part(&clear), sealed: Secret::new(sealed), terms: search::index_terms(object) }
}

fn part(entries: &[(u64, &Value)]) -> Vec<u8> {
    // Sized beforehand: growing would leave copies of secrets behind.
    let mut out = Vec::with_capacity(1 + entries.iter().map(|(_, v)| HEADER + content_len(v)).sum::<usize>());
    out.push(VERSION);
    for (id, value) in entries {
        entry(&mut out, *id, value);
    }
    out
}

const HEADER: usize = 8 + 1 + 8;

fn content_len(value: &Value) -> usize {
    match value {
        Value::Bool(_) => 1,
        Value::Ulong(_) => 8,
        Value::Bytes(b) => b.len(),
        Value::Ulongs(l) => 8 * l.len(),
        Value::Template(t) => t.iter().map(|(_, v)| HEADER + content_len(v)).sum(),
    }
}

fn entry(out: &mut Vec<u8>, id: u64, value: &Value) {
    out.extend_from_slice(&id.to_le_bytes());
    out.push(kind_number(value));
    out.extend_from_slice(&(content_len(value) as u64).to_le_bytes());
    match value {
        Value::Bool(b) => out.push(u8::from(*b)),
        Value::Ulong(n) => out.extend_from_slice(&n.to_le_bytes()),
        Value::Bytes(b) => out.extend_from_slice(b.expose()),
        Value::Ulongs(l) => l.iter().for_each(|n| out.extend_from_slice(&n.to_le_bytes())),
        Value::Template(t) => t.iter().for_each(|(id, v)| entry(out, id, v)),
    }
}

fn kind_number(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => 1,
        Value::Ulong(_) => 2,
        Value::Bytes(_) => 3,
        Value::Ulongs(_) => 4,
        Value::Template(_) => 5,
    }
}

/// Reads a record. `sealed` is `None` while nobody is logged in: the object then lacks its secrets and says so.
///
/// # Errors
/// `Damaged` for anything that [`encode`] does not write; `UserNotLoggedIn` for a private object without its sealed part.
pub fn decode(clear: &[u8], sealed: Option<&Secret>) -> Result<Object, ObjectError> {
    let open = entries(clear)?;
    let hidden = match sealed {
        Some(s) if s.is_empty() => Vec::new(),
        Some(s) => {
            let hidden = entries(s.expose())?;
            if hidden.is_empty() { return Err(damaged("an empty sealed part with a version")) } else { hidden }
        }
        None if open.is_empty() => return Err(ObjectError::whole(Reason::UserNotLoggedIn, "a private object is sealed until somebody logs in")),
        None => Vec::new(),
    };
    let find = |id| open.iter().chain(&hidden).find(|(i, _)| *i == id).map(|(_, v)| v);
    let number = |id| if let Some(Value::Ulong(n)) = find(id) { Some(*n) } else { None };
    let class = number(CKA_CLASS).ok_or_else(|| damaged("no class"))?;
    let row = classes::row(class, classes::subtype_attribute(class).and_then(number)).ok_or_else(|| damaged("a class that is not in the table"))?;
    let private = find(CKA_PRIVATE) == Some(&Value::Bool(true));

    let mut object = Object::bare(row);
    for (values, is_sealed) in [(open, false), (hidden, true)] {
        for (id, value) in values {
            let (Some(_), Some(attr)) = (row.has(id), attributes::row(id)) else { return Err(damaged("an attribute that its class does not have")) };
            if is_sealed != (private || row.is_secret(id)) {
                return Err(damaged("an attribute on the wrong side of the seal"));
            }
            if !value.fits(attr.kind) || value.is_empty() {
                return Err(damaged("a value that its attribute cannot have"));
            }
            object.put(id, value);
        }
    }
    if sealed.is_none() {
        object.mark_sealed();
    }
    Ok(object)
}

fn entries(input: &[u8]) -> Result<Vec<(u64, Value)>, ObjectError> {
    match input {
        [VERSION, rest @ ..] => values(rest, 0),
        [other, ..] => Err(ObjectError::whole(Reason::Damaged, format!("the record has format {other}, this program knows {VERSION}"))),
        [] => Err(damaged("an empty part")),
    }
}

fn values(mut input: &[u8], depth: usize) -> Result<Vec<(u64, Value)>, ObjectError> {
    let mut out: Vec<(u64, Value)> = Vec::new();
    while !input.is_empty() {
        let (id, rest) = word(input)?;
        let ([kind, ..], rest) = (rest, rest.get(1..).unwrap_or_default()) else { return Err(damaged("cut off")) };
        let (len, rest) = word(rest)?;
        let content = usize::try_from(len).ok().and_then(|n| rest.split_at_checked(n)).ok_or_else(|| damaged("a length past the end"))?;
        if out.last().is_some_and(|(last, _)| *last >= id) {
            return Err(damaged("entries out of order"));
        }
        out.push((id, value(*kind, content.0, depth)?));
        input = content.1;
    }
    Ok(out)
}

fn word(input: &[u8]) -> Result<(u64, &[u8]), ObjectError> {
    let (head, rest) = input.split_first_chunk::<8>().ok_or_else(|| damaged("cut off"))?;
    Ok((u64::from_le_bytes(*head), rest))
}

fn value(kind: u8, content: &[u8], depth: usize) -> Result<Value, ObjectError> {
    Ok(match (kind, content) {
        (1, [b @ (0 | 1)]) => Value::Bool(*b == 1),
        (2, bytes) => match word(bytes)? {
            (n, []) => Value::Ulong(n),
            _ => return Err(damaged("a number of more than 64 bits")),
        },
        (3, bytes) => Value::bytes(bytes),
        (4, bytes) => match bytes.as_chunks::<8>() {
            (words, []) => Value::Ulongs(words.iter().map(|w| u64::from_le_bytes(*w)).collect()),
            _ => return Err(damaged("a list that is cut off")),
        },
        (5, bytes) if depth < MAX_NESTING => {
            let inner = values(bytes, depth + 1)?;
            let known = |(id, v): &(u64, Value)| attributes::row(*id).is_some_and(|r| r.id == *id && v.fits(r.kind));
            if !inner.iter().all(known) {
                return Err(damaged("a nested attribute that is not in the table"));
            }
            Value::Template(inner.into_iter().collect::<Template>())
        }
        _ => return Err(damaged("a value of unknown kind")),
    })
}

fn damaged(what: &'static str) -> ObjectError {
    ObjectError::whole(Reason::Damaged, what)
}

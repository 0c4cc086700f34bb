//! What must be remembered of an imported blob so that it can be written again byte for byte: its type, its magic and whatever
//! its header said that a canonical writer would say otherwise. Small, holds nothing secret, and has a text form for the store.

use crate::reader::hex;
use crate::table::{BlobRow, Magic, magic_text, row, row_inside};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// A header value that is not the canonical one. The names are the text form's, so they never change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Noted {
    AiKeyAlg,
    BitLength,
    BitLenP,
    BitLenQ,
    BitLenJ,
    BitLenX,
    CbGroupSize,
    CbKey,
    CbModulus,
    CbPrime1,
    CbPrime2,
    CbPublicExp,
    HashAlgorithm,
    /// Magic of the blob inside a wrapped one.
    Inner,
    KeyType,
    StandardVersion,
    /// Bytes of the DSSSEED of a blob that has no seed and does not say so in the canonical way.
    DssSeed,
    /// Bytes of the curve's seed in an explicit-curve blob.
    CurveSeed,
    /// The cofactor of the subgroup, j = (p − 1) / q, as it came (little-endian).
    J,
}

static KEYS: &[(Noted, &str)] = &[
    (Noted::AiKeyAlg, "aiKeyAlg"),
    (Noted::BitLength, "BitLength"),
    (Noted::BitLenP, "bitlenP"),
    (Noted::BitLenQ, "bitlenQ"),
    (Noted::BitLenJ, "bitlenJ"),
    (Noted::BitLenX, "bitlenX"),
    (Noted::CbGroupSize, "cbGroupSize"),
    (Noted::CbKey, "cbKey"),
    (Noted::CbModulus, "cbModulus"),
    (Noted::CbPrime1, "cbPrime1"),
    (Noted::CbPrime2, "cbPrime2"),
    (Noted::CbPublicExp, "cbPublicExp"),
    (Noted::HashAlgorithm, "hashAlgorithm"),
    (Noted::Inner, "inner"),
    (Noted::KeyType, "keytype"),
    (Noted::StandardVersion, "standardVersion"),
    (Noted::DssSeed, "DSSSEED"),
    (Noted::CurveSeed, "curveSeed"),
    (Noted::J, "j"),
];

#[derive(Clone, PartialEq, Eq, Debug)]
enum Note {
    Number(u32),
    Bytes(Vec<u8>),
}

/// The notes of a decoder; empty for a canonical blob.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Notes(Vec<(Noted, Note)>);

impl Notes {
    /// Remembers a number if it is not the canonical one.
    pub(crate) fn number(&mut self, key: Noted, found: u32, canonical: u32) {
        if found != canonical {
            self.0.push((key, Note::Number(found)));
        }
    }

    /// Remembers bytes.
    pub(crate) fn bytes(&mut self, key: Noted, bytes: &[u8]) {
        self.0.push((key, Note::Bytes(bytes.to_vec())));
    }
}

/// What a key came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    type_name: &'static str,
    magic: Magic,
    notes: Notes,
}

impl Origin {
    pub(crate) fn with_notes(row: &BlobRow, magic: Magic, notes: Notes) -> Self {
        Self { type_name: row.name, magic, notes }
    }

    /// The origin of a canonical blob of that type and magic: lets a caller choose, for a key that came from no blob, the
    /// magic to write (ECDH or ECDSA, say). `None` if the type has no such magic.
    #[must_use]
    pub fn of(row: &BlobRow, magic: Magic) -> Option<Self> {
        row.magics.contains(&magic).then(|| Self::with_notes(row, magic, Notes::default()))
    }

    /// CNG's name of the blob type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The magic; of a wrapped blob the outer one's.
    #[must_use]
    pub fn magic(&self) -> Magic {
        self.magic
    }

    /// The row of the blob type.
    #[must_use]
    pub fn row(&self) -> Option<&'static BlobRow> {
        row(self.type_name)
    }

    /// One line, such as `ECCPRIVATEBLOB ECS2` or `RSAPUBLICBLOB RSA1 cbPublicExp=8`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::from(self.type_name);
        out.push(' ');
        out.push_str(&magic_text(self.magic));
        for (key, note) in &self.notes.0 {
            let name = KEYS.iter().find(|(k, _)| k == key).map_or("", |(_, name)| *name);
            let _ = write!(out, " {name}=");
            match note {
                Note::Number(n) => {
                    let _ = write!(out, "{n}");
                }
                Note::Bytes(bytes) => {
                    out.push_str("0x");
                    hex(&mut out, bytes);
                }
            }
        }
        out
    }

    /// Reads what [`Origin::to_text`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let row = row(words.next()?)?;
        let magic_word = words.next()?;
        let magic = row.magics.iter().copied().find(|m| magic_text(*m) == magic_word)?;
        let mut notes = Notes::default();
        for word in words {
            let (name, value) = word.split_once('=')?;
            let (key, _) = KEYS.iter().find(|(_, n)| *n == name)?;
            let note = match value.strip_prefix("0x") {
                Some(digits) => Note::Bytes(unhex(digits)?),
                None => Note::Number(value.parse().ok()?),
            };
            notes.0.push((*key, note));
        }
        Some(Self::with_notes(row, magic, notes))
    }

    /// The origin of the blob `outer` that holds the blob of this origin.
    pub(crate) fn wrapped_in(self, outer: &BlobRow, magic: Magic, note: Option<(Noted, u32)>) -> Self {
        let mut notes = self.notes;
        notes.bytes(Noted::Inner, &self.magic);
        notes.0.extend(note.map(|(key, value)| (key, Note::Number(value))));
        Self { type_name: outer.name, magic, notes }
    }

    /// The row of the blob inside this wrapped one.
    pub(crate) fn inner_row(&self) -> Option<&'static BlobRow> {
        let magic: Magic = self.bytes(Noted::Inner)?.try_into().ok()?;
        row_inside(self.magic, magic)
    }

    /// The origin of the blob inside this wrapped one.
    pub(crate) fn unwrapped(&self) -> Option<Self> {
        let magic: Magic = self.bytes(Noted::Inner)?.try_into().ok()?;
        let notes = self.notes.0.iter().filter(|(key, _)| !matches!(key, Noted::Inner | Noted::KeyType)).cloned().collect();
        Some(Self::with_notes(self.inner_row()?, magic, Notes(notes)))
    }

    pub(crate) fn number(&self, key: Noted) -> Option<u32> {
        self.notes.0.iter().find_map(|(k, note)| match note {
            Note::Number(n) if *k == key => Some(*n),
            _ => None,
        })
    }

    pub(crate) fn bytes(&self, key: Noted) -> Option<&[u8]> {
        self.notes.0.iter().find_map(|(k, note)| match note {
            Note::Bytes(bytes) if *k == key => Some(bytes.as_slice()),
            _ => None,
        })
    }
}

pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    digits.chunks_exact(2).map(|pair| Some((nibble(*pair.first()?)? << 4) | nibble(*pair.last()?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_and_magic_survives_its_text_form() {
        for row in crate::BLOBS {
            for magic in row.magics {
                let origin = Origin::of(row, *magic).unwrap();
                assert_eq!(Origin::from_text(&origin.to_text()), Some(origin));
            }
        }
    }

    #[test]
    fn notes_survive_the_text_form() {
        let mut notes = Notes::default();
        notes.number(Noted::CbPublicExp, 8, 3);
        notes.number(Noted::BitLength, 2048, 2048);
        notes.bytes(Noted::J, &[0, 0xAB]);
        let origin = Origin::with_notes(row("RSAPUBLICBLOB").unwrap(), *b"RSA1", notes);
        assert_eq!(origin.to_text(), "RSAPUBLICBLOB RSA1 cbPublicExp=8 j=0x00ab");
        assert_eq!(Origin::from_text(&origin.to_text()), Some(origin));
    }

    #[test]
    fn other_text_is_not_an_origin() {
        for text in
            ["", "RSAPUBLICBLOB", "RSAPUBLICBLOB RSA2", "NOBLOB RSA1", "RSAPUBLICBLOB RSA1 x=1", "RSAPUBLICBLOB RSA1 j=0xabc", "RSAPUBLICBLOB RSA1 j"]
        {
            assert_eq!(Origin::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn every_note_has_one_name() {
        for (i, (_, name)) in KEYS.iter().enumerate() {
            assert!(KEYS.iter().skip(i + 1).all(|(_, other)| other != name));
        }
    }
}

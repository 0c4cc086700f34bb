//! From bytes to what they say: finds the row, checks that the magic is one of its own, runs its layout. `explain` runs the same
//! code and keeps a list of the fields, so that it cannot describe a blob in another way than it is read.

use crate::capi;
use crate::context::{Context, Decoded, SymmetricAlg, UseHint};
use crate::error::{BlobError, Fault, Text};
use crate::origin::{Notes, Origin};
use crate::reader::{Field, Reader};
use crate::table::{self, BlobRow, Codec, Magic, Place};
use alloc::vec::Vec;
use cngtoken_key::Claim;

/// What a layout's decoder gives back.
pub(crate) struct Said {
    pub(crate) claim: Claim,
    pub(crate) hint: UseHint,
    pub(crate) symmetric: Option<SymmetricAlg>,
    pub(crate) notes: Notes,
    pub(crate) ignored_trailing: usize,
}

impl Said {
    /// A canonical blob that says nothing about use.
    pub(crate) fn new(claim: Claim) -> Self {
        Self { claim, hint: UseHint::Family, symmetric: None, notes: Notes::default(), ignored_trailing: 0 }
    }
}

/// Reads a blob.
///
/// # Errors
/// [`BlobError`]: what is wrong and where. Nothing of the input is kept.
pub fn decode(input: &[u8], ctx: &Context<'_>) -> Result<Decoded, BlobError> {
    run(input, ctx, None)
}

/// A blob laid out for people.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The blob type, where it could be told.
    pub row: Option<&'static BlobRow>,
    /// The fields in their order, up to where reading stopped.
    pub fields: Vec<Field>,
    /// What the blob says, or why it says nothing.
    pub outcome: Result<Decoded, BlobError>,
}

/// Reads a blob and tells field by field what is in it; secrets by their length only.
#[must_use]
pub fn explain(input: &[u8], ctx: &Context<'_>) -> Explanation {
    let mut fields = Vec::new();
    let outcome = run(input, ctx, Some(&mut fields));
    let named = ctx.type_name.and_then(table::row);
    let row = outcome.as_ref().map(|d| d.row).ok().or(named).or_else(|| table::sniff(input).ok());
    Explanation { row, fields, outcome }
}

fn run(input: &[u8], ctx: &Context<'_>, fields: Option<&mut Vec<Field>>) -> Result<Decoded, BlobError> {
    let row = match ctx.type_name {
        Some(name) => table::row(name).ok_or_else(|| BlobError::new(Fault::UnknownType { name: Text::new(name) }, 0))?,
        None => table::sniff(input)?,
    };
    decode_as(row, Reader::new(input, fields), ctx)
}

/// Reads the rest of `r` as a blob of type `row`.
pub(crate) fn decode_as(row: &'static BlobRow, mut r: Reader<'_, '_>, ctx: &Context<'_>) -> Result<Decoded, BlobError> {
    let row = match row.codec {
        Codec::ByMagic => table::behind(row, r.whole()).map_err(|e| BlobError::new(e.fault, r.place(e.at)))?,
        _ => row,
    };
    match row.codec {
        Codec::Refused | Codec::ByMagic | Codec::Der => Err(BlobError::new(Fault::NotSupported { what: row.about }, r.at())),
        Codec::Wrapper { decode, .. } => {
            own_magic(row, &r)?;
            decode(row, r, ctx)
        }
        Codec::Layout { decode, .. } => {
            let magic = own_magic(row, &r)?;
            let said = decode(&mut r, magic, ctx)?;
            Ok(Decoded {
                half: row.half,
                claim: said.claim,
                row,
                magic,
                hint: said.hint,
                symmetric: said.symmetric,
                origin: Origin::with_notes(row, magic, said.notes),
                ignored_trailing: said.ignored_trailing,
            })
        }
    }
}

/// The magic at its place, if it is one of the row's.
fn own_magic(row: &'static BlobRow, r: &Reader<'_, '_>) -> Result<Magic, BlobError> {
    let input = r.whole();
    let offset = row.place.offset();
    // A CNG blob under a CryptoAPI name: its magic stands elsewhere, and says more than the bytes at the row's own place.
    if row.place == Place::Capi
        && !capi::looks_like(input)
        && let (Some(other), Some(found)) = (table::cng_row_of(input), table::magic_at(input, 0))
    {
        return Err(BlobError::new(Fault::WrongMagic { type_name: row.name, found, belongs: Some(other.name), like: None }, r.place(0)));
    }
    let Some(found) = table::magic_at(input, offset) else {
        let have = input.len().saturating_sub(offset) as u64;
        return Err(BlobError::new(Fault::TooShort { field: "the magic", want: 4, have }, r.place(offset.min(input.len()))));
    };
    if row.magics.contains(&found) {
        return Ok(found);
    }
    if let Some(refused) = table::refused_magic(found).filter(|m| m.types.contains(&row.name)) {
        return Err(BlobError::new(Fault::NotSupported { what: refused.what }, r.place(offset)));
    }
    // bType says more than a magic that is only wrong because it is of the other half.
    let (belongs, like) = match table::sniff(input) {
        Ok(other) => (Some(other.name), None),
        Err(BlobError { fault: Fault::UnknownMagic { like, .. }, .. }) => (None, like),
        Err(_) => (table::refused_magic(found).map(|m| m.symbol), None),
    };
    Err(BlobError::new(Fault::WrongMagic { type_name: row.name, found, belongs, like }, r.place(offset)))
}

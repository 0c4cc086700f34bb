//! Attribute templates: read from the caller (creation, search …) and written back to it (C_GetAttributeValue).
//!
//! Each CK_ATTRIBUTE is read once and copied, so that a template which another thread changes cannot differ between check and use.
//! Caps before allocation: 256 rows, 16 MiB an attribute, 64 MiB a template, one template inside another. What the attributes mean is
//! not known here, except which of them hold templates. Source: PKCS#11 3.2, "C_GetAttributeValue".

use super::args::ulong;
use super::memory::{self, ATTRIBUTE_CAP, missing};
use crate::object::{Given, GivenAttr};
use crate::token::{Asked, R, Reason, TokenError, Told};
use cryptoki_sys::{self as ck, CK_ATTRIBUTE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};
use zeroize::Zeroizing;

const ROWS_CAP: usize = 256;
const TEMPLATE_CAP: usize = 64 << 20;
const ROW: usize = size_of::<CK_ATTRIBUTE>();

/// The attributes whose value is a template. The last two have the array bit in the standard's working header and lack it in the published one.
const NESTED: [u64; 7] = [
    ck::CKA_WRAP_TEMPLATE,
    ck::CKA_UNWRAP_TEMPLATE,
    ck::CKA_DERIVE_TEMPLATE,
    ck::CKA_ENCAPSULATE_TEMPLATE,
    ck::CKA_DECAPSULATE_TEMPLATE,
    ck::CKA_ENCAPSULATE_TEMPLATE | ck::CKF_ARRAY_ATTRIBUTE,
    ck::CKA_DECAPSULATE_TEMPLATE | ck::CKF_ARRAY_ATTRIBUTE,
];

/// A template in.
///
/// # Safety
/// `rows` is NULL or readable for `count` attributes, and each pValue in them NULL or readable for its ulValueLen, until the call returns.
pub(super) unsafe fn template(rows: *mut CK_ATTRIBUTE, count: CK_ULONG) -> R<Vec<GivenAttr>> {
    // SAFETY: passed on unchanged.
    let rows = unsafe { self::rows(rows, count) }?;
    let mut left = TEMPLATE_CAP;
    // SAFETY: passed on unchanged.
    unsafe { given(&rows, &mut left, true) }
}

/// # Safety
/// As [`template`], for `rows` that were read already.
unsafe fn given(rows: &[CK_ATTRIBUTE], left: &mut usize, nesting: bool) -> R<Vec<GivenAttr>> {
    let mut given = memory::reserve(rows.len())?;
    for row in rows {
        let len = memory::length(row.ulValueLen)?;
        if len > ATTRIBUTE_CAP || len > *left {
            return Err(Reason::ArgumentsBad.because(format!("attribute {:#x} has {len} bytes, more than is taken", row.type_)));
        }
        *left -= len;
        let value = if NESTED.contains(&row.type_) {
            if !nesting || len % ROW != 0 {
                return Err(Reason::AttributeValueInvalid.because(format!("attribute {:#x}: {len} bytes are not a template here", row.type_)));
            }
            // SAFETY: the value is readable for its length by this function's contract.
            let inner = unsafe { self::rows(row.pValue.cast(), ulong(len / ROW)) }?;
            // SAFETY: the inner rows are the caller's as the outer ones are.
            Given::Attrs(unsafe { self::given(&inner, left, false) }?)
        } else {
            // SAFETY: the value is readable for its length by this function's contract.
            Given::Bytes(Zeroizing::new(unsafe { memory::copy(row.pValue, row.ulValueLen) }?))
        };
        given.push(GivenAttr { id: row.type_, value });
    }
    Ok(given)
}

/// The rows of a template, copied.
///
/// # Safety
/// `from` is NULL or readable for `count` attributes.
unsafe fn rows(from: *const CK_ATTRIBUTE, count: CK_ULONG) -> R<Vec<CK_ATTRIBUTE>> {
    let count = memory::length(count)?;
    if count > ROWS_CAP {
        return Err(Reason::ArgumentsBad.because(format!("a template of {count} attributes; at most {ROWS_CAP} are taken")));
    }
    if from.is_null() && count != 0 {
        return Err(missing("a template with attributes"));
    }
    let mut rows = memory::reserve(count)?;
    for index in 0..count {
        // SAFETY: index < count, readable by this function's contract.
        rows.push(unsafe { memory::read(from.wrapping_add(index)) }?);
    }
    Ok(rows)
}

/// The template of C_GetAttributeValue: what is asked, and where the answers go.
pub(super) struct Questions {
    at: *mut CK_ATTRIBUTE,
    rows: Vec<CK_ATTRIBUTE>,
    asked: Vec<Asked>,
}

/// A template out.
///
/// # Safety
/// `at` is NULL or readable and writable for `count` attributes, and each pValue NULL or writable for its ulValueLen (for a template:
/// readable too, and its own pValues likewise), until the call returns.
pub(super) unsafe fn questions(at: *mut CK_ATTRIBUTE, count: CK_ULONG) -> R<Questions> {
    // SAFETY: passed on unchanged.
    let rows = unsafe { self::rows(at, count) }?;
    let mut asked = memory::reserve(rows.len())?;
    asked.extend(rows.iter().map(|row| Asked { id: row.type_, room: room(row) }));
    Ok(Questions { at, rows, asked })
}

/// The room of an attribute. A length that cannot be, such as the -1 that an earlier call left there, is no room at all.
fn room(row: &CK_ATTRIBUTE) -> Option<usize> {
    (!row.pValue.is_null()).then(|| memory::length(row.ulValueLen).unwrap_or(0))
}

impl Questions {
    /// What the token is asked.
    pub(super) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// Writes every answer, then gives the code for the whole call: the token's, or BufferTooSmall if a value did not fit.
    ///
    /// # Errors
    /// The code for the whole call.
    pub(super) fn write(&self, told: &[Told], whole: Option<TokenError>) -> R<()> {
        let mut short = false;
        for (index, (row, told)) in self.rows.iter().zip(told).enumerate() {
            let at = self.at.wrapping_add(index);
            // SAFETY: the constructor's caller promised that row and value are writable.
            short |= !unsafe { answer(at, row, told) };
        }
        match whole {
            Some(e) => Err(e),
            None if short => Err(Reason::BufferTooSmall.into()),
            None => Ok(()),
        }
    }
}

/// Writes one answer; false if it did not fit.
///
/// # Safety
/// `at` is where `row` was read from, and both are as [`questions`] says.
unsafe fn answer(at: *mut CK_ATTRIBUTE, row: &CK_ATTRIBUTE, told: &Told) -> bool {
    let (len, fits) = match told {
        Told::Length(n) => (ulong(*n), true),
        Told::Unavailable => (CK_UNAVAILABLE_INFORMATION, true),
        Told::Bytes(value) => match room(row) {
            None => (ulong(value.len()), true),
            Some(have) if have >= value.len() => {
                // SAFETY: writable for `have` bytes by this function's contract, and the value is not longer.
                unsafe { memory::fill(row.pValue.cast(), value) }
                (ulong(value.len()), true)
            }
            Some(_) => (CK_UNAVAILABLE_INFORMATION, false),
        },
        Told::Template(rows) => {
            let need = rows.len().saturating_mul(ROW);
            match room(row) {
                None => (ulong(need), true),
                Some(have) if have >= need => {
                    let mut fits = true;
                    for (index, (id, value)) in rows.iter().enumerate() {
                        // SAFETY: the caller's inner array has room for that many rows, as was just checked.
                        fits &= unsafe { inner(row.pValue.cast::<CK_ATTRIBUTE>().wrapping_add(index), *id, value) };
                    }
                    (ulong(need), fits)
                }
                Some(_) => (CK_UNAVAILABLE_INFORMATION, false),
            }
        }
    };
    // SAFETY: `at` is writable by this function's contract.
    unsafe { memory::write(at, CK_ATTRIBUTE { ulValueLen: len, ..*row }) }
    fits
}

/// Writes one row of a template inside a template: its type always, its value where the caller left room for it.
///
/// # Safety
/// `at` is readable and writable, and its pValue NULL or writable for its ulValueLen.
unsafe fn inner(at: *mut CK_ATTRIBUTE, id: u64, value: &[u8]) -> bool {
    // SAFETY: readable by this function's contract.
    let Ok(row) = (unsafe { memory::read(at) }) else { return false };
    let (len, fits) = match room(&row) {
        None => (ulong(value.len()), true),
        Some(have) if have >= value.len() => {
            // SAFETY: writable for `have` bytes by this function's contract, and the value is not longer.
            unsafe { memory::fill(row.pValue.cast(), value) }
            (ulong(value.len()), true)
        }
        Some(_) => (CK_UNAVAILABLE_INFORMATION, false),
    };
    // SAFETY: writable by this function's contract.
    unsafe { memory::write(at, CK_ATTRIBUTE { type_: id, pValue: row.pValue, ulValueLen: len }) }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u64, value: &mut [u8]) -> CK_ATTRIBUTE {
        CK_ATTRIBUTE { type_: id, pValue: value.as_mut_ptr().cast(), ulValueLen: ulong(value.len()) }
    }

    fn null(id: u64, len: CK_ULONG) -> CK_ATTRIBUTE {
        CK_ATTRIBUTE { type_: id, pValue: std::ptr::null_mut(), ulValueLen: len }
    }

    fn read(rows: &mut [CK_ATTRIBUTE]) -> R<Vec<GivenAttr>> {
        // SAFETY: the rows are locals of the test.
        unsafe { template(rows.as_mut_ptr(), ulong(rows.len())) }
    }

    #[test]
    fn no_template_is_an_empty_one_and_null_with_a_count_is_refused() {
        // SAFETY: NULL is within the contract.
        assert!(unsafe { template(std::ptr::null_mut(), 0) }.is_ok_and(|t| t.is_empty()));
        // SAFETY: as above.
        assert_eq!(unsafe { template(std::ptr::null_mut(), 1) }.unwrap_err().reason, Reason::ArgumentsBad);
    }

    #[test]
    fn a_template_of_more_than_256_rows_is_refused_before_it_is_read() {
        let mut one = [null(ck::CKA_LABEL, 0)];
        // SAFETY: refused by the count.
        assert_eq!(unsafe { template(one.as_mut_ptr(), 257) }.unwrap_err().reason, Reason::ArgumentsBad);
    }

    #[test]
    fn an_attribute_above_the_cap_is_refused_before_it_is_read() {
        let mut value = [0u8; 1];
        let mut rows = [CK_ATTRIBUTE { ulValueLen: ulong(ATTRIBUTE_CAP) + 1, ..row(ck::CKA_VALUE, &mut value) }];
        assert_eq!(read(&mut rows).unwrap_err().reason, Reason::ArgumentsBad);
    }

    #[test]
    fn an_empty_value_may_have_a_pointer() {
        let mut value = [0u8; 1];
        let mut rows = [CK_ATTRIBUTE { ulValueLen: 0, ..row(ck::CKA_ID, &mut value) }];
        let given = read(&mut rows).unwrap();
        assert!(matches!(&given[0].value, Given::Bytes(b) if b.is_empty()));
    }

    #[test]
    fn a_vendor_attribute_with_the_array_bit_is_bytes() {
        let mut value = *b"blob";
        let given = read(&mut [row(0xC34E_4701, &mut value)]).unwrap();
        assert!(matches!(&given[0].value, Given::Bytes(b) if b.as_slice() == b"blob"));
    }

    #[test]
    fn one_template_may_lie_in_another_and_none_in_that() {
        let mut yes = [1u8];
        let mut inner = [row(ck::CKA_SIGN, &mut yes)];
        let nested = |rows: &mut [CK_ATTRIBUTE]| CK_ATTRIBUTE {
            type_: ck::CKA_UNWRAP_TEMPLATE,
            pValue: rows.as_mut_ptr().cast(),
            ulValueLen: ulong(rows.len() * ROW),
        };
        let mut outer = [nested(&mut inner)];
        let given = read(&mut outer).unwrap();
        assert!(matches!(&given[0].value, Given::Attrs(a) if a.len() == 1 && a[0].id == ck::CKA_SIGN));

        let mut third = [nested(&mut outer)];
        assert_eq!(read(&mut third).unwrap_err().reason, Reason::AttributeValueInvalid);
    }

    #[test]
    fn answers_are_written_for_all_rows_and_what_does_not_fit_is_marked() {
        let (mut id, mut label) = ([0u8; 2], [0u8; 1]);
        let mut rows = [row(ck::CKA_ID, &mut id), row(ck::CKA_LABEL, &mut label), null(ck::CKA_VALUE, 7), null(ck::CKA_SUBJECT, 7)];
        // SAFETY: the rows are locals of the test.
        let questions = unsafe { questions(rows.as_mut_ptr(), 4) }.unwrap();
        assert_eq!(questions.asked()[0].room, Some(2));
        assert_eq!(questions.asked()[2].room, None);

        let value = |text: &[u8]| Told::Bytes(Zeroizing::new(text.to_vec()));
        let told = [value(b"ab"), value(b"ab"), Told::Unavailable, Told::Length(3)];
        let e = questions.write(&told, None).unwrap_err();

        assert_eq!(e.reason, Reason::BufferTooSmall);
        assert_eq!(&id, b"ab");
        assert_eq!(label, [0]);
        assert_eq!(rows.map(|r| r.ulValueLen), [2, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, 3]);
    }

    #[test]
    fn a_template_answer_goes_into_the_callers_rows() {
        let mut flag = [9u8];
        let mut inner = [row(0, &mut flag), null(0, 0)];
        let mut rows = [CK_ATTRIBUTE { type_: ck::CKA_WRAP_TEMPLATE, pValue: inner.as_mut_ptr().cast(), ulValueLen: ulong(2 * ROW) }];
        // SAFETY: the rows are locals of the test.
        let questions = unsafe { questions(rows.as_mut_ptr(), 1) }.unwrap();
        let told = [Told::Template(vec![(ck::CKA_SIGN, Zeroizing::new(vec![1])), (ck::CKA_ID, Zeroizing::new(vec![1, 2, 3]))])];

        questions.write(&told, None).unwrap();

        assert_eq!(flag, [1]);
        assert_eq!(inner.map(|r| (r.type_, r.ulValueLen)), [(ck::CKA_SIGN, 1), (ck::CKA_ID, 3)]);
    }
}

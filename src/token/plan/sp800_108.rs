//! The parameter of the SP 800-108 derivations: which fields a mode must and may have, and how numbers are written.
//!
//! Source: PKCS#11 3.2, "SP800-108 Key Derivation", the tables "data field requirements".

use super::derivation::{KeyValue, prf};
use super::{bad, usize_param, wrong_shape};
use crate::token::error::R;
use crate::token::mechanism::{DerivationParams, NumberFormat, Params, PrfData};
use cngtoken_crypto::{Kbkdf, KbkdfField, KbkdfMode, Number};
use cngtoken_key::Secret;
use cryptoki_sys as ck;

/// A mode as a row names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Counter,
    Feedback,
    DoublePipeline,
}

/// What is computed, with a base key of that type.
pub(super) fn kbkdf(mode: Mode, params: &Params, base_type: u64, key: KeyValue<'_>) -> R<Kbkdf> {
    let Params::Derivation(DerivationParams::Kbkdf { prf: function, fields, iv }) = params else {
        return Err(wrong_shape(params, "CK_SP800_108_KDF_PARAMS"));
    };
    let count = |wanted: fn(&PrfData) -> bool| fields.iter().filter(|f| wanted(f)).count();
    if count(|f| matches!(f, PrfData::Iteration(_))) != 1 {
        return Err(bad("CK_SP800_108_ITERATION_VARIABLE must stand among the data once"));
    }
    if count(|f| matches!(f, PrfData::Counter(_))) > usize::from(mode != Mode::Counter) {
        return Err(bad("CK_SP800_108_COUNTER may stand among the data once, and in counter mode not at all"));
    }
    if count(|f| matches!(f, PrfData::DkmLength { .. })) > 1 {
        return Err(bad("CK_SP800_108_DKM_LENGTH may stand among the data once"));
    }
    let fields = fields.iter().map(|f| field(mode, f, key)).collect::<R<Vec<_>>>()?;
    let mode = match mode {
        Mode::Counter => KbkdfMode::Counter,
        Mode::Feedback => KbkdfMode::Feedback { iv: iv.clone() },
        Mode::DoublePipeline => KbkdfMode::DoublePipeline,
    };
    Ok(Kbkdf { mode, prf: prf(*function, base_type)?, fields })
}

fn field(mode: Mode, given: &PrfData, key: &mut dyn FnMut(u64) -> R<Secret>) -> R<KbkdfField> {
    Ok(match given {
        PrfData::Iteration(Some(format)) if mode == Mode::Counter => KbkdfField::Counter(number(*format, 32)?),
        PrfData::Iteration(None) if mode != Mode::Counter => KbkdfField::Chain,
        PrfData::Iteration(_) => return Err(bad("CK_SP800_108_ITERATION_VARIABLE has a format in counter mode, and none in the others")),
        PrfData::Counter(format) => KbkdfField::Counter(number(*format, 32)?),
        PrfData::DkmLength { method, format } => KbkdfField::Length {
            blocks: match *method {
                ck::CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS => false,
                ck::CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS => true,
                other => return Err(bad(format!("dkmLengthMethod {other} is not known"))),
            },
            number: number(*format, 64)?,
        },
        PrfData::Bytes(bytes) if bytes.is_empty() => return Err(bad("a CK_SP800_108_BYTE_ARRAY without bytes")),
        PrfData::Bytes(bytes) => KbkdfField::Bytes(Secret::copy_of(bytes)),
        PrfData::KeyHandle(handle) => KbkdfField::Bytes(key(*handle)?),
    })
}

/// A number of whole bytes, up to so many bits.
fn number(format: NumberFormat, most: u64) -> R<Number> {
    if format.bits == 0 || format.bits > most || !format.bits.is_multiple_of(8) {
        return Err(bad(format!("ulWidthInBits is {}, a multiple of 8 up to {most} expected", format.bits)));
    }
    Ok(Number { bytes: usize_param(format.bits / 8, "ulWidthInBits")?, little_endian: format.little_endian })
}

//! The parameters of derivations and of password-based generation, as values. Their decoder is `abi/mechanism/derivation.rs`; places that
//! the caller's structures have for results stay there. Source: PKCS#11 3.2, the mechanism sections.

use cngtoken_key::Secret;

/// Which structure the edge reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "named for the structure")]
pub enum DerivationShape {
    /// CK_AES_CBC_ENCRYPT_DATA_PARAMS, and Camellia's, which is the same.
    CbcData16,
    /// CK_DES_CBC_ENCRYPT_DATA_PARAMS.
    CbcData8,
    /// CK_SP800_108_KDF_PARAMS.
    Kbkdf,
    /// CK_SP800_108_FEEDBACK_KDF_PARAMS.
    FeedbackKbkdf,
    /// CK_PKCS5_PBKD2_PARAMS2, and CK_PKCS5_PBKD2_PARAMS.
    Pbkd2,
    /// CK_PBE_PARAMS.
    Pbe,
    IkePrf,
    Ike1Prf,
    Ike1Extended,
    Ike2PrfPlus,
}

/// A decoded parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields as in the structure of the same name")]
pub enum DerivationParams {
    CbcData {
        iv: Vec<u8>,
        data: Vec<u8>,
    },
    Kbkdf {
        prf: u64,
        fields: Vec<PrfData>,
        /// Of the feedback mode.
        iv: Vec<u8>,
    },
    Pbkd2 {
        salt_source: u64,
        salt: Vec<u8>,
        iterations: u64,
        prf: u64,
        /// `ulPrfDataLen`; none of the functions takes data.
        prf_data: usize,
        password: Secret,
    },
    Pbe {
        password: Secret,
        salt: Vec<u8>,
        iterations: u64,
    },
    IkePrf {
        prf: u64,
        data_as_key: bool,
        rekey: bool,
        ni: Vec<u8>,
        nr: Vec<u8>,
        new_key: u64,
    },
    Ike1Prf {
        prf: u64,
        keygxy: u64,
        previous: Option<u64>,
        cky_i: Vec<u8>,
        cky_r: Vec<u8>,
        number: u8,
    },
    Ike1Extended {
        prf: u64,
        keygxy: Option<u64>,
        extra: Vec<u8>,
    },
    Ike2PrfPlus {
        prf: u64,
        seed_key: Option<u64>,
        seed: Vec<u8>,
    },
}

/// A CK_PRF_DATA_PARAM.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "named for the CK_SP800_108_* type")]
pub enum PrfData {
    /// With a format in counter mode, without in the others.
    Iteration(Option<NumberFormat>),
    Counter(NumberFormat),
    DkmLength {
        method: u64,
        format: NumberFormat,
    },
    Bytes(Vec<u8>),
    KeyHandle(u64),
}

/// CK_SP800_108_COUNTER_FORMAT, and what CK_SP800_108_DKM_LENGTH_FORMAT has of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields as in the structure")]
pub struct NumberFormat {
    pub little_endian: bool,
    pub bits: u64,
}

//! What a mechanism's parameter may be: the shape that a row asks for, and the values that the edge read out of it.
//!
//! A new CK_*_PARAMS structure is one variant in each enum and its decoder in `abi/mechanism`. Source: PKCS#11 3.2, the mechanism sections.

use super::derivation::{DerivationParams, DerivationShape};

/// The shape of a mechanism's parameter: which structure the edge reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "named for the CK_*_PARAMS structure")]
pub enum ParamShape {
    None,
    /// Exactly so many bytes.
    Iv(usize),
    /// So many bytes, or nothing.
    OptionalIv(usize),
    Bytes,
    Ulong,
    Pss,
    Oaep,
    Gcm,
    /// CK_GCM_PARAMS, or its initialization vector of 12 bytes alone.
    GcmOrIv,
    Ccm,
    ChaCha20,
    Salsa20,
    /// CK_SALSA20_CHACHA20_POLY1305_PARAMS.
    StreamPoly,
    Ctr,
    /// CK_ECDH1_DERIVE_PARAMS, and CK_X9_42_DH1_DERIVE_PARAMS, which has the same five fields.
    Ecdh1,
    /// Nothing, or CK_EDDSA_PARAMS.
    EdDsa,
    /// Nothing, or CK_SIGN_ADDITIONAL_CONTEXT.
    SignContext,
    /// CK_HASH_SIGN_ADDITIONAL_CONTEXT.
    HashSignContext,
    Hkdf,
    RsaAesKeyWrap,
    EcdhAesKeyWrap,
    DsaParameterGen,
    /// CK_TLS12_MASTER_KEY_DERIVE_PARAMS.
    TlsMaster,
    /// CK_SSL3_MASTER_KEY_DERIVE_PARAMS.
    Tls10Master,
    TlsExtendedMaster,
    /// CK_TLS12_KEY_MAT_PARAMS.
    TlsKeys,
    /// CK_SSL3_KEY_MAT_PARAMS.
    Tls10Keys,
    TlsKdf,
    TlsMac,
    /// CK_VERSION.
    Version,
    DerivationString,
    /// One of the structures of `derivation.rs`.
    Derivation(DerivationShape),
}

/// A decoded parameter. Plain values; the edge has checked every pointer and length.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "fields as in the structure of the same name")]
pub enum Params {
    /// NULL with length 0.
    None,
    /// NULL with a length, a structure of the wrong size, a bad inner pointer: why.
    Malformed(&'static str),
    Bytes(Vec<u8>),
    Ulong(u64),
    Pss {
        hash: u64,
        mgf: u64,
        salt_len: u64,
    },
    Oaep {
        hash: u64,
        mgf: u64,
        source: u64,
        label: Vec<u8>,
    },
    Gcm {
        iv: Vec<u8>,
        aad: Vec<u8>,
        tag_bits: u64,
    },
    Ccm {
        data_len: u64,
        nonce: Vec<u8>,
        aad: Vec<u8>,
        mac_len: u64,
    },
    /// CK_CHACHA20_PARAMS or CK_SALSA20_PARAMS; the counter was little-endian.
    Stream {
        counter: u64,
        nonce: Vec<u8>,
    },
    StreamPoly {
        nonce: Vec<u8>,
        aad: Vec<u8>,
    },
    Ctr {
        bits: u64,
        counter: [u8; 16],
    },
    Ecdh1 {
        kdf: u64,
        shared: Vec<u8>,
        public: Vec<u8>,
    },
    EdDsa {
        prehash: bool,
        context: Vec<u8>,
    },
    SignContext {
        hedge: u64,
        context: Vec<u8>,
    },
    HashSignContext {
        hedge: u64,
        context: Vec<u8>,
        hash: u64,
    },
    Hkdf {
        extract: bool,
        expand: bool,
        prf: u64,
        salt_type: u64,
        salt: Vec<u8>,
        salt_key: u64,
        info: Vec<u8>,
    },
    RsaAesKeyWrap {
        aes_bits: u64,
        hash: u64,
        mgf: u64,
        source: u64,
        label: Vec<u8>,
    },
    EcdhAesKeyWrap {
        aes_bits: u64,
        kdf: u64,
        shared: Vec<u8>,
    },
    /// The seed is an input, or the memory that one is written to.
    DsaParameterGen {
        hash: u64,
        seed: Vec<u8>,
        index: u64,
    },
    /// `prf`: the digest of TLS 1.2's function, or CKM_TLS_PRF. `version`: the caller wants to be told.
    TlsMaster {
        prf: u64,
        client: Vec<u8>,
        server: Vec<u8>,
        version: bool,
    },
    TlsExtendedMaster {
        prf: u64,
        session_hash: Vec<u8>,
        version: bool,
    },
    TlsKeys {
        prf: u64,
        mac_bits: u64,
        key_bits: u64,
        iv_bits: u64,
        export: bool,
        client: Vec<u8>,
        server: Vec<u8>,
    },
    TlsKdf {
        prf: u64,
        label: Vec<u8>,
        client: Vec<u8>,
        server: Vec<u8>,
        context: Option<Vec<u8>>,
    },
    TlsMac {
        prf: u64,
        len: u64,
        side: u64,
    },
    Version {
        major: u8,
        minor: u8,
    },
    DerivationString(Vec<u8>),
    Derivation(DerivationParams),
    /// CK_GCM_MESSAGE_PARAMS, for one message. The tag is missing where its pointer is NULL; on encryption it is an output and not looked at.
    GcmMessage {
        iv: Vec<u8>,
        fixed_bits: u64,
        generator: u64,
        tag: Option<Vec<u8>>,
        tag_bits: u64,
    },
    /// CK_CCM_MESSAGE_PARAMS, for one message; the tag as in `GcmMessage`.
    CcmMessage {
        data_len: u64,
        nonce: Vec<u8>,
        fixed_bits: u64,
        generator: u64,
        mac: Option<Vec<u8>>,
        mac_len: u64,
    },
    /// CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, for one message; the tag as in `GcmMessage`.
    PolyMessage {
        nonce: Vec<u8>,
        tag: Option<Vec<u8>>,
    },
}

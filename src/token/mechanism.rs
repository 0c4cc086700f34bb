//! The mechanism table: which numbers the token knows, for which keys, uses and sizes, with which parameter, and what is computed.
//!
//! Adding a mechanism is one row here (and one arm in `plan.rs` if its parameter has a new sense). C_GetMechanismList, C_GetMechanismInfo,
//! every check of an *Init function and the test that runs each row are derived from it. Source: PKCS#11 3.2, the mechanism sections.

use crate::token::plan::{self, Planner};
use cngtoken_crypto::Hash;
use cryptoki_sys as ck;

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
    Ccm,
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
    DerivationString,
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
    DerivationString(Vec<u8>),
    /// CK_GCM_MESSAGE_PARAMS, for one message. The tag is missing where its pointer is NULL; on encryption it is an output and not looked at.
    GcmMessage {
        iv: Vec<u8>,
        fixed_bits: u64,
        generator: u64,
        tag: Option<Vec<u8>>,
        tag_bits: u64,
    },
}

/// A CK_MECHANISM as values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mechanism {
    /// `CKM_*`.
    pub id: u64,
    /// Its parameter.
    pub params: Params,
}

/// Key sizes as C_GetMechanismInfo tells them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sizes {
    /// The standard gives the mechanism no key size (digests).
    None,
    /// Bits of the modulus, the field or the prime.
    Bits(u64, u64),
    /// Bytes of the secret value, or of the public value for the lattice families.
    Bytes(u64, u64),
}

impl Sizes {
    /// ulMinKeySize and ulMaxKeySize.
    #[must_use]
    pub fn bounds(self) -> (u64, u64) {
        match self {
            Sizes::None => (0, 0),
            Sizes::Bits(min, max) | Sizes::Bytes(min, max) => (min, max),
        }
    }
}

/// One mechanism.
pub struct MechRow {
    /// `CKM_*`.
    pub id: u64,
    /// Its name without the number.
    pub name: &'static str,
    /// `CKK_*` of the keys that it takes or makes; empty for digests.
    pub keys: &'static [u64],
    /// `CKF_*` of the functions that take it.
    pub uses: u64,
    /// Key sizes.
    pub sizes: Sizes,
    /// Further `CKF_*` for C_GetMechanismInfo (elliptic curves).
    pub flags: u64,
    /// Parameter.
    pub params: ParamShape,
    /// What is computed.
    pub(crate) plan: Planner,
}

/// Signatures over one part of data only: in one call, or as one message of many.
const SIGN_ONE: u64 = ck::CKF_SIGN | ck::CKF_VERIFY | ck::CKF_MESSAGE_SIGN | ck::CKF_MESSAGE_VERIFY;
/// The same, and in parts.
const SIGN: u64 = SIGN_ONE | ck::CKF_MULTI_MESSAGE;
const RECOVER: u64 = ck::CKF_SIGN_RECOVER | ck::CKF_VERIFY_RECOVER;
const CRYPT: u64 = ck::CKF_ENCRYPT | ck::CKF_DECRYPT;
const MESSAGES: u64 = ck::CKF_MESSAGE_ENCRYPT | ck::CKF_MESSAGE_DECRYPT | ck::CKF_MULTI_MESSAGE;
const WRAP: u64 = ck::CKF_WRAP | ck::CKF_UNWRAP;
const EC_NAMED: u64 = ck::CKF_EC_F_P | ck::CKF_EC_NAMEDCURVE | ck::CKF_EC_UNCOMPRESS;
const EC_CURVENAME: u64 = ck::CKF_EC_NAMEDCURVE | ck::CKF_EC_CURVENAME;

const RSA: &[u64] = &[ck::CKK_RSA];
const EC: &[u64] = &[ck::CKK_EC];
const ECDH: &[u64] = &[ck::CKK_EC, ck::CKK_EC_MONTGOMERY];
const EDWARDS: &[u64] = &[ck::CKK_EC_EDWARDS];
const MONTGOMERY: &[u64] = &[ck::CKK_EC_MONTGOMERY];
const DSA: &[u64] = &[ck::CKK_DSA];
const DH: &[u64] = &[ck::CKK_DH];
const X9_42: &[u64] = &[ck::CKK_X9_42_DH];
const ML_DSA: &[u64] = &[ck::CKK_ML_DSA];
const ML_KEM: &[u64] = &[ck::CKK_ML_KEM];
const SLH_DSA: &[u64] = &[ck::CKK_SLH_DSA];
const AES: &[u64] = &[ck::CKK_AES];
const GENERIC: &[u64] = &[ck::CKK_GENERIC_SECRET];

const RSA_SIZES: Sizes = Sizes::Bits(512, 16384);
const EC_SIZES: Sizes = Sizes::Bits(224, 521);
const AES_SIZES: Sizes = Sizes::Bytes(16, 32);
const SECRET_SIZES: Sizes = Sizes::Bytes(1, 1 << 20);

macro_rules! rows {
    ($($name:ident: $keys:expr, $uses:expr, $sizes:expr, $flags:expr, $params:expr, $plan:expr;)*) => {
        &[$(MechRow { id: ck::$name, name: stringify!($name), keys: $keys, uses: $uses, sizes: $sizes, flags: $flags, params: $params, plan: $plan },)*]
    };
}

/// Every mechanism, by rising number.
pub static MECHANISMS: &[MechRow] = rows! {
    CKM_RSA_PKCS_KEY_PAIR_GEN: RSA, ck::CKF_GENERATE_KEY_PAIR, RSA_SIZES, 0, ParamShape::None, Planner::Generate;
    CKM_RSA_PKCS: RSA, SIGN_ONE | RECOVER | CRYPT | WRAP, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(None);
    CKM_RSA_X_509: RSA, SIGN_ONE | RECOVER | CRYPT | WRAP, RSA_SIZES, 0, ParamShape::None, Planner::RsaRaw;
    CKM_MD5_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Md5));
    CKM_SHA1_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha1));
    CKM_RSA_PKCS_OAEP: RSA, CRYPT | WRAP, RSA_SIZES, 0, ParamShape::Oaep, Planner::Oaep;
    CKM_RSA_PKCS_PSS: RSA, SIGN_ONE, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(None);
    CKM_SHA1_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha1));
    CKM_ML_KEM_KEY_PAIR_GEN: ML_KEM, ck::CKF_GENERATE_KEY_PAIR, Sizes::Bytes(800, 1568), 0, ParamShape::None, Planner::Generate;
    CKM_DSA_KEY_PAIR_GEN: DSA, ck::CKF_GENERATE_KEY_PAIR, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Generate;
    CKM_DSA: DSA, SIGN_ONE, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(None);
    CKM_DSA_SHA1: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha1));
    CKM_DSA_SHA224: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha224));
    CKM_DSA_SHA256: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha256));
    CKM_DSA_SHA384: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha384));
    CKM_DSA_SHA512: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha512));
    CKM_ML_KEM: ML_KEM, ck::CKF_ENCAPSULATE | ck::CKF_DECAPSULATE, Sizes::Bytes(800, 1568), 0, ParamShape::None, Planner::MlKem;
    CKM_DSA_SHA3_224: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha3_224));
    CKM_DSA_SHA3_256: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha3_256));
    CKM_DSA_SHA3_384: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha3_384));
    CKM_DSA_SHA3_512: DSA, SIGN, Sizes::Bits(512, 4096), 0, ParamShape::None, Planner::Dsa(Some(Hash::Sha3_512));
    CKM_ML_DSA_KEY_PAIR_GEN: ML_DSA, ck::CKF_GENERATE_KEY_PAIR, Sizes::Bytes(1312, 2592), 0, ParamShape::None, Planner::Generate;
    CKM_ML_DSA: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::MlDsa;
    CKM_HASH_ML_DSA: ML_DSA, SIGN_ONE, Sizes::Bytes(1312, 2592), 0, ParamShape::HashSignContext, Planner::HashMlDsa(None);
    CKM_DH_PKCS_KEY_PAIR_GEN: DH, ck::CKF_GENERATE_KEY_PAIR, Sizes::Bits(512, 8192), 0, ParamShape::None, Planner::Generate;
    CKM_DH_PKCS_DERIVE: DH, ck::CKF_DERIVE, Sizes::Bits(512, 8192), 0, ParamShape::Bytes, Planner::Dh;
    CKM_HASH_ML_DSA_SHA224: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::HashMlDsa(Some(Hash::Sha224));
    CKM_HASH_ML_DSA_SHA256: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::HashMlDsa(Some(Hash::Sha256));
    CKM_HASH_ML_DSA_SHA384: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::HashMlDsa(Some(Hash::Sha384));
    CKM_HASH_ML_DSA_SHA512: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::HashMlDsa(Some(Hash::Sha512));
    CKM_HASH_ML_DSA_SHA3_224: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::HashMlDsa(Some(Hash::Sha3_224));
    CKM_HASH_ML_DSA_SHA3_256: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::HashMlDsa(Some(Hash::Sha3_256));
    CKM_HASH_ML_DSA_SHA3_384: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::HashMlDsa(Some(Hash::Sha3_384));
    CKM_HASH_ML_DSA_SHA3_512: ML_DSA, SIGN, Sizes::Bytes(1312, 2592), 0, ParamShape::SignContext, Planner::HashMlDsa(Some(Hash::Sha3_512));
    CKM_SLH_DSA_KEY_PAIR_GEN: SLH_DSA, ck::CKF_GENERATE_KEY_PAIR, Sizes::Bytes(32, 64), 0, ParamShape::None, Planner::Generate;
    CKM_SLH_DSA: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::SlhDsa;
    CKM_X9_42_DH_KEY_PAIR_GEN: X9_42, ck::CKF_GENERATE_KEY_PAIR, Sizes::Bits(512, 8192), 0, ParamShape::None, Planner::Generate;
    CKM_X9_42_DH_DERIVE: X9_42, ck::CKF_DERIVE, Sizes::Bits(512, 8192), 0, ParamShape::Ecdh1, Planner::X942;
    CKM_HASH_SLH_DSA: SLH_DSA, SIGN_ONE, Sizes::Bytes(32, 64), 0, ParamShape::HashSignContext, Planner::HashSlhDsa(None);
    CKM_HASH_SLH_DSA_SHA224: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::HashSlhDsa(Some(Hash::Sha224));
    CKM_HASH_SLH_DSA_SHA256: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::HashSlhDsa(Some(Hash::Sha256));
    CKM_HASH_SLH_DSA_SHA384: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::HashSlhDsa(Some(Hash::Sha384));
    CKM_HASH_SLH_DSA_SHA512: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::HashSlhDsa(Some(Hash::Sha512));
    CKM_HASH_SLH_DSA_SHA3_224: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::HashSlhDsa(Some(Hash::Sha3_224));
    CKM_HASH_SLH_DSA_SHA3_256: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::HashSlhDsa(Some(Hash::Sha3_256));
    CKM_HASH_SLH_DSA_SHA3_384: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::HashSlhDsa(Some(Hash::Sha3_384));
    CKM_HASH_SLH_DSA_SHA3_512: SLH_DSA, SIGN, Sizes::Bytes(32, 64), 0, ParamShape::SignContext, Planner::HashSlhDsa(Some(Hash::Sha3_512));
    CKM_SHA256_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha256));
    CKM_SHA384_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha384));
    CKM_SHA512_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha512));
    CKM_SHA256_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha256));
    CKM_SHA384_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha384));
    CKM_SHA512_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha512));
    CKM_SHA224_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha224));
    CKM_SHA224_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha224));
    CKM_SHA512_224: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha512_224);
    CKM_SHA512_224_HMAC: plan::SHA512_224_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha512_224);
    CKM_SHA512_224_HMAC_GENERAL: plan::SHA512_224_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha512_224);
    CKM_SHA512_256: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha512_256);
    CKM_SHA512_256_HMAC: plan::SHA512_256_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha512_256);
    CKM_SHA512_256_HMAC_GENERAL: plan::SHA512_256_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha512_256);
    CKM_SHA3_256_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha3_256));
    CKM_SHA3_384_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha3_384));
    CKM_SHA3_512_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha3_512));
    CKM_SHA3_256_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha3_256));
    CKM_SHA3_384_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha3_384));
    CKM_SHA3_512_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha3_512));
    CKM_SHA3_224_RSA_PKCS: RSA, SIGN, RSA_SIZES, 0, ParamShape::None, Planner::RsaPkcs1(Some(Hash::Sha3_224));
    CKM_SHA3_224_RSA_PKCS_PSS: RSA, SIGN, RSA_SIZES, 0, ParamShape::Pss, Planner::Pss(Some(Hash::Sha3_224));
    CKM_MD5: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Md5);
    CKM_MD5_HMAC: plan::MD5_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Md5);
    CKM_MD5_HMAC_GENERAL: plan::MD5_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Md5);
    CKM_SHA_1: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha1);
    CKM_SHA_1_HMAC: plan::SHA1_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha1);
    CKM_SHA_1_HMAC_GENERAL: plan::SHA1_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha1);
    CKM_SHA256: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha256);
    CKM_SHA256_HMAC: plan::SHA256_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha256);
    CKM_SHA256_HMAC_GENERAL: plan::SHA256_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha256);
    CKM_SHA224: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha224);
    CKM_SHA224_HMAC: plan::SHA224_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha224);
    CKM_SHA224_HMAC_GENERAL: plan::SHA224_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha224);
    CKM_SHA384: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha384);
    CKM_SHA384_HMAC: plan::SHA384_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha384);
    CKM_SHA384_HMAC_GENERAL: plan::SHA384_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha384);
    CKM_SHA512: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha512);
    CKM_SHA512_HMAC: plan::SHA512_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha512);
    CKM_SHA512_HMAC_GENERAL: plan::SHA512_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha512);
    CKM_SHA3_256: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha3_256);
    CKM_SHA3_256_HMAC: plan::SHA3_256_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha3_256);
    CKM_SHA3_256_HMAC_GENERAL: plan::SHA3_256_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha3_256);
    CKM_SHA3_224: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha3_224);
    CKM_SHA3_224_HMAC: plan::SHA3_224_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha3_224);
    CKM_SHA3_224_HMAC_GENERAL: plan::SHA3_224_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha3_224);
    CKM_SHA3_384: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha3_384);
    CKM_SHA3_384_HMAC: plan::SHA3_384_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha3_384);
    CKM_SHA3_384_HMAC_GENERAL: plan::SHA3_384_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha3_384);
    CKM_SHA3_512: &[], ck::CKF_DIGEST, Sizes::None, 0, ParamShape::None, Planner::Digest(Hash::Sha3_512);
    CKM_SHA3_512_HMAC: plan::SHA3_512_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::None, Planner::Hmac(Hash::Sha3_512);
    CKM_SHA3_512_HMAC_GENERAL: plan::SHA3_512_HMAC_KEYS, SIGN, SECRET_SIZES, 0, ParamShape::Ulong, Planner::HmacGeneral(Hash::Sha3_512);
    CKM_GENERIC_SECRET_KEY_GEN: GENERIC, ck::CKF_GENERATE, SECRET_SIZES, 0, ParamShape::None, Planner::Generate;
    CKM_EC_KEY_PAIR_GEN: EC, ck::CKF_GENERATE_KEY_PAIR, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Generate;
    CKM_ECDSA: EC, SIGN_ONE, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(None);
    CKM_ECDSA_SHA1: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha1));
    CKM_ECDSA_SHA224: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha224));
    CKM_ECDSA_SHA256: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha256));
    CKM_ECDSA_SHA384: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha384));
    CKM_ECDSA_SHA512: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha512));
    CKM_ECDSA_SHA3_224: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha3_224));
    CKM_ECDSA_SHA3_256: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha3_256));
    CKM_ECDSA_SHA3_384: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha3_384));
    CKM_ECDSA_SHA3_512: EC, SIGN, EC_SIZES, EC_NAMED, ParamShape::None, Planner::Ecdsa(Some(Hash::Sha3_512));
    CKM_ECDH1_DERIVE: ECDH, ck::CKF_DERIVE, EC_SIZES, EC_NAMED, ParamShape::Ecdh1, Planner::Ecdh { cofactor: false };
    CKM_ECDH1_COFACTOR_DERIVE: EC, ck::CKF_DERIVE, EC_SIZES, EC_NAMED, ParamShape::Ecdh1, Planner::Ecdh { cofactor: true };
    CKM_EC_EDWARDS_KEY_PAIR_GEN: EDWARDS, ck::CKF_GENERATE_KEY_PAIR, Sizes::Bits(255, 255), EC_CURVENAME, ParamShape::None, Planner::Generate;
    CKM_EC_MONTGOMERY_KEY_PAIR_GEN: MONTGOMERY, ck::CKF_GENERATE_KEY_PAIR, Sizes::Bits(255, 255), EC_CURVENAME, ParamShape::None, Planner::Generate;
    CKM_EDDSA: EDWARDS, SIGN, Sizes::Bits(255, 255), EC_CURVENAME, ParamShape::EdDsa, Planner::EdDsa;
    CKM_AES_KEY_GEN: AES, ck::CKF_GENERATE, AES_SIZES, 0, ParamShape::None, Planner::Generate;
    CKM_AES_ECB: AES, CRYPT, AES_SIZES, 0, ParamShape::None, Planner::AesEcb;
    CKM_AES_CBC: AES, CRYPT | WRAP, AES_SIZES, 0, ParamShape::Iv(16), Planner::AesCbc { pad: false };
    CKM_AES_CBC_PAD: AES, CRYPT | WRAP, AES_SIZES, 0, ParamShape::Iv(16), Planner::AesCbc { pad: true };
    CKM_AES_CTR: AES, CRYPT, AES_SIZES, 0, ParamShape::Ctr, Planner::AesCtr;
    CKM_AES_GCM: AES, CRYPT | WRAP | MESSAGES, AES_SIZES, 0, ParamShape::Gcm, Planner::AesGcm;
    CKM_AES_CMAC: AES, SIGN, AES_SIZES, 0, ParamShape::None, Planner::AesCmac;
    CKM_AES_CMAC_GENERAL: AES, SIGN, AES_SIZES, 0, ParamShape::Ulong, Planner::AesCmacGeneral;
    CKM_AES_KEY_WRAP: AES, CRYPT | WRAP, AES_SIZES, 0, ParamShape::OptionalIv(8), Planner::AesKw;
    CKM_AES_KEY_WRAP_KWP: AES, CRYPT | WRAP, AES_SIZES, 0, ParamShape::OptionalIv(4), Planner::AesKwp;
};

/// The row of a mechanism.
#[must_use]
pub fn row(id: u64) -> Option<&'static MechRow> {
    MECHANISMS.binary_search_by_key(&id, |r| r.id).ok().and_then(|i| MECHANISMS.get(i))
}

/// What stands first in C_GetMechanismList: clients that take the first mechanism for a use (pkcs11-tool) get one that hashes, takes data in
/// parts and is sound today. The standard leaves the order open.
const FIRST: &[u64] = &[ck::CKM_SHA256_RSA_PKCS, ck::CKM_SHA256];

/// All numbers in the order in which C_GetMechanismList tells them.
#[must_use]
pub fn listed() -> Vec<u64> {
    let rest = MECHANISMS.iter().map(|m| m.id).filter(|id| !FIRST.contains(id));
    FIRST.iter().copied().chain(rest).collect()
}

/// The shape of a mechanism's parameter; `None` for one that the token does not know.
#[must_use]
pub fn param_shape(id: u64) -> Option<ParamShape> {
    row(id).map(|r| r.params)
}

/// The digest that a `CKM_*` names inside a parameter (PSS, OAEP, HashML-DSA).
pub(crate) fn hash_of(id: u64) -> Option<Hash> {
    match row(id)?.plan {
        Planner::Digest(hash) => Some(hash),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_rise_strictly_by_number() {
        for pair in MECHANISMS.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn the_list_holds_each_mechanism_once() {
        let mut all = listed();
        assert_eq!(all.len(), MECHANISMS.len());
        all.sort_unstable();
        assert!(all.iter().copied().eq(MECHANISMS.iter().map(|m| m.id)));
    }

    #[test]
    fn a_signature_works_in_parts_unless_its_data_is_a_digest_or_a_whole_block() {
        for row in MECHANISMS.iter().filter(|r| r.uses & ck::CKF_SIGN != 0) {
            let one = matches!(
                row.plan,
                Planner::RsaPkcs1(None)
                    | Planner::RsaRaw
                    | Planner::Pss(None)
                    | Planner::Ecdsa(None)
                    | Planner::Dsa(None)
                    | Planner::HashMlDsa(None)
                    | Planner::HashSlhDsa(None)
            );
            assert_eq!(row.uses & ck::CKF_MULTI_MESSAGE == 0, one, "{}", row.name);
            assert_ne!(row.uses & ck::CKF_MESSAGE_SIGN, 0, "{}", row.name);
        }
    }

    #[test]
    fn each_row_has_a_use_and_only_digests_have_no_key() {
        for row in MECHANISMS {
            assert_ne!(row.uses, 0, "{}", row.name);
            assert_eq!(row.keys.is_empty(), row.uses == ck::CKF_DIGEST, "{}", row.name);
        }
    }
}

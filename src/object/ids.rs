//! Numbers that cryptoki-sys does not have: the vendor attributes of cngtoken (`vendor-ext/README.md`) and those of NSS that its
//! clients send. Everything else comes from cryptoki-sys, so that there is no second list.
#![allow(missing_docs, reason = "NSS's names are their own explanation")]

/// What an attribute without an answer says (all bits set).
pub const CK_UNAVAILABLE_INFORMATION: u64 = u64::MAX;

/// The blob itself; an input of C_CreateObject that the token consumes.
pub const CKA_CNG_BLOB: u64 = 0xC34E_4701;
/// The blob's type, text.
pub const CKA_CNG_BLOB_TYPE: u64 = 0xC34E_4702;
/// As pszAlgId, text.
pub const CKA_CNG_ALG_ID: u64 = 0xC34E_4703;
/// As dwFlags.
pub const CKA_CNG_IMPORT_FLAGS: u64 = 0xC34E_4704;
/// What a key came from; text, read only.
pub const CKA_CNG_ORIGIN: u64 = 0xC34E_4705;
/// Curve of a GENERIC magic, text.
pub const CKA_CNG_CURVE_NAME: u64 = 0xC34E_4706;
/// Password of an encrypted PKCS8_PRIVATEKEY, text; an input that the token consumes.
pub const CKA_CNG_PASSWORD: u64 = 0xC34E_4707;

/// Seed of a DSA group. Stored, so that an export repeats the blob; no client sees it.
pub const STORED_DSA_SEED: u64 = 0xC34E_4781;
/// Counter of a DSA group. Stored, as the seed.
pub const STORED_DSA_COUNTER: u64 = 0xC34E_4782;

const NSS: u64 = 0xCE53_4350;
const NSS_TRUST: u64 = NSS + 0x2000;

/// NSS's class of trust objects, older than CKO_TRUST.
pub const CKO_NSS_TRUST: u64 = NSS + 3;
pub const CKA_NSS_URL: u64 = NSS + 1;
pub const CKA_NSS_EMAIL: u64 = NSS + 2;
pub const CKA_NSS_TRUST_DIGITAL_SIGNATURE: u64 = NSS_TRUST + 1;
pub const CKA_NSS_TRUST_NON_REPUDIATION: u64 = NSS_TRUST + 2;
pub const CKA_NSS_TRUST_KEY_ENCIPHERMENT: u64 = NSS_TRUST + 3;
pub const CKA_NSS_TRUST_DATA_ENCIPHERMENT: u64 = NSS_TRUST + 4;
pub const CKA_NSS_TRUST_KEY_AGREEMENT: u64 = NSS_TRUST + 5;
pub const CKA_NSS_TRUST_KEY_CERT_SIGN: u64 = NSS_TRUST + 6;
pub const CKA_NSS_TRUST_CRL_SIGN: u64 = NSS_TRUST + 7;
pub const CKA_NSS_TRUST_SERVER_AUTH: u64 = NSS_TRUST + 8;
pub const CKA_NSS_TRUST_CLIENT_AUTH: u64 = NSS_TRUST + 9;
pub const CKA_NSS_TRUST_CODE_SIGNING: u64 = NSS_TRUST + 10;
pub const CKA_NSS_TRUST_EMAIL_PROTECTION: u64 = NSS_TRUST + 11;
pub const CKA_NSS_TRUST_IPSEC_END_SYSTEM: u64 = NSS_TRUST + 12;
pub const CKA_NSS_TRUST_IPSEC_TUNNEL: u64 = NSS_TRUST + 13;
pub const CKA_NSS_TRUST_IPSEC_USER: u64 = NSS_TRUST + 14;
pub const CKA_NSS_TRUST_TIME_STAMPING: u64 = NSS_TRUST + 15;
pub const CKA_NSS_TRUST_STEP_UP_APPROVED: u64 = NSS_TRUST + 16;
pub const CKA_NSS_CERT_SHA1_HASH: u64 = NSS_TRUST + 100;
pub const CKA_NSS_CERT_MD5_HASH: u64 = NSS_TRUST + 101;
/// A database key that NSS sends with private keys.
pub const CKA_NSS_DB: u64 = 0xD5A0_DB00;
/// NSS's value of trust: nothing is said.
pub const CKT_NSS_TRUST_UNKNOWN: u64 = NSS + 5;

//! The attributes that several classes share, and those of each key type: the tables of PKCS #11 3.2, §4, row by row.
//! `classes.rs` puts them together; the oracle test compares the result with `shared/spec/attributes.json` and names each difference.

use super::ids;
use super::rules::{Has, Preset, Rules};
use cryptoki_sys::*;

const fn has(id: u64, rules: Rules, preset: Preset) -> Has {
    Has { id, rules, preset }
}

/// A usage flag: changeable, by default what the key type can do.
const fn usage(id: u64) -> Has {
    has(id, Rules::CHANGE, Preset::ByUse)
}

/// Bytes that may be left out and never change.
const fn optional(id: u64) -> Has {
    has(id, Rules::NONE, Preset::Empty)
}

/// Bytes that may be left out and may change.
const fn editable(id: u64) -> Has {
    has(id, Rules::CHANGE, Preset::Empty)
}

const fn number(id: u64, rules: Rules) -> Has {
    has(id, rules, Preset::None)
}

/// Every object.
pub(super) const EVERY: &[Has] = &[number(CKA_CLASS, Rules::CREATE), number(CKA_UNIQUE_ID, Rules::COMPUTED)];

/// Every object that can be stored. CKA_PRIVATE may be raised in a copy, never lowered; CKA_COPYABLE may be lowered at any time.
pub(super) const STORAGE: &[Has] = &[
    has(CKA_TOKEN, Rules::COPY, Preset::False),
    has(CKA_PRIVATE, Rules::COPY.and(Rules::STAYS_TRUE), Preset::ByBirth),
    editable(CKA_LABEL),
    has(CKA_MODIFIABLE, Rules::COPY, Preset::True),
    has(CKA_COPYABLE, Rules::LOWER, Preset::True),
    has(CKA_DESTROYABLE, Rules::COPY, Preset::True),
];

/// CKO_DATA.
pub(super) const DATA: &[Has] = &[optional(CKA_APPLICATION), optional(CKA_VALUE), optional(CKA_OBJECT_ID)];

/// CKO_CERTIFICATE of any type.
pub(super) const CERTIFICATE: &[Has] = &[
    number(CKA_CERTIFICATE_TYPE, Rules::CREATE),
    has(CKA_TRUSTED, Rules::SO.and(Rules::CHANGE), Preset::False),
    has(CKA_CERTIFICATE_CATEGORY, Rules::NONE, Preset::Ulong(CK_CERTIFICATE_CATEGORY_UNSPECIFIED)),
    optional(CKA_CHECK_VALUE),
    optional(CKA_START_DATE),
    optional(CKA_END_DATE),
    optional(CKA_PUBLIC_KEY_INFO),
];

/// CKC_X_509. The subject is taken from the certificate when it is not given, so it need not be.
pub(super) const X509: &[Has] = &[
    optional(CKA_SUBJECT),
    editable(CKA_ID),
    editable(CKA_ISSUER),
    editable(CKA_SERIAL_NUMBER),
    has(CKA_VALUE, Rules::CREATE, Preset::None),
    optional(CKA_URL),
    optional(CKA_HASH_OF_SUBJECT_PUBLIC_KEY),
    optional(CKA_HASH_OF_ISSUER_PUBLIC_KEY),
    has(CKA_JAVA_MIDP_SECURITY_DOMAIN, Rules::NONE, Preset::Ulong(CK_SECURITY_DOMAIN_UNSPECIFIED)),
    has(CKA_NAME_HASH_ALGORITHM, Rules::NONE, Preset::Ulong(CKM_SHA_1)),
    editable(ids::CKA_NSS_EMAIL),
    editable(ids::CKA_NSS_URL),
];

/// CKC_X_509_ATTR_CERT.
pub(super) const ATTRIBUTE_CERTIFICATE: &[Has] = &[
    number(CKA_VALUE, Rules::CREATE),
    number(CKA_OWNER, Rules::CREATE),
    editable(CKA_AC_ISSUER),
    editable(CKA_SERIAL_NUMBER),
    editable(CKA_ATTR_TYPES),
];

/// Every key.
pub(super) const KEY: &[Has] = &[
    number(CKA_KEY_TYPE, Rules::CREATE.and(Rules::UNWRAP)),
    editable(CKA_ID),
    has(CKA_DERIVE, Rules::CHANGE, Preset::False),
    editable(CKA_START_DATE),
    editable(CKA_END_DATE),
    has(CKA_LOCAL, Rules::COMPUTED, Preset::None),
    has(CKA_KEY_GEN_MECHANISM, Rules::COMPUTED, Preset::None),
    optional(CKA_ALLOWED_MECHANISMS),
    has(CKA_OBJECT_VALIDATION_FLAGS, Rules::DERIVED_NUMBER, Preset::Ulong(0)),
    has(ids::CKA_CNG_ORIGIN, Rules::COMPUTED, Preset::Empty),
    optional(ids::CKA_NSS_DB),
];

/// CKO_PUBLIC_KEY.
pub(super) const PUBLIC: &[Has] = &[
    has(CKA_TRUSTED, Rules::SO.and(Rules::CHANGE), Preset::False),
    editable(CKA_SUBJECT),
    usage(CKA_ENCRYPT),
    usage(CKA_WRAP),
    usage(CKA_VERIFY),
    usage(CKA_VERIFY_RECOVER),
    usage(CKA_ENCAPSULATE),
    has(CKA_PUBLIC_KEY_INFO, Rules::NONE, Preset::None),
    optional(CKA_WRAP_TEMPLATE),
    optional(CKA_ENCAPSULATE_TEMPLATE),
    has(CKA_PUBLIC_CRC64_VALUE, Rules::NO_GENERATE, Preset::Empty),
];

/// CKO_PRIVATE_KEY.
pub(super) const PRIVATE: &[Has] = &[
    editable(CKA_SUBJECT),
    has(CKA_SENSITIVE, Rules::RAISE, Preset::ByBirth),
    usage(CKA_DECRYPT),
    usage(CKA_UNWRAP),
    usage(CKA_SIGN),
    usage(CKA_SIGN_RECOVER),
    usage(CKA_DECAPSULATE),
    has(CKA_PUBLIC_KEY_INFO, Rules::NONE, Preset::None),
    has(CKA_EXTRACTABLE, Rules::LOWER, Preset::ByBirth),
    has(CKA_NEVER_EXTRACTABLE, Rules::COMPUTED, Preset::None),
    has(CKA_ALWAYS_SENSITIVE, Rules::COMPUTED, Preset::None),
    has(CKA_ALWAYS_AUTHENTICATE, Rules::NONE, Preset::False),
    has(CKA_WRAP_WITH_TRUSTED, Rules::RAISE, Preset::False),
    optional(CKA_UNWRAP_TEMPLATE),
    optional(CKA_DERIVE_TEMPLATE),
    optional(CKA_DECAPSULATE_TEMPLATE),
    has(CKA_PUBLIC_CRC64_VALUE, Rules::NO_GENERATE, Preset::Empty),
];

/// CKO_SECRET_KEY.
pub(super) const SECRET: &[Has] = &[
    number(CKA_VALUE, Rules::SECRET_NUMBER),
    has(CKA_TRUSTED, Rules::SO.and(Rules::CHANGE), Preset::False),
    optional(CKA_CHECK_VALUE),
    has(CKA_SENSITIVE, Rules::RAISE, Preset::ByBirth),
    usage(CKA_ENCRYPT),
    usage(CKA_DECRYPT),
    usage(CKA_WRAP),
    usage(CKA_UNWRAP),
    usage(CKA_SIGN),
    usage(CKA_VERIFY),
    has(CKA_EXTRACTABLE, Rules::LOWER, Preset::ByBirth),
    has(CKA_NEVER_EXTRACTABLE, Rules::COMPUTED, Preset::None),
    has(CKA_ALWAYS_SENSITIVE, Rules::COMPUTED, Preset::None),
    has(CKA_WRAP_WITH_TRUSTED, Rules::RAISE, Preset::False),
    optional(CKA_WRAP_TEMPLATE),
    optional(CKA_UNWRAP_TEMPLATE),
    optional(CKA_DERIVE_TEMPLATE),
];

/// Secret keys that are generated in the length that the caller names.
pub(super) const ANY_LENGTH: &[Has] = &[number(CKA_VALUE_LEN, Rules::NO_CREATE.and(Rules::GENERATE))];
/// Secret keys that have one length: naming it is allowed and must be right.
pub(super) const ONE_LENGTH: &[Has] = &[number(CKA_VALUE_LEN, Rules::NO_CREATE)];

/// RSA public keys.
pub(super) const RSA_PUBLIC: &[Has] = &[
    number(CKA_MODULUS, Rules::PUBLIC_NUMBER),
    number(CKA_MODULUS_BITS, Rules::NO_CREATE.and(Rules::GENERATE)),
    number(CKA_PUBLIC_EXPONENT, Rules::CREATE),
];

/// RSA private keys.
pub(super) const RSA_PRIVATE: &[Has] = &[
    number(CKA_MODULUS, Rules::PRIVATE_NUMBER),
    number(CKA_PUBLIC_EXPONENT, Rules::PRIVATE_NUMBER),
    number(CKA_PRIVATE_EXPONENT, Rules::SECRET_NUMBER),
    number(CKA_PRIME_1, Rules::DERIVED_SECRET),
    number(CKA_PRIME_2, Rules::DERIVED_SECRET),
    number(CKA_EXPONENT_1, Rules::DERIVED_SECRET),
    number(CKA_EXPONENT_2, Rules::DERIVED_SECRET),
    number(CKA_COEFFICIENT, Rules::DERIVED_SECRET),
];

/// Public keys on any curve.
pub(super) const CURVE_PUBLIC: &[Has] = &[number(CKA_EC_PARAMS, Rules::PARAMETER), number(CKA_EC_POINT, Rules::PUBLIC_NUMBER)];

/// Private keys on any curve. The point is an extra that saves clients a look-up.
pub(super) const CURVE_PRIVATE: &[Has] =
    &[number(CKA_EC_PARAMS, Rules::PRIVATE_NUMBER), number(CKA_VALUE, Rules::SECRET_NUMBER), number(CKA_EC_POINT, Rules::DERIVED_NUMBER)];

/// DSA and X9.42 Diffie-Hellman public keys.
pub(super) const PQG_PUBLIC: &[Has] = &[
    number(CKA_PRIME, Rules::PARAMETER),
    number(CKA_SUBPRIME, Rules::PARAMETER),
    number(CKA_BASE, Rules::PARAMETER),
    number(CKA_VALUE, Rules::PUBLIC_NUMBER),
];

/// DSA and X9.42 Diffie-Hellman private keys.
pub(super) const PQG_PRIVATE: &[Has] = &[
    number(CKA_PRIME, Rules::PRIVATE_NUMBER),
    number(CKA_SUBPRIME, Rules::PRIVATE_NUMBER),
    number(CKA_BASE, Rules::PRIVATE_NUMBER),
    number(CKA_VALUE, Rules::SECRET_NUMBER),
];

/// What is remembered of how a DSA group was made.
pub(super) const DSA_SEED: &[Has] =
    &[has(ids::STORED_DSA_SEED, Rules::COMPUTED, Preset::Empty), has(ids::STORED_DSA_COUNTER, Rules::COMPUTED, Preset::None)];

/// PKCS#3 Diffie-Hellman public keys.
pub(super) const DH_PUBLIC: &[Has] =
    &[number(CKA_PRIME, Rules::PARAMETER), number(CKA_BASE, Rules::PARAMETER), number(CKA_VALUE, Rules::PUBLIC_NUMBER)];

/// PKCS#3 Diffie-Hellman private keys.
pub(super) const DH_PRIVATE: &[Has] = &[
    number(CKA_PRIME, Rules::PRIVATE_NUMBER),
    number(CKA_BASE, Rules::PRIVATE_NUMBER),
    number(CKA_VALUE, Rules::SECRET_NUMBER),
    number(CKA_VALUE_BITS, Rules::NO_CREATE),
];

/// ML-KEM, ML-DSA and SLH-DSA public keys.
pub(super) const LATTICE_PUBLIC: &[Has] = &[number(CKA_PARAMETER_SET, Rules::PARAMETER), number(CKA_VALUE, Rules::PUBLIC_NUMBER)];

/// ML-KEM and ML-DSA private keys: the seed or the expanded key must be given, not both.
pub(super) const SEEDED_PRIVATE: &[Has] = &[
    number(CKA_PARAMETER_SET, Rules::PRIVATE_NUMBER),
    number(CKA_VALUE, Rules::DERIVED_SECRET),
    has(CKA_SEED, Rules::DERIVED_SECRET, Preset::Empty),
];

/// SLH-DSA private keys.
pub(super) const SLH_DSA_PRIVATE: &[Has] = &[number(CKA_PARAMETER_SET, Rules::PRIVATE_NUMBER), number(CKA_VALUE, Rules::SECRET_NUMBER)];

/// Every CKO_DOMAIN_PARAMETERS.
pub(super) const DOMAIN: &[Has] =
    &[number(CKA_KEY_TYPE, Rules::CREATE), number(CKA_LOCAL, Rules::NO_CREATE.and(Rules::NO_GENERATE)), number(CKA_PRIME, Rules::PUBLIC_NUMBER)];
/// Groups with a known subgroup.
pub(super) const DOMAIN_PQG: &[Has] = &[
    number(CKA_SUBPRIME, Rules::PUBLIC_NUMBER),
    number(CKA_BASE, Rules::PUBLIC_NUMBER),
    number(CKA_PRIME_BITS, Rules::NO_CREATE.and(Rules::GENERATE)),
];
/// The size of the subgroup: X9.42 groups, and DSA groups by the mechanisms that take it.
pub(super) const DOMAIN_SUBPRIME_BITS: &[Has] = &[number(CKA_SUBPRIME_BITS, Rules::NO_CREATE.and(Rules::GENERATE))];
/// PKCS#3 groups.
pub(super) const DOMAIN_PG: &[Has] = &[number(CKA_BASE, Rules::PUBLIC_NUMBER), number(CKA_PRIME_BITS, Rules::NO_CREATE.and(Rules::GENERATE))];

/// CKO_PROFILE: made by the token alone.
pub(super) const PROFILE: &[Has] = &[number(CKA_PROFILE_ID, Rules::NONE), has(CKA_TOKEN, Rules::NONE, Preset::True)];

const fn trust(id: u64) -> Has {
    has(id, Rules::CHANGE, Preset::Ulong(0))
}

/// CKO_TRUST. Trust may be edited: NSS changes it in place.
pub(super) const TRUST: &[Has] = &[
    number(CKA_ISSUER, Rules::CREATE),
    number(CKA_SERIAL_NUMBER, Rules::CREATE),
    optional(CKA_HASH_OF_CERTIFICATE),
    has(CKA_NAME_HASH_ALGORITHM, Rules::NONE, Preset::Ulong(CKM_SHA_1)),
    trust(CKA_TRUST_SERVER_AUTH),
    trust(CKA_TRUST_CLIENT_AUTH),
    trust(CKA_TRUST_CODE_SIGNING),
    trust(CKA_TRUST_EMAIL_PROTECTION),
    trust(CKA_TRUST_IPSEC_IKE),
    trust(CKA_TRUST_TIME_STAMPING),
    trust(CKA_TRUST_OCSP_SIGNING),
];

const fn nss_trust(id: u64) -> Has {
    has(id, Rules::CHANGE, Preset::Ulong(ids::CKT_NSS_TRUST_UNKNOWN))
}

/// CKO_NSS_TRUST.
pub(super) const NSS_TRUST: &[Has] = &[
    number(CKA_ISSUER, Rules::CREATE),
    number(CKA_SERIAL_NUMBER, Rules::CREATE),
    editable(CKA_SUBJECT),
    editable(ids::CKA_NSS_CERT_SHA1_HASH),
    editable(ids::CKA_NSS_CERT_MD5_HASH),
    has(ids::CKA_NSS_TRUST_STEP_UP_APPROVED, Rules::CHANGE, Preset::False),
    nss_trust(ids::CKA_NSS_TRUST_DIGITAL_SIGNATURE),
    nss_trust(ids::CKA_NSS_TRUST_NON_REPUDIATION),
    nss_trust(ids::CKA_NSS_TRUST_KEY_ENCIPHERMENT),
    nss_trust(ids::CKA_NSS_TRUST_DATA_ENCIPHERMENT),
    nss_trust(ids::CKA_NSS_TRUST_KEY_AGREEMENT),
    nss_trust(ids::CKA_NSS_TRUST_KEY_CERT_SIGN),
    nss_trust(ids::CKA_NSS_TRUST_CRL_SIGN),
    nss_trust(ids::CKA_NSS_TRUST_SERVER_AUTH),
    nss_trust(ids::CKA_NSS_TRUST_CLIENT_AUTH),
    nss_trust(ids::CKA_NSS_TRUST_CODE_SIGNING),
    nss_trust(ids::CKA_NSS_TRUST_EMAIL_PROTECTION),
    nss_trust(ids::CKA_NSS_TRUST_IPSEC_END_SYSTEM),
    nss_trust(ids::CKA_NSS_TRUST_IPSEC_TUNNEL),
    nss_trust(ids::CKA_NSS_TRUST_IPSEC_USER),
    nss_trust(ids::CKA_NSS_TRUST_TIME_STAMPING),
];

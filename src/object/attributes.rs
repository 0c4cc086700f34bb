//! The attribute table: what each attribute is called, what its value looks like, and whether a search may go by an index of it.
//! What a *class* says of an attribute (required, changeable, secret, default) is in `classes.rs`; which of them are sealed on disk
//! follows from there. Source: PKCS #11 3.2, `shared/spec/attributes.json`; the oracle test compares the two.

use super::ids;
use cryptoki_sys::*;
use std::borrow::Cow;

/// What the value of an attribute looks like on the C side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// CK_BBOOL: one byte, 0 or 1.
    Bool,
    /// CK_ULONG: eight bytes in host order.
    Ulong,
    /// Bytes as they are.
    Bytes,
    /// Text, meant to be UTF-8; kept as given.
    Text,
    /// Big-endian number; leading zeros carry no meaning and are dropped.
    BigInt,
    /// CK_DATE: empty, or `YYYYMMDD` in ASCII.
    Date,
    /// An array of CK_ULONG.
    Ulongs,
    /// A nested template.
    Template,
}

/// Whether search terms are made of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Index {
    /// Not: a search by it alone looks at every candidate.
    No,
    /// In every object that has it and where it is not empty.
    Always,
    /// Only in certificates, and only for searches that name that class: elsewhere the attribute may be secret.
    OfCertificates,
}

/// One attribute.
#[derive(Debug)]
pub struct AttrRow {
    /// CKA_ number.
    pub id: u64,
    /// The name as the standard or the vendor spells it.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// Whether it is searched by index.
    pub index: Index,
}

/// The row of an attribute. CKA_ENCAPSULATE_TEMPLATE and CKA_DECAPSULATE_TEMPLATE are found with and without the array bit, since
/// the published header of 3.2 lacks it and the working header has it.
#[must_use]
pub fn row(id: u64) -> Option<&'static AttrRow> {
    let id = canonical(id);
    ATTRIBUTES.binary_search_by_key(&id, |r| r.id).ok().and_then(|i| ATTRIBUTES.get(i))
}

/// The number under which an attribute is kept.
#[must_use]
pub fn canonical(id: u64) -> u64 {
    const ENCAPSULATE: u64 = CKA_ENCAPSULATE_TEMPLATE | CKF_ARRAY_ATTRIBUTE;
    const DECAPSULATE: u64 = CKA_DECAPSULATE_TEMPLATE | CKF_ARRAY_ATTRIBUTE;
    match id {
        ENCAPSULATE => CKA_ENCAPSULATE_TEMPLATE,
        DECAPSULATE => CKA_DECAPSULATE_TEMPLATE,
        _ => id,
    }
}

/// The name of an attribute, or its number where it has none.
#[must_use]
pub fn name(id: u64) -> Cow<'static, str> {
    row(id).map_or_else(|| Cow::Owned(format!("attribute {id:#x}")), |r| Cow::Borrowed(r.name))
}

/// True if the value of an attribute is an array of attributes, so that whoever reads it from memory must descend.
#[must_use]
pub fn is_template(id: u64) -> bool {
    row(id).is_some_and(|r| r.kind == Kind::Template)
}

/// True for the inputs of an import through C_CreateObject. The token takes them out of a template before an object is made.
#[must_use]
pub fn is_import_input(id: u64) -> bool {
    matches!(
        id,
        ids::CKA_CNG_BLOB
            | ids::CKA_CNG_BLOB_TYPE
            | ids::CKA_CNG_ALG_ID
            | ids::CKA_CNG_IMPORT_FLAGS
            | ids::CKA_CNG_CURVE_NAME
            | ids::CKA_CNG_PASSWORD
    )
}

/// True for what is stored with an object and no client ever sees or sets.
#[must_use]
pub fn is_internal(id: u64) -> bool {
    matches!(id, ids::STORED_DSA_SEED | ids::STORED_DSA_COUNTER)
}

/// Every attribute that some class has or some door takes, by number.
pub static ATTRIBUTES: &[AttrRow] = &[
    AttrRow { id: CKA_CLASS, name: "CKA_CLASS", kind: Kind::Ulong, index: Index::Always },
    AttrRow { id: CKA_TOKEN, name: "CKA_TOKEN", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_PRIVATE, name: "CKA_PRIVATE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_LABEL, name: "CKA_LABEL", kind: Kind::Text, index: Index::Always },
    AttrRow { id: CKA_UNIQUE_ID, name: "CKA_UNIQUE_ID", kind: Kind::Text, index: Index::Always },
    AttrRow { id: CKA_APPLICATION, name: "CKA_APPLICATION", kind: Kind::Text, index: Index::Always },
    AttrRow { id: CKA_VALUE, name: "CKA_VALUE", kind: Kind::Bytes, index: Index::OfCertificates },
    AttrRow { id: CKA_OBJECT_ID, name: "CKA_OBJECT_ID", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_CERTIFICATE_TYPE, name: "CKA_CERTIFICATE_TYPE", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_ISSUER, name: "CKA_ISSUER", kind: Kind::Bytes, index: Index::Always },
    AttrRow { id: CKA_SERIAL_NUMBER, name: "CKA_SERIAL_NUMBER", kind: Kind::Bytes, index: Index::Always },
    AttrRow { id: CKA_AC_ISSUER, name: "CKA_AC_ISSUER", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_OWNER, name: "CKA_OWNER", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_ATTR_TYPES, name: "CKA_ATTR_TYPES", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_TRUSTED, name: "CKA_TRUSTED", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_CERTIFICATE_CATEGORY, name: "CKA_CERTIFICATE_CATEGORY", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_JAVA_MIDP_SECURITY_DOMAIN, name: "CKA_JAVA_MIDP_SECURITY_DOMAIN", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_URL, name: "CKA_URL", kind: Kind::Text, index: Index::No },
    AttrRow { id: CKA_HASH_OF_SUBJECT_PUBLIC_KEY, name: "CKA_HASH_OF_SUBJECT_PUBLIC_KEY", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_HASH_OF_ISSUER_PUBLIC_KEY, name: "CKA_HASH_OF_ISSUER_PUBLIC_KEY", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_NAME_HASH_ALGORITHM, name: "CKA_NAME_HASH_ALGORITHM", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_CHECK_VALUE, name: "CKA_CHECK_VALUE", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_KEY_TYPE, name: "CKA_KEY_TYPE", kind: Kind::Ulong, index: Index::Always },
    AttrRow { id: CKA_SUBJECT, name: "CKA_SUBJECT", kind: Kind::Bytes, index: Index::Always },
    AttrRow { id: CKA_ID, name: "CKA_ID", kind: Kind::Bytes, index: Index::Always },
    AttrRow { id: CKA_SENSITIVE, name: "CKA_SENSITIVE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_ENCRYPT, name: "CKA_ENCRYPT", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_DECRYPT, name: "CKA_DECRYPT", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_WRAP, name: "CKA_WRAP", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_UNWRAP, name: "CKA_UNWRAP", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_SIGN, name: "CKA_SIGN", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_SIGN_RECOVER, name: "CKA_SIGN_RECOVER", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_VERIFY, name: "CKA_VERIFY", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_VERIFY_RECOVER, name: "CKA_VERIFY_RECOVER", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_DERIVE, name: "CKA_DERIVE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_START_DATE, name: "CKA_START_DATE", kind: Kind::Date, index: Index::No },
    AttrRow { id: CKA_END_DATE, name: "CKA_END_DATE", kind: Kind::Date, index: Index::No },
    AttrRow { id: CKA_MODULUS, name: "CKA_MODULUS", kind: Kind::BigInt, index: Index::Always },
    AttrRow { id: CKA_MODULUS_BITS, name: "CKA_MODULUS_BITS", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_PUBLIC_EXPONENT, name: "CKA_PUBLIC_EXPONENT", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_PRIVATE_EXPONENT, name: "CKA_PRIVATE_EXPONENT", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_PRIME_1, name: "CKA_PRIME_1", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_PRIME_2, name: "CKA_PRIME_2", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_EXPONENT_1, name: "CKA_EXPONENT_1", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_EXPONENT_2, name: "CKA_EXPONENT_2", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_COEFFICIENT, name: "CKA_COEFFICIENT", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_PUBLIC_KEY_INFO, name: "CKA_PUBLIC_KEY_INFO", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_PRIME, name: "CKA_PRIME", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_SUBPRIME, name: "CKA_SUBPRIME", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_BASE, name: "CKA_BASE", kind: Kind::BigInt, index: Index::No },
    AttrRow { id: CKA_PRIME_BITS, name: "CKA_PRIME_BITS", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_SUBPRIME_BITS, name: "CKA_SUBPRIME_BITS", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_VALUE_BITS, name: "CKA_VALUE_BITS", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_VALUE_LEN, name: "CKA_VALUE_LEN", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_EXTRACTABLE, name: "CKA_EXTRACTABLE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_LOCAL, name: "CKA_LOCAL", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_NEVER_EXTRACTABLE, name: "CKA_NEVER_EXTRACTABLE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_ALWAYS_SENSITIVE, name: "CKA_ALWAYS_SENSITIVE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_KEY_GEN_MECHANISM, name: "CKA_KEY_GEN_MECHANISM", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_MODIFIABLE, name: "CKA_MODIFIABLE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_COPYABLE, name: "CKA_COPYABLE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_DESTROYABLE, name: "CKA_DESTROYABLE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_EC_PARAMS, name: "CKA_EC_PARAMS", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_EC_POINT, name: "CKA_EC_POINT", kind: Kind::Bytes, index: Index::Always },
    AttrRow { id: CKA_ALWAYS_AUTHENTICATE, name: "CKA_ALWAYS_AUTHENTICATE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_WRAP_WITH_TRUSTED, name: "CKA_WRAP_WITH_TRUSTED", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_PROFILE_ID, name: "CKA_PROFILE_ID", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_PARAMETER_SET, name: "CKA_PARAMETER_SET", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_OBJECT_VALIDATION_FLAGS, name: "CKA_OBJECT_VALIDATION_FLAGS", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_ENCAPSULATE_TEMPLATE, name: "CKA_ENCAPSULATE_TEMPLATE", kind: Kind::Template, index: Index::No },
    AttrRow { id: CKA_DECAPSULATE_TEMPLATE, name: "CKA_DECAPSULATE_TEMPLATE", kind: Kind::Template, index: Index::No },
    AttrRow { id: CKA_TRUST_SERVER_AUTH, name: "CKA_TRUST_SERVER_AUTH", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_TRUST_CLIENT_AUTH, name: "CKA_TRUST_CLIENT_AUTH", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_TRUST_CODE_SIGNING, name: "CKA_TRUST_CODE_SIGNING", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_TRUST_EMAIL_PROTECTION, name: "CKA_TRUST_EMAIL_PROTECTION", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_TRUST_IPSEC_IKE, name: "CKA_TRUST_IPSEC_IKE", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_TRUST_TIME_STAMPING, name: "CKA_TRUST_TIME_STAMPING", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_TRUST_OCSP_SIGNING, name: "CKA_TRUST_OCSP_SIGNING", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: CKA_ENCAPSULATE, name: "CKA_ENCAPSULATE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_DECAPSULATE, name: "CKA_DECAPSULATE", kind: Kind::Bool, index: Index::No },
    AttrRow { id: CKA_HASH_OF_CERTIFICATE, name: "CKA_HASH_OF_CERTIFICATE", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_PUBLIC_CRC64_VALUE, name: "CKA_PUBLIC_CRC64_VALUE", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_SEED, name: "CKA_SEED", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: CKA_WRAP_TEMPLATE, name: "CKA_WRAP_TEMPLATE", kind: Kind::Template, index: Index::No },
    AttrRow { id: CKA_UNWRAP_TEMPLATE, name: "CKA_UNWRAP_TEMPLATE", kind: Kind::Template, index: Index::No },
    AttrRow { id: CKA_DERIVE_TEMPLATE, name: "CKA_DERIVE_TEMPLATE", kind: Kind::Template, index: Index::No },
    AttrRow { id: CKA_ALLOWED_MECHANISMS, name: "CKA_ALLOWED_MECHANISMS", kind: Kind::Ulongs, index: Index::No },
    AttrRow { id: ids::CKA_CNG_BLOB, name: "CKA_CNG_BLOB", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: ids::CKA_CNG_BLOB_TYPE, name: "CKA_CNG_BLOB_TYPE", kind: Kind::Text, index: Index::No },
    AttrRow { id: ids::CKA_CNG_ALG_ID, name: "CKA_CNG_ALG_ID", kind: Kind::Text, index: Index::No },
    AttrRow { id: ids::CKA_CNG_IMPORT_FLAGS, name: "CKA_CNG_IMPORT_FLAGS", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_CNG_ORIGIN, name: "CKA_CNG_ORIGIN", kind: Kind::Text, index: Index::No },
    AttrRow { id: ids::CKA_CNG_CURVE_NAME, name: "CKA_CNG_CURVE_NAME", kind: Kind::Text, index: Index::No },
    AttrRow { id: ids::CKA_CNG_PASSWORD, name: "CKA_CNG_PASSWORD", kind: Kind::Text, index: Index::No },
    AttrRow { id: ids::STORED_DSA_SEED, name: "STORED_DSA_SEED", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: ids::STORED_DSA_COUNTER, name: "STORED_DSA_COUNTER", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_URL, name: "CKA_NSS_URL", kind: Kind::Text, index: Index::No },
    AttrRow { id: ids::CKA_NSS_EMAIL, name: "CKA_NSS_EMAIL", kind: Kind::Text, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_DIGITAL_SIGNATURE, name: "CKA_NSS_TRUST_DIGITAL_SIGNATURE", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_NON_REPUDIATION, name: "CKA_NSS_TRUST_NON_REPUDIATION", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_KEY_ENCIPHERMENT, name: "CKA_NSS_TRUST_KEY_ENCIPHERMENT", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_DATA_ENCIPHERMENT, name: "CKA_NSS_TRUST_DATA_ENCIPHERMENT", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_KEY_AGREEMENT, name: "CKA_NSS_TRUST_KEY_AGREEMENT", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_KEY_CERT_SIGN, name: "CKA_NSS_TRUST_KEY_CERT_SIGN", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_CRL_SIGN, name: "CKA_NSS_TRUST_CRL_SIGN", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_SERVER_AUTH, name: "CKA_NSS_TRUST_SERVER_AUTH", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_CLIENT_AUTH, name: "CKA_NSS_TRUST_CLIENT_AUTH", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_CODE_SIGNING, name: "CKA_NSS_TRUST_CODE_SIGNING", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_EMAIL_PROTECTION, name: "CKA_NSS_TRUST_EMAIL_PROTECTION", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_IPSEC_END_SYSTEM, name: "CKA_NSS_TRUST_IPSEC_END_SYSTEM", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_IPSEC_TUNNEL, name: "CKA_NSS_TRUST_IPSEC_TUNNEL", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_IPSEC_USER, name: "CKA_NSS_TRUST_IPSEC_USER", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_TIME_STAMPING, name: "CKA_NSS_TRUST_TIME_STAMPING", kind: Kind::Ulong, index: Index::No },
    AttrRow { id: ids::CKA_NSS_TRUST_STEP_UP_APPROVED, name: "CKA_NSS_TRUST_STEP_UP_APPROVED", kind: Kind::Bool, index: Index::No },
    AttrRow { id: ids::CKA_NSS_CERT_SHA1_HASH, name: "CKA_NSS_CERT_SHA1_HASH", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: ids::CKA_NSS_CERT_MD5_HASH, name: "CKA_NSS_CERT_MD5_HASH", kind: Kind::Bytes, index: Index::No },
    AttrRow { id: ids::CKA_NSS_DB, name: "CKA_NSS_DB", kind: Kind::Bytes, index: Index::No },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_number_and_unique() {
        for pair in ATTRIBUTES.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn every_number_is_the_canonical_one_and_finds_its_own_row() {
        for r in ATTRIBUTES {
            assert_eq!(canonical(r.id), r.id);
            assert_eq!(row(r.id).map(|f| f.name), Some(r.name));
        }
    }

    #[test]
    fn encapsulation_templates_are_known_with_and_without_the_array_bit() {
        assert!(is_template(CKA_ENCAPSULATE_TEMPLATE));
        assert!(is_template(CKA_DECAPSULATE_TEMPLATE | CKF_ARRAY_ATTRIBUTE));
        assert!(!is_template(CKA_ALLOWED_MECHANISMS));
    }
}

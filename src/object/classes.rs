//! The class table: (class, key type or certificate type) → the attributes an object has, what each rule is, what the key can be
//! used for, which lengths a secret key may have. Creation, import, generation, unwrapping, reading, changing, storing and the
//! usage policy all go by these rows. Source: PKCS #11 3.2 §4 and §6, through `groups.rs`.

use super::groups as g;
use super::ids;
use super::rules::{Has, Rules};
use cryptoki_sys::*;

/// One kind of object.
#[derive(Debug)]
pub struct ClassRow {
    /// CKO_ number.
    pub class: u64,
    /// CKA_KEY_TYPE of keys and domain parameters, CKA_CERTIFICATE_TYPE of certificates.
    pub subtype: Option<u64>,
    /// The names, as the standard spells them.
    pub name: &'static str,
    /// The attributes. Where two groups have the same one, the later group counts.
    pub groups: &'static [&'static [Has]],
    /// The usage flags that are true by default.
    pub uses: &'static [u64],
    /// The lengths in bytes that a secret key may have; none listed: any but zero.
    pub lengths: &'static [usize],
}

impl ClassRow {
    /// What this class says of an attribute; `None` if it does not have it.
    #[must_use]
    pub fn has(&self, id: u64) -> Option<&'static Has> {
        self.groups.iter().rev().find_map(|group| group.iter().find(|h| h.id == id))
    }

    /// Every attribute once.
    pub fn iter(&self) -> impl Iterator<Item = &'static Has> {
        self.groups.iter().enumerate().flat_map(move |(i, group)| {
            let later = self.groups.get(i + 1..).unwrap_or_default();
            group.iter().filter(move |h| !later.iter().any(|l| l.iter().any(|o| o.id == h.id)))
        })
    }

    /// True if the value of an attribute is one that must never be readable of a sensitive key.
    #[must_use]
    pub fn is_secret(&self, id: u64) -> bool {
        self.has(id).is_some_and(|h| h.rules.has(Rules::SECRET))
    }

    /// True for the three classes of keys.
    #[must_use]
    pub fn is_key(&self) -> bool {
        matches!(self.class, CKO_PUBLIC_KEY | CKO_PRIVATE_KEY | CKO_SECRET_KEY)
    }
}

/// The row of a class and its key type or certificate type.
#[must_use]
pub fn row(class: u64, subtype: Option<u64>) -> Option<&'static ClassRow> {
    CLASSES.iter().find(|r| r.class == class && r.subtype == subtype)
}

/// The attribute that holds the subtype of a class, for the classes that have one.
#[must_use]
pub fn subtype_attribute(class: u64) -> Option<u64> {
    match class {
        CKO_PUBLIC_KEY | CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_DOMAIN_PARAMETERS => Some(CKA_KEY_TYPE),
        CKO_CERTIFICATE => Some(CKA_CERTIFICATE_TYPE),
        _ => None,
    }
}

/// The lengths in bytes that a secret key of that type may have; `Some(&[])`: any but zero; `None`: not a type of secret key.
#[must_use]
pub fn secret_lengths(key_type: u64) -> Option<&'static [usize]> {
    row(CKO_SECRET_KEY, Some(key_type)).map(|r| r.lengths)
}

const CIPHER: &[u64] = &[CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP];
const BLOCK: &[u64] = &[CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_VERIFY];
const MAC: &[u64] = &[CKA_SIGN, CKA_VERIFY];
const VERIFY: &[u64] = &[CKA_VERIFY];
const SIGN: &[u64] = &[CKA_SIGN];

const fn row_of(class: u64, subtype: u64, name: &'static str, groups: &'static [&'static [Has]], uses: &'static [u64]) -> ClassRow {
    ClassRow { class, subtype: Some(subtype), name, groups, uses, lengths: &[] }
}

const fn secret(key_type: u64, name: &'static str, uses: &'static [u64], lengths: &'static [usize]) -> ClassRow {
    let groups: &[&[Has]] = if lengths.len() == 1 {
        &[g::EVERY, g::STORAGE, g::KEY, g::SECRET, g::ONE_LENGTH]
    } else {
        &[g::EVERY, g::STORAGE, g::KEY, g::SECRET, g::ANY_LENGTH]
    };
    ClassRow { class: CKO_SECRET_KEY, subtype: Some(key_type), name, groups, uses, lengths }
}

const fn plain(class: u64, name: &'static str, groups: &'static [&'static [Has]]) -> ClassRow {
    ClassRow { class, subtype: None, name, groups, uses: &[], lengths: &[] }
}

/// Every kind of object that the token knows.
pub static CLASSES: &[ClassRow] = &[
    plain(CKO_DATA, "CKO_DATA", &[g::EVERY, g::STORAGE, g::DATA]),
    row_of(CKO_CERTIFICATE, CKC_X_509, "CKO_CERTIFICATE CKC_X_509", &[g::EVERY, g::STORAGE, g::CERTIFICATE, g::X509], &[]),
    row_of(
        CKO_CERTIFICATE,
        CKC_X_509_ATTR_CERT,
        "CKO_CERTIFICATE CKC_X_509_ATTR_CERT",
        &[g::EVERY, g::STORAGE, g::CERTIFICATE, g::ATTRIBUTE_CERTIFICATE],
        &[],
    ),
    row_of(
        CKO_PUBLIC_KEY,
        CKK_RSA,
        "CKO_PUBLIC_KEY CKK_RSA",
        &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::RSA_PUBLIC],
        &[CKA_ENCRYPT, CKA_WRAP, CKA_VERIFY, CKA_VERIFY_RECOVER],
    ),
    row_of(
        CKO_PRIVATE_KEY,
        CKK_RSA,
        "CKO_PRIVATE_KEY CKK_RSA",
        &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::RSA_PRIVATE],
        &[CKA_DECRYPT, CKA_UNWRAP, CKA_SIGN, CKA_SIGN_RECOVER],
    ),
    row_of(CKO_PUBLIC_KEY, CKK_EC, "CKO_PUBLIC_KEY CKK_EC", &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::CURVE_PUBLIC], VERIFY),
    row_of(CKO_PRIVATE_KEY, CKK_EC, "CKO_PRIVATE_KEY CKK_EC", &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::CURVE_PRIVATE], SIGN),
    row_of(CKO_PUBLIC_KEY, CKK_EC_EDWARDS, "CKO_PUBLIC_KEY CKK_EC_EDWARDS", &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::CURVE_PUBLIC], VERIFY),
    row_of(CKO_PRIVATE_KEY, CKK_EC_EDWARDS, "CKO_PRIVATE_KEY CKK_EC_EDWARDS", &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::CURVE_PRIVATE], SIGN),
    row_of(CKO_PUBLIC_KEY, CKK_EC_MONTGOMERY, "CKO_PUBLIC_KEY CKK_EC_MONTGOMERY", &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::CURVE_PUBLIC], &[]),
    row_of(
        CKO_PRIVATE_KEY,
        CKK_EC_MONTGOMERY,
        "CKO_PRIVATE_KEY CKK_EC_MONTGOMERY",
        &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::CURVE_PRIVATE],
        &[],
    ),
    row_of(CKO_PUBLIC_KEY, CKK_DSA, "CKO_PUBLIC_KEY CKK_DSA", &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::PQG_PUBLIC, g::DSA_SEED], VERIFY),
    row_of(CKO_PRIVATE_KEY, CKK_DSA, "CKO_PRIVATE_KEY CKK_DSA", &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::PQG_PRIVATE, g::DSA_SEED], SIGN),
    row_of(CKO_PUBLIC_KEY, CKK_DH, "CKO_PUBLIC_KEY CKK_DH", &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::DH_PUBLIC], &[]),
    row_of(CKO_PRIVATE_KEY, CKK_DH, "CKO_PRIVATE_KEY CKK_DH", &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::DH_PRIVATE], &[]),
    row_of(CKO_PUBLIC_KEY, CKK_X9_42_DH, "CKO_PUBLIC_KEY CKK_X9_42_DH", &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::PQG_PUBLIC], &[]),
    row_of(CKO_PRIVATE_KEY, CKK_X9_42_DH, "CKO_PRIVATE_KEY CKK_X9_42_DH", &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::PQG_PRIVATE], &[]),
    row_of(
        CKO_PUBLIC_KEY,
        CKK_ML_KEM,
        "CKO_PUBLIC_KEY CKK_ML_KEM",
        &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::LATTICE_PUBLIC],
        &[CKA_ENCAPSULATE],
    ),
    row_of(
        CKO_PRIVATE_KEY,
        CKK_ML_KEM,
        "CKO_PRIVATE_KEY CKK_ML_KEM",
        &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::SEEDED_PRIVATE],
        &[CKA_DECAPSULATE],
    ),
    row_of(CKO_PUBLIC_KEY, CKK_ML_DSA, "CKO_PUBLIC_KEY CKK_ML_DSA", &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::LATTICE_PUBLIC], VERIFY),
    row_of(CKO_PRIVATE_KEY, CKK_ML_DSA, "CKO_PRIVATE_KEY CKK_ML_DSA", &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::SEEDED_PRIVATE], SIGN),
    row_of(CKO_PUBLIC_KEY, CKK_SLH_DSA, "CKO_PUBLIC_KEY CKK_SLH_DSA", &[g::EVERY, g::STORAGE, g::KEY, g::PUBLIC, g::LATTICE_PUBLIC], VERIFY),
    row_of(CKO_PRIVATE_KEY, CKK_SLH_DSA, "CKO_PRIVATE_KEY CKK_SLH_DSA", &[g::EVERY, g::STORAGE, g::KEY, g::PRIVATE, g::SLH_DSA_PRIVATE], SIGN),
    secret(CKK_GENERIC_SECRET, "CKO_SECRET_KEY CKK_GENERIC_SECRET", MAC, &[]),
    secret(CKK_AES, "CKO_SECRET_KEY CKK_AES", BLOCK, &[16, 24, 32]),
    secret(CKK_AES_XTS, "CKO_SECRET_KEY CKK_AES_XTS", &[CKA_ENCRYPT, CKA_DECRYPT], &[32, 64]),
    secret(CKK_DES, "CKO_SECRET_KEY CKK_DES", BLOCK, &[8]),
    secret(CKK_DES2, "CKO_SECRET_KEY CKK_DES2", BLOCK, &[16]),
    secret(CKK_DES3, "CKO_SECRET_KEY CKK_DES3", BLOCK, &[24]),
    secret(CKK_CAMELLIA, "CKO_SECRET_KEY CKK_CAMELLIA", BLOCK, &[16, 24, 32]),
    secret(CKK_CHACHA20, "CKO_SECRET_KEY CKK_CHACHA20", CIPHER, &[32]),
    secret(CKK_SALSA20, "CKO_SECRET_KEY CKK_SALSA20", CIPHER, &[32]),
    secret(CKK_POLY1305, "CKO_SECRET_KEY CKK_POLY1305", MAC, &[32]),
    secret(CKK_HKDF, "CKO_SECRET_KEY CKK_HKDF", &[], &[]),
    secret(CKK_MD5_HMAC, "CKO_SECRET_KEY CKK_MD5_HMAC", MAC, &[]),
    secret(CKK_SHA_1_HMAC, "CKO_SECRET_KEY CKK_SHA_1_HMAC", MAC, &[]),
    secret(CKK_RIPEMD160_HMAC, "CKO_SECRET_KEY CKK_RIPEMD160_HMAC", MAC, &[]),
    secret(CKK_SHA224_HMAC, "CKO_SECRET_KEY CKK_SHA224_HMAC", MAC, &[]),
    secret(CKK_SHA256_HMAC, "CKO_SECRET_KEY CKK_SHA256_HMAC", MAC, &[]),
    secret(CKK_SHA384_HMAC, "CKO_SECRET_KEY CKK_SHA384_HMAC", MAC, &[]),
    secret(CKK_SHA512_HMAC, "CKO_SECRET_KEY CKK_SHA512_HMAC", MAC, &[]),
    secret(CKK_SHA512_224_HMAC, "CKO_SECRET_KEY CKK_SHA512_224_HMAC", MAC, &[]),
    secret(CKK_SHA512_256_HMAC, "CKO_SECRET_KEY CKK_SHA512_256_HMAC", MAC, &[]),
    secret(CKK_SHA512_T_HMAC, "CKO_SECRET_KEY CKK_SHA512_T_HMAC", MAC, &[]),
    secret(CKK_SHA3_224_HMAC, "CKO_SECRET_KEY CKK_SHA3_224_HMAC", MAC, &[]),
    secret(CKK_SHA3_256_HMAC, "CKO_SECRET_KEY CKK_SHA3_256_HMAC", MAC, &[]),
    secret(CKK_SHA3_384_HMAC, "CKO_SECRET_KEY CKK_SHA3_384_HMAC", MAC, &[]),
    secret(CKK_SHA3_512_HMAC, "CKO_SECRET_KEY CKK_SHA3_512_HMAC", MAC, &[]),
    secret(CKK_BLAKE2B_160_HMAC, "CKO_SECRET_KEY CKK_BLAKE2B_160_HMAC", MAC, &[]),
    secret(CKK_BLAKE2B_256_HMAC, "CKO_SECRET_KEY CKK_BLAKE2B_256_HMAC", MAC, &[]),
    secret(CKK_BLAKE2B_384_HMAC, "CKO_SECRET_KEY CKK_BLAKE2B_384_HMAC", MAC, &[]),
    secret(CKK_BLAKE2B_512_HMAC, "CKO_SECRET_KEY CKK_BLAKE2B_512_HMAC", MAC, &[]),
    row_of(
        CKO_DOMAIN_PARAMETERS,
        CKK_DSA,
        "CKO_DOMAIN_PARAMETERS CKK_DSA",
        &[g::EVERY, g::STORAGE, g::DOMAIN, g::DOMAIN_PQG, g::DOMAIN_SUBPRIME_BITS, g::DSA_SEED],
        &[],
    ),
    row_of(CKO_DOMAIN_PARAMETERS, CKK_DH, "CKO_DOMAIN_PARAMETERS CKK_DH", &[g::EVERY, g::STORAGE, g::DOMAIN, g::DOMAIN_PG], &[]),
    row_of(
        CKO_DOMAIN_PARAMETERS,
        CKK_X9_42_DH,
        "CKO_DOMAIN_PARAMETERS CKK_X9_42_DH",
        &[g::EVERY, g::STORAGE, g::DOMAIN, g::DOMAIN_PQG, g::DOMAIN_SUBPRIME_BITS],
        &[],
    ),
    plain(CKO_PROFILE, "CKO_PROFILE", &[g::EVERY, g::STORAGE, g::PROFILE]),
    plain(CKO_TRUST, "CKO_TRUST", &[g::EVERY, g::STORAGE, g::TRUST]),
    plain(ids::CKO_NSS_TRUST, "CKO_NSS_TRUST", &[g::EVERY, g::STORAGE, g::NSS_TRUST]),
];

#[cfg(test)]
mod tests {
    use super::super::attributes::{self, Kind};
    use super::super::rules::Preset;
    use super::*;

    #[test]
    fn rows_are_unique_by_class_and_subtype() {
        for (i, r) in CLASSES.iter().enumerate() {
            assert!(!CLASSES.iter().skip(i + 1).any(|o| o.class == r.class && o.subtype == r.subtype), "{}", r.name);
            assert_eq!(subtype_attribute(r.class).is_some(), r.subtype.is_some(), "{}", r.name);
        }
    }

    #[test]
    fn every_attribute_of_every_class_is_in_the_attribute_table_with_a_default_of_its_kind() {
        for r in CLASSES {
            for h in r.iter() {
                let attr = attributes::row(h.id).unwrap_or_else(|| panic!("{}: {:#x} has no row", r.name, h.id));
                match h.preset {
                    Preset::False | Preset::True | Preset::ByUse | Preset::ByBirth => assert_eq!(attr.kind, Kind::Bool, "{} {}", r.name, attr.name),
                    Preset::Ulong(_) => assert_eq!(attr.kind, Kind::Ulong, "{} {}", r.name, attr.name),
                    Preset::Empty => assert!(!matches!(attr.kind, Kind::Bool | Kind::Ulong), "{} {}", r.name, attr.name),
                    Preset::None => {}
                }
            }
        }
    }

    #[test]
    fn every_row_of_the_attribute_table_belongs_to_a_class_or_is_an_input_of_import() {
        for a in attributes::ATTRIBUTES {
            assert!(attributes::is_import_input(a.id) || CLASSES.iter().any(|r| r.has(a.id).is_some()), "{}", a.name);
        }
    }

    #[test]
    fn every_use_is_a_flag_of_its_class() {
        for r in CLASSES {
            for u in r.uses {
                assert_eq!(r.has(*u).map(|h| h.preset), Some(Preset::ByUse), "{}", r.name);
            }
        }
    }

    #[test]
    fn only_keys_have_secrets_and_a_public_key_has_none() {
        for r in CLASSES {
            let secrets = r.iter().filter(|h| h.rules.has(Rules::SECRET)).count();
            assert_eq!(secrets > 0, matches!(r.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY), "{}", r.name);
        }
    }

    #[test]
    fn each_attribute_appears_once_in_an_iteration() {
        for r in CLASSES {
            let mut seen: Vec<u64> = r.iter().map(|h| h.id).collect();
            let all = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), all, "{}", r.name);
        }
    }
}

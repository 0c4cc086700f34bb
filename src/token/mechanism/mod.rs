//! The mechanism table: which numbers the token knows, for which keys, uses and sizes, with which parameter, and what is computed.
//!
//! Adding a mechanism is one row in `table` (and one arm in `plan` if its parameter has a new sense). C_GetMechanismList, C_GetMechanismInfo,
//! every check of an *Init function and the test that runs each row are derived from it. Source: PKCS#11 3.2, the mechanism sections.

mod derivation;
mod params;
mod table;

use crate::token::plan::Planner;
use cngtoken_crypto::Hash;
use cryptoki_sys as ck;
pub use derivation::{DerivationParams, DerivationShape, NumberFormat, PrfData};
pub use params::{ParamShape, Params};
pub use table::MECHANISMS;

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

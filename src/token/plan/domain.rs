//! CK_DSA_PARAMETER_GEN_PARAM: the hash, the seed and the index from which a DSA group's numbers come.

use super::{bad, hash_param, wrong_shape};
use crate::token::error::R;
use crate::token::mechanism::Params;
use cngtoken_crypto::Hash;

/// Longest seed.
const MAX_SEED: usize = 128;

/// The hash, and the length of the seed that is to be made: as much as the caller has room for, or what goes with the subprime.
pub(crate) fn seeded(params: &Params, subprime_bits: usize) -> R<(Hash, usize)> {
    let Params::DsaParameterGen { hash, seed, index: _ } = params else { return Err(wrong_shape(params, "CK_DSA_PARAMETER_GEN_PARAM")) };
    let hash = hash_param(*hash, "hash")?;
    if 8 * hash.len() < subprime_bits {
        return Err(bad(format!("the hash gives {} bits, fewer than the subprime has", 8 * hash.len())));
    }
    match seed.len() {
        0 => Ok((hash, subprime_bits / 8)),
        room if (subprime_bits / 8..=MAX_SEED).contains(&room) => Ok((hash, room)),
        room => Err(bad(format!("ulSeedLen is {room}; {} to {MAX_SEED} expected", subprime_bits / 8))),
    }
}

/// What a generator is made of.
pub(crate) struct GeneratorFrom {
    pub(crate) hash: Hash,
    pub(crate) seed: Vec<u8>,
    pub(crate) index: u8,
}

pub(crate) fn generator_from(params: &Params) -> R<GeneratorFrom> {
    let Params::DsaParameterGen { hash, seed, index } = params else { return Err(wrong_shape(params, "CK_DSA_PARAMETER_GEN_PARAM")) };
    if seed.is_empty() || seed.len() > MAX_SEED {
        return Err(bad(format!("the seed has {} bytes, 1 to {MAX_SEED} expected", seed.len())));
    }
    let index = u8::try_from(*index).map_err(|_| bad(format!("ulIndex is {index}, 0 to 255 expected")))?;
    Ok(GeneratorFrom { hash: hash_param(*hash, "hash")?, seed: seed.clone(), index })
}

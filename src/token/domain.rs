//! C_GenerateKey for domain parameters: groups for DSA and Diffie-Hellman.
//!
//! Sizes are the template's, in the steps of the standard; what can be refused is refused before the search for primes begins. Source:
//! PKCS#11 3.2, "DSA domain parameter generation" and what follows it, and the same of Diffie-Hellman.

use crate::object::{self, Template};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::keys::Generated;
use crate::token::mechanism::{MechRow, Mechanism, ParamShape};
use crate::token::plan::domain::{GeneratorFrom, generator_from, seeded};
use crate::token::plan::{Group, no_parameter};
use crate::token::session::Session;
use cngtoken_crypto::{self as crypto, Hash};
use cngtoken_key::Uint;
use cryptoki_sys as ck;

/// A size from the template.
fn bits(template: &Template, id: u64) -> R<Option<usize>> {
    let bits = template.ulong(id).map(usize::try_from).transpose();
    bits.map_err(|_| Reason::KeySizeRange.because(format!("{} is too large", object::attributes::name(id))))
}

/// CKA_PRIME_BITS, within the row's range and in its steps.
fn prime_bits(template: &Template, row: &MechRow, step: usize) -> R<usize> {
    let bits = bits(template, ck::CKA_PRIME_BITS)?.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_PRIME_BITS is missing"))?;
    let (min, max) = row.sizes.bounds();
    if !(min..=max).contains(&(bits as u64)) || !bits.is_multiple_of(step) {
        return Err(Reason::KeySizeRange.because(format!("CKA_PRIME_BITS is {bits}; {min} to {max} in steps of {step} expected")));
    }
    Ok(bits)
}

/// CKA_SUBPRIME_BITS, or what goes with the prime.
fn subprime_bits(template: &Template, prime: usize) -> R<usize> {
    match bits(template, ck::CKA_SUBPRIME_BITS)? {
        Some(bits @ 160..=512) if bits.is_multiple_of(8) && bits < prime => Ok(bits),
        Some(bits) => {
            Err(Reason::KeySizeRange.because(format!("CKA_SUBPRIME_BITS is {bits}; 160 to 512 in whole bytes expected, less than the prime's")))
        }
        None => Ok(if prime >= 2048 { 256 } else { 160 }),
    }
}

/// The narrowest hash that gives a subprime of so many bits.
fn hash_for(bits: usize) -> Hash {
    match bits {
        ..=160 => Hash::Sha1,
        161..=224 => Hash::Sha224,
        225..=256 => Hash::Sha256,
        257..=384 => Hash::Sha384,
        _ => Hash::Sha512,
    }
}

/// Numbers of a new group, and the seed that is told.
type Made = (Vec<(u64, Uint)>, Option<Vec<u8>>);

/// Prime, subprime and base of the sizes in the template.
fn subgroup(prime: usize, subprime: usize) -> R<Made> {
    let new = crypto::generate_primes(prime, subprime, hash_for(subprime), subprime / 8)?;
    let g = crypto::generator(&new.p, &new.q)?;
    Ok((vec![(ck::CKA_PRIME, new.p), (ck::CKA_SUBPRIME, new.q), (ck::CKA_BASE, g)], None))
}

impl Application {
    pub(crate) fn generate_domain(
        &self,
        session: &Session,
        row: &MechRow,
        group: Group,
        mechanism: &Mechanism,
        mut template: Template,
    ) -> R<Generated> {
        let key_type = row.keys.first().copied().ok_or(Reason::GeneralError)?;
        // The one mechanism that starts from primes takes them out of the template.
        let primes =
            if group == Group::DsaBase { Some((taken(&mut template, ck::CKA_PRIME)?, taken(&mut template, ck::CKA_SUBPRIME)?)) } else { None };
        if row.params == ParamShape::None {
            no_parameter(&mechanism.params)?;
        }
        let actor = session.actor();
        object::domain_precheck(&mut template, key_type, mechanism.id, &actor)?;
        session.may_write(template.bool(ck::CKA_TOKEN).unwrap_or(false))?;
        let (numbers, seed) = match (group, primes) {
            (Group::Dsa, _) => {
                let prime = prime_bits(&template, row, 64)?;
                subgroup(prime, subprime_bits(&template, prime)?)?
            }
            (Group::X942, _) => {
                let prime = prime_bits(&template, row, 256)?;
                let subprime = bits(&template, ck::CKA_SUBPRIME_BITS)?;
                subprime.ok_or_else(|| Reason::TemplateIncomplete.because("CKA_SUBPRIME_BITS is missing"))?;
                subgroup(prime, subprime_bits(&template, prime)?)?
            }
            (Group::Pkcs3, _) => {
                let (p, g) = crypto::generate_safe_prime(prime_bits(&template, row, 1)?)?;
                (vec![(ck::CKA_PRIME, p), (ck::CKA_BASE, g)], None)
            }
            (Group::DsaSeeded, _) => {
                let prime = prime_bits(&template, row, 64)?;
                let subprime = subprime_bits(&template, prime)?;
                let (hash, seed_len) = seeded(&mechanism.params, subprime)?;
                let new = crypto::generate_primes(prime, subprime, hash, seed_len)?;
                (vec![(ck::CKA_PRIME, new.p), (ck::CKA_SUBPRIME, new.q)], Some(new.seed.seed))
            }
            (Group::DsaBase, Some((p, q))) => {
                let size = p.bit_len() as u64;
                let (min, max) = row.sizes.bounds();
                if !(min..=max).contains(&size) {
                    return Err(Reason::KeySizeRange.because(format!("CKA_PRIME has {size} bits, {min} to {max} supported")));
                }
                let GeneratorFrom { hash, seed, index } = generator_from(&mechanism.params)?;
                let no_group = |e: crypto::CryptoError| Reason::DomainParamsInvalid.because(e.to_string());
                let g = crypto::verifiable_generator(&p, &q, hash, &seed, index).map_err(no_group)?;
                (vec![(ck::CKA_PRIME, p), (ck::CKA_SUBPRIME, q), (ck::CKA_BASE, g)], None)
            }
            (Group::DsaBase, None) => return Err(Reason::GeneralError.into()),
        };
        let object = object::domain(&template, key_type, &numbers, &actor)?;
        let key = self.place(session, vec![object])?.pop().ok_or(Reason::GeneralError)?;
        Ok(Generated { key, back: seed })
    }
}

fn taken(template: &mut Template, id: u64) -> R<Uint> {
    let number = template.bytes(id).map(Uint::from_be);
    template.remove(id);
    number.ok_or_else(|| Reason::TemplateIncomplete.because(format!("{} is missing", object::attributes::name(id))))
}

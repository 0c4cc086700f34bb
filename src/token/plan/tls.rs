//! Parameters of the TLS mechanisms: which pseudo-random function, over which label and seed. CKM_TLS_PRF in the place of a digest means the
//! function of TLS 1.0 and 1.1.
//!
//! Source: PKCS#11 3.2, "TLS 1.2 Mechanisms"; RFC 5246, sections 6.3 and 8.1; RFC 5705; RFC 7627.

use super::derivation::{Derivation, Secrecy};
use super::{bad, hash_param, usize_param, wrong_shape};
use crate::token::error::R;
use crate::token::mechanism::Params;
use cngtoken_crypto::{Derive, Prf, Scheme};
use cryptoki_sys as ck;

/// What is derived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tls {
    /// A master secret. `dh`: from a secret of any length that holds no version.
    Master { dh: bool, extended: bool },
    /// The keys of a connection, and its initialization vectors unless they are never to be told.
    Keys { vectors: bool },
    /// Whatever another protocol needs (RFC 5705).
    Exporter,
}

/// Bytes of a master secret, and of a premaster secret that holds a version.
pub(crate) const MASTER: usize = 48;
/// Bytes of a random in a hello message.
const RANDOM: usize = 32;
/// Most of a key block's parts, in bytes.
const MAX_PART: usize = 512;
/// Longest tag; the standard's least is 12.
const MAX_TAG: u64 = 255;

fn prf_of(id: u64) -> R<Prf> {
    if id == ck::CKM_TLS_PRF { Ok(Prf::Tls10) } else { Ok(Prf::Tls12(hash_param(id, "prfHashMechanism")?)) }
}

fn random<'a>(bytes: &'a [u8], of: &str) -> R<&'a [u8]> {
    if bytes.len() == RANDOM { Ok(bytes) } else { Err(bad(format!("the {of}'s random has {} bytes, {RANDOM} expected", bytes.len()))) }
}

/// A master secret's derivation.
pub(crate) fn master(params: &Params, dh: bool, extended: bool) -> R<Derive> {
    let (prf, seed, version) = match params {
        Params::TlsMaster { prf, client, server, version } if !extended => {
            (*prf, [&b"master secret"[..], random(client, "client")?, random(server, "server")?].concat(), *version)
        }
        Params::TlsExtendedMaster { prf, session_hash, version } if extended => {
            if session_hash.is_empty() {
                return Err(bad("the session hash is missing"));
            }
            (*prf, [&b"extended master secret"[..], session_hash].concat(), *version)
        }
        _ => return Err(wrong_shape(params, "the structure of a master secret's derivation")),
    };
    if dh && version {
        return Err(bad("pVersion is given, but a Diffie-Hellman secret holds no version"));
    }
    Ok(Derive::Tls { prf: prf_of(prf)?, seed, natural: Some(MASTER) })
}

/// A connection's keys.
pub(crate) struct KeyBlock {
    /// All of it, cut by the lengths.
    pub(crate) how: Derive,
    pub(crate) mac: usize,
    pub(crate) key: usize,
    pub(crate) iv: usize,
}

impl KeyBlock {
    pub(crate) fn len(&self) -> usize {
        2 * (self.mac + self.key + self.iv)
    }
}

pub(crate) fn key_block(params: &Params, vectors: bool) -> R<KeyBlock> {
    let Params::TlsKeys { prf, mac_bits, key_bits, iv_bits, export, client, server } = params else {
        return Err(wrong_shape(params, "CK_TLS12_KEY_MAT_PARAMS"));
    };
    if *export {
        return Err(bad("bIsExport is true; export cipher suites are not served"));
    }
    let bytes = |bits: u64, what: &str| match usize::try_from(bits / 8) {
        Ok(n) if bits.is_multiple_of(8) && n <= MAX_PART => Ok(n),
        _ => Err(bad(format!("{what} is {bits}; whole bytes expected, at most {MAX_PART}"))),
    };
    let seed = [&b"key expansion"[..], random(server, "server")?, random(client, "client")?].concat();
    let block = KeyBlock {
        how: Derive::Tls { prf: prf_of(*prf)?, seed, natural: None },
        mac: bytes(*mac_bits, "ulMacSizeInBits")?,
        key: bytes(*key_bits, "ulKeySizeInBits")?,
        iv: if vectors { bytes(*iv_bits, "ulIVSizeInBits")? } else { 0 },
    };
    if block.len() == 0 { Err(bad("neither keys nor vectors are asked for")) } else { Ok(block) }
}

pub(super) fn exporter(params: &Params) -> R<Derivation> {
    let Params::TlsKdf { prf, label, client, server, context } = params else { return Err(wrong_shape(params, "CK_TLS_KDF_PARAMS")) };
    if label.is_empty() {
        return Err(bad("the label is missing"));
    }
    if client.is_empty() && server.is_empty() {
        return Err(bad("the randoms are missing"));
    }
    let mut seed = [&label[..], client, server].concat();
    if let Some(context) = context {
        let len = u16::try_from(context.len()).map_err(|_| bad(format!("the context has {} bytes, at most 65535 allowed", context.len())))?;
        seed.extend_from_slice(&len.to_be_bytes());
        seed.extend_from_slice(context);
    }
    let how = Derive::Tls { prf: prf_of(*prf)?, seed, natural: None };
    Ok(Derivation { secrecy: Secrecy::Inherited, ..Derivation::of(how) })
}

pub(super) fn mac(params: &Params) -> R<Scheme> {
    let Params::TlsMac { prf, len, side } = params else { return Err(wrong_shape(params, "CK_TLS_MAC_PARAMS")) };
    let prf = prf_of(*prf)?;
    let most = if prf == Prf::Tls10 { 12 } else { MAX_TAG };
    if !(12..=most).contains(len) {
        return Err(bad(format!("ulMacLength is {len}, 12 to {most} expected")));
    }
    let label: &[u8] = match side {
        1 => b"server finished",
        2 => b"client finished",
        other => return Err(bad(format!("ulServerOrClient is {other}; 1 for the server or 2 for the client expected"))),
    };
    Ok(Scheme::TlsMac { prf, label: label.to_vec(), len: usize_param(*len, "ulMacLength")? })
}

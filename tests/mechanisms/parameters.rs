//! Parameters by the shape that a row declares: a good one, and some that must be refused.

use crate::client::Mech;
use crate::{Bench, Case};
use cngtoken::token::ParamShape;
use cryptoki_sys::*;

/// The hash that is in a mechanism's name, as hash and MGF numbers with the hash's length; SHA-256 where there is none.
fn hash_in(name: &str) -> (u64, u64, u64) {
    let known = [
        ("SHA3_224", CKM_SHA3_224, CKG_MGF1_SHA3_224, 28),
        ("SHA3_256", CKM_SHA3_256, CKG_MGF1_SHA3_256, 32),
        ("SHA3_384", CKM_SHA3_384, CKG_MGF1_SHA3_384, 48),
        ("SHA3_512", CKM_SHA3_512, CKG_MGF1_SHA3_512, 64),
        ("SHA1", CKM_SHA_1, CKG_MGF1_SHA1, 20),
        ("SHA_1", CKM_SHA_1, CKG_MGF1_SHA1, 20),
        ("SHA224", CKM_SHA224, CKG_MGF1_SHA224, 28),
        ("SHA384", CKM_SHA384, CKG_MGF1_SHA384, 48),
        ("SHA512", CKM_SHA512, CKG_MGF1_SHA512, 64),
    ];
    let found = known.into_iter().find(|(part, ..)| name.contains(part));
    found.map_or((CKM_SHA256, CKG_MGF1_SHA256, 32), |(_, hash, mgf, len)| (hash, mgf, len))
}

/// Bytes of a tag that every MAC and AEAD offers.
pub(crate) const TAG: u64 = 8;

impl Bench {
    /// The other side's public value, as the parameter of a key agreement carries it.
    fn peer(&self, case: Case<'_>) -> Vec<u8> {
        let peer = self.pair(case.key_type).expect("a key agreement has pairs").public;
        let id = if matches!(case.key_type, CKK_EC | CKK_EC_MONTGOMERY) { CKA_EC_POINT } else { CKA_VALUE };
        self.m.get(self.s, peer, id).expect("a public value")
    }

    /// A parameter that the row takes.
    pub(crate) fn good(&self, case: Case<'_>) -> Mech {
        let row = case.row;
        let (hash, mgf, len) = hash_in(row.name);
        match row.params {
            ParamShape::None | ParamShape::EdDsa | ParamShape::SignContext | ParamShape::OptionalIv(_) => Mech::plain(row.id),
            ParamShape::Iv(len) => Mech::bytes(row.id, &vec![0x24; len]),
            ParamShape::Bytes if row.uses & CKF_DERIVE != 0 && row.keys == [CKK_DH] => Mech::bytes(row.id, &self.peer(case)),
            ParamShape::Ulong if row.id == CKM_CONCATENATE_BASE_AND_KEY => Mech::bytes(row.id, &self.key(case).private.to_ne_bytes()),
            ParamShape::Ulong => Mech::bytes(row.id, &TAG.to_ne_bytes()),
            ParamShape::Pss => Mech::pss(row.id, hash, mgf, len),
            ParamShape::Oaep => Mech::oaep(hash, mgf, b"label"),
            ParamShape::Gcm => Mech::gcm(&[0x24; 12], b"aad", 128),
            ParamShape::GcmOrIv => Mech::bytes(row.id, &[0x24; 12]),
            ParamShape::Ctr => Mech::structure(row.id, CK_AES_CTR_PARAMS { ulCounterBits: 64, cb: [0x24; 16] }, Vec::new()),
            ParamShape::Ecdh1 => Mech::ecdh(row.id, CKD_NULL, &self.peer(case)),
            ParamShape::HashSignContext => Mech::structure(
                row.id,
                CK_HASH_SIGN_ADDITIONAL_CONTEXT {
                    hedgeVariant: CKH_HEDGE_PREFERRED,
                    pContext: std::ptr::null_mut(),
                    ulContextLen: 0,
                    hash: CKM_SHA256,
                },
                Vec::new(),
            ),
            ParamShape::Ccm => {
                let mut buffers = vec![vec![0x24; 12], b"aad".to_vec()];
                let (nonce, aad) = (buffers[0].as_mut_ptr(), buffers[1].as_mut_ptr());
                // Both what is encrypted and what travels has 32 bytes.
                let structure = CK_CCM_PARAMS { ulDataLen: 32, pNonce: nonce, ulNonceLen: 12, pAAD: aad, ulAADLen: 3, ulMACLen: 16 };
                Mech::structure(row.id, structure, buffers)
            }
            ParamShape::StreamPoly => {
                let mut buffers = vec![vec![0x24; 12], b"aad".to_vec()];
                let (nonce, aad) = (buffers[0].as_mut_ptr(), buffers[1].as_mut_ptr());
                let structure = CK_SALSA20_CHACHA20_POLY1305_PARAMS { pNonce: nonce, ulNonceLen: 12, pAAD: aad, ulAADLen: 3 };
                Mech::structure(row.id, structure, buffers)
            }
            ParamShape::ChaCha20 => {
                let mut buffers = vec![vec![0; 8], vec![0x24; 8]];
                let (counter, nonce) = (buffers[0].as_mut_ptr(), buffers[1].as_mut_ptr());
                let structure = CK_CHACHA20_PARAMS { pBlockCounter: counter, blockCounterBits: 64, pNonce: nonce, ulNonceBits: 64 };
                Mech::structure(row.id, structure, buffers)
            }
            ParamShape::Salsa20 => {
                let mut buffers = vec![vec![0; 8], vec![0x24; 8]];
                let (counter, nonce) = (buffers[0].as_mut_ptr(), buffers[1].as_mut_ptr());
                Mech::structure(row.id, CK_SALSA20_PARAMS { pBlockCounter: counter, pNonce: nonce, ulNonceBits: 64 }, buffers)
            }
            ParamShape::RsaAesKeyWrap => {
                let oaep =
                    CK_RSA_PKCS_OAEP_PARAMS { hashAlg: hash, mgf, source: CKZ_DATA_SPECIFIED, pSourceData: std::ptr::null_mut(), ulSourceDataLen: 0 };
                // Lives as long as the process: the structure points at it.
                let oaep = Box::leak(Box::new(oaep));
                Mech::structure(row.id, CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 256, pOAEPParams: oaep }, Vec::new())
            }
            ParamShape::EcdhAesKeyWrap => {
                let structure =
                    CK_ECDH_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 256, kdf: CKD_SHA256_KDF, ulSharedDataLen: 0, pSharedData: std::ptr::null_mut() };
                Mech::structure(row.id, structure, Vec::new())
            }
            ParamShape::DsaParameterGen => {
                Mech::structure(row.id, CK_DSA_PARAMETER_GEN_PARAM { hash, pSeed: std::ptr::null_mut(), ulSeedLen: 0, ulIndex: 0 }, Vec::new())
            }
            ParamShape::DerivationString => {
                let mut data = b"thirty-two bytes beside the base".to_vec();
                let structure = CK_KEY_DERIVATION_STRING_DATA { pData: data.as_mut_ptr(), ulLen: data.len() as CK_ULONG };
                Mech::structure(row.id, structure, vec![data])
            }
            other => panic!("{}: no recipe for a parameter of the shape {other:?}: add one here", row.name),
        }
    }

    /// A parameter that the row takes in this use: in encapsulation the ciphertext is the other side's value, and its place stays empty.
    pub(crate) fn good_for(&self, case: Case<'_>, flag: u64) -> Mech {
        let row = case.row;
        match row.params {
            _ if flag & (CKF_ENCAPSULATE | CKF_DECAPSULATE) == 0 => self.good(case),
            ParamShape::Bytes => Mech::plain(row.id),
            ParamShape::Ecdh1 => Mech::ecdh(row.id, CKD_NULL, &[]),
            _ => self.good(case),
        }
    }

    /// Parameters that the row must refuse, each with a word on what is wrong with it.
    pub(crate) fn bad(case: Case<'_>, flag: u64) -> Vec<(&'static str, Mech)> {
        let id = case.row.id;
        // No structure and no vector has three bytes; the one string that may is a key agreement's, which must not be empty.
        let mut bad = vec![if case.row.params == ParamShape::Bytes && flag & CKF_DERIVE != 0 {
            ("no bytes", Mech::plain(id))
        } else {
            ("three bytes", Mech::bytes(id, &[1, 2, 3]))
        }];
        match case.row.params {
            // Without a seed a group is made from a fresh one; what is missing then is in the template.
            ParamShape::DsaParameterGen => {}
            ParamShape::None | ParamShape::EdDsa | ParamShape::SignContext | ParamShape::OptionalIv(_) | ParamShape::Bytes => {}
            _ => bad.push(("none at all", Mech::plain(id))),
        }
        match case.row.params {
            ParamShape::Ulong if case.row.uses & CKF_SIGN != 0 => {
                bad.push(("a tag of no bytes", Mech::bytes(id, &0_u64.to_ne_bytes())));
                bad.push(("a tag that is too long", Mech::bytes(id, &65_u64.to_ne_bytes())));
            }
            ParamShape::Pss => {
                bad.push(("an unknown hash", Mech::pss(id, 0x7777, CKG_MGF1_SHA256, 32)));
                bad.push(("an unknown MGF", Mech::pss(id, hash_in(case.row.name).0, 0x7777, 32)));
            }
            ParamShape::Oaep => bad.push(("an unknown hash", Mech::oaep(0x7777, CKG_MGF1_SHA256, b""))),
            ParamShape::Gcm => {
                bad.push(("an empty IV", Mech::gcm(&[], b"", 128)));
                bad.push(("a tag of an odd length", Mech::gcm(&[0; 12], b"", 100)));
            }
            ParamShape::Ctr => {
                bad.push(("a counter of no bits", Mech::structure(id, CK_AES_CTR_PARAMS { ulCounterBits: 0, cb: [0; 16] }, Vec::new())));
                bad.push(("a counter of too many bits", Mech::structure(id, CK_AES_CTR_PARAMS { ulCounterBits: 129, cb: [0; 16] }, Vec::new())));
            }
            ParamShape::Ecdh1 => bad.push(("an unknown KDF", Mech::ecdh(id, 0x7777, &[4; 65]))),
            _ => {}
        }
        bad
    }
}

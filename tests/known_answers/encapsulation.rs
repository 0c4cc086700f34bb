//! C_EncapsulateKey and C_DecapsulateKey with RSA and Diffie-Hellman keys: what one side made the other has, and C_Decrypt and C_DeriveKey,
//! whose answers other tests prove, find the same secret in the ciphertext.

use crate::client::{Attrs, Mech, Module, Rv, alone, load};
use cryptoki_sys::*;

fn target(len: u64) -> Attrs {
    let open = Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    open.ulong(CKA_VALUE_LEN, len)
}

fn value(m: &Module, s: u64, key: u64) -> Vec<u8> {
    m.get(s, key, CKA_VALUE).unwrap()
}

#[test]
fn a_secret_under_rsa_is_what_decryption_finds() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let public = Attrs::new().ulong(CKA_MODULUS_BITS, 2048).bool(CKA_ENCAPSULATE, true);
        let private = Attrs::new().bool(CKA_DECAPSULATE, true).bool(CKA_DECRYPT, true);
        let (public, private) = m.generate_pair(s, &Mech::plain(CKM_RSA_PKCS_KEY_PAIR_GEN), &public, &private).unwrap();
        for mech in [Mech::plain(CKM_RSA_PKCS), Mech::oaep(CKM_SHA256, CKG_MGF1_SHA256, b"label")] {
            let (ciphertext, here) = m.encapsulate(s, &mech, public, &target(32)).unwrap();
            assert_eq!(m.decrypt(s, &mech, private, &ciphertext), Ok(value(m, s, here)));
            let there = m.decapsulate(s, &mech, private, &target(32), &ciphertext).unwrap();
            assert_eq!((value(m, s, here), m.get_bool(s, there, CKA_LOCAL)), (value(m, s, there), Ok(false)));
            let invalid = Err(Rv(CKR_WRAPPED_KEY_INVALID));
            assert_eq!(m.decapsulate(s, &mech, private, &target(31), &ciphertext), invalid);
            assert_eq!(m.decapsulate(s, &mech, private, &target(32), &ciphertext[1..]), invalid);
            assert_eq!(m.encapsulate(s, &mech, public, &target(32).without(&[CKA_VALUE_LEN])), Err(Rv(CKR_TEMPLATE_INCOMPLETE)));
            assert_eq!(m.encapsulate(s, &mech, public, &target(250)), Err(Rv(CKR_KEY_SIZE_RANGE)));
        }
        assert_eq!(m.encapsulate(s, &Mech::plain(CKM_RSA_PKCS_OAEP), public, &target(32)), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
        assert_eq!(m.encapsulate(s, &Mech::plain(CKM_RSA_X_509), public, &target(32)), Err(Rv(CKR_MECHANISM_INVALID)));
    });
}

#[test]
fn an_agreements_ciphertext_is_a_public_value_that_derivation_takes() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let group = m.generate(s, &Mech::plain(CKM_X9_42_DH_PARAMETER_GEN), &Attrs::new().ulong(CKA_PRIME_BITS, 1024).ulong(CKA_SUBPRIME_BITS, 160));
        let number = |id| m.get(s, group.unwrap(), id).unwrap();
        let dh = Attrs::new().bytes(CKA_PRIME, &number(CKA_PRIME)).bytes(CKA_BASE, &number(CKA_BASE));
        let x942 = dh.clone().bytes(CKA_SUBPRIME, &number(CKA_SUBPRIME));
        let curve = |params: &str| Attrs::new().bytes(CKA_EC_PARAMS, &hex::decode(params).unwrap());
        for (generate, template, id, kdf, len) in [
            (CKM_EC_KEY_PAIR_GEN, curve("06082a8648ce3d030107"), CKM_ECDH1_DERIVE, CKD_NULL, 32),
            (CKM_EC_KEY_PAIR_GEN, curve("06052b81040023"), CKM_ECDH1_COFACTOR_DERIVE, CKD_SHA256_KDF, 40),
            (CKM_EC_MONTGOMERY_KEY_PAIR_GEN, curve("06032b656e"), CKM_ECDH1_DERIVE, CKD_SHA512_KDF, 16),
            (CKM_DH_PKCS_KEY_PAIR_GEN, dh, CKM_DH_PKCS_DERIVE, CKD_NULL, 24),
            (CKM_X9_42_DH_KEY_PAIR_GEN, x942, CKM_X9_42_DH_DERIVE, CKD_NULL, 24),
        ] {
            let public = template.bool(CKA_ENCAPSULATE, true);
            let private = Attrs::new().bool(CKA_DECAPSULATE, true).bool(CKA_DERIVE, true);
            let (public, private) = m.generate_pair(s, &Mech::plain(generate), &public, &private).unwrap();
            let mech = |peer: &[u8]| match id {
                CKM_DH_PKCS_DERIVE if peer.is_empty() => Mech::plain(id),
                CKM_DH_PKCS_DERIVE => Mech::bytes(id, peer),
                _ => Mech::ecdh(id, kdf, peer),
            };
            let (ciphertext, here) = m.encapsulate(s, &mech(&[]), public, &target(len)).unwrap();
            let there = m.decapsulate(s, &mech(&[]), private, &target(len), &ciphertext).unwrap();
            let derived = m.derive(s, &mech(&ciphertext), private, &target(len)).unwrap();
            assert_eq!((value(m, s, here), value(m, s, here)), (value(m, s, there), value(m, s, derived)), "{id:#x}");
            let (again, _) = m.encapsulate(s, &mech(&[]), public, &target(len)).unwrap();
            assert_ne!(again, ciphertext, "{id:#x}");
            assert_eq!(m.encapsulate(s, &mech(&ciphertext), public, &target(len)), Err(Rv(CKR_MECHANISM_PARAM_INVALID)), "{id:#x}");
            assert_eq!(m.decapsulate(s, &mech(&[]), private, &target(len), &[1]), Err(Rv(CKR_WRAPPED_KEY_INVALID)), "{id:#x}");
            assert_eq!(m.decapsulate(s, &mech(&[]), private, &target(len), &[]), Err(Rv(CKR_WRAPPED_KEY_LEN_RANGE)), "{id:#x}");
        }
    });
}

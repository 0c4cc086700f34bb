//! HashML-DSA and HashSLH-DSA with SHAKE.

use crate::client::{Attrs, Mech, Module, Rv, alone, load};
use crate::{answers, hex_of, text_of};
use cryptoki_sys::*;
use serde_json::Value;
use std::ptr::null_mut;

fn mechanism(name: &str) -> u64 {
    match name {
        "CKM_HASH_ML_DSA_SHAKE128" => CKM_HASH_ML_DSA_SHAKE128,
        "CKM_HASH_ML_DSA_SHAKE256" => CKM_HASH_ML_DSA_SHAKE256,
        "CKM_HASH_SLH_DSA_SHAKE128" => CKM_HASH_SLH_DSA_SHAKE128,
        "CKM_HASH_SLH_DSA_SHAKE256" => CKM_HASH_SLH_DSA_SHAKE256,
        other => panic!("{other}"),
    }
}

fn with_context(id: u64, hedge: u64, context: &[u8]) -> Mech {
    let mut buffers = vec![context.to_vec()];
    let at = if context.is_empty() { null_mut() } else { buffers[0].as_mut_ptr() };
    Mech::structure(id, CK_SIGN_ADDITIONAL_CONTEXT { hedgeVariant: hedge, pContext: at, ulContextLen: context.len() as CK_ULONG }, buffers)
}

fn keys(m: &Module, s: u64, test: &Value) -> (u64, u64) {
    let (key_type, set, private) = match text_of(test, "key_type") {
        "ML_DSA" => (CKK_ML_DSA, CKP_ML_DSA_44, (CKA_SEED, hex_of(test, "seed"))),
        _ if text_of(test, "set") == "SLH-DSA-SHAKE-128f" => (CKK_SLH_DSA, CKP_SLH_DSA_SHAKE_128F, (CKA_VALUE, hex_of(test, "private"))),
        _ => (CKK_SLH_DSA, CKP_SLH_DSA_SHA2_128F, (CKA_VALUE, hex_of(test, "private"))),
    };
    let base = |class| Attrs::new().class(class).ulong(CKA_KEY_TYPE, key_type).ulong(CKA_PARAMETER_SET, set);
    let public = base(CKO_PUBLIC_KEY).bool(CKA_VERIFY, true).bytes(CKA_VALUE, &hex_of(test, "public"));
    let private = base(CKO_PRIVATE_KEY).bool(CKA_SIGN, true).bytes(private.0, &private.1);
    (m.create(s, &public).unwrap(), m.create(s, &private).unwrap())
}

#[test]
fn signatures_over_a_shake_digest_are_those_of_others() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for test in answers("prehash_shake")["tests"].as_array().unwrap() {
            let name = text_of(test, "mechanism");
            let (public, private) = keys(m, s, test);
            let (message, context) = (hex_of(test, "message"), hex_of(test, "context"));
            let mech = with_context(mechanism(name), CKH_DETERMINISTIC_REQUIRED, &context);
            let signature = m.sign(s, &mech, private, &message).unwrap();
            let summary = m.digest(s, &Mech::plain(CKM_SHA256), &signature).unwrap();
            assert_eq!(hex::encode(summary), text_of(test, "signature_sha256"), "{name}");
            m.verify(s, &mech, public, &message, &signature).unwrap();

            // In parts it is the same signature; hedged it is another that verifies.
            p11_parts(m, s, &mech, private, &message, &signature);
            let hedged = m.sign(s, &with_context(mechanism(name), CKH_HEDGE_REQUIRED, &context), private, &message).unwrap();
            assert_ne!(hedged, signature, "{name}");
            m.verify(s, &mech, public, &message, &hedged).unwrap();

            let mut forged = signature.clone();
            forged[9] ^= 1;
            assert_eq!(m.verify(s, &mech, public, &message, &forged), Err(Rv(CKR_SIGNATURE_INVALID)), "{name}");
            let other = with_context(mechanism(name), CKH_DETERMINISTIC_REQUIRED, b"not the context");
            assert_eq!(m.verify(s, &other, public, &message, &signature), Err(Rv(CKR_SIGNATURE_INVALID)), "{name}");
            for bad in [with_context(mechanism(name), 77, b""), with_context(mechanism(name), 0, &[1; 256]), Mech::bytes(mechanism(name), &[1; 3])] {
                assert_eq!(m.sign(s, &bad, private, &message), Err(Rv(CKR_MECHANISM_PARAM_INVALID)), "{name}");
            }
        }
    });
}

fn p11_parts(m: &Module, s: u64, mech: &Mech, key: u64, message: &[u8], expected: &[u8]) {
    crate::p11!(m, C_SignInit, s, mech.as_ptr(), key).ok().unwrap();
    for part in message.chunks(3) {
        let (at, len) = crate::client::input(part);
        crate::p11!(m, C_SignUpdate, s, at, len).ok().unwrap();
    }
    let told = crate::client::two_calls(|out, len| crate::p11!(m, C_SignFinal, s, out, len)).unwrap();
    assert_eq!(told, expected);
}

//! CKM_PUB_KEY_FROM_PRIV_KEY: the public object is the one that was made with the private key, whatever the family.

use crate::client::{Attrs, Mech, Module, R, Rv, alone, load};
use cryptoki_sys::*;

const P256: &[u8] = &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const ED25519: &[u8] = &[0x06, 0x03, 0x2B, 0x65, 0x70];
const X25519: &[u8] = &[0x06, 0x03, 0x2B, 0x65, 0x6E];

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

fn pair(m: &Module, s: u64, mechanism: u64, public: &Attrs, private: &Attrs) -> (u64, u64) {
    m.generate_pair(s, &Mech::plain(mechanism), public, private).expect("a pair")
}

#[test]
fn the_public_half_of_a_private_key_is_the_public_key_of_its_pair() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let derive = Mech::plain(CKM_PUB_KEY_FROM_PRIV_KEY);
        let curve = |params: &[u8]| Attrs::new().bytes(CKA_EC_PARAMS, params);
        let set = |set: u64| Attrs::new().ulong(CKA_PARAMETER_SET, set);
        for (mechanism, public, number) in [
            (CKM_RSA_PKCS_KEY_PAIR_GEN, Attrs::new().ulong(CKA_MODULUS_BITS, 1024), CKA_MODULUS),
            (CKM_EC_KEY_PAIR_GEN, curve(P256), CKA_EC_POINT),
            (CKM_EC_EDWARDS_KEY_PAIR_GEN, curve(ED25519), CKA_EC_POINT),
            (CKM_EC_MONTGOMERY_KEY_PAIR_GEN, curve(X25519), CKA_EC_POINT),
            (CKM_ML_KEM_KEY_PAIR_GEN, set(CKP_ML_KEM_512), CKA_VALUE),
            (CKM_ML_DSA_KEY_PAIR_GEN, set(CKP_ML_DSA_44), CKA_VALUE),
            (CKM_SLH_DSA_KEY_PAIR_GEN, set(CKP_SLH_DSA_SHA2_128F), CKA_VALUE),
        ] {
            let hidden = Attrs::new().bytes(CKA_ID, b"the id").bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false);
            let (made, private) = pair(m, s, mechanism, &public, &hidden);
            let derived = m.derive(s, &derive, private, &Attrs::new()).unwrap_or_else(|rv| panic!("{mechanism:#x}: {rv:?}"));
            for id in [CKA_CLASS, CKA_KEY_TYPE, CKA_PUBLIC_KEY_INFO, number, CKA_KEY_GEN_MECHANISM] {
                assert_eq!(m.get(s, derived, id), m.get(s, made, id), "{mechanism:#x} {id:#x}");
            }
            assert_eq!(m.get(s, derived, CKA_ID), Ok(b"the id".to_vec()));
            let expected =
                [(CKA_TOKEN, false), (CKA_PRIVATE, false), (CKA_LOCAL, false), (CKA_MODIFIABLE, true), (CKA_DESTROYABLE, true), (CKA_TRUSTED, false)];
            for (id, value) in expected {
                assert_eq!(m.get_bool(s, derived, id), Ok(value), "{mechanism:#x} {id:#x}");
            }
        }
    });
}

#[test]
fn the_public_half_may_do_what_the_private_key_may_unless_the_template_says_otherwise() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let derive = Mech::plain(CKM_PUB_KEY_FROM_PRIV_KEY);
        let uses = Attrs::new().bool(CKA_SIGN, true).bool(CKA_SIGN_RECOVER, false).bool(CKA_DECRYPT, false).bool(CKA_UNWRAP, true);
        let (public, private) = pair(m, s, CKM_RSA_PKCS_KEY_PAIR_GEN, &Attrs::new().ulong(CKA_MODULUS_BITS, 1024), &uses);
        let flags = |key: u64| [CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_ENCRYPT, CKA_WRAP].map(|id| m.get_bool(s, key, id).unwrap());
        assert_eq!(flags(m.derive(s, &derive, private, &Attrs::new()).unwrap()), [true, false, false, true]);
        let own = Attrs::new().bool(CKA_ENCRYPT, true).bool(CKA_WRAP, false).label("mine").token();
        let derived = m.derive(s, &derive, private, &own).unwrap();
        assert_eq!(flags(derived), [true, false, true, false]);
        assert_eq!((m.get(s, derived, CKA_LABEL), m.get_bool(s, derived, CKA_TOKEN)), (Ok(b"mine".to_vec()), Ok(true)));

        assert_eq!(m.derive(s, &derive, public, &Attrs::new()), err(CKR_KEY_TYPE_INCONSISTENT), "a public key has no other half");
        let secret = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "s", b"secret").bool(CKA_DERIVE, true)).unwrap();
        assert_eq!(m.derive(s, &derive, secret, &Attrs::new()), err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(m.derive(s, &derive, 0xDEAD, &Attrs::new()), err(CKR_KEY_HANDLE_INVALID));
        assert_eq!(m.derive(s, &Mech::bytes(CKM_PUB_KEY_FROM_PRIV_KEY, b"x"), private, &Attrs::new()), err(CKR_MECHANISM_PARAM_INVALID));
        assert_eq!(m.derive(s, &derive, private, &Attrs::new().class(CKO_PRIVATE_KEY)), err(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(m.derive(s, &derive, private, &Attrs::new().bytes(CKA_MODULUS, &[9; 128])), err(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(m.derive(s, &derive, private, &Attrs::new().bool(CKA_TRUSTED, true)), err(CKR_ATTRIBUTE_READ_ONLY));
    });
}

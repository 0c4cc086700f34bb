//! C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated.

use crate::calls::{Client, Gcm, told};
use crate::client::{Attrs, Mech, Output, R, Room, Rv, alone, input, output, two_calls};
use crate::p11;
use cryptoki_sys::*;
use std::collections::HashSet;
use std::ptr::from_mut;

const AAD: &[u8] = b"associated";
const VALUE: [u8; 24] = [0x5A; 24];

fn wrap_into(c: &Client, gcm: &mut Gcm, wrapping: u64, key: u64, aad: &[u8], room: Room) -> Output {
    let mut raw = gcm.raw();
    let len = size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG;
    let mut m = CK_MECHANISM { mechanism: CKM_AES_GCM, pParameter: from_mut(&mut raw).cast(), ulParameterLen: len };
    let (aad, aad_len) = input(aad);
    let at = &raw mut m;
    output(room, |out, out_len| p11!(c.m, C_WrapKeyAuthenticated, c.s, at, wrapping, key, aad, aad_len, out, out_len))
}

fn wrap(c: &Client, gcm: &mut Gcm, wrapping: u64, key: u64) -> R<Vec<u8>> {
    told(|room| wrap_into(c, gcm, wrapping, key, AAD, room))
}

fn unwrap(c: &Client, gcm: &mut Gcm, unwrapping: u64, wrapped: &[u8], aad: &[u8], template: &Attrs) -> R<u64> {
    let mut raw = gcm.raw();
    let len = size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG;
    let mut m = CK_MECHANISM { mechanism: CKM_AES_GCM, pParameter: from_mut(&mut raw).cast(), ulParameterLen: len };
    let (mut rows, (aad, aad_len), (wrapped, wrapped_len)) = (template.rows(), input(aad), input(wrapped));
    let mut handle = 0;
    let (at, count) = (&raw mut m, rows.len() as CK_ULONG);
    let rv = p11!(c.m, C_UnwrapKeyAuthenticated, c.s, at, unwrapping, wrapped, wrapped_len, rows.as_mut_ptr(), count, aad, aad_len, &raw mut handle);
    rv.ok()?;
    Ok(handle)
}

fn generic() -> Attrs {
    Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).bool(CKA_SENSITIVE, false)
}

fn keys(c: &Client) -> (u64, u64) {
    let wrapping = Attrs::secret(CKK_AES, "wrapping", &[3; 16]).bool(CKA_WRAP, true).bool(CKA_UNWRAP, true);
    let travelling = Attrs::secret(CKK_GENERIC_SECRET, "travelling", &VALUE).bool(CKA_EXTRACTABLE, true);
    (c.m.create(c.s, &wrapping).unwrap(), c.m.create(c.s, &travelling).unwrap())
}

#[test]
fn a_wrapped_key_is_what_wrap_key_gives_with_its_tag_apart() {
    alone(|_| {
        let c = Client::new();
        let (wrapping, key) = keys(&c);
        let mech = Mech::gcm(&[1; 12], AAD, 128);
        let both = two_calls(|out, len| p11!(c.m, C_WrapKey, c.s, mech.as_ptr(), wrapping, key, out, len)).unwrap();
        let mut gcm = Gcm::given(&[1; 12]);
        let wrapped = wrap(&c, &mut gcm, wrapping, key).unwrap();
        assert_eq!([wrapped, gcm.tag].concat(), both);
    });
}

#[test]
fn secret_and_private_keys_come_back_and_vectors_are_made_and_never_repeat() {
    alone(|_| {
        let c = Client::new();
        let (wrapping, key) = keys(&c);
        let mut seen = HashSet::new();
        for (generator, fixed_bits) in [(CKG_GENERATE, 0), (CKG_GENERATE, 32), (CKG_GENERATE_RANDOM, 0)].repeat(4) {
            let mut gcm = Gcm::made(generator, fixed_bits);
            let wrapped = wrap(&c, &mut gcm, wrapping, key).unwrap();
            assert!(seen.insert(gcm.iv.clone()));
            assert_eq!(gcm.iv[..usize::try_from(fixed_bits / 8).unwrap()], vec![0xAB; usize::try_from(fixed_bits / 8).unwrap()]);
            let back = unwrap(&c, &mut gcm.to_open(), wrapping, &wrapped, AAD, &generic()).unwrap();
            assert_eq!(c.m.get(c.s, back, CKA_VALUE), Ok(VALUE.to_vec()));
            assert_eq!(c.m.get_bool(c.s, back, CKA_LOCAL), Ok(false));
        }
        // A counter would begin at zero for each call.
        for generator in [CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR, 9] {
            assert_eq!(wrap(&c, &mut Gcm::made(generator, 0), wrapping, key), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
        }
        let public = Attrs::new().bytes(CKA_EC_PARAMS, &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]).bool(CKA_VERIFY, true);
        let private = Attrs::new().bool(CKA_SIGN, true).bool(CKA_EXTRACTABLE, true);
        let (public, private) = c.m.generate_pair(c.s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, &private).unwrap();
        let mut gcm = Gcm::made(CKG_GENERATE, 0);
        let wrapped = wrap(&c, &mut gcm, wrapping, private).unwrap();
        let template = Attrs::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC).bool(CKA_SIGN, true);
        let back = unwrap(&c, &mut gcm.to_open(), wrapping, &wrapped, AAD, &template).unwrap();
        let signature = c.m.sign(c.s, &Mech::plain(CKM_ECDSA_SHA256), back, b"data").unwrap();
        c.m.verify(c.s, &Mech::plain(CKM_ECDSA_SHA256), public, b"data", &signature).unwrap();
    });
}

#[test]
fn every_fault_has_its_code_and_a_forged_key_has_one() {
    alone(|_| {
        let c = Client::new();
        let (wrapping, key) = keys(&c);
        let mut gcm = Gcm::made(CKG_GENERATE, 0);
        assert_eq!(wrap_into(&c, &mut gcm, wrapping, key, AAD, Room::Bytes(VALUE.len() - 1)).rv, CKR_BUFFER_TOO_SMALL);
        assert_eq!((&gcm.iv, &gcm.tag), (&vec![0xAB; 12], &vec![0; 16]), "written without success");
        let wrapped = wrap(&c, &mut gcm, wrapping, key).unwrap();
        let invalid = Err(Rv(CKR_WRAPPED_KEY_INVALID));
        let mut wrong = gcm.to_open();
        wrong.tag[0] ^= 1;
        assert_eq!(unwrap(&c, &mut wrong, wrapping, &wrapped, AAD, &generic()), invalid);
        assert_eq!(unwrap(&c, &mut gcm.to_open(), wrapping, &wrapped, b"other", &generic()), invalid);
        assert_eq!(unwrap(&c, &mut gcm.to_open(), wrapping, &wrapped[1..], AAD, &generic()), invalid);
        assert_eq!(unwrap(&c, &mut gcm.to_open(), wrapping, b"", AAD, &generic()), invalid);
        assert_eq!(unwrap(&c, &mut gcm.to_open(), wrapping, &wrapped, AAD, &generic().without(&[CKA_CLASS])), Err(Rv(CKR_TEMPLATE_INCOMPLETE)));
        for bad in [Gcm { tag: vec![], ..gcm.clone() }, Gcm { iv: vec![], ..gcm.clone() }, Gcm { tag_bits: 99, ..gcm.clone() }] {
            assert_eq!(wrap(&c, &mut bad.clone(), wrapping, key), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
            assert_eq!(unwrap(&c, &mut bad.clone(), wrapping, &wrapped, AAD, &generic()), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
        }
        assert_eq!(wrap(&c, &mut gcm, key, key), Err(Rv(CKR_WRAPPING_KEY_TYPE_INCONSISTENT)));
        assert_eq!(wrap(&c, &mut gcm, 0x999, key), Err(Rv(CKR_WRAPPING_KEY_HANDLE_INVALID)));
        assert_eq!(wrap(&c, &mut gcm, wrapping, 0x999), Err(Rv(CKR_KEY_HANDLE_INVALID)));
        let kept = c.m.create(c.s, &Attrs::secret(CKK_AES, "kept", &[1; 16]).bool(CKA_EXTRACTABLE, false).bool(CKA_WRAP, false)).unwrap();
        assert_eq!(wrap(&c, &mut gcm, wrapping, kept), Err(Rv(CKR_KEY_UNEXTRACTABLE)));
        assert_eq!(wrap(&c, &mut gcm, kept, key), Err(Rv(CKR_KEY_FUNCTION_NOT_PERMITTED)));
        let cbc = Mech::bytes(CKM_AES_CBC_PAD, &[0; 16]);
        let (aad, len) = input(AAD);
        let told =
            output(Room::Bytes(64), |out, out_len| p11!(c.m, C_WrapKeyAuthenticated, c.s, cbc.as_ptr(), wrapping, key, aad, len, out, out_len));
        assert_eq!(told.rv, CKR_MECHANISM_INVALID);
    });
}

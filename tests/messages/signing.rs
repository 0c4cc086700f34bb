//! Message-based signing and verification, and saved states.

use crate::calls::{Client, call};
use crate::client::{Attrs, Mech, Room, Rv, USER_PIN, alone};
use crate::p11;
use cryptoki_sys::*;
use std::ptr::null_mut;

const DATA: &[u8] = b"a message to be signed";
const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const ED25519: [u8; 5] = [0x06, 0x03, 0x2B, 0x65, 0x70];

fn pair(c: &Client, mech: u64, public: &Attrs) -> (u64, u64) {
    let (public, private) = (public.clone().bool(CKA_VERIFY, true), Attrs::new().bool(CKA_SIGN, true));
    c.m.generate_pair(c.s, &Mech::plain(mech), &public, &private).unwrap()
}

fn ec(c: &Client) -> (u64, u64) {
    pair(c, CKM_EC_KEY_PAIR_GEN, &Attrs::new().bytes(CKA_EC_PARAMS, &P256))
}

fn hmac(c: &Client) -> u64 {
    c.m.create(c.s, &Attrs::secret(CKK_GENERIC_SECRET, "mac", &[0x0B; 20]).bool(CKA_SIGN, true).bool(CKA_VERIFY, true)).unwrap()
}

#[test]
fn what_one_form_signs_every_other_form_verifies() {
    alone(|_| {
        let c = Client::new();
        let rsa = pair(&c, CKM_RSA_PKCS_KEY_PAIR_GEN, &Attrs::new().ulong(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]));
        let (ec, mac) = (ec(&c), hmac(&c));
        let edwards = pair(&c, CKM_EC_EDWARDS_KEY_PAIR_GEN, &Attrs::new().bytes(CKA_EC_PARAMS, &ED25519));
        let ml = pair(&c, CKM_ML_DSA_KEY_PAIR_GEN, &Attrs::new().ulong(CKA_PARAMETER_SET, CKP_ML_DSA_44));
        let cases = [
            (Mech::plain(CKM_SHA256_RSA_PKCS), rsa, true),
            (Mech::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32), rsa, true),
            (Mech::plain(CKM_RSA_PKCS), rsa, false),
            (Mech::plain(CKM_ECDSA_SHA256), ec, true),
            (Mech::plain(CKM_ECDSA), ec, false),
            (Mech::plain(CKM_EDDSA), edwards, true),
            (Mech::ml_dsa_deterministic(b"context"), ml, true),
            (Mech::plain(CKM_SHA256_HMAC), (mac, mac), true),
        ];
        for (index, (mech, (public, private), parts)) in cases.iter().enumerate() {
            assert_eq!((c.sign_init(mech, *private), c.verify_init(mech, *public)), (Rv(CKR_OK), Rv(CKR_OK)), "case {index}");
            for round in 0..2 {
                let signature = c.sign(DATA).unwrap();
                assert_eq!(c.verify(DATA, &signature), CKR_OK, "case {index}, round {round}");
                c.m.verify(c.s, mech, *public, DATA, &signature).unwrap();
                assert_eq!(c.verify(b"another", &signature), CKR_SIGNATURE_INVALID, "case {index}");
                assert_eq!(c.verify(DATA, &signature[1..]), CKR_SIGNATURE_LEN_RANGE, "case {index}");
                let one_shot = c.m.sign(c.s, mech, *private, DATA).unwrap();
                assert_eq!(c.verify(DATA, &one_shot), CKR_OK, "case {index}: the process goes on");
                if !parts {
                    assert_eq!(
                        (c.sign_begin(), c.verify_begin()),
                        (Rv(CKR_OPERATION_NOT_INITIALIZED), Rv(CKR_OPERATION_NOT_INITIALIZED)),
                        "case {index}"
                    );
                    continue;
                }
                assert_eq!((c.sign_begin(), c.sign_more(&DATA[..5]), c.sign_more(b"")), (Rv(CKR_OK), Rv(CKR_OK), Rv(CKR_OK)), "case {index}");
                let asked = c.sign_last(&DATA[5..], Room::Ask);
                assert_eq!((asked.rv, asked.len), (Rv(CKR_OK), signature.len() as u64), "case {index}");
                assert_eq!(c.sign_last(&DATA[5..], Room::Bytes(signature.len() - 1)).rv, CKR_BUFFER_TOO_SMALL, "case {index}");
                let signed = c.sign_last(&DATA[5..], Room::Bytes(signature.len()));
                assert_eq!(signed.rv, CKR_OK, "case {index}");
                for signature in [&signed.bytes, &signature] {
                    assert_eq!((c.verify_begin(), c.verify_next(&DATA[..9], None)), (Rv(CKR_OK), Rv(CKR_OK)), "case {index}");
                    assert_eq!(c.verify_next(&DATA[9..], Some(signature)), CKR_OK, "case {index}");
                }
                assert_eq!((c.verify_begin(), c.verify_next(b"another", Some(&signature))), (Rv(CKR_OK), Rv(CKR_SIGNATURE_INVALID)), "case {index}");
                assert_eq!(c.verify_next(DATA, Some(&signature)), CKR_OPERATION_NOT_INITIALIZED, "case {index}");
            }
            assert_eq!((c.sign_final(), c.verify_final()), (Rv(CKR_OK), Rv(CKR_OK)), "case {index}");
        }
    });
}

#[test]
fn hmac_of_rfc_4231_as_a_message() {
    alone(|_| {
        let c = Client::new();
        assert_eq!(c.sign_init(&Mech::plain(CKM_SHA256_HMAC), hmac(&c)), CKR_OK);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(hex::encode(c.sign(b"Hi There").unwrap()), expected);
        assert_eq!((c.sign_begin(), c.sign_more(b"Hi ")), (Rv(CKR_OK), Rv(CKR_OK)));
        assert_eq!(hex::encode(c.sign_last(b"There", Room::Bytes(32)).bytes), expected);
    });
}

#[test]
fn calls_in_the_wrong_order_and_parameters_are_refused() {
    alone(|_| {
        let c = Client::new();
        let (none, active) = (Rv(CKR_OPERATION_NOT_INITIALIZED), Rv(CKR_OPERATION_ACTIVE));
        let (mech, key) = (Mech::plain(CKM_SHA256_HMAC), hmac(&c));
        assert_eq!([c.sign_into(DATA, Room::Bytes(32)).rv, c.sign_begin(), c.sign_more(DATA), c.sign_final()], [none; 4]);
        assert_eq!([c.verify(DATA, &[0; 32]), c.verify_begin(), c.verify_next(DATA, None), c.verify_final()], [none; 4]);
        assert_eq!((c.sign_init(&mech, key), c.verify_init(&mech, key)), (Rv(CKR_OK), Rv(CKR_OK)));
        assert_eq!((c.sign_init(&mech, key), c.verify_init(&mech, key)), (active, active));
        assert_eq!((c.sign_more(DATA), c.verify_next(DATA, None)), (none, none));
        let mac = c.sign(DATA).unwrap();
        assert_eq!((c.sign_begin(), c.verify_begin()), (Rv(CKR_OK), Rv(CKR_OK)));
        assert_eq!((c.sign_begin(), c.verify_begin()), (active, active));
        assert_eq!((c.sign_into(DATA, Room::Bytes(32)).rv, c.verify(DATA, &mac)), (active, active));
        assert_eq!(c.sign_last(DATA, Room::Bytes(32)).bytes, mac);
        assert_eq!(c.verify_next(DATA, Some(&mac)), CKR_OK);

        let mut word = 0_u64;
        let (at, data, len) = ((&raw mut word).cast(), DATA.as_ptr().cast_mut(), DATA.len() as CK_ULONG);
        let (mut out, mut out_len) = ([0_u8; 32], 32);
        let rv = call!(c.m, C_SignMessage, c.s, at, 8, data, len, out.as_mut_ptr(), &raw mut out_len);
        assert_eq!(rv, CKR_MECHANISM_PARAM_INVALID);
        assert_eq!(call!(c.m, C_VerifyMessageBegin, c.s, at, 8), CKR_MECHANISM_PARAM_INVALID);
        assert_eq!(call!(c.m, C_SignMessageNext, c.s, null_mut(), 0, data, len, out.as_mut_ptr(), null_mut()), CKR_ARGUMENTS_BAD);
        assert_eq!(call!(c.m, C_VerifyMessageNext, c.s, null_mut(), 0, data, len, null_mut(), 4), CKR_ARGUMENTS_BAD);

        assert_eq!(p11!(c.m, C_SessionCancel, c.s, CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN), CKR_OK);
        assert_eq!((c.sign_final(), c.verify_begin()), (none, Rv(CKR_OK)));
        assert_eq!(call!(c.m, C_MessageVerifyInit, c.s, null_mut(), 0), CKR_OK);
        assert_eq!(c.verify_final(), none);
        assert_eq!(c.sign_init(&Mech::plain(CKM_SHA256), key), CKR_MECHANISM_INVALID);
        assert_eq!(c.sign_init(&Mech::bytes(CKM_SHA256_HMAC, &[1]), key), CKR_MECHANISM_PARAM_INVALID);
        assert_eq!(c.sign_init(&mech, 0x999), CKR_KEY_HANDLE_INVALID);
        let (public, _) = ec(&c);
        assert_eq!(c.sign_init(&Mech::plain(CKM_ECDSA_SHA256), public), CKR_KEY_FUNCTION_NOT_PERMITTED);
    });
}

#[test]
fn a_key_that_asks_for_a_login_each_time_asks_before_each_message() {
    alone(|_| {
        let c = Client::new();
        let private = Attrs::new().bool(CKA_SIGN, true).bool(CKA_PRIVATE, true).bool(CKA_ALWAYS_AUTHENTICATE, true);
        let (_, key) = c.m.generate_pair(c.s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &Attrs::new().bytes(CKA_EC_PARAMS, &P256), &private).unwrap();
        assert_eq!(c.sign_init(&Mech::plain(CKM_ECDSA_SHA256), key), CKR_OK);
        for _ in 0..2 {
            assert_eq!(c.sign(DATA), Err(Rv(CKR_USER_NOT_LOGGED_IN)));
            assert_eq!(c.sign_begin(), CKR_USER_NOT_LOGGED_IN);
            c.m.login(c.s, CKU_CONTEXT_SPECIFIC, USER_PIN).unwrap();
            assert!(c.sign(DATA).is_ok());
            assert_eq!(c.sign_begin(), CKR_USER_NOT_LOGGED_IN);
            c.m.login(c.s, CKU_CONTEXT_SPECIFIC, USER_PIN).unwrap();
            assert_eq!((c.sign_begin(), c.sign_more(DATA)), (Rv(CKR_OK), Rv(CKR_OK)));
            assert_eq!(c.sign_last(DATA, Room::Bytes(64)).rv, CKR_OK);
        }
    });
}

#[test]
fn nothing_runs_in_parallel_and_a_state_that_was_never_saved_is_refused() {
    alone(|_| {
        let c = Client::new();
        let (mut state, mut len) = ([0_u8; 64], 64);
        let mut saved = |s: u64| call!(c.m, C_GetOperationState, s, state.as_mut_ptr(), &raw mut len);
        assert_eq!((saved(c.s), saved(0x777)), (Rv(CKR_OPERATION_NOT_INITIALIZED), Rv(CKR_SESSION_HANDLE_INVALID)));
        assert_eq!(call!(c.m, C_SetOperationState, c.s, state.as_mut_ptr(), 64, 0, 0), CKR_SAVED_STATE_INVALID);
        assert_eq!(call!(c.m, C_SetOperationState, 0x777, state.as_mut_ptr(), 64, 0, 0), CKR_SESSION_HANDLE_INVALID);
        assert_eq!(call!(c.m, C_GetFunctionStatus, c.s), CKR_FUNCTION_NOT_PARALLEL);
        assert_eq!(call!(c.m, C_CancelFunction, c.s), CKR_FUNCTION_NOT_PARALLEL);
        assert_eq!(call!(c.m, C_CancelFunction, 0x777), CKR_SESSION_HANDLE_INVALID);
    });
}

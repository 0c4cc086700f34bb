//! What the model found in the dual functions, each as a test of its own.

use crate::client::{Attrs, Mech, Module, Room, alone, load, output};
use crate::p11;
use cryptoki_sys::*;
use std::ptr::null_mut;

#[test]
fn a_dual_function_that_fails_ends_both_operations() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let aes = m.create(s, &Attrs::secret(CKK_AES, "aes", &[7; 16]).bool(CKA_ENCRYPT, true)).expect("an AES key");
        let p256 = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
        let public = Attrs::new().bytes(CKA_EC_PARAMS, &p256);
        let (_, ec) = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, &Attrs::new().bool(CKA_SIGN, true)).expect("an EC pair");
        let cbc = Mech::bytes(CKM_AES_CBC_PAD, &[3; 16]);
        let update = || output(Room::Bytes(64), |out, len| p11!(m, C_SignEncryptUpdate, s, [1; 16].as_mut_ptr(), 16, out, len)).rv;
        let signs_one_part_only = |m: &Module| p11!(m, C_SignInit, s, Mech::plain(CKM_ECDSA).as_ptr(), ec);

        p11!(m, C_EncryptInit, s, cbc.as_ptr(), aes).ok().expect("C_EncryptInit");
        signs_one_part_only(m).ok().expect("C_SignInit");
        assert_eq!(update(), CKR_OPERATION_NOT_INITIALIZED, "ECDSA takes its digest in one part");
        p11!(m, C_EncryptInit, s, cbc.as_ptr(), aes).ok().expect("the encryption has ended");
        signs_one_part_only(m).ok().expect("the signature has ended");

        p11!(m, C_SignInit, s, null_mut(), 0).ok().expect("C_SignInit cancels");
        assert_eq!(update(), CKR_OPERATION_NOT_INITIALIZED, "nothing signs");
        p11!(m, C_EncryptInit, s, cbc.as_ptr(), aes).ok().expect("the encryption has ended with the call that missed its partner");
    });
}

//! C_GetOperationState and C_SetOperationState over C: what leaves one session goes on in another, and nothing else is taken for a saved state.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::{Attrs, Mech, Module, R, Room, Rv, USER_PIN, alone, input, load, output, two_calls};
use cryptoki_sys::*;
use std::ptr::null_mut;

/// Longer than a block of any hash, and no multiple of one.
fn data() -> Vec<u8> {
    (0..=255_u8).cycle().take(421).collect()
}

fn save(m: &Module, s: u64) -> R<Vec<u8>> {
    two_calls(|out, len| p11!(m, C_GetOperationState, s, out, len))
}

fn restore(m: &Module, s: u64, state: &[u8], keys: (u64, u64)) -> Rv {
    let (at, len) = input(state);
    p11!(m, C_SetOperationState, s, at, len, keys.0, keys.1)
}

fn digest_update(m: &Module, s: u64, data: &[u8]) -> Rv {
    let (at, len) = input(data);
    p11!(m, C_DigestUpdate, s, at, len)
}

fn digest_final(m: &Module, s: u64) -> R<Vec<u8>> {
    two_calls(|out, len| p11!(m, C_DigestFinal, s, out, len))
}

fn sign_update(m: &Module, s: u64, data: &[u8]) -> Rv {
    let (at, len) = input(data);
    p11!(m, C_SignUpdate, s, at, len)
}

fn sign_final(m: &Module, s: u64) -> R<Vec<u8>> {
    two_calls(|out, len| p11!(m, C_SignFinal, s, out, len))
}

fn mac_key(m: &Module, s: u64, key_type: u64, value: &[u8]) -> u64 {
    m.create(s, &Attrs::secret(key_type, "mac", value).bool(CKA_SIGN, true).bool(CKA_VERIFY, true)).expect("a MAC key")
}

const DIGESTS: [u64; 12] = [
    CKM_MD5,
    CKM_SHA_1,
    CKM_SHA224,
    CKM_SHA256,
    CKM_SHA384,
    CKM_SHA512,
    CKM_SHA512_224,
    CKM_SHA512_256,
    CKM_SHA3_224,
    CKM_SHA3_256,
    CKM_SHA3_384,
    CKM_SHA3_512,
];

const MACS: [(u64, u64, Option<u64>); 9] = [
    (CKM_MD5_HMAC, CKK_GENERIC_SECRET, None),
    (CKM_SHA_1_HMAC, CKK_GENERIC_SECRET, None),
    (CKM_SHA256_HMAC, CKK_GENERIC_SECRET, None),
    (CKM_SHA256_HMAC, CKK_SHA256_HMAC, None),
    (CKM_SHA256_HMAC_GENERAL, CKK_GENERIC_SECRET, Some(10)),
    (CKM_SHA512_HMAC, CKK_GENERIC_SECRET, None),
    (CKM_SHA3_384_HMAC, CKK_GENERIC_SECRET, None),
    (CKM_AES_CMAC, CKK_AES, None),
    (CKM_AES_CMAC_GENERAL, CKK_AES, Some(8)),
];

fn mac_mech((id, _, tag_len): (u64, u64, Option<u64>)) -> Mech {
    tag_len.map_or_else(|| Mech::plain(id), |len| Mech::bytes(id, &len.to_ne_bytes()))
}

#[test]
fn every_digest_goes_on_in_another_session() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let other = m.rw().unwrap();
        let data = data();
        for id in DIGESTS {
            let mech = Mech::plain(id);
            let whole = m.digest(s, &mech, &data).unwrap();
            for cut in [0, 1, 64, 300, data.len()] {
                assert_eq!(p11!(m, C_DigestInit, s, mech.as_ptr()), CKR_OK);
                assert_eq!(digest_update(m, s, &data[..cut]), CKR_OK);
                let state = save(m, s).expect("a saved digest");
                assert_eq!(restore(m, other, &state, (0, 0)), CKR_OK, "mechanism {id:#x} cut at {cut}");
                for session in [s, other] {
                    assert_eq!(digest_update(m, session, &data[cut..]), CKR_OK);
                    assert_eq!(digest_final(m, session), Ok(whole.clone()), "mechanism {id:#x} cut at {cut}");
                }
            }
        }
    });
}

#[test]
fn a_digest_that_has_taken_in_nothing_is_restored_as_that() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mech = Mech::plain(CKM_SHA256);
        let whole = m.digest(s, &mech, b"abc").unwrap();
        assert_eq!(p11!(m, C_DigestInit, s, mech.as_ptr()), CKR_OK);
        let state = save(m, s).unwrap();
        let other = m.rw().unwrap();
        assert_eq!(restore(m, other, &state, (0, 0)), CKR_OK);
        let (at, len) = input(b"abc");
        assert_eq!(two_calls(|out, out_len| p11!(m, C_Digest, other, at, len, out, out_len)), Ok(whole));
    });
}

#[test]
fn every_mac_goes_on_in_another_session_after_another_login() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let data = data();
        for row in MACS {
            let mech = mac_mech(row);
            let value = [0x6B; 32];
            for cut in [0, 16, 17, 128, data.len()] {
                let key = mac_key(m, s, row.1, &value);
                let whole = m.sign(s, &mech, key, &data).unwrap();
                assert_eq!(p11!(m, C_SignInit, s, mech.as_ptr(), key), CKR_OK);
                assert_eq!(sign_update(m, s, &data[..cut]), CKR_OK);
                let state = save(m, s).expect("a saved MAC");
                assert!(!state.windows(value.len()).any(|w| w == value), "the key is in the state");
                assert_eq!((sign_update(m, s, &data[cut..]), sign_final(m, s)), (Rv(CKR_OK), Ok(whole.clone())), "the first session goes on");
                m.logout(s).unwrap();
                m.login(s, CKU_USER, USER_PIN).unwrap();
                let other = m.rw().unwrap();
                // Not the same handle, nor the same object: the value is what counts.
                let again = mac_key(m, other, row.1, &value);
                assert_eq!(restore(m, other, &state, (0, again)), CKR_OK, "mechanism {:#x} cut at {cut}", row.0);
                assert_eq!((sign_update(m, other, &data[cut..]), sign_final(m, other)), (Rv(CKR_OK), Ok(whole.clone())));
                m.close(other).unwrap();
            }
        }
    });
}

#[test]
fn a_verification_is_saved_too_beside_a_digest() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let data = data();
        let (mech, digest) = (Mech::plain(CKM_SHA256_HMAC), Mech::plain(CKM_SHA384));
        let key = mac_key(m, s, CKK_GENERIC_SECRET, &[1; 20]);
        let tag = m.sign(s, &mech, key, &data).unwrap();
        let whole = m.digest(s, &digest, &data).unwrap();
        assert_eq!(p11!(m, C_VerifyInit, s, mech.as_ptr(), key), CKR_OK);
        assert_eq!(p11!(m, C_DigestInit, s, digest.as_ptr()), CKR_OK);
        let (at, len) = input(&data[..100]);
        assert_eq!((p11!(m, C_VerifyUpdate, s, at, len), p11!(m, C_DigestUpdate, s, at, len)), (Rv(CKR_OK), Rv(CKR_OK)));
        let state = save(m, s).unwrap();
        let other = m.rw().unwrap();
        for (last, answer) in [(tag[31], CKR_OK), (tag[31] ^ 1, CKR_SIGNATURE_INVALID)] {
            assert_eq!(restore(m, other, &state, (0, key)), CKR_OK);
            let (at, len) = input(&data[100..]);
            assert_eq!((p11!(m, C_VerifyUpdate, other, at, len), p11!(m, C_DigestUpdate, other, at, len)), (Rv(CKR_OK), Rv(CKR_OK)));
            let given = [&tag[..31], &[last]].concat();
            let (at, len) = input(&given);
            assert_eq!(p11!(m, C_VerifyFinal, other, at, len), answer);
            assert_eq!(digest_final(m, other), Ok(whole.clone()));
        }
    });
}

#[test]
fn what_was_changed_or_comes_from_elsewhere_is_no_saved_state() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mech = Mech::plain(CKM_SHA256);
        assert_eq!(restore(m, s, &[0; 64], (0, 0)), CKR_SAVED_STATE_INVALID, "before anything was saved");
        assert_eq!(p11!(m, C_DigestInit, s, mech.as_ptr()), CKR_OK);
        assert_eq!(digest_update(m, s, b"abc"), CKR_OK);
        let state = save(m, s).unwrap();

        for at in 0..state.len() {
            let mut bad = state.clone();
            bad[at] ^= 0x40;
            assert_eq!(restore(m, s, &bad, (0, 0)), CKR_SAVED_STATE_INVALID, "byte {at} changed");
        }
        for end in 0..state.len() {
            assert_eq!(restore(m, s, &state[..end], (0, 0)), CKR_SAVED_STATE_INVALID, "cut to {end} bytes");
        }
        assert_eq!(restore(m, s, &[&state[..], &[0]].concat(), (0, 0)), CKR_SAVED_STATE_INVALID, "a byte more");
        let read_only = m.ro().unwrap();
        assert_eq!(restore(m, read_only, &state, (0, 0)), CKR_SAVED_STATE_INVALID, "a session in another state");
        // A refused state leaves what runs alone.
        assert_eq!(digest_final(m, s), m.digest(read_only, &mech, b"abc"));
        m.finalize().unwrap();
        m.initialize().unwrap();
        assert_eq!(restore(m, m.rw_user(), &state, (0, 0)), CKR_SAVED_STATE_INVALID, "saved by an application that has ended");
    });
}

#[test]
fn keys_are_asked_for_and_recognised() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mech = Mech::plain(CKM_SHA256_HMAC);
        let key = mac_key(m, s, CKK_GENERIC_SECRET, &[1; 20]);
        let other_value = mac_key(m, s, CKK_GENERIC_SECRET, &[2; 20]);
        let other_type = mac_key(m, s, CKK_AES, &[1; 16]);
        let no_usage = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "mac", &[1; 20]).bool(CKA_SIGN, false)).unwrap();
        assert_eq!(p11!(m, C_SignInit, s, mech.as_ptr(), key), CKR_OK);
        let fresh = save(m, s).unwrap();
        assert_eq!(sign_update(m, s, b"abc"), CKR_OK);
        let state = save(m, s).unwrap();
        let to = m.rw().unwrap();
        for state in [&fresh, &state] {
            assert_eq!(restore(m, to, state, (0, 0)), CKR_KEY_NEEDED);
            assert_eq!(restore(m, to, state, (key, key)), CKR_KEY_NOT_NEEDED, "nothing is encrypted");
            for (what, wrong) in [("value", other_value), ("type", other_type), ("usage", no_usage), ("handle", 0x7777)] {
                assert_eq!(restore(m, to, state, (0, wrong)), CKR_KEY_CHANGED, "{what}");
            }
            assert_eq!(restore(m, to, state, (0, key)), CKR_OK);
            assert_eq!(p11!(m, C_SignInit, to, null_mut(), 0), CKR_OK, "cancelled");
        }
        assert_eq!(p11!(m, C_DigestInit, to, Mech::plain(CKM_SHA256).as_ptr()), CKR_OK);
        let digest = save(m, to).unwrap();
        assert_eq!(restore(m, to, &digest, (0, key)), CKR_KEY_NOT_NEEDED);
        assert_eq!(restore(m, to, &digest, (key, 0)), CKR_KEY_NOT_NEEDED);
    });
}

#[test]
fn restoring_ends_what_ran_and_the_length_convention_holds() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let asked = |room| output(room, |out, len| p11!(m, C_GetOperationState, s, out, len));
        assert_eq!(asked(Room::Ask).rv, CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(p11!(m, C_DigestInit, s, Mech::plain(CKM_SHA_1).as_ptr()), CKR_OK);
        let needed = usize::try_from(asked(Room::Ask).len).unwrap();
        let short = asked(Room::Bytes(needed - 1));
        assert_eq!((short.rv, short.len), (Rv(CKR_BUFFER_TOO_SMALL), needed as u64));
        let state = asked(Room::Bytes(needed)).bytes;
        assert_eq!(asked(Room::NoLength).rv, CKR_ARGUMENTS_BAD);

        let to = m.rw().unwrap();
        assert_eq!(p11!(m, C_FindObjectsInit, to, null_mut(), 0), CKR_OK);
        let key = mac_key(m, to, CKK_GENERIC_SECRET, &[1; 20]);
        assert_eq!(p11!(m, C_SignInit, to, Mech::plain(CKM_SHA256_HMAC).as_ptr(), key), CKR_OK);
        assert_eq!(restore(m, to, &state, (0, 0)), CKR_OK);
        assert_eq!(p11!(m, C_FindObjectsFinal, to), CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(sign_update(m, to, b"abc"), CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(digest_final(m, to), digest_final(m, s));
    });
}

#[test]
fn what_is_neither_digest_nor_mac_cannot_be_saved_and_goes_on() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let key = m.create(s, &Attrs::secret(CKK_AES, "aes", &[9; 16]).bool(CKA_ENCRYPT, true)).unwrap();
        let mech = Mech::bytes(CKM_AES_CBC, &[0; 16]);
        let whole = m.encrypt(s, &mech, key, &[7; 16]).unwrap();
        assert_eq!(p11!(m, C_EncryptInit, s, mech.as_ptr(), key), CKR_OK);
        assert_eq!(save(m, s), Err(Rv(CKR_STATE_UNSAVEABLE)));
        assert_eq!(p11!(m, C_DigestInit, s, Mech::plain(CKM_SHA256).as_ptr()), CKR_OK);
        assert_eq!(save(m, s), Err(Rv(CKR_STATE_UNSAVEABLE)), "one of two is enough");
        let (at, len) = input(&[7; 16]);
        assert_eq!(two_calls(|out, out_len| p11!(m, C_Encrypt, s, at, len, out, out_len)), Ok(whole), "the encryption goes on");
        assert!(save(m, s).is_ok(), "the digest alone");

        let pair = Attrs::new().bytes(CKA_EC_PARAMS, &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]);
        let (_, private) = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &pair, &Attrs::new().bool(CKA_SIGN, true)).unwrap();
        let other = m.rw().unwrap();
        assert_eq!(p11!(m, C_SignInit, other, Mech::plain(CKM_ECDSA_SHA256).as_ptr(), private), CKR_OK);
        assert_eq!(save(m, other), Err(Rv(CKR_STATE_UNSAVEABLE)), "a signature");
        assert_eq!(sign_update(m, other, b"abc"), CKR_OK);
        assert_eq!(save(m, other), Err(Rv(CKR_STATE_UNSAVEABLE)), "a signature in parts");
        assert!(sign_final(m, other).is_ok());
    });
}

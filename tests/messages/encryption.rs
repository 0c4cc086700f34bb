//! Message-based encryption and decryption: vectors, tags, parts, order, cancelling.

use crate::calls::{Client, Gcm, call};
use crate::client::{Attrs, Mech, Output, R, Room, Rv, SLOT, USER_PIN, alone};
use crate::p11;
use cryptoki_sys::*;
use std::collections::HashSet;
use std::ptr::{from_mut, null_mut};

const AAD: &[u8] = b"associated";
const DATA: &[u8] = b"a message of twenty-eight b.";

fn aes(c: &Client) -> u64 {
    c.m.create(c.s, &Attrs::secret(CKK_AES, "aes", &[7; 32]).bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true)).unwrap()
}

fn started() -> (Client, u64) {
    let c = Client::new();
    let key = aes(&c);
    assert_eq!((c.encrypt_init(key), c.decrypt_init(key)), (Rv(CKR_OK), Rv(CKR_OK)));
    (c, key)
}

fn failed<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

#[test]
fn a_message_is_what_the_one_shot_call_gives_for_every_tag_length_and_vector() {
    alone(|_| {
        let (c, key) = started();
        for tag_bits in [32, 64, 96, 104, 112, 120, 128] {
            for iv in [vec![1], vec![2; 12], vec![3; 16], vec![4; 257]] {
                let one_shot = c.m.encrypt(c.s, &Mech::gcm(&iv, AAD, tag_bits), key, DATA).unwrap();
                let mut gcm = Gcm { tag: vec![0xEE; 16], tag_bits, ..Gcm::given(&iv) };
                let mut whole = c.encrypt(&mut gcm, AAD, DATA).unwrap();
                let (tag, rest) = gcm.tag.split_at(usize::try_from(tag_bits / 8).unwrap());
                assert!(rest.iter().all(|b| *b == 0xEE), "more was written than the tag");
                whole.extend(tag);
                assert_eq!(whole, one_shot);
                assert_eq!(c.decrypt(&mut gcm.to_open(), AAD, &one_shot[..DATA.len()]), Ok(DATA.to_vec()));
            }
        }
    });
}

#[test]
fn counters_begin_at_zero_go_on_over_all_forms_of_call_and_never_repeat() {
    alone(|_| {
        let (c, key) = started();
        let mut seen = HashSet::new();
        for n in 0..40_u8 {
            let mut gcm = Gcm::made(CKG_GENERATE_COUNTER, 32);
            // Neither a question nor a refused call takes one.
            assert_eq!(c.encrypt_into(&mut gcm, AAD, DATA, Room::Ask).rv, CKR_OK);
            assert_eq!(c.encrypt_into(&mut gcm, AAD, DATA, Room::Bytes(DATA.len() - 1)).rv, CKR_BUFFER_TOO_SMALL);
            assert_eq!(c.encrypt_into(&mut Gcm { tag: vec![], ..gcm.clone() }, AAD, DATA, Room::Bytes(64)).rv, CKR_MECHANISM_PARAM_INVALID);
            assert_eq!((&gcm.iv, &gcm.tag), (&vec![0xAB; 12], &vec![0; 16]), "written without success");
            let text = if n % 2 == 0 { c.encrypt(&mut gcm, AAD, DATA) } else { c.encrypt_parts(&mut gcm, AAD, DATA, 5) };
            assert_eq!(gcm.iv, [&[0xAB; 4][..], &[0, 0, 0, 0, 0, 0, 0, n]].concat());
            assert!(seen.insert(gcm.iv.clone()));
            assert_eq!(c.decrypt(&mut gcm.to_open(), AAD, &text.unwrap()), Ok(DATA.to_vec()));
        }
        // A message that was begun and given up has used its vector.
        let mut gcm = Gcm::made(CKG_GENERATE_COUNTER, 32);
        assert_eq!(c.encrypt_begin(&mut gcm, AAD), CKR_OK);
        assert_eq!(gcm.iv[11], 40);
        assert_eq!(c.encrypt_next(&mut Gcm { tag_bits: 96, ..gcm.clone() }, DATA, Room::Bytes(64), true).rv, CKR_MECHANISM_PARAM_INVALID);
        let mut gcm = Gcm::made(CKG_GENERATE_COUNTER, 32);
        c.encrypt(&mut gcm, AAD, DATA).unwrap();
        assert_eq!(gcm.iv[11], 41);
        // Another shape could meet a vector that was used.
        for mut other in [Gcm::made(CKG_GENERATE_COUNTER, 64), Gcm::made(CKG_GENERATE, 32), Gcm::made(CKG_GENERATE_COUNTER_XOR, 32)] {
            assert_eq!(c.encrypt(&mut other, AAD, DATA), failed(CKR_MECHANISM_PARAM_INVALID));
        }
        // A new process begins anew, with a counter of few bits that ends.
        assert_eq!((c.encrypt_final(), c.encrypt_init(key)), (Rv(CKR_OK), Rv(CKR_OK)));
        for n in 0..4 {
            let mut gcm = Gcm::made(CKG_GENERATE_COUNTER, 94);
            c.encrypt(&mut gcm, AAD, DATA).unwrap();
            assert_eq!(gcm.iv[11], 0xAB & !3 | n);
        }
        assert_eq!(c.encrypt(&mut Gcm::made(CKG_GENERATE_COUNTER, 94), AAD, DATA), failed(CKR_MECHANISM_PARAM_INVALID));
        assert_eq!(c.encrypt_begin(&mut Gcm::made(CKG_GENERATE_COUNTER, 94), AAD), CKR_MECHANISM_PARAM_INVALID);
    });
}

#[test]
fn an_xored_counter_wants_the_same_vector_each_time() {
    alone(|_| {
        let (c, _) = started();
        for n in 0..5 {
            let mut gcm = Gcm::made(CKG_GENERATE_COUNTER_XOR, 64);
            c.encrypt(&mut gcm, AAD, DATA).unwrap();
            assert_eq!(gcm.iv, [&[0xAB; 11][..], &[0xAB ^ n]].concat());
        }
        let mut moved = Gcm::made(CKG_GENERATE_COUNTER_XOR, 64);
        moved.iv[11] ^= 4;
        assert_eq!(c.encrypt(&mut moved, AAD, DATA), failed(CKR_MECHANISM_PARAM_INVALID));
        let mut fixed = Gcm::made(CKG_GENERATE_COUNTER_XOR, 64);
        fixed.iv[0] = 1;
        assert!(c.encrypt(&mut fixed, AAD, DATA).is_ok(), "the fixed bits are the caller's");
    });
}

#[test]
fn generated_vectors_differ_keep_the_fixed_bits_and_are_written_back() {
    alone(|_| {
        let (c, key) = started();
        let mut seen = HashSet::new();
        for (generator, fixed_bits) in
            [(CKG_GENERATE, 0), (CKG_GENERATE, 33), (CKG_GENERATE, 64), (CKG_GENERATE_RANDOM, 0), (CKG_GENERATE_RANDOM, 32)]
        {
            assert_eq!((c.encrypt_final(), c.encrypt_init(key)), (Rv(CKR_OK), Rv(CKR_OK)));
            for n in 0..32 {
                let mut gcm = Gcm::made(generator, fixed_bits);
                let text = if n % 2 == 0 { c.encrypt(&mut gcm, AAD, DATA) } else { c.encrypt_parts(&mut gcm, AAD, DATA, 9) };
                let kept = usize::try_from(fixed_bits / 8).unwrap();
                assert_eq!(gcm.iv[..kept], vec![0xAB; kept]);
                assert!(seen.insert(gcm.iv.clone()), "a vector came twice");
                assert_eq!(c.decrypt(&mut gcm.to_open(), AAD, &text.unwrap()), Ok(DATA.to_vec()));
            }
        }
        // As the standard's example goes on: a vector given, then one made.
        assert!(c.encrypt(&mut Gcm::given(&[9; 12]), AAD, DATA).is_ok());
        for (generator, fixed_bits) in [(CKG_GENERATE, 96), (CKG_GENERATE, 65), (CKG_GENERATE_RANDOM, 33), (CKG_GENERATE_COUNTER, 97), (5, 0)] {
            assert_eq!(c.encrypt(&mut Gcm::made(generator, fixed_bits), AAD, DATA), failed(CKR_MECHANISM_PARAM_INVALID), "{generator} {fixed_bits}");
        }
    });
}

#[test]
fn a_wrong_tag_gives_no_byte_and_the_process_goes_on() {
    alone(|_| {
        let (c, _) = started();
        let mut gcm = Gcm::given(&[1; 12]);
        let text = c.encrypt(&mut gcm, AAD, DATA).unwrap();
        let mut wrong = gcm.clone();
        wrong.tag[15] ^= 1;
        let (mut raw, aad, mut place, mut len) = (wrong.raw(), AAD.as_ptr().cast_mut(), text.clone(), DATA.len() as CK_ULONG);
        // In place: the caller's ciphertext is still there afterwards.
        let at = place.as_mut_ptr();
        let size = size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG;
        let rv = call!(c.m, C_DecryptMessage, c.s, from_mut(&mut raw).cast(), size, aad, AAD.len() as CK_ULONG, at, len, at, &raw mut len);
        assert_eq!(rv, CKR_AEAD_DECRYPT_FAILED);
        assert_eq!(place, text);
        assert_eq!(c.decrypt_parts(&mut wrong, AAD, &text, 8), failed(CKR_AEAD_DECRYPT_FAILED));
        assert_eq!(c.decrypt(&mut gcm, b"other", &text), failed(CKR_AEAD_DECRYPT_FAILED));
        assert_eq!(c.decrypt(&mut gcm, AAD, &text), Ok(DATA.to_vec()));
        // The same memory for both directions.
        let mut raw = gcm.raw();
        let rv = call!(c.m, C_DecryptMessage, c.s, from_mut(&mut raw).cast(), size, aad, AAD.len() as CK_ULONG, at, len, at, &raw mut len);
        assert_eq!((rv, &place[..]), (Rv(CKR_OK), DATA));
        let rv = call!(c.m, C_EncryptMessage, c.s, from_mut(&mut raw).cast(), size, aad, AAD.len() as CK_ULONG, at, len, at, &raw mut len);
        assert_eq!((rv, &place), (Rv(CKR_OK), &text));
        assert_eq!(c.encrypt_begin(&mut gcm, AAD), CKR_OK);
        place.copy_from_slice(DATA);
        let (at, mut raw) = (place.as_mut_ptr(), gcm.raw());
        let rv = call!(c.m, C_EncryptMessageNext, c.s, from_mut(&mut raw).cast(), size, at, len, at, &raw mut len, CKF_END_OF_MESSAGE);
        assert_eq!((rv, &place), (Rv(CKR_OK), &text));
    });
}

#[test]
fn buffers_that_are_too_small_lose_nothing() {
    alone(|_| {
        let (c, _) = started();
        let mut gcm = Gcm::given(&[1; 12]);
        let text = c.encrypt(&mut gcm, AAD, DATA).unwrap();
        let tag = gcm.tag.clone();
        assert_eq!(c.encrypt_begin(&mut gcm, AAD), CKR_OK);
        let small = c.encrypt_next(&mut gcm, &DATA[..20], Room::Bytes(19), false);
        assert_eq!((small.rv, small.len), (Rv(CKR_BUFFER_TOO_SMALL), 20));
        assert_eq!(c.encrypt_next(&mut gcm, &DATA[..20], Room::Ask, false).len, 20);
        assert_eq!(c.encrypt_next(&mut gcm, &DATA[..20], Room::Bytes(20), false).bytes, text[..20]);
        assert_eq!(c.encrypt_next(&mut gcm, &DATA[20..], Room::Bytes(7), true).rv, CKR_BUFFER_TOO_SMALL);
        gcm.tag.fill(0);
        assert_eq!(c.encrypt_next(&mut gcm, &DATA[20..], Room::Bytes(8), true).bytes, text[20..]);
        assert_eq!(gcm.tag, tag);

        assert_eq!(c.decrypt_begin(&mut gcm, AAD), CKR_OK);
        assert_eq!(c.decrypt_next(&mut gcm, &text[..20], Room::Bytes(0), false).len, 0);
        let small = c.decrypt_next(&mut gcm, &text[20..], Room::Bytes(8), true);
        assert_eq!((small.rv, small.len), (Rv(CKR_BUFFER_TOO_SMALL), 28), "all bytes come with the last part");
        assert_eq!(c.decrypt_next(&mut gcm, &text[20..], Room::Bytes(28), true).bytes, DATA);
        assert_eq!(c.decrypt_into(&mut gcm, AAD, &text, Room::Bytes(27)).rv, CKR_BUFFER_TOO_SMALL);
    });
}

#[test]
fn calls_in_the_wrong_order_are_refused_and_leave_what_runs() {
    alone(|_| {
        let c = Client::new();
        let key = aes(&c);
        let mut gcm = Gcm::given(&[1; 12]);
        let none = Rv(CKR_OPERATION_NOT_INITIALIZED);
        let next =
            |c: &Client, gcm: &mut Gcm| [c.encrypt_next(gcm, DATA, Room::Bytes(64), true).rv, c.decrypt_next(gcm, DATA, Room::Bytes(64), true).rv];
        let all = |c: &Client, gcm: &mut Gcm| {
            let whole = [c.encrypt_into(gcm, AAD, DATA, Room::Bytes(64)).rv, c.decrypt_into(gcm, AAD, DATA, Room::Bytes(64)).rv];
            let begin = [c.encrypt_begin(gcm, AAD), c.decrypt_begin(gcm, AAD)];
            [whole, begin, next(c, gcm), [c.encrypt_final(), c.decrypt_final()]].concat()
        };
        assert_eq!(all(&c, &mut gcm), [none; 8]);
        let closed = Client { s: 0x7777, ..c };
        assert_eq!(all(&closed, &mut gcm), [Rv(CKR_SESSION_HANDLE_INVALID); 8]);
        assert_eq!((c.encrypt_init(key), c.decrypt_init(key)), (Rv(CKR_OK), Rv(CKR_OK)));
        assert_eq!((c.encrypt_init(key), c.decrypt_init(key)), (Rv(CKR_OPERATION_ACTIVE), Rv(CKR_OPERATION_ACTIVE)));
        assert_eq!(next(&c, &mut gcm), [none; 2]);
        // The plain operations have places of their own.
        assert!(c.m.encrypt(c.s, &Mech::gcm(&[1; 12], AAD, 128), key, DATA).is_ok());
        assert_eq!((c.encrypt_begin(&mut gcm, AAD), c.decrypt_begin(&mut gcm, AAD)), (Rv(CKR_OK), Rv(CKR_OK)));
        assert_eq!(c.encrypt_into(&mut gcm, AAD, DATA, Room::Bytes(64)).rv, CKR_OPERATION_ACTIVE);
        assert_eq!(c.encrypt_begin(&mut gcm, AAD), CKR_OPERATION_ACTIVE);
        assert_eq!(c.decrypt_into(&mut gcm, AAD, DATA, Room::Bytes(64)).rv, CKR_OPERATION_ACTIVE);
        let text = c.encrypt_next(&mut gcm, DATA, Room::Bytes(64), true).bytes;
        assert_eq!(c.decrypt_next(&mut gcm, &text, Room::Bytes(64), true).bytes, DATA);
        assert_eq!(next(&c, &mut gcm), [none; 2]);
        // Final ends a message that has begun.
        assert_eq!((c.encrypt_begin(&mut gcm, AAD), c.encrypt_final()), (Rv(CKR_OK), Rv(CKR_OK)));
        assert_eq!((c.encrypt_final(), c.decrypt_final()), (none, Rv(CKR_OK)));
    });
}

#[test]
fn a_process_ends_by_null_by_its_flag_by_logout_and_with_its_session() {
    alone(|_| {
        let (c, key) = started();
        let mut gcm = Gcm::given(&[1; 12]);
        assert_eq!(c.encrypt_begin(&mut gcm, AAD), CKR_OK);
        assert_eq!(call!(c.m, C_MessageEncryptInit, c.s, null_mut(), 0), CKR_OK);
        assert_eq!(c.encrypt(&mut gcm, AAD, DATA), failed(CKR_OPERATION_NOT_INITIALIZED));
        assert_eq!(call!(c.m, C_MessageDecryptInit, c.s, null_mut(), 0), CKR_OK);
        assert_eq!(c.decrypt(&mut gcm, AAD, DATA), failed(CKR_OPERATION_NOT_INITIALIZED));

        assert_eq!((c.encrypt_init(key), c.decrypt_init(key)), (Rv(CKR_OK), Rv(CKR_OK)));
        assert_eq!(p11!(c.m, C_SessionCancel, c.s, CKF_ENCRYPT | CKF_DECRYPT | CKF_MESSAGE_SIGN | CKF_MESSAGE_DECRYPT), CKR_OK);
        assert_eq!((c.decrypt_final(), c.encrypt_begin(&mut gcm, AAD)), (Rv(CKR_OPERATION_NOT_INITIALIZED), Rv(CKR_OK)));
        assert_eq!(p11!(c.m, C_SessionCancel, c.s, CKF_MESSAGE_ENCRYPT), CKR_OK);
        assert_eq!(c.encrypt_final(), CKR_OPERATION_NOT_INITIALIZED);

        let private = Attrs::secret(CKK_AES, "mine", &[7; 16]).bool(CKA_ENCRYPT, true).bool(CKA_PRIVATE, true);
        let key = c.m.create(c.s, &private).unwrap();
        assert_eq!(c.encrypt_init(key), CKR_OK);
        c.m.logout(c.s).unwrap();
        assert_eq!(c.encrypt(&mut gcm, AAD, DATA), failed(CKR_OPERATION_NOT_INITIALIZED));
        c.m.login(c.s, CKU_USER, USER_PIN).unwrap();
        assert_eq!(c.encrypt_final(), CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn parameters_that_are_none_are_refused_and_mechanisms_and_keys_judged_at_init() {
    alone(|_| {
        let (c, key) = started();
        let mut good = Gcm::given(&[1; 12]);
        let bad = [
            Gcm { iv: vec![], ..good.clone() },
            Gcm { tag: vec![], ..good.clone() },
            Gcm { tag_bits: 100, ..good.clone() },
            Gcm { tag_bits: 0, ..good.clone() },
            Gcm { tag_bits: u64::MAX, ..good.clone() },
        ];
        for mut gcm in bad {
            assert_eq!(c.encrypt_into(&mut gcm, AAD, DATA, Room::Bytes(64)).rv, CKR_MECHANISM_PARAM_INVALID, "{gcm:?}");
            assert_eq!(c.decrypt_into(&mut gcm, AAD, DATA, Room::Bytes(64)).rv, CKR_MECHANISM_PARAM_INVALID, "{gcm:?}");
        }
        let mut raw = good.raw();
        let at = from_mut(&mut raw).cast();
        let (data, len) = (DATA.as_ptr().cast_mut(), DATA.len() as CK_ULONG);
        let (mut out, mut out_len) = ([0_u8; 64], 64);
        for (parameter, parameter_len) in [(null_mut(), 0), (null_mut(), 48), (at, 47), (at, 0), (at, u64::MAX)] {
            let rv = call!(c.m, C_EncryptMessage, c.s, parameter, parameter_len, null_mut(), 0, data, len, out.as_mut_ptr(), &raw mut out_len);
            assert_eq!(rv, CKR_MECHANISM_PARAM_INVALID);
            assert_eq!(call!(c.m, C_DecryptMessageBegin, c.s, parameter, parameter_len, null_mut(), 0), CKR_MECHANISM_PARAM_INVALID);
        }
        // Inner pointers and lengths that lie.
        let raw_good = good.raw();
        for mut lie in [
            CK_GCM_MESSAGE_PARAMS { pIv: null_mut(), ..raw_good },
            CK_GCM_MESSAGE_PARAMS { ulIvLen: 1 << 63, ..raw_good },
            CK_GCM_MESSAGE_PARAMS { ulIvLen: (16 << 20) + 1, ..raw_good },
            CK_GCM_MESSAGE_PARAMS { ulTagBits: 1 << 40, ..raw_good },
            CK_GCM_MESSAGE_PARAMS { ulIvFixedBits: u64::MAX, ivGenerator: CKG_GENERATE, ..raw_good },
        ] {
            let at = from_mut(&mut lie).cast();
            let rv = call!(c.m, C_EncryptMessage, c.s, at, 48, null_mut(), 0, data, len, out.as_mut_ptr(), &raw mut out_len);
            assert_eq!(rv, CKR_MECHANISM_PARAM_INVALID);
            assert_eq!(call!(c.m, C_EncryptMessageBegin, c.s, at, 48, null_mut(), 0), CKR_MECHANISM_PARAM_INVALID);
        }
        // A refused part ends its message, and only that.
        assert_eq!(c.encrypt_begin(&mut good, AAD), CKR_OK);
        let rv = call!(c.m, C_EncryptMessageNext, c.s, null_mut(), 0, data, len, out.as_mut_ptr(), &raw mut out_len, 0);
        assert_eq!(rv, CKR_MECHANISM_PARAM_INVALID);
        let told: Output = c.encrypt_next(&mut good, DATA, Room::Bytes(64), true);
        assert_eq!(told.rv, CKR_OPERATION_NOT_INITIALIZED);
        assert!(c.encrypt(&mut good, AAD, DATA).is_ok());
        assert_eq!((c.encrypt_final(), c.decrypt_final()), (Rv(CKR_OK), Rv(CKR_OK)));

        // The standard's example gives the parameter to Init too; nothing it points at is read there.
        let mut lost = CK_GCM_MESSAGE_PARAMS { pIv: std::ptr::dangling_mut(), ulIvLen: 96, pTag: std::ptr::dangling_mut(), ..good.raw() };
        let size = size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG;
        let mut m = CK_MECHANISM { mechanism: CKM_AES_GCM, pParameter: from_mut(&mut lost).cast(), ulParameterLen: size };
        assert_eq!(call!(c.m, C_MessageEncryptInit, c.s, &raw mut m, key), CKR_OK);
        assert_eq!(c.encrypt_final(), CKR_OK);
        m.ulParameterLen = 47;
        assert_eq!(call!(c.m, C_MessageEncryptInit, c.s, &raw mut m, key), CKR_MECHANISM_PARAM_INVALID);
        for (mech, rv) in [(Mech::bytes(CKM_AES_CBC, &[0; 16]), CKR_MECHANISM_INVALID), (Mech::plain(CKM_SHA256), CKR_MECHANISM_INVALID)] {
            assert_eq!(call!(c.m, C_MessageEncryptInit, c.s, mech.as_ptr(), key), rv);
            assert_eq!(call!(c.m, C_MessageDecryptInit, c.s, mech.as_ptr(), key), rv);
        }
        let only = c.m.create(c.s, &Attrs::secret(CKK_AES, "only", &[7; 16]).bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, false)).unwrap();
        assert_eq!((c.decrypt_init(only), c.decrypt_init(0x999)), (Rv(CKR_KEY_FUNCTION_NOT_PERMITTED), Rv(CKR_KEY_HANDLE_INVALID)));
        let generic = Attrs::secret(CKK_GENERIC_SECRET, "generic", &[7; 16]).bool(CKA_ENCRYPT, true);
        let generic = c.m.create(c.s, &generic).unwrap();
        assert_eq!(c.encrypt_init(generic), CKR_KEY_TYPE_INCONSISTENT);
    });
}

/// What works on messages; the standard has no others.
const AEADS: [u64; 3] = [CKM_AES_GCM, CKM_AES_CCM, CKM_CHACHA20_POLY1305];

#[test]
fn the_mechanism_list_tells_what_works_on_messages() {
    alone(|_| {
        let c = Client::new();
        let crypt = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT;
        let sign = CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY;
        for id in c.m.mechanisms().unwrap() {
            let mut info = CK_MECHANISM_INFO::default();
            assert_eq!(p11!(c.m, C_GetMechanismInfo, SLOT, id, &raw mut info), CKR_OK);
            let expected = if AEADS.contains(&id) { crypt } else { 0 } | if info.flags & CKF_SIGN != 0 { sign } else { 0 };
            assert_eq!(info.flags & (crypt | sign), expected, "{id:#x}");
            let parts = info.flags & CKF_MULTI_MESSAGE != 0;
            assert!(!parts || expected != 0, "{id:#x}");
            if AEADS.contains(&id) || [CKM_SHA256_RSA_PKCS, CKM_SHA256_HMAC, CKM_EDDSA].contains(&id) {
                assert!(parts, "{id:#x}");
            } else if [CKM_RSA_PKCS, CKM_ECDSA, CKM_RSA_PKCS_PSS].contains(&id) {
                assert!(!parts, "{id:#x}");
            }
        }
    });
}

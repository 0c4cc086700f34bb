//! The "R/W Public Session" over C: what nobody needs a login for is destroyed without one, and nothing else is.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::{Attrs, Mech, R, Rv, USER_PIN, alone, load};
use cryptoki_sys::*;

const NONE: [u64; 0] = [];
const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

fn err<T>(rv: u64) -> R<T> {
    Err(Rv(rv))
}

fn labelled(label: &str) -> Attrs {
    Attrs::new().label(label)
}

fn public(label: &str) -> Attrs {
    Attrs::data(label, b"a value").token().bool(CKA_PRIVATE, false)
}

#[test]
fn a_public_object_is_destroyed_without_a_login_and_stays_gone_through_logins_writes_and_restarts() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let (gone, kept) = (m.create(s, &public("gone")).unwrap(), m.create(s, &public("kept")).unwrap());
        m.logout(s).unwrap();

        m.destroy(s, gone).unwrap();

        let is_gone = |s| {
            assert_eq!(m.find(s, &labelled("gone")).unwrap(), NONE);
            assert_eq!(m.get(s, gone, CKA_VALUE), err(CKR_OBJECT_HANDLE_INVALID));
            assert_eq!(m.destroy(s, gone), err(CKR_OBJECT_HANDLE_INVALID));
            assert_eq!(m.find(s, &Attrs::new().class(CKO_DATA)).unwrap().len(), 1);
            assert_eq!(m.find(s, &labelled("kept")).unwrap(), [kept]);
        };
        is_gone(s);
        let other = m.ro().unwrap();
        is_gone(other);
        m.login(s, CKU_USER, USER_PIN).unwrap();
        is_gone(s);
        is_gone(other);
        // The next write removes it from the file.
        m.set(s, kept, &labelled("kept")).unwrap();
        is_gone(s);
        assert_eq!(m.get(other, kept, CKA_VALUE), Ok(b"a value".to_vec()));

        m.finalize().unwrap();
        m.initialize().unwrap();
        let s = m.rw().unwrap();
        assert_eq!(m.find(s, &Attrs::new().class(CKO_DATA)).unwrap().len(), 1);
        assert_eq!(m.find(s, &labelled("gone")).unwrap(), NONE);
    });
}

#[test]
fn everything_else_in_a_public_session_is_refused_as_before() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let open = m.create(s, &public("open")).unwrap();
        let fixed = m.create(s, &public("fixed").bool(CKA_DESTROYABLE, false)).unwrap();
        let hidden = m.create(s, &Attrs::data("hidden", b"1").token().bool(CKA_PRIVATE, true)).unwrap();
        let secret = m.create(s, &Attrs::secret(CKK_AES, "secret", &[9; 16]).token().bool(CKA_PRIVATE, false)).unwrap();
        let common = labelled("pair").token().bool(CKA_PRIVATE, false);
        let pair = (common.clone().bytes(CKA_EC_PARAMS, &P256), common.bool(CKA_SIGN, true));
        let (public_key, private_key) = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &pair.0, &pair.1).unwrap();
        m.logout(s).unwrap();

        let read_only = m.ro().unwrap();
        assert_eq!(m.destroy(read_only, open), err(CKR_SESSION_READ_ONLY));
        assert_eq!(m.destroy(s, fixed), err(CKR_ACTION_PROHIBITED));
        assert_eq!(m.destroy(s, hidden), err(CKR_OBJECT_HANDLE_INVALID));
        assert_eq!(m.destroy(s, secret), err(CKR_USER_NOT_LOGGED_IN));
        assert_eq!(m.destroy(s, private_key), err(CKR_USER_NOT_LOGGED_IN));
        assert_eq!(m.set(s, open, &labelled("other")), err(CKR_USER_NOT_LOGGED_IN));
        assert_eq!(m.create(s, &public("new")), err(CKR_USER_NOT_LOGGED_IN));
        assert_eq!(m.copy(s, open, &labelled("copy")), err(CKR_USER_NOT_LOGGED_IN));
        m.destroy(s, public_key).unwrap();

        m.login(s, CKU_USER, USER_PIN).unwrap();
        for label in ["open", "fixed", "hidden", "secret"] {
            assert_eq!(m.find(s, &labelled(label)).unwrap().len(), 1, "{label}");
        }
        assert_eq!(m.find(s, &labelled("pair")).unwrap(), [private_key]);
        m.destroy(s, secret).unwrap();
        m.destroy(s, private_key).unwrap();
        assert_eq!(m.find(s, &labelled("pair")).unwrap(), NONE);
    });
}

#[test]
fn a_seed_is_taken_without_a_login_and_leaves_the_random_bytes_random() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        m.logout(s).unwrap();
        let mut drawn = Vec::new();
        for _ in 0..2 {
            let mut seed = [7u8; 32];
            assert_eq!(p11!(m, C_SeedRandom, s, seed.as_mut_ptr(), 32), Rv(CKR_OK));
            let mut bytes = [0u8; 32];
            assert_eq!(p11!(m, C_GenerateRandom, s, bytes.as_mut_ptr(), 32), Rv(CKR_OK));
            drawn.push(bytes);
        }
        assert_ne!(drawn[0], drawn[1], "the same seed, other bytes");
        assert_eq!(p11!(m, C_SeedRandom, s + 1000, [0u8; 1].as_mut_ptr(), 1), Rv(CKR_SESSION_HANDLE_INVALID));
    });
}

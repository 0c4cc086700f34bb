//! Threads on one token, each with a session of its own, while another logs out and in again: no exact prediction, but what must always hold.
//!
//! An answer that says CKR_OK is right; any other code is one that the log-out explains; an operation with a private key that began before a
//! log-out gives nothing after it; and between a log-out and the next log-in no private object is found and no old handle of one works.

use crate::Random;
use crate::client::{Attrs, Mech, Module, R, Room, Rv, alone, load, output};
use crate::fixtures::pattern;
use crate::p11;
use cryptoki_sys::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const THREADS: u64 = 6;
/// What a log-out, which may come between any two calls, explains.
const LOGGED_OUT: [u64; 4] = [CKR_USER_NOT_LOGGED_IN, CKR_OPERATION_NOT_INITIALIZED, CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID];
const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

/// What the threads share.
struct Ground {
    m: &'static Module,
    /// Log-outs that have returned.
    logouts: AtomicU64,
    over: AtomicBool,
    public: u64,
    /// By length: the digest of so many bytes of the pattern, and its encryption with the public object's key.
    digests: Vec<Vec<u8>>,
    /// Actions that came to their end, and those that a log-out ended.
    done: AtomicU64,
    ended: AtomicU64,
}

impl Ground {
    /// SHA-256 in parts, which needs nobody logged in: always right.
    fn digest_in_parts(&self, s: u64, random: &mut Random) {
        let (n, cut) = (1 + random.next() as usize % 199, 1 + random.next() as usize % 40);
        p11!(self.m, C_DigestInit, s, Mech::plain(CKM_SHA256).as_ptr()).ok().expect("C_DigestInit");
        for part in pattern()[..n].chunks(cut) {
            p11!(self.m, C_DigestUpdate, s, part.as_ptr().cast_mut(), part.len() as u64).ok().expect("C_DigestUpdate");
        }
        let told = output(Room::Bytes(32), |out, len| p11!(self.m, C_DigestFinal, s, out, len));
        assert_eq!((told.rv, &told.bytes), (Rv(CKR_OK), &self.digests[n]), "a digest beside other threads");
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// A signature with the private key, begun and finished with a pause between: nothing comes of it if a log-out has returned meanwhile.
    fn sign_in_parts(&self, s: u64, random: &mut Random) -> R<()> {
        let private = Attrs::new().class(CKO_PRIVATE_KEY);
        let found = self.m.find(s, &private)?;
        let Some(key) = found.first() else { return Err(Rv(CKR_USER_NOT_LOGGED_IN)) };
        let mech = Mech::plain(CKM_ECDSA_SHA256);
        p11!(self.m, C_SignInit, s, mech.as_ptr(), *key).ok()?;
        let began = self.logouts.load(Ordering::SeqCst);
        let n = 1 + random.next() as usize % 199;
        let data = pattern();
        let fed = p11!(self.m, C_SignUpdate, s, data.as_ptr().cast_mut(), n as u64);
        if random.next().is_multiple_of(4) {
            std::thread::yield_now();
        }
        let before = self.logouts.load(Ordering::SeqCst);
        let told = output(Room::Bytes(64), |out, len| p11!(self.m, C_SignFinal, s, out, len));
        assert!(before == began || told.rv != CKR_OK, "a signature came out after the log-out that followed C_SignInit");
        fed.ok()?;
        told.rv.ok()?;
        self.m.verify(s, &mech, self.public, &data[..n], &told.bytes).expect("a signature beside other threads is right");
        Ok(())
    }

    /// A message encrypted and decrypted in one session under a session key: a pair of processes beside each other.
    fn messages(&self, s: u64, random: &mut Random) -> R<()> {
        let template = Attrs::secret(CKK_AES, "mine", &[9; 16]).bool(CKA_PRIVATE, true).bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true);
        let key = self.m.create(s, &template)?;
        let run = || -> R<()> {
            let gcm = Mech::gcm(&[5; 12], b"", 128);
            let n = random.next() as usize % 200;
            let data = &pattern()[..n];
            let sealed = self.m.encrypt(s, &gcm, key, data)?;
            assert_eq!(self.m.decrypt(s, &gcm, key, &sealed)?, data, "what was encrypted beside other threads");
            Ok(())
        };
        let mut run = run;
        let ran = run();
        let destroyed = self.m.destroy(s, key);
        ran.and(destroyed)
    }

    /// A session object of one's own: nobody else takes it away, and a search by its label finds it alone.
    fn own_object(&self, s: u64, label: &str) {
        let object = self.m.create(s, &Attrs::data(label, b"x").bool(CKA_PRIVATE, false)).expect("a public session object");
        assert_eq!(self.find_own(s, label), [object], "a search beside other threads");
        self.m.destroy(s, object).expect("C_DestroyObject");
        assert_eq!(self.find_own(s, label), [0; 0], "a destroyed object");
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// A search that began under a log-in ends with it: then it is made again.
    fn find_own(&self, s: u64, label: &str) -> Vec<u64> {
        loop {
            match self.m.find(s, &Attrs::new().label(label)) {
                Ok(found) => return found,
                Err(rv) => assert_eq!(rv, CKR_OPERATION_NOT_INITIALIZED, "a search beside other threads"),
            }
        }
    }

    fn work(&self, thread: u64) {
        let s = self.m.rw().expect("a session");
        let mut random = Random(thread);
        for i in 0_u64.. {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            let ended = match random.next() % 4 {
                0 => {
                    self.digest_in_parts(s, &mut random);
                    continue;
                }
                1 => {
                    self.own_object(s, &format!("{thread}-{i}"));
                    continue;
                }
                2 => self.sign_in_parts(s, &mut random),
                _ => self.messages(s, &mut random),
            };
            // What a log-out left half done must not stand in the way of the next.
            let cancel = p11!(self.m, C_SessionCancel, s, CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT | CKF_FIND_OBJECTS);
            assert_eq!(cancel, CKR_OK, "C_SessionCancel");
            match ended {
                Ok(()) => self.done.fetch_add(1, Ordering::Relaxed),
                Err(rv) if LOGGED_OUT.iter().any(|code| rv == *code) => self.ended.fetch_add(1, Ordering::Relaxed),
                Err(rv) => panic!("thread {thread}: {rv:?} is not what a log-out explains"),
            };
        }
        self.m.close(s).expect("C_CloseSession");
    }

    /// Logs out and in again, and looks at what is left in between.
    fn disturb(&self, s: u64, rounds: u64) {
        let private = Attrs::new().bool(CKA_PRIVATE, true);
        for round in 0..rounds {
            let old = self.m.find(s, &private).expect("a search");
            assert!(!old.is_empty(), "round {round}: the token's private key is found");
            self.m.logout(s).expect("C_Logout");
            self.logouts.fetch_add(1, Ordering::SeqCst);
            assert_eq!(self.m.find(s, &private), Ok(vec![]), "round {round}: private objects after the log-out");
            for handle in old {
                assert_eq!(self.m.get(s, handle, CKA_CLASS), Err(Rv(CKR_OBJECT_HANDLE_INVALID)), "round {round}: an old handle");
            }
            self.m.login(s, CKU_USER, crate::client::USER_PIN).expect("C_Login");
            std::thread::sleep(std::time::Duration::from_millis(round % 7));
        }
        self.over.store(true, Ordering::Relaxed);
    }
}

#[test]
fn threads_with_sessions_of_their_own_get_right_answers_or_those_that_a_logout_explains() {
    alone(|_| {
        let rounds = std::env::var("CNGTOKEN_MODEL_LOGOUTS").map_or(60, |text| text.parse::<u64>().expect("CNGTOKEN_MODEL_LOGOUTS"));
        let m = load();
        let s = m.make_token_and_log_in();
        let public = Attrs::new().token().bytes(CKA_EC_PARAMS, &P256).bool(CKA_VERIFY, true).bool(CKA_PRIVATE, false);
        let private = Attrs::new().token().bool(CKA_PRIVATE, true).bool(CKA_SIGN, true);
        let (public, _) = m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, &private).expect("an EC pair");
        let digests = (0..=199).map(|n| m.digest(s, &Mech::plain(CKM_SHA256), &pattern()[..n]).expect("C_Digest")).collect();
        let (logouts, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let ground = Ground { m, logouts, over, public, digests, done: AtomicU64::new(0), ended: AtomicU64::new(0) };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..THREADS)
                .map(|thread| {
                    scope.spawn({
                        let ground = &ground;
                        move || ground.work(thread)
                    })
                })
                .collect();
            let disturbed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ground.disturb(s, rounds)));
            ground.over.store(true, Ordering::Relaxed);
            for worker in workers {
                worker.join().expect("no thread met a wrong answer");
            }
            disturbed.expect("between a log-out and a log-in");
        });
        let (done, ended) = (ground.done.into_inner(), ground.ended.into_inner());
        println!("note: {THREADS} threads, {rounds} log-outs: {done} actions done, {ended} ended by a log-out");
        assert!(done > rounds && ended > 0, "the threads did little: {done} done, {ended} ended");
    });
}

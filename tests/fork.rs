//! Fork: the child starts from nothing, the parent goes on, and what either of them is told was stored is there afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]
#![allow(unsafe_code, reason = "fork and waitpid")]

mod support;

use cryptoki_sys::*;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use support::{Module, call, in_child};

/// Forks; the child runs the body and ends with 0, or with 1 if an assertion failed, or by the alarm if it hangs. Gives the child's id.
fn fork(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child runs the body and leaves by _exit; the module's handlers make its state fit for that.
    run(unsafe { libc::fork() }, body)
}

/// As [`fork`], past the handlers.
fn bare_clone(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: as fork() without its handlers, in a process that has one thread.
    let child = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    run(libc::pid_t::try_from(child).unwrap(), body)
}

fn run(child: libc::pid_t, body: impl FnOnce()) -> libc::pid_t {
    match child {
        0 => {
            // SAFETY: a child that hangs is killed by the alarm.
            unsafe { libc::alarm(60) };
            let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err();
            // SAFETY: ends this process only, without the parent's destructors.
            unsafe { libc::_exit(i32::from(failed)) }
        }
        child => {
            assert!(child > 0, "fork failed");
            child
        }
    }
}

fn wait(child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: waits for a child of ours.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed (status {status:#x}; 14 is the alarm)");
}

#[test]
fn the_child_is_clean_and_the_parent_goes_on() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        let (_, key) = module.p256_pair(session, true);

        wait(fork(|| {
            let (mut count, mut info) = (0, CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 });
            assert_eq!(call!(module, C_GetSlotList(CK_TRUE, null_mut(), &raw mut count)), CKR_CRYPTOKI_NOT_INITIALIZED);
            assert_eq!(call!(module, C_GetSessionInfo(session, &raw mut info)), CKR_CRYPTOKI_NOT_INITIALIZED);
            assert_eq!(module.sign(session, CKM_ECDSA, key, &[1; 32]), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_CRYPTOKI_NOT_INITIALIZED);
            let mut list = null_mut();
            assert_eq!(call!(module, C_GetFunctionList(&raw mut list)), CKR_OK);

            assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
            assert_eq!(call!(module, C_GetSessionInfo(session, &raw mut info)), CKR_SESSION_HANDLE_INVALID);
            let session = module.session(support::RW);
            assert_eq!(module.state(session), CKS_RW_PUBLIC_SESSION);
            assert_eq!(module.login(session, CKU_USER, support::PIN), CKR_OK);
            let (mut class, mut on_token) = (CKO_PRIVATE_KEY, CK_TRUE);
            let found = module.find(session, &mut [support::number(CKA_CLASS, &mut class), support::flag(CKA_TOKEN, &mut on_token)]);
            assert_eq!(found.len(), 1);
            module.sign(session, CKM_ECDSA, found[0], &[1; 32]).unwrap();
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
        }));

        assert_eq!(module.state(session), CKS_RW_USER_FUNCTIONS);
        module.sign(session, CKM_ECDSA, key, &[1; 32]).unwrap();
        assert_eq!(call!(module, C_Initialize(null_mut())), CKR_CRYPTOKI_ALREADY_INITIALIZED);
    });
}

#[test]
fn a_child_that_ran_no_fork_handler_is_clean_after_its_own_initialize_or_finalize() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        wait(bare_clone(|| {
            assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
            let session = module.session(support::RW);
            assert_eq!(module.state(session), CKS_RW_PUBLIC_SESSION);
            assert_eq!(module.login(session, CKU_USER, support::PIN), CKR_OK);
            module.create_data(session, "of the child", true).unwrap();
        }));
        wait(bare_clone(|| {
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_CRYPTOKI_NOT_INITIALIZED);
            assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
        }));

        assert_eq!(module.state(session), CKS_RW_USER_FUNCTIONS);
        assert_eq!(module.count_label(session, "of the child"), 1);
    });
}

#[test]
fn what_parent_and_child_store_at_the_same_time_is_all_there() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        let children: Vec<_> = (0..4)
            .map(|child| {
                fork(|| {
                    assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
                    let session = module.user_session();
                    for n in 0..10 {
                        module.create_data(session, &format!("child {child} object {n}"), true).unwrap();
                    }
                })
            })
            .collect();
        for n in 0..10 {
            module.create_data(session, &format!("parent object {n}"), true).unwrap();
        }
        children.into_iter().for_each(wait);

        for n in 0..10 {
            assert_eq!(module.count_label(session, &format!("parent object {n}")), 1);
            for child in 0..4 {
                assert_eq!(module.count_label(session, &format!("child {child} object {n}")), 1, "child {child} object {n}");
            }
        }
    });
}

#[test]
fn a_parent_that_closes_while_the_child_commits_loses_nothing_of_the_childs() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        module.create_data(session, "before", true).unwrap();
        let child = fork(|| {
            assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
            let session = module.user_session();
            for n in 0..20 {
                module.create_data(session, &format!("child object {n}"), true).unwrap();
            }
        });
        for _ in 0..10 {
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
            assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
            let session = module.user_session();
            assert_eq!(module.count_label(session, "before"), 1);
        }
        wait(child);

        let session = module.session(support::RW);
        for n in 0..20 {
            assert_eq!(module.count_label(session, &format!("child object {n}")), 1, "child object {n}");
        }
    });
}

#[test]
fn forks_among_working_threads_neither_hang_nor_damage_the_store() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        let (_, key) = module.p256_pair(session, false);
        let stop = AtomicBool::new(false);
        let stored = std::thread::scope(|scope| {
            let signers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mine = module.session(support::RW);
                        while !stop.load(Ordering::Relaxed) {
                            module.sign(mine, CKM_ECDSA, key, &[3; 32]).unwrap();
                        }
                    })
                })
                .collect();
            let writer = scope.spawn(|| {
                let mine = module.session(support::RW);
                let mut stored = 0;
                while !stop.load(Ordering::Relaxed) {
                    module.create_data(mine, &format!("written {stored}"), true).unwrap();
                    stored += 1;
                }
                stored
            });
            for round in 0..20 {
                wait(fork(|| {
                    assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
                    let session = module.user_session();
                    module.create_data(session, &format!("round {round}"), true).unwrap();
                }));
            }
            stop.store(true, Ordering::Relaxed);
            signers.into_iter().for_each(|t| t.join().unwrap());
            writer.join().unwrap()
        });

        assert!((0..20).all(|round| module.count_label(session, &format!("round {round}")) == 1));
        assert!((0..stored).all(|n| module.count_label(session, &format!("written {n}")) == 1), "{stored} were stored");
    });
}

#[test]
fn two_children_do_not_draw_the_same_random_bytes() {
    in_child(|_| {
        let module = Module::with_token();
        let session = module.session(CKF_SERIAL_SESSION);
        let mut warm = [0u8; 32];
        assert_eq!(call!(module, C_GenerateRandom(session, warm.as_mut_ptr(), 32)), CKR_OK);
        let drawn: Vec<Vec<u8>> = (0..3)
            .map(|_| {
                let mut ends = [0; 2];
                // SAFETY: makes a pipe in a local array.
                assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
                let child = fork(|| {
                    assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
                    let session = module.session(CKF_SERIAL_SESSION);
                    let mut bytes = [0u8; 32];
                    assert_eq!(call!(module, C_GenerateRandom(session, bytes.as_mut_ptr(), 32)), CKR_OK);
                    // SAFETY: writes a local array to the pipe.
                    assert_eq!(unsafe { libc::write(ends[1], bytes.as_ptr().cast(), 32) }, 32);
                });
                let mut bytes = vec![0u8; 32];
                // SAFETY: reads into a local vector.
                assert_eq!(unsafe { libc::read(ends[0], bytes.as_mut_ptr().cast(), 32) }, 32);
                wait(child);
                bytes
            })
            .collect();
        assert!(drawn[0] != drawn[1] && drawn[1] != drawn[2] && drawn[0] != drawn[2]);
    });
}

//! C_Initialize and C_Finalize as real clients call them, and as they must not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]
#![allow(unsafe_code, reason = "mutex callbacks are C functions")]

mod support;

use cryptoki_sys::*;
use std::ffi::c_void;
use std::ptr::{from_mut, null_mut};
use std::sync::Barrier;
use support::{Module, call, in_child, in_child_with};

unsafe extern "C" fn create(_: *mut *mut c_void) -> CK_RV {
    std::process::abort()
}

unsafe extern "C" fn other(_: *mut c_void) -> CK_RV {
    std::process::abort()
}

fn args(flags: CK_FLAGS) -> CK_C_INITIALIZE_ARGS {
    CK_C_INITIALIZE_ARGS { CreateMutex: None, DestroyMutex: None, LockMutex: None, UnlockMutex: None, flags, pReserved: null_mut() }
}

fn with_callbacks(flags: CK_FLAGS) -> CK_C_INITIALIZE_ARGS {
    CK_C_INITIALIZE_ARGS { CreateMutex: Some(create), DestroyMutex: Some(other), LockMutex: Some(other), UnlockMutex: Some(other), ..args(flags) }
}

fn initialize(module: &Module, mut args: CK_C_INITIALIZE_ARGS) -> CK_RV {
    call!(module, C_Initialize(from_mut(&mut args).cast()))
}

#[test]
fn every_form_that_clients_use_is_accepted_and_callbacks_are_never_called() {
    in_child(|_| {
        let module = Module::load();
        let forms = [
            args(0),
            args(CKF_OS_LOCKING_OK),
            args(CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK),
            with_callbacks(CKF_OS_LOCKING_OK),
            with_callbacks(CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK),
        ];
        for (index, form) in forms.into_iter().enumerate() {
            assert_eq!(initialize(&module, form), CKR_OK, "form {index}");
            let mut count = 0;
            assert_eq!(call!(module, C_GetSlotList(CK_TRUE, null_mut(), &raw mut count)), CKR_OK);
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
        }
        assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
    });
}

#[test]
fn forms_that_cannot_be_served_are_refused_and_leave_nothing_behind() {
    in_child(|_| {
        let module = Module::load();
        let some = CK_C_INITIALIZE_ARGS { LockMutex: None, ..with_callbacks(CKF_OS_LOCKING_OK) };
        assert_eq!(initialize(&module, some), CKR_ARGUMENTS_BAD);
        assert_eq!(initialize(&module, with_callbacks(0)), CKR_CANT_LOCK);
        let mut endless = vec![b'x'; 5000];
        assert_eq!(initialize(&module, CK_C_INITIALIZE_ARGS { pReserved: endless.as_mut_ptr().cast(), ..args(2) }), CKR_ARGUMENTS_BAD);
        let mut latin = *b"store=/\xE4\0";
        assert_eq!(initialize(&module, CK_C_INITIALIZE_ARGS { pReserved: latin.as_mut_ptr().cast(), ..args(2) }), CKR_ARGUMENTS_BAD);
        assert_eq!(call!(module, C_Finalize(null_mut())), CKR_CRYPTOKI_NOT_INITIALIZED);
        assert_eq!(initialize(&module, args(CKF_OS_LOCKING_OK)), CKR_OK);
    });
}

#[test]
fn the_reserved_string_may_hold_other_peoples_parameters() {
    in_child(|_| {
        let module = Module::load();
        for text in [&b"\0"[..], b"configDir=/x flags=readOnly\0", b"whatever\0"] {
            let mut text = text.to_vec();
            assert_eq!(initialize(&module, CK_C_INITIALIZE_ARGS { pReserved: text.as_mut_ptr().cast(), ..args(2) }), CKR_OK);
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
        }
    });
}

#[test]
fn a_second_initialize_says_so_and_the_first_goes_on() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        assert_eq!(call!(module, C_Initialize(null_mut())), CKR_CRYPTOKI_ALREADY_INITIALIZED);
        assert_eq!(module.state(session), CKS_RW_USER_FUNCTIONS);
    });
}

#[test]
fn of_threads_that_initialize_at_once_exactly_one_wins() {
    in_child(|_| {
        let module = Module::load();
        for _ in 0..50 {
            let barrier = Barrier::new(8);
            let results: Vec<CK_RV> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            barrier.wait();
                            call!(module, C_Initialize(null_mut()))
                        })
                    })
                    .collect();
                threads.into_iter().map(|t| t.join().unwrap()).collect()
            });
            assert_eq!(results.iter().filter(|rv| **rv == CKR_OK).count(), 1, "{results:x?}");
            assert_eq!(results.iter().filter(|rv| **rv == CKR_CRYPTOKI_ALREADY_INITIALIZED).count(), 7, "{results:x?}");
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
        }
    });
}

#[test]
fn before_initialize_and_after_finalize_every_function_says_so() {
    in_child(|_| {
        let module = Module::load();
        let check = |when: &str| {
            let mut count = 0;
            let mut info = CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 };
            assert_eq!(call!(module, C_GetSlotList(CK_TRUE, null_mut(), &raw mut count)), CKR_CRYPTOKI_NOT_INITIALIZED, "{when}");
            assert_eq!(call!(module, C_GetSessionInfo(1, &raw mut info)), CKR_CRYPTOKI_NOT_INITIALIZED, "{when}");
            assert_eq!(call!(module, C_GetFunctionStatus(1)), CKR_CRYPTOKI_NOT_INITIALIZED, "{when}");
            assert_eq!(call!(module, C_MessageEncryptFinal(1)), CKR_CRYPTOKI_NOT_INITIALIZED, "{when}");
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_CRYPTOKI_NOT_INITIALIZED, "{when}");
        };
        check("before");
        assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);
        let mut something = 0u8;
        assert_eq!(call!(module, C_Finalize(from_mut(&mut something).cast())), CKR_ARGUMENTS_BAD);
        assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
        check("after");
    });
}

#[test]
fn finalize_ends_sessions_and_login_and_a_new_start_finds_the_token() {
    in_child(|_| {
        let (module, session) = Module::with_user();
        module.create_data(session, "kept", true).unwrap();
        module.create_data(session, "gone", false).unwrap();
        assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
        assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK);

        let mut info = CK_SESSION_INFO { slotID: 0, state: 0, flags: 0, ulDeviceError: 0 };
        assert_eq!(call!(module, C_GetSessionInfo(session, &raw mut info)), CKR_SESSION_HANDLE_INVALID);
        let session = module.session(support::RW);
        assert_eq!(module.state(session), CKS_RW_PUBLIC_SESSION);
        assert_eq!(module.login(session, CKU_USER, support::PIN), CKR_OK);
        assert_eq!((module.count_label(session, "kept"), module.count_label(session, "gone")), (1, 0));
    });
}

#[test]
fn finalize_while_eight_threads_work_is_clean_twenty_times() {
    in_child(|_| {
        let module = Module::with_token();
        for round in 0..20 {
            let session = module.user_session();
            let (_, key) = module.p256_pair(session, false);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let mut mine = 0;
                        if call!(module, C_OpenSession(0, support::RW, null_mut(), None, &raw mut mine)) != CKR_OK {
                            return;
                        }
                        while module.sign(mine, CKM_ECDSA, key, &[7; 32]).is_ok() {}
                    });
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
                let begun = std::time::Instant::now();
                assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK, "round {round}");
                assert!(begun.elapsed() < std::time::Duration::from_secs(3));
            });
            assert_eq!(call!(module, C_Initialize(null_mut())), CKR_OK, "round {round}");
        }
    });
}

#[test]
fn a_waiting_thread_is_woken_by_finalize() {
    in_child(|_| {
        let module = Module::initialized();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let mut slot = 0;
                call!(module, C_WaitForSlotEvent(0, &raw mut slot, null_mut()))
            });
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert_eq!(call!(module, C_Finalize(null_mut())), CKR_OK);
            assert!([CKR_CRYPTOKI_NOT_INITIALIZED, CKR_FUNCTION_NOT_SUPPORTED].contains(&waiter.join().unwrap()));
        });
    });
}

#[test]
fn a_configuration_that_is_named_and_missing_is_an_error_and_not_an_empty_token() {
    in_child_with(&[("CNGTOKEN_STORE", ""), ("CNGTOKEN_CONF", "@DIR@/missing.toml")], |_| {
        let module = Module::load();
        assert_eq!(call!(module, C_Initialize(null_mut())), CKR_FUNCTION_FAILED);
        assert_eq!(call!(module, C_Finalize(null_mut())), CKR_CRYPTOKI_NOT_INITIALIZED);
    });
}

#[test]
fn closing_the_library_with_a_thread_inside_leaves_it_in_place() {
    in_child(|_| {
        let module = Module::initialized();
        let get_slots = module.list.C_GetSlotList.unwrap();
        std::thread::scope(|scope| {
            let worker = scope.spawn(move || {
                for _ in 0..200_000 {
                    let mut count = 0;
                    // SAFETY: the module stays loaded after dlclose, which is what is tested.
                    unsafe { get_slots(CK_TRUE, null_mut(), &raw mut count) };
                }
            });
            // SAFETY: the reference is not used again; the library is taken out of its leaked box once.
            let library = unsafe { std::ptr::read(module.library) };
            library.close().unwrap();
            worker.join().unwrap();
        });
    });
}

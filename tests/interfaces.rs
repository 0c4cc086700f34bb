//! How a client finds the functions: the exported symbols, the lists, the interfaces. All of it before C_Initialize.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]
#![allow(unsafe_code, reason = "reads the tables that the module hands out")]

mod support;

use cryptoki_sys::*;
use std::ffi::CStr;
use std::ptr::null_mut;
use support::{Module, call, in_child};

fn get(module: &Module, name: Option<&CStr>, version: Option<(u8, u8)>, flags: CK_FLAGS) -> Result<CK_INTERFACE, CK_RV> {
    let name = name.map_or(null_mut(), |n| n.as_ptr().cast_mut().cast());
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version.as_mut().map_or(null_mut(), |v| &raw mut *v);
    let mut interface: *mut CK_INTERFACE = null_mut();
    match call!(module, C_GetInterface(name, version, &raw mut interface, flags)) {
        // SAFETY: the module gave the pointer.
        CKR_OK => Ok(unsafe { *interface }),
        rv => Err(rv),
    }
}

fn list_version(interface: &CK_INTERFACE) -> (u8, u8) {
    // SAFETY: every list begins with its version.
    let version = unsafe { *interface.pFunctionList.cast::<CK_VERSION>() };
    (version.major, version.minor)
}

/// The pointers of a list that follow its version.
fn pointers<T>(interface: &CK_INTERFACE) -> Vec<usize> {
    let count = size_of::<T>() / size_of::<usize>() - 1;
    // SAFETY: the list is a T: a version, padding to a pointer's size, and pointers.
    (1..=count).map(|i| unsafe { *interface.pFunctionList.cast::<usize>().add(i) }).collect()
}

/// The address of an exported symbol.
fn symbol(module: &Module, name: &str) -> usize {
    // SAFETY: only the address is looked at.
    *unsafe { module.library.get::<usize>(name.as_bytes()) }.unwrap()
}

#[test]
fn the_default_is_the_newest_list_and_each_version_is_found() {
    in_child(|_| {
        let module = Module::load();
        for (asked, got) in [(None, (3, 2)), (Some((3, 2)), (3, 2)), (Some((3, 0)), (3, 0)), (Some((2, 40)), (2, 40))] {
            for name in [None, Some(c"PKCS 11")] {
                let interface = get(&module, name, asked, 0).unwrap();
                assert_eq!(list_version(&interface), got);
                assert_eq!(interface.flags, 0);
            }
        }
    });
}

#[test]
fn every_pointer_of_every_list_is_the_exported_symbol() {
    in_child(|_| {
        let module = Module::load();
        let new = pointers::<CK_FUNCTION_LIST_3_2>(&get(&module, None, Some((3, 2)), 0).unwrap());
        let middle = pointers::<CK_FUNCTION_LIST_3_0>(&get(&module, None, Some((3, 0)), 0).unwrap());
        let old = pointers::<CK_FUNCTION_LIST>(&get(&module, None, Some((2, 40)), 0).unwrap());
        assert_eq!((new.len(), middle.len(), old.len()), (104, 92, 68));
        assert!(!new.contains(&0));
        assert_eq!(new[..92], middle);
        assert_eq!(new[..68], old);

        let spec = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec/functions.json");
        let Ok(spec) = std::fs::read_to_string(&spec) else {
            println!("{} is absent: names are not compared", spec.display());
            return;
        };
        let spec: serde_json::Value = serde_json::from_str(&spec).unwrap();
        for (function, pointer) in spec["functions"].as_array().unwrap().iter().zip(new) {
            let name = function["name"].as_str().unwrap();
            assert_eq!(symbol(&module, name), pointer, "{name}");
        }
    });
}

#[test]
fn the_old_door_gives_the_old_list() {
    in_child(|_| {
        let module = Module::load();
        let mut list: *mut CK_FUNCTION_LIST = null_mut();
        assert_eq!(call!(module, C_GetFunctionList(&raw mut list)), CKR_OK);
        // SAFETY: the module gave the pointer.
        let version = unsafe { (*list).version };
        assert_eq!((version.major, version.minor), (2, 40));
        assert_eq!(call!(module, C_GetFunctionList(null_mut())), CKR_ARGUMENTS_BAD);
    });
}

#[test]
fn the_vendor_interface_begins_with_its_version_and_holds_the_exported_functions() {
    in_child(|_| {
        let module = Module::load();
        for version in [None, Some((1, 0))] {
            let interface = get(&module, Some(c"Vendor cngtoken"), version, 0).unwrap();
            assert_eq!(list_version(&interface), (1, 0));
            let names = ["C_ImportBCryptBlob", "C_ExportBCryptBlob", "C_GetBCryptStatus"];
            for (name, pointer) in names.into_iter().zip(pointers::<[usize; 4]>(&interface)) {
                assert_eq!(symbol(&module, name), pointer, "{name}");
            }
        }
        assert_eq!(get(&module, Some(c"Vendor cngtoken"), Some((3, 0)), 0).err(), Some(CKR_ARGUMENTS_BAD));
    });
}

#[test]
fn unknown_names_versions_and_flags_are_refused_and_never_as_not_supported() {
    in_child(|_| {
        let module = Module::load();
        assert_eq!(get(&module, Some(c"PKCS 11"), None, CKF_INTERFACE_FORK_SAFE).err(), Some(CKR_FUNCTION_FAILED));
        assert_eq!(get(&module, Some(c"Vendor NSS FIPS Interface"), None, 0).err(), Some(CKR_ARGUMENTS_BAD));
        assert_eq!(get(&module, Some(c""), None, 0).err(), Some(CKR_ARGUMENTS_BAD));
        assert_eq!(get(&module, None, Some((3, 9)), 0).err(), Some(CKR_ARGUMENTS_BAD));
        assert_eq!(call!(module, C_GetInterface(null_mut(), null_mut(), null_mut(), 0)), CKR_ARGUMENTS_BAD);
        let endless = [b'x'; 4096];
        let mut interface = null_mut();
        let rv = call!(module, C_GetInterface(support::bytes(&endless), null_mut(), &raw mut interface, 0));
        assert_eq!(rv, CKR_ARGUMENTS_BAD);
    });
}

#[test]
fn the_list_of_interfaces_is_told_in_two_calls() {
    in_child(|_| {
        let module = Module::load();
        let mut count = 0;
        assert_eq!(call!(module, C_GetInterfaceList(null_mut(), &raw mut count)), CKR_OK);
        assert_eq!(count, 4);

        let empty = CK_INTERFACE { pInterfaceName: null_mut(), pFunctionList: null_mut(), flags: 0 };
        let mut interfaces = [empty; 4];
        count = 3;
        assert_eq!(call!(module, C_GetInterfaceList(interfaces.as_mut_ptr(), &raw mut count)), CKR_BUFFER_TOO_SMALL);
        assert_eq!(count, 4);
        assert_eq!(call!(module, C_GetInterfaceList(interfaces.as_mut_ptr(), &raw mut count)), CKR_OK);

        let named = interfaces.map(|i| {
            // SAFETY: the module gave a string.
            let name = unsafe { CStr::from_ptr(i.pInterfaceName.cast()) };
            (name.to_str().unwrap().to_owned(), list_version(&i))
        });
        let expected = [("PKCS 11", (3, 2)), ("PKCS 11", (3, 0)), ("PKCS 11", (2, 40)), ("Vendor cngtoken", (1, 0))];
        assert_eq!(named, expected.map(|(name, version)| (name.to_owned(), version)));
        assert_eq!(call!(module, C_GetInterfaceList(null_mut(), null_mut())), CKR_ARGUMENTS_BAD);
    });
}

#[test]
fn info_says_the_version_of_the_newest_list() {
    in_child(|_| {
        let module = Module::initialized();
        let version = CK_VERSION { major: 0, minor: 0 };
        let mut info = CK_INFO { cryptokiVersion: version, manufacturerID: [0; 32], flags: 1, libraryDescription: [0; 32], libraryVersion: version };
        assert_eq!(call!(module, C_GetInfo(&raw mut info)), CKR_OK);
        assert_eq!((info.cryptokiVersion.major, info.cryptokiVersion.minor), (3, 2));
        assert_eq!(info.flags, 0);
        assert!(!info.manufacturerID.contains(&0) && !info.libraryDescription.contains(&0));
    });
}

#[test]
fn no_jitter_entropy_source_is_linked_which_would_cost_each_process_30_ms() {
    let module = std::fs::read(support::module_path()).expect("the module can be read");
    // Names stand in the symbol table with a zero between them.
    let mut names = module.split(|&byte| byte == 0).filter(|name| name.starts_with(b"aws_lc_")).peekable();

    assert!(names.peek().is_some(), "the symbols of aws-lc are there to be looked through");
    for source in [b"jent_read_entropy".as_slice(), b"jent_entropy_init", b"jent_entropy_collector_alloc"] {
        assert!(!names.clone().any(|name| name.ends_with(source)), "{}", String::from_utf8_lossy(source));
    }
}

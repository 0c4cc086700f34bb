//! The vendor header as a C and a C++ program see it: it compiles without a warning, and what it declares is what the module does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption is a failed test")]
#![allow(unsafe_code, reason = "the token is made through the C interface")]

mod support;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Module, call, in_child};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The compiler of a language, or none on this machine.
fn compiler(variable: &str, usual: &str) -> Option<OsString> {
    let compiler = std::env::var_os(variable).unwrap_or_else(|| usual.into());
    Command::new(&compiler).arg("--version").output().ok().filter(|o| o.status.success()).map(|_| compiler)
}

/// Compiles the client and runs it on a token of its own.
fn compile_and_run(folder: &Path, compiler: &OsString, language: &[&str]) {
    let program = folder.join("client");
    let output = Command::new(compiler)
        .args(language)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"])
        .arg(&program)
        .arg("-I")
        .arg(root().join("vendor-ext/include"))
        .arg(root().join("tests/vendor_header/client.c"))
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(output.status.success(), "{language:?}: {}", String::from_utf8_lossy(&output.stderr));

    let vectors: serde_json::Value = serde_json::from_str(include_str!("vectors/p256.json")).unwrap();
    let vector = vectors["vectors"].as_array().unwrap().iter().find(|v| v["blob_type"] == "ECCPRIVATEBLOB").unwrap();
    let blob: PathBuf = folder.join("blob");
    std::fs::write(&blob, hex::decode(vector["blob_hex"].as_str().unwrap()).unwrap()).unwrap();

    let module = Module::with_token();
    assert_eq!(call!(module, C_Finalize(std::ptr::null_mut())), cryptoki_sys::CKR_OK);
    let output = Command::new(&program).arg(support::module_path()).arg(&blob).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), said.trim()), (Some(0), "all is well"), "{language:?}");
}

#[test]
fn a_c_program_imports_and_exports_through_the_header() {
    let Some(cc) = compiler("CC", "cc") else {
        println!("there is no C compiler: the header is not tried");
        return;
    };
    in_child(|folder| compile_and_run(folder, &cc, &["-x", "c", "-std=c11"]));
}

#[test]
fn a_cxx_program_imports_and_exports_through_the_header() {
    let Some(cxx) = compiler("CXX", "c++") else {
        println!("there is no C++ compiler: the header is not tried");
        return;
    };
    in_child(|folder| compile_and_run(folder, &cxx, &["-x", "c++", "-std=c++11"]));
}

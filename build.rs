//! Links the module so that dlclose leaves it in place: a thread that is still inside would otherwise run on memory that is gone.
//! Fork handlers stay registered for the same reason. The rlib and the command line are not concerned.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu" || env == "musl") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    }
}

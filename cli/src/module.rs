//! The built module and throw-away PINs: what quickstart, run, env and doctor share.

use crate::failure::{Exit, Failure};
use crate::report::line;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file's name.
pub(crate) const FILE: &str = "libcngtoken.so";

/// The module that is there: the named one, beside this program, in `deps` below it, or in the system's folder for PKCS#11 modules.
///
/// # Errors
/// The named file is not there.
pub(crate) fn installed(named: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = named {
        return path.canonicalize().map(Some).map_err(|e| Failure::file(path, &e));
    }
    let folder = folder()?;
    Ok(find(&folder).or_else(|| system_folders(&folder).into_iter().map(|f| f.join(FILE)).find(|p| p.is_file())))
}

/// The module, built now if it is not there and cargo runs this program.
///
/// # Errors
/// It is neither there nor can it be built.
pub(crate) fn path(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(found) = installed(named)? {
        return Ok(found);
    }
    let folder = folder()?;
    // Only under `cargo run`, which says where cargo is.
    let Some(cargo) = std::env::var_os("CARGO") else {
        return Err(Failure::new(Exit::Store, format!("{FILE} is not in {}; name it with --module", folder.display())));
    };
    line("0. The module is not built yet; building it")?;
    let profile = if folder.ends_with("release") { "release" } else { "dev" };
    let status = Command::new(cargo).args(["build", "--package", "cngtoken", "--lib", "--profile", profile]).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(Failure::new(Exit::Internal, format!("building the module failed ({status})"))),
        Err(e) => return Err(Failure::new(Exit::Internal, format!("cargo: {e}"))),
    }
    find(&folder).ok_or_else(|| Failure::new(Exit::Internal, format!("{FILE} was built, and is not in {}", folder.display())))
}

fn folder() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(|e| Failure::new(Exit::Internal, format!("this program's own path: {e}")))?;
    Ok(program.parent().unwrap_or(Path::new(".")).to_owned())
}

/// Where a package puts modules: below the same prefix as this program.
fn system_folders(folder: &Path) -> Vec<PathBuf> {
    let lib = folder.parent().unwrap_or(Path::new("/usr")).join("lib");
    let multiarch = format!("{}-linux-gnu/pkcs11", std::env::consts::ARCH);
    [multiarch.as_str(), "pkcs11"].iter().map(|tail| lib.join(tail)).collect()
}

/// The newer of the two places: cargo leaves the library of a dependency in `deps` alone, where an older one may lie above it.
fn find(folder: &Path) -> Option<PathBuf> {
    let written = |path: &PathBuf| fs::metadata(path).and_then(|m| m.modified()).ok();
    [folder.join("deps").join(FILE), folder.join(FILE)].into_iter().filter(|p| p.is_file()).max_by_key(written)
}

/// Eight digits.
///
/// # Errors
/// The system gives no random bytes.
pub(crate) fn random_pin() -> Result<String, Failure> {
    let n = getrandom::u64().map_err(|e| Failure::new(Exit::Internal, format!("no random bytes: {e}")))?;
    Ok(format!("{:08}", n % 100_000_000))
}

/// A new file that only its owner reads.
///
/// # Errors
/// It is there, or cannot be written.
pub(crate) fn write_secret(path: &Path, secret: &str) -> Result<(), Failure> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(secret.as_bytes())).map_err(|e| Failure::file(path, &e))
}

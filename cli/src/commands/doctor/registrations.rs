//! Where clients learn of the module: p11-kit's module files, OpenSSL's provider, the module lists of NSS and Firefox profiles.

use super::Finding;
use crate::module;
use std::fs;
use std::path::{Path, PathBuf};

/// Every client's registration that can be found from here.
pub(super) fn all(module: Option<&Path>) -> Vec<Finding> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let at = module.map_or_else(|| module::FILE.to_owned(), |m| m.display().to_string());
    let mut out = vec![p11_kit(&module_files(&home), &at), openssl(&libraries())];
    out.extend(nss(&nss_lists(&home), &at));
    out
}

fn files_in(folder: &Path, accept: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| accept(p)).collect();
    files.sort();
    files
}

fn module_files(home: &Path) -> Vec<PathBuf> {
    let folders = [PathBuf::from("/usr/share/p11-kit/modules"), PathBuf::from("/etc/pkcs11/modules"), home.join(".config/pkcs11/modules")];
    folders.iter().flat_map(|f| files_in(f, |p| p.extension().is_some_and(|e| e == "module"))).collect()
}

fn p11_kit(files: &[PathBuf], module: &str) -> Finding {
    for file in files {
        let text = fs::read_to_string(file).unwrap_or_default();
        let named = text.lines().find_map(|l| l.trim().strip_prefix("module:")).map(str::trim);
        let Some(named) = named.filter(|n| n.ends_with(module::FILE)) else { continue };
        // A bare name is looked up in the system's folder for modules.
        if named.starts_with('/') && !Path::new(named).exists() {
            return Finding::bad("p11-kit", format!("{} names {named}, which is not there", file.display()), format!("write module: {module}"));
        }
        return Finding::ok("p11-kit", format!("registered by {}", file.display()));
    }
    Finding::note("p11-kit", "not registered (GnuTLS and programs behind its proxy do not see the token)", "cngtoken env --for p11-kit")
}

/// Folders in which OpenSSL may keep its providers.
fn libraries() -> Vec<PathBuf> {
    let roots = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"].map(PathBuf::from);
    let below = roots.iter().flat_map(|r| files_in(r, Path::is_dir));
    roots.iter().cloned().chain(below).map(|f| f.join("ossl-modules")).filter(|f| f.is_dir()).collect()
}

fn openssl(folders: &[PathBuf]) -> Finding {
    match folders.iter().map(|f| f.join("pkcs11.so")).find(|p| p.is_file()) {
        Some(path) => Finding::ok("OpenSSL", format!("pkcs11-provider is {}", path.display())),
        None => Finding::note("OpenSSL", "pkcs11-provider is not installed", "apt install pkcs11-provider; then cngtoken env --for openssl"),
    }
}

/// The module lists of NSS databases: Firefox profiles (Debian's, snap's, flatpak's) and the user's shared one.
fn nss_lists(home: &Path) -> Vec<PathBuf> {
    let roots = [
        home.join(".mozilla/firefox"),
        home.join("snap/firefox/common/.mozilla/firefox"),
        home.join(".var/app/org.mozilla.firefox/.mozilla/firefox"),
        home.join(".thunderbird"),
    ];
    let profiles = roots.iter().flat_map(|r| files_in(r, Path::is_dir));
    profiles.chain([home.join(".pki/nssdb")]).map(|p| p.join("pkcs11.txt")).filter(|p| p.is_file()).collect()
}

fn nss(lists: &[PathBuf], module: &str) -> Vec<Finding> {
    lists
        .iter()
        .map(|list| {
            let folder = list.parent().unwrap_or(list).display();
            let text = fs::read_to_string(list).unwrap_or_default();
            let named = text.lines().filter_map(|l| l.strip_prefix("library=")).find(|l| l.ends_with(module::FILE));
            match named {
                Some(at) if Path::new(at).exists() => Finding::ok("NSS, Firefox", format!("registered in {folder}")),
                Some(at) => {
                    let fix = format!(
                        "modutil -force -dbdir sql:{folder} -delete cngtoken; modutil -force -dbdir sql:{folder} -add cngtoken -libfile {module}"
                    );
                    Finding::bad("NSS, Firefox", format!("{folder} names {at}, which is not there"), fix)
                }
                None => Finding::note(
                    "NSS, Firefox",
                    format!("not in {folder}"),
                    format!("modutil -force -dbdir sql:{folder} -add cngtoken -libfile {module}"),
                ),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_module_file_that_names_a_module_that_is_gone_is_a_failure() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cngtoken.module");
        fs::write(&file, "# ours\nmodule: /nowhere/libcngtoken.so\n").unwrap();
        assert_eq!(p11_kit(std::slice::from_ref(&file), "/m/libcngtoken.so").verdict, Verdict::Bad);
        fs::write(&file, "module: libcngtoken.so\n").unwrap();
        assert_eq!(p11_kit(&[file], "/m/libcngtoken.so").verdict, Verdict::Ok);
        assert_eq!(p11_kit(&[], "/m/libcngtoken.so").verdict, Verdict::Note);
    }

    #[test]
    fn a_profile_that_lists_the_module_is_told_from_one_that_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (module, list) = (dir.path().join("libcngtoken.so"), dir.path().join("pkcs11.txt"));
        fs::write(&module, b"").unwrap();
        fs::write(&list, "library=\nname=NSS Internal\n").unwrap();
        assert_eq!(nss(std::slice::from_ref(&list), "m")[0].verdict, Verdict::Note);
        fs::write(&list, format!("library=\n\nlibrary={}\nname=cngtoken\n", module.display())).unwrap();
        assert_eq!(nss(std::slice::from_ref(&list), "m")[0].verdict, Verdict::Ok);
        fs::remove_file(&module).unwrap();
        assert_eq!(nss(&[list], "m")[0].verdict, Verdict::Bad);
    }
}

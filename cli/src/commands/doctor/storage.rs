//! The store as a file: is it there, whose is it, who may read it, what file system does it lie on.

use super::Finding;
use cngtoken::token::Access;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// File systems whose locks other machines do not see, or see late.
const REMOTE: &[&str] = &["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "afs", "fuse.sshfs"];

/// Everything about one store's file.
pub(super) fn all(path: &Path, access: &Access) -> Vec<Finding> {
    let shown = path.display();
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return vec![Finding::bad("store", format!("{shown} is not there"), "cngtoken init --label NAME makes it")];
        }
        Err(e) => return vec![Finding::bad("store", format!("{shown}: {e}"), "the folders above it must be searchable for you (chmod +x)")],
    };
    if !meta.is_file() {
        return vec![Finding::bad("store", format!("{shown} is no ordinary file; links are not followed"), "name the file itself")];
    }
    let mut findings = vec![Finding::ok("store", format!("{shown}, {} bytes", meta.len()))];
    findings.push(rights(path, meta.permissions().mode(), access));
    if let Err(e) = fs::File::open(path) {
        let fix = format!("it belongs to user {} and group {}", meta.uid(), meta.gid());
        findings.push(Finding::bad("store", format!("you cannot read it: {e}"), fix));
    }
    findings.extend(journal(path));
    findings.extend(file_system(path, &fs::read_to_string("/proc/self/mounts").unwrap_or_default()));
    findings
}

fn rights(path: &Path, mode: u32, access: &Access) -> Finding {
    let (allowed, wanted) = match access {
        Access::Private => (0o600, "600"),
        Access::Group(_) => (0o660, "660"),
    };
    let too_many = mode & 0o777 & !allowed;
    if too_many == 0 {
        Finding::ok("rights", format!("mode {:03o}", mode & 0o777))
    } else {
        Finding::bad("rights", format!("mode {:03o} lets others at it", mode & 0o777), format!("chmod {wanted} {}", path.display()))
    }
}

/// A journal that stays is that of a program killed in the middle of a write; the next one that writes rolls it back.
fn journal(path: &Path) -> Option<Finding> {
    let mut name = path.as_os_str().to_owned();
    name.push("-journal");
    let journal = PathBuf::from(name);
    let len = fs::metadata(&journal).ok()?.len();
    (len > 0).then(|| {
        Finding::note(
            "journal",
            format!("{} holds {len} bytes", journal.display()),
            "nothing to do: the next program that opens the store rolls it back",
        )
    })
}

fn file_system(path: &Path, mounts: &str) -> Option<Finding> {
    let path = path.canonicalize().ok()?;
    let kind = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (at, kind) = (words.nth(1)?, words.next()?);
            path.starts_with(at).then_some((at.len(), kind))
        })
        .max_by_key(|(len, _)| *len)?
        .1;
    if REMOTE.contains(&kind) {
        return Some(Finding::bad("file system", format!("{kind}: its locks do not hold between machines"), "keep the store on a local disk"));
    }
    Some(Finding::ok("file system", kind))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_store_that_others_can_read_is_a_failure_with_the_line_that_mends_it() {
        let finding = rights(Path::new("/t.db"), 0o100_644, &Access::Private);
        assert_eq!((finding.verdict, finding.fix.as_deref()), (Verdict::Bad, Some("chmod 600 /t.db")));
        assert_eq!(rights(Path::new("/t.db"), 0o100_600, &Access::Private).verdict, Verdict::Ok);
        assert_eq!(rights(Path::new("/t.db"), 0o100_660, &Access::Group("www".into())).verdict, Verdict::Ok);
    }

    #[test]
    fn the_longest_mount_point_decides_on_the_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().canonicalize().unwrap();
        let mounts = format!("none / ext4 rw 0 0\nserver:/x {} nfs4 rw 0 0\n", at.display());
        let file = at.join("t.db");
        fs::write(&file, b"x").unwrap();
        assert_eq!(file_system(&file, &mounts).unwrap().verdict, Verdict::Bad);
        assert_eq!(file_system(&file, "none / ext4 rw 0 0\n").unwrap().verdict, Verdict::Ok);
    }

    #[test]
    fn a_store_that_is_not_there_and_one_that_is_a_link_are_failures() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(all(&dir.path().join("none"), &Access::Private)[0].verdict, Verdict::Bad);
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, b"x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(all(&link, &Access::Private)[0].verdict, Verdict::Bad);
    }
}

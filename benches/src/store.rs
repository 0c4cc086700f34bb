//! Stores: a token with the run's keys, and larger ones filled with so many keys that are never used.
//!
//! Ours is filled through `cngtoken import DIR` (its rate is a row of its own). SoftHSM2's file store is filled by copies of
//! one public key's file with another CKA_ID each, since making 100,000 objects through it takes hours.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use cryptoki_sys::*;

use crate::Failure;
use crate::client::{Client, Session};
use crate::keys::{Curve, Keys, RsaNumbers, wrapped};
use crate::operation::{PIN, SO_PIN};
use crate::worker::Arguments;

/// Objects in a store that was not filled.
pub(crate) const BASE_OBJECTS: usize = 25;

/// The id of the public key whose file a filler copies.
const MARKER: [u8; 20] = *b"replace this id here";

/// Which module a store belongs to.
#[derive(Clone)]
pub(crate) enum Subject {
    Ours { module: PathBuf, command_line: PathBuf },
    SoftHsm { module: PathBuf },
}

/// A token on disk.
pub(crate) struct Store {
    module: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    keys: PathBuf,
    ids: Option<PathBuf>,
    /// How many keys a batch import brought and how long it took.
    pub(crate) batch: Option<(usize, Duration)>,
}

impl Store {
    /// Makes a token in `folder` and fills it up to `objects`.
    pub(crate) fn make(subject: &Subject, folder: &Path, keys: &Keys, objects: usize) -> Result<Store, Failure> {
        std::fs::create_dir_all(folder)?;
        let environment = environment(subject, folder)?;
        let module = match subject {
            Subject::Ours { module, .. } | Subject::SoftHsm { module } => module.clone(),
        };
        let mut store = Store { module, environment, keys: keys.folder().to_path_buf(), ids: None, batch: None };
        let fill = objects.saturating_sub(BASE_OBJECTS);
        let marked: &[&str] = if fill > 0 && matches!(subject, Subject::SoftHsm { .. }) { &["--marker"] } else { &[] };
        let made = store.child("make").args(marked).output()?;
        if !made.status.success() {
            return Err(format!("no token: {}", String::from_utf8_lossy(&made.stderr).trim()).into());
        }
        if fill > 0 {
            let ids = match subject {
                Subject::Ours { command_line, .. } => store.import_blobs(command_line, folder, fill / 2)?,
                Subject::SoftHsm { .. } => copy_marked(&folder.join("tokens"), fill)?,
            };
            let path = folder.join("ids");
            std::fs::write(&path, ids.concat())?;
            store.ids = Some(path);
        }
        Ok(store)
    }

    /// A child of this program on this store.
    pub(crate) fn child(&self, part: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "cngtoken-bench".into()));
        command.arg(part).arg("--module").arg(&self.module).arg("--keys").arg(&self.keys);
        if let Some(ids) = &self.ids {
            command.arg("--ids").arg(ids);
        }
        self.inherit(&mut command);
        command
    }

    fn inherit(&self, command: &mut Command) {
        command.env_remove("CNGTOKEN_CONF").env_remove("CNGTOKEN_LOG");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }

    /// ECCPRIVATEBLOBs through the command line, two objects for each; their ids, which are the SHA-1 of the point.
    fn import_blobs(&mut self, command_line: &Path, folder: &Path, number: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let blobs = folder.join("blobs");
        std::fs::create_dir_all(&blobs)?;
        let mut ids = Vec::with_capacity(number);
        for at in 0..number {
            let key = crate::keys::ec(Curve::P256)?;
            let mut blob = b"ECS2".to_vec();
            blob.extend(32_u32.to_le_bytes());
            blob.extend(key.point.get(1..).unwrap_or_default());
            blob.extend(&key.scalar);
            std::fs::write(blobs.join(format!("{at:06}.blob")), blob)?;
            ids.push(digest(&SHA1_FOR_LEGACY_USE_ONLY, &key.point).as_ref().to_vec());
        }
        let mut command = Command::new(command_line);
        command.args(["import", "--quiet"]).arg(&blobs).env("CNGTOKEN_PIN_SOURCE", "env:CNGTOKEN_BENCH_PIN").env("CNGTOKEN_BENCH_PIN", "12345678");
        self.inherit(&mut command);
        let started = Instant::now();
        let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{}: {error}", command_line.display()))?;
        self.batch = Some((number, started.elapsed()));
        std::fs::remove_dir_all(&blobs)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cngtoken import: {}", said.lines().last().unwrap_or("failed")).into());
        }
        Ok(ids)
    }
}

/// What the module needs in its environment, and the files that this names.
fn environment(subject: &Subject, folder: &Path) -> Result<Vec<(&'static str, OsString)>, Failure> {
    match subject {
        Subject::Ours { .. } => Ok(vec![("CNGTOKEN_STORE", folder.join("store.db").into()), ("CNGTOKEN_KDF", "test".into())]),
        Subject::SoftHsm { .. } => {
            let tokens = folder.join("tokens");
            std::fs::create_dir_all(&tokens)?;
            let path = folder.join("softhsm2.conf");
            let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
            std::fs::write(&path, text)?;
            Ok(vec![("SOFTHSM2_CONF", path.into())])
        }
    }
}

/// Copies of the one public key whose id is the marker, under random ids.
fn copy_marked(tokens: &Path, number: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let mut marked = None;
    for token in std::fs::read_dir(tokens)?.flatten() {
        for file in std::fs::read_dir(token.path())?.flatten() {
            let bytes = std::fs::read(file.path())?;
            if let Some(at) = bytes.windows(MARKER.len()).position(|window| window == MARKER) {
                marked = Some((token.path(), bytes, at));
            }
        }
    }
    let (folder, mut bytes, at) = marked.ok_or("the peer's store has no file with the marked id")?;
    let mut ids = Vec::with_capacity(number);
    for count in 0..number {
        let mut id = [0; MARKER.len()];
        aws_lc_rs::rand::fill(&mut id)?;
        bytes.get_mut(at..at + id.len()).ok_or("the marker's place")?.copy_from_slice(&id);
        std::fs::write(folder.join(format!("00000000-0000-4000-8000-{count:012x}.object")), &bytes)?;
        ids.push(id.to_vec());
    }
    Ok(ids)
}

/// The ids of a filled store; none without a file.
pub(crate) fn read_ids(path: Option<&Path>) -> Result<Vec<Vec<u8>>, Failure> {
    let Some(path) = path else { return Ok(Vec::new()) };
    Ok(std::fs::read(path)?.chunks_exact(MARKER.len()).map(<[u8]>::to_vec).collect())
}

/// The child's part: the token, its keys, and some that are never used.
pub(crate) fn make(arguments: &Arguments) -> Result<(), Failure> {
    let client = Client::load(arguments.module.as_deref().ok_or("a token needs a module")?)?;
    let keys = Keys::open(&arguments.keys);
    client.make_token(client.slot(false)?, SO_PIN, PIN)?;
    let session = client.open(client.slot(true)?)?;
    session.login(PIN)?;
    for bits in [2048, 4096] {
        let numbers = keys.rsa(bits)?;
        let id = format!("rsa{bits}");
        create_rsa_private(session, &numbers, id.as_bytes())?;
        create_rsa_public(session, &numbers, id.as_bytes())?;
    }
    for curve in [Curve::P256, Curve::P384] {
        let numbers = keys.ec(curve)?;
        create_ec_private(session, curve, &numbers.scalar)?;
        create_ec_public(session, curve, &numbers.point, curve.name().as_bytes())?;
    }
    create_aes(session, &keys.aes()?)?;
    let spare = BASE_OBJECTS - 9;
    for at in 0..spare {
        create_ec_public(session, Curve::P256, &crate::keys::ec(Curve::P256)?.point, format!("spare{at}").as_bytes())?;
    }
    if arguments.marker {
        create_ec_public(session, Curve::P256, &crate::keys::ec(Curve::P256)?.point, &MARKER)?;
    }
    Ok(())
}

const YES: &[u8] = &[CK_TRUE];
const NO: &[u8] = &[CK_FALSE];

/// A private, sensitive token object with every number of the key.
pub(crate) fn create_rsa_private(session: Session, numbers: &RsaNumbers, id: &[u8]) -> Result<(), Failure> {
    let [n, e, d, p, q, dp, dq, qi] = &numbers.parts;
    session.create(&[
        (CKA_CLASS, &CKO_PRIVATE_KEY.to_ne_bytes()),
        (CKA_KEY_TYPE, &CKK_RSA.to_ne_bytes()),
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_SENSITIVE, YES),
        (CKA_EXTRACTABLE, NO),
        (CKA_SIGN, YES),
        (CKA_DECRYPT, YES),
        (CKA_ID, id),
        (CKA_LABEL, b"bench"),
        (CKA_MODULUS, n),
        (CKA_PUBLIC_EXPONENT, e),
        (CKA_PRIVATE_EXPONENT, d),
        (CKA_PRIME_1, p),
        (CKA_PRIME_2, q),
        (CKA_EXPONENT_1, dp),
        (CKA_EXPONENT_2, dq),
        (CKA_COEFFICIENT, qi),
    ])?;
    Ok(())
}

fn create_rsa_public(session: Session, numbers: &RsaNumbers, id: &[u8]) -> Result<(), Failure> {
    let [n, e, ..] = &numbers.parts;
    session.create(&[
        (CKA_CLASS, &CKO_PUBLIC_KEY.to_ne_bytes()),
        (CKA_KEY_TYPE, &CKK_RSA.to_ne_bytes()),
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, NO),
        (CKA_VERIFY, YES),
        (CKA_ENCRYPT, YES),
        (CKA_ID, id),
        (CKA_LABEL, b"bench"),
        (CKA_MODULUS, n),
        (CKA_PUBLIC_EXPONENT, e),
    ])?;
    Ok(())
}

fn create_ec_private(session: Session, curve: Curve, scalar: &[u8]) -> Result<(), Failure> {
    session.create(&[
        (CKA_CLASS, &CKO_PRIVATE_KEY.to_ne_bytes()),
        (CKA_KEY_TYPE, &CKK_EC.to_ne_bytes()),
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_SENSITIVE, YES),
        (CKA_EXTRACTABLE, NO),
        (CKA_SIGN, YES),
        (CKA_DERIVE, YES),
        (CKA_ID, curve.name().as_bytes()),
        (CKA_LABEL, b"bench"),
        (CKA_EC_PARAMS, curve.oid()),
        (CKA_VALUE, scalar),
    ])?;
    Ok(())
}

fn create_ec_public(session: Session, curve: Curve, point: &[u8], id: &[u8]) -> Result<(), Failure> {
    session.create(&[
        (CKA_CLASS, &CKO_PUBLIC_KEY.to_ne_bytes()),
        (CKA_KEY_TYPE, &CKK_EC.to_ne_bytes()),
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, NO),
        (CKA_VERIFY, YES),
        (CKA_ID, id),
        (CKA_LABEL, b"bench"),
        (CKA_EC_PARAMS, curve.oid()),
        (CKA_EC_POINT, &wrapped(point)?),
    ])?;
    Ok(())
}

fn create_aes(session: Session, value: &[u8]) -> Result<(), Failure> {
    session.create(&[
        (CKA_CLASS, &CKO_SECRET_KEY.to_ne_bytes()),
        (CKA_KEY_TYPE, &CKK_AES.to_ne_bytes()),
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_SENSITIVE, YES),
        (CKA_EXTRACTABLE, NO),
        (CKA_ENCRYPT, YES),
        (CKA_DECRYPT, YES),
        (CKA_ID, b"aes256"),
        (CKA_LABEL, b"bench"),
        (CKA_VALUE, value),
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_file_is_copied_under_as_many_ids_as_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("token")).unwrap();
        std::fs::write(folder.path().join("token/a.object"), [b"before".as_slice(), &MARKER, b"after"].concat()).unwrap();

        let ids = copy_marked(folder.path(), 3).unwrap();

        assert_eq!(ids.len(), 3);
        assert_ne!(ids[0], ids[1]);
        let copy = std::fs::read(folder.path().join("token/00000000-0000-4000-8000-000000000002.object")).unwrap();
        assert_eq!(copy, [b"before".as_slice(), &ids[2], b"after"].concat());
    }

    #[test]
    fn a_store_without_the_marker_is_told() {
        assert!(copy_marked(tempfile::tempdir().unwrap().path(), 1).is_err());
    }
}

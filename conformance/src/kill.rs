//! The kill loop: a child imports without pause and tells of each import that the token acknowledged, until SIGKILL ends it.
//!
//! After each round a fresh process opens the store and lists it. Everything acknowledged must be there, every pair whole,
//! at most the one import in flight beside it, and an acknowledged key must sign. All of it through the module, as a client
//! does: this process itself never loads the module.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

use crate::{Failure, module, token};

const PIN: &str = "12345678";
const SO_PIN: &str = "87654321";
/// DER of the object identifier of P-256.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The vendor attribute that carries a blob through C_CreateObject.
const CKA_CNG_BLOB: u64 = 0xC34E_4701;
/// First byte of the id of a generated pair, and of a private key that came in as a blob.
const PAIR: u8 = b'P';
const BLOB: u8 = b'B';

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many times an importing process is killed
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// The module to test; the release build of this project, brought up to date, if not given
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct ChildArguments {
    #[command(subcommand)]
    part: Part,
    #[arg(long, value_name = "PATH")]
    module: PathBuf,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Part {
    /// Make the token
    Init,
    /// Import until killed, one line for each acknowledged import
    Import,
    /// One line for each key there is, then sign with the one named
    List { sign_with: Option<String> },
}

/// What a fresh process finds: by id, whether the private and the public half are there.
#[derive(Default)]
struct Found(BTreeMap<String, Halves>);

#[derive(Default)]
struct Halves {
    private: u32,
    public: u32,
}

/// Runs the loop; true if nothing was lost, halved or invented.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let module = module(arguments.module.as_deref())?;
    let folder = tempfile::tempdir()?;
    let store = folder.path().join("store.db");
    let made = start(&module, &store, &["init"])?.output()?;
    if !made.status.success() {
        return Err(format!("the token was not made: {}", String::from_utf8_lossy(&made.stderr)).into());
    }

    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut faults = Vec::new();
    for round in 1..=arguments.rounds {
        let told = import_and_kill(&module, &store)?;
        let last = told.last().cloned();
        acknowledged.extend(told);
        let found = list(&module, &store, last.as_deref())?;
        faults.extend(compare(&acknowledged, &found, round).into_iter().map(|fault| format!("round {round}: {fault}")));
        if !faults.is_empty() {
            break;
        }
    }

    for fault in &faults {
        println!("{fault}");
    }
    println!("{} imports acknowledged over {} kills, {} faults", acknowledged.len(), arguments.rounds, faults.len());
    println!("kill: {} passed, {} failed", u32::from(faults.is_empty()), u32::from(!faults.is_empty()));
    Ok(faults.is_empty())
}

/// A child of this program, with the store in its environment.
fn start(module: &Path, store: &Path, part: &[&str]) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("kill-child").arg("--module").arg(module).args(part);
    command.env("CNGTOKEN_STORE", store).env("CNGTOKEN_KDF", "test").env_remove("CNGTOKEN_CONF").stdin(Stdio::null());
    Ok(command)
}

/// Starts an importing child, kills it some time after its first acknowledged import, and gives the ids that it told of.
fn import_and_kill(module: &Path, store: &Path) -> Result<Vec<String>, Failure> {
    let mut child = start(module, store, &["import"])?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("the child has no output")?);
    let mut text = String::new();
    lines.read_line(&mut text)?;
    std::thread::sleep(Duration::from_millis(u64::from(random::<1>()?[0] % 64)));
    let ended_by_itself = child.try_wait()?.is_some();
    child.kill()?;
    child.wait()?;
    lines.read_to_string(&mut text)?;
    if ended_by_itself {
        let mut why = String::new();
        child.stderr.take().ok_or("the child has no messages")?.read_to_string(&mut why)?;
        return Err(format!("an importing process ended by itself: {}", why.trim()).into());
    }
    // A line without its end was cut by the kill; its import had been acknowledged, but which one it was is not known.
    Ok(text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect())
}

/// What a fresh process finds in the store, after it has signed with one key.
fn list(module: &Path, store: &Path, sign_with: Option<&str>) -> Result<Found, Failure> {
    let mut part = vec!["list"];
    part.extend(sign_with);
    let output = start(module, store, &part)?.output()?;
    if !output.status.success() {
        return Err(format!("the store does not open after a kill: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    let mut found = Found::default();
    for line in String::from_utf8(output.stdout)?.lines() {
        match line.split_once(' ') {
            Some(("private", id)) => found.0.entry(id.to_owned()).or_default().private += 1,
            Some(("public", id)) => found.0.entry(id.to_owned()).or_default().public += 1,
            _ => return Err(format!("a child said \"{line}\"").into()),
        }
    }
    Ok(found)
}

/// Everything that must hold and does not.
fn compare(acknowledged: &BTreeSet<String>, found: &Found, kills: u32) -> Vec<String> {
    let mut faults = Vec::new();
    for id in acknowledged {
        if !found.0.contains_key(id) {
            faults.push(format!("{id} was acknowledged and is lost"));
        }
    }
    for (id, halves) in &found.0 {
        let whole = if id.starts_with(&hex(&[PAIR])) { (1, 1) } else { (1, 0) };
        if (halves.private, halves.public) != whole {
            faults.push(format!("{id} has {} private and {} public objects", halves.private, halves.public));
        }
    }
    let in_flight = found.0.keys().filter(|id| !acknowledged.contains(*id)).count();
    if u64::try_from(in_flight).map_or(true, |n| n > u64::from(kills)) {
        faults.push(format!("{in_flight} keys that nobody acknowledged after {kills} kills"));
    }
    faults
}

/// One child's part.
pub(crate) fn child(arguments: &ChildArguments) -> Result<(), Failure> {
    let module = Pkcs11::new(&arguments.module)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    if matches!(arguments.part, Part::Init) {
        return token::make(&module, "kill loop", PIN, SO_PIN);
    }
    let slot = *module.get_slots_with_token()?.first().ok_or("the module shows no token")?;
    let session = module.open_rw_session(slot)?;
    session.login(UserType::User, Some(&AuthPin::new(PIN.into())))?;
    match &arguments.part {
        Part::Init => Ok(()),
        Part::Import => import_for_ever(&session),
        Part::List { sign_with } => tell(&session, sign_with.as_deref()),
    }
}

/// Pairs and blobs in turn. The line goes out in one write, after the token has answered.
fn import_for_ever(session: &Session) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    loop {
        for kind in [PAIR, BLOB] {
            let mut id = random::<16>()?;
            id[0] = kind;
            match kind {
                PAIR => generate_pair(session, &id)?,
                _ => import_blob(session, &id)?,
            }
            out.write_all(format!("{}\n", hex(&id)).as_bytes())?;
        }
    }
}

fn generate_pair(session: &Session, id: &[u8]) -> Result<(), Failure> {
    let public = [Attribute::Token(true), Attribute::Id(id.to_vec()), Attribute::Verify(true), Attribute::EcParams(P256.to_vec())];
    let private = [Attribute::Token(true), Attribute::Private(true), Attribute::Id(id.to_vec()), Attribute::Sign(true)];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
    Ok(())
}

/// An ECCPRIVATEBLOB of P-256 whose point is left to be computed.
fn import_blob(session: &Session, id: &[u8]) -> Result<(), Failure> {
    let mut scalar = random::<32>()?;
    scalar[0] = 0; // below the order of the group
    let mut blob = b"ECS2".to_vec();
    blob.extend(32_u32.to_le_bytes());
    blob.extend([0; 64]);
    blob.extend(scalar);
    let template = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Token(true),
        Attribute::Id(id.to_vec()),
        Attribute::VendorDefined((AttributeType::VendorDefined(CKA_CNG_BLOB), blob)),
    ];
    session.create_object(&template)?;
    Ok(())
}

fn tell(session: &Session, sign_with: Option<&str>) -> Result<(), Failure> {
    for (word, class) in [("private", ObjectClass::PRIVATE_KEY), ("public", ObjectClass::PUBLIC_KEY)] {
        for object in session.find_objects(&[Attribute::Class(class)])? {
            let attributes = session.get_attributes(object, &[AttributeType::Id])?;
            let Some(Attribute::Id(id)) = attributes.first() else { return Err("a key without CKA_ID".into()) };
            println!("{word} {}", hex(id));
        }
    }
    if let Some(id) = sign_with {
        let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(unhex(id)?)];
        let key = *session.find_objects(&template)?.first().ok_or("the last acknowledged key is not found by its id")?;
        session.sign(&Mechanism::Ecdsa, key, &[0x5a; 32])?;
    }
    Ok(())
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    let pair = |at: usize| -> Result<u8, Failure> { Ok(u8::from_str_radix(text.get(at..at + 2).ok_or("an odd number of digits")?, 16)?) };
    (0..text.len()).step_by(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(keys: &[(&str, u32, u32)]) -> Found {
        Found(keys.iter().map(|(id, private, public)| (hex(id.as_bytes()), Halves { private: *private, public: *public })).collect())
    }

    fn acknowledged(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| hex(id.as_bytes())).collect()
    }

    #[test]
    fn whole_keys_and_one_in_flight_are_no_fault() {
        let faults = compare(&acknowledged(&["P1", "B2"]), &found(&[("P1", 1, 1), ("B2", 1, 0), ("P3", 1, 1)]), 1);

        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn a_lost_key_a_half_pair_and_a_key_too_many_are_each_told() {
        let faults = compare(&acknowledged(&["P1", "P2"]), &found(&[("P2", 1, 0), ("P3", 1, 1), ("P4", 1, 1)]), 1);

        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        assert_eq!(unhex(&hex(&[0x00, 0x5a, 0xff])).unwrap(), [0x00, 0x5a, 0xff]);
        assert!(unhex("abc").is_err());
    }
}

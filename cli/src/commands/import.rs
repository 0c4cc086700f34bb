//! `import`: files, folders and standard input to objects. One line per file says what was found and what was stored. Many files are
//! `batch.rs`'s.

use super::storing::{self, Wishes};
use super::{Place, batch};
use crate::args::Import;
use crate::failure::{Exit, Failure};
use crate::report;
use crate::shapes::{self, Content, Found, Refusal, Wanted};
use crate::source::FilePasswords;
use crate::store::{Session, Store};
use cngtoken::token::Config;
use cngtoken_blob::CurveName;
use cngtoken_key::Half;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// From here on a progress bar and the batch door pay.
const MANY: usize = 33;

/// A file that was read.
pub(super) struct Read1 {
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) found: Result<Found, Refusal>,
}

/// Runs it.
pub(crate) fn run(place: &Place, args: &Import) -> Result<ExitCode, Failure> {
    let wanted = wanted(args)?;
    let wishes = wishes(args);
    let files = files(&args.files)?;
    let target = Target::new(place, args)?;
    let session = target.store.session(true)?;
    let mut tally = Tally { imported: 0, refused: 0, quiet: args.quiet, dry_run: args.dry_run };
    let mut login = Login { done: target.login(&session)?, args };
    if files.len() < MANY {
        for file in &files {
            let read = read(file, &wanted);
            let outcome = one(&session, read, &wanted, &wishes, args, &mut login);
            tally.tell(outcome)?;
        }
    } else {
        login.ensure(&session)?;
        let work = batch::Work { wanted: &wanted, wishes: &wishes, args };
        work.run(&session, &files, &mut login, &mut tally)?;
    }
    if files.len() > 1 {
        report::line(&format!("{} imported, {} refused", tally.imported, tally.refused))?;
    }
    Ok(if tally.refused == 0 { ExitCode::SUCCESS } else { Exit::Refused.code() })
}

fn wanted(args: &Import) -> Result<Wanted, Failure> {
    let curve = args.curve.as_deref().map(CurveName::from_cng_name).transpose().map_err(|e| Failure::new(Exit::Usage, e.fault.to_string()))?;
    Ok(Wanted {
        type_name: args.type_name.clone(),
        alg_id: args.alg_id.clone(),
        curve,
        dh_group: args.dh_group.as_ref().map(|g| (g.p.clone(), g.g.clone())),
        pick: args.pick,
        recompute: args.recompute,
    })
}

fn wishes(args: &Import) -> Wishes {
    /// BCRYPT_NO_KEY_VALIDATION.
    const NO_VALIDATION: u64 = 0x08;
    Wishes {
        label: args.label.clone(),
        id: args.id.clone(),
        type_name: args.type_name.clone(),
        alg_id: args.alg_id.clone(),
        curve: args.curve.clone(),
        dh_group: args.dh_group.clone(),
        extractable: args.extractable,
        public_only: args.public_only,
        flags: if args.no_validation { NO_VALIDATION } else { 0 },
        on_token: !args.dry_run,
    }
}

/// The token that is written; for a dry run a throw-away one, which needs no PIN and is never the user's.
pub(crate) struct Target {
    pub(crate) store: Store,
    scratch: Option<tempfile::TempDir>,
}

impl Target {
    const SCRATCH_PIN: &'static [u8] = b"scratch";

    fn new(place: &Place, args: &Import) -> Result<Self, Failure> {
        if args.dry_run { Self::scratch() } else { Ok(Self { store: place.open()?, scratch: None }) }
    }

    /// A token that goes away with the value.
    pub(crate) fn scratch() -> Result<Self, Failure> {
        let dir = tempfile::tempdir().map_err(|e| Failure::new(Exit::Store, format!("a throw-away folder: {e}")))?;
        let mut config = Config::single_store(dir.path().join("scratch.db"));
        // Nothing is ever stored in it: its PIN protects nothing.
        config.tokens.iter_mut().for_each(|t| t.test_kdf = true);
        let store = Store::with(config)?;
        super::init::make(&store, &crate::store::padded_label("scratch")?, Self::SCRATCH_PIN, Self::SCRATCH_PIN)?;
        Ok(Self { store, scratch: Some(dir) })
    }

    /// Logs in where no PIN is needed; tells whether.
    pub(crate) fn login(&self, session: &Session<'_>) -> Result<bool, Failure> {
        if self.scratch.is_none() {
            return Ok(false);
        }
        self.store.app.login(session.handle, cryptoki_sys::CKU_USER, Some(Self::SCRATCH_PIN))?;
        Ok(true)
    }
}

/// The login, made when the first thing is to be stored: a file that is refused needs no PIN.
pub(super) struct Login<'a> {
    pub(super) done: bool,
    pub(super) args: &'a Import,
}

impl Login<'_> {
    fn ensure(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        if !self.done {
            session.login(self.args.pin_source.as_ref())?;
            self.done = true;
        }
        Ok(())
    }
}

/// What became of one file. The outer failure ends the run (no PIN, no store), the inner one is this file's.
pub(super) type Outcome = Result<Told, Failure>;
/// A file's name, and its summary or its refusal.
pub(super) type Told = (String, Result<String, Failure>);

pub(super) struct Tally {
    imported: usize,
    refused: usize,
    quiet: bool,
    dry_run: bool,
}

impl Tally {
    pub(super) fn tell(&mut self, outcome: Outcome) -> Result<(), Failure> {
        let (name, outcome) = outcome?;
        match outcome {
            Ok(text) => {
                self.imported += 1;
                let done = if self.dry_run { " (dry run: nothing is stored)" } else { "" };
                if self.quiet { Ok(()) } else { report::line(&format!("{name}: {text}{done}")) }
            }
            Err(failure) => {
                self.refused += 1;
                eprintln!("{name}: refused: {failure}");
                Ok(())
            }
        }
    }
}

/// True for failures that concern the run and not the file.
fn ends_the_run(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::Pin | Exit::Store | Exit::Internal)
}

pub(super) fn one(session: &Session<'_>, read: Read1, wanted: &Wanted, wishes: &Wishes, args: &Import, login: &mut Login<'_>) -> Outcome {
    let mut passwords = FilePasswords { source: args.password_source.as_ref(), file: read.name.clone() };
    let unlocked = read.found.and_then(|f| {
        let locked = matches!(f.content, Content::Locked(_));
        shapes::unlock(f.content, &mut passwords, wanted).map(|content| (Found { content, ..f }, locked))
    });
    let (found, locked) = match unlocked {
        Ok(found) => found,
        Err(refusal) => return Ok((read.name, Err(refusal.into()))),
    };
    login.ensure(session)?;
    match storing::store(session, &found.content, wishes, read.label.as_deref()) {
        Ok(made) => {
            let listed = made.iter().map(|h| session.describe(*h)).collect::<Result<Vec<_>, _>>()?;
            let text = format!("{}; stored {}{}", heading(&found, locked), storing::words(&listed), notes(&found, &listed));
            if args.dry_run {
                made.iter().try_for_each(|h| session.store.app.destroy_object(session.handle, *h))?;
            }
            Ok((read.name, Ok(text)))
        }
        Err(failure) if ends_the_run(&failure) => Err(failure),
        Err(failure) => Ok((read.name, Err(failure))),
    }
}

/// "ECCPRIVATEBLOB (UTF-16, base64, line 3), private key, EC nistP256".
pub(super) fn heading(found: &Found, locked: bool) -> String {
    let mut how = found.trail.join(", ");
    if let Some(line) = found.line.filter(|l| *l > 1) {
        how.push_str(&format!(", line {line}"));
    }
    if locked {
        how.push_str(", decrypted");
    }
    let half = |h| if h == Half::Private { "private key" } else { "public key" };
    let what = match &found.content {
        Content::Blob(blob) => format!(", {} {}", half(blob.half), blob.what),
        Content::Key(key) => format!(", {} {}", half(key.claim.half()), shapes::describe(&key.claim)),
        Content::Bundle(bundle) => {
            let keys: Vec<String> = bundle.keys.iter().map(|k| format!("{} {}", half(k.claim.half()), shapes::describe(&k.claim))).collect();
            let certificates = match bundle.certificates.len() {
                0 => None,
                1 => Some("1 certificate".to_owned()),
                n => Some(format!("{n} certificates")),
            };
            format!(", {}", keys.into_iter().chain(certificates).collect::<Vec<_>>().join(", "))
        }
        Content::Certificate(certificate) => format!(" of {}", certificate.subject),
        Content::Locked(_) => String::new(),
    };
    format!("{} ({how}){what}", found.content.kind())
}

fn notes(found: &Found, made: &[crate::objects::Listed]) -> String {
    let mut notes = found.notes.clone();
    // Windows gives ECDH's magic to every EC key that came in by PFX; its owner wants to know that it signs.
    let ecdh = matches!(&found.content, Content::Blob(b) if b.bytes.expose().starts_with(b"ECK"));
    if ecdh && made.iter().any(|l| l.uses.contains(&"sign")) {
        notes.push("it has the ECDH magic, signing is on too".to_owned());
    }
    notes.extend(found.computed());
    notes.iter().map(|n| format!("; note: {n}")).collect()
}

/// Every file that is meant: those named, and all below the folders named, in order.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut out = Vec::new();
    for path in named {
        if path.as_os_str() != "-" && path.is_dir() {
            below(path, &mut out)?;
        } else {
            out.push(path.clone());
        }
    }
    Ok(out)
}

fn below(dir: &Path, out: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = std::fs::read_dir(dir).map_err(|e| Failure::file(dir, &e))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(|e| Failure::file(dir, &e))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(|e| Failure::file(&entry.path(), &e))?;
        // Symbolic links to folders are not followed: they may lead in a circle.
        if kind.is_dir() {
            below(&entry.path(), out)?;
        } else {
            out.push(entry.path());
        }
    }
    Ok(())
}

pub(super) fn read(path: &Path, wanted: &Wanted) -> Read1 {
    let standard_input = path.as_os_str() == "-";
    let name = if standard_input { "standard input".to_owned() } else { path.display().to_string() };
    let label = path.file_stem().filter(|_| !standard_input).map(|s| s.to_string_lossy().into_owned());
    let found = read_bytes(path).and_then(|bytes| shapes::recognise(&bytes, wanted));
    Read1 { name, label, found }
}

/// The content of a file, or of standard input for `-`.
pub(crate) fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let cannot = |e: std::io::Error| Refusal::new(format!("cannot be read: {e}"));
    let limit = u64::try_from(shapes::MAX_INPUT).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::new());
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    } else {
        let file = std::fs::File::open(path).map_err(cannot)?;
        // Grown vectors leave copies behind: the size is asked first.
        let size = file.metadata().map(|m| m.len()).unwrap_or(0).min(limit);
        bytes.reserve_exact(usize::try_from(size).unwrap_or(0).saturating_add(1));
        file.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    }
    Ok(bytes)
}

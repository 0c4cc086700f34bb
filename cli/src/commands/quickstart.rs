//! `quickstart`: the whole way in one command. A token, two sample blobs imported through the command line's own door, then a child
//! process that loads the module as any client does. The child is needed: two copies of SQLite on one store in one process lose
//! acknowledged commits (`docs/design.md`, "One door per process").

use super::init;
use super::storing::{self, Wishes};
use crate::args::Quickstart;
use crate::failure::{Exit, Failure};
use crate::module::{self, random_pin, write_secret};
use crate::objects::Choice;
use crate::report::line;
use crate::shapes::{self, Wanted};
use crate::store::{Store, padded_label};
use cngtoken::token::Config;
use cryptoki_sys as ck;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const LABEL: &str = "quickstart";
/// Public test keys; `samples/README.md` says where they come from.
const SAMPLES: [(&str, &str, &[u8]); 2] = [
    ("sample-ec", "samples/ec-p256.blob", include_bytes!("../../../samples/ec-p256.blob")),
    ("sample-rsa", "samples/rsa-2048.blob", include_bytes!("../../../samples/rsa-2048.blob")),
];

/// Where everything of the trial lies.
struct Trial {
    dir: PathBuf,
    /// Removes the folder at the end unless it is to be kept.
    _throw_away: Option<tempfile::TempDir>,
}

impl Trial {
    fn store(&self) -> PathBuf {
        self.dir.join("token.db")
    }

    fn pin(&self) -> PathBuf {
        self.dir.join("pin.txt")
    }
}

/// Runs it.
pub(crate) fn run(args: &Quickstart) -> Result<(), Failure> {
    let module = module::path(args.module.as_deref())?;
    let trial = trial(args.keep.as_deref())?;
    line(&format!("1. A token \"{LABEL}\" in {}", trial.store().display()))?;
    let (pin, so_pin) = (random_pin()?, random_pin()?);
    write_secret(&trial.pin(), &pin)?;
    write_secret(&trial.dir.join("so-pin.txt"), &so_pin)?;
    let uris = fill(&trial, &pin, &so_pin)?;
    line("3. Another process loads the module, as any client does")?;
    line(&format!("  {}", module.display()))?;
    let program = std::env::current_exe().map_err(|e| Failure::new(Exit::Internal, format!("this program's own path: {e}")))?;
    let status = Command::new(program)
        .args(["client", "--module"])
        .arg(&module)
        .args(["--pin-source", &format!("file:{}", trial.pin().display())])
        .env("CNGTOKEN_STORE", trial.store())
        .status()
        .map_err(|e| Failure::new(Exit::Internal, format!("the client process: {e}")))?;
    if !status.success() {
        return Err(Failure::new(Exit::Internal, format!("the client process failed ({status})")));
    }
    lines(&trial, &module, &uris, args.keep.is_some())
}

/// Makes the token and imports the samples; the URIs of the private keys.
fn fill(trial: &Trial, pin: &str, so_pin: &str) -> Result<Vec<(String, String)>, Failure> {
    let store = Store::with(Config::single_store(trial.store()))?;
    init::make(&store, &padded_label(LABEL)?, so_pin.as_bytes(), pin.as_bytes())?;
    line("  It is initialised; its PINs are in pin.txt and so-pin.txt beside it (mode 0600).")?;
    line("2. Two key blobs of Windows are imported")?;
    let session = store.session(true)?;
    store.app.login(session.handle, ck::CKU_USER, Some(pin.as_bytes()))?;
    for (label, file, blob) in SAMPLES {
        let found = shapes::recognise(blob, &Wanted::default())?;
        let wishes = Wishes { label: Some(label.to_owned()), on_token: true, ..Wishes::default() };
        let made = storing::store(&session, &found.content, &wishes, None)?;
        let listed = made.iter().map(|h| session.describe(*h)).collect::<Result<Vec<_>, _>>()?;
        line(&format!("  {file}: {} of {} bytes; stored {}", found.content.kind(), blob.len(), storing::words(&listed)))?;
    }
    let (token, serial) = session.token_name()?;
    let mut uris = Vec::new();
    for listed in session.chosen(&Choice::default())? {
        if listed.class == ck::CKO_PRIVATE_KEY {
            uris.push((listed.label.clone(), listed.uri(&token, &serial).to_text()));
        }
    }
    Ok(uris)
}

fn lines(trial: &Trial, module: &Path, uris: &[(String, String)], kept: bool) -> Result<(), Failure> {
    line("4. The keys, as every PKCS#11 program names them")?;
    for (_, uri) in uris {
        line(&format!("  {uri}"))?;
    }
    if !kept {
        line("")?;
        line("The token was a throw-away one and is gone. `cngtoken quickstart --keep DIR` keeps it; then these lines work:")?;
    } else {
        line("")?;
        line("The token stays. Paste:")?;
    }
    // A folder that is gone by now is called DIR, so that nobody pastes its name.
    let shown = if kept { trial.dir.clone() } else { PathBuf::from("DIR") };
    let (store, pin, module) = (shown.join("token.db"), shown.join("pin.txt"), module.display());
    let first = uris.first().map_or("", |(_, uri)| uri.as_str());
    let text = format!(
        "\n  export CNGTOKEN_STORE={store} CNGTOKEN_PIN_SOURCE=file:{pin}\n  cngtoken ls\n\
         \n  # OpenSSL 3 with pkcs11-provider\n  export PKCS11_PROVIDER_MODULE={module}\n  \
         openssl pkey -provider pkcs11 -provider default -in '{public}' -pubin -pubout\n  \
         openssl dgst -sha256 -provider pkcs11 -provider default -sign '{first}?pin-source=file:{pin}' -out /tmp/signature {store}\n\
         \n  # pkcs11-tool (OpenSC)\n  pkcs11-tool --module {module} --login --pin \"$(cat {pin})\" --list-objects\n\
         \n  # Firefox: Settings, Privacy & Security, Security Devices, Load; or for a profile folder\n  \
         modutil -force -dbdir sql:PROFILE -add cngtoken -libfile {module}\n\
         \n  # ssh\n  ssh-keygen -D {module}\n  ssh -I {module} user@host",
        store = store.display(),
        pin = pin.display(),
        public = first.replace("type=private", "type=public"),
    );
    line(&text)?;
    if kept { line(&format!("\n  # away with it\n  rm -r {}", shown.display())) } else { Ok(()) }
}

fn trial(keep: Option<&Path>) -> Result<Trial, Failure> {
    let Some(dir) = keep else {
        let temp = tempfile::tempdir().map_err(|e| Failure::new(Exit::Store, format!("a throw-away folder: {e}")))?;
        return Ok(Trial { dir: temp.path().to_owned(), _throw_away: Some(temp) });
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| Failure::file(dir, &e))?;
    let dir = dir.canonicalize().map_err(|e| Failure::file(dir, &e))?;
    let trial = Trial { dir, _throw_away: None };
    if trial.store().exists() {
        return Err(Failure::new(Exit::Refused, format!("there is a token already: {}", trial.store().display())));
    }
    Ok(trial)
}

//! `run`: a command with a throw-away token around it, for other people's tests. The token, its PINs and everything in it are gone when
//! the command ends; its exit code is ours.

use super::init;
use super::storing::{self, Wishes};
use crate::args::Run;
use crate::failure::{Exit, Failure};
use crate::module;
use crate::shapes::{self, Wanted};
use crate::store::{Store, padded_label};
use cngtoken::token::Config;
use cryptoki_sys as ck;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

/// Runs it.
pub(crate) fn run(args: &Run) -> Result<ExitCode, Failure> {
    let (program, rest) = args.command.split_first().ok_or_else(|| Failure::new(Exit::Usage, "the command is missing"))?;
    let module = module::path(args.module.as_deref())?;
    let dir = tempfile::tempdir().map_err(|e| Failure::new(Exit::Store, format!("a throw-away folder: {e}")))?;
    let (store_path, pin_path) = (dir.path().join("token.db"), dir.path().join("pin.txt"));
    let (pin, so_pin) = (module::random_pin()?, module::random_pin()?);
    module::write_secret(&pin_path, &pin)?;
    {
        // Closed before the command starts: it will load the module on the same file.
        let store = Store::with(Config::single_store(store_path.clone()))?;
        init::make(&store, &padded_label(&args.label)?, so_pin.as_bytes(), pin.as_bytes())?;
        let session = store.session(true)?;
        store.app.login(session.handle, ck::CKU_USER, Some(pin.as_bytes()))?;
        for path in &args.import {
            let bytes = std::fs::read(path).map_err(|e| Failure::file(path, &e))?;
            let found = shapes::recognise(&bytes, &Wanted::default()).map_err(|e| Failure::from(e).while_doing(&path.display().to_string()))?;
            let label = path.file_stem().map(|s| s.to_string_lossy().into_owned());
            let wishes = Wishes { label, on_token: true, ..Wishes::default() };
            storing::store(&session, &found.content, &wishes, None)?;
        }
    }
    let mut pin_source = std::ffi::OsString::from("file:");
    pin_source.push(&pin_path);
    let status = Command::new(program)
        .args(rest)
        .env("CNGTOKEN_STORE", &store_path)
        .env_remove("CNGTOKEN_CONF")
        .env("CNGTOKEN_MODULE", &module)
        .env("CNGTOKEN_PIN", &pin)
        .env("CNGTOKEN_SO_PIN", &so_pin)
        .env("CNGTOKEN_PIN_SOURCE", pin_source)
        .env("PKCS11_MODULE", &module)
        .env("PKCS11_PROVIDER_MODULE", &module)
        .status()
        .map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", program.to_string_lossy())))?;
    // As a shell tells it: a signal's number above 128.
    let code = status.code().or_else(|| status.signal().map(|s| s.saturating_add(128))).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

//! The token that a command works on: which store, which slot, a session, a login. One application per process and store: the
//! command line never loads the module on a store that it has open.

use crate::failure::{Exit, Failure};
use crate::source::{self, Source};
use cngtoken::token::{Application, Config, Environment};
use cryptoki_sys as ck;
use std::ffi::OsString;
use std::path::Path;

/// The user's PIN comes from here if no option says otherwise.
pub(crate) const PIN_VARIABLE: &str = "CNGTOKEN_PIN_SOURCE";
/// The SO's PIN comes from here if no option says otherwise.
pub(crate) const SO_PIN_VARIABLE: &str = "CNGTOKEN_SO_PIN_SOURCE";

/// An application with one slot chosen.
pub(crate) struct Store {
    /// The token's API.
    pub(crate) app: Application,
    /// The chosen slot.
    pub(crate) slot: u64,
}

/// A session on it; closed when dropped.
pub(crate) struct Session<'a> {
    /// The store.
    pub(crate) store: &'a Store,
    /// The session's handle.
    pub(crate) handle: u64,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // The process ends soon; a session that is gone already is no news.
        let _ = self.store.app.close_session(self.handle);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.app.close();
    }
}

impl Store {
    /// Opens what `--store`, the environment or the configuration name.
    ///
    /// # Errors
    /// The configuration cannot be read, there is no such slot, or several and none is chosen.
    pub(crate) fn open(path: Option<&Path>, slot: Option<u64>) -> Result<Self, Failure> {
        let secure = has_raised_rights();
        let path = path.map(|p| OsString::from(p.as_os_str()));
        let get = |name: &str| match (&path, name) {
            (Some(path), "CNGTOKEN_STORE") => Some(path.clone()),
            _ => std::env::var_os(name),
        };
        // An option is the caller's word, which counts also where the environment does not.
        let config = match (&path, secure) {
            (Some(path), true) => Config::single_store(std::path::PathBuf::from(path)),
            _ => Config::load(&Environment { get: &get, secure, reserved: None })?,
        };
        let app = Application::open(config)?;
        let slots = app.slots(false)?;
        let slot = match (slot, slots.as_slice()) {
            (Some(slot), all) if all.contains(&slot) => slot,
            (Some(slot), all) => return Err(Failure::new(Exit::Usage, format!("there is no slot {slot}; there are {all:?}"))),
            (None, [only]) => *only,
            (None, all) => return Err(Failure::new(Exit::Usage, format!("{} tokens are configured; choose one with --slot {all:?}", all.len()))),
        };
        Ok(Self { app, slot })
    }

    /// The one store of a configuration that names one.
    ///
    /// # Errors
    /// The configuration makes no slot.
    pub(crate) fn with(config: Config) -> Result<Self, Failure> {
        let app = Application::open(config)?;
        let slot = app.slots(false)?.first().copied().ok_or_else(|| Failure::new(Exit::Internal, "no slot"))?;
        Ok(Self { app, slot })
    }

    /// Whether a token is there.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn is_initialised(&self) -> Result<bool, Failure> {
        Ok(self.app.token_info(self.slot)?.flags & ck::CKF_TOKEN_INITIALIZED != 0)
    }

    /// A session, read-write if `write`.
    ///
    /// # Errors
    /// No token is there, or it cannot be written.
    pub(crate) fn session(&self, write: bool) -> Result<Session<'_>, Failure> {
        if !self.is_initialised()? {
            return Err(Failure::new(Exit::Store, "there is no token yet; make one with `cngtoken init --label NAME`"));
        }
        let flags = ck::CKF_SERIAL_SESSION | if write { ck::CKF_RW_SESSION } else { 0 };
        Ok(Session { store: self, handle: self.app.open_session(self.slot, flags)? })
    }
}

impl Session<'_> {
    /// Logs the user in; the PIN comes from the option, the environment or the terminal.
    ///
    /// # Errors
    /// No PIN, a wrong one, or a locked token.
    pub(crate) fn login(&self, option: Option<&Source>) -> Result<(), Failure> {
        let pin = source::pin(option, PIN_VARIABLE, "User PIN")?;
        Ok(self.store.app.login(self.handle, ck::CKU_USER, Some(pin.as_bytes()))?)
    }

    /// Logs the user in if a source of the PIN is named; tells whether.
    ///
    /// # Errors
    /// As [`Session::login`].
    pub(crate) fn login_if_given(&self, option: Option<&Source>) -> Result<bool, Failure> {
        match source::given_pin(option, PIN_VARIABLE)? {
            Some(pin) => self.store.app.login(self.handle, ck::CKU_USER, Some(pin.as_bytes())).map(|()| true).map_err(Failure::from),
            None => Ok(false),
        }
    }
}

/// AT_SECURE: the program was given rights that its user has not (setuid, file capabilities), so the user's environment does not count.
pub(crate) fn has_raised_rights() -> bool {
    const AT_SECURE: usize = 23;
    const WORD: usize = size_of::<usize>();
    let Ok(vector) = std::fs::read("/proc/self/auxv") else { return false };
    let words: Vec<usize> = vector.chunks_exact(WORD).filter_map(|c| c.try_into().ok()).map(usize::from_ne_bytes).collect();
    words.chunks_exact(2).any(|pair| matches!(pair, [AT_SECURE, value] if *value != 0))
}

/// A token's label as PKCS#11 holds it: 32 bytes, padded with blanks.
///
/// # Errors
/// It is longer.
pub(crate) fn padded_label(label: &str) -> Result<[u8; 32], Failure> {
    let mut out = [b' '; 32];
    if label.is_empty() || label.len() > out.len() {
        return Err(Failure::new(Exit::Usage, format!("a label has 1 to 32 bytes, \"{label}\" has {}", label.len())));
    }
    out.iter_mut().zip(label.bytes()).for_each(|(to, from)| *to = from);
    Ok(out)
}

/// A padded field of PKCS#11 as text.
#[must_use]
pub(crate) fn field_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches([' ', '\0']).to_owned()
}

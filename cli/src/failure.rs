//! Why a command did not do what it was asked, and the exit code that says so to a script.

use crate::shapes::Refusal;
use cngtoken::token::{Reason, TokenError};
use std::fmt;

/// The exit codes, as `--help` documents them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// An input was refused, or an object is not there or may not leave.
    Refused = 1,
    /// The command line makes no sense (clap's own code).
    Usage = 2,
    /// A PIN or a password is missing, wrong or locked.
    Pin = 3,
    /// The store or the configuration cannot be read or written.
    Store = 4,
    /// Something that should not happen.
    Internal = 5,
}

impl Exit {
    /// For the shell.
    pub(crate) fn code(self) -> std::process::ExitCode {
        std::process::ExitCode::from(self as u8)
    }
}

/// What `--help` says of the exit codes.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  an input was refused, or an object is not there or may not leave; nothing of it was stored
  2  the command line makes no sense
  3  a PIN is missing, wrong or locked
  4  the store, the configuration or an output file cannot be read or written
  5  an internal error";

/// A failed command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// Goes to the shell.
    pub(crate) exit: Exit,
    /// Goes to standard error.
    pub(crate) message: String,
}

impl Failure {
    /// A failure with its message.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// The same with what was being done in front.
    #[must_use]
    pub(crate) fn while_doing(self, what: &str) -> Self {
        Self { exit: self.exit, message: format!("{what}: {}", self.message) }
    }

    /// A file that cannot be read or written.
    #[must_use]
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Exit::Store, format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(Exit::Refused, refusal.to_string())
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let exit = match error.reason {
            Reason::PinIncorrect
            | Reason::PinInvalid
            | Reason::PinLenRange
            | Reason::PinLocked
            | Reason::UserNotLoggedIn
            | Reason::UserPinNotInitialized => Exit::Pin,
            Reason::DeviceError
            | Reason::DeviceMemory
            | Reason::StoreFull
            | Reason::TokenNotRecognized
            | Reason::TokenWriteProtected
            | Reason::SessionReadOnly
            | Reason::FunctionFailed
            | Reason::SlotIdInvalid => Exit::Store,
            Reason::GeneralError | Reason::HostMemory | Reason::CryptokiNotInitialized => Exit::Internal,
            _ => Exit::Refused,
        };
        Self::new(exit, error.to_string())
    }
}

//! Where PINs and passwords come from: a file, an environment variable, a descriptor, or a question on the terminal. Never a plain
//! argument, which everybody on the machine could read.

use crate::failure::{Exit, Failure};
use crate::shapes::{Passwords, Refusal};
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::str::FromStr;
use zeroize::{Zeroize, Zeroizing};

/// No PIN and no password is longer.
const MAX_SECRET: u64 = 64 << 10;

/// A named source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// `file:PATH`: its content without the last line end.
    File(PathBuf),
    /// `env:NAME`.
    Env(String),
    /// `fd:N`: an open descriptor, read to its end.
    Descriptor(u32),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Source::File(PathBuf::from(path))),
            Some(("env", name)) if !name.is_empty() => Ok(Source::Env(name.to_owned())),
            Some(("fd", number)) => number.parse().map(Source::Descriptor).map_err(|_| format!("fd:{number} is not the number of a descriptor")),
            _ => Err("expected file:PATH, env:NAME or fd:N (a PIN itself is not an argument)".to_owned()),
        }
    }
}

impl Source {
    /// The secret.
    ///
    /// # Errors
    /// The source is not there or cannot be read.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, Failure> {
        match self {
            Source::File(path) => read_all(std::fs::File::open(path), &path.display().to_string()),
            Source::Descriptor(n) => read_all(std::fs::File::open(format!("/dev/fd/{n}")), &format!("descriptor {n}")),
            Source::Env(name) => {
                std::env::var(name).map(Zeroizing::new).map_err(|_| Failure::new(Exit::Pin, format!("the environment variable {name} is not set")))
            }
        }
    }
}

fn read_all(file: std::io::Result<std::fs::File>, what: &str) -> Result<Zeroizing<String>, Failure> {
    let cannot = |e: &std::io::Error| Failure::new(Exit::Pin, format!("the secret in {what} cannot be read: {e}"));
    let mut text = Zeroizing::new(String::with_capacity(256));
    file.map_err(|e| cannot(&e))?.take(MAX_SECRET).read_to_string(&mut text).map_err(|e| cannot(&e))?;
    let len = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).map_or(text.len(), str::len);
    text.truncate(len);
    Ok(text)
}

/// A PIN: from the option, else the environment variable, else the terminal.
///
/// # Errors
/// No source and no terminal, or the source cannot be read.
pub(crate) fn pin(option: Option<&Source>, variable: &str, what: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(pin) = given_pin(option, variable)? {
        return Ok(pin);
    }
    ask(&format!("{what}: "))?.ok_or_else(|| {
        Failure::new(Exit::Pin, format!("{what}: no source (--pin-source or {variable} = file:PATH, env:NAME or fd:N) and no terminal to ask on"))
    })
}

/// A PIN from the option or the environment variable, if one is named.
///
/// # Errors
/// The source cannot be read or is not understood.
pub(crate) fn given_pin(option: Option<&Source>, variable: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(source) = option {
        return source.read().map(Some);
    }
    match std::env::var(variable) {
        Ok(text) if !text.is_empty() && !crate::store::has_raised_rights() => {
            let source = Source::from_str(&text).map_err(|e| Failure::new(Exit::Usage, format!("{variable}: {e}")))?;
            source.read().map(Some)
        }
        _ => Ok(None),
    }
}

/// A new PIN; on the terminal it is asked twice.
///
/// # Errors
/// As [`pin`], and two different answers.
pub(crate) fn new_pin(option: Option<&Source>, variable: &str, what: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(pin) = given_pin(option, variable)? {
        return Ok(pin);
    }
    let first = pin(None, variable, what)?;
    match ask(&format!("{what}, once more: "))? {
        Some(second) if second == first => Ok(first),
        _ => Err(Failure::new(Exit::Pin, format!("{what}: the two answers differ"))),
    }
}

/// Asks on the terminal without echo; `None` if there is none.
fn ask(question: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    match rpassword::prompt_password(question) {
        Ok(mut text) => {
            let answer = Zeroizing::new(text.clone());
            text.zeroize();
            Ok(Some(answer))
        }
        Err(e) => Err(Failure::new(Exit::Pin, format!("the terminal cannot be asked: {e}"))),
    }
}

/// Passwords of files: `--password-source` for all of them, else a question for each.
#[derive(Debug)]
pub(crate) struct FilePasswords<'a> {
    /// The option.
    pub(crate) source: Option<&'a Source>,
    /// The file that is being read, for the question.
    pub(crate) file: String,
}

impl Passwords for FilePasswords<'_> {
    fn password(&mut self, what: &str) -> Result<Option<Zeroizing<String>>, Refusal> {
        let answer = match self.source {
            Some(source) => source.read().map(Some),
            None => ask(&format!("Password of {} ({what}): ", self.file)),
        };
        answer.map_err(|e| Refusal::new(e.message))
    }

    fn is_named(&self) -> bool {
        self.source.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_itself_is_not_taken_for_a_source() {
        assert!(Source::from_str("12345678").is_err());
        assert_eq!(Source::from_str("env:PIN"), Ok(Source::Env("PIN".to_owned())));
        assert_eq!(Source::from_str("fd:3"), Ok(Source::Descriptor(3)));
        assert!(Source::from_str("fd:x").is_err());
    }

    #[test]
    fn a_file_loses_its_last_line_end_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pin");
        std::fs::write(&path, " 1234 \n").unwrap();
        assert_eq!(Source::File(path).read().unwrap().as_str(), " 1234 ");
    }
}

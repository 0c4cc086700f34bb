//! The trace that `CNGTOKEN_LOG` turns on: one line per event, appended to the file that `CNGTOKEN_LOG_FILE` names; without it, nowhere.
//!
//! Written without locks and without thread-locals, one write per line, so that it works in forked children, in ending threads and for
//! several processes on one file. Never to standard output or standard error. A file that cannot be opened (or is a symbolic link) means no
//! trace: the host's work is not stopped for it. Set up once per process, at the first C_Initialize, unless somebody has set a subscriber.

use crate::token::TokenError;
use std::ffi::OsString;
use std::fmt::{Debug, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

/// True if anybody listens. One relaxed load.
pub(super) fn is_on() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

/// Turns the trace on if the environment asks for it.
pub(super) fn set_up(get: &dyn Fn(&str) -> Option<OsString>) {
    if is_on() {
        return;
    }
    let (Some(filter), Some(path)) = (get("CNGTOKEN_LOG"), get("CNGTOKEN_LOG_FILE")) else { return };
    let Some(Ok(filter)) = filter.to_str().map(str::parse::<Targets>) else { return };
    // O_NONBLOCK: a pipe without a reader must not stop C_Initialize.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let Ok(file) = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path) else { return };
    // An error says that somebody else's subscriber is there already; then the events go to it.
    let _ = tracing::subscriber::set_global_default(Lines { file, filter });
}

/// The name of the number that a reason has, where the reason is called as the number is; its own name else.
pub(super) fn rv_name(e: &TokenError) -> String {
    let mut name = "CKR".to_owned();
    for letter in format!("{:?}", e.reason).chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// The subscriber: a filter and a file.
struct Lines {
    file: File,
    filter: Targets,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.would_enable(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Layer::<Self>::max_level_hint(&self.filter)
    }

    // Spans have no lines of their own; one id serves for all.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::with_capacity(256));
        // Writing to a String does not fail, and without a time the line still says the rest.
        let _ = SystemTime.format_time(&mut Writer::new(&mut line.0));
        let _ = write!(line.0, " {} {} {}:", std::process::id(), event.metadata().level(), event.metadata().target());
        event.record(&mut line);
        let mut text: String = line.0.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.push('\n');
        // There is nobody to tell that the disk is full.
        let _ = (&self.file).write_all(text.as_bytes());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A line that grows by fields.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Reason;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_reason_is_named_as_its_number() {
        assert_eq!(rv_name(&Reason::PinIncorrect.into()), "CKR_PIN_INCORRECT");
        assert_eq!(rv_name(&Reason::SessionReadWriteSoExists.into()), "CKR_SESSION_READ_WRITE_SO_EXISTS");
    }

    #[test]
    fn an_event_is_one_line_even_if_its_text_holds_line_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace");
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).unwrap();
        let lines = Lines { file, filter: "debug".parse().unwrap() };

        tracing::subscriber::with_default(lines, || tracing::debug!(target: "cngtoken::call", function = "C_Sign", text = %"a\nb", "said"));

        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.contains("cngtoken::call:") && text.contains("function=\"C_Sign\"") && text.contains("text=a b"), "{text}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

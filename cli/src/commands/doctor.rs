//! `doctor`: looks at everything between a program and its keys, and says for each thing that is wrong which line mends it. Changes nothing.

mod registrations;
mod storage;

use super::Place;
use crate::args::Doctor;
use crate::failure::{Exit, Failure};
use crate::module;
use crate::report;
use crate::store::{field_text, has_raised_rights};
use cngtoken::token::{Application, Config, Environment};
use cryptoki_sys as ck;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing fails for it.
    Note,
    /// Something will not work.
    Bad,
}

/// One finding.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) about: &'static str,
    pub(super) text: String,
    /// A line to type, or what to do in words.
    pub(super) fix: Option<String>,
}

impl Finding {
    pub(super) fn ok(about: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, about, text: text.into(), fix: None }
    }

    pub(super) fn note(about: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, about, text: text.into(), fix: Some(fix.into()) }
    }

    pub(super) fn bad(about: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, about, text: text.into(), fix: Some(fix.into()) }
    }
}

/// Runs it.
pub(crate) fn run(place: &Place, args: &Doctor) -> Result<ExitCode, Failure> {
    let mut findings = vec![Finding::ok("version", format!("cngtoken {}", env!("CARGO_PKG_VERSION"))), clock(SystemTime::now())];
    configuration(place, &mut findings);
    let module = module::installed(args.module.as_deref())?;
    match &module {
        Some(path) => findings.push(loads(path)),
        None => findings.push(Finding::bad(
            "module",
            format!("{} is neither beside this program nor in the system's folder", module::FILE),
            "cargo build --release, or name it: cngtoken doctor --module PATH",
        )),
    }
    findings.extend(registrations::all(module.as_deref()));
    findings.push(Finding::ok("fork", "a forked child must call C_Initialize again; programs that do not get CKR_CRYPTOKI_NOT_INITIALIZED"));
    show(&findings, args.json)?;
    Ok(if findings.iter().any(|f| f.verdict == Verdict::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(findings: &[Finding], json: bool) -> Result<(), Failure> {
    if json {
        let list: Vec<serde_json::Value> =
            findings.iter().map(|f| serde_json::json!({ "verdict": word(f.verdict), "about": f.about, "text": f.text, "fix": f.fix })).collect();
        let text = serde_json::to_string_pretty(&list).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
        return report::line(&text);
    }
    for finding in findings {
        report::line(&format!("{:<5} {:<13} {}", word(finding.verdict), finding.about, finding.text))?;
        if let Some(fix) = &finding.fix {
            report::line(&format!("{:20}-> {fix}", ""))?;
        }
    }
    Ok(())
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Note => "note",
        Verdict::Bad => "FAIL",
    }
}

/// A clock far in the past makes the wait after wrong PINs end at the wrong time, and certificates look not yet valid.
fn clock(now: SystemTime) -> Finding {
    /// The first second of 2026, before which no such program existed.
    const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since >= EARLIEST => Finding::ok("clock", "the clock is plausible"),
        _ => Finding::bad("clock", "the clock stands before 2026", "set the clock; waits after wrong PINs and certificates depend on it"),
    }
}

/// What the module's own loader would read, and each token in it.
fn configuration(place: &Place, findings: &mut Vec<Finding>) {
    let get = |name: &str| match (&place.store, name) {
        (Some(path), "CNGTOKEN_STORE") => Some(path.clone().into_os_string()),
        _ => std::env::var_os(name),
    };
    let source = ["CNGTOKEN_STORE", "CNGTOKEN_CONF"].into_iter().find(|name| get(name).is_some()).unwrap_or("the default places");
    let config = match Config::load(&Environment { get: &get, secure: has_raised_rights(), reserved: None }) {
        Ok(config) => config,
        Err(e) => {
            return findings.push(Finding::bad("configuration", e.to_string(), "README.md, \"A token of your own\", shows the keys and places"));
        }
    };
    findings.push(Finding::ok("configuration", format!("{} token(s), by {source}", config.tokens.len())));
    for token in &config.tokens {
        match &token.store {
            Some(path) => findings.extend(storage::all(path, &token.access)),
            None => findings.push(Finding::bad("store", "neither a store is named nor a home folder known", "export CNGTOKEN_STORE=PATH")),
        }
    }
    match Application::open(config) {
        Ok(app) => {
            tokens(&app, findings);
            app.close();
        }
        Err(e) => findings.push(Finding::bad("token", e.to_string(), "see the findings above")),
    }
}

fn tokens(app: &Application, findings: &mut Vec<Finding>) {
    for slot in app.slots(false).unwrap_or_default() {
        let info = match app.token_info(slot) {
            Ok(info) => info,
            Err(e) => {
                findings.push(Finding::bad("token", format!("slot {slot}: {e}"), "cngtoken explain CODE tells more of a code"));
                continue;
            }
        };
        let has = |flag| info.flags & flag != 0;
        if !has(ck::CKF_TOKEN_INITIALIZED) {
            findings.push(Finding::bad("token", format!("slot {slot} holds no token yet"), "cngtoken init --label NAME"));
            continue;
        }
        findings.push(Finding::ok("token", format!("slot {slot}: \"{}\", serial {}", field_text(&info.label), field_text(&info.serial))));
        if has(ck::CKF_USER_PIN_LOCKED) {
            findings.push(Finding::bad("PIN", "the user's PIN is locked after wrong tries", "wait, or: cngtoken pin reset"));
        } else if !has(ck::CKF_USER_PIN_INITIALIZED) {
            findings.push(Finding::bad("PIN", "the user's PIN was never set", "cngtoken pin reset"));
        } else if has(ck::CKF_USER_PIN_FINAL_TRY | ck::CKF_USER_PIN_COUNT_LOW) {
            findings.push(Finding::note("PIN", "wrong PINs were tried since the last login", "a login with the right PIN clears that"));
        }
        if has(ck::CKF_WRITE_PROTECTED) {
            findings.push(Finding::note(
                "token",
                "it can be read only from here",
                "rights of the store and of its folder: both must be writable for you",
            ));
        }
    }
}

/// Loads the module as a client does, without opening a store.
fn loads(path: &std::path::Path) -> Finding {
    match cryptoki::context::Pkcs11::new(path) {
        Ok(_) => Finding::ok("module", format!("{} loads", path.display())),
        Err(e) => Finding::bad("module", format!("{} does not load: {e}", path.display()), format!("ldd {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_of_1970_is_noticed() {
        assert_eq!(clock(SystemTime::UNIX_EPOCH).verdict, Verdict::Bad);
        assert_eq!(clock(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)).verdict, Verdict::Ok);
    }
}

//! `inspect`: every field of a file with its place, bytes and meaning, and whether it would be imported. No token is touched: the
//! verdict comes from a throw-away one.

use super::import::{Target, read_bytes};
use super::storing::{self, Wishes};
use crate::anatomy::{Anatomy, anatomy};
use crate::args::Inspect;
use crate::failure::{Exit, Failure};
use crate::page::Page;
use crate::report;
use crate::shapes::{self, Budget, Content, Found, NoPasswords, Passwords, Refusal, Wanted, describe};
use crate::source::FilePasswords;
use cngtoken_blob::CurveName;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Runs it.
pub(crate) fn run(args: &Inspect) -> Result<ExitCode, Failure> {
    let curve = args.curve.as_deref().map(CurveName::from_cng_name).transpose().map_err(|e| Failure::new(Exit::Usage, e.fault.to_string()))?;
    let dh_group = args.dh_group.as_ref().map(|g| (g.p.clone(), g.g.clone()));
    let wanted = Wanted { type_name: args.type_name.clone(), curve, dh_group, pick: args.pick, ..Wanted::default() };
    let input = read_bytes(&args.file)?;
    let name = if args.file.as_os_str() == "-" { "standard input".to_owned() } else { args.file.display().to_string() };
    let mut passwords = FilePasswords { source: args.password_source.as_ref(), file: name.clone() };
    let page = page(name, &input, &wanted, &mut passwords, Budget::default(), |found| judge(found, args))?;
    let page = Page { show_secrets: args.show_secrets, ..page };
    let imports = page.verdict.is_ok();
    let text = match (args.json, args.html) {
        (true, _) => page.json()?,
        (_, true) => page.html(),
        _ => page.text(std::io::stdout().is_terminal()),
    };
    report::raw(text.as_bytes())?;
    Ok(if imports { ExitCode::SUCCESS } else { Exit::Refused.code() })
}

/// The three forms of what is shown of `input`, secrets masked, without the verdict of a token: what a fuzz target can run.
///
/// # Errors
/// The page could not be written as JSON, which should not happen.
pub fn forms(input: &[u8], wanted: &Wanted, budget: Budget) -> Result<[String; 3], String> {
    let page = page("input".to_owned(), input, wanted, &mut NoPasswords, budget, |_| Ok(Ok(String::new()))).map_err(|f| f.message)?;
    Ok([page.text(true), page.json().map_err(|f| f.message)?, page.html()])
}

/// Takes `input` apart and asks `judge` for the verdict.
fn page(
    name: String,
    input: &[u8],
    wanted: &Wanted,
    passwords: &mut dyn Passwords,
    budget: Budget,
    judge: impl FnOnce(&Found) -> Result<Result<String, String>, Failure>,
) -> Result<Page, Failure> {
    let examined = shapes::examine(input, wanted);
    let content = examined.outcome.as_ref().ok().map(|f| &f.content);
    let mut anatomy = anatomy(&examined.bytes, content, wanted);
    let opened = examined.outcome.and_then(|found| open(found, passwords, wanted, budget, &mut anatomy));
    let (kind, verdict, notes) = match opened {
        Ok(found) => {
            let (kind, notes) = (kind(&found.content), found.notes.iter().cloned().chain(found.computed()).collect());
            (kind, judge(&found)?, notes)
        }
        Err(refusal) => {
            let kind = anatomy.blob_type.map_or_else(|| "not recognised, or damaged".to_owned(), |t| format!("{t}, damaged"));
            (kind, Err(refusal.message.clone()), refusal.hints.clone())
        }
    };
    Ok(Page { name, trail: examined.trail, line: examined.line, kind, anatomy, verdict, notes, show_secrets: false })
}

/// Unlocks what is locked; the numbers inside are shown after the fields of the container.
fn open(found: Found, passwords: &mut dyn Passwords, wanted: &Wanted, budget: Budget, fields: &mut Anatomy) -> Result<Found, Refusal> {
    let locked = matches!(found.content, Content::Locked(_));
    let content = shapes::unlock_within(found.content, passwords, wanted, budget)?;
    if locked {
        let inner = match &content {
            Content::Blob(blob) => anatomy(blob.bytes.expose(), Some(&content), wanted),
            other => anatomy(&[], Some(other), wanted),
        };
        fields.fields.extend(inner.fields.into_iter().map(|mut f| {
            f.name = format!("(inside) {}", f.name);
            f
        }));
    }
    Ok(Found { content, ..found })
}

fn kind(content: &Content) -> String {
    match content {
        Content::Blob(blob) => format!("{}: {}, {} bytes, {}", blob.row.name, blob.row.about, blob.bytes.len(), blob.what),
        Content::Key(key) => format!("{}: {}", key.kind, describe(&key.claim)),
        Content::Certificate(certificate) => format!("certificate of {}", certificate.subject),
        Content::Bundle(bundle) => format!("{}: {} keys, {} certificates", bundle.kind, bundle.keys.len(), bundle.certificates.len()),
        Content::Locked(locked) => locked.name().to_owned(),
    }
}

/// Imports it into a throw-away token.
fn judge(found: &Found, args: &Inspect) -> Result<Result<String, String>, Failure> {
    let target = Target::scratch()?;
    let session = target.store.session(true)?;
    target.login(&session)?;
    let wishes = Wishes { type_name: args.type_name.clone(), curve: args.curve.clone(), dh_group: args.dh_group.clone(), ..Wishes::default() };
    Ok(match storing::store(&session, &found.content, &wishes, None) {
        Ok(made) => {
            let listed = made.iter().map(|h| session.describe(*h)).collect::<Result<Vec<_>, _>>()?;
            Ok(storing::words(&listed).replace(" \"\"", ""))
        }
        Err(failure) => Err(failure.message),
    })
}

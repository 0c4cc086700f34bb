//! `export`: a key to a file, as a blob or in a standard form. What may leave is the token's decision (CKA_SENSITIVE,
//! CKA_EXTRACTABLE); the public half leaves always. The file is new and private to its owner.

use super::Place;
use crate::args::Export;
use crate::failure::{Exit, Failure};
use crate::forms;
use crate::objects::{Choice, Listed, only};
use crate::report;
use crate::shapes::{base64_encode, pvk_header};
use crate::store::Session;
use cngtoken::object::{pkcs8, spki};
use cngtoken::token::{Answer, Room};
use cngtoken_blob::{Context, CurveName, row};
use cngtoken_key::{Claim, EdwardsClaim, EdwardsCurve, Half, Secret};
use cryptoki_sys as ck;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Runs it.
pub(crate) fn run(place: &Place, args: &Export) -> Result<(), Failure> {
    let store = place.open()?;
    let session = store.session(false)?;
    let want = Form::parse(&args.type_name, args.public)?;
    if want.half() == Half::Private {
        session.login(args.pin_source.as_ref())?;
    } else {
        session.login_if_given(args.pin_source.as_ref())?;
    }
    let listed = choose(&session, &args.selection.choice()?, &want)?;
    let bytes = want.bytes(&session, &listed)?;
    let text = encode(args, &want, bytes.expose())?;
    write(&args.output, &text, args.force)?;
    if args.output.as_os_str() != "-" {
        eprintln!("{}: {} of \"{}\", {} bytes", args.output.display(), args.type_name, listed.label, text.len());
    }
    Ok(())
}

/// What is to be written.
enum Form {
    Blob(&'static cngtoken_blob::BlobRow),
    Certificate,
    Spki,
    Pkcs8,
    Pvk,
    Jwk(Half),
    Xml(Half),
}

impl Form {
    fn parse(name: &str, public: bool) -> Result<Self, Failure> {
        let half = if public { Half::Public } else { Half::Private };
        Ok(match name.to_ascii_uppercase().as_str() {
            "CERTIFICATE" | "X509" => Form::Certificate,
            "SPKI" => Form::Spki,
            "PKCS8" | "PKCS8_PRIVATEKEY" => Form::Pkcs8,
            "PVK" => Form::Pvk,
            "JWK" => Form::Jwk(half),
            "XML" | "RSAKEYVALUE" | "DSAKEYVALUE" => Form::Xml(half),
            _ => match row(name) {
                Some(row) if row.supported() => Form::Blob(row),
                Some(row) => return Err(Failure::new(Exit::Refused, format!("{} is not written: {}", row.name, row.about))),
                None => {
                    let known = "a blob type (`cngtoken blob-types`), PKCS8, SPKI, JWK, XML, PVK and CERTIFICATE are";
                    return Err(Failure::new(Exit::Usage, format!("no type is called \"{name}\"; {known}")));
                }
            },
        })
    }

    fn half(&self) -> Half {
        match self {
            Form::Blob(row) => row.half,
            Form::Certificate | Form::Spki => Half::Public,
            Form::Pkcs8 | Form::Pvk => Half::Private,
            Form::Jwk(half) | Form::Xml(half) => *half,
        }
    }

    /// The classes of the object to take it from, the best first.
    fn classes(&self) -> &'static [u64] {
        match (self, self.half()) {
            (Form::Certificate, _) => &[ck::CKO_CERTIFICATE],
            (_, Half::Public) => &[ck::CKO_PUBLIC_KEY, ck::CKO_PRIVATE_KEY],
            (_, Half::Private) => &[ck::CKO_PRIVATE_KEY, ck::CKO_SECRET_KEY],
        }
    }

    fn bytes(&self, session: &Session<'_>, listed: &Listed) -> Result<Secret, Failure> {
        let attribute = |id, what: &str| -> Result<Secret, Failure> {
            let value = session.attribute(listed.handle, id)?.filter(|v| !v.is_empty());
            value.map(Secret::new).ok_or_else(|| Failure::new(Exit::Refused, format!("\"{}\" has no {what}", listed.label)))
        };
        let no_form = |form: &str| Failure::new(Exit::Refused, format!("there is no {form} form of this key ({})", listed.what));
        match self {
            Form::Blob(row) => blob(session, listed.handle, row.name),
            Form::Certificate => attribute(ck::CKA_VALUE, "certificate"),
            Form::Spki => attribute(ck::CKA_PUBLIC_KEY_INFO, "public key"),
            Form::Pkcs8 => blob(session, listed.handle, "PKCS8_PRIVATEKEY"),
            Form::Pvk => pvk(session, listed),
            Form::Jwk(half) => {
                let text = forms::jwk(&numbers(session, listed, *half)?).ok_or_else(|| no_form("JWK"))?;
                Ok(Secret::copy_of(text.as_bytes()))
            }
            Form::Xml(half) => {
                let text = forms::xml(&numbers(session, listed, *half)?).ok_or_else(|| no_form("XML"))?;
                Ok(Secret::copy_of(text.as_bytes()))
            }
        }
    }
}

fn choose(session: &Session<'_>, choice: &Choice, form: &Form) -> Result<Listed, Failure> {
    let found = session.chosen(choice)?;
    for class in form.classes() {
        let of_class: Vec<Listed> = found.iter().filter(|l| l.class == *class).cloned().collect();
        if !of_class.is_empty() {
            return only(of_class, "key");
        }
    }
    only(Vec::new(), "key or certificate of that kind")
}

fn blob(session: &Session<'_>, key: u64, name: &str) -> Result<Secret, Failure> {
    let app = &session.store.app;
    match app.export_blob(session.handle, key, Some(name), 0, Room::Bytes(usize::MAX)) {
        Ok(Answer::Bytes(bytes)) => Ok(bytes),
        Ok(Answer::Needs(_)) => Err(Failure::new(Exit::Internal, "the token asks for more room than there is")),
        Err(e) => Err(Failure::from(e).while_doing(name)),
    }
}

/// The numbers of a key, by way of the blob that holds all of them.
fn numbers(session: &Session<'_>, listed: &Listed, half: Half) -> Result<Claim, Failure> {
    let curve = session.attribute(listed.handle, ck::CKA_EC_PARAMS)?;
    if curve.as_ref().is_some_and(|c| EdwardsCurve::from_params(c).is_some()) {
        return edwards_numbers(session, listed, half);
    }
    let curve = curve.and_then(|c| CurveName::from_ec_params(&c).ok());
    let private = half == Half::Private;
    let family = listed.what.split(' ').next().unwrap_or_default();
    let name = match (family, private) {
        ("RSA", true) => "RSAFULLPRIVATEBLOB",
        ("AES" | "secret", _) => "KeyDataBlob",
        (_, true) => "PRIVATEBLOB",
        (_, false) => "PUBLICBLOB",
    };
    let bytes = blob(session, listed.handle, name);
    let bytes = if private { bytes.map_err(or_public)? } else { bytes.map_err(|f| f.while_doing("the public half"))? };
    let decoded = cngtoken_blob::decode(bytes.expose(), &Context { curve, ..Context::default() });
    decoded.map(|d| d.claim).map_err(|e| Failure::new(Exit::Internal, format!("the token's own blob cannot be read: {e}")))
}

/// CNG has no blob of Ed25519: PKCS#8 holds the private half, SubjectPublicKeyInfo the public one.
fn edwards_numbers(session: &Session<'_>, listed: &Listed, half: Half) -> Result<Claim, Failure> {
    let unreadable = |e: cngtoken::object::ObjectError| Failure::new(Exit::Internal, format!("the token's own key cannot be read: {e}"));
    let info = session.attribute(listed.handle, ck::CKA_PUBLIC_KEY_INFO)?.unwrap_or_default();
    let public = spki::decode(&info).map_err(unreadable)?;
    if half == Half::Public {
        return Ok(public);
    }
    let der = blob(session, listed.handle, "PKCS8_PRIVATEKEY").map_err(or_public)?;
    match (pkcs8::decode(der.expose()).map_err(unreadable)?, public) {
        (Claim::Edwards(private), Claim::Edwards(public)) => Ok(Claim::Edwards(EdwardsClaim { point: public.point, ..private })),
        (private, _) => Ok(private),
    }
}

fn or_public(refused: Failure) -> Failure {
    Failure { message: format!("{}; --public writes the public half", refused.message), ..refused }
}

fn pvk(session: &Session<'_>, listed: &Listed) -> Result<Secret, Failure> {
    let name = if listed.what.starts_with("DSA") { "V2CAPIDSAPRIVATEBLOB" } else { "CAPIPRIVATEBLOB" };
    let body = blob(session, listed.handle, name)?;
    let sign_only = !listed.uses.contains(&"decrypt");
    let len = u32::try_from(body.len()).map_err(|_| Failure::new(Exit::Internal, "a blob of more than 4 GB"))?;
    let header = pvk_header(sign_only, len);
    let mut out = Vec::with_capacity(header.len().saturating_add(body.len()));
    out.extend_from_slice(&header);
    out.extend_from_slice(body.expose());
    Ok(Secret::new(out))
}

fn encode(args: &Export, form: &Form, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = |t: Zeroizing<String>| Zeroizing::new(t.as_bytes().to_vec());
    if args.pem {
        let label = match form {
            Form::Pkcs8 => "PRIVATE KEY",
            Form::Spki => "PUBLIC KEY",
            Form::Certificate => "CERTIFICATE",
            Form::Blob(_) | Form::Pvk | Form::Jwk(_) | Form::Xml(_) => {
                return Err(Failure::new(Exit::Usage, "--pem goes with PKCS8, SPKI and CERTIFICATE"));
            }
        };
        return Ok(text(forms::pem(label, bytes)));
    }
    if args.base64 {
        let mut line = base64_encode(bytes);
        line.push('\n');
        return Ok(text(line));
    }
    if args.hex {
        let digits: String = bytes.iter().map(|b| format!("{b:02x}")).chain(["\n".to_owned()]).collect();
        return Ok(text(Zeroizing::new(digits)));
    }
    Ok(Zeroizing::new(bytes.to_vec()))
}

fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        return report::raw(bytes);
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).mode(0o600);
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    match options.open(path).and_then(|mut file| file.write_all(bytes)) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::new(Exit::Store, format!("{} is there already; --force overwrites it", path.display())))
        }
        Err(e) => Err(Failure::file(path, &e)),
    }
}

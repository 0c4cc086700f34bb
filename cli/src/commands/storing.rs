//! From what was found in a file to objects of the token: the template, the pairing of certificates with keys, and taking back what
//! was stored when a later part fails.

use crate::failure::Failure;
use crate::objects::Listed;
use crate::shapes::{Blob, Bundle, Certificate, Content, Key};
use crate::store::Session;
use cngtoken::object::{GivenAttr, ids};
use cngtoken::token::{ImportBlob, ImportClaim, Imported, Reason, TokenError};
use cngtoken_key::{Half, Secret};
use cryptoki_sys as ck;
use zeroize::Zeroizing;

/// What the command line wants of the objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) label: Option<String>,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) type_name: Option<String>,
    pub(crate) alg_id: Option<String>,
    pub(crate) curve: Option<String>,
    pub(crate) extractable: bool,
    pub(crate) public_only: bool,
    pub(crate) flags: u64,
    /// Token objects; a dry run makes session objects.
    pub(crate) on_token: bool,
}

impl Wishes {
    fn template(&self, label: Option<&str>, on_token: bool) -> Vec<GivenAttr> {
        let mut out = vec![GivenAttr::bool(ck::CKA_TOKEN, on_token)];
        out.extend(label.map(|l| GivenAttr::bytes(ck::CKA_LABEL, l.as_bytes())));
        out.extend(self.id.as_ref().map(|id| GivenAttr::bytes(ck::CKA_ID, id)));
        if self.extractable {
            out.push(GivenAttr::bool(ck::CKA_EXTRACTABLE, true));
            out.push(GivenAttr::bool(ck::CKA_SENSITIVE, false));
        }
        out
    }

    /// The request for a blob.
    pub(crate) fn blob(&self, blob: &Blob, name: Option<&str>, on_token: bool) -> ImportBlob {
        let label = self.label.as_deref().or(name);
        let mut template = self.template(label, on_token);
        template.extend(self.curve.as_ref().map(|c| GivenAttr::bytes(ids::CKA_CNG_CURVE_NAME, c.as_bytes())));
        ImportBlob {
            alg_id: self.alg_id.clone(),
            // A container's name was checked when the blob was taken out of it; PVK is both, and here the blob is out.
            blob_type: self.type_name.clone().filter(|t| cngtoken_blob::row(t).is_some_and(|row| row.name != "PVK")),
            input: Zeroizing::new(blob.bytes.expose().to_vec()),
            flags: self.flags,
            import_key: ck::CK_INVALID_HANDLE,
            template,
            want_public: true,
            want_private: true,
        }
    }

    fn claim(&self, key: &Key, name: Option<&str>, on_token: bool) -> ImportClaim {
        let label = self.label.as_deref().or(key.label.as_deref()).or(name);
        let mut template = self.template(label, on_token);
        if key.aes {
            template.push(GivenAttr::ulong(ck::CKA_KEY_TYPE, ck::CKK_AES));
        }
        ImportClaim { claim: key.claim.clone(), origin: key.kind.to_owned(), flags: self.flags, template, want_public: true, want_private: true }
    }
}

/// Stores `content`; what was made, in order. Nothing stays if any part fails.
pub(crate) fn store(session: &Session<'_>, content: &Content, wishes: &Wishes, name: Option<&str>) -> Result<Vec<u64>, Failure> {
    let mut made = Vec::new();
    let outcome = match content {
        Content::Blob(blob) => blob_objects(session, blob, wishes, name, &mut made),
        Content::Key(key) => key_objects(session, key, wishes, name, &mut made),
        Content::Certificate(certificate) => certificate_object(session, certificate, wishes, &mut made),
        Content::Bundle(bundle) => bundle_objects(session, bundle, wishes, name, &mut made),
        // Whoever calls has unlocked it.
        Content::Locked(locked) => Err(TokenError::from(Reason::GeneralError)).map_err(|e| Failure::from(e).while_doing(locked.name())),
    };
    match outcome {
        Ok(()) => Ok(made),
        Err(failure) => {
            for handle in made {
                // The failure that is told is the first one; an object that cannot be taken back is seen by `ls`.
                let _ = session.store.app.destroy_object(session.handle, handle);
            }
            Err(failure)
        }
    }
}

fn blob_objects(session: &Session<'_>, blob: &Blob, wishes: &Wishes, name: Option<&str>, made: &mut Vec<u64>) -> Result<(), Failure> {
    let half = wishes.public_only && blob.half == Half::Private;
    let request = wishes.blob(blob, name, wishes.on_token && !half);
    let imported = session.store.app.import_blob(session.handle, request).map_err(|e| advise(session, blob, wishes, e))?;
    keep(session, imported, wishes, half, made)
}

fn key_objects(session: &Session<'_>, key: &Key, wishes: &Wishes, name: Option<&str>, made: &mut Vec<u64>) -> Result<(), Failure> {
    let half = wishes.public_only && key.claim.half() == Half::Private;
    let request = wishes.claim(key, name, wishes.on_token && !half);
    let imported = session.store.app.import_claim(session.handle, request).map_err(|e| Failure::from(e).while_doing(key.kind))?;
    keep(session, imported, wishes, half, made)
}

/// With `half`, the pair was made for the session only: its public half is copied to the token and the rest goes.
fn keep(session: &Session<'_>, imported: Imported, wishes: &Wishes, half: bool, made: &mut Vec<u64>) -> Result<(), Failure> {
    let app = &session.store.app;
    if !half {
        made.extend(imported.private.into_iter().chain(imported.public));
        return Ok(());
    }
    if let Some(public) = imported.public {
        made.push(app.copy_object(session.handle, public, vec![GivenAttr::bool(ck::CKA_TOKEN, wishes.on_token)])?);
    }
    for handle in imported.private.into_iter().chain(imported.public) {
        app.destroy_object(session.handle, handle)?;
    }
    Ok(())
}

fn certificate_object(session: &Session<'_>, certificate: &Certificate, wishes: &Wishes, made: &mut Vec<u64>) -> Result<(), Failure> {
    // A key that is there already: its certificate shares its id.
    let id = match &wishes.id {
        Some(id) => Some(id.clone()),
        None => key_with(session, &certificate.spki)?,
    };
    let label = wishes.label.clone().unwrap_or_else(|| certificate.name());
    made.push(create_certificate(session, certificate, id.as_deref(), &label, wishes)?);
    Ok(())
}

fn key_with(session: &Session<'_>, spki: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    for class in [ck::CKO_PRIVATE_KEY, ck::CKO_PUBLIC_KEY] {
        let template = vec![GivenAttr::ulong(ck::CKA_CLASS, class), GivenAttr::bytes(ck::CKA_PUBLIC_KEY_INFO, spki)];
        if let Some(handle) = session.handles(template)?.into_iter().next() {
            return session.attribute(handle, ck::CKA_ID);
        }
    }
    Ok(None)
}

fn create_certificate(session: &Session<'_>, certificate: &Certificate, id: Option<&[u8]>, label: &str, wishes: &Wishes) -> Result<u64, Failure> {
    let mut template = vec![
        GivenAttr::ulong(ck::CKA_CLASS, ck::CKO_CERTIFICATE),
        GivenAttr::ulong(ck::CKA_CERTIFICATE_TYPE, ck::CKC_X_509),
        GivenAttr::bool(ck::CKA_TOKEN, wishes.on_token),
        GivenAttr::bytes(ck::CKA_VALUE, &certificate.der),
        GivenAttr::bytes(ck::CKA_SUBJECT, &certificate.subject_der),
        GivenAttr::bytes(ck::CKA_ISSUER, &certificate.issuer_der),
        GivenAttr::bytes(ck::CKA_SERIAL_NUMBER, &certificate.serial_der),
        GivenAttr::bytes(ck::CKA_LABEL, label.as_bytes()),
    ];
    template.extend(id.map(|id| GivenAttr::bytes(ck::CKA_ID, id)));
    session.store.app.create_object(session.handle, template).map_err(|e| Failure::from(e).while_doing("certificate"))
}

fn bundle_objects(session: &Session<'_>, bundle: &Bundle, wishes: &Wishes, name: Option<&str>, made: &mut Vec<u64>) -> Result<(), Failure> {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for key in &bundle.keys {
        let before = made.len();
        // Several keys in one file cannot share an id.
        let wishes = Wishes { id: wishes.id.clone().filter(|_| bundle.keys.len() == 1), ..wishes.clone() };
        key_objects(session, key, &wishes, name, made)?;
        for handle in made.get(before..).unwrap_or_default() {
            if let (Some(spki), Some(id)) = (session.attribute(*handle, ck::CKA_PUBLIC_KEY_INFO)?, session.attribute(*handle, ck::CKA_ID)?) {
                pairs.push((spki, id));
            }
        }
    }
    for certificate in &bundle.certificates {
        let pair = pairs.iter().find(|(spki, _)| *spki == certificate.spki).map(|(_, id)| id.clone());
        let own = pair.is_some();
        let id = match pair {
            Some(id) => Some(id),
            None => key_with(session, &certificate.spki)?,
        };
        let label = wishes.label.clone().filter(|_| own).unwrap_or_else(|| certificate.name());
        made.push(create_certificate(session, certificate, id.as_deref(), &label, wishes)?);
    }
    Ok(())
}

/// The token's refusal of a blob, with what another reading of the same bytes would give.
pub(crate) fn advise(session: &Session<'_>, blob: &Blob, wishes: &Wishes, error: TokenError) -> Failure {
    let missing_curve = matches!(error.reason, Reason::CurveMissing);
    let numbers = matches!(error.reason, Reason::BlobNumbers | Reason::BlobHeader);
    let mut failure = Failure::from(error).while_doing(blob.row.name);
    if missing_curve {
        failure.message.push_str("; name it with --curve, for example --curve nistP256");
    }
    if numbers && let Some(reversed) = reversed(blob) {
        let request = Wishes { type_name: None, ..wishes.clone() }.blob(&reversed, None, false);
        if let Ok(imported) = session.store.app.import_blob(session.handle, request) {
            for handle in imported.private.into_iter().chain(imported.public) {
                let _ = session.store.app.destroy_object(session.handle, handle);
            }
            failure.message.push_str(
                "; with every number read in the other byte order it would be a key: the fields seem to be little-endian (CryptoAPI's order) \
                 under a header that wants big-endian",
            );
        }
    }
    failure
}

/// The same blob with each of its numbers byte-reversed.
fn reversed(blob: &Blob) -> Option<Blob> {
    const WIDEST_HEADER_FIELD: usize = 8;
    let context = cngtoken_blob::Context::default();
    let mut bytes = Secret::copy_of(blob.bytes.expose());
    for field in cngtoken_blob::explain(blob.bytes.expose(), &context).fields {
        if field.len > WIDEST_HEADER_FIELD {
            bytes.expose_mut().get_mut(field.offset..field.offset.checked_add(field.len)?)?.reverse();
        }
    }
    (bytes != blob.bytes).then(|| Blob { bytes, ..blob.clone() })
}

/// What was made, in words.
pub(crate) fn words(made: &[Listed]) -> String {
    let kinds: Vec<&str> = made
        .iter()
        .map(|l| match l.class {
            ck::CKO_PRIVATE_KEY => "private key",
            ck::CKO_PUBLIC_KEY => "public key",
            ck::CKO_SECRET_KEY => "secret key",
            ck::CKO_CERTIFICATE => "certificate",
            _ => "object",
        })
        .collect();
    let mut text = kinds.join(" + ");
    let Some(first) = made.first() else { return "nothing".to_owned() };
    text.push_str(&format!(" \"{}\"", first.label));
    if !first.id.is_empty() {
        text.push_str(&format!(", id {}", first.id_hex()));
    }
    if !first.uses.is_empty() {
        text.push_str(&format!(", may {}", first.uses.join(", ")));
    }
    text
}

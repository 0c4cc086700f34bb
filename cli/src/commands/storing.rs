//! From what was found in a file to objects of the token: the template, the pairing of certificates with keys, and one transaction for
//! all of them. What the token refuses is told with what another reading of the same bytes would give.

use crate::failure::{Exit, Failure};
use crate::groups::Group;
use crate::objects::Listed;
use crate::shapes::{Blob, Bundle, Certificate, Content, Key};
use crate::store::Session;
use cngtoken::object::{GivenAttr, ids};
use cngtoken::token::{ImportBlob, ImportClaim, Prepared, Reason, TokenError};
use cngtoken_key::{Family, Secret};
use cryptoki_sys as ck;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What the command line wants of the objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) label: Option<String>,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) type_name: Option<String>,
    pub(crate) alg_id: Option<String>,
    pub(crate) curve: Option<String>,
    pub(crate) dh_group: Option<Arc<Group>>,
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
        // A blob with a group of its own must have this one.
        if let Some(group) = self.dh_group.as_ref().filter(|_| blob.row.family == Some(Family::Dh)) {
            template.push(GivenAttr::bytes(ck::CKA_PRIME, group.p.as_be()));
            template.push(GivenAttr::bytes(ck::CKA_BASE, group.g.as_be()));
        }
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

/// Stores `content` in one transaction: all of it, or nothing if any part fails. The handles, private objects first.
pub(crate) fn store(session: &Session<'_>, content: &Content, wishes: &Wishes, name: Option<&str>) -> Result<Vec<u64>, Failure> {
    let prepared = prepare(session, content, wishes, name)?;
    Ok(session.store.app.place_prepared(session.handle, prepared)?.into_iter().flatten().collect())
}

fn prepare(session: &Session<'_>, content: &Content, wishes: &Wishes, name: Option<&str>) -> Result<Vec<Prepared>, Failure> {
    match content {
        Content::Blob(blob) => {
            let request = wishes.blob(blob, name, wishes.on_token);
            let prepared = session.store.app.prepare_blob(session.handle, request).map_err(|e| advise(session, blob, wishes, e))?;
            public_part(prepared, wishes, blob.row.name).map(|p| vec![p])
        }
        Content::Key(key) => key_objects(session, key, wishes, name).map(|p| vec![p]),
        Content::Certificate(certificate) => certificate_object(session, certificate, wishes).map(|p| vec![p]),
        Content::Bundle(bundle) => bundle_objects(session, bundle, wishes, name),
        // Whoever calls has unlocked it.
        Content::Locked(locked) => Err(Failure::from(TokenError::from(Reason::GeneralError)).while_doing(locked.name())),
    }
}

fn key_objects(session: &Session<'_>, key: &Key, wishes: &Wishes, name: Option<&str>) -> Result<Prepared, Failure> {
    let request = wishes.claim(key, name, wishes.on_token);
    let prepared = session.store.app.prepare_claim(session.handle, request).map_err(|e| Failure::from(e).while_doing(key.kind))?;
    public_part(prepared, wishes, key.kind)
}

/// With `--public-only` the private half was judged and is dropped.
fn public_part(mut prepared: Prepared, wishes: &Wishes, kind: &str) -> Result<Prepared, Failure> {
    if wishes.public_only && !prepared.keep_public() {
        return Err(Failure::new(Exit::Refused, "a symmetric key has no public half; leave --public-only away").while_doing(kind));
    }
    Ok(prepared)
}

fn certificate_object(session: &Session<'_>, certificate: &Certificate, wishes: &Wishes) -> Result<Prepared, Failure> {
    // A key that is there already: its certificate shares its id.
    let id = match &wishes.id {
        Some(id) => Some(id.clone()),
        None => key_with(session, &certificate.spki)?,
    };
    let label = wishes.label.clone().unwrap_or_else(|| certificate.name());
    create_certificate(session, certificate, id.as_deref(), &label, wishes)
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

fn create_certificate(
    session: &Session<'_>,
    certificate: &Certificate,
    id: Option<&[u8]>,
    label: &str,
    wishes: &Wishes,
) -> Result<Prepared, Failure> {
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
    session.store.app.prepare_object(session.handle, template).map_err(|e| Failure::from(e).while_doing("certificate"))
}

/// Certificates are paired with keys by their public key, which the file itself cannot get wrong.
fn bundle_objects(session: &Session<'_>, bundle: &Bundle, wishes: &Wishes, name: Option<&str>) -> Result<Vec<Prepared>, Failure> {
    // Several keys in one file cannot share an id.
    let of_key = Wishes { id: wishes.id.clone().filter(|_| bundle.keys.len() == 1), ..wishes.clone() };
    let keys = bundle.keys.iter().map(|key| key_objects(session, key, &of_key, name)).collect::<Result<Vec<_>, _>>()?;
    let mut certificates = Vec::with_capacity(bundle.certificates.len());
    for certificate in &bundle.certificates {
        let own = keys.iter().find(|k| k.public_key_info() == Some(&certificate.spki));
        let id = match own {
            Some(key) => key.id().map(<[u8]>::to_vec),
            None => key_with(session, &certificate.spki)?,
        };
        let label = wishes.label.clone().filter(|_| own.is_some()).unwrap_or_else(|| certificate.name());
        certificates.push(create_certificate(session, certificate, id.as_deref(), &label, wishes)?);
    }
    Ok(keys.into_iter().chain(certificates).collect())
}

/// The token's refusal of a blob, with what another reading of the same bytes would give.
pub(crate) fn advise(session: &Session<'_>, blob: &Blob, wishes: &Wishes, error: TokenError) -> Failure {
    let missing_curve = matches!(error.reason, Reason::CurveMissing);
    let missing_group = matches!(error.reason, Reason::BlobIncomplete) && blob.row.family == Some(Family::Dh);
    let numbers = matches!(error.reason, Reason::BlobNumbers | Reason::BlobHeader | Reason::BlobKeySize);
    let mut failure = Failure::from(error).while_doing(blob.row.name);
    if missing_curve {
        failure.message.push_str("; name it with --curve, for example --curve nistP256");
    }
    if missing_group {
        failure.message.push_str("; name its group with --dh-group, for example --dh-group modp2048 or a file of DH parameters");
    }
    if numbers && reversed(blob).into_iter().any(|other| would_do(session, &other, wishes)) {
        let (seem, wanted) = if blob.row.name.contains("CAPI") {
            ("big-endian (CNG's order)", "little-endian")
        } else {
            ("little-endian (CryptoAPI's order)", "big-endian")
        };
        failure.message.push_str(&format!(
            "; with its numbers read in the other byte order it would be a key: the fields seem to be {seem} under a header that wants {wanted}"
        ));
    }
    failure
}

fn would_do(session: &Session<'_>, blob: &Blob, wishes: &Wishes) -> bool {
    let request = Wishes { type_name: None, ..wishes.clone() }.blob(blob, None, false);
    session.store.app.prepare_blob(session.handle, request).is_ok()
}

/// The same blob with its numbers byte-reversed: all of them; those behind the header; the private value alone.
fn reversed(blob: &Blob) -> Vec<Blob> {
    const WIDEST_HEADER_FIELD: usize = 8;
    /// What a DSA blob of version 1 has in its header.
    const IN_HEADERS: &[&str] = &["Seed", "Count", "q"];
    let fields = cngtoken_blob::explain(blob.bytes.expose(), &cngtoken_blob::Context::default()).fields;
    let with = |chosen: &dyn Fn(&cngtoken_blob::Field) -> bool| {
        let mut bytes = Secret::copy_of(blob.bytes.expose());
        for field in fields.iter().filter(|f| f.len > WIDEST_HEADER_FIELD && chosen(f)) {
            bytes.expose_mut().get_mut(field.offset..field.offset.checked_add(field.len)?)?.reverse();
        }
        (bytes != blob.bytes).then(|| Blob { bytes, ..blob.clone() })
    };
    let readings = [with(&|_| true), with(&|f| !IN_HEADERS.contains(&f.name)), with(&|f| f.secret)];
    readings.into_iter().flatten().collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::import::Target;
    use crate::shapes::{Wanted, recognise};

    fn bundle() -> Bundle {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers/p256-certkey.pem");
        match recognise(&std::fs::read(file).unwrap(), &Wanted::default()).unwrap().content {
            Content::Bundle(bundle) => bundle,
            other => panic!("{}", other.kind()),
        }
    }

    #[test]
    fn a_bundle_is_stored_whole_with_one_id_or_not_at_all() {
        let target = Target::scratch().unwrap();
        let session = target.store.session(true).unwrap();
        target.login(&session).unwrap();
        let wishes = Wishes { on_token: true, ..Wishes::default() };
        let objects = || session.handles(vec![GivenAttr::bool(ck::CKA_TOKEN, true)]).unwrap();
        let before = objects().len();

        // The key is in order; what comes after it is not.
        let mut broken = bundle();
        // More than an attribute may hold.
        broken.certificates[0].subject_der = vec![0x30; (16 << 20) + 1];
        assert!(store(&session, &Content::Bundle(broken), &wishes, None).is_err());
        assert_eq!(objects().len(), before);

        let made = store(&session, &Content::Bundle(bundle()), &wishes, None).unwrap();
        assert_eq!((made.len(), objects().len()), (3, before + 3));
        let ids: Vec<_> = made.iter().map(|h| session.attribute(*h, ck::CKA_ID).unwrap()).collect();
        assert!(ids.iter().all(|id| id.is_some() && *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn the_public_part_alone_is_stored_if_that_is_wished_and_there_is_one() {
        let target = Target::scratch().unwrap();
        let session = target.store.session(true).unwrap();
        target.login(&session).unwrap();
        let wishes = Wishes { on_token: true, public_only: true, ..Wishes::default() };
        let made = store(&session, &Content::Bundle(bundle()), &wishes, None).unwrap();
        let classes: Vec<_> = made.iter().map(|h| session.describe(*h).unwrap().class).collect();
        assert_eq!(classes, [ck::CKO_PUBLIC_KEY, ck::CKO_CERTIFICATE]);

        let secret = recognise(b"KDBM\x01\0\0\0\x10\0\0\x000123456789abcdef", &Wanted::default()).unwrap().content;
        let refused = store(&session, &secret, &wishes, None).unwrap_err();
        assert!(refused.message.contains("no public half"), "{}", refused.message);
    }
}

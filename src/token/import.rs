//! The vendor extension: CNG and CryptoAPI blobs in (one rule for all three doors) and out.
//!
//! `vendor-ext` says what the bytes say, `crypto::admit` whether that is a key, `object` lays the caller's template over it; this file holds
//! them together and stores both halves of a pair in one transaction. Source: `vendor-ext/README.md`, "Rules of import", "Results".

use crate::object::{self, GivenAttr, Halves, KeyDefaults, Object, Origin, Template, Usage, Value, ids, policy, spki};
use crate::token::application::Application;
use crate::token::creation;
use crate::token::error::{R, Reason, TokenError};
use crate::token::pkcs8;
use crate::token::room::{Answer, Room};
use crate::token::session::Session;
use cngtoken_blob::{self as blob, Context, CurveName, Decoded, Fault, FaultClass, SymmetricAlg, UseHint};
use cngtoken_crypto::{self as crypto, AdmitError, Admitted, Level};
use cngtoken_key::{Claim, Half, KeyParts, Uint};
use cngtoken_storage::Record;
use cryptoki_sys as ck;
use zeroize::Zeroizing;

/// What C_ImportBCryptBlob was given.
pub struct ImportBlob {
    /// `pszAlgId`.
    pub alg_id: Option<String>,
    /// `pszBlobType`.
    pub blob_type: Option<String>,
    /// `pbInput`.
    pub input: Zeroizing<Vec<u8>>,
    /// `dwFlags`.
    pub flags: u64,
    /// `hImportKey`, reserved.
    pub import_key: u64,
    /// `pTemplate`.
    pub template: Vec<GivenAttr>,
    /// `phPublicKey` is not NULL.
    pub want_public: bool,
    /// `phPrivateKey` is not NULL.
    pub want_private: bool,
}

/// A key that comes in another form than a blob (PKCS#8, JWK, XML …): the command line's door.
pub struct ImportClaim {
    /// What the source says.
    pub claim: Claim,
    /// What it was, for CKA_CNG_ORIGIN.
    pub origin: String,
    /// As `dwFlags`.
    pub flags: u64,
    /// Attributes.
    pub template: Vec<GivenAttr>,
    /// A public object is wanted.
    pub want_public: bool,
    /// A private object is wanted.
    pub want_private: bool,
}

/// The handles of an import.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// The public key.
    pub public: Option<u64>,
    /// The private or secret key.
    pub private: Option<u64>,
}

/// Objects that are ready to be placed.
pub(crate) struct Built {
    pub(crate) public: Option<Object>,
    pub(crate) private: Option<Object>,
}

/// What is known of an admitted key besides its numbers.
struct Source {
    admitted: Admitted,
    half: Half,
    hint: UseHint,
    symmetric: Option<SymmetricAlg>,
    origin: String,
}

/// BCRYPT_NO_KEY_VALIDATION and the three newer flags, compared for equality: 0x18 contains the bit 0x08.
fn level(flags: u64) -> R<Level> {
    match flags {
        0 | 0x10 | 0x18 | 0x20 => Ok(Level::Full),
        0x08 => Ok(Level::NoPrimality),
        other => Err(Reason::ArgumentsBad.because(format!("dwFlags is 0x{other:x}; 0, 0x8, 0x10, 0x18 or 0x20 expected"))),
    }
}

/// The curve that a GENERIC magic leaves open, and the group of a version 2 DH public blob: they come with the template.
fn context<'a>(template: &Template, type_name: Option<&'a str>, alg_id: Option<&'a str>) -> R<Context<'a>> {
    let curve = match (template.text(ids::CKA_CNG_CURVE_NAME)?, template.bytes(ck::CKA_EC_PARAMS)) {
        (Some(name), _) => Some(CurveName::from_cng_name(&name)?),
        (None, Some(der)) => Some(CurveName::from_ec_params(der)?),
        (None, None) => None,
    };
    let dh_group = match (template.bytes(ck::CKA_PRIME), template.bytes(ck::CKA_BASE)) {
        (Some(p), Some(g)) => Some((Uint::from_be(p), Uint::from_be(g))),
        _ => None,
    };
    Ok(Context { type_name, alg_id, curve, dh_group })
}

fn stamp(text: &str, level: Level) -> String {
    let now = time::OffsetDateTime::now_utc();
    let (y, mo, d) = now.to_calendar_date();
    let (h, mi, s) = now.to_hms();
    let validation = if level == Level::NoPrimality { "; validation=none" } else { "" };
    format!("{text}; imported={y:04}-{:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z{validation}", u8::from(mo))
}

/// SHA-1 of the public value; of a secret key none.
pub(crate) fn default_id(parts: &KeyParts) -> Option<Vec<u8>> {
    spki::public_value(parts).map(|value| crypto::digest(crypto::Hash::Sha1, &value))
}

fn decode(input: &[u8], template: &Template, blob_type: Option<&str>, alg_id: Option<&str>, level: Level) -> R<Source> {
    let context = context(template, blob_type, alg_id)?;
    if let Some(row) = blob_type.and_then(blob::row).filter(|row| row.is_der()) {
        return decode_der(input, template, row.name, &context, level);
    }
    let decoded: Decoded = blob::decode(input, &context).map_err(|e| match e.fault {
        // The template's curve, not the algorithm identifier's.
        Fault::CurveDisagrees { .. } if context.curve.is_some() && alg_id.is_none() => {
            Reason::TemplateInconsistent.because(format!("CKA_EC_PARAMS or CKA_CNG_CURVE_NAME: {e}"))
        }
        _ => e.into(),
    })?;
    let origin = stamp(&decoded.origin.to_text(), level);
    let admitted = crypto::admit(decoded.claim, level)?;
    Ok(Source { admitted, half: decoded.half, hint: decoded.hint, symmetric: decoded.symmetric, origin })
}

/// A password beside any other blob is an attribute that no key has.
fn takes_password(blob_type: Option<&str>) -> bool {
    blob_type.and_then(blob::row).is_some_and(blob::BlobRow::is_der)
}

/// PKCS8_PRIVATEKEY. What a blob's own reader asks of the algorithm identifier and the curve is asked here.
fn decode_der(input: &[u8], template: &Template, name: &str, context: &Context<'_>, level: Level) -> R<Source> {
    let password = template.text(ids::CKA_CNG_PASSWORD)?.map(Zeroizing::new);
    let claim = pkcs8::claim(input, password.as_ref().map(|p| p.as_str()))?;
    let hint = blob::algorithm_agrees(context.alg_id, &claim)?;
    let own = match &claim {
        Claim::Ec(c) => Some(CurveName::Weierstrass(c.curve)),
        Claim::Montgomery(_) => Some(CurveName::X25519),
        _ => None,
    };
    if let Some(given) = context.curve.filter(|given| Some(*given) != own) {
        let holds = own.map_or("no such curve", CurveName::cng_name);
        let why = format!("CKA_EC_PARAMS or CKA_CNG_CURVE_NAME: the curve is given as {}, the key is of {holds}", given.cng_name());
        return Err(Reason::TemplateInconsistent.because(why));
    }
    let half = claim.half();
    let admitted = crypto::admit(claim, level)?;
    Ok(Source { admitted, half, hint, symmetric: None, origin: stamp(name, level) })
}

/// The template of each half. An attribute that neither half's class has is CKR_ATTRIBUTE_TYPE_INVALID; one that only the other half has is that
/// half's affair, also where it is not made.
fn divide(template: &Template, parts: &KeyParts, blob_half: Half) -> R<Halves> {
    let key_type = object::key_type_of(parts, template)?;
    let mut halves = object::halves(template, key_type, true, true)?;
    if let (Half::Public, Some(private)) = (blob_half, template.get(ck::CKA_PRIVATE)) {
        // The public object is all there is: whoever says private means it.
        halves.public.insert(ck::CKA_PRIVATE, private.clone());
    }
    Ok(halves)
}

impl Source {
    fn defaults(&self, parts: &KeyParts) -> KeyDefaults {
        KeyDefaults {
            id: default_id(parts),
            key_type: match self.symmetric {
                Some(SymmetricAlg::Aes) => Some(ck::CKK_AES),
                Some(SymmetricAlg::Generic) => Some(ck::CKK_GENERIC_SECRET),
                None => None,
            },
            usage: match self.hint {
                UseHint::Family => Usage::Family,
                UseHint::SignOnly => Usage::SignOnly,
                UseHint::DeriveAndSign => Usage::DeriveAndSign,
            },
            origin: Some(self.origin.clone()),
        }
    }
}

impl Application {
    fn build_halves(session: &Session, source: &Source, template: &Template, want_public: bool, want_private: bool) -> R<Built> {
        let actor = session.actor();
        let (public, private) = (&source.admitted.public, &source.admitted.private);
        let (want_public, want_private) = match source.half {
            Half::Public if want_public => (true, false),
            Half::Public => return Err(Reason::ArgumentsBad.because("the blob is public, and phPublicKey is NULL")),
            Half::Private if want_private => (want_public && public.is_some(), true),
            Half::Private => return Err(Reason::ArgumentsBad.because("the blob is private, and phPrivateKey is NULL")),
        };
        let Some(any) = public.as_ref().or(private.as_ref()) else { return Err(Reason::GeneralError.into()) };
        let halves = divide(template, any, source.half)?;
        let build = |parts: &Option<KeyParts>, wanted: bool, own: &Template| match parts {
            Some(parts) if wanted => {
                let object = object::from_parts(parts, own, &Origin::Imported, &source.defaults(parts), &actor)?;
                Ok(Some(creation::with_check_value(object, own.suppresses_check_value())?))
            }
            Some(_) | None => Ok::<_, TokenError>(None),
        };
        Ok(Built { public: build(public, want_public, &halves.public)?, private: build(private, want_private, &halves.private)? })
    }

    pub(crate) fn build_import(&self, session: &Session, request: ImportBlob) -> R<Built> {
        if request.import_key != ck::CK_INVALID_HANDLE {
            return Err(Reason::ArgumentsBad.because("hImportKey is reserved and must be CK_INVALID_HANDLE"));
        }
        let level = level(request.flags)?;
        let mut template = Template::parse(request.template)?;
        let source = decode(&request.input, &template, request.blob_type.as_deref(), request.alg_id.as_deref(), level)?;
        // Used up: the curve is the key's now, the password nobody's.
        template.remove(ids::CKA_CNG_CURVE_NAME);
        if takes_password(request.blob_type.as_deref()) {
            template.remove(ids::CKA_CNG_PASSWORD);
        }
        Self::build_halves(session, &source, &template, request.want_public, request.want_private)
    }

    pub(crate) fn build_claim(&self, session: &Session, request: ImportClaim) -> R<Built> {
        let level = level(request.flags)?;
        let template = Template::parse(request.template)?;
        let half = request.claim.half();
        let symmetric = matches!(request.claim, Claim::Secret(_)).then_some(SymmetricAlg::Generic);
        let admitted = crypto::admit(request.claim, level)?;
        let source = Source { admitted, half, hint: UseHint::Family, symmetric, origin: stamp(&request.origin, level) };
        Self::build_halves(session, &source, &template, request.want_public, request.want_private)
    }

    fn place_built(&self, session: &Session, built: Built) -> R<Imported> {
        let (has_public, has_private) = (built.public.is_some(), built.private.is_some());
        let mut handles = self.place(session, built.public.into_iter().chain(built.private).collect())?.into_iter();
        Ok(Imported { public: if has_public { handles.next() } else { None }, private: if has_private { handles.next() } else { None } })
    }

    /// C_ImportBCryptBlob.
    ///
    /// # Errors
    /// As the table in `vendor-ext/README.md`, "Results"; nothing is stored then.
    pub fn import_blob(&self, session: u64, request: ImportBlob) -> R<Imported> {
        let result = self.session(session).and_then(|s| self.build_import(&s, request).and_then(|built| self.place_built(&s, built)));
        self.with_status(session, result)
    }

    /// Many blobs as token objects in one transaction: each is judged by itself, what can be stored is stored together.
    /// The objects get no handles; a search finds them. Several threads may bring batches of their own; no thread is started here.
    ///
    /// # Errors
    /// SessionHandleInvalid, or the store's failure; each blob's own refusal stands in the list.
    pub fn import_batch(&self, session: u64, requests: Vec<ImportBlob>) -> R<Vec<R<()>>> {
        let session = self.session(session)?;
        let mut records: Vec<Record> = Vec::new();
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            outcomes.push(self.records_of(&session, request).map(|mut pair| records.append(&mut pair)));
        }
        if !records.is_empty() {
            session.slot.vault()?.insert(&*session.slot.keys()?, &records)?;
        }
        Ok(outcomes)
    }

    fn records_of(&self, session: &Session, request: ImportBlob) -> R<Vec<Record>> {
        let built = self.build_import(session, request)?;
        let mut pair = Vec::with_capacity(2);
        for object in built.public.into_iter().chain(built.private) {
            session.may_create(&object)?;
            if !object.is_token() {
                return Err(Reason::TemplateInconsistent.because("a batch makes token objects only"));
            }
            let (id, object) = Self::name(object)?;
            pair.push(creation::record(&object, id, 1)?);
        }
        Ok(pair)
    }

    /// C_CreateObject with CKA_CNG_BLOB: exactly one object, the half that CKA_CLASS names.
    pub(crate) fn create_from_blob(&self, session: &Session, mut template: Template) -> R<Object> {
        let Some(Value::Bytes(input)) = template.remove(ids::CKA_CNG_BLOB) else { return Err(Reason::TemplateIncomplete.into()) };
        let blob_type = template.text(ids::CKA_CNG_BLOB_TYPE)?;
        let alg_id = template.text(ids::CKA_CNG_ALG_ID)?;
        let level = level(template.ulong(ids::CKA_CNG_IMPORT_FLAGS).unwrap_or(0))?;
        let source = decode(input.expose(), &template, blob_type.as_deref(), alg_id.as_deref(), level)?;
        for used in [ids::CKA_CNG_BLOB_TYPE, ids::CKA_CNG_ALG_ID, ids::CKA_CNG_IMPORT_FLAGS, ids::CKA_CNG_CURVE_NAME] {
            template.remove(used);
        }
        if takes_password(blob_type.as_deref()) {
            template.remove(ids::CKA_CNG_PASSWORD);
        }
        let wanted = match template.ulong(ck::CKA_CLASS) {
            None => source.half,
            Some(ck::CKO_PUBLIC_KEY) => Half::Public,
            Some(ck::CKO_PRIVATE_KEY | ck::CKO_SECRET_KEY) => Half::Private,
            Some(other) => return Err(Reason::TemplateInconsistent.because(format!("CKA_CLASS 0x{other:x} is not a key's"))),
        };
        let parts = match wanted {
            Half::Public => source.admitted.public.as_ref(),
            Half::Private => source.admitted.private.as_ref(),
        };
        let parts = parts.ok_or_else(|| Reason::TemplateInconsistent.because("CKA_CLASS asks for a half that the blob does not hold"))?;
        Ok(object::from_parts(parts, &template, &Origin::Imported, &source.defaults(parts), &session.actor())?)
    }

    /// C_ExportBCryptBlob.
    ///
    /// # Errors
    /// As the table in `vendor-ext/README.md`, "Results".
    pub fn export_blob(&self, session: u64, key: u64, blob_type: Option<&str>, flags: u64, room: Room) -> R<Answer> {
        let result = self.session(session).and_then(|s| self.export(&s, key, blob_type, flags, room));
        match &result {
            Ok(Answer::Needs(n)) if room != Room::Ask => {
                self.note_status(session, &Reason::BufferTooSmall.because(format!("{n} bytes are needed")));
                result
            }
            _ => self.with_status(session, result),
        }
    }

    fn export(&self, session: &Session, key: u64, blob_type: Option<&str>, flags: u64, room: Room) -> R<Answer> {
        if flags != 0 {
            return Err(Reason::ArgumentsBad.because(format!("dwFlags is 0x{flags:x}, 0 expected")));
        }
        let name = blob_type.ok_or_else(|| Reason::ArgumentsBad.because("pszBlobType is NULL"))?;
        let row = blob::row(name).ok_or_else(|| Reason::BlobNotSupported.because(format!("blob type \"{name}\" is not known")))?;
        let entry = self.entry(session, key)?;
        let snapshot = self.current(session, &entry)?;
        let object = &snapshot.object;
        let Some(key_type) = object.key_type() else { return Err(Reason::ObjectHandleInvalid.because("the object is not a key")) };
        let secret = row.half == Half::Private && object.class() != ck::CKO_PUBLIC_KEY;
        if secret {
            policy::may_export(object).map_err(|kept| Reason::ExportDenied.because(kept.to_string()))?;
        }
        // The public half of a private key leaves also where the private one may not.
        let mut parts = object::parts(object)?;
        if row.half == Half::Public
            && let Some(public) = parts.public()
        {
            parts = public;
        }
        if row.is_der() {
            return Ok(room.answer(pkcs8::encode(&parts)?));
        }
        let origin = object.bytes(ids::CKA_CNG_ORIGIN).and_then(|text| std::str::from_utf8(text).ok());
        let origin = origin.and_then(|text| text.split("; imported=").next()).and_then(blob::Origin::from_text);
        let symmetric = match key_type {
            ck::CKK_AES => Some(SymmetricAlg::Aes),
            _ => matches!(parts, KeyParts::Secret(_)).then_some(SymmetricAlg::Generic),
        };
        let bytes = blob::encode(row, &parts, origin.as_ref(), symmetric).map_err(|e| Reason::ExportTypeMismatch.because(e.to_string()))?;
        Ok(room.answer(bytes))
    }
}

impl From<blob::BlobError> for TokenError {
    fn from(e: blob::BlobError) -> Self {
        let reason = match e.fault.class() {
            FaultClass::UnknownType | FaultClass::NotSupported => Reason::BlobNotSupported,
            FaultClass::Size => Reason::BlobSize,
            FaultClass::Header => Reason::BlobHeader,
            FaultClass::Numbers => Reason::BlobNumbers,
            FaultClass::CurveUnknown => Reason::CurveNotSupported,
            FaultClass::CurveMissing => Reason::CurveMissing,
            FaultClass::KeySize => Reason::BlobKeySize,
            FaultClass::Incomplete => Reason::BlobIncomplete,
        };
        reason.because(e.to_string())
    }
}

impl From<AdmitError> for TokenError {
    fn from(e: AdmitError) -> Self {
        let reason = match &e {
            AdmitError::KeySize { .. } => Reason::BlobKeySize,
            AdmitError::Missing { .. } => Reason::BlobIncomplete,
            AdmitError::Unsupported { .. } => Reason::BlobNotSupported,
            _ => Reason::BlobNumbers,
        };
        reason.because(e.to_string())
    }
}

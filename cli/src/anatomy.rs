//! The fields of a file, for `inspect`: offset, length, bytes, meaning, and whether they are secret. Blobs by vendor-ext's own reader
//! (which is the one that imports), their wrappings (PVK, strong name) and DER outlines here; keys that are text by their numbers.

use crate::shapes::{Content, Wanted, der_of_ber};
use cngtoken_blob::Explanation;
use cngtoken_key::{Claim, Half, Secret, Uint};
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, Tagged};

/// One field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Where it stands; `None` in a text.
    pub(crate) offset: Option<usize>,
    /// Its bytes.
    pub(crate) bytes: Secret,
    /// What it says; nothing secret.
    pub(crate) meaning: String,
    /// Whether the bytes are to be masked.
    pub(crate) secret: bool,
}

/// The fields, and the offset at which reading stopped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Anatomy {
    /// In the order of the file.
    pub(crate) fields: Vec<Field>,
    /// The byte that is wrong.
    pub(crate) wrong_at: Option<usize>,
    /// The blob type.
    pub(crate) blob_type: Option<&'static str>,
}

/// Takes `bytes` apart; `content` is what they were recognised as, if they were.
pub(crate) fn anatomy(bytes: &[u8], content: Option<&Content>, wanted: &Wanted) -> Anatomy {
    if bytes.is_empty() {
        return content.map(numbers).unwrap_or_default();
    }
    if bytes.starts_with(&[0x1E, 0xF1, 0xB5, 0xB0]) {
        return pvk(bytes, wanted);
    }
    if bytes.get(..4) == Some(&[0x00, 0x24, 0, 0]) && matches!(bytes.get(12..14), Some([6, 2 | 3])) {
        return strong_name(bytes, wanted);
    }
    if bytes.first() == Some(&0x30) && bytes.len() > 8 {
        return if bytes.get(1) == Some(&0x80) { ber(bytes, content) } else { der(bytes, content) };
    }
    blob(bytes, 0, wanted, wanted.type_name.as_deref())
}

fn field(bytes: &[u8], name: &str, offset: usize, len: usize, meaning: impl Into<String>, secret: bool) -> Field {
    let end = offset.saturating_add(len).min(bytes.len());
    let content = bytes.get(offset.min(end)..end).unwrap_or_default();
    Field { name: name.to_owned(), offset: Some(offset), bytes: Secret::copy_of(content), meaning: meaning.into(), secret }
}

fn blob(bytes: &[u8], from: usize, wanted: &Wanted, type_name: Option<&str>) -> Anatomy {
    let type_name = type_name.filter(|t| cngtoken_blob::row(t).is_some());
    let context = cngtoken_blob::Context { curve: wanted.curve, dh_group: wanted.dh_group.clone(), type_name, alg_id: None };
    let Explanation { row, fields, outcome } = cngtoken_blob::explain(bytes.get(from..).unwrap_or_default(), &context);
    let mut end = from;
    let mut out: Vec<Field> = Vec::new();
    for f in &fields {
        let offset = from.saturating_add(f.offset);
        end = end.max(offset.saturating_add(f.len));
        out.push(field(bytes, f.name, offset, f.len, f.meaning.clone(), f.secret));
    }
    if end < bytes.len() {
        let rest = bytes.len().saturating_sub(end);
        // What was not read may be anything, a secret too.
        let what = if outcome.is_ok() { "after the blob, not read" } else { "not read" };
        out.push(field(bytes, "(rest)", end, rest, format!("{rest} bytes {what}"), true));
    }
    Anatomy { fields: out, wrong_at: outcome.err().map(|e| from.saturating_add(e.at)), blob_type: row.map(|r| r.name) }
}

fn le_fields(bytes: &[u8], names: &[&str]) -> Vec<Field> {
    let value = |at: usize| bytes.get(at..at.saturating_add(4)).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let rows = names.iter().enumerate().map(|(i, name)| (i.saturating_mul(4), name));
    rows.filter_map(|(at, name)| value(at).map(|v| field(bytes, name, at, 4, v.to_string(), false))).collect()
}

fn pvk(bytes: &[u8], wanted: &Wanted) -> Anatomy {
    let mut fields = le_fields(bytes, &["dwMagic", "dwReserved", "dwKeySpec", "dwEncryptType", "cbEncryptData", "cbPvk"]);
    let number = |at: usize| bytes.get(at..at.saturating_add(4)).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes).unwrap_or(0);
    let salt = usize::try_from(number(16)).unwrap_or(usize::MAX).min(bytes.len().saturating_sub(24));
    for (at, meaning) in [(0usize, "PVK file"), (8, if number(8) == 2 { "AT_SIGNATURE" } else { "AT_KEYEXCHANGE" })] {
        if let Some(f) = fields.iter_mut().find(|f| f.offset == Some(at)) {
            f.meaning = meaning.to_owned();
        }
    }
    let start = salt.saturating_add(24);
    if salt > 0 {
        fields.push(field(bytes, "salt", 24, salt, "of the password", false));
        fields.push(field(bytes, "BLOBHEADER", start, 8, "in clear", false));
        let rest = bytes.len().saturating_sub(start.saturating_add(8));
        fields.push(field(bytes, "ciphertext", start.saturating_add(8), rest, format!("{rest} bytes under RC4 with a 40- or 128-bit key"), false));
        return Anatomy { fields, wrong_at: None, blob_type: Some("PVK") };
    }
    let inner = blob(bytes, start, wanted, None);
    fields.extend(inner.fields);
    Anatomy { fields, ..inner }
}

fn strong_name(bytes: &[u8], wanted: &Wanted) -> Anatomy {
    let mut fields = le_fields(bytes, &["SigAlgID", "HashAlgID", "cbPublicKey"]);
    let inner = blob(bytes, 12, wanted, None);
    fields.extend(inner.fields);
    Anatomy { fields, ..inner }
}

/// Elements shown; a PFX has a few dozen.
const MAX_ELEMENTS: usize = 400;

fn der(bytes: &[u8], content: Option<&Content>) -> Anatomy {
    let private = match content {
        Some(Content::Certificate(_)) => false,
        Some(Content::Key(key)) => key.claim.half() == Half::Private,
        // Unknown or encrypted: better masked than shown.
        Some(Content::Blob(_) | Content::Bundle(_) | Content::Locked(_)) | None => true,
    };
    let mut walk = Walk { whole: bytes, private, fields: Vec::new(), path: Vec::new() };
    let complete = walk.level(bytes, 0);
    let wrong_at = (!complete).then(|| walk.fields.last().and_then(|f| f.offset).unwrap_or(0));
    Anatomy { fields: walk.fields, wrong_at, blob_type: None }
}

/// Indefinite lengths: the fields are those of the DER that the file stands for, which stand elsewhere in the file.
fn ber(bytes: &[u8], content: Option<&Content>) -> Anatomy {
    let inner = der(&der_of_ber(bytes), content);
    let note = "BER, with indefinite lengths; what follows is the DER that it stands for, without offsets";
    let mut fields = vec![field(bytes, "(BER)", 0, 2, note, false)];
    fields.extend(inner.fields.into_iter().map(|f| Field { offset: None, ..f }));
    Anatomy { fields, ..Anatomy::default() }
}

struct Walk<'a> {
    whole: &'a [u8],
    private: bool,
    fields: Vec<Field>,
    path: Vec<String>,
}

impl Walk<'_> {
    /// False where the encoding stops making sense.
    fn level(&mut self, part: &[u8], at: usize) -> bool {
        let Ok(mut reader) = SliceReader::new(part) else { return false };
        let mut place = at;
        while !reader.is_finished() && self.fields.len() < MAX_ELEMENTS {
            let Ok(whole) = reader.tlv_bytes() else { return false };
            let Ok(any) = AnyRef::from_der(whole) else { return false };
            let header = whole.len().saturating_sub(any.value().len());
            let name = format!("{}{}", "  ".repeat(self.path.len()), tag_name(any.tag()));
            if any.tag().is_constructed() && self.path.len() < 12 {
                self.fields.push(field(self.whole, &name, place, header, format!("{} bytes", any.value().len()), false));
                self.path.push(name);
                let inside = self.level(any.value(), place.saturating_add(header));
                self.path.pop();
                if !inside {
                    return false;
                }
            } else {
                let (meaning, open) = meaning(&any);
                self.fields.push(field(self.whole, &name, place, whole.len(), meaning, self.private && !open));
            }
            place = place.saturating_add(whole.len());
        }
        true
    }
}

fn tag_name(tag: Tag) -> String {
    match tag {
        Tag::ContextSpecific { number, .. } => format!("[{}]", number.value()),
        other => other.to_string(),
    }
}

/// What a primitive element says, and whether that may be shown in a private key too.
fn meaning(any: &AnyRef<'_>) -> (String, bool) {
    let len = any.value().len();
    match any.tag() {
        Tag::ObjectIdentifier => (any.decode_as::<ObjectIdentifier>().map(|o| known_oid(&o)).unwrap_or_default(), true),
        Tag::Integer if len <= 4 => (any.value().iter().fold(0u32, |n, &b| n << 8 | u32::from(b)).to_string(), true),
        Tag::Integer => (format!("{} bits", Uint::from_be(any.value()).bit_len()), false),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::UtcTime | Tag::GeneralizedTime => {
            (format!("\"{}\"", String::from_utf8_lossy(any.value())), true)
        }
        Tag::Boolean | Tag::Null => (String::new(), true),
        _ => (format!("{len} bytes"), false),
    }
}

fn known_oid(oid: &ObjectIdentifier) -> String {
    const NAMES: &[(&str, &str)] = &[
        ("1.2.840.113549.1.1.1", "rsaEncryption"),
        ("1.2.840.10045.2.1", "id-ecPublicKey"),
        ("1.2.840.10045.3.1.7", "P-256"),
        ("1.3.132.0.34", "P-384"),
        ("1.3.132.0.35", "P-521"),
        ("1.2.840.10040.4.1", "id-dsa"),
        ("1.3.101.112", "Ed25519"),
        ("1.3.101.110", "X25519"),
        ("1.2.840.113549.1.7.1", "data"),
        ("1.2.840.113549.1.7.6", "encryptedData"),
        ("1.2.840.113549.1.5.13", "PBES2"),
        ("1.2.840.113549.1.5.12", "PBKDF2"),
        ("1.2.840.113549.1.12.1.3", "pbeWithSHAAnd3-KeyTripleDES-CBC"),
        ("1.2.840.113549.1.12.1.6", "pbeWithSHAAnd40BitRC2-CBC"),
        ("1.2.840.113549.1.12.10.1.2", "pkcs8ShroudedKeyBag"),
        ("1.2.840.113549.1.12.10.1.3", "certBag"),
        ("1.2.840.113549.1.9.20", "friendlyName"),
        ("1.2.840.113549.1.9.21", "localKeyID"),
        ("1.3.6.1.4.1.311.17.1", "Microsoft CSP name"),
        ("2.5.29.15", "keyUsage"),
    ];
    let text = oid.to_string();
    NAMES.iter().find(|(n, _)| *n == text).map_or_else(|| text.clone(), |(_, name)| format!("{text} ({name})"))
}

/// The numbers of a key that is text.
fn numbers(content: &Content) -> Anatomy {
    let mut fields = Vec::new();
    let mut put = |name: &str, bytes: Option<&[u8]>, secret: bool| {
        if let Some(bytes) = bytes {
            let meaning = format!("{} bits", Uint::from_be(bytes).bit_len());
            fields.push(Field { name: name.to_owned(), offset: None, bytes: Secret::copy_of(bytes), meaning, secret });
        }
    };
    let claims: Vec<&Claim> = match content {
        Content::Key(key) => vec![&key.claim],
        Content::Bundle(bundle) => bundle.keys.iter().map(|k| &k.claim).collect(),
        Content::Blob(_) | Content::Certificate(_) | Content::Locked(_) => Vec::new(),
    };
    for claim in claims {
        let be = |n: &'_ Option<Uint>| n.as_ref().map(|n| n.as_be().to_vec());
        match claim {
            Claim::Rsa(c) => {
                for (name, n, secret) in [
                    ("n", &c.n, false),
                    ("e", &c.e, false),
                    ("d", &c.d, true),
                    ("p", &c.p, true),
                    ("q", &c.q, true),
                    ("dp", &c.dp, true),
                    ("dq", &c.dq, true),
                    ("qinv", &c.qinv, true),
                ] {
                    put(name, be(n).as_deref(), secret);
                }
            }
            Claim::Ec(c) => {
                put("X", c.point.as_ref().map(|p| p.0.as_be()), false);
                put("Y", c.point.as_ref().map(|p| p.1.as_be()), false);
                put("d", c.d.as_ref().map(Secret::expose), true);
            }
            Claim::Dsa(c) => {
                put("p", Some(c.p.as_be()), false);
                put("q", Some(c.q.as_be()), false);
                put("g", Some(c.g.as_be()), false);
                put("y", be(&c.y).as_deref(), false);
                put("x", be(&c.x).as_deref(), true);
            }
            Claim::Dh(c) => {
                put("p", Some(c.p.as_be()), false);
                put("g", Some(c.g.as_be()), false);
                put("y", be(&c.y).as_deref(), false);
                put("x", be(&c.x).as_deref(), true);
            }
            Claim::Edwards(c) => {
                put("point", c.point.as_deref(), false);
                put("seed", c.seed.as_ref().map(Secret::expose), true);
            }
            Claim::Montgomery(c) => {
                put("u", c.u.as_deref(), false);
                put("k", c.k.as_ref().map(Secret::expose), true);
            }
            Claim::MlKem(c) => {
                put("ek", c.ek.as_deref(), false);
                put("dk", c.dk.as_ref().map(Secret::expose), true);
                put("seed", c.seed.as_ref().map(Secret::expose), true);
            }
            Claim::MlDsa(c) => {
                put("pk", c.pk.as_deref(), false);
                put("sk", c.sk.as_ref().map(Secret::expose), true);
                put("seed", c.seed.as_ref().map(Secret::expose), true);
            }
            Claim::SlhDsa(c) => {
                put("pk", c.pk.as_deref(), false);
                put("sk", c.sk.as_ref().map(Secret::expose), true);
            }
            Claim::Secret(k) => put("value", Some(k.expose()), true),
        }
    }
    Anatomy { fields, wrong_at: None, blob_type: None }
}

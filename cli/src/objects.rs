//! The objects of a token as the command line shows and chooses them.

use crate::failure::{Exit, Failure};
use crate::store::{Session, field_text};
use crate::uri::Uri;
use cngtoken::object::{GivenAttr, ids};
use cngtoken::token::{Asked, Told};
use cngtoken_key::{Curve, EdwardsCurve, MontgomeryCurve};
use cryptoki_sys as ck;

/// What is told of one object.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// The session's handle.
    pub(crate) handle: u64,
    /// CKA_CLASS.
    pub(crate) class: u64,
    /// The family and size: "RSA 2048", "EC nistP256".
    pub(crate) what: String,
    /// CKA_LABEL.
    pub(crate) label: String,
    /// CKA_ID.
    pub(crate) id: Vec<u8>,
    /// What it may do.
    pub(crate) uses: Vec<&'static str>,
    /// May leave the token in clear; `None` where that is no question.
    pub(crate) extractable: Option<bool>,
    /// CKA_CNG_ORIGIN.
    pub(crate) origin: Option<String>,
}

const USES: &[(u64, &str)] = &[
    (ck::CKA_SIGN, "sign"),
    (ck::CKA_VERIFY, "verify"),
    (ck::CKA_ENCRYPT, "encrypt"),
    (ck::CKA_DECRYPT, "decrypt"),
    (ck::CKA_WRAP, "wrap"),
    (ck::CKA_UNWRAP, "unwrap"),
    (ck::CKA_DERIVE, "derive"),
    (ck::CKA_ENCAPSULATE, "encapsulate"),
    (ck::CKA_DECAPSULATE, "decapsulate"),
];

/// How an object is chosen on the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// CKA_ID.
    pub(crate) id: Option<Vec<u8>>,
    /// CKA_LABEL.
    pub(crate) label: Option<String>,
    /// A PKCS#11 URI.
    pub(crate) uri: Option<Uri>,
}

impl Choice {
    fn template(&self) -> Vec<GivenAttr> {
        let uri = self.uri.as_ref();
        let id = self.id.as_ref().or_else(|| uri.and_then(|u| u.id.as_ref()));
        let label = self.label.as_ref().or_else(|| uri.and_then(|u| u.object.as_ref()));
        let class = uri.and_then(|u| u.kind.as_deref()).and_then(class_of);
        let mut template = vec![GivenAttr::bool(ck::CKA_TOKEN, true)];
        template.extend(id.map(|id| GivenAttr::bytes(ck::CKA_ID, id)));
        template.extend(label.map(|l| GivenAttr::bytes(ck::CKA_LABEL, l.as_bytes())));
        template.extend(class.map(|c| GivenAttr::ulong(ck::CKA_CLASS, c)));
        template
    }
}

fn class_of(kind: &str) -> Option<u64> {
    Some(match kind {
        "private" => ck::CKO_PRIVATE_KEY,
        "public" => ck::CKO_PUBLIC_KEY,
        "cert" => ck::CKO_CERTIFICATE,
        "secret-key" => ck::CKO_SECRET_KEY,
        "data" => ck::CKO_DATA,
        _ => return None,
    })
}

impl Listed {
    /// The class as URIs call it.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        match self.class {
            ck::CKO_PRIVATE_KEY => "private",
            ck::CKO_PUBLIC_KEY => "public",
            ck::CKO_CERTIFICATE => "cert",
            ck::CKO_SECRET_KEY => "secret-key",
            ck::CKO_DATA => "data",
            _ => "other",
        }
    }

    /// CKA_ID in hex.
    #[must_use]
    pub(crate) fn id_hex(&self) -> String {
        hex(&self.id)
    }

    /// Its URI on a token.
    #[must_use]
    pub(crate) fn uri(&self, token: &str, serial: &str) -> Uri {
        Uri {
            token: Some(token.to_owned()),
            serial: Some(serial.to_owned()),
            object: Some(self.label.clone()),
            id: Some(self.id.clone()),
            kind: Some(self.kind().to_owned()).filter(|k| k != "other"),
        }
    }
}

/// Bytes in lower-case hex.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl Session<'_> {
    /// Label and serial number of the token.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn token_name(&self) -> Result<(String, String), Failure> {
        let info = self.store.app.token_info(self.store.slot)?;
        Ok((field_text(&info.label), field_text(&info.serial)))
    }

    /// Handles of the objects that match.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn handles(&self, template: Vec<GivenAttr>) -> Result<Vec<u64>, Failure> {
        let app = &self.store.app;
        app.find_init(self.handle, template)?;
        let mut out = Vec::new();
        loop {
            let some = app.find(self.handle, 1000)?;
            if some.is_empty() {
                break;
            }
            out.extend(some);
        }
        app.find_final(self.handle)?;
        Ok(out)
    }

    /// The token objects that are chosen, profiles left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn chosen(&self, choice: &Choice) -> Result<Vec<Listed>, Failure> {
        let mut out = Vec::new();
        for handle in self.handles(choice.template())? {
            let listed = self.describe(handle)?;
            if listed.class != ck::CKO_PROFILE {
                out.push(listed);
            }
        }
        Ok(out)
    }

    /// One attribute; `None` where the object does not tell it.
    ///
    /// # Errors
    /// There is no such object.
    pub(crate) fn attribute(&self, object: u64, id: u64) -> Result<Option<Vec<u8>>, Failure> {
        let (told, _) = self.store.app.get_attributes(self.handle, object, &[Asked { id, room: Some(usize::MAX) }])?;
        Ok(match told.into_iter().next() {
            Some(Told::Bytes(bytes)) => Some(bytes.to_vec()),
            _ => None,
        })
    }

    fn ulong(&self, object: u64, id: u64) -> Result<Option<u64>, Failure> {
        Ok(self.attribute(object, id)?.and_then(|b| b.try_into().ok()).map(u64::from_ne_bytes))
    }

    fn flag(&self, object: u64, id: u64) -> Result<Option<bool>, Failure> {
        Ok(self.attribute(object, id)?.and_then(|b| b.first().copied()).map(|b| b != 0))
    }

    /// What is told of an object.
    ///
    /// # Errors
    /// There is no such object.
    pub(crate) fn describe(&self, handle: u64) -> Result<Listed, Failure> {
        let text = |b: Option<Vec<u8>>| b.map(|b| String::from_utf8_lossy(&b).into_owned());
        let class = self.ulong(handle, ck::CKA_CLASS)?.unwrap_or(u64::MAX);
        let mut uses = Vec::new();
        for (id, name) in USES {
            if self.flag(handle, *id)? == Some(true) {
                uses.push(*name);
            }
        }
        let extractable = match (self.flag(handle, ck::CKA_EXTRACTABLE)?, self.flag(handle, ck::CKA_SENSITIVE)?) {
            (Some(extractable), sensitive) => Some(extractable && sensitive != Some(true)),
            (None, _) => None,
        };
        Ok(Listed {
            handle,
            class,
            what: self.what(handle, class)?,
            label: text(self.attribute(handle, ck::CKA_LABEL)?).unwrap_or_default(),
            id: self.attribute(handle, ck::CKA_ID)?.unwrap_or_default(),
            uses,
            extractable,
            origin: text(self.attribute(handle, ids::CKA_CNG_ORIGIN)?).filter(|o| !o.is_empty()),
        })
    }

    fn what(&self, handle: u64, class: u64) -> Result<String, Failure> {
        if class == ck::CKO_CERTIFICATE {
            return Ok("X.509".to_owned());
        }
        let Some(key_type) = self.ulong(handle, ck::CKA_KEY_TYPE)? else { return Ok(String::new()) };
        let curve = || self.attribute(handle, ck::CKA_EC_PARAMS);
        let bits = |b: Option<Vec<u8>>| b.map_or(0, |b| b.iter().skip_while(|b| **b == 0).count().saturating_mul(8));
        let set = || self.ulong(handle, ck::CKA_PARAMETER_SET);
        Ok(match key_type {
            ck::CKK_RSA => format!("RSA {}", bits(self.attribute(handle, ck::CKA_MODULUS)?)),
            ck::CKK_EC => format!("EC {}", curve()?.and_then(|c| Curve::from_oid_der(&c)).map_or("?", Curve::cng_name)),
            ck::CKK_EC_EDWARDS => match curve()?.and_then(|c| EdwardsCurve::from_params(&c)) {
                Some(EdwardsCurve::Ed25519) => "Ed25519".to_owned(),
                None => "EdDSA".to_owned(),
            },
            ck::CKK_EC_MONTGOMERY => match curve()?.and_then(|c| MontgomeryCurve::from_params(&c)) {
                Some(MontgomeryCurve::X25519) => "X25519".to_owned(),
                None => "XDH".to_owned(),
            },
            ck::CKK_DSA => format!("DSA {}", bits(self.attribute(handle, ck::CKA_PRIME)?)),
            ck::CKK_DH | ck::CKK_X9_42_DH => format!("DH {}", bits(self.attribute(handle, ck::CKA_PRIME)?)),
            ck::CKK_AES => format!("AES {}", self.ulong(handle, ck::CKA_VALUE_LEN)?.unwrap_or_default().saturating_mul(8)),
            ck::CKK_GENERIC_SECRET => format!("secret {} bytes", self.ulong(handle, ck::CKA_VALUE_LEN)?.unwrap_or_default()),
            ck::CKK_ML_KEM => format!("ML-KEM {}", named(set()?, &["512", "768", "1024"])),
            ck::CKK_ML_DSA => format!("ML-DSA {}", named(set()?, &["44", "65", "87"])),
            ck::CKK_SLH_DSA => {
                let names: Vec<&str> = cngtoken_key::SlhDsaSet::ALL.iter().map(|s| s.cng_name()).collect();
                format!("SLH-DSA {}", named(set()?, &names))
            }
            other => format!("key type {other:#x}"),
        })
    }
}

/// The name of a parameter set: PKCS#11 numbers them from 1.
fn named<'a>(set: Option<u64>, names: &[&'a str]) -> &'a str {
    let index = set.and_then(|s| s.checked_sub(1)).and_then(|s| usize::try_from(s).ok());
    index.and_then(|i| names.get(i)).copied().unwrap_or("?")
}

/// CKA_ID from hex on the command line.
///
/// # Errors
/// Not hex.
pub(crate) fn parse_id(text: &str) -> Result<Vec<u8>, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ' | '-')).collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 510 {
        return Err(format!("\"{text}\" is not an id in hex (pairs of digits)"));
    }
    (0..digits.len())
        .step_by(2)
        .map(|i| digits.get(i..i.saturating_add(2)).and_then(|d| u8::from_str_radix(d, 16).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("\"{text}\" is not an id in hex (pairs of digits)"))
}

/// The one object that is meant.
///
/// # Errors
/// None, or several.
pub(crate) fn only(mut found: Vec<Listed>, what: &str) -> Result<Listed, Failure> {
    match found.len() {
        1 => found.pop().ok_or_else(|| Failure::new(Exit::Internal, "an object was lost")),
        0 => Err(Failure::new(Exit::Refused, format!("no {what} matches; `cngtoken ls` shows what is there"))),
        n => {
            let ids: Vec<String> = found.iter().take(8).map(|l| format!("{} {} (id {})", l.kind(), l.label, l.id_hex())).collect();
            Err(Failure::new(Exit::Refused, format!("{n} objects match: {}; choose one with --id, --label or --uri", ids.join(", "))))
        }
    }
}

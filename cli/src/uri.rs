//! PKCS#11 URIs (RFC 7512): written for every object, and read to choose one.

use crate::failure::{Exit, Failure};
use std::fmt::Write as _;

/// A token's or object's name as a URI holds it.
#[must_use]
pub(crate) fn escaped(name: &str) -> String {
    escape(name.as_bytes())
}

/// What a URI says of an object and its token.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Uri {
    /// `token`.
    pub(crate) token: Option<String>,
    /// `serial`.
    pub(crate) serial: Option<String>,
    /// `object`: CKA_LABEL.
    pub(crate) object: Option<String>,
    /// `id`: CKA_ID.
    pub(crate) id: Option<Vec<u8>>,
    /// `type`: private, public, cert, secret-key, data.
    pub(crate) kind: Option<String>,
}

impl Uri {
    /// The URI as text.
    #[must_use]
    pub(crate) fn to_text(&self) -> String {
        let mut parts = Vec::new();
        for (name, value) in [("token", &self.token), ("serial", &self.serial)] {
            parts.extend(value.as_ref().map(|v| format!("{name}={}", escape(v.as_bytes()))));
        }
        parts.extend(self.id.as_ref().filter(|id| !id.is_empty()).map(|id| format!("id={}", percent(id))));
        parts.extend(self.object.as_ref().filter(|o| !o.is_empty()).map(|o| format!("object={}", escape(o.as_bytes()))));
        parts.extend(self.kind.as_ref().map(|k| format!("type={k}")));
        format!("pkcs11:{}", parts.join(";"))
    }

    /// Reads a URI; attributes that choose no object (`pin-source`, `module-path` …) are skipped.
    ///
    /// # Errors
    /// Not a PKCS#11 URI.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::new(Exit::Usage, format!("\"{text}\" is not a PKCS#11 URI: {why}"));
        let path = text.strip_prefix("pkcs11:").ok_or_else(|| wrong("it does not start with pkcs11:"))?;
        let path = path.split('?').next().unwrap_or_default();
        let mut uri = Uri::default();
        for part in path.split(';').filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong("an attribute has no value"))?;
            let bytes = unescape(value).ok_or_else(|| wrong("a % is not followed by two hex digits"))?;
            let text = || String::from_utf8(bytes.clone()).map_err(|_| wrong("a value is not UTF-8"));
            match name {
                "token" => uri.token = Some(text()?),
                "serial" => uri.serial = Some(text()?),
                "object" => uri.object = Some(text()?),
                "type" => uri.kind = Some(text()?),
                "id" => uri.id = Some(bytes),
                _ => {}
            }
        }
        Ok(uri)
    }
}

fn percent(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "%{b:02X}");
        out
    })
}

fn escape(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, &b| {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

fn unescape(value: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        out.push(u8::from_str_radix(core::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let uri = Uri {
            token: Some("my token".to_owned()),
            serial: Some("0011aabb".to_owned()),
            object: Some("a;b=%".to_owned()),
            id: Some(vec![0, 0xFF, 0x3B]),
            kind: Some("private".to_owned()),
        };
        assert_eq!(uri.to_text(), "pkcs11:token=my%20token;serial=0011aabb;id=%00%FF%3B;object=a%3Bb%3D%25;type=private");
        assert_eq!(Uri::parse(&uri.to_text()).unwrap(), uri);
    }

    #[test]
    fn other_texts_and_damaged_escapes_are_refused() {
        assert!(Uri::parse("http://x").is_err());
        assert!(Uri::parse("pkcs11:id=%4").is_err());
        assert!(Uri::parse("pkcs11:object=a?pin-source=file:/x").is_ok());
    }
}

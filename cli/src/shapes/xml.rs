//! Keys in XML: `RSAKeyValue` and `DSAKeyValue` of .NET's ToXmlString (with the private members), `ECDSAKeyValue` of RFC 4050 with
//! decimal coordinates, `ECKeyValue` of XML-DSig 1.1. Found anywhere in a text, also escaped inside another document.
//!
//! Writers leave out leading zero bytes, as XML-DSig wants; numbers are read as numbers.

use super::search::Candidate;
use super::{Content, Key, Refusal, base64};
use cngtoken_key::{Claim, Curve, DsaClaim, DsaSeed, EcClaim, RsaClaim, Uint};
use der::Encode;
use der::asn1::ObjectIdentifier;
use quick_xml::events::{BytesStart, Event};
use zeroize::Zeroizing;

const KINDS: [&str; 4] = ["RSAKeyValue", "DSAKeyValue", "ECDSAKeyValue", "ECKeyValue"];

/// Every key value in `text`.
pub(super) fn read(text: &str) -> Vec<Candidate> {
    if text.contains("KeyValue&gt;") || text.contains("KeyValue &gt;") {
        let plain = Zeroizing::new(text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\""));
        return read(&plain).into_iter().map(|c| Candidate { span: 0..text.len(), ..c }).collect();
    }
    let mut out = Vec::new();
    let mut from = 0usize;
    while let Some((start, kind)) = next(text, from) {
        let body = text.get(start..).unwrap_or_default();
        let (look, used) = match Element::parse(body, kind) {
            Ok((element, used)) => (element.claim(kind), used),
            Err(why) => (Err(Refusal::new(format!("{kind}: {why}"))), body.len()),
        };
        let look = look.map(|claim| Content::Key(Key { kind, claim, label: None, aes: false }));
        let span = start..start.saturating_add(used.max(1));
        out.push(Candidate { span: span.clone(), how: vec!["XML".to_owned()], look, notes: Vec::new(), bytes: Zeroizing::default() });
        from = span.end;
    }
    out
}

/// The next start tag of a key value, with or without a namespace prefix.
fn next(text: &str, from: usize) -> Option<(usize, &'static str)> {
    let mut at = from;
    loop {
        let open = text.get(at..)?.find('<').map(|n| at.saturating_add(n))?;
        let name = text.get(open.saturating_add(1)..)?;
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.'))).unwrap_or(name.len());
        let local = name.get(..end).map(|n| n.rsplit(':').next().unwrap_or(n)).unwrap_or_default();
        if let Some(kind) = KINDS.iter().find(|k| **k == local) {
            return Some((open, kind));
        }
        at = open.saturating_add(1);
    }
}

/// The members of a key value: local name and text (or the attribute that holds the value).
#[derive(Default)]
struct Element {
    members: Vec<(String, Zeroizing<String>)>,
}

impl Element {
    fn parse(body: &str, kind: &str) -> Result<(Self, usize), String> {
        let mut reader = quick_xml::Reader::from_str(body);
        let mut element = Element::default();
        let mut open: Vec<String> = Vec::new();
        let mut text = Zeroizing::new(String::new());
        loop {
            let event = reader.read_event().map_err(|e| format!("the XML is damaged at byte {}: {e}", reader.error_position()))?;
            match event {
                Event::Start(tag) => {
                    element.attributes(&tag);
                    open.push(local(&tag));
                    text.clear();
                }
                Event::Empty(tag) => element.attributes(&tag),
                Event::Text(t) => text.push_str(&t),
                Event::End(_) => {
                    let name = open.pop().unwrap_or_default();
                    if !text.trim().is_empty() {
                        element.members.push((name.clone(), Zeroizing::new(text.trim().to_owned())));
                    }
                    text.clear();
                    if open.is_empty() || name == kind {
                        return Ok((element, usize::try_from(reader.buffer_position()).unwrap_or(body.len())));
                    }
                }
                Event::Eof => return Err(format!("the end tag </{kind}> is missing (truncated)")),
                Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::GeneralRef(_) => {}
            }
        }
    }

    fn attributes(&mut self, tag: &BytesStart<'_>) {
        for attribute in tag.attributes().flatten() {
            let value = attribute.value.into_owned();
            match attribute.key.local_name().as_ref() {
                "URN" | "URI" => self.members.push(("curve".to_owned(), Zeroizing::new(value))),
                "Value" => self.members.push((local(tag), Zeroizing::new(value))),
                _ => {}
            }
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn bytes(&self, kind: &str, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match base64::decode(text) {
            Some(d) if d.cut.is_none() => Ok(Some(d.bytes)),
            _ => Err(Refusal::new(format!("{kind}: {name} is not whole base64 ({} characters)", text.len()))),
        }
    }

    fn number(&self, kind: &str, name: &str) -> Result<Option<Uint>, Refusal> {
        Ok(self.bytes(kind, name)?.map(|b| Uint::from_be(&b)))
    }

    fn needed(&self, kind: &str, name: &str) -> Result<Uint, Refusal> {
        self.number(kind, name)?.ok_or_else(|| Refusal::new(format!("{kind}: {name} is missing")))
    }

    fn claim(&self, kind: &'static str) -> Result<Claim, Refusal> {
        match kind {
            "RSAKeyValue" => Ok(Claim::Rsa(RsaClaim {
                n: Some(self.needed(kind, "Modulus")?),
                e: Some(self.needed(kind, "Exponent")?),
                d: self.number(kind, "D")?,
                p: self.number(kind, "P")?,
                q: self.number(kind, "Q")?,
                dp: self.number(kind, "DP")?,
                dq: self.number(kind, "DQ")?,
                qinv: self.number(kind, "InverseQ")?,
            })),
            "DSAKeyValue" => Ok(Claim::Dsa(DsaClaim {
                p: self.needed(kind, "P")?,
                q: self.needed(kind, "Q")?,
                g: self.needed(kind, "G")?,
                seed: self.seed(kind)?,
                y: self.number(kind, "Y")?,
                x: self.number(kind, "X")?,
            })),
            "ECDSAKeyValue" => {
                let point = (decimal(kind, "X", self.get("X"))?, decimal(kind, "Y", self.get("Y"))?);
                Ok(Claim::Ec(EcClaim { curve: self.curve(kind)?, point: Some(point), d: None }))
            }
            _ => {
                let curve = self.curve(kind)?;
                let point = self.bytes(kind, "PublicKey")?.ok_or_else(|| Refusal::new(format!("{kind}: PublicKey is missing")))?;
                let width = curve.field_bytes();
                match point.split_first() {
                    Some((4, rest)) if rest.len() == width.saturating_mul(2) => {
                        let (x, y) = rest.split_at(width);
                        Ok(Claim::Ec(EcClaim { curve, point: Some((Uint::from_be(x), Uint::from_be(y))), d: None }))
                    }
                    _ => Err(Refusal::new(format!("{kind}: PublicKey has {} bytes, 04, X and Y of {} are expected", point.len(), curve.cng_name()))),
                }
            }
        }
    }

    fn seed(&self, kind: &str) -> Result<Option<DsaSeed>, Refusal> {
        let counter = self.number(kind, "PgenCounter")?.and_then(|n| n.to_u64()).and_then(|n| u32::try_from(n).ok());
        Ok(match (self.bytes(kind, "Seed")?, counter) {
            (Some(seed), Some(counter)) => Some(DsaSeed { seed: seed.to_vec(), counter }),
            _ => None,
        })
    }

    fn curve(&self, kind: &str) -> Result<Curve, Refusal> {
        let name = self.get("curve").ok_or_else(|| Refusal::new(format!("{kind}: NamedCurve is missing")))?;
        let oid = name.trim().strip_prefix("urn:oid:").and_then(|o| ObjectIdentifier::new(o).ok());
        oid.and_then(|o| o.to_der().ok())
            .and_then(|der| Curve::from_oid_der(&der))
            .ok_or_else(|| Refusal::new(format!("{kind}: the curve {name} is not supported")))
    }
}

fn local(tag: &BytesStart<'_>) -> String {
    tag.local_name().as_ref().to_owned()
}

/// A decimal number of at most the digits that the largest supported field has.
fn decimal(kind: &str, name: &str, text: Option<&str>) -> Result<Uint, Refusal> {
    let text = text.ok_or_else(|| Refusal::new(format!("{kind}: {name} is missing")))?.trim();
    if text.is_empty() || text.len() > 200 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::new(format!("{kind}: {name} is not a decimal number")));
    }
    let mut bytes: Vec<u8> = Vec::new();
    for digit in text.bytes() {
        let mut carry = u16::from(digit.saturating_sub(b'0'));
        for b in &mut bytes {
            let value = u16::from(*b) * 10 + carry;
            [*b, _] = value.to_le_bytes();
            carry = value >> 8;
        }
        if carry > 0 {
            bytes.push(u8::try_from(carry).unwrap_or_default());
        }
    }
    Ok(Uint::from_le(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_coordinates_become_numbers() {
        let n = decimal("ECDSAKeyValue", "X", Some("340282366920938463463374607431768211456")).unwrap();
        assert_eq!((n.bit_len(), n.as_be().iter().filter(|b| **b != 0).count()), (129, 1));
        assert!(decimal("ECDSAKeyValue", "X", Some("12a")).is_err());
    }

    #[test]
    fn a_key_inside_another_document_is_found_plain_and_escaped() {
        let plain = r#"<configuration><k><ds:RSAKeyValue xmlns:ds="x"><ds:Modulus>AQID</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></k></configuration>"#;
        let escaped =
            r#"<add value="&lt;RSAKeyValue&gt;&lt;Modulus&gt;AQID&lt;/Modulus&gt;&lt;Exponent&gt;AQAB&lt;/Exponent&gt;&lt;/RSAKeyValue&gt;"/>"#;
        for text in [plain, escaped] {
            let found = read(text);
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].look.is_ok());
        }
    }

    #[test]
    fn a_missing_member_is_named() {
        let look = read("<RSAKeyValue><Exponent>AQAB</Exponent></RSAKeyValue>").remove(0).look;
        assert!(look.unwrap_err().message.contains("Modulus is missing"));
    }
}

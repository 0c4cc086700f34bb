//! JSON Web Keys (RFC 7517, 7518, 8037 and the AKP form of the ML-DSA drafts): alone, in a set, or inside another JSON document such
//! as a key vault's answer. A label that contradicts the key ("ES384" on a P-256 key) is told; the numbers decide.

use super::search::Candidate;
use super::{Content, Key, Refusal, base64};
use cngtoken_key::{Claim, Curve, EcClaim, EdwardsClaim, EdwardsCurve, MlDsaClaim, MlDsaSet, MlKemClaim, MlKemSet, MontgomeryClaim, MontgomeryCurve};
use cngtoken_key::{RsaClaim, Secret, Uint};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

/// Curves by their JOSE names, with the signature algorithm that goes with each.
const CURVES: &[(&str, Curve, &str)] = &[
    ("P-256", Curve::P256, "ES256"),
    ("P-384", Curve::P384, "ES384"),
    ("P-521", Curve::P521, "ES512"),
    ("secp256k1", Curve::Secp256k1, "ES256K"),
    ("P-256K", Curve::Secp256k1, "ES256K"),
];

/// Every key in the JSON of `text`.
pub(super) fn read(text: &str) -> Vec<Candidate> {
    let marks: Vec<usize> = text.match_indices("\"kty\"").map(|(at, _)| at).collect();
    let Some(&first) = marks.first() else { return Vec::new() };
    let Some(mut document) = document(text, first) else {
        let look = Err(Refusal::new("JWK: the JSON around \"kty\" is damaged (truncated?)"));
        return vec![Candidate { span: 0..text.len(), how: vec!["JSON".to_owned()], look, notes: Vec::new(), bytes: Zeroizing::default() }];
    };
    let mut found = Vec::new();
    walk(&document, &mut found);
    wipe(&mut document);
    let many = found.len() > 1;
    found
        .into_iter()
        .enumerate()
        .map(|(i, (look, notes))| {
            // Order of keys in a set is the order of their "kty"; the place is only for telling them apart.
            let at = marks.get(i).copied().unwrap_or(first);
            let span = if many { at..at.saturating_add(5) } else { 0..text.len() };
            Candidate { span, how: vec!["JSON".to_owned()], look, notes, bytes: Zeroizing::default() }
        })
        .collect()
}

/// The document, or the object that starts closest before the first "kty" in other text.
fn document(text: &str, first: usize) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text.trim()) {
        return Some(value);
    }
    let start = text.get(..first)?.rfind('{')?;
    serde_json::Deserializer::from_str(text.get(start..)?).into_iter::<Value>().next()?.ok()
}

type Look = (Result<Content, Refusal>, Vec<String>);

fn walk(value: &Value, found: &mut Vec<Look>) {
    match value {
        Value::Object(map) if map.get("kty").is_some_and(Value::is_string) => found.push(key(map)),
        Value::Object(map) => map.values().for_each(|v| walk(v, found)),
        Value::Array(items) => items.iter().for_each(|v| walk(v, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// serde_json keeps strings in ordinary memory; they are wiped when the numbers have been taken out.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

struct Members<'a>(&'a Map<String, Value>);

impl Members<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn bytes(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match base64::decode(text) {
            Some(d) if d.cut.is_none() => Ok(Some(d.bytes)),
            _ => Err(Refusal::new(format!("JWK: \"{name}\" is not whole base64url ({} characters)", text.len()))),
        }
    }

    fn needed(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        self.bytes(name)?.ok_or_else(|| Refusal::new(format!("JWK: \"{name}\" is missing")))
    }

    fn number(&self, name: &str) -> Result<Option<Uint>, Refusal> {
        Ok(self.bytes(name)?.map(|b| Uint::from_be(&b)))
    }

    fn secret(&self, name: &str) -> Result<Option<Secret>, Refusal> {
        Ok(self.bytes(name)?.map(|b| Secret::copy_of(&b)))
    }
}

fn key(map: &Map<String, Value>) -> Look {
    let members = Members(map);
    let mut notes = Vec::new();
    let look = claim(&members, &mut notes).map(|claim| {
        let aes = members.text("alg").is_some_and(|a| a.starts_with('A')) && matches!(claim, Claim::Secret(_));
        Content::Key(Key { kind: "JWK", claim, label: members.text("kid").map(str::to_owned), aes })
    });
    (look, notes)
}

fn claim(members: &Members<'_>, notes: &mut Vec<String>) -> Result<Claim, Refusal> {
    // Key vaults add "-HSM" where the private half cannot leave.
    let kty = members.text("kty").unwrap_or_default();
    match kty.strip_suffix("-HSM").unwrap_or(kty) {
        "RSA" if members.0.contains_key("oth") => Err(Refusal::new("JWK: an RSA key of more than two primes (\"oth\") is not supported")),
        "RSA" => Ok(Claim::Rsa(RsaClaim {
            n: Some(Uint::from_be(&members.needed("n")?)),
            e: Some(Uint::from_be(&members.needed("e")?)),
            d: members.number("d")?,
            p: members.number("p")?,
            q: members.number("q")?,
            dp: members.number("dp")?,
            dq: members.number("dq")?,
            qinv: members.number("qi")?,
        })),
        "EC" => {
            let name = members.text("crv").unwrap_or_default();
            let (_, curve, alg) =
                CURVES.iter().find(|(n, ..)| *n == name).ok_or_else(|| Refusal::new(format!("JWK: the curve \"{name}\" is not supported")))?;
            if let Some(given) = members.text("alg").filter(|given| given.starts_with("ES") && given != alg) {
                notes.push(format!("\"alg\" says {given}, the key is of {name}: the key decides"));
            }
            // A private key without its point: nobody should write it, and it can be computed.
            let d_only = members.text("d").is_some() && members.text("x").is_none() && members.text("y").is_none();
            let point = if d_only { None } else { Some((Uint::from_be(&members.needed("x")?), Uint::from_be(&members.needed("y")?))) };
            Ok(Claim::Ec(EcClaim { curve: *curve, point, d: members.secret("d")? }))
        }
        "OKP" => okp(members),
        "AKP" => akp(members),
        "oct" => Ok(Claim::Secret(Secret::copy_of(&members.needed("k")?))),
        other => Err(Refusal::new(format!("JWK: the key type \"{other}\" is not known"))),
    }
}

fn okp(members: &Members<'_>) -> Result<Claim, Refusal> {
    let d = members.secret("d")?;
    let x = if d.is_some() { members.bytes("x")? } else { Some(members.needed("x")?) }.map(|x| x.to_vec());
    match members.text("crv").unwrap_or_default() {
        "Ed25519" => Ok(Claim::Edwards(EdwardsClaim { curve: EdwardsCurve::Ed25519, point: x, seed: d })),
        "X25519" => Ok(Claim::Montgomery(MontgomeryClaim { curve: MontgomeryCurve::X25519, u: x, k: d })),
        other => Err(Refusal::new(format!("JWK: the curve \"{other}\" is not supported"))),
    }
}

fn akp(members: &Members<'_>) -> Result<Claim, Refusal> {
    let alg = members.text("alg").unwrap_or_default();
    let public = members.bytes("pub")?.map(|b| b.to_vec());
    let seed = members.secret("priv")?;
    if let Some(set) = MlDsaSet::ALL.into_iter().find(|s| alg.strip_prefix("ML-DSA-") == Some(s.cng_name())) {
        return Ok(Claim::MlDsa(MlDsaClaim { set, pk: public, sk: None, seed }));
    }
    if let Some(set) = MlKemSet::ALL.into_iter().find(|s| alg.strip_prefix("ML-KEM-") == Some(s.cng_name())) {
        return Ok(Claim::MlKem(MlKemClaim { set, ek: public, dk: None, seed }));
    }
    Err(Refusal::new(format!("JWK: the algorithm \"{alg}\" is not supported")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC: &str = r#"{"kty":"EC","crv":"P-256","alg":"ES384","x":"KpCVpjl2_33v-qhv7H2nnmsnhXm2beqYIX3y8uT2Org","y":"9vx7XtSS7P6sPRkGFbTvOmwU-Gwq28f2eB4FxW_WdSQ"}"#;

    #[test]
    fn an_algorithm_that_does_not_fit_the_curve_is_told_and_the_key_decides() {
        let found = read(EC).remove(0);
        assert!(found.look.is_ok());
        assert!(found.notes[0].contains("ES384"));
    }

    #[test]
    fn a_set_gives_every_key_and_a_vaults_answer_the_inner_one() {
        assert_eq!(read(&format!(r#"{{"keys":[{EC},{EC}]}}"#)).len(), 2);
        assert_eq!(read(&format!(r#"{{"key":{EC},"attributes":{{"enabled":true}}}}"#)).len(), 1);
        assert_eq!(read(&format!("jwk = {EC};")).len(), 1);
    }

    #[test]
    fn a_missing_or_unknown_member_is_named() {
        let refusal = |text: &str| read(text).remove(0).look.unwrap_err().message;
        assert!(refusal(r#"{"kty":"EC","crv":"P-256","x":"AA"}"#).contains("\"y\" is missing"));
        assert!(refusal(r#"{"kty":"EC","crv":"P-256","x":"AA","d":"AQ"}"#).contains("\"y\" is missing"));
        assert!(refusal(r#"{"kty":"EC","crv":"P-999"}"#).contains("P-999"));
        assert!(refusal(r#"{"kty":"XX"}"#).contains("XX"));
    }
}

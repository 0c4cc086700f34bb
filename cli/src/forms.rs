//! Standard forms of a key that leaves the token and that the token does not write itself: JWK, .NET's XML, PEM. The numbers come out of
//! an exported blob, so they are an admitted key's and complete; the token has decided already that they may leave.

use crate::shapes::{base64_encode, base64url_encode};
use cngtoken_key::{Claim, Curve, Uint};
use zeroize::Zeroizing;

/// JOSE's names of curves.
fn jose_curve(curve: Curve) -> Option<&'static str> {
    Some(match curve {
        Curve::P256 => "P-256",
        Curve::P384 => "P-384",
        Curve::P521 => "P-521",
        Curve::Secp256k1 => "secp256k1",
        Curve::P224 | Curve::BrainpoolP256r1 | Curve::BrainpoolP384r1 => return None,
    })
}

/// A JWK, its private members only if the claim has them; `None` where JOSE has no form.
pub(crate) fn jwk(claim: &Claim) -> Option<Zeroizing<String>> {
    let number = |n: &Uint| base64url_encode(n.as_be());
    let mut members: Vec<(&str, Zeroizing<String>)> = Vec::new();
    let mut put = |name, value| members.push((name, value));
    let plain = |text: &str| Zeroizing::new(text.to_owned());
    match claim {
        Claim::Rsa(c) => {
            put("kty", plain("RSA"));
            for (name, n) in [("n", &c.n), ("e", &c.e), ("d", &c.d), ("p", &c.p), ("q", &c.q), ("dp", &c.dp), ("dq", &c.dq), ("qi", &c.qinv)] {
                if let Some(n) = n {
                    put(name, number(n));
                }
            }
        }
        Claim::Ec(c) => {
            let (x, y) = c.point.as_ref()?;
            let width = c.curve.field_bytes();
            put("kty", plain("EC"));
            put("crv", plain(jose_curve(c.curve)?));
            put("x", base64url_encode(x.to_be_fixed(width)?.expose()));
            put("y", base64url_encode(y.to_be_fixed(width)?.expose()));
            if let Some(d) = &c.d {
                put("d", base64url_encode(d.expose()));
            }
        }
        Claim::Edwards(c) => {
            put("kty", plain("OKP"));
            put("crv", plain("Ed25519"));
            put("x", base64url_encode(c.point.as_ref()?));
            if let Some(seed) = &c.seed {
                put("d", base64url_encode(seed.expose()));
            }
        }
        Claim::Montgomery(c) => {
            put("kty", plain("OKP"));
            put("crv", plain("X25519"));
            put("x", base64url_encode(c.u.as_ref()?));
            if let Some(k) = &c.k {
                put("d", base64url_encode(k.expose()));
            }
        }
        Claim::MlDsa(c) => {
            put("kty", plain("AKP"));
            put("alg", plain(&format!("ML-DSA-{}", c.set.cng_name())));
            if let Some(pk) = &c.pk {
                put("pub", base64url_encode(pk));
            }
            if c.sk.is_some() || c.seed.is_some() {
                put("priv", base64url_encode(c.seed.as_ref()?.expose()));
            }
        }
        Claim::Secret(k) => {
            put("kty", plain("oct"));
            put("k", base64url_encode(k.expose()));
        }
        Claim::Dsa(_) | Claim::Dh(_) | Claim::MlKem(_) | Claim::SlhDsa(_) => return None,
    }
    let body: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":\"{}\"", value.as_str())).collect();
    let body = Zeroizing::new(body.join(","));
    Some(Zeroizing::new(format!("{{{}}}\n", body.as_str())))
}

/// RSAKeyValue or DSAKeyValue as .NET's ToXmlString writes it; `None` for other families.
pub(crate) fn xml(claim: &Claim) -> Option<Zeroizing<String>> {
    let member = |name: &str, n: Option<&Uint>| n.map(|n| format!("<{name}>{}</{name}>", base64_encode(n.as_be()).as_str()));
    let (root, members) = match claim {
        Claim::Rsa(c) => {
            let half = c.n.as_ref()?.byte_len().div_ceil(2);
            // XmlDsig drops leading zeros; .NET reads both, and only the fixed width is read by its older versions.
            let fixed = |name: &str, n: Option<&Uint>, width: usize| {
                n.and_then(|n| n.to_be_fixed(width)).map(|b| format!("<{name}>{}</{name}>", base64_encode(b.expose()).as_str()))
            };
            let whole = c.n.as_ref()?.byte_len();
            (
                "RSAKeyValue",
                vec![
                    member("Modulus", c.n.as_ref()),
                    member("Exponent", c.e.as_ref()),
                    fixed("P", c.p.as_ref(), half),
                    fixed("Q", c.q.as_ref(), half),
                    fixed("DP", c.dp.as_ref(), half),
                    fixed("DQ", c.dq.as_ref(), half),
                    fixed("InverseQ", c.qinv.as_ref(), half),
                    fixed("D", c.d.as_ref(), whole),
                ],
            )
        }
        Claim::Dsa(c) => (
            "DSAKeyValue",
            vec![member("P", Some(&c.p)), member("Q", Some(&c.q)), member("G", Some(&c.g)), member("Y", c.y.as_ref()), member("X", c.x.as_ref())],
        ),
        _ => return None,
    };
    let body = Zeroizing::new(members.into_iter().flatten().collect::<String>());
    Some(Zeroizing::new(format!("<{root}>{}</{root}>\n", body.as_str())))
}

/// PEM armour of 64 columns.
pub(crate) fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = base64_encode(der);
    let mut out = Zeroizing::new(String::with_capacity(body.len() * 66 / 64 + 128));
    out.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{self, Content, Wanted};

    fn claim_of(sample: &str) -> Claim {
        let blob = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(sample)).unwrap();
        cngtoken_blob::decode(&blob, &cngtoken_blob::Context::default()).unwrap().claim
    }

    fn read_again(text: &[u8]) -> Claim {
        match shapes::recognise(text, &Wanted::default()).unwrap().content {
            Content::Key(key) => key.claim,
            other => panic!("{}", other.kind()),
        }
    }

    #[test]
    fn jwk_and_xml_are_read_again_as_the_same_key() {
        for sample in ["ec-p256.blob", "rsa-2048.blob"] {
            let claim = claim_of(sample);
            let same = |other: &Claim| jwk(other).unwrap() == jwk(&claim).unwrap();
            assert!(same(&read_again(jwk(&claim).unwrap().as_bytes())), "{sample}");
        }
        let armoured = pem("ANYTHING", &[7; 100]);
        assert!(armoured.lines().all(|l| l.len() <= 64) && armoured.lines().count() == 5, "{}", armoured.as_str());
        let rsa = claim_of("rsa-2048.blob");
        assert!(jwk(&read_again(xml(&rsa).unwrap().as_bytes())).unwrap() == jwk(&rsa).unwrap());
        assert!(xml(&claim_of("ec-p256.blob")).is_none());
    }
}

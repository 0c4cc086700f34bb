//! The numbers of a key as `openssl -text` prints them, and an OpenSSL signature of DSA.

use std::collections::BTreeMap;

use serde_json::Value;

/// OpenSSL's name of a number before the colon, and the vectors' name; RSA's prime1 and DSA's P are both `p`.
const NAMES: [(&str, &str); 15] = [
    ("modulus", "n"),
    ("Modulus", "n"),
    ("publicExponent", "e"),
    ("Exponent", "e"),
    ("privateExponent", "d"),
    ("prime1", "p"),
    ("prime2", "q"),
    ("exponent1", "dp"),
    ("exponent2", "dq"),
    ("coefficient", "qinv"),
    ("priv", "x"),
    ("pub", "y"),
    ("P", "p"),
    ("Q", "q"),
    ("G", "g"),
];

/// Hexadecimal digits without leading zeros, by the vectors' names.
pub(super) struct Numbers(BTreeMap<&'static str, String>);

impl Numbers {
    pub(super) fn of_text(text: &str) -> Self {
        let mut numbers = BTreeMap::new();
        let mut current: Option<(&'static str, String)> = None;
        for line in text.lines() {
            let digits = line.strip_prefix("    ").filter(|rest| rest.chars().all(|c| c.is_ascii_hexdigit() || c == ':'));
            if let (Some(digits), Some((_, number))) = (digits, current.as_mut()) {
                number.extend(digits.chars().filter(|c| *c != ':'));
                continue;
            }
            if let Some((name, number)) = current.take() {
                numbers.insert(name, canonical(&number));
            }
            let Some((name, rest)) = line.trim().split_once(':') else { continue };
            let Some((_, ours)) = NAMES.iter().find(|(theirs, _)| *theirs == name) else { continue };
            // A small number stands on the line, in brackets in hexadecimal.
            let small = rest.split_once("(0x").and_then(|(_, rest)| rest.split_once(')')).map(|(digits, _)| digits);
            match small {
                Some(digits) => drop(numbers.insert(ours, canonical(digits))),
                None => current = Some((ours, String::new())),
            }
        }
        if let Some((name, number)) = current {
            numbers.insert(name, canonical(&number));
        }
        Self(numbers)
    }

    /// Every number that the half must have is there and is the expected one.
    pub(super) fn compare(&self, expected: &Value, dsa: bool, public: bool) -> Result<(), String> {
        let required: &[&str] = match (dsa, public) {
            (false, true) => &["n", "e"],
            (false, false) => &["n", "e", "d", "p", "q", "dp", "dq", "qinv"],
            (true, true) => &["p", "q", "g", "y"],
            (true, false) => &["p", "q", "g", "y", "x"],
        };
        for name in required {
            let found = self.0.get(name).ok_or_else(|| format!("OpenSSL shows no {name}"))?;
            let Some(expected) = expected[*name].as_str().map(canonical) else { continue };
            if *found != expected {
                return Err(format!("OpenSSL reads {name} as {found}, it is {expected}"));
            }
        }
        Ok(())
    }
}

fn canonical(digits: &str) -> String {
    let digits = digits.trim_start_matches('0').to_ascii_lowercase();
    if digits.is_empty() { "0".to_owned() } else { digits }
}

/// True if CryptoAPI's fixed fields cannot hold the key: e in 32 bits, q in 160.
pub(super) fn too_wide(components: &Value) -> bool {
    let digits = |name: &str| components[name].as_str().map_or(0, |number| canonical(number).len());
    let dsa = components["g"].is_string();
    if dsa { digits("q") > 40 } else { digits("e") > 8 }
}

/// r and s as PKCS#11 joins them, as the ASN.1 sequence that OpenSSL takes.
pub(super) fn dss_signature(joined: &[u8]) -> Vec<u8> {
    let (r, s) = joined.split_at(joined.len() / 2);
    let integer = |number: &[u8]| -> Vec<u8> {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len().saturating_sub(1));
        let number = number.get(start..).unwrap_or_default();
        let sign = if number.first().is_some_and(|byte| *byte >= 0x80) { &[0][..] } else { &[] };
        tagged(0x02, &[sign, number].concat())
    };
    tagged(0x30, &[integer(r), integer(s)].concat())
}

/// Tag, length and content; a signature of 160 or 256 bits has fewer than 128 bytes.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[tag, len], content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Private-Key: (512 bit)\nmodulus:\n    00:b5:ac:\n    58\npublicExponent: 65537 (0x10001)\npriv:\n    00:0a\n";

    #[test]
    fn numbers_on_the_line_and_below_it_are_read_without_leading_zeros() {
        let numbers = Numbers::of_text(TEXT);

        let read: Vec<_> = numbers.0.iter().map(|(name, digits)| (*name, digits.as_str())).collect();
        assert_eq!(read, [("e", "10001"), ("n", "b5ac58"), ("x", "a")]);
    }

    #[test]
    fn a_number_that_is_missing_or_another_one_is_told() {
        let numbers = Numbers::of_text(TEXT);

        assert!(numbers.compare(&serde_json::json!({ "n": "b5ac58", "e": "010001" }), false, true).is_ok());
        assert!(numbers.compare(&serde_json::json!({ "n": "b5ac59", "e": "010001" }), false, true).is_err());
        assert!(numbers.compare(&serde_json::json!({ "n": "b5ac58", "e": "010001" }), false, false).is_err());
    }

    #[test]
    fn a_signature_of_dsa_becomes_a_sequence_of_two_positive_integers() {
        assert_eq!(dss_signature(&[0x00, 0x81, 0x12, 0x34]), [0x30, 0x08, 0x02, 0x02, 0x00, 0x81, 0x02, 0x02, 0x12, 0x34]);
    }
}

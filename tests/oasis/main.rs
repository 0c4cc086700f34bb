//! The OASIS conformance cases of PKCS#11 Profiles 3.2, made through the built module as any client makes them.
//!
//! The cases lie beside the repository (`../shared/spec/cases`); where they do not, each test says so and passes. What may differ from a
//! case stands in `judge.rs`, each with its reason. Source of truth: the README there.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod calls;
mod case;
#[path = "../client/mod.rs"]
mod client;
mod judge;

use case::{Element, Step, side_by_side};
use client::vendor::Import;
use client::{Attrs, Module, USER_PIN, alone, load};
use cryptoki_sys::*;
use judge::{Done, Evidence, KNOWN, complaints, is_compared, used, verifies};
use std::collections::BTreeMap;

const BASELINE: &str = "BL-M-1-32.xml";
const EXTENDED: &str = "EXT-M-1-32.xml";
const AUTHENTICATION: &str = "AUTH-M-1-32.xml";
const CERTIFICATES: &str = "CERT-M-1-32.xml";
const ALL: [&str; 4] = [BASELINE, EXTENDED, AUTHENTICATION, CERTIFICATES];

/// The case of each profile that has one.
const PROFILES: [(u64, &str); 4] = [
    (CKP_BASELINE_PROVIDER, BASELINE),
    (CKP_EXTENDED_PROVIDER, EXTENDED),
    (CKP_AUTHENTICATION_TOKEN, AUTHENTICATION),
    (CKP_PUBLIC_CERTIFICATES_TOKEN, CERTIFICATES),
];

/// The key pair that signs.
const SAMPLE: &[u8] = include_bytes!("../../samples/rsa-2048.blob");

/// The modulus within the sample: behind a header of six numbers and the exponent.
fn sample_modulus() -> &'static [u8] {
    let number = |at: usize| usize::try_from(u32::from_le_bytes(SAMPLE[at..at + 4].try_into().unwrap())).unwrap();
    let from = 24 + number(8);
    &SAMPLE[from..from + number(12)]
}

/// The value of an attribute in the answers of a case.
fn in_answers<'a>(steps: &'a [Step], name: &str) -> &'a str {
    let named = |e: &&Element| e.attr("type") == Some(name) || e.name == name;
    let mut values = steps.iter().flat_map(|s| s.answer.all()).filter(named).filter_map(|e| e.attr("value"));
    values.next_back().unwrap_or_else(|| panic!("no answer holds {name}"))
}

/// The token that the cases ask for: five public objects, the first with a label, the second a certificate; then the key pair. The module
/// is as it was before C_Initialize.
fn prepare(m: &Module) -> Option<()> {
    let certificates = case::read(CERTIFICATES)?;
    let certificate = hex::decode(in_answers(&certificates, "VALUE")).unwrap();
    let s = m.make_token_and_log_in();
    let public = |attrs: Attrs| attrs.token().bool(CKA_PRIVATE, false);
    m.create(s, &public(Attrs::data(in_answers(&certificates, "LABEL"), &[]))).expect("the labelled object");
    // The certificate is its own issuer's: the first SEQUENCE of 0x57 bytes is the issuer's name, equal to the subject's.
    let at = certificate.windows(2).position(|w| w == [0x30, 0x57]).expect("a name");
    let x509 = Attrs::new().class(CKO_CERTIFICATE).ulong(CKA_CERTIFICATE_TYPE, CKC_X_509).bytes(CKA_SUBJECT, &certificate[at..at + 0x59]);
    m.create(s, &public(x509.bytes(CKA_VALUE, &certificate))).expect("the certificate");
    for label in ["third", "fourth", "fifth"] {
        m.create(s, &public(Attrs::data(label, label.as_bytes()))).expect("a public object");
    }
    let pair = m.import(s, &Import { blob_type: Some("RSAFULLPRIVATEBLOB"), blob: SAMPLE, attrs: Attrs::new().token(), ..Import::default() });
    assert_eq!(pair.rv, CKR_OK, "the sample: {:?}", m.status(s));
    m.set(s, pair.public, &Attrs::new().label("testrsa-pub")).expect("the public key's label");
    m.set(s, pair.private, &Attrs::new().label("testrsa-pri")).expect("the private key's label");
    m.finalize().expect("C_Finalize");
    Some(())
}

/// A call with its variables replaced; the name of one that nothing has bound is the error.
fn filled(element: &Element, bound: &BTreeMap<String, String>) -> Result<Element, String> {
    let value = |(key, text): &(String, String)| {
        let text = match text.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
            Some(name) => bound.get(name).ok_or_else(|| name.to_owned())?,
            None => text,
        };
        Ok((key.clone(), text.clone()))
    };
    let attrs = element.attrs.iter().map(value).collect::<Result<_, String>>()?;
    let children = element.children.iter().map(|c| filled(c, bound)).collect::<Result<_, _>>()?;
    Ok(Element { name: element.name.clone(), attrs, children })
}

/// What a run of a case brought.
struct Run {
    done: Vec<Done>,
    evidence: Evidence,
    /// Why it could not go to its end.
    stopped: Option<String>,
}

impl Run {
    fn of(m: &Module, steps: &[Step]) -> Self {
        let pin = String::from_utf8(USER_PIN.to_vec()).unwrap();
        let mut bound = BTreeMap::from([("Pin".to_owned(), pin)]);
        let (mut done, mut stopped) = (Vec::new(), None);
        for Step { call, answer } in steps {
            match filled(call, &bound) {
                Ok(call) => {
                    let given = calls::make(m, &call);
                    for place in side_by_side(answer, Some(&given)) {
                        if let (Some(name), Some(got)) = (place.variable(), place.got) {
                            bound.insert(name.to_owned(), got.to_owned());
                        }
                    }
                    done.push(Done { call, expected: answer.clone(), given });
                }
                Err(name) => {
                    stopped = Some(format!("{}: nothing has given {name}", call.name));
                    break;
                }
            }
        }
        let read = |name: &str| {
            let all = done.iter().flat_map(|d| d.given.all());
            all.filter(|e| e.attr("type") == Some(name)).find_map(|e| Some(e.attr("value")?.to_owned()))
        };
        let evidence = Evidence { sample_modulus: hex::encode(sample_modulus()), modulus: read("MODULUS"), exponent: read("PUBLIC_EXPONENT") };
        Self { done, evidence, stopped }
    }

    fn complaints(&self) -> Vec<String> {
        let wrong = self.done.iter().flat_map(|d| complaints(d, &self.evidence));
        wrong.chain(self.stopped.clone()).collect()
    }
}

/// Runs a case on the prepared token, and gives what it brought if every answer is as it must be.
fn pass(m: &Module, file: &str) -> Option<Run> {
    let steps = case::read(file)?;
    let run = Run::of(m, &steps);
    let wrong = run.complaints();
    assert!(wrong.is_empty(), "{file}: {} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(run.done.len(), steps.len(), "{file}: every call was made");
    println!("note: {file}: {} calls", run.done.len());
    Some(run)
}

#[test]
fn the_baseline_providers_case_passes() {
    alone(|_| {
        let m = load();
        prepare(m).and_then(|()| pass(m, BASELINE));
    });
}

#[test]
fn the_extended_providers_case_passes() {
    alone(|_| {
        let m = load();
        prepare(m).and_then(|()| pass(m, EXTENDED));
    });
}

#[test]
fn the_authentication_tokens_case_passes() {
    alone(|_| {
        let m = load();
        prepare(m).and_then(|()| pass(m, AUTHENTICATION));
    });
}

#[test]
fn the_public_certificates_tokens_case_passes() {
    alone(|_| {
        let m = load();
        prepare(m).and_then(|()| pass(m, CERTIFICATES));
    });
}

#[test]
fn every_profile_that_the_token_claims_has_a_case_that_passes() {
    alone(|_| {
        let m = load();
        let Some(()) = prepare(m) else { return };
        m.initialize().unwrap();
        let s = m.ro().unwrap();
        let profiles = m.find(s, &Attrs::new().class(CKO_PROFILE)).unwrap();
        let claimed: Vec<u64> = profiles.iter().map(|p| m.get_ulong(s, *p, CKA_PROFILE_ID).expect("CKA_PROFILE_ID")).collect();
        m.finalize().unwrap();
        assert!(claimed.contains(&CKP_BASELINE_PROVIDER), "the others build on it: {claimed:?}");
        for profile in claimed {
            let case = PROFILES.iter().find(|(p, _)| *p == profile);
            pass(m, case.unwrap_or_else(|| panic!("profile {profile} is claimed and has no case")).1);
        }
    });
}

#[test]
fn a_value_that_differs_is_noticed_wherever_one_is_compared() {
    alone(|_| {
        let m = load();
        let Some(()) = prepare(m) else { return };
        let mut noticed = 0;
        for run in ALL.map(|file| pass(m, file).expect("the case")) {
            for done in &run.done {
                for place in side_by_side(&done.expected, Some(&done.given)).iter().filter(|p| is_compared(p)) {
                    let got = place.got.expect("the case passed");
                    let first = if got.starts_with('1') { "2" } else { "1" };
                    let other = match (place.name(), got) {
                        ("Flags", "0x0") => "0x1".to_owned(),
                        ("Flags", _) => "0x0".to_owned(),
                        _ => format!("{first}{}", &got[1..]),
                    };
                    let (mut altered, mut without) = (done.clone(), done.clone());
                    altered.given.at(&place.path).attrs.iter_mut().find(|(key, _)| key == place.key).unwrap().1 = other.clone();
                    without.given.at(&place.path).attrs.retain(|(key, _)| key != place.key);
                    let what = format!("{}, {} of {}", done.call.name, place.key, place.name());
                    assert_ne!(complaints(&altered, &run.evidence), [""; 0], "{what}: {other} instead of {got}");
                    assert_ne!(complaints(&without, &run.evidence), [""; 0], "{what}: nothing instead of {got}");
                    noticed += 1;
                }
            }
        }
        println!("note: {noticed} values are compared");
        assert!(noticed >= 100, "only {noticed} values are compared");
    });
}

#[test]
fn every_known_difference_is_one_that_a_case_needs() {
    alone(|_| {
        let m = load();
        let Some(()) = prepare(m) else { return };
        let runs = ALL.map(|file| pass(m, file).expect("the case"));
        let needed: Vec<_> = runs.iter().flat_map(|r| &r.done).flat_map(used).collect();
        for known in KNOWN {
            assert!(needed.contains(&known), "{known:?}");
        }
    });
}

#[test]
fn a_case_stops_where_the_token_lacks_what_it_asks_for() {
    alone(|_| {
        let m = load();
        let Some(steps) = case::read(AUTHENTICATION) else { return };
        m.make_token();
        m.finalize().unwrap();
        let run = Run::of(m, &steps);
        assert!(run.done.len() < steps.len());
        assert!(run.complaints().iter().any(|c| c.contains("C_FindObjects: Object has no value")), "{:?}", run.complaints());
        assert_eq!(run.stopped.as_deref(), Some("C_GetAttributeValue: nothing has given Object.Object[0]"));
    });
}

#[test]
fn the_published_signature_fits_the_published_modulus_and_no_other_data() {
    let Some(steps) = case::read(AUTHENTICATION) else { return };
    let [modulus, exponent, signature] = ["MODULUS", "PUBLIC_EXPONENT", "Signature"].map(|name| in_answers(&steps, name));
    let data = steps.iter().find(|s| s.call.name == "C_Sign").expect("C_Sign").call.value("Data");
    assert!(verifies(modulus, exponent, data, signature));
    assert!(!verifies(modulus, exponent, &data[2..], signature));
    assert!(!verifies(&hex::encode(sample_modulus()), exponent, data, signature));
}

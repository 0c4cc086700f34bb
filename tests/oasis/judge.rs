//! What is compared in an answer, and how: the values that the profiles leave free, and the known differences between what the cases
//! expect and what this token may truthfully say. Everything else must be the case's value.
//!
//! Source of truth: `../shared/spec/cases/README.md`; PKCS#11 Profiles 3.2, the rules of comparison.

use crate::calls::flags;
use crate::case::{Element, Place, side_by_side};
use cryptoki_sys::*;
use rsa::traits::SignatureScheme;
use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey};
use sha2::{Digest, Sha256};

/// Values that the profiles leave free, of those that the cases hold. CKA_VALUE and CKA_PUBLIC_EXPONENT are free too and compared all the
/// same, since the runner chose what the token holds. Handles and slot numbers are variables.
const FREE: &[&str] = &[
    "LibraryDescription",
    "LibraryVersion",
    "ManufacturerID",
    "SlotDescription",
    "HardwareVersion",
    "FirmwareVersion",
    "serialNumber",
    "label",
    "model",
    "utcTime",
];

/// What is asked where the case's value is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// This value.
    Is(&'static str),
    /// The case's flags without some and with others.
    Flags { without: u64, with: u64 },
    /// The case's flags and any more.
    FlagsAtLeast,
    /// The modulus of the key that the runner put into the token.
    SampleModulus,
    /// A signature of the call's data under the modulus that was read.
    Verifies,
}

/// A known difference: call, what is compared, attribute of its element.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known {
    call: &'static str,
    name: &'static str,
    key: &'static str,
    ask: Ask,
    /// Why it may differ.
    pub(crate) reason: &'static str,
}

const MEMORY: &str = "a file has no fixed size: CK_UNAVAILABLE_INFORMATION is the standard's word for it, the case has 0";

const fn memory(name: &'static str) -> Known {
    // CK_UNAVAILABLE_INFORMATION.
    Known { call: "C_GetTokenInfo", name, key: "value", ask: Ask::Is("18446744073709551615"), reason: MEMORY }
}

/// Every difference, in one place.
pub(crate) const KNOWN: &[Known] = &[
    Known {
        call: "C_GetTokenInfo",
        name: "Flags",
        key: "value",
        ask: Ask::Flags { without: CKF_RESTORE_KEY_NOT_NEEDED, with: CKF_DUAL_CRYPTO_OPERATIONS },
        reason: "the key of a saved MAC must be given again, so the first would be false; dual operations work, which the case's token lacks",
    },
    memory("TotalPublicMemory"),
    memory("FreePublicMemory"),
    memory("TotalPrivateMemory"),
    memory("FreePrivateMemory"),
    Known {
        call: "C_GetMechanismInfo",
        name: "Flags",
        key: "value",
        ask: Ask::FlagsAtLeast,
        reason: "CKM_RSA_PKCS also recovers from signatures here; a provider may do more than the case's",
    },
    Known {
        call: "C_GetAttributeValue",
        name: "MODULUS",
        key: "value",
        ask: Ask::SampleModulus,
        reason: "the private key of the case's modulus is not published",
    },
    Known {
        call: "C_Sign",
        name: "Signature",
        key: "value",
        ask: Ask::Verifies,
        reason: "another key signs, so the signature is judged by its modulus",
    },
    Known {
        call: "C_GetAttributeValue",
        name: "LABEL",
        key: "length",
        ask: Ask::Is("21"),
        reason: "the label has 21 characters, as the case's own next answer shows; 22 counted a trailing zero",
    },
];

/// A call that was made, with the answer expected and the one given.
#[derive(Clone)]
pub(crate) struct Done {
    pub(crate) call: Element,
    pub(crate) expected: Element,
    pub(crate) given: Element,
}

/// What an answer is judged by beside the case, in hexadecimal digits.
pub(crate) struct Evidence {
    /// Of the key that the runner imported.
    pub(crate) sample_modulus: String,
    /// As the module gave them in this run.
    pub(crate) modulus: Option<String>,
    pub(crate) exponent: Option<String>,
}

fn is_free(place: &Place<'_>) -> bool {
    FREE.contains(&place.name())
}

/// Whether the place is one where a value is compared.
pub(crate) fn is_compared(place: &Place<'_>) -> bool {
    place.key != "type" && place.variable().is_none() && !is_free(place)
}

fn known(call: &str, place: &Place<'_>) -> Option<&'static Known> {
    KNOWN.iter().find(|k| (k.call, k.name, k.key) == (call, place.name(), place.key))
}

fn is_the_cases(call: &str, place: &Place<'_>, got: &str) -> bool {
    if place.name() == "Flags" { flags(call, place.want) == flags(call, got) } else { place.want == got }
}

/// The differences that this answer needed.
pub(crate) fn used(done: &Done) -> Vec<&'static Known> {
    let places = side_by_side(&done.expected, Some(&done.given));
    let differs = |p: &&Place<'_>| p.got.is_some_and(|got| !is_the_cases(&done.call.name, p, got));
    places.iter().filter(differs).filter_map(|p| known(&done.call.name, p)).collect()
}

/// What is wrong with an answer; empty if nothing is.
pub(crate) fn complaints(done: &Done, evidence: &Evidence) -> Vec<String> {
    let call = done.call.name.as_str();
    let places = side_by_side(&done.expected, Some(&done.given));
    let wrong = |place: &Place<'_>| {
        let (name, key, want) = (place.name(), place.key, place.want);
        let Some(got) = place.got else { return Some(format!("{call}: {name} has no {key} where {want:?} is expected")) };
        let fits = !is_compared(place) || fits(done, place, got, evidence);
        (!fits).then(|| format!("{call}: {key} of {name} is {got:?}, expected {want:?} ({:?})", known(call, place).map(|k| k.ask)))
    };
    places.iter().filter_map(wrong).collect()
}

fn fits(done: &Done, place: &Place<'_>, got: &str, evidence: &Evidence) -> bool {
    let call = done.call.name.as_str();
    let Some(known) = known(call, place) else { return is_the_cases(call, place, got) };
    match known.ask {
        Ask::Is(value) => got == value,
        Ask::Flags { without, with } => flags(call, got) == flags(call, place.want) & !without | with,
        Ask::FlagsAtLeast => flags(call, got) & flags(call, place.want) == flags(call, place.want),
        Ask::SampleModulus => got == evidence.sample_modulus,
        Ask::Verifies => {
            let (Some(modulus), Some(exponent)) = (&evidence.modulus, &evidence.exponent) else { return false };
            verifies(modulus, exponent, done.call.value("Data"), got)
        }
    }
}

/// PKCS #1 v1.5 with SHA-256, computed without the token; everything in hexadecimal digits.
pub(crate) fn verifies(modulus: &str, exponent: &str, data: &str, signature: &str) -> bool {
    let bytes = |text: &str| hex::decode(text).expect("hexadecimal digits");
    let number = |text: &str| BoxedUint::from_be_slice_vartime(&bytes(text));
    let key = PublicKey::new(number(modulus), number(exponent)).expect("an RSA key");
    Pkcs1v15Sign::new::<Sha256>().verify(&key, &Sha256::digest(bytes(data)), &bytes(signature)).is_ok()
}

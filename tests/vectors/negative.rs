//! `negative.json`: what was damaged, and what must happen. A refusal has a row of the results table (code and NTSTATUS together), a
//! reason of 1 to 255 bytes, leaves both handles invalid and the number of objects as it was; C_CreateObject refuses the same blob with
//! the same NTSTATUS and reason.

use crate::client::vendor::{STATUS_INVALID_BUFFER_SIZE, STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED};
use crate::client::{Attrs, load, shared};
use crate::door::{Door, Family, Refusal};
use crate::{LATER, Tally};
use cryptoki_sys::*;
use serde_json::Value;

/// The rows of the results table that a damaged blob may fall under.
const ROWS: &[(u64, u32)] = &[
    (CKR_DATA_LEN_RANGE, STATUS_INVALID_BUFFER_SIZE),
    (CKR_DATA_INVALID, STATUS_INVALID_PARAMETER),
    (CKR_ATTRIBUTE_VALUE_INVALID, STATUS_INVALID_PARAMETER),
    (CKR_ATTRIBUTE_VALUE_INVALID, STATUS_NOT_SUPPORTED),
    (CKR_KEY_SIZE_RANGE, STATUS_NOT_SUPPORTED),
];

/// Mutations whose row is plain from the table. The first one that is contained in the mutation's text decides.
const EXPECTED: &[(&str, &[u64])] = &[
    ("empty", &[CKR_DATA_LEN_RANGE]),
    ("3 bytes only", &[CKR_DATA_LEN_RANGE]),
    ("header", &[CKR_DATA_LEN_RANGE]),
    ("last byte cut off", &[CKR_DATA_LEN_RANGE]),
    ("one trailing zero byte", &[CKR_DATA_LEN_RANGE]),
    ("magic RSA3 on the short blob", &[CKR_DATA_LEN_RANGE]),
    ("magic RSA2 on the full blob", &[CKR_DATA_LEN_RANGE]),
    ("public magic on the private blob", &[CKR_DATA_LEN_RANGE]),
    ("magic unknown", &[CKR_DATA_INVALID]),
    ("private magic on a seed", &[CKR_DATA_INVALID]),
    ("blob type", &[CKR_DATA_INVALID]),
    ("algorithm handle", &[CKR_DATA_INVALID]),
    ("ECDSA blob to ECDH handle", &[CKR_DATA_INVALID]),
    ("bType flipped", &[CKR_DATA_INVALID]),
    ("bVersion", &[CKR_DATA_INVALID]),
    ("aiKeyAlg", &[CKR_DATA_INVALID]),
    ("modulus", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("exponent", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("p*q != n", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("prime", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("dp wrong", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("d wrong", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("off the curve", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("point (0,0)", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("field prime", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("d = ", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("d does not belong to Q", &[CKR_ATTRIBUTE_VALUE_INVALID]),
    ("not belonging to y", &[CKR_ATTRIBUTE_VALUE_INVALID]),
];

pub(crate) fn run() {
    let Some(json) = shared::vectors("negative.json") else { return };
    let named = blobs_by_name();
    let m = load();
    let s = m.make_token_and_log_in();
    let mut tally = Tally::default();
    let vectors = json["vectors"].as_array().expect("vectors");
    for vector in vectors {
        let id = shared::text(vector, "id").expect("id");
        let blob = match shared::text(vector, "blob_hex_of") {
            None => shared::blob(vector),
            Some(other) => match vectors.iter().find(|v| shared::text(v, "id") == Some(other)) {
                Some(earlier) => shared::blob(earlier),
                None => named.iter().find(|(name, _)| name == other).expect("the vector meant").1.clone(),
            },
        };
        let (blob_type, alg_id) = (shared::text(vector, "blob_type"), shared::text(vector, "algorithm_handle"));
        let flags = vector["flags"].as_u64().expect("flags");
        let (expect, mutation) = (shared::text(vector, "expect").expect("expect"), shared::text(vector, "mutation").expect("mutation"));
        let family = Family::of(blob_type.expect("a type"), &blob);
        let what = format!("{id} {} {mutation} (flags {flags})", blob_type.unwrap_or_default());
        let private = blob_type.is_some_and(|name| name.contains("PRIVATE"));
        let objects = || m.find(s, &Attrs::new()).expect("a search").len();
        let before = objects();
        let complaints = tally.complaints.len();
        let mut answers = Vec::new();
        for create in [false, true] {
            let door = Door { create, blob_type, alg_id };
            let answer = door.open(m, s, &blob, private, flags, &Attrs::new());
            if let Ok(keys) = &answer {
                keys.destroy(m, s);
            }
            if objects() != before {
                tally.complain(format!("{what}: {} objects became {}", before, objects()));
            }
            answers.push(answer.map(|_| ()));
        }
        let [import, create] = answers.try_into().map_err(|_| "two answers").expect("two answers");
        if LATER.contains(&family) && import.as_ref().is_err_and(Refusal::is_not_supported) {
            tally.later += 1;
            continue;
        }
        match (must(expect, mutation, family, flags), &import) {
            (Some(true), Err(refusal)) => tally.complain(format!("{what}: should be accepted: {refusal}")),
            (Some(false), Ok(())) => tally.complain(format!("{what}: was accepted ({expect})")),
            (None, Ok(())) => tally.records.push(format!("{what}: {expect}: accepted")),
            (None, Err(refusal)) => tally.records.push(format!("{what}: {expect}: {refusal}")),
            _ => {}
        }
        match (&import, &create) {
            (Ok(()), Ok(())) => {}
            (Err(import), Err(create)) => judge(&what, mutation, import, create, &mut tally),
            (Ok(()), Err(refusal)) => tally.complain(format!("{what}: C_CreateObject alone refused: {refusal}")),
            (Err(refusal), Ok(())) => tally.complain(format!("{what}: C_ImportBCryptBlob alone refused: {refusal}")),
        }
        if tally.complaints.len() == complaints {
            tally.passed += 1;
        }
    }
    tally.close("negative.json");
}

/// What the vector's opinion and the project's own decisions ask for; None: only recorded.
fn must(expect: &str, mutation: &str, family: Family, flags: u64) -> Option<bool> {
    match expect {
        "accept" => Some(true),
        "reject" => Some(false),
        // "Trailing bytes are refused, except after ML-KEM blobs, where Windows accepts them."
        _ if mutation.contains("trailing zero byte") => Some(family == Family::MlKem),
        // X = Y = 0 in a private blob means "compute it".
        "reject-or-derive" => Some(true),
        // "Ranges, n = p·q, CRT values, on-curve and d·G = Q are always checked."
        "policy" if flags == 8 && matches!(family, Family::Rsa | Family::Ec | Family::Dh) => Some(false),
        // Lengths that do not add up.
        _ if mutation.contains("magic RSA2 on the full blob") || mutation.contains("public magic on the private blob") => Some(false),
        _ => None,
    }
}

fn judge(what: &str, mutation: &str, import: &Refusal, create: &Refusal, tally: &mut Tally) {
    let (Ok((status, reason)), Ok(other)) = (&import.status, &create.status) else {
        return tally.complain(format!("{what}: no status: {import}; {create}"));
    };
    if !ROWS.contains(&(import.rv.0, *status)) {
        tally.complain(format!("{what}: no row of the table: {import}"));
    }
    if let Some((_, codes)) = EXPECTED.iter().find(|(text, _)| mutation.contains(text))
        && !codes.contains(&import.rv.0)
    {
        tally.complain(format!("{what}: another row than expected: {import}"));
    }
    if reason.is_empty() || reason.len() > 255 {
        tally.complain(format!("{what}: a reason of {} bytes", reason.len()));
    }
    // The shorter list of C_CreateObject: the rows marked ¹ are CKR_ATTRIBUTE_VALUE_INVALID there.
    let through_create = match import.rv.0 {
        CKR_DATA_LEN_RANGE | CKR_DATA_INVALID | CKR_KEY_SIZE_RANGE => CKR_ATTRIBUTE_VALUE_INVALID,
        other => other,
    };
    if create.rv != through_create || (status, reason) != (&other.0, &other.1) {
        tally.complain(format!("{what}: C_CreateObject says otherwise: {create}; C_ImportBCryptBlob: {import}"));
    }
}

/// Blobs of the other files, which a few entries use unchanged.
fn blobs_by_name() -> Vec<(String, Vec<u8>)> {
    let files = ["rsa.json", "ecc.json", "dsa.json", "dh.json", "legacy.json", "mlkem.json", "pqdsa.json"];
    let all = files.iter().filter_map(|file| shared::vectors(file));
    let named = |json: Value| {
        let vectors = json["vectors"].as_array().expect("vectors").clone();
        vectors.into_iter().map(|v| (shared::text(&v, "name").expect("name").to_owned(), shared::blob(&v)))
    };
    all.flat_map(named).collect()
}

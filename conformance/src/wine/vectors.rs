//! The vectors of other implementations: imported here, exported here, read by Wine; and the damaged ones, which both sides should refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::judge::{CRASHED, Token, Windows, Word, unhex};
use super::keys::{DSSENH, KINDS, RSAENH};
use super::tally::Tally;
use super::trial::{Subject, Trial, WE_WRITE};
use crate::Failure;

/// Wine has no post-quantum algorithms.
const FILES: [&str; 8] =
    ["rsa.json", "ecc.json", "dsa.json", "dh.json", "legacy.json", "third-party/ecc.json", "third-party/dsa.json", "third-party/legacy.json"];

/// What has a reason of its own when Wine refuses a damaged blob that we take.
const TAKES: &str = "Wine takes it as we do";

/// Every vector under its own type, and each private key once under every type of its family.
pub(crate) fn run(folder: &Path, windows: &mut Windows<'_>, token: &mut Token, tally: &mut Tally<'_>) -> Result<(), Failure> {
    let mut trial = Trial { windows, token, tally };
    let mut blobs = BTreeMap::new();
    for file in FILES {
        let json = read(&folder.join(file))?;
        let mut seen = BTreeSet::new();
        for vector in json["vectors"].as_array().ok_or("vectors without a list")? {
            one(&mut trial, vector, &mut seen)?;
            remember(&mut blobs, vector, "name");
        }
    }
    let json = read(&folder.join("negative.json"))?;
    for vector in json["vectors"].as_array().ok_or("vectors without a list")? {
        remember(&mut blobs, vector, "id");
        damaged(&mut trial, vector, &blobs)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

/// Damaged vectors name the blob of another one instead of repeating it.
fn remember(blobs: &mut BTreeMap<String, Vec<u8>>, vector: &Value, name: &str) {
    if let (Some(name), Some(blob)) = (vector[name].as_str(), vector["blob_hex"].as_str().and_then(unhex)) {
        blobs.insert(name.to_owned(), blob);
    }
}

/// A damaged or doubtful blob, with full validation: what each side makes of it.
fn damaged(trial: &mut Trial<'_, '_, '_>, vector: &Value, blobs: &BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    let text = |field: &str| vector[field].as_str().unwrap_or_default();
    let (type_name, alg, mutation) = (text("blob_type"), text("algorithm_handle"), text("mutation"));
    let named = vector["blob_hex_of"].as_str().unwrap_or_else(|| text("id"));
    // Post-quantum blobs are not known to Wine, and the flags that leave validation out are not what is compared here.
    let Some(blob) = blobs.get(named).filter(|_| vector["flags"] == 0) else { return Ok(()) };
    let ours = trial.token.import(Some(alg), type_name, blob)?;
    let theirs = trial.windows.key(&[Word::Text("import"), Word::Text(alg), Word::Text(type_name), Word::Bytes(blob)])?;
    match (ours, theirs) {
        (Err(_), Ok(_)) => trial.tally.stricter(type_name, mutation),
        (Err(_), Err(status)) => {
            let how = if status == CRASHED { "both refuse it, Wine by a crash" } else { "both refuse it" };
            trial.tally.check(type_name, how, mutation, Ok(()));
        }
        (Ok(_), Ok(_)) => trial.tally.check(type_name, TAKES, mutation, Ok(())),
        (Ok(_), Err(status)) => trial.tally.refused(type_name, TAKES, mutation, status),
    }
    Ok(())
}

fn one(trial: &mut Trial<'_, '_, '_>, vector: &Value, seen: &mut BTreeSet<String>) -> Result<(), Failure> {
    let text = |field: &str| vector[field].as_str().unwrap_or_default();
    let (name, type_name, alg) = (text("name"), text("blob_type"), text("algorithm"));
    if type_name.starts_with("PVK") || name.contains("v2-pub") {
        return Ok(()); // OpenSSL judges PVK; DH of version 2 is no key without p and g from beside it
    }
    let blob = unhex(text("blob_hex")).ok_or("a vector without bytes")?;
    let pair = match trial.token.import(Some(alg), type_name, &blob)? {
        Ok(pair) => pair,
        Err(why) => {
            trial.tally.check(type_name, "we read the vector", name, Err(why));
            return Ok(());
        }
    };
    let back = trial.token.export(pair, type_name)?;
    trial.tally.check(type_name, WE_WRITE, name, if back.as_ref() == Ok(&blob) { Ok(()) } else { Err("other bytes".to_owned()) });
    let subject = Subject::new(name, alg)?;
    let first = pair.private != 0 && seen.insert(text("key").to_owned());
    if first {
        trial.give_to_wine(&subject, pair, subject.types())?;
    } else {
        trial.give_to_wine(&subject, pair, &[type_name])?;
    }
    if first || type_name.contains("CAPI") {
        let provider = match alg {
            "RSA" => RSAENH,
            "DSA" => DSSENH,
            _ => return Ok(()),
        };
        for kind in KINDS {
            trial.give_to_crypto_api(provider, name, pair, kind)?;
        }
    }
    Ok(())
}

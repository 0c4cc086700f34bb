//! The vectors of other implementations: imported here, exported here, read by Wine.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::judge::{Token, Windows, unhex};
use super::keys::{DSSENH, KINDS, RSAENH};
use super::tally::Tally;
use super::trial::{Subject, Trial, WE_WRITE};
use crate::Failure;

/// Wine has no post-quantum algorithms.
const FILES: [&str; 8] =
    ["rsa.json", "ecc.json", "dsa.json", "dh.json", "legacy.json", "third-party/ecc.json", "third-party/dsa.json", "third-party/legacy.json"];

/// Every vector under its own type, and each private key once under every type of its family.
pub(crate) fn run(folder: &Path, windows: &mut Windows<'_>, token: &mut Token, tally: &mut Tally<'_>) -> Result<(), Failure> {
    let mut trial = Trial { windows, token, tally };
    for file in FILES {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let json: Value = serde_json::from_str(&text)?;
        let mut seen = BTreeSet::new();
        for vector in json["vectors"].as_array().ok_or("vectors without a list")? {
            one(&mut trial, vector, &mut seen)?;
        }
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

//! `mechanisms`: what C_GetMechanismList and C_GetMechanismInfo say.

use super::Place;
use crate::args::Mechanisms;
use crate::failure::{Exit, Failure};
use crate::report;
use cryptoki_sys as ck;

const FLAGS: &[(u64, &str)] = &[
    (ck::CKF_ENCRYPT, "encrypt"),
    (ck::CKF_DECRYPT, "decrypt"),
    (ck::CKF_DIGEST, "digest"),
    (ck::CKF_SIGN, "sign"),
    (ck::CKF_SIGN_RECOVER, "sign-recover"),
    (ck::CKF_VERIFY, "verify"),
    (ck::CKF_VERIFY_RECOVER, "verify-recover"),
    (ck::CKF_GENERATE, "generate"),
    (ck::CKF_GENERATE_KEY_PAIR, "generate-pair"),
    (ck::CKF_WRAP, "wrap"),
    (ck::CKF_UNWRAP, "unwrap"),
    (ck::CKF_DERIVE, "derive"),
    (ck::CKF_ENCAPSULATE, "encapsulate"),
    (ck::CKF_DECAPSULATE, "decapsulate"),
];

/// Runs it.
pub(crate) fn run(place: &Place, args: &Mechanisms) -> Result<(), Failure> {
    let store = place.open()?;
    let mut rows = Vec::new();
    for id in store.app.mechanisms(store.slot)? {
        let info = store.app.mechanism_info(store.slot, id)?;
        let uses: Vec<&str> = FLAGS.iter().filter(|(flag, _)| info.flags & flag != 0).map(|(_, name)| *name).collect();
        rows.push((id, name(id), info.min, info.max, uses));
    }
    if args.json {
        let list: Vec<serde_json::Value> = rows
            .iter()
            .map(|(id, name, min, max, uses)| serde_json::json!({ "id": id, "name": name, "min": min, "max": max, "uses": uses }))
            .collect();
        let text = serde_json::to_string_pretty(&list).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
        return report::line(&text);
    }
    let mut table = vec![["MECHANISM", "NUMBER", "KEY SIZE", "MAY"].map(str::to_owned).to_vec()];
    for (id, name, min, max, uses) in rows {
        let sizes = if max == 0 { String::new() } else { format!("{min}-{max}") };
        table.push(vec![name, format!("0x{id:x}"), sizes, uses.join(",")]);
    }
    report::raw(report::table(&table).as_bytes())
}

/// The standard's name, by the cryptoki crate's table.
fn name(id: u64) -> String {
    cryptoki::mechanism::MechanismType::try_from(id).map_or_else(|_| format!("mechanism 0x{id:x}"), |m| m.to_string())
}

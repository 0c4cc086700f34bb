//! `info`: the token as C_GetTokenInfo tells it, in words.

use super::Place;
use crate::failure::Failure;
use crate::objects::Choice;
use crate::report;
use crate::store::field_text;
use cryptoki_sys as ck;

/// Runs it.
pub(crate) fn run(place: &Place) -> Result<(), Failure> {
    let store = place.open()?;
    let info = store.app.token_info(store.slot)?;
    let has = |flag| info.flags & flag != 0;
    let mut rows = vec![vec!["slot".to_owned(), store.slot.to_string()]];
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    if !has(ck::CKF_TOKEN_INITIALIZED) {
        row("token", "none yet; `cngtoken init --label NAME` makes one".to_owned());
        return report::raw(report::table(&rows).as_bytes());
    }
    row("label", field_text(&info.label));
    row("serial", field_text(&info.serial));
    row("model", field_text(&info.model));
    row(
        "user PIN",
        pin_state(has(ck::CKF_USER_PIN_INITIALIZED), has(ck::CKF_USER_PIN_COUNT_LOW), has(ck::CKF_USER_PIN_FINAL_TRY), has(ck::CKF_USER_PIN_LOCKED)),
    );
    row("SO PIN", pin_state(true, has(ck::CKF_SO_PIN_COUNT_LOW), has(ck::CKF_SO_PIN_FINAL_TRY), has(ck::CKF_SO_PIN_LOCKED)));
    row("PIN length", format!("{} to {} bytes", info.min_pin_len, info.max_pin_len));
    row("writable", if has(ck::CKF_WRITE_PROTECTED) { "no" } else { "yes" }.to_owned());
    let public = store.session(false)?.chosen(&Choice::default())?.len();
    row("public objects", public.to_string());
    row("mechanisms", store.app.mechanisms(store.slot)?.len().to_string());
    report::raw(report::table(&rows).as_bytes())
}

fn pin_state(set: bool, low: bool, last: bool, locked: bool) -> String {
    match (set, locked, last, low) {
        (false, ..) => "not set",
        (_, true, ..) => "set, locked after wrong tries",
        (_, _, true, _) => "set, one try left",
        (_, _, _, true) => "set, a wrong one was tried",
        _ => "set",
    }
    .to_owned()
}

//! `explain`: what a return value, an NTSTATUS or a mechanism means, by its name or number, and what to do about it. Needs no token.

use crate::args::Explain;
use crate::codes::{Code, RETURN_VALUES, STATUSES};
use crate::failure::{Exit, Failure};
use crate::report;
use cngtoken::token::MECHANISMS;

/// Runs it.
pub(crate) fn run(args: &Explain) -> Result<(), Failure> {
    let asked = args.code.trim();
    let found = answers(asked);
    if found.is_empty() {
        return Err(Failure::new(
            Exit::Refused,
            format!("\"{asked}\" is no CKR_ code, NTSTATUS or CKM_ mechanism that is known here, by name or number"),
        ));
    }
    found.iter().try_for_each(|text| report::line(text))
}

/// Every reading of a name or number.
#[must_use]
pub fn answers(asked: &str) -> Vec<String> {
    let number = number(asked);
    let upper = asked.to_ascii_uppercase();
    let matches = |name: &str, value: u64| number == Some(value) || name == upper || name.split_once('_').is_some_and(|(_, tail)| tail == upper);
    let told = |code: &Code, width: usize| format!("{} (0x{:0width$X}): {}", code.name, code.value, code.text);
    let codes = RETURN_VALUES.iter().filter(|c| matches(c.name, c.value)).map(|c| told(c, 8));
    let statuses = STATUSES.iter().filter(|c| c.value != 0 && matches(c.name, c.value)).map(|c| told(c, 8));
    let mechanisms = MECHANISMS.iter().filter(|m| matches(m.name, m.id)).map(|m| {
        let (min, max) = m.sizes.bounds();
        let sizes = if max == 0 { String::new() } else { format!(", key sizes {min} to {max}") };
        format!("{} (0x{:08X}): a mechanism of this token{sizes}; parameter: {:?}", m.name, m.id, m.params)
    });
    codes.chain(statuses).chain(mechanisms).collect()
}

/// A number as programs print it: hex with `0x`, decimal, or the signed decimal of an NTSTATUS.
fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        return u64::from_str_radix(hex.trim_end_matches('l'), 16).ok();
    }
    let value: i64 = lower.parse().ok()?;
    match i32::try_from(value) {
        Ok(negative) if negative < 0 => Some(u64::from(negative.cast_unsigned())),
        _ => u64::try_from(value).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_by_name_short_name_and_every_way_to_write_its_number() {
        for asked in ["CKR_PIN_INCORRECT", "pin_incorrect", "0xA0", "0x000000a0", "160"] {
            assert!(answers(asked).iter().any(|a| a.starts_with("CKR_PIN_INCORRECT")), "{asked}");
        }
        for asked in ["STATUS_INVALID_PARAMETER", "0xC000000D", "3221225485", "-1073741811"] {
            assert!(answers(asked).iter().any(|a| a.starts_with("STATUS_INVALID_PARAMETER")), "{asked}");
        }
    }

    #[test]
    fn a_number_with_several_senses_tells_all_of_them() {
        let all = answers("0x00000001");
        assert!(all.iter().any(|a| a.starts_with("CKR_CANCEL")) && all.iter().any(|a| a.starts_with("CKM_RSA_PKCS ")), "{all:?}");
    }

    #[test]
    fn nonsense_has_no_answer() {
        assert!(answers("CKR_").is_empty() && answers("0x").is_empty() && answers("0xFFFFFFFFFFFFFFFFF").is_empty());
    }
}

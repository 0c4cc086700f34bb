//! Hostile input: whatever the bytes, decoding ends without a panic, `explain` agrees with `decode`, and what was accepted is written
//! again exactly as it came.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod support;

use cngtoken_blob::{BLOBS, Context, Origin, decode, encode, explain};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::sync::LazyLock;
use support::{complete, samples};

static SAMPLES: LazyLock<Vec<samples::Sample>> = LazyLock::new(samples::all);

/// The three promises, for one input under one context.
fn check(input: &[u8], ctx: &Context<'_>) {
    let result = decode(input, ctx);
    let explanation = explain(input, ctx);
    assert_eq!(result.as_ref().err(), explanation.outcome.as_ref().err());
    assert!(explanation.fields.iter().all(|f| f.offset + f.len <= input.len()));
    match result {
        Err(error) => {
            assert!(error.at <= input.len(), "{error}");
            assert!(error.to_string().len() <= 255, "{error}");
        }
        Ok(decoded) => {
            let (parts, invented) = complete(&decoded);
            if invented {
                return;
            }
            let origin = Origin::from_text(&decoded.origin.to_text()).expect("the origin survives its text form");
            let again = encode(decoded.row, &parts, Some(&origin), decoded.symmetric);
            let end = input.len() - decoded.ignored_trailing;
            assert!(again.unwrap().expose() == &input[..end], "{} comes back different", decoded.row.name);
        }
    }
}

fn type_names() -> impl Strategy<Value = Option<&'static str>> {
    select(BLOBS.iter().map(|row| Some(row.name)).chain([None, Some("nonsense")]).collect::<Vec<_>>())
}

/// Values that headers break on.
fn field_values() -> impl Strategy<Value = u32> {
    prop_oneof![select(vec![0, 1, 2, 3, 7, 8, 16, 20, 24, 32, 64, 66, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFD, u32::MAX]), any::<u32>(), 0u32..4096]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(input in vec(any::<u8>(), 0..400), type_name in type_names()) {
        check(&input, &support::context(type_name, None));
    }

    #[test]
    fn arbitrary_bytes_after_a_magic_do_no_harm(row in select(BLOBS.iter().filter(|r| !r.magics.is_empty()).collect::<Vec<_>>()), pick in any::<Index>(), rest in vec(any::<u8>(), 0..200), named in any::<bool>()) {
        let mut input = row.magics[pick.index(row.magics.len())].to_vec();
        input.extend_from_slice(&rest);
        check(&input, &support::context(named.then_some(row.name), None));
    }

    #[test]
    fn a_changed_header_field_does_no_harm(which in any::<Index>(), field in 0usize..16, value in field_values(), named in any::<bool>()) {
        let sample = which.get(&SAMPLES);
        let mut input = sample.blob.clone();
        if let Some(bytes) = input.get_mut(4 * field..4 * field + 4) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        check(&input, &sample.context(named.then_some(sample.row.name)));
    }

    #[test]
    fn changed_bytes_do_no_harm(which in any::<Index>(), changes in vec((any::<Index>(), any::<u8>()), 1..8), cut in proptest::option::of(any::<Index>())) {
        let sample = which.get(&SAMPLES);
        let mut input = sample.blob.clone();
        for (place, value) in changes {
            let place = place.index(input.len());
            input[place] = value;
        }
        if let Some(cut) = cut {
            input.truncate(cut.index(input.len() + 1));
        }
        check(&input, &sample.context(Some(sample.row.name)));
    }

    #[test]
    fn a_number_that_begins_with_zeros_comes_back_at_its_width(which in any::<Index>(), at in any::<Index>(), zeros in 1usize..80) {
        let sample = which.get(&SAMPLES);
        let mut input = sample.blob.clone();
        let start = at.index(input.len()).max(28);
        for byte in input.iter_mut().skip(start).take(zeros) {
            *byte = 0;
        }
        check(&input, &sample.context(Some(sample.row.name)));
    }

    #[test]
    fn text_that_is_no_origin_is_refused_quietly(text in "[A-Za-z0-9 =]{0,80}") {
        let _ = Origin::from_text(&text);
    }
}

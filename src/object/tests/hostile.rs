//! Arbitrary bytes and arbitrary sequences: nothing panics, nothing that decodes has a second encoding, no secret gets out.

use super::super::*;
use super::samples::{self, OFFICER, USER, born, template};
use cngtoken_key::{KeyParts, Secret};
use cryptoki_sys::*;
use proptest::prelude::*;

fn any_parts() -> impl Strategy<Value = KeyParts> {
    proptest::sample::select(samples::all())
}

fn any_given() -> impl Strategy<Value = GivenAttr> {
    let known = proptest::sample::select(attributes::ATTRIBUTES.iter().map(|r| r.id).collect::<Vec<_>>());
    let id = prop_oneof![9 => known, 1 => any::<u64>()];
    let bytes = prop_oneof![
        any::<bool>().prop_map(|b| vec![u8::from(b)]),
        (0u64..5000).prop_map(|n| n.to_ne_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
        Just(b"20261124".to_vec()),
    ];
    let plain = (id, bytes).prop_map(|(id, bytes)| GivenAttr::bytes(id, &bytes));
    plain.prop_recursive(3, 12, 4, |inner| {
        let nested = proptest::sample::select(vec![CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE, CKA_LABEL]);
        (nested, proptest::collection::vec(inner, 0..4)).prop_map(|(id, attrs)| GivenAttr { id, value: Given::Attrs(attrs) })
    })
}

/// An attribute that a copy or a change might well take.
fn any_change() -> impl Strategy<Value = GivenAttr> {
    let flags = vec![
        CKA_SENSITIVE,
        CKA_EXTRACTABLE,
        CKA_PRIVATE,
        CKA_TOKEN,
        CKA_MODIFIABLE,
        CKA_COPYABLE,
        CKA_WRAP_WITH_TRUSTED,
        CKA_ALWAYS_SENSITIVE,
        CKA_NEVER_EXTRACTABLE,
        CKA_SIGN,
        CKA_DERIVE,
        CKA_TRUSTED,
        CKA_LOCAL,
    ];
    let flag = (proptest::sample::select(flags), proptest::bool::weighted(0.3)).prop_map(|(id, b)| GivenAttr::bool(id, b));
    prop_oneof![4 => flag, 1 => any_given()]
}

proptest! {
    #[test]
    fn arbitrary_templates_are_parsed_or_refused(given in proptest::collection::vec(any_given(), 0..12)) {
        let _ = Template::parse_search(given.clone());
        if let Ok(t) = Template::parse(given) {
            let _ = create(t, &Origin::Created, &USER);
        }
    }

    #[test]
    fn arbitrary_templates_over_any_key_make_a_consistent_object_or_are_refused(
        parts in any_parts(),
        given in proptest::collection::vec(any_given(), 0..6),
    ) {
        let Ok(t) = Template::parse(given) else { return Ok(()) };
        let Ok(object) = from_parts(&parts, &t, &Origin::Imported, &KeyDefaults::default(), &USER) else { return Ok(()) };
        prop_assert_eq!(super::super::parts(&object), Ok(parts));
        let written = record::encode(&object);
        let read = record::decode(&written.clear, Some(&written.sealed));
        prop_assert!(read.is_ok(), "{:?}", read);
        let again = record::encode(&read.unwrap());
        prop_assert_eq!((again.clear, again.sealed), (written.clear, written.sealed));
    }

    #[test]
    fn arbitrary_bytes_are_no_record_or_the_only_encoding_of_one(clear in proptest::collection::vec(any::<u8>(), 0..80), sealed in proptest::collection::vec(any::<u8>(), 0..80)) {
        let versioned = |mut v: Vec<u8>| { if let Some(b) = v.first_mut() { *b = 1 } v };
        let (clear, sealed) = (versioned(clear), Secret::new(versioned(sealed)));
        if let Ok(object) = record::decode(&clear, Some(&sealed)) {
            let again = record::encode(&object);
            prop_assert_eq!((again.clear, again.sealed), (clear, sealed));
        }
    }

    #[test]
    fn a_spoiled_record_is_refused_or_is_the_only_encoding_of_what_it_says(
        parts in any_parts(),
        private in any::<bool>(),
        at in any::<prop::sample::Index>(),
        bit in 0u32..8,
        cut in any::<bool>(),
    ) {
        let object = born(&parts, template(vec![GivenAttr::bool(CKA_PRIVATE, private)]), Origin::Imported);
        let written = record::encode(&object);
        let (mut clear, mut sealed) = (written.clear.clone(), written.sealed.expose().to_vec());
        let target = if private { &mut sealed } else { &mut clear };
        let place = at.index(target.len());
        if cut { target.truncate(place) } else { target[place] ^= 1 << bit }
        let sealed = Secret::new(sealed);
        if let Ok(read) = record::decode(&clear, Some(&sealed)) {
            let _ = super::super::parts(&read);
            let again = record::encode(&read);
            prop_assert_eq!((again.clear, again.sealed), (clear, sealed));
        }
    }

    #[test]
    fn no_sequence_of_copies_and_changes_shows_a_secret(
        parts in proptest::sample::select(samples::privates().into_iter().chain([samples::symmetric()]).collect::<Vec<_>>()),
        sensitive in any::<bool>(),
        steps in proptest::collection::vec((any::<bool>(), any::<bool>(), proptest::collection::vec(any_change(), 0..4)), 1..12),
    ) {
        let t = template(vec![GivenAttr::bool(CKA_SENSITIVE, sensitive), GivenAttr::bool(CKA_EXTRACTABLE, sensitive)]);
        let mut object = born(&parts, t, Origin::Created);
        for (copying, officer, given) in steps {
            let Ok(t) = Template::parse(given) else { continue };
            let actor = if officer { OFFICER } else { USER };
            let changed = if copying { copy(&object, &t, &actor) } else { set(&object, &t, &actor) };
            if let Ok(changed) = changed {
                object = changed;
            }
            prop_assert_eq!(super::super::parts(&object), Ok(parts.clone()));
            for has in object.row().iter().filter(|h| h.rules.has(rules::Rules::SECRET)) {
                prop_assert_eq!(object.read(has.id), Read::Sensitive);
                if let Some(value) = object.get(has.id) {
                    let guess: Template = [(has.id, value.clone())].into_iter().collect();
                    prop_assert!(!matches(&object, &guess));
                }
            }
            prop_assert!(policy::may_export(&object).is_err());
            prop_assert!(object.is_private());
            prop_assert_eq!(record::encode(&object).clear, vec![1]);
        }
    }

    #[test]
    fn arbitrary_der_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = pkcs8::decode(&bytes);
        let _ = pkcs8::decode_rsa(&bytes);
        let _ = pkcs8::decode_sec1(&bytes);
        let _ = spki::decode(&bytes);
    }

    #[test]
    fn spoiled_der_is_read_or_refused(parts in any_parts(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut inputs = vec![];
        inputs.extend(pkcs8::encode(&parts).ok().map(|s| s.expose().to_vec()));
        inputs.extend(spki::spki(&parts));
        inputs.push(include_bytes!("openssl/p256.crt").to_vec());
        for mut input in inputs {
            let place = at.index(input.len());
            input[place] = byte;
            let _ = pkcs8::decode(&input);
            let _ = spki::decode(&input);
            let t = template(vec![
                GivenAttr::ulong(CKA_CLASS, CKO_CERTIFICATE),
                GivenAttr::ulong(CKA_CERTIFICATE_TYPE, CKC_X_509),
                GivenAttr::bytes(CKA_VALUE, &input),
            ]);
            let _ = create(t, &Origin::Created, &USER);
        }
    }
}

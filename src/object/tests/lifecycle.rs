//! A key's way through this room: numbers, attributes, record, numbers.

use super::super::*;
use super::samples::{self, USER, born, template};
use cngtoken_key::{Half, KeyParts, Secret};
use cryptoki_sys::*;

#[test]
fn numbers_survive_the_way_into_an_object_and_back() {
    for parts in samples::all() {
        let object = born(&parts, Template::default(), Origin::Created);
        assert_eq!(super::super::parts(&object), Ok(parts));
    }
}

#[test]
fn an_object_survives_its_record() {
    for parts in samples::all() {
        let object = born(&parts, Template::default(), Origin::Imported);
        let written = record::encode(&object);
        let read = record::decode(&written.clear, Some(&written.sealed)).expect("a record");
        assert_eq!(read.row().name, object.row().name);
        assert_eq!(super::super::parts(&read), Ok(parts));
        let again = record::encode(&read);
        assert_eq!((again.clear, again.sealed, again.terms), (written.clear, written.sealed, written.terms));
    }
}

#[test]
fn every_private_key_answers_for_its_public_half_and_hides_its_secrets() {
    for parts in samples::privates() {
        let object = born(&parts, Template::default(), Origin::Created);
        assert_eq!(object.read(CKA_PUBLIC_KEY_INFO), Read::Bytes(spki::spki(&parts).unwrap().into()));
        for has in object.row().iter().filter(|h| h.rules.has(rules::Rules::SECRET)) {
            assert_eq!(object.read(has.id), Read::Sensitive, "{} {}", object.row().name, attributes::name(has.id));
        }
        match object.key_type() {
            Some(CKK_RSA) => assert!(matches!(object.read(CKA_MODULUS), Read::Bytes(b) if b.len() == 256)),
            Some(CKK_EC) => {
                assert!(matches!(object.read(CKA_EC_POINT), Read::Bytes(b) if b[0] == 4 && b.len() >= 59));
                assert!(matches!(object.read(CKA_EC_PARAMS), Read::Bytes(b) if b[0] == 6));
            }
            Some(CKK_EC_EDWARDS | CKK_EC_MONTGOMERY) => assert!(matches!(object.read(CKA_EC_POINT), Read::Bytes(b) if b.len() == 32)),
            _ => {}
        }
    }
}

#[test]
fn the_private_value_of_an_elliptic_curve_is_as_wide_as_the_field() {
    let open = template(vec![GivenAttr::bool(CKA_SENSITIVE, false), GivenAttr::bool(CKA_EXTRACTABLE, true)]);
    let object = born(&samples::ec(), open, Origin::Created);
    assert!(matches!(object.read(CKA_VALUE), Read::Bytes(b) if b.len() == 28 && b[0] == 0), "P-224, with its leading zero");
}

/// What a client sends to create a key again that it could read: every number, and no more.
fn numbers_of(object: &Object) -> Vec<GivenAttr> {
    object
        .row()
        .iter()
        .filter(|h| h.rules.has(rules::Rules::CREATE) || h.rules.has(rules::Rules::SECRET) || h.id == CKA_EC_POINT)
        .filter_map(|h| match object.read(h.id) {
            Read::Bytes(b) => Some(GivenAttr::bytes(h.id, &b)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_key_of_every_kind_can_be_created_from_its_attributes() {
    let open = template(vec![GivenAttr::bool(CKA_SENSITIVE, false), GivenAttr::bool(CKA_EXTRACTABLE, true)]);
    for parts in samples::all() {
        let t = if parts.half() == Half::Public { Template::default() } else { open.clone() };
        let object = born(&parts, t, Origin::Created);
        let mut given = numbers_of(&object);
        given.push(GivenAttr::bytes(CKA_LABEL, b"again"));
        given.push(GivenAttr::bool(CKA_DERIVE, true));

        let draft = create(template(given), &Origin::Created, &USER).unwrap_or_else(|e| panic!("{}: {e}", object.row().name));

        let Draft::Key { claim, half, template } = draft else { panic!("not a key") };
        assert_eq!((claim.half(), half), (parts.half(), parts.half()), "{}", object.row().name);
        let again = from_parts(&parts, &template, &Origin::Created, &KeyDefaults::default(), &USER).unwrap();
        assert_eq!(super::super::parts(&again), Ok(parts));
        assert_eq!(again.row().name, object.row().name);
        assert_eq!(again.bytes(CKA_LABEL), Some(b"again".as_slice()));
        assert!(again.bool(CKA_DERIVE));
    }
}

#[test]
fn the_record_of_a_private_object_shows_nothing_in_clear() {
    let written = record::encode(&born(&samples::rsa(), Template::default(), Origin::Imported));
    assert!(written.private);
    assert_eq!(written.clear, [1]);
}

#[test]
fn a_public_secret_key_has_its_value_sealed_and_nothing_else() {
    let t = template(vec![GivenAttr::bool(CKA_PRIVATE, false), GivenAttr::ulong(CKA_KEY_TYPE, CKK_AES)]);
    let object = born(&samples::symmetric(), t, Origin::Created);
    let written = record::encode(&object);
    assert!(!written.private);
    assert!(!written.clear.windows(8).any(|w| w == [0xB6; 8]), "no byte of the key in the clear part");
    assert_eq!(written.sealed.len(), 1 + 17 + 32);

    let unopened = record::decode(&written.clear, None).unwrap();

    assert!(unopened.is_sealed());
    assert_eq!(unopened.bytes(CKA_LABEL), object.bytes(CKA_LABEL));
    assert_eq!(unopened.read(CKA_VALUE), Read::Sealed);
    assert_eq!(super::super::parts(&unopened).unwrap_err().reason, Reason::UserNotLoggedIn);
    assert_eq!(copy(&unopened, &Template::default(), &USER).unwrap_err().reason, Reason::UserNotLoggedIn);
}

/// The entries of a part: number and the whole entry.
fn entries(part: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut rest = &part[1..];
    let mut out = Vec::new();
    while !rest.is_empty() {
        let word = |at: usize| u64::from_le_bytes(rest[at..at + 8].try_into().unwrap());
        let len = 17 + usize::try_from(word(9)).unwrap();
        out.push((word(0), rest[..len].to_vec()));
        rest = &rest[len..];
    }
    out
}

fn part(entries: &[(u64, Vec<u8>)]) -> Vec<u8> {
    [vec![1], entries.iter().flat_map(|(_, e)| e.clone()).collect()].concat()
}

#[test]
fn a_record_with_an_attribute_on_the_wrong_side_of_the_seal_is_damaged() {
    let t = template(vec![GivenAttr::bool(CKA_PRIVATE, false)]);
    let written = record::encode(&born(&samples::symmetric(), t, Origin::Created));
    let mut all = [entries(&written.clear), entries(written.sealed.expose())].concat();
    all.sort();
    let no_seal = Secret::new(Vec::new());
    assert_eq!(record::decode(&part(&all), Some(&no_seal)).unwrap_err().to_string(), "an attribute on the wrong side of the seal");
    assert_eq!(record::decode(&[1], Some(&Secret::new(part(&all)))).unwrap_err().to_string(), "an attribute on the wrong side of the seal");
    assert_eq!(record::decode(&written.clear, Some(&Secret::new(vec![1]))).unwrap_err().reason, Reason::Damaged);
    let unsealed = record::decode(&written.clear, Some(&no_seal)).unwrap();
    assert_eq!(super::super::parts(&unsealed).unwrap_err().reason, Reason::Damaged, "a secret key without its value");
}

#[test]
fn a_record_has_one_order_and_no_entry_twice_and_none_that_says_nothing() {
    let t = template(vec![GivenAttr::bool(CKA_PRIVATE, false), GivenAttr::bytes(CKA_LABEL, b"x")]);
    let written = record::encode(&born(&samples::rsa().public().unwrap(), t, Origin::Created));
    let no_seal = Secret::new(Vec::new());
    let said = |entries: &[(u64, Vec<u8>)]| record::decode(&part(entries), Some(&no_seal)).map(|_| ()).map_err(|e| e.to_string());
    let good = entries(&written.clear);
    assert_eq!(said(&good), Ok(()));
    let (mut swapped, mut twice, mut empty, mut number) = (good.clone(), good.clone(), good.clone(), good.clone());
    swapped.swap(0, 1);
    twice.insert(1, good[0].clone());
    let label = good.iter().position(|(id, _)| *id == CKA_LABEL).unwrap();
    empty[label].1 = [&CKA_LABEL.to_le_bytes()[..], &[3], &[0; 8]].concat();
    let modulus = good.iter().position(|(id, _)| *id == CKA_MODULUS).unwrap();
    number[modulus].1[17] = 0;
    assert_eq!(said(&swapped), Err("entries out of order".to_owned()));
    assert_eq!(said(&twice), Err("entries out of order".to_owned()));
    assert_eq!(said(&empty), Err("a value that its attribute cannot have".to_owned()));
    assert_eq!(said(&number), Err("a value that its attribute cannot have".to_owned()), "a leading zero");
    assert_eq!(said(&good[1..]), Err("no class".to_owned()));
}

#[test]
fn a_record_of_another_format_is_refused_by_number() {
    let e = record::decode(&[2], Some(&Secret::new(Vec::new()))).unwrap_err();
    assert_eq!(e.to_string(), "the record has format 2, this program knows 1");
}

#[test]
fn a_profile_is_read_only_and_visible_to_all() {
    let profile = Object::profile(CKP_BASELINE_PROVIDER, "p1").unwrap();
    assert_eq!((profile.ulong(CKA_PROFILE_ID), profile.is_token(), profile.is_private()), (Some(CKP_BASELINE_PROVIDER), true, false));
    let label = template(vec![GivenAttr::bytes(CKA_LABEL, b"x")]);
    assert_eq!(set(&profile, &label, &USER).unwrap_err().reason, Reason::ActionProhibited);
    assert_eq!(copy(&profile, &label, &USER).unwrap_err().reason, Reason::ActionProhibited);
    assert_eq!(profile.read(CKA_VALUE), Read::Unknown);
    let t = template(vec![GivenAttr::ulong(CKA_CLASS, CKO_PROFILE), GivenAttr::ulong(CKA_PROFILE_ID, 1)]);
    assert_eq!(create(t, &Origin::Created, &USER).unwrap_err().reason, Reason::AttributeValueInvalid);
}

#[test]
fn what_is_known_and_empty_is_empty_and_what_is_not_known_is_unknown() {
    let object = born(&samples::rsa(), Template::default(), Origin::Created);
    for id in [CKA_SUBJECT, CKA_START_DATE, CKA_ID, CKA_ALLOWED_MECHANISMS] {
        assert_eq!(object.read(id), Read::Bytes((&[]).into()), "{}", attributes::name(id));
    }
    assert!(matches!(object.read(CKA_UNWRAP_TEMPLATE), Read::Template(t) if t.is_empty()));
    for id in [CKA_EC_POINT, CKA_VALUE, ids::CKA_CNG_BLOB, ids::STORED_DSA_SEED, 0x8000_0000, CKA_ENCRYPT] {
        assert_eq!(object.read(id), Read::Unknown, "{}", attributes::name(id));
    }
    let seeded = samples::privates().into_iter().find(|k| matches!(k, KeyParts::DsaPrivate(d) if d.public.domain.seed.is_some())).unwrap();
    assert_eq!(born(&seeded, Template::default(), Origin::Created).read(ids::STORED_DSA_SEED), Read::Unknown);
}

#[test]
fn a_check_value_is_settled_once_and_must_be_right() {
    let given = |value: &[u8]| template(vec![GivenAttr::bytes(CKA_CHECK_VALUE, value)]);
    let mut object = born(&samples::symmetric(), Template::default(), Origin::Created);
    assert_eq!(object.settle_check_value(&[1, 2, 3]), Ok(()));
    assert_eq!(object.read(CKA_CHECK_VALUE), Read::Bytes((&[1, 2, 3]).into()));
    let mut object = born(&samples::symmetric(), given(&[1, 2, 4]), Origin::Created);
    assert_eq!(object.settle_check_value(&[1, 2, 3]).unwrap_err().reason, Reason::AttributeValueInvalid);
    assert!(given(&[]).suppresses_check_value());
    assert!(!given(&[1]).suppresses_check_value());
}

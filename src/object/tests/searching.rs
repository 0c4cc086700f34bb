//! Searching: what matches, and that the index never hides what matches.

use super::super::*;
use super::samples::{self, USER, born, template};
use cryptoki_sys::*;

fn search(given: Vec<GivenAttr>) -> Template {
    Template::parse_search(given)
}

fn named() -> Object {
    born(&samples::rsa(), template(vec![GivenAttr::bytes(CKA_LABEL, b"name"), GivenAttr::bytes(CKA_ID, &[7])]), Origin::Created)
}

#[test]
fn an_empty_search_matches_everything_and_an_unknown_attribute_nothing() {
    let key = named();
    assert!(matches(&key, &search(Vec::new())));
    assert!(search_terms(&search(Vec::new())).is_empty());
    assert!(!matches(&key, &search(vec![GivenAttr::bytes(0xCE53_9999, b"")])));
    assert!(!matches(&key, &search(vec![GivenAttr::bytes(CKA_CLASS, &[3, 0, 0, 0])])));
    assert!(!matches(&key, &search(vec![GivenAttr::bytes(CKA_URL, b"")])), "not an attribute of keys");
}

#[test]
fn an_empty_value_matches_what_is_empty() {
    let key = named();
    assert!(matches(&key, &search(vec![GivenAttr::bytes(CKA_SUBJECT, b"")])));
    assert!(!matches(&key, &search(vec![GivenAttr::bytes(CKA_LABEL, b"")])));
}

#[test]
fn numbers_match_whatever_zeros_stand_in_front() {
    let key = named();
    let modulus = [&[0], key.bytes(CKA_MODULUS).unwrap()].concat();
    assert!(matches(&key, &search(vec![GivenAttr::bytes(CKA_MODULUS, &modulus)])));
}

#[test]
fn a_search_is_no_oracle_for_a_secret() {
    let key = named();
    let guess = search(vec![GivenAttr::bytes(CKA_PRIVATE_EXPONENT, key.bytes(CKA_PRIVATE_EXPONENT).unwrap())]);
    assert!(!matches(&key, &guess));
    let open = template(vec![GivenAttr::bool(CKA_SENSITIVE, false), GivenAttr::bool(CKA_EXTRACTABLE, true)]);
    assert!(matches(&born(&samples::rsa(), open, Origin::Created), &guess));
}

#[test]
fn every_search_by_what_an_object_shows_finds_it_and_its_terms_are_in_the_index() {
    let mut objects: Vec<Object> = samples::all().iter().map(|k| born(k, Template::default(), Origin::Imported)).collect();
    let certificate = template(vec![
        GivenAttr::ulong(CKA_CLASS, CKO_CERTIFICATE),
        GivenAttr::ulong(CKA_CERTIFICATE_TYPE, CKC_X_509),
        GivenAttr::bytes(CKA_VALUE, include_bytes!("openssl/p256.crt")),
    ]);
    let Draft::Object(certificate) = create(certificate, &Origin::Created, &USER).unwrap() else { panic!("a key?") };
    objects.push(certificate);
    objects.push(Object::profile(CKP_BASELINE_PROVIDER, "p").unwrap());
    for object in &objects {
        let index = index_terms(object);
        let all: Vec<GivenAttr> = object
            .row()
            .iter()
            .filter_map(|h| match object.read(h.id) {
                Read::Bytes(b) => Some(GivenAttr::bytes(h.id, &b)),
                _ => None,
            })
            .collect();
        for one in &all {
            let t = search(
                vec![GivenAttr::ulong(CKA_CLASS, object.class()), one.clone()].into_iter().take(if one.id == CKA_CLASS { 1 } else { 2 }).collect(),
            );
            assert!(matches(object, &t), "{} {}", object.row().name, attributes::name(one.id));
            for term in search_terms(&t) {
                assert!(index.contains(&term), "{} {}", object.row().name, attributes::name(one.id));
            }
        }
        let t = search(all);
        assert!(matches(object, &t));
        assert!(search_terms(&t).iter().all(|term| index.contains(term)));
    }
}

#[test]
fn terms_are_short_however_long_the_values() {
    for parts in samples::all() {
        for (_, bytes) in index_terms(&born(&parts, Template::default(), Origin::Created)) {
            assert!(bytes.len() <= 64);
        }
    }
}

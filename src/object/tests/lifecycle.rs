//! What becomes of a template and of a key.

use super::super::*;
use super::samples::{self, USER, born};
use cngtoken_key::KeyParts;

fn template(given: Vec<GivenAttr>) -> Template {
    Template::parse(given).expect("a template")
}

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
fn a_certificate_needs_a_subject_or_a_readable_value() {
    let _ = (USER, KeyParts::Secret);
    let t = template(vec![
        GivenAttr::ulong(cryptoki_sys::CKA_CLASS, cryptoki_sys::CKO_CERTIFICATE),
        GivenAttr::ulong(cryptoki_sys::CKA_CERTIFICATE_TYPE, cryptoki_sys::CKC_X_509),
        GivenAttr::bytes(cryptoki_sys::CKA_VALUE, b"not a certificate"),
    ]);
    let e = create(t, &Origin::Created, &USER).unwrap_err();
    assert_eq!((e.reason, e.attribute), (Reason::TemplateIncomplete, Some(cryptoki_sys::CKA_SUBJECT)));
}

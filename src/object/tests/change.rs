//! Copying and changing: one-way rules, who may, what stays.

use super::super::*;
use super::samples::{self, NOBODY, OFFICER, USER, born, template};
use cryptoki_sys::*;

fn with(id: u64, value: bool) -> Template {
    template(vec![GivenAttr::bool(id, value)])
}

fn refusal(result: Result<Object, ObjectError>) -> (Reason, Option<u64>) {
    let e = result.expect_err("refused");
    (e.reason, e.attribute)
}

fn open_key() -> Object {
    let t = template(vec![GivenAttr::bool(CKA_SENSITIVE, false), GivenAttr::bool(CKA_EXTRACTABLE, true)]);
    born(&samples::rsa(), t, Origin::Created)
}

#[test]
fn a_copy_with_an_empty_template_is_the_same_but_for_its_identity() {
    for parts in samples::all() {
        let object = born(&parts, Template::default(), Origin::Created);
        let mut twin = copy(&object, &Template::default(), &USER).unwrap();
        assert_eq!(twin.get(CKA_UNIQUE_ID), None);
        twin.with_identity("a1b2");
        assert_eq!(record::encode(&twin).sealed, record::encode(&object).sealed);
        assert_eq!(record::encode(&twin).clear, record::encode(&object).clear);
    }
}

#[test]
fn a_session_copy_as_openssls_provider_asks_for_it_works() {
    let key = born(&samples::rsa(), with(CKA_TOKEN, true), Origin::Created);
    let t =
        template(vec![GivenAttr::bool(CKA_TOKEN, false), GivenAttr::bytes(CKA_ID, b""), GivenAttr::bytes(CKA_LABEL, b"Internal Session Only Copy")]);
    let twin = copy(&key, &t, &USER).unwrap();
    assert_eq!((twin.is_token(), twin.read(CKA_ID)), (false, Read::Bytes((&[]).into())));
    assert_eq!(super::super::parts(&twin), super::super::parts(&key));
    assert!(twin.bool(CKA_SIGN));
}

#[test]
fn secrecy_goes_one_way_in_copies_and_in_place() {
    let key = open_key();
    for change in [copy, set] {
        let sensitive = change(&key, &with(CKA_SENSITIVE, true), &USER).unwrap();
        assert_eq!(refusal(change(&sensitive, &with(CKA_SENSITIVE, false), &USER)), (Reason::AttributeReadOnly, Some(CKA_SENSITIVE)));
        assert!(change(&sensitive, &with(CKA_SENSITIVE, true), &USER).is_ok(), "the same value is no change");
        assert!(!sensitive.bool(CKA_ALWAYS_SENSITIVE));
        let kept = change(&key, &with(CKA_EXTRACTABLE, false), &USER).unwrap();
        assert_eq!(refusal(change(&kept, &with(CKA_EXTRACTABLE, true), &USER)), (Reason::AttributeReadOnly, Some(CKA_EXTRACTABLE)));
        assert_eq!(kept.read(CKA_PRIME_1), Read::Sensitive);
        let wrapped = change(&key, &with(CKA_WRAP_WITH_TRUSTED, true), &USER).unwrap();
        assert_eq!(refusal(change(&wrapped, &with(CKA_WRAP_WITH_TRUSTED, false), &USER)), (Reason::AttributeReadOnly, Some(CKA_WRAP_WITH_TRUSTED)));
    }
}

#[test]
fn a_copy_may_become_private_with_the_user_and_never_public_again() {
    let public = born(&samples::rsa().public().unwrap(), Template::default(), Origin::Created);
    let private = copy(&public, &with(CKA_PRIVATE, true), &USER).unwrap();
    assert!(private.is_private());
    assert_eq!(refusal(copy(&public, &with(CKA_PRIVATE, true), &NOBODY)), (Reason::UserNotLoggedIn, Some(CKA_PRIVATE)));
    assert_eq!(refusal(copy(&private, &with(CKA_PRIVATE, false), &USER)), (Reason::TemplateInconsistent, Some(CKA_PRIVATE)));
    assert_eq!(refusal(set(&public, &with(CKA_PRIVATE, true), &USER)), (Reason::AttributeReadOnly, Some(CKA_PRIVATE)));
}

#[test]
fn what_must_not_be_copied_or_modified_is_not() {
    let fixed = born(&samples::rsa(), template(vec![GivenAttr::bool(CKA_COPYABLE, false), GivenAttr::bool(CKA_MODIFIABLE, false)]), Origin::Created);
    assert_eq!(refusal(copy(&fixed, &Template::default(), &USER)), (Reason::ActionProhibited, Some(CKA_COPYABLE)));
    assert_eq!(refusal(set(&fixed, &Template::default(), &USER)), (Reason::ActionProhibited, Some(CKA_MODIFIABLE)));
    let key = open_key();
    let once = set(&key, &with(CKA_COPYABLE, false), &USER).unwrap();
    assert_eq!(refusal(set(&once, &with(CKA_COPYABLE, true), &USER)), (Reason::AttributeReadOnly, Some(CKA_COPYABLE)));
    let solid = copy(&key, &with(CKA_DESTROYABLE, false), &USER).unwrap();
    assert!(!solid.bool(CKA_DESTROYABLE));
}

#[test]
fn names_can_be_changed_and_numbers_cannot() {
    let key = open_key();
    let names = template(vec![
        GivenAttr::bytes(CKA_ID, &[1; 20]),
        GivenAttr::bytes(CKA_LABEL, b"new"),
        GivenAttr::bytes(CKA_SUBJECT, &[0x30, 0]),
        GivenAttr::bytes(CKA_START_DATE, b"20260101"),
    ]);
    assert_eq!(set(&key, &names, &USER).unwrap().bytes(CKA_LABEL), Some(b"new".as_slice()));
    for id in [CKA_MODULUS, CKA_PRIVATE_EXPONENT, CKA_PUBLIC_KEY_INFO] {
        let t = template(vec![GivenAttr::bytes(id, &[1])]);
        assert_eq!(refusal(set(&key, &t, &USER)), (Reason::AttributeReadOnly, Some(id)));
        assert_eq!(refusal(copy(&key, &t, &USER)), (Reason::AttributeReadOnly, Some(id)));
    }
    let class = template(vec![GivenAttr::ulong(CKA_CLASS, CKO_PRIVATE_KEY)]);
    assert_eq!(refusal(set(&key, &class, &USER)), (Reason::AttributeReadOnly, Some(CKA_CLASS)));
    assert!(copy(&key, &class, &USER).is_ok(), "a copy may repeat what is so");
    let foreign = template(vec![GivenAttr::bytes(CKA_APPLICATION, b"x")]);
    assert_eq!(refusal(set(&key, &foreign, &USER)), (Reason::AttributeTypeInvalid, Some(CKA_APPLICATION)));
}

#[test]
fn a_copy_is_no_oracle_for_a_secret() {
    let key = open_key();
    let d = key.bytes(CKA_PRIVATE_EXPONENT).unwrap().to_vec();
    let t = template(vec![GivenAttr::bytes(CKA_PRIVATE_EXPONENT, &d)]);
    assert_eq!(refusal(copy(&key, &t, &USER)), (Reason::AttributeReadOnly, Some(CKA_PRIVATE_EXPONENT)));
}

#[test]
fn trust_is_the_officers_to_give_and_does_not_travel_with_copies() {
    let public = born(&samples::rsa().public().unwrap(), Template::default(), Origin::Created);
    assert_eq!(refusal(set(&public, &with(CKA_TRUSTED, true), &USER)), (Reason::AttributeReadOnly, Some(CKA_TRUSTED)));
    let trusted = set(&public, &with(CKA_TRUSTED, true), &OFFICER).unwrap();
    assert!(trusted.is_trusted());
    assert!(!copy(&trusted, &Template::default(), &USER).unwrap().is_trusted());
    assert!(copy(&trusted, &Template::default(), &OFFICER).unwrap().is_trusted());
    assert_eq!(refusal(set(&trusted, &with(CKA_TRUSTED, false), &USER)), (Reason::AttributeReadOnly, Some(CKA_TRUSTED)));
}

#[test]
fn a_failed_change_leaves_the_object_as_it_was() {
    let key = open_key();
    let before = record::encode(&key);
    let t = template(vec![GivenAttr::bytes(CKA_LABEL, b"half"), GivenAttr::bytes(CKA_MODULUS, &[1])]);
    assert!(set(&key, &t, &USER).is_err());
    assert_eq!(record::encode(&key).sealed, before.sealed);
}

#[test]
fn use_goes_by_flag_mechanism_and_date() {
    use policy::{Denied, Use, may};
    let t = template(vec![
        GivenAttr::bool(CKA_DECRYPT, false),
        GivenAttr::bytes(CKA_ALLOWED_MECHANISMS, &CKM_SHA256_RSA_PKCS.to_ne_bytes()),
        GivenAttr::bytes(CKA_START_DATE, b"20260201"),
        GivenAttr::bytes(CKA_END_DATE, b"20260228"),
    ]);
    let key = born(&samples::rsa(), t, Origin::Created);
    assert_eq!(may(&key, Use::Sign, CKM_SHA256_RSA_PKCS, None), Ok(()));
    assert_eq!(may(&key, Use::Sign, CKM_RSA_PKCS, None), Err(Denied::Mechanism(CKM_RSA_PKCS)));
    assert_eq!(may(&key, Use::Decrypt, CKM_RSA_PKCS, None), Err(Denied::Flag(CKA_DECRYPT)));
    assert_eq!(may(&key, Use::Verify, CKM_RSA_PKCS, None), Err(Denied::Flag(CKA_VERIFY)), "a private key verifies nothing");
    let on = |today: &[u8; 8]| may(&key, Use::Sign, CKM_SHA256_RSA_PKCS, Some(*today));
    assert_eq!(on(b"20260131"), Err(Denied::TooEarly));
    assert_eq!((on(b"20260201"), on(b"20260228")), (Ok(()), Ok(())));
    assert_eq!(on(b"20260301"), Err(Denied::TooLate));
    for what in Use::ALL {
        assert!(attributes::row(what.attribute()).is_some());
    }
}

#[test]
fn a_key_leaves_by_the_rules_of_its_own_and_of_the_wrapping_key() {
    use policy::{Kept, may_export, may_wrap};
    let wrapping = born(&samples::rsa().public().unwrap(), Template::default(), Origin::Created);
    let trusted = set(&wrapping, &with(CKA_TRUSTED, true), &OFFICER).unwrap();
    let key = open_key();
    assert_eq!((may_wrap(&key, &wrapping, true), may_export(&key)), (Ok(()), Ok(())));
    let sensitive = set(&key, &with(CKA_SENSITIVE, true), &USER).unwrap();
    assert_eq!((may_wrap(&sensitive, &wrapping, true), may_export(&sensitive)), (Ok(()), Err(Kept::Sensitive)));
    let choosy = set(&key, &with(CKA_WRAP_WITH_TRUSTED, true), &USER).unwrap();
    assert_eq!((may_wrap(&choosy, &wrapping, true), may_export(&choosy)), (Err(Kept::NeedsTrusted), Err(Kept::NeedsTrusted)));
    assert_eq!(may_wrap(&choosy, &trusted, true), Ok(()));
    assert_eq!(may_wrap(&choosy, &trusted, false), Err(Kept::NeedsTrusted), "trust of a record whose MAC was not checked");
    let fixed = set(&key, &with(CKA_EXTRACTABLE, false), &USER).unwrap();
    assert_eq!((may_wrap(&fixed, &wrapping, true), may_export(&fixed)), (Err(Kept::Unextractable), Err(Kept::Unextractable)));
    let only_aes = GivenAttr { id: CKA_WRAP_TEMPLATE, value: Given::Attrs(vec![GivenAttr::ulong(CKA_KEY_TYPE, CKK_AES)]) };
    let narrow = born(&samples::rsa().public().unwrap(), template(vec![only_aes]), Origin::Created);
    assert_eq!(may_wrap(&key, &narrow, true), Err(Kept::OutsideTemplate));
    assert_eq!(may_export(&wrapping), Ok(()));
}

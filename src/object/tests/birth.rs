//! Creation, generation, unwrapping, derivation, import: what a template must and must not hold, and what it need not.

use super::super::*;
use super::samples::{self, NOBODY, OFFICER, USER, born, template};
use cngtoken_key::{Family, KeyParts};
use cryptoki_sys::*;

fn refusal<T: std::fmt::Debug>(result: Result<T, ObjectError>) -> (Reason, Option<u64>) {
    let e = result.expect_err("refused");
    (e.reason, e.attribute)
}

fn rsa_public(more: Vec<GivenAttr>) -> Template {
    let mut given = vec![
        GivenAttr::ulong(CKA_CLASS, CKO_PUBLIC_KEY),
        GivenAttr::ulong(CKA_KEY_TYPE, CKK_RSA),
        GivenAttr::bytes(CKA_MODULUS, &[0, 0xC1, 0xC1]),
        GivenAttr::bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]),
    ];
    given.extend(more);
    template(given)
}

#[test]
fn creation_refuses_with_the_reason_and_the_attribute() {
    let create = |t| refusal(create(t, &Origin::Created, &USER));
    let without = |id| {
        let mut t = rsa_public(Vec::new());
        t.remove(id);
        t
    };
    assert_eq!(create(without(CKA_CLASS)), (Reason::TemplateIncomplete, Some(CKA_CLASS)));
    assert_eq!(create(without(CKA_KEY_TYPE)), (Reason::TemplateIncomplete, Some(CKA_KEY_TYPE)));
    assert_eq!(create(without(CKA_MODULUS)), (Reason::TemplateIncomplete, Some(CKA_MODULUS)));
    assert_eq!(create(rsa_public(vec![GivenAttr::bool(CKA_LOCAL, true)])), (Reason::AttributeReadOnly, Some(CKA_LOCAL)));
    assert_eq!(create(rsa_public(vec![GivenAttr::bytes(CKA_UNIQUE_ID, b"x")])), (Reason::AttributeReadOnly, Some(CKA_UNIQUE_ID)));
    assert_eq!(create(rsa_public(vec![GivenAttr::ulong(CKA_MODULUS_BITS, 16)])), (Reason::TemplateInconsistent, Some(CKA_MODULUS_BITS)));
    assert_eq!(create(rsa_public(vec![GivenAttr::bytes(CKA_PRIME_1, &[3])])), (Reason::TemplateInconsistent, Some(CKA_PRIME_1)));
    assert_eq!(create(rsa_public(vec![GivenAttr::bool(CKA_SIGN, true)])), (Reason::TemplateInconsistent, Some(CKA_SIGN)));
    assert_eq!(create(rsa_public(vec![GivenAttr::bool(CKA_TRUSTED, true)])), (Reason::AttributeReadOnly, Some(CKA_TRUSTED)));
    assert_eq!(create(template(vec![GivenAttr::ulong(CKA_CLASS, CKO_HW_FEATURE)])), (Reason::AttributeValueInvalid, Some(CKA_CLASS)));
    let seed = template(vec![GivenAttr::ulong(CKA_CLASS, CKO_SECRET_KEY), GivenAttr::ulong(CKA_KEY_TYPE, CKK_SEED)]);
    assert_eq!(create(seed), (Reason::AttributeValueInvalid, Some(CKA_KEY_TYPE)));
    let aes = |n: usize| {
        template(vec![GivenAttr::ulong(CKA_CLASS, CKO_SECRET_KEY), GivenAttr::ulong(CKA_KEY_TYPE, CKK_AES), GivenAttr::bytes(CKA_VALUE, &vec![7; n])])
    };
    assert_eq!(create(aes(17)), (Reason::KeySize, Some(CKA_VALUE)));
    assert_eq!(create(aes(0)), (Reason::TemplateIncomplete, Some(CKA_VALUE)));
    assert_eq!(
        refusal(super::super::create(rsa_public(vec![GivenAttr::bool(CKA_PRIVATE, true)]), &Origin::Created, &NOBODY).and_then(|d| {
            let Draft::Key { template, .. } = d else { panic!("not a key") };
            from_parts(&samples::rsa().public().unwrap(), &template, &Origin::Created, &KeyDefaults::default(), &NOBODY)
        })),
        (Reason::UserNotLoggedIn, Some(CKA_PRIVATE))
    );
}

#[test]
fn a_use_that_a_class_does_not_have_may_be_denied_and_an_impossible_one_claimed() {
    let t = rsa_public(vec![GivenAttr::bool(CKA_SIGN, false), GivenAttr::bool(CKA_SENSITIVE, false), GivenAttr::bool(CKA_DERIVE, true)]);
    assert!(create(t, &Origin::Created, &USER).is_ok());
}

#[test]
fn the_officer_may_mark_a_key_as_trusted() {
    assert!(create(rsa_public(vec![GivenAttr::bool(CKA_TRUSTED, true)]), &Origin::Created, &OFFICER).is_ok());
}

#[test]
fn what_nss_and_others_send_along_is_taken() {
    let more = vec![
        GivenAttr::bytes(ids::CKA_NSS_DB, &[1, 2]),
        GivenAttr::bytes(CKA_START_DATE, b""),
        GivenAttr::bytes(CKA_END_DATE, b""),
        GivenAttr::bytes(CKA_SUBJECT, b""),
        GivenAttr::bytes(CKA_ALLOWED_MECHANISMS, b""),
        GivenAttr::bytes(CKA_PUBLIC_KEY_INFO, b""),
        GivenAttr::bytes(CKA_PUBLIC_CRC64_VALUE, b""),
    ];
    assert!(create(rsa_public(more), &Origin::Created, &NOBODY).is_ok());
}

#[test]
fn edwards_keys_are_created_with_either_name_of_the_curve_and_either_form_of_the_point() {
    for params in [&[0x06, 0x03, 0x2B, 0x65, 0x70][..], b"\x13\x0cedwards25519"] {
        for point in [vec![9; 32], [&[4, 32][..], &[9; 32]].concat()] {
            let t = template(vec![
                GivenAttr::ulong(CKA_CLASS, CKO_PUBLIC_KEY),
                GivenAttr::ulong(CKA_KEY_TYPE, CKK_EC_EDWARDS),
                GivenAttr::bytes(CKA_EC_PARAMS, params),
                GivenAttr::bytes(CKA_EC_POINT, &point),
            ]);
            let Draft::Key { claim: cngtoken_key::Claim::Edwards(claim), .. } = create(t, &Origin::Created, &NOBODY).unwrap() else {
                panic!("not an Edwards key")
            };
            assert_eq!(claim.point, Some(vec![9; 32]));
        }
    }
}

#[test]
fn a_lattice_key_needs_its_seed_or_its_value() {
    let given = |more: Vec<GivenAttr>| {
        let mut given = vec![
            GivenAttr::ulong(CKA_CLASS, CKO_PRIVATE_KEY),
            GivenAttr::ulong(CKA_KEY_TYPE, CKK_ML_DSA),
            GivenAttr::ulong(CKA_PARAMETER_SET, CKP_ML_DSA_65),
        ];
        given.extend(more);
        template(given)
    };
    assert_eq!(refusal(create(given(Vec::new()), &Origin::Created, &USER)), (Reason::TemplateIncomplete, Some(CKA_VALUE)));
    assert!(create(given(vec![GivenAttr::bytes(CKA_SEED, &[1; 32])]), &Origin::Created, &USER).is_ok());
    assert!(create(given(vec![GivenAttr::bytes(CKA_VALUE, &[1; 4032])]), &Origin::Created, &USER).is_ok());
}

#[test]
fn private_keys_are_private_sensitive_and_unextractable_by_default_and_can_do_what_their_type_can() {
    let key = born(&samples::rsa(), Template::default(), Origin::Created);
    for id in [CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN, CKA_SIGN_RECOVER, CKA_DECRYPT, CKA_UNWRAP, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE] {
        assert_eq!(key.get(id), Some(&Value::Bool(true)), "{}", attributes::name(id));
    }
    for id in
        [CKA_TOKEN, CKA_EXTRACTABLE, CKA_DERIVE, CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_DECAPSULATE, CKA_ALWAYS_AUTHENTICATE]
    {
        assert_eq!(key.get(id), Some(&Value::Bool(false)), "{}", attributes::name(id));
    }
    assert_eq!(key.ulong(CKA_KEY_GEN_MECHANISM), Some(ids::CK_UNAVAILABLE_INFORMATION));
    let ec = born(&samples::ec(), Template::default(), Origin::Created);
    assert_eq!((ec.bool(CKA_SIGN), ec.bool(CKA_DECRYPT), ec.bool(CKA_DERIVE)), (true, false, false));
    let kem = samples::privates().into_iter().find(|k| k.family() == Family::MlKem).unwrap();
    assert!(born(&kem, Template::default(), Origin::Created).bool(CKA_DECAPSULATE));
    assert!(born(&kem.public().unwrap(), Template::default(), Origin::Created).bool(CKA_ENCAPSULATE));
}

#[test]
fn secret_keys_are_readable_by_default_unless_they_are_called_sensitive() {
    let key = born(&samples::symmetric(), Template::default(), Origin::Created);
    assert_eq!((key.is_private(), key.bool(CKA_SENSITIVE), key.bool(CKA_EXTRACTABLE)), (true, false, true));
    assert!(matches!(key.read(CKA_VALUE), Read::Bytes(b) if b.len() == 32));
    let key = born(&samples::symmetric(), template(vec![GivenAttr::bool(CKA_SENSITIVE, true)]), Origin::Created);
    assert_eq!((key.bool(CKA_EXTRACTABLE), key.read(CKA_VALUE)), (false, Read::Sensitive));
}

#[test]
fn birth_decides_what_was_always_so() {
    let t = || template(vec![GivenAttr::bool(CKA_SENSITIVE, true), GivenAttr::bool(CKA_EXTRACTABLE, false), GivenAttr::ulong(CKA_VALUE_LEN, 32)]);
    let facts = |origin| {
        let key = born(&samples::symmetric(), t(), origin);
        (key.bool(CKA_ALWAYS_SENSITIVE), key.bool(CKA_NEVER_EXTRACTABLE), key.bool(CKA_LOCAL), key.ulong(CKA_KEY_GEN_MECHANISM).unwrap())
    };
    const NONE: u64 = ids::CK_UNAVAILABLE_INFORMATION;
    assert_eq!(facts(Origin::Generated { mechanism: CKM_GENERIC_SECRET_KEY_GEN }), (true, true, true, CKM_GENERIC_SECRET_KEY_GEN));
    assert_eq!(facts(Origin::Derived { always_sensitive: true, never_extractable: false }), (true, false, false, NONE));
    assert_eq!(facts(Origin::Derived { always_sensitive: false, never_extractable: true }), (false, true, false, NONE));
    assert_eq!(facts(Origin::Encapsulated), (false, false, false, NONE));
    assert_eq!(facts(Origin::Imported), (false, false, false, NONE));
}

#[test]
fn an_unwrapped_key_is_extractable_by_default_as_the_standard_says() {
    let t = template(vec![GivenAttr::ulong(CKA_CLASS, CKO_PRIVATE_KEY), GivenAttr::ulong(CKA_KEY_TYPE, CKK_RSA)]);
    let key = born(&samples::rsa(), t, Origin::Unwrapped);
    assert_eq!((key.bool(CKA_SENSITIVE), key.bool(CKA_EXTRACTABLE)), (true, true));
    let missing = from_parts(&samples::rsa(), &Template::default(), &Origin::Unwrapped, &KeyDefaults::default(), &USER);
    assert_eq!(refusal(missing), (Reason::TemplateIncomplete, Some(CKA_KEY_TYPE)));
}

#[test]
fn imported_keys_follow_the_rules_of_import() {
    let import = |parts: &KeyParts, usage| {
        let defaults = KeyDefaults { id: Some(vec![1; 20]), usage, origin: Some("RSAPRIVATEBLOB RSA2".to_owned()), key_type: None };
        from_parts(parts, &Template::default(), &Origin::Imported, &defaults, &USER).unwrap()
    };
    let flags = |o: &Object, ids: &[u64]| ids.iter().map(|id| o.bool(*id)).collect::<Vec<_>>();
    let private = [CKA_SIGN, CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE];

    let key = import(&samples::rsa(), Usage::Family);
    assert_eq!(flags(&key, &private), [true, true, true, false]);
    assert_eq!((key.bool(CKA_SENSITIVE), key.bool(CKA_EXTRACTABLE), key.bytes(CKA_ID)), (true, false, Some([1; 20].as_slice())));
    assert_eq!(key.read(ids::CKA_CNG_ORIGIN), Read::Bytes(b"RSAPRIVATEBLOB RSA2".into()));
    assert_eq!(flags(&import(&samples::rsa(), Usage::SignOnly), &private), [true, false, false, false]);
    let public = import(&samples::rsa().public().unwrap(), Usage::SignOnly);
    assert_eq!(flags(&public, &[CKA_VERIFY, CKA_ENCRYPT, CKA_WRAP]), [true, false, false]);
    assert_eq!(flags(&import(&samples::ec(), Usage::DeriveAndSign), &private), [true, false, false, true]);
    assert_eq!(flags(&import(&samples::ec(), Usage::SignOnly), &private), [true, false, false, false]);
    let dh = samples::privates().into_iter().find(|k| k.family() == Family::Dh).unwrap();
    assert_eq!(flags(&import(&dh, Usage::Family), &private), [false, false, false, true]);
    let secret = import(&samples::symmetric(), Usage::Family);
    assert_eq!((secret.bool(CKA_SENSITIVE), secret.bool(CKA_EXTRACTABLE)), (true, false));
}

#[test]
fn a_repeated_number_must_agree_and_may_be_spelled_freely() {
    let parts = samples::ec();
    let KeyParts::EcPrivate(key) = &parts else { panic!("not EC") };
    let with = |id, value: &[u8]| {
        from_parts(&parts, &template(vec![GivenAttr::bytes(id, value)]), &Origin::Imported, &KeyDefaults::default(), &USER)
            .map(|o| o.read(id) != Read::Unknown)
    };
    assert_eq!(with(CKA_EC_POINT, &key.public.uncompressed()), Ok(true), "the raw point");
    assert_eq!(with(CKA_VALUE, &[&[0, 0], key.d.expose()].concat()), Ok(true), "zeros in front");
    assert_eq!(with(CKA_PUBLIC_KEY_INFO, b""), Ok(true));
    for (id, value) in [(CKA_EC_POINT, vec![4; 57]), (CKA_VALUE, vec![1]), (CKA_EC_PARAMS, vec![6, 1, 42]), (CKA_PUBLIC_KEY_INFO, vec![0x30, 0])] {
        assert_eq!(with(id, &value).unwrap_err(), ObjectError::at(Reason::TemplateInconsistent, id, "the template and the key do not agree"));
    }
    let class = template(vec![GivenAttr::ulong(CKA_CLASS, CKO_PUBLIC_KEY)]);
    assert_eq!(
        refusal(from_parts(&parts, &class, &Origin::Imported, &KeyDefaults::default(), &USER)),
        (Reason::TemplateInconsistent, Some(CKA_CLASS))
    );
}

#[test]
fn no_secret_number_is_taken_from_a_template_of_generation_unwrapping_or_derivation() {
    let KeyParts::Secret(value) = samples::symmetric() else { panic!("not symmetric") };
    let t = template(vec![
        GivenAttr::bytes(CKA_VALUE, value.expose()),
        GivenAttr::ulong(CKA_VALUE_LEN, 32),
        GivenAttr::ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
    ]);
    let derived = Origin::Derived { always_sensitive: false, never_extractable: false };
    for origin in [Origin::Generated { mechanism: 1 }, Origin::Unwrapped, Origin::Encapsulated, derived] {
        let made = from_parts(&samples::symmetric(), &t, &origin, &KeyDefaults::default(), &USER);
        assert_eq!(refusal(made), (Reason::TemplateInconsistent, Some(CKA_VALUE)), "{origin:?}");
    }
}

#[test]
fn a_key_that_always_asks_for_its_pin_is_private() {
    let t = template(vec![GivenAttr::bool(CKA_ALWAYS_AUTHENTICATE, true), GivenAttr::bool(CKA_PRIVATE, false)]);
    let made = from_parts(&samples::rsa(), &t, &Origin::Imported, &KeyDefaults::default(), &USER);
    assert_eq!(refusal(made), (Reason::TemplateInconsistent, Some(CKA_ALWAYS_AUTHENTICATE)));
}

#[test]
fn the_templates_of_a_generation_are_judged_before_it() {
    let origin = Origin::Generated { mechanism: CKM_RSA_PKCS_KEY_PAIR_GEN };
    let check = |mut t: Template, class, actor: &Actor| precheck(&mut t, class, CKK_RSA, &origin, actor);
    let bits = || vec![GivenAttr::ulong(CKA_MODULUS_BITS, 2048)];
    assert_eq!(refusal(check(Template::default(), CKO_PUBLIC_KEY, &USER)), (Reason::TemplateIncomplete, Some(CKA_MODULUS_BITS)));
    assert_eq!(check(template(bits()), CKO_PUBLIC_KEY, &NOBODY), Ok(()));
    assert_eq!(refusal(check(Template::default(), CKO_PRIVATE_KEY, &NOBODY)), (Reason::UserNotLoggedIn, Some(CKA_PRIVATE)));
    let wrong = template(vec![GivenAttr::ulong(CKA_KEY_TYPE, CKK_EC)]);
    assert_eq!(refusal(check(wrong, CKO_PRIVATE_KEY, &USER)), (Reason::TemplateInconsistent, Some(CKA_KEY_TYPE)));
}

#[test]
fn the_length_of_a_private_exponent_is_kept_as_it_was_asked_for() {
    let dh = samples::privates().into_iter().find(|k| k.family() == Family::Dh).unwrap();
    let with = |bits| {
        let t = template(vec![GivenAttr::ulong(CKA_VALUE_BITS, bits)]);
        from_parts(&dh, &t, &Origin::Generated { mechanism: CKM_DH_PKCS_KEY_PAIR_GEN }, &KeyDefaults::default(), &USER)
    };
    assert_eq!(with(260).unwrap().ulong(CKA_VALUE_BITS), Some(260));
    assert_eq!(refusal(with(8)), (Reason::TemplateInconsistent, Some(CKA_VALUE_BITS)));
}

#[test]
fn x942_keys_need_their_subprime() {
    let mut dh = samples::privates().into_iter().filter(|k| k.family() == Family::Dh);
    let (without_q, with_q) = (dh.next().unwrap(), dh.next().unwrap());
    let t = template(vec![GivenAttr::ulong(CKA_KEY_TYPE, CKK_X9_42_DH)]);
    let make = |parts: &KeyParts, t: &Template| from_parts(parts, t, &Origin::Imported, &KeyDefaults::default(), &USER);
    assert_eq!(refusal(make(&without_q, &t)), (Reason::TemplateInconsistent, Some(CKA_KEY_TYPE)));
    assert!(matches!(make(&with_q, &t).unwrap().read(CKA_SUBPRIME), Read::Bytes(b) if b.len() == 32));
    let pkcs3 = make(&with_q, &Template::default()).unwrap();
    assert_eq!((pkcs3.key_type(), pkcs3.read(CKA_SUBPRIME)), (Some(CKK_DH), Read::Unknown));
    assert_eq!(super::super::parts(&pkcs3), Ok(with_q), "q is remembered all the same");
}

#[test]
fn domain_parameters_know_their_sizes() {
    let t = template(vec![
        GivenAttr::ulong(CKA_CLASS, CKO_DOMAIN_PARAMETERS),
        GivenAttr::ulong(CKA_KEY_TYPE, CKK_X9_42_DH),
        GivenAttr::bytes(CKA_PRIME, &[0xFF; 64]),
        GivenAttr::bytes(CKA_SUBPRIME, &[0x7F; 20]),
        GivenAttr::bytes(CKA_BASE, &[2]),
    ]);
    let Draft::Object(domain) = create(t, &Origin::Created, &NOBODY).unwrap() else { panic!("a key?") };
    assert_eq!((domain.ulong(CKA_PRIME_BITS), domain.ulong(CKA_SUBPRIME_BITS)), (Some(512), Some(159)));
    assert_eq!((domain.get(CKA_LOCAL), domain.key_type()), (Some(&Value::Bool(false)), None));
}

#[test]
fn a_trust_object_needs_the_certificates_hash_only_to_trust() {
    let given = |trust| {
        template(vec![
            GivenAttr::ulong(CKA_CLASS, CKO_TRUST),
            GivenAttr::bytes(CKA_ISSUER, &[0x30, 0]),
            GivenAttr::bytes(CKA_SERIAL_NUMBER, &[2, 1, 1]),
            GivenAttr::ulong(CKA_TRUST_SERVER_AUTH, trust),
        ])
    };
    assert_eq!(refusal(create(given(1), &Origin::Created, &NOBODY)), (Reason::TemplateIncomplete, Some(CKA_HASH_OF_CERTIFICATE)));
    assert!(create(given(3), &Origin::Created, &NOBODY).is_ok());
}

#[test]
fn an_imports_template_goes_to_the_half_that_has_it() {
    let t = template(vec![
        GivenAttr::ulong(CKA_CLASS, CKO_PRIVATE_KEY),
        GivenAttr::bytes(CKA_LABEL, b"both"),
        GivenAttr::bool(CKA_TOKEN, true),
        GivenAttr::bool(CKA_PRIVATE, true),
        GivenAttr::bool(CKA_EXTRACTABLE, true),
        GivenAttr::bool(CKA_VERIFY, false),
        GivenAttr::bool(CKA_DECRYPT, false),
    ]);
    let halves = halves(&t, CKK_RSA, true, true).unwrap();
    let ids = |t: &Template| t.iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(&halves.public), [CKA_TOKEN, CKA_LABEL, CKA_VERIFY]);
    assert_eq!(ids(&halves.private), [CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_DECRYPT, CKA_EXTRACTABLE]);
    let odd = template(vec![GivenAttr::bytes(CKA_URL, b"x")]);
    assert_eq!(refusal(super::super::halves(&odd, CKK_RSA, true, true)), (Reason::AttributeTypeInvalid, Some(CKA_URL)));
    assert_eq!(refusal(super::super::halves(&t, CKK_RSA, true, false)), (Reason::TemplateInconsistent, Some(CKA_CLASS)));
}

//! CKM_PUB_KEY_FROM_PRIV_KEY: the public object of a private key. A derivation by name only: nothing is kept secret, so CKA_DERIVE is not
//! asked for. Source: PKCS#11 3.2, "Public key from private key", its table of attributes.

use super::Derived;
use crate::object::{self, GivenAttr, KeyDefaults, Object, Origin, Template, ids, policy};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::mechanism::{MechRow, Mechanism};
use crate::token::plan::no_parameter;
use crate::token::session::Session;
use cryptoki_sys as ck;

/// What the public key takes over where the template is silent: its attribute, and the private key's.
const TAKEN_OVER: &[(u64, u64)] = &[
    (ck::CKA_ENCRYPT, ck::CKA_DECRYPT),
    (ck::CKA_VERIFY, ck::CKA_SIGN),
    (ck::CKA_VERIFY_RECOVER, ck::CKA_SIGN_RECOVER),
    (ck::CKA_WRAP, ck::CKA_UNWRAP),
    (ck::CKA_ENCAPSULATE, ck::CKA_DECAPSULATE),
    (ck::CKA_DERIVE, ck::CKA_DERIVE),
    (ck::CKA_ID, ck::CKA_ID),
    (ck::CKA_START_DATE, ck::CKA_START_DATE),
    (ck::CKA_END_DATE, ck::CKA_END_DATE),
    (ck::CKA_SUBJECT, ck::CKA_SUBJECT),
    (ck::CKA_ALLOWED_MECHANISMS, ck::CKA_ALLOWED_MECHANISMS),
];

fn with_defaults(mut template: Template, private: &Object) -> Template {
    for (id, from) in TAKEN_OVER {
        if let (Some(value), false) = (private.get(*from), template.contains(*id)) {
            template.insert(*id, value.clone());
        }
    }
    template
}

impl Application {
    pub(super) fn public_half(&self, session: &Session, row: &MechRow, mechanism: &Mechanism, base: u64, given: Vec<GivenAttr>) -> R<Derived> {
        let working = self.working(session, base)?;
        let private = &working.snapshot.object;
        let fits = private.class() == ck::CKO_PRIVATE_KEY && private.key_type().is_some_and(|key_type| row.keys.contains(&key_type));
        if !fits {
            return Err(Reason::KeyTypeInconsistent.because("only a private key has a public half"));
        }
        policy::allowed(private, mechanism.id)?;
        no_parameter(&mechanism.params)?;
        let template = with_defaults(Template::parse(given)?, private);
        let public = working.key.parts().public().ok_or(Reason::KeyTypeInconsistent)?;
        let key_gen_mechanism = private.ulong(ck::CKA_KEY_GEN_MECHANISM).unwrap_or(ids::CK_UNAVAILABLE_INFORMATION);
        let defaults = KeyDefaults { key_type: private.key_type(), ..KeyDefaults::default() };
        let object = object::from_parts(&public, &template, &Origin::PublicHalf { key_gen_mechanism }, &defaults, &session.actor())?;
        let handle = self.place(session, vec![object])?.pop();
        Ok(Derived { key: Some(handle.ok_or(Reason::GeneralError)?), ..Derived::default() })
    }
}

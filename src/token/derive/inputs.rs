//! The keys that a derivation starts from: the base key and those that a parameter names by handle. Each must be visible, a secret key with
//! CKA_DERIVE (the base: what its mechanism's row says), and allow the mechanism; each has its say in what the new key becomes.
//!
//! Source: PKCS#11 3.2, the rules "about key sensitivity and extractability" of each derivation mechanism; "C_DeriveKey".

use crate::object::policy::{self, Use};
use crate::object::{Object, Origin, Template, Value};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::keys::impose;
use crate::token::mechanism::{Mechanism, Params};
use crate::token::plan::derivation::Secrecy;
use crate::token::session::Session;
use crate::token::usage::{Usable, Working};
use cngtoken_key::{KeyParts, Secret};
use cryptoki_sys as ck;
use std::sync::Arc;

/// The base key, and the others as they are named.
pub(super) struct Inputs<'a> {
    app: &'a Application,
    session: &'a Session,
    mechanism: &'a Mechanism,
    base: Arc<Working>,
    others: Vec<Arc<Working>>,
    epoch: Option<u64>,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(app: &'a Application, session: &'a Session, mechanism: &'a Mechanism, base: Usable) -> Self {
        Self { app, session, mechanism, base: base.working, others: Vec::new(), epoch: base.epoch }
    }

    /// The base key.
    pub(super) fn base(&self) -> &Working {
        &self.base
    }

    /// The mechanism's parameter.
    pub(super) fn params(&self) -> &Params {
        &self.mechanism.params
    }

    /// The login epoch that the result depends on.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// The value of another key, which from now on counts among the inputs.
    pub(super) fn key(&mut self, handle: u64) -> R<Secret> {
        let working = self.app.working(self.session, handle)?;
        let KeyParts::Secret(value) = working.key.parts() else {
            return Err(Reason::KeyTypeInconsistent.because("a key that the parameter names is no secret key"));
        };
        policy::may(&working.snapshot.object, Use::Derive, self.mechanism.id, None)?;
        let value = value.clone();
        if working.entry.private {
            self.epoch = self.epoch.or_else(|| Some(self.session.slot.epoch()));
        }
        self.others.push(working);
        Ok(value)
    }

    fn objects(&self) -> impl Iterator<Item = &Object> {
        std::iter::once(&self.base).chain(&self.others).map(|w| &w.snapshot.object)
    }

    /// Lays what the inputs demand over the template, and tells what they pass on.
    pub(super) fn derived(&self, template: &mut Template, secrecy: Secrecy) -> R<Origin> {
        for object in self.objects() {
            impose(object, ck::CKA_DERIVE_TEMPLATE, template)?;
        }
        match secrecy {
            Secrecy::Free => {}
            Secrecy::Copied => {
                for id in [ck::CKA_SENSITIVE, ck::CKA_EXTRACTABLE] {
                    if !template.contains(id) {
                        template.insert(id, Value::Bool(self.base.snapshot.object.bool(id)));
                    }
                }
            }
            Secrecy::Inherited => {
                if self.objects().any(|o| o.bool(ck::CKA_SENSITIVE)) {
                    demand(template, ck::CKA_SENSITIVE, true)?;
                }
                if !self.objects().all(|o| o.bool(ck::CKA_EXTRACTABLE)) {
                    demand(template, ck::CKA_EXTRACTABLE, false)?;
                }
            }
        }
        let held = |id| match secrecy {
            // One input that nobody has ever seen is enough.
            Secrecy::Copied => self.objects().any(|o| o.bool(id)),
            Secrecy::Free | Secrecy::Inherited => self.objects().all(|o| o.bool(id)),
        };
        Ok(Origin::Derived { always_sensitive: held(ck::CKA_ALWAYS_SENSITIVE), never_extractable: held(ck::CKA_NEVER_EXTRACTABLE) })
    }
}

pub(super) fn demand(template: &mut Template, id: u64, value: bool) -> R<()> {
    if template.bool(id) == Some(!value) {
        let name = crate::object::attributes::name(id);
        return Err(Reason::TemplateInconsistent.because(format!("{name}: the keys that the new one is made of allow only {value}")));
    }
    template.insert(id, Value::Bool(value));
    Ok(())
}

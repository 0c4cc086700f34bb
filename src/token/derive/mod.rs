//! C_DeriveKey: from one or more keys of the token to new ones.
//!
//! What is computed comes from the mechanism's plan; here are the rules that all derivations share: which keys may serve, of what type and
//! length the result is, whose secrecy it has, and that all new keys come into being or none. Source: PKCS#11 3.2, "C_DeriveKey" and the
//! sections of the derivation mechanisms.

mod inputs;
mod public;
mod result;
mod tls;

use crate::object::policy::Use;
use crate::object::{GivenAttr, Object, Template};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::mechanism::{self, Mechanism};
use crate::token::plan::Planner;
use crate::token::plan::derivation::{Base, Derivation, How, Kdf};
use crate::token::plan::tls::Tls;
use crate::token::session::Session;
use cngtoken_crypto as crypto;
use cngtoken_key::{KeyParts, Secret};
use inputs::Inputs;
use result::{Target, length};

/// What C_DeriveKey is asked for beside the mechanism.
#[derive(Default)]
pub struct Wanted {
    /// `pTemplate`.
    pub template: Vec<GivenAttr>,
    /// `phKey` is not NULL.
    pub place: bool,
    /// The templates of further keys that the parameter asks for.
    pub more: Vec<Vec<GivenAttr>>,
    /// Set on failure: which of the further keys' templates was at fault.
    pub offending: Option<usize>,
}

/// What C_DeriveKey answers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Derived {
    /// The new key; `None` for a mechanism that gives its keys through its parameter alone.
    pub key: Option<u64>,
    /// Further keys, in the order in which the parameter has places for them.
    pub more: Vec<u64>,
    /// A version that lay in the base key.
    pub version: Option<(u8, u8)>,
    /// Initialization vectors: the client's, the server's.
    pub vectors: [Vec<u8>; 2],
}

impl Application {
    /// C_DeriveKey.
    ///
    /// # Errors
    /// SessionHandleInvalid, KeyHandleInvalid, KeyTypeInconsistent, KeyFunctionNotPermitted, KeySizeRange, MechanismInvalid,
    /// MechanismParamInvalid, PublicKeyInvalid, DataLenRange, ArgumentsBad without a place, the template's codes.
    pub fn derive_key(&self, session: u64, mechanism: &Mechanism, base: u64, wanted: &mut Wanted) -> R<Derived> {
        let session = self.session(session)?;
        let no_place = || Reason::ArgumentsBad.because("there is no place for the new key's handle");
        if let Some(row) = mechanism::row(mechanism.id).filter(|row| row.plan == Planner::PublicHalf) {
            let given = if wanted.place { std::mem::take(&mut wanted.template) } else { return Err(no_place()) };
            return self.public_half(&session, row, mechanism, base, given);
        }
        let usable = self.usable(&session, mechanism, base, Use::Derive)?;
        let tls = if let Planner::Kdf(Kdf::Tls(tls)) = usable.row.plan { Some(tls) } else { None };
        let given = std::mem::take(&mut wanted.template);
        if let Some(Tls::Keys { vectors }) = tls {
            let inputs = Inputs::new(self, &session, mechanism, usable);
            return self.tls_keys(&session, &inputs, Template::parse(given)?, vectors);
        }
        if !wanted.place {
            return Err(no_place());
        }
        let template = Template::parse(given)?;
        if let Some(Tls::Master { dh, extended }) = tls {
            return self.tls_master(&session, &Inputs::new(self, &session, mechanism, usable), template, dh, extended);
        }
        let row = usable.row;
        let len = if let KeyParts::Secret(value) = usable.working.key.parts() { value.len() } else { 0 };
        let base = Base { key_type: usable.working.snapshot.object.key_type().unwrap_or_default(), len };
        let mut inputs = Inputs::new(self, &session, mechanism, usable);
        let plan = row.plan.derivation(&mechanism.params, base, &mut |handle| inputs.key(handle))?;
        let objects = new_objects(&session, &inputs, &plan, template, wanted)?;
        session.still_valid(inputs.epoch())?;
        let mut handles = self.place(&session, objects)?.into_iter();
        Ok(Derived { key: Some(handles.next().ok_or(Reason::GeneralError)?), more: handles.collect(), ..Derived::default() })
    }
}

/// All that is made, or nothing.
fn new_objects(session: &Session, inputs: &Inputs<'_>, plan: &Derivation, template: Template, wanted: &mut Wanted) -> R<Vec<Object>> {
    let base = &inputs.base().key;
    if plan.data {
        let (template, want) = result::for_data(template)?;
        let How::Derive(how) = &plan.how else { return Err(Reason::MechanismInvalid.into()) };
        let want = length(want, crypto::derived_len(base, how)?, plan, None)?;
        return Ok(vec![result::data(session, template, &crypto::derive(base, how, want)?)?]);
    }
    let first = Target::new(inputs, plan, template)?;
    let secrets = match &plan.how {
        How::Several(kdf) => {
            let mut targets = vec![first];
            for (index, given) in std::mem::take(&mut wanted.more).into_iter().enumerate() {
                wanted.offending = Some(index);
                let target = Template::parse(given).map_err(Into::into).and_then(|template| Target::new(inputs, plan, template))?;
                target.asked(plan)?;
                targets.push(target);
            }
            wanted.offending = None;
            let wants = targets.iter().map(|target| target.asked(plan)).collect::<R<Vec<_>>>()?;
            let secrets = crypto::kbkdf(base, kdf, &wants)?;
            return targets
                .iter()
                .zip(secrets)
                .enumerate()
                .map(|(index, (target, secret))| {
                    wanted.offending = index.checked_sub(1);
                    target.object(session, secret)
                })
                .collect();
        }
        How::Agree(agreement) => crypto::agree(base, &agreement.peer, &agreement.how, first.agreed()?)?,
        How::Derive(how) => derived(inputs, &first, plan, how)?,
    };
    Ok(vec![first.object(session, secrets)?])
}

fn derived(inputs: &Inputs<'_>, target: &Target, plan: &Derivation, how: &crypto::Derive) -> R<Secret> {
    let base = &inputs.base().key;
    let want = target.length(plan, crypto::derived_len(base, how)?)?;
    match plan.base_if_at_most {
        Some(most) if want <= most => Ok(crypto::derive(base, &crypto::Derive::Extract { bit: 0 }, want)?),
        _ => Ok(crypto::derive(base, how, want)?),
    }
}

//! C_FindObjects*: stored objects by index, session objects, and the synthetic profile objects.
//!
//! Every hit of the index is opened and compared with the template before its handle is given out, so a damaged or exchanged index
//! cannot hand out another object. Source: PKCS#11 3.2, "Object management functions", "Searching for objects"; profiles: PKCS#11 Profiles 3.2.

use crate::object::{self, GivenAttr, Object, Template};
use crate::token::application::Application;
use crate::token::error::{R, Reason};
use crate::token::handles::Snapshot;
use crate::token::operation::{ContextLogin, Kind, Op, Running};
use crate::token::session::Session;
use crate::token::slot::Role;
use cngtoken_storage::{Keys, ObjectId, Term, Vault};
use cryptoki_sys as ck;
use std::collections::VecDeque;
use std::sync::Arc;

/// The profiles that are true of this token. pkcs11-provider reads at most five.
pub(crate) const PROFILES: &[(u64, &str)] =
    &[(ck::CKP_BASELINE_PROVIDER, "cngtoken-profile-baseline"), (ck::CKP_PUBLIC_CERTIFICATES_TOKEN, "cngtoken-profile-public-certificates")];

/// Up to so many hits keep what was read, since the caller will most likely use them next.
const KEEP_HITS: usize = 16;
/// So many records are read under one look at the store.
const CHUNK: usize = 256;

impl Application {
    /// C_FindObjectsInit.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationActive, store failures. A template that nothing can match is no error.
    pub fn find_init(&self, session: u64, template: Vec<GivenAttr>) -> R<()> {
        let session = self.session(session)?;
        session.operations.must_be_idle(Kind::Find)?;
        let template = Template::parse_search(template);
        let (role, keys, epoch) = session.slot.access();
        let user = role == Role::User;
        let mut found = VecDeque::new();
        if !template.matches_nothing() {
            self.find_profiles(&session, &template, &mut found)?;
            self.find_stored(&session, &template, keys.as_deref(), user, &mut found)?;
            for entry in self.handles.session_objects(session.slot.id) {
                let visible = user || !entry.private;
                if visible && entry.state().is_some_and(|s| object::matches(&s.object, &template)) {
                    found.push_back(entry.handle);
                }
            }
        }
        let epoch = user.then_some(epoch);
        session.begin(Kind::Find, Running { op: Op::Find(found), epoch, context_login: ContextLogin::NotNeeded })
    }

    fn find_profiles(&self, session: &Session, template: &Template, found: &mut VecDeque<u64>) -> R<()> {
        // Cheap refusal first: nearly every search names another class.
        if template.ulong(ck::CKA_CLASS).is_some_and(|class| class != ck::CKO_PROFILE) {
            return Ok(());
        }
        for (profile, unique_id) in PROFILES {
            let Some(object) = Object::profile(*profile, unique_id) else { continue };
            if object::matches(&object, template) {
                found.push_back(self.handles.synthetic(session.slot.id, profile_id(*profile), object)?.handle);
            }
        }
        Ok(())
    }

    fn find_stored(&self, session: &Session, template: &Template, keys: Option<&Keys>, user: bool, found: &mut VecDeque<u64>) -> R<()> {
        if template.bool(ck::CKA_TOKEN) == Some(false) {
            return Ok(());
        }
        let Some(vault) = session.slot.vault_if_any()? else { return Ok(()) };
        let terms: Vec<Term> = object::search_terms(template).into_iter().map(|(tag, bytes)| Term { tag, bytes }).collect();
        // Whatever others wrote until now must be found.
        let generation = session.slot.generation(true)?;
        let ids = vault.find(keys, &terms)?;
        let keep = ids.len() <= KEEP_HITS;
        for chunk in ids.chunks(CHUNK) {
            self.judge(session, &vault, template, keys, user, (chunk, keep, generation), found)?;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "one loop body, split off to be read on its own")]
    fn judge(
        &self,
        session: &Session,
        vault: &Vault,
        template: &Template,
        keys: Option<&Keys>,
        user: bool,
        (ids, keep, generation): (&[ObjectId], bool, u64),
        found: &mut VecDeque<u64>,
    ) -> R<()> {
        for record in vault.load_many(keys, ids)? {
            if record.private && !user {
                continue;
            }
            let object = Self::open_record(&record, keys.is_some())?;
            if !object::matches(&object, template) {
                continue;
            }
            let entry = self.handles.stored(session.slot.id, record.id, record.private)?;
            if keep && entry.state().is_none_or(|s| s.version != record.version) {
                self.handles.keep(&entry, &Arc::new(Snapshot::stored(object, (record.version, record.authentic), generation)));
            }
            found.push_back(entry.handle);
        }
        Ok(())
    }

    /// C_FindObjects: at most `max` further handles; none at the end.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationNotInitialized.
    pub fn find(&self, session: u64, max: usize) -> R<Vec<u64>> {
        let session = self.session(session)?;
        let mut taken = session.take(Kind::Find)?;
        let running = taken.running()?;
        let Op::Find(found) = &mut running.op else { return Err(Reason::GeneralError.into()) };
        let some = found.drain(..max.min(found.len())).collect();
        taken.put_back();
        Ok(some)
    }

    /// C_FindObjectsFinal.
    ///
    /// # Errors
    /// SessionHandleInvalid, OperationNotInitialized.
    pub fn find_final(&self, session: u64) -> R<()> {
        let session = self.session(session)?;
        session.take(Kind::Find).map(drop)
    }
}

/// The identity of a profile object: never one of the store's, which are random.
fn profile_id(profile: u64) -> ObjectId {
    let mut id = *b"profile\0\0\0\0\0\0\0\0\0";
    for (to, from) in id.iter_mut().rev().zip(profile.to_le_bytes()) {
        *to = from;
    }
    id
}

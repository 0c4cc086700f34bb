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
use cngtoken_storage::{Keys, ObjectId, Record, StoreError, Term, Vault};
use cryptoki_sys as ck;
use std::collections::VecDeque;
use std::sync::Arc;

/// The profiles that are true of this token. pkcs11-provider reads at most five.
pub(crate) const PROFILES: &[(u64, &str)] =
    &[(ck::CKP_BASELINE_PROVIDER, "cngtoken-profile-baseline"), (ck::CKP_PUBLIC_CERTIFICATES_TOKEN, "cngtoken-profile-public-certificates")];

/// What a hit is judged by.
struct Judge<'a> {
    session: &'a Session,
    template: &'a Template,
    unlocked: bool,
    user: bool,
}

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
            self.find_stored(&session, &template, keys.as_deref(), user, &mut found)?;
            for entry in self.handles.session_objects(session.slot.id) {
                let visible = user || !entry.private;
                if visible && entry.state().is_some_and(|s| object::matches(&s.object, &template)) {
                    found.push_back(entry.handle);
                }
            }
            // Last: who reads only the first few hits wants what somebody put there.
            self.find_profiles(&session, &template, &mut found)?;
        }
        let mut epoch = user.then_some(epoch);
        if epoch.is_some_and(|epoch| epoch != session.slot.epoch()) {
            // The user logged out meanwhile: what is left is what a search without a login finds.
            epoch = None;
            found.retain(|handle| self.handles.get(*handle).is_some_and(|entry| !entry.private));
        }
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
        // Most searches have few hits: those are found and read in one look at the store.
        let few = if terms.is_empty() { Vec::new() } else { vault.fetch(keys, &terms, KEEP_HITS.saturating_add(1))? };
        let judge = Judge { session, template, unlocked: keys.is_some(), user };
        if !terms.is_empty() && few.len() <= KEEP_HITS {
            return few.iter().try_for_each(|record| self.judge(&judge, record, true, found));
        }
        let ids = vault.find(keys, &terms)?;
        for chunk in ids.chunks(CHUNK) {
            for record in load_present(&vault, keys, chunk)? {
                self.judge(&judge, &record, false, found)?;
            }
        }
        Ok(())
    }

    /// Opens a hit and compares it; `keep`: remembers what was read.
    fn judge(&self, judge: &Judge<'_>, record: &Record, keep: bool, found: &mut VecDeque<u64>) -> R<()> {
        if record.private && !judge.user {
            return Ok(());
        }
        let object = Self::open_record(record, judge.unlocked)?;
        if !object::matches(&object, judge.template) {
            return Ok(());
        }
        let slot = judge.session.slot;
        let entry = self.handles.stored(slot.id, record.id, record.private)?;
        if keep && entry.state().is_none_or(|s| s.version != record.version || (s.object.is_sealed() && judge.unlocked)) {
            let generation = slot.generation(false)?;
            self.handles.keep(&entry, &Arc::new(Snapshot::stored(object, (record.version, record.authentic), generation)));
        }
        found.push_back(entry.handle);
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

/// The records of a chunk, without those that somebody has destroyed since they were found.
fn load_present(vault: &Vault, keys: Option<&Keys>, ids: &[ObjectId]) -> R<Vec<Record>> {
    match vault.load_many(keys, ids) {
        Err(StoreError::NotFound) => {
            let one_by_one = ids.iter().map(|id| vault.load(keys, id));
            Ok(one_by_one.filter(|r| !matches!(r, Err(StoreError::NotFound))).collect::<Result<_, _>>()?)
        }
        all => Ok(all?),
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

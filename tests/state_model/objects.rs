//! Objects and the search: who sees what, who may write what, and which handles live.

use crate::client::{Attrs, R};
use crate::fixtures::{LABEL, attrs_of};
use crate::p11;
use crate::world::{Judged, Object, Search, Seat, Step, World};
use cryptoki_sys::*;
use std::ptr::null_mut;

/// Objects that a sequence may have at once.
const MOST_OBJECTS: usize = 24;

impl World {
    pub(crate) fn create(&mut self, step: &Step) -> Judged {
        if self.objects.len() >= MOST_OBJECTS {
            return Ok(());
        }
        // A token object costs a commit: it is drawn seldom.
        let (secret, token, private) = (step.a & 1 == 0, step.b < 20, step.c & 1 == 0);
        let session = self.session(step.session);
        let object = Object {
            unique_id: Vec::new(),
            class: if secret { CKO_SECRET_KEY } else { CKO_DATA },
            key_type: CKK_AES,
            token,
            private,
            usages: [false, false, false, secret, secret],
            owner: session.ok().filter(|_| !token).map(|index| self.sessions[index].handle),
            extra: true,
        };
        let attrs = attrs_of(&object);
        let mut rows = attrs.rows();
        let mut handle = CK_INVALID_HANDLE;
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let rv = p11!(self.module, C_CreateObject, at, rows.as_mut_ptr(), rows.len() as u64, &raw mut handle);
        let allowed = match session {
            Err(_) => vec![CKR_SESSION_HANDLE_INVALID],
            Ok(index) => self.may_write(index, token, private),
        };
        self.allow(&format!("C_CreateObject secret={secret} token={token} private={private} session={session:?}"), rv, &allowed)?;
        if rv != CKR_OK {
            return if handle == CK_INVALID_HANDLE { Ok(()) } else { Err(format!("a refused C_CreateObject gave handle {handle}")) };
        }
        let unique_id = self.module.get(at, handle, CKA_UNIQUE_ID).map_err(|rv| format!("CKA_UNIQUE_ID of a new object: {rv:?}"))?;
        if self.objects.values().any(|o| o.unique_id == unique_id) {
            return Err("a new object has the CKA_UNIQUE_ID of another".to_owned());
        }
        if self.handles.iter().any(|known| known.number == handle) {
            return Err(format!("a new object has the handle {handle} of another"));
        }
        let number = self.next_object;
        self.next_object += 1;
        self.objects.insert(number, Object { unique_id, ..object });
        self.objects_changed();
        self.handle_given(handle, number)
    }

    /// The codes for writing an object. A decision of ours: any token object needs somebody logged in, since its seal needs a key.
    fn may_write(&self, session: usize, token: bool, private: bool) -> Vec<u64> {
        let mut faults = Vec::new();
        if token && !self.sessions[session].rw {
            faults.push(CKR_SESSION_READ_ONLY);
        }
        if (private && self.logged_in != Some(CKU_USER)) || (token && self.logged_in.is_none()) {
            faults.push(CKR_USER_NOT_LOGGED_IN);
        }
        if faults.is_empty() { vec![CKR_OK] } else { faults }
    }

    /// A public object that keeps no secret on the token.
    fn may_go_unseen(&self, object: usize) -> bool {
        let object = &self.objects[&object];
        !(object.private || object.token && object.class == CKO_SECRET_KEY)
    }

    /// C_DestroyObject, but of the sequence's own objects only: the fixtures stay.
    pub(crate) fn destroy(&mut self, step: &Step) -> Judged {
        let target = self.handle(step.a);
        if target.is_ok_and(|handle| !self.objects[&handle.object].extra) {
            return Ok(());
        }
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let rv = p11!(self.module, C_DestroyObject, at, target.map_or_else(|wrong| wrong, |handle| handle.number));
        let allowed = match (session, target) {
            (Err(_), _) => vec![CKR_SESSION_HANDLE_INVALID],
            (_, Err(_)) => vec![CKR_OBJECT_HANDLE_INVALID],
            // The read-write public session of the standard's table: public data may go without a login, but not what has a sealed value.
            (Ok(index), Ok(handle)) if self.may_go_unseen(handle.object) && self.logged_in.is_none() => {
                vec![if self.objects[&handle.object].token && !self.sessions[index].rw { CKR_SESSION_READ_ONLY } else { CKR_OK }]
            }
            (Ok(index), Ok(handle)) => self.may_write(index, self.objects[&handle.object].token, self.objects[&handle.object].private),
        };
        self.allow(&format!("C_DestroyObject {target:?} session={session:?}"), rv, &allowed)?;
        if let (true, Ok(handle)) = (rv == CKR_OK, target) {
            self.objects.remove(&handle.object);
            self.bury(|_, _| false);
            self.objects_changed();
        }
        Ok(())
    }

    pub(crate) fn get_label(&mut self, step: &Step) -> Judged {
        let (session, target) = (self.session(step.session), self.handle(step.a));
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let told = self.module.get(at, target.map_or_else(|wrong| wrong, |handle| handle.number), CKA_LABEL);
        let (rv, value) = match told {
            Ok(value) => (CKR_OK, value),
            Err(rv) => (rv.0, Vec::new()),
        };
        let allowed = match (session, target) {
            (Err(_), _) => CKR_SESSION_HANDLE_INVALID,
            (_, Err(_)) => CKR_OBJECT_HANDLE_INVALID,
            _ => CKR_OK,
        };
        self.allow(&format!("C_GetAttributeValue {target:?} session={session:?}"), crate::client::Rv(rv), &[allowed])?;
        if rv == CKR_OK && value != LABEL.as_bytes() {
            return Err(format!("CKA_LABEL is {value:?}"));
        }
        Ok(())
    }

    /// C_SetAttributeValue to the value that stands; of session objects most of the time, since a token object costs a commit.
    pub(crate) fn set_label(&mut self, step: &Step) -> Judged {
        let target = self.handle(step.a);
        if target.is_ok_and(|handle| self.objects[&handle.object].token) && step.b >= 40 {
            return Ok(());
        }
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let attrs = Attrs::new().label(LABEL);
        let mut rows = attrs.rows();
        let rv = p11!(self.module, C_SetAttributeValue, at, target.map_or_else(|wrong| wrong, |handle| handle.number), rows.as_mut_ptr(), 1);
        let allowed = match (session, target) {
            (Err(_), _) => vec![CKR_SESSION_HANDLE_INVALID],
            (_, Err(_)) => vec![CKR_OBJECT_HANDLE_INVALID],
            (Ok(index), Ok(handle)) => self.may_write(index, self.objects[&handle.object].token, self.objects[&handle.object].private),
        };
        self.allow(&format!("C_SetAttributeValue {target:?} session={session:?}"), rv, &allowed)
    }

    /// A whole search, by which a sequence comes by its handles; not in a session that searches already.
    pub(crate) fn lookup(&mut self, step: &Step) -> Judged {
        let Ok(index) = self.session(step.session) else { return Ok(()) };
        if !matches!(self.sessions[index].search, Seat::Idle) {
            return Ok(());
        }
        let s = self.sessions[index].handle;
        let found = self.module.find(s, &Attrs::new().label(LABEL));
        let rv = crate::client::Rv(found.as_ref().err().map_or(CKR_OK, |rv| rv.0));
        self.allow(&format!("C_FindObjects whole s{index}"), rv, &[CKR_OK])?;
        let mut expected: Vec<usize> = self.objects.iter().filter(|(_, object)| self.visible(object)).map(|(number, _)| *number).collect();
        for handle in found.unwrap_or_default() {
            let object = self.object_behind(s, handle)?;
            let Some(at) = expected.iter().position(|number| *number == object) else {
                return Err(format!("a search found object {object}, which is not visible or was found before"));
            };
            expected.swap_remove(at);
            self.handle_given(handle, object)?;
        }
        if expected.is_empty() { Ok(()) } else { Err(format!("a search did not find the objects {expected:?}")) }
    }

    fn object_behind(&self, s: u64, handle: u64) -> Result<usize, String> {
        let told: R<Vec<u8>> = self.module.get(s, handle, CKA_UNIQUE_ID);
        let unique_id = told.map_err(|rv| format!("CKA_UNIQUE_ID behind found handle {handle}: {rv:?}"))?;
        let known = self.objects.iter().find(|(_, object)| object.unique_id == unique_id);
        known.map(|(number, _)| *number).ok_or_else(|| "a search found an object that should not exist".to_owned())
    }

    pub(crate) fn find_init(&mut self, step: &Step) -> Judged {
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let (null, nothing) = (step.a > 240, step.a.is_multiple_of(5));
        let attrs = Attrs::new().label(if nothing { "no such label" } else { LABEL });
        let mut rows = attrs.rows();
        let pointer = if null { null_mut() } else { rows.as_mut_ptr() };
        let rv = p11!(self.module, C_FindObjectsInit, at, pointer, 1);
        let mut faults = Vec::new();
        match session.map(|index| &self.sessions[index].search) {
            Err(_) => faults.push(CKR_SESSION_HANDLE_INVALID),
            Ok(Seat::Active(_)) => faults.push(CKR_OPERATION_ACTIVE),
            Ok(Seat::Unsure(_)) => faults.extend([CKR_OPERATION_ACTIVE, CKR_OK]),
            Ok(Seat::Idle) => {}
        }
        if null {
            faults.retain(|code| *code != CKR_OK);
            faults.push(CKR_ARGUMENTS_BAD);
        }
        self.allow(&format!("C_FindObjectsInit null={null} session={session:?}"), rv, if faults.is_empty() { &[CKR_OK] } else { &faults })?;
        let Ok(index) = session else { return Ok(()) };
        if rv == CKR_OK {
            let all = self.objects.iter().filter(|(_, object)| self.visible(object)).map(|(number, _)| *number).collect();
            self.sessions[index].search = Seat::Active(Search { left: if nothing { Vec::new() } else { all }, loose: false });
        } else if rv == CKR_OPERATION_ACTIVE {
            self.settle_search(index);
        }
        Ok(())
    }

    fn settle_search(&mut self, index: usize) {
        let seat = &mut self.sessions[index].search;
        *seat = match std::mem::take(seat) {
            Seat::Unsure(search) => Seat::Active(search),
            other => other,
        };
    }

    pub(crate) fn find(&mut self, step: &Step) -> Judged {
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let max = usize::from(step.a % 6) + 1;
        let (mut handles, mut count) = ([0; 8], 0);
        let rv = p11!(self.module, C_FindObjects, at, handles.as_mut_ptr(), max as u64, &raw mut count);
        let allowed: &[u64] = match session.map(|index| &self.sessions[index].search) {
            Err(_) => &[CKR_SESSION_HANDLE_INVALID],
            Ok(Seat::Idle) => &[CKR_OPERATION_NOT_INITIALIZED],
            Ok(Seat::Active(_)) => &[CKR_OK],
            Ok(Seat::Unsure(_)) => &[CKR_OK, CKR_OPERATION_NOT_INITIALIZED],
        };
        self.allow(&format!("C_FindObjects max={max} session={session:?}"), rv, allowed)?;
        let Ok(index) = session else { return Ok(()) };
        if rv != CKR_OK {
            self.sessions[index].search = Seat::Idle;
            return Ok(());
        }
        self.settle_search(index);
        let count = count as usize;
        let Seat::Active(mut search) = std::mem::take(&mut self.sessions[index].search) else { return Err("no search in the model".to_owned()) };
        if count > max {
            return Err(format!("C_FindObjects told {count} handles where {max} were asked for"));
        }
        if !search.loose {
            if count != max.min(search.left.len()) {
                return Err(format!("C_FindObjects told {count} handles, {} were left and {max} asked for", search.left.len()));
            }
            for handle in &handles[..count] {
                let object = self.object_behind(at, *handle)?;
                let Some(place) = search.left.iter().position(|number| *number == object) else {
                    return Err(format!("a search found object {object} twice, or one that does not match"));
                };
                search.left.swap_remove(place);
                self.handle_given(*handle, object)?;
            }
        }
        self.sessions[index].search = Seat::Active(search);
        Ok(())
    }

    pub(crate) fn find_final(&mut self, step: &Step) -> Judged {
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let rv = p11!(self.module, C_FindObjectsFinal, at);
        let allowed: &[u64] = match session.map(|index| &self.sessions[index].search) {
            Err(_) => &[CKR_SESSION_HANDLE_INVALID],
            Ok(Seat::Idle) => &[CKR_OPERATION_NOT_INITIALIZED],
            Ok(Seat::Active(_)) => &[CKR_OK],
            Ok(Seat::Unsure(_)) => &[CKR_OK, CKR_OPERATION_NOT_INITIALIZED],
        };
        self.allow(&format!("C_FindObjectsFinal session={session:?}"), rv, allowed)?;
        if let Ok(index) = session {
            self.sessions[index].search = Seat::Idle;
        }
        Ok(())
    }

    /// Removes the token objects of a sequence, so that the next one finds the fixtures alone.
    pub(crate) fn destroy_extra(&self, s: u64) {
        for handle in self.module.find(s, &Attrs::new().label(LABEL)).expect("a search") {
            let unique_id = self.module.get(s, handle, CKA_UNIQUE_ID).expect("CKA_UNIQUE_ID");
            if !self.fixtures.objects.iter().any(|object| object.unique_id == unique_id) {
                self.module.destroy(s, handle).expect("C_DestroyObject");
            }
        }
    }
}

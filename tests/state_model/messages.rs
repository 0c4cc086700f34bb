//! The message-based processes: what is common to encryption, decryption, signing and verification of many messages under one key.
//!
//! Decisions of the project within the standard: a process stays when a message fails; a message that has begun ends with its first failure;
//! a whole message or another Begin inside a begun message is CKR_OPERATION_ACTIVE and disturbs nothing; Next where no message has begun and
//! Begin of a mechanism that takes one part only are CKR_OPERATION_NOT_INITIALIZED and leave the process; its Final ends a begun message too.

use crate::client::{Mech, Rv};
use crate::judging::place_codes;
use crate::p11;
use crate::world::{Judged, Kind, Process, Seat, Step, World};
use cryptoki_sys::*;
use std::ptr::null_mut;

/// The processes of a session, in the order of their places.
pub(crate) const PROCESSES: [Kind; 4] = [Kind::Encrypt, Kind::Decrypt, Kind::Sign, Kind::Verify];
/// AES-GCM among the fixtures' ciphers.
pub(crate) const GCM: usize = 1;

/// The flag by which C_SessionCancel names a process.
pub(crate) fn process_flag(place: usize) -> u64 {
    [CKF_MESSAGE_ENCRYPT, CKF_MESSAGE_DECRYPT, CKF_MESSAGE_SIGN, CKF_MESSAGE_VERIFY][place]
}

/// A step, turned to where it meets something.
pub(crate) struct Target {
    pub(crate) step: Step,
    pub(crate) place: usize,
    pub(crate) kind: Kind,
    pub(crate) process: Option<Process>,
}

impl Target {
    /// Bytes of the message that has begun.
    pub(crate) fn fed(&self) -> Option<usize> {
        self.process.as_ref()?.open
    }
}

/// What an answer did to the process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// As it was.
    Same,
    /// The message goes on with so many bytes.
    Open(usize),
    /// No message is open.
    Between,
}

impl World {
    pub(crate) fn message_init(&mut self, step: &Step) -> Judged {
        let place = usize::from(step.a) % 4;
        let kind = PROCESSES[place];
        let cipher = place < 2;
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let mech = if cipher { GCM } else { usize::from(step.b) % self.fixtures.rows[kind as usize].len() };
        let row = &self.fixtures.rows[kind as usize][mech];
        let plain = Mech::plain(row.id);
        let misplaced = if cipher { Mech::bytes(CKM_AES_CBC_PAD, &[3; 16]) } else { Mech::plain(CKM_SHA256) };
        let malformed = Mech::bytes(row.id, &[1, 2, 3, 4, 5]);
        let (pointer, fault) = match step.c {
            0..=11 => (null_mut(), None),
            12..=19 => (misplaced.as_ptr(), Some(CKR_MECHANISM_INVALID)),
            20..=27 => (malformed.as_ptr(), Some(CKR_MECHANISM_PARAM_INVALID)),
            _ => (plain.as_ptr(), None),
        };
        let key = self.key_for(step, kind, row.takes);
        let number = key.map_or_else(|wrong| wrong, |handle| handle.number);
        let rv = match place {
            0 => p11!(self.module, C_MessageEncryptInit, at, pointer, number),
            1 => p11!(self.module, C_MessageDecryptInit, at, pointer, number),
            2 => p11!(self.module, C_MessageSignInit, at, pointer, number),
            _ => p11!(self.module, C_MessageVerifyInit, at, pointer, number),
        };
        if pointer.is_null() {
            self.allow(&format!("C_Message{kind:?}Init NULL session={session:?}"), rv, &[session.map_or(CKR_SESSION_HANDLE_INVALID, |_| CKR_OK)])?;
            if let Ok(index) = session {
                self.sessions[index].messages[place] = Seat::Idle;
            }
            return Ok(());
        }
        let judged = self.judge_key(kind, row.takes, key, fault);
        let allowed = judged.codes(session.map(|index| &self.sessions[index].messages[place]));
        self.allow(&format!("C_Message{kind:?}Init mech={mech} fault={fault:?} key={key:?} session={session:?}"), rv, &allowed)?;
        let Ok(index) = session else { return Ok(()) };
        match rv.0 {
            CKR_OK => self.sessions[index].messages[place] = Seat::Active(Process { mech, private: judged.private, open: None }),
            CKR_OPERATION_ACTIVE => self.sessions[index].messages[place].settle(),
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn message_final(&mut self, step: &Step) -> Judged {
        let target = self.target(step);
        let s = self.session_handle(&target.step);
        let rv = match target.place {
            0 => p11!(self.module, C_MessageEncryptFinal, s),
            1 => p11!(self.module, C_MessageDecryptFinal, s),
            2 => p11!(self.module, C_MessageSignFinal, s),
            _ => p11!(self.module, C_MessageVerifyFinal, s),
        };
        let codes = self.process_codes(&target, false, None);
        self.allow(&format!("C_Message{:?}Final {}", target.kind, self.who(&target.step)), rv, &codes)?;
        if let Ok(index) = self.session(target.step.session) {
            self.sessions[index].messages[target.place] = Seat::Idle;
        }
        Ok(())
    }

    pub(crate) fn message_whole(&mut self, step: &Step) -> Judged {
        let target = self.ready(step, false)?;
        if target.place < 2 { self.crypt_message(&target) } else { self.sign_message(&target) }
    }

    pub(crate) fn message_begin(&mut self, step: &Step) -> Judged {
        let target = self.ready(step, false)?;
        if target.place < 2 { self.crypt_begin(&target) } else { self.sign_begin(&target) }
    }

    pub(crate) fn message_next(&mut self, step: &Step) -> Judged {
        let target = self.ready(step, true)?;
        if target.place < 2 { self.crypt_next(&target) } else { self.sign_next(&target) }
    }

    /// Turns most steps to a session and a kind of which a process runs.
    fn target(&self, step: &Step) -> Target {
        let running = |at: &(usize, usize)| self.sessions[at.0].messages[at.1].run().is_some();
        let busy: Vec<_> = (0..self.sessions.len()).flat_map(|index| (0..4).map(move |place| (index, place))).filter(running).collect();
        let (step, place) = match busy.get(usize::from(step.session) % busy.len().max(1)) {
            Some((index, place)) if step.session < 220 => (Step { session: *index as u8, ..*step }, *place),
            _ => (*step, usize::from(step.a) % 4),
        };
        let process = self.session(step.session).ok().and_then(|index| self.sessions[index].messages[place].run().cloned());
        Target { step, place, kind: PROCESSES[place], process }
    }

    /// The step's target, where a process runs and, for `inside`, a message has begun: by chance that would be rare, so what is missing is
    /// begun first, three times of four.
    fn ready(&mut self, step: &Step, inside: bool) -> Result<Target, String> {
        let mut target = self.target(step);
        if step.d.is_multiple_of(4) || self.session(target.step.session).is_err() {
            return Ok(target);
        }
        if target.process.is_none() {
            self.message_init(&Step { a: target.place as u8, c: step.c | 0x40, d: step.d | 1, ..target.step })?;
            target = self.again(&target);
        }
        if inside && target.process.is_some() && target.fed().is_none() {
            let begun = Target { step: Step { d: 100, ..target.step }, ..self.again(&target) };
            if target.place < 2 {
                self.crypt_begin(&begun)?
            } else {
                self.sign_begin(&begun)?
            }
            target = self.again(&target);
        }
        Ok(target)
    }

    /// The same place, as it is now.
    fn again(&self, target: &Target) -> Target {
        let index = self.session(target.step.session).ok();
        let process = index.and_then(|index| self.sessions[index].messages[target.place].run().cloned());
        Target { step: target.step, place: target.place, kind: target.kind, process }
    }

    /// The codes of a call: CKR_OK only where no `fault` speaks against it.
    pub(crate) fn process_codes(&self, target: &Target, refused: bool, fault: Option<u64>) -> Vec<u64> {
        let seat = self.session(target.step.session).map(|index| &self.sessions[index].messages[target.place]);
        let mut codes = place_codes(seat, |process| process.private, self.logged_in, refused, true);
        if let (Some(at), Some(fault)) = (codes.iter().position(|code| *code == CKR_OK), fault) {
            codes[at] = fault;
        }
        codes
    }

    /// The codes of a call that needs to stand between two messages.
    pub(crate) fn between_codes(&self, target: &Target, refused: bool, fault: Option<u64>) -> Vec<u64> {
        let open = target.fed().map(|_| CKR_OPERATION_ACTIVE);
        let mut codes = self.process_codes(target, refused, open.or(fault));
        if let (Some(_), Some(fault), true) = (open, fault, codes.contains(&CKR_OPERATION_ACTIVE)) {
            codes.push(fault);
        }
        codes
    }

    /// The codes of a call that needs a message that has begun.
    pub(crate) fn inside_codes(&self, target: &Target, refused: bool, fault: Option<u64>) -> Vec<u64> {
        let none = target.fed().is_none().then_some(CKR_OPERATION_NOT_INITIALIZED);
        self.process_codes(target, refused, none.or(fault))
    }

    /// Notes what an answer leaves. `kept`: an answer CKR_OPERATION_NOT_INITIALIZED speaks of the message, not of the process.
    pub(crate) fn leave(&mut self, target: &Target, rv: Rv, kept: bool, left: Left) {
        let Ok(index) = self.session(target.step.session) else { return };
        let seat = &mut self.sessions[index].messages[target.place];
        match rv.0 {
            CKR_ARGUMENTS_BAD | CKR_SESSION_HANDLE_INVALID => {}
            CKR_OPERATION_NOT_INITIALIZED if kept => {}
            CKR_OPERATION_NOT_INITIALIZED | CKR_USER_NOT_LOGGED_IN => *seat = Seat::Idle,
            _ => {
                seat.settle();
                if let Seat::Active(process) = seat {
                    match left {
                        Left::Same => {}
                        Left::Open(fed) => process.open = Some(fed),
                        Left::Between => process.open = None,
                    }
                }
            }
        }
    }
}

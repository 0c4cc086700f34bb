//! How an answer is judged: which step means which operation, what may come back where nothing can run, and the convention of every output.

use crate::client::{Output, Room};
use crate::fixtures::{Takes, pattern};
use crate::promises::Promise;
use crate::world::{Handle, Judged, Kind, Run, Seat, Session, Step, World};
use cryptoki_sys::*;

/// What an *Init with a key may answer.
pub(crate) struct KeyJudged {
    pub(crate) faults: Vec<u64>,
    /// The key is a private object.
    pub(crate) private: bool,
    /// Whether the key's value may be used is not said.
    open: bool,
}

impl KeyJudged {
    /// The codes where the operation's place looks so.
    pub(crate) fn codes<T>(&self, seat: Result<&Seat<T>, u64>) -> Vec<u64> {
        let mut allowed = self.faults.clone();
        match seat {
            Err(_) => allowed = vec![CKR_SESSION_HANDLE_INVALID],
            Ok(Seat::Active(_)) => allowed.push(CKR_OPERATION_ACTIVE),
            Ok(Seat::Unsure(_)) if allowed.is_empty() => allowed.extend([CKR_OPERATION_ACTIVE, CKR_OK]),
            Ok(Seat::Unsure(_)) => allowed.push(CKR_OPERATION_ACTIVE),
            Ok(Seat::Idle) if allowed.is_empty() => allowed.push(CKR_OK),
            Ok(Seat::Idle) => {}
        }
        // Whether the SO may use a public object's secret value is not said; either is taken.
        if self.open && allowed.contains(&CKR_OK) {
            allowed.push(CKR_USER_NOT_LOGGED_IN);
        }
        allowed
    }
}

/// The codes of a place before any output: bad session, refused pointers, nothing that can go on, or CKR_OK.
pub(crate) fn place_codes<T>(
    seat: Result<&Seat<T>, u64>,
    private: impl Fn(&T) -> bool,
    logged_in: Option<u64>,
    refused: bool,
    fits: bool,
) -> Vec<u64> {
    let mut codes = match seat {
        Err(_) => vec![CKR_SESSION_HANDLE_INVALID],
        Ok(Seat::Idle) => vec![CKR_OPERATION_NOT_INITIALIZED],
        Ok(_) if !fits => vec![CKR_OPERATION_NOT_INITIALIZED],
        Ok(Seat::Active(_)) => vec![CKR_OK],
        // After a logout a private key must not work any more, whatever else is left open.
        Ok(Seat::Unsure(run)) if private(run) && logged_in != Some(CKU_USER) => {
            vec![CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN]
        }
        Ok(Seat::Unsure(_)) => vec![CKR_OK, CKR_OPERATION_NOT_INITIALIZED],
    };
    if refused {
        codes.retain(|code| *code != CKR_OK);
        codes.push(CKR_ARGUMENTS_BAD);
    }
    codes
}

impl World {
    /// A key that fits, if there is one, three times of four; else any handle.
    pub(crate) fn key_for(&self, step: &Step, kind: Kind, takes: Option<Takes>) -> Result<Handle, u64> {
        let fitting = |handle: &&Handle| {
            let object = &self.objects[&handle.object];
            takes.is_some_and(|t| t.class == object.class && t.key_type == object.key_type && object.usages[kind as usize])
        };
        let fits: Vec<_> = self.handles.iter().filter(fitting).collect();
        if !step.d.is_multiple_of(4) && !fits.is_empty() { Ok(*fits[usize::from(step.d) % fits.len()]) } else { self.handle(step.d) }
    }

    /// What speaks against the key of an *Init, beside `fault`.
    pub(crate) fn judge_key(&self, kind: Kind, takes: Option<Takes>, key: Result<Handle, u64>, fault: Option<u64>) -> KeyJudged {
        let mut judged = KeyJudged { faults: fault.into_iter().collect(), private: false, open: false };
        let faults = &mut judged.faults;
        let Some(takes) = takes else { return judged };
        match key.map(|handle| &self.objects[&handle.object]) {
            Err(_) => faults.push(CKR_KEY_HANDLE_INVALID),
            Ok(object) if object.class == CKO_DATA => faults.extend([CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT]),
            Ok(object) => {
                judged.private = object.private;
                if object.key_type != takes.key_type || object.class != takes.class {
                    faults.push(CKR_KEY_TYPE_INCONSISTENT);
                }
                if !object.usages[kind as usize] {
                    faults.push(CKR_KEY_FUNCTION_NOT_PERMITTED);
                }
                // A secret value on the token is sealed also when the object is public.
                if object.class == CKO_SECRET_KEY && object.token && self.logged_in.is_none() {
                    faults.push(CKR_USER_NOT_LOGGED_IN);
                }
                judged.open = object.class == CKO_SECRET_KEY && object.token && self.logged_in == Some(CKU_SO);
            }
        }
        judged
    }

    /// Judges the code and the length of a call with output; `codes` has CKR_OK where the place lets it come to that.
    pub(crate) fn judge_length(&mut self, what: &str, told: &Output, room: Room, codes: Vec<u64>, promise: Option<&Promise>) -> Judged {
        let mut allowed = codes;
        let mut lengths = 0..=u64::MAX;
        if let Some(at) = allowed.iter().position(|code| *code == CKR_OK) {
            allowed.remove(at);
            let size = if let Room::Bytes(n) = room { n } else { usize::MAX };
            let most = match promise {
                Some(Promise::Bytes { exact, most }) => {
                    if size >= *exact {
                        allowed.push(CKR_OK);
                    }
                    lengths = *exact as u64..=if room == Room::Ask || size < *most { *most } else { *exact } as u64;
                    *most
                }
                Some(Promise::Fault { codes, most }) => {
                    allowed.extend(*codes);
                    if room == Room::Ask {
                        allowed.push(CKR_OK);
                    }
                    *most
                }
                None => 0,
            };
            if size < most {
                allowed.push(CKR_BUFFER_TOO_SMALL);
            }
        }
        self.allow(what, told.rv, &allowed)?;
        let tells = told.rv == CKR_BUFFER_TOO_SMALL || told.rv == CKR_OK;
        if tells && !lengths.contains(&told.len) {
            return Err(format!("{what} told the length {}, the model allows {lengths:?}", told.len));
        }
        if told.rv == CKR_BUFFER_TOO_SMALL && matches!(room, Room::Bytes(n) if told.len <= n as u64) {
            return Err(format!("{what} said too small and told {}", told.len));
        }
        Ok(())
    }

    /// Turns most steps that go on with an operation to a session where one runs: else they would only ever meet idle ones.
    pub(crate) fn aim(&self, step: &Step) -> Step {
        let runs = |session: &Session| session.operations.iter().any(|seat| !matches!(seat, Seat::Idle));
        let busy: Vec<_> = self.sessions.iter().enumerate().filter(|(_, session)| runs(session)).map(|(index, _)| index).collect();
        match busy.get(usize::from(step.session) % busy.len().max(1)) {
            Some(index) if step.session < 220 => Step { session: *index as u8, ..*step },
            _ => *step,
        }
    }

    /// The kind a step means: one that runs in its session, three times of four.
    pub(crate) fn busy_kind(&self, step: &Step) -> Kind {
        let wanted = Kind::from(step.a);
        let Ok(index) = self.session(step.session) else { return wanted };
        let runs = |kind: &&Kind| !matches!(self.sessions[index].operations[**kind as usize], Seat::Idle);
        let busy: Vec<_> = Kind::ALL.iter().filter(runs).collect();
        if !step.a.is_multiple_of(4) && !busy.is_empty() { *busy[usize::from(step.a) % busy.len()] } else { wanted }
    }

    pub(crate) fn run_of(&self, step: &Step, kind: Kind) -> Option<Run> {
        self.sessions[self.session(step.session).ok()?].operations[kind as usize].run().cloned()
    }

    pub(crate) fn session_handle(&self, step: &Step) -> u64 {
        self.session(step.session).map_or_else(|wrong| wrong, |index| self.sessions[index].handle)
    }

    pub(crate) fn who(&self, step: &Step) -> String {
        format!("session={:?}", self.session(step.session))
    }

    /// Judges a call with output. `promise` is None where no operation of that kind can answer. Gives whether the operation stays as it
    /// was, or None where it was not touched.
    #[allow(clippy::too_many_arguments, reason = "one place for the convention of every output")]
    pub(crate) fn judge_output(
        &mut self,
        step: &Step,
        kind: Kind,
        what: &str,
        told: &Output,
        room: Room,
        refused: bool,
        promise: Option<Promise>,
    ) -> Result<Option<bool>, String> {
        let codes = self.plain_codes(step, kind, refused, promise.is_some());
        self.judge_length(what, told, room, codes, promise.as_ref())?;
        if told.rv == CKR_ARGUMENTS_BAD || told.rv == CKR_SESSION_HANDLE_INVALID {
            return Ok(None);
        }
        if told.rv == CKR_BUFFER_TOO_SMALL || (told.rv == CKR_OK && room == Room::Ask) {
            self.settle(step, kind);
            return Ok(Some(true));
        }
        self.end(step, kind);
        Ok(Some(false))
    }

    /// The codes before any output: bad session, refused pointers, no operation, or CKR_OK.
    pub(crate) fn plain_codes(&self, step: &Step, kind: Kind, refused: bool, fits: bool) -> Vec<u64> {
        let seat = self.session(step.session).map(|index| &self.sessions[index].operations[kind as usize]);
        place_codes(seat, |run| run.private, self.logged_in, refused, fits)
    }

    pub(crate) fn settle(&mut self, step: &Step, kind: Kind) {
        if let Ok(index) = self.session(step.session) {
            self.sessions[index].operations[kind as usize].settle();
        }
    }

    pub(crate) fn end(&mut self, step: &Step, kind: Kind) {
        if let Ok(index) = self.session(step.session) {
            self.sessions[index].operations[kind as usize] = Seat::Idle;
        }
    }

    pub(crate) fn go_on(&mut self, step: &Step, kind: Kind, mut run: Run, n: usize) {
        run.streamed = true;
        run.fed += n;
        if let Ok(index) = self.session(step.session) {
            self.sessions[index].operations[kind as usize] = Seat::Active(run);
        }
    }

    /// The bytes themselves, where one answer is right: from `from` of what a whole operation on `fed` bytes gives.
    pub(crate) fn compare(&self, kind: Kind, run: &Run, told: &[u8], from: usize, fed: usize) -> Judged {
        let known = match kind {
            _ if run.tainted && kind != Kind::Encrypt && kind != Kind::Decrypt => None,
            Kind::Digest => self.fixtures.digests[run.mech].get(fed).cloned(),
            Kind::Sign if self.fixtures.rows[Kind::Sign as usize][run.mech].takes.is_some_and(|t| t.key_type == CKK_RSA) => {
                self.fixtures.signatures[run.mech].get(fed).cloned()
            }
            Kind::Encrypt => self.fixtures.ciphertexts[run.mech].get(fed).cloned(),
            Kind::Decrypt => Some(pattern()),
            _ => None,
        };
        match known {
            Some(known) if known.get(from..from + told.len()) != Some(told) => Err(format!("C_{kind:?} gave other bytes than the one-shot call")),
            _ => Ok(()),
        }
    }
}

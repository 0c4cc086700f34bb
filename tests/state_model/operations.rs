//! The life of an operation: Init, one-shot, Update, Final, cancel.
//!
//! Decisions of the project within the standard: a one-shot call after an Update, and an Update or Final of a single-part mechanism, is
//! CKR_OPERATION_NOT_INITIALIZED and ends the operation; Final without an Update is allowed; only a size question and
//! CKR_BUFFER_TOO_SMALL keep the operation; a NULL pointer is refused before the operation is looked at; Init with a NULL mechanism is
//! CKR_OK also when nothing runs; GCM decryption gives nothing out before its tag is checked.

use crate::client::{Mech, Output, Room, output};
use crate::fixtures::{TEXTS, pattern};
use crate::p11;
use crate::promises::{Promise, room};
use crate::world::{Judged, Kind, Run, Seat, Session, Step, World};
use cryptoki_sys::*;
use std::ptr::null_mut;

impl World {
    pub(crate) fn init(&mut self, step: &Step) -> Judged {
        let kind = Kind::from(step.a);
        let rows = &self.fixtures.rows[kind as usize];
        let mech = usize::from(step.b) % rows.len();
        let row = &rows[mech];
        let unknown = Mech::plain(0x7FFF_0001);
        // A digest cannot sign, an AES mode cannot digest.
        let misplaced = if kind == Kind::Digest { Mech::bytes(CKM_AES_CBC_PAD, &[3; 16]) } else { Mech::plain(CKM_SHA256) };
        let (pointer, mech_fault) = match step.c {
            0..=7 => (unknown.as_ptr(), Some(CKR_MECHANISM_INVALID)),
            8..=15 => (misplaced.as_ptr(), Some(CKR_MECHANISM_INVALID)),
            16..=25 => (row.malformed.as_ptr(), Some(CKR_MECHANISM_PARAM_INVALID)),
            _ => (row.mech.as_ptr(), None),
        };
        // A key that fits, if there is one, three times of four; else any handle.
        let fitting = |handle: &&crate::world::Handle| {
            let object = &self.objects[&handle.object];
            row.takes.is_some_and(|t| t.class == object.class && t.key_type == object.key_type && object.usages[kind as usize])
        };
        let fits: Vec<_> = self.handles.iter().filter(fitting).collect();
        let key = if !step.d.is_multiple_of(4) && !fits.is_empty() { Ok(*fits[usize::from(step.d) % fits.len()]) } else { self.handle(step.d) };
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let key_number = key.map_or_else(|wrong| wrong, |handle| handle.number);
        let rv = match kind {
            Kind::Digest => p11!(self.module, C_DigestInit, at, pointer),
            Kind::Sign => p11!(self.module, C_SignInit, at, pointer, key_number),
            Kind::Verify => p11!(self.module, C_VerifyInit, at, pointer, key_number),
            Kind::Encrypt => p11!(self.module, C_EncryptInit, at, pointer, key_number),
            Kind::Decrypt => p11!(self.module, C_DecryptInit, at, pointer, key_number),
        };
        let mut faults: Vec<u64> = mech_fault.into_iter().collect();
        let mut private = false;
        let mut open = false;
        if let Some(takes) = row.takes {
            match key.map(|handle| &self.objects[&handle.object]) {
                Err(_) => faults.push(CKR_KEY_HANDLE_INVALID),
                Ok(object) if object.class == CKO_DATA => faults.extend([CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT]),
                Ok(object) => {
                    private = object.private;
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
                    open = object.class == CKO_SECRET_KEY && object.token && self.logged_in == Some(CKU_SO);
                }
            }
        }
        let mut allowed = faults.clone();
        match session.map(|index| &self.sessions[index].operations[kind as usize]) {
            Err(_) => allowed = vec![CKR_SESSION_HANDLE_INVALID],
            Ok(Seat::Active(_)) => allowed.push(CKR_OPERATION_ACTIVE),
            Ok(Seat::Unsure(_)) if faults.is_empty() => allowed.extend([CKR_OPERATION_ACTIVE, CKR_OK]),
            Ok(Seat::Unsure(_)) => allowed.push(CKR_OPERATION_ACTIVE),
            Ok(Seat::Idle) if faults.is_empty() => allowed.push(CKR_OK),
            Ok(Seat::Idle) => {}
        }
        // Whether the SO may use a public object's secret value is not said; either is taken.
        if open && allowed.contains(&CKR_OK) {
            allowed.push(CKR_USER_NOT_LOGGED_IN);
        }
        self.allow(&format!("C_{kind:?}Init mech={mech}/{} key={key:?} session={session:?}", step.c), rv, &allowed)?;
        let Ok(index) = session else { return Ok(()) };
        let seat = &mut self.sessions[index].operations[kind as usize];
        if rv == CKR_OK {
            let text = usize::from(step.c) % TEXTS.len();
            *seat = Seat::Active(Run { mech, private, streamed: false, fed: 0, out: 0, text, tainted: false });
        } else if rv == CKR_OPERATION_ACTIVE {
            self.settle(step, kind);
        }
        Ok(())
    }

    /// Init with a NULL mechanism ends what runs.
    pub(crate) fn init_null(&mut self, step: &Step) -> Judged {
        let kind = Kind::from(step.a);
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let rv = match kind {
            Kind::Digest => p11!(self.module, C_DigestInit, at, null_mut()),
            Kind::Sign => p11!(self.module, C_SignInit, at, null_mut(), 0),
            Kind::Verify => p11!(self.module, C_VerifyInit, at, null_mut(), 0),
            Kind::Encrypt => p11!(self.module, C_EncryptInit, at, null_mut(), 0),
            Kind::Decrypt => p11!(self.module, C_DecryptInit, at, null_mut(), 0),
        };
        let allowed = if session.is_ok() { CKR_OK } else { CKR_SESSION_HANDLE_INVALID };
        self.allow(&format!("C_{kind:?}Init NULL session={session:?}"), rv, &[allowed])?;
        if let Ok(index) = session {
            self.sessions[index].operations[kind as usize] = Seat::Idle;
        }
        Ok(())
    }

    pub(crate) fn one_shot(&mut self, step: &Step) -> Judged {
        let step = &self.aim(step);
        let kind = self.busy_kind(step);
        let run = self.run_of(step, kind);
        let data = self.one_shot_data(kind, run.as_ref(), step.b);
        if kind == Kind::Verify {
            return self.verify(step, run, Some(data));
        }
        let promise = run.as_ref().map(|run| self.one_shot_promise(kind, run, data.len()));
        let room = room(step.c, promise.as_ref());
        let null_data = step.d > 248 && !data.is_empty();
        let (at, len) = (if null_data { null_mut() } else { data.as_ptr().cast_mut() }, data.len() as u64);
        let s = self.session_handle(step);
        let told = output(room, |out, out_len| match kind {
            Kind::Digest => p11!(self.module, C_Digest, s, at, len, out, out_len),
            Kind::Sign => p11!(self.module, C_Sign, s, at, len, out, out_len),
            Kind::Encrypt => p11!(self.module, C_Encrypt, s, at, len, out, out_len),
            Kind::Decrypt | Kind::Verify => p11!(self.module, C_Decrypt, s, at, len, out, out_len),
        });
        let what = format!("C_{kind:?} {} bytes room={room:?} null={null_data} {}", data.len(), self.who(step));
        let refused = null_data || room == Room::NoLength;
        let streamed = run.as_ref().is_some_and(|run| run.streamed);
        let keep = self.judge_output(step, kind, &what, &told, room, refused, promise.filter(|_| !streamed))?;
        if let (true, Some(run)) = (keep.is_some_and(|keep| !keep) && told.rv == CKR_OK, run) {
            self.compare(kind, &run, &told.bytes, 0, data.len())?;
        }
        Ok(())
    }

    pub(crate) fn update(&mut self, step: &Step) -> Judged {
        let step = &self.aim(step);
        let kind = self.busy_kind(step);
        let run = self.run_of(step, kind);
        let data = self.next_part(kind, run.as_ref(), step.b);
        let null_data = step.d > 248 && !data.is_empty();
        let (at, len) = (if null_data { null_mut() } else { data.as_ptr().cast_mut() }, data.len() as u64);
        let s = self.session_handle(step);
        let streams = run.as_ref().is_some_and(|run| self.fixtures.rows[kind as usize][run.mech].streams);
        let what = format!("C_{kind:?}Update {} bytes null={null_data} {}", data.len(), self.who(step));
        if matches!(kind, Kind::Encrypt | Kind::Decrypt) {
            let promise = run.as_ref().filter(|_| streams).map(|run| self.update_promise(kind, run, data.len()));
            let room = room(step.c, promise.as_ref());
            let told = output(room, |out, out_len| match kind {
                Kind::Encrypt => p11!(self.module, C_EncryptUpdate, s, at, len, out, out_len),
                _ => p11!(self.module, C_DecryptUpdate, s, at, len, out, out_len),
            });
            let what = format!("{what} room={room:?}");
            let keep = self.judge_output(step, kind, &what, &told, room, null_data || room == Room::NoLength, promise)?;
            if let (Some(false), true, Some(mut run)) = (keep, told.rv == CKR_OK, run) {
                self.compare(kind, &run, &told.bytes, run.out, run.fed + data.len())?;
                run.out += told.bytes.len();
                self.go_on(step, kind, run, data.len());
            }
            return Ok(());
        }
        let rv = match kind {
            Kind::Digest => p11!(self.module, C_DigestUpdate, s, at, len),
            Kind::Sign => p11!(self.module, C_SignUpdate, s, at, len),
            _ => p11!(self.module, C_VerifyUpdate, s, at, len),
        };
        let allowed = self.plain_codes(step, kind, null_data, streams);
        self.allow(&what, rv, &allowed)?;
        match (rv.0, run) {
            (CKR_OK, Some(run)) => self.go_on(step, kind, run, data.len()),
            (CKR_ARGUMENTS_BAD, _) => {}
            _ => self.end(step, kind),
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, step: &Step) -> Judged {
        let step = &self.aim(step);
        let kind = self.busy_kind(step);
        let run = self.run_of(step, kind);
        if kind == Kind::Verify {
            return self.verify(step, run, None);
        }
        let streaming = run.as_ref().filter(|run| self.fixtures.rows[kind as usize][run.mech].streams);
        let promise = streaming.map(|run| self.final_promise(kind, run));
        let room = room(step.c, promise.as_ref());
        let s = self.session_handle(step);
        let told = output(room, |out, out_len| match kind {
            Kind::Digest => p11!(self.module, C_DigestFinal, s, out, out_len),
            Kind::Sign => p11!(self.module, C_SignFinal, s, out, out_len),
            Kind::Encrypt => p11!(self.module, C_EncryptFinal, s, out, out_len),
            Kind::Decrypt | Kind::Verify => p11!(self.module, C_DecryptFinal, s, out, out_len),
        });
        let what = format!("C_{kind:?}Final room={room:?} {}", self.who(step));
        let keep = self.judge_output(step, kind, &what, &told, room, room == Room::NoLength, promise)?;
        if let (Some(false), true, Some(run)) = (keep, told.rv == CKR_OK, run) {
            self.compare(kind, &run, &told.bytes, run.out, run.fed)?;
        }
        Ok(())
    }

    /// C_Verify (with data) and C_VerifyFinal: always the end of the operation.
    fn verify(&mut self, step: &Step, run: Option<Run>, data: Option<Vec<u8>>) -> Judged {
        let n = data.as_ref().map_or_else(|| run.as_ref().map_or(0, |run| run.fed), Vec::len);
        let row = run.as_ref().map_or(0, |run| run.mech);
        let good = self.fixtures.signatures[row].get(n).cloned().unwrap_or_default();
        let mut signature = good.clone();
        let choice = step.c % 4;
        match choice {
            0 if !signature.is_empty() => signature[n % good.len()] ^= 1,
            1 => _ = signature.pop(),
            _ => {}
        }
        let null = step.d > 248;
        let s = self.session_handle(step);
        let (sig, sig_len) = (if null { null_mut() } else { signature.as_mut_ptr() }, signature.len().max(1) as u64);
        let rv = match &data {
            Some(data) => p11!(self.module, C_Verify, s, data.as_ptr().cast_mut(), n as u64, sig, sig_len),
            None => p11!(self.module, C_VerifyFinal, s, sig, sig_len),
        };
        let fits = run.as_ref().is_some_and(|run| match data {
            Some(_) => !run.streamed,
            None => self.fixtures.rows[Kind::Verify as usize][run.mech].streams,
        });
        let mut allowed = self.plain_codes(step, Kind::Verify, null, fits);
        if let Some(at) = allowed.iter().position(|code| *code == CKR_OK) {
            allowed.remove(at);
            match choice {
                _ if good.is_empty() => allowed.extend([CKR_OK, CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE, CKR_DATA_LEN_RANGE]),
                0 => allowed.push(CKR_SIGNATURE_INVALID),
                1 => allowed.push(CKR_SIGNATURE_LEN_RANGE),
                _ => allowed.push(CKR_OK),
            }
        }
        let name = if data.is_some() { "C_Verify" } else { "C_VerifyFinal" };
        self.allow(&format!("{name} {n} bytes signature={choice} null={null} {}", self.who(step)), rv, &allowed)?;
        if rv != CKR_ARGUMENTS_BAD {
            self.end(step, Kind::Verify);
        }
        Ok(())
    }

    pub(crate) fn digest_key(&mut self, step: &Step) -> Judged {
        let step = &self.aim(step);
        let run = self.run_of(step, Kind::Digest);
        let key = self.handle(step.a);
        let rv = p11!(self.module, C_DigestKey, self.session_handle(step), key.map_or_else(|wrong| wrong, |handle| handle.number));
        let mut allowed = self.plain_codes(step, Kind::Digest, false, true);
        if let Some(at) = allowed.iter().position(|code| *code == CKR_OK) {
            match key.map(|handle| &self.objects[&handle.object]) {
                Err(_) => allowed[at] = CKR_KEY_HANDLE_INVALID,
                // Whether a sensitive key may be digested is the token's choice.
                Ok(object) if object.class == CKO_SECRET_KEY => {
                    allowed.push(CKR_KEY_INDIGESTIBLE);
                    if object.token && self.logged_in != Some(CKU_USER) {
                        allowed.push(CKR_USER_NOT_LOGGED_IN);
                    }
                }
                Ok(_) => {
                    allowed[at] = CKR_KEY_INDIGESTIBLE;
                    allowed.push(CKR_KEY_HANDLE_INVALID);
                }
            }
        }
        self.allow(&format!("C_DigestKey key={key:?} {}", self.who(step)), rv, &allowed)?;
        match (rv.0, run) {
            (CKR_OK, Some(run)) => self.go_on(step, Kind::Digest, Run { tainted: true, ..run }, 0),
            _ => self.end(step, Kind::Digest),
        }
        Ok(())
    }

    /// Turns most steps that go on with an operation to a session where one runs: else they would only ever meet idle ones.
    fn aim(&self, step: &Step) -> Step {
        let runs = |session: &Session| session.operations.iter().any(|seat| !matches!(seat, Seat::Idle));
        let busy: Vec<_> = self.sessions.iter().enumerate().filter(|(_, session)| runs(session)).map(|(index, _)| index).collect();
        match busy.get(usize::from(step.session) % busy.len().max(1)) {
            Some(index) if step.session < 220 => Step { session: *index as u8, ..*step },
            _ => *step,
        }
    }

    /// The kind a step means: one that runs in its session, three times of four.
    fn busy_kind(&self, step: &Step) -> Kind {
        let wanted = Kind::from(step.a);
        let Ok(index) = self.session(step.session) else { return wanted };
        let runs = |kind: &&Kind| !matches!(self.sessions[index].operations[**kind as usize], Seat::Idle);
        let busy: Vec<_> = Kind::ALL.iter().filter(runs).collect();
        if !step.a.is_multiple_of(4) && !busy.is_empty() { *busy[usize::from(step.a) % busy.len()] } else { wanted }
    }

    fn run_of(&self, step: &Step, kind: Kind) -> Option<Run> {
        match &self.sessions[self.session(step.session).ok()?].operations[kind as usize] {
            Seat::Active(run) | Seat::Unsure(run) => Some(run.clone()),
            Seat::Idle => None,
        }
    }

    fn session_handle(&self, step: &Step) -> u64 {
        self.session(step.session).map_or_else(|wrong| wrong, |index| self.sessions[index].handle)
    }

    fn who(&self, step: &Step) -> String {
        format!("session={:?}", self.session(step.session))
    }

    /// Judges a call with output. `promise` is None where no operation of that kind can answer. Gives whether the operation stays as it
    /// was, or None where it was not touched.
    #[allow(clippy::too_many_arguments, reason = "one place for the convention of every output")]
    fn judge_output(
        &mut self,
        step: &Step,
        kind: Kind,
        what: &str,
        told: &Output,
        room: Room,
        refused: bool,
        promise: Option<Promise>,
    ) -> Result<Option<bool>, String> {
        let mut allowed = self.plain_codes(step, kind, refused, promise.is_some());
        let mut lengths = 0..=u64::MAX;
        if let Some(at) = allowed.iter().position(|code| *code == CKR_OK) {
            allowed.remove(at);
            let size = if let Room::Bytes(n) = room { n } else { usize::MAX };
            let most = match promise {
                Some(Promise::Bytes { exact, most }) => {
                    if size >= exact {
                        allowed.push(CKR_OK);
                    }
                    lengths = exact as u64..=if room == Room::Ask || size < most { most } else { exact } as u64;
                    most
                }
                Some(Promise::Fault { codes, most }) => {
                    allowed.extend(codes);
                    if room == Room::Ask {
                        allowed.push(CKR_OK);
                    }
                    most
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
    fn plain_codes(&self, step: &Step, kind: Kind, refused: bool, fits: bool) -> Vec<u64> {
        let mut codes = match self.session(step.session).map(|index| &self.sessions[index].operations[kind as usize]) {
            Err(_) => vec![CKR_SESSION_HANDLE_INVALID],
            Ok(Seat::Idle) => vec![CKR_OPERATION_NOT_INITIALIZED],
            Ok(_) if !fits => vec![CKR_OPERATION_NOT_INITIALIZED],
            Ok(Seat::Active(_)) => vec![CKR_OK],
            // After a logout a private key must not work any more, whatever else is left open.
            Ok(Seat::Unsure(run)) if run.private && self.logged_in != Some(CKU_USER) => {
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

    fn settle(&mut self, step: &Step, kind: Kind) {
        if let Ok(index) = self.session(step.session) {
            let seat = &mut self.sessions[index].operations[kind as usize];
            *seat = match std::mem::take(seat) {
                Seat::Unsure(run) => Seat::Active(run),
                other => other,
            };
        }
    }

    fn end(&mut self, step: &Step, kind: Kind) {
        if let Ok(index) = self.session(step.session) {
            self.sessions[index].operations[kind as usize] = Seat::Idle;
        }
    }

    fn go_on(&mut self, step: &Step, kind: Kind, mut run: Run, n: usize) {
        run.streamed = true;
        run.fed += n;
        if let Ok(index) = self.session(step.session) {
            self.sessions[index].operations[kind as usize] = Seat::Active(run);
        }
    }

    /// The bytes themselves, where one answer is right: from `from` of what a whole operation on `fed` bytes gives.
    fn compare(&self, kind: Kind, run: &Run, told: &[u8], from: usize, fed: usize) -> Judged {
        let known = match kind {
            Kind::Digest if !run.tainted => self.fixtures.digests[run.mech].get(fed).cloned(),
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

//! The life of an operation: Init, one-shot, Update, Final, cancel.
//!
//! Decisions of the project within the standard: a one-shot call after an Update, and an Update or Final of a single-part mechanism, is
//! CKR_OPERATION_NOT_INITIALIZED and ends the operation; Final without an Update is allowed; only a size question and
//! CKR_BUFFER_TOO_SMALL keep the operation; a NULL pointer is refused before the operation is looked at; Init with a NULL mechanism is
//! CKR_OK also when nothing runs; GCM decryption gives nothing out before its tag is checked.

use crate::client::{Mech, Room, output};
use crate::fixtures::TEXTS;
use crate::p11;
use crate::promises::room;
use crate::world::{Judged, Kind, Run, Seat, Step, World};
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
        let key = self.key_for(step, kind, row.takes);
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
        let judged = self.judge_key(kind, row.takes, key, mech_fault);
        let private = judged.private;
        let allowed = judged.codes(session.map(|index| &self.sessions[index].operations[kind as usize]));
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
                // Bytes of a dual function lie between: what was signed is not known.
                _ if run.as_ref().is_some_and(|run| run.tainted) => allowed.extend([CKR_OK, CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE]),
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
}

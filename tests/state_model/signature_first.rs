//! C_VerifySignatureInit and its kin, where the signature comes first and the data after it.
//!
//! Decisions of the project within the standard: the length of the signature is judged by Init; the operation has a place of its own beside
//! C_VerifyInit's, and CKF_VERIFY cancels both; the rest is as for C_Verify.

use crate::client::Rv;
use crate::fixtures::{LONGEST, pattern};
use crate::judging::place_codes;
use crate::p11;
use crate::world::{Claim, Judged, Kind, Seat, Step, World};
use cryptoki_sys::*;
use std::ptr::null_mut;

/// Lengths of what is signed.
const SIGNED: [usize; 5] = [1, 16, 33, 64, 100];

impl World {
    pub(crate) fn signature_init(&mut self, step: &Step) -> Judged {
        let session = self.session(step.session);
        let at = session.map_or_else(|wrong| wrong, |index| self.sessions[index].handle);
        let what = |more: &str| format!("C_VerifySignatureInit {more} session={session:?}");
        if step.c < 16 {
            let rv = p11!(self.module, C_VerifySignatureInit, at, null_mut(), 0, null_mut(), 0);
            self.allow(&what("NULL"), rv, &[if session.is_ok() { CKR_OK } else { CKR_SESSION_HANDLE_INVALID }])?;
            if let Ok(index) = session {
                self.sessions[index].signature = Seat::Idle;
            }
            return Ok(());
        }
        let rows = &self.fixtures.rows[Kind::Verify as usize];
        let mech = usize::from(step.b) % rows.len();
        let row = &rows[mech];
        let signs = SIGNED[usize::from(step.a) % SIGNED.len()];
        let mut signature = self.fixtures.signatures[mech][signs].clone();
        let (mut good, mut short) = (true, false);
        match step.a % 8 {
            0 => {
                signature[signs % row.size] ^= 1;
                good = false;
            }
            1 => {
                signature.pop();
                short = true;
            }
            _ => {}
        }
        let malformed = step.c < 32;
        let pointer = if malformed { row.malformed.as_ptr() } else { row.mech.as_ptr() };
        let key = self.key_for(step, Kind::Verify, row.takes);
        let (sig, sig_len) = (signature.as_mut_ptr(), signature.len() as u64);
        let rv = p11!(self.module, C_VerifySignatureInit, at, pointer, key.map_or_else(|wrong| wrong, |handle| handle.number), sig, sig_len);
        let mut judged = self.judge_key(Kind::Verify, row.takes, key, malformed.then_some(CKR_MECHANISM_PARAM_INVALID));
        if short {
            judged.faults.push(CKR_SIGNATURE_LEN_RANGE);
        }
        let allowed = judged.codes(session.map(|index| &self.sessions[index].signature));
        self.allow(&what(&format!("mech={mech} malformed={malformed} short={short} good={good} key={key:?}")), rv, &allowed)?;
        let Ok(index) = session else { return Ok(()) };
        if rv == CKR_OK {
            self.sessions[index].signature = Seat::Active(Claim { mech, private: judged.private, streamed: false, fed: 0, signs, good });
        } else if rv == CKR_OPERATION_ACTIVE {
            self.sessions[index].signature.settle();
        }
        Ok(())
    }

    pub(crate) fn signature_one_shot(&mut self, step: &Step) -> Judged {
        let (step, claim) = self.claim(step);
        let n = match &claim {
            Some(claim) if !step.b.is_multiple_of(4) => claim.signs,
            _ => SIGNED[usize::from(step.b) % SIGNED.len()],
        };
        let null = step.d > 248;
        let data = pattern();
        let at = if null { null_mut() } else { data.as_ptr().cast_mut() };
        let rv = p11!(self.module, C_VerifySignature, self.session_handle(&step), at, n as u64);
        let fits = claim.as_ref().is_some_and(|claim| !claim.streamed);
        self.judge_claim(&step, "C_VerifySignature", rv, claim.as_ref(), n, null, fits)
    }

    pub(crate) fn signature_update(&mut self, step: &Step) -> Judged {
        let (step, claim) = self.claim(step);
        let fed = claim.as_ref().map_or(0, |claim| claim.fed);
        let left = claim.as_ref().map_or(20, |claim| claim.signs.saturating_sub(claim.fed));
        let n = [left, left, left / 2, 1, 0, 17][usize::from(step.b) % 6].min(LONGEST - fed);
        let null = step.d > 248 && n > 0;
        let data = pattern();
        let at = if null { null_mut() } else { data[fed..].as_ptr().cast_mut() };
        let rv = p11!(self.module, C_VerifySignatureUpdate, self.session_handle(&step), at, n as u64);
        let streams = claim.as_ref().is_some_and(|claim| self.fixtures.rows[Kind::Verify as usize][claim.mech].streams);
        let codes = self.claim_codes(&step, null, streams);
        self.allow(&format!("C_VerifySignatureUpdate {n} bytes null={null} {}", self.who(&step)), rv, &codes)?;
        let Ok(index) = self.session(step.session) else { return Ok(()) };
        match (rv.0, claim) {
            (CKR_OK, Some(claim)) => self.sessions[index].signature = Seat::Active(Claim { streamed: true, fed: fed + n, ..claim }),
            (CKR_ARGUMENTS_BAD, _) => {}
            _ => self.sessions[index].signature = Seat::Idle,
        }
        Ok(())
    }

    pub(crate) fn signature_final(&mut self, step: &Step) -> Judged {
        let (step, claim) = self.claim(step);
        let rv = p11!(self.module, C_VerifySignatureFinal, self.session_handle(&step));
        let n = claim.as_ref().map_or(0, |claim| claim.fed);
        let streams = claim.as_ref().is_some_and(|claim| self.fixtures.rows[Kind::Verify as usize][claim.mech].streams);
        self.judge_claim(&step, "C_VerifySignatureFinal", rv, claim.as_ref(), n, false, streams)
    }

    /// The end of such an operation on `n` bytes of the pattern.
    #[allow(clippy::too_many_arguments, reason = "what a call was and what it met")]
    fn judge_claim(&mut self, step: &Step, name: &str, rv: Rv, claim: Option<&Claim>, n: usize, null: bool, fits: bool) -> Judged {
        let mut codes = self.claim_codes(step, null, fits);
        if let (Some(at), Some(claim)) = (codes.iter().position(|code| *code == CKR_OK), claim) {
            // ECDSA without a digest takes the leftmost bytes, as many as the curve's order has.
            let raw = self.fixtures.rows[Kind::Verify as usize][claim.mech].id == CKM_ECDSA;
            let same = n == claim.signs || (raw && n.min(claim.signs) >= 32);
            codes[at] = if claim.good && same { CKR_OK } else { CKR_SIGNATURE_INVALID };
        }
        let told = format!("{name} {n} bytes of {:?} null={null} {}", claim.map(|claim| (claim.signs, claim.good)), self.who(step));
        self.allow(&told, rv, &codes)?;
        if let (Ok(index), true) = (self.session(step.session), rv != CKR_ARGUMENTS_BAD) {
            self.sessions[index].signature = Seat::Idle;
        }
        Ok(())
    }

    fn claim_codes(&self, step: &Step, refused: bool, fits: bool) -> Vec<u64> {
        let seat = self.session(step.session).map(|index| &self.sessions[index].signature);
        place_codes(seat, |claim| claim.private, self.logged_in, refused, fits)
    }

    /// The step, turned to a session where such an operation runs most of the time, and the operation.
    fn claim(&self, step: &Step) -> (Step, Option<Claim>) {
        let busy: Vec<_> = (0..self.sessions.len()).filter(|index| self.sessions[*index].signature.run().is_some()).collect();
        let step = match busy.get(usize::from(step.session) % busy.len().max(1)) {
            Some(index) if step.session < 220 => Step { session: *index as u8, ..*step },
            _ => *step,
        };
        let claim = self.session(step.session).ok().and_then(|index| self.sessions[index].signature.run().cloned());
        (step, claim)
    }
}

//! Messages to sign and to verify: whole, and in parts where the mechanism takes parts.

use crate::client::{Room, output};
use crate::fixtures::{LONGEST, pattern};
use crate::messages::{Left, Target};
use crate::p11;
use crate::promises::{Promise, room};
use crate::world::{Judged, Kind, Run, World};
use cryptoki_sys::*;
use std::ffi::c_void;
use std::ptr::null_mut;

/// Lengths of whole messages to verify.
const SIGNED: [usize; 5] = [1, 16, 33, 64, 100];

/// A message's parameter: there is none.
fn parameter(choice: u8) -> (Vec<u8>, Option<u64>) {
    if choice < 16 { (vec![1, 2, 3, 4, 5], Some(CKR_MECHANISM_PARAM_INVALID)) } else { (Vec::new(), None) }
}

/// As the pointer and length of a call.
fn raw(parameter: &[u8]) -> (*mut c_void, u64) {
    (if parameter.is_empty() { null_mut() } else { parameter.as_ptr().cast_mut().cast() }, parameter.len() as u64)
}

impl World {
    fn streams(&self, target: &Target) -> bool {
        target.process.as_ref().is_some_and(|process| self.fixtures.rows[target.kind as usize][process.mech].streams)
    }

    fn mech(target: &Target) -> usize {
        target.process.as_ref().map_or(0, |process| process.mech)
    }

    /// A signature of `n` bytes of the pattern and what verifying it answers.
    fn claimed(&self, target: &Target, n: usize) -> (Vec<u8>, u64) {
        let mut signature = self.fixtures.signatures[Self::mech(target)][n].clone();
        match target.step.c % 5 {
            0 => {
                let at = n % signature.len();
                signature[at] ^= 1;
                (signature, CKR_SIGNATURE_INVALID)
            }
            1 => {
                signature.pop();
                (signature, CKR_SIGNATURE_LEN_RANGE)
            }
            _ => (signature, CKR_OK),
        }
    }

    pub(crate) fn sign_message(&mut self, target: &Target) -> Judged {
        let step = &target.step;
        let (bytes, fault) = parameter(step.d);
        let ((p, size), s, data) = (raw(&bytes), self.session_handle(step), pattern());
        let null = step.d > 245;
        let at = if null { null_mut() } else { data.as_ptr().cast_mut() };
        if target.kind == Kind::Verify {
            let n = SIGNED[usize::from(step.b) % SIGNED.len()];
            let (signature, answer) = self.claimed(target, n);
            let (sig, sig_len) = (signature.as_ptr().cast_mut(), signature.len() as u64);
            let rv = p11!(self.module, C_VerifyMessage, s, p, size, at, n as u64, sig, sig_len);
            let codes = self.between_codes(target, null, fault.or((answer != CKR_OK).then_some(answer)));
            self.allow(&format!("C_VerifyMessage {n} bytes signature={answer} fault={fault:?} null={null} {}", self.who(step)), rv, &codes)?;
            self.leave(target, rv, false, Left::Same);
            return Ok(());
        }
        let n = [1, 16, 20, 32, 33, 64, LONGEST][usize::from(step.b) % 7];
        let run = Run { mech: Self::mech(target), private: false, streamed: false, fed: 0, out: 0, text: 0, tainted: false };
        let promise = self.one_shot_promise(Kind::Sign, &run, n);
        let room = room(step.c, Some(&promise));
        let told = output(room, |out, out_len| p11!(self.module, C_SignMessage, s, p, size, at, n as u64, out, out_len));
        let codes = self.between_codes(target, null || room == Room::NoLength, fault);
        let what = format!("C_SignMessage {n} bytes fault={fault:?} room={room:?} null={null} {}", self.who(step));
        self.judge_length(&what, &told, room, codes, Some(&promise))?;
        self.leave(target, told.rv, false, Left::Same);
        if told.rv == CKR_OK && room != Room::Ask { self.compare(Kind::Sign, &run, &told.bytes, 0, n) } else { Ok(()) }
    }

    pub(crate) fn sign_begin(&mut self, target: &Target) -> Judged {
        let step = &target.step;
        let (bytes, fault) = parameter(step.d);
        let ((p, size), s) = (raw(&bytes), self.session_handle(step));
        let rv = match target.kind {
            Kind::Sign => p11!(self.module, C_SignMessageBegin, s, p, size),
            _ => p11!(self.module, C_VerifyMessageBegin, s, p, size),
        };
        let one_part = target.process.is_some() && !self.streams(target);
        let codes = self.between_codes(target, false, fault.or(one_part.then_some(CKR_OPERATION_NOT_INITIALIZED)));
        self.allow(&format!("C_{:?}MessageBegin fault={fault:?} {}", target.kind, self.who(step)), rv, &codes)?;
        self.leave(target, rv, one_part, if rv == CKR_OK { Left::Open(0) } else { Left::Same });
        Ok(())
    }

    pub(crate) fn sign_next(&mut self, target: &Target) -> Judged {
        let step = &target.step;
        let fed = target.fed().unwrap_or(0);
        let n = [0, 1, 5, 16, 17, 33][usize::from(step.b) % 6].min(LONGEST - fed);
        let (total, last) = (fed + n, step.a & 1 == 0);
        let (bytes, fault) = parameter(step.d);
        let ((p, size), s, data) = (raw(&bytes), self.session_handle(step), pattern());
        let null = step.d > 245 && n > 0;
        let (at, len) = (if null { null_mut() } else { data[fed..].as_ptr().cast_mut() }, n as u64);
        let who = self.who(step);
        let kept = target.fed().is_none();
        if last && target.kind == Kind::Sign {
            let size_of_it = self.fixtures.rows[Kind::Sign as usize][Self::mech(target)].size;
            let promise = Promise::Bytes { exact: size_of_it, most: size_of_it };
            let room = room(step.c, Some(&promise));
            let told = output(room, |out, out_len| p11!(self.module, C_SignMessageNext, s, p, size, at, len, out, out_len));
            let codes = self.inside_codes(target, null || room == Room::NoLength, fault);
            self.judge_length(&format!("C_SignMessageNext last {n} bytes fault={fault:?} room={room:?} {who}"), &told, room, codes, Some(&promise))?;
            let asked = told.rv == CKR_BUFFER_TOO_SMALL || (told.rv == CKR_OK && room == Room::Ask);
            self.leave(target, told.rv, kept, if asked { Left::Same } else { Left::Between });
            if told.rv == CKR_OK && !asked {
                let run = Run { mech: Self::mech(target), private: false, streamed: true, fed, out: 0, text: 0, tainted: false };
                return self.compare(Kind::Sign, &run, &told.bytes, 0, total);
            }
            return Ok(());
        }
        let (rv, answer) = if target.kind == Kind::Sign {
            (p11!(self.module, C_SignMessageNext, s, p, size, at, len, null_mut(), null_mut()), CKR_OK)
        } else if last {
            let signable = if self.streams(target) { total } else { 1 };
            let (signature, answer) = self.claimed(target, signable);
            let (sig, sig_len) = (signature.as_ptr().cast_mut(), signature.len() as u64);
            (p11!(self.module, C_VerifyMessageNext, s, p, size, at, len, sig, sig_len), answer)
        } else {
            (p11!(self.module, C_VerifyMessageNext, s, p, size, at, len, null_mut(), 0), CKR_OK)
        };
        let codes = self.inside_codes(target, null, fault.or((answer != CKR_OK).then_some(answer)));
        self.allow(&format!("C_{:?}MessageNext {n} bytes last={last} answer={answer} fault={fault:?} null={null} {who}", target.kind), rv, &codes)?;
        self.leave(target, rv, kept, if rv == CKR_OK && !last { Left::Open(total) } else { Left::Between });
        Ok(())
    }
}

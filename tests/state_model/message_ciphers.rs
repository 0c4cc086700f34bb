//! Messages under AES-GCM: whole, and in parts; the bytes and the tag are those of C_Encrypt.

use crate::client::{Output, Room, output};
use crate::fixtures::{LONGEST, pattern};
use crate::messages::{GCM, Left, Target};
use crate::p11;
use crate::promises::{Promise, room};
use crate::world::{Judged, Kind, World};
use cryptoki_sys::*;
use std::ffi::c_void;
use std::ptr::null_mut;

/// A message's parameter with the memory it points at.
struct Parameter {
    iv: [u8; 12],
    tag: [u8; 16],
    bits: u64,
    null_tag: bool,
    size: u64,
}

impl Parameter {
    /// As the step has it: what is wrong with it, if anything.
    fn of(choice: u8, tag: [u8; 16]) -> Self {
        let whole = size_of::<CK_GCM_MESSAGE_PARAMS>() as u64;
        Self {
            iv: [5; 12],
            tag,
            bits: if choice < 14 { 129 } else { 128 },
            null_tag: (14..28).contains(&choice),
            size: if (28..36).contains(&choice) { whole - 1 } else { whole },
        }
    }

    fn fault(&self, needs_tag: bool) -> Option<u64> {
        let whole = size_of::<CK_GCM_MESSAGE_PARAMS>() as u64;
        (self.bits != 128 || self.size != whole || (needs_tag && self.null_tag)).then_some(CKR_MECHANISM_PARAM_INVALID)
    }

    fn raw(&mut self) -> CK_GCM_MESSAGE_PARAMS {
        CK_GCM_MESSAGE_PARAMS {
            pIv: self.iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvFixedBits: 0,
            ivGenerator: CKG_NO_GENERATE,
            pTag: if self.null_tag { null_mut() } else { self.tag.as_mut_ptr() },
            ulTagBits: self.bits,
        }
    }
}

const AAD: &[u8] = b"aad";

impl World {
    /// What C_Encrypt made of so many bytes of the pattern: text and tag.
    fn sealed(&self, n: usize) -> (Vec<u8>, [u8; 16]) {
        let whole = &self.fixtures.ciphertexts[GCM][n];
        (whole[..n].to_vec(), whole[n..].try_into().expect("a tag"))
    }

    /// A tag for a decryption of `n` bytes: the right one, unless the step says otherwise.
    fn tag_for(&self, target: &Target, n: usize) -> ([u8; 16], bool) {
        if target.kind == Kind::Encrypt {
            return ([0xEE; 16], true);
        }
        let (mut tag, good) = (self.sealed(n).1, target.step.b & 0xC0 != 0);
        tag[0] ^= u8::from(!good);
        (tag, good)
    }

    pub(crate) fn crypt_message(&mut self, target: &Target) -> Judged {
        let step = &target.step;
        let n = [0, 1, 16, 20, 32, 33, 64, LONGEST][usize::from(step.b) % 8];
        let (tag, good) = self.tag_for(target, n);
        let mut parameter = Parameter::of(step.d, tag);
        let fault = parameter.fault(true);
        let data = if target.kind == Kind::Encrypt { pattern()[..n].to_vec() } else { self.sealed(n).0 };
        let promise = if good { Promise::Bytes { exact: n, most: n } } else { Promise::Fault { codes: &[CKR_AEAD_DECRYPT_FAILED], most: n } };
        let room = room(step.c, Some(&promise));
        let null = step.d > 245 && n > 0;
        let (at, len) = (if null { null_mut() } else { data.as_ptr().cast_mut() }, n as u64);
        let (s, size, mut raw) = (self.session_handle(step), parameter.size, parameter.raw());
        let (p, aad, aad_len): (*mut c_void, _, _) = ((&raw mut raw).cast(), AAD.as_ptr().cast_mut(), AAD.len() as u64);
        let told = output(room, |out, out_len| match target.kind {
            Kind::Encrypt => p11!(self.module, C_EncryptMessage, s, p, size, aad, aad_len, at, len, out, out_len),
            _ => p11!(self.module, C_DecryptMessage, s, p, size, aad, aad_len, at, len, out, out_len),
        });
        let codes = self.between_codes(target, null || room == Room::NoLength, fault);
        let what = format!("C_{:?}Message {n} bytes good={good} fault={fault:?} room={room:?} null={null} {}", target.kind, self.who(step));
        self.judge_length(&what, &told, room, codes, Some(&promise))?;
        self.leave(target, told.rv, false, Left::Same);
        if told.rv == CKR_OK && room != Room::Ask { self.compare_message(target, &told, 0, n, Some(&parameter.tag)) } else { Ok(()) }
    }

    pub(crate) fn crypt_begin(&mut self, target: &Target) -> Judged {
        let step = &target.step;
        let mut parameter = Parameter::of(step.d, [0; 16]);
        let fault = parameter.fault(false);
        let (s, size, mut raw) = (self.session_handle(step), parameter.size, parameter.raw());
        let (p, aad, len): (*mut c_void, _, _) = ((&raw mut raw).cast(), AAD.as_ptr().cast_mut(), AAD.len() as u64);
        let rv = match target.kind {
            Kind::Encrypt => p11!(self.module, C_EncryptMessageBegin, s, p, size, aad, len),
            _ => p11!(self.module, C_DecryptMessageBegin, s, p, size, aad, len),
        };
        let codes = self.between_codes(target, false, fault);
        self.allow(&format!("C_{:?}MessageBegin fault={fault:?} {}", target.kind, self.who(step)), rv, &codes)?;
        self.leave(target, rv, false, if rv == CKR_OK { Left::Open(0) } else { Left::Same });
        Ok(())
    }

    pub(crate) fn crypt_next(&mut self, target: &Target) -> Judged {
        let step = &target.step;
        let fed = target.fed().unwrap_or(0);
        let n = [0, 1, 5, 16, 17, 33][usize::from(step.b) % 6].min(LONGEST - fed);
        let (total, last) = (fed + n, step.a & 1 == 0);
        let (tag, good) = self.tag_for(target, total);
        let mut parameter = Parameter::of(step.d, tag);
        let fault = parameter.fault(last);
        let source = if target.kind == Kind::Encrypt { pattern() } else { self.sealed(LONGEST).0 };
        let part = &source[fed..total];
        let gives = match (target.kind, last) {
            (Kind::Encrypt, _) => n,
            (_, true) => total,
            (_, false) => 0,
        };
        let promise = if good || !last {
            Promise::Bytes { exact: gives, most: gives }
        } else {
            Promise::Fault { codes: &[CKR_AEAD_DECRYPT_FAILED], most: gives }
        };
        let room = room(step.c, Some(&promise));
        let null = step.d > 245 && n > 0;
        let (at, len) = (if null { null_mut() } else { part.as_ptr().cast_mut() }, n as u64);
        let flags = if last { CKF_END_OF_MESSAGE } else { 0 };
        let (s, size, mut raw) = (self.session_handle(step), parameter.size, parameter.raw());
        let p: *mut c_void = (&raw mut raw).cast();
        let told = output(room, |out, out_len| match target.kind {
            Kind::Encrypt => p11!(self.module, C_EncryptMessageNext, s, p, size, at, len, out, out_len, flags),
            _ => p11!(self.module, C_DecryptMessageNext, s, p, size, at, len, out, out_len, flags),
        });
        let codes = self.inside_codes(target, null || room == Room::NoLength, fault);
        let what =
            format!("C_{:?}MessageNext {n} bytes last={last} good={good} fault={fault:?} room={room:?} null={null} {}", target.kind, self.who(step));
        self.judge_length(&what, &told, room, codes, Some(&promise))?;
        let left = match told.rv.0 {
            CKR_BUFFER_TOO_SMALL => Left::Same,
            CKR_OK if room == Room::Ask => Left::Same,
            CKR_OK if !last => Left::Open(total),
            _ => Left::Between,
        };
        self.leave(target, told.rv, target.fed().is_none(), left);
        if told.rv != CKR_OK || room == Room::Ask {
            return Ok(());
        }
        let from = if target.kind == Kind::Encrypt { fed } else { 0 };
        self.compare_message(target, &told, from, total, last.then_some(&parameter.tag))
    }

    /// The bytes told, which begin at `from` of a message of `total` bytes, and the tag where the message has ended.
    fn compare_message(&self, target: &Target, told: &Output, from: usize, total: usize, tag: Option<&[u8; 16]>) -> Judged {
        let (text, right) = self.sealed(total);
        let known = if target.kind == Kind::Encrypt { text } else { pattern() };
        if known.get(from..from + told.bytes.len()) != Some(&told.bytes[..]) {
            return Err(format!("a message of {:?} gave other bytes than the one-shot call", target.kind));
        }
        if tag.is_some_and(|tag| *tag != right) { Err("a message got another tag than C_Encrypt gives".to_owned()) } else { Ok(()) }
    }
}

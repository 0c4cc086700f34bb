//! The message-based functions as calls with owned values.

use crate::client::{Mech, Module, Output, R, Room, Rv, input, load, output};
use cryptoki_sys::*;
use std::ffi::c_void;
use std::ptr::null_mut;

pub(crate) use crate::p11 as call;

/// CK_GCM_MESSAGE_PARAMS with what it points at.
#[derive(Clone, Debug)]
pub(crate) struct Gcm {
    pub(crate) iv: Vec<u8>,
    pub(crate) fixed_bits: u64,
    pub(crate) generator: u64,
    pub(crate) tag: Vec<u8>,
    pub(crate) tag_bits: u64,
}

impl Gcm {
    /// A vector of the caller's, room for a whole tag.
    pub(crate) fn given(iv: &[u8]) -> Self {
        Self { iv: iv.to_vec(), fixed_bits: 0, generator: CKG_NO_GENERATE, tag: vec![0; 16], tag_bits: 128 }
    }

    /// Twelve bytes for a vector of the token's.
    pub(crate) fn made(generator: u64, fixed_bits: u64) -> Self {
        Self { iv: vec![0xAB; 12], fixed_bits, generator, tag: vec![0; 16], tag_bits: 128 }
    }

    /// The parameter of the decryption that belongs to this encryption.
    pub(crate) fn to_open(&self) -> Self {
        Self { fixed_bits: 0x77, generator: 0x77, ..self.clone() }
    }

    /// The structure; it points into `self`.
    pub(crate) fn raw(&mut self) -> CK_GCM_MESSAGE_PARAMS {
        CK_GCM_MESSAGE_PARAMS {
            pIv: if self.iv.is_empty() { null_mut() } else { self.iv.as_mut_ptr() },
            ulIvLen: self.iv.len() as CK_ULONG,
            ulIvFixedBits: self.fixed_bits,
            ivGenerator: self.generator,
            pTag: if self.tag.is_empty() { null_mut() } else { self.tag.as_mut_ptr() },
            ulTagBits: self.tag_bits,
        }
    }
}

const SIZE: CK_ULONG = size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG;

fn at(raw: &mut CK_GCM_MESSAGE_PARAMS) -> *mut c_void {
    std::ptr::from_mut(raw).cast()
}

/// A session of a logged-in user.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) m: &'static Module,
    pub(crate) s: u64,
}

impl Client {
    pub(crate) fn new() -> Self {
        let m = load();
        Self { m, s: m.make_token_and_log_in() }
    }

    pub(crate) fn encrypt_init(&self, key: u64) -> Rv {
        call!(self.m, C_MessageEncryptInit, self.s, Mech::plain(CKM_AES_GCM).as_ptr(), key)
    }

    pub(crate) fn decrypt_init(&self, key: u64) -> Rv {
        call!(self.m, C_MessageDecryptInit, self.s, Mech::plain(CKM_AES_GCM).as_ptr(), key)
    }

    pub(crate) fn encrypt_final(&self) -> Rv {
        call!(self.m, C_MessageEncryptFinal, self.s)
    }

    pub(crate) fn decrypt_final(&self) -> Rv {
        call!(self.m, C_MessageDecryptFinal, self.s)
    }

    pub(crate) fn encrypt_into(&self, gcm: &mut Gcm, aad: &[u8], data: &[u8], room: Room) -> Output {
        let (mut raw, (aad, aad_len), (data, len)) = (gcm.raw(), input(aad), input(data));
        output(room, |out, out_len| call!(self.m, C_EncryptMessage, self.s, at(&mut raw), SIZE, aad, aad_len, data, len, out, out_len))
    }

    pub(crate) fn decrypt_into(&self, gcm: &mut Gcm, aad: &[u8], data: &[u8], room: Room) -> Output {
        let (mut raw, (aad, aad_len), (data, len)) = (gcm.raw(), input(aad), input(data));
        output(room, |out, out_len| call!(self.m, C_DecryptMessage, self.s, at(&mut raw), SIZE, aad, aad_len, data, len, out, out_len))
    }

    /// One message by the two usual calls.
    pub(crate) fn encrypt(&self, gcm: &mut Gcm, aad: &[u8], data: &[u8]) -> R<Vec<u8>> {
        told(|room| self.encrypt_into(gcm, aad, data, room))
    }

    /// One message by the two usual calls.
    pub(crate) fn decrypt(&self, gcm: &mut Gcm, aad: &[u8], data: &[u8]) -> R<Vec<u8>> {
        told(|room| self.decrypt_into(gcm, aad, data, room))
    }

    pub(crate) fn encrypt_begin(&self, gcm: &mut Gcm, aad: &[u8]) -> Rv {
        let (mut raw, (aad, len)) = (gcm.raw(), input(aad));
        call!(self.m, C_EncryptMessageBegin, self.s, at(&mut raw), SIZE, aad, len)
    }

    pub(crate) fn decrypt_begin(&self, gcm: &mut Gcm, aad: &[u8]) -> Rv {
        let (mut raw, (aad, len)) = (gcm.raw(), input(aad));
        call!(self.m, C_DecryptMessageBegin, self.s, at(&mut raw), SIZE, aad, len)
    }

    pub(crate) fn encrypt_next(&self, gcm: &mut Gcm, part: &[u8], room: Room, last: bool) -> Output {
        let (mut raw, (part, len), flags) = (gcm.raw(), input(part), if last { CKF_END_OF_MESSAGE } else { 0 });
        output(room, |out, out_len| call!(self.m, C_EncryptMessageNext, self.s, at(&mut raw), SIZE, part, len, out, out_len, flags))
    }

    pub(crate) fn decrypt_next(&self, gcm: &mut Gcm, part: &[u8], room: Room, last: bool) -> Output {
        let (mut raw, (part, len), flags) = (gcm.raw(), input(part), if last { CKF_END_OF_MESSAGE } else { 0 });
        output(room, |out, out_len| call!(self.m, C_DecryptMessageNext, self.s, at(&mut raw), SIZE, part, len, out, out_len, flags))
    }

    /// One message in parts of `cut` bytes.
    pub(crate) fn encrypt_parts(&self, gcm: &mut Gcm, aad: &[u8], data: &[u8], cut: usize) -> R<Vec<u8>> {
        self.encrypt_begin(gcm, aad).ok()?;
        let (mut whole, parts) = (Vec::new(), parts(data, cut));
        for (index, part) in parts.iter().enumerate() {
            let told = self.encrypt_next(gcm, part, Room::Bytes(part.len()), index + 1 == parts.len());
            told.rv.ok()?;
            whole.extend(told.bytes);
        }
        Ok(whole)
    }

    /// One message in parts of `cut` bytes; all but the last give nothing.
    pub(crate) fn decrypt_parts(&self, gcm: &mut Gcm, aad: &[u8], data: &[u8], cut: usize) -> R<Vec<u8>> {
        self.decrypt_begin(gcm, aad).ok()?;
        let parts = parts(data, cut);
        for part in &parts[..parts.len() - 1] {
            let told = self.decrypt_next(gcm, part, Room::Bytes(part.len()), false);
            told.rv.ok()?;
            assert_eq!(told.len, 0, "plaintext before the tag was checked");
        }
        let told = self.decrypt_next(gcm, parts[parts.len() - 1], Room::Bytes(data.len()), true);
        told.rv.ok()?;
        Ok(told.bytes)
    }

    pub(crate) fn sign_init(&self, mech: &Mech, key: u64) -> Rv {
        call!(self.m, C_MessageSignInit, self.s, mech.as_ptr(), key)
    }

    pub(crate) fn sign_final(&self) -> Rv {
        call!(self.m, C_MessageSignFinal, self.s)
    }

    pub(crate) fn sign_into(&self, data: &[u8], room: Room) -> Output {
        let (data, len) = input(data);
        output(room, |out, out_len| call!(self.m, C_SignMessage, self.s, null_mut(), 0, data, len, out, out_len))
    }

    pub(crate) fn sign(&self, data: &[u8]) -> R<Vec<u8>> {
        told(|room| self.sign_into(data, room))
    }

    pub(crate) fn sign_begin(&self) -> Rv {
        call!(self.m, C_SignMessageBegin, self.s, null_mut(), 0)
    }

    /// A part that is not the last.
    pub(crate) fn sign_more(&self, part: &[u8]) -> Rv {
        let (part, len) = input(part);
        call!(self.m, C_SignMessageNext, self.s, null_mut(), 0, part, len, null_mut(), null_mut())
    }

    pub(crate) fn sign_last(&self, part: &[u8], room: Room) -> Output {
        let (part, len) = input(part);
        output(room, |out, out_len| call!(self.m, C_SignMessageNext, self.s, null_mut(), 0, part, len, out, out_len))
    }

    pub(crate) fn verify_init(&self, mech: &Mech, key: u64) -> Rv {
        call!(self.m, C_MessageVerifyInit, self.s, mech.as_ptr(), key)
    }

    pub(crate) fn verify_final(&self) -> Rv {
        call!(self.m, C_MessageVerifyFinal, self.s)
    }

    pub(crate) fn verify(&self, data: &[u8], signature: &[u8]) -> Rv {
        let ((data, len), (signature, signature_len)) = (input(data), input(signature));
        call!(self.m, C_VerifyMessage, self.s, null_mut(), 0, data, len, signature, signature_len)
    }

    pub(crate) fn verify_begin(&self) -> Rv {
        call!(self.m, C_VerifyMessageBegin, self.s, null_mut(), 0)
    }

    /// A part; with the signature, the last.
    pub(crate) fn verify_next(&self, part: &[u8], signature: Option<&[u8]>) -> Rv {
        let ((part, len), (signature, signature_len)) = (input(part), signature.map_or((null_mut(), 0), input));
        call!(self.m, C_VerifyMessageNext, self.s, null_mut(), 0, part, len, signature, signature_len)
    }
}

/// The size question, then the answer.
pub(crate) fn told(mut call: impl FnMut(Room) -> Output) -> R<Vec<u8>> {
    let asked = call(Room::Ask);
    asked.rv.ok()?;
    let told = call(Room::Bytes(usize::try_from(asked.len).unwrap()));
    told.rv.ok()?;
    Ok(told.bytes)
}

/// At least one part, if only an empty one.
fn parts(data: &[u8], cut: usize) -> Vec<&[u8]> {
    if data.is_empty() { vec![data] } else { data.chunks(cut).collect() }
}

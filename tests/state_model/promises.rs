//! What an operation must give: the data of a step, and the length or the fault that the standard's tables ask for.

use crate::client::Room;
use crate::fixtures::{LONGEST, TEXTS, pattern};
use crate::world::{Kind, Run, World};
use cryptoki_sys::*;

/// What a call with output would give if the buffer sufficed.
pub(crate) enum Promise {
    /// Exactly these many bytes; a size question may say up to `most`.
    Bytes { exact: usize, most: usize },
    /// One of these codes; before it comes to that, a size question or a small buffer may be answered by the length alone.
    Fault { codes: &'static [u64], most: usize },
}

const BAD_LENGTH: &[u64] = &[CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID];
const BAD_CIPHERTEXT: &[u64] = &[CKR_ENCRYPTED_DATA_INVALID, CKR_AEAD_DECRYPT_FAILED];

impl World {
    pub(crate) fn one_shot_data(&self, kind: Kind, run: Option<&Run>, b: u8) -> Vec<u8> {
        let n = [0, 1, 16, 20, 32, 33, 64, LONGEST][usize::from(b) % 8];
        match run {
            Some(run) if kind == Kind::Decrypt => {
                let whole = &self.fixtures.to_decrypt[run.mech][run.text];
                let cut = [0, 0, 0, 1, 16, whole.len()][usize::from(b) % 6];
                whole[..whole.len().saturating_sub(cut)].to_vec()
            }
            _ => pattern()[..n].to_vec(),
        }
    }

    pub(crate) fn next_part(&self, kind: Kind, run: Option<&Run>, b: u8) -> Vec<u8> {
        let n = [0, 1, 5, 15, 16, 17, 33][usize::from(b) % 7];
        let Some(run) = run else { return pattern()[..n].to_vec() };
        let source = if kind == Kind::Decrypt { self.fixtures.to_decrypt[run.mech][run.text].clone() } else { pattern() };
        let from = run.fed.min(source.len());
        source[from..source.len().min(from + n)].to_vec()
    }

    pub(crate) fn one_shot_promise(&self, kind: Kind, run: &Run, n: usize) -> Promise {
        let row = &self.fixtures.rows[kind as usize][run.mech];
        let exactly = |n: usize| Promise::Bytes { exact: n, most: n };
        let fault = |codes, most| Promise::Fault { codes, most };
        match (kind, row.id) {
            (Kind::Sign | Kind::Encrypt, _) if n > row.longest => fault(&[CKR_DATA_LEN_RANGE], row.size),
            // Nothing to sign: the standard's length table does not say.
            (Kind::Sign, CKM_ECDSA) if n == 0 => fault(&[CKR_OK, CKR_DATA_LEN_RANGE], row.size),
            (Kind::Encrypt, CKM_AES_CBC_PAD) => exactly(n / 16 * 16 + 16),
            (Kind::Encrypt, CKM_AES_GCM) => exactly(n + 16),
            (Kind::Decrypt, CKM_RSA_PKCS) if n != 128 => fault(BAD_LENGTH, 128),
            (Kind::Decrypt, CKM_RSA_PKCS) => Promise::Bytes { exact: TEXTS[run.text], most: 128 },
            (Kind::Decrypt, _) => self.whole_promise(run, n, n),
            _ => exactly(row.size),
        }
    }

    /// The end of a decryption by AES after `fed` bytes, `left` of which may still come out.
    pub(crate) fn whole_promise(&self, run: &Run, fed: usize, left: usize) -> Promise {
        let (text, whole) = (TEXTS[run.text], self.fixtures.to_decrypt[run.mech][run.text].len());
        if self.fixtures.rows[Kind::Decrypt as usize][run.mech].id == CKM_AES_GCM {
            return match fed {
                _ if fed < 16 => Promise::Fault { codes: BAD_LENGTH, most: left },
                _ if fed < whole => Promise::Fault { codes: BAD_CIPHERTEXT, most: left },
                _ => Promise::Bytes { exact: text, most: text },
            };
        }
        match fed {
            _ if fed == 0 || !fed.is_multiple_of(16) => Promise::Fault { codes: BAD_LENGTH, most: left.max(16) },
            _ if fed < whole => Promise::Fault { codes: BAD_CIPHERTEXT, most: left.max(16) },
            _ => Promise::Bytes { exact: text - run.out, most: left },
        }
    }

    /// "Always return as much output as can be computed from what has been passed in."
    pub(crate) fn update_promise(&self, kind: Kind, run: &Run, n: usize) -> Promise {
        let fed = run.fed + n;
        let out_then = match (kind, self.fixtures.rows[kind as usize][run.mech].id) {
            (Kind::Encrypt, CKM_AES_CBC_PAD) => fed / 16 * 16,
            (Kind::Encrypt, _) => fed,
            (_, CKM_AES_CBC_PAD) => fed.saturating_sub(1) / 16 * 16,
            _ => 0,
        };
        Promise::Bytes { exact: out_then - run.out, most: out_then - run.out }
    }

    pub(crate) fn final_promise(&self, kind: Kind, run: &Run) -> Promise {
        let row = &self.fixtures.rows[kind as usize][run.mech];
        match kind {
            Kind::Encrypt => Promise::Bytes { exact: 16, most: 16 },
            Kind::Decrypt => self.whole_promise(run, run.fed, run.fed - run.out),
            _ => Promise::Bytes { exact: row.size, most: row.size },
        }
    }
}

/// The buffer a step gives: too small, exactly enough, more than enough, none, or none to tell the length in.
pub(crate) fn room(c: u8, promise: Option<&Promise>) -> Room {
    let enough = match promise {
        Some(Promise::Bytes { exact, .. }) => *exact,
        Some(Promise::Fault { most, .. }) => *most,
        None => 64,
    };
    match c {
        0..=50 => Room::Ask,
        51..=75 => Room::Bytes(enough.saturating_sub(1)),
        76..=85 => Room::Bytes(0),
        86..=120 => Room::Bytes(enough),
        121..=247 => Room::Bytes(enough + 300),
        _ => Room::NoLength,
    }
}

//! The four functions that go on with two operations at once: C_DigestEncryptUpdate and its kin.
//!
//! Decisions of the project within the standard: a failure, a missing partner included, ends both operations; a size question and a small
//! buffer leave both as they were.

use crate::client::{Room, output};
use crate::p11;
use crate::promises::room;
use crate::world::{Judged, Kind, Run, Seat, Step, World};
use cryptoki_sys::*;
use std::ptr::null_mut;

/// The cipher of each, and who takes the plaintext in.
const PAIRS: [(Kind, Kind); 4] =
    [(Kind::Encrypt, Kind::Digest), (Kind::Encrypt, Kind::Sign), (Kind::Decrypt, Kind::Digest), (Kind::Decrypt, Kind::Verify)];

impl World {
    pub(crate) fn dual(&mut self, step: &Step) -> Judged {
        let (cipher, other) = PAIRS[usize::from(step.a) % 4];
        // Two operations of the right kinds in one session are rare by chance: a missing one is begun first, seven times of eight.
        if let (Ok(index), false) = (self.session(step.session), step.b.is_multiple_of(8)) {
            for kind in [cipher, other] {
                if matches!(self.sessions[index].operations[kind as usize], Seat::Idle) {
                    self.init(&Step { a: kind as u8, b: step.d, c: step.c | 0x40, d: step.d | 1, ..*step })?;
                }
            }
        }
        let (run, partner) = (self.run_of(step, cipher), self.run_of(step, other));
        let streams = |kind: Kind, run: &Option<Run>| run.as_ref().is_some_and(|run| self.fixtures.rows[kind as usize][run.mech].streams);
        let (cipher_fits, other_fits) = (streams(cipher, &run), streams(other, &partner));
        let data = self.next_part(cipher, run.as_ref(), step.b);
        let null_data = step.d > 248 && !data.is_empty();
        let promise = run.as_ref().filter(|_| cipher_fits).map(|run| self.update_promise(cipher, run, data.len()));
        let room = room(step.c, promise.as_ref());
        let refused = null_data || room == Room::NoLength;
        let s = self.session_handle(step);
        let (at, len) = (if null_data { null_mut() } else { data.as_ptr().cast_mut() }, data.len() as u64);
        let told = output(room, |out, out_len| match (cipher, other) {
            (Kind::Encrypt, Kind::Digest) => p11!(self.module, C_DigestEncryptUpdate, s, at, len, out, out_len),
            (Kind::Encrypt, _) => p11!(self.module, C_SignEncryptUpdate, s, at, len, out, out_len),
            (_, Kind::Digest) => p11!(self.module, C_DecryptDigestUpdate, s, at, len, out, out_len),
            _ => p11!(self.module, C_DecryptVerifyUpdate, s, at, len, out, out_len),
        });
        let mut codes = self.plain_codes(step, cipher, refused, cipher_fits);
        let partner_codes = self.plain_codes(step, other, refused, other_fits);
        // A partner that takes one part only is noticed when its turn comes: not by a question for the length.
        let late = partner.is_some() && !other_fits;
        if !partner_codes.contains(&CKR_OK) && !late {
            codes.retain(|code| *code != CKR_OK);
        }
        codes.extend(partner_codes.into_iter().filter(|code| *code != CKR_OK && *code != CKR_SESSION_HANDLE_INVALID));
        let (n, who) = (data.len(), self.who(step));
        let what = format!("C_{cipher:?}{other:?}Update {n} bytes room={room:?} null={null_data} {who}");
        self.judge_length(&what, &told, room, codes, promise.as_ref())?;
        if late && told.rv == CKR_OK && room != Room::Ask {
            return Err(format!("{what} gave bytes beside a mechanism that takes one part only"));
        }
        match told.rv.0 {
            CKR_ARGUMENTS_BAD | CKR_SESSION_HANDLE_INVALID => {}
            CKR_BUFFER_TOO_SMALL => [cipher, other].into_iter().for_each(|kind| self.settle(step, kind)),
            CKR_OK if room == Room::Ask => [cipher, other].into_iter().for_each(|kind| self.settle(step, kind)),
            CKR_OK => {
                let (Some(mut run), Some(mut partner)) = (run, partner) else { return Err(format!("{what} went on with nothing")) };
                self.compare(cipher, &run, &told.bytes, run.out, run.fed + n)?;
                let (from, taken) = if cipher == Kind::Encrypt { (run.fed, n) } else { (run.out, told.bytes.len()) };
                partner.tainted |= taken > 0 && partner.fed != from;
                run.out += told.bytes.len();
                self.go_on(step, cipher, run, n);
                self.go_on(step, other, partner, taken);
            }
            _ => [cipher, other].into_iter().for_each(|kind| self.end(step, kind)),
        }
        Ok(())
    }
}

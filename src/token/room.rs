//! The length convention of PKCS#11 as two values: the room that the caller gives, and what the operation answers.
//!
//! Source: PKCS#11 3.2, "Conventions for functions returning output in a variable-length buffer".

use cngtoken_crypto::OutLen;
use cngtoken_key::Secret;

/// The caller's output buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// The pointer is NULL: only the length is asked.
    Ask,
    /// So many bytes.
    Bytes(usize),
}

/// What a function with an output buffer answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The length that is needed: CKR_OK where it was asked, else CKR_BUFFER_TOO_SMALL. The operation goes on.
    Needs(usize),
    /// The output.
    Bytes(Secret),
}

/// Whether the work may be done now.
pub(crate) enum Fit {
    /// Answer this length and keep the operation.
    Needs(usize),
    /// Do it; the output will fit, or may (`AtMost`) turn out to.
    Go,
}

impl Room {
    /// Decides before the work is done, so that a size question never touches a key. Where only an upper bound is known, a
    /// smaller buffer may still be large enough: the work is done, and what does not fit is kept for the next call.
    pub(crate) fn fit(self, len: OutLen) -> Fit {
        match (self, len) {
            (Room::Ask, OutLen::Exact(n) | OutLen::AtMost(n)) => Fit::Needs(n),
            (Room::Bytes(have), OutLen::Exact(n)) if have < n => Fit::Needs(n),
            (Room::Bytes(_), OutLen::Exact(_) | OutLen::AtMost(_)) => Fit::Go,
        }
    }

    /// For results that are computed first, without a secret or a state that could be lost.
    pub(crate) fn answer(self, bytes: Secret) -> Answer {
        match self {
            Room::Bytes(have) if have >= bytes.len() => Answer::Bytes(bytes),
            Room::Ask | Room::Bytes(_) => Answer::Needs(bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_question_is_answered_with_the_upper_bound() {
        assert!(matches!(Room::Ask.fit(OutLen::AtMost(9)), Fit::Needs(9)));
    }

    #[test]
    fn a_buffer_that_is_one_byte_short_is_told_the_real_length() {
        assert!(matches!(Room::Bytes(31).fit(OutLen::Exact(32)), Fit::Needs(32)));
        assert!(matches!(Room::Bytes(32).fit(OutLen::Exact(32)), Fit::Go));
    }
}

//! The model's state: who is logged in, the sessions with one place per kind of operation, the objects and the handles given out.
//!
//! Where the standard allows several codes ("any of the applicable error codes may be returned"), the model allows the same set and goes on
//! from the one it saw. Decisions of the project that narrow the standard are named where they are used.

pub(crate) use crate::calls::Step;
use crate::client::{Module, Rv, SO_PIN, USER_PIN};
use crate::fixtures::Fixtures;
use crate::saved::Saved;
use cryptoki_sys::*;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

/// The five kinds of operation that have a place in a session beside the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Digest,
    Sign,
    Verify,
    Encrypt,
    Decrypt,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Digest, Self::Sign, Self::Verify, Self::Encrypt, Self::Decrypt];

    pub(crate) fn from(number: u8) -> Self {
        Self::ALL[usize::from(number) % 5]
    }

    /// The flag by which C_SessionCancel names it.
    pub(crate) fn flag(self) -> u64 {
        [CKF_DIGEST, CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT][self as usize]
    }
}

/// A running operation.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Index into the fixtures' mechanisms of the kind.
    pub(crate) mech: usize,
    /// It works with a private object, which a logout takes away.
    pub(crate) private: bool,
    /// An Update has been done.
    pub(crate) streamed: bool,
    /// Bytes given so far.
    pub(crate) fed: usize,
    /// Bytes given out so far.
    pub(crate) out: usize,
    /// Decryption: which of the fixtures' ciphertexts.
    pub(crate) text: usize,
    /// A key was digested, or a dual function gave other bytes than the next of the pattern: the value is not known.
    pub(crate) tainted: bool,
}

/// The place of an operation.
#[derive(Clone, Debug, Default)]
pub(crate) enum Seat<T> {
    #[default]
    Idle,
    Active(T),
    /// The standard leaves open whether it survived a log-in or log-out; the next answer tells.
    Unsure(T),
}

impl<T> Seat<T> {
    pub(crate) fn doubt(&mut self) {
        *self = match std::mem::take(self) {
            Self::Active(run) | Self::Unsure(run) => Self::Unsure(run),
            Self::Idle => Self::Idle,
        };
    }

    /// An answer has told that it survived.
    pub(crate) fn settle(&mut self) {
        *self = match std::mem::take(self) {
            Self::Unsure(run) => Self::Active(run),
            other => other,
        };
    }

    /// What may run.
    pub(crate) fn run(&self) -> Option<&T> {
        match self {
            Self::Active(run) | Self::Unsure(run) => Some(run),
            Self::Idle => None,
        }
    }
}

/// A signature that waits for its data.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) mech: usize,
    pub(crate) private: bool,
    pub(crate) streamed: bool,
    pub(crate) fed: usize,
    /// How many bytes of the pattern it signs.
    pub(crate) signs: usize,
    /// It has not been changed.
    pub(crate) good: bool,
}

/// A message-based process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) mech: usize,
    pub(crate) private: bool,
    /// A message has begun, with so many bytes so far.
    pub(crate) open: Option<usize>,
}

/// A running search.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// Objects not yet told.
    pub(crate) left: Vec<usize>,
    /// Objects came or went since it began: the standard promises nothing about what it finds.
    pub(crate) loose: bool,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) handle: u64,
    pub(crate) rw: bool,
    pub(crate) operations: [Seat<Run>; 5],
    /// C_VerifySignatureInit's, whose signature comes first.
    pub(crate) signature: Seat<Claim>,
    /// C_MessageEncryptInit's and its kin's, in the order of `PROCESSES`.
    pub(crate) messages: [Seat<Process>; 4],
    pub(crate) search: Seat<Search>,
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) unique_id: Vec<u8>,
    pub(crate) class: u64,
    pub(crate) key_type: u64,
    pub(crate) token: bool,
    pub(crate) private: bool,
    /// CKA_ENCRYPT and its kin, by kind.
    pub(crate) usages: [bool; 5],
    /// The session whose end is its end.
    pub(crate) owner: Option<u64>,
    /// Made by the sequence, not by the fixtures.
    pub(crate) extra: bool,
}

/// A handle that was given out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    pub(crate) number: u64,
    pub(crate) object: usize,
}

pub(crate) type Judged = Result<(), String>;

pub(crate) struct World {
    pub(crate) module: &'static Module,
    pub(crate) fixtures: Fixtures,
    pub(crate) logged_in: Option<u64>,
    /// Wrong PINs in a row: by CKU_SO, CKU_USER.
    pub(crate) failures: [u32; 2],
    pub(crate) sessions: Vec<Session>,
    pub(crate) closed: Vec<u64>,
    /// Live objects by number.
    pub(crate) objects: BTreeMap<usize, Object>,
    pub(crate) next_object: usize,
    pub(crate) handles: Vec<Handle>,
    pub(crate) dead: Vec<u64>,
    dead_set: HashSet<u64>,
    /// The last operation state that was given out.
    pub(crate) saved: Option<Saved>,
    pub(crate) calls: u64,
    codes: BTreeMap<(String, Rv), u64>,
    trace: Option<String>,
}

impl World {
    pub(crate) fn new(module: &'static Module, fixtures: Fixtures) -> Self {
        let objects: BTreeMap<_, _> = fixtures.objects.iter().cloned().enumerate().collect();
        Self {
            module,
            next_object: objects.len(),
            objects,
            fixtures,
            logged_in: None,
            failures: [0; 2],
            sessions: Vec::new(),
            closed: Vec::new(),
            handles: Vec::new(),
            dead: Vec::new(),
            dead_set: HashSet::new(),
            saved: None,
            calls: 0,
            codes: BTreeMap::new(),
            trace: None,
        }
    }

    /// Runs a sequence from a clean state and cleans up behind it.
    pub(crate) fn run(&mut self, steps: &[Step]) -> Judged {
        let mut judged = Ok(());
        for step in steps {
            judged = self.step(step);
            if judged.is_err() {
                break;
            }
        }
        self.clean_up();
        judged
    }

    /// Runs it once more and tells each call.
    pub(crate) fn tell(&mut self, steps: &[Step]) -> String {
        self.trace = Some(String::new());
        let _ = self.run(steps);
        self.trace.take().unwrap_or_default()
    }

    /// Ends the sequence: no sessions, no objects of its own, no wrong PINs counted.
    fn clean_up(&mut self) {
        let m = self.module;
        m.close_all().expect("C_CloseAllSessions");
        let extra_on_token = self.objects.values().any(|o| o.extra && o.token);
        if extra_on_token || self.failures != [0; 2] {
            for (user, pin) in [(CKU_SO, SO_PIN), (CKU_USER, USER_PIN)] {
                let s = m.rw().expect("a session");
                m.login(s, user, pin).expect("the right PIN");
                if user == CKU_USER && extra_on_token {
                    self.destroy_extra(s);
                }
                m.close(s).expect("C_CloseSession");
            }
        }
        self.objects.retain(|_, o| !o.extra);
        self.logged_in = None;
        self.failures = [0; 2];
        self.sessions.clear();
        self.closed.clear();
        self.handles.clear();
        self.dead.clear();
        self.dead_set.clear();
        self.saved = None;
    }

    /// Counts the call and compares its code with what may be answered.
    pub(crate) fn allow(&mut self, what: &str, rv: Rv, allowed: &[u64]) -> Judged {
        self.calls += 1;
        *self.codes.entry((what.split(' ').next().unwrap_or(what).to_owned(), rv)).or_default() += 1;
        if let Some(trace) = &mut self.trace {
            let _ = writeln!(trace, "  {what} -> {rv:?}");
        }
        if allowed.iter().any(|code| rv == *code) {
            return Ok(());
        }
        let allowed: Vec<Rv> = allowed.iter().map(|code| Rv(*code)).collect();
        Err(format!("{what} answered {rv:?}, the model allows {allowed:?}"))
    }

    /// How often each function answered what: a sequence that never leaves the error paths proves little.
    pub(crate) fn survey(&self) -> String {
        let ok: u64 = self.codes.iter().filter(|((_, rv), _)| *rv == CKR_OK).map(|(_, n)| n).sum();
        let pairs = self.pairs();
        if std::env::var_os("CNGTOKEN_MODEL_SURVEY").is_some() {
            println!("note: {:?}", self.codes);
        }
        format!("{ok} of them CKR_OK, {pairs} different pairs of function and code")
    }

    /// Different pairs of function and code seen.
    pub(crate) fn pairs(&self) -> usize {
        self.codes.len()
    }

    /// The session a step means: a live one most of the time, else a closed or unknown handle.
    pub(crate) fn session(&self, number: u8) -> Result<usize, u64> {
        if number < 236 && !self.sessions.is_empty() {
            return Ok(usize::from(number) % self.sessions.len());
        }
        Err(match number % 3 {
            0 => CK_INVALID_HANDLE,
            1 => self.closed.last().copied().unwrap_or(0x7777),
            _ => u64::MAX,
        })
    }

    /// The handle a step means: one that was given out, else a dead or unknown one.
    pub(crate) fn handle(&self, number: u8) -> Result<Handle, u64> {
        if number < 230 && !self.handles.is_empty() {
            return Ok(self.handles[usize::from(number) % self.handles.len()]);
        }
        Err(match number % 4 {
            0 => CK_INVALID_HANDLE,
            1 | 2 => self.dead.last().copied().unwrap_or(0x7FFF_FFF0),
            _ => u64::MAX,
        })
    }

    /// Remembers a handle that a call gave out.
    pub(crate) fn handle_given(&mut self, number: u64, object: usize) -> Judged {
        if number == CK_INVALID_HANDLE || self.dead_set.contains(&number) {
            return Err(format!("handle {number} was given out, which is invalid or belonged to an object before"));
        }
        match self.handles.iter().find(|handle| handle.number == number) {
            Some(known) if known.object != object => Err(format!("handle {number} means two objects")),
            Some(_) => Ok(()),
            None => {
                self.handles.push(Handle { number, object });
                Ok(())
            }
        }
    }

    /// Ends the handles of objects for which `dies` is true.
    pub(crate) fn bury(&mut self, dies: impl Fn(&Object, usize) -> bool) {
        let (objects, dead) = (&self.objects, &mut self.dead);
        self.handles.retain(|handle| {
            let dies = objects.get(&handle.object).is_none_or(|object| dies(object, handle.object));
            if dies {
                dead.push(handle.number);
            }
            !dies
        });
        self.dead_set.extend(self.dead.iter().copied());
    }

    /// The end of a session: its operations and its objects.
    pub(crate) fn end_session(&mut self, index: usize) {
        let session = self.sessions.remove(index);
        self.closed.push(session.handle);
        self.objects.retain(|_, object| object.owner != Some(session.handle));
        self.objects_changed();
        if self.sessions.is_empty() {
            self.end_login();
        } else {
            self.bury(|_, _| false);
        }
    }

    /// The end of a log-in: private session objects go, handles of private objects die for ever, operations may or may not go on.
    pub(crate) fn end_login(&mut self) {
        self.logged_in = None;
        self.objects.retain(|_, object| object.token || !object.private);
        self.bury(|object, _| object.private);
        self.doubt_operations();
        self.objects_changed();
    }

    pub(crate) fn doubt_operations(&mut self) {
        for session in &mut self.sessions {
            session.operations.iter_mut().for_each(Seat::doubt);
            session.signature.doubt();
            session.messages.iter_mut().for_each(Seat::doubt);
            session.search.doubt();
        }
    }

    /// What a running search still finds is no longer promised.
    pub(crate) fn objects_changed(&mut self) {
        for session in &mut self.sessions {
            if let Seat::Active(search) | Seat::Unsure(search) = &mut session.search {
                search.loose = true;
            }
        }
    }

    pub(crate) fn visible(&self, object: &Object) -> bool {
        !object.private || self.logged_in == Some(CKU_USER)
    }
}

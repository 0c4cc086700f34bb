//! Many files at once: each thread reads, recognises and stores a chunk after the other through the token's batch door, one transaction
//! for each chunk; the main thread tells the outcomes in the order of the files and asks for passwords.

use super::import::{Login, Read1, Tally, Told, heading, one, read};
use super::storing::{self, Wishes};
use crate::args::Import;
use crate::failure::Failure;
use crate::shapes::{Content, Found, Wanted};
use crate::store::Session;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Files of one transaction: a commit costs as much as some hundred keys.
const CHUNK: usize = 1000;
/// More threads than this wait for the store, not for the keys.
const MAX_THREADS: usize = 8;

/// What is done with every file.
pub(super) struct Work<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) wishes: &'a Wishes,
    pub(super) args: &'a Import,
}

/// A file of a chunk: done, or left for the main thread.
enum Slot {
    Told(Told),
    Later(Box<Read1>),
}

impl Work<'_> {
    /// Imports `files`; the user is logged in already.
    pub(super) fn run(&self, session: &Session<'_>, files: &[PathBuf], login: &mut Login<'_>, tally: &mut Tally) -> Result<(), Failure> {
        let bar = ProgressBar::with_draw_target(u64::try_from(files.len()).ok(), ProgressDrawTarget::stderr());
        let style = "{bar:40} {pos}/{len} files, {per_sec}, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let chunks: Vec<&[PathBuf]> = files.chunks(CHUNK).collect();
        let next = AtomicUsize::new(0);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS).min(chunks.len());
        std::thread::scope(|scope| {
            let (send, receive) = mpsc::sync_channel(threads);
            for _ in 0..threads {
                let send = send.clone();
                let (chunks, next) = (&chunks, &next);
                scope.spawn(move || {
                    // A session of its own: a search belongs to its session.
                    let own = match session.store.session(true) {
                        Ok(own) => own,
                        Err(failure) => return drop(send.send((0, Err(failure)))),
                    };
                    while let Some((i, chunk)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, *chunks.get(i)?))) {
                        // Nobody listens any more after a failure that ends the run.
                        if send.send((i, self.chunk(&own, chunk))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(send);
            let mut waiting = BTreeMap::new();
            let mut expected = 0usize;
            for (i, slots) in receive {
                waiting.insert(i, slots);
                while let Some(slots) = waiting.remove(&expected) {
                    expected = expected.saturating_add(1);
                    let slots = slots?;
                    let done = slots.len();
                    bar.suspend(|| slots.into_iter().try_for_each(|slot| self.tell(session, slot, login, tally)))?;
                    bar.inc(u64::try_from(done).unwrap_or(0));
                }
            }
            bar.finish_and_clear();
            Ok(())
        })
    }

    fn tell(&self, session: &Session<'_>, slot: Slot, login: &mut Login<'_>, tally: &mut Tally) -> Result<(), Failure> {
        match slot {
            Slot::Told(told) => tally.tell(Ok(told)),
            Slot::Later(read) => tally.tell(one(session, *read, self.wanted, self.wishes, self.args, login)),
        }
    }

    /// One transaction for the blobs of a chunk. What is no blob goes by itself, what needs a password later.
    fn chunk(&self, session: &Session<'_>, files: &[PathBuf]) -> Result<Vec<Slot>, Failure> {
        let by_batch = self.wishes.on_token && !self.wishes.public_only;
        let mut slots: Vec<Option<Slot>> = Vec::with_capacity(files.len());
        let mut batch = Vec::new();
        for file in files {
            let read = read(file, self.wanted);
            match &read.found {
                Ok(Found { content: Content::Blob(blob), .. }) if by_batch => {
                    let request = self.wishes.blob(blob, read.label.as_deref(), true);
                    batch.push((slots.len(), request, read));
                    slots.push(None);
                }
                Ok(Found { content: Content::Locked(_), .. }) => slots.push(Some(Slot::Later(Box::new(read)))),
                Ok(_) | Err(_) => {
                    let mut login = Login { done: true, args: self.args };
                    slots.push(Some(Slot::Told(one(session, read, self.wanted, self.wishes, self.args, &mut login)?)));
                }
            }
        }
        if !batch.is_empty() {
            let (places, requests): (Vec<_>, Vec<_>) = batch.into_iter().map(|(i, request, read)| ((i, read), request)).unzip();
            for (outcome, (i, read)) in session.store.app.import_batch(session.handle, requests)?.into_iter().zip(places) {
                let result = match (outcome, &read.found) {
                    (Ok(()), Ok(found)) => Ok(format!("{}; stored", heading(found, false))),
                    (Err(error), Ok(Found { content: Content::Blob(blob), .. })) => Err(storing::advise(session, blob, self.wishes, error)),
                    (Err(error), _) => Err(Failure::from(error)),
                    (Ok(()), Err(refusal)) => Err(refusal.clone().into()),
                };
                if let Some(place) = slots.get_mut(i) {
                    *place = Some(Slot::Told((read.name, result)));
                }
            }
        }
        Ok(slots.into_iter().flatten().collect())
    }
}

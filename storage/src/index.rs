//! The search index: a gapless chain of leaves, each with its sums, so that "not found" is proved. Store format, section 4.
//!
//! An entry is hash ‖ n ‖ id; its first 24 bytes are its position. Called by `vault` and `check` inside their transactions. Every leaf that
//! is looked at is verified first, in reading and in writing.

use crate::fields::{digest, exact, half};
use crate::row::blob;
use crate::{Keys, ObjectId, StoreError};
use rusqlite::{Connection, OptionalExtension};

/// What is searched for.
pub(crate) type Hash = [u8; 16];
type Position = [u8; 24];

/// One entry of the index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Entry {
    pub(crate) hash: Hash,
    pub(crate) n: u64,
    pub(crate) id: ObjectId,
}

impl Entry {
    pub(crate) fn position(&self) -> Position {
        position(&self.hash, self.n)
    }

    pub(crate) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut out = [0u8; ENTRY_BYTES];
        let (place, id) = out.split_at_mut(24);
        place.copy_from_slice(&self.position());
        id.copy_from_slice(&self.id);
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hash, rest) = bytes.split_first_chunk::<16>()?;
        let (n, id) = rest.split_first_chunk::<8>()?;
        Some(Self { hash: *hash, n: u64::from_be_bytes(*n), id: id.try_into().ok()? })
    }
}

/// The index of one store, as seen with or without keys.
#[derive(Clone, Copy)]
pub(crate) struct Index<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) store_id: &'a [u8; 16],
    pub(crate) keys: Option<&'a Keys>,
}

/// A verified leaf.
struct Leaf {
    l: i64,
    first: Position,
    next: Position,
    entries: Vec<u8>,
}

impl Leaf {
    fn iter(&self) -> impl DoubleEndedIterator<Item = Entry> + '_ {
        self.entries.chunks_exact(ENTRY_BYTES).filter_map(Entry::from_bytes)
    }

    /// The entries from a position on.
    fn from(&self, from: &Position) -> impl Iterator<Item = Entry> + '_ {
        let count = self.entries.len() / ENTRY_BYTES;
        let (mut low, mut high) = (0usize, count);
        while low < high {
            let middle = usize::midpoint(low, high);
            let at = middle * ENTRY_BYTES;
            if self.entries.get(at..at + from.len()).is_some_and(|p| p < from.as_slice()) { low = middle + 1 } else { high = middle }
        }
        self.entries.get(low * ENTRY_BYTES..).unwrap_or_default().chunks_exact(ENTRY_BYTES).filter_map(Entry::from_bytes)
    }
}

/// What is known of one hash after looking at the leaf where its entries begin.
struct Run {
    hash: Hash,
    entries: Vec<Entry>,
    complete: bool,
}

impl<'a> Index<'a> {
    /// Makes the one leaf that covers everything.
    pub(crate) fn create(&self) -> Result<(), StoreError> {
        self.insert_leaf(&FIRST, &LAST, &[])
    }

    /// The objects that have all the hashes, in creation order.
    pub(crate) fn having_all(&self, hashes: &[Hash]) -> Result<Vec<Entry>, StoreError> {
        let (found, untested) = self.candidates(hashes)?;
        let mut kept = Vec::with_capacity(found.len());
        'entries: for entry in found {
            for hash in &untested {
                if !self.contains(hash, entry.n)? {
                    continue 'entries;
                }
            }
            kept.push(entry);
        }
        Ok(kept)
    }

    /// Objects among which are all that have all the hashes, and the hashes for which that remains to be tested.
    pub(crate) fn candidates(&self, hashes: &[Hash]) -> Result<(Vec<Entry>, Vec<Hash>), StoreError> {
        let mut runs = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let run = self.begin(hash)?;
            if run.complete && run.entries.is_empty() {
                return Ok((Vec::new(), Vec::new()));
            }
            runs.push(run);
        }
        // The shortest list that is known to its end comes first.
        runs.sort_by_key(|run| (!run.complete, run.entries.len()));
        let mut runs = runs.into_iter();
        let Some(start) = runs.next() else { return Ok((Vec::new(), Vec::new())) };
        let mut found = if start.complete { start.entries } else { self.run(&start.hash)? };
        let mut untested = Vec::new();
        for other in runs {
            if !other.complete && found.len() <= SHORT {
                untested.push(other.hash);
                continue;
            }
            let all = if other.complete { other.entries } else { self.run(&other.hash)? };
            found.retain(|e| all.binary_search_by_key(&e.n, |o| o.n).is_ok());
        }
        Ok((found, untested))
    }

    /// All entries of one hash, in creation order.
    pub(crate) fn run(&self, hash: &Hash) -> Result<Vec<Entry>, StoreError> {
        let end = position(hash, u64::MAX);
        let mut found = Vec::new();
        let mut from = position(hash, 0);
        loop {
            let leaf = self.seek(&from)?;
            found.extend(leaf.from(&from).take_while(|e| e.hash == *hash));
            if leaf.next > end {
                return Ok(found);
            }
            from = leaf.next;
        }
    }

    /// The entries of all leaves, in order of position.
    pub(crate) fn each(&self, mut f: impl FnMut(Entry)) -> Result<(), StoreError> {
        let mut from = FIRST;
        loop {
            let leaf = self.seek(&from)?;
            leaf.iter().for_each(&mut f);
            if leaf.next == LAST {
                return Ok(());
            }
            from = leaf.next;
        }
    }

    fn begin(&self, hash: &Hash) -> Result<Run, StoreError> {
        let from = position(hash, 0);
        let leaf = self.seek(&from)?;
        let entries = leaf.from(&from).take_while(|e| e.hash == *hash).collect();
        Ok(Run { hash: *hash, entries, complete: leaf.next > position(hash, u64::MAX) })
    }

    fn contains(&self, hash: &Hash, n: u64) -> Result<bool, StoreError> {
        let at = position(hash, n);
        Ok(self.seek(&at)?.from(&at).next().is_some_and(|e| e.position() == at))
    }

    /// Adds and removes entries. Adding what is there or removing what is not means that rows and index disagree.
    pub(crate) fn apply(&self, add: Vec<Entry>, remove: Vec<Entry>) -> Result<(), StoreError> {
        let mut changes: Vec<(Entry, bool)> = add.into_iter().map(|e| (e, true)).chain(remove.into_iter().map(|e| (e, false))).collect();
        changes.sort_unstable();
        let mut rest = changes.as_slice();
        while let Some((first, _)) = rest.first() {
            let leaf = self.seek(&first.position())?;
            let here = rest.partition_point(|(e, _)| e.position() < leaf.next);
            let (now, later) = rest.split_at(here);
            self.change_leaf(&leaf, now)?;
            rest = later;
        }
        Ok(())
    }

    fn change_leaf(&self, leaf: &Leaf, changes: &[(Entry, bool)]) -> Result<(), StoreError> {
        let mut entries = Vec::with_capacity(leaf.entries.len() / ENTRY_BYTES + changes.len());
        let mut old = leaf.iter().peekable();
        for (entry, add) in changes {
            while let Some(before) = old.next_if(|o| o.position() < entry.position()) {
                entries.push(before);
            }
            let there = old.next_if(|o| o.position() == entry.position()).is_some();
            if there == *add {
                return Err(StoreError::damaged(format!(
                    "index: an entry of object {} is {}",
                    entry.n,
                    if there { "there already" } else { "missing" }
                )));
            }
            if *add {
                entries.push(*entry);
            }
        }
        // Entries that only grow at the end leave full leaves behind; others are split evenly.
        let at_end = old.peek().is_none() && leaf.entries.len() == FULL * ENTRY_BYTES;
        entries.extend(old);
        if entries.is_empty() && leaf.first != FIRST {
            return self.remove_leaf(leaf);
        }
        let pieces = entries.len().div_ceil(FULL).max(1);
        let size = if at_end { FULL } else { entries.len().div_ceil(pieces).max(1) };
        let mut chunks = entries.chunks(size).peekable();
        let mut first = leaf.first;
        let mut new = false;
        loop {
            let chunk = chunks.next().unwrap_or_default();
            let next = chunks.peek().and_then(|c| c.first()).map_or(leaf.next, Entry::position);
            let bytes: Vec<u8> = chunk.iter().flat_map(|e| e.to_bytes()).collect();
            if new {
                self.insert_leaf(&first, &next, &bytes)?;
            } else {
                self.update_leaf(leaf.l, &first, &next, &bytes)?;
            }
            if next == leaf.next {
                return Ok(());
            }
            first = next;
            new = true;
        }
    }

    /// Gives an empty leaf's span to the leaf before it.
    fn remove_leaf(&self, leaf: &Leaf) -> Result<(), StoreError> {
        let before: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT first FROM directory WHERE first < ?1 ORDER BY first DESC LIMIT 1")?
            .query_row([leaf.first.as_slice()], |r| r.get(0))
            .optional()?;
        let before = self.seek(&exact(&before.unwrap_or_default(), "index position")?)?;
        if before.next != leaf.first {
            return Err(StoreError::damaged("index: leaves do not join"));
        }
        self.update_leaf(before.l, &before.first, &leaf.next, &before.entries)?;
        self.conn.prepare_cached("DELETE FROM directory WHERE first = ?1")?.execute([leaf.first.as_slice()])?;
        self.conn.prepare_cached("DELETE FROM leaf WHERE l = ?1")?.execute([leaf.l])?;
        Ok(())
    }

    /// The leaf that covers a position, verified.
    fn seek(&self, at: &Position) -> Result<Leaf, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT directory.first, directory.l, leaf.next, leaf.entries, leaf.sum, leaf.mac FROM directory CROSS JOIN leaf ON leaf.l = directory.l \
             WHERE directory.first <= ?1 ORDER BY directory.first DESC LIMIT 1",
        )?;
        let mut rows = statement.query([at.as_slice()])?;
        let row = rows.next()?.ok_or_else(|| StoreError::damaged("index: a leaf is missing"))?;
        let leaf = Leaf {
            first: exact(blob(row, 0)?, "index position")?,
            l: row.get(1)?,
            next: exact(blob(row, 2)?, "index position")?,
            entries: blob(row, 3)?.to_vec(),
        };
        let whole = self.digest(&leaf.first, &leaf.next, &leaf.entries);
        if blob(row, 4)? != half(&whole) || !leaf.entries.len().is_multiple_of(ENTRY_BYTES) {
            return Err(StoreError::damaged("index: a leaf is not as it was written"));
        }
        if self.keys.is_some_and(|keys| row.get_ref(5).ok().and_then(|m| m.as_blob().ok()) != Some(&half(&keys.leaf.mac(&[&whole])))) {
            return Err(StoreError::damaged("index: a leaf is not authentic"));
        }
        if leaf.first > *at || leaf.next <= *at {
            return Err(StoreError::damaged("index: a leaf is missing"));
        }
        Ok(leaf)
    }

    fn insert_leaf(&self, first: &Position, next: &Position, entries: &[u8]) -> Result<(), StoreError> {
        let (sum, mac) = self.vouch(first, next, entries)?;
        self.conn.prepare_cached("INSERT INTO leaf (next, entries, sum, mac) VALUES (?1, ?2, ?3, ?4)")?.execute((
            next.as_slice(),
            entries,
            sum.as_slice(),
            mac.as_slice(),
        ))?;
        let l = self.conn.last_insert_rowid();
        self.conn.prepare_cached("INSERT INTO directory (first, l) VALUES (?1, ?2)")?.execute((first.as_slice(), l))?;
        Ok(())
    }

    fn update_leaf(&self, l: i64, first: &Position, next: &Position, entries: &[u8]) -> Result<(), StoreError> {
        let (sum, mac) = self.vouch(first, next, entries)?;
        self.conn.prepare_cached("UPDATE leaf SET next = ?1, entries = ?2, sum = ?3, mac = ?4 WHERE l = ?5")?.execute((
            next.as_slice(),
            entries,
            sum.as_slice(),
            mac.as_slice(),
            l,
        ))?;
        Ok(())
    }

    fn vouch(&self, first: &Position, next: &Position, entries: &[u8]) -> Result<(Hash, Hash), StoreError> {
        let keys = self.keys.ok_or_else(|| StoreError::Refused { why: "the index is written with keys only".into() })?;
        let whole = self.digest(first, next, entries);
        Ok((half(&whole), half(&keys.leaf.mac(&[&whole]))))
    }

    fn digest(&self, first: &Position, next: &Position, entries: &[u8]) -> [u8; 32] {
        digest("cngtoken 1 leaf", &[self.store_id, first, next, entries])
    }
}

fn position(hash: &Hash, n: u64) -> Position {
    let mut out = [0u8; 24];
    let (left, right) = out.split_at_mut(16);
    left.copy_from_slice(hash);
    right.copy_from_slice(&n.to_be_bytes());
    out
}

const ENTRY_BYTES: usize = 40;
/// Entries of a full leaf: three such rows fit into one page of 4096 bytes, and a look-up hashes at most 1.4 KiB.
const FULL: usize = 30;
/// Up to so many candidates are tested one by one; more are merged with the other lists.
const SHORT: usize = 8;
const FIRST: Position = [0; 24];
const LAST: Position = [0xFF; 24];

//! Searches a text for keys: every reader proposes bytes, what the bytes hold decides, and overlapping readings of one place are
//! one candidate. Several candidates are listed with their lines; two readings of one place that both make sense are named.

use super::text::{Text, line_of};
use super::{Content, Piece, Refusal, Wanted, base64, binary, dump, foreign, hex, jwk, openssh, pem, source, xml};
use core::ops::Range;
use zeroize::Zeroizing;

type Reader = fn(&str) -> Vec<Piece>;

/// The readers that turn text into bytes, best description first.
pub(super) static READERS: &[Reader] = &[hex::registry, dump::read, hex::read, base64::read, source_numbers, escaped_strings];

/// A text inside a string literal may itself hold text (PEM in JSON); deeper nesting is nobody's habit.
const MAX_DEPTH: usize = 2;

/// Damaged things beside a good one that are mentioned.
const MAX_REMARKS: usize = 5;

/// A place in the text that holds something recognisable.
pub(super) struct Candidate {
    pub(super) span: Range<usize>,
    pub(super) how: Vec<String>,
    pub(super) look: Result<Content, Refusal>,
    pub(super) notes: Vec<String>,
    /// What the reader delivered: of two damaged readings of one place the longer one is the better. Empty for keys that are text
    /// themselves (XML, JWK).
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// What a text holds, with the bytes of it, also where they are damaged.
pub(super) struct Chosen {
    pub(super) outcome: Result<(Content, Vec<String>), Refusal>,
    pub(super) trail: Vec<String>,
    pub(super) line: Option<usize>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl Chosen {
    fn nothing(refusal: Refusal) -> Self {
        Self { outcome: Err(refusal), trail: Vec::new(), line: None, bytes: Zeroizing::default() }
    }
}

/// The one thing that `text` holds.
pub(super) fn choose(text: &Text, wanted: &Wanted) -> Chosen {
    let body = text.content.as_str();
    if let Some(refusal) = foreign::text(body) {
        return Chosen::nothing(refusal);
    }
    let mut all = candidates(body, wanted, 0);
    all.sort_by_key(|c| c.span.start);
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for group in group(all) {
        match best(group, body) {
            Ok(candidate) if candidate.look.is_ok() => good.push(candidate),
            Ok(candidate) => bad.push(candidate),
            Err(refusal) => return Chosen::nothing(refusal),
        }
    }
    let good = pem::bundle(good);
    let many_bad = bad.len() > 1;
    let index = match (good.len(), wanted.pick) {
        (0, _) => None,
        (1, None) => Some(0),
        (n, Some(pick)) if pick == 0 || pick > n => {
            return Chosen::nothing(Refusal::new(format!("there is no candidate {pick}, the text holds {n}")));
        }
        (_, Some(pick)) => pick.checked_sub(1),
        (n, None) => return Chosen::nothing(list(body, &good, n)),
    };
    let place = |c: &Candidate| {
        let trail: Vec<String> = text.encoding.map(str::to_owned).into_iter().chain(c.how.iter().cloned()).collect();
        let line = (line_of(body, body.len()) > 1 || c.span.start > 0).then(|| line_of(body, c.span.start));
        (trail, line)
    };
    let chosen = index.and_then(|i| good.into_iter().nth(i));
    let Some(mut candidate) = chosen else {
        let Some(mut worst) = bad.into_iter().next() else { return nothing(text) };
        let (trail, line) = place(&worst);
        if let (true, Err(refusal)) = (many_bad, &mut worst.look) {
            refusal.message.insert_str(0, &format!("line {}: ", line_of(body, worst.span.start)));
        }
        return Chosen { outcome: worst.look.map(|c| (c, Vec::new())), trail, line, bytes: worst.bytes };
    };
    let (trail, line) = place(&candidate);
    for other in bad.into_iter().take(MAX_REMARKS) {
        if let Err(refusal) = &other.look {
            let line = line_of(body, other.span.start);
            candidate.notes.push(format!("line {line} also holds something, not imported: {}", refusal.message));
        }
    }
    let notes = candidate.notes;
    Chosen { outcome: candidate.look.map(|content| (content, notes)), trail, line, bytes: candidate.bytes }
}

/// Everything recognisable in `text`.
pub(super) fn candidates(text: &str, wanted: &Wanted, depth: usize) -> Vec<Candidate> {
    let mut out = Vec::new();
    out.extend(pem::read(text, wanted));
    out.extend(xml::read(text));
    out.extend(jwk::read(text));
    out.extend(openssh::public_lines(text));
    for read in READERS {
        for piece in read(text) {
            out.extend(judge(piece, wanted));
        }
    }
    if depth < MAX_DEPTH {
        for literal in source::literals(&source::without_comments(text)) {
            let Ok(inner) = core::str::from_utf8(&literal.bytes) else { continue };
            if literal.bytes.len() < 24 {
                continue;
            }
            let kind = if literal.parts > 1 { "string literals" } else { "a string" };
            for mut candidate in candidates(inner, wanted, depth.saturating_add(1)) {
                candidate.span = literal.span.clone();
                candidate.how.insert(0, kind.to_owned());
                out.push(candidate);
            }
        }
    }
    out
}

fn source_numbers(text: &str) -> Vec<Piece> {
    let plain = source::without_comments(text);
    let mut pieces = source::numbers(&plain);
    // Digits behind a comment sign may be all there is: a `#` in front of every line.
    if plain.as_str() != text {
        pieces.extend(hex::read(&plain));
    }
    pieces
}

fn escaped_strings(text: &str) -> Vec<Piece> {
    source::literals(text)
        .into_iter()
        .filter(|l| l.escapes)
        .flat_map(|l| {
            // A C string's own terminator may have been written out, and is not part of the blob.
            let whole = Piece { bytes: l.bytes.clone(), how: "string with escapes".to_owned(), span: l.span.clone(), cut: None };
            let shorter = l.bytes.split_last().filter(|(last, _)| **last == 0).map(|(_, rest)| Piece {
                bytes: Zeroizing::new(rest.to_vec()),
                how: "string with escapes".to_owned(),
                span: l.span.clone(),
                cut: None,
            });
            [Some(whole), shorter]
        })
        .flatten()
        .collect()
}

/// A piece that holds something recognisable, as a candidate.
fn judge(piece: Piece, wanted: &Wanted) -> Option<Candidate> {
    let look = binary::look(&piece.bytes, wanted)?.map_err(|refusal| match piece.cut {
        Some(cut) => Refusal { message: format!("{}: {cut}, the copy is incomplete (truncated)", refusal.message), hints: refusal.hints },
        None => refusal,
    });
    Some(Candidate { span: piece.span, how: vec![piece.how], look, notes: Vec::new(), bytes: piece.bytes })
}

/// Candidates whose places overlap are readings of the same thing.
fn group(sorted: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let mut groups: Vec<Vec<Candidate>> = Vec::new();
    let mut end = 0usize;
    for candidate in sorted {
        let touches = candidate.span.start < end;
        end = if touches { end.max(candidate.span.end) } else { candidate.span.end };
        match groups.last_mut().filter(|_| touches) {
            Some(group) => group.push(candidate),
            None => groups.push(vec![candidate]),
        }
    }
    // One reader may span several values that others read one by one: then the single ones count.
    groups.into_iter().flat_map(split).collect()
}

fn split(group: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let good: Vec<Range<usize>> = group.iter().filter(|c| c.look.is_ok()).map(|c| c.span.clone()).collect();
    let mut apart: Vec<Range<usize>> = Vec::new();
    for span in good {
        match apart.iter_mut().find(|a| a.start < span.end && span.start < a.end) {
            Some(a) => *a = a.start.min(span.start)..a.end.max(span.end),
            None => apart.push(span),
        }
    }
    if apart.len() < 2 {
        return vec![group];
    }
    let mut out: Vec<Vec<Candidate>> = apart.iter().map(|_| Vec::new()).collect();
    for candidate in group.into_iter().filter(|c| c.look.is_ok()) {
        let at = apart.iter().position(|a| a.start < candidate.span.end && candidate.span.start < a.end);
        if let Some(slot) = at.and_then(|i| out.get_mut(i)) {
            slot.push(candidate);
        }
    }
    out
}

/// The reading that makes sense; of several that do not, the longest.
fn best(group: Vec<Candidate>, text: &str) -> Result<Candidate, Refusal> {
    let (good, bad): (Vec<_>, Vec<_>) = group.into_iter().partition(|c| c.look.is_ok());
    let mut good = good.into_iter();
    let Some(first) = good.next() else {
        return bad.into_iter().max_by_key(|c| c.bytes.len()).ok_or_else(|| Refusal::new("nothing was found"));
    };
    for other in good {
        if !same(&first.look, &other.look) {
            return Err(Refusal::new(format!(
                "line {} can be read in two ways: {} as {}, and {} as {}",
                line_of(text, first.span.start),
                kind(&first.look),
                first.how.join(", "),
                kind(&other.look),
                other.how.join(", ")
            ))
            .hint("give the bytes in another form, or name the blob type with --type"));
        }
    }
    Ok(first)
}

fn kind(look: &Result<Content, Refusal>) -> &'static str {
    look.as_ref().map_or("damaged", Content::kind)
}

fn same(a: &Result<Content, Refusal>, b: &Result<Content, Refusal>) -> bool {
    match (a, b) {
        (Ok(Content::Blob(a)), Ok(Content::Blob(b))) => a.bytes == b.bytes,
        (Ok(Content::Certificate(a)), Ok(Content::Certificate(b))) => a.der == b.der,
        (Ok(a), Ok(b)) => a.kind() == b.kind(),
        _ => false,
    }
}

fn list(text: &str, good: &[Candidate], n: usize) -> Refusal {
    let lines: Vec<String> = good
        .iter()
        .enumerate()
        .take(20)
        .map(|(i, c)| format!("{}: {} on line {} ({})", i.saturating_add(1), kind(&c.look), line_of(text, c.span.start), c.how.join(", ")))
        .collect();
    Refusal::new(format!("the text holds {n} keys: {}", lines.join("; "))).hint("choose one with --pick N")
}

/// No reading gave anything known: says what the likeliest one gave.
fn nothing(text: &Text) -> Chosen {
    let body = text.content.as_str();
    let longest = pem::bodies(body)
        .into_iter()
        .chain(READERS.iter().flat_map(|read| read(body)))
        .filter(|p| p.span.len().saturating_mul(2) > body.trim().len())
        .max_by_key(|p| p.bytes.len());
    let Some(piece) = longest else {
        return Chosen::nothing(
            Refusal::new("a text in which no key was recognised").hint(
                "a key may be pasted as base64, hex, a hex dump, a list of bytes, PEM, XML or JWK; no magic or header of any of them was found",
            ),
        );
    };
    let unknown = binary::unknown(&piece.bytes);
    let refusal = Refusal { message: format!("text, read as {}: {}", piece.how, unknown.message), hints: unknown.hints };
    Chosen { outcome: Err(refusal), trail: vec![piece.how], line: None, bytes: piece.bytes }
}

//! Finds base64 in text: standard and URL alphabet, wrapped or in one line, alone or among other text.
//!
//! Decoding is lenient on purpose (missing padding, both alphabets): whether the bytes are a key is decided by what they hold. What
//! was tolerated is told, so that a copy which lost its end is called that.

use super::Piece;
use zeroize::Zeroizing;

/// Shorter runs cannot hold any key container.
const MIN_CHARS: usize = 24;

/// Every run of base64 in `text`. Lines that hold nothing else are joined.
pub(super) fn read(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let lines = lines(text);
    let mut i = 0;
    while let Some(line) = lines.get(i) {
        let mut block = 0;
        while lines.get(i.saturating_add(block)).is_some_and(|l| is_whole(l.body)) {
            block = block.saturating_add(1);
            // Padding ends a value; what follows is another one.
            if lines.get(i.saturating_add(block).saturating_sub(1)).is_some_and(|l| l.body.ends_with('=')) {
                break;
            }
        }
        if block == 0 {
            runs_within(line, &mut pieces);
            continued(&lines, i, &mut pieces);
            i = i.saturating_add(1);
            continue;
        }
        let rows = lines.get(i..i.saturating_add(block)).unwrap_or_default();
        push_block(rows, &mut pieces);
        i = i.saturating_add(block);
    }
    enclosed(text, &mut pieces);
    pieces
}

/// A wrapped value whose first or last line is shared with the marks around it: `<key>RUNT…`, `…AAA=</key>`, a text in quotes.
fn enclosed(text: &str, pieces: &mut Vec<Piece>) {
    let mut at = 0usize;
    for part in text.split(['<', '>', '"', '\'', '`', '(', ')', '{', '}', '[', ']']) {
        let body = part.trim();
        let data = body.trim_end_matches('=');
        if body.contains('\n') && data.bytes().all(|b| is_alphabet(b) || b.is_ascii_whitespace()) {
            let start = at.saturating_add(part.len().saturating_sub(part.trim_start().len()));
            push(body, start..start.saturating_add(body.len()), true, pieces);
        }
        // All of the marks are one byte.
        at = at.saturating_add(part.len()).saturating_add(1);
    }
}

struct Line<'a> {
    at: usize,
    body: &'a str,
}

/// Lines without the marks of quotations and comments before them.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut at: usize = 0;
    let mut out = Vec::new();
    for raw in text.split('\n') {
        let unmarked = raw.trim_start_matches([' ', '\t', '>', '#', ';', '*', '|']);
        let unmarked = unmarked.strip_prefix("// ").unwrap_or(unmarked);
        let body = unmarked.trim();
        let lead = raw.len().saturating_sub(unmarked.trim_start().len());
        if !body.is_empty() {
            out.push(Line { at: at.saturating_add(lead), body });
        }
        at = at.saturating_add(raw.len()).saturating_add(1);
    }
    out
}

fn is_whole(body: &str) -> bool {
    let data = body.trim_end_matches('=');
    !data.is_empty() && body.len().saturating_sub(data.len()) <= 2 && data.bytes().all(is_alphabet)
}

fn is_alphabet(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_')
}

/// A block of lines may be one value, or several under each other, or a value with a word below it: wrapped lines are equally long but
/// for the last one, so each shorter line ends a value, and may itself be the word.
fn push_block(rows: &[Line<'_>], pieces: &mut Vec<Piece>) {
    push_rows(rows, pieces);
    if rows.len() < 2 {
        return;
    }
    let mut rest = rows;
    while let Some(width) = rest.first().map(|r| r.body.len()) {
        let equal = rest.iter().take_while(|r| r.body.len() == width).count();
        let with_last = equal.saturating_add(usize::from(rest.get(equal).is_some_and(|r| r.body.len() < width)));
        for len in [with_last, equal] {
            if len < rows.len() {
                push_rows(rest.get(..len).unwrap_or_default(), pieces);
            }
        }
        rest = rest.get(with_last..).unwrap_or_default();
    }
    // Several one-line values of the same length, none of them padded.
    if rows.len() <= 64 {
        for row in rows {
            push_rows(core::slice::from_ref(row), pieces);
        }
    }
}

fn push_rows(rows: &[Line<'_>], pieces: &mut Vec<Piece>) {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return };
    let joined: Zeroizing<String> = Zeroizing::new(rows.iter().map(|r| r.body).collect());
    push(&joined, first.at..last.at.saturating_add(last.body.len()), rows.len() > 1, pieces);
}

fn runs_within(line: &Line<'_>, pieces: &mut Vec<Piece>) {
    let bytes = line.body.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        let len = run_len(bytes, start);
        let pad = bytes.iter().skip(start.saturating_add(len)).take(2).take_while(|&&b| b == b'=').count();
        let end = start.saturating_add(len).saturating_add(pad);
        if let Some(run) = line.body.get(start..end) {
            let plain = unescaped(run);
            push(plain.as_ref().map_or(run, |p| p.as_str()), line.at.saturating_add(start)..line.at.saturating_add(end), false, pieces);
        }
        start = end.max(start.saturating_add(1));
    }
}

/// What a query string does to the signs of base64.
const ESCAPES: [(&str, &str); 6] = [("%2B", "+"), ("%2b", "+"), ("%2F", "/"), ("%2f", "/"), ("%3D", "="), ("%3d", "=")];

fn run_len(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(rest) = bytes.get(end..).filter(|r| !r.is_empty()) {
        let plain = rest.iter().take_while(|b| is_alphabet(**b)).count();
        let escape = rest.get(plain..).is_some_and(|r| ESCAPES.iter().any(|(code, _)| r.starts_with(code.as_bytes())));
        end = end.saturating_add(plain).saturating_add(if escape { 3 } else { 0 });
        if !escape {
            break;
        }
    }
    end.saturating_sub(start)
}

fn unescaped(run: &str) -> Option<Zeroizing<String>> {
    let mut rest = run.contains('%').then_some(run)?;
    let mut out = Zeroizing::new(String::with_capacity(run.len()));
    while let Some(c) = rest.chars().next() {
        let escape = ESCAPES.iter().find(|(code, _)| rest.starts_with(code));
        match escape {
            Some((_, sign)) => out.push_str(sign),
            None => out.push(c),
        }
        rest = rest.get(escape.map_or(c.len_utf8(), |(code, _)| code.len())..)?;
    }
    Some(out)
}

/// A value that starts behind a name and goes on in lines of its own (`key: RUNT…`, LDIF, a here-document).
fn continued(lines: &[Line<'_>], i: usize, pieces: &mut Vec<Piece>) {
    let Some(line) = lines.get(i) else { return };
    let len = line.body.bytes().rev().take_while(|&b| is_alphabet(b)).count();
    let start = line.body.len().saturating_sub(len);
    if len < MIN_CHARS {
        return;
    }
    let mut joined = Zeroizing::new(line.body.get(start..).unwrap_or_default().to_owned());
    let mut end = line.at.saturating_add(line.body.len());
    for next in lines.iter().skip(i.saturating_add(1)).take_while(|l| is_whole(l.body)) {
        joined.push_str(next.body);
        end = next.at.saturating_add(next.body.len());
        if next.body.ends_with('=') {
            break;
        }
    }
    push(&joined, line.at.saturating_add(start)..end, true, pieces);
}

fn push(run: &str, span: core::ops::Range<usize>, wrapped: bool, pieces: &mut Vec<Piece>) {
    if run.len() < MIN_CHARS {
        return;
    }
    if let Some(Decoded { bytes, url, cut }) = decode(run) {
        let how = match (url, wrapped) {
            (true, _) => "base64url",
            (false, true) => "base64, wrapped",
            (false, false) => "base64",
        };
        pieces.push(Piece { bytes, how: how.to_owned(), span, cut });
    }
}

/// What a run of base64 holds.
pub(super) struct Decoded {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) url: bool,
    /// The text ends inside a group of four.
    pub(super) cut: Option<&'static str>,
}

/// Decodes `run` (white space is skipped); `None` if it holds anything that is not base64.
pub(super) fn decode(run: &str) -> Option<Decoded> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(run.len() / 4 * 3 + 3));
    let (mut held, mut bits, mut chars, mut url, mut pads) = (0u32, 0u32, 0usize, false, 0usize);
    for b in run.bytes() {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'-' | b'_' => {
                url = true;
                if b == b'-' { 62 } else { 63 }
            }
            b'=' => {
                pads += 1;
                continue;
            }
            _ if b.is_ascii_whitespace() => continue,
            _ => return None,
        };
        if pads > 0 {
            return None;
        }
        chars += 1;
        held = (held << 6 | u32::from(value)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xFF).unwrap_or_default());
        }
    }
    let cut = match chars % 4 {
        1 => Some("the base64 ends in the middle of a group"),
        // Without padding this is how base64url is written; standard base64 that lost its last characters looks the same.
        _ => None,
    };
    Some(Decoded { bytes, url, cut })
}

/// Encodes with padding, in one line.
#[must_use]
pub fn encode(bytes: &[u8]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, &b| n << 8 | u32::from(b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            out.push(if i > group.len() { '=' } else { letter(n >> (18 - 6 * i) & 0x3F) });
        }
    }
    out
}

/// Encodes in the URL alphabet without padding, as JOSE does.
#[must_use]
pub fn encode_url(bytes: &[u8]) -> Zeroizing<String> {
    let standard = encode(bytes);
    Zeroizing::new(
        standard
            .chars()
            .filter(|&c| c != '=')
            .map(|c| match c {
                '+' => '-',
                '/' => '_',
                c => c,
            })
            .collect(),
    )
}

fn letter(value: u32) -> char {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    usize::try_from(value).ok().and_then(|i| LETTERS.get(i)).map_or('=', |&b| char::from(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(text: &str) -> Vec<Vec<u8>> {
        read(text).into_iter().map(|p| p.bytes.to_vec()).collect()
    }

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        for text in ["RUNTMiAAAAAA/v+/AAAAAAAAAA==", "RUNTMiAAAAAA_v-_AAAAAAAAAA", "RUNTMiAAAAAA/v+/AAAAAAAAAA"] {
            assert_eq!(contents(text), [b"ECS2\x20\0\0\0\0\xfe\xff\xbf\0\0\0\0\0\0\0".to_vec()]);
        }
    }

    #[test]
    fn wrapped_lines_are_one_value_and_padding_ends_it() {
        let text = "RUNTMiAAAAAA/v+/AAAA\r\nAAAAAA==\r\n\r\nRUNTMiAAAAAA/v+/AAAAAAAAAA==\n";
        assert_eq!(contents(text).len(), 2);
    }

    #[test]
    fn a_word_below_the_value_and_marks_before_its_lines_are_not_data() {
        let bytes: Vec<u8> = (0..120).collect();
        let text = encode(&bytes);
        let (a, rest) = text.split_at(64);
        let (b, c) = rest.split_at(64);
        for text in [format!("{a}\n{b}\n{c}\nRegards\n"), format!("> {a}\n> {b}\n> {c}\n"), format!("// {a}\r\n// {b}\r\n// {c}\r\n")] {
            assert!(contents(&text).contains(&bytes), "{text}");
        }
    }

    #[test]
    fn a_value_among_other_text_is_found_where_it_stands() {
        let text = "<add key=\"Key\" value=\"RUNTMiAAAAAA/v+/AAAAAAAAAA==\"/>";
        let pieces = read(text);
        assert_eq!(pieces.len(), 1);
        assert_eq!(&text[pieces[0].span.clone()], "RUNTMiAAAAAA/v+/AAAAAAAAAA==");
    }

    #[test]
    fn a_value_cut_inside_a_group_is_decoded_as_far_as_it_goes_and_said_to_be_cut() {
        let pieces = read("RUNTMiAAAAAA/v+/AAAAAAAAA");
        assert!(pieces[0].cut.is_some());
    }

    #[test]
    fn encoding_and_decoding_agree() {
        for n in 0..32u8 {
            let bytes: Vec<u8> = (0..n).map(|i| i.wrapping_mul(91)).collect();
            assert_eq!(decode(&encode(&bytes)).unwrap().bytes.to_vec(), bytes);
            assert_eq!(decode(&encode_url(&bytes)).unwrap().bytes.to_vec(), bytes);
        }
        assert_eq!(encode(b"fo").as_str(), "Zm8=");
    }
}

//! Finds plain hexadecimal in text: one long number, lines of it, pairs of digits with any separator, `.reg` values.
//!
//! Dumps with offsets and text columns are `dump.rs`'s, lists of `0x` numbers `numbers.rs`'s.

use super::Piece;
use zeroize::Zeroizing;

/// Fewer bytes cannot hold a header and a number.
const MIN_BYTES: usize = 12;

/// Every run of plain hex in `text`.
pub(super) fn read(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    whole(text, &mut pieces);
    words(text, &mut pieces);
    pairs(text, &mut pieces);
    escapes(text, &mut pieces);
    pieces
}

/// `\x45\x43…` outside of a string literal.
fn escapes(text: &str, pieces: &mut Vec<Piece>) {
    let mut at = 0usize;
    while let Some(start) = text.get(at..).and_then(|t| t.find("\\x")).map(|n| at.saturating_add(n)) {
        let tail = text.get(start..).unwrap_or_default();
        let count =
            tail.as_bytes().chunks(4).take_while(|c| matches!(c, [b'\\', b'x', hi, lo] if hi.is_ascii_hexdigit() && lo.is_ascii_hexdigit())).count();
        let end = start.saturating_add(count.saturating_mul(4));
        push_span(text.as_bytes(), start..end, "hex escapes", pieces);
        at = end.max(start.saturating_add(2));
    }
}

fn is_separator(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b':' | b',' | b'-' | b';' | b'_' | b'\\')
}

/// The whole text is one value, whatever stands between the digits.
fn whole(text: &str, pieces: &mut Vec<Piece>) {
    let body = text.trim();
    let body = body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")).unwrap_or(body);
    if body.bytes().all(|b| b.is_ascii_hexdigit() || is_separator(b)) {
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(body.bytes().filter(u8::is_ascii_hexdigit).collect());
        push(&digits, 0..text.len(), "hex", pieces);
    }
}

/// Unbroken runs of digits. A run that fills its line goes on in the next line if that holds only digits too.
fn words(text: &str, pieces: &mut Vec<Piece>) {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let len = run(bytes, i);
        let end = i.saturating_add(len);
        if len < 2 || inside_a_word(bytes, i) {
            i = end.max(i.saturating_add(1));
            continue;
        }
        let mut stop = end;
        while let Some((_, to)) = next_line_of_digits(bytes, stop) {
            stop = to;
        }
        push_span(bytes, i..stop, "hex", pieces);
        i = stop;
    }
}

/// A letter stands before, other than the x of `0x`.
fn inside_a_word(bytes: &[u8], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).and_then(|i| bytes.get(i)).copied();
    match (before(2), before(1)) {
        // `0x…`, and PostgreSQL's `\x…`.
        (Some(b'0'), Some(b'x' | b'X')) | (Some(b'\\'), Some(b'x')) => false,
        (_, Some(b)) => b.is_ascii_alphabetic(),
        (_, None) => false,
    }
}

fn run(bytes: &[u8], from: usize) -> usize {
    bytes.iter().skip(from).take_while(|b| b.is_ascii_hexdigit()).count()
}

/// If only white space with one line end follows (after a backslash, in T-SQL), and then a line of digits and nothing else but the mark
/// that closes the value: where those stand.
fn next_line_of_digits(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mark = usize::from(bytes.get(from) == Some(&b'\\'));
    let gap = bytes.iter().skip(from.checked_add(mark)?).take_while(|b| b.is_ascii_whitespace()).count().checked_add(mark)?;
    let between = bytes.get(from..from.checked_add(gap)?)?;
    if between.iter().filter(|&&b| b == b'\n').count() != 1 {
        return None;
    }
    let start = from.checked_add(gap)?;
    let len = run(bytes, start);
    let end = start.checked_add(len)?;
    let ends = |b: &u8| matches!(b, b'<' | b'"' | b'\'' | b'}' | b')' | b']' | b';' | b'\\');
    let closed = bytes.get(end).is_some_and(ends) || bytes.iter().skip(end).take_while(|&&b| b != b'\n').all(u8::is_ascii_whitespace);
    (len > 0 && closed).then_some((start, end))
}

/// Pairs of digits with a separator after each: `45 43`, `45:43`, `45-43`, `hex:07,02,\`.
fn pairs(text: &str, pieces: &mut Vec<Piece>) {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let boundary = i.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|b| !b.is_ascii_alphanumeric());
        if !boundary || run(bytes, i) != 2 {
            i = i.saturating_add(1);
            continue;
        }
        let start = i;
        let mut end = i.saturating_add(2);
        loop {
            let gap = bytes.iter().skip(end).take_while(|&&b| is_separator(b)).count();
            let next = end.saturating_add(gap);
            let followed = bytes.get(next.saturating_add(2)).is_none_or(|b| !b.is_ascii_alphanumeric());
            if gap == 0 || run(bytes, next) != 2 || !followed {
                break;
            }
            end = next.saturating_add(2);
        }
        push_span(bytes, start..end, "hex, byte by byte", pieces);
        i = end;
    }
}

fn push_span(text: &[u8], span: core::ops::Range<usize>, how: &str, pieces: &mut Vec<Piece>) {
    if span.len() >= MIN_BYTES * 2 {
        let digits: Zeroizing<Vec<u8>> =
            Zeroizing::new(text.get(span.clone()).unwrap_or_default().iter().copied().filter(u8::is_ascii_hexdigit).collect());
        push(&digits, span, how, pieces);
    }
}

fn push(digits: &[u8], span: core::ops::Range<usize>, how: &str, pieces: &mut Vec<Piece>) {
    if digits.len() < MIN_BYTES * 2 {
        return;
    }
    let cut = (!digits.len().is_multiple_of(2)).then_some("the hex ends in the middle of a byte");
    pieces.push(Piece { bytes: bytes_of(digits), how: how.to_owned(), span, cut });
}

/// The bytes of an even or odd number of digits; an odd last digit is dropped.
pub(super) fn bytes_of(digits: &[u8]) -> Zeroizing<Vec<u8>> {
    let nibble = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap_or_default();
    Zeroizing::new(
        digits
            .chunks_exact(2)
            .map(|pair| match pair {
                [hi, lo] => nibble(*hi) << 4 | nibble(*lo),
                _ => 0,
            })
            .collect(),
    )
}

/// The values of a `.reg` file that are lists of bytes, each with its name.
pub(super) fn registry(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if !text.contains("Windows Registry Editor") && !text.contains("REGEDIT4") {
        return pieces;
    }
    let mut at = 0usize;
    let mut open: Option<(String, usize, Zeroizing<Vec<u8>>)> = None;
    for raw in text.split_inclusive('\n') {
        let line = raw.trim();
        if open.is_none() {
            open = value_start(line).map(|name| (name, at, Zeroizing::new(Vec::with_capacity(text.len()))));
        }
        let end = at.saturating_add(raw.len());
        if let Some((_, _, digits)) = open.as_mut() {
            let data = line.rsplit_once(':').map_or(line, |(_, data)| data);
            digits.extend(data.bytes().filter(u8::is_ascii_hexdigit));
        }
        if !line.ends_with('\\')
            && let Some((name, start, digits)) = open.take()
        {
            push(&digits, start..end, &format!("registry value {name}"), &mut pieces);
        }
        at = end;
    }
    pieces
}

/// The name in `"Name"=hex:…` or `"Name"=hex(3):…`.
fn value_start(line: &str) -> Option<String> {
    let (name, rest) = line.split_once('=')?;
    let kind = rest.strip_prefix("hex")?;
    (kind.starts_with(':') || kind.starts_with('(') && kind.contains("):")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 16] = [0x45, 0x43, 0x53, 0x32, 0x20, 0, 0, 0, 0xDE, 0xAD, 0xBE, 0xEF, 0x01, 0x23, 0x45, 0x67];

    fn found(text: &str) -> bool {
        read(text).iter().any(|p| p.bytes.as_slice() == BYTES)
    }

    #[test]
    fn any_separator_between_the_bytes_is_fine() {
        assert!(found(&format!("VALUES (1, 0x{});", BYTES.map(|b| format!("{b:02X}")).concat())));
        assert!(found(&BYTES.map(|b| format!("\\x{b:02x}")).concat()));
        for sep in ["", " ", ":", "-", ", ", ",\\\n  ", "\r\n"] {
            let text = BYTES.map(|b| format!("{b:02x}")).join(sep);
            assert!(found(&text), "{sep:?}");
            assert!(found(&format!("key {text} end")) || sep.is_empty() && found(&format!("key {text}\n")), "{sep:?}");
        }
    }

    #[test]
    fn lines_of_digits_are_one_value_and_words_around_are_not_data() {
        assert!(found("Public key (hash algorithm: sha1):\r\n4543533220000000\r\ndeadbeef01234567\r\n\r\nPublic key token is 0423cd674b717348\r\n"));
    }

    #[test]
    fn an_odd_digit_at_the_end_means_that_the_copy_was_cut() {
        let pieces = read("4543533220000000deadbeef012345670");
        assert!(pieces.iter().all(|p| p.cut.is_some()));
    }

    #[test]
    fn registry_values_are_found_by_name_through_continuation_lines() {
        let text = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_X]\r\n\"V\"=dword:00000002\r\n\"Key\"=hex:45,43,53,32,20,00,00,00,\\\r\n  de,ad,be,ef,01,23,45,67\r\n\"Z\"=hex(3):01\r\n";
        let pieces = registry(text);
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].bytes.as_slice(), BYTES);
        assert!(pieces[0].how.contains("\"Key\""));
    }
}

//! Finds keys in source code: lists of numbers (`{ 0x45, 67, … }`, decimal lines, `&H45`, `(byte)0x45`, signed bytes) and string
//! literals (pieces that the compiler would join, escapes), with comments taken out first.
//!
//! Whatever is neither a number nor a separator ends a list, so that an array's size, a comment's digits or an index are not data.

use super::Piece;
use core::ops::Range;
use zeroize::Zeroizing;

const MIN_BYTES: usize = 12;

/// `text` with its comments replaced by blanks of the same length, so that places stay what they are. Strings are left alone.
pub(super) fn without_comments(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut quote: Option<char> = None;
    let mut line_start = true;
    let mut chars = text.char_indices().peekable();
    let mut skip_to = 0usize;
    let mut previous = '\n';
    while let Some((at, c)) = chars.next() {
        if at < skip_to {
            push_blank(&mut out, c);
            line_start = c == '\n';
            continue;
        }
        let next = chars.peek().map(|&(_, n)| n);
        match (quote, c) {
            (Some(q), _) if c == q && previous != '\\' => quote = None,
            (Some(_), '\n') => quote = None,
            (None, '"') => quote = Some('"'),
            (None, '/') if next == Some('/') => skip_to = end_of_line(text, at),
            (None, '/') if next == Some('*') => skip_to = text.get(at..).and_then(|t| t.find("*/")).map_or(text.len(), |n| at + n + 2),
            (None, '#') if (line_start || previous.is_whitespace()) && !text.get(at..).is_some_and(|t| t.starts_with("#define")) => {
                skip_to = end_of_line(text, at);
            }
            (None, '-') if next == Some('-') && line_start => skip_to = end_of_line(text, at),
            _ => {}
        }
        if at < skip_to {
            push_blank(&mut out, c);
        } else {
            out.push(c);
        }
        line_start = c == '\n' || line_start && c.is_whitespace();
        previous = if previous == '\\' && c == '\\' { ' ' } else { c };
    }
    out
}

fn push_blank(out: &mut String, c: char) {
    if c == '\n' || c == '\r' {
        out.push(c);
    } else {
        (0..c.len_utf8()).for_each(|_| out.push(' '));
    }
}

fn end_of_line(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|t| t.find('\n')).map_or(text.len(), |n| at.saturating_add(n))
}

/// Lists of numbers, each number one byte.
pub(super) fn numbers(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut list = List::default();
    let bytes = text.as_bytes();
    let mut i = 0usize;
    while let Some(&b) = bytes.get(i) {
        // Signs that a line goes on: C, a shell, PowerShell, Visual Basic.
        let goes_on = matches!(b, b'\\' | b'`' | b'_') && bytes.get(i.saturating_add(1)).is_some_and(u8::is_ascii_whitespace);
        if b.is_ascii_whitespace() || b == b',' || goes_on {
            i = i.saturating_add(1);
            continue;
        }
        if let Some(len) = cast(text, i).or_else(|| directive(text, i)).or_else(|| index(bytes, i)).or_else(|| item(text, i)) {
            i = i.saturating_add(len);
            continue;
        }
        let len = token_len(bytes, i);
        let token = text.get(i..i.saturating_add(len)).unwrap_or_default();
        let end = i.saturating_add(len.max(1));
        match byte_of(token) {
            Some(value) => list.push(value, i..end),
            None => list.close(&mut pieces),
        }
        i = end;
        while !text.is_char_boundary(i) {
            i = i.saturating_add(1);
        }
    }
    list.close(&mut pieces);
    pieces
}

#[derive(Default)]
struct List {
    bytes: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    decimal: bool,
    prefixed: bool,
}

impl List {
    fn push(&mut self, (value, kind): (u8, Kind), span: Range<usize>) {
        if self.bytes.is_empty() {
            self.start = span.start;
        }
        self.bytes.push(value);
        self.end = span.end;
        match kind {
            Kind::Decimal => self.decimal = true,
            Kind::Prefixed => self.prefixed = true,
        }
    }

    fn close(&mut self, pieces: &mut Vec<Piece>) {
        let list = core::mem::take(self);
        if list.bytes.len() >= MIN_BYTES {
            let how = if list.prefixed { "list of numbers in source code" } else { "list of decimal bytes" };
            pieces.push(Piece { bytes: list.bytes, how: how.to_owned(), span: list.start..list.end, cut: None });
        }
    }
}

enum Kind {
    Decimal,
    Prefixed,
}

/// `(byte)` and its kin in front of a number.
fn cast(text: &str, at: usize) -> Option<usize> {
    ["(byte)", "(char)", "(uint8_t)", "(unsigned char)", "(sbyte)", "(BYTE)", "CByte(", "[byte]", ".toByte()", ".toUByte()", "as u8"]
        .iter()
        .find(|c| text.get(at..).is_some_and(|t| t.starts_with(**c)))
        .map(|c| c.len())
}

/// What an assembler puts before each line of data.
fn directive(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let word = ["db ", "DB ", "defb ", "DCB ", "dc.b ", ".byte ", "db\t", "DB\t", ".byte\t"].iter().find(|d| rest.starts_with(**d))?;
    let line_start = text.get(..at)?.bytes().rev().find(|b| !matches!(b, b' ' | b'\t')).is_none_or(|b| b == b'\n');
    line_start.then_some(word.len())
}

/// `"17":` of a JSON object that was an array of bytes.
fn index(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?.strip_prefix(b"\"")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let closed = rest.get(digits..)?.starts_with(b"\":");
    (closed && (1..=5).contains(&digits)).then(|| digits.saturating_add(3))
}

/// The dash of a list in YAML.
fn item(text: &str, at: usize) -> Option<usize> {
    let line_start = text.get(..at)?.bytes().rev().find(|b| !matches!(b, b' ' | b'\t')).is_none_or(|b| b == b'\n');
    (line_start && text.get(at..)?.starts_with("- ")).then_some(2)
}

fn token_len(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at) == Some(&b'\'') {
        // A character literal: up to the closing quote.
        let body = bytes.iter().skip(at.saturating_add(1)).take(6);
        let escaped = bytes.get(at.saturating_add(1)) == Some(&b'\\');
        let close = body.enumerate().find(|&(n, &b)| b == b'\'' && n > usize::from(escaped)).map(|(n, _)| n);
        return close.map_or(1, |n| n.saturating_add(2));
    }
    bytes.iter().skip(at).enumerate().take_while(|&(n, b)| b.is_ascii_alphanumeric() || n == 0 && matches!(b, b'-' | b'&' | b'$')).count()
}

/// The byte that a token stands for, if it stands for one.
fn byte_of(token: &str) -> Option<(u8, Kind)> {
    if let Some(quoted) = token.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        let value = match quoted.strip_prefix('\\') {
            None => quoted.bytes().next().filter(|_| quoted.len() == 1)?,
            Some(escape) => escaped(escape)?,
        };
        return Some((value, Kind::Prefixed));
    }
    let token = ["uy", "u8", "U", "u", "L", "l"].iter().find_map(|s| token.strip_suffix(s).filter(|t| !t.is_empty())).unwrap_or(token);
    for prefix in ["0x", "0X", "&H", "&h", "$"] {
        if let Some(digits) = token.strip_prefix(prefix) {
            return u8::from_str_radix(digits, 16).ok().map(|v| (v, Kind::Prefixed));
        }
    }
    if let Some(digits) = token.strip_suffix(['h', 'H']).filter(|d| d.len() == 2 || d.starts_with(|c: char| c.is_ascii_digit())) {
        return u8::from_str_radix(digits, 16).ok().map(|v| (v, Kind::Prefixed));
    }
    if let Some(negative) = token.strip_prefix('-') {
        return negative.parse::<u8>().ok().filter(|&n| (1..=128).contains(&n)).map(|n| (n.wrapping_neg(), Kind::Decimal));
    }
    token.bytes().all(|b| b.is_ascii_digit()).then(|| token.parse::<u8>().ok()).flatten().map(|v| (v, Kind::Decimal))
}

fn escaped(escape: &str) -> Option<u8> {
    if let Some(digits) = escape.strip_prefix('x') {
        return u8::from_str_radix(digits, 16).ok();
    }
    match escape {
        "n" => Some(b'\n'),
        "r" => Some(b'\r'),
        "t" => Some(b'\t'),
        "\\" | "'" | "\"" => escape.bytes().next(),
        _ => u8::from_str_radix(escape, 8).ok(),
    }
}

/// A string literal, or several that the language joins.
pub(super) struct Literal {
    /// With escapes undone. Bytes, since `\x` may name any.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) span: Range<usize>,
    pub(super) parts: usize,
    /// An escape named a byte by number.
    pub(super) escapes: bool,
}

/// The string literals of `text`: each by itself, and each row of neighbours joined.
pub(super) fn literals(text: &str) -> Vec<Literal> {
    let singles = single_literals(text);
    let mut out: Vec<Literal> = Vec::new();
    let mut joined: Option<Literal> = None;
    for lit in singles {
        let touches = joined.as_ref().is_some_and(|j| text.get(j.span.end..lit.span.start).is_some_and(is_joint));
        match joined.as_mut().filter(|_| touches) {
            Some(j) => {
                append(&mut j.bytes, &lit.bytes);
                j.span.end = lit.span.end;
                j.parts = j.parts.saturating_add(1);
                j.escapes |= lit.escapes;
            }
            None => {
                out.extend(joined.take().filter(|j| j.parts > 1));
                joined = Some(Literal { bytes: lit.bytes.clone(), span: lit.span.clone(), parts: 1, escapes: lit.escapes });
            }
        }
        out.push(lit);
    }
    out.extend(joined.filter(|j| j.parts > 1));
    out
}

/// Grows a buffer without leaving unwiped copies, in few steps.
fn append(buffer: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    if buffer.capacity().saturating_sub(buffer.len()) < more.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity(buffer.len().saturating_add(more.len()).saturating_mul(2)));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(more);
}

/// What stands between literals that belong together: white space, line continuations, a joining operator.
fn is_joint(between: &str) -> bool {
    let operators = between.bytes().filter(|b| matches!(b, b'+' | b'.' | b'&' | b'$' | b'@' | b'L' | b'b')).count();
    operators <= 2 && between.bytes().all(|b| b.is_ascii_whitespace() || matches!(b, b'\\' | b'+' | b'.' | b'&' | b'_' | b'@' | b'L' | b'b' | b'`'))
}

fn single_literals(text: &str) -> Vec<Literal> {
    let mut out = Vec::new();
    let mut rest = 0usize;
    // Up to here no quotation mark of this kind closes anything: each would be followed to the same end again.
    let mut dead = [0usize; 2];
    while let Some(open) = text.get(rest..).and_then(|t| t.find(['"', '\''])).map(|n| rest.saturating_add(n)) {
        let quote = text.as_bytes().get(open).copied().unwrap_or(b'"');
        let kind = usize::from(quote == b'\'');
        rest = open.saturating_add(1);
        if dead.get(kind).is_some_and(|until| open < *until) {
            continue;
        }
        match literal_at(text, open, quote) {
            Ok(literal) => {
                rest = literal.span.end;
                if !literal.bytes.is_empty() {
                    out.push(literal);
                }
            }
            Err(until) => {
                if let Some(slot) = dead.get_mut(kind) {
                    *slot = until;
                }
            }
        }
    }
    out
}

/// The literal that opens at `open`, or where the search for its end stopped.
fn literal_at(text: &str, open: usize, quote: u8) -> Result<Literal, usize> {
    let bytes = text.as_bytes();
    let mut out: Zeroizing<Vec<u8>> = Zeroizing::default();
    let mut i = open.saturating_add(1);
    let mut escapes = false;
    loop {
        let Some(&b) = bytes.get(i) else { return Err(i) };
        i = i.saturating_add(1);
        match b {
            b'\n' if quote == b'\'' => return Err(i),
            b'\\' => {
                let (used, value, numeric) = escape_at(bytes.get(i..).unwrap_or_default());
                append(&mut out, value.as_slice());
                escapes |= numeric;
                i = i.saturating_add(used);
            }
            _ if b == quote => return Ok(Literal { bytes: out, span: open..i, parts: 1, escapes }),
            _ => append(&mut out, &[b]),
        }
    }
}

/// After a backslash: how many bytes the escape takes, what it stands for, and whether it named a byte by number.
fn escape_at(rest: &[u8]) -> (usize, Zeroizing<Vec<u8>>, bool) {
    let digits = |skip: usize, max: usize, ok: fn(&u8) -> bool| rest.iter().skip(skip).take(max).take_while(|b| ok(b)).count();
    let text = |from: usize, len: usize| rest.get(from..from.saturating_add(len)).and_then(|b| core::str::from_utf8(b).ok()).unwrap_or_default();
    let one = |b: u8| Zeroizing::new(vec![b]);
    match rest.first() {
        Some(b'x') => {
            let len = digits(1, 2, u8::is_ascii_hexdigit);
            u8::from_str_radix(text(1, len), 16).map_or_else(|_| (1, one(b'x'), false), |v| (1 + len, one(v), true))
        }
        Some(b'u') => {
            let c = u32::from_str_radix(text(1, 4), 16).ok().and_then(char::from_u32);
            c.map_or_else(|| (1, one(b'u'), false), |c| (5, Zeroizing::new(c.to_string().into_bytes()), false))
        }
        Some(b'0'..=b'7') => {
            let len = digits(0, 3, |b| matches!(b, b'0'..=b'7'));
            u8::from_str_radix(text(0, len), 8).map_or_else(|_| (len, Zeroizing::default(), false), |v| (len, one(v), true))
        }
        Some(b'n') => (1, one(b'\n'), false),
        Some(b'r') => (1, one(b'\r'), false),
        Some(b't') => (1, one(b'\t'), false),
        Some(b'\r') => (2, Zeroizing::default(), false),
        Some(b'\n') => (1, Zeroizing::default(), false),
        Some(&b) => (1, one(b), false),
        None => (0, Zeroizing::default(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 16] = *b"ECS2 \0\0\0\xde\xad\xbe\xef\x01\x23\x45\x67";

    fn found(text: &str) -> bool {
        numbers(&without_comments(text)).iter().any(|p| p.bytes.as_slice() == BYTES)
    }

    #[test]
    fn digits_in_comments_and_array_sizes_are_not_data() {
        let list = BYTES.map(|b| format!("0x{b:02X}")).join(", ");
        assert!(found(&format!("// 104 bytes, cbKey = 32\nBYTE kKey[16] = {{ // X[32]\n /* 1 2 3 */ {list} }};")));
        assert!(found(&format!("key = [ # 16 bytes\n {list} ] # 0x01")));
    }

    #[test]
    fn every_spelling_of_a_byte_is_read() {
        let spell: [fn(u8) -> String; 6] = [
            |b| b.to_string(),
            |b| format!("&H{b:02X}"),
            |b| format!("(byte)0x{b:x}"),
            |b| format!("0x{b:x}uy"),
            |b| if b > 127 { format!("-{}", 256 - u16::from(b)) } else { b.to_string() },
            |b| format!("0{b:02x}h"),
        ];
        for spell in spell {
            assert!(found(&format!("x({})", BYTES.map(spell).join(", "))), "{}", spell(0xDE));
        }
        let lines: Vec<String> =
            BYTES.chunks(4).map(|c| format!("\tdb {}\n", c.iter().map(|b| format!("0{b:02x}h")).collect::<Vec<_>>().join(", "))).collect();
        assert!(found(&lines.concat()));
        assert!(found("{ 'E', 'C', 'S', '2', ' ', '\\0', 0, 0, 0xde, 0xad, 0xbe, 0xef, 1, 35, '\\x45', 'g' }"));
    }

    #[test]
    fn a_list_of_one_number_a_line_needs_no_separator_but_the_line_end() {
        assert!(found(&BYTES.map(|b| b.to_string()).join("\r\n")));
    }

    #[test]
    fn neighbouring_literals_are_joined_and_escapes_undone() {
        let text = "static const char k[] = \\\n\t\"ECS2\\x20\\0\\0\\0\\xde\\xad\"\\\n\t\"\\xbe\\xef\\001\\x23Eg\";";
        assert!(literals(text).iter().any(|l| l.parts == 2 && l.bytes.as_slice() == BYTES && l.escapes));
        let json = r#"{"Id":"{25}","Key":"RUNT\/w\u003d\u003d"}"#;
        assert!(literals(json).iter().any(|l| l.bytes.as_slice() == b"RUNT/w=="));
    }

    #[test]
    fn a_slash_pair_inside_a_string_is_no_comment() {
        assert_eq!(without_comments("a = \"RUNT//AA\"; // x").trim_end(), "a = \"RUNT//AA\";");
    }
}

//! Reads dumps with offsets: xxd, hexdump -C, od (hex, decimal, octal; bytes and words), Format-Hex, certutil, WinDbg, gdb and what looks
//! like them.
//!
//! The offset says how many bytes stand on a line, so that neither a text column that looks like hex nor a column heading nor the
//! length in the last line is taken for data. Lines whose offsets do not continue end a dump.

use super::Piece;
use core::ops::Range;
use zeroize::Zeroizing;

/// A repeated line (`*`) is written out, so the result needs a bound of its own.
const MAX_BYTES: usize = 1 << 16;

/// Every dump in `text`.
pub(super) fn read(text: &str) -> Vec<Piece> {
    let rows = rows(text);
    let mut pieces = Vec::new();
    let looks = |digits: Digits| rows.iter().any(|r| cells(r.rest, digits).iter().map(|c| c.bytes.len()).sum::<usize>() >= 4);
    let spelt: Vec<Digits> = [Digits::Hex, Digits::Decimal, Digits::Octal].into_iter().filter(|d| looks(*d)).collect();
    for (radix, digits) in READINGS.iter().filter(|(_, d)| spelt.contains(d)) {
        let mut i = 0;
        while i < rows.len() {
            let (used, piece) = dump_at(rows.get(i..).unwrap_or_default(), *radix, *digits);
            if let Some(piece) = piece {
                let mut piece = piece;
                if piece.word > 1 {
                    let mut swapped = piece.swapped;
                    swapped.truncate(piece.len);
                    let how = format!("{} dump of {}-bit words", digits.name(), piece.word.saturating_mul(8));
                    pieces.push(Piece { bytes: swapped, how, span: piece.span.clone(), cut: None });
                }
                piece.bytes.truncate(piece.len);
                pieces.push(Piece { bytes: piece.bytes, how: format!("{} dump", digits.name()), span: piece.span, cut: None });
            }
            i = i.saturating_add(used.max(1));
        }
    }
    pieces
}

/// How offsets count, and how the data is spelt; the usual ones first.
const READINGS: &[(u32, Digits)] = &[
    (16, Digits::Hex),
    (8, Digits::Hex),
    (10, Digits::Hex),
    (8, Digits::Decimal),
    (16, Digits::Decimal),
    (10, Digits::Decimal),
    (8, Digits::Octal),
    (16, Digits::Octal),
    (10, Digits::Octal),
];

/// How a dump spells its data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Digits {
    Hex,
    /// One byte a group: `od -t u1`.
    Decimal,
    /// Three digits a byte or six a 16-bit word: `od -b`, `od` without options.
    Octal,
}

impl Digits {
    fn name(self) -> &'static str {
        match self {
            Digits::Hex => "hex",
            Digits::Decimal => "decimal",
            Digits::Octal => "octal",
        }
    }

    /// The bytes of a group of digits; `None` if it is none.
    fn bytes(self, group: &str) -> Option<Zeroizing<Vec<u8>>> {
        match (self, group.len()) {
            (Digits::Hex, 2 | 4 | 6 | 8 | 10 | 12 | 14 | 16) => Some(super::hex::bytes_of(group.as_bytes())),
            (Digits::Decimal, 1..=3) => group.parse::<u8>().ok().map(|b| Zeroizing::new(vec![b])),
            (Digits::Octal, 3) => u8::from_str_radix(group, 8).ok().map(|b| Zeroizing::new(vec![b])),
            (Digits::Octal, 6) => u16::from_str_radix(group, 8).ok().map(|w| Zeroizing::new(w.to_be_bytes().to_vec())),
            _ => None,
        }
    }
}

struct Row<'a> {
    at: usize,
    offset: &'a str,
    /// What follows the offset, with the column at which it starts.
    rest: &'a str,
    column: usize,
    repeat: bool,
}

struct Dump {
    bytes: Zeroizing<Vec<u8>>,
    /// The same with each group's bytes in the other order.
    swapped: Zeroizing<Vec<u8>>,
    span: Range<usize>,
    /// Bytes of the widest group: words may have been printed in the machine's byte order.
    word: usize,
    /// Bytes that count: the last word of an odd number of bytes is filled up.
    len: usize,
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let mut at = 0usize;
    let mut out = Vec::new();
    for raw in text.split_inclusive('\n') {
        let line = raw.trim_end();
        let lead = line.len().saturating_sub(line.trim_start().len());
        let body = line.trim_start();
        if body == "*" {
            out.push(Row { at, offset: "", rest: "", column: 0, repeat: true });
        } else if let Some((offset, used)) = offset_of(body) {
            let rest = body.get(used..).unwrap_or_default();
            out.push(Row { at, offset, rest, column: lead.saturating_add(used), repeat: false });
        }
        at = at.saturating_add(raw.len());
    }
    out
}

/// The offset at the start of a line, and how many characters it takes with its colon: `00000010`, `0000000000000010:`, `0x7f..10`,
/// ``00000291`a3c41fd0``, `0x7ffe10 <key+8>:`.
fn offset_of(body: &str) -> Option<(&str, usize)> {
    let prefix = if body.starts_with("0x") || body.starts_with("0X") { 2 } else { 0 };
    let rest = body.get(prefix..)?;
    let len = rest.bytes().take_while(|b| b.is_ascii_hexdigit() || *b == b'`').count();
    if len < 4 {
        return None;
    }
    // `0B2C:0100`: a segment before it.
    let segment = rest.get(len..)?.strip_prefix(':').filter(|_| prefix == 0 && len == 4);
    let low = segment.map(|t| t.bytes().take_while(u8::is_ascii_hexdigit).count()).filter(|n| *n == 4);
    let (start, len) = if low.is_some() { (5, 9) } else { (0, len) };
    let offset = rest.get(start..len)?;
    let mut used = prefix.checked_add(len)?;
    let tail = body.get(used..)?;
    if let Some(symbol) = tail.trim_start().strip_prefix('<') {
        let close = symbol.find(">:")?;
        used = body.len().checked_sub(symbol.len())?.checked_add(close)?.checked_add(2)?;
    } else if tail.starts_with(':') {
        used = used.checked_add(1)?;
    } else if !tail.is_empty() && !tail.starts_with([' ', '\t', '|']) {
        return None;
    }
    Some((offset, used))
}

/// The dump that starts with the first of `rows`: how many rows it takes, and its bytes.
fn dump_at(rows: &[Row<'_>], radix: u32, digits: Digits) -> (usize, Option<Dump>) {
    let Some(first) = rows.first() else { return (0, None) };
    let Some(base) = number(first.offset, radix) else { return (1, None) };
    let mut bytes = Zeroizing::new(Vec::with_capacity(rows.len().saturating_mul(16).min(MAX_BYTES)));
    let mut swapped = bytes.clone();
    let mut taken = 0usize;
    let mut column_end = 0usize;
    let mut word = 1usize;
    let mut repeat = false;
    let mut end = first.at;
    let mut len = 0usize;
    for (i, row) in rows.iter().enumerate() {
        if row.repeat {
            repeat = taken > 0;
            continue;
        }
        let Some(offset) = number(row.offset, radix).and_then(|n| n.checked_sub(base)).and_then(|n| usize::try_from(n).ok()) else { break };
        if repeat && offset > bytes.len() && offset <= MAX_BYTES {
            repeat_last_line(&mut bytes, offset);
            repeat_last_line(&mut swapped, offset);
        }
        repeat = false;
        if offset != bytes.len() {
            break;
        }
        let next = rows.iter().skip(i.saturating_add(1)).find(|r| !r.repeat);
        let step = next.and_then(|n| number(n.offset, radix)).and_then(|n| n.checked_sub(base)).and_then(|n| usize::try_from(n).ok());
        let room = step.and_then(|s| s.checked_sub(offset)).filter(|&n| n > 0 && n <= 64);
        let cells = cells(row.rest, digits);
        word = cells.iter().map(|c| c.bytes.len()).filter(|n| matches!(n, 2 | 4 | 8)).fold(word, usize::max);
        let line = match room {
            Some(n) if !rows.get(i.saturating_add(1)).is_some_and(|r| r.repeat) => take_counted(&cells, n, word),
            // The last line: what stands left of where the text column begins in the others.
            _ if column_end > row.column => take_left_of(&cells, column_end.saturating_sub(row.column)),
            _ => take_alone(row.rest, &cells),
        };
        let Some(line) = line.filter(|l| bytes.len().saturating_add(l.bytes.len()) <= MAX_BYTES) else { break };
        taken = i.saturating_add(1);
        column_end = column_end.max(row.column.saturating_add(line.width));
        end = row.at.saturating_add(row.column).saturating_add(row.rest.len());
        bytes.extend_from_slice(&line.bytes);
        swapped.extend_from_slice(&line.swapped);
        len = room.map_or(bytes.len(), |n| bytes.len().min(offset.saturating_add(n)));
        if line.bytes.is_empty() {
            break;
        }
    }
    let dump = (bytes.len() >= 12).then_some(Dump { bytes, swapped, span: first.at..end, word, len });
    (taken.max(1), dump)
}

fn number(digits: &str, radix: u32) -> Option<u64> {
    let plain: String = digits.chars().filter(|&c| c != '`').collect();
    u64::from_str_radix(&plain, radix).ok()
}

fn repeat_last_line(bytes: &mut Zeroizing<Vec<u8>>, until: usize) {
    let line: Zeroizing<Vec<u8>> = Zeroizing::new(bytes.iter().rev().take(16).rev().copied().collect());
    if line.is_empty() {
        return;
    }
    while bytes.len() < until {
        let room = until.saturating_sub(bytes.len());
        bytes.extend(line.iter().take(room));
    }
}

/// A group of digits in a line.
struct Cell {
    bytes: Zeroizing<Vec<u8>>,
    end: usize,
}

/// No dump has more bytes on a line.
const MAX_CELLS: usize = 64;

/// The groups of digits up to the first thing that is none. certutil draws the levels of ASN.1 before them.
fn cells(rest: &str, digits: Digits) -> Vec<Cell> {
    let mut out = Vec::new();
    let mut i = rest.bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'|')).count();
    while out.len() < MAX_CELLS {
        let gap = rest.bytes().skip(i).take_while(|b| matches!(b, b' ' | b'\t' | b'-' | b',')).count();
        i = i.saturating_add(gap);
        let prefix = if rest.get(i..i.saturating_add(2)).is_some_and(|p| p.eq_ignore_ascii_case("0x")) { 2 } else { 0 };
        let start = i.saturating_add(prefix);
        let len = rest.bytes().skip(start).take_while(u8::is_ascii_hexdigit).count();
        let end = start.saturating_add(len);
        let Some(bytes) = rest.get(start..end).and_then(|group| digits.bytes(group)) else { break };
        out.push(Cell { bytes, end });
        i = end;
    }
    out
}

struct LineBytes {
    bytes: Zeroizing<Vec<u8>>,
    swapped: Zeroizing<Vec<u8>>,
    width: usize,
}

fn take(cells: &[Cell], count: usize, limit: usize) -> Option<LineBytes> {
    let mut line = LineBytes { bytes: Zeroizing::new(Vec::with_capacity(64)), swapped: Zeroizing::new(Vec::with_capacity(64)), width: 0 };
    for cell in cells {
        if line.bytes.len() >= count || cell.end > limit {
            break;
        }
        line.bytes.extend_from_slice(&cell.bytes);
        line.swapped.extend(cell.bytes.iter().rev());
        line.width = cell.end;
    }
    (count == usize::MAX || line.bytes.len() == count).then_some(line)
}

fn take_counted(cells: &[Cell], count: usize, word: usize) -> Option<LineBytes> {
    // The last word is filled up.
    let filled = |n: usize| take(cells, n.next_multiple_of(word), usize::MAX).filter(|_| !n.is_multiple_of(word));
    take(cells, count, usize::MAX).or_else(|| filled(count))
}

fn take_left_of(cells: &[Cell], limit: usize) -> Option<LineBytes> {
    take(cells, usize::MAX, limit)
}

/// A dump of one line has no other line to measure by: the text column must be as long as the bytes are many.
fn take_alone(rest: &str, cells: &[Cell]) -> Option<LineBytes> {
    for (n, cell) in cells.iter().enumerate().rev() {
        let line = take(cells.get(..=n)?, usize::MAX, usize::MAX)?;
        let tail = rest.get(cell.end..)?.trim_end();
        let text = tail.trim_start_matches([' ', '\t']);
        let text = text.strip_prefix('|').map_or(text, |t| t.strip_suffix('|').unwrap_or(t));
        if tail.is_empty() || tail.starts_with("  ") && text.chars().count() == line.bytes.len() {
            return Some(line);
        }
    }
    take(cells, usize::MAX, usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"ECS2 \0\0\0\xde\xad\xbe\xef\x01\x23\x45\x67cafe\x01\x02";

    fn found(text: &str) -> bool {
        read(text).iter().any(|p| p.bytes.as_slice() == BYTES)
    }

    #[test]
    fn xxd_is_read_though_its_text_column_looks_like_hex() {
        assert!(found(
            "00000000: 4543 5332 2000 0000 dead beef 0123 4567  ECS2 ....... #Eg\n00000010: 6361 6665 0102                           cafe..\n"
        ));
    }

    #[test]
    fn hexdump_is_read_and_its_last_line_is_a_length() {
        assert!(found(
            "00000000  45 43 53 32 20 00 00 00  de ad be ef 01 23 45 67  |ECS2 ........#Eg|\n00000010  63 61 66 65 01 02                                 |cafe..|\n00000016\n"
        ));
    }

    #[test]
    fn a_column_heading_is_not_data() {
        assert!(found(
            "           Path: C:\\x\r\n\r\n           00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\r\n\r\n00000000   45 43 53 32 20 00 00 00 DE AD BE EF 01 23 45 67  ECS2 ...........\r\n00000010   63 61 66 65 01 02                                cafe..\r\n"
        ));
    }

    #[test]
    fn od_counts_in_octal_and_prints_words_in_the_machines_order() {
        assert!(found("0000000 45 43 53 32 20 00 00 00 de ad be ef 01 23 45 67\n0000020 63 61 66 65 01 02\n0000026\n"));
        assert!(found("0000000 4345 3253 0020 0000 adde efbe 2301 6745\n0000020 6163 6566 0201\n0000026\n"));
    }

    #[test]
    fn od_prints_decimal_bytes_octal_bytes_and_wide_words_too() {
        assert!(found("0000000  69  67  83  50  32   0   0   0 222 173 190 239   1  35  69 103\n0000020  99  97 102 101   1   2\n0000026\n"));
        assert!(found("000000  69  67  83  50  32   0   0   0 222 173 190 239   1  35  69 103\n000010  99  97 102 101   1   2\n000016\n"));
        assert!(found("0000000 105 103 123 062 040 000 000 000 336 255 276 357 001 043 105 147\n0000020 143 141 146 145 001 002\n0000026\n"));
        assert!(found("0000000 041505 031123 000040 000000 126736 167676 021401 063505\n0000020 060543 062546 001001\n0000026\n"));
        assert!(found("0000000 32534345 00000020 efbeadde 67452301\n0000020 65666163 00000201\n0000026\n"));
        assert!(found("0000000 0000002032534345 67452301efbeadde\n0000020 0000020165666163\n0000026\n"));
    }

    #[test]
    fn certutils_dumps_are_read_with_and_without_their_levels() {
        assert!(found(
            "    0000  45 43 53 32 20 00 00 00  de ad be ef 01 23 45 67   ECS2 ........#Eg\r\n    0010  63 61 66 65 01 02                                  cafe..\r\n"
        ));
        assert!(found(
            "0000: 45 43                       ; SEQUENCE (25c Bytes)\n0002:    53 32 20               ; INTEGER\n0005:    |  00 00 00 de ad be\n         |  |     ; 1.2.3\n000b:    |  ef 01 23 45 67 63 61 66 65\n0014:    |  01 02\n"
        ));
    }

    #[test]
    fn the_last_word_of_an_odd_number_of_bytes_is_filled_up() {
        let text = "0000000 4345 3253 0020 0000 adde efbe 2301 6745\n0000020 0063\n0000021\n";
        assert!(read(text).iter().any(|p| p.bytes.as_slice() == &BYTES[..17]));
    }

    #[test]
    fn debuggers_dumps_with_addresses_are_read() {
        assert!(found(
            "00000291`a3c41fd0  45 43 53 32 20 00 00 00-de ad be ef 01 23 45 67  ECS2 ........#Eg\n00000291`a3c41fe0  63 61 66 65 01 02                                cafe..\n"
        ));
        assert!(found(
            "0x7ffe10 <key>:\t0x45\t0x43\t0x53\t0x32\t0x20\t0x00\t0x00\t0x00\n0x7ffe18 <key+8>:\t0xde\t0xad\t0xbe\t0xef\t0x01\t0x23\t0x45\t0x67\n0x7ffe20 <key+16>:\t0x63\t0x61\t0x66\t0x65\t0x01\t0x02\n"
        ));
    }

    #[test]
    fn a_squeezed_repetition_is_written_out_and_bounded() {
        let text = "00000000  45 43 53 32 20 00 00 00  00 00 00 00 00 00 00 00  |ECS2 ...........|\n00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n00000040\n";
        assert!(read(text).iter().any(|p| p.bytes.len() == 0x40));
        assert!(read(&text.replace("00000040", "f0000000")).iter().all(|p| p.bytes.len() < 0x100));
    }

    #[test]
    fn one_line_is_measured_by_its_text_column() {
        let text = "00000000  45 43 53 32 20 00 00 00  de ad be ef 01 23         |ECS2 ........#|\n";
        assert!(read(text).iter().any(|p| p.bytes.len() == 14));
    }
}

//! Reads hex dumps with offsets: xxd, hexdump -C, od, Format-Hex, certutil, WinDbg, gdb and what looks like them.
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
    for radix in [16, 8, 10] {
        let mut i = 0;
        while i < rows.len() {
            let (used, piece) = dump_at(rows.get(i..).unwrap_or_default(), radix);
            if let Some(piece) = piece {
                let mut piece = piece;
                if piece.words {
                    let mut swapped = piece.bytes.clone();
                    for pair in swapped.chunks_exact_mut(2) {
                        pair.reverse();
                    }
                    swapped.truncate(piece.len);
                    let how = "hex dump of 16-bit words".to_owned();
                    pieces.push(Piece { bytes: swapped, how, span: piece.span.clone(), cut: None });
                }
                piece.bytes.truncate(piece.len);
                pieces.push(Piece { bytes: piece.bytes, how: "hex dump".to_owned(), span: piece.span, cut: None });
            }
            i = i.saturating_add(used.max(1));
        }
    }
    pieces
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
    span: Range<usize>,
    /// Groups of four digits: the words may have been printed in the machine's byte order.
    words: bool,
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
    let offset = rest.get(..len)?;
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
fn dump_at(rows: &[Row<'_>], radix: u32) -> (usize, Option<Dump>) {
    let Some(first) = rows.first() else { return (0, None) };
    let Some(base) = number(first.offset, radix) else { return (1, None) };
    let mut bytes = Zeroizing::new(Vec::with_capacity(rows.len().saturating_mul(16).min(MAX_BYTES)));
    let mut taken = 0usize;
    let mut column_end = 0usize;
    let mut words = false;
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
        }
        repeat = false;
        if offset != bytes.len() {
            break;
        }
        let next = rows.iter().skip(i.saturating_add(1)).find(|r| !r.repeat);
        let step = next.and_then(|n| number(n.offset, radix)).and_then(|n| n.checked_sub(base)).and_then(|n| usize::try_from(n).ok());
        let room = step.and_then(|s| s.checked_sub(offset)).filter(|&n| n > 0 && n <= 64);
        let cells = cells(row.rest);
        words |= cells.iter().any(|c| c.digits.len() == 4);
        let line = match room {
            Some(n) if !rows.get(i.saturating_add(1)).is_some_and(|r| r.repeat) => take_counted(&cells, n, words),
            // The last line: what stands left of where the text column begins in the others.
            _ if column_end > row.column => take_left_of(&cells, column_end.saturating_sub(row.column)),
            _ => take_alone(row.rest, &cells),
        };
        let Some(line) = line.filter(|l| bytes.len().saturating_add(l.bytes.len()) <= MAX_BYTES) else { break };
        taken = i.saturating_add(1);
        column_end = column_end.max(row.column.saturating_add(line.width));
        end = row.at.saturating_add(row.column).saturating_add(row.rest.len());
        bytes.extend_from_slice(&line.bytes);
        len = room.map_or(bytes.len(), |n| bytes.len().min(offset.saturating_add(n)));
        if line.bytes.is_empty() {
            break;
        }
    }
    let dump = (bytes.len() >= 12).then_some(Dump { bytes, span: first.at..end, words, len });
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

/// A group of hex digits in a line.
struct Cell<'a> {
    digits: &'a str,
    end: usize,
}

/// No dump has more bytes on a line.
const MAX_CELLS: usize = 64;

/// The groups of an even number of digits up to the first thing that is none.
fn cells(rest: &str) -> Vec<Cell<'_>> {
    let mut out = Vec::new();
    let mut i = 0usize;
    while out.len() < MAX_CELLS {
        let gap = rest.bytes().skip(i).take_while(|b| matches!(b, b' ' | b'\t' | b'-' | b',')).count();
        i = i.saturating_add(gap);
        let prefix = if rest.get(i..i.saturating_add(2)).is_some_and(|p| p.eq_ignore_ascii_case("0x")) { 2 } else { 0 };
        let start = i.saturating_add(prefix);
        let len = rest.bytes().skip(start).take_while(u8::is_ascii_hexdigit).count();
        let end = start.saturating_add(len);
        let Some(digits) = rest.get(start..end) else { break };
        if len == 0 || !len.is_multiple_of(2) || len > 16 {
            break;
        }
        out.push(Cell { digits, end });
        i = end;
    }
    out
}

struct LineBytes {
    bytes: Zeroizing<Vec<u8>>,
    width: usize,
}

fn take(cells: &[Cell<'_>], count: usize, limit: usize) -> Option<LineBytes> {
    let mut line = LineBytes { bytes: Zeroizing::new(Vec::with_capacity(64)), width: 0 };
    for cell in cells {
        if line.bytes.len() >= count || cell.end > limit {
            break;
        }
        line.bytes.extend_from_slice(&super::hex::bytes_of(cell.digits.as_bytes()));
        line.width = cell.end;
    }
    (count == usize::MAX || line.bytes.len() == count).then_some(line)
}

fn take_counted(cells: &[Cell<'_>], count: usize, words: bool) -> Option<LineBytes> {
    let filled = |n: usize| take(cells, n.saturating_add(1), usize::MAX).filter(|_| words && !n.is_multiple_of(2));
    take(cells, count, usize::MAX).or_else(|| filled(count))
}

fn take_left_of(cells: &[Cell<'_>], limit: usize) -> Option<LineBytes> {
    take(cells, usize::MAX, limit)
}

/// A dump of one line has no other line to measure by: the text column must be as long as the bytes are many.
fn take_alone(rest: &str, cells: &[Cell<'_>]) -> Option<LineBytes> {
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

//! Decides whether a file is text, in which encoding, and turns it into a `str` that the readers of text shapes share.
//!
//! UTF-16 (PowerShell's redirection, `.reg` files) and byte order marks come first, because every later reader would stumble over
//! them. A file with NUL or other control bytes is not text: raw blobs carry their lengths as 32-bit numbers and always have some.

use zeroize::Zeroizing;

/// A file that is text.
pub(crate) struct Text {
    /// The characters, without byte order mark.
    pub(crate) content: Zeroizing<String>,
    /// What the encoding is called in a summary; `None` for plain UTF-8 or ASCII.
    pub(crate) encoding: Option<&'static str>,
}

/// The text in `input`, if it is text.
pub(crate) fn decode(input: &[u8]) -> Option<Text> {
    if let Some(rest) = input.strip_prefix(&[0xEF, 0xBB, 0xBF]) {
        return utf8(rest, Some("UTF-8 with byte order mark"));
    }
    if let Some(rest) = input.strip_prefix(&[0xFF, 0xFE]) {
        return utf16(rest, u16::from_le_bytes, "UTF-16");
    }
    if let Some(rest) = input.strip_prefix(&[0xFE, 0xFF]) {
        return utf16(rest, u16::from_be_bytes, "UTF-16, big-endian");
    }
    if looks_like_utf16(input, 1) {
        return utf16(input, u16::from_le_bytes, "UTF-16");
    }
    if looks_like_utf16(input, 0) {
        return utf16(input, u16::from_be_bytes, "UTF-16, big-endian");
    }
    utf8(input, None)
}

/// Without a byte order mark: every other byte is zero and the rest is printable ASCII.
fn looks_like_utf16(input: &[u8], zero_at: usize) -> bool {
    input.len() >= 16
        && input.len().is_multiple_of(2)
        && input.chunks_exact(2).all(|pair| match pair {
            [a, b] => {
                let (zero, letter) = if zero_at == 1 { (*b, *a) } else { (*a, *b) };
                zero == 0 && is_text_byte(letter) && letter < 0x80
            }
            _ => false,
        })
}

fn utf16(input: &[u8], unit: fn([u8; 2]) -> u16, encoding: &'static str) -> Option<Text> {
    let mut content = Zeroizing::new(String::with_capacity(input.len()));
    let units = input.chunks_exact(2).map(|pair| match pair {
        [a, b] => unit([*a, *b]),
        _ => 0,
    });
    for c in char::decode_utf16(units) {
        let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
        if !is_text_char(c) {
            return None;
        }
        content.push(c);
    }
    Some(Text { content, encoding: Some(encoding) })
}

fn utf8(input: &[u8], encoding: Option<&'static str>) -> Option<Text> {
    // A C string written with its terminator, and DOS's end-of-file mark.
    let end = input.iter().rposition(|&b| b != 0 && b != 0x1A).map_or(0, |i| i.saturating_add(1));
    let body = input.get(..end)?;
    if body.is_empty() || !body.iter().all(|&b| is_text_byte(b)) {
        return None;
    }
    if let Ok(s) = core::str::from_utf8(body) {
        return Some(Text { content: Zeroizing::new(s.to_owned()), encoding });
    }
    // A comment in a Windows code page around ASCII data: the letters themselves do not matter. Mostly foreign bytes are not text.
    let foreign = body.iter().filter(|&&b| b >= 0x80).count();
    if foreign.saturating_mul(10) > body.len() {
        return None;
    }
    let content = body.iter().map(|&b| char::from(b)).collect::<String>();
    Some(Text { content: Zeroizing::new(content), encoding: Some("text in a Windows code page") })
}

fn is_text_byte(b: u8) -> bool {
    b >= 0x20 && b != 0x7F || matches!(b, b'\t' | b'\r' | b'\n' | 0x0C)
}

fn is_text_char(c: char) -> bool {
    !c.is_control() || matches!(c, '\t' | '\r' | '\n' | '\u{0C}' | '\u{0}' | '\u{1A}')
}

/// The line, counted from 1, on which byte `at` of `text` stands.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|&&b| b == b'\n').count().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_in_both_orders_and_without_a_mark_becomes_text() {
        let le: Vec<u8> = "RUNTMiAAAAA=".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "RUNTMiAAAAA=".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for input in [le.clone(), be.clone(), [&[0xFF, 0xFE][..], &le].concat(), [&[0xFE, 0xFF][..], &be].concat()] {
            assert_eq!(decode(&input).unwrap().content.as_str(), "RUNTMiAAAAA=");
        }
    }

    #[test]
    fn a_raw_blob_is_not_text() {
        assert!(decode(b"ECS2\x20\0\0\0\x8B\x53").is_none());
        assert!(decode(b"\x07\x02\0\0\0\xA4\0\0RSA2").is_none());
    }

    #[test]
    fn a_comment_in_a_code_page_does_not_stop_the_reading() {
        let text = decode(b"// Schl\xFCssel f\xFCr das Ger\xE4t\n{ 0x45, 0x43, 0x53, 0x32, 0x20, 0x00, 0x00, 0x00 }").unwrap();
        assert!(text.content.contains("0x45"));
    }

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!((line_of("a\nb\nc", 0), line_of("a\nb\nc", 4)), (1, 3));
    }
}

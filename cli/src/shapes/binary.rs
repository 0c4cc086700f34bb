//! Recognises bytes: the table of binary shapes, and what is said of bytes that are none of them.

use super::{Content, Refusal, Wanted, blob, der, foreign, openssh, pvk, strong_name};

type Recogniser = fn(&[u8], &Wanted) -> Option<Result<Content, Refusal>>;

/// The binary shapes. Their first bytes tell them apart, except for key store files, which hold a public blob in clear and must
/// be seen first.
pub(super) static SHAPES: &[(&str, Recogniser)] = &[
    ("files protected by Windows (DPAPI)", foreign::protected),
    ("PVK", pvk::recognise),
    ("strong-name public key", strong_name::recognise),
    ("CNG and CryptoAPI blobs", blob::recognise),
    ("ASN.1 (PKCS#8, PKCS#12, PKCS#1, SEC 1, X.509)", der::recognise),
    ("OpenSSH private key", openssh::recognise),
    ("other programs' files", foreign::recognise),
];

/// What `bytes` are: `None` if nothing here knows them, an error if known and not importable.
pub(super) fn look(bytes: &[u8], wanted: &Wanted) -> Option<Result<Content, Refusal>> {
    SHAPES.iter().find_map(|(_, recognise)| recognise(bytes, wanted))
}

/// The refusal for bytes that nothing here knows.
pub(super) fn unknown(bytes: &[u8]) -> Refusal {
    let start: String = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
    let mut refusal =
        Refusal::new(format!("not recognised: {} bytes starting with {start} have no known magic or header, and are not ASN.1 (DER)", bytes.len()))
            .hint("a CNG blob starts with RSA1, RSA2, RSA3, ECS1, ECS2, ECK1 …; a CryptoAPI blob with 06 02 or 07 02");
    if let Some(guess) = bare_numbers(bytes) {
        refusal = refusal.hint(guess);
    }
    if let Some(row) = cngtoken_blob::sniff(bytes).err().map(|e| e.to_string()).filter(|text| text.contains("looks like")) {
        refusal = refusal.hint(row);
    }
    refusal
}

/// Lengths that only bare numbers have.
fn bare_numbers(bytes: &[u8]) -> Option<String> {
    let field = |n: usize, of: usize, curve: &str, what: &str| {
        Some(format!("{of} = {n} × {} looks like bare {curve} numbers ({what}) without a header", of / n))
    };
    match bytes.len() {
        96 => field(3, 96, "P-256", "X, Y, d"),
        144 => field(3, 144, "P-384", "X, Y, d"),
        198 => field(3, 198, "P-521", "X, Y, d"),
        64 => field(2, 64, "P-256", "X, Y"),
        65 if bytes.first() == Some(&4) => Some("65 bytes starting with 04 look like a bare P-256 point (04, X, Y) without a header".to_owned()),
        97 if bytes.first() == Some(&4) => Some("97 bytes starting with 04 look like a bare P-384 point (04, X, Y) without a header".to_owned()),
        32 => Some("32 bytes may be a bare private value or a bare symmetric key; nothing says which".to_owned()),
        len @ (128 | 256 | 384 | 512) => {
            Some(format!("{len} bytes look like a bare RSA modulus of {} bits: the public exponent and the header are missing", len * 8))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_p256_numbers_are_named_as_such() {
        let text = unknown(&[7; 96]).to_string();
        assert!(text.contains("no known magic") && text.contains("96 = 3 × 32"), "{text}");
    }

    #[test]
    fn no_shape_claims_random_or_empty_input() {
        for n in [0usize, 1, 3, 4, 11, 20, 64, 300] {
            let bytes: Vec<u8> = (0..n).map(|i| u8::try_from(i * 37 % 251).unwrap().wrapping_add(9)).collect();
            assert!(look(&bytes, &Wanted::default()).is_none(), "{n}");
        }
    }
}

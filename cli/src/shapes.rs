//! Recognises keys in the shapes in which people hold them: raw blobs, text around blobs, and the standard containers.
//!
//! Pure: bytes in, [`Found`] out; no files, no token. Text is searched by several readers at once, and what the bytes hold decides
//! which of them was right. Several keys in one text are listed, never guessed. `import` and `inspect` are the callers.
//! One module per shape; `SHAPES` in `binary` is the table of binary ones, `READERS` in `search` of the text ones.

mod base64;
mod ber;
mod binary;
mod blob;
mod certificate;
mod cms;
mod der;
mod dump;
mod foreign;
mod hex;
mod jwk;
mod openssh;
mod pem;
mod pkcs12;
mod pvk;
mod search;
mod source;
mod strong_name;
mod text;
mod unlock;
mod wanted;
mod xml;

pub use self::base64::{encode as base64_encode, encode_url as base64url_encode};
pub use self::ber::as_der as der_of_ber;
pub use self::certificate::Certificate;
pub use self::pem::labelled as pem_bodies;
pub use self::pvk::header as pvk_header;
pub use self::unlock::{Locked, NoPasswords, Passwords, unlock, unlock_within};
pub use self::wanted::Wanted;
use cngtoken_blob::BlobRow;
pub use cngtoken_crypto::pbe::Budget;
use cngtoken_key::{Claim, Half, Secret};
use core::fmt;
use core::ops::Range;
use zeroize::Zeroizing;

/// A key file is small; what is larger is some other file.
pub const MAX_INPUT: usize = 16 << 20;

/// A text is read in a dozen ways, each of which costs: more than this would take seconds.
pub const MAX_TEXT: usize = 2 << 20;

/// Something to import, and how it was wrapped.
#[derive(Debug)]
pub struct Found {
    /// What it is.
    pub content: Content,
    /// The wrappings, outermost first: "UTF-16", "base64, wrapped".
    pub trail: Vec<String>,
    /// The line of the text on which it stands.
    pub line: Option<usize>,
    /// What a person should know: a label that promised something else, a number that is computed.
    pub notes: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Content {
    /// A CNG or CryptoAPI blob.
    Blob(Blob),
    /// The numbers of a key from another container.
    Key(Key),
    /// A certificate by itself.
    Certificate(Certificate),
    /// Keys and certificates together.
    Bundle(Bundle),
    /// Encrypted; a password is needed before anything else can be said.
    Locked(Locked),
}

/// A blob that can be handed to the token as it is.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The blob.
    pub bytes: Secret,
    /// Its row.
    pub row: &'static BlobRow,
    /// Public or private.
    pub half: Half,
    /// Family and size.
    pub what: String,
    /// The container around it, where that is not a text: "PVK", "strong-name public key".
    pub via: Option<&'static str>,
}

/// A key from a container that is not a blob.
#[derive(Clone, Debug)]
pub struct Key {
    /// The container: "RSAKeyValue", "JWK", "PKCS8_PRIVATEKEY" …
    pub kind: &'static str,
    /// The numbers.
    pub claim: Claim,
    /// A name that the container gives the key.
    pub label: Option<String>,
    /// The container says that the key is for AES.
    pub aes: bool,
}

/// Keys and certificates from one container.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The container: "PKCS12", "PEM".
    pub kind: &'static str,
    /// The keys.
    pub keys: Vec<Key>,
    /// The certificates, in the order of the file.
    pub certificates: Vec<Certificate>,
}

/// Why nothing is imported: one line, and what may help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What was found, what was expected, where.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl Refusal {
    /// A refusal without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new() }
    }

    /// The same with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for hint in &self.hints {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// What a reader of text found: bytes that may be anything.
struct Piece {
    bytes: Zeroizing<Vec<u8>>,
    how: String,
    span: Range<usize>,
    cut: Option<&'static str>,
}

impl Content {
    /// What it is called in a summary and after `--type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Content::Blob(blob) => blob.row.name,
            Content::Key(key) => key.kind,
            Content::Certificate(_) => "certificate",
            Content::Bundle(bundle) => bundle.kind,
            Content::Locked(locked) => locked.kind(),
        }
    }

    /// Whether a private or secret key is inside; `None` if that is not known before it is unlocked.
    #[must_use]
    pub fn half(&self) -> Option<Half> {
        match self {
            Content::Blob(blob) => Some(blob.half),
            Content::Key(key) => Some(key.claim.half()),
            Content::Certificate(_) => Some(Half::Public),
            Content::Bundle(bundle) => Some(if bundle.keys.iter().any(|k| k.claim.half() == Half::Private) { Half::Private } else { Half::Public }),
            Content::Locked(_) => None,
        }
    }
}

impl Found {
    /// Numbers that the source leaves out and that are computed, in words.
    #[must_use]
    pub fn computed(&self) -> Option<String> {
        let claim = match &self.content {
            Content::Blob(blob) => cngtoken_blob::decode(blob.bytes.expose(), &cngtoken_blob::Context::default()).ok()?.claim,
            // PKCS#8 leaves the point of these out as a rule (RFC 8410).
            Content::Key(Key { kind: "PKCS8_PRIVATEKEY", claim: Claim::Edwards(_) | Claim::Montgomery(_), .. }) => return None,
            Content::Key(key) => key.claim.clone(),
            Content::Certificate(_) | Content::Bundle(_) | Content::Locked(_) => return None,
        };
        let what = match &claim {
            Claim::Rsa(c) if claim.half() == Half::Private => match (&c.d, &c.p, &c.dp) {
                (None, ..) => "d and the CRT values",
                (Some(_), None, _) => "p, q and the CRT values",
                (Some(_), Some(_), None) => "the CRT values",
                _ => return None,
            },
            Claim::Ec(c) if c.point.is_none() => "the public point",
            Claim::Edwards(c) if c.point.is_none() => "the public point",
            Claim::Montgomery(c) if c.u.is_none() => "the public point",
            Claim::Dsa(c) if c.y.is_none() => "the public value y",
            Claim::Dh(c) if c.y.is_none() => "the public value y",
            Claim::MlDsa(c) if c.sk.is_none() && c.seed.is_some() => "the expanded key (from the seed)",
            Claim::MlKem(c) if c.dk.is_none() && c.seed.is_some() => "the expanded key (from the seed)",
            _ => return None,
        };
        Some(format!("{what} not in the file, computed"))
    }
}

/// Family and size of a key: "EC nistP256", "RSA 2048". Public facts only.
#[must_use]
pub fn describe(claim: &Claim) -> String {
    match claim {
        Claim::Rsa(c) => c.n.as_ref().map_or_else(|| "RSA".to_owned(), |n| format!("RSA {}", n.bit_len())),
        Claim::Ec(c) => format!("EC {}", c.curve.cng_name()),
        Claim::Edwards(_) => "Ed25519".to_owned(),
        Claim::Montgomery(_) => "X25519".to_owned(),
        Claim::Dsa(c) => format!("DSA {}", c.p.bit_len()),
        Claim::Dh(c) => format!("DH {}", c.p.bit_len()),
        Claim::MlKem(c) => format!("ML-KEM {}", c.set.cng_name()),
        Claim::MlDsa(c) => format!("ML-DSA {}", c.set.cng_name()),
        Claim::SlhDsa(c) => format!("SLH-DSA {}", c.set.cng_name()),
        Claim::Secret(c) => format!("secret of {} bytes", c.len()),
    }
}

/// Finds what `input` holds: exactly one thing, or a refusal that says what was seen. Nothing is unlocked yet.
///
/// # Errors
/// [`Refusal`]: nothing recognised, recognised and damaged or not a key, or several candidates.
pub fn recognise(input: &[u8], wanted: &Wanted) -> Result<Found, Refusal> {
    examine(input, wanted).outcome
}

/// What a file holds, with the bytes that were taken out of its text, also where they are damaged.
#[derive(Debug)]
pub struct Examined {
    /// As [`recognise`].
    pub outcome: Result<Found, Refusal>,
    /// The wrappings, outermost first.
    pub trail: Vec<String>,
    /// The line of the text on which it stands.
    pub line: Option<usize>,
    /// The blob or container; empty where the text itself is the container (XML, JWK).
    pub bytes: Zeroizing<Vec<u8>>,
}

/// The same for `inspect`, which shows also what is refused.
#[must_use]
pub fn examine(input: &[u8], wanted: &Wanted) -> Examined {
    let refused = |refusal| Examined { outcome: Err(refusal), trail: Vec::new(), line: None, bytes: Zeroizing::new(input.to_vec()) };
    if let Err(refusal) = wanted.refuse_known_unsupported() {
        return refused(refusal);
    }
    if input.is_empty() {
        return refused(Refusal::new("the file is empty"));
    }
    if input.len() > MAX_INPUT {
        return refused(Refusal::new(format!("{} bytes are more than any key file has (limit {MAX_INPUT})", input.len())));
    }
    let chosen = match binary::look(input, wanted) {
        Some(look) => {
            let trail = vec!["raw bytes".to_owned()];
            search::Chosen { outcome: look.map(|c| (c, Vec::new())), trail, line: None, bytes: Zeroizing::new(input.to_vec()) }
        }
        None => match text::decode(input) {
            Some(text) if text.content.len() > MAX_TEXT => {
                let found = text.content.len();
                let refusal = Refusal::new(format!("a text of {found} bytes, at most {MAX_TEXT} are searched for keys"));
                return refused(refusal.hint("cut out the part with the key"));
            }
            Some(text) => search::choose(&text, wanted),
            None => return refused(binary::unknown(input)),
        },
    };
    let mut trail = chosen.trail;
    let outcome = chosen.outcome.and_then(|(content, notes)| {
        wanted.check(&content)?;
        if let Content::Blob(Blob { via: Some(via), .. }) = &content {
            trail.push((*via).to_owned());
        }
        Ok(Found { content, trail: trail.clone(), line: chosen.line, notes })
    });
    Examined { outcome, trail, line: chosen.line, bytes: chosen.bytes }
}

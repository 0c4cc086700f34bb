//! What the caller asks for (`--type`, `--alg-id`, `--curve`, `--pick`) and whether what was found is that.

use super::{Content, Refusal, foreign};
use cngtoken_blob::{Context, CurveName};
use cngtoken_key::{Half, Uint};

/// What the caller knows or wants beside the file.
#[derive(Clone, Default, Debug)]
pub struct Wanted {
    /// A blob type (CNG's string or the symbolic name) or a container's name.
    pub type_name: Option<String>,
    /// Algorithm identifier.
    pub alg_id: Option<String>,
    /// Curve of a magic that names none.
    pub curve: Option<CurveName>,
    /// p and g of a blob that carries neither.
    pub dh_group: Option<(Uint, Uint)>,
    /// Which of several candidates, counted from 1.
    pub pick: Option<usize>,
    /// Compute a cut-off private exponent again.
    pub recompute: bool,
}

/// Containers that `--type` may name beside the blob types, and what `Content::kind` calls them.
pub(super) const CONTAINERS: &[(&str, &[&str])] = &[
    ("PVK", &["PVK", "CAPIPRIVATEBLOB", "CAPIDSAPRIVATEBLOB", "V2CAPIDSAPRIVATEBLOB"]),
    ("SNK", &["CAPIPRIVATEBLOB", "CAPIPUBLICBLOB"]),
    ("RSAKeyValue", &["RSAKeyValue"]),
    ("DSAKeyValue", &["DSAKeyValue"]),
    ("ECDSAKeyValue", &["ECDSAKeyValue"]),
    ("JWK", &["JWK"]),
    ("PKCS8_PRIVATEKEY", &["PKCS8_PRIVATEKEY"]),
    ("PKCS8", &["PKCS8_PRIVATEKEY"]),
    ("SPKI", &["SubjectPublicKeyInfo"]),
    ("PKCS1", &["PKCS#1"]),
    ("SEC1", &["SEC1"]),
    ("OPENSSH", &["OpenSSH private key", "OpenSSH public key"]),
    ("PKCS12", &["PKCS12"]),
    ("PFX", &["PKCS12"]),
    ("X509", &["certificate"]),
];

impl Wanted {
    /// What vendor-ext wants to know beside the bytes; the type is left out, since the bytes are recognised first.
    pub(super) fn context(&self) -> Context<'_> {
        Context { type_name: None, alg_id: None, curve: self.curve, dh_group: self.dh_group.clone() }
    }

    /// Types that cannot be imported whatever the file holds.
    pub(super) fn refuse_known_unsupported(&self) -> Result<(), Refusal> {
        let Some(name) = self.type_name.as_deref() else { return Ok(()) };
        if let Some(refusal) = foreign::refused_type(name) {
            return Err(refusal);
        }
        let known = cngtoken_blob::row(name).is_some() || CONTAINERS.iter().any(|(c, _)| c.eq_ignore_ascii_case(name));
        if known {
            return Ok(());
        }
        let near = cngtoken_blob::BLOBS.iter().find(|r| r.name.eq_ignore_ascii_case(name)).map(|r| r.name);
        let refusal = Refusal::new(format!("no blob type is called \"{name}\""));
        Err(match near {
            Some(near) => refusal.hint(format!("\"{near}\" is (the names are case-sensitive)")),
            None => refusal.hint("`cngtoken blob-types` lists them; without --type the content decides"),
        })
    }

    /// Refuses content of another kind than the one asked for.
    pub(super) fn check(&self, content: &Content) -> Result<(), Refusal> {
        let Some(name) = self.type_name.as_deref() else { return Ok(()) };
        if let Some((_, kinds)) = CONTAINERS.iter().find(|(c, _)| c.eq_ignore_ascii_case(name)) {
            return if kinds.contains(&content.kind()) { Ok(()) } else { Err(other(name, content)) };
        }
        let Some(row) = cngtoken_blob::row(name) else { return Ok(()) };
        match content {
            // Same half: whether magic and type go together is the token's to judge, with offset and reason.
            Content::Blob(blob) if blob.half == row.half => Ok(()),
            Content::Blob(blob) => {
                let (asked, has) = (half_name(row.half), half_name(blob.half));
                Err(Refusal::new(format!("{} was asked for, a {asked} key; the file holds {}, a {has} key", row.name, blob.row.name)))
            }
            Content::Key(key) if key.kind == row.name => Ok(()),
            Content::Locked(locked) if locked.kind() == row.name => Ok(()),
            Content::Certificate(_) => {
                Err(Refusal::new(format!("{} was asked for; the file holds a certificate, which has a public key and no private key", row.name))
                    .hint("without --type it is imported as a certificate"))
            }
            Content::Key(_) | Content::Bundle(_) | Content::Locked(_) => Err(other(row.name, content)),
        }
    }
}

impl Wanted {
    /// The same for what came out of an encrypted container: the container itself was checked before.
    pub(super) fn check_opened(&self, content: &Content) -> Result<(), Refusal> {
        match content {
            Content::Blob(_) | Content::Certificate(_) => self.check(content),
            Content::Key(_) | Content::Bundle(_) | Content::Locked(_) => Ok(()),
        }
    }
}

fn other(asked: &str, content: &Content) -> Refusal {
    Refusal::new(format!("{asked} was asked for; the file holds {}", content.kind())).hint("without --type the content decides")
}

fn half_name(half: Half) -> &'static str {
    match half {
        Half::Public => "public",
        Half::Private => "private",
    }
}

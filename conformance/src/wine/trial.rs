//! One key against both judges: blobs from Wine to the token and from the token to Wine, and the key used across.

use std::ops::Range;

use super::judge::{Pair, Token, Windows, WineKey, Word, hex};
use super::tally::Tally;
use crate::Failure;

/// What every signature is of.
pub(crate) const MESSAGE: &[u8] = b"made on one side, checked on the other";

const CKM_RSA_PKCS: &str = "0x1";
const CKM_DSA: &str = "0x11";
const CKM_SHA256_RSA_PKCS: &str = "0x40";
const CKM_SHA256_RSA_PKCS_PSS: &str = "0x43";
const CKM_ECDSA: &str = "0x1041";
pub(crate) const CKM_SHA_1: u32 = 0x220;
pub(crate) const CKM_SHA256: u32 = 0x250;
/// What C_ExportBCryptBlob answers where a type does not fit the key: DSA of 2,048 bits has no version 1, for example.
const CKR_KEY_TYPE_INCONSISTENT: u32 = 0x63;
const CKR_KEY_FUNCTION_NOT_PERMITTED: u32 = 0x68;

pub(crate) const WE_READ: &str = "we read Wine's";
pub(crate) const WE_WRITE: &str = "we write the same bytes";
const WE_CONVERT: &str = "we write what Wine writes, from another type";
const WINE_WRITES: &str = "Wine writes it";
pub(crate) const WINE_READS: &str = "Wine reads ours";
pub(crate) const WINE_REWRITES: &str = "Wine writes the same bytes";
pub(crate) const WE_VERIFY: &str = "we verify Wine's signature";
pub(crate) const WINE_SIGNS: &str = "Wine signs";
pub(crate) const WINE_VERIFIES: &str = "Wine verifies our signature";
const WINE_DECRYPTS: &str = "Wine decrypts ours";
const WE_DECRYPT: &str = "we decrypt Wine's";
const SAME_KEY: &str = "Wine's other bytes are this key";
const AGREE: &str = "both derive one secret";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    RsaSign,
    Ecdsa,
    Ecdh,
    Dsa,
    Dh,
}

/// A key with a name for the report, and what BCrypt calls its algorithm.
pub(crate) struct Subject {
    pub(crate) name: String,
    alg: String,
    family: Family,
}

impl Subject {
    pub(crate) fn new(name: &str, alg: &str) -> Result<Self, Failure> {
        let family = match alg {
            "RSA" => Family::Rsa,
            "RSA_SIGN" => Family::RsaSign,
            "DSA" => Family::Dsa,
            "DH" => Family::Dh,
            alg if alg.starts_with("ECDSA") => Family::Ecdsa,
            alg if alg.starts_with("ECDH") => Family::Ecdh,
            other => return Err(format!("{name}: no trial for {other}").into()),
        };
        Ok(Self { name: name.to_owned(), alg: alg.to_owned(), family })
    }

    /// Every type that a key of this family can be written as.
    pub(crate) fn types(&self) -> &'static [&'static str] {
        match self.family {
            Family::Rsa | Family::RsaSign => {
                &["RSAPUBLICBLOB", "RSAPRIVATEBLOB", "RSAFULLPRIVATEBLOB", "CAPIPUBLICBLOB", "CAPIPRIVATEBLOB", "PUBLICBLOB", "PRIVATEBLOB"]
            }
            Family::Ecdsa | Family::Ecdh => {
                &["ECCPUBLICBLOB", "ECCPRIVATEBLOB", "ECCFULLPUBLICBLOB", "ECCFULLPRIVATEBLOB", "PUBLICBLOB", "PRIVATEBLOB"]
            }
            Family::Dsa => &[
                "DSAPUBLICBLOB",
                "DSAPRIVATEBLOB",
                "CAPIDSAPUBLICBLOB",
                "CAPIDSAPRIVATEBLOB",
                "V2CAPIDSAPUBLICBLOB",
                "V2CAPIDSAPRIVATEBLOB",
                "PUBLICBLOB",
                "PRIVATEBLOB",
            ],
            Family::Dh => &["DHPUBLICBLOB", "DHPRIVATEBLOB", "CAPIDHPUBLICBLOB", "CAPIDHPRIVATEBLOB", "PUBLICBLOB", "PRIVATEBLOB"],
        }
    }
}

/// The judges and the score.
pub(crate) struct Trial<'t, 'w, 'd> {
    pub(crate) windows: &'t mut Windows<'w>,
    pub(crate) token: &'t mut Token,
    pub(crate) tally: &'t mut Tally<'d>,
}

fn is_private(type_name: &str) -> bool {
    !type_name.contains("PUBLIC")
}

/// The same bytes, or how many differ from where on.
pub(crate) fn same(ours: &[u8], theirs: &[u8]) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    let at = ours.iter().zip(theirs).position(|(a, b)| a != b).unwrap_or(ours.len().min(theirs.len()));
    Err(format!("different from offset {at} on: {} and {} bytes", ours.len(), theirs.len()))
}

fn rv(status: u32) -> String {
    format!("CK_RV 0x{status:x}")
}

/// The part of a blob that Wine makes anew or leaves out, as the name of a check and a range.
fn not_kept(type_name: &str, blob: &[u8]) -> Option<(&'static str, Range<usize>)> {
    let seed = "Wine writes the same seed";
    match type_name {
        "RSAFULLPRIVATEBLOB" => {
            let modulus = blob.get(12..16)?.try_into().ok().map(u32::from_le_bytes)?;
            let start = blob.len().checked_sub(usize::try_from(modulus).ok()?)?;
            Some(("Wine writes the same d", start..blob.len()))
        }
        "DSAPUBLICBLOB" => Some((seed, 8..32)),
        "V2CAPIDSAPUBLICBLOB" | "dssenh PUBLICKEYBLOB" => Some((seed, blob.len().checked_sub(24)?..blob.len())),
        _ => None,
    }
}

impl Trial<'_, '_, '_> {
    /// A key that Wine made: every type that Wine writes is read, written again and used. Gives what the token holds of it in the end.
    pub(crate) fn take_from_wine(&mut self, subject: &Subject, wine: WineKey) -> Result<Option<Pair>, Failure> {
        let mut whole = None;
        let mut seen: Vec<(&str, Vec<u8>, Pair)> = Vec::new();
        for type_name in subject.types().iter().copied() {
            let blob = match self.windows.ask(&[Word::Text("export"), Word::Key(wine), Word::Text(type_name)])?.bytes() {
                Ok(blob) => blob,
                Err(status) => {
                    self.tally.refused(type_name, WINE_WRITES, &subject.name, status);
                    continue;
                }
            };
            let read = self.token.import(Some(&subject.alg), type_name, &blob)?;
            self.tally.check(type_name, WE_READ, &subject.name, read.as_ref().map(|_| ()).map_err(Clone::clone));
            let Ok(pair) = read else { continue };
            self.writes_the_same(type_name, &subject.name, pair, &blob)?;
            self.use_across(type_name, subject, wine, true, pair)?;
            if pair.private != 0 {
                whole = Some(pair);
            }
            seen.push((type_name, blob, pair));
        }
        // What the token computes, d of RSA for one, is what Wine has.
        for (from, _, pair) in seen.iter().filter(|(_, _, pair)| pair.private != 0) {
            for (type_name, blob, _) in seen.iter().filter(|(type_name, _, _)| type_name != from) {
                let ours = self.token.export(*pair, type_name)?.map_err(rv);
                self.tally.check(type_name, WE_CONVERT, &subject.name, ours.and_then(|ours| same(&ours, blob)));
            }
        }
        Ok(whole)
    }

    /// The token writes a blob that was read as it was.
    pub(crate) fn writes_the_same(&mut self, type_name: &str, name: &str, pair: Pair, blob: &[u8]) -> Result<(), Failure> {
        let back = self.token.export(pair, type_name)?.map_err(rv);
        self.tally.check(type_name, WE_WRITE, name, back.and_then(|back| same(&back, blob)));
        Ok(())
    }

    /// A key that the token holds: written as each type, read by Wine, written by Wine and used there.
    pub(crate) fn give_to_wine(&mut self, subject: &Subject, pair: Pair, types: &[&str]) -> Result<(), Failure> {
        for type_name in types.iter().copied().filter(|name| pair.private != 0 || !is_private(name)) {
            let blob = match self.token.export(pair, type_name)? {
                Ok(blob) => blob,
                Err(CKR_KEY_TYPE_INCONSISTENT) => continue,
                Err(status) => {
                    self.tally.check(type_name, WE_WRITE, &subject.name, Err(rv(status)));
                    continue;
                }
            };
            let words = [Word::Text("import"), Word::Text(&subject.alg), Word::Text(type_name), Word::Bytes(&blob)];
            let wine = match self.windows.key(&words)? {
                Ok(wine) => wine,
                Err(status) => {
                    self.tally.refused(type_name, WINE_READS, &subject.name, status);
                    continue;
                }
            };
            self.tally.check(type_name, WINE_READS, &subject.name, Ok(()));
            self.use_across(type_name, subject, wine, is_private(type_name), pair)?;
            if subject.family == Family::Rsa && is_private(type_name) {
                self.pss(type_name, subject, wine, pair)?;
            }
            match self.windows.ask(&[Word::Text("export"), Word::Key(wine), Word::Text(type_name)])?.bytes() {
                Ok(back) => {
                    self.rewritten(type_name, &subject.name, &blob, &back);
                    if blob != back {
                        self.same_key(type_name, subject, pair, &back)?;
                    }
                }
                Err(status) => self.tally.refused(type_name, WINE_REWRITES, &subject.name, status),
            }
        }
        Ok(())
    }

    /// What Wine wrote of our blob: the same bytes, with the part that Wine does not keep as a check of its own.
    pub(crate) fn rewritten(&mut self, type_name: &str, name: &str, blob: &[u8], back: &[u8]) {
        let Some((part, range)) = not_kept(type_name, blob).filter(|_| blob.len() == back.len()) else {
            self.tally.check(type_name, WINE_REWRITES, name, same(blob, back));
            return;
        };
        let without = |bytes: &[u8]| [bytes.get(..range.start), bytes.get(range.end..)].map(|part| part.unwrap_or_default().to_vec()).concat();
        self.tally.check(type_name, WINE_REWRITES, name, same(&without(blob), &without(back)));
        let within = |bytes: &[u8]| bytes.get(range.clone()).unwrap_or_default().to_vec();
        self.tally.check(type_name, part, name, same(&within(blob), &within(back)));
    }

    /// Other bytes that Wine wrote of a key are still this key: what one signs, the other's public half verifies.
    fn same_key(&mut self, type_name: &str, subject: &Subject, pair: Pair, blob: &[u8]) -> Result<(), Failure> {
        let (mechanism, data) = match subject.family {
            Family::Rsa | Family::RsaSign => (CKM_SHA256_RSA_PKCS, hex(MESSAGE)),
            Family::Dsa => (CKM_DSA, hex(&self.token.digest(CKM_SHA_1, MESSAGE)?)),
            Family::Ecdsa | Family::Ecdh | Family::Dh => return Ok(()),
        };
        let verdict = match self.token.import(Some(&subject.alg), type_name, blob)? {
            Err(why) => Err(why),
            Ok(other) => {
                let (private, public) = if other.private == 0 { (pair.private, other.public) } else { (other.private, pair.public) };
                if private == 0 {
                    return Ok(());
                }
                let signature = self.token.ask(&["sign", &private.to_string(), mechanism, "-", &data])?.bytes();
                match signature {
                    Ok(s) => self.token.ask(&["verify", &public.to_string(), mechanism, "-", &data, &hex(&s)])?.done().map_err(rv),
                    Err(status) => Err(rv(status)),
                }
            }
        };
        self.tally.check(type_name, SAME_KEY, &subject.name, verdict);
        Ok(())
    }

    /// What a key is for, made on one side and checked on the other. `whole`: Wine has the private half.
    fn use_across(&mut self, type_name: &str, subject: &Subject, wine: WineKey, whole: bool, pair: Pair) -> Result<(), Failure> {
        match subject.family {
            Family::Rsa | Family::RsaSign => {
                let digest = self.token.digest(CKM_SHA256, MESSAGE)?;
                self.sign_across(type_name, subject, (wine, whole, pair), ("pkcs1", "SHA256", &digest), (CKM_SHA256_RSA_PKCS, &[], MESSAGE))?;
                if subject.family == Family::Rsa {
                    self.decrypt_across(type_name, subject, wine, whole, pair)?;
                }
                Ok(())
            }
            Family::Ecdsa => {
                let digest = self.token.digest(CKM_SHA256, MESSAGE)?;
                self.sign_across(type_name, subject, (wine, whole, pair), ("none", "-", &digest), (CKM_ECDSA, &[], &digest))
            }
            Family::Dsa => {
                let digest = self.token.digest(CKM_SHA_1, MESSAGE)?;
                self.sign_across(type_name, subject, (wine, whole, pair), ("none", "SHA1", &digest), (CKM_DSA, &[], &digest))
            }
            Family::Ecdh | Family::Dh if whole && pair.private != 0 => self.agree(type_name, subject, wine, pair),
            Family::Ecdh | Family::Dh => Ok(()),
        }
    }

    /// `theirs`: padding, hash and digest as BCrypt takes them; `ours`: mechanism, parameter and data as PKCS#11 does.
    fn sign_across(
        &mut self,
        type_name: &str,
        subject: &Subject,
        (wine, whole, pair): (WineKey, bool, Pair),
        (padding, hash, digest): (&str, &str, &[u8]),
        (mechanism, parameter, data): (&str, &[u8], &[u8]),
    ) -> Result<(), Failure> {
        let (public, private) = (pair.public.to_string(), pair.private.to_string());
        let (parameter, data) = (hex(parameter), hex(data));
        let theirs = [Word::Text(padding), Word::Text(hash), Word::Bytes(digest)];
        if whole {
            let [padding, hash, digest] = theirs;
            let words = [Word::Text("sign"), Word::Key(wine), padding, hash, digest];
            match self.windows.ask(&words)?.bytes() {
                Ok(signature) => {
                    let verified = self.token.ask(&["verify", &public, mechanism, &parameter, &data, &hex(&signature)])?.done();
                    self.tally.check(type_name, WE_VERIFY, &subject.name, verified.map_err(rv));
                }
                Err(status) => self.tally.refused(type_name, WINE_SIGNS, &subject.name, status),
            }
        }
        if pair.private != 0 {
            let signature = self.token.ask(&["sign", &private, mechanism, &parameter, &data])?.bytes();
            let signature = match signature {
                Ok(signature) => signature,
                Err(status) => {
                    self.tally.check(type_name, WINE_VERIFIES, &subject.name, Err(rv(status)));
                    return Ok(());
                }
            };
            let [padding, hash, digest] = theirs;
            let words = [Word::Text("verify"), Word::Key(wine), padding, hash, digest, Word::Bytes(&signature)];
            match self.windows.ask(&words)?.done() {
                Ok(()) => self.tally.check(type_name, WINE_VERIFIES, &subject.name, Ok(())),
                Err(status) => self.tally.refused(type_name, WINE_VERIFIES, &subject.name, status),
            }
        }
        Ok(())
    }

    /// RSA-PSS, last of all that is done with a key: GnuTLS below Wine keeps the padding that a key was first used with.
    fn pss(&mut self, type_name: &str, subject: &Subject, wine: WineKey, pair: Pair) -> Result<(), Failure> {
        let digest = self.token.digest(CKM_SHA256, MESSAGE)?;
        let parameter: Vec<u8> = [u64::from(CKM_SHA256), 2, 32].into_iter().flat_map(u64::to_ne_bytes).collect();
        let room = self.token.ask(&["sign", &pair.private.to_string(), CKM_SHA256_RSA_PKCS, "-", "-"])?.bytes().map_or(0, |s| s.len());
        if room < 66 {
            return Ok(()); // 32 bytes of hash, 32 of salt, and two more
        }
        let ours = (CKM_SHA256_RSA_PKCS_PSS, &parameter[..], MESSAGE);
        self.sign_across(type_name, subject, (wine, true, pair), ("pss", "SHA256", &digest), ours)
    }

    fn decrypt_across(&mut self, type_name: &str, subject: &Subject, wine: WineKey, whole: bool, pair: Pair) -> Result<(), Failure> {
        let secret = b"sixteen bytes ok";
        if whole {
            let text = self.token.ask(&["encrypt", &pair.public.to_string(), CKM_RSA_PKCS, "-", &hex(secret)])?.bytes();
            if text == Err(CKR_KEY_FUNCTION_NOT_PERMITTED) {
                return Ok(()); // CALG_RSA_SIGN makes a key for signatures only
            }
            let text = text.map_err(|status| format!("C_Encrypt: {}", rv(status)))?;
            match self.windows.ask(&[Word::Text("decrypt"), Word::Key(wine), Word::Bytes(&text)])?.bytes() {
                Ok(plain) => self.tally.check(type_name, WINE_DECRYPTS, &subject.name, same(secret, &plain)),
                Err(status) => self.tally.refused(type_name, WINE_DECRYPTS, &subject.name, status),
            }
        }
        if pair.private != 0 {
            match self.windows.ask(&[Word::Text("encrypt"), Word::Key(wine), Word::Bytes(secret)])?.bytes() {
                Ok(text) => {
                    let plain = self.token.ask(&["decrypt", &pair.private.to_string(), CKM_RSA_PKCS, "-", &hex(&text)])?.bytes();
                    if plain == Err(CKR_KEY_FUNCTION_NOT_PERMITTED) {
                        return Ok(());
                    }
                    self.tally.check(type_name, WE_DECRYPT, &subject.name, plain.map_err(rv).and_then(|plain| same(&plain, secret)));
                }
                Err(status) => self.tally.refused(type_name, WE_DECRYPT, &subject.name, status),
            }
        }
        Ok(())
    }

    /// Each side agrees with the key's own public half: the peer in the same group, and with its numbers known to both.
    fn agree(&mut self, type_name: &str, subject: &Subject, wine: WineKey, pair: Pair) -> Result<(), Failure> {
        let (command, public) = if subject.family == Family::Dh { ("dh", "DHPUBLICBLOB") } else { ("ecdh", "ECCPUBLICBLOB") };
        let blob = self.token.export(pair, public)?.map_err(|status| format!("{public}: {}", rv(status)))?;
        let Some((&[_, _, _, _, b0, b1, b2, b3], numbers)) = blob.split_first_chunk::<8>() else { return Err("a short public blob".into()) };
        let width = usize::try_from(u32::from_le_bytes([b0, b1, b2, b3]))?;
        let peer = match subject.family {
            Family::Dh => numbers.get(2 * width..).unwrap_or_default().to_vec(),
            _ => [&[4], numbers].concat(),
        };
        let ours = match self.token.ask(&[command, &pair.private.to_string(), &hex(&peer)])?.bytes() {
            Ok(secret) => secret,
            Err(status) => {
                self.tally.check(type_name, AGREE, &subject.name, Err(rv(status)));
                return Ok(());
            }
        };
        match self.windows.ask(&[Word::Text("agree"), Word::Key(wine), Word::Key(wine), Word::Text("HASH")])?.bytes() {
            Ok(theirs) => {
                let ours = self.token.digest(CKM_SHA256, &ours)?;
                self.tally.check(type_name, AGREE, &subject.name, same(&ours, &theirs));
            }
            Err(status) => self.tally.refused(type_name, AGREE, &subject.name, status),
        }
        Ok(())
    }
}

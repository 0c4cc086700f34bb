//! Keys that Wine makes: pairs of BCrypt, symmetric keys, and keys of the CryptoAPI providers.

use super::judge::{Pair, Token, Windows, WineKey, Word, hex};
use super::tally::Tally;
use super::trial::{MESSAGE, Subject, Trial, WE_READ, WE_VERIFY, WINE_READS, WINE_REWRITES, WINE_SIGNS, WINE_VERIFIES, same};
use crate::Failure;

/// What BCrypt is asked to make: algorithm and bits.
const PAIRS: [(&str, &str); 19] = [
    ("RSA", "512"),
    ("RSA", "1024"),
    ("RSA", "2048"),
    ("RSA", "3072"),
    ("RSA_SIGN", "2048"),
    ("ECDSA_P256", "256"),
    ("ECDSA_P384", "384"),
    ("ECDSA_P521", "521"),
    ("ECDH_P256", "256"),
    ("ECDH_P384", "384"),
    ("ECDH_P521", "521"),
    ("DSA", "512"),
    ("DSA", "1024"),
    ("DSA", "2048"),
    ("DH", "512"),
    ("DH", "1024"),
    ("DH", "2048"),
    ("ECDH", "255"),
    ("ECDSA", "256"),
];

/// Algorithms of which Wine may learn one day; today the question is answered by not having them.
const OTHERS: [(&str, &str); 3] = [("ML-KEM", "768"), ("ML-DSA", "65"), ("SLH-DSA", "128")];

/// PROV_RSA_AES and PROV_DSS_DH, with their names for the report.
pub(crate) const RSAENH: Provider = Provider { number: "24", name: "rsaenh" };
pub(crate) const DSSENH: Provider = Provider { number: "13", name: "dssenh" };

#[derive(Clone, Copy)]
pub(crate) struct Provider {
    number: &'static str,
    name: &'static str,
}

const CALG_AES_128: &str = "0x660e";
const CALG_3DES: &str = "0x6603";
const CKM_RSA_PKCS: &str = "0x1";
const CKM_SHA1_RSA_PKCS: &str = "0x6";
const CKM_DSA_SHA1: &str = "0x12";
const CKM_AES_ECB: &str = "0x1081";
/// The types of CryptoAPI's blobs, as CryptExportKey counts them.
const SIMPLEBLOB: u8 = 1;
const PUBLICKEYBLOB: u8 = 6;
const PRIVATEKEYBLOB: u8 = 7;
const PLAINTEXTKEYBLOB: u8 = 8;

/// Everything that Wine makes.
pub(crate) fn run(windows: &mut Windows<'_>, token: &mut Token, tally: &mut Tally<'_>) -> Result<(), Failure> {
    let mut trial = Trial { windows, token, tally };
    for (alg, bits) in PAIRS {
        let subject = Subject::new(&format!("Wine's {alg} of {bits} bits"), alg)?;
        match trial.windows.key(&[Word::Text("generate"), Word::Text(alg), Word::Text(bits)])? {
            Ok(key) => {
                if let Some(pair) = trial.take_from_wine(&subject, key)? {
                    trial.give_to_wine(&subject, pair, subject.types())?;
                }
            }
            Err(status) => trial.tally.refused(alg, "Wine makes a key", &subject.name, status),
        }
    }
    for (alg, bits) in OTHERS {
        match trial.windows.key(&[Word::Text("generate"), Word::Text(alg), Word::Text(bits)])? {
            Ok(_) => trial.tally.check(alg, "a trial of it", alg, Err("Wine makes such keys now: keys.rs has no trial of them".to_owned())),
            Err(status) => trial.tally.refused(alg, "Wine makes a key", alg, status),
        }
    }
    for len in [16, 24, 32] {
        trial.symmetric(len)?;
    }
    for (provider, alg_id, bits) in [
        (RSAENH, "0x2400", "1024"),
        (RSAENH, "0xa400", "512"),
        (RSAENH, "0xa400", "1024"),
        (RSAENH, "0xa400", "2048"),
        (DSSENH, "0x2200", "512"),
        (DSSENH, "0x2200", "1024"),
    ] {
        trial.crypto_api(provider, alg_id, bits)?;
    }
    for alg_id in [CALG_AES_128, CALG_3DES] {
        trial.session_key(alg_id)?;
    }
    Ok(())
}

impl Trial<'_, '_, '_> {
    /// KeyDataBlob: to the token, back to Wine, and one encryption on each side.
    fn symmetric(&mut self, len: u8) -> Result<(), Failure> {
        const TYPE: &str = "KeyDataBlob";
        let (name, secret): (String, Vec<u8>) = (format!("AES-{}", u32::from(len) * 8), (0..len).map(|i| i.wrapping_mul(37) ^ len).collect());
        let wine = match self.windows.key(&[Word::Text("secret"), Word::Text("AES"), Word::Bytes(&secret)])? {
            Ok(wine) => wine,
            Err(status) => {
                self.tally.refused(TYPE, "Wine makes a key", &name, status);
                return Ok(());
            }
        };
        let blob = match self.windows.ask(&[Word::Text("export"), Word::Key(wine), Word::Text(TYPE)])?.bytes() {
            Ok(blob) => blob,
            Err(status) => {
                self.tally.refused(TYPE, "Wine writes it", &name, status);
                return Ok(());
            }
        };
        let read = self.token.import(Some("AES"), TYPE, &blob)?;
        self.tally.check(TYPE, WE_READ, &name, read.as_ref().map(|_| ()).map_err(Clone::clone));
        let Ok(pair) = read else { return Ok(()) };
        self.writes_the_same(TYPE, &name, pair, &blob)?;
        let ours = self.token.ask(&["encrypt", &pair.private.to_string(), CKM_AES_ECB, "-", &hex(&[7; 32])])?.bytes();
        for (check, wine) in [
            ("both encrypt alike", Ok(wine)),
            (WINE_READS, self.windows.key(&[Word::Text("import-secret"), Word::Text("AES"), Word::Text(TYPE), Word::Bytes(&blob)])?),
        ] {
            let theirs = match wine {
                Ok(wine) => self.windows.ask(&[Word::Text("cipher"), Word::Key(wine), Word::Bytes(&[7; 32])])?.bytes(),
                Err(status) => Err(status),
            };
            match theirs {
                Ok(theirs) => self.tally.check(TYPE, check, &name, if ours == Ok(theirs) { Ok(()) } else { Err("different text".to_owned()) }),
                Err(status) => self.tally.refused(TYPE, check, &name, status),
            }
        }
        Ok(())
    }

    /// A pair of a CryptoAPI provider: both its blobs read, written again, read by Wine again and used.
    fn crypto_api(&mut self, provider: Provider, alg_id: &str, bits: &str) -> Result<(), Failure> {
        let name = format!("{} {alg_id} of {bits} bits", provider.name);
        let words = [Word::Text("capi-generate"), Word::Text(provider.number), Word::Text(alg_id), Word::Text(bits)];
        let wine = match self.windows.key(&words)? {
            Ok(wine) => wine,
            Err(status) => {
                self.tally.refused(provider.name, "Wine makes a key", &name, status);
                return Ok(());
            }
        };
        for kind in [PUBLICKEYBLOB, PRIVATEKEYBLOB] {
            let (type_name, row) = crypto_api_type(provider, kind);
            let blob = match self.windows.ask(&[Word::Text("capi-export"), Word::Key(wine), Word::Text(&kind.to_string())])?.bytes() {
                Ok(blob) => blob,
                Err(status) => {
                    self.tally.refused(&row, "Wine writes it", &name, status);
                    continue;
                }
            };
            let read = self.token.import(None, type_name, &blob)?;
            self.tally.check(&row, WE_READ, &name, read.as_ref().map(|_| ()).map_err(Clone::clone));
            let Ok(pair) = read else { continue };
            let back = self.token.export(pair, type_name)?.map_err(|status| format!("CK_RV 0x{status:x}"));
            self.tally.check(&row, "we write the same bytes", &name, back.and_then(|back| same(&back, &blob)));
            self.crypto_api_signatures(provider, &row, &name, wine, true, pair)?;
        }
        Ok(())
    }

    /// A CryptoAPI blob of the token's in CryptImportKey and out of CryptExportKey.
    pub(crate) fn give_to_crypto_api(&mut self, provider: Provider, name: &str, pair: Pair, kind: u8) -> Result<(), Failure> {
        let (type_name, row) = crypto_api_type(provider, kind);
        let Ok(blob) = self.token.export(pair, type_name)? else { return Ok(()) };
        let wine = match self.windows.key(&[Word::Text("capi-import"), Word::Text(provider.number), Word::Bytes(&blob)])? {
            Ok(wine) => wine,
            Err(status) => {
                self.tally.refused(&row, WINE_READS, name, status);
                return Ok(());
            }
        };
        self.tally.check(&row, WINE_READS, name, Ok(()));
        match self.windows.ask(&[Word::Text("capi-export"), Word::Key(wine), Word::Text(&kind.to_string())])?.bytes() {
            Ok(back) => self.rewritten(&row, name, &blob, &back),
            Err(status) => self.tally.refused(&row, WINE_REWRITES, name, status),
        }
        self.crypto_api_signatures(provider, &row, name, wine, kind == PRIVATEKEYBLOB, pair)
    }

    /// CryptoAPI's signatures have their bytes in the other order; those of DSS are two numbers.
    fn crypto_api_signatures(&mut self, provider: Provider, row: &str, name: &str, wine: WineKey, whole: bool, pair: Pair) -> Result<(), Failure> {
        let dss = provider.name == DSSENH.name;
        let mechanism = if dss { CKM_DSA_SHA1 } else { CKM_SHA1_RSA_PKCS };
        let turned = |signature: &[u8]| -> Vec<u8> {
            let part = if dss { 20 } else { signature.len().max(1) };
            signature.chunks(part).flat_map(|number| number.iter().rev().copied()).collect()
        };
        if whole {
            match self.windows.ask(&[Word::Text("capi-sign"), Word::Key(wine), Word::Bytes(MESSAGE)])?.bytes() {
                Ok(signature) => {
                    let words = ["verify", &pair.public.to_string(), mechanism, "-", &hex(MESSAGE), &hex(&turned(&signature))];
                    let verified = self.token.ask(&words)?.done();
                    self.tally.check(row, WE_VERIFY, name, verified.map_err(|status| format!("CK_RV 0x{status:x}")));
                }
                Err(status) => self.tally.refused(row, WINE_SIGNS, name, status),
            }
        }
        if pair.private != 0 {
            match self.token.ask(&["sign", &pair.private.to_string(), mechanism, "-", &hex(MESSAGE)])?.bytes() {
                Ok(signature) => {
                    let words = [Word::Text("capi-verify"), Word::Key(wine), Word::Bytes(MESSAGE), Word::Bytes(&turned(&signature))];
                    match self.windows.ask(&words)?.done() {
                        Ok(()) => self.tally.check(row, WINE_VERIFIES, name, Ok(())),
                        Err(status) => self.tally.refused(row, WINE_VERIFIES, name, status),
                    }
                }
                Err(status) => self.tally.check(row, WINE_VERIFIES, name, Err(format!("CK_RV 0x{status:x}"))),
            }
        }
        Ok(())
    }

    /// A session key in a SIMPLEBLOB and in a PLAINTEXTKEYBLOB: both are refused by name, and what is inside the first is decrypted.
    fn session_key(&mut self, alg_id: &str) -> Result<(), Failure> {
        let name = format!("session key {alg_id}");
        let pair = self.windows.key(&[Word::Text("capi-generate"), Word::Text(RSAENH.number), Word::Text("0xa400"), Word::Text("1024")])?;
        let Ok(recipient) = pair else { return Ok(()) };
        let session = self.windows.key(&[Word::Text("capi-generate"), Word::Text(RSAENH.number), Word::Text(alg_id), Word::Text("0")])?;
        let session = match session {
            Ok(session) => session,
            Err(status) => {
                self.tally.refused("SIMPLEBLOB", "Wine makes a key", &name, status);
                return Ok(());
            }
        };
        let mut export = |key, kind: u8, under: Option<WineKey>| {
            let kind = kind.to_string();
            let words = [Word::Text("capi-export"), Word::Key(key), Word::Text(&kind), under.map_or(Word::Text(""), Word::Key)];
            self.windows.ask(&words).map(|answer| answer.bytes())
        };
        let private = export(recipient, PRIVATEKEYBLOB, None)?;
        let wrapped = export(session, SIMPLEBLOB, Some(recipient))?;
        let plain = export(session, PLAINTEXTKEYBLOB, None)?;
        let (Ok(private), Ok(wrapped), Ok(plain)) = (private, wrapped, plain) else {
            self.tally.check("SIMPLEBLOB", "Wine writes it", &name, Err("rsaenh does not export its session key".to_owned()));
            return Ok(());
        };
        for (row, blob) in [("SIMPLEBLOB", &wrapped), ("PLAINTEXTKEYBLOB", &plain)] {
            let verdict = match self.token.import(None, "-", blob)? {
                Err(reason) if reason.contains(row) => Ok(()),
                Err(reason) => Err(reason),
                Ok(_) => Err("it was taken".to_owned()),
            };
            self.tally.check(row, "we refuse it by name", &name, verdict);
        }
        let Ok(recipient) = self.token.import(None, "CAPIPRIVATEBLOB", &private)? else { return Ok(()) };
        // BLOBHEADER, the algorithm of the wrapping key, then the text with its bytes in the other order.
        let text: Vec<u8> = wrapped.get(12..).unwrap_or_default().iter().rev().copied().collect();
        let opened = self.token.ask(&["decrypt", &recipient.private.to_string(), CKM_RSA_PKCS, "-", &hex(&text)])?.bytes();
        let opened = opened.map_err(|status| format!("CK_RV 0x{status:x}"));
        let key = plain.get(12..).unwrap_or_default();
        self.tally.check("SIMPLEBLOB", "we decrypt its key", &name, opened.and_then(|opened| same(&opened, key)));
        Ok(())
    }
}

/// The type's name here, and in the report.
fn crypto_api_type(provider: Provider, kind: u8) -> (&'static str, String) {
    let private = kind == PRIVATEKEYBLOB;
    let type_name = match (provider.name == DSSENH.name, private) {
        (false, false) => "CAPIPUBLICBLOB",
        (false, true) => "CAPIPRIVATEBLOB",
        (true, false) => "V2CAPIDSAPUBLICBLOB",
        (true, true) => "V2CAPIDSAPRIVATEBLOB",
    };
    (type_name, format!("{} {}", provider.name, if private { "PRIVATEKEYBLOB" } else { "PUBLICKEYBLOB" }))
}

/// Both kinds of a pair's blobs.
pub(crate) const KINDS: [u8; 2] = [PUBLICKEYBLOB, PRIVATEKEYBLOB];

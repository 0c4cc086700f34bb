//! PKCS#12 (PFX): the password is checked by the MAC, then keys and certificates are taken out of their bags.
//!
//! Keys and certificates are not paired here: the local key identifiers in the file are hints that writers get wrong; the importer
//! pairs by public key. Structures by the pkcs12 and cms crates, encryption by `pbe`. Source: RFC 7292.

use super::der::{OpenError, elements, inner_pkcs8};
use super::{Bundle, Certificate, Content, Key, Refusal, ber, certificate};
use cngtoken_crypto::pbe::{self, Budget};
use cngtoken_key::Half;
use der::asn1::{AnyRef, BmpString, ContextSpecific, ObjectIdentifier, OctetString};
use der::{Decode, Encode};
use hmac::digest::{Digest, FixedOutputReset, block_api::BlockSizeUser};
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use pkcs12::cms::content_info::ContentInfo;
use pkcs12::cms::encrypted_data::EncryptedData;
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use pkcs12::{MacData, Pfx, SafeBag};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const FRIENDLY_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.20");
/// Bags may hold bags; nobody nests them deeper.
const MAX_DEPTH: usize = 4;

/// Opens the file.
pub(super) fn open(der: &[u8], password: &str, budget: &mut Budget) -> Result<Content, OpenError> {
    let pfx = Pfx::from_der(der).map_err(damaged)?;
    if pfx.auth_safe.content_type != DATA {
        return Err(refused("it is signed with a certificate instead of a password, which is not supported"));
    }
    let content: OctetString = pfx.auth_safe.content.decode_as().map_err(damaged)?;
    if let Some(mac) = &pfx.mac_data {
        check_mac(mac, content.as_bytes(), password, budget)?;
    }
    let safes = Vec::<ContentInfo>::from_der(&ber::as_der(content.as_bytes())).map_err(damaged)?;
    let mut opened = Opened { password, budget, keys: Vec::new(), certificates: Vec::new() };
    for safe in &safes {
        opened.safe(safe)?;
    }
    if opened.keys.is_empty() && opened.certificates.is_empty() {
        return Err(refused("it holds neither a key nor a certificate"));
    }
    Ok(Content::Bundle(Bundle { kind: "PKCS12", keys: opened.keys, certificates: opened.certificates }))
}

fn damaged(e: der::Error) -> OpenError {
    OpenError::Refused(Refusal::new(format!("PKCS#12: the file is damaged: {e}")))
}

fn refused(why: &str) -> OpenError {
    OpenError::Refused(Refusal::new(format!("PKCS#12: {why}")))
}

fn check_mac(mac: &MacData, content: &[u8], password: &str, budget: &mut Budget) -> Result<(), OpenError> {
    let unknown = |e: pbe::PbeError| match e {
        pbe::PbeError::Unknown(why) => refused(&why),
        pbe::PbeError::WrongPassword => OpenError::WrongPassword,
    };
    let mut spellings = vec![pbe::bmp(password)];
    if password.is_empty() {
        spellings.push(Zeroizing::default());
    }
    let oid = mac.mac.algorithm.oid.to_string();
    for spelling in spellings {
        budget.spend(u32::try_from(mac.iterations).unwrap_or(0), pbe::PKCS12_CALLS).map_err(unknown)?;
        let fits = match oid.as_str() {
            "1.3.14.3.2.26" => fits::<Sha1>(mac, content, &spelling),
            "2.16.840.1.101.3.4.2.4" => fits::<Sha224>(mac, content, &spelling),
            "2.16.840.1.101.3.4.2.1" => fits::<Sha256>(mac, content, &spelling),
            "2.16.840.1.101.3.4.2.2" => fits::<Sha384>(mac, content, &spelling),
            "2.16.840.1.101.3.4.2.3" => fits::<Sha512>(mac, content, &spelling),
            _ => return Err(refused(&format!("the integrity check {oid} is not known"))),
        };
        if fits {
            return Ok(());
        }
    }
    Err(OpenError::WrongPassword)
}

fn fits<D>(mac: &MacData, content: &[u8], password: &[u8]) -> bool
where
    D: EagerHash + Digest + FixedOutputReset + BlockSizeUser,
{
    let len = <D as Digest>::output_size();
    let key = Zeroizing::new(derive_key::<D>(password, mac.mac_salt.as_bytes(), Pkcs12KeyType::Mac, mac.iterations, len));
    let Ok(hmac) = <Hmac<D> as KeyInit>::new_from_slice(&key) else { return false };
    hmac.chain_update(content).verify_slice(mac.mac.digest.as_bytes()).is_ok()
}

struct Opened<'a> {
    password: &'a str,
    budget: &'a mut Budget,
    keys: Vec<Key>,
    certificates: Vec<Certificate>,
}

impl Opened<'_> {
    fn safe(&mut self, info: &ContentInfo) -> Result<(), OpenError> {
        match info.content_type {
            DATA => {
                let content: OctetString = info.content.decode_as().map_err(damaged)?;
                self.bags(content.as_bytes(), 0)
            }
            ENCRYPTED_DATA => {
                let data: EncryptedData = info.content.decode_as().map_err(damaged)?;
                let algorithm = data.enc_content_info.content_enc_alg.to_der().map_err(damaged)?;
                let cipher = data.enc_content_info.encrypted_content.as_ref().map(OctetString::as_bytes).unwrap_or_default();
                let plain = self.decrypt(&algorithm, cipher)?;
                self.bags(&plain, 0)
            }
            other => Err(refused(&format!("a part is protected by {other} (a public key?), not by a password: not supported"))),
        }
    }

    fn decrypt(&mut self, algorithm: &[u8], cipher: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        pbe::decrypt(algorithm, cipher, self.password, self.budget).map_err(|e| match e {
            pbe::PbeError::WrongPassword => OpenError::WrongPassword,
            pbe::PbeError::Unknown(why) => refused(&why),
        })
    }

    fn bags(&mut self, contents: &[u8], depth: usize) -> Result<(), OpenError> {
        if depth > MAX_DEPTH {
            return Err(refused("bags are nested too deeply"));
        }
        let contents = ber::as_der(contents);
        for element in elements(&contents).ok_or(OpenError::WrongPassword)? {
            let bag = SafeBag::from_der(&element.to_der().map_err(damaged)?).map_err(damaged)?;
            self.bag(&bag, depth)?;
        }
        Ok(())
    }

    fn bag(&mut self, bag: &SafeBag, depth: usize) -> Result<(), OpenError> {
        let explicit = ContextSpecific::<AnyRef<'_>>::from_der(&bag.bag_value).map_err(damaged)?;
        let value = Zeroizing::new(explicit.value.to_der().map_err(damaged)?);
        let label = friendly_name(bag);
        match bag.bag_id {
            pkcs12::PKCS_12_KEY_BAG_OID => self.key(&value, label),
            pkcs12::PKCS_12_PKCS8_KEY_BAG_OID => {
                let parts = elements(&value).unwrap_or_default();
                let [algorithm, data] = parts.as_slice() else { return Err(refused("a key bag is damaged")) };
                let plain = self.decrypt(&algorithm.to_der().map_err(damaged)?, data.value())?;
                self.key(&plain, label)
            }
            pkcs12::PKCS_12_CERT_BAG_OID => {
                let bag = pkcs12::CertBag::from_der(&value).map_err(damaged)?;
                if bag.cert_id == pkcs12::PKCS_12_X509_CERT_OID {
                    let mut certificate = certificate::parse(bag.cert_value.as_bytes()).map_err(OpenError::Refused)?;
                    certificate.label = label;
                    self.certificates.push(certificate);
                }
                Ok(())
            }
            pkcs12::PKCS_12_SAFE_CONTENTS_BAG_OID => self.bags(&value, depth.saturating_add(1)),
            // Revocation lists and secrets of other programs: nothing that becomes a key object.
            _ => Ok(()),
        }
    }

    fn key(&mut self, plain: &Zeroizing<Vec<u8>>, label: Option<String>) -> Result<(), OpenError> {
        let claim = inner_pkcs8(&ber::as_der(plain))?;
        debug_assert_eq!(claim.half(), Half::Private, "PKCS#8 holds private keys");
        self.keys.push(Key { kind: "PKCS12", claim, label, aes: false });
        Ok(())
    }
}

fn friendly_name(bag: &SafeBag) -> Option<String> {
    let attribute = bag.bag_attributes.as_ref()?.iter().find(|a| a.oid == FRIENDLY_NAME)?;
    let name: BmpString = attribute.values.iter().next()?.decode_as().ok()?;
    let text = name.to_string();
    (!text.is_empty()).then_some(text)
}

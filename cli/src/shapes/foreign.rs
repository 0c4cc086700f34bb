//! Things that people try and that hold no importable key: named, with what to do instead. Order matters in one case: a key store
//! file has a public blob in clear inside, and importing that would mislead its owner.

use super::{Content, Refusal, Wanted};

/// {DF9D8CD0-1501-11D1-8C7A-00C04FC297EB} as DPAPI writes it.
const DPAPI_PROVIDER: [u8; 16] = [0xD0, 0x8C, 0x9D, 0xDF, 0x01, 0x15, 0xD1, 0x11, 0x8C, 0x7A, 0x00, 0xC0, 0x4F, 0xC2, 0x97, 0xEB];

/// A file that Windows protected with DPAPI.
pub(super) fn protected(bytes: &[u8], _: &Wanted) -> Option<Result<Content, Refusal>> {
    let at = bytes.windows(DPAPI_PROVIDER.len()).take(1 << 16).position(|w| w == DPAPI_PROVIDER)?;
    let what = if at <= 4 { "a DPAPI-protected blob" } else { "a file of the Windows key store: its private key is DPAPI-protected" };
    Some(Err(Refusal::new(format!("{what} (provider GUID at offset {at}); it opens only on the machine and for the account that wrote it"))
        .hint("export the key there, with certutil -exportPFX or NCryptExportKey")))
}

/// The refusal for a blob type that is known and cannot be imported, whatever the file holds.
pub(super) fn refused_type(name: &str) -> Option<Refusal> {
    let row = cngtoken_blob::row(name).filter(|row| !row.supported())?;
    Some(Refusal::new(format!("{} is not supported: {}", row.name, row.about)))
}

/// Files of other programs, by their first bytes.
pub(super) fn recognise(bytes: &[u8], _: &Wanted) -> Option<Result<Content, Refusal>> {
    const STARTS: &[(&[u8], &str)] = &[
        (&[0xFE, 0xED, 0xFE, 0xED], "a Java key store (JKS); convert it with keytool -importkeystore -deststoretype PKCS12"),
        (&[0xCE, 0xCE, 0xCE, 0xCE], "a Java key store (JCEKS); convert it with keytool -importkeystore -deststoretype PKCS12"),
        (b"PK\x03\x04", "a ZIP archive; unpack it first"),
        (b"MZ", "a Windows program; `sn -Tp FILE` prints the public key of an assembly"),
        (b"\x7fELF", "a Linux program, no key"),
        (b"SQLite format 3\0", "an SQLite database, perhaps a token's store; keys are imported from files of keys"),
        (b"regf", "a registry hive; export the value with reg export"),
    ];
    let (_, what) = STARTS.iter().find(|(start, _)| bytes.starts_with(start))?;
    Some(Err(Refusal::new(format!("this is {what}"))))
}

/// Texts of other programs.
pub(super) fn text(text: &str) -> Option<Refusal> {
    const MARKS: &[(&str, &str)] = &[
        ("-----BEGIN PGP ", "an OpenPGP key or message: not supported"),
        ("-----BEGIN CERTIFICATE REQUEST", "a certificate request: it holds a public key and no private key; look for the key beside it"),
        ("-----BEGIN NEW CERTIFICATE REQUEST", "a certificate request: it holds a public key and no private key; look for the key beside it"),
        ("-----BEGIN X509 CRL", "a revocation list: it holds no key"),
        ("-----BEGIN SSH SIGNATURE", "an SSH signature: it holds no key"),
        ("---- BEGIN SSH2 PUBLIC KEY", "an SSH public key in RFC 4716 form; convert it with ssh-keygen -i -f FILE, then -e -m PKCS8"),
    ];
    let at = |mark: &str| text.find(mark);
    let (place, what) = MARKS.iter().find_map(|(mark, what)| at(mark).map(|p| (p, *what)))?;
    // A file with a key beside the request is read for its key.
    let key = text.contains("PRIVATE KEY-----") || text.contains("-----BEGIN CERTIFICATE-----");
    (!key).then(|| Refusal::new(format!("line {}: {what}", super::text::line_of(text, place))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dpapi_file_is_named_before_the_public_blob_inside_is_seen() {
        let mut file = b"\x01\0\0\0\0\0\0\0ECS1\x20\0\0\0".to_vec();
        file.extend_from_slice(&DPAPI_PROVIDER);
        assert!(protected(&file, &Wanted::default()).unwrap().unwrap_err().message.contains("DPAPI"));
    }

    #[test]
    fn a_blob_type_that_nobody_else_can_read_is_refused_by_its_name() {
        assert!(refused_type("OpaqueTransport").unwrap().message.contains("not supported"));
        assert!(refused_type("ECCPRIVATEBLOB").is_none());
    }
}

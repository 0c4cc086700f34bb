//! The table of blob types: one row per name, with the magics it may start with, what it is, and how to read and write it.
//! Import, export, sniffing, `inspect`, the README's table and the tests all come from it. Below it the magics that are known and hold
//! no key for this token, and the beginnings by which the family of an unknown magic is told.
//!
//! PKCS8_PRIVATEKEY has a row and no layout here: it is DER, and the token reads it with its own ASN.1.

use crate::table::{BlobRow, Codec, Place, RefusedMagic};
use crate::{capi_dh, capi_dss, capi_rsa, dh, dsa, ecc, ecc_full, key_data, pq, rsa, wrapped};
use cngtoken_key::{Family, Half};

/// What the rows have in common unless they say otherwise: a recognised and refused type.
const REFUSED_TYPE: BlobRow = BlobRow {
    name: "",
    symbol: "",
    aliases: &[],
    family: None,
    half: Half::Private,
    magics: &[],
    about: "",
    place: Place::Start,
    codec: Codec::Refused,
};
const CNG: BlobRow = REFUSED_TYPE;
const CAPI: BlobRow = BlobRow { place: Place::Capi, ..REFUSED_TYPE };

/// All rows.
pub static BLOBS: &[BlobRow] = &[
    BlobRow {
        name: "PUBLICBLOB",
        symbol: "BCRYPT_PUBLIC_KEY_BLOB",
        family: None,
        half: Half::Public,
        magics: &[],
        about: "any CNG public key; the magic decides",
        codec: Codec::ByMagic,
        ..CNG
    },
    BlobRow {
        name: "PRIVATEBLOB",
        symbol: "BCRYPT_PRIVATE_KEY_BLOB",
        family: None,
        half: Half::Private,
        magics: &[],
        about: "any CNG private key; the magic decides",
        codec: Codec::ByMagic,
        ..CNG
    },
    BlobRow {
        name: "RSAPUBLICBLOB",
        symbol: "BCRYPT_RSAPUBLIC_BLOB",
        family: Some(Family::Rsa),
        half: Half::Public,
        magics: &[rsa::PUBLIC],
        about: "RSA public key: e, n",
        codec: Codec::Layout { decode: rsa::decode, encode: rsa::encode },
        ..CNG
    },
    BlobRow {
        name: "RSAPRIVATEBLOB",
        symbol: "BCRYPT_RSAPRIVATE_BLOB",
        family: Some(Family::Rsa),
        half: Half::Private,
        magics: &[rsa::PRIVATE],
        about: "RSA private key: e, n, p, q",
        codec: Codec::Layout { decode: rsa::decode, encode: rsa::encode },
        ..CNG
    },
    BlobRow {
        name: "RSAFULLPRIVATEBLOB",
        symbol: "BCRYPT_RSAFULLPRIVATE_BLOB",
        family: Some(Family::Rsa),
        half: Half::Private,
        magics: &[rsa::FULL],
        about: "RSA private key with d and the CRT values",
        codec: Codec::Layout { decode: rsa::decode, encode: rsa::encode },
        ..CNG
    },
    BlobRow {
        name: "CAPIPUBLICBLOB",
        symbol: "LEGACY_RSAPUBLIC_BLOB",
        family: Some(Family::Rsa),
        half: Half::Public,
        magics: &[*b"RSA1"],
        about: "CryptoAPI RSA public key (PUBLICKEYBLOB)",
        codec: Codec::Layout { decode: capi_rsa::decode, encode: capi_rsa::encode },
        ..CAPI
    },
    BlobRow {
        name: "CAPIPRIVATEBLOB",
        symbol: "LEGACY_RSAPRIVATE_BLOB",
        family: Some(Family::Rsa),
        half: Half::Private,
        magics: &[*b"RSA2"],
        about: "CryptoAPI RSA private key (PRIVATEKEYBLOB)",
        codec: Codec::Layout { decode: capi_rsa::decode, encode: capi_rsa::encode },
        ..CAPI
    },
    BlobRow {
        name: "ECCPUBLICBLOB",
        symbol: "BCRYPT_ECCPUBLIC_BLOB",
        family: None,
        half: Half::Public,
        magics: &[*b"ECS1", *b"ECS3", *b"ECS5", *b"ECK1", *b"ECK3", *b"ECK5", *b"ECDP", *b"ECKP"],
        about: "elliptic-curve public key: X, Y",
        codec: Codec::Layout { decode: ecc::decode, encode: ecc::encode },
        ..CNG
    },
    BlobRow {
        name: "ECCPRIVATEBLOB",
        symbol: "BCRYPT_ECCPRIVATE_BLOB",
        family: None,
        half: Half::Private,
        magics: &[*b"ECS2", *b"ECS4", *b"ECS6", *b"ECK2", *b"ECK4", *b"ECK6", *b"ECDV", *b"ECKV"],
        about: "elliptic-curve private key: X, Y, d",
        codec: Codec::Layout { decode: ecc::decode, encode: ecc::encode },
        ..CNG
    },
    BlobRow {
        name: "ECCFULLPUBLICBLOB",
        symbol: "BCRYPT_ECCFULLPUBLIC_BLOB",
        family: Some(Family::Ec),
        half: Half::Public,
        magics: &[*b"ECDP", *b"ECKP"],
        about: "elliptic-curve public key with its curve spelled out",
        codec: Codec::Layout { decode: ecc_full::decode, encode: ecc_full::encode },
        ..CNG
    },
    BlobRow {
        name: "ECCFULLPRIVATEBLOB",
        symbol: "BCRYPT_ECCFULLPRIVATE_BLOB",
        family: Some(Family::Ec),
        half: Half::Private,
        magics: &[*b"ECDV", *b"ECKV"],
        about: "elliptic-curve private key with its curve spelled out",
        codec: Codec::Layout { decode: ecc_full::decode, encode: ecc_full::encode },
        ..CNG
    },
    BlobRow {
        name: "DHPUBLICBLOB",
        symbol: "BCRYPT_DH_PUBLIC_BLOB",
        family: Some(Family::Dh),
        half: Half::Public,
        magics: &[dh::PUBLIC],
        about: "Diffie-Hellman public key: p, g, y",
        codec: Codec::Layout { decode: dh::decode, encode: dh::encode },
        ..CNG
    },
    BlobRow {
        name: "DHPRIVATEBLOB",
        symbol: "BCRYPT_DH_PRIVATE_BLOB",
        family: Some(Family::Dh),
        half: Half::Private,
        magics: &[dh::PRIVATE],
        about: "Diffie-Hellman private key: p, g, y, x",
        codec: Codec::Layout { decode: dh::decode, encode: dh::encode },
        ..CNG
    },
    BlobRow {
        name: "CAPIDHPUBLICBLOB",
        symbol: "LEGACY_DH_PUBLIC_BLOB",
        family: Some(Family::Dh),
        half: Half::Public,
        magics: &[capi_dh::PUBLIC_V3, capi_dh::PUBLIC_V2],
        about: "CryptoAPI Diffie-Hellman public key, version 3 or 2",
        codec: Codec::Layout { decode: capi_dh::decode, encode: capi_dh::encode },
        ..CAPI
    },
    BlobRow {
        name: "CAPIDHPRIVATEBLOB",
        symbol: "LEGACY_DH_PRIVATE_BLOB",
        family: Some(Family::Dh),
        half: Half::Private,
        magics: &[capi_dh::PRIVATE_V3, capi_dh::PRIVATE_V2],
        about: "CryptoAPI Diffie-Hellman private key, version 3 or 2",
        codec: Codec::Layout { decode: capi_dh::decode, encode: capi_dh::encode },
        ..CAPI
    },
    BlobRow {
        name: "DSAPUBLICBLOB",
        symbol: "BCRYPT_DSA_PUBLIC_BLOB",
        family: Some(Family::Dsa),
        half: Half::Public,
        magics: &[dsa::PUBLIC_V1, dsa::PUBLIC_V2],
        about: "DSA public key, version 1 (up to 1024 bits) or 2",
        codec: Codec::Layout { decode: dsa::decode, encode: dsa::encode },
        ..CNG
    },
    BlobRow {
        name: "DSAPRIVATEBLOB",
        symbol: "BCRYPT_DSA_PRIVATE_BLOB",
        family: Some(Family::Dsa),
        half: Half::Private,
        magics: &[dsa::PRIVATE_V1, dsa::PRIVATE_V2],
        about: "DSA private key, version 1 (up to 1024 bits) or 2",
        codec: Codec::Layout { decode: dsa::decode, encode: dsa::encode },
        ..CNG
    },
    BlobRow {
        name: "CAPIDSAPUBLICBLOB",
        symbol: "LEGACY_DSA_PUBLIC_BLOB",
        family: Some(Family::Dsa),
        half: Half::Public,
        magics: &[capi_dss::PUBLIC_V3, capi_dss::PUBLIC_V2],
        about: "CryptoAPI DSS public key, version 3 (2 is read too)",
        codec: Codec::Layout { decode: capi_dss::decode, encode: capi_dss::encode },
        ..CAPI
    },
    BlobRow {
        name: "CAPIDSAPRIVATEBLOB",
        symbol: "LEGACY_DSA_PRIVATE_BLOB",
        family: Some(Family::Dsa),
        half: Half::Private,
        magics: &[capi_dss::PRIVATE_V3, capi_dss::PRIVATE_V2],
        about: "CryptoAPI DSS private key, version 3 (2 is read too)",
        codec: Codec::Layout { decode: capi_dss::decode, encode: capi_dss::encode },
        ..CAPI
    },
    BlobRow {
        name: "V2CAPIDSAPUBLICBLOB",
        symbol: "LEGACY_DSA_V2_PUBLIC_BLOB",
        family: Some(Family::Dsa),
        half: Half::Public,
        magics: &[capi_dss::PUBLIC_V2, capi_dss::PUBLIC_V3],
        about: "CryptoAPI DSS public key, version 2 (3 is read too)",
        codec: Codec::Layout { decode: capi_dss::decode, encode: capi_dss::encode },
        ..CAPI
    },
    BlobRow {
        name: "V2CAPIDSAPRIVATEBLOB",
        symbol: "LEGACY_DSA_V2_PRIVATE_BLOB",
        family: Some(Family::Dsa),
        half: Half::Private,
        magics: &[capi_dss::PRIVATE_V2, capi_dss::PRIVATE_V3],
        about: "CryptoAPI DSS private key, version 2 (3 is read too)",
        codec: Codec::Layout { decode: capi_dss::decode, encode: capi_dss::encode },
        ..CAPI
    },
    BlobRow {
        name: "MLKEMPUBLICBLOB",
        symbol: "BCRYPT_MLKEM_PUBLIC_BLOB",
        aliases: &["BCRYPT_MLKEM_ENCAPSULATION_BLOB"],
        family: Some(Family::MlKem),
        half: Half::Public,
        magics: &[*b"MLKP"],
        about: "ML-KEM encapsulation key",
        codec: Codec::Layout { decode: pq::decode_mlkem, encode: pq::encode_mlkem },
        ..CNG
    },
    BlobRow {
        name: "MLKEMPRIVATEBLOB",
        symbol: "BCRYPT_MLKEM_PRIVATE_BLOB",
        aliases: &["BCRYPT_MLKEM_DECAPSULATION_BLOB"],
        family: Some(Family::MlKem),
        half: Half::Private,
        magics: &[*b"MLKR"],
        about: "ML-KEM decapsulation key, expanded",
        codec: Codec::Layout { decode: pq::decode_mlkem, encode: pq::encode_mlkem },
        ..CNG
    },
    BlobRow {
        name: "MLKEMPRIVATESEEDBLOB",
        symbol: "BCRYPT_MLKEM_PRIVATE_SEED_BLOB",
        family: Some(Family::MlKem),
        half: Half::Private,
        magics: &[*b"MLKS"],
        about: "ML-KEM key as its 64-byte seed",
        codec: Codec::Layout { decode: pq::decode_mlkem, encode: pq::encode_mlkem },
        ..CNG
    },
    BlobRow {
        name: "PQDSAPUBLICBLOB",
        symbol: "BCRYPT_PQDSA_PUBLIC_BLOB",
        family: None,
        half: Half::Public,
        magics: &[*b"DSPK", *b"SHPK"],
        about: "ML-DSA or SLH-DSA public key",
        codec: Codec::Layout { decode: pq::decode_pqdsa, encode: pq::encode_pqdsa },
        ..CNG
    },
    BlobRow {
        name: "PQDSAPRIVATEBLOB",
        symbol: "BCRYPT_PQDSA_PRIVATE_BLOB",
        family: None,
        half: Half::Private,
        magics: &[*b"DSSK", *b"SHSK"],
        about: "ML-DSA or SLH-DSA private key, expanded",
        codec: Codec::Layout { decode: pq::decode_pqdsa, encode: pq::encode_pqdsa },
        ..CNG
    },
    BlobRow {
        name: "PQDSAPRIVATESEEDBLOB",
        symbol: "BCRYPT_PQDSA_PRIVATE_SEED_BLOB",
        family: Some(Family::MlDsa),
        half: Half::Private,
        magics: &[*b"DSSS"],
        about: "ML-DSA key as its 32-byte seed",
        codec: Codec::Layout { decode: pq::decode_pqdsa, encode: pq::encode_pqdsa },
        ..CNG
    },
    BlobRow {
        name: "PQPrivateKeyBlob",
        symbol: "NCRYPT_PQ_PRIVATE_KEY_BLOB",
        family: None,
        half: Half::Private,
        magics: &[wrapped::PQ],
        about: "NCrypt's wrapper around a post-quantum private blob",
        codec: Codec::Wrapper { decode: wrapped::decode_pq, encode: wrapped::encode_pq },
        ..CNG
    },
    BlobRow {
        name: "PVK",
        symbol: "PVK",
        family: None,
        half: Half::Private,
        magics: &[wrapped::PVK],
        about: "a PVK file: 24 bytes before a CryptoAPI private key; not encrypted",
        codec: Codec::Wrapper { decode: wrapped::decode_pvk, encode: wrapped::encode_pvk },
        ..CNG
    },
    BlobRow {
        name: "KeyDataBlob",
        symbol: "BCRYPT_KEY_DATA_BLOB",
        family: Some(Family::Secret),
        half: Half::Private,
        magics: &[key_data::KEY_DATA],
        about: "symmetric key; AES if the algorithm says so, else a generic secret",
        codec: Codec::Layout { decode: key_data::decode, encode: key_data::encode },
        ..CNG
    },
    BlobRow {
        name: "CipherKeyBlob",
        symbol: "NCRYPT_CIPHER_KEY_BLOB",
        family: Some(Family::Secret),
        half: Half::Private,
        magics: &[key_data::CIPHER],
        about: "NCrypt's wrapper around an AES KeyDataBlob",
        place: Place::NCrypt,
        codec: Codec::Wrapper { decode: key_data::decode_cipher, encode: key_data::encode_cipher },
        ..CNG
    },
    BlobRow {
        name: "PKCS8_PRIVATEKEY",
        symbol: "NCRYPT_PKCS8_PRIVATE_KEY_BLOB",
        family: None,
        half: Half::Private,
        magics: &[],
        about: "a PKCS#8 private key in DER, plain or encrypted under a password (CKA_CNG_PASSWORD)",
        codec: Codec::Der,
        ..CNG
    },
    BlobRow {
        name: "OpaqueKeyBlob",
        symbol: "BCRYPT_OPAQUE_KEY_BLOB",
        about: "a provider's own form of a symmetric key, which only that provider can read; export a KeyDataBlob instead",
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "Rfc3565KeyWrapBlob",
        symbol: "BCRYPT_AES_WRAP_KEY_BLOB",
        about: "a key wrapped with AES (RFC 3394); unwrap it with C_UnwrapKey and CKM_AES_KEY_WRAP",
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "PKCS11RsaAesWrapBlob",
        symbol: "BCRYPT_PKCS11_RSA_AES_WRAP_KEY_BLOB",
        magics: &[*b"RAPW"],
        about: "a key wrapped with RSA and AES; unwrap what follows its 16-byte header with C_UnwrapKey and CKM_RSA_AES_KEY_WRAP",
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "SSLECCPUBLICBLOB",
        symbol: "SSL_ECCPUBLIC_BLOB",
        about: "a TLS key-exchange message, not a key; import an ECCPUBLICBLOB instead",
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "OpaqueTransport",
        symbol: "NCRYPT_OPAQUETRANSPORT_BLOB",
        about: "a key storage provider's own form, which only that provider can read; export a BCRYPT blob or PKCS#8 instead",
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "ProtectedKeyBlob",
        symbol: "NCRYPT_PROTECTED_KEY_BLOB",
        magics: &[*b"PRTK"],
        about: "a key protected by the Windows data protection service, which can be opened on that machine only; export it there",
        place: Place::NCrypt,
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "KDFKeyBlob",
        symbol: "NCRYPT_KDF_KEY_BLOB",
        magics: &[*b"KDF1"],
        about: "input of a key derivation, not a key of its own; import the secret as a KeyDataBlob",
        place: Place::NCrypt,
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "PcpTpmProtectedKeyBlob",
        symbol: "NCRYPT_TPM_LOADABLE_KEY_BLOB",
        magics: &[*b"KPTM"],
        about: "a key sealed to one TPM, which never leaves it in clear; make a new key in the token",
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "PcpTpmPersistentKeyBlob",
        symbol: "NCRYPT_TPM_PERSISTENT_KEY_BLOB",
        about: "a handle of a key inside one TPM, not the key; make a new key in the token",
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "ISOLATED_KEY_ENVELOPE",
        symbol: "NCRYPT_ISOLATED_KEY_ENVELOPE_BLOB",
        about: "a key encrypted for an isolated (VBS) environment of one machine; export it there",
        ..REFUSED_TYPE
    },
    BlobRow {
        name: "PKCS7_ENVELOPE",
        symbol: "NCRYPT_PKCS7_ENVELOPE_BLOB",
        about: "a key in a PKCS#7 envelope; open the envelope with its recipient's key and import what is inside",
        ..REFUSED_TYPE
    },
];

/// Magics that hold no key for this token.
pub(crate) static REFUSED: &[RefusedMagic] = &[
    RefusedMagic {
        magic: *b"LMPK",
        symbol: "BCRYPT_LMS_PUBLIC_MAGIC",
        types: &["PQDSAPUBLICBLOB"],
        what: "an LMS public key, which the token cannot verify with; verify LMS signatures elsewhere",
    },
    RefusedMagic {
        magic: *b"XMPK",
        symbol: "BCRYPT_XMSS_PUBLIC_MAGIC",
        types: &["PQDSAPUBLICBLOB"],
        what: "an XMSS public key, which the token cannot verify with; verify XMSS signatures elsewhere",
    },
    RefusedMagic {
        magic: *b"CMPK",
        symbol: "BCRYPT_COMPOSITE_MLDSA_PUBLIC_MAGIC",
        types: &["PQDSAPUBLICBLOB"],
        what: "a composite key of two algorithms, which PKCS#11 has no key type for; use its parts by themselves",
    },
    RefusedMagic {
        magic: *b"CMSK",
        symbol: "BCRYPT_COMPOSITE_MLDSA_PRIVATE_MAGIC",
        types: &["PQDSAPRIVATEBLOB"],
        what: "a composite key of two algorithms, which PKCS#11 has no key type for; use its parts by themselves",
    },
    RefusedMagic {
        magic: *b"CMKP",
        symbol: "BCRYPT_COMPOSITE_MLKEM_PUBLIC_MAGIC",
        types: &["MLKEMPUBLICBLOB"],
        what: "a composite key of two algorithms, which PKCS#11 has no key type for; use its parts by themselves",
    },
    RefusedMagic {
        magic: *b"CMKR",
        symbol: "BCRYPT_COMPOSITE_MLKEM_PRIVATE_MAGIC",
        types: &["MLKEMPRIVATEBLOB"],
        what: "a composite key of two algorithms, which PKCS#11 has no key type for; use its parts by themselves",
    },
    RefusedMagic {
        magic: *b"CMKS",
        symbol: "BCRYPT_COMPOSITE_MLKEM_PRIVATE_IRTF_SEED_MAGIC",
        types: &["MLKEMPRIVATESEEDBLOB"],
        what: "a composite key of two algorithms, which PKCS#11 has no key type for; use its parts by themselves",
    },
    RefusedMagic {
        magic: *b"DHPM",
        symbol: "BCRYPT_DH_PARAMETERS_MAGIC",
        types: &[],
        what: "Diffie-Hellman parameters without a key (property DHParameters)",
    },
    RefusedMagic {
        magic: *b"DSPM",
        symbol: "BCRYPT_DSA_PARAMETERS_MAGIC",
        types: &[],
        what: "DSA parameters without a key (property DSAParameters)",
    },
    RefusedMagic {
        magic: *b"DPM2",
        symbol: "BCRYPT_DSA_PARAMETERS_MAGIC_V2",
        types: &[],
        what: "DSA parameters without a key (property DSAParameters)",
    },
    RefusedMagic {
        magic: *b"ECCP",
        symbol: "BCRYPT_ECC_PARAMETERS_MAGIC",
        types: &[],
        what: "curve parameters without a key (property ECCParameters)",
    },
];

/// What magics of a family begin with, to name the family of an unknown one.
pub(crate) static BEGINNINGS: &[(&[u8], &str)] = &[
    (b"RSA", "an RSA magic (RSA1, RSA2, RSA3)"),
    (b"ECS", "an ECDSA magic (ECS1 to ECS6)"),
    (b"ECK", "an ECDH magic (ECK1 to ECK6, ECKP, ECKV)"),
    (b"ECD", "a generic ECDSA magic (ECDP, ECDV)"),
    (b"DHP", "a DH magic (DHPB, DHPV)"),
    (b"DSP", "a DSA magic (DSPB, DSPV) or an ML-DSA one (DSPK)"),
    (b"DSS", "an ML-DSA magic (DSSK, DSSS) or a CryptoAPI DSS one"),
    (b"DPB", "a DSA version 2 magic (DPB2)"),
    (b"DPV", "a DSA version 2 magic (DPV2)"),
    (b"MLK", "an ML-KEM magic (MLKP, MLKR, MLKS)"),
    (b"SHP", "an SLH-DSA magic (SHPK)"),
    (b"SHS", "an SLH-DSA magic (SHSK)"),
    (b"KDB", "a symmetric key's magic (KDBM)"),
    (&[0x30, 0x81], "DER: a PKCS#8 key, whose blob type is PKCS8_PRIVATEKEY"),
    (&[0x30, 0x82], "DER: a PKCS#8 key, whose blob type is PKCS8_PRIVATEKEY"),
    (b"----", "PEM text: decode it first"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FaultClass, decode, row, sniff};

    #[test]
    fn names_and_symbols_are_unique_and_find_their_row() {
        for blob in BLOBS {
            for name in [blob.name, blob.symbol].iter().chain(blob.aliases) {
                assert_eq!(row(name).unwrap().name, blob.name);
            }
        }
        assert!(row("rsapublicblob").is_none());
        assert!(row("").is_none());
    }

    #[test]
    fn every_magic_at_the_start_is_sniffed_to_a_row_that_has_it() {
        for blob in BLOBS.iter().filter(|b| b.is_cng()) {
            for magic in blob.magics {
                assert!(sniff(magic).unwrap().magics.contains(magic), "{}", blob.name);
            }
        }
    }

    #[test]
    fn a_generic_ec_magic_goes_to_the_layout_that_its_second_field_says() {
        assert_eq!(sniff(b"ECKP\x01\0\0\0").unwrap().name, "ECCFULLPUBLICBLOB");
        assert_eq!(sniff(b"ECKP\x20\0\0\0").unwrap().name, "ECCPUBLICBLOB");
    }

    #[test]
    fn refused_types_say_why_whatever_the_bytes() {
        for blob in BLOBS.iter().filter(|b| !b.supported()) {
            let ctx = crate::Context { type_name: Some(blob.name), ..Default::default() };
            let error = decode(b"", &ctx).unwrap_err();
            assert_eq!(error.fault.class(), FaultClass::NotSupported);
            assert!((40..200).contains(&blob.about.len()), "{}", blob.name);
        }
    }

    #[test]
    fn refused_magics_are_no_rows_magic_and_name_real_types() {
        for refused in REFUSED {
            assert!(BLOBS.iter().all(|b| !b.magics.contains(&refused.magic)));
            assert!(refused.types.iter().all(|t| row(t).is_some()));
            assert_eq!(sniff(&refused.magic).unwrap_err().fault.class(), FaultClass::NotSupported);
        }
    }
}

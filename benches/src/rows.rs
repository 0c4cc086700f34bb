//! What is measured, and the bar of each row. The figures of the bars are those of docs/benchmarks.md.

use cryptoki_sys::*;

use crate::client::Oaep;
use crate::keys::Curve;

/// One operation, as plain data.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// PKCS#1 v1.5 with SHA-256 over 32 bytes.
    RsaSign {
        bits: u32,
    },
    /// PKCS#1 v1.5 over a DigestInfo that the caller made.
    RsaSignRaw {
        bits: u32,
    },
    RsaVerify {
        bits: u32,
    },
    OaepDecrypt {
        digest: Oaep,
    },
    /// Over a digest.
    EcdsaSign {
        curve: Curve,
    },
    EcdsaVerify {
        curve: Curve,
    },
    /// With the peer's raw point; the session object is destroyed again.
    Ecdh {
        curve: Curve,
    },
    /// 1 KiB with a new IV each time.
    Gcm,
    /// 16 bytes.
    Sha256,
    SessionInfo,
    OpenClose,
    /// 32 bytes.
    Random,
    /// By CKA_ID, another one each time.
    Find,
}

/// What ours must reach.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// At most so many times the bare library.
    TimesBare(f64),
    /// At most so many microseconds.
    Micros(f64),
    /// No bar of its own; the row is there for comparison.
    None,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    /// The mechanism that the token must list.
    pub(crate) mechanism: Option<CK_MECHANISM_TYPE>,
    pub(crate) bar: Bar,
}

const fn row(name: &'static str, work: Work, mechanism: CK_MECHANISM_TYPE, bar: Bar) -> Row {
    Row { name, work, mechanism: Some(mechanism), bar }
}

const fn call(name: &'static str, work: Work, bar: Bar) -> Row {
    Row { name, work, mechanism: None, bar }
}

/// Rows by CPU time in a store of about 25 objects.
pub(crate) const ROWS: &[Row] = &[
    row("RSA-2048 sign, SHA-256", Work::RsaSign { bits: 2048 }, CKM_SHA256_RSA_PKCS, Bar::TimesBare(1.05)),
    row("RSA-2048 sign, DigestInfo", Work::RsaSignRaw { bits: 2048 }, CKM_RSA_PKCS, Bar::TimesBare(1.05)),
    row("RSA-2048 verify", Work::RsaVerify { bits: 2048 }, CKM_SHA256_RSA_PKCS, Bar::TimesBare(1.2)),
    row("RSA-4096 sign, SHA-256", Work::RsaSign { bits: 4096 }, CKM_SHA256_RSA_PKCS, Bar::TimesBare(1.05)),
    row("RSA-2048 OAEP decrypt, SHA-1", Work::OaepDecrypt { digest: Oaep::Sha1 }, CKM_RSA_PKCS_OAEP, Bar::TimesBare(1.05)),
    row("RSA-2048 OAEP decrypt, SHA-256", Work::OaepDecrypt { digest: Oaep::Sha256 }, CKM_RSA_PKCS_OAEP, Bar::TimesBare(1.05)),
    row("ECDSA P-256 sign", Work::EcdsaSign { curve: Curve::P256 }, CKM_ECDSA, Bar::TimesBare(1.15)),
    row("ECDSA P-256 verify", Work::EcdsaVerify { curve: Curve::P256 }, CKM_ECDSA, Bar::TimesBare(1.1)),
    row("ECDSA P-384 sign", Work::EcdsaSign { curve: Curve::P384 }, CKM_ECDSA, Bar::TimesBare(1.1)),
    row("ECDSA P-384 verify", Work::EcdsaVerify { curve: Curve::P384 }, CKM_ECDSA, Bar::None),
    row("ECDH P-256 derive", Work::Ecdh { curve: Curve::P256 }, CKM_ECDH1_DERIVE, Bar::TimesBare(1.1)),
    row("AES-256-GCM 1 KiB", Work::Gcm, CKM_AES_GCM, Bar::Micros(1.0)),
    row("SHA-256 16 B", Work::Sha256, CKM_SHA256, Bar::Micros(0.3)),
    call("C_GetSessionInfo", Work::SessionInfo, Bar::Micros(0.07)),
    call("open + close session", Work::OpenClose, Bar::Micros(0.3)),
    call("C_GenerateRandom 32 B", Work::Random, Bar::Micros(0.2)),
];

/// By CPU time, at each store size.
pub(crate) const FIND: Row = call("C_FindObjects by CKA_ID", Work::Find, Bar::Micros(10.0));

/// Rows by throughput of one thread and of two; each must scale by `SCALING`.
pub(crate) const THREADED: &[Row] = &[
    FIND,
    call("open + close session", Work::OpenClose, Bar::None),
    row("AES-256-GCM 1 KiB", Work::Gcm, CKM_AES_GCM, Bar::None),
    row("ECDSA P-256 sign", Work::EcdsaSign { curve: Curve::P256 }, CKM_ECDSA, Bar::None),
];

/// What two threads must do together, beside one.
pub(crate) const SCALING: f64 = 1.9;
/// Cold start beside the PIN's derivation, milliseconds.
pub(crate) const COLD_MILLIS: f64 = 5.0;
/// Resident memory after a cold start, MiB.
pub(crate) const MEMORY_MIB: f64 = 15.0;
/// CPU of one RSA private key's import, microseconds.
pub(crate) const IMPORT_MICROS: f64 = 400.0;
/// Keys per second through `cngtoken import DIR`.
pub(crate) const BATCH_PER_SECOND: f64 = 20_000.0;

/// The row of that name.
pub(crate) fn named(name: &str) -> Option<&'static Row> {
    ROWS.iter().chain(THREADED).find(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for row in ROWS {
            assert_eq!(ROWS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
        assert!(named(FIND.name).is_some());
        assert!(named("no such row").is_none());
    }
}

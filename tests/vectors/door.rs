//! The doors by which a blob comes in through C, and what a refusal says.

use crate::client::vendor::{CKA_CNG_ALG_ID, CKA_CNG_BLOB, CKA_CNG_BLOB_TYPE, CKA_CNG_IMPORT_FLAGS, Import, STATUS_NOT_SUPPORTED};
use crate::client::{Attrs, Module, R, Rv};
use cryptoki_sys::*;
use std::fmt;

/// The families as the issues bring them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Rsa,
    Ec,
    EcFull,
    X25519,
    Dsa,
    Dh,
    MlKem,
    MlDsa,
    Secret,
    Other,
}

impl Family {
    pub(crate) fn of(blob_type: &str, blob: &[u8]) -> Self {
        let magic = |at: usize| blob.get(at..at + 4).unwrap_or_default();
        match blob_type {
            "KeyDataBlob" => Self::Secret,
            _ if blob_type.starts_with("RSA") || blob_type == "CAPIPUBLICBLOB" || blob_type == "CAPIPRIVATEBLOB" => Self::Rsa,
            _ if blob_type.starts_with("ECCFULL") => Self::EcFull,
            _ if blob_type.starts_with("ECC") => Self::Ec,
            _ if blob_type.contains("PQDSA") => Self::MlDsa,
            _ if blob_type.contains("DSA") => Self::Dsa,
            _ if blob_type.contains("DH") => Self::Dh,
            _ if blob_type.starts_with("MLKEM") => Self::MlKem,
            _ => match magic(0) {
                b"RSA1" | b"RSA2" | b"RSA3" => Self::Rsa,
                [b'E', b'C', ..] => Self::Ec,
                b"DHPB" | b"DHPV" => Self::Dh,
                b"DSPB" | b"DSPV" | b"DPB2" | b"DPV2" => Self::Dsa,
                b"MLKP" | b"MLKR" | b"MLKS" => Self::MlKem,
                b"DSPK" | b"DSSK" | b"DSSS" => Self::MlDsa,
                _ => Self::Other,
            },
        }
    }
}

/// A door, the name under which the blob comes, and the algorithm identifier given with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door<'a> {
    /// C_CreateObject with CKA_CNG_BLOB instead of C_ImportBCryptBlob.
    pub(crate) create: bool,
    pub(crate) blob_type: Option<&'a str>,
    pub(crate) alg_id: Option<&'a str>,
}

/// The objects that came out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) public: Option<u64>,
    pub(crate) private: Option<u64>,
}

impl Keys {
    pub(crate) fn destroy(&self, m: &Module, s: u64) {
        for handle in [self.public, self.private].into_iter().flatten().filter(|handle| *handle != CK_INVALID_HANDLE) {
            m.destroy(s, handle).expect("C_DestroyObject");
        }
    }
}

/// A refusal with what C_GetBCryptStatus says of it.
pub(crate) struct Refusal {
    pub(crate) rv: Rv,
    pub(crate) status: R<(u32, String)>,
}

impl Refusal {
    pub(crate) fn is_not_supported(&self) -> bool {
        self.status.as_ref().is_ok_and(|(status, _)| *status == STATUS_NOT_SUPPORTED)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.status {
            Ok((status, reason)) => write!(f, "{:?} {status:#010x} {reason:?}", self.rv),
            Err(rv) => write!(f, "{:?}, and no status: {rv:?}", self.rv),
        }
    }
}

impl Door<'_> {
    /// Brings the blob in as session objects: both halves of a private one.
    pub(crate) fn open(&self, m: &Module, s: u64, blob: &[u8], private: bool, flags: u64, attrs: &Attrs) -> Result<Keys, Refusal> {
        if !self.create {
            let attrs = if private { attrs.clone() } else { without_secrets(attrs) };
            let import = Import { alg_id: self.alg_id, blob_type: self.blob_type, blob, flags, attrs, no_private: !private, ..Import::default() };
            let imported = m.import(s, &import);
            if imported.rv == CKR_OK {
                return Ok(Keys {
                    public: Some(imported.public).filter(|h| *h != 0),
                    private: Some(imported.private).filter(|h| private && *h != 0),
                });
            }
            let refusal = Refusal { rv: imported.rv, status: m.status(s) };
            assert_eq!(imported.public, CK_INVALID_HANDLE, "the public handle of a refused import ({refusal})");
            assert!(!private || imported.private == CK_INVALID_HANDLE, "the private handle of a refused import ({refusal})");
            return Err(refusal);
        }
        let mut template = Attrs::new().bytes(CKA_CNG_BLOB, blob);
        if let Some(blob_type) = self.blob_type {
            template = template.text(CKA_CNG_BLOB_TYPE, blob_type);
        }
        if let Some(alg_id) = self.alg_id {
            template = template.text(CKA_CNG_ALG_ID, alg_id);
        }
        if flags != 0 {
            template = template.ulong(CKA_CNG_IMPORT_FLAGS, flags);
        }
        let one = |class: u64| {
            let own = if class == CKO_PUBLIC_KEY { without_secrets(attrs) } else { attrs.clone() };
            m.create(s, &template.clone().class(class).and(&own)).map_err(|rv| Refusal { rv, status: m.status(s) })
        };
        if !private {
            return Ok(Keys { public: Some(one(CKO_PUBLIC_KEY)?), private: None });
        }
        let private = one(CKO_PRIVATE_KEY)?;
        match one(CKO_PUBLIC_KEY) {
            Ok(public) => Ok(Keys { public: Some(public), private: Some(private) }),
            Err(refusal) => {
                m.destroy(s, private).expect("C_DestroyObject");
                Err(refusal)
            }
        }
    }
}

/// A public half has neither CKA_SENSITIVE nor CKA_EXTRACTABLE; the curve's name stays.
fn without_secrets(attrs: &Attrs) -> Attrs {
    attrs.without(&[CKA_SENSITIVE, CKA_EXTRACTABLE])
}

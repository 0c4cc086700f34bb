//! Objects that are judged and not stored yet, so that what belongs together (the keys and certificates of a PFX) comes into the store
//! in one transaction: all of it or nothing. The command line's door; a certificate takes its id from the key that was prepared before it.
//!
//! Judging is that of the single calls (`import.rs`, `objects.rs`); placing is `creation.rs`'s.

use crate::object::{GivenAttr, Object, Template};
use crate::token::application::Application;
use crate::token::error::R;
use crate::token::import::{Built, ImportBlob, ImportClaim};
use cryptoki_sys as ck;

/// The objects of one source, the private one first.
pub struct Prepared {
    objects: Vec<Object>,
}

impl From<Built> for Prepared {
    fn from(built: Built) -> Self {
        Self { objects: built.private.into_iter().chain(built.public).collect() }
    }
}

impl Prepared {
    /// CKA_ID that the objects will have.
    #[must_use]
    pub fn id(&self) -> Option<&[u8]> {
        self.objects.first().and_then(|o| o.bytes(ck::CKA_ID))
    }

    /// CKA_PUBLIC_KEY_INFO: what a certificate is paired by.
    #[must_use]
    pub fn public_key_info(&self) -> Option<&[u8]> {
        self.objects.first().and_then(|o| o.bytes(ck::CKA_PUBLIC_KEY_INFO))
    }

    /// Drops whatever is not public; false if nothing is left.
    pub fn keep_public(&mut self) -> bool {
        self.objects.retain(|o| !matches!(o.class(), ck::CKO_PRIVATE_KEY | ck::CKO_SECRET_KEY));
        !self.objects.is_empty()
    }
}

impl Application {
    /// As [`Application::import_blob`], up to the storing.
    ///
    /// # Errors
    /// As there.
    pub fn prepare_blob(&self, session: u64, request: ImportBlob) -> R<Prepared> {
        let session = self.session(session)?;
        self.build_import(&session, request).map(Prepared::from)
    }

    /// The same for a key in another form than a blob.
    ///
    /// # Errors
    /// As [`Application::import_blob`].
    pub fn prepare_claim(&self, session: u64, request: ImportClaim) -> R<Prepared> {
        let session = self.session(session)?;
        self.build_claim(&session, request).map(Prepared::from)
    }

    /// As [`Application::create_object`], up to the storing.
    ///
    /// # Errors
    /// As there.
    pub fn prepare_object(&self, session: u64, template: Vec<GivenAttr>) -> R<Prepared> {
        let session = self.session(session)?;
        let object = self.build_object(&session, Template::parse(template)?)?;
        Ok(Prepared { objects: vec![object] })
    }

    /// Stores everything or, on any failure, nothing. The handles of each, in the order given.
    ///
    /// # Errors
    /// SessionHandleInvalid, SessionReadOnly, UserNotLoggedIn, store failures.
    pub fn place_prepared(&self, session: u64, prepared: Vec<Prepared>) -> R<Vec<Vec<u64>>> {
        let session = self.session(session)?;
        let counts: Vec<usize> = prepared.iter().map(|p| p.objects.len()).collect();
        let mut handles = self.place(&session, prepared.into_iter().flat_map(|p| p.objects).collect())?.into_iter();
        Ok(counts.into_iter().map(|n| handles.by_ref().take(n).collect()).collect())
    }
}

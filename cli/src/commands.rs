//! One module per command.

mod batch;
pub(crate) mod blob_types;
pub(crate) mod client;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod info;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod ls;
pub(crate) mod manuals;
pub(crate) mod mechanisms;
pub(crate) mod pin;
pub(crate) mod quickstart;
pub(crate) mod rm;
pub(crate) mod run;
mod storing;

use crate::failure::Failure;
use crate::store::Store;
use std::path::PathBuf;

/// The global options.
pub(crate) struct Place {
    /// `--store`.
    pub(crate) store: Option<PathBuf>,
    /// `--slot`.
    pub(crate) slot: Option<u64>,
}

impl Place {
    /// Opens the store that is meant.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub(crate) fn open(&self) -> Result<Store, Failure> {
        Store::open(self.store.as_deref(), self.slot)
    }
}

//! The key blobs of Microsoft CNG and CryptoAPI: recognise, decode, encode, explain.
//!
//! Input is untrusted bytes; output is a [`Claim`]: what the blob says, laid out and bounded, not yet judged to be a key.
//! No mathematics (p·q, d·G and their kin are `crypto::admit`'s), no PKCS#11, no I/O. Called by the token's import and export
//! and by `inspect`. Source of truth: the table [`BLOBS`] and the README beside it.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

extern crate alloc;

mod alg;
mod blobs;
mod capi;
mod capi_dh;
mod capi_dss;
mod capi_rsa;
mod context;
mod curves;
mod decode;
mod dh;
mod dsa;
mod ecc;
mod ecc_full;
mod encode;
mod error;
mod key_data;
mod origin;
mod pq;
mod reader;
mod rsa;
mod table;
mod wrapped;
mod writer;

pub use alg::agree as algorithm_agrees;
pub use blobs::BLOBS;
pub use cngtoken_key::Claim;
pub use context::{Context, CurveName, Decoded, SymmetricAlg, UseHint};
pub use decode::{Explanation, decode, explain};
pub use encode::encode;
pub use error::{BlobError, EncodeError, Expected, Fault, FaultClass, Text};
pub use origin::Origin;
pub use reader::Field;
pub use table::{BlobRow, Magic, magic_text, row, sniff};

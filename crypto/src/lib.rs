//! Mathematics over the keys of cngtoken. [`admit`] turns what an outside source claims into checked [`KeyParts`](cngtoken_key::KeyParts);
//! [`Key`] holds them parsed, with the engines' contexts; [`sign`], [`verify`], [`cipher`], [`agree`] … compute with it what a [`Scheme`] says.
//!
//! Two engines behind one front: RustCrypto is complete and always built; aws-lc (feature `fast`, the default) takes the rows that [`engine`] names.
//! This room knows neither PKCS#11 numbers nor blob layouts, asks nobody for permission, and stores nothing.
//! Constant time: as far as the crates go. Where it does not hold (lengths, `dsa`'s and `crypto-bigint`'s public-number paths), the module says so.
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "fast"), allow(dead_code, reason = "what only the fast engine asks about"))]

mod admit;
mod agree;
mod block;
mod cipher;
mod cipher_stream;
mod dh;
mod domain;
mod dsa;
mod ec;
mod edwards;
mod engine;
mod error;
mod field;
mod generate;
mod hash;
mod hybrid;
mod kdf;
mod key;
mod mac;
mod mldsa;
mod mlkem;
mod montgomery;
mod num;
pub mod pbe;
mod prime;
mod random;
mod resume;
mod rsa;
mod scheme;
mod sign;
mod sign_stream;
mod slhdsa;
mod stream;

pub use admit::{Admitted, Level, admit};
pub use agree::{agree, decapsulate, encapsulate};
pub use cipher::{cipher, cipher_len};
pub use cipher_stream::CipherStream;
pub use domain::{Primes, generate_primes, generate_safe_prime, generator, verifiable_generator};
pub use engine::{Engine, engine};
pub use error::{AdmitError, CryptoError};
pub use generate::{Generate, generate};
pub use hash::{Digester, Hash, digest};
pub use kdf::{
    Derive, DerivedLen, Hkdf, Ike, IkeForm, Kbkdf, KbkdfField, KbkdfMode, MAX_ITERATIONS, MacPrf, Number, PasswordKdf, Pkcs12Purpose, Prf, Xof,
    derive, derived_len, from_password, kbkdf,
};
pub use key::Key;
pub use random::{random, stir};
pub use scheme::{Agree, AgreeKdf, BlockCipher, Direction, Mode, OutLen, Scheme, StreamCipher, Transport};
pub use sign::{recover, sign, signature_len, streams, verify};
pub use sign_stream::SignStream;

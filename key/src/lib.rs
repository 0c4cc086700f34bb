//! The nouns of a key that all rooms share: [`Secret`], [`Uint`], the families and their parameter sets,
//! [`KeyParts`] (the numbers that a key consists of, complete) and [`Claim`] (what some outside source says of a key,
//! possibly incomplete, never yet checked).
//!
//! No mathematics, no encodings, no PKCS#11 and no blob layouts. `crypto::admit` is the only way from a [`Claim`] to [`KeyParts`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod claim;
mod curve;
mod parts;
mod secret;
mod sets;
mod uint;

pub use claim::{Claim, DhClaim, DsaClaim, EcClaim, EdwardsClaim, MlDsaClaim, MlKemClaim, MontgomeryClaim, RsaClaim, SlhDsaClaim};
pub use curve::{Curve, EdwardsCurve, MontgomeryCurve};
pub use parts::{
    DhDomain, DhPrivate, DhPublic, DsaDomain, DsaPrivate, DsaPublic, DsaSeed, EcPrivate, EcPublic, EdwardsPrivate, EdwardsPublic, Family, Half,
    KeyParts, MlDsaPrivate, MlDsaPublic, MlKemPrivate, MlKemPublic, MontgomeryPrivate, MontgomeryPublic, RsaPrivate, RsaPublic, SlhDsaPrivate,
    SlhDsaPublic,
};
pub use secret::Secret;
pub use sets::{MlDsaSet, MlKemSet, SlhDsaSet};
pub use uint::Uint;

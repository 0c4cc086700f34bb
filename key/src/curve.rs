//! The named curves: CNG's spelling, object identifier, widths. Facts only; the arithmetic is crypto's.

/// A short Weierstrass curve that the token knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum Curve {
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
    BrainpoolP256r1,
    BrainpoolP384r1,
}

struct Row {
    curve: Curve,
    bits: usize,
    cng: &'static str,
    aliases: &'static [&'static str],
    oid_der: &'static [u8],
}

/// Names as CNG's table of named curves spells them (case-sensitive); identifiers with tag and length.
static ROWS: [Row; 7] = [
    Row { curve: Curve::P224, bits: 224, cng: "nistP224", aliases: &["secP224r1", "wtls12"], oid_der: &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x21] },
    Row {
        curve: Curve::P256,
        bits: 256,
        cng: "nistP256",
        aliases: &["secP256r1", "x962P256v1"],
        oid_der: &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
    },
    Row { curve: Curve::P384, bits: 384, cng: "nistP384", aliases: &["secP384r1"], oid_der: &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22] },
    Row { curve: Curve::P521, bits: 521, cng: "nistP521", aliases: &["secP521r1"], oid_der: &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23] },
    Row { curve: Curve::Secp256k1, bits: 256, cng: "secP256k1", aliases: &[], oid_der: &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x0A] },
    Row {
        curve: Curve::BrainpoolP256r1,
        bits: 256,
        cng: "brainpoolP256r1",
        aliases: &[],
        oid_der: &[0x06, 0x09, 0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07],
    },
    Row {
        curve: Curve::BrainpoolP384r1,
        bits: 384,
        cng: "brainpoolP384r1",
        aliases: &[],
        oid_der: &[0x06, 0x09, 0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0B],
    },
];

impl Curve {
    /// Every curve, in the order of the table.
    pub const ALL: [Curve; 7] =
        [Curve::P224, Curve::P256, Curve::P384, Curve::P521, Curve::Secp256k1, Curve::BrainpoolP256r1, Curve::BrainpoolP384r1];

    fn row(self) -> &'static Row {
        let [p224, p256, p384, p521, k256, bp256, bp384] = &ROWS;
        match self {
            Curve::P224 => p224,
            Curve::P256 => p256,
            Curve::P384 => p384,
            Curve::P521 => p521,
            Curve::Secp256k1 => k256,
            Curve::BrainpoolP256r1 => bp256,
            Curve::BrainpoolP384r1 => bp384,
        }
    }

    /// Bits of the field; of the order too, for all of these curves.
    #[must_use]
    pub fn field_bits(self) -> usize {
        self.row().bits
    }

    /// Bytes of one coordinate, and of a private value.
    #[must_use]
    pub fn field_bytes(self) -> usize {
        self.row().bits.div_ceil(8)
    }

    /// CNG's name, as in the property `ECCCurveName`.
    #[must_use]
    pub fn cng_name(self) -> &'static str {
        self.row().cng
    }

    /// The named-curve identifier in DER, as CKA_EC_PARAMS holds it.
    #[must_use]
    pub fn oid_der(self) -> &'static [u8] {
        self.row().oid_der
    }

    /// The curve with that CNG name or one of CNG's own aliases for it.
    #[must_use]
    pub fn from_cng_name(name: &str) -> Option<Self> {
        ROWS.iter().find(|r| r.cng == name || r.aliases.contains(&name)).map(|r| r.curve)
    }

    /// The curve with that identifier (DER, tag and length included).
    #[must_use]
    pub fn from_oid_der(der: &[u8]) -> Option<Self> {
        ROWS.iter().find(|r| r.oid_der == der).map(|r| r.curve)
    }
}

/// A twisted Edwards curve for signatures.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum EdwardsCurve {
    Ed25519,
}

impl EdwardsCurve {
    /// 1.3.101.112 in DER (RFC 8410).
    #[must_use]
    pub fn oid_der(self) -> &'static [u8] {
        &[0x06, 0x03, 0x2B, 0x65, 0x70]
    }

    /// Bytes of a public point, and of a private seed.
    #[must_use]
    pub fn bytes(self) -> usize {
        32
    }

    /// From CKA_EC_PARAMS: the identifier, or the PrintableString "edwards25519".
    #[must_use]
    pub fn from_params(der: &[u8]) -> Option<Self> {
        (der == EdwardsCurve::Ed25519.oid_der() || der == b"\x13\x0cedwards25519").then_some(EdwardsCurve::Ed25519)
    }
}

/// A Montgomery curve for key agreement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum MontgomeryCurve {
    X25519,
}

impl MontgomeryCurve {
    /// 1.3.101.110 in DER (RFC 8410).
    #[must_use]
    pub fn oid_der(self) -> &'static [u8] {
        &[0x06, 0x03, 0x2B, 0x65, 0x6E]
    }

    /// Bytes of a u-coordinate, and of a scalar.
    #[must_use]
    pub fn bytes(self) -> usize {
        32
    }

    /// CNG's name of the curve.
    #[must_use]
    pub fn cng_name(self) -> &'static str {
        "curve25519"
    }

    /// From CKA_EC_PARAMS: the identifier, or the PrintableString "curve25519".
    #[must_use]
    pub fn from_params(der: &[u8]) -> Option<Self> {
        (der == MontgomeryCurve::X25519.oid_der() || der == b"\x13\x0acurve25519").then_some(MontgomeryCurve::X25519)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_found_by_its_name_and_its_identifier() {
        for curve in Curve::ALL {
            assert_eq!(Curve::from_cng_name(curve.cng_name()), Some(curve));
            assert_eq!(Curve::from_oid_der(curve.oid_der()), Some(curve));
        }
    }

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(Curve::from_cng_name("NISTP256"), None);
    }
}

//! Algorithm identifiers of keys in SubjectPublicKeyInfo and PKCS#8: one row per family or parameter set, both directions.
//! Sources: RFC 3279 (RSA, DSA, DH, EC), RFC 8410 (Ed25519, X25519), RFC 9881 (ML-DSA), RFC 9909 (SLH-DSA), RFC 9935 (ML-KEM).

use super::error::{ObjectError, Reason};
use cngtoken_key::{Curve, EdwardsCurve, MlDsaSet, MlKemSet, MontgomeryCurve, SlhDsaSet, Uint};
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierRef;

/// What an algorithm identifier says of a key, parameters included.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the families' names")]
pub(super) enum Algorithm {
    Rsa,
    Ec(Curve),
    Edwards(EdwardsCurve),
    Montgomery(MontgomeryCurve),
    Dsa {
        p: Uint,
        q: Uint,
        g: Uint,
    },
    /// With q: X9.42's dhpublicnumber; without: PKCS#3's dhKeyAgreement.
    Dh {
        p: Uint,
        g: Uint,
        q: Option<Uint>,
    },
    MlKem(MlKemSet),
    MlDsa(MlDsaSet),
    SlhDsa(SlhDsaSet),
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const DH_PKCS3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.3.1");
const DH_X942: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10046.2.1");

const ML_KEM: [(ObjectIdentifier, MlKemSet); 3] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.1"), MlKemSet::MlKem512),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.2"), MlKemSet::MlKem768),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.3"), MlKemSet::MlKem1024),
];
const ML_DSA: [(ObjectIdentifier, MlDsaSet); 3] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"), MlDsaSet::MlDsa44),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"), MlDsaSet::MlDsa65),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"), MlDsaSet::MlDsa87),
];
const SLH_DSA: [(ObjectIdentifier, SlhDsaSet); 12] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.20"), SlhDsaSet::Sha2_128s),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.21"), SlhDsaSet::Sha2_128f),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.22"), SlhDsaSet::Sha2_192s),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.23"), SlhDsaSet::Sha2_192f),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.24"), SlhDsaSet::Sha2_256s),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.25"), SlhDsaSet::Sha2_256f),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.26"), SlhDsaSet::Shake128s),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.27"), SlhDsaSet::Shake128f),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.28"), SlhDsaSet::Shake192s),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.29"), SlhDsaSet::Shake192f),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.30"), SlhDsaSet::Shake256s),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.31"), SlhDsaSet::Shake256f),
];

/// RFC 3279, 2.3.2.
#[derive(Sequence)]
struct DsaParams<'a> {
    p: UintRef<'a>,
    q: UintRef<'a>,
    g: UintRef<'a>,
}

/// PKCS#3. The length of x is read and forgotten.
#[derive(Sequence)]
struct Pkcs3Params<'a> {
    p: UintRef<'a>,
    g: UintRef<'a>,
    #[asn1(optional = "true")]
    private_bits: Option<u32>,
}

/// RFC 3279, 2.3.3. The cofactor and the seed are read and forgotten.
#[derive(Sequence)]
struct X942Params<'a> {
    p: UintRef<'a>,
    g: UintRef<'a>,
    q: UintRef<'a>,
    #[asn1(optional = "true")]
    j: Option<UintRef<'a>>,
    #[asn1(optional = "true")]
    validation: Option<AnyRef<'a>>,
}

pub(super) fn unreadable(what: &'static str) -> impl Fn(der::Error) -> ObjectError {
    // The cause holds a kind and an offset, no content.
    move |e| ObjectError::whole(Reason::EncodingInvalid, format!("{what} cannot be read: {e}"))
}

pub(super) fn number(n: UintRef<'_>) -> Uint {
    Uint::from_be(n.as_bytes())
}

pub(super) fn integer(n: &Uint) -> der::Result<UintRef<'_>> {
    UintRef::new(n.as_be())
}

impl Algorithm {
    /// Reads an algorithm identifier.
    ///
    /// # Errors
    /// `AlgorithmUnknown`, `CurveNotSupported`, or `EncodingInvalid`.
    pub(super) fn read(id: &AlgorithmIdentifierRef<'_>) -> Result<Self, ObjectError> {
        let params =
            || id.parameters.ok_or_else(|| ObjectError::whole(Reason::EncodingInvalid, format!("the algorithm {} comes without parameters", id.oid)));
        Ok(match id.oid {
            RSA | RSA_PSS => Algorithm::Rsa,
            EC => {
                let der = params()?.to_der().map_err(unreadable("the curve"))?;
                Algorithm::Ec(super::point::weierstrass(&der)?)
            }
            ED25519 => Algorithm::Edwards(EdwardsCurve::Ed25519),
            X25519 => Algorithm::Montgomery(MontgomeryCurve::X25519),
            DSA => {
                let d: DsaParams<'_> = params()?.decode_as().map_err(unreadable("the DSA group"))?;
                Algorithm::Dsa { p: number(d.p), q: number(d.q), g: number(d.g) }
            }
            DH_PKCS3 => {
                let d: Pkcs3Params<'_> = params()?.decode_as().map_err(unreadable("the Diffie-Hellman group"))?;
                Algorithm::Dh { p: number(d.p), g: number(d.g), q: None }
            }
            DH_X942 => {
                let d: X942Params<'_> = params()?.decode_as().map_err(unreadable("the Diffie-Hellman group"))?;
                Algorithm::Dh { p: number(d.p), g: number(d.g), q: Some(number(d.q)) }
            }
            oid => {
                let find = |e: &ObjectIdentifier| *e == oid;
                let kem = ML_KEM.iter().find(|(o, _)| find(o)).map(|(_, s)| Algorithm::MlKem(*s));
                let dsa = || ML_DSA.iter().find(|(o, _)| find(o)).map(|(_, s)| Algorithm::MlDsa(*s));
                let slh = || SLH_DSA.iter().find(|(o, _)| find(o)).map(|(_, s)| Algorithm::SlhDsa(*s));
                kem.or_else(dsa)
                    .or_else(slh)
                    .ok_or_else(|| ObjectError::whole(Reason::AlgorithmUnknown, format!("{oid} is not an algorithm that this token knows")))?
            }
        })
    }

    /// The parameters in DER, for the families that have some.
    pub(super) fn params(&self) -> der::Result<Option<Vec<u8>>> {
        Ok(match self {
            Algorithm::Rsa => Some(AnyRef::NULL.to_der()?),
            Algorithm::Ec(curve) => Some(curve.oid_der().to_vec()),
            Algorithm::Dsa { p, q, g } => Some(DsaParams { p: integer(p)?, q: integer(q)?, g: integer(g)? }.to_der()?),
            Algorithm::Dh { p, g, q: None } => Some(Pkcs3Params { p: integer(p)?, g: integer(g)?, private_bits: None }.to_der()?),
            Algorithm::Dh { p, g, q: Some(q) } => {
                Some(X942Params { p: integer(p)?, g: integer(g)?, q: integer(q)?, j: None, validation: None }.to_der()?)
            }
            Algorithm::Edwards(_) | Algorithm::Montgomery(_) | Algorithm::MlKem(_) | Algorithm::MlDsa(_) | Algorithm::SlhDsa(_) => None,
        })
    }

    /// The identifier over `params`, which [`Algorithm::params`] made.
    pub(super) fn identifier<'p>(&self, params: Option<&'p [u8]>) -> der::Result<AlgorithmIdentifierRef<'p>> {
        let oid = match self {
            Algorithm::Rsa => Some(RSA),
            Algorithm::Ec(_) => Some(EC),
            Algorithm::Edwards(EdwardsCurve::Ed25519) => Some(ED25519),
            Algorithm::Montgomery(MontgomeryCurve::X25519) => Some(X25519),
            Algorithm::Dsa { .. } => Some(DSA),
            Algorithm::Dh { q: None, .. } => Some(DH_PKCS3),
            Algorithm::Dh { q: Some(_), .. } => Some(DH_X942),
            Algorithm::MlKem(set) => ML_KEM.iter().find(|(_, s)| s == set).map(|(o, _)| *o),
            Algorithm::MlDsa(set) => ML_DSA.iter().find(|(_, s)| s == set).map(|(o, _)| *o),
            Algorithm::SlhDsa(set) => SLH_DSA.iter().find(|(_, s)| s == set).map(|(o, _)| *o),
        };
        let oid = oid.ok_or(der::ErrorKind::OidMalformed)?;
        Ok(AlgorithmIdentifierRef { oid, parameters: params.map(AnyRef::from_der).transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_set_has_an_identifier_that_reads_back() {
        let mut all: Vec<Algorithm> = MlKemSet::ALL.into_iter().map(Algorithm::MlKem).collect();
        all.extend(MlDsaSet::ALL.into_iter().map(Algorithm::MlDsa));
        all.extend(SlhDsaSet::ALL.into_iter().map(Algorithm::SlhDsa));
        all.extend(Curve::ALL.into_iter().map(Algorithm::Ec));
        all.extend([Algorithm::Rsa, Algorithm::Edwards(EdwardsCurve::Ed25519), Algorithm::Montgomery(MontgomeryCurve::X25519)]);
        let n = Uint::from_u64;
        all.push(Algorithm::Dsa { p: n(23), q: n(11), g: n(2) });
        all.push(Algorithm::Dh { p: n(23), g: n(2), q: None });
        all.push(Algorithm::Dh { p: n(23), g: n(2), q: Some(n(11)) });
        for a in all {
            let params = a.params().unwrap();
            let der = a.identifier(params.as_deref()).unwrap().to_der().unwrap();
            assert_eq!(Algorithm::read(&AlgorithmIdentifierRef::from_der(&der).unwrap()), Ok(a));
        }
    }
}

//! Parameter sets of the post-quantum families: CNG's names and the sizes of FIPS 203, 204 and 205.

/// ML-KEM parameter set (FIPS 203).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum MlKemSet {
    MlKem512,
    MlKem768,
    MlKem1024,
}

impl MlKemSet {
    /// All sets.
    pub const ALL: [MlKemSet; 3] = [MlKemSet::MlKem512, MlKemSet::MlKem768, MlKemSet::MlKem1024];
    /// Bytes of the seed d ‖ z.
    pub const SEED_BYTES: usize = 64;

    /// CNG's parameter set name.
    #[must_use]
    pub fn cng_name(self) -> &'static str {
        match self {
            MlKemSet::MlKem512 => "512",
            MlKemSet::MlKem768 => "768",
            MlKemSet::MlKem1024 => "1024",
        }
    }

    /// Bytes of the encapsulation key.
    #[must_use]
    pub fn public_bytes(self) -> usize {
        match self {
            MlKemSet::MlKem512 => 800,
            MlKemSet::MlKem768 => 1184,
            MlKemSet::MlKem1024 => 1568,
        }
    }

    /// Bytes of the decapsulation key.
    #[must_use]
    pub fn private_bytes(self) -> usize {
        match self {
            MlKemSet::MlKem512 => 1632,
            MlKemSet::MlKem768 => 2400,
            MlKemSet::MlKem1024 => 3168,
        }
    }

    /// Bytes of a ciphertext.
    #[must_use]
    pub fn ciphertext_bytes(self) -> usize {
        match self {
            MlKemSet::MlKem512 => 768,
            MlKemSet::MlKem768 => 1088,
            MlKemSet::MlKem1024 => 1568,
        }
    }
}

/// ML-DSA parameter set (FIPS 204).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum MlDsaSet {
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl MlDsaSet {
    /// All sets.
    pub const ALL: [MlDsaSet; 3] = [MlDsaSet::MlDsa44, MlDsaSet::MlDsa65, MlDsaSet::MlDsa87];
    /// Bytes of the seed ξ.
    pub const SEED_BYTES: usize = 32;

    /// CNG's parameter set name.
    #[must_use]
    pub fn cng_name(self) -> &'static str {
        match self {
            MlDsaSet::MlDsa44 => "44",
            MlDsaSet::MlDsa65 => "65",
            MlDsaSet::MlDsa87 => "87",
        }
    }

    /// Bytes of a public key.
    #[must_use]
    pub fn public_bytes(self) -> usize {
        match self {
            MlDsaSet::MlDsa44 => 1312,
            MlDsaSet::MlDsa65 => 1952,
            MlDsaSet::MlDsa87 => 2592,
        }
    }

    /// Bytes of an expanded private key.
    #[must_use]
    pub fn private_bytes(self) -> usize {
        match self {
            MlDsaSet::MlDsa44 => 2560,
            MlDsaSet::MlDsa65 => 4032,
            MlDsaSet::MlDsa87 => 4896,
        }
    }

    /// Bytes of a signature.
    #[must_use]
    pub fn signature_bytes(self) -> usize {
        match self {
            MlDsaSet::MlDsa44 => 2420,
            MlDsaSet::MlDsa65 => 3309,
            MlDsaSet::MlDsa87 => 4627,
        }
    }
}

/// SLH-DSA parameter set (FIPS 205).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum SlhDsaSet {
    Sha2_128s,
    Shake128s,
    Sha2_128f,
    Shake128f,
    Sha2_192s,
    Shake192s,
    Sha2_192f,
    Shake192f,
    Sha2_256s,
    Shake256s,
    Sha2_256f,
    Shake256f,
}

impl SlhDsaSet {
    /// All sets, in the order of PKCS#11's CKP_SLH_DSA_* numbers (1 to 12).
    pub const ALL: [SlhDsaSet; 12] = [
        SlhDsaSet::Sha2_128s,
        SlhDsaSet::Shake128s,
        SlhDsaSet::Sha2_128f,
        SlhDsaSet::Shake128f,
        SlhDsaSet::Sha2_192s,
        SlhDsaSet::Shake192s,
        SlhDsaSet::Sha2_192f,
        SlhDsaSet::Shake192f,
        SlhDsaSet::Sha2_256s,
        SlhDsaSet::Shake256s,
        SlhDsaSet::Sha2_256f,
        SlhDsaSet::Shake256f,
    ];

    /// CNG's parameter set name.
    #[must_use]
    pub fn cng_name(self) -> &'static str {
        match self {
            SlhDsaSet::Sha2_128s => "SHA2-128s",
            SlhDsaSet::Shake128s => "SHAKE-128s",
            SlhDsaSet::Sha2_128f => "SHA2-128f",
            SlhDsaSet::Shake128f => "SHAKE-128f",
            SlhDsaSet::Sha2_192s => "SHA2-192s",
            SlhDsaSet::Shake192s => "SHAKE-192s",
            SlhDsaSet::Sha2_192f => "SHA2-192f",
            SlhDsaSet::Shake192f => "SHAKE-192f",
            SlhDsaSet::Sha2_256s => "SHA2-256s",
            SlhDsaSet::Shake256s => "SHAKE-256s",
            SlhDsaSet::Sha2_256f => "SHA2-256f",
            SlhDsaSet::Shake256f => "SHAKE-256f",
        }
    }

    /// Bytes of n, the security parameter.
    #[must_use]
    pub fn n(self) -> usize {
        match self {
            SlhDsaSet::Sha2_128s | SlhDsaSet::Shake128s | SlhDsaSet::Sha2_128f | SlhDsaSet::Shake128f => 16,
            SlhDsaSet::Sha2_192s | SlhDsaSet::Shake192s | SlhDsaSet::Sha2_192f | SlhDsaSet::Shake192f => 24,
            SlhDsaSet::Sha2_256s | SlhDsaSet::Shake256s | SlhDsaSet::Sha2_256f | SlhDsaSet::Shake256f => 32,
        }
    }

    /// Bytes of a public key, 2n.
    #[must_use]
    pub fn public_bytes(self) -> usize {
        2 * self.n()
    }

    /// Bytes of a private key, 4n.
    #[must_use]
    pub fn private_bytes(self) -> usize {
        4 * self.n()
    }

    /// Bytes of a signature (FIPS 205, table 2).
    #[must_use]
    pub fn signature_bytes(self) -> usize {
        match self {
            SlhDsaSet::Sha2_128s | SlhDsaSet::Shake128s => 7856,
            SlhDsaSet::Sha2_128f | SlhDsaSet::Shake128f => 17088,
            SlhDsaSet::Sha2_192s | SlhDsaSet::Shake192s => 16224,
            SlhDsaSet::Sha2_192f | SlhDsaSet::Shake192f => 35664,
            SlhDsaSet::Sha2_256s | SlhDsaSet::Shake256s => 29792,
            SlhDsaSet::Sha2_256f | SlhDsaSet::Shake256f => 49856,
        }
    }
}

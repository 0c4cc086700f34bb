//! What to compute, as plain data. A scheme says everything that the mechanism and its parameters said, and nothing of the key.

use crate::Hash;

/// What to compute with a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5. Without a hash the input is what stands behind the padding: a DigestInfo, or any 0 to k − 11 bytes.
    RsaPkcs1 {
        /// The hash, if the input is a message.
        hash: Option<Hash>,
    },
    /// RSA on a whole block; a shorter input is padded with zeros on the left.
    RsaRaw,
    /// RSASSA-PSS.
    RsaPss {
        /// The message's hash.
        hash: Hash,
        /// MGF1's hash.
        mgf: Hash,
        /// Bytes of salt, literally.
        salt_len: usize,
        /// The input is already the hash.
        prehashed: bool,
    },
    /// RSAES-PKCS1-v1_5.
    RsaPkcs1Crypt {
        /// On bad padding return a plaintext derived from key and ciphertext instead of an error.
        implicit_reject: bool,
    },
    /// RSAES-OAEP.
    RsaOaep {
        /// The label's hash.
        hash: Hash,
        /// MGF1's hash.
        mgf: Hash,
        /// The label.
        label: Vec<u8>,
    },
    /// ECDSA; the signature is r ‖ s in fixed width. Without a hash the input is the digest; its leftmost bits count.
    Ecdsa {
        /// The hash, if the input is a message.
        hash: Option<Hash>,
    },
    /// EdDSA: pure (empty context), with context, or pre-hash.
    EdDsa {
        /// Ed25519ph.
        prehash: bool,
        /// Context, up to 255 bytes.
        context: Vec<u8>,
    },
    /// DSA; the signature is r ‖ s, each as wide as q.
    Dsa {
        /// The hash, if the input is a message.
        hash: Option<Hash>,
    },
    /// ML-DSA, pure or HashML-DSA.
    MlDsa {
        /// Context, up to 255 bytes.
        context: Vec<u8>,
        /// HashML-DSA's hash.
        prehash: Option<Hash>,
        /// The input is already the hash.
        prehashed: bool,
        /// No fresh randomness in the signature.
        deterministic: bool,
    },
    /// SLH-DSA, pure or HashSLH-DSA.
    SlhDsa {
        /// Context, up to 255 bytes.
        context: Vec<u8>,
        /// HashSLH-DSA's hash.
        prehash: Option<Hash>,
        /// The input is already the hash.
        prehashed: bool,
        /// No fresh randomness in the signature.
        deterministic: bool,
    },
    /// HMAC, cut to `len` bytes.
    Hmac {
        /// The hash.
        hash: Hash,
        /// Bytes of the tag.
        len: usize,
    },
    /// AES-CMAC, cut to `len` bytes.
    Cmac {
        /// Bytes of the tag.
        len: usize,
    },
    /// AES block by block.
    AesEcb,
    /// AES-CBC on whole blocks.
    AesCbc {
        /// Initialisation vector.
        iv: [u8; 16],
    },
    /// AES-CBC with PKCS#7 padding.
    AesCbcPad {
        /// Initialisation vector.
        iv: [u8; 16],
    },
    /// AES-CTR; the low `bits` of the block count and wrap within themselves.
    AesCtr {
        /// First counter block.
        counter: [u8; 16],
        /// Width of the counting field, 1 to 128.
        bits: u32,
    },
    /// AES-GCM; the tag follows the ciphertext.
    AesGcm {
        /// Initialisation vector, at least one byte.
        iv: Vec<u8>,
        /// Additional authenticated data.
        aad: Vec<u8>,
        /// Bytes of the tag: 4, 8, 12 to 16.
        tag_len: usize,
    },
    /// AES key wrap (RFC 3394).
    AesKw {
        /// Initial value other than the standard's.
        iv: Option<[u8; 8]>,
    },
    /// AES key wrap with padding (RFC 5649).
    AesKwp {
        /// Alternative initial value other than the standard's.
        iv: Option<[u8; 4]>,
    },
}

/// How to agree on a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Agree {
    /// Elliptic-curve Diffie-Hellman; also with a Montgomery key.
    Ecdh {
        /// X9.63's derivation with this hash; without: the x-coordinate itself.
        kdf: Option<Hash>,
        /// X9.63's SharedInfo.
        shared: Vec<u8>,
        /// Cofactor multiplication: all curves here have cofactor 1, or clear it by construction.
        cofactor: bool,
    },
    /// X25519.
    X25519 {
        /// X9.63's derivation with this hash; without: the u-coordinate itself.
        kdf: Option<Hash>,
        /// X9.63's SharedInfo.
        shared: Vec<u8>,
    },
    /// Finite-field Diffie-Hellman: the secret as wide as p.
    Dh,
}

/// Which way a cipher runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Direction {
    Encrypt,
    Decrypt,
}

/// Length of an output not computed yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutLen {
    /// This many bytes.
    Exact(usize),
    /// This many or fewer.
    AtMost(usize),
}

impl OutLen {
    /// The number of bytes that certainly suffice.
    #[must_use]
    pub fn upper(self) -> usize {
        match self {
            OutLen::Exact(n) | OutLen::AtMost(n) => n,
        }
    }
}

//! What to compute, as plain data. A scheme says everything that the mechanism and its parameters said, and nothing of the key.

use crate::{Hash, Prf};

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
    /// CMAC, cut to `len` bytes.
    Cmac {
        /// The block cipher.
        cipher: BlockCipher,
        /// Bytes of the tag.
        len: usize,
    },
    /// CBC-MAC over data padded with zeros, cut to `len` bytes.
    CbcMac {
        /// The block cipher.
        cipher: BlockCipher,
        /// Bytes of the tag.
        len: usize,
    },
    /// AES-XCBC-MAC (RFC 3566), cut to `len` bytes.
    AesXcbcMac {
        /// Bytes of the tag.
        len: usize,
    },
    /// GMAC: the tag of AES-GCM over data that is authenticated only.
    AesGmac {
        /// Initialisation vector, at least one byte.
        iv: Vec<u8>,
        /// Bytes of the tag: 4, 8, 12 to 16.
        len: usize,
    },
    /// The verify_data of TLS's Finished message: its pseudo-random function over a label and the data.
    TlsMac {
        /// Which function.
        prf: Prf,
        /// The label.
        label: Vec<u8>,
        /// Bytes of the tag.
        len: usize,
    },
    /// A block cipher in a mode of operation without a tag.
    Block {
        /// The block cipher.
        cipher: BlockCipher,
        /// The mode.
        mode: Mode,
    },
    /// AES-XTS on one data unit of at least 16 bytes; the key is two AES keys.
    AesXts {
        /// The data unit's number as the standard encrypts it: little-endian.
        tweak: [u8; 16],
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
    /// AES-CCM; the tag follows the ciphertext.
    AesCcm {
        /// Nonce, 7 to 13 bytes.
        nonce: Vec<u8>,
        /// Additional authenticated data.
        aad: Vec<u8>,
        /// Bytes of the tag: 4, 6, 8, 10, 12, 14 or 16.
        tag_len: usize,
        /// Bytes of the plaintext, which CCM must know before it begins; without, only one call can tell.
        data_len: Option<usize>,
    },
    /// ChaCha20-Poly1305 (RFC 8439) or, with the longer nonce, XChaCha20-Poly1305; the tag follows the ciphertext.
    ChaCha20Poly1305 {
        /// Nonce, 12 or 24 bytes.
        nonce: Vec<u8>,
        /// Additional authenticated data.
        aad: Vec<u8>,
    },
    /// A stream cipher, from the block of a number on.
    Stream {
        /// The cipher.
        cipher: StreamCipher,
        /// Nonce: 8 or 24 bytes, of ChaCha20 also 12.
        nonce: Vec<u8>,
        /// Number of the first block of 64 bytes.
        counter: u64,
    },
    /// Poly1305. A key is good for one message.
    Poly1305,
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
    /// PKCS#7 padding to half-blocks, then AES key wrap.
    AesKwPkcs7 {
        /// Initial value other than the standard's.
        iv: Option<[u8; 8]>,
    },
    /// Wraps as [`Scheme::AesKwp`] and unwraps what either padding made; their integrity values tell them apart.
    AesKwEitherPad,
    /// A temporary AES key under RSAES-OAEP, and behind it the load wrapped with padding (RFC 5649) under that key.
    RsaAesKwp {
        /// Bytes of the temporary key.
        aes_len: usize,
        /// The label's hash.
        hash: Hash,
        /// MGF1's hash.
        mgf: Hash,
        /// The label.
        label: Vec<u8>,
    },
    /// The public half of a transport key, and behind it the load wrapped with padding (RFC 5649) under the AES key that both agree on.
    EcdhAesKwp {
        /// Bytes of the AES key.
        aes_len: usize,
        /// The agreement.
        how: Agree,
        /// How the transport key is written. Any form is read.
        transport: Transport,
    },
}

/// How a transport key's point is written; a Montgomery key's is always raw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// The point as SEC 1 has it.
    Raw,
    /// In a DER OCTET STRING.
    Der,
}

/// A block cipher; the key's length chooses among its sizes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockCipher {
    /// 16, 24 or 32 bytes of key.
    Aes,
    /// DES with 8 bytes of key, triple DES with 16 (K3 = K1) or 24.
    Des,
    /// 16, 24 or 32 bytes of key.
    Camellia,
}

impl BlockCipher {
    /// Every block cipher.
    pub const ALL: [BlockCipher; 3] = [BlockCipher::Aes, BlockCipher::Des, BlockCipher::Camellia];

    /// Bytes of a block.
    #[must_use]
    pub const fn block_len(self) -> usize {
        match self {
            BlockCipher::Aes | BlockCipher::Camellia => 16,
            BlockCipher::Des => 8,
        }
    }
}

/// A stream cipher with keys of 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the ciphers'")]
pub enum StreamCipher {
    ChaCha20,
    Salsa20,
}

/// A mode of operation. Initialisation vectors have the length of a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Block by block.
    Ecb,
    /// CBC on whole blocks.
    Cbc {
        /// Initialisation vector.
        iv: Vec<u8>,
    },
    /// CBC with PKCS#7 padding.
    CbcPad {
        /// Initialisation vector.
        iv: Vec<u8>,
    },
    /// CBC with ciphertext stealing, CS1 (SP 800-38A addendum): at least one block.
    CbcCs1 {
        /// Initialisation vector.
        iv: Vec<u8>,
    },
    /// Output feedback of whole blocks.
    Ofb {
        /// Initialisation vector.
        iv: Vec<u8>,
    },
    /// Cipher feedback.
    Cfb {
        /// Initialisation vector.
        iv: Vec<u8>,
        /// Bits that are fed back at once: 1, or a multiple of 8 up to the block.
        bits: usize,
    },
    /// Counter mode for ciphers with blocks of 16 bytes; the low `bits` of the block count and wrap within themselves.
    Ctr {
        /// First counter block.
        counter: [u8; 16],
        /// Width of the counting field, 1 to 128.
        bits: u32,
    },
}

/// The derivation that follows an agreement. The two differ in the order of what is hashed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AgreeKdf {
    /// X9.63 (SEC 1, 3.6.1): Hash(Z ‖ counter ‖ SharedInfo).
    X963(Hash),
    /// SP 800-56A and SP 800-56C, one step: Hash(counter ‖ Z ‖ FixedInfo).
    OneStep(Hash),
}

/// How to agree on a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Agree {
    /// Elliptic-curve Diffie-Hellman; also with a Montgomery key.
    Ecdh {
        /// The derivation; without: the x-coordinate itself.
        kdf: Option<AgreeKdf>,
        /// SharedInfo or FixedInfo.
        shared: Vec<u8>,
        /// Cofactor multiplication: all curves here have cofactor 1, or clear it by construction.
        cofactor: bool,
    },
    /// X25519.
    X25519 {
        /// The derivation; without: the u-coordinate itself.
        kdf: Option<AgreeKdf>,
        /// SharedInfo or FixedInfo.
        shared: Vec<u8>,
    },
    /// Finite-field Diffie-Hellman: the secret as wide as p.
    Dh,
}

impl Agree {
    /// Whether a key derivation follows the agreement.
    #[must_use]
    pub(crate) fn derives(&self) -> bool {
        match self {
            Agree::Ecdh { kdf, .. } | Agree::X25519 { kdf, .. } => kdf.is_some(),
            Agree::Dh => false,
        }
    }
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

//! What every sequence finds on the token, and the bytes that operations must give, made once by one-shot calls.

use crate::client::{Attrs, Mech, Module, SLOT};
use crate::world::{Kind, Object};
use cryptoki_sys::*;

/// All objects of the model have this label.
pub(crate) const LABEL: &str = "model";
/// Longest message in a sequence.
pub(crate) const LONGEST: usize = 200;
/// Lengths of the plaintexts that decryptions work on.
pub(crate) const TEXTS: [usize; 6] = [0, 1, 15, 16, 31, 40];

/// Which objects a mechanism takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Takes {
    pub(crate) class: u64,
    pub(crate) key_type: u64,
}

/// A mechanism as the standard's tables have it.
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) mech: Mech,
    /// The same with a parameter that it cannot have.
    pub(crate) malformed: Mech,
    pub(crate) takes: Option<Takes>,
    /// False: "single-part operations only".
    pub(crate) streams: bool,
    /// Output of digest, signature or RSA; 0 where it depends on the input.
    pub(crate) size: usize,
    /// Longest input of a single-part mechanism.
    pub(crate) longest: usize,
}

/// Objects, mechanisms by kind and known answers.
pub(crate) struct Fixtures {
    pub(crate) objects: Vec<Object>,
    pub(crate) rows: [Vec<Row>; 5],
    /// By digest mechanism and length.
    pub(crate) digests: Vec<Vec<Vec<u8>>>,
    /// By signing mechanism and length: a valid signature of the pattern's first bytes.
    pub(crate) signatures: Vec<Vec<Vec<u8>>>,
    /// By cipher and length: what a whole encryption gives; empty for RSA, whose padding is random.
    pub(crate) ciphertexts: Vec<Vec<Vec<u8>>>,
    /// By cipher and text: what decrypts to the pattern's first bytes.
    pub(crate) to_decrypt: Vec<Vec<Vec<u8>>>,
}

/// The message of every operation is a prefix of this. No byte of it is a valid padding length.
pub(crate) fn pattern() -> Vec<u8> {
    (0..LONGEST).map(|i| 0x40 | (i % 0x3F) as u8).collect()
}

/// The template for an object of the model.
pub(crate) fn attrs_of(object: &Object) -> Attrs {
    let attrs = if object.class == CKO_SECRET_KEY { Attrs::secret(CKK_AES, LABEL, &[7; 16]) } else { Attrs::data(LABEL, b"value") };
    let attrs = attrs.bool(CKA_TOKEN, object.token).bool(CKA_PRIVATE, object.private);
    if object.class != CKO_SECRET_KEY {
        return attrs;
    }
    attrs.bool(CKA_ENCRYPT, object.usages[Kind::Encrypt as usize]).bool(CKA_DECRYPT, object.usages[Kind::Decrypt as usize])
}

/// Makes the token, its objects and the known answers.
pub(crate) fn make(m: &Module) -> Fixtures {
    let s = m.make_token_and_log_in();
    let common = || Attrs::new().token().label(LABEL);
    let rsa = m
        .generate_pair(
            s,
            &Mech::plain(CKM_RSA_PKCS_KEY_PAIR_GEN),
            &common().ulong(CKA_MODULUS_BITS, 1024).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]).bool(CKA_VERIFY, true).bool(CKA_ENCRYPT, true),
            &common().bool(CKA_PRIVATE, true).bool(CKA_SIGN, true).bool(CKA_DECRYPT, true),
        )
        .expect("an RSA pair");
    let p256 = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
    let ec = m
        .generate_pair(
            s,
            &Mech::plain(CKM_EC_KEY_PAIR_GEN),
            &common().bytes(CKA_EC_PARAMS, &p256).bool(CKA_VERIFY, true),
            &common().bool(CKA_PRIVATE, true).bool(CKA_SIGN, true),
        )
        .expect("an EC pair");
    let mut objects = Vec::new();
    let mut add = |handle: u64, class: u64, key_type: u64, private: bool, usages: [bool; 5]| {
        let unique_id = m.get(s, handle, CKA_UNIQUE_ID).expect("CKA_UNIQUE_ID");
        objects.push(Object { unique_id, class, key_type, token: true, private, usages, owner: None, extra: false });
    };
    add(rsa.0, CKO_PUBLIC_KEY, CKK_RSA, false, [false, false, true, true, false]);
    add(rsa.1, CKO_PRIVATE_KEY, CKK_RSA, true, [false, true, false, false, true]);
    add(ec.0, CKO_PUBLIC_KEY, CKK_EC, false, [false, false, true, false, false]);
    add(ec.1, CKO_PRIVATE_KEY, CKK_EC, true, [false, true, false, false, false]);
    let mut aes = 0;
    for (private, encrypt, decrypt) in [(true, true, true), (true, false, true), (false, true, false)] {
        let template = Attrs::secret(CKK_AES, LABEL, &[7; 16]).token().bool(CKA_PRIVATE, private);
        let handle = m.create(s, &template.bool(CKA_ENCRYPT, encrypt).bool(CKA_DECRYPT, decrypt)).expect("an AES key");
        add(handle, CKO_SECRET_KEY, CKK_AES, private, [false, false, false, encrypt, decrypt]);
        if encrypt && decrypt {
            aes = handle;
        }
    }
    let data = m.create(s, &Attrs::data(LABEL, b"value").token().bool(CKA_PRIVATE, false)).expect("a data object");
    add(data, CKO_DATA, 0, false, [false; 5]);

    let rows = rows();
    let pattern = pattern();
    let digest = |row: &Row| (0..=LONGEST).map(|n| m.digest(s, &row.mech, &pattern[..n]).expect("C_Digest")).collect();
    let sign = |row: &Row| {
        let key = if row.takes.is_some_and(|t| t.key_type == CKK_RSA) { rsa.1 } else { ec.1 };
        let one = |n: usize| if n == 0 && row.id == CKM_ECDSA { Vec::new() } else { m.sign(s, &row.mech, key, &pattern[..n]).expect("C_Sign") };
        (0..=LONGEST.min(row.longest)).map(one).collect()
    };
    let is_rsa = |row: &Row| row.id == CKM_RSA_PKCS;
    let encrypt = |row: &Row| {
        let one = |n: usize| m.encrypt(s, &row.mech, aes, &pattern[..n]).expect("C_Encrypt");
        if is_rsa(row) { Vec::new() } else { (0..=LONGEST).map(one).collect() }
    };
    let to_decrypt = |row: &Row| {
        let key = if is_rsa(row) { rsa.0 } else { aes };
        TEXTS.iter().map(|n| m.encrypt(s, &row.mech, key, &pattern[..*n]).expect("C_Encrypt")).collect()
    };
    let fixtures = Fixtures {
        digests: rows[Kind::Digest as usize].iter().map(digest).collect(),
        signatures: rows[Kind::Sign as usize].iter().map(sign).collect(),
        ciphertexts: rows[Kind::Encrypt as usize].iter().map(encrypt).collect(),
        to_decrypt: rows[Kind::Decrypt as usize].iter().map(to_decrypt).collect(),
        objects,
        rows,
    };
    crate::p11!(m, C_CloseAllSessions, SLOT).ok().expect("C_CloseAllSessions");
    fixtures
}

fn rows() -> [Vec<Row>; 5] {
    let plain = |id: u64, takes: Option<(u64, u64)>, streams: bool, size: usize, longest: usize| Row {
        id,
        mech: Mech::plain(id),
        malformed: Mech::bytes(id, &[1, 2, 3, 4, 5]),
        takes: takes.map(|(class, key_type)| Takes { class, key_type }),
        streams,
        size,
        longest,
    };
    let signs = |class| {
        vec![
            plain(CKM_SHA256_RSA_PKCS, Some((class, CKK_RSA)), true, 128, usize::MAX),
            plain(CKM_ECDSA, Some((class, CKK_EC)), false, 64, usize::MAX),
            plain(CKM_ECDSA_SHA256, Some((class, CKK_EC)), true, 64, usize::MAX),
            plain(CKM_RSA_PKCS, Some((class, CKK_RSA)), false, 128, 117),
        ]
    };
    let aes = Some(Takes { class: CKO_SECRET_KEY, key_type: CKK_AES });
    let ciphers = |class| {
        vec![
            Row {
                id: CKM_AES_CBC_PAD,
                mech: Mech::bytes(CKM_AES_CBC_PAD, &[3; 16]),
                malformed: Mech::bytes(CKM_AES_CBC_PAD, &[3; 15]),
                takes: aes,
                streams: true,
                size: 0,
                longest: usize::MAX,
            },
            Row {
                id: CKM_AES_GCM,
                mech: Mech::gcm(&[5; 12], b"aad", 128),
                malformed: Mech::gcm(&[5; 12], b"aad", 129),
                takes: aes,
                streams: true,
                size: 0,
                longest: usize::MAX,
            },
            plain(CKM_RSA_PKCS, Some((class, CKK_RSA)), false, 128, 117),
        ]
    };
    [
        vec![plain(CKM_SHA256, None, true, 32, usize::MAX), plain(CKM_SHA_1, None, true, 20, usize::MAX)],
        signs(CKO_PRIVATE_KEY),
        signs(CKO_PUBLIC_KEY),
        ciphers(CKO_PUBLIC_KEY),
        ciphers(CKO_PRIVATE_KEY),
    ]
}

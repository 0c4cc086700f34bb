//! What a class can say of one of its attributes: the footnotes of the standard's tables as a small set, and the default.
//! The rows that use them are in `classes.rs`; `create.rs`, `change.rs`, `instance.rs` and `record.rs` obey them.

/// A set of rules. Where a rule is a footnote of PKCS #11 (§4.2, table "Common footnotes"), its number is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules(u16);

impl Rules {
    /// No rule: may be given at birth, is fixed after that.
    pub const NONE: Rules = Rules(0);
    /// 1: must be given to C_CreateObject.
    pub const CREATE: Rules = Rules(1);
    /// 2: must not be given to C_CreateObject.
    pub const NO_CREATE: Rules = Rules(1 << 1);
    /// 3: must be given to C_GenerateKey or C_GenerateKeyPair.
    pub const GENERATE: Rules = Rules(1 << 2);
    /// 4: must not be given to C_GenerateKey or C_GenerateKeyPair. A public number that agrees is let through.
    pub const NO_GENERATE: Rules = Rules(1 << 3);
    /// 5: must be given to C_UnwrapKey.
    pub const UNWRAP: Rules = Rules(1 << 4);
    /// 6: must not be given to C_UnwrapKey. A public number that agrees is let through.
    pub const NO_UNWRAP: Rules = Rules(1 << 5);
    /// 7: not revealed while CKA_SENSITIVE is true or CKA_EXTRACTABLE is false; always sealed on disk.
    pub const SECRET: Rules = Rules(1 << 6);
    /// 8: may change by C_SetAttributeValue and C_CopyObject.
    pub const CHANGE: Rules = Rules(1 << 7);
    /// 10: only the SO may set it to true.
    pub const SO: Rules = Rules(1 << 8);
    /// 11: frozen once true.
    pub const STAYS_TRUE: Rules = Rules(1 << 9);
    /// 12: frozen once false.
    pub const STAYS_FALSE: Rules = Rules(1 << 10);
    /// May differ in a copy, and only there (§4.1.3).
    pub const COPY: Rules = Rules(1 << 11);
    /// 2, 4 and 6 together: only the token sets it.
    pub const COMPUTED: Rules = Rules::NO_CREATE.and(Rules::NO_GENERATE).and(Rules::NO_UNWRAP);
    /// 1 and 4: a number of a public key.
    pub const PUBLIC_NUMBER: Rules = Rules::CREATE.and(Rules::NO_GENERATE);
    /// 1 and 3: a parameter that a public key is generated from.
    pub const PARAMETER: Rules = Rules::CREATE.and(Rules::GENERATE);
    /// 1, 4 and 6: a public number in a private key.
    pub const PRIVATE_NUMBER: Rules = Rules::PUBLIC_NUMBER.and(Rules::NO_UNWRAP);
    /// 4 and 6: a number that the token can compute when it is not given.
    pub const DERIVED_NUMBER: Rules = Rules::NO_GENERATE.and(Rules::NO_UNWRAP);
    /// 1, 4, 6 and 7: the secret of a key.
    pub const SECRET_NUMBER: Rules = Rules::PRIVATE_NUMBER.and(Rules::SECRET);
    /// 4, 6 and 7: a secret that the token can compute, or that need not be known.
    pub const DERIVED_SECRET: Rules = Rules::DERIVED_NUMBER.and(Rules::SECRET);
    /// 8 and 11.
    pub const RAISE: Rules = Rules::CHANGE.and(Rules::STAYS_TRUE);
    /// 8 and 12.
    pub const LOWER: Rules = Rules::CHANGE.and(Rules::STAYS_FALSE);

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Rules) -> Rules {
        Rules(self.0 | other.0)
    }

    /// True if every rule of `other` is in this set.
    #[must_use]
    pub const fn has(self, other: Rules) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What an attribute holds when nobody gave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preset {
    /// Nothing: it must be given, or the token computes it.
    None,
    /// CK_FALSE.
    False,
    /// CK_TRUE.
    True,
    /// No bytes; such a value is not stored.
    Empty,
    /// A number.
    Ulong(u64),
    /// A usage flag: true where the class row lists it among its uses (footnote 9).
    ByUse,
    /// Depends on class and birth: CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE (footnote 9, see `keys.rs`).
    ByBirth,
}

/// What a class says of one attribute.
#[derive(Clone, Copy, Debug)]
pub struct Has {
    /// CKA_ number.
    pub id: u64,
    /// Who may set, change and read it.
    pub rules: Rules,
    /// Its value when nobody gave one.
    pub preset: Preset,
}

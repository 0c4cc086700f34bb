//! A property of the whole: whatever the sequence of creating, copying, changing, deriving, unwrapping and generating, the bytes of a key that is
//! sensitive or not extractable leave through no attribute, no copy, no wrapping and no blob.
//!
//! The test knows the secrets, since it made them, and looks for them in every byte that the module writes. PROPTEST_CASES makes the run longer.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]

mod client;

use client::vendor::{CKA_CNG_BLOB, CKA_CNG_BLOB_TYPE, CKA_CNG_ORIGIN};
use client::{Attrs, Mech, Module, Rv, alone, input, load, two_calls};
use cryptoki_sys::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
/// Any so many bytes in a row of a secret are a leak.
const WINDOW: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Aes,
    Generic,
    Ec,
}

/// Sensitive and extractable, where they are asked for.
type Asked = (Option<bool>, Option<bool>);

#[derive(Clone, Debug)]
enum Step {
    Create(Kind, [u8; 32], Asked),
    Copy(usize, Asked),
    Set(usize, Asked),
    Unwrap([u8; 32], Asked),
    Derive(Asked),
    Generate(Asked),
    Destroy(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let asked = || (proptest::option::of(any::<bool>()), proptest::option::of(any::<bool>()));
    let kind = prop_oneof![Just(Kind::Aes), Just(Kind::Generic), Just(Kind::Ec)];
    let secret = || any::<[u8; 32]>().prop_filter("a value that is not all alike", |v| v.windows(2).filter(|w| w[0] != w[1]).count() > 8);
    let step = prop_oneof![
        4 => (kind, secret(), asked()).prop_map(|(kind, value, asked)| Step::Create(kind, value, asked)),
        4 => (any::<usize>(), asked()).prop_map(|(which, asked)| Step::Copy(which, asked)),
        3 => (any::<usize>(), asked()).prop_map(|(which, asked)| Step::Set(which, asked)),
        2 => (secret(), asked()).prop_map(|(value, asked)| Step::Unwrap(value, asked)),
        1 => asked().prop_map(Step::Derive),
        1 => asked().prop_map(Step::Generate),
        1 => any::<usize>().prop_map(Step::Destroy),
    ];
    proptest::collection::vec(step, 1..14)
}

/// A key as the test knows it.
#[derive(Clone, Debug)]
struct Known {
    handle: u64,
    /// Empty where the token chose it and never showed it.
    secret: Vec<u8>,
    sensitive: bool,
    extractable: bool,
}

impl Known {
    fn is_protected(&self) -> bool {
        self.sensitive || !self.extractable
    }
}

/// The keys that all sequences use.
struct World {
    m: &'static Module,
    s: u64,
    wrapping: u64,
    base: u64,
    peer: Vec<u8>,
    derived: Vec<u8>,
}

fn flags(attrs: Attrs, asked: Asked) -> Attrs {
    let attrs = asked.0.map_or(attrs.clone(), |value| attrs.bool(CKA_SENSITIVE, value));
    asked.1.map_or(attrs.clone(), |value| attrs.bool(CKA_EXTRACTABLE, value))
}

fn secret_key() -> Attrs {
    Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
}

impl World {
    fn new() -> Self {
        let m = load();
        let s = m.make_token_and_log_in();
        let wrapping = Attrs::secret(CKK_AES, "wrapping", &[0x11; 32]).bool(CKA_WRAP, true).bool(CKA_UNWRAP, true).bool(CKA_ENCRYPT, true);
        let wrapping = m.create(s, &wrapping).unwrap();
        let pair = |usage| {
            let public = Attrs::new().bytes(CKA_EC_PARAMS, &P256);
            m.generate_pair(s, &Mech::plain(CKM_EC_KEY_PAIR_GEN), &public, &Attrs::new().bool(usage, true)).unwrap()
        };
        let (base, peer) = (pair(CKA_DERIVE).1, m.get(s, pair(CKA_DERIVE).0, CKA_EC_POINT).unwrap());
        let mut world = Self { m, s, wrapping, base, peer, derived: Vec::new() };
        let shown = world.derive((Some(false), Some(true))).unwrap();
        world.derived = m.get(s, shown, CKA_VALUE).unwrap();
        world
    }

    fn derive(&self, asked: Asked) -> Result<u64, Rv> {
        let mech = Mech::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, &self.peer);
        self.m.derive(self.s, &mech, self.base, &flags(secret_key().ulong(CKA_VALUE_LEN, 32), asked))
    }

    /// A key as it stands now: what it says of itself is the token's word; that it was not loosened is the test's.
    fn known(&self, handle: u64, secret: &[u8]) -> Known {
        let get = |id| self.m.get_bool(self.s, handle, id).unwrap();
        Known { handle, secret: secret.to_vec(), sensitive: get(CKA_SENSITIVE), extractable: get(CKA_EXTRACTABLE) }
    }

    fn create(&self, kind: Kind, value: &[u8; 32], asked: Asked) -> Option<Known> {
        let mut value = *value;
        let attrs = match kind {
            Kind::Aes => Attrs::secret(CKK_AES, "key", &value),
            Kind::Generic => Attrs::secret(CKK_GENERIC_SECRET, "key", &value),
            Kind::Ec => {
                // Below the group's order.
                value[0] &= 0x7F;
                Attrs::new().class(CKO_PRIVATE_KEY).ulong(CKA_KEY_TYPE, CKK_EC).bytes(CKA_EC_PARAMS, &P256).bytes(CKA_VALUE, &value)
            }
        };
        let handle = self.m.create(self.s, &flags(attrs, asked)).ok()?;
        Some(self.born(handle, &value, asked))
    }

    /// A new key has what was asked.
    fn born(&self, handle: u64, secret: &[u8], asked: Asked) -> Known {
        let known = self.known(handle, secret);
        assert!(asked.0.is_none_or(|s| s == known.sensitive) && asked.1.is_none_or(|e| e == known.extractable), "{asked:?} became {known:?}");
        known
    }

    fn unwrap(&self, value: &[u8; 32], asked: Asked) -> Option<Known> {
        let (m, s, mech) = (self.m, self.s, Mech::plain(CKM_AES_KEY_WRAP_KWP));
        let carrier = m.create(s, &Attrs::secret(CKK_GENERIC_SECRET, "carrier", value).bool(CKA_EXTRACTABLE, true)).unwrap();
        let wrapped = two_calls(|out, len| p11!(m, C_WrapKey, s, mech.as_ptr(), self.wrapping, carrier, out, len)).unwrap();
        m.destroy(s, carrier).unwrap();
        let (template, (at, len), mut handle) = (flags(secret_key(), asked), input(&wrapped), 0);
        let mut rows = template.rows();
        let count = rows.len() as CK_ULONG;
        p11!(m, C_UnwrapKey, s, mech.as_ptr(), self.wrapping, at, len, rows.as_mut_ptr(), count, &raw mut handle).ok().ok()?;
        Some(self.born(handle, value, asked))
    }

    /// A copy or change may tighten, never loosen.
    fn judge(was: &Known, now: &Known, what: &str) {
        assert!(now.sensitive || !was.sensitive, "{what} took CKA_SENSITIVE from {was:?}");
        assert!(!now.extractable || was.extractable, "{what} gave CKA_EXTRACTABLE to {was:?}");
    }

    fn step(&self, step: &Step, keys: &mut Vec<Known>) {
        let pick = |which: usize, keys: &[Known]| (!keys.is_empty()).then(|| which % keys.len());
        match step {
            Step::Create(kind, value, asked) => keys.extend(self.create(*kind, value, *asked)),
            Step::Copy(which, asked) => {
                let Some(was) = pick(*which, keys).map(|at| keys[at].clone()) else { return };
                if let Ok(handle) = self.m.copy(self.s, was.handle, &flags(Attrs::new(), *asked)) {
                    let now = self.known(handle, &was.secret);
                    Self::judge(&was, &now, "C_CopyObject");
                    keys.push(now);
                }
            }
            Step::Set(which, asked) => {
                let Some(at) = pick(*which, keys) else { return };
                let was = keys[at].clone();
                let attrs = flags(Attrs::new(), *asked);
                if !attrs.rows().is_empty() {
                    let _ = self.m.set(self.s, was.handle, &attrs);
                }
                let now = self.known(was.handle, &was.secret);
                Self::judge(&was, &now, "C_SetAttributeValue");
                keys.remove(at);
                keys.push(now);
            }
            Step::Unwrap(value, asked) => keys.extend(self.unwrap(value, *asked)),
            Step::Derive(asked) => {
                if let Ok(handle) = self.derive(*asked) {
                    keys.push(self.born(handle, &self.derived, *asked));
                }
            }
            Step::Generate(asked) => {
                let attrs = flags(Attrs::new().ulong(CKA_VALUE_LEN, 32), *asked);
                let handle = self.m.generate(self.s, &Mech::plain(CKM_AES_KEY_GEN), &attrs).unwrap();
                keys.push(self.born(handle, &[], *asked));
            }
            Step::Destroy(which) => {
                let Some(at) = pick(*which, keys) else { return };
                self.m.destroy(self.s, keys.swap_remove(at).handle).unwrap();
            }
        }
    }

    /// Everything that every attribute of an object tells, whatever the number.
    fn told(&self, key: &Known) -> Vec<u8> {
        let vendor = [CKA_CNG_BLOB, CKA_CNG_BLOB_TYPE, CKA_CNG_ORIGIN];
        let ids: Vec<u64> = (0..0x640).chain([0x4000_0211, 0x4000_0212, 0x4000_0213, 0x4000_0600]).chain(vendor).collect();
        let mut all = Vec::new();
        for some in ids.chunks(200) {
            let mut room = vec![0_u8; some.len() * 256];
            let row = |(id, room): (&u64, &mut [u8])| CK_ATTRIBUTE { type_: *id, pValue: room.as_mut_ptr().cast(), ulValueLen: 256 };
            // Templates would be read as rows with pointers of their own: they hold no secrets, and are asked for without room.
            let mut rows: Vec<CK_ATTRIBUTE> = some.iter().zip(room.chunks_mut(256)).map(row).collect();
            for row in rows.iter_mut().filter(|row| row.type_ & CKF_ARRAY_ATTRIBUTE != 0) {
                row.pValue = std::ptr::null_mut();
                row.ulValueLen = 0;
            }
            let _ = p11!(self.m, C_GetAttributeValue, self.s, key.handle, rows.as_mut_ptr(), rows.len() as CK_ULONG);
            // What nobody wrote into stays zero.
            room.chunks(256).filter(|value| value.iter().any(|byte| *byte != 0)).for_each(|value| all.extend(value));
        }
        all
    }

    /// Wrapped in every way, and exported as every blob that could carry it.
    fn carried(&self, key: &Known) -> Vec<(&'static str, Result<Vec<u8>, Rv>)> {
        let (m, s) = (self.m, self.s);
        let wrap = |mech: &Mech| two_calls(|out, len| p11!(m, C_WrapKey, s, mech.as_ptr(), self.wrapping, key.handle, out, len));
        let export = |name: &str| m.export(s, key.handle, name);
        vec![
            ("AES-KWP", wrap(&Mech::plain(CKM_AES_KEY_WRAP_KWP))),
            ("AES-CBC-PAD", wrap(&Mech::bytes(CKM_AES_CBC_PAD, &[0; 16]))),
            ("AES-GCM", wrap(&Mech::gcm(&[0; 12], b"", 128))),
            ("KeyDataBlob", export("KeyDataBlob")),
            ("OpaqueKeyBlob", export("OpaqueKeyBlob")),
            ("Rfc3565KeyWrapBlob", export("Rfc3565KeyWrapBlob")),
            ("ECCPRIVATEBLOB", export("ECCPRIVATEBLOB")),
            ("ECCFULLPRIVATEBLOB", export("ECCFULLPRIVATEBLOB")),
            ("ECCPUBLICBLOB", export("ECCPUBLICBLOB")),
        ]
    }

    /// Looks into the newest `count` keys, for the secrets of all.
    fn look_into(&self, keys: &[Known], count: usize) {
        for key in keys.iter().rev().take(count) {
            let told = self.told(key);
            if key.is_protected() {
                assert_eq!(self.m.get(self.s, key.handle, CKA_VALUE), Err(Rv(CKR_ATTRIBUTE_SENSITIVE)), "{key:?}");
            } else {
                assert!(key.secret.is_empty() || holds(&told, &key.secret), "the search finds nothing even where it is shown: {key:?}");
            }
            self.find_nothing(&told, key, keys, "an attribute");
            for (how, carried) in self.carried(key) {
                let wrapping = how.starts_with("AES");
                assert!(key.extractable || !wrapping || carried.is_err(), "{how} carries {key:?}");
                // The public half of a pair is no secret.
                assert!(!key.is_protected() || wrapping || how == "ECCPUBLICBLOB" || carried.is_err(), "{how} carries {key:?}");
                self.find_nothing(&carried.unwrap_or_default(), key, keys, how);
            }
        }
    }

    /// No protected key's secret is in what `from` gave out, unless `from` has the same secret and may show it.
    fn find_nothing(&self, output: &[u8], from: &Known, keys: &[Known], how: &str) {
        for key in keys.iter().filter(|key| key.is_protected() && !key.secret.is_empty()) {
            if from.is_protected() || from.secret != key.secret {
                assert!(!holds(output, &key.secret), "{how} of {from:?} shows {key:?}");
            }
        }
    }
}

fn holds(output: &[u8], secret: &[u8]) -> bool {
    let parts: std::collections::HashSet<&[u8]> = secret.windows(WINDOW).collect();
    output.windows(WINDOW).any(|window| parts.contains(window))
}

#[test]
fn no_sequence_lets_a_protected_secret_out() {
    alone(|_| {
        let world = World::new();
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&steps(), |steps| {
            let mut keys = Vec::new();
            for step in &steps {
                world.step(step, &mut keys);
                world.look_into(&keys, 1);
            }
            world.look_into(&keys, usize::MAX);
            for key in keys {
                world.m.destroy(world.s, key.handle).unwrap();
            }
            Ok(())
        });
        outcome.unwrap_or_else(|e| panic!("{e}"));
    });
}

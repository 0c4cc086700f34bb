//! Domain parameters that the token makes, in use and before OpenSSL's eyes; and key pairs by the method with extra random bits.

use crate::client::{Attrs, Mech, Module, Rv, alone, load};
use crate::{answers, hex_of, text_of};
use cryptoki_sys::*;
use std::io::Write;
use std::process::{Command, Stdio};
use std::ptr::null_mut;

/// One number of an object.
fn number(m: &Module, s: u64, object: u64, id: u64) -> Vec<u8> {
    m.get(s, object, id).unwrap()
}

/// DER of a short or long number or sequence.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let header = match len {
        0..=0x7F => vec![tag, u8::try_from(len).unwrap()],
        _ => [&[tag, 0x82][..], &u16::try_from(len).unwrap().to_be_bytes()].concat(),
    };
    [&header[..], content].concat()
}

/// Asks OpenSSL, where there is one, whether the parameters are valid.
fn openssl_agrees(label: &str, numbers: &[Vec<u8>]) {
    let body: Vec<u8> = numbers.iter().flat_map(|n| der(2, &if n[0] & 0x80 != 0 { [&[0], &n[..]].concat() } else { n.clone() })).collect();
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64(&der(0x30, &body)).as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).unwrap());
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    let child =
        Command::new("openssl").args(["pkeyparam", "-check", "-noout"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        println!("note: no openssl here: {label} is judged by the token's own checks alone");
        return;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(said.contains("Parameters are valid"), "{label}: {said}\n{text}");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[usize::try_from((n >> (18 - 6 * place)) & 63).unwrap()];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn generation(hash: u64, seed: &mut [u8], index: u64) -> CK_DSA_PARAMETER_GEN_PARAM {
    let at = if seed.is_empty() { null_mut() } else { seed.as_mut_ptr() };
    CK_DSA_PARAMETER_GEN_PARAM { hash, pSeed: at, ulSeedLen: seed.len() as CK_ULONG, ulIndex: index }
}

fn group_of(m: &Module, s: u64, object: u64, ids: &[u64]) -> Attrs {
    ids.iter().fold(Attrs::new(), |t, id| t.bytes(*id, &number(m, s, object, *id)))
}

#[test]
fn a_dsa_group_is_valid_and_makes_keys() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for (bits, subprime) in [(512, None), (1024, None), (1024, Some(224))] {
            let base = Attrs::new().ulong(CKA_PRIME_BITS, bits).label("group");
            let template = subprime.map_or(base.clone(), |n| base.ulong(CKA_SUBPRIME_BITS, n));
            let group = m.generate(s, &Mech::plain(CKM_DSA_PARAMETER_GEN), &template).unwrap();
            let ids = [CKA_PRIME, CKA_SUBPRIME, CKA_BASE];
            assert_eq!(m.get_ulong(s, group, CKA_CLASS), Ok(CKO_DOMAIN_PARAMETERS));
            assert_eq!((m.get_ulong(s, group, CKA_KEY_TYPE), m.get_bool(s, group, CKA_LOCAL)), (Ok(CKK_DSA), Ok(true)));
            assert_eq!((m.get_ulong(s, group, CKA_PRIME_BITS), m.get_ulong(s, group, CKA_SUBPRIME_BITS)), (Ok(bits), Ok(subprime.unwrap_or(160))));
            // OpenSSL knows no other pair of sizes near these.
            if (bits, subprime) == (1024, None) {
                openssl_agrees("DSA PARAMETERS", &ids.map(|id| number(m, s, group, id)));
            }
            let public = group_of(m, s, group, &ids).bool(CKA_VERIFY, true);
            let (public, private) = m.generate_pair(s, &Mech::plain(CKM_DSA_KEY_PAIR_GEN), &public, &Attrs::new().bool(CKA_SIGN, true)).unwrap();
            let signature = m.sign(s, &Mech::plain(CKM_DSA_SHA256), private, b"data").unwrap();
            m.verify(s, &Mech::plain(CKM_DSA_SHA256), public, b"data", &signature).unwrap();
            assert_eq!(m.find(s, &Attrs::new().class(CKO_DOMAIN_PARAMETERS).bytes(CKA_PRIME, &number(m, s, group, CKA_PRIME))), Ok(vec![group]));
        }
    });
}

#[test]
fn primes_from_a_seed_tell_it_and_the_base_follows_from_it() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let mut seed = vec![0xA5; 28];
        let mech = Mech::structure(CKM_DSA_PROBABILISTIC_PARAMETER_GEN, generation(CKM_SHA256, &mut seed, 0), vec![]);
        let template = Attrs::new().ulong(CKA_PRIME_BITS, 1024).ulong(CKA_SUBPRIME_BITS, 160);
        let primes = m.generate(s, &mech, &template).unwrap();
        assert_ne!(seed, vec![0xA5; 28], "the seed is told");
        assert_eq!(m.get(s, primes, CKA_BASE), Ok(vec![]), "the standard leaves the base to another mechanism");

        let from = group_of(m, s, primes, &[CKA_PRIME, CKA_SUBPRIME]);
        let mech = Mech::structure(CKM_DSA_FIPS_G_GEN, generation(CKM_SHA256, &mut seed, 1), vec![]);
        let group = m.generate(s, &mech, &from).unwrap();
        openssl_agrees("DSA PARAMETERS", &[CKA_PRIME, CKA_SUBPRIME, CKA_BASE].map(|id| number(m, s, group, id)));

        for test in answers("dsa_groups")["generators"].as_array().unwrap() {
            let hash = if text_of(test, "hash") == "SHA-1" { CKM_SHA_1 } else { CKM_SHA256 };
            let mut seed = hex_of(test, "seed");
            let index = u64::from_str_radix(text_of(test, "index"), 16).unwrap();
            let mech = Mech::structure(CKM_DSA_FIPS_G_GEN, generation(hash, &mut seed, index), vec![]);
            let from = Attrs::new().bytes(CKA_PRIME, &hex_of(test, "p")).bytes(CKA_SUBPRIME, &hex_of(test, "q"));
            let group = m.generate(s, &mech, &from).unwrap();
            assert_eq!(number(m, s, group, CKA_BASE), hex_of(test, "g"));
        }

        let refused = |mech: &Mech, t: &Attrs| m.generate(s, mech, t).unwrap_err().0;
        let seeded = |hash, len: usize| {
            let mut buffers = vec![vec![0; len]];
            let parameter = generation(hash, &mut buffers[0], 0);
            Mech::structure(CKM_DSA_PROBABILISTIC_PARAMETER_GEN, parameter, buffers)
        };
        for bad in [seeded(CKM_SHA256, 19), seeded(CKM_SHA256, 129), seeded(0x999, 20), Mech::plain(CKM_DSA_PROBABILISTIC_PARAMETER_GEN)] {
            assert_eq!(refused(&bad, &template), CKR_MECHANISM_PARAM_INVALID);
        }
        let wide = Attrs::new().ulong(CKA_PRIME_BITS, 1024).ulong(CKA_SUBPRIME_BITS, 256);
        assert_eq!(refused(&seeded(CKM_SHA_1, 32), &wide), CKR_MECHANISM_PARAM_INVALID);
        let no_group = Attrs::new().bytes(CKA_PRIME, &[0xFF; 128]).bytes(CKA_SUBPRIME, &[0xFF; 20]);
        assert_eq!(refused(&mech, &no_group), CKR_DOMAIN_PARAMS_INVALID);
        assert_eq!(refused(&mech, &from.without(&[CKA_SUBPRIME])), CKR_TEMPLATE_INCOMPLETE);
    });
}

#[test]
fn diffie_hellman_groups_are_valid_and_make_keys_that_agree() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let group = m.generate(s, &Mech::plain(CKM_DH_PKCS_PARAMETER_GEN), &Attrs::new().ulong(CKA_PRIME_BITS, 512)).unwrap();
        assert_eq!((m.get_ulong(s, group, CKA_KEY_TYPE), m.get_ulong(s, group, CKA_PRIME_BITS)), (Ok(CKK_DH), Ok(512)));
        openssl_agrees("DH PARAMETERS", &[CKA_PRIME, CKA_BASE].map(|id| number(m, s, group, id)));
        agree(m, s, group, &[CKA_PRIME, CKA_BASE], CKM_DH_PKCS_KEY_PAIR_GEN);

        let template = Attrs::new().ulong(CKA_PRIME_BITS, 1024).ulong(CKA_SUBPRIME_BITS, 160);
        let group = m.generate(s, &Mech::plain(CKM_X9_42_DH_PARAMETER_GEN), &template).unwrap();
        assert_eq!((m.get_ulong(s, group, CKA_KEY_TYPE), m.get_ulong(s, group, CKA_SUBPRIME_BITS)), (Ok(CKK_X9_42_DH), Ok(160)));
        openssl_agrees("X9.42 DH PARAMETERS", &[CKA_PRIME, CKA_BASE, CKA_SUBPRIME].map(|id| number(m, s, group, id)));
        agree(m, s, group, &[CKA_PRIME, CKA_BASE, CKA_SUBPRIME], CKM_X9_42_DH_KEY_PAIR_GEN);
    });
}

fn agree(m: &Module, s: u64, group: u64, ids: &[u64], generate: u64) {
    let public = group_of(m, s, group, ids);
    let pair = || m.generate_pair(s, &Mech::plain(generate), &public, &Attrs::new().bool(CKA_DERIVE, true)).unwrap();
    let ((a, a_private), (b, b_private)) = (pair(), pair());
    let shared = |private, peer| {
        let value = number(m, s, peer, CKA_VALUE);
        let mech = if generate == CKM_DH_PKCS_KEY_PAIR_GEN {
            Mech::bytes(CKM_DH_PKCS_DERIVE, &value)
        } else {
            Mech::ecdh(CKM_X9_42_DH_DERIVE, CKD_NULL, &value)
        };
        let template =
            Attrs::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
        number(m, s, m.derive(s, &mech, private, &template).unwrap(), CKA_VALUE)
    };
    assert_eq!(shared(a_private, b), shared(b_private, a));
}

#[test]
fn sizes_out_of_range_and_numbers_in_the_template_are_refused_at_once() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        let refused = |id, t: &Attrs| m.generate(s, &Mech::plain(id), t).unwrap_err();
        let bits = |n| Attrs::new().ulong(CKA_PRIME_BITS, n);
        let size = Rv(CKR_ATTRIBUTE_VALUE_INVALID);
        for n in [0, 511, 513, 1000, 3136, 1 << 40, u64::MAX] {
            assert_eq!(refused(CKM_DSA_PARAMETER_GEN, &bits(n)), size);
        }
        assert_eq!(refused(CKM_DSA_PARAMETER_GEN, &bits(1024).ulong(CKA_SUBPRIME_BITS, 161)), size);
        assert_eq!((refused(CKM_DH_PKCS_PARAMETER_GEN, &bits(2049)), refused(CKM_DH_PKCS_PARAMETER_GEN, &bits(256))), (size, size));
        assert_eq!(refused(CKM_X9_42_DH_PARAMETER_GEN, &bits(1100).ulong(CKA_SUBPRIME_BITS, 160)), size);
        assert_eq!(refused(CKM_X9_42_DH_PARAMETER_GEN, &bits(1024)), Rv(CKR_TEMPLATE_INCOMPLETE));
        assert_eq!(refused(CKM_DSA_PARAMETER_GEN, &Attrs::new().label("no size")), Rv(CKR_TEMPLATE_INCOMPLETE));
        assert_eq!(refused(CKM_DSA_PARAMETER_GEN, &bits(512).bytes(CKA_BASE, &[2])), Rv(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(refused(CKM_DSA_PARAMETER_GEN, &bits(512).ulong(CKA_KEY_TYPE, CKK_DH)), Rv(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(m.generate(s, &Mech::bytes(CKM_DSA_PARAMETER_GEN, &[1]), &bits(512)), Err(Rv(CKR_MECHANISM_PARAM_INVALID)));
    });
}

#[test]
fn keys_from_extra_random_bits_sign_and_verify_on_every_curve() {
    alone(|_| {
        let m = load();
        let s = m.make_token_and_log_in();
        for params in ["06082a8648ce3d030107", "06052b81040022", "06052b81040023", "06052b8104000a", "06052b81040021", "06092b240303020801010b"] {
            let public = Attrs::new().bytes(CKA_EC_PARAMS, &hex::decode(params).unwrap()).bool(CKA_VERIFY, true);
            let mech = Mech::plain(CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS);
            let (public, private) = m.generate_pair(s, &mech, &public, &Attrs::new().bool(CKA_SIGN, true)).unwrap();
            assert_eq!(m.get_ulong(s, private, CKA_KEY_GEN_MECHANISM), Ok(CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS));
            let signature = m.sign(s, &Mech::plain(CKM_ECDSA_SHA256), private, b"data").unwrap();
            m.verify(s, &Mech::plain(CKM_ECDSA_SHA256), public, b"data", &signature).unwrap();
        }
    });
}

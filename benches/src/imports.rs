//! How long an import can take: every shared vector, damaged or not, and inputs made to keep the module busy, through C_CreateObject with
//! CKA_CNG_BLOB. Prints the slowest accepted and the slowest refused ones; the bound is 2 s for any input.
//!
//! A run is a child process of itself, since the module reads its store from the environment.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use serde_json::Value;

use crate::Failure;
use crate::client::{Client, Session};
use crate::clock::thread_cpu;
use crate::operation::{PIN, SO_PIN};

const CKA_CNG_BLOB: CK_ATTRIBUTE_TYPE = 0xC34E_4701;
const CKA_CNG_BLOB_TYPE: CK_ATTRIBUTE_TYPE = 0xC34E_4702;
const CKA_CNG_PASSWORD: CK_ATTRIBUTE_TYPE = 0xC34E_4707;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The module; libcngtoken.so beside this program if not given
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// How many of the slowest are shown of each kind
    #[arg(long, default_value_t = 12)]
    show: usize,
    /// Exit code 1 if any import takes longer, in seconds of CPU time
    #[arg(long, default_value_t = 2.0)]
    bound: f64,
    /// The child's part
    #[arg(long, hide = true)]
    child: bool,
}

/// One import: attributes beside CKA_TOKEN = false.
struct Input {
    name: String,
    attributes: Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>,
}

impl Input {
    fn blob(name: impl Into<String>, blob_type: Option<&str>, blob: &[u8]) -> Self {
        let mut attributes = vec![(CKA_CNG_BLOB, blob.to_vec())];
        attributes.extend(blob_type.map(|t| (CKA_CNG_BLOB_TYPE, t.as_bytes().to_vec())));
        Self { name: name.into(), attributes }
    }
}

/// What became of it.
struct Outcome {
    name: String,
    refused: Option<String>,
    cpu: Duration,
    wall: Duration,
}

/// Runs all of them; true if none took longer than the bound.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let program = std::env::current_exe()?;
    let beside = program.parent().unwrap_or(Path::new(".")).join("libcngtoken.so");
    let module = arguments.module.clone().unwrap_or(beside);
    if arguments.child {
        return measure(&module, arguments);
    }
    let folder = tempfile::tempdir()?;
    let status = Command::new(&program)
        .args(["imports", "--child", "--show", &arguments.show.to_string(), "--bound", &arguments.bound.to_string(), "--module"])
        .arg(&module)
        .env("CNGTOKEN_STORE", folder.path().join("store.db"))
        .env("CNGTOKEN_KDF", "test")
        .env_remove("CNGTOKEN_CONF")
        .env_remove("CNGTOKEN_LOG")
        .status()?;
    Ok(status.success())
}

fn measure(module: &Path, arguments: &Arguments) -> Result<bool, Failure> {
    let client = Client::load(module)?;
    client.make_token(client.slot(false)?, SO_PIN, PIN)?;
    let session = client.open(client.slot(true)?)?;
    session.login(PIN)?;
    let mut inputs = crafted();
    inputs.extend(encrypted());
    inputs.extend(vectors()?);
    let mut outcomes: Vec<Outcome> = inputs.iter().map(|input| import(session, input)).collect();
    outcomes.sort_by_key(|o| std::cmp::Reverse(o.cpu));
    let mut within = true;
    for (title, refused) in [("accepted", false), ("refused", true)] {
        let of_kind: Vec<&Outcome> = outcomes.iter().filter(|o| o.refused.is_some() == refused).collect();
        println!("{} {title}; the slowest:", of_kind.len());
        for o in of_kind.iter().take(arguments.show) {
            let why = o.refused.as_deref().unwrap_or("");
            println!("  {:8.1} ms CPU {:8.1} ms wall  {}  {why}", o.cpu.as_secs_f64() * 1e3, o.wall.as_secs_f64() * 1e3, o.name);
        }
        within &= of_kind.first().is_none_or(|o| o.cpu.as_secs_f64() <= arguments.bound);
    }
    println!("bound: {} s of CPU time: {}", arguments.bound, if within { "kept by all" } else { "MISSED" });
    Ok(within)
}

fn import(session: Session, input: &Input) -> Outcome {
    let no = [CK_FALSE];
    let mut attributes: Vec<(CK_ATTRIBUTE_TYPE, &[u8])> = vec![(CKA_TOKEN, no.as_slice())];
    attributes.extend(input.attributes.iter().map(|(id, value)| (*id, value.as_slice())));
    let (cpu, wall) = (thread_cpu(), Instant::now());
    let made = session.create(&attributes);
    let (cpu, wall) = (thread_cpu().saturating_sub(cpu), wall.elapsed());
    let refused = match made.and_then(|object| session.destroy(object)) {
        Ok(()) => None,
        Err(failure) => Some(failure.to_string()),
    };
    Outcome { name: input.name.clone(), refused, cpu, wall }
}

macro_rules! files {
    ($($name:literal)*) => {
        /// The blobs of `benches/imports`.
        const CRAFTED: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../imports/", $name, ".blob")))),*];
    };
}

files! {
    "rsa-16384" "rsa-16384-composite" "rsa-2048-pseudoprime"
    "dsa-3072-512-seed" "dsa-3072-512-wrong-seed" "dsa-3072-512-outside" "dsa-4096" "dh-8192" "dh-8192-composite"
}

/// The files, and other forms of the largest RSA key.
fn crafted() -> Vec<Input> {
    let mut inputs: Vec<Input> = CRAFTED.iter().map(|(name, blob)| Input::blob(*name, None, blob)).collect();
    let whole = CRAFTED.first().map(|(_, blob)| *blob).unwrap_or_default();
    // RSA3: header, e of 3 bytes, n, p, q, dp, dq, qinv, d.
    let part = |from: usize, len: usize| whole.get(from..from + len).unwrap_or_default();
    let mut short = whole.get(..27 + 4096).unwrap_or_default().to_vec();
    if let Some(digit) = short.get_mut(3) {
        *digit = b'2';
    }
    inputs.push(Input::blob("rsa-16384 as RSAPRIVATEBLOB", None, &short));
    let number = |value: u64| value.to_ne_bytes().to_vec();
    let key = vec![
        (CKA_CLASS, number(CKO_PRIVATE_KEY)),
        (CKA_KEY_TYPE, number(CKK_RSA)),
        (CKA_PUBLIC_EXPONENT, part(24, 3).to_vec()),
        (CKA_MODULUS, part(27, 2048).to_vec()),
        (CKA_PRIVATE_EXPONENT, part(whole.len().saturating_sub(2048), 2048).to_vec()),
    ];
    // The primes must be found from n, e and d; with another d there is nothing to find.
    let mut wrong = key.clone();
    if let Some(last) = wrong.last_mut().and_then(|(_, d)| d.last_mut()) {
        *last ^= 2;
    }
    inputs.push(Input { name: "rsa-16384 as n, e and d".to_owned(), attributes: key });
    inputs.push(Input { name: "rsa-16384 as n, e and another d".to_owned(), attributes: wrong });
    inputs
}

/// One element of DER; everything here is shorter than 256 bytes.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).unwrap_or(u8::MAX);
    let header: &[u8] = if len < 0x80 { &[tag, len] } else { &[tag, 0x81, len] };
    [header, content].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// Encrypted PKCS#8 whose derivation costs as much as is let pass; no password opens them.
fn encrypted() -> Vec<Input> {
    let integer = |n: u32| {
        let bytes: Vec<u8> = n.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
        let sign: &[u8] = if bytes.first().is_some_and(|b| b & 0x80 != 0) { &[0] } else { &[] };
        tlv(2, &[sign, &bytes].concat())
    };
    let oid = |arcs: &[u8]| tlv(6, arcs);
    let pkcs5 = |last: u8| oid(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, last]);
    let aes256 = sequence(&[oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2A]), tlv(4, &[7; 16])]);
    let pbes2 = |kdf: Vec<u8>| sequence(&[pkcs5(13), sequence(&[kdf, aes256.clone()])]);
    let pbkdf2 = |hmac: u8| {
        let prf = sequence(&[oid(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 2, hmac]), tlv(5, &[])]);
        sequence(&[pkcs5(12), sequence(&[tlv(4, &[1; 16]), integer(3_999_999), prf])])
    };
    // N = 2^16, r = 8: 64 MiB, four times.
    let scrypt = sequence(&[oid(&[0x2B, 6, 1, 4, 1, 0xDA, 0x47, 4, 0x0B]), sequence(&[tlv(4, &[1; 16]), integer(65_536), integer(8), integer(4)])]);
    let pkcs12 = |scheme: u8, count: u32| {
        sequence(&[oid(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 12, 1, scheme]), sequence(&[tlv(4, &[1; 16]), integer(count)])])
    };
    let schemes = [
        ("PBKDF2, SHA-1, 3,999,999 iterations", pbes2(pbkdf2(7))),
        ("PBKDF2, SHA-256, 3,999,999 iterations", pbes2(pbkdf2(9))),
        ("PBKDF2, SHA-512, 3,999,999 iterations", pbes2(pbkdf2(11))),
        ("scrypt of 64 MiB, four times", pbes2(scrypt)),
        ("PKCS#12 3DES, 1,999,999 iterations", pkcs12(3, 1_999_999)),
        ("PKCS#12 3DES, 2,147,483,647 iterations", pkcs12(3, i32::MAX.unsigned_abs())),
    ];
    let input = |(name, algorithm): (&str, Vec<u8>)| {
        let mut input = Input::blob(format!("PKCS#8 under {name}"), Some("PKCS8_PRIVATEKEY"), &sequence(&[algorithm, tlv(4, &[3; 64])]));
        input.attributes.push((CKA_CNG_PASSWORD, b"a password".to_vec()));
        input
    };
    schemes.into_iter().map(input).collect()
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect()
}

/// Every blob of `../shared/vectors`, if that is beside the project.
fn vectors() -> Result<Vec<Input>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let mut inputs = Vec::new();
    for name in ["rsa", "ecc", "dsa", "dh", "legacy", "mlkem", "pqdsa", "negative", "layouts"] {
        let Ok(text) = std::fs::read(folder.join(format!("{name}.json"))) else {
            println!("{name}.json is not here");
            continue;
        };
        let json: Value = serde_json::from_slice(&text)?;
        for vector in json["vectors"].as_array().or(json.as_array()).into_iter().flatten() {
            let text = |field: &str| vector[field].as_str();
            let Some(blob) = text("blob_hex").or(text("hex")).and_then(bytes_of) else { continue };
            let id = text("name").or(text("id")).unwrap_or(name);
            let what = text("mutation").map_or_else(|| id.to_owned(), |m| format!("{id} {m}"));
            inputs.push(Input::blob(what, None, &blob));
        }
    }
    Ok(inputs)
}

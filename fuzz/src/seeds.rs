//! Seeds of the fuzz targets, made when they are asked for: from the shared vectors and field files beside the project, and, for
//! containers that are encrypted with few iterations, by openssl. Where these are absent, a few bytes of each shape.

use cngtoken::object::{self, Actor, KeyDefaults, Template, record};
use cngtoken_blob::{BLOBS, Context, Origin, decode};
use cngtoken_cli::shapes::base64_encode;
use cngtoken_crypto::{Level, admit};
use cngtoken_key::KeyParts;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The targets, as their bodies are called.
pub const TARGETS: &[&str] = &["admit", "blob", "der", "explain_code", "inspect", "pkcs8", "record", "shapes", "sniff", "template", "unlock"];

/// What the encrypted seeds were encrypted with: openssl's here first, then those of the field files.
pub const PASSWORDS: &[&str] = &["fuzz", "Field-strong-1", "Field-weak-1", "Field-p8-1", "Field-pfx-1"];

/// A seed with the name of its file.
pub type Seed = (String, Vec<u8>);

/// Longer seeds slow a fuzzer down more than they teach it.
const LONGEST: usize = 4096;

/// The seeds of the target with that name.
#[must_use]
pub fn of(target: &str) -> Vec<Seed> {
    let mut seeds = match target {
        "admit" | "blob" => blobs(),
        "sniff" => [blobs(), names()].concat(),
        "der" => [pkcs8(), spki(), files_of(&["p8", "cer"])].concat(),
        "explain_code" => codes(),
        "pkcs8" => pkcs8(),
        "record" => records(),
        "template" => templates(),
        "shapes" => [texts(), files_of(&[]), containers()].concat(),
        "inspect" => [few(blobs()), few(texts()), files_of(&[]), containers()].concat(),
        "unlock" => locked(),
        _ => Vec::new(),
    };
    seeds.retain(|(_, bytes)| bytes.len() <= LONGEST);
    if seeds.is_empty() {
        seeds = vec![("few".to_owned(), vec![0x30, 3, 2, 1, 0])];
    }
    seeds
}

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("no ../shared/{name} beside the project: fewer seeds");
    None
}

/// Blobs of the shared vectors, the well-formed and the damaged ones.
fn blobs() -> Vec<Seed> {
    let mut out = vec![("rsa".to_owned(), b"RSA1".to_vec()), ("capi".to_owned(), b"\x07\x02\0\0\0\xA4\0\0RSA2".to_vec())];
    for file in ["layouts", "rsa", "ecc", "dsa", "dh", "legacy", "mlkem", "pqdsa"] {
        let Some(path) = shared(&format!("vectors/{file}.json")) else { break };
        let Ok(all) = std::fs::read(path).map_err(drop).and_then(|b| serde_json::from_slice::<serde_json::Value>(&b).map_err(drop)) else { continue };
        let list = all.as_array().or_else(|| all["vectors"].as_array());
        for (i, vector) in list.into_iter().flatten().enumerate() {
            let digits = vector["blob_hex"].as_str().or_else(|| vector["hex"].as_str());
            if let Some(bytes) = digits.and_then(|d| hex::decode(d).ok()) {
                out.push((format!("{file}-{i:03}"), bytes));
            }
        }
    }
    out
}

/// The first blob of each magic.
fn few(seeds: Vec<Seed>) -> Vec<Seed> {
    let mut seen = Vec::new();
    seeds
        .into_iter()
        .filter(|(_, bytes)| {
            bytes.get(..12).is_some_and(|start| {
                !seen.contains(&start.to_vec()) && {
                    seen.push(start.to_vec());
                    true
                }
            })
        })
        .collect()
}

/// Names of blob types and texts of origins.
fn names() -> Vec<Seed> {
    let mut out = Vec::new();
    for row in BLOBS {
        out.push((format!("name-{}", row.name), row.name.as_bytes().to_vec()));
        for (i, magic) in row.magics.iter().enumerate() {
            if let Some(origin) = Origin::of(row, *magic) {
                out.push((format!("origin-{}-{i}", row.name), format!("{} cbKey=32 j=0x0102", origin.to_text()).into_bytes()));
            }
        }
    }
    out
}

/// The keys of the blobs.
fn keys() -> Vec<KeyParts> {
    let claims = few(blobs()).into_iter().filter_map(|(_, blob)| decode(&blob, &Context::default()).ok());
    claims.filter_map(|d| admit(d.claim, Level::NoPrimality).ok()).filter_map(|a| a.private.or(a.public)).collect()
}

fn numbered(what: &str, all: impl Iterator<Item = Vec<u8>>) -> Vec<Seed> {
    all.enumerate().map(|(i, bytes)| (format!("{what}-{i:03}"), bytes)).collect()
}

fn pkcs8() -> Vec<Seed> {
    let written = keys().into_iter().filter_map(|parts| object::pkcs8::encode(&parts).ok()).map(|der| der.expose().to_vec());
    [
        numbered("pkcs8", written),
        openssl(&[
            ("p8-ed25519", "genpkey -algorithm ed25519 -outform DER"),
            ("p8-rsa1024", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -outform DER"),
        ]),
    ]
    .concat()
}

fn spki() -> Vec<Seed> {
    numbered("spki", keys().iter().filter_map(object::spki::spki))
}

/// Objects of the keys, written down. The first byte of the seed says where the clear part ends.
fn records() -> Vec<Seed> {
    let actor = Actor { so: false, logged_in: true };
    let none: Template = std::iter::empty().collect();
    let objects = keys()
        .into_iter()
        .filter_map(move |parts| object::from_parts(&parts, &none, &object::Origin::Imported, &KeyDefaults::default(), &actor).ok());
    numbered(
        "record",
        objects.map(|object| {
            let written = record::encode(&object);
            let at = u8::try_from(written.clear.len()).unwrap_or(u8::MAX);
            [&[at], written.clear.as_slice(), written.sealed.expose()].concat()
        }),
    )
}

/// Every attribute with a value of one byte and of eight, and templates of a few.
fn templates() -> Vec<Seed> {
    let row = |id: u64, value: &[u8]| {
        let [low, high, ..] = id.to_le_bytes();
        let flags = u8::from(id & 0xC34E_4700 == 0xC34E_4700) | u8::from(id & 0x4000_0000 != 0) << 1;
        [&[low, high, flags, u8::try_from(value.len()).unwrap_or(u8::MAX)], value].concat()
    };
    let class = |class: u64, key_type: u64| [row(0, &class.to_le_bytes()), row(0x100, &key_type.to_le_bytes())].concat();
    let every: Vec<u8> = object::ATTRIBUTES.iter().flat_map(|a| row(a.id, &[1])).collect();
    let secret = [class(4, 0x1F), row(0x11, &[7; 16]), row(0x162, &[1]), row(3, b"name"), row(0x102, &[9; 20])].concat();
    let mut out = vec![("every".to_owned(), every), ("aes".to_owned(), secret)];
    for a in object::ATTRIBUTES {
        out.push((format!("attribute-{:08x}", a.id), [class(3, 0), row(a.id, &[0; 8])].concat()));
    }
    out
}

/// Blobs as people paste them.
fn texts() -> Vec<Seed> {
    let mut out = Vec::new();
    for (name, blob) in few(blobs()).into_iter().filter(|(_, b)| b.len() <= 1200) {
        let digits = hex::encode(&blob);
        let pairs: Vec<&str> = (0..digits.len()).step_by(2).filter_map(|i| digits.get(i..i + 2)).collect();
        let base64 = base64_encode(&blob);
        let text = match out.len() % 6 {
            0 => base64.to_string(),
            1 => format!("-----BEGIN KEY-----\n{}\n-----END KEY-----\n", base64.as_str()),
            2 => format!("byte[] k = {{ 0x{} }};", pairs.join(", 0x")),
            3 => pairs.chunks(16).enumerate().map(|(i, line)| format!("{:08x}  {}\n", i * 16, line.join(" "))).collect(),
            4 => format!("{{\"key\": \"{}\"}}", base64.as_str()),
            _ => pairs.join(":"),
        };
        out.push((format!("text-{name}"), text.into_bytes()));
    }
    out
}

/// The field files with one of these endings; all of them if none is named.
fn files_of(endings: &[&str]) -> Vec<Seed> {
    let Some(folder) = shared("field") else { return Vec::new() };
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if !endings.is_empty() && !endings.contains(&ending) || ending == "json" && endings.is_empty() && path.ends_with("cases.json") {
            continue;
        }
        if let (Ok(bytes), Some(name)) = (std::fs::read(&path), path.file_name().and_then(|n| n.to_str())) {
            out.push((format!("field-{name}"), bytes));
        }
    }
    out.sort();
    out
}

/// Names and numbers of codes.
fn codes() -> Vec<Seed> {
    let all =
        ["CKR_OK", "pin_incorrect", "0xA0", "160", "STATUS_INVALID_PARAMETER", "0xC000000D", "3221225485", "-1073741811", "CKM_AES_GCM", "0x1087L"];
    all.iter().map(|code| (code.replace('-', "minus"), code.as_bytes().to_vec())).collect()
}

/// The same in BER: every constructed element with an indefinite length.
fn ber(der: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = der;
    while let [tag, first, tail @ ..] = rest {
        let long = usize::from(first & 0x7F) * usize::from(first >> 7);
        let digits = tail.get(..long).unwrap_or_default();
        let len = if long == 0 { usize::from(*first) } else { digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)) };
        let end = long.saturating_add(len).min(tail.len());
        let content = tail.get(long..end).unwrap_or_default();
        out.push(*tag);
        if tag & 0x20 == 0 {
            out.push(*first);
            out.extend_from_slice(digits);
            out.extend_from_slice(content);
        } else {
            out.push(0x80);
            out.extend(ber(content));
            out.extend_from_slice(&[0, 0]);
        }
        rest = tail.get(end..).unwrap_or_default();
    }
    out
}

/// Containers by openssl, in DER and the binary ones in BER too.
fn containers() -> Vec<Seed> {
    let der = der_containers();
    let again: Vec<Seed> = der.iter().filter(|(_, b)| b.first() == Some(&0x30)).map(|(name, b)| (format!("{name}-ber"), ber(b))).collect();
    [der, again].concat()
}

/// Every scheme that openssl writes, with one iteration each.
fn der_containers() -> Vec<Seed> {
    let aes = "-keypbe AES-256-CBC -certpbe AES-256-CBC";
    let des = "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1";
    let rc2 = "-legacy -keypbe PBE-SHA1-RC2-128 -certpbe PBE-SHA1-RC2-40";
    openssl(&[
        ("pfx-open", "pkcs12 -export -inkey key.pem -in cert.pem -passout pass:fuzz -nomac -keypbe NONE -certpbe NONE -name fuzz"),
        ("pfx-mac", "pkcs12 -export -inkey key.pem -in cert.pem -passout pass:fuzz -iter 1 -keypbe NONE -certpbe NONE"),
        ("pfx-aes", &format!("pkcs12 -export -inkey key.pem -in cert.pem -passout pass:fuzz -iter 1 {aes}")),
        ("pfx-aes-nomac", &format!("pkcs12 -export -inkey key.pem -in cert.pem -passout pass:fuzz -iter 1 -nomac {aes}")),
        ("pfx-3des", &format!("pkcs12 -export -inkey key.pem -in cert.pem -passout pass:fuzz -iter 1 {des}")),
        ("pfx-rc2", &format!("pkcs12 -export -inkey key.pem -in cert.pem -passout pass:fuzz -iter 1 {rc2}")),
        ("p8-aes", "pkcs8 -topk8 -in key.pem -outform DER -passout pass:fuzz -iter 1 -v2 aes-256-cbc"),
        ("p8-des3", "pkcs8 -topk8 -in key.pem -outform DER -passout pass:fuzz -iter 1 -v2 des3 -v2prf hmacWithSHA1"),
        ("p8-pbe-3des", "pkcs8 -topk8 -in key.pem -outform DER -passout pass:fuzz -iter 1 -v1 PBE-SHA1-3DES"),
        ("p8-pbe-md5", "pkcs8 -topk8 -in key.pem -outform DER -passout pass:fuzz -iter 1 -v1 PBE-MD5-DES -provider legacy -provider default"),
        ("pem-aes", "ec -in key.pem -aes128 -passout pass:fuzz"),
        ("pem-des3", "ec -in key.pem -des3 -passout pass:fuzz"),
        ("sec1", "ec -in key.pem -outform DER"),
        ("cert", "x509 -in cert.pem -outform DER"),
    ])
}

/// Encrypted containers behind the byte that picks their password.
fn locked() -> Vec<Seed> {
    let ours = containers().into_iter().map(|(name, bytes)| (name, 0, bytes));
    let picks = [("rc4-128.pvk", 1), ("rc4-40.pvk", 2), ("ncrypt-3des.p8", 3), ("export.pfx", 4)];
    let field = files_of(&[]).into_iter().filter_map(|(name, bytes)| {
        let pick = picks.iter().find(|(file, _)| name.ends_with(file)).map(|(_, pick)| *pick)?;
        Some((name, pick, bytes))
    });
    ours.chain(field).map(|(name, pick, bytes)| (name, [&[pick], bytes.as_slice()].concat())).collect()
}

/// What openssl prints for each of these command lines; `key.pem` is a P-256 key, `cert.pem` a certificate of it. Nothing without openssl.
fn openssl(wanted: &[(&str, &str)]) -> Vec<Seed> {
    let folder = std::env::temp_dir().join(format!("cngtoken-seeds-{}-{:?}", std::process::id(), std::thread::current().id()));
    let run = |line: &str| {
        let output = Command::new("openssl").args(line.split(' ')).current_dir(&folder).output().ok()?;
        (output.status.success() && !output.stdout.is_empty()).then_some(output.stdout)
    };
    let prepared = std::fs::create_dir_all(&folder).ok().and_then(|()| {
        let key = run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")?;
        std::fs::write(folder.join("key.pem"), key).ok()?;
        let certificate = run("req -x509 -new -key key.pem -subj /CN=fuzz -days 1")?;
        std::fs::write(folder.join("cert.pem"), certificate).ok()
    });
    if prepared.is_none() {
        println!("no openssl: fewer seeds");
    }
    let seeds = wanted.iter().filter(|_| prepared.is_some()).filter_map(|(name, line)| Some(((*name).to_owned(), run(line)?))).collect();
    let _ = std::fs::remove_dir_all(&folder);
    seeds
}

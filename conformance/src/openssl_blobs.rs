//! The `openssl-blobs` command: OpenSSL's MSBLOB and PVK code as a second reader and writer of CryptoAPI blobs.
//!
//! OpenSSL reads every CryptoAPI vector of `../shared/vectors` and every blob and PVK file that the command line exports of the RSA and DSA
//! vectors, and its numbers are compared with the vectors' own. What OpenSSL writes (MSBLOB, PVK plain and under both RC4 schemes) is imported,
//! exported again and compared byte for byte, and OpenSSL verifies a signature of the token's with the public key that it read itself.

mod numbers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::wine::judge::{Token, hex, unhex};
use crate::{Failure, module, project};
use numbers::Numbers;

const FILES: [&str; 5] = ["rsa.json", "dsa.json", "legacy.json", "third-party/dsa.json", "third-party/legacy.json"];
const PASSWORD: &str = "pass:of the file";
const MESSAGE: &[u8] = b"signed by the token, verified by OpenSSL";
const CKM_SHA256_RSA_PKCS: &str = "0x40";
const CKM_DSA_SHA1: &str = "0x12";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The module to test; the release build of this project, brought up to date, if not given
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// The command line to test; the one beside the module, if not given
    #[arg(long, value_name = "PATH")]
    cli: Option<PathBuf>,
    /// The folder with the vectors
    #[arg(long, value_name = "DIR")]
    vectors: Option<PathBuf>,
}

/// Runs every check; true if none failed. Without OpenSSL or the vectors: one line, and true.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let vectors = arguments.vectors.clone().unwrap_or_else(|| project().join("..").join("shared").join("vectors"));
    let version = Command::new("openssl").arg("version").output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let absent = match &version {
        Ok(version) if !version.starts_with("OpenSSL 3") && !version.starts_with("OpenSSL 4") => Some(format!("{version} is not OpenSSL 3 or 4")),
        Ok(_) if !vectors.is_dir() => Some(format!("no vectors at {}", vectors.display())),
        Ok(_) => None,
        Err(_) => Some("OpenSSL is not here (openssl)".to_owned()),
    };
    if let Some(why) = absent {
        println!("skipped: {why}");
        println!("openssl-blobs: 0 passed, 0 failed, 1 skipped");
        return Ok(true);
    }
    println!("judge: {}", version?);
    let module = module(arguments.module.as_deref())?;
    let cli = arguments.cli.clone().unwrap_or_else(|| module.with_file_name("cngtoken"));
    let mut bench = Bench::new(cli, &module)?;
    for file in FILES {
        let text = std::fs::read_to_string(vectors.join(file)).map_err(|error| format!("{file}: {error}"))?;
        let json: Value = serde_json::from_str(&text)?;
        for vector in json["vectors"].as_array().ok_or("vectors without a list")? {
            bench.vector(vector, &json["keys"])?;
        }
    }
    Ok(bench.print())
}

/// Whose numbers, and which of OpenSSL's commands knows them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    Dsa,
}

impl Family {
    fn command(self) -> &'static str {
        match self {
            Family::Rsa => "rsa",
            Family::Dsa => "dsa",
        }
    }

    /// The CryptoAPI types of its public and its private half.
    fn types(self) -> [&'static str; 2] {
        match self {
            Family::Rsa => ["CAPIPUBLICBLOB", "CAPIPRIVATEBLOB"],
            Family::Dsa => ["V2CAPIDSAPUBLICBLOB", "V2CAPIDSAPRIVATEBLOB"],
        }
    }
}

struct Bench {
    folder: tempfile::TempDir,
    cli: PathBuf,
    /// The module as a C program uses it; `None` without a C compiler.
    token: Option<Token>,
    count: u32,
    passed: BTreeMap<String, u32>,
    skipped: BTreeMap<String, u32>,
    failures: Vec<String>,
}

impl Bench {
    fn new(cli: PathBuf, module: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let judge = folder.path().join("judge");
        std::fs::create_dir(&judge)?;
        let has_compiler = Command::new("cc").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
        let token = has_compiler.then(|| Token::start(module, &project().join("conformance").join("wine"), &judge)).transpose()?;
        let bench = Self { folder, cli, token, count: 0, passed: BTreeMap::new(), skipped: BTreeMap::new(), failures: Vec::new() };
        bench.cngtoken(&["init", "--label", "second reader"])?.map_err(|why| format!("the token was not made: {why}"))?;
        Ok(bench)
    }

    /// The command line on the bench's store; its complaint if it refuses.
    fn cngtoken(&self, arguments: &[&str]) -> Result<Result<(), String>, Failure> {
        let output = Command::new(&self.cli)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CNGTOKEN_STORE", self.folder.path().join("store.db"))
            .env("CNGTOKEN_KDF", "test")
            .env("PIN", "12345678")
            .env("CNGTOKEN_PIN_SOURCE", "env:PIN")
            .env("CNGTOKEN_SO_PIN_SOURCE", "env:PIN")
            .env("FILE_PASSWORD", PASSWORD.trim_start_matches("pass:"))
            .env_remove("CNGTOKEN_CONF")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{}: {error}", self.cli.display()))?;
        let complaint = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(if output.status.success() { Ok(()) } else { Err(complaint()) })
    }

    fn openssl(&self, arguments: &[&str]) -> Result<Result<Vec<u8>, String>, Failure> {
        let output = Command::new("openssl").args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).output()?;
        let complaint = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(if output.status.success() { Ok(output.stdout) } else { Err(complaint()) })
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, Failure> {
        std::fs::read(self.folder.path().join(name)).map_err(|error| format!("{name}: {error}").into())
    }

    fn check(&mut self, what: &str, name: &str, verdict: Result<(), String>) {
        match verdict {
            Ok(()) => *self.passed.entry(what.to_owned()).or_default() += 1,
            Err(why) => self.failures.push(format!("{what}: {name}: {why}")),
        }
    }

    /// OpenSSL's numbers of a file are the vector's.
    fn read(&mut self, what: &str, name: &str, file: &str, (family, form, public): (Family, &str, bool), expected: &Value) -> Result<(), Failure> {
        let mut arguments = vec![family.command(), "-inform", form, "-in", file, "-noout", "-text"];
        arguments.extend(public.then_some("-pubin"));
        let read = self.openssl(&arguments)?;
        let verdict = read.and_then(|text| Numbers::of_text(&String::from_utf8_lossy(&text)).compare(expected, family == Family::Dsa, public));
        self.check(what, name, verdict);
        Ok(())
    }

    /// One vector: read by OpenSSL if it is a CryptoAPI blob, and as everything that the command line writes of it.
    fn vector(&mut self, vector: &Value, keys: &Value) -> Result<(), Failure> {
        let text = |field: &str| vector[field].as_str().unwrap_or_default();
        let (name, type_name) = (text("name"), text("blob_type").split(' ').next().unwrap_or_default());
        let family = match text("algorithm") {
            "RSA" | "RSA_SIGN" => Family::Rsa,
            "DSA" => Family::Dsa,
            _ => return Ok(()),
        };
        let numbers = &keys[text("key")]["components"];
        let public = type_name.contains("PUBLIC");
        let blob = unhex(text("blob_hex")).ok_or("a vector without bytes")?;
        self.count += 1;
        let label = format!("k{}", self.count);
        std::fs::write(self.folder.path().join(&label), &blob)?;
        let form = if type_name == "PVK" { "PVK" } else { "MSBLOB" };
        if type_name == "PVK" || (type_name.contains("CAPI") && blob.get(1) == Some(&2)) {
            self.read("OpenSSL reads the vector", name, &label, (family, form, public), numbers)?;
        }

        let mut arguments = vec!["import", "--quiet", "--type", type_name, "--label", &label, &label];
        arguments.extend((!public).then_some("--extractable"));
        if let Err(why) = self.cngtoken(&arguments)? {
            self.check("we read the vector", name, Err(why));
            return Ok(());
        }
        let [of_public, of_private] = family.types();
        let mut written = vec![(of_public, "MSBLOB", true)];
        if !public {
            written.extend([(of_private, "MSBLOB", false), ("PVK", "PVK", false)]);
        }
        for (type_name, form, half) in written {
            let file = format!("{label}.{type_name}");
            match self.cngtoken(&["export", "--label", &label, "--type", type_name, "-o", &file])? {
                Ok(()) => self.read(&format!("OpenSSL reads our {type_name}"), name, &file, (family, form, half), numbers)?,
                // e of more than 32 bits, or q of more than 160: CryptoAPI's form has no room.
                Err(_) if numbers::too_wide(numbers) => *self.skipped.entry(format!("{type_name} has no room for the key")).or_default() += 1,
                Err(why) => self.check(&format!("OpenSSL reads our {type_name}"), name, Err(why)),
            }
        }
        let file = format!("{label}.{of_private}");
        if !public && self.folder.path().join(&file).exists() {
            self.written_by_openssl(name, family, &label, &file)?;
            self.signature(name, family, &label)?;
        }
        Ok(())
    }

    /// What OpenSSL writes of the key comes in, and goes out again with the same bytes.
    fn written_by_openssl(&mut self, name: &str, family: Family, label: &str, from: &str) -> Result<(), Failure> {
        let [of_public, of_private] = family.types();
        let (private, public) = (format!("{label}.msblob"), format!("{label}.pub.msblob"));
        let base = [family.command(), "-inform", "MSBLOB", "-in", from];
        let ways: [(&str, &str, &str, &[&str]); 5] = [
            (&private, of_private, "MSBLOB", &[]),
            (&public, of_public, "MSBLOB", &["-pubout"]),
            (&format!("{label}.plain.pvk"), of_private, "PVK", &["-pvk-none"]),
            (&format!("{label}.weak.pvk"), of_private, "PVK", &["-pvk-weak"]),
            (&format!("{label}.strong.pvk"), of_private, "PVK", &["-pvk-strong"]),
        ];
        for (file, type_name, form, options) in ways {
            let what = format!("we read OpenSSL's {form} {}", options.join(" ").trim_start_matches('-')).trim_end().to_owned();
            let encrypted = file.ends_with("weak.pvk") || file.ends_with("strong.pvk");
            let mut arguments: Vec<&str> = [&base[..], &["-outform", form, "-out", file], options].concat();
            if encrypted {
                arguments.extend(["-passout", PASSWORD, "-provider", "legacy", "-provider", "default"]);
            }
            if let Err(why) = self.openssl(&arguments)? {
                // RC4 is in a provider that a distribution may leave out.
                let known = encrypted && (why.contains("legacy") || why.contains("unsupported"));
                match known {
                    true => *self.skipped.entry(format!("OpenSSL does not write PVK {}", options.join(" "))).or_default() += 1,
                    false => self.check(&what, name, Err(format!("OpenSSL does not write it: {why}"))),
                }
                continue;
            }
            let verdict = self.there_and_back(file, type_name, if form == "PVK" { &private } else { file }, encrypted)?;
            self.check(&what, name, verdict);
        }
        Ok(())
    }

    /// Imports a file and exports it as a type, whose bytes must be those of a third.
    fn there_and_back(&self, file: &str, type_name: &str, same_as: &str, encrypted: bool) -> Result<Result<(), String>, Failure> {
        let back = format!("{file}.back");
        let mut arguments = vec!["import", "--quiet", "--label", file, file];
        arguments.extend((!type_name.contains("PUBLIC")).then_some("--extractable"));
        if encrypted {
            arguments.extend(["--password-source", "env:FILE_PASSWORD"]);
        }
        let done = self.cngtoken(&arguments)?;
        let done = match done {
            Ok(()) => self.cngtoken(&["export", "--label", file, "--type", type_name, "-o", &back])?,
            refused => refused,
        };
        if let Err(why) = done {
            return Ok(Err(why));
        }
        Ok(if self.file(&back)? == self.file(same_as)? { Ok(()) } else { Err("other bytes came out".to_owned()) })
    }

    /// OpenSSL verifies what the token signs, with the public key that OpenSSL read from our blob.
    fn signature(&mut self, name: &str, family: Family, label: &str) -> Result<(), Failure> {
        let [of_public, of_private] = family.types();
        let (private, public) = (self.file(&format!("{label}.{of_private}"))?, format!("{label}.{of_public}"));
        let Some(token) = self.token.as_mut() else { return Ok(()) };
        let pair = token.import(None, of_private, &private)?.map_err(|why| format!("{name}: {why}"))?;
        let (mechanism, digest) = match family {
            Family::Rsa => (CKM_SHA256_RSA_PKCS, "-sha256"),
            Family::Dsa => (CKM_DSA_SHA1, "-sha1"),
        };
        let signature = token.ask(&["sign", &pair.private.to_string(), mechanism, "-", &hex(MESSAGE)])?.bytes();
        let what = "OpenSSL verifies our signature";
        let Ok(mut signature) = signature else {
            self.check(what, name, Err("it was not made".to_owned()));
            return Ok(());
        };
        if family == Family::Dsa {
            signature = numbers::dss_signature(&signature);
        }
        let (file, message, key) = (format!("{label}.sig"), format!("{label}.msg"), format!("{label}.pem"));
        std::fs::write(self.folder.path().join(&file), signature)?;
        std::fs::write(self.folder.path().join(&message), MESSAGE)?;
        let verdict = match self.openssl(&[family.command(), "-inform", "MSBLOB", "-pubin", "-in", &public, "-pubout", "-out", &key])? {
            Ok(_) => self.openssl(&["dgst", digest, "-verify", &key, "-signature", &file, &message])?.map(|_| ()),
            Err(why) => Err(why),
        };
        self.check(what, name, verdict);
        Ok(())
    }

    /// Prints everything; true if nothing failed.
    fn print(&self) -> bool {
        for (what, count) in &self.passed {
            println!("{count:>5} passed   {what}");
        }
        for (what, count) in &self.skipped {
            println!("{count:>5} skipped  {what}");
        }
        for failure in &self.failures {
            println!("FAIL  {failure}");
        }
        let sum = |counts: &BTreeMap<String, u32>| counts.values().sum::<u32>();
        println!("openssl-blobs: {} passed, {} failed, {} skipped", sum(&self.passed), self.failures.len(), sum(&self.skipped));
        self.failures.is_empty()
    }
}

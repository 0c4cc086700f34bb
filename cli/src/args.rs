//! What can be typed: commands, options, help. No behaviour.

use crate::failure::EXIT_CODES;
use crate::groups::Group;
use crate::objects::{Choice, parse_id};
use crate::source::Source;
use crate::uri::Uri;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::sync::Arc;

/// Keys from Windows in a PKCS#11 token.
#[derive(Parser, Debug)]
#[command(
    name = "cngtoken",
    version,
    about = "A PKCS#11 token for the key blobs of Windows (CNG, CryptoAPI)",
    long_about = "A software PKCS#11 token for keys from Windows: it takes CNG and CryptoAPI key blobs, and what people wrap around them,\n\
                  and gives them to OpenSSL, NSS, ssh and everything else that speaks PKCS#11.",
    after_help = "Start with `cngtoken quickstart`. Help for one command: `cngtoken import --help`.",
    after_long_help = EXIT_CODES,
    propagate_version = true
)]
pub(crate) struct Cli {
    /// The store to work on (else CNGTOKEN_STORE, else the configuration).
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
    /// Which of several configured tokens, by its slot.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) slot: Option<u64>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Show the whole way: make a token, import two sample keys, sign with them through the module.
    Quickstart(Quickstart),
    /// Make a token.
    Init(Init),
    /// Import keys and certificates from files.
    Import(Import),
    /// List the objects of the token.
    Ls(Ls),
    /// Write a key to a file, as a blob or in another form.
    Export(Export),
    /// Show what is in a file, field by field. Needs no token.
    Inspect(Inspect),
    /// Remove objects from the token.
    Rm(Rm),
    /// Change a PIN, or set a new one as SO.
    Pin(Pin),
    /// Show the token.
    Info,
    /// List the mechanisms.
    Mechanisms(Mechanisms),
    /// List the blob types: how each is imported, what its keys do, how it is exported.
    BlobTypes(BlobTypes),
    /// Look at everything between a program and its keys, and say what to mend. Changes nothing.
    Doctor(Doctor),
    /// Print lines to paste for one client: openssl, nginx, firefox, ssh, java …
    Env(Env),
    /// Run a command with a throw-away token around it.
    Run(Run),
    /// Say what a CKR_ code, an NTSTATUS or a CKM_ mechanism means.
    Explain(Explain),
    /// Print the completions for a shell.
    Completions(Completions),
    /// Write the manual pages into a folder.
    Man(Man),
    /// The client half of quickstart: loads the module as any client does.
    #[command(hide = true)]
    Client(Client),
}

/// `quickstart`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  cngtoken quickstart\n  cngtoken quickstart --keep ~/trial     # the token stays, and the printed lines work")]
pub(crate) struct Quickstart {
    /// Keep the token in this folder instead of a throw-away one.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// The module, where it is not beside this program.
    #[arg(long, value_name = "FILE")]
    pub(crate) module: Option<PathBuf>,
}

/// `init`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cngtoken init --label work\n  cngtoken init --label ci --pin-source env:PIN --so-pin-source file:/run/secrets/so-pin"
)]
pub(crate) struct Init {
    /// The token's name, at most 32 bytes.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: String,
    /// Where the user's PIN comes from: file:PATH, env:NAME, fd:N (else CNGTOKEN_PIN_SOURCE, else you are asked).
    #[arg(long, value_name = "SOURCE")]
    pub(crate) pin_source: Option<Source>,
    /// Where the SO's PIN comes from (else CNGTOKEN_SO_PIN_SOURCE, else you are asked).
    #[arg(long, value_name = "SOURCE")]
    pub(crate) so_pin_source: Option<Source>,
    /// Empty a token that is there already; its SO PIN is needed, and every object is lost.
    #[arg(long)]
    pub(crate) force: bool,
}

/// `import`.
#[derive(Args, Debug)]
#[command(
    long_about = "Imports keys and certificates from files. One line per file says what was found and what was stored.\n\n\
                  What is taken: CNG and CryptoAPI blobs as raw bytes or as text (base64, hex, dumps, source code, .reg files, PEM armour, UTF-16), \
                  strong-name files, PVK, RSAKeyValue, DSAKeyValue and ECDSAKeyValue, JWK, PKCS#8, PKCS#1, SEC 1, OpenSSH and PuTTY keys, PKCS#12, X.509.\n\n\
                  Exit codes: 0 all imported; 1 at least one file was refused (nothing of it is stored); 2 usage; 3 PIN; 4 store.",
    after_help = "Examples:\n  cngtoken import signing.blob\n  cngtoken import key.reg --label gateway --id 01\n  pbpaste | cngtoken import - --label pasted\n  \
                  cngtoken import server.pfx --password-source env:PFX_PASSWORD\n  cngtoken import dh1.blob --dh-group modp2048\n  cngtoken import keys/ --pin-source file:pin"
)]
pub(crate) struct Import {
    /// Files, folders (every file below them), or - for standard input.
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub(crate) files: Vec<PathBuf>,
    /// The type to expect: a blob type such as ECCPRIVATEBLOB, or PVK, JWK, PKCS8, PKCS12, X509 … Without it the content decides.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// CKA_LABEL (else the name in the file, else the file's name).
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// CKA_ID in hex (else the SHA-1 of the public value).
    #[arg(long, value_name = "HEX", value_parser = parse_id)]
    pub(crate) id: Option<IdBytes>,
    /// CNG's algorithm identifier, such as ECDSA_P256; the blob must agree.
    #[arg(long, value_name = "ALG")]
    pub(crate) alg_id: Option<String>,
    /// CNG's name of the curve, for a blob that does not name it: nistP256, secP256k1, curve25519 …
    #[arg(long, value_name = "NAME")]
    pub(crate) curve: Option<String>,
    /// The group of a DH blob that carries none (DH1): modp2048, ffdhe3072 …, or a file of DH parameters.
    #[arg(long, value_name = "NAME|FILE", value_parser = crate::groups::parse)]
    pub(crate) dh_group: Option<Arc<Group>>,
    /// Let the private key leave the token again (CKA_EXTRACTABLE true, CKA_SENSITIVE false).
    #[arg(long)]
    pub(crate) extractable: bool,
    /// Store the public half only.
    #[arg(long)]
    pub(crate) public_only: bool,
    /// Skip the costly checks (primality, seed replay), as BCRYPT_NO_KEY_VALIDATION does.
    #[arg(long)]
    pub(crate) no_validation: bool,
    /// If the private exponent of a CryptoAPI blob is cut off, compute it again from p, q and e.
    #[arg(long)]
    pub(crate) recompute: bool,
    /// Which one, if a text holds several keys.
    #[arg(long, value_name = "N")]
    pub(crate) pick: Option<usize>,
    /// Check everything, store nothing; needs no token and no PIN.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where the password of an encrypted file comes from: file:PATH, env:NAME, fd:N (else you are asked).
    #[arg(long, value_name = "SOURCE")]
    pub(crate) password_source: Option<Source>,
    /// Where the user's PIN comes from (else CNGTOKEN_PIN_SOURCE, else you are asked).
    #[arg(long, value_name = "SOURCE")]
    pub(crate) pin_source: Option<Source>,
    /// Print refusals and the total only.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Bytes of an id; an alias, because clap would read `Vec<u8>` as a list of arguments.
pub(crate) type IdBytes = std::vec::Vec<u8>;

/// `ls`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  cngtoken ls\n  cngtoken ls --login --uri\n  cngtoken ls --json | jq .")]
pub(crate) struct Ls {
    /// One PKCS#11 URI a line.
    #[arg(long, conflicts_with = "json")]
    pub(crate) uri: bool,
    /// JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Log in, to see private objects too (so does naming a source of the PIN).
    #[arg(long)]
    pub(crate) login: bool,
    /// Where the user's PIN comes from.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) pin_source: Option<Source>,
}

/// Which object.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct Selection {
    /// By CKA_ID, in hex.
    #[arg(long, value_name = "HEX", value_parser = parse_id)]
    pub(crate) id: Option<IdBytes>,
    /// By CKA_LABEL.
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// By PKCS#11 URI, as `ls --uri` prints it.
    #[arg(long, value_name = "URI", conflicts_with_all = ["id", "label"])]
    pub(crate) uri: Option<String>,
}

impl Selection {
    /// The choice.
    ///
    /// # Errors
    /// The URI is none.
    pub(crate) fn choice(&self) -> Result<Choice, crate::failure::Failure> {
        let uri = self.uri.as_deref().map(Uri::parse).transpose()?;
        Ok(Choice { id: self.id.clone(), label: self.label.clone(), uri })
    }
}

/// `export`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cngtoken export --id 01 --type ECCPUBLICBLOB -o public.blob\n  cngtoken export --label work --type SPKI --pem -o public.pem\n  \
                  cngtoken export --label work --type PKCS8 --pem -o key.pem      # only if it was imported with --extractable"
)]
pub(crate) struct Export {
    /// Which key.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// A blob type (`cngtoken blob-types`), or PKCS8, SPKI, JWK, XML, PVK, CERTIFICATE.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: String,
    /// Where to; - is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The public half only (JWK, XML).
    #[arg(long)]
    pub(crate) public: bool,
    /// Base64 instead of raw bytes.
    #[arg(long, conflicts_with_all = ["hex", "pem"])]
    pub base64: bool,
    /// Hex instead of raw bytes.
    #[arg(long, conflicts_with = "pem")]
    pub(crate) hex: bool,
    /// PEM instead of DER (PKCS8, SPKI, CERTIFICATE).
    #[arg(long)]
    pub(crate) pem: bool,
    /// Overwrite a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Where the user's PIN comes from.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) pin_source: Option<Source>,
}

/// `inspect`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  cngtoken inspect key.blob\n  cngtoken inspect key.reg --html > key.html     # secrets are masked")]
pub(crate) struct Inspect {
    /// The file, or - for standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) file: PathBuf,
    /// Read it as this blob type.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// CNG's name of the curve, for a blob that does not name it.
    #[arg(long, value_name = "NAME")]
    pub(crate) curve: Option<String>,
    /// The group of a DH blob that carries none.
    #[arg(long, value_name = "NAME|FILE", value_parser = crate::groups::parse)]
    pub(crate) dh_group: Option<Arc<Group>>,
    /// Which one, if a text holds several keys.
    #[arg(long, value_name = "N")]
    pub(crate) pick: Option<usize>,
    /// Show secret bytes too.
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// JSON.
    #[arg(long, conflicts_with = "html")]
    pub(crate) json: bool,
    /// One self-contained page.
    #[arg(long)]
    pub(crate) html: bool,
    /// Where the password of an encrypted file comes from.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) password_source: Option<Source>,
}

/// `rm`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  cngtoken rm --id 01 --yes\n  cngtoken rm --uri 'pkcs11:object=old;type=cert' --yes")]
pub(crate) struct Rm {
    /// Which objects; a key's public half and certificate have the same id.
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Where the user's PIN comes from.
    #[arg(long, value_name = "SOURCE")]
    pub(crate) pin_source: Option<Source>,
}

/// `pin`.
#[derive(Args, Debug)]
pub(crate) struct Pin {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: PinAction,
}

/// `pin change`, `pin reset`.
#[derive(Subcommand, Debug)]
pub(crate) enum PinAction {
    /// Change a PIN; the old one is needed.
    Change {
        /// The SO's PIN instead of the user's.
        #[arg(long)]
        so: bool,
        /// Where the old PIN comes from.
        #[arg(long, value_name = "SOURCE")]
        pin_source: Option<Source>,
        /// Where the new PIN comes from.
        #[arg(long, value_name = "SOURCE")]
        new_pin_source: Option<Source>,
    },
    /// Set a new user PIN as SO: for a forgotten or locked one.
    Reset {
        /// Where the SO's PIN comes from.
        #[arg(long, value_name = "SOURCE")]
        so_pin_source: Option<Source>,
        /// Where the new user PIN comes from.
        #[arg(long, value_name = "SOURCE")]
        new_pin_source: Option<Source>,
    },
}

/// `mechanisms`.
#[derive(Args, Debug)]
pub(crate) struct Mechanisms {
    /// JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `blob-types`.
#[derive(Args, Debug)]
pub(crate) struct BlobTypes {
    /// JSON.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// A page in Markdown: docs/blob-types.md.
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// `client`, hidden.
#[derive(Args, Debug)]
pub(crate) struct Client {
    /// The module.
    #[arg(long)]
    pub(crate) module: PathBuf,
    /// Where the PIN comes from.
    #[arg(long)]
    pub(crate) pin_source: Source,
}

/// `doctor`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong; 1 something will not work.\n\nExamples:\n  cngtoken doctor\n  cngtoken doctor --json | jq '.[] | select(.verdict != \"ok\")'"
)]
pub(crate) struct Doctor {
    /// The module, where it is not found by itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) module: Option<PathBuf>,
    /// JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `env`.
#[derive(Args, Debug)]
#[command(
    after_help = "Words in capitals stand for what you put there.\n\nExamples:\n  cngtoken env --for openssl\n  cngtoken env --for firefox --module /usr/lib/x86_64-linux-gnu/pkcs11/libcngtoken.so"
)]
pub(crate) struct Env {
    /// The client.
    #[arg(long = "for", value_name = "CLIENT", value_enum)]
    pub(crate) client: Program,
    /// The module, where it is not found by itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) module: Option<PathBuf>,
}

/// A client that `env` knows.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the programs' names")]
pub(crate) enum Program {
    Openssl,
    Curl,
    Nginx,
    #[value(name = "pkcs11-tool")]
    Pkcs11Tool,
    Firefox,
    Nss,
    Ssh,
    Git,
    Java,
    #[value(name = "p11-kit")]
    P11kit,
    Gnutls,
    Python,
}

/// `run`.
#[derive(Args, Debug)]
#[command(
    long_about = "Runs a command with a throw-away token around it; token and PINs are gone when it ends, and its exit code is this program's.\n\n\
                  The command finds CNGTOKEN_STORE, CNGTOKEN_MODULE, PKCS11_MODULE and PKCS11_PROVIDER_MODULE (the module), CNGTOKEN_PIN, CNGTOKEN_SO_PIN \
                  and CNGTOKEN_PIN_SOURCE in its environment.",
    after_help = "Examples:\n  cngtoken run -- make check\n  cngtoken run --import key.blob -- sh -c 'pkcs11-tool --module $PKCS11_MODULE --login --pin $CNGTOKEN_PIN -O'"
)]
pub(crate) struct Run {
    /// The token's label.
    #[arg(long, default_value = "throw-away")]
    pub(crate) label: String,
    /// Keys to import first; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) import: Vec<PathBuf>,
    /// The module, where it is not found by itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) module: Option<PathBuf>,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<std::ffi::OsString>,
}

/// `explain`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cngtoken explain CKR_PIN_INCORRECT\n  cngtoken explain 0xA0\n  cngtoken explain 0xC000000D\n  cngtoken explain CKM_ECDSA"
)]
pub(crate) struct Explain {
    /// A name or number, as a program's message shows it.
    #[arg(value_name = "CODE", allow_hyphen_values = true)]
    pub(crate) code: String,
}

/// `completions`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cngtoken completions bash > ~/.local/share/bash-completion/completions/cngtoken")]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// `man`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  cngtoken man /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// The folder, which must be there.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

//! Which tokens there are: one TOML file, or one store named by the environment.
//!
//! A mistake in the file (unknown key, missing named file, bad path) is an error with path and line, never "no slots".
//! Order: `CNGTOKEN_STORE`; `CNGTOKEN_CONF`; a string given to C_Initialize; `$XDG_CONFIG_HOME/cngtoken/cngtoken.toml`;
//! `/etc/cngtoken/cngtoken.toml`; else one token below the user's data directory. Source: `vendor-ext/README.md`, "Configuration".

use crate::token::error::{R, Reason};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the configuration is read from. The edge fills it, so that tests and the command line can give another.
pub struct Environment<'a> {
    /// Looks up an environment variable.
    pub get: &'a dyn Fn(&str) -> Option<OsString>,
    /// The process runs with raised rights (AT_SECURE): the environment does not count.
    pub secure: bool,
    /// The string in CK_C_INITIALIZE_ARGS.pReserved: `config=PATH` or `store=PATH`; anything else is ignored, since NSS
    /// and others pass their own parameters there.
    pub reserved: Option<String>,
}

/// What C_Decrypt with CKM_RSA_PKCS does when the padding is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RsaPkcs1Decrypt {
    /// CKR_ENCRYPTED_DATA_INVALID, as the standard says.
    #[default]
    Error,
    /// CKR_OK with bytes that depend on key and ciphertext only.
    ImplicitReject,
    /// The mechanism does not decrypt at all.
    Off,
}

/// Who may open the store file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Access {
    /// The owner only (0600).
    #[default]
    Private,
    /// Members of this group too (0660).
    Group(String),
}

/// One configured token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenConfig {
    /// Its slot's id.
    pub slot: u64,
    /// Its store; `None` where no place could be found (no HOME and no configuration).
    pub store: Option<PathBuf>,
    /// File mode at C_InitToken.
    pub access: Access,
    /// See the type.
    pub rsa_pkcs1_decrypt: RsaPkcs1Decrypt,
    /// Cheap PIN derivation for a store that this process creates (`CNGTOKEN_KDF=test`).
    pub test_kdf: bool,
}

/// All configured tokens, at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// In the order of the file.
    pub tokens: Vec<TokenConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    #[serde(default)]
    token: Vec<TokenForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenForm {
    slot: u64,
    store: PathBuf,
    #[serde(default)]
    access: Option<String>,
    #[serde(default)]
    rsa_pkcs1_decrypt: RsaPkcs1Decrypt,
}

impl Config {
    /// One token in slot 0.
    #[must_use]
    pub fn single_store(path: PathBuf) -> Self {
        Self::single(Some(path), false)
    }

    fn single(store: Option<PathBuf>, test_kdf: bool) -> Self {
        Self { tokens: vec![TokenConfig { slot: 0, store, access: Access::Private, rsa_pkcs1_decrypt: RsaPkcs1Decrypt::Error, test_kdf }] }
    }

    /// Finds and reads the configuration.
    ///
    /// # Errors
    /// FunctionFailed with path and line if a named file cannot be read or says something that is not understood.
    pub fn load(env: &Environment<'_>) -> R<Self> {
        let get = |name: &str| if env.secure { None } else { (env.get)(name).filter(|v| !v.is_empty()) };
        if let Some(store) = get("CNGTOKEN_STORE") {
            return Ok(Self::single(Some(absolute(PathBuf::from(store))), get("CNGTOKEN_KDF").is_some_and(|v| v == "test")));
        }
        if let Some(path) = get("CNGTOKEN_CONF") {
            return Self::read(&PathBuf::from(path));
        }
        match env.reserved.as_deref().and_then(|text| text.trim().split_once('=')) {
            Some(("config", path)) => return Self::read(&PathBuf::from(path)),
            Some(("store", path)) => return Ok(Self::single_store(absolute(PathBuf::from(path)))),
            Some(_) | None => {}
        }
        let home = get("HOME").map(PathBuf::from).filter(|p| p.is_absolute());
        let below = |variable: &str, fallback: &str| {
            get(variable).map(PathBuf::from).filter(|p| p.is_absolute()).or_else(|| home.as_ref().map(|h| h.join(fallback)))
        };
        let user = below("XDG_CONFIG_HOME", ".config").map(|d| d.join("cngtoken/cngtoken.toml"));
        for path in user.into_iter().chain([PathBuf::from("/etc/cngtoken/cngtoken.toml")]) {
            if path.exists() {
                return Self::read(&path);
            }
        }
        Ok(Self::single(below("XDG_DATA_HOME", ".local/share").map(|d| d.join("cngtoken/token.db")), false))
    }

    /// Reads one file.
    ///
    /// # Errors
    /// FunctionFailed, as [`Config::load`].
    pub fn read(path: &Path) -> R<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Reason::FunctionFailed.because(format!("configuration {}: {e}", path.display())))?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> R<Self> {
        let wrong = |why: String| Reason::FunctionFailed.because(format!("configuration {}: {why}", path.display()));
        let form: FileForm = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count().saturating_add(1));
            wrong(format!("line {line}: {}", e.message()))
        })?;
        if form.token.is_empty() {
            return Err(wrong("no [[token]] section".to_owned()));
        }
        let mut ids = BTreeSet::new();
        let mut stores = BTreeSet::new();
        let mut tokens = Vec::with_capacity(form.token.len());
        for token in form.token {
            if !token.store.is_absolute() {
                return Err(wrong(format!("store {}: the path must be absolute", token.store.display())));
            }
            if !ids.insert(token.slot) {
                return Err(wrong(format!("slot {} is named twice", token.slot)));
            }
            if !stores.insert(token.store.clone()) {
                return Err(wrong(format!("store {} is named twice", token.store.display())));
            }
            let access = match token.access.as_deref() {
                None | Some("private") => Access::Private,
                Some(text) => match text.strip_prefix("group=") {
                    Some(group) if !group.is_empty() => Access::Group(group.to_owned()),
                    Some(_) | None => return Err(wrong(format!("access \"{text}\": expected \"private\" or \"group=NAME\""))),
                },
            };
            tokens.push(TokenConfig {
                slot: token.slot,
                store: Some(token.store),
                access,
                rsa_pkcs1_decrypt: token.rsa_pkcs1_decrypt,
                test_kdf: false,
            });
        }
        Ok(Self { tokens })
    }
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(vars: &[(&str, &str)], secure: bool) -> R<Config> {
        let get = |name: &str| vars.iter().find(|(k, _)| *k == name).map(|(_, v)| OsString::from(v));
        Config::load(&Environment { get: &get, secure, reserved: None })
    }

    #[test]
    fn the_store_variable_gives_exactly_one_slot() {
        let config = load(&[("CNGTOKEN_STORE", "/x/t.db"), ("CNGTOKEN_KDF", "test")], false).unwrap();
        assert_eq!(config.tokens.len(), 1);
        assert_eq!(config.tokens[0].store, Some(PathBuf::from("/x/t.db")));
        assert!(config.tokens[0].test_kdf);
    }

    #[test]
    fn the_environment_does_not_count_in_a_process_with_raised_rights() {
        let config = load(&[("CNGTOKEN_STORE", "/x/t.db"), ("HOME", "/home/u")], true);
        assert!(config.is_ok_and(|c| c.tokens[0].store.is_none()));
    }

    #[test]
    fn the_cheap_derivation_needs_the_store_variable() {
        let config = load(&[("CNGTOKEN_KDF", "test"), ("XDG_DATA_HOME", "/d"), ("XDG_CONFIG_HOME", "/nowhere")], false).unwrap();
        assert!(!config.tokens[0].test_kdf);
        assert_eq!(config.tokens[0].store, Some(PathBuf::from("/d/cngtoken/token.db")));
    }

    #[test]
    fn an_unknown_key_is_refused_with_path_and_line() {
        let e = Config::parse("[[token]]\nslot = 1\nstore = \"/a\"\ncolour = 3\n", Path::new("/etc/c.toml")).unwrap_err();
        assert_eq!(e.reason, Reason::FunctionFailed);
        let text = e.to_string();
        assert!(text.contains("/etc/c.toml") && text.contains("line 4") && text.contains("colour"), "{text}");
    }

    #[test]
    fn a_file_without_tokens_or_with_a_relative_store_is_refused() {
        assert!(Config::parse("", Path::new("c")).unwrap_err().to_string().contains("no [[token]]"));
        assert!(Config::parse("[[token]]\nslot=1\nstore=\"a\"\n", Path::new("c")).unwrap_err().to_string().contains("absolute"));
    }

    #[test]
    fn slots_and_stores_are_named_once() {
        let twice = "[[token]]\nslot=1\nstore=\"/a\"\n[[token]]\nslot=1\nstore=\"/b\"\n";
        assert!(Config::parse(twice, Path::new("c")).unwrap_err().to_string().contains("slot 1"));
        let same = "[[token]]\nslot=1\nstore=\"/a\"\n[[token]]\nslot=2\nstore=\"/a\"\n";
        assert!(Config::parse(same, Path::new("c")).unwrap_err().to_string().contains("/a"));
    }

    #[test]
    fn a_missing_named_file_is_an_error_and_not_an_empty_list() {
        let e = load(&[("CNGTOKEN_CONF", "/nowhere/at/all.toml")], false).unwrap_err();
        assert!(e.to_string().contains("/nowhere/at/all.toml"));
    }
}

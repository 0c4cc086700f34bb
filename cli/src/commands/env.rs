//! `env`: lines to paste for one client, with this machine's module and this token's URI in them. What the lines do: docs/guides/.

use super::Place;
use crate::args::{Env, Program};
use crate::failure::Failure;
use crate::module;
use crate::report;
use crate::store::field_text;
use crate::uri::escaped;
use cryptoki_sys as ck;
use std::path::Path;

/// Runs it.
pub(crate) fn run(place: &Place, args: &Env) -> Result<(), Failure> {
    let module = module::path(args.module.as_deref())?;
    let (store, token) = names(place)?;
    report::line(&snippet(args.client, &module, store.as_deref(), &token))
}

/// The store, if `--store` or the environment names it, and the token's label, if there is a token.
fn names(place: &Place) -> Result<(Option<std::path::PathBuf>, String), Failure> {
    let named = place.store.clone().or_else(|| std::env::var_os("CNGTOKEN_STORE").map(Into::into));
    let store = place.open()?;
    let info = store.app.token_info(store.slot)?;
    let label = if info.flags & ck::CKF_TOKEN_INITIALIZED == 0 { "LABEL".to_owned() } else { field_text(&info.label) };
    Ok((named.map(|p| std::path::absolute(&p).unwrap_or(p)), label))
}

fn snippet(client: Program, module: &Path, store: Option<&Path>, token: &str) -> String {
    let (m, t) = (module.display(), escaped(token));
    let export = store.map_or_else(String::new, |s| format!("export CNGTOKEN_STORE={}\n", s.display()));
    let service = store.map_or_else(String::new, |s| format!("Environment=CNGTOKEN_STORE={}\n", s.display()));
    let uri = format!("pkcs11:token={t};object=KEY;type=private");
    match client {
        Program::Openssl => format!(
            "{export}export PKCS11_PROVIDER_MODULE={m}\n\
             openssl dgst -sha256 -provider pkcs11 -provider default -sign '{uri}?pin-source=file:PINFILE' -out signature FILE"
        ),
        Program::Curl => format!(
            "{export}export PKCS11_PROVIDER_MODULE={m}\n\
             # /etc/ssl/openssl.cnf must load the provider: see `cngtoken env --for nginx`\n\
             curl --cert CERT.pem --key '{uri}?pin-source=file:PINFILE' --key-type PROV https://HOST/"
        ),
        Program::Nginx => format!(
            "# 1. an openssl.cnf of its own for nginx, say /etc/nginx/openssl-pkcs11.cnf\n\
             openssl_conf = openssl_init\n[openssl_init]\nproviders = providers\n[providers]\ndefault = default_provider\npkcs11 = pkcs11_provider\n\
             [default_provider]\nactivate = 1\n[pkcs11_provider]\nmodule = pkcs11.so\npkcs11-module-path = {m}\n\
             pkcs11-module-token-pin = file:PINFILE\nactivate = 1\n\
             # 2. systemctl edit nginx\n[Service]\nEnvironment=OPENSSL_CONF=/etc/nginx/openssl-pkcs11.cnf\n{service}\
             # 3. in nginx.conf, outside of every block, then in the server's\nenv OPENSSL_CONF;\nenv CNGTOKEN_STORE;\n\
             ssl_certificate     /etc/nginx/CERT.pem;\nssl_certificate_key 'store:{uri}';"
        ),
        Program::Pkcs11Tool => {
            format!("{export}pkcs11-tool --module {m} --token-label '{token}' --login --list-objects\npkcs11-tool --module {m} --list-mechanisms")
        }
        Program::Firefox => format!(
            "# a policy for all profiles: /etc/firefox/policies/policies.json\n\
             {{\"policies\": {{\"SecurityDevices\": {{\"Add\": {{\"cngtoken\": \"{m}\"}}}}}}}}\n\
             # or one profile folder, while Firefox is closed\n\
             {export}modutil -force -dbdir sql:PROFILE -add cngtoken -libfile {m}"
        ),
        Program::Nss => format!(
            "{export}modutil -force -dbdir sql:DATABASE -add cngtoken -libfile {m}\n\
             certutil -L -d sql:DATABASE -h '{token}'\ncertutil -K -d sql:DATABASE -h '{token}' -f PINFILE"
        ),
        Program::Ssh => {
            format!("{export}ssh-keygen -D {m}\nssh -I {m} USER@HOST\n# with an agent that may load it\nssh-agent -P '{m}'\nssh-add -s {m}")
        }
        Program::Git => {
            format!("{export}ssh-add -s {m}\ngit config gpg.format ssh\ngit config user.signingkey \"key::$(ssh-add -L | head -n 1)\"\ngit commit -S")
        }
        Program::Java => format!(
            "{export}printf 'name = cngtoken\\nlibrary = {m}\\nslotListIndex = 0\\n' > pkcs11.cfg\n\
             keytool -list -keystore NONE -storetype PKCS11 -addprovider SunPKCS11 -providerArg pkcs11.cfg"
        ),
        Program::P11kit => format!(
            "# /usr/share/p11-kit/modules/cngtoken.module (or ~/.config/pkcs11/modules/cngtoken.module)\nmodule: {m}\n\
             # then\n{export}p11-kit list-modules"
        ),
        Program::Gnutls => format!("{export}p11tool --provider {m} --login --list-all 'pkcs11:token={t}'"),
        Program::Python => format!(
            "{export}python3 - <<'END'\nimport pkcs11\ntoken = pkcs11.lib('{m}').get_token(token_label='{token}')\n\
             with token.open(user_pin=open('PINFILE').read().strip()) as session:\n    print(list(session.get_objects()))\nEND"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_client_gets_the_module_and_no_blank_line() {
        for client in Program::value_variants() {
            let text = snippet(*client, Path::new("/usr/lib/m.so"), Some(Path::new("/srv/t.db")), "my token");
            assert!(text.contains("/usr/lib/m.so"), "{client:?}");
            assert!(text.contains("CNGTOKEN_STORE=/srv/t.db"), "{client:?}: {text}");
            assert!(!text.contains("\n\n"), "{client:?}");
        }
    }

    #[test]
    fn a_blank_in_the_label_is_escaped_in_a_uri() {
        assert!(snippet(Program::Openssl, Path::new("/m.so"), None, "my token").contains("token=my%20token;"));
    }
}

//! The `clients` command: which scripts, in which order, and the verdict over all of them.

use std::path::PathBuf;

use crate::expected::Expected;
use crate::report::Judged;
use crate::scenario::{self, Outcome};
use crate::{Failure, module, project, report, target};

/// Every client, in the order in which a failure is most telling.
const CLIENTS: [&str; 11] = ["pkcs11-tool", "openssl", "nss", "gnutls", "p11kit", "openssh", "engine", "java", "python", "go", "rust"];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The clients to run; none named: all of them
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The module to test; the release build of this project, brought up to date, if not given
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// The folder that holds the scenario scripts
    #[arg(long, value_name = "DIR")]
    scripts: Option<PathBuf>,
    /// What the module needs in its environment; @DIR@ is the scratch folder. For a peer: SOFTHSM2_CONF=@DIR@/softhsm2.conf
    #[arg(long, value_name = "VAR=VALUE …", default_value = "CNGTOKEN_STORE=@DIR@/store.db CNGTOKEN_KDF=test")]
    state_env: String,
    /// Where the results are written as JSON; target/conformance.json if not given
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Report only: what nobody expected is told, but is not counted as failed
    #[arg(long)]
    report: bool,
}

/// Runs the clients; true if nothing unexpected came of it.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let scripts = match &arguments.scripts {
        Some(path) => path.clone(),
        None => project().join("..").join("shared").join("clients"),
    };
    if !scripts.join("common.sh").is_file() {
        return Err(format!("{}: no scenario scripts here; --scripts DIR names their folder", scripts.display()).into());
    }
    let expected = Expected::read(&project().join("conformance").join("expected.toml"))?;
    let chosen = choose(&CLIENTS, &arguments.names)?;
    let module = module(arguments.module.as_deref())?;
    let target = target()?;

    let mut judged = Vec::new();
    for client in chosen {
        eprintln!("{client} ...");
        let run = scenario::run(&scripts.join(format!("{client}.sh")), &module, &arguments.state_env, &target.join("clients-rs"))?;
        let stale = expected.stale(client, &run.steps);
        judged.push(Judged { client, run, stale });
    }

    report::print(&judged, &expected);
    let json = arguments.json.clone().unwrap_or_else(|| target.join("conformance.json"));
    report::write(&json, &module, &judged, &expected)?;
    let unexpected = judged.iter().map(|client| client.unexpected(&expected).count()).sum();
    println!("\n{}", summary(&judged, unexpected, arguments.report));
    Ok(arguments.report || unexpected == 0)
}

/// The named ones of `all`; all of them if none is named.
pub(crate) fn choose(all: &[&'static str], names: &[String]) -> Result<Vec<&'static str>, Failure> {
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let known = |name: &String| {
        let found = all.iter().copied().find(|client| client == name);
        found.ok_or_else(|| format!("no client \"{name}\"; there are: {}", all.join(" ")).into())
    };
    names.iter().map(known).collect()
}

/// The sum in the form that CI reads: an unexpected skip is a failure; a failure that is expected, or only reported, is a skip.
pub(crate) fn summary(judged: &[Judged<'_>], unexpected: usize, report: bool) -> String {
    let sum = |outcome| judged.iter().map(|client| client.run.count(outcome)).sum::<usize>();
    let others = sum(Outcome::Failed) + sum(Outcome::Skipped);
    let failed = if report { 0 } else { unexpected };
    let told = if report { format!("reported, not counted as failed: {unexpected} unexpected\n") } else { String::new() };
    format!("{told}clients: {} passed, {failed} failed, {} skipped", sum(Outcome::Passed), others - failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_client_is_refused_with_the_names_there_are() {
        let refused = choose(&CLIENTS, &["opensl".to_owned()]).unwrap_err().to_string();

        assert!(refused.contains("opensl") && refused.contains("openssl"), "{refused}");
    }

    #[test]
    fn every_script_beside_the_project_has_its_name_in_the_list() {
        let folder = project().join("..").join("shared").join("clients");
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("no scenario scripts beside the project: nothing to compare");
            return;
        };
        let not_clients = ["all", "common", "lab"];

        let scripts = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "sh"));
        let names = scripts.filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        let forgotten: Vec<_> = names.filter(|n| !not_clients.contains(&n.as_str()) && !CLIENTS.contains(&n.as_str())).collect();

        assert!(forgotten.is_empty(), "{forgotten:?}");
    }
}

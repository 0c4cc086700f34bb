//! `suites`: other people's test suites for PKCS#11, as they are published, against the module. Each is a script in conformance/suites that
//! fetches the suite from its package registry, runs it and prints a line for each test; `expected.toml` beside the scripts gives the
//! reason for each test that may fail or be skipped. Where a suite cannot be had (no network, no Python) the script says so and is skipped.

use std::path::PathBuf;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};

use crate::expected::Expected;
use crate::report::Judged;
use crate::scenario;
use crate::{Failure, clients, module, project, report, target, token};

const SUITES: [&str; 2] = ["python-pkcs11", "cryptoki"];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The suites to run; none named: all of them
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The module to test; the release build of this project, brought up to date, if not given
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// What the module needs in its environment; @DIR@ is the scratch folder
    #[arg(long, value_name = "VAR=VALUE …", default_value = "CNGTOKEN_STORE=@DIR@/store.db CNGTOKEN_KDF=test")]
    state_env: String,
}

/// A token for a suite, made in a process of its own whose environment the script has set.
#[derive(clap::Args)]
pub(crate) struct TokenArguments {
    #[arg(long)]
    module: PathBuf,
    #[arg(long)]
    label: String,
    #[arg(long)]
    pin: String,
    #[arg(long)]
    so_pin: String,
}

/// Runs the suites; true if nothing unexpected came of it.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let folder = project().join("conformance").join("suites");
    let expected = Expected::read(&folder.join("expected.toml"))?;
    let chosen = clients::choose(&SUITES, &arguments.names)?;
    let module = module(arguments.module.as_deref())?;
    let target = target()?.join("suites");
    std::fs::create_dir_all(&target)?;
    let mut judged = Vec::new();
    for client in chosen {
        eprintln!("{client} ...");
        let run = scenario::run(&folder.join(format!("{client}.sh")), &module, &arguments.state_env, &target)?;
        let stale = expected.stale(client, &run.steps);
        judged.push(Judged { client, run, stale });
    }
    report::print(&judged, &expected);
    let unexpected = judged.iter().map(|client| client.unexpected(&expected).count()).sum();
    println!("\n{}", clients::summary(&judged, unexpected, false));
    Ok(unexpected == 0)
}

/// Makes the token.
pub(crate) fn token(arguments: &TokenArguments) -> Result<(), Failure> {
    let module = Pkcs11::new(&arguments.module)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    token::make(&module, &arguments.label, &arguments.pin, &arguments.so_pin)
}

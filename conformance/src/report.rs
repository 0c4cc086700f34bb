//! The table for a person and the JSON for a machine.

use std::path::Path;

use serde_json::{Value, json};

use crate::Failure;
use crate::expected::Expected;
use crate::scenario::{Outcome, Run, Step};

/// One client's run, judged.
pub(crate) struct Judged<'a> {
    pub(crate) client: &'a str,
    pub(crate) run: Run,
    pub(crate) stale: Vec<&'a str>,
}

impl Judged<'_> {
    /// Failures and skips that `expected` has no reason for.
    pub(crate) fn unexpected<'s>(&'s self, expected: &'s Expected) -> impl Iterator<Item = &'s Step> {
        let excused = |step: &&Step| step.outcome == Outcome::Passed || expected.reason(self.client, step).is_some();
        self.run.steps.iter().filter(move |step| !excused(step))
    }
}

/// The table, and below it what nobody expected.
pub(crate) fn print(judged: &[Judged<'_>], expected: &Expected) {
    println!("{:<12} {:>6} {:>6} {:>7} {:>10} {:>7}", "client", "passed", "failed", "skipped", "unexpected", "seconds");
    for client in judged {
        let count = |outcome| client.run.count(outcome);
        println!(
            "{:<12} {:>6} {:>6} {:>7} {:>10} {:>7.1}",
            client.client,
            count(Outcome::Passed),
            count(Outcome::Failed),
            count(Outcome::Skipped),
            client.unexpected(expected).count(),
            client.run.took.as_secs_f64()
        );
    }
    for client in judged {
        for step in client.unexpected(expected) {
            println!("\n{}: {} {}", client.client, word(step.outcome), step.name);
            for line in step.detail.lines() {
                println!("    {line}");
            }
        }
        for step in &client.stale {
            println!("\n{}: expected.toml has a row for \"{step}\", which did not fail and was not skipped", client.client);
        }
    }
}

/// Everything, for comparison between runs.
pub(crate) fn write(path: &Path, module: &Path, judged: &[Judged<'_>], expected: &Expected) -> Result<(), Failure> {
    let step = |client: &str, step: &Step| -> Value {
        json!({ "name": step.name, "outcome": word(step.outcome), "detail": step.detail, "expected_because": expected.reason(client, step) })
    };
    let clients: Vec<Value> = judged
        .iter()
        .map(|client| {
            json!({
                "client": client.client,
                "passed": client.run.count(Outcome::Passed),
                "failed": client.run.count(Outcome::Failed),
                "skipped": client.run.count(Outcome::Skipped),
                "unexpected": client.unexpected(expected).count(),
                "seconds": client.run.took.as_secs_f64(),
                "steps": client.run.steps.iter().map(|s| step(client.client, s)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "module": module.display().to_string(), "clients": clients }))?;
    std::fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()).into())
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Skipped => "skipped",
    }
}

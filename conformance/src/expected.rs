//! `expected.toml`: the steps that may fail or be skipped, each with its reason.
//!
//! A failure or a skip without a row is unexpected and fails the run; a row whose step passes is reported as stale.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::Failure;
use crate::scenario::{Outcome, Step};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    #[serde(default, rename = "step")]
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    client: String,
    step: String,
    outcome: Allowed,
    reason: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Allowed {
    Fail,
    Skip,
}

impl Expected {
    /// Reads the file; two rows for one step, or a row without a reason, are refused.
    pub(crate) fn read(path: &Path) -> Result<Expected, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Expected::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn parse(text: &str) -> Result<Expected, Failure> {
        let expected: Expected = toml::from_str(text)?;
        let mut seen = BTreeSet::new();
        for row in &expected.rows {
            if row.reason.trim().is_empty() {
                return Err(format!("{} / {}: no reason given", row.client, row.step).into());
            }
            if !seen.insert((&row.client, &row.step)) {
                return Err(format!("{} / {}: two rows", row.client, row.step).into());
            }
        }
        Ok(expected)
    }

    /// Why this step may end as it did; `None` if nobody expects it.
    pub(crate) fn reason(&self, client: &str, step: &Step) -> Option<&str> {
        let allowed = match step.outcome {
            Outcome::Passed => return None,
            Outcome::Failed => Allowed::Fail,
            Outcome::Skipped => Allowed::Skip,
        };
        self.row(client, &step.name).filter(|row| row.outcome == allowed).map(|row| row.reason.as_str())
    }

    /// Steps of this client that have a row and passed, or did not occur at all.
    pub(crate) fn stale<'a>(&'a self, client: &str, steps: &[Step]) -> Vec<&'a str> {
        let stale = |row: &&Row| !steps.iter().any(|step| step.name == row.step && step.outcome != Outcome::Passed);
        self.rows.iter().filter(|row| row.client == client).filter(stale).map(|row| row.step.as_str()).collect()
    }

    fn row(&self, client: &str, step: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.client == client && row.step == step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "[[step]]\nclient = \"openssl\"\nstep = \"ML-DSA-65 sign\"\noutcome = \"skip\"\nreason = \"not listed yet\"\n";

    fn step(outcome: Outcome) -> Step {
        Step { name: "ML-DSA-65 sign".to_owned(), outcome, detail: String::new() }
    }

    #[test]
    fn a_row_excuses_only_the_outcome_that_it_names() {
        let expected = Expected::parse(ROW).unwrap();

        assert_eq!(expected.reason("openssl", &step(Outcome::Skipped)), Some("not listed yet"));
        assert_eq!(expected.reason("openssl", &step(Outcome::Failed)), None);
        assert_eq!(expected.reason("nss", &step(Outcome::Skipped)), None);
    }

    #[test]
    fn a_row_whose_step_passes_is_stale() {
        let expected = Expected::parse(ROW).unwrap();

        assert_eq!(expected.stale("openssl", &[step(Outcome::Passed)]), ["ML-DSA-65 sign"]);
        assert!(expected.stale("openssl", &[step(Outcome::Skipped)]).is_empty());
    }

    #[test]
    fn a_row_without_a_reason_and_a_second_row_are_refused() {
        assert!(Expected::parse(&ROW.replace("not listed yet", " ")).is_err());
        assert!(Expected::parse(&format!("{ROW}{ROW}")).is_err());
    }

    #[test]
    fn the_projects_own_file_reads() {
        Expected::read(&crate::project().join("conformance/expected.toml")).unwrap();
    }
}

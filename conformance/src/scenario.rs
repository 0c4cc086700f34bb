//! One client script: how it is started, and what its lines say.
//!
//! A script prints `ok    NAME`, `FAIL  NAME (rc N)` with indented output, or `skip  NAME (WHY)` for each step, and a closing
//! line `SCRIPT: N passed, N failed, N skipped`. A script without that line, or whose counts differ from its steps, has failed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// Longest run of one script, in seconds; `timeout` ends it and its children.
const LIMIT_SECONDS: u32 = 600;

/// How many lines of a failing step's output a script shows.
const OUTPUT_LINES: &str = "20";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// Why it was skipped, or what a failing step printed.
    pub(crate) detail: String,
}

pub(crate) struct Run {
    pub(crate) steps: Vec<Step>,
    pub(crate) took: Duration,
}

impl Run {
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.steps.iter().filter(|step| step.outcome == outcome).count()
    }
}

/// Runs `script` with the module, whose store is told by `state_env` and lies in the laboratory's scratch folder.
pub(crate) fn run(script: &Path, module: &Path, state_env: &str, rust_target: &Path) -> Result<Run, Failure> {
    let started = Instant::now();
    let output = Command::new("timeout")
        .args(["--kill-after=10", &LIMIT_SECONDS.to_string(), "bash"])
        .arg(script)
        .env("MODULE", module)
        .env("STATE_ENV", state_env)
        .env("PIN", "12345678")
        .env("SO_PIN", "87654321")
        .env("V", OUTPUT_LINES)
        .env("RS_TARGET", rust_target)
        .env("CONFORMANCE", std::env::current_exe()?)
        .stdin(Stdio::null())
        .output()?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(Run { steps: read(&text), took: started.elapsed() })
}

/// The steps that a script's output tells of, with one more that failed if the script did not come to its end.
fn read(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut told = None;
    let mut stray = String::new();
    for line in text.lines() {
        if let Some(step) = step(line) {
            steps.push(step);
        } else if let (Some(output), Some(last)) = (line.strip_prefix("      | "), steps.last_mut()) {
            let (output, next) = cut(output);
            last.detail.push('\n');
            last.detail.push_str(output);
            steps.extend(next);
        } else if let Some(counts) = closing(line) {
            told = Some(counts);
        } else {
            stray.push_str(line);
            stray.push('\n');
        }
    }
    let tally = |outcome| steps.iter().filter(|step| step.outcome == outcome).count();
    let seen = [tally(Outcome::Passed), tally(Outcome::Failed), tally(Outcome::Skipped)];
    let problem = match told {
        None => Some("the script did not come to its closing line".to_owned()),
        Some(counts) if counts != seen => Some(format!("the closing line says {counts:?}, the steps are {seen:?} (passed, failed, skipped)")),
        Some(_) => None,
    };
    if let Some(problem) = problem {
        steps.push(Step { name: "the script itself".to_owned(), outcome: Outcome::Failed, detail: format!("{problem}\n{stray}") });
    }
    steps
}

/// The step that a line tells of.
fn step(line: &str) -> Option<Step> {
    let (outcome, rest) = if let Some(name) = line.strip_prefix("ok    ") {
        return Some(Step { name: name.to_owned(), outcome: Outcome::Passed, detail: String::new() });
    } else if let Some(rest) = line.strip_prefix("FAIL  ") {
        (Outcome::Failed, rest)
    } else if let Some(rest) = line.strip_prefix("skip  ") {
        (Outcome::Skipped, rest)
    } else {
        return None;
    };
    let (name, why) = split_bracket(rest);
    Some(Step { name: name.to_owned(), outcome, detail: why.to_owned() })
}

/// Output whose last line had no end is followed by the next step on the same line.
fn cut(output: &str) -> (&str, Option<Step>) {
    let starts = ["ok    ", "FAIL  ", "skip  "].iter().filter_map(|word| output.find(word)).min();
    let parts = starts.and_then(|at| output.split_at_checked(at));
    match parts {
        Some((before, line)) => (before, step(line)),
        None => (output, None),
    }
}

/// `NAME (WHY)` as its two parts: the last bracket, with those inside it, since names have brackets too.
fn split_bracket(text: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, letter) in text.char_indices().rev() {
        match letter {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let why = text.get(at..).and_then(|t| t.strip_prefix('(')).and_then(|t| t.strip_suffix(')'));
            return why.map_or((text, ""), |why| (text.get(..at).unwrap_or(text).trim_end(), why));
        }
    }
    (text, "")
}

/// The counts of `NAME.sh: 67 passed, 11 failed, 24 skipped`.
fn closing(line: &str) -> Option<[usize; 3]> {
    let (script, counts) = line.split_once(": ")?;
    if !script.ends_with(".sh") {
        return None;
    }
    let mut numbers = counts.split(", ").zip([" passed", " failed", " skipped"]).map(|(part, word)| part.strip_suffix(word)?.parse().ok());
    let counts = [numbers.next()??, numbers.next()??, numbers.next()??];
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_becomes_a_step_with_its_detail() {
        let text = "ok    import RSA\nFAIL  rsa OAEP (sends 0/0) (rc 1)\n      | no such digest\nskip  ML-DSA sign (no ML-DSA)\nx.sh: 1 passed, 1 failed, 1 skipped\n";

        let steps = read(text);

        let told: Vec<_> = steps.iter().map(|step| (step.name.as_str(), step.outcome, step.detail.as_str())).collect();
        assert_eq!(
            told,
            [
                ("import RSA", Outcome::Passed, ""),
                ("rsa OAEP (sends 0/0)", Outcome::Failed, "rc 1\nno such digest"),
                ("ML-DSA sign", Outcome::Skipped, "no ML-DSA"),
            ]
        );
    }

    #[test]
    fn a_reason_with_brackets_of_its_own_stays_whole() {
        assert_eq!(split_bracket("keypairgen ML-DSA-44 (no (ML-DSA|mechtype-0x1[cC]))"), ("keypairgen ML-DSA-44", "no (ML-DSA|mechtype-0x1[cC])"));
        assert_eq!(split_bracket("import RSA, P-256 (pkcs11-tool) (rc 1)"), ("import RSA, P-256 (pkcs11-tool)", "rc 1"));
        assert_eq!(split_bracket("no bracket"), ("no bracket", ""));
    }

    #[test]
    fn a_step_after_output_without_a_line_end_is_not_lost() {
        let steps = read("FAIL  --test-ec (rc 1)\n      | RSA-PKCS-OAEP: FAIL  --test (rc 1)\nx.sh: 0 passed, 2 failed, 0 skipped\n");

        assert_eq!(steps.len(), 2);
        assert_eq!(steps.last().unwrap().name, "--test");
    }

    #[test]
    fn a_script_without_its_closing_line_has_failed_and_shows_what_it_said() {
        let steps = read("ok    import RSA\nbash: line 3: Killed\n");

        let last = steps.last().unwrap();
        assert_eq!(last.outcome, Outcome::Failed);
        assert!(last.detail.contains("Killed"), "{}", last.detail);
    }

    #[test]
    fn counts_that_differ_from_the_steps_are_a_failure() {
        let steps = read("ok    import RSA\nx.sh: 2 passed, 0 failed, 0 skipped\n");

        assert_eq!(steps.last().unwrap().outcome, Outcome::Failed);
    }

    #[test]
    fn a_set_up_that_failed_without_counts_is_a_failure() {
        let steps = read("error: PKCS11 function C_InitToken failed\nx.sh: token set-up failed: 0 passed, 1 failed\n");

        assert_eq!(steps.len(), 1);
        assert_eq!(steps.last().unwrap().outcome, Outcome::Failed);
    }
}

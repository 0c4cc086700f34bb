//! What came of the trials, blob type by blob type, and the reasons for what differs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::judge::CRASHED;
use crate::Failure;

/// What Wine answers for what it does not have: STATUS_NOT_IMPLEMENTED, STATUS_NOT_SUPPORTED, STATUS_NOT_FOUND.
const NOT_KNOWN: [u32; 3] = [0xc000_0002, 0xc000_00bb, 0xc000_0225];

/// `differences.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Differences {
    difference: Vec<Difference>,
}

/// One known difference between Wine and this project.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// The blob type.
    #[serde(rename = "type")]
    type_name: String,
    /// The check that does not hold.
    check: String,
    /// Part of the key's name; all keys if empty.
    #[serde(default)]
    key: String,
    /// What Wine answers; not looked at where it answered nothing but other bytes.
    #[serde(default)]
    status: Option<String>,
    /// How the version of Wine begins that differs; every version if empty.
    #[serde(default)]
    wine: String,
    reason: String,
}

impl Differences {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn find(&self, version: &str, type_name: &str, check: &str, key: &str, status: Option<u32>) -> Option<usize> {
        let status = status.map(|status| format!("0x{status:08x}"));
        self.difference.iter().position(|d| {
            let applies = d.type_name == type_name && d.check == check && key.contains(&d.key) && version.starts_with(&d.wine);
            applies && d.status.as_ref().is_none_or(|s| Some(s) == status.as_ref())
        })
    }
}

#[derive(Default)]
struct Counts {
    passed: u32,
    failed: u32,
    unknown: u32,
    explained: u32,
}

pub(crate) struct Tally<'a> {
    differences: &'a Differences,
    version: String,
    types: BTreeMap<String, Counts>,
    /// What Wine does not know: (type, check, status), and how often.
    unknown: BTreeMap<(String, String, u32), u32>,
    explained: BTreeMap<usize, u32>,
    /// What Wine takes and the token refuses, by what was damaged.
    stricter: BTreeMap<String, u32>,
    failures: Vec<String>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(differences: &'a Differences, version: String) -> Self {
        Self {
            differences,
            version,
            types: BTreeMap::new(),
            unknown: BTreeMap::new(),
            explained: BTreeMap::new(),
            stricter: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    fn counts(&mut self, type_name: &str) -> &mut Counts {
        self.types.entry(type_name.to_owned()).or_default()
    }

    /// A check with a verdict.
    pub(crate) fn check(&mut self, type_name: &str, check: &str, key: &str, verdict: Result<(), String>) {
        match verdict {
            Ok(()) => self.counts(type_name).passed += 1,
            Err(why) => self.fault(type_name, check, key, None, &why),
        }
    }

    /// Wine refused.
    pub(crate) fn refused(&mut self, type_name: &str, check: &str, key: &str, status: u32) {
        if let Some(at) = self.differences.find(&self.version, type_name, check, key, Some(status)) {
            *self.explained.entry(at).or_default() += 1;
            self.counts(type_name).explained += 1;
        } else if NOT_KNOWN.contains(&status) {
            *self.unknown.entry((type_name.to_owned(), check.to_owned(), status)).or_default() += 1;
            self.counts(type_name).unknown += 1;
        } else {
            let why = if status == CRASHED { "Wine's process ended".to_owned() } else { format!("0x{status:08x}") };
            self.fault(type_name, check, key, Some(status), &why);
        }
    }

    /// The token refuses a damaged blob that Wine takes: Wine compares few numbers. Whether the token is right to is its own tests' to say.
    pub(crate) fn stricter(&mut self, type_name: &str, what: &str) {
        *self.stricter.entry(what.to_owned()).or_default() += 1;
        self.counts(type_name).explained += 1;
    }

    fn fault(&mut self, type_name: &str, check: &str, key: &str, status: Option<u32>, why: &str) {
        if let Some(at) = self.differences.find(&self.version, type_name, check, key, status) {
            *self.explained.entry(at).or_default() += 1;
            self.counts(type_name).explained += 1;
        } else {
            self.failures.push(format!("{type_name}: {check}: {key}: {why}"));
            self.counts(type_name).failed += 1;
        }
    }

    /// Prints everything; true if nothing failed.
    pub(crate) fn print(&self) -> bool {
        println!("{:<24} {:>6} {:>6} {:>9} {:>8}", "type", "passed", "failed", "explained", "not known");
        for (name, c) in &self.types {
            println!("{name:<24} {:>6} {:>6} {:>9} {:>8}", c.passed, c.failed, c.explained, c.unknown);
        }
        for ((type_name, check, status), count) in &self.unknown {
            println!("Wine does not know: {type_name}: {check}: 0x{status:08x} ({count})");
        }
        for (at, count) in &self.explained {
            if let Some(d) = self.differences.difference.get(*at) {
                println!("difference: {}: {} ({count}): {}", d.type_name, d.check, d.reason.trim());
            }
        }
        for (what, count) in &self.stricter {
            println!("stricter than Wine: {what} ({count})");
        }
        for failure in &self.failures {
            println!("FAIL  {failure}");
        }
        let sum = |of: fn(&Counts) -> u32| self.types.values().map(of).sum::<u32>();
        let skipped = sum(|c| c.unknown) + sum(|c| c.explained);
        println!("wine: {} passed, {} failed, {skipped} skipped", sum(|c| c.passed), sum(|c| c.failed));
        self.failures.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[[difference]]
type = "RSAPRIVATEBLOB"
check = "Wine writes the same bytes"
key = "padded"
status = "0xc000000d"
wine = "wine-8"
reason = "a reason"
"#;

    #[test]
    fn the_file_of_differences_is_read_and_every_row_has_a_reason() {
        let path = crate::project().join("conformance").join("wine").join("differences.toml");

        let differences = Differences::read(&path).unwrap();

        assert!(differences.difference.iter().all(|row| !row.reason.trim().is_empty()));
    }

    #[test]
    fn a_difference_is_excused_for_its_type_check_key_status_and_version_only() {
        let differences: Differences = toml::from_str(FILE).unwrap();
        let find = |version, type_name, check, key, status| differences.find(version, type_name, check, key, Some(status)).is_some();

        assert!(find("wine-8.0", "RSAPRIVATEBLOB", "Wine writes the same bytes", "a padded one", 0xc000_000d));
        assert!(!find("wine-10.0", "RSAPRIVATEBLOB", "Wine writes the same bytes", "a padded one", 0xc000_000d));
        assert!(!find("wine-8.0", "RSAPUBLICBLOB", "Wine writes the same bytes", "a padded one", 0xc000_000d));
        assert!(!find("wine-8.0", "RSAPRIVATEBLOB", "Wine reads ours", "a padded one", 0xc000_000d));
        assert!(!find("wine-8.0", "RSAPRIVATEBLOB", "Wine writes the same bytes", "another", 0xc000_000d));
        assert!(!find("wine-8.0", "RSAPRIVATEBLOB", "Wine writes the same bytes", "a padded one", 0xc000_00bb));
    }

    #[test]
    fn what_wine_does_not_know_is_no_failure_and_every_other_refusal_is() {
        let differences: Differences = toml::from_str(FILE).unwrap();
        let mut tally = Tally::new(&differences, "wine-8.0".to_owned());

        tally.refused("RSAPRIVATEBLOB", "Wine reads ours", "key", 0xc000_00bb);
        assert!(tally.failures.is_empty());
        tally.refused("RSAPRIVATEBLOB", "Wine reads ours", "key", 0xc000_000d);
        tally.refused("RSAPRIVATEBLOB", "Wine reads ours", "key", CRASHED);

        assert_eq!(tally.failures.len(), 2, "{:?}", tally.failures);
    }
}

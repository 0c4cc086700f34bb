//! `guides`: the lines of docs/guides as a person types them. Each page's `sh` blocks are run in order in the laboratory root, with the
//! built module and command and two sample blobs; a page passes if every line does. So a guide cannot promise what does not work.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Failure, module, project};

/// Longest run of one page, in seconds.
const LIMIT_SECONDS: &str = "180";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The pages to run, by name (`nginx`); none named: all of them
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The module, with the command `cngtoken` beside it; the release build, brought up to date, if not given
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// The laboratory root, as ../shared/clients/lab.sh builds it
    #[arg(long, value_name = "DIR", default_value = "/var/lib/cngtoken-lab")]
    lab: PathBuf,
}

/// Runs the pages; true if every one passed.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    if !arguments.lab.join(".complete").is_file() {
        return Err(format!("{}: no laboratory root here; ../shared/clients/lab.sh builds it", arguments.lab.display()).into());
    }
    let module = module(arguments.module.as_deref())?;
    let pages = pages(&arguments.names)?;
    let mut failed = 0;
    for page in &pages {
        let name = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match one(page, &name, &module, &arguments.lab)? {
            None => println!("ok    {name}"),
            Some(output) => {
                failed += 1;
                println!("FAIL  {name}; the end of its output:");
                let lines: Vec<&str> = output.lines().collect();
                lines.iter().skip(lines.len().saturating_sub(25)).for_each(|line| println!("      | {line}"));
            }
        }
    }
    println!("clients: {} passed, {failed} failed, 0 skipped", pages.len() - failed);
    Ok(failed == 0)
}

/// The pages with lines in them, by name.
fn pages(names: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let folder = project().join("docs").join("guides");
    let mut all: Vec<PathBuf> = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?.into_iter().map(|entry| entry.path()).collect();
    all.retain(|path| path.extension() == Some(OsStr::new("md")) && path.file_stem() != Some(OsStr::new("README")));
    all.sort();
    if names.is_empty() {
        return Ok(all);
    }
    let known = |name: &String| {
        let found = all.iter().find(|path| path.file_stem() == Some(OsStr::new(name)));
        found.cloned().ok_or_else(|| format!("no guide \"{name}\" in {}", folder.display()).into())
    };
    names.iter().map(known).collect()
}

/// What one page printed if it failed.
fn one(page: &Path, name: &str, module: &Path, lab: &Path) -> Result<Option<String>, Failure> {
    let lines = shell_lines(&fs::read_to_string(page)?);
    let scratch = tempfile::Builder::new().prefix("guide.").tempdir_in(lab.join("tmp"))?;
    // An ordinary user of the laboratory (sshd, nginx's workers) must get through.
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))?;
    let inside = Path::new("/").join(scratch.path().strip_prefix(lab)?);
    for folder in ["bin", "home", "modules"] {
        fs::create_dir(scratch.path().join(folder))?;
    }
    let command = module.with_file_name("cngtoken");
    fs::copy(module, scratch.path().join("bin/libcngtoken.so"))?;
    fs::copy(&command, scratch.path().join("bin/cngtoken")).map_err(|e| format!("{}: {e}", command.display()))?;
    for (sample, as_name) in [("rsa-2048.blob", "server.blob"), ("ec-p256.blob", "signing.blob")] {
        fs::copy(project().join("samples").join(sample), scratch.path().join("home").join(as_name))?;
    }
    fs::copy(project().join("conformance/guides/in-lab.sh"), scratch.path().join("in-lab.sh"))?;
    fs::write(scratch.path().join("lines.sh"), lines)?;
    // A mount namespace of its own: /proc, and p11-kit's modules hidden, so that only ours is seen. A process namespace ends what a page leaves behind.
    let script =
        r#"mount -t proc proc "$1/proc" && mount --bind "$2" "$1/usr/share/p11-kit/modules" && exec chroot "$1" bash "$3/in-lab.sh" "$3" "$4""#;
    let output = Command::new("timeout")
        .args(["--kill-after=10", LIMIT_SECONDS, "unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", script, "guide"])
        .arg(lab)
        .arg(scratch.path().join("modules"))
        .arg(&inside)
        .arg(name)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(None);
    }
    Ok(Some(format!("{}{}({})", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr), output.status)))
}

/// The `sh` blocks of a page, one after the other.
fn shell_lines(page: &str) -> String {
    let mut lines = String::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shell_blocks_are_run_in_their_order() {
        assert_eq!(shell_lines("a\n```sh\none\n```\n```text\nno\n```\nb\n```sh\ntwo\n```\n"), "one\ntwo\n");
    }

    #[test]
    fn every_guide_has_lines_and_says_the_usual_mistakes() {
        let index = fs::read_to_string(project().join("docs/guides/README.md")).unwrap();
        for page in pages(&[]).unwrap() {
            let text = fs::read_to_string(&page).unwrap();
            assert!(!shell_lines(&text).is_empty() && text.contains("## Usual mistakes"), "{}", page.display());
            let name = page.file_name().unwrap().to_string_lossy().into_owned();
            assert!(index.contains(&format!("({name})")), "{name} is not in the index");
        }
    }

    #[test]
    fn a_guide_that_is_not_there_is_refused() {
        assert!(pages(&["nothing".to_owned()]).is_err());
    }
}

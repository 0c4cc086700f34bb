//! The two judges: how each is compiled and started, and one question and answer of the line protocol.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::compile;
use crate::{Failure, project};

/// The answer where Wine's process ended instead of answering, and for the keys that went with it.
pub(crate) const CRASHED: u32 = 0xffff_fffe;

/// What `CHROOT` does before a program starts: Wine wants /proc.
const IN_ROOT: &str = r#"mount -t proc proc "$0/proc" && exec chroot "$0" "$@""#;

/// Where Wine is and where it may write: this machine, or a root folder of its own.
pub(crate) struct Place {
    root: Option<PathBuf>,
    scratch: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(root: Option<&Path>) -> Result<Self, Failure> {
        let root = root.map(Path::canonicalize).transpose()?;
        let scratch = match &root {
            Some(root) => tempfile::tempdir_in(root.join("tmp"))?,
            None => tempfile::tempdir()?,
        };
        Ok(Self { root, scratch })
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// A path as a program of this place sees it.
    fn seen(&self, path: &Path) -> PathBuf {
        let inside = self.root.as_ref().and_then(|root| path.strip_prefix(root).ok());
        inside.map_or_else(|| path.to_path_buf(), |inside| Path::new("/").join(inside))
    }

    fn command(&self, program: &str) -> Command {
        let scratch = self.seen(self.scratch());
        let mut command = match &self.root {
            None => Command::new(program),
            Some(root) => {
                let mut command = Command::new("unshare");
                command.args(["-m", "sh", "-c", IN_ROOT]).arg(root).arg(program);
                command
            }
        };
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", &scratch)
            .env("WINEPREFIX", scratch.join("prefix"))
            .env("WINEDEBUG", "-all")
            // Without a display there is nobody to ask about Mono and Gecko, and a crash needs no debugger.
            .env("WINEDLLOVERRIDES", "mscoree=;mshtml=;winedbg.exe=d")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("DISPLAY")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    pub(crate) fn has(&self, program: &str) -> bool {
        self.command("sh").args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    pub(crate) fn version(&self) -> String {
        let output = self.command("wine").arg("--version").output();
        output.map_or_else(|_| "Wine".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Ends Wine's server, so that its folder can go.
    pub(crate) fn end(&self) {
        // The server ends by itself some seconds after its last client; a failure here costs those seconds only.
        let _ = self.command("wineserver").arg("-k").status();
    }
}

/// One judge's answer.
pub(crate) struct Answer {
    pub(crate) status: u32,
    /// What follows the status.
    pub(crate) rest: String,
}

impl Answer {
    /// The bytes that were asked for, or the status.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, u32> {
        if self.status == 0 { unhex(&self.rest).ok_or(CRASHED) } else { Err(self.status) }
    }

    pub(crate) fn done(&self) -> Result<(), u32> {
        if self.status == 0 { Ok(()) } else { Err(self.status) }
    }
}

struct Judge {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Judge {
    fn start(mut command: Command) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("a judge without input")?;
        let output = BufReader::new(child.stdout.take().ok_or("a judge without output")?);
        Ok(Self { child, input, output })
    }

    /// One question; `None` if the judge has ended.
    fn ask(&mut self, question: &str) -> Result<Option<Answer>, Failure> {
        if self.input.write_all(question.as_bytes()).and_then(|()| self.input.flush()).is_err() {
            return Ok(None);
        }
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let Some((status, rest)) = line.trim_end().split_once(' ').or(Some((line.trim_end(), ""))).filter(|(status, _)| !status.is_empty()) else {
            return Ok(None);
        };
        let status = u32::from_str_radix(status.trim_start_matches("0x"), 16).map_err(|_| format!("a judge said \"{line}\""))?;
        Ok(Some(Answer { status, rest: rest.to_owned() }))
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        // A judge ends with its input; whether it still runs does not matter here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key in Wine; it is gone when Wine's process has ended since.
#[derive(Clone, Copy)]
pub(crate) struct WineKey {
    life: u32,
    number: u64,
}

/// Wine's side. A process that crashed is started again; its keys are gone.
pub(crate) struct Windows<'a> {
    place: &'a Place,
    program: PathBuf,
    judge: Judge,
    life: u32,
}

/// A word of a question to Wine.
#[derive(Clone, Copy)]
pub(crate) enum Word<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Key(WineKey),
}

impl<'a> Windows<'a> {
    pub(crate) fn start(place: &'a Place, sources: &Path) -> Result<Self, Failure> {
        for name in ["windows.c", "lines.h"] {
            std::fs::copy(sources.join(name), place.scratch().join(name))?;
        }
        let source = place.scratch().join("windows.c");
        let program = place.seen(&place.scratch().join("windows.exe"));
        let mut compiler = place.command("x86_64-w64-mingw32-gcc");
        compiler.args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program).arg(place.seen(&source)).args(["-lbcrypt", "-ladvapi32"]);
        compile(compiler.stderr(Stdio::piped()), &source)?;
        let made = place.command("wine").args(["wineboot", "-i"]).stdout(Stdio::null()).status()?;
        if !made.success() {
            return Err("wineboot made no prefix".into());
        }
        let judge = Judge::start(Self::command(place, &program))?;
        Ok(Self { place, program, judge, life: 0 })
    }

    fn command(place: &Place, program: &Path) -> Command {
        let mut command = place.command("wine");
        command.arg(program);
        command
    }

    pub(crate) fn ask(&mut self, words: &[Word<'_>]) -> Result<Answer, Failure> {
        let mut question = String::new();
        for word in words {
            match word {
                Word::Text(text) => question.push_str(text),
                Word::Bytes(bytes) => question.push_str(&hex(bytes)),
                Word::Key(key) if key.life != self.life => return Ok(Answer { status: CRASHED, rest: String::new() }),
                Word::Key(key) => write!(question, "{}", key.number)?,
            }
            question.push(' ');
        }
        question.push('\n');
        if let Some(answer) = self.judge.ask(&question)? {
            return Ok(answer);
        }
        self.judge = Judge::start(Self::command(self.place, &self.program))?;
        self.life += 1;
        Ok(Answer { status: CRASHED, rest: String::new() })
    }

    /// A question whose answer is a new key.
    pub(crate) fn key(&mut self, words: &[Word<'_>]) -> Result<Result<WineKey, u32>, Failure> {
        let answer = self.ask(words)?;
        if answer.status != 0 {
            return Ok(Err(answer.status));
        }
        Ok(Ok(WineKey { life: self.life, number: answer.rest.parse()? }))
    }
}

/// A pair in the token; 0 where there is no such half.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) public: u64,
    pub(crate) private: u64,
}

/// The token's side.
pub(crate) struct Token {
    judge: Judge,
}

impl Token {
    pub(crate) fn start(module: &Path, sources: &Path, scratch: &Path) -> Result<Self, Failure> {
        let (program, extension) = (scratch.join("token"), project().join("vendor-ext"));
        let mut compiler = Command::new("cc");
        compiler
            .args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(extension.join("include"))
            .arg("-I")
            .arg(extension.join("examples"));
        compile(compiler.arg("-o").arg(&program).arg(sources.join("token.c")).arg("-ldl"), &sources.join("token.c"))?;
        let mut command = Command::new(&program);
        command.arg(module).env("CNGTOKEN_STORE", scratch.join("store.db")).env("CNGTOKEN_KDF", "test").env_remove("CNGTOKEN_CONF");
        Ok(Self { judge: Judge::start(command)? })
    }

    pub(crate) fn ask(&mut self, words: &[&str]) -> Result<Answer, Failure> {
        let answer = self.judge.ask(&(words.join(" ") + "\n"))?;
        answer.ok_or_else(|| format!("the token's process ended at: {}", words.first().unwrap_or(&"")).into())
    }

    /// Imports a blob through C_ImportBCryptBlob, or says what the token answered.
    pub(crate) fn import(&mut self, alg: Option<&str>, type_name: &str, blob: &[u8]) -> Result<Result<Pair, String>, Failure> {
        let half = if type_name.contains("PUBLIC") { "public" } else { "private" };
        let answer = self.ask(&["import", alg.unwrap_or("-"), type_name, &hex(blob), half])?;
        if answer.status != 0 {
            return Ok(Err(format!("CK_RV 0x{:x}, {}", answer.status, answer.rest)));
        }
        let (public, private) = answer.rest.split_once(' ').ok_or("an import without handles")?;
        Ok(Ok(Pair { public: public.parse()?, private: private.parse()? }))
    }

    pub(crate) fn export(&mut self, pair: Pair, type_name: &str) -> Result<Result<Vec<u8>, u32>, Failure> {
        let key = if type_name.contains("PUBLIC") && pair.public != 0 { pair.public } else { pair.private };
        Ok(self.ask(&["export", &key.to_string(), type_name])?.bytes())
    }

    pub(crate) fn digest(&mut self, mechanism: u32, data: &[u8]) -> Result<Vec<u8>, Failure> {
        let digest = self.ask(&["digest", &mechanism.to_string(), &hex(data)])?.bytes();
        digest.map_err(|rv| format!("C_Digest: 0x{rv:x}").into())
    }
}

/// Two hexadecimal digits a byte; `-` for none.
pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if text == "-" {
        return Some(Vec::new());
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

//! One token seen by two processes, and two tokens seen by one: random commands to each view, every answer predicted exactly.
//!
//! A view is a process, or a slot: a read-write session, a log-in of its own, and the handles that it was given. Token objects are seen by
//! every view of their store: a search and a change meet them as they are, reading by an old handle may for 200 ms give what a view had read
//! before (`docs/design.md`), but never goes back. Session objects and log-ins are never seen elsewhere.

use crate::Random;
use crate::client::{Attrs, Module, R, SLOT, USER_PIN, alone, load};
use crate::p11;
use cryptoki_sys::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::ptr::null_mut;

const OTHER_PIN: &[u8] = b"abcdefgh";
const PINS: [&[u8]; 2] = [USER_PIN, OTHER_PIN];
const STEPS: u64 = 60;

/// What a view holds on to between commands.
struct Hand {
    m: &'static Module,
    slot: u64,
    session: u64,
    handles: BTreeMap<String, u64>,
}

impl Hand {
    fn new(m: &'static Module, slot: u64) -> Self {
        let mut hand = Self { m, slot, session: 0, handles: BTreeMap::new() };
        hand.open().expect("a session");
        hand
    }

    fn open(&mut self) -> R<()> {
        let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        p11!(self.m, C_OpenSession, self.slot, flags, null_mut(), None, &raw mut self.session).ok()
    }

    /// Carries a command out; the answer is one word.
    fn obey(&mut self, command: &str) -> String {
        let words: Vec<_> = command.split(' ').collect();
        let answer = match words[..] {
            ["login", pin] => self.m.login(self.session, CKU_USER, pin.as_bytes()).map(|()| "ok".to_owned()),
            ["logout"] => self.m.logout(self.session).map(|()| "ok".to_owned()),
            ["pin", old, new] => self.m.set_pin(self.session, old.as_bytes(), new.as_bytes()).map(|()| "ok".to_owned()),
            ["wait"] => {
                std::thread::sleep(std::time::Duration::from_millis(250));
                Ok("ok".to_owned())
            }
            ["reopen"] => p11!(self.m, C_CloseAllSessions, self.slot).ok().and_then(|()| self.open()).map(|()| "ok".to_owned()),
            ["create", name, token, private] => self.create(name, token == "true", private == "true"),
            ["list"] => self.list(),
            [verb, name] => self.on_object(verb, name, ""),
            [verb, name, value] => self.on_object(verb, name, value),
            _ => panic!("no such command: {command}"),
        };
        answer.unwrap_or_else(|rv| format!("{rv:?}"))
    }

    fn create(&mut self, name: &str, token: bool, private: bool) -> R<String> {
        let attrs = Attrs::data("new", b"").text(CKA_APPLICATION, name).bool(CKA_TOKEN, token).bool(CKA_PRIVATE, private);
        let handle = self.m.create(self.session, &attrs)?;
        self.handles.insert(name.to_owned(), handle);
        Ok("ok".to_owned())
    }

    fn list(&mut self) -> R<String> {
        let mut names = Vec::new();
        for handle in self.m.find(self.session, &Attrs::new().class(CKO_DATA))? {
            let name = String::from_utf8(self.m.get(self.session, handle, CKA_APPLICATION)?).expect("a name");
            self.handles.insert(name.clone(), handle);
            names.push(name);
        }
        names.sort_unstable();
        Ok(names.join(","))
    }

    /// By the handle that this view was given at some time, if it ever was.
    fn on_object(&self, verb: &str, name: &str, value: &str) -> R<String> {
        let Some(handle) = self.handles.get(name).copied() else { return Ok("unknown".to_owned()) };
        match verb {
            "read" => Ok(String::from_utf8(self.m.get(self.session, handle, CKA_LABEL)?).expect("a value")),
            "write" => self.m.set(self.session, handle, &Attrs::new().label(value)).map(|()| "ok".to_owned()),
            "destroy" => self.m.destroy(self.session, handle).map(|()| "ok".to_owned()),
            _ => panic!("no such command: {verb}"),
        }
    }
}

/// Where a view's commands go.
enum View {
    Here(Hand),
    There { child: Child, to: ChildStdin, from: BufReader<ChildStdout> },
}

impl View {
    fn ask(&mut self, command: &str) -> String {
        match self {
            Self::Here(hand) => hand.obey(command),
            Self::There { to, from, .. } => {
                writeln!(to, "{command}").expect("the other process listens");
                let answers = from.lines().map(|line| line.expect("the other process answers"));
                answers.filter_map(|line| line.strip_prefix("answer ").map(str::to_owned)).next().expect("an answer")
            }
        }
    }
}

/// The other process's side.
fn obey_until_the_end(m: &'static Module) {
    m.initialize().expect("C_Initialize");
    let mut hand = Hand::new(m, SLOT);
    for command in std::io::stdin().lines() {
        println!("answer {}", hand.obey(&command.expect("a command")));
    }
}

struct Thing {
    token: bool,
    private: bool,
    /// Its CKA_LABEL since it was made; its name is in CKA_APPLICATION, which never changes.
    values: Vec<String>,
    /// By view: the oldest value that it may still read.
    floor: [usize; 2],
    /// Destroyed by the other process, which a view that has read it may not know yet.
    gone: bool,
    /// The view that made it.
    maker: usize,
}

/// What a view must answer.
struct Model {
    /// The views share one store.
    shared: bool,
    logged_in: [bool; 2],
    /// By store.
    pins: [usize; 2],
    things: BTreeMap<String, Thing>,
    /// By view: the handles that still mean something, or did.
    given: [BTreeMap<String, bool>; 2],
}

impl Model {
    fn sees(&self, view: usize, thing: &Thing) -> bool {
        if thing.gone {
            return false;
        }
        let near = thing.maker == view || (self.shared && thing.token);
        near && (!thing.private || self.logged_in[view])
    }

    fn log_out(&mut self, view: usize) {
        self.logged_in[view] = false;
        let mine = |thing: &Thing| thing.maker == view && !thing.token && thing.private;
        for (name, alive) in &mut self.given[view] {
            *alive &= self.things.get(name).is_some_and(|thing| !thing.private);
        }
        self.things.retain(|_, thing| !mine(thing));
    }

    fn may_write(&self, view: usize, token: bool, private: bool) -> Result<(), String> {
        if (token || private) && !self.logged_in[view] { Err("CKR_USER_NOT_LOGGED_IN".to_owned()) } else { Ok(()) }
    }

    /// Whether the answer is right; what would have been, if not.
    fn judge(&mut self, view: usize, command: &str, told: &str) -> Result<(), String> {
        let words: Vec<_> = command.split(' ').collect();
        if let ["read", name] = words[..]
            && let (Some(alive), Some(thing)) = (self.given[view].get_mut(name), self.things.get_mut(name))
            && *alive
        {
            let known = &thing.values[thing.floor[view]..];
            return match known.iter().position(|value| value == told) {
                Some(at) => {
                    thing.floor[view] += at;
                    Ok(())
                }
                None if thing.gone && told == "CKR_OBJECT_HANDLE_INVALID" => {
                    *alive = false;
                    Ok(())
                }
                None => Err(format!("one of {known:?}")),
            };
        }
        // Of two faults either may be told: the object has gone, and nobody is logged in to write it.
        if let ["write", name, _] = words[..]
            && told == "CKR_USER_NOT_LOGGED_IN"
            && !self.logged_in[view]
            && self.things.get(name).is_some_and(|thing| thing.gone && thing.token)
        {
            return Ok(());
        }
        let right = self.answer(view, &words).unwrap_or_else(|code| code);
        if told == right { Ok(()) } else { Err(right) }
    }

    fn answer(&mut self, view: usize, words: &[&str]) -> Result<String, String> {
        let ok = Ok("ok".to_owned());
        let store = if self.shared { 0 } else { view };
        match *words {
            ["login", _] if self.logged_in[view] => Err("CKR_USER_ALREADY_LOGGED_IN".to_owned()),
            ["login", _] => {
                self.logged_in[view] = true;
                ok
            }
            ["logout"] if !self.logged_in[view] => Err("CKR_USER_NOT_LOGGED_IN".to_owned()),
            ["logout"] => {
                self.log_out(view);
                ok
            }
            ["pin", _, new] => {
                self.pins[store] = PINS.iter().position(|pin| *pin == new.as_bytes()).expect("a PIN");
                ok
            }
            ["wait"] => {
                for (name, thing) in &mut self.things {
                    thing.floor[view] = thing.values.len() - 1;
                    if let (true, Some(alive)) = (thing.gone, self.given[view].get_mut(name)) {
                        *alive = false;
                    }
                }
                ok
            }
            ["reopen"] => {
                self.log_out(view);
                self.things.retain(|_, thing| thing.token || thing.maker != view);
                ok
            }
            ["create", name, token, private] => {
                let (token, private) = (token == "true", private == "true");
                self.may_write(view, token, private)?;
                self.things
                    .insert(name.to_owned(), Thing { token, private, values: vec!["new".to_owned()], floor: [0; 2], gone: false, maker: view });
                self.given[view].insert(name.to_owned(), true);
                ok
            }
            ["list"] => {
                let seen: Vec<_> = self.things.iter().filter(|(_, thing)| self.sees(view, thing)).map(|(name, _)| name.clone()).collect();
                self.given[view].extend(seen.iter().map(|name| (name.clone(), true)));
                Ok(seen.join(","))
            }
            [verb, name, ..] => {
                let Some(alive) = self.given[view].get(name).copied() else { return Ok("unknown".to_owned()) };
                let Some(thing) = self.things.get(name).filter(|_| alive) else { return Err("CKR_OBJECT_HANDLE_INVALID".to_owned()) };
                let (token, private) = (thing.token, thing.private);
                if verb == "write" {
                    self.may_write(view, token, private)?;
                }
                let thing = self.things.get_mut(name).expect("it was there");
                if thing.gone {
                    self.given[view].insert((*name).to_owned(), false);
                    return Err("CKR_OBJECT_HANDLE_INVALID".to_owned());
                }
                if verb == "destroy" {
                    // Public data may go without a log-in.
                    thing.gone = true;
                    self.given[view].insert((*name).to_owned(), false);
                    return ok;
                }
                thing.values.push(words[2].to_owned());
                thing.floor[view] = thing.values.len() - 1;
                ok
            }
            _ => panic!("no such command: {words:?}"),
        }
    }

    fn draw(&self, random: &mut Random, number: u64, view: usize) -> String {
        let made = |n: u64| format!("{n:06}");
        // One of the last that this view was given a handle of, alive or not.
        let given = &self.given[view];
        let back = random.next() as usize % given.len().clamp(1, 16);
        let recent = given.keys().rev().nth(back).cloned().unwrap_or_else(|| made(number));
        let pin = |which: usize| String::from_utf8_lossy(PINS[which]).into_owned();
        let mine = self.pins[if self.shared { 0 } else { view }];
        if self.shared && random.next().is_multiple_of(400) {
            return "wait".to_owned();
        }
        match random.next() % 44 {
            0..=5 => format!("login {}", pin(mine)),
            6 | 7 => "logout".to_owned(),
            8 => format!("pin {} {}", pin(mine), pin(1 - mine)),
            9 => "reopen".to_owned(),
            10..=18 => format!("create {} {} {}", made(number), random.next().is_multiple_of(2), random.next().is_multiple_of(2)),
            19..=25 => "list".to_owned(),
            26..=31 => format!("read {recent}"),
            32..=36 => format!("write {recent} v{}", random.next() % 1000),
            _ => format!("destroy {recent}"),
        }
    }
}

/// Random commands to both views, for as many rounds as CNGTOKEN_MODEL_VIEWS says.
fn play(mut views: [View; 2], shared: bool) {
    let rounds = std::env::var("CNGTOKEN_MODEL_VIEWS").map_or(15, |text| text.parse::<u64>().expect("CNGTOKEN_MODEL_VIEWS"));
    let mut model = Model { shared, logged_in: [false; 2], pins: [0; 2], things: BTreeMap::new(), given: [BTreeMap::new(), BTreeMap::new()] };
    let (mut random, mut log) = (Random(1), Vec::new());
    let mut answers: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..rounds * STEPS {
        let view = random.next() as usize % 2;
        let command = model.draw(&mut random, number, view);
        let told = views[view].ask(&command);
        log.push(format!("view {view}: {command} -> {told}"));
        let verb = command.split(' ').next().unwrap_or_default();
        let kind = if told.starts_with("CKR_") || told == "ok" { &told[..] } else { "bytes" };
        *answers.entry(format!("{verb} {kind}")).or_default() += 1;
        if let Err(right) = model.judge(view, &command, &told) {
            let name = command.split(' ').nth(1).unwrap_or("list");
            let told: Vec<_> = log.iter().filter(|line| line.contains(name) || line.contains("log") || line.contains("reopen")).cloned().collect();
            panic!("the model says {right}:\n{}", told[told.len().saturating_sub(30)..].join("\n"));
        }
    }
    println!("note: {} commands to two views, {} different pairs of command and answer", rounds * STEPS, answers.len());
    assert!(answers.len() > 14, "the commands saw few different answers: {answers:?}");
    for view in views {
        if let View::There { mut child, to, .. } = view {
            drop(to);
            assert!(child.wait().expect("it ends").success(), "the other process failed");
        }
    }
}

#[test]
fn two_processes_on_one_store_see_what_the_model_says() {
    alone(|place| {
        let m = load();
        if place.role() == "other" {
            return obey_until_the_end(m);
        }
        m.make_token();
        let mut child = place.command("other").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("another process");
        let (to, from) = (child.stdin.take().expect("its input"), BufReader::new(child.stdout.take().expect("its output")));
        play([View::Here(Hand::new(m, SLOT)), View::There { child, to, from }], true);
    });
}

#[test]
fn two_slots_of_one_process_know_nothing_of_each_other() {
    alone(|place| {
        let m = load();
        match place.role() {
            "make" => return m.make_token(),
            "play" => {
                m.initialize().expect("C_Initialize");
                return play([View::Here(Hand::new(m, 3)), View::Here(Hand::new(m, 8))], false);
            }
            _ => {}
        }
        let mut text = String::new();
        for slot in [3, 8] {
            let store = place.file(&format!("slot{slot}.db"));
            assert!(place.command("make").env("CNGTOKEN_STORE", &store).output().expect("a process").status.success(), "a token is made");
            text += &format!("[[token]]\nslot = {slot}\nstore = {:?}\n", store.to_str().expect("a path"));
        }
        let file = place.file("two.toml");
        std::fs::write(&file, text).expect("the configuration is written");
        let out = place.command("play").env_remove("CNGTOKEN_STORE").env("CNGTOKEN_CONF", &file).output().expect("a process");
        let told = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{told}{}", String::from_utf8_lossy(&out.stderr));
        told.lines().filter(|line| line.starts_with("note: ")).for_each(|line| println!("{line}"));
    });
}

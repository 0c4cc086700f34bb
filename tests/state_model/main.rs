//! Random call sequences on several sessions, each return code and output length compared with a small model of the standard's rules.
//!
//! The model (`world.rs` and the files beside it) was written from the standard's text and the project's decisions, not from the
//! token's code: the two may only meet in what a caller sees. `cargo test` runs a short form; CNGTOKEN_MODEL_SEQUENCES sets the number
//! (the long form is 100,000 and more), CNGTOKEN_MODEL_SEED the start. A failure prints its seed and the shortest sequence found.
#![allow(unsafe_code, reason = "a C client of the module")]
#![allow(clippy::macro_metavars_in_unsafe, reason = "`p11!` takes plain expressions and holds the one SAFETY note")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed assumption in a test is a failed test")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers of the model's own making")]

mod calls;
#[path = "../client/mod.rs"]
mod client;
mod dual;
mod dual_failures;
mod fixtures;
mod judging;
mod message_ciphers;
mod message_signatures;
mod messages;
mod objects;
mod operations;
mod promises;
mod saved;
mod sessions;
mod signature_first;
mod threads;
mod views;
mod world;

use calls::{Call, Step};
use client::{alone, load};
use world::World;

const SEQUENCES: u64 = 1_500;
const STEPS: usize = 50;

#[test]
fn random_sequences_answer_as_the_model_of_the_standard_says() {
    alone(|_| {
        let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect(name));
        let (sequences, seed) = (number("CNGTOKEN_MODEL_SEQUENCES", SEQUENCES), number("CNGTOKEN_MODEL_SEED", 1));
        let module = load();
        let mut world = World::new(module, fixtures::make(module));
        for i in 0..sequences {
            let steps = sequence(seed.wrapping_add(i));
            if let Err(complaint) = world.run(&steps) {
                let (steps, complaint) = shrink(&mut world, steps, complaint);
                let told = world.tell(&steps);
                panic!("sequence {i}, seed {}: {complaint}\n{told}", seed.wrapping_add(i));
            }
        }
        println!("note: {sequences} sequences, {} calls compared; {}", world.calls, world.survey());
        assert!(world.calls > sequences * (STEPS as u64) / 2, "the sequences made few calls");
        assert!(sequences < SEQUENCES || world.pairs() > 300, "the sequences saw few different answers: {}", world.pairs());
    });
}

/// A sequence of calls whose numbers are read relative to the model's state, so that any part of it is a sequence too.
fn sequence(seed: u64) -> Vec<Step> {
    let mut random = Random(seed);
    // A session and a log-in stand first most of the time, or half of the calls would only ever see a bad handle.
    let mut steps = Vec::with_capacity(STEPS);
    for call in [Call::OpenSession, Call::OpenSession, Call::Login, Call::Lookup] {
        if !random.next().is_multiple_of(8) {
            let step = random.step(call);
            // The user with the right PIN, more often than chance would have it.
            steps.push(if call == Call::Login && step.d < 192 { Step { a: 0, b: 1, c: 0, ..step } } else { step });
        }
    }
    while steps.len() < STEPS {
        let call = random.call();
        steps.push(random.step(call));
    }
    steps
}

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn call(&mut self) -> Call {
        let total: u64 = Call::WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut at = self.next() % total;
        for (call, weight) in Call::WEIGHTS {
            if at < *weight {
                return *call;
            }
            at -= weight;
        }
        unreachable!("the weights add up")
    }

    fn step(&mut self, call: Call) -> Step {
        let [session, a, b, c, d, ..] = self.next().to_le_bytes();
        Step { call, session, a, b, c, d }
    }
}

/// Drops ever smaller parts of a failing sequence as long as it fails.
fn shrink(world: &mut World, mut steps: Vec<Step>, mut complaint: String) -> (Vec<Step>, String) {
    let mut part = steps.len() / 2;
    while part > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + part).min(steps.len()));
            match world.run(&fewer) {
                Err(still) => (steps, complaint) = (fewer, still),
                Ok(()) => at += part,
            }
        }
        part /= 2;
    }
    (steps, complaint)
}

//! The figures for a person and for a machine.

use serde_json::{Value, json};

use crate::Failure;
use crate::rows::{BATCH_PER_SECOND, Bar, COLD_MILLIS, FIND, IMPORT_MICROS, MEMORY_MIB, Row, SCALING};
use crate::run::{Figures, Growth, Medians, Threads};

/// Whether a figure reaches its bar; `None` where there is no figure or no bar.
type Verdict = Option<bool>;

/// Prints everything; false if a bar was missed.
pub(crate) fn print(figures: &Figures) -> bool {
    let mut verdicts = Vec::new();
    println!("{}", machine());
    if !figures.cpu.is_empty() {
        println!("\nCPU microseconds per operation, one thread, medians of interleaved rounds\n");
        println!("{:<32} {:>10} {:>10} {:>10} {:>11}   bar", "operation", "ours", "SoftHSM2", "bare", "ours / bare");
        for (row, nanos) in &figures.cpu {
            let verdict = judge(row.bar, nanos);
            let ratio = ratio(nanos.ours, nanos.bare);
            println!(
                "{:<32} {:>10} {:>10} {:>10} {:>11}   {:<10} {}",
                row.name,
                micros(nanos.ours),
                micros(nanos.peer),
                micros(nanos.bare),
                figure(ratio, 2),
                bar(row.bar),
                word(verdict)
            );
            verdicts.push(verdict);
        }
    }
    if !figures.threads.is_empty() {
        println!("\nThreads 1 to 2, operations per second together (wall); on a busy machine look at the CPU time of one operation instead\n");
        println!(
            "{:<26} {:>11} {:>11} {:>6} {:>9}   {:<8} {:>14} {:>14}",
            "operation", "1 thread", "2 threads", "ours", "SoftHSM2", "bar", "CPU us, 1", "CPU us, 2"
        );
        for (row, threads) in &figures.threads {
            let [one, two] = &threads.rate;
            let (ours, peer) = (ratio(two.ours, one.ours), ratio(two.peer, one.peer));
            let verdict = ours.map(|times| times >= SCALING);
            println!(
                "{:<26} {:>11} {:>11} {:>6} {:>9}   {:<8} {:>14} {:>14}   {}",
                row.name,
                figure(one.ours, 0),
                figure(two.ours, 0),
                figure(ours, 2),
                figure(peer, 2),
                format!(">= {SCALING}"),
                micros(threads.cpu[0].ours),
                micros(threads.cpu[1].ours),
                word(verdict)
            );
            verdicts.push(verdict);
        }
    }
    for growth in &figures.growth {
        println!("\nStore of {} objects\n", growth.objects);
        for line in growth_lines(growth, figures) {
            println!("{:<52} {:>12} {:>12}   {:<22} {}", line.what, line.ours, line.peer, line.bar, word(line.verdict));
            verdicts.push(line.verdict);
        }
    }
    for note in &figures.notes {
        println!("\nnote: {note}");
    }
    let missed = verdicts.iter().filter(|verdict| **verdict == Some(false)).count();
    let reached = verdicts.iter().filter(|verdict| **verdict == Some(true)).count();
    println!("\n{reached} bars reached, {missed} missed");
    missed == 0
}

struct Line {
    what: &'static str,
    ours: String,
    peer: String,
    bar: String,
    verdict: Verdict,
}

fn growth_lines(growth: &Growth, figures: &Figures) -> Vec<Line> {
    let empty_store = figures.cpu.iter().find(|(row, _)| row.name == "ECDSA P-256 sign").and_then(|(_, nanos)| nanos.ours);
    let cold = growth.cold.map(|cold| cold.map(|cold| cold.all.as_secs_f64() * 1e3));
    let beside_login = growth.cold[0].map(|cold| cold.all.saturating_sub(cold.login).as_secs_f64() * 1e3);
    let memory = growth.cold.map(|cold| cold.map(|cold| cold.memory_kib as f64 / 1024.0));
    let at_most = |figure: Option<f64>, bar: f64| figure.map(|figure| figure <= bar);
    vec![
        Line {
            what: "C_FindObjects by CKA_ID, CPU us",
            ours: micros(growth.find.ours),
            peer: micros(growth.find.peer),
            bar: bar(FIND.bar),
            verdict: judge(FIND.bar, &growth.find),
        },
        Line {
            what: "ECDSA P-256 sign with a stored key, CPU us",
            ours: micros(growth.sign.ours),
            peer: micros(growth.sign.peer),
            bar: "as in a small store".to_owned(),
            // A tenth for what else the machine does.
            verdict: ratio(growth.sign.ours, empty_store).map(|times| times <= 1.1),
        },
        Line {
            what: "cold start: load, login, 1 find, 2 signs, wall ms",
            ours: figure(cold[0], 2),
            peer: figure(cold[1], 2),
            bar: String::new(),
            verdict: None,
        },
        Line {
            what: "  of it beside C_Login, wall ms",
            ours: figure(beside_login, 2),
            peer: String::new(),
            bar: format!("<= {COLD_MILLIS}"),
            verdict: at_most(beside_login, COLD_MILLIS),
        },
        Line {
            what: "resident memory after it, MiB",
            ours: figure(memory[0], 1),
            peer: figure(memory[1], 1),
            bar: format!("<= {MEMORY_MIB}"),
            verdict: at_most(memory[0], MEMORY_MIB),
        },
        Line {
            what: "import of one RSA-2048 private key, CPU us",
            ours: figure(growth.import_micros[0], 0),
            peer: figure(growth.import_micros[1], 0),
            bar: format!("<= {IMPORT_MICROS}"),
            verdict: at_most(growth.import_micros[0], IMPORT_MICROS),
        },
        Line {
            what: "durable imports one by one, per second (wall)",
            ours: figure(growth.imports_per_second[0], 0),
            peer: figure(growth.imports_per_second[1], 0),
            bar: "SoftHSM2: not durable".to_owned(),
            verdict: None,
        },
        Line {
            what: "cngtoken import DIR, keys per second (wall)",
            ours: figure(growth.batch_per_second, 0),
            peer: String::new(),
            bar: format!(">= {BATCH_PER_SECOND}"),
            // A small store is done before the process has started.
            verdict: growth.batch_per_second.filter(|_| growth.objects >= 10_000).map(|rate| rate >= BATCH_PER_SECOND),
        },
    ]
}

fn judge(bar: Bar, nanos: &Medians) -> Verdict {
    match bar {
        Bar::TimesBare(most) => ratio(nanos.ours, nanos.bare).map(|times| times <= most),
        Bar::Micros(most) => nanos.ours.map(|nanos| nanos / 1e3 <= most),
        Bar::None => None,
    }
}

fn bar(bar: Bar) -> String {
    match bar {
        Bar::TimesBare(most) => format!("<= {most} x"),
        Bar::Micros(most) => format!("<= {most} us"),
        Bar::None => String::new(),
    }
}

fn ratio(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    Some(above? / below?).filter(|ratio| ratio.is_finite())
}

fn figure(figure: Option<f64>, digits: usize) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.digits$}"))
}

/// Nanoseconds as microseconds, with as many digits as tell something.
fn micros(nanos: Option<f64>) -> String {
    let digits = match nanos {
        Some(nanos) if nanos >= 100_000.0 => 0,
        Some(nanos) if nanos >= 10_000.0 => 1,
        _ => 3,
    };
    figure(nanos.map(|nanos| nanos / 1e3), digits)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Some(true) => "ok",
        Some(false) => "MISSED",
        None => "",
    }
}

/// The processor and how busy the machine was: a busy one explains missed bars.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).map_or("?", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores, load {load}")
}

/// The figures as JSON; times in nanoseconds.
pub(crate) fn json(figures: &Figures) -> Result<String, Failure> {
    let medians = |m: &Medians| json!({ "ours": m.ours, "peer": m.peer, "bare": m.bare });
    let cpu = |(row, nanos): &(&Row, Medians)| json!({ "row": row.name, "cpu_nanos": medians(nanos), "reached": judge(row.bar, nanos) });
    let threads = |(row, threads): &(&Row, Threads)| {
        let both = |[one, two]: &[Medians; 2]| json!([medians(one), medians(two)]);
        json!({ "row": row.name, "per_second": both(&threads.rate), "cpu_nanos": both(&threads.cpu) })
    };
    let growth = |growth: &Growth| -> Value {
        let cold = growth.cold.map(|cold| {
            cold.map(|c| json!({ "all_micros": c.all.as_micros().to_string(), "login_micros": c.login.as_micros().to_string(), "memory_kib": c.memory_kib }))
        });
        json!({
            "objects": growth.objects,
            "find_cpu_nanos": medians(&growth.find),
            "sign_cpu_nanos": medians(&growth.sign),
            "cold": cold,
            "import_cpu_micros": growth.import_micros,
            "imports_per_second": growth.imports_per_second,
            "batch_per_second": growth.batch_per_second,
        })
    };
    let all = json!({
        "machine": machine(),
        "peer": figures.peer,
        "cpu": figures.cpu.iter().map(cpu).collect::<Vec<_>>(),
        "threads": figures.threads.iter().map(threads).collect::<Vec<_>>(),
        "growth": figures.growth.iter().map(growth).collect::<Vec<_>>(),
        "notes": figures.notes,
    });
    Ok(serde_json::to_string_pretty(&all)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_reached_missed_or_not_judged() {
        let nanos = Medians { ours: Some(110.0), peer: None, bare: Some(100.0) };

        assert_eq!(judge(Bar::TimesBare(1.15), &nanos), Some(true));
        assert_eq!(judge(Bar::TimesBare(1.05), &nanos), Some(false));
        assert_eq!(judge(Bar::Micros(1.0), &nanos), Some(true));
        assert_eq!(judge(Bar::TimesBare(1.05), &Medians::default()), None);
    }
}

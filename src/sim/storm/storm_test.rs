//! Runs storms, and counts what they held.

use super::{Report, Storm};
use crate::sim;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

impl Report {
    fn add(&mut self, other: Self) {
        for (trouble, count) in other.counts {
            *self.counts.entry(trouble).or_default() += count;
        }
        self.flips += other.flips;
        self.writes += other.writes;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.reads += other.reads;
        self.terms += other.terms;
        self.faults += other.faults;
        self.compared += other.compared;
        self.snapshots += other.snapshots;
    }
}

#[test]
fn whatever_happens_everything_promised_holds() {
    let first = number("STORM_FIRST").unwrap_or(0);
    let seconds = number("STORM_SECONDS");
    let seeds = match (number("STORM_SEED"), seconds) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(_)) => first..u64::MAX,
        (None, None) => first..first + number("STORM_SEEDS").unwrap_or(10),
    };
    #[expect(clippy::disallowed_methods, reason = "how long to go on is the machine's time")]
    let start = std::time::Instant::now();
    let (mut total, mut runs) = (Report::default(), 0);
    for seed in seeds {
        if seconds.is_some_and(|seconds| start.elapsed().as_secs() >= seconds) {
            break;
        }
        println!("STORM_SEED={seed}");
        total.add(sim::run(seed, Storm::new(seed).run()));
        runs += 1;
    }
    println!("{runs} seeds: {total:#?}");
    let one = number("STORM_SEED").is_some();
    assert!(one || total.acknowledged > runs * 20, "too little was written to prove anything");
}

#[test]
fn nothing_is_lost_or_stale_while_leadership_is_handed_about() {
    let seeds = match number("TRANSFER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TRANSFER_SEEDS").unwrap_or(4),
    };
    let (mut total, mut runs) = (Report::default(), 0);
    for seed in seeds {
        println!("TRANSFER_SEED={seed}");
        total.add(sim::run(seed, Storm::of_transfers(seed).run()));
        runs += 1;
    }
    println!("{runs} seeds: {total:#?}");
    assert!(total.terms > runs * 5, "leadership hardly moved");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (first, events) = sim::trace(7, Storm::new(7).run());
    let (second, again) = sim::trace(7, Storm::new(7).run());
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
    let different = events.iter().zip(&again).position(|(one, other)| one != other);
    if let Some(at) = different {
        panic!("{:#?}, then {} or {}", &events[at - 20..at], events[at], again[at]);
    }
    assert_eq!(events.len(), again.len());
    let (_, other) = sim::trace(8, Storm::new(8).run());
    assert_ne!(events, other);
}

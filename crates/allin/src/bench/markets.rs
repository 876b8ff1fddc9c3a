//! `allin bench markets`: a large state under a random flow, and what an open order costs in memory.

use allin_core::{
    ids::{Seq, Timestamp},
    spot::{
        Ahead, Spot,
        command::Command,
        event::{Event, Events},
    },
};

use super::{
    population::{Compact, LARGE, Population, next_time},
    table::{Row, Runs, Stopwatch, number},
};

/// Commands of one run, and those before it that are not measured: a state just restored first grows its tables.
const COMMANDS: usize = 2_000_000;
const WARM_UP: usize = 512_000;
/// Commands that come together, as in a sequencer's batch.
const BATCH: usize = 128;
/// exchange-core, with as many symbols, orders and accounts on such a machine.
const EXCHANGE_CORE_PER_SECOND: f64 = 510_000.0;
const GOAL_PER_SECOND: f64 = 2_000_000.0;
const EXCHANGE_CORE_BYTES: f64 = 91.0;

/// Runs the flow `runs` times from one state.
pub fn run(runs: usize) -> Result<Vec<Row>, String> {
    let mut population = Population::build(LARGE);
    let (book, rest) = population.spot.memory();
    let orders = population.spot.open_order_count() as f64;
    let mut bytes = Vec::new();
    population.spot.snapshot(&mut |part| bytes.extend_from_slice(part));
    let start = population.time();
    let flow = population.flow(WARM_UP + COMMANDS);
    let digest = population.spot.digest();
    drop(population);

    let (mut rates, mut cpu_rates, mut trades) = (Runs::default(), Runs::default(), 0);
    for _ in 0..runs.max(1) {
        let mut spot = Spot::restore(&bytes).map_err(|error| format!("restore: {error:?}"))?;
        let mut time = start;
        let (warm_up, measured) = flow.split_at(WARM_UP);
        apply(&mut spot, &mut time, warm_up);
        let watch = Stopwatch::start();
        trades = apply(&mut spot, &mut time, measured);
        let (wall, cpu) = watch.seconds();
        rates.push(COMMANDS as f64 / wall);
        cpu_rates.push(COMMANDS as f64 / cpu);
        if spot.digest() != digest {
            return Err("two runs of the same flow differ".into());
        }
    }
    Ok(vec![rate_row(&rates, &cpu_rates, trades), memory_row(book as f64 / orders, rest as f64 / orders)])
}

/// Applies a flow batch by batch; gives the number of trades.
fn apply(spot: &mut Spot, time: &mut Timestamp, flow: &[Compact]) -> usize {
    let mut seq = spot.seq().0;
    let mut batch: Vec<Command> = Vec::with_capacity(BATCH);
    let mut events: Events = Vec::with_capacity(64 * BATCH);
    let mut trades = 0;
    let mut ahead = Ahead::default();
    for part in flow.chunks(BATCH) {
        batch.clear();
        batch.extend(part.iter().map(Compact::command));
        events.clear();
        for (at, command) in batch.iter().enumerate() {
            spot.look_ahead(&mut ahead, at, |at| batch.get(at));
            seq += 1;
            *time = next_time(*time);
            spot.apply(Seq(seq), *time, command, &mut events);
        }
        trades += events.iter().filter(|event| matches!(event, Event::Trade(_))).count();
    }
    trades
}

fn rate_row(rates: &Runs, cpu_rates: &Runs, trades: usize) -> Row {
    let workload = format!(
        "10,000 markets, 1 M users, 3.3 M balances, 1 M resting orders; {} random commands (30 % place, 25 % cancel, 40 % \
         move, 5 % IOC; {} trades), batches of {BATCH}, one thread",
        number(COMMANDS as f64),
        number(trades as f64)
    );
    Row {
        bench: "markets".into(),
        workload,
        unit: "commands/s".into(),
        median: rates.median(),
        p10: rates.p10(),
        cpu_median: Some(cpu_rates.median()),
        peer: "exchange-core, as measured on such a machine".into(),
        peer_median: Some(EXCHANGE_CORE_PER_SECOND),
        ratio: Some(rates.median() / EXCHANGE_CORE_PER_SECOND),
        goal: format!("≥ {}", number(GOAL_PER_SECOND)),
        met: Some(rates.median() >= GOAL_PER_SECOND),
    }
}

fn memory_row(book: f64, rest: f64) -> Row {
    Row {
        bench: "memory".into(),
        workload: format!(
            "book structures of the same state, for one open order; further details of it: {rest:.0} bytes"
        ),
        unit: "bytes".into(),
        median: book,
        p10: book,
        cpu_median: None,
        peer: "exchange-core, as measured".into(),
        peer_median: Some(EXCHANGE_CORE_BYTES),
        ratio: Some(book / EXCHANGE_CORE_BYTES),
        goal: "≤ 91".into(),
        met: Some(book <= EXCHANGE_CORE_BYTES),
    }
}

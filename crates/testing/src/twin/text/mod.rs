//! A tiny language for tests of rules: `A buy 3@100; B sell 5@99` in, what happened out, a line an event.
//!
//! The world: assets `btc`, `usdt`, `tok` without decimals; market 0 is btc for usdt, market 1 tok for usdt, both trading,
//! one lot and one tick are one unit, nothing is filtered, nothing is charged. Users A to F have 1,000 of btc and tok and
//! 100,000 usdt, the house has 1,000 of each. The clock starts at zero.

mod parse;
mod print;

use allin_core::ids::{AssetId, MarketId, Seq, Timestamp, UserId};
use allin_core::num::{Amount, FeeRate, FeeRates};
use allin_core::spot::command::{Account, Command, Counter, Funding, MarketState};
use allin_core::spot::event::Event;
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{Label, Symbol};

use super::machine::SpotMachine;

pub use print::line;

const ASSETS: [&str; 3] = ["btc", "usdt", "tok"];
const USERS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

/// What is told of each command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    Events,
    /// And the new balances.
    Balances,
}

/// Runs a script and tells, for each of its commands, what it was and what happened.
pub fn run<M: SpotMachine>(script: &str, telling: Telling) -> String {
    let mut world = World { machine: M::start(1_000), seq: 0, now: 0, specs: Vec::new() };
    for command in world_setup() {
        if let Command::SetMarket(spec) = &command {
            world.specs.push(*spec);
        }
        world.apply(&command);
    }
    let mut told = String::new();
    for text in script.split([';', '\n']).map(str::trim).filter(|text| !text.is_empty()) {
        told += text;
        told += "\n";
        let Some(command) = parse::command(text, &mut world.now, &mut world.specs) else { continue };
        for event in world.apply(&command) {
            if telling == Telling::Balances || !matches!(event, Event::Balance { .. }) {
                told += &format!("    {}\n", line(&event));
            }
        }
    }
    told
}

struct World<M> {
    machine: M,
    seq: u64,
    now: u64,
    specs: Vec<MarketSpec>,
}

impl<M: SpotMachine> World<M> {
    fn apply(&mut self, command: &Command) -> Vec<Event> {
        self.seq += 1;
        self.machine.apply(Seq(self.seq), Timestamp(self.now), command)
    }
}

fn world_setup() -> Vec<Command> {
    let mut setup: Vec<Command> = (0..3).map(|id| Command::SetAsset(asset(id))).collect();
    for (id, base) in [(0, 0), (1, 2)] {
        setup.push(Command::SetMarket(market(id, base)));
        setup.push(Command::SetMarketState { market: MarketId(id), state: MarketState::Trading });
    }
    setup.push(Command::SetFeeTier { tier: 0, rates: FeeRates { maker: FeeRate(0), taker: FeeRate(0) } });
    for asset in 0..3 {
        let much = if asset == 1 { 100_000 } else { 1_000 };
        setup.extend((1..=USERS.len() as u64).map(|user| Command::Credit(start_funds(user, asset, much))));
        setup.push(Command::Sweep {
            from: Account::Deposits,
            to: Account::House,
            asset: AssetId(asset),
            amount: 1_000,
        });
    }
    setup
}

fn start_funds(user: u64, asset: u32, amount: Amount) -> Funding {
    Funding {
        user: UserId(user),
        asset: AssetId(asset),
        amount,
        business: Label::new("start").expect("short"),
        business_id: 0,
        counter: Counter::External,
        detail: Box::from(""),
    }
}

fn asset(id: u32) -> AssetSpec {
    let symbol = Symbol::new(&ASSETS[id as usize].to_uppercase()).expect("short");
    AssetSpec { id: AssetId(id), symbol, scale: 0, display_scale: 0 }
}

fn market(id: u32, base: u32) -> MarketSpec {
    let symbol = format!("{}USDT", ASSETS[base as usize].to_uppercase());
    MarketSpec {
        id: MarketId(id),
        symbol: Symbol::new(&symbol).expect("short"),
        base: AssetId(base),
        quote: AssetId(1),
        price_scale: 0,
        tick_units: 1,
        qty_scale: 0,
        lot_units: 1,
        filters: Filters::OPEN,
    }
}

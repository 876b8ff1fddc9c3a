//! Owns the way of exchange-core's stream through the spot state machine: one market, funded users, fees, and every command
//! decoded and applied in turn. Also compiled into the workspace of peers under `benches/`.
//! Never tells the engine the stream's order ids: the engine gives its own, and two dense tables translate.

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::{FeeRate, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::Spot;
use allin_core::spot::command::{
    Command, Counter, Funding, MarketState, NewOrder, OrderKind, OrderRef, Side, TimeInForce,
};
use allin_core::spot::event::{Event, Events};
use allin_core::spot::spec::{AssetSpec, Filters, MarketSpec};
use allin_core::text::{Label, Symbol};

use super::stream::{Action, Kind, Level, Outcome, Record, Stream, Trades};

const BASE: AssetId = AssetId(0);
const QUOTE: AssetId = AssetId(1);
const MARKET: MarketId = MarketId(0);
/// Both assets have eight decimals, prices two and quantities four: a lot at a tick is 100 quote units.
const QUOTE_UNIT: i128 = 100;
/// What every user has of each asset, smallest units: enough for all that the stream does, checked by refusing any refusal.
const FUNDS: i128 = 1_000_000_000_000_000;
/// 0.02 % and 0.05 %.
const RATES: FeeRates = FeeRates { maker: FeeRate(20_000), taker: FeeRate(50_000) };
/// Commands of the stream follow each other at this distance, microseconds.
const STEP_US: u64 = 1;

pub struct CoreRun {
    spot: Spot,
    time: Timestamp,
    events: Events,
    /// Stream order → engine order.
    ids: Vec<OrderId>,
    /// Engine order → stream order.
    back: Vec<u32>,
    trades: Trades,
}

impl CoreRun {
    /// A state with the market open, fees set and users funded.
    pub fn new(stream: &Stream) -> CoreRun {
        let orders = stream.order_max() as usize + 1;
        let mut run = CoreRun {
            spot: Spot::new(Default::default()),
            time: Timestamp(1_700_000_000 * Timestamp::SECOND),
            events: Vec::with_capacity(4096),
            ids: vec![OrderId(0); orders],
            back: vec![0; orders + 1],
            trades: Trades::new(),
        };
        for command in set_up(stream) {
            run.set_up(&command);
        }
        run
    }

    /// Applies the whole stream; this is what is measured.
    pub fn run(&mut self, stream: &Stream) -> Result<Outcome, String> {
        let mut seq = self.spot.seq().0;
        for (index, record) in stream.records().enumerate() {
            let command = self.command(&record);
            seq += 1;
            self.time = self.time.plus(STEP_US);
            self.events.clear();
            self.spot.apply(Seq(seq), self.time, &command, &mut self.events);
            for event in &self.events {
                match event {
                    Event::Trade(trade) => {
                        let maker = self.back[trade.maker_order.0 as usize];
                        self.trades.add(index as u64, maker as u64, trade.price.0, trade.qty.0);
                    }
                    Event::Placed(placed) => {
                        self.ids[record.order as usize] = placed.order;
                        self.back[placed.order.0 as usize] = record.order;
                    }
                    Event::Refused(reason) => {
                        return Err(format!("command {index}, {record:?}: refused, {}", reason.name()));
                    }
                    _ => {}
                }
            }
        }
        Ok(self.trades.outcome(stream.len() as u64))
    }

    /// Both sides of the book, best price first, asks before bids.
    pub fn final_book(&self) -> Vec<Level> {
        let side = |side: Side| {
            let levels = self.spot.depth(MARKET, side, usize::MAX);
            levels.into_iter().map(move |l| Level {
                bid: side == Side::Buy,
                price: l.price.0,
                volume: l.qty.0,
                orders: l.orders as u64,
            })
        };
        side(Side::Sell).chain(side(Side::Buy)).collect()
    }

    /// Every asset's sums.
    pub fn is_conserved(&self) -> bool {
        self.spot.conservation().iter().all(|c| c.holds())
    }

    pub fn spot(&self) -> &Spot {
        &self.spot
    }

    /// The command of a record, for the engine's own order ids as far as they are known: all of them after a run.
    #[inline]
    pub fn command(&self, record: &Record) -> Command {
        let user = UserId(record.user as u64);
        let order = OrderRef::Id(self.ids[record.order as usize]);
        match record.action {
            Action::Place => Command::Place(order_of(record)),
            Action::Cancel => Command::cancel(user, MARKET, order),
            Action::Move => Command::Move { user, market: MARKET, order, price: PriceTicks(record.price) },
            Action::Reduce => Command::Reduce { user, market: MARKET, order, by: QtyLots(record.size as u64) },
        }
    }

    /// The stream's id of an order of the engine's.
    #[allow(dead_code, reason = "the workspace of peers does not ask")]
    pub fn stream_order(&self, order: OrderId) -> u64 {
        u64::from(self.back[order.0 as usize])
    }

    fn set_up(&mut self, command: &Command) {
        self.events.clear();
        self.spot.apply(Seq(self.spot.seq().0 + 1), self.time, command, &mut self.events);
        let refused = self.events.iter().find(|e| matches!(e, Event::Refused(_)));
        assert!(refused.is_none(), "{command:?}: {refused:?}");
    }
}

/// The order a placing record stands for.
#[inline]
fn order_of(record: &Record) -> NewOrder {
    let user = UserId(record.user as u64);
    let side = if record.bid { Side::Buy } else { Side::Sell };
    let qty = QtyLots(record.size as u64);
    match record.kind {
        Kind::Gtc => NewOrder::limit(user, MARKET, side, PriceTicks(record.price), qty),
        Kind::Ioc => {
            NewOrder { tif: TimeInForce::Ioc, ..NewOrder::limit(user, MARKET, side, PriceTicks(record.price), qty) }
        }
        Kind::FokBudget => NewOrder {
            kind: OrderKind::Market,
            tif: TimeInForce::Fok,
            quote_amount: record.price as i128 * QUOTE_UNIT,
            ..NewOrder::market(user, MARKET, side, qty)
        },
    }
}

/// Lists the market, sets fees, opens, and funds everybody.
pub fn set_up(stream: &Stream) -> Vec<Command> {
    let users = (0..=stream.user_max()).flat_map(|user| [(user, BASE), (user, QUOTE)]);
    let funds = users.map(|(user, asset)| credit(UserId(u64::from(user)), asset));
    listing().into_iter().chain(funds).collect()
}

fn listing() -> Vec<Command> {
    let asset = |id, symbol| AssetSpec { id, symbol: Symbol::new(symbol).expect("short"), scale: 8, display_scale: 8 };
    let market = MarketSpec {
        id: MARKET,
        symbol: Symbol::new("BTCUSDT").expect("short"),
        base: BASE,
        quote: QUOTE,
        price_scale: 2,
        tick_units: 1,
        qty_scale: 4,
        lot_units: 1,
        filters: Filters::OPEN,
    };
    vec![
        Command::SetAsset(asset(BASE, "BTC")),
        Command::SetAsset(asset(QUOTE, "USDT")),
        Command::SetFeeTier { tier: 0, rates: RATES },
        Command::SetMarket(market),
        Command::SetMarketState { market: MARKET, state: MarketState::Trading },
    ]
}

fn credit(user: UserId, asset: AssetId) -> Command {
    Command::Credit(Funding {
        user,
        asset,
        amount: FUNDS,
        business: Label::new("deposit").expect("short"),
        business_id: 1,
        counter: Counter::External,
        detail: "".into(),
    })
}

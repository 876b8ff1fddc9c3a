//! The fold of one order.

use allin_core::ids::{AssetId, OrderId, Timestamp, UserId};
use allin_core::num::{Amount, FeeRate, FeeRates, PriceTicks, QtyLots};
use allin_core::spot::event::{ChangeCause, Changed, CloseCause, Closed, OrderStatus, Placed, Trade};
use allin_core::text::ClientId;
use allin_runtime::store::{Row, Rows, StoreError, Updates, Value};

use crate::history_schema::catalog::{Asset, Catalog, Market};
use crate::history_schema::codes;

/// What of an order can still change, and what its trades need of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OrderState {
    /// As placed, until its row is written.
    pub(super) placed: Option<Box<Placed>>,
    pub(super) market: Market,
    pub(super) rates: FeeRates,
    status: OrderStatus,
    price: PriceTicks,
    qty: QtyLots,
    filled: QtyLots,
    filled_quote: Amount,
    prevented: QtyLots,
    /// By asset, in the order of first charge.
    fees: Vec<(AssetId, Amount)>,
    close_cause: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    finished_at: Timestamp,
    /// Number of its self-trade prevention mode.
    pub(super) stp: u8,
    is_stop: bool,
    /// Its present one.
    client_id: ClientId,
    /// When it came into the book, or took; 0 before.
    working_at: Timestamp,
    /// Changed since its row was last written.
    pub(super) dirty: bool,
}

/// Columns of the query that [`OrderState::from_row`] reads.
pub(super) const LOAD: &str = "SELECT order_id, market_id, status, price, qty, filled, filled_quote, prevented, fees, \
     maker_rate, taker_rate, close_cause, created_us, updated_us, finished_us, stp, kind, working_us, client_id \
     FROM history_orders WHERE order_id IN";

impl OrderState {
    pub(super) fn placed(placed: &Placed, market: Market, at: Timestamp) -> Self {
        let works = placed.status == OrderStatus::New && !placed.new.kind.is_stop();
        Self {
            placed: Some(Box::new(*placed)),
            market,
            rates: placed.rates,
            status: placed.status,
            price: placed.new.price,
            qty: placed.new.qty,
            filled: QtyLots::ZERO,
            filled_quote: 0,
            prevented: QtyLots::ZERO,
            fees: Vec::new(),
            close_cause: codes::OPEN,
            created_at: at,
            updated_at: at,
            finished_at: Timestamp(0),
            stp: placed.new.stp as u8,
            is_stop: placed.new.kind.is_stop(),
            client_id: placed.new.client_id,
            working_at: if works { at } else { Timestamp(0) },
            dirty: true,
        }
    }

    pub(super) fn filled(&self) -> QtyLots {
        self.filled
    }

    /// As sent or amended.
    pub(super) fn qty(&self) -> QtyLots {
        self.qty
    }

    pub(super) fn is_open(&self) -> bool {
        self.close_cause == codes::OPEN
    }

    pub(super) fn client_id(&self) -> ClientId {
        self.client_id
    }

    /// Gives it another client id; the one it had.
    pub(super) fn rename(&mut self, client_id: ClientId, at: Timestamp) -> ClientId {
        self.touch(at);
        std::mem::replace(&mut self.client_id, client_id)
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = at;
        self.dirty = true;
    }

    pub(super) fn trade(&mut self, trade: &Trade, fee: Amount, fee_asset: AssetId, at: Timestamp) {
        self.status = OrderStatus::PartiallyFilled;
        self.filled = self.filled + trade.qty;
        self.filled_quote += trade.quote;
        if fee != 0 {
            match self.fees.iter_mut().find(|(asset, _)| *asset == fee_asset) {
                Some((_, sum)) => *sum += fee,
                None => self.fees.push((fee_asset, fee)),
            }
        }
        self.touch(at);
    }

    pub(super) fn triggered(&mut self, at: Timestamp) {
        let released = self.status == OrderStatus::PendingNew;
        if released {
            self.status = OrderStatus::New;
        }
        // A stop that its list releases begins to wait.
        if !(released && self.is_stop) {
            self.working_at = at;
        }
        self.touch(at);
    }

    /// An event tells the total less what self-trade prevention took off; kept is the total as sent or amended.
    /// `prevented` is what it took off just now, if that is the cause.
    pub(super) fn changed(&mut self, changed: &Changed, prevented: QtyLots, at: Timestamp) {
        if changed.cause == ChangeCause::Decremented {
            self.prevented = self.prevented + prevented;
        } else {
            self.qty = changed.qty + self.prevented;
        }
        self.price = changed.price;
        self.touch(at);
    }

    /// `prevented` is what self-trade prevention kept from trading at the end, if that was its end.
    pub(super) fn closed(&mut self, closed: &Closed, prevented: QtyLots, at: Timestamp) {
        self.close_cause = match (closed.cause, self.status) {
            (CloseCause::List, OrderStatus::PendingNew) => codes::LIST_BEFORE_START,
            (cause, _) => codes::close_cause(cause),
        };
        self.status = closed.status;
        self.prevented = self.prevented + prevented;
        self.finished_at = at;
        self.touch(at);
    }

    pub(super) fn insert_into(&self, order: OrderId, catalog: &Catalog, rows: &mut Rows) {
        let placed = self.placed.as_deref().expect("asked of new orders only");
        let (new, market) = (&placed.new, &self.market);
        let quote = catalog.asset(market.quote).expect("listed before its market");
        rows.push([
            order.into(),
            new.user.into(),
            new.market.into(),
            codes::side(new.side).into(),
            (new.kind as u8).into(),
            (new.tif as u8).into(),
            (self.status as u8).into(),
            market.price(self.price).into(),
            market.price(new.stop_price).into(),
            market.qty(self.qty).into(),
            quote.amount(new.quote_amount).into(),
            market.qty(new.display_qty).into(),
            market.qty(self.filled).into(),
            quote.amount(self.filled_quote).into(),
            market.qty(self.prevented).into(),
            self.fees_text(catalog).into(),
            i64::from(self.rates.maker.0).into(),
            i64::from(self.rates.taker.0).into(),
            self.client_id.as_str().into(),
            new.source.as_str().into(),
            placed.list.into(),
            new.trailing_delta.into(),
            new.expire_at.into(),
            new.strategy_id.into(),
            new.strategy_type.into(),
            self.close_cause.into(),
            self.created_at.into(),
            self.updated_at.into(),
            self.finished_at.into(),
            self.stp.into(),
            self.working_at.into(),
        ]);
    }

    pub(super) fn update_into(&self, order: OrderId, catalog: &Catalog, updates: &mut Updates) {
        let market = &self.market;
        let quote = catalog.asset(market.quote).expect("listed before its market");
        updates.push([
            order.into(),
            self.created_at.into(),
            (self.status as u8).into(),
            market.price(self.price).into(),
            market.qty(self.qty).into(),
            market.qty(self.filled).into(),
            quote.amount(self.filled_quote).into(),
            market.qty(self.prevented).into(),
            self.fees_text(catalog).into(),
            self.close_cause.into(),
            self.updated_at.into(),
            self.finished_at.into(),
            self.working_at.into(),
            self.client_id.as_str().into(),
        ]);
    }

    /// `BTC=0.001,USD=1.5`: symbols have neither of the two signs.
    fn fees_text(&self, catalog: &Catalog) -> String {
        let mut text = String::new();
        for (id, amount) in &self.fees {
            let asset = catalog.asset(*id).expect("checked with the trade");
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(asset.symbol.as_str());
            text.push('=');
            text.push_str(&asset.amount(*amount));
        }
        text
    }

    pub(super) fn from_row(row: &Row, catalog: &Catalog) -> Result<(OrderId, OrderState), StoreError> {
        let order = OrderId(row.unsigned(0)?);
        let damaged = |column: &str| StoreError::corrupt(format!("order {}: {column}", order.0));
        let market = *catalog.market(allin_core::ids::MarketId(row.small(1)?)).ok_or_else(|| damaged("market_id"))?;
        let quote = catalog.asset(market.quote).ok_or_else(|| damaged("market_id"))?;
        let qty = |column: usize, name: &str| market.parse_qty(&row.text(column)?).map_err(|_| damaged(name));
        let state = OrderState {
            placed: None,
            market,
            rates: FeeRates { maker: FeeRate(row.small(9)?), taker: FeeRate(row.small(10)?) },
            status: codes::status(row.int(2)?).ok_or_else(|| damaged("status"))?,
            price: market.parse_price(&row.text(3)?).map_err(|_| damaged("price"))?,
            qty: qty(4, "qty")?,
            filled: qty(5, "filled")?,
            filled_quote: quote.parse(&row.text(6)?).map_err(|_| damaged("filled_quote"))?,
            prevented: qty(7, "prevented")?,
            fees: parse_fees(&row.text(8)?, catalog).ok_or_else(|| damaged("fees"))?,
            close_cause: row.int(11)?,
            created_at: Timestamp(row.unsigned(12)?),
            updated_at: Timestamp(row.unsigned(13)?),
            finished_at: Timestamp(row.unsigned(14)?),
            stp: row.small(15)?,
            is_stop: codes::is_stop(row.int(16)?),
            working_at: Timestamp(row.unsigned(17)?),
            client_id: ClientId::new(&row.text(18)?).ok_or_else(|| damaged("client_id"))?,
            dirty: false,
        };
        Ok((order, state))
    }
}

fn parse_fees(text: &str, catalog: &Catalog) -> Option<Vec<(AssetId, Amount)>> {
    let parse = |part: &str| {
        let (symbol, amount) = part.split_once('=')?;
        let asset: &Asset = catalog.asset_by_symbol(symbol)?;
        Some((asset.id, asset.parse(amount).ok()?))
    };
    text.split(',').filter(|part| !part.is_empty()).map(parse).collect()
}

/// The values of a row of `order_clients`, for an order that has a client id.
pub(super) fn client_row(order: OrderId, user: UserId, client_id: ClientId, at: Timestamp) -> Option<[Value; 4]> {
    (!client_id.is_empty()).then(|| [user.into(), client_id.as_str().into(), order.into(), at.into()])
}

//! The questions that others ask (proto: `historyreader.proto`).

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use allin_core::ids::{AssetId, MarketId, OrderId, Seq, TradeId, UserId};
use allin_runtime::store::{Position, Row, Store, StoreError, Tx};
use allin_wire::exchange::v1::history_reader_server::HistoryReader;
use allin_wire::exchange::v1::{
    AmendmentsReply, AmendmentsRequest, LedgerReply, LedgerRequest, ListsReply, ListsRequest, MarketDealsReply,
    MarketDealsRequest, OrderDealsRequest, OrderReply, OrderRequest, OrdersReply, OrdersRequest, PreventedMatchesReply,
    PreventedMatchesRequest, UserDealsReply, UserDealsRequest,
};
use async_trait::async_trait;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::config::HistoryReaderSection;
use super::error::ReadError;
use super::query::{self, OrdersFilter, Page, Span, Statement};
use super::rows;
use crate::history_schema::CONSUMER;
use crate::history_schema::catalog::Catalog;
use crate::history_schema::months::Kept;

pub(super) struct Api {
    name: &'static str,
    config: HistoryReaderSection,
    store: OnceLock<Store>,
    /// Assets and markets, as of the last time that one was missing.
    catalog: Mutex<Arc<Catalog>>,
}

/// The tables at one moment.
pub(super) struct Moment {
    pub(super) tx: Tx,
    pub(super) seq: Seq,
    /// Where what is kept begins, microseconds; 0: everything is.
    pub(super) kept: u64,
    pub(super) catalog: Arc<Catalog>,
}

impl Moment {
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        self.tx.query(&statement.sql, &statement.args).await
    }

    pub(super) async fn end(self) -> Result<u64, StoreError> {
        self.tx.commit().await?;
        Ok(self.seq.0)
    }
}

impl Api {
    pub(super) fn new(name: &'static str, config: HistoryReaderSection) -> Self {
        Self { name, config, store: OnceLock::new(), catalog: Mutex::default() }
    }

    /// Takes a store whose tables are there; false when they are not.
    pub(super) async fn open(&self, store: Store) -> bool {
        match self.moment(&store).await {
            Ok(moment) => moment.end().await.is_ok() && self.store.set(store).is_ok(),
            Err(_) => {
                store.close().await;
                false
            }
        }
    }

    pub(super) async fn close(&self) {
        if let Some(store) = self.store.get() {
            store.close().await;
        }
    }

    pub(super) async fn begin(&self) -> Result<Moment, ReadError> {
        let store = self.store.get().ok_or(ReadError::Closed)?;
        Ok(self.moment(store).await?)
    }

    async fn moment(&self, store: &Store) -> Result<Moment, StoreError> {
        let mut tx = store.snapshot().await?;
        let seq = Position::new(CONSUMER).load(&mut tx).await?;
        let kept = Kept::load(&mut tx).await?.from_us;
        let catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Moment { tx, seq, kept, catalog })
    }

    /// Assets and markets are listed now and then: the catalogue is read again when one is not known.
    async fn refresh(&self, moment: &mut Moment) -> Result<(), StoreError> {
        moment.catalog = Arc::new(Catalog::load(&mut moment.tx).await?);
        *self.catalog.lock().unwrap_or_else(PoisonError::into_inner) = moment.catalog.clone();
        Ok(())
    }

    /// None when the symbol is empty; an error that stands for an empty answer when there is no such market.
    async fn market(&self, moment: &mut Moment, symbol: &str) -> Result<Option<Known<MarketId>>, StoreError> {
        if symbol.is_empty() {
            return Ok(None);
        }
        if moment.catalog.market_by_symbol(symbol).is_none() {
            self.refresh(moment).await?;
        }
        Ok(Some(moment.catalog.market_by_symbol(symbol).map(|market| market.id)))
    }

    pub(super) async fn asset(&self, moment: &mut Moment, symbol: &str) -> Result<Option<Known<AssetId>>, StoreError> {
        if symbol.is_empty() {
            return Ok(None);
        }
        if moment.catalog.asset_by_symbol(symbol).is_none() {
            self.refresh(moment).await?;
        }
        Ok(Some(moment.catalog.asset_by_symbol(symbol).map(|asset| asset.id)))
    }

    /// Makes messages of rows; a market or an asset may have been listed since the catalogue was read.
    pub(super) async fn read<T>(
        &self,
        moment: &mut Moment,
        rows: &[Row],
        make: fn(&Row, &Catalog) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let all = |catalog: &Catalog| rows.iter().map(|row| make(row, catalog)).collect();
        match all(&moment.catalog) {
            Ok(made) => Ok(made),
            Err(_) => {
                self.refresh(moment).await?;
                all(&moment.catalog)
            }
        }
    }

    pub(super) fn page(&self, offset: u32, limit: u32) -> Page {
        let max = self.config.page_max;
        Page { offset, limit: if limit == 0 { max } else { limit.min(max) } }
    }

    async fn list_orders(&self, request: OrdersRequest) -> Result<OrdersReply, ReadError> {
        let side = side(request.side)?;
        let mut moment = self.begin().await?;
        let market = match self.market(&mut moment, &request.market).await? {
            Some(None) => return Ok(OrdersReply { orders: Vec::new(), as_of_seq: moment.end().await? }),
            known => known.flatten(),
        };
        let mut from = None;
        if request.from_order != 0 {
            let order = OrderId(request.from_order.min(ID_MAX));
            let created = moment.rows(&query::created_from(order)).await?;
            match created.first() {
                Some(row) => from = Some((order, row.unsigned(0)?)),
                None => return Ok(OrdersReply { orders: Vec::new(), as_of_seq: moment.end().await? }),
            }
        }
        let filter = OrdersFilter {
            user: UserId(request.user),
            market,
            side,
            created: Span { start: request.start_us, end: request.end_us },
            finished: request.finished,
            from,
            kept: moment.kept,
            page: self.page(request.offset, request.limit),
        };
        let rows = moment.rows(&query::orders(&filter)).await?;
        let orders = self.read(&mut moment, &rows, rows::order).await?;
        Ok(OrdersReply { orders, as_of_seq: moment.end().await? })
    }

    async fn one_order(&self, request: OrderRequest) -> Result<OrderReply, ReadError> {
        let user = (request.user != 0).then_some(UserId(request.user));
        if request.order == 0 && (user.is_none() || request.client_id.is_empty()) {
            return Err(ReadError::Invalid("order: by its id, or by a user and a client id"));
        }
        let mut moment = self.begin().await?;
        let id = match (request.order, user) {
            (0, Some(user)) => {
                let rows = moment.rows(&query::order_of_client(user, &request.client_id)).await?;
                rows.first().map(|row| row.unsigned(0)).transpose()?.map(OrderId)
            }
            (order, _) => Some(OrderId(order)),
        };
        let mut order = None;
        if let Some(id) = id {
            let rows = moment.rows(&query::order(id, user, moment.kept)).await?;
            order = self.read(&mut moment, &rows, rows::order).await?.pop();
        }
        Ok(OrderReply { order, as_of_seq: moment.end().await? })
    }

    async fn deals_of_order(&self, request: OrderDealsRequest) -> Result<UserDealsReply, ReadError> {
        let mut moment = self.begin().await?;
        let page = self.page(request.offset, request.limit);
        let order = OrderId(request.order.min(ID_MAX));
        let from = (request.from_trade != 0).then_some(TradeId(request.from_trade.min(ID_MAX)));
        let mut rows = Vec::new();
        if let Some(created) = created(&mut moment, order).await? {
            rows = moment.rows(&query::order_deals(order, created, from, moment.seq, page)).await?;
        }
        let deals = self.read(&mut moment, &rows, rows::user_deal).await?;
        Ok(UserDealsReply { deals, as_of_seq: moment.end().await? })
    }

    async fn deals_of_user(&self, request: UserDealsRequest) -> Result<UserDealsReply, ReadError> {
        let (user, side) = (UserId(request.user), side(request.side)?);
        if request.from_trade != 0 && request.market.is_empty() {
            return Err(ReadError::Invalid("from_trade: ids of trades are of one market; name it"));
        }
        let mut moment = self.begin().await?;
        let span = Span { start: request.start_us, end: request.end_us }.kept(moment.kept);
        let page = self.page(request.offset, request.limit);
        let statement = match self.market(&mut moment, &request.market).await? {
            None => query::user_deals(user, side, span, moment.seq, page),
            Some(None) => return Ok(UserDealsReply { deals: Vec::new(), as_of_seq: moment.end().await? }),
            Some(Some(market)) => {
                let trades = trades(&mut moment, market, request.from_trade, span).await?;
                let trades = (&trades, span);
                query::user_deals_in(user, market, side, trades, request.from_trade != 0, moment.seq, page)
            }
        };
        let rows = moment.rows(&statement).await?;
        let deals = self.read(&mut moment, &rows, rows::user_deal).await?;
        Ok(UserDealsReply { deals, as_of_seq: moment.end().await? })
    }

    async fn deals_of_market(&self, request: MarketDealsRequest) -> Result<MarketDealsReply, ReadError> {
        if request.market.is_empty() {
            return Err(ReadError::Invalid("market: name one"));
        }
        let mut moment = self.begin().await?;
        let market = match self.market(&mut moment, &request.market).await?.flatten() {
            None => return Ok(MarketDealsReply { deals: Vec::new(), as_of_seq: moment.end().await? }),
            Some(market) => market,
        };
        let span = Span { start: request.start_us, end: request.end_us }.kept(moment.kept);
        let trades = trades(&mut moment, market, request.from_trade, span).await?;
        let limit = self.page(0, request.limit).limit;
        let statement = query::market_deals(market, (&trades, span), request.from_trade != 0, limit);
        let rows = moment.rows(&statement).await?;
        let deals = rows.iter().map(rows::market_deal).collect::<Result<_, _>>()?;
        Ok(MarketDealsReply { deals, as_of_seq: moment.end().await? })
    }

    fn answer<T>(
        &self,
        question: &'static str,
        begun: Instant,
        answer: Result<T, ReadError>,
    ) -> Result<Response<T>, Status> {
        let took = begun.elapsed().as_micros() as f64;
        metrics::histogram!("allin_history_read_us", "service" => self.name, "question" => question).record(took);
        Ok(Response::new(answer?))
    }
}

/// Ids of orders and trades never reach the sign bit.
pub(super) const ID_MAX: u64 = i64::MAX as u64;

/// Asks a second time when tables were given other parts in the middle of the first.
async fn settled<T, F: Future<Output = Result<T, ReadError>>>(ask: impl Fn() -> F) -> Result<T, ReadError> {
    match ask().await {
        Err(ReadError::Store(error)) if error.is_outdated() => ask().await,
        answer => answer,
    }
}

/// None where a name is known to nobody.
type Known<T> = Option<T>;

fn side(side: u32) -> Result<Option<u8>, ReadError> {
    match side {
        0 => Ok(None),
        1 | 2 => Ok(Some(side as u8)),
        _ => Err(ReadError::Invalid("side: 0 both, 1 sell, 2 buy")),
    }
}

/// When an order was created; none of one that cannot be asked for.
pub(super) async fn created(moment: &mut Moment, order: OrderId) -> Result<Option<u64>, StoreError> {
    let rows = moment.rows(&query::created(order, moment.kept)).await?;
    rows.first().map(|row| row.unsigned(0)).transpose()
}

/// Trades of a market from an id on and within a time.
async fn trades(moment: &mut Moment, market: MarketId, from: u64, span: Span) -> Result<Range<TradeId>, StoreError> {
    const NEVER: TradeId = TradeId(ID_MAX);
    let mut first = TradeId(from.min(NEVER.0));
    let mut end = NEVER;
    for (at, bound, is_start) in [(span.start, &mut first, true), (span.end, &mut end, false)] {
        if at != 0 {
            let rows = moment.rows(&query::trade_at(market, at)).await?;
            let trade = rows.first().map(|row| row.unsigned(0)).transpose()?.map_or(NEVER, TradeId);
            *bound = if is_start { trade.max(*bound) } else { trade };
        }
    }
    Ok(first..end)
}

#[async_trait]
impl HistoryReader for Api {
    async fn orders(&self, request: Request<OrdersRequest>) -> Result<Response<OrdersReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("orders", begun, settled(|| self.list_orders(request.clone())).await)
    }

    async fn order(&self, request: Request<OrderRequest>) -> Result<Response<OrderReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("order", begun, settled(|| self.one_order(request.clone())).await)
    }

    async fn order_deals(&self, request: Request<OrderDealsRequest>) -> Result<Response<UserDealsReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("order_deals", begun, settled(|| self.deals_of_order(request)).await)
    }

    async fn user_deals(&self, request: Request<UserDealsRequest>) -> Result<Response<UserDealsReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("user_deals", begun, settled(|| self.deals_of_user(request.clone())).await)
    }

    async fn market_deals(&self, request: Request<MarketDealsRequest>) -> Result<Response<MarketDealsReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("market_deals", begun, settled(|| self.deals_of_market(request.clone())).await)
    }

    async fn ledger(&self, request: Request<LedgerRequest>) -> Result<Response<LedgerReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("ledger", begun, settled(|| self.list_ledger(request.clone())).await)
    }

    async fn lists(&self, request: Request<ListsRequest>) -> Result<Response<ListsReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("lists", begun, settled(|| self.lists_of_user(request.clone())).await)
    }

    async fn prevented_matches(
        &self,
        request: Request<PreventedMatchesRequest>,
    ) -> Result<Response<PreventedMatchesReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("prevented_matches", begun, settled(|| self.prevented(request)).await)
    }

    async fn amendments(&self, request: Request<AmendmentsRequest>) -> Result<Response<AmendmentsReply>, Status> {
        let (begun, request) = (Instant::now(), request.into_inner());
        self.answer("amendments", begun, settled(|| self.amendments_of(request)).await)
    }
}

//! Queries, answers and batches as messages, and back.

use allin_core::ids::{AssetId, Epoch, MarketId, OrderId, Seq, Timestamp, UserId};
use allin_core::num::PriceTicks;
use allin_core::spot::command::{Account, Side};
use allin_core::spot::event::Event;
use allin_core::text::ClientId;
use allin_runtime::engine::{Answer, AnswerBody, Batch, Query, Record};
use allin_wire::exchange::v1 as pb;
use allin_wire::matchengine::Invalid;
use pb::query_reply::Answer as Body;
use pb::query_request::Kind;

pub(super) fn query_message(query: &Query) -> pb::QueryRequest {
    let side = |side: Option<Side>| side.map_or(0, |side| pb::Side::from(side) as i32);
    let kind = match *query {
        Query::Status => Kind::Status(pb::StatusQuery {}),
        Query::Assets => Kind::Assets(pb::AssetsQuery {}),
        Query::Markets => Kind::Markets(pb::MarketsQuery {}),
        Query::Balances { account } => Kind::Balances(account.into()),
        Query::User(user) => Kind::User(user.0),
        Query::Fees(user) => Kind::Fees(user.0),
        Query::Order { order } => Kind::Order(order.0),
        Query::OrderByClient { user, client_id } => {
            Kind::OrderByClient(pb::OrderByClientQuery { user: user.0, client_id: client_id.to_string() })
        }
        Query::OpenOrders { user, market, side: of, offset, limit } => Kind::OpenOrders(pb::OpenOrdersQuery {
            user: user.0,
            market: market.map(|market| market.0),
            side: side(of),
            offset,
            limit,
        }),
        Query::OpenLists { user } => Kind::OpenLists(user.0),
        Query::Depth { market, limit } => Kind::Depth(pb::DepthQuery { market: market.0, limit }),
        Query::Book { market, side: of, offset, limit } => {
            Kind::Book(pb::BookQuery { market: market.0, side: side(Some(of)), offset, limit })
        }
        Query::Standing { from, limit } => Kind::Standing(pb::StandingQuery { from, limit }),
        Query::AssetSummary { asset } => Kind::AssetSummary(pb::AssetSummaryQuery { asset: asset.0 }),
        Query::Conservation => Kind::Conservation(pb::ConservationQuery {}),
    };
    pb::QueryRequest { kind: Some(kind) }
}

pub(super) fn query(message: pb::QueryRequest) -> Result<Query, Invalid> {
    Ok(match message.kind.ok_or(Invalid("query"))? {
        Kind::Status(_) => Query::Status,
        Kind::Assets(_) => Query::Assets,
        Kind::Markets(_) => Query::Markets,
        Kind::Balances(account) => Query::Balances { account: Account::try_from(account)? },
        Kind::User(user) => Query::User(UserId(user)),
        Kind::Fees(user) => Query::Fees(UserId(user)),
        Kind::Order(order) => Query::Order { order: OrderId(order) },
        Kind::OrderByClient(by) => Query::OrderByClient {
            user: UserId(by.user),
            client_id: ClientId::new(&by.client_id).ok_or(Invalid("order_by_client.client_id"))?,
        },
        Kind::OpenOrders(open) => Query::OpenOrders {
            user: UserId(open.user),
            market: open.market.map(MarketId),
            side: match open.side {
                0 => None,
                side => Some(side_of(side)?),
            },
            offset: open.offset,
            limit: open.limit,
        },
        Kind::OpenLists(user) => Query::OpenLists { user: UserId(user) },
        Kind::Depth(depth) => Query::Depth { market: MarketId(depth.market), limit: depth.limit },
        Kind::Book(book) => Query::Book {
            market: MarketId(book.market),
            side: side_of(book.side)?,
            offset: book.offset,
            limit: book.limit,
        },
        Kind::Standing(standing) => Query::Standing { from: standing.from, limit: standing.limit },
        Kind::AssetSummary(summary) => Query::AssetSummary { asset: AssetId(summary.asset) },
        Kind::Conservation(_) => Query::Conservation,
    })
}

fn side_of(side: i32) -> Result<Side, Invalid> {
    pb::Side::try_from(side).map_err(|_| Invalid("side"))?.try_into()
}

pub(super) fn answer_message(answer: &Answer) -> pb::QueryReply {
    let body = match &answer.body {
        AnswerBody::Status { epoch, digest, durable } => {
            Body::Status(pb::EngineStatus { epoch: epoch.0, digest: *digest, durable: durable.0 })
        }
        AnswerBody::Assets(assets) => Body::Assets(pb::AssetList { assets: messages(assets) }),
        AnswerBody::Markets(markets) => Body::Markets(pb::MarketList { markets: messages(markets) }),
        AnswerBody::Balances(balances) => Body::Balances(pb::BalanceList { balances: messages(balances) }),
        AnswerBody::User(user) => Body::User(pb::UserAnswer { user: user.as_ref().map(Into::into) }),
        AnswerBody::Fees(fees) => Body::Fees(fees.into()),
        AnswerBody::Order(order) => Body::Order(pb::OrderAnswer { order: order.as_ref().map(Into::into) }),
        AnswerBody::Orders { orders, total } => Body::Orders(pb::OrderPage { orders: messages(orders), total: *total }),
        AnswerBody::Lists(lists) => Body::Lists(pb::ListPage { lists: messages(lists) }),
        AnswerBody::Standing { epoch, orders, next } => {
            Body::Standing(pb::StandingPage { epoch: epoch.0, orders: messages(orders), next: *next })
        }
        AnswerBody::Depth { bids, asks, last_price } => {
            Body::Depth(pb::DepthAnswer { bids: messages(bids), asks: messages(asks), last_price: last_price.0 })
        }
        AnswerBody::AssetSummary { available, available_users, held, held_users } => {
            Body::AssetSummary(pb::AssetSummary {
                available: Some((*available).into()),
                available_users: *available_users,
                held: Some((*held).into()),
                held_users: *held_users,
            })
        }
        AnswerBody::Conservation(sums) => Body::Conservation(pb::ConservationList { assets: messages(sums) }),
    };
    pb::QueryReply { seq: answer.seq.0, at_us: answer.at.0, answer: Some(body) }
}

pub(super) fn answer(message: pb::QueryReply) -> Result<Answer, Invalid> {
    let body = match message.answer.ok_or(Invalid("answer"))? {
        Body::Status(status) => {
            AnswerBody::Status { epoch: Epoch(status.epoch), digest: status.digest, durable: Seq(status.durable) }
        }
        Body::Assets(list) => AnswerBody::Assets(parsed(list.assets)?),
        Body::Markets(list) => AnswerBody::Markets(parsed(list.markets)?),
        Body::Balances(list) => AnswerBody::Balances(parsed(list.balances)?),
        Body::User(answer) => AnswerBody::User(answer.user.map(TryInto::try_into).transpose()?),
        Body::Fees(fees) => AnswerBody::Fees(fees.try_into()?),
        Body::Order(answer) => AnswerBody::Order(answer.order.map(TryInto::try_into).transpose()?),
        Body::Orders(page) => AnswerBody::Orders { orders: parsed(page.orders)?, total: page.total },
        Body::Lists(page) => AnswerBody::Lists(parsed(page.lists)?),
        Body::Standing(page) => {
            AnswerBody::Standing { epoch: Epoch(page.epoch), orders: parsed(page.orders)?, next: page.next }
        }
        Body::Depth(depth) => AnswerBody::Depth {
            bids: depth.bids.into_iter().map(Into::into).collect(),
            asks: depth.asks.into_iter().map(Into::into).collect(),
            last_price: PriceTicks(depth.last_price),
        },
        Body::AssetSummary(summary) => AnswerBody::AssetSummary {
            available: summary.available.map_or(0, Into::into),
            available_users: summary.available_users,
            held: summary.held.map_or(0, Into::into),
            held_users: summary.held_users,
        },
        Body::Conservation(list) => AnswerBody::Conservation(list.assets.into_iter().map(Into::into).collect()),
    };
    Ok(Answer { seq: Seq(message.seq), at: Timestamp(message.at_us), body })
}

fn messages<'a, T, P: From<&'a T>>(items: &'a [T]) -> Vec<P> {
    items.iter().map(P::from).collect()
}

fn parsed<P, T: TryFrom<P, Error = Invalid>>(messages: Vec<P>) -> Result<Vec<T>, Invalid> {
    messages.into_iter().map(T::try_from).collect()
}

pub(super) fn events(messages: Vec<pb::Event>) -> Result<Vec<Event>, Invalid> {
    parsed(messages)
}

pub(super) fn event_messages(events: &[Event]) -> Vec<pb::Event> {
    messages(events)
}

/// A batch as messages of at most `records_max` records.
pub(super) fn batch_messages(batch: &Batch, records_max: usize) -> Vec<pb::EventBatch> {
    let record = |record: &Record| {
        let range = record.events.start as usize..record.events.end as usize;
        pb::EventRecord {
            seq: record.seq.0,
            epoch: record.epoch.0,
            at_us: record.at.0,
            command: Some((&record.command).into()),
            events: messages(&batch.events[range]),
        }
    };
    let pieces = batch.records.chunks(records_max);
    pieces.map(|piece| pb::EventBatch { records: piece.iter().map(record).collect() }).collect()
}

pub(super) fn batch(message: pb::EventBatch) -> Result<Batch, Invalid> {
    let mut batch = Batch::default();
    for record in message.records {
        let start = batch.events.len() as u32;
        for event in record.events {
            batch.events.push(event.try_into()?);
        }
        batch.records.push(Record {
            seq: Seq(record.seq),
            epoch: Epoch(record.epoch),
            at: Timestamp(record.at_us),
            command: record.command.ok_or(Invalid("record.command"))?.try_into()?,
            events: start..batch.events.len() as u32,
        });
    }
    Ok(batch)
}

//! What is written at a time. Kept until its transactions are committed, and sent again when they were not.

use allin_core::ids::{OrderId, Seq, Timestamp, UserId};
use allin_core::text::ClientId;
use allin_runtime::args;
use allin_runtime::store::{Rows, Store, Updates, Value};

use super::error::HistoryError;
use super::flight::Lane;
use super::order::client_row;
use crate::history_schema as schema;

/// Rows of consecutive commands, from after `from` up to `to`.
pub(super) struct Delta {
    pub(super) from: Seq,
    pub(super) to: Seq,
    /// Times of the first and the last of them.
    pub(super) times: Option<(Timestamp, Timestamp)>,
    /// Where they may be the first of a month: its beginning, to be noted with them.
    pub(super) reached: Option<Timestamp>,
    pub(super) assets: Rows,
    pub(super) asset_changes: Updates,
    pub(super) markets: Rows,
    pub(super) orders: Rows,
    pub(super) order_changes: Updates,
    pub(super) order_clients: Rows,
    /// Among those: an order may get an id back that it had long ago.
    renamed: Vec<[Value; 4]>,
    pub(super) lists: Rows,
    pub(super) list_changes: Updates,
    pub(super) prevented: Rows,
    pub(super) amendments: Rows,
    pub(super) market_deals: Rows,
    pub(super) user_deals: Rows,
    pub(super) ledger: Rows,
    pub(super) balances: Rows,
    pub(super) balance_changes: Updates,
}

impl Delta {
    pub(super) fn new(from: Seq) -> Self {
        Self {
            from,
            to: from,
            times: None,
            reached: None,
            assets: Rows::new("history_assets", schema::ASSETS),
            asset_changes: Updates::new("history_assets", 1, schema::ASSETS),
            markets: Rows::new("history_markets", schema::MARKETS),
            orders: Rows::new("history_orders", schema::ORDERS),
            order_changes: Updates::new("history_orders", 2, schema::ORDER_CHANGES),
            order_clients: Rows::new("history_order_clients", schema::ORDER_CLIENTS),
            renamed: Vec::new(),
            lists: Rows::new("history_order_lists", schema::ORDER_LISTS),
            list_changes: Updates::new("history_order_lists", 1, &["list_id", "finished_us"]),
            prevented: Rows::new("history_prevented_matches", schema::PREVENTED_MATCHES),
            amendments: Rows::new("history_amendments", schema::AMENDMENTS),
            market_deals: Rows::new("history_market_deals", schema::MARKET_DEALS),
            user_deals: Rows::new("history_user_deals", schema::USER_DEALS),
            ledger: Rows::new("history_ledger", schema::LEDGER),
            balances: Rows::new("history_balances", schema::BALANCES),
            balance_changes: Updates::new("history_balances", 2, schema::BALANCES),
        }
    }

    /// An order is found by a further client id.
    pub(super) fn rename(&mut self, order: OrderId, user: UserId, client_id: ClientId, at: Timestamp) {
        let is_new = |row: &[Value; 4]| !self.renamed.iter().any(|known| known[..3] == row[..3]);
        if let Some(row) = client_row(order, user, client_id, at).filter(is_new) {
            self.renamed.push(row.clone());
            self.order_clients.push(row);
        }
    }

    /// Goes up to a command.
    pub(super) fn reach(&mut self, seq: Seq, at: Timestamp) {
        self.to = seq;
        self.times = Some((self.times.map_or(at, |(first, _)| first), at));
    }

    /// Those of the state lane, which the fold reads back or which say no sequence by which an answer could leave them out.
    fn inserts(&self) -> [&Rows; 9] {
        [
            &self.assets,
            &self.markets,
            &self.orders,
            &self.order_clients,
            &self.lists,
            &self.prevented,
            &self.amendments,
            &self.market_deals,
            &self.balances,
        ]
    }

    fn updates(&self) -> [&Updates; 4] {
        [&self.asset_changes, &self.order_changes, &self.list_changes, &self.balance_changes]
    }

    /// Rows so far; changes of orders and balances come on top when they are sealed.
    pub(super) fn len(&self) -> usize {
        self.market_deals.len() + self.user_deals.len() + self.ledger.len() + self.lists.len() + self.prevented.len()
    }

    /// Brings rows into the order of their tables' keys, which most of their indexes begin with as well.
    pub(super) fn sort(&mut self) {
        self.orders.sort(1);
        self.market_deals.sort(2);
        self.user_deals.sort(4);
        self.ledger.sort(6);
    }

    /// Writes all rows of a lane and its position, or nothing. Writing what is there already does nothing: a commit may have
    /// succeeded although it was reported as failed, or the process may have ended between the two lanes.
    pub(super) async fn write(&mut self, lane: Lane, store: &Store) -> Result<(), HistoryError> {
        match lane {
            Lane::Told => self.write_told(store).await,
            Lane::State => self.write_state(store).await,
        }
    }

    /// Every row says its sequence, so those that are there already, of deltas that ended elsewhere, are told from the others.
    async fn write_told(&mut self, store: &Store) -> Result<(), HistoryError> {
        let position = Lane::Told.position();
        let mut tx = store.begin().await?;
        let told = position.load(&mut tx).await?;
        if told < self.from {
            return Err(HistoryError::Untold { told, state: self.from });
        }
        if told < self.to {
            position.advance(&mut tx, told, self.to).await?;
            for rows in [&mut self.user_deals, &mut self.ledger] {
                if told > self.from {
                    rows.keep_greater("seq", &told.into());
                }
                tx.insert(rows).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    async fn write_state(&self, store: &Store) -> Result<(), HistoryError> {
        let (from, to, position) = (self.from, self.to, Lane::State.position());
        let mut tx = store.begin().await?;
        if position.load(&mut tx).await? == to {
            return Ok(tx.commit().await?);
        }
        position.advance(&mut tx, from, to).await?;
        // What this transaction says is there must be there.
        let told = Lane::Told.position().load(&mut tx).await?;
        if told < to {
            return Err(HistoryError::Untold { told, state: to });
        }
        if let Some(reached) = self.reached {
            tx.execute("UPDATE history_kept SET reached_us = ? WHERE id = 1", args![reached]).await?;
        }
        for row in &self.renamed {
            let sql = "DELETE FROM history_order_clients WHERE user_id = ? AND client_id = ? AND order_id = ?";
            tx.execute(sql, &row[..3]).await?;
        }
        for rows in self.inserts() {
            tx.insert(rows).await?;
        }
        for updates in self.updates() {
            let changed = tx.update(updates).await?;
            if changed != updates.len() as u64 {
                return Err(HistoryError::MissingRows { wanted: updates.len() as u64, changed });
            }
        }
        Ok(tx.commit().await?)
    }
}

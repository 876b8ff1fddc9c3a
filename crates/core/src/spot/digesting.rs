//! Folds events into the running digest.

use super::event::{Event, Events};
use super::state::Spot;
use crate::digest::Digest;
use crate::ids::Seq;
use crate::ledger::owner_of;

impl Spot {
    /// Adds a command's events (from `first` on) to the digest.
    #[inline]
    pub(super) fn digest_events(&mut self, seq: Seq, out: &Events, first: usize) {
        let mut digest = self.digest;
        digest.pair(seq.0, self.time.0);
        for event in &out[first..] {
            add(&mut digest, event);
        }
        self.digest = digest;
    }
}

/// Each event adds its kind and what it says of orders and amounts. What a placed order says of itself is in the log's
/// command already; here its id, price and quantity stand for it.
#[inline]
fn add(digest: &mut Digest, event: &Event) {
    match event {
        Event::Balance { account, asset, available, held } => {
            digest.pair(owner_of(*account), (1 << 56) | asset.0 as u64);
            digest.pair(*available as u64, *held as u64);
            digest.pair((*available >> 64) as u64, (*held >> 64) as u64);
        }
        Event::Changed(c) => {
            digest.pair((2 << 56) | (c.cause as u64) << 48 | c.market.0 as u64, c.order.0);
            digest.pair(c.price.0, c.qty.0 ^ c.left.0.rotate_left(32));
        }
        Event::Placed(p) => {
            let kinds =
                (p.new.side as u64) | (p.new.kind as u64) << 4 | (p.new.tif as u64) << 8 | (p.status as u64) << 12;
            digest.pair((3 << 56) | kinds << 32 | p.new.market.0 as u64, p.order.0);
            digest.pair(p.new.price.0, p.new.qty.0 ^ p.new.user.0.rotate_left(32));
        }
        Event::Closed(c) => {
            digest.pair((4 << 56) | (c.status as u64) << 32 | c.market.0 as u64, c.order.0);
            digest.pair(c.filled.0 ^ c.left.0.rotate_left(32), c.filled_quote as u64);
        }
        Event::Trade(t) => {
            digest.pair((5 << 56) | t.market.0 as u64, t.trade.0);
            digest.pair(t.price.0, t.qty.0);
            digest.pair(t.maker_order.0, t.taker_order.0);
            digest.pair(t.maker_fee as u64, t.taker_fee as u64);
        }
        rare => add_rare(digest, rare),
    }
}

/// The others go in by their printed form: it names every field, and they are too rare for its cost to matter.
#[cold]
fn add_rare(digest: &mut Digest, event: &Event) {
    use std::fmt::Write;
    struct Sink<'a>(&'a mut Digest);
    impl Write for Sink<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.bytes(text.as_bytes());
            Ok(())
        }
    }
    write!(Sink(digest), "{event:?}").expect("writing to a digest does not fail");
}

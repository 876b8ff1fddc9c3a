//! What happens by itself when time passes: good-till-date orders and count-downs end, old client ids are forgotten.

use super::event::{CloseCause, Event, Events, OrderStatus};
use super::reject::Reject;
use super::state::Spot;
use crate::ids::{MarketId, OrderId, Timestamp, UserId};

/// Longest count-down: a day.
pub const COUNTDOWN_MAX_US: u64 = Timestamp::DAY;

impl Spot {
    /// Fires what is due, earliest first; a count-down before an expiry of the same time.
    #[inline]
    pub(super) fn run_timers(&mut self, out: &mut Events) {
        if !self.clients.closing.is_empty() {
            self.clients.expire(self.time);
        }
        while self.next_deadline().is_some_and(|due| due <= self.time) {
            let expiry = self.expiries.first().map_or(u64::MAX, |(at, _)| *at);
            match self.countdowns.first().copied() {
                Some((at, user, market)) if at <= expiry => self.fire_countdown(at, user, market, out),
                _ => self.fire_expiry(out),
            }
        }
    }

    fn fire_countdown(&mut self, at: u64, user: u64, market: u32, out: &mut Events) {
        self.countdowns.remove(&(at, user, market));
        let seat = self.find_seat(user, MarketId(market)).expect("a countdown has its seat");
        self.seat_extras[seat as usize].countdown = 0;
        self.close_all(seat, None, OrderStatus::Canceled, CloseCause::Countdown, out);
    }

    fn fire_expiry(&mut self, out: &mut Events) {
        let (_, order) = *self.expiries.first().expect("called when one is due");
        let slot = self.orders.find(OrderId(order)).expect("an expiry has its order");
        self.close(slot, OrderStatus::Expired, CloseCause::Gtd, out);
    }

    pub(super) fn set_countdown(
        &mut self,
        user: UserId,
        market: MarketId,
        timeout_us: u64,
        out: &mut Events,
    ) -> Result<(), Reject> {
        self.check_market(market)?;
        if user.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        if self.find_user(user.0).is_none() {
            return Err(Reject::UnknownUser);
        }
        if timeout_us > COUNTDOWN_MAX_US {
            return Err(Reject::ExpireTime);
        }
        let seat = self.open_seat(user.0, market);
        let deadline = if timeout_us == 0 { 0 } else { self.time.plus(timeout_us).0 };
        let before = std::mem::replace(&mut self.seat_extras[seat as usize].countdown, deadline);
        if before != 0 {
            self.countdowns.remove(&(before, user.0, market.0));
        }
        if deadline != 0 {
            self.countdowns.insert((deadline, user.0, market.0));
        }
        out.push(Event::CountdownSet { user, market, deadline: Timestamp(deadline) });
        Ok(())
    }
}

//! What happens because time passed: good-till-date expiries and countdowns.

use allin_core::ids::{MarketId, OrderId, Timestamp, UserId};
use allin_core::spot::command::TimeInForce;
use allin_core::spot::event::{CloseCause, Event, OrderStatus};
use allin_core::spot::reject::Reject;

use super::state::Phase;
use super::{Outcome, Twin};

/// In the order in which those of one deadline fire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Countdown(UserId, MarketId),
    Expiry(OrderId),
}

impl Twin {
    pub(super) fn fire_timers(&mut self) {
        while let Some((deadline, timer)) = self.next_timer() {
            if deadline > self.time {
                return;
            }
            match timer {
                Timer::Countdown(user, market) => {
                    self.countdowns.remove(&(user, market));
                    self.close_all(user, market, None, OrderStatus::Canceled, CloseCause::Countdown);
                }
                Timer::Expiry(order) => self.close(order, OrderStatus::Expired, CloseCause::Gtd),
            }
        }
    }

    fn next_timer(&self) -> Option<(Timestamp, Timer)> {
        let countdowns = self.countdowns.iter().map(|((user, market), at)| (*at, Timer::Countdown(*user, *market)));
        let dated = self.orders.values().filter(|o| o.new.tif == TimeInForce::Gtd && o.phase != Phase::Pending);
        countdowns.chain(dated.map(|o| (o.new.expire_at, Timer::Expiry(o.id)))).min()
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_timer().map(|(deadline, _)| deadline)
    }

    pub(super) fn set_countdown(&mut self, user: UserId, market: MarketId, timeout_us: u64) -> Outcome {
        self.market_known(market)?;
        if user.is_reserved() {
            return Err(Reject::ReservedUser);
        }
        if !self.users.contains_key(&user) {
            return Err(Reject::UnknownUser);
        }
        if timeout_us > Timestamp::DAY {
            return Err(Reject::ExpireTime);
        }
        let deadline = if timeout_us == 0 { Timestamp(0) } else { self.time.plus(timeout_us) };
        if timeout_us == 0 {
            self.countdowns.remove(&(user, market));
        } else {
            self.countdowns.insert((user, market), deadline);
        }
        self.events.push(Event::CountdownSet { user, market, deadline });
        Ok(())
    }
}

//! How fast a client may send (Binance Spot, "WebSocket Limits"). A burst passes: clients subscribe to many streams as they
//! begin, and what the network held up comes at once.

use std::time::Duration;

use tokio::time::Instant;

/// Over which the limit of a second is counted.
const SPAN_S: u32 = 10;
/// Times the limit in one second at most.
const BURST: u32 = 5;

/// What a client sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sent {
    /// A request or a ping.
    Message,
    /// Asks for nothing, so only a flood of them is too much.
    Pong,
}

/// Counts in fixed windows of ten seconds and of one.
#[derive(Debug)]
pub(super) struct Pace {
    /// Messages a second; 0: no limit.
    max: u32,
    span: Window,
    second: Window,
}

#[derive(Debug)]
struct Window {
    begin: Instant,
    length: Duration,
    count: u32,
}

impl Window {
    fn new(begin: Instant, seconds: u32) -> Window {
        Window { begin, length: Duration::from_secs(seconds.into()), count: 0 }
    }

    fn count(&mut self, now: Instant, sent: u32) -> u32 {
        if now.duration_since(self.begin) >= self.length {
            (self.begin, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(sent);
        self.count
    }
}

impl Pace {
    pub fn new(max: u32, now: Instant) -> Pace {
        Pace { max, span: Window::new(now, SPAN_S), second: Window::new(now, 1) }
    }

    /// Counts what came; false when it is too much.
    pub fn count(&mut self, now: Instant, sent: Sent) -> bool {
        let of_second = self.second.count(now, 1);
        let of_span = self.span.count(now, u32::from(sent == Sent::Message));
        self.max == 0 || of_second <= self.max.saturating_mul(BURST) && of_span <= self.max.saturating_mul(SPAN_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `count` in a row pass, `apart_ms` between them.
    fn pass(max: u32, count: usize, apart_ms: u64, sent: Sent) -> usize {
        let mut now = Instant::now();
        let mut pace = Pace::new(max, now);
        let mut one = || {
            let fits = pace.count(now, sent);
            now += Duration::from_millis(apart_ms);
            fits
        };
        (0..count).take_while(|_| one()).count()
    }

    #[test]
    fn bursts_pass_and_floods_do_not() {
        let rows = [
            (5, 0, Sent::Message, 25),
            (5, 50, Sent::Message, 50),
            (5, 199, Sent::Message, 50),
            (5, 200, Sent::Message, 1000),
            (5, 0, Sent::Pong, 25),
            (5, 40, Sent::Pong, 1000),
            (1, 0, Sent::Message, 5),
            (0, 0, Sent::Message, 1000),
            (u32::MAX, 0, Sent::Message, 1000),
        ];
        for (max, apart_ms, sent, wanted) in rows {
            assert_eq!(pass(max, 1000, apart_ms, sent), wanted, "{max} a second, {apart_ms} ms apart, {sent:?}");
        }
    }
}

//! A connection's times: pings and their pongs, its life, and how often control frames come.

use std::time::Duration;

use tokio::time::Instant;

use super::super::config::SpotApiSection;

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Send a ping with this number.
    Ping(u64),
    /// The client did not answer pings for too long.
    Silent,
    /// The end is near.
    Notice,
    End,
}

pub struct Clock {
    ping_interval: Duration,
    pong_wait: Duration,
    next_ping: Instant,
    sent: u64,
    answered: u64,
    /// When the oldest ping without a pong was sent.
    waiting_since: Option<Instant>,
    notice: Option<Instant>,
    end: Instant,
    control_frames_max: u32,
    second: Instant,
    control_frames: u32,
}

impl Clock {
    pub fn new(config: &SpotApiSection, now: Instant) -> Clock {
        let ping_interval = Duration::from_millis(config.ws_ping_interval_ms);
        Clock {
            ping_interval,
            pong_wait: Duration::from_millis(config.ws_pong_wait_ms),
            next_ping: now + ping_interval,
            sent: 0,
            answered: 0,
            waiting_since: None,
            notice: Some(now + Duration::from_millis(config.ws_life_ms - config.ws_notice_ms)),
            end: now + Duration::from_millis(config.ws_life_ms),
            control_frames_max: config.ws_control_frames_1s_max,
            second: now,
            control_frames: 0,
        }
    }

    /// When to ask [`Clock::due`] next.
    pub fn next(&self) -> Instant {
        let others = [self.silent_at(), self.notice, Some(self.end)];
        others.into_iter().flatten().fold(self.next_ping, Instant::min)
    }

    fn silent_at(&self) -> Option<Instant> {
        self.waiting_since.map(|since| since + self.pong_wait)
    }

    /// What is due at the time that [`Clock::next`] told.
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        if now >= self.end {
            return Some(Due::End);
        }
        if self.silent_at().is_some_and(|silent| now >= silent) {
            return Some(Due::Silent);
        }
        if self.notice.is_some_and(|notice| now >= notice) {
            self.notice = None;
            return Some(Due::Notice);
        }
        if now < self.next_ping {
            return None;
        }
        self.next_ping = now + self.ping_interval;
        self.sent += 1;
        self.waiting_since.get_or_insert(now);
        Some(Due::Ping(self.sent))
    }

    /// A pong; only one with the payload of a ping of ours counts as an answer.
    pub fn pong(&mut self, payload: &[u8], now: Instant) {
        let number = std::str::from_utf8(payload).ok().and_then(|text| text.parse().ok());
        let Some(number) = number.filter(|number| (self.answered + 1..=self.sent).contains(number)) else { return };
        self.answered = number;
        self.waiting_since = if number == self.sent { None } else { Some(now) };
    }

    /// Counts a ping or pong of the client; false when they are too many.
    pub fn control_frame(&mut self, now: Instant) -> bool {
        if now - self.second >= Duration::from_secs(1) {
            self.second = now;
            self.control_frames = 0;
        }
        self.control_frames += 1;
        self.control_frames <= self.control_frames_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> SpotApiSection {
        SpotApiSection {
            ws_ping_interval_ms: 20_000,
            ws_pong_wait_ms: 60_000,
            ws_life_ms: 200_000,
            ws_notice_ms: 10_000,
            ..SpotApiSection::default()
        }
    }

    /// Plays a connection that answers as it is told to; gives what was due, with its second.
    fn play(config: &SpotApiSection, pong: impl Fn(u64) -> String) -> Vec<(u64, Due)> {
        let begun = Instant::now();
        let mut clock = Clock::new(config, begun);
        let mut all = Vec::new();
        loop {
            let now = clock.next();
            let Some(due) = clock.due(now) else { continue };
            all.push(((now - begun).as_secs(), due));
            match due {
                Due::Ping(number) => clock.pong(pong(number).as_bytes(), now),
                Due::Notice => {}
                Due::Silent | Due::End => return all,
            }
        }
    }

    #[test]
    fn a_client_without_pongs_is_silent_after_a_minute() {
        // Neither unsolicited ones nor those of the future count.
        for wrong in ["", "x", "99", "0", "-1"] {
            let all = play(&config(), |_| wrong.to_owned());
            let wanted = [(20, Due::Ping(1)), (40, Due::Ping(2)), (60, Due::Ping(3)), (80, Due::Silent)];
            assert_eq!(all, wanted, "{wrong}");
        }
    }

    #[test]
    fn a_client_with_pongs_lives_to_the_end() {
        let all = play(&config(), |number| number.to_string());
        assert_eq!(all[all.len() - 2..], [(190, Due::Notice), (200, Due::End)]);
        assert_eq!(all.iter().filter(|(_, due)| matches!(due, Due::Ping(_))).count(), 9);
    }

    #[test]
    fn control_frames_are_counted_by_second() {
        let now = Instant::now();
        let mut clock = Clock::new(&SpotApiSection { ws_control_frames_1s_max: 2, ..config() }, now);
        assert_eq!([0; 3].map(|_| clock.control_frame(now)), [true, true, false]);
        assert!(clock.control_frame(now + Duration::from_secs(1)));
    }
}

//! Which records of the partition count: a pure fold, the same for leader, stand-by, follower and recovery.

use allin_core::ids::{Epoch, Seq};
use allin_wire::oplog::frame::{Header, kind};

/// What is known of the log up to some place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judge {
    /// The epoch that rules.
    pub epoch: Epoch,
    /// The sequence expected next.
    pub next: Seq,
}

/// What a record is at its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The next command.
    Command,
    /// A new epoch begins: everything of lower epochs is void from here on.
    Begin,
    Void(Void),
    /// What somebody was told is durable is not there. Nothing may be built on this log.
    Damaged(String),
}

/// Why a record does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Void {
    /// Of an epoch that was over: its leader did not know yet.
    Deposed,
    /// Begins an epoch that others had begun, or passed, before.
    LateClaim,
    /// Lies before the place where the reading began, or was written twice.
    Before,
    /// A record before it was lost on the way to the log; nobody was told of either.
    Gap,
}

impl Judge {
    /// Moves over one record.
    #[inline]
    pub fn judge(&mut self, header: &Header) -> Verdict {
        match header.kind {
            kind::COMMAND => self.command(header),
            kind::EPOCH => self.claim(header),
            other => Verdict::Damaged(format!("record of unknown kind {other}; a newer program wrote this")),
        }
    }

    #[inline]
    fn command(&mut self, header: &Header) -> Verdict {
        if header.epoch < self.epoch {
            return Verdict::Void(Void::Deposed);
        }
        if header.epoch > self.epoch {
            return Verdict::Damaged(format!("epoch {} goes on there, but its beginning is missing", header.epoch.0));
        }
        if header.durable >= self.next {
            return self.missing(header.durable);
        }
        if header.seq != self.next {
            return Verdict::Void(if header.seq < self.next { Void::Before } else { Void::Gap });
        }
        self.next = Seq(self.next.0 + 1);
        Verdict::Command
    }

    /// The claimant says in `durable` up to where it had read.
    fn claim(&mut self, header: &Header) -> Verdict {
        if header.epoch <= self.epoch {
            return Verdict::Void(Void::LateClaim);
        }
        if header.durable >= self.next {
            return self.missing(header.durable);
        }
        self.epoch = header.epoch;
        Verdict::Begin
    }

    fn missing(&self, durable: Seq) -> Verdict {
        let next = self.next.0;
        Verdict::Damaged(format!("sequence {next} is missing, though {} was durable when this was written", durable.0))
    }
}

#[cfg(test)]
mod tests {
    use allin_core::ids::Timestamp;

    use super::*;

    fn header(kind: u16, epoch: u32, seq: u64, durable: u64) -> Header {
        Header { kind, version: 1, epoch: Epoch(epoch), seq: Seq(seq), at: Timestamp(1), durable: Seq(durable) }
    }

    fn command(epoch: u32, seq: u64, durable: u64) -> Header {
        header(kind::COMMAND, epoch, seq, durable)
    }

    fn claim(epoch: u32, durable: u64) -> Header {
        header(kind::EPOCH, epoch, 0, durable)
    }

    /// `c` a command, `b` an epoch begins, `d` void: deposed, `l` late claim, `o` before, `g` gap, `!` damaged.
    fn letters(records: &[Header]) -> String {
        let mut judge = Judge { epoch: Epoch(1), next: Seq(1) };
        let letter = |verdict| match verdict {
            Verdict::Command => 'c',
            Verdict::Begin => 'b',
            Verdict::Void(Void::Deposed) => 'd',
            Verdict::Void(Void::LateClaim) => 'l',
            Verdict::Void(Void::Before) => 'o',
            Verdict::Void(Void::Gap) => 'g',
            Verdict::Damaged(_) => '!',
        };
        records.iter().map(|header| letter(judge.judge(header))).collect()
    }

    #[test]
    fn what_counts() {
        let rows: [(&str, &[Header], &str); 9] = [
            ("one after the other", &[command(1, 1, 0), command(1, 2, 0), command(1, 3, 2)], "ccc"),
            ("a deposed leader's late records", &[claim(2, 0), command(1, 1, 0), command(2, 1, 0)], "bdc"),
            ("records that came in before the claim", &[command(1, 1, 0), claim(2, 0), command(2, 2, 1)], "cbc"),
            ("two claims of one epoch", &[claim(2, 0), claim(2, 0), claim(3, 0), claim(2, 0)], "blbl"),
            (
                "lost on the way, before anybody was told",
                &[command(1, 1, 0), command(1, 3, 1), command(1, 4, 1)],
                "cgg",
            ),
            ("lost, though told", &[command(1, 1, 0), command(1, 3, 2)], "c!"),
            ("a claimant had read more", &[command(1, 1, 0), claim(2, 2)], "c!"),
            ("no beginning", &[command(2, 1, 0)], "!"),
            ("twice", &[command(1, 1, 0), command(1, 1, 0)], "co"),
        ];
        for (name, records, want) in rows {
            assert_eq!(letters(records), want, "{name}");
        }
        assert_eq!(letters(&[header(9, 1, 1, 0)]), "!", "a kind of the future");
    }
}

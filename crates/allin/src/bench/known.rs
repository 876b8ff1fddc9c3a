//! The recorded stream on its way through a whole shard, whatever its log is.

use std::time::Instant;

use allin_core::spot::event::Event;
use allin_runtime::shard::{Completed, Shard};

use super::core_run::{CoreRun, set_up};
use super::shard::{self, IN_FLIGHT_MAX};
use super::stream::{Outcome, Stream, Trades};

/// A stream whose commands carry the engine's order ids, learnt in a run without a log.
pub struct Known<'a> {
    pub stream: &'a Stream,
    pub run: CoreRun,
    outcome: Outcome,
}

impl<'a> Known<'a> {
    pub fn learn(stream: &'a Stream) -> Result<Known<'a>, String> {
        let mut run = CoreRun::new(stream);
        let outcome = run.run(stream)?;
        Ok(Known { stream, run, outcome })
    }

    /// Commands a second through a shard that is empty, pipelined, until the last durable answer is here. Stops it.
    pub fn pipelined(&self, shard: Shard) -> Result<f64, String> {
        let pipeline = shard.engine().pipeline(IN_FLIGHT_MAX);
        shard::call_all(&pipeline, set_up(self.stream))?;
        let mut trades = Trades::new();
        let commands = self.stream.records().enumerate();
        let commands = commands.map(|(index, record)| (index as u64, self.run.command(&record)));
        let start = Instant::now();
        shard::send_all(&pipeline, commands, |done| self.count(done, &mut trades))?;
        let rate = self.stream.len() as f64 / start.elapsed().as_secs_f64();
        let outcome = trades.outcome(self.stream.len() as u64);
        drop(pipeline);
        shard.stop();
        if outcome != self.outcome {
            return Err(format!("through the log came {outcome}; without it, {}", self.outcome));
        }
        Ok(rate)
    }

    fn count(&self, done: &Completed, trades: &mut Trades) -> Result<(), String> {
        let place = done.outcome.as_ref().map_err(|error| format!("command {}: {error}", done.tag))?;
        for event in place.events() {
            match event {
                Event::Trade(trade) => {
                    let maker = self.run.stream_order(trade.maker_order);
                    trades.add(done.tag, maker, trade.price.0, trade.qty.0);
                }
                Event::Refused(reason) => return Err(format!("command {}: {}", done.tag, reason.name())),
                _ => {}
            }
        }
        Ok(())
    }
}

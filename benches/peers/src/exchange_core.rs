//! exchange-core itself: a Java process that runs the stream in one thread whenever it is told to, in turn with the others.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{
    engines::Engine,
    stream::{Outcome, Stream},
    table::Seconds,
};

/// Runs before the first that counts: the virtual machine compiles what is hot while it runs.
const WARM_UP_RUNS: usize = 8;

pub struct ExchangeCore {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The decompressed stream.
    file: PathBuf,
}

impl ExchangeCore {
    /// Starts Java on the stream and lets it warm up.
    pub fn start(class_path: &str, stream: &Stream) -> Result<ExchangeCore, String> {
        let file = std::env::temp_dir().join(format!("allin-peers-{}.bin", std::process::id()));
        std::fs::write(&file, stream.bytes()).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut command = Command::new("java");
        command.args(["-Xms2g", "-Xmx4g", "-XX:+UseParallelGC", "-cp", class_path, "Inline"]).arg(&file);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| format!("java: {e}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("java: no pipes".into());
        };
        let mut started = ExchangeCore { child, input, output: BufReader::new(output), file };
        started.line()?;
        for _ in 0..WARM_UP_RUNS {
            started.run(stream)?;
        }
        Ok(started)
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err("java ended; see above".into()),
            Ok(_) => Ok(line),
            Err(error) => Err(format!("java: {error}")),
        }
    }
}

impl Engine for ExchangeCore {
    fn name(&self) -> &'static str {
        "exchange-core 0.5.3"
    }

    fn note(&self) -> &'static str {
        "its own risk engine and matching router called in one thread (no queues between threads), fees and balances in 64 bits, \
         warmed up; a bid reserves a fixed high price, so that its moves need no funds"
    }

    fn run(&mut self, stream: &Stream) -> Result<(Seconds, Outcome), String> {
        writeln!(self.input, "run").and_then(|()| self.input.flush()).map_err(|e| format!("java: {e}"))?;
        let line = self.line()?;
        let fields: Vec<&str> = line.split_whitespace().collect();
        let bad = || format!("java: {line:?}");
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).ok_or_else(bad);
        let hash = fields.get(5).and_then(|field| u64::from_str_radix(field, 16).ok()).ok_or_else(bad)?;
        let outcome = Outcome {
            commands: stream.len() as u64,
            trades: number(2)?,
            volume: number(3)?,
            notional: number(4)?.into(),
            hash,
        };
        Ok(((number(0)? as f64 / 1e9, number(1)? as f64 / 1e9), outcome))
    }
}

impl Drop for ExchangeCore {
    fn drop(&mut self) {
        // Its input ends with this process anyway; waiting leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

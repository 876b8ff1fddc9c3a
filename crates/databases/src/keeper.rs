//! Ends a server and removes its folder when the test process has ended, killed or not.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A shell that waits for the end of its input, which is the end of the process that holds the other end. Asked to quit, a
/// server of PostgreSQL takes its processes with it; what does not go by then is killed.
const SCRIPT: &str = r#"
cat >/dev/null
pid=$(cat "$1" 2>/dev/null)
if [ -n "$pid" ]; then
    kill -CONT "$pid" 2>/dev/null
    kill -"$3" "$pid" 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null
fi
rm -rf "$2"
"#;

pub struct Keeper {
    pid_file: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
}

impl Keeper {
    /// Watches over a folder and the server whose process is told later; `signal` is how it is asked to go.
    pub fn start(folder: &Path, signal: &str) -> Keeper {
        let pid_file = folder.join("keeper.pid");
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "keeper"])
            .arg(&pid_file)
            .arg(folder)
            .arg(signal)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends the tests from a terminal does not end the keeper.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let input = child.stdin.take();
        Keeper { pid_file, child, input }
    }

    pub fn watch(&self, pid: u32) {
        fs::write(&self.pid_file, pid.to_string()).expect("writes the process id");
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.input = None;
        // The server is gone, and its folder, when the test goes on.
        let _ = self.child.wait();
    }
}

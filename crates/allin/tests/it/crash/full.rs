//! A disk that is full: a small file system of the process's own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::load::{self, Told, User};
use super::node::Place;
use super::poll;

/// A mount name space with a small file system over the data folder. It ends with this process, mounts and all.
struct SmallDisk {
    keeper: Child,
    /// The folder of the test as the name space sees it.
    root: PathBuf,
    /// How to start a program inside.
    inside: Vec<String>,
}

impl SmallDisk {
    /// None, with a line that says why, where no file system may be mounted.
    fn over(place: &Place, megabytes: u32) -> Option<SmallDisk> {
        fs::create_dir(place.path().join("data")).expect("a folder");
        let is_root = rustix::process::geteuid().is_root();
        let spaces = if is_root { "-m" } else { "-Urm" };
        let mount = format!("mount -t tmpfs -o size={megabytes}m tmpfs data && touch data/mounted && exec sleep 600");
        let keeper = Command::new("unshare")
            .args([spaces, "sh", "-c", &mount])
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut keeper = match keeper {
            Ok(keeper) => keeper,
            Err(error) => {
                eprintln!("skipped: no unshare here: {error}");
                return None;
            }
        };
        let root = PathBuf::from(format!("/proc/{}/root{}", keeper.id(), place.path().display()));
        let mounted = poll("the mount, or its failure", || {
            let ended = keeper.try_wait().expect("our child").is_some();
            (ended || root.join("data/mounted").exists()).then_some(!ended)
        });
        if !mounted {
            eprintln!("skipped: no file system can be mounted here");
            return None;
        }
        let mut inside = vec!["nsenter".to_owned(), format!("--target={}", keeper.id())];
        inside.extend(["--mount", "--wd"].map(String::from));
        if !is_root {
            inside.extend(["--user", "--preserve-credentials"].map(String::from));
        }
        Some(SmallDisk { keeper, root, inside })
    }

    /// Takes all the room there is, and gives the file that has it.
    fn fill(&self) -> PathBuf {
        let path = self.root.join("data/ballast");
        let mut file = fs::File::create(&path).expect("a file");
        let piece = [7; 4096];
        let full = loop {
            if let Err(error) = file.write_all(&piece) {
                break error;
            }
        };
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Longest text that may come with a credit, so that a segment of the log is soon full.
fn long_detail() -> serde_json::Value {
    json!({ "why": "x".repeat(4000) })
}

#[test]
fn a_full_disk_refuses_orders_and_takes_cancels_until_there_is_room_again() {
    let mut place = Place::new();
    let Some(disk) = SmallDisk::over(&place, 64) else { return };
    let small = ["--set", "log.segment_bytes=1048576", "--set", "log.batch_bytes_max=262144"];
    place.arguments = small.map(String::from).to_vec();
    place.inside(disk.root.clone(), disk.inside.clone());
    let node = place.start();
    let mut client = node.client();
    let mut users = User::many(2);
    for user in &mut users {
        assert_eq!(user.credit(&mut client, "BTC", 10_000).expect("it serves"), Told::Taken);
        assert_eq!(user.credit(&mut client, "USDT", 1_000_000).expect("it serves"), Told::Taken);
        // Bids far apart from asks: they stay open, to be cancelled when nothing else goes.
        for _ in 0..20 {
            assert_eq!(user.place(&mut client, 2, "90.00").expect("it serves"), Told::Taken);
        }
    }
    let ballast = disk.fill();
    // What was set aside before is used up: the rest of this segment, and the next one.
    let mut written = 0;
    let code = loop {
        match users[0].credit_with(&mut client, "BTC", 1, long_detail()).expect("it serves") {
            Told::Taken => written += 1,
            Told::Refused(code) => break code,
        }
        assert!(written < 2_000, "the disk is full, and the log goes on");
    };
    assert!(written > 10, "only {written} credits before the refusal");
    for user in &mut users {
        assert_eq!(user.place(&mut client, 1, "110.00").expect("it serves"), Told::Refused(code));
        for _ in 0..5 {
            assert_eq!(user.cancel(&mut client).expect("it serves"), Told::Taken);
        }
    }
    let refused = client.send("order.put_limit", &json!([1, load::MARKET, 2, "0.1", "90", "0", "0", "crash"]));
    assert_eq!(refused.expect("it serves").status, 503);

    fs::remove_file(ballast).expect("removed");
    poll("orders are taken again", || {
        (users[1].place(&mut client, 1, "110.00").expect("it serves") == Told::Taken).then_some(())
    });
    load::trade(&node, &mut users, 200, || node.signal(rustix::process::Signal::KILL));
    node.kill();
    place.assert_verifies();
    let node = place.start();
    load::settle(&node, &mut users);
    load::check_all(&node, &mut users);
    node.stop();
    place.assert_verifies();
}

//! One broker in KRaft mode, from the jars that `make deps` fetches.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::{Daemon, own_address};

/// Any will do: a cluster of one, for one test.
const CLUSTER: &str = "QUxMSU4tdGVzdHMtb25seQ";
/// Small and soon there, rather than fast.
const JVM: [&str; 5] = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
const STARTED: &str = "Kafka Server started";

pub struct Kafka {
    daemon: Daemon,
    address: String,
}

impl Kafka {
    /// The broker that all tests of a process share, each with topics of its own.
    pub fn shared() -> &'static Kafka {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Kafka::start)
    }

    /// A broker for one test alone, which may do with it what it likes.
    pub fn start() -> Kafka {
        let kafka = Kafka { daemon: Daemon::new("Kafka"), address: own_address() };
        let folder = kafka.daemon.folder();
        fs::write(folder.join("server.properties"), kafka.properties()).expect("a file");
        fs::write(folder.join("log4j.properties"), LOG).expect("a file");
        let format = ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"];
        kafka.daemon.run("java", &kafka.java(&format));
        kafka.restart();
        kafka
    }

    /// `host:port`, as clients want it.
    pub fn brokers(&self) -> String {
        format!("{}:9092", self.address)
    }

    /// Ends the broker at once.
    pub fn kill(&self) {
        self.daemon.kill();
    }

    /// Starts it again where it was, with what it had.
    pub fn restart(&self) {
        let before = self.starts();
        self.daemon.start("java", &self.java(&["kafka.Kafka"]), || self.starts() > before);
    }

    /// `STOP` and `CONT`: a broker that hangs.
    pub fn signal(&self, signal: &str) {
        self.daemon.signal(signal);
    }

    fn starts(&self) -> usize {
        self.daemon.output().matches(STARTED).count()
    }

    fn java(&self, program: &[&str]) -> Vec<String> {
        let folder = self.daemon.folder();
        let log = format!("-Dlog4j.configuration=file:{}", folder.join("log4j.properties").display());
        let jars = format!("{}/*", jars().display());
        let settings = folder.join("server.properties").display().to_string();
        let fixed = JVM.into_iter().map(str::to_owned).chain([log, "-cp".to_owned(), jars]);
        fixed.chain(program.iter().map(|&word| word.to_owned())).chain([settings]).collect()
    }

    fn properties(&self) -> String {
        let (address, data) = (&self.address, self.daemon.folder().join("data"));
        format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@{address}:9093\n\
             listeners=PLAINTEXT://{address}:9092,CONTROLLER://{address}:9093\n\
             advertised.listeners=PLAINTEXT://{address}:9092\ncontroller.listener.names=CONTROLLER\n\
             log.dirs={}\nauto.create.topics.enable=false\noffsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=1\nnum.network.threads=2\nnum.io.threads=2\nlog.cleaner.enable=false\n",
            data.display()
        )
    }
}

fn jars() -> PathBuf {
    let jars = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/kafka"));
    assert!(jars.is_dir(), "{} is missing: `make deps` fetches Kafka (Maven, Java 17)", jars.display());
    jars
}

const LOG: &str = "log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n\
                   log4j.appender.out.layout=org.apache.log4j.PatternLayout\n\
                   log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c{1} %m%n\n\
                   log4j.logger.kafka.server.KafkaRaftServer=INFO\n";

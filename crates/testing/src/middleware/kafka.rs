//! Brokers in KRaft mode, from the jars that `make deps` fetches: one alone, or a cluster.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::{Daemon, Link, at, own_address};

/// Any will do: a cluster for one test.
const CLUSTER: &str = "QUxMSU4tdGVzdHMtb25seQ";
/// Small and soon there, rather than fast.
const JVM: [&str; 5] = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
const STARTED: &str = "Kafka Server started";
const PORT: u16 = 9092;
const CONTROLLER_PORT: u16 = 9093;
/// Clients go where a broker says that it is. So a way that a test may cut needs a listener of its own, advertised as the
/// link; there are so many.
const LINKS: u16 = 2;

pub struct Kafka {
    daemon: Daemon,
    id: u16,
    address: Ipv4Addr,
    /// Keeps the cluster's metadata; a broker too.
    controller: Ipv4Addr,
    links: Vec<Link>,
}

impl Kafka {
    /// The broker that all tests of a process share, each with topics of its own.
    pub fn shared() -> &'static Kafka {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Kafka::start)
    }

    /// A broker for one test alone, which may do with it what it likes.
    pub fn start() -> Kafka {
        let address = own_address();
        let kafka = Kafka::new(1, address, address);
        kafka.restart();
        kafka
    }

    fn new(id: u16, address: Ipv4Addr, controller: Ipv4Addr) -> Kafka {
        let link = |number| Link::new(at(own_address(), PORT), at(address, PORT + 100 + number));
        let kafka =
            Kafka { daemon: Daemon::new("Kafka"), id, address, controller, links: (0..LINKS).map(link).collect() };
        let folder = kafka.daemon.folder();
        fs::write(folder.join("server.properties"), kafka.properties()).expect("a file");
        fs::write(folder.join("log4j.properties"), LOG).expect("a file");
        let format = ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"];
        kafka.daemon.run("java", &kafka.java(&format));
        kafka
    }

    /// `host:port`, as clients want it.
    pub fn brokers(&self) -> String {
        at(self.address, PORT).to_string()
    }

    /// A way to it that can be cut, the same for everybody who asks for its number.
    pub fn link(&self, number: usize) -> &Link {
        &self.links[number]
    }

    /// Ends the broker at once.
    pub fn kill(&self) {
        self.daemon.kill();
    }

    /// Starts it again where it was, with what it had.
    pub fn restart(&self) {
        let before = self.starts();
        self.launch();
        self.daemon.wait_until(|| self.starts() > before);
    }

    fn launch(&self) {
        self.daemon.start("java", &self.java(&["kafka.Kafka"]), || true);
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
        let Kafka { id, address, controller, .. } = self;
        let (data, port) = (self.daemon.folder().join("data"), PORT);
        let (mut listeners, mut advertised) =
            (format!("PLAINTEXT://{address}:{port}"), format!("PLAINTEXT://{address}:{port}"));
        let mut protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned();
        for (number, link) in self.links.iter().enumerate() {
            listeners += &format!(",LINK{number}://{address}:{}", usize::from(port) + 100 + number);
            advertised += &format!(",LINK{number}://{}", link.address());
            protocols += &format!(",LINK{number}:PLAINTEXT");
        }
        let mut roles = "broker";
        if address == controller {
            listeners += &format!(",CONTROLLER://{address}:{CONTROLLER_PORT}");
            roles = "broker,controller";
        }
        format!(
            "process.roles={roles}\nnode.id={id}\ncontroller.quorum.voters=1@{controller}:{CONTROLLER_PORT}\n\
             listeners={listeners}\nadvertised.listeners={advertised}\nlistener.security.protocol.map={protocols}\n\
             controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\n\
             log.dirs={}\nauto.create.topics.enable=false\noffsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=1\nnum.network.threads=2\nnum.io.threads=2\nlog.cleaner.enable=false\n\
             broker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\nreplica.lag.time.max.ms=3000\n",
            data.display()
        )
    }
}

/// Three brokers, of which the first keeps the metadata and stays.
pub struct KafkaCluster {
    pub brokers: Vec<Kafka>,
}

impl KafkaCluster {
    pub fn start() -> KafkaCluster {
        let addresses = [own_address(), own_address(), own_address()];
        let broker = |(id, address): (u16, &Ipv4Addr)| Kafka::new(id, *address, addresses[0]);
        let brokers: Vec<Kafka> = (1..).zip(&addresses).map(broker).collect();
        brokers.iter().for_each(Kafka::launch);
        brokers.iter().for_each(|broker| broker.daemon.wait_until(|| broker.starts() > 0));
        KafkaCluster { brokers }
    }

    /// Of all, with commas between.
    pub fn brokers(&self) -> String {
        self.brokers.iter().map(Kafka::brokers).collect::<Vec<_>>().join(",")
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

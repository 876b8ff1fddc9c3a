//! What kinds of middleware there are, and how a laptop runs each.

use serde_json::{Value, json};

use crate::model::Middleware;

/// What a database, cache, broker or registry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sql,
    Redis,
    Kafka,
    Etcd,
}

impl Engine {
    pub(super) fn of(one: &Middleware) -> Self {
        match one.kind.split(' ').next() {
            Some("RDS") => Self::Sql,
            Some("Redis") => Self::Redis,
            Some("Kafka") => Self::Kafka,
            Some("etcd") => Self::Etcd,
            _ => panic!("{}: {:?} is none of RDS, Redis, Kafka and etcd", one.id, one.kind),
        }
    }

    /// The port that its clients take when the topology fixes none.
    fn usual_port(self) -> u16 {
        match self {
            Self::Sql => 3306,
            Self::Redis => 6379,
            Self::Kafka => 9092,
            Self::Etcd => 2379,
        }
    }

    /// The image of a laptop.
    pub(super) fn image(self) -> &'static str {
        match self {
            Self::Sql => "mariadb:10.11",
            Self::Redis => "valkey/valkey:8.1-alpine",
            Self::Kafka => "apache/kafka:3.9.1",
            Self::Etcd => "quay.io/coreos/etcd:v3.5.21",
        }
    }

    /// Where its image keeps its data.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Sql => "/var/lib/mysql",
            Self::Redis => "/data",
            Self::Kafka => "/var/lib/kafka/data",
            Self::Etcd => "/etcd-data",
        }
    }

    /// A command that succeeds once it serves.
    pub(super) fn check(self) -> Vec<&'static str> {
        match self {
            Self::Sql => vec!["healthcheck.sh", "--connect", "--innodb_initialized"],
            Self::Redis => vec!["valkey-cli", "ping"],
            Self::Kafka => {
                vec!["/opt/kafka/bin/kafka-broker-api-versions.sh", "--bootstrap-server", "localhost:9092"]
            }
            Self::Etcd => vec!["etcdctl", "endpoint", "health"],
        }
    }
}

/// The port that it is served at.
pub(super) fn port(one: &Middleware) -> u16 {
    one.port.unwrap_or(Engine::of(one).usual_port())
}

/// Arguments of its image, where it has to be told something.
pub(super) fn arguments(one: &Middleware, host: &str) -> Vec<String> {
    let url = format!("http://{host}:{}", port(one));
    match Engine::of(one) {
        Engine::Sql => {
            vec!["--character-set-server=utf8mb4".to_owned()]
        }
        Engine::Redis => ["valkey-server", "--appendonly", "no", "--save", ""].map(str::to_owned).into(),
        Engine::Kafka => Vec::new(),
        Engine::Etcd => [
            "etcd".to_owned(),
            format!("--name={}", one.id),
            "--data-dir=/etcd-data/member-data".to_owned(),
            format!("--listen-client-urls=http://0.0.0.0:{}", port(one)),
            format!("--advertise-client-urls={url}"),
        ]
        .into(),
    }
}

/// Variables of its image that are no secrets.
pub(super) fn variables(one: &Middleware, host: &str) -> Value {
    match Engine::of(one) {
        Engine::Sql => json!({ "MARIADB_DATABASE": one.id, "MARIADB_USER": "allin" }),
        Engine::Redis | Engine::Etcd => json!({}),
        // One node that is broker and controller. A log of its own topic needs no more than one copy here.
        Engine::Kafka => json!({
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": format!("PLAINTEXT://:{},CONTROLLER://:9093", port(one)),
            "KAFKA_ADVERTISED_LISTENERS": format!("PLAINTEXT://{host}:{}", port(one)),
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
        }),
    }
}

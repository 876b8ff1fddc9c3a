//! Owns the formats: operation-log records, protobuf messages, JSON views.
//! Never does I/O and never decides anything.

/// Messages and services between the roles of a product, made from `proto/allin/exchange/v1`.
pub mod exchange {
    #[allow(clippy::all, clippy::pedantic, missing_docs)]
    pub mod v1 {
        tonic::include_proto!("allin.exchange.v1");
    }
}

/// Messages and services of the business services, made from `proto/allin/landry/v1`.
pub mod landry {
    #[allow(clippy::all, clippy::pedantic, missing_docs)]
    pub mod v1 {
        tonic::include_proto!("allin.landry.v1");
    }
}

pub mod binance;
pub mod matchengine;
pub mod oplog;
pub mod viabtc;

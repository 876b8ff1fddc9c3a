//! gRPC ports as services of one deployment have them: for those with a pass.

use std::sync::OnceLock;

use allin_exchange::guard::{GrpcPort, Guarded};
use allin_exchange::remote::{Channel, Peer};
use allin_runtime::auth::InternalToken;
use tokio::net::TcpListener;

/// The name of all of them.
pub const SERVICE: &str = "test";

/// The token of all of them.
pub fn token() -> InternalToken {
    static TOKEN: OnceLock<InternalToken> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().expect("a folder");
        InternalToken::open(folder.path()).expect("a token")
    };
    TOKEN.get_or_init(make).clone()
}

/// A port, any free one.
pub async fn port() -> GrpcPort {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    Some(Guarded { listener, verifier: token().verifier(SERVICE) })
}

/// A way to a port, as another process has it.
pub fn peer(address: impl ToString) -> Peer {
    let address = address.to_string();
    Peer::new(SERVICE, address.trim_start_matches("http://"), &token()).expect("an address")
}

pub fn channel(address: impl ToString) -> Channel {
    peer(address).channel()
}

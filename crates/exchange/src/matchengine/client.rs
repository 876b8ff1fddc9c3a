//! A connection to the service.

use allin_wire::exchange::v1::match_engine_client::MatchEngineClient;

use crate::remote::{Channel, Peer};

/// Longest message: a command that closes very many orders has as many events.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 << 20;

pub(super) type Client = MatchEngineClient<Channel>;

pub(super) fn client(peer: &Peer) -> Client {
    on(peer.channel())
}

pub(super) fn on(channel: Channel) -> Client {
    MatchEngineClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

//! A connection to the service.

use allin_runtime::auth::InternalToken;
use allin_wire::exchange::v1::match_engine_client::MatchEngineClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::remote::RemoteError;

/// Longest message: a command that closes very many orders has as many events.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 << 20;
const WINDOW_BYTES: u32 = 4 << 20;

pub(super) type Client = MatchEngineClient<InterceptedService<Channel, Bearer>>;

/// Puts the token on every call.
#[derive(Clone)]
pub(super) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// Connects when first needed, and again whenever the connection was lost.
pub(super) fn client(address: &str, token: &InternalToken) -> Result<Client, RemoteError> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| RemoteError(error.to_string()))?
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(4 * WINDOW_BYTES);
    let mut header: MetadataValue<Ascii> =
        token.header().parse().map_err(|_| RemoteError("the token is no header value".to_owned()))?;
    header.set_sensitive(true);
    let client = MatchEngineClient::with_interceptor(endpoint.connect_lazy(), Bearer(header));
    Ok(client.max_decoding_message_size(MESSAGE_BYTES_MAX))
}

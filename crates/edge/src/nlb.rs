//! The load balancer that knows nothing of HTTP: bytes from its listener to one service.

use std::sync::Arc;
use std::time::Duration;

use allin_exchange::service::{ServiceError, Stopping};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::gateway::{Gateway, Side};
use crate::{serve, tunnel};

pub async fn run(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    service: &'static str,
    port: u16,
    stopping: Stopping,
) -> Result<(), ServiceError> {
    serve::accept(
        gateway,
        Side::Public,
        false,
        listener,
        stopping,
        move |gateway, connection, stream, stopping| async move {
            let wait_max = Duration::from_millis(gateway.config.connect_timeout_ms);
            // Without a service there is nothing that could be said: the protocol is the service's.
            let Some(address) = gateway.resolver.resolve(service, port) else { return };
            if let Ok(Ok(upstream)) = timeout(wait_max, TcpStream::connect(address)).await {
                let _ = upstream.set_nodelay(true);
                let idle_max = Duration::from_secs(gateway.config.tunnel_idle_s);
                tunnel::run(stream, upstream, idle_max, stopping).await;
            }
            drop(connection);
        },
    )
    .await
}

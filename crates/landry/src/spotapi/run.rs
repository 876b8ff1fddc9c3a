//! Starts the service.

use std::sync::Arc;

use allin_exchange::inside;
use allin_exchange::service::{Port, Running, ServiceError, Starting};

use super::app::{App, Handles};
use super::config::SpotApiSection;
use super::{http, keys, limits, listen_keys, markets, server, wsapi};
use crate::userdata::UserData;

/// Serves REST and WebSocket API on a bound listener; `name` is the service's in the topology. Ready once the markets
/// are known.
pub fn start(
    name: &'static str,
    config: SpotApiSection,
    handles: Handles,
    listener: Port,
) -> Result<Running, ServiceError> {
    let app = App::new(config.clone(), handles);
    let app = Arc::new(app.map_err(|text| ServiceError::failed(name, format!("{text:?} is no range of addresses")))?);
    let mut starting = Starting::new(name);
    let readiness = starting.readiness();
    starting.spawn(markets::follow(name, app.clone(), readiness, starting.stopping()));
    starting.spawn(keys::follow(app.clone(), starting.stopping()));
    starting.spawn(listen_keys::tend(app.clone(), starting.stopping()));
    if app.handles.shares_limits {
        starting.spawn(limits::share(app.clone(), starting.stopping()));
    }
    let Handles { engine, bus, clock, .. } = &app.handles;
    let user_data = UserData::new(engine.clone(), bus.clone(), clock.clone());
    starting.spawn(user_data.clone().run(name, starting.stopping()));
    let door = wsapi::Door::new(app.clone(), user_data, starting.stopping());
    starting.spawn(door.clone().drain());
    if let Some(listener) = listener {
        let address = starting.listens(&listener)?;
        let doors = http::Doors::new(app, door);
        let (opened, mut stopping) = (inside::open(address, doors.clone()), starting.stopping());
        starting.spawn(async move {
            stopping.wait().await;
            opened.close().await;
            Ok(())
        });
        starting.spawn(server::serve(config, doors, listener, starting.stopping()));
    }
    Ok(starting.running())
}

//! Owns the gateway: listeners, routes and plugins in front of the services. Never looks into what it forwards.

//! Owns the namespace landry: one folder a service of its own, one line in the registry for each shared role.
//! Never reaches into another service's tables.
//! Known limits: the registry grows with the services.

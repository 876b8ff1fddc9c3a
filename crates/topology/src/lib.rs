//! Owns the topology as data: services, ports, exposure, routes, dependencies and middleware, read from `topology.yaml`.
//! Never says what is built (the code's registry does) and never opens a socket.
//! Known limits: the file is embedded when compiled; an operator changes addresses by configuration, not by editing it.

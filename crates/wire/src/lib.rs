//! Owns the formats: operation-log records, protobuf messages, JSON views.
//! Never does I/O and never decides anything.
//! Known limits: the protobuf package `allin.ces.v1` has no messages yet.

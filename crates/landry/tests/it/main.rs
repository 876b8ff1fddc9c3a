//! Tests of the namespace landry.

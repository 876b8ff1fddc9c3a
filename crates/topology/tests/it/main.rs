//! The topology holds together, refuses what does not, and is written down as promised.

mod deploy;
mod render;
mod source;
mod validate;

//! Order books: sorted prices ([`ladder`]) and queues of orders ([`orders`]).

pub mod ladder;
pub mod orders;

//! Order books: sorted prices ([`ladder`]), queues of orders ([`orders`]), the order index ([`index`]).

pub mod index;
pub mod ladder;
pub mod orders;

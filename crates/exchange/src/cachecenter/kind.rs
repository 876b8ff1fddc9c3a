//! What a port serves.

use tonic::Status;

/// A subject of its own port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// 7810
    Depth,
    /// 7811
    Deals,
    /// 7812
    Klines,
    /// 7813
    Tickers,
}

/// The kinds of a port: one, or all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds(pub Option<Kind>);

impl Kinds {
    pub fn check(self, asked: Kind) -> Result<(), Status> {
        match self.0 {
            Some(kind) if kind != asked => {
                Err(Status::unimplemented(format!("this port serves {kind:?}; ask the one of {asked:?}")))
            }
            _ => Ok(()),
        }
    }
}

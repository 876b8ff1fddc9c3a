//! Why a question about prices has no answer, and what the caller is told.

use allin_runtime::store::StoreError;
use tonic::Status;

#[derive(Debug, thiserror::Error)]
pub(super) enum PriceError {
    #[error("unknown market")]
    UnknownMarket,
    #[error("{0}")]
    Invalid(&'static str),
    #[error("catching up with the log")]
    CatchingUp,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PriceError> for Status {
    fn from(error: PriceError) -> Status {
        match error {
            PriceError::UnknownMarket => Status::not_found(error.to_string()),
            PriceError::Invalid(_) => Status::invalid_argument(error.to_string()),
            PriceError::CatchingUp => Status::unavailable(error.to_string()),
            PriceError::Store(store) => {
                tracing::warn!(%store, "cannot read prices");
                Status::unavailable("the store is away")
            }
        }
    }
}

//! Why a question about summaries has no answer, and what the caller is told.

use allin_runtime::store::StoreError;
use tonic::Status;

#[derive(Debug, thiserror::Error)]
pub(super) enum SummaryError {
    #[error("unknown market")]
    UnknownMarket,
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the asset of the fee tiers is not listed")]
    NoVolumeAsset,
    #[error("catching up with the log")]
    CatchingUp,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SummaryError> for Status {
    fn from(error: SummaryError) -> Status {
        match error {
            SummaryError::UnknownMarket => Status::not_found(error.to_string()),
            SummaryError::Invalid(_) => Status::invalid_argument(error.to_string()),
            SummaryError::NoVolumeAsset => Status::failed_precondition(error.to_string()),
            SummaryError::CatchingUp => Status::unavailable(error.to_string()),
            SummaryError::Store(store) => {
                tracing::warn!(%store, "cannot read summaries");
                Status::unavailable("the store is away")
            }
        }
    }
}

//! Why a question has no answer.

use allin_runtime::store::StoreError;
use tonic::Status;

#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the history is not open yet")]
    Closed,
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<ReadError> for Status {
    fn from(error: ReadError) -> Status {
        match error {
            ReadError::Invalid(why) => Status::invalid_argument(why),
            ReadError::Closed => Status::unavailable("the history is not open yet"),
            ReadError::Store(error) if error.is_unavailable() => {
                tracing::warn!(%error, "the history's database is away");
                Status::unavailable("the history's database is away")
            }
            ReadError::Store(error) => {
                tracing::error!(%error, "cannot read the history");
                Status::internal("cannot read the history")
            }
        }
    }
}

//! Refusals as gRPC status, and back.

use allin_runtime::engine::{BusError, SubmitError};
use allin_wire::exchange::v1 as pb;
use tonic::{Code, Status};

use super::names::remembered;

/// Metadata key that tells refusals of the same code apart.
const REFUSAL: &str = "allin-refusal";

pub(super) const MALFORMED: &str = "the command breaks a bound of its form";

pub(super) fn refusal(error: SubmitError) -> pb::SubmitRefusal {
    match error {
        SubmitError::Overloaded => pb::SubmitRefusal::Overloaded,
        SubmitError::ReadOnly => pb::SubmitRefusal::ReadOnly,
        SubmitError::Stopping => pb::SubmitRefusal::Stopping,
        SubmitError::Unknown => pb::SubmitRefusal::Unknown,
        SubmitError::Malformed(_) => pb::SubmitRefusal::Malformed,
    }
}

/// None when the command was taken.
pub(super) fn submit_error(refusal: i32, detail: &str) -> Option<SubmitError> {
    match pb::SubmitRefusal::try_from(refusal) {
        Ok(pb::SubmitRefusal::None) => None,
        Ok(pb::SubmitRefusal::Overloaded) => Some(SubmitError::Overloaded),
        Ok(pb::SubmitRefusal::ReadOnly) => Some(SubmitError::ReadOnly),
        Ok(pb::SubmitRefusal::Stopping) => Some(SubmitError::Stopping),
        Ok(pb::SubmitRefusal::Malformed) => Some(SubmitError::Malformed(remembered(detail, MALFORMED))),
        Ok(pb::SubmitRefusal::Unknown) | Err(_) => Some(SubmitError::Unknown),
    }
}

pub(super) fn detail(error: SubmitError) -> String {
    match error {
        SubmitError::Malformed(why) => why.to_owned(),
        _ => String::new(),
    }
}

pub(super) fn status(error: SubmitError) -> Status {
    let code = match error {
        SubmitError::Overloaded => Code::ResourceExhausted,
        SubmitError::ReadOnly | SubmitError::Stopping => Code::Unavailable,
        SubmitError::Unknown => Code::Aborted,
        SubmitError::Malformed(_) => Code::InvalidArgument,
    };
    let mut status = Status::new(code, error.to_string());
    if let Ok(value) = refusal(error).as_str_name().parse() {
        status.metadata_mut().insert(REFUSAL, value);
    }
    status
}

/// A status that the engine itself gave; a broken connection and the like are [`SubmitError::Unknown`].
pub(super) fn from_status(status: &Status) -> SubmitError {
    let name = status.metadata().get(REFUSAL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refusal = pb::SubmitRefusal::from_str_name(name).unwrap_or(pb::SubmitRefusal::Unknown);
    submit_error(refusal as i32, status.message()).unwrap_or(SubmitError::Unknown)
}

pub(super) fn bus_status(error: &BusError) -> Status {
    let code = match error {
        BusError::Behind(_) => Code::OutOfRange,
        BusError::Closed => Code::Unavailable,
        BusError::Log(_) => Code::DataLoss,
    };
    Status::new(code, error.to_string())
}

/// `next` is what the subscriber wants next.
pub(super) fn bus_error(status: &Status, next: u64) -> BusError {
    match status.code() {
        Code::OutOfRange => BusError::Behind(next),
        Code::Unavailable | Code::Cancelled | Code::Unknown => BusError::Closed,
        _ => BusError::Log(status.message().to_owned()),
    }
}

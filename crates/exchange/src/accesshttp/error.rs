//! Why a request failed, as the protocol's error object and as an HTTP status.

use allin_core::spot::reject::Reject;
use allin_runtime::engine::SubmitError;
use allin_wire::viabtc::{Code, Error, Invalid};
use hyper::StatusCode;

/// A failure with the error object that tells of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Failure(pub Error);

impl Failure {
    /// A refusal by the engine, with its name where the code alone does not tell it.
    pub fn refused(code: Code, reject: Reject) -> Failure {
        Failure(Error { code, reason: Some(reject.name()) })
    }

    /// Our own bug or a broken peer: an answer of another kind than asked for.
    pub fn unexpected(what: &'static str) -> Failure {
        tracing::error!(what, "unexpected answer");
        Code::InternalError.into()
    }

    /// The reference server answers 200 whenever a method was reached; so do we, but for failures of the exchange
    /// itself, which proxies and clients should be able to tell.
    pub fn status(self) -> StatusCode {
        match self.0.code {
            Code::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Code::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::MethodNotFound => StatusCode::NOT_FOUND,
            Code::ServiceTimeout => StatusCode::GATEWAY_TIMEOUT,
            Code::RequireAuthentication => StatusCode::UNAUTHORIZED,
            _ => StatusCode::OK,
        }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Failure {
        Failure(code.into())
    }
}

impl From<Invalid> for Failure {
    fn from(_: Invalid) -> Failure {
        Code::InvalidArgument.into()
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Failure {
        match error {
            SubmitError::Overloaded | SubmitError::ReadOnly | SubmitError::Stopping => Code::ServiceUnavailable.into(),
            // As after a timeout, the command may or may not have been executed.
            SubmitError::Unknown => Code::ServiceTimeout.into(),
            SubmitError::Malformed(what) => {
                tracing::warn!(what, "the engine refuses the form of a command");
                Code::InvalidArgument.into()
            }
        }
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Failure {
        match status.code() {
            tonic::Code::InvalidArgument | tonic::Code::OutOfRange => Code::InvalidArgument.into(),
            tonic::Code::Unavailable | tonic::Code::ResourceExhausted => Code::ServiceUnavailable.into(),
            tonic::Code::DeadlineExceeded => Code::ServiceTimeout.into(),
            code => {
                tracing::error!(?code, message = status.message(), "a read service failed");
                Code::InternalError.into()
            }
        }
    }
}

/// The code of a refusal that means the same in every method.
pub(super) fn refusal(reject: Reject) -> Failure {
    let code = match reject {
        Reject::AccountFrozen => Code::AccountFrozen,
        Reject::MarketHalted | Reject::MarketCancelOnly | Reject::MarketPreOpen => Code::MarketNotTrading,
        Reject::ClientIdConflict => Code::ClientIdConflict,
        Reject::ClientIdsFull => Code::ServiceUnavailable,
        _ => Code::InvalidArgument,
    };
    Failure::refused(code, reject)
}

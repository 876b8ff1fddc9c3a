//! Binance Spot's formats: names of enumerations, and errors. Source of every name, code and message: Binance Spot API
//! documentation, "Enums" and "Error codes".

mod error;
mod names;

pub use error::{ApiError, Code};
pub use names::{
    contingency_name, kind_name, parse_kind, parse_side, parse_stp, parse_tif, side_name, status_name, stp_name,
    tif_name,
};

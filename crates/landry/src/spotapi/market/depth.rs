//! `depth`. `lastUpdateId` is the engine's sequence that the book includes, as are the update ids of the streams.

use super::super::app::App;
use super::super::call::{Call, Outcome};
use super::{limit, pictures, select};

const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 5000;

pub async fn depth(app: &App, call: &Call) -> Outcome {
    let market = select::one_with_status(app, call)?;
    let limit = limit::limit(&call.params, LIMIT, LIMIT_MAX)?;
    call.params.all_read()?;
    pictures::depth(app, &market, limit).await
}

//! What the engine would say to an order before it looks at book and funds: a machine of its own, with this one market,
//! an empty book and a rich user, is asked.

use allin_core::ids::{AssetId, MarketId, Seq, Timestamp};
use allin_core::num::AMOUNT_MAX;
use allin_core::spot::command::{Command, Counter, Funding, NewOrder};
use allin_core::spot::event::Event;
use allin_core::spot::reject::Reject;
use allin_core::spot::{Limits, Spot};
use allin_core::text::{ClientId, Label};

use super::super::markets::Market;

pub(super) fn refusal(market: &Market, order: NewOrder) -> Option<Reject> {
    let mut spot = Spot::new(Limits { client_ids_max: 1 });
    let (base, quote, id) = (AssetId(0), AssetId(1), MarketId(0));
    let mut spec = market.spec;
    (spec.id, spec.base, spec.quote) = (id, base, quote);
    let fund = |asset| {
        Command::Credit(Funding {
            user: order.user,
            asset,
            amount: AMOUNT_MAX,
            business: Label::new("trial").unwrap_or_default(),
            business_id: 1,
            counter: Counter::External,
            detail: "".into(),
        })
    };
    let mut asset_specs = [market.base, market.quote];
    (asset_specs[0].id, asset_specs[1].id) = (base, quote);
    let [base_spec, quote_spec] = asset_specs;
    let order = NewOrder { market: id, client_id: ClientId::EMPTY, ..order };
    let commands = [
        Command::SetAsset(base_spec),
        Command::SetAsset(quote_spec),
        Command::SetMarket(spec),
        Command::SetMarketState { market: id, state: market.state },
        fund(base),
        fund(quote),
        Command::Place(order),
    ];
    let mut events = Vec::new();
    for (at, command) in commands.iter().enumerate() {
        events.clear();
        spot.apply(Seq(at as u64 + 1), Timestamp(1), command, &mut events);
    }
    let refused = events.iter().find_map(|event| match event {
        Event::Refused(reject) => Some(*reject),
        _ => None,
    });
    refused.filter(|reject| match reject {
        // A trailing stop without a price asks for a last price, which the trial has not.
        Reject::InvalidCombination => order.trailing_delta == 0 || !order.stop_price.is_none(),
        Reject::InsufficientBalance => false,
        _ => true,
    })
}

//! A new order from parameters. The legs of a list have the same ones with a prefix (`aboveStopPrice`).

use std::borrow::Cow;

use allin_core::ids::UserId;
use allin_core::num::decimal::{self, DecimalError};
use allin_core::num::{PRICE_MAX, PriceTicks, QTY_MAX, QtyLots};
use allin_core::spot::command::{NewOrder, OrderKind, Side, StpMode, TimeInForce};
use allin_core::text::{ClientId, is_client_id};
use allin_wire::binance::{ApiError, Code, parse_kind, parse_side, parse_stp, parse_tif};

use super::super::markets::{Market, number_error};
use super::super::params::{Params, illegal};
use super::client_id;

/// Levels of a book that a pegged price may be away from the best one.
const PEG_LEVELS_MAX: u64 = 100;

/// `newOrderRespType`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Respond {
    Ack,
    Result,
    Full,
}

/// Reads the parameters of one order, whose names begin with a prefix.
pub(super) struct Leg<'a> {
    pub params: &'a Params,
    pub market: &'a Market,
    pub prefix: &'static str,
}

/// What the caller of [`Leg::order`] knows already.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub user: UserId,
    pub side: Side,
    pub kind: OrderKind,
    pub stp: StpMode,
    /// Quantity and name of the client id have other names in some lists.
    pub qty: Option<QtyLots>,
    pub client_id: &'static str,
}

impl<'a> Leg<'a> {
    pub fn name(&self, base: &'static str) -> Cow<'static, str> {
        if self.prefix.is_empty() {
            return base.into();
        }
        let (first, rest) = base.split_at(1);
        format!("{}{}{rest}", self.prefix, first.to_ascii_uppercase()).into()
    }

    pub fn text(&self, base: &'static str) -> Result<Option<&'a str>, ApiError> {
        self.params.get(&self.name(base))
    }

    pub fn side(&self) -> Result<Side, ApiError> {
        let text = self.params.required(&self.name("side"))?;
        parse_side(text).ok_or(ApiError::new(Code::InvalidSide, "Invalid side."))
    }

    pub fn kind(&self) -> Result<OrderKind, ApiError> {
        let text = self.params.required(&self.name("type"))?;
        parse_kind(text).ok_or(ApiError::new(Code::InvalidOrderType, "Invalid orderType."))
    }

    /// A price in ticks; 0 where it was not sent. One that is sent is above zero.
    pub fn price(&self, base: &'static str) -> Result<PriceTicks, ApiError> {
        let name = self.name(base);
        let Some(text) = self.params.get(&name)? else { return Ok(PriceTicks::NONE) };
        let spec = &self.market.spec;
        let scale = self.market.quote.scale.max(spec.price_scale);
        let units = positive(&name, text, scale, "Invalid price.")?;
        let step = u128::from(spec.tick_units) * decimal::pow10(scale - spec.price_scale);
        match steps(units, step, PRICE_MAX.0) {
            Some(ticks) => Ok(PriceTicks(ticks)),
            None => Err(ApiError::new(Code::InvalidMessage, "Filter failure: PRICE_FILTER")),
        }
    }

    /// A quantity in lots; 0 where it was not sent. One that is sent is above zero.
    pub fn qty(&self, base: &'static str) -> Result<QtyLots, ApiError> {
        let name = self.name(base);
        let Some(text) = self.params.get(&name)? else { return Ok(QtyLots::ZERO) };
        let spec = &self.market.spec;
        let scale = self.market.base.scale.max(spec.qty_scale);
        let units = positive(&name, text, scale, "Invalid quantity.")?;
        let step = u128::from(spec.lot_units) * decimal::pow10(scale - spec.qty_scale);
        match steps(units, step, QTY_MAX.0) {
            Some(lots) => Ok(QtyLots(lots)),
            None => Err(ApiError::new(Code::InvalidMessage, "Filter failure: LOT_SIZE")),
        }
    }

    fn quote_amount(&self) -> Result<i128, ApiError> {
        let name = self.name("quoteOrderQty");
        let Some(text) = self.params.get(&name)? else { return Ok(0) };
        let units = positive(&name, text, self.market.quote.scale, "Invalid quote order qty.")?;
        i128::try_from(units).map_err(|_| number_error(&name, DecimalError::OutOfRange))
    }

    pub fn tif(&self) -> Result<Option<TimeInForce>, ApiError> {
        let Some(text) = self.text("timeInForce")? else { return Ok(None) };
        match parse_tif(text) {
            // Binance's spot API has no GTD.
            None | Some(TimeInForce::Gtd) => Err(ApiError::new(Code::InvalidTif, "Invalid timeInForce.")),
            tif => Ok(tif),
        }
    }

    pub fn number(&self, base: &'static str, max: u64) -> Result<u64, ApiError> {
        let name = self.name(base);
        match self.params.u64(&name)? {
            None => Ok(0),
            Some(value) if value <= max => Ok(value),
            Some(_) => Err(number_error(&name, DecimalError::OutOfRange)),
        }
    }

    pub fn strategy(&self) -> Result<(u64, u32), ApiError> {
        const TYPE_MIN: u64 = 1_000_000;
        let id = self.number("strategyId", i64::MAX as u64)?;
        let kind = self.number("strategyType", i32::MAX as u64)?;
        if self.text("strategyType")?.is_some() && kind < TYPE_MIN {
            return Err(ApiError::new(Code::BadStrategyType, "strategyType was less than 1000000."));
        }
        Ok((id, kind as u32))
    }

    /// The rest of the order, and whether its fields go with its type.
    pub fn order(&self, known: Known) -> Result<NewOrder, ApiError> {
        let Known { user, side, kind, stp, qty, client_id: client_name } = known;
        self.refuse_pegged(kind)?;
        let tif = self.tif()?;
        let (strategy_id, strategy_type) = self.strategy()?;
        let order = NewOrder {
            kind,
            stp,
            tif: tif.unwrap_or(TimeInForce::Gtc),
            quote_amount: self.quote_amount()?,
            stop_price: self.price("stopPrice")?,
            trailing_delta: self.number("trailingDelta", u64::from(u32::MAX))? as u32,
            display_qty: self.qty("icebergQty")?,
            client_id: read_client_id(self.params, &self.name(client_name))?.unwrap_or_else(client_id::generate),
            strategy_id,
            strategy_type,
            ..NewOrder::limit(
                user,
                self.market.spec.id,
                side,
                self.price("price")?,
                match qty {
                    Some(qty) => qty,
                    None => self.qty("quantity")?,
                },
            )
        };
        self.check(&order, tif)?;
        Ok(order)
    }

    /// "Additional mandatory parameters", and those that a type has no use for.
    fn check(&self, order: &NewOrder, tif: Option<TimeInForce>) -> Result<(), ApiError> {
        let kind = order.kind;
        let market_like = kind == OrderKind::Market;
        let takes_tif = matches!(kind, OrderKind::Limit | OrderKind::StopLossLimit | OrderKind::TakeProfitLimit);
        if takes_tif && tif.is_none() {
            return Err(ApiError::malformed(&self.name("timeInForce")));
        }
        if !takes_tif && tif.is_some_and(|tif| tif != TimeInForce::Gtc || market_like) {
            return Err(self.not_required("timeInForce"));
        }
        let by_quote = order.quote_amount != 0;
        match (order.qty.is_zero(), by_quote) {
            (true, false) if market_like && self.prefix.is_empty() => {
                let msg = "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!";
                return Err(ApiError::new(Code::MandatoryParamEmptyOrMalformed, msg));
            }
            (true, false) => return Err(ApiError::malformed(&self.name("quantity"))),
            (_, true) if !market_like => return Err(self.not_required("quoteOrderQty")),
            (false, true) => return Err(self.not_required("quoteOrderQty")),
            _ => {}
        }
        match (kind.has_price(), order.price.is_none()) {
            (true, true) => return Err(ApiError::malformed(&self.name("price"))),
            (false, false) => return Err(self.not_required("price")),
            _ => {}
        }
        let has_trigger = !order.stop_price.is_none() || order.trailing_delta != 0;
        if kind.is_stop() && !has_trigger {
            let (stop, delta) = (self.name("stopPrice"), self.name("trailingDelta"));
            let msg = format!("Param '{stop}' or '{delta}' must be sent, but both were empty/null!");
            return Err(ApiError::with(Code::MandatoryParamEmptyOrMalformed, msg));
        }
        if !kind.is_stop() && has_trigger {
            let base = if order.stop_price.is_none() { "trailingDelta" } else { "stopPrice" };
            return Err(self.not_required(base));
        }
        if !order.display_qty.is_zero() {
            if !kind.has_price() || order.tif != TimeInForce::Gtc {
                return Err(self.not_required("icebergQty"));
            }
            if order.display_qty > order.qty {
                return Err(ApiError::new(Code::NewOrderRejected, "IcebergQty exceeds QTY."));
            }
        }
        Ok(())
    }

    fn not_required(&self, base: &'static str) -> ApiError {
        let msg = format!("Parameter '{}' sent when not required.", self.name(base));
        ApiError::with(Code::ParamNotRequired, msg)
    }

    /// No market has pegged orders (`pegInstructionsAllowed`); what is wrong in itself is told first.
    fn refuse_pegged(&self, kind: OrderKind) -> Result<(), ApiError> {
        let price_type = self.text("pegPriceType")?;
        let offset_type = self.text("pegOffsetType")?;
        let offset = self.params.u64(&self.name("pegOffsetValue"))?;
        match price_type {
            None | Some("PRIMARY_PEG" | "MARKET_PEG") => {}
            Some(_) => return Err(ApiError::new(Code::InvalidPegPriceType, "Invalid pegPriceType.")),
        }
        match offset_type {
            None | Some("PRICE_LEVEL") => {}
            Some(_) => return Err(ApiError::new(Code::InvalidPegOffsetType, "Invalid pegOffsetType.")),
        }
        if offset.is_some_and(|levels| levels > PEG_LEVELS_MAX) {
            return Err(invalid(&self.name("pegOffsetValue")));
        }
        let msg = match price_type {
            Some(_) if offset_type.is_some() != offset.is_some() => {
                return Err(together(self, ["pegOffsetType", "pegOffsetValue"]));
            }
            None if offset_type.is_some() => return Err(self.not_required("pegOffsetType")),
            None if offset.is_some() => return Err(self.not_required("pegOffsetValue")),
            None => return Ok(()),
            Some("MARKET_PEG") if kind == OrderKind::LimitMaker => {
                "This price peg cannot be used with this order type."
            }
            Some(_) if !kind.has_price() => "This order type may not use pegged price.",
            Some(_) => "Pegged orders are not supported for this symbol.",
        };
        Err(ApiError::new(Code::NewOrderRejected, msg))
    }
}

/// -1128
fn together(leg: &Leg<'_>, names: [&'static str; 2]) -> ApiError {
    let [one, other] = names.map(|name| leg.name(name));
    ApiError::with(
        Code::OptionalParamsBadCombo,
        format!("Combination of optional fields invalid. Recommendation: '{one}' and '{other}' must both be sent."),
    )
}

/// A decimal number above zero, in units of 10^-scale.
fn positive(name: &str, text: &str, scale: u8, zero: &'static str) -> Result<u128, ApiError> {
    match decimal::parse_unsigned(text, scale) {
        Ok(0) => Err(ApiError::new(Code::InvalidMessage, zero)),
        Ok(units) => Ok(units),
        Err(error) => Err(number_error(name, error)),
    }
}

/// Whole steps, at most `max`.
fn steps(units: u128, step: u128, max: u64) -> Option<u64> {
    let count = units.is_multiple_of(step).then(|| units / step)?;
    u64::try_from(count).ok().filter(|count| *count <= max)
}

/// A client's id of an order or a list (-1100 when it has other characters).
pub(in super::super) fn read_client_id(params: &Params, name: &str) -> Result<Option<ClientId>, ApiError> {
    let Some(text) = params.get(name)? else { return Ok(None) };
    match ClientId::new(text).filter(|_| is_client_id(text)) {
        Some(id) => Ok(Some(id)),
        None => Err(illegal(name, "^[\\.A-Z\\:/a-z0-9_-]{1,36}$")),
    }
}

pub(super) fn read_stp(params: &Params) -> Result<StpMode, ApiError> {
    match params.get("selfTradePreventionMode")? {
        None => Ok(StpMode::None),
        // A mode of Binance's that no market here allows.
        Some("TRANSFER") => {
            let msg = "This symbol does not allow the specified self-trade prevention mode.";
            Err(ApiError::new(Code::InvalidMessage, msg))
        }
        Some(text) => parse_stp(text).ok_or_else(|| invalid("selfTradePreventionMode")),
    }
}

pub(super) fn read_respond(params: &Params) -> Result<Option<Respond>, ApiError> {
    match params.get("newOrderRespType")? {
        None => Ok(None),
        Some("ACK") => Ok(Some(Respond::Ack)),
        Some("RESULT") => Ok(Some(Respond::Result)),
        Some("FULL") => Ok(Some(Respond::Full)),
        Some(_) => Err(invalid("newOrderRespType")),
    }
}

/// -1130
pub(super) fn invalid(name: &str) -> ApiError {
    ApiError::with(Code::InvalidParameter, format!("Data sent for parameter '{name}' is not valid."))
}

//! Why a command was refused.

/// A refusal, in order of precedence: where several apply, the first of this list is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Reject {
    // What it names does not exist.
    UnknownMarket = 1,
    UnknownAsset,
    UnknownUser,
    /// A reserved id where a user's belongs.
    ReservedUser,
    // Who and when.
    AccountFrozen,
    MarketHalted,
    MarketCancelOnly,
    /// The order type or instruction is not taken in a call auction, or the command needs one.
    MarketPreOpen,
    /// The state asked for cannot follow the present one.
    MarketStateConflict,
    /// The client id was used by this user for another body, open or in the last 24 h.
    ClientIdConflict,
    /// The table of client ids is full; see `Limits::client_ids_max`.
    ClientIdsFull,
    // The order against itself.
    /// Fields that do not go together (type, time in force, price, stop price, iceberg, expiry, list legs).
    InvalidCombination,
    InvalidFee,
    InvalidAmount,
    // The order against the market's filters.
    PriceFilter,
    LotSize,
    MarketLotSize,
    Notional,
    PercentPrice,
    TrailingDelta,
    IcebergParts,
    ExpireTime,
    MaxOrders,
    MaxStopOrders,
    MaxIcebergOrders,
    MaxOrderLists,
    MaxPosition,
    MaxAmends,
    // The order it names.
    UnknownOrder,
    UnknownList,
    /// Of an order list, a stop or an iceberg where this change is not possible.
    NotAmendable,
    /// Amend: not smaller than the quantity, or not above what is filled.
    AmendQty,
    CancelRestricted,
    // The book and the funds.
    WouldTake,
    WouldTrigger,
    InsufficientBalance,
    // Operators' commands. 37 was never told, and stays free.
    InvalidSpec = 38,
    IdNotNext,
    /// The specification of a listed asset or market cannot change in that way.
    SpecFixed,
    BusinessConflict,
    SupplyLimit,
    TransferToSelf,
    UncrossNotPossible,
}

impl Reject {
    /// Stable snake_case name, for logs, metrics and APIs.
    pub fn name(self) -> &'static str {
        name_of(self)
    }

    /// In order of their numbers.
    pub const ALL: &'static [Reject] = &ALL;

    /// From its number in snapshots.
    pub fn from_u8(value: u8) -> Option<Reject> {
        let at = ALL.binary_search_by_key(&value, |reject| *reject as u8).ok()?;
        Some(ALL[at])
    }
}

macro_rules! table {
    ($($variant:ident $name:literal),* $(,)?) => {
        static ALL: [Reject; [$($name),*].len()] = [$(Reject::$variant),*];

        fn name_of(reject: Reject) -> &'static str {
            match reject {
                $(Reject::$variant => $name,)*
            }
        }
    };
}

table! {
    UnknownMarket "unknown_market", UnknownAsset "unknown_asset", UnknownUser "unknown_user", ReservedUser "reserved_user",
    AccountFrozen "account_frozen", MarketHalted "market_halted", MarketCancelOnly "market_cancel_only",
    MarketPreOpen "market_pre_open", MarketStateConflict "market_state_conflict",
    ClientIdConflict "client_id_conflict", ClientIdsFull "client_ids_full",
    InvalidCombination "invalid_combination", InvalidFee "invalid_fee", InvalidAmount "invalid_amount",
    PriceFilter "price_filter", LotSize "lot_size", MarketLotSize "market_lot_size", Notional "notional",
    PercentPrice "percent_price", TrailingDelta "trailing_delta", IcebergParts "iceberg_parts", ExpireTime "expire_time",
    MaxOrders "max_orders", MaxStopOrders "max_stop_orders", MaxIcebergOrders "max_iceberg_orders",
    MaxOrderLists "max_order_lists", MaxPosition "max_position", MaxAmends "max_amends",
    UnknownOrder "unknown_order", UnknownList "unknown_list", NotAmendable "not_amendable", AmendQty "amend_qty",
    CancelRestricted "cancel_restricted", WouldTake "would_take", WouldTrigger "would_trigger",
    InsufficientBalance "insufficient_balance",
    InvalidSpec "invalid_spec", IdNotNext "id_not_next", SpecFixed "spec_fixed", BusinessConflict "business_conflict",
    SupplyLimit "supply_limit", TransferToSelf "transfer_to_self", UncrossNotPossible "uncross_not_possible",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_variants_agree() {
        let numbers: Vec<u8> = Reject::ALL.iter().map(|reject| *reject as u8).collect();
        assert_eq!(numbers, (1..=36).chain(38..=44).collect::<Vec<u8>>());
        for reject in Reject::ALL {
            assert_eq!(Reject::from_u8(*reject as u8), Some(*reject));
            let camel: String = reject.name().split('_').map(|w| w[..1].to_uppercase() + &w[1..]).collect();
            assert_eq!(camel, format!("{reject:?}"));
        }
        for free in [0, 37, 45, 255] {
            assert_eq!(Reject::from_u8(free), None);
        }
    }
}

//! Identifiers. Newtypes, so that an order id is never passed where a user id belongs.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
        pub struct $name(pub $inner);
    };
}

id!(
    /// An account holder. A sub-account is a user of its own whose `group` is its master's id. Ids from
    /// [`UserId::RESERVED_MIN`] up name the exchange's own accounts and cannot trade.
    UserId(u64)
);
id!(
    /// An order, unique over all markets, growing with acceptance.
    OrderId(u64)
);
id!(
    /// A trade, dense within its market from 1.
    TradeId(u64)
);
id!(
    /// An order list (OCO, OTO, OTOCO), unique over all markets.
    ListId(u64)
);
id!(
    /// An asset; dense, in order of listing.
    AssetId(u32)
);
id!(
    /// A market; dense, in order of listing.
    MarketId(u32)
);
id!(
    /// A command's place in the log: dense from 1, one epoch each.
    Seq(u64)
);
id!(
    /// A leader's term. Grows with every start or take-over.
    Epoch(u32)
);
id!(
    /// Engine time: microseconds since the Unix epoch, carried by each command, never going back.
    Timestamp(u64)
);

impl UserId {
    /// First of the reserved ids.
    pub const RESERVED_MIN: u64 = u64::MAX - 15;

    pub fn is_reserved(self) -> bool {
        self.0 >= Self::RESERVED_MIN
    }
}

impl Timestamp {
    pub const SECOND: u64 = 1_000_000;
    pub const MINUTE: u64 = 60 * Self::SECOND;
    pub const DAY: u64 = 24 * 60 * Self::MINUTE;

    pub fn plus(self, micros: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(micros))
    }

    pub fn millis(self) -> u64 {
        self.0 / 1000
    }
}

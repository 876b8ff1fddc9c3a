//! The methods by name.

macro_rules! methods {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A method (ViaBTC HTTP protocol).
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Method { $($variant),* }

        impl Method {
            pub const ALL: &'static [Method] = &[$(Method::$variant),*];

            pub fn from_name(name: &str) -> Option<Method> {
                match name {
                    $($name => Some(Method::$variant),)*
                    _ => None,
                }
            }

            pub fn name(self) -> &'static str {
                match self { $(Method::$variant => $name),* }
            }
        }
    };
}

methods! {
    BalanceQuery "balance.query", BalanceUpdate "balance.update", BalanceHistory "balance.history",
    AssetList "asset.list", AssetSummary "asset.summary",
    OrderPutLimit "order.put_limit", OrderPutMarket "order.put_market", OrderCancel "order.cancel",
    OrderBook "order.book", OrderDepth "order.depth",
    OrderPending "order.pending", OrderPendingDetail "order.pending_detail",
    OrderFinished "order.finished", OrderFinishedDetail "order.finished_detail", OrderDeals "order.deals",
    MarketList "market.list", MarketSummary "market.summary",
    MarketLast "market.last", MarketDeals "market.deals", MarketUserDeals "market.user_deals",
    MarketKline "market.kline", MarketStatus "market.status", MarketStatusToday "market.status_today",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_23_methods_and_each_is_found_by_its_name() {
        assert_eq!(Method::ALL.len(), 23);
        for method in Method::ALL {
            assert_eq!(Method::from_name(method.name()), Some(*method));
        }
        for name in ["", "balance", "balance.query ", "Balance.query", "order.put_limits"] {
            assert_eq!(Method::from_name(name), None);
        }
    }
}

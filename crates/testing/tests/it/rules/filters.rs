//! Filters of a market.

use expect_test::expect;

use super::check;

#[test]
fn prices() {
    check(
        "
        filters price_min=10 price_max=200
        A buy 1@9
        A buy 1@10
        A buy 1@201
        A buy 1@100 sl:201
        A buy 1 sl:9
        A move 1 9
        A move 1 201
        ",
        expect![[r#"
            filters price_min=10 price_max=200
                market set
            A buy 1@9
                refused: price_filter
            A buy 1@10
                #1 A buys 1 at 10
            A buy 1@201
                refused: price_filter
            A buy 1@100 sl:201
                refused: price_filter
            A buy 1 sl:9
                refused: price_filter
            A move 1 9
                refused: price_filter
            A move 1 201
                refused: price_filter
        "#]],
    );
}

#[test]
fn quantities() {
    check(
        "
        filters qty_min=2 qty_max=9 market_qty_max=5
        A buy 1@100
        A buy 10@100
        A buy 9@100
        A buy 6
        A buy 6 sl:110
        A amend 1 1
        filters qty_min=2 qty_max=3 market_qty_max=5
        A amend 1 4
        A amend 1 3
        ",
        expect![[r#"
            filters qty_min=2 qty_max=9 market_qty_max=5
                market set
            A buy 1@100
                refused: lot_size
            A buy 10@100
                refused: lot_size
            A buy 9@100
                #1 A buys 9 at 100
            A buy 6
                refused: market_lot_size
            A buy 6 sl:110
                refused: market_lot_size
            A amend 1 1
                refused: lot_size
            filters qty_min=2 qty_max=3 market_qty_max=5
                market set
            A amend 1 4
                refused: lot_size
            A amend 1 3
                #1 Amended to 3@100, left 3
        "#]],
    );
}

/// The new total counts, whatever of it is filled; of a pair, both legs; without a price, as for market orders.
#[test]
fn notional_of_an_amendment() {
    check(
        "
        A buy 9@100
        B sell 4@100
        A oco sell 9@110 maker | sell 9@90 sl:94
        A sell 9 sl:94
        filters notional_min=600
        A amend 1 5
        A amend 1 6
        A amend 3 6
        A amend 4 6
        A amend 3 7
        A amend 5 8 id:kept
        A amend 5 4 id:new
        filters notional_min=600 notional_min_market=1
        A amend 5 3 id:other
        A cancel id:other
        filters notional_min=1 notional_max=200
        A amend 1 5
        filters notional_min=1 notional_max=500
        A amend 1 5
        ",
        expect![[r#"
            A buy 9@100
                #1 A buys 9 at 100
            B sell 4@100
                #2 B sells 4 at 100
                trade 1 4@100: #2 takes #1
                #2 Filled (Filled), filled 4 for 400, left 0
            A oco sell 9@110 maker | sell 9@90 sl:94
                list 1 Oco: #3 #4
                #3 A sells 9 at 110 LimitMaker
                #4 A sells 9 at 90 StopLossLimit
            A sell 9 sl:94
                #5 A sells 9 StopLoss
            filters notional_min=600
                market set
            A amend 1 5
                refused: notional
            A amend 1 6
                #1 Amended to 6@100, left 2
            A amend 3 6
                refused: notional
            A amend 4 6
                refused: notional
            A amend 3 7
                #3 Amended to 7@110, left 7
                #4 Amended to 7@90, left 7
            A amend 5 8 id:kept
                #5 is called kept
                #5 Amended to 8@0, left 8
            A amend 5 4 id:new
                #5 is called new
                #5 Amended to 4@0, left 4
            filters notional_min=600 notional_min_market=1
                market set
            A amend 5 3 id:other
                refused: notional
            A cancel id:other
                refused: unknown_order
            filters notional_min=1 notional_max=200
                market set
            A amend 1 5
                refused: notional
            filters notional_min=1 notional_max=500
                market set
            A amend 1 5
                #1 Amended to 5@100, left 1
        "#]],
    );
}

#[test]
fn notional() {
    check(
        "
        filters notional_min=100 notional_max=1000
        A buy 1@99
        A buy 1@100
        A buy 11@100
        A sell 1
        filters notional_min_market=1
        B buy 1
        A sell 1 ioc
        A sell 1@100
        A sell quote:99
        A move 5 50
        A move 5 99
        A move 5 140
        ",
        expect![[r#"
            filters notional_min=100 notional_max=1000
                market set
            A buy 1@99
                refused: notional
            A buy 1@100
                #1 A buys 1 at 100
            A buy 11@100
                refused: notional
            A sell 1
                #2 A sells 1 Market
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            filters notional_min_market=1
                market set
            B buy 1
                #3 B buys 1 Market
                #3 Expired (Unfilled), filled 0 for 0, left 1
            A sell 1 ioc
                #4 A sells 1 Market Ioc
                #4 Expired (Unfilled), filled 0 for 0, left 1
            A sell 1@100
                #5 A sells 1 at 100
            A sell quote:99
                refused: notional
            A move 5 50
                refused: notional
            A move 5 99
                refused: notional
            A move 5 140
                #5 Moved to 1@140, left 1
        "#]],
    );
}

#[test]
fn percent_price_by_side() {
    check(
        "
        A sell 1@100
        B buy 1@100
        filters bid_up=11000 bid_down=9000 ask_up=12000 ask_down=8000
        A buy 1@111
        A buy 1@110
        A buy 1@90
        A buy 1@89
        A sell 1@121
        A sell 1@120
        A move 4 112
        ",
        expect![[r#"
            A sell 1@100
                #1 A sells 1 at 100
            B buy 1@100
                #2 B buys 1 at 100
                trade 1 1@100: #2 takes #1
                #1 Filled (Filled), filled 1 for 100, left 0
                #2 Filled (Filled), filled 1 for 100, left 0
            filters bid_up=11000 bid_down=9000 ask_up=12000 ask_down=8000
                market set
            A buy 1@111
                refused: percent_price
            A buy 1@110
                #3 A buys 1 at 110
            A buy 1@90
                #4 A buys 1 at 90
            A buy 1@89
                refused: percent_price
            A sell 1@121
                refused: percent_price
            A sell 1@120
                #5 A sells 1 at 120
            A move 4 112
                refused: percent_price
        "#]],
    );
}

#[test]
fn percent_price_of_the_average() {
    check(
        "
        filters average_minutes=1 bid_up=10500
        A sell 3@100
        B buy 3@100
        at 1000000
        A sell 1@105
        B buy 1@105
        A buy 1@107
        A buy 1@106
        at 60000000
        A buy 1@111
        A buy 1@110
        ",
        expect![[r#"
            filters average_minutes=1 bid_up=10500
                market set
            A sell 3@100
                #1 A sells 3 at 100
            B buy 3@100
                #2 B buys 3 at 100
                trade 1 3@100: #2 takes #1
                #1 Filled (Filled), filled 3 for 300, left 0
                #2 Filled (Filled), filled 3 for 300, left 0
            at 1000000
            A sell 1@105
                #3 A sells 1 at 105
            B buy 1@105
                #4 B buys 1 at 105
                trade 2 1@105: #4 takes #3
                #3 Filled (Filled), filled 1 for 105, left 0
                #4 Filled (Filled), filled 1 for 105, left 0
            A buy 1@107
                refused: percent_price
            A buy 1@106
                #5 A buys 1 at 106
            at 60000000
            A buy 1@111
                refused: percent_price
            A buy 1@110
                #6 A buys 1 at 110
        "#]],
    );
}

#[test]
fn counts() {
    check(
        "
        filters orders_max=3 stop_orders_max=1 iceberg_orders_max=1 order_lists_max=1
        A buy 1@10 sl:20
        A buy 1@10 sl:21
        A buy 5@10 show:1
        A buy 5@10 show:1
        A oto buy 1@9 > sell 1@100
        A oto buy 1@9 > sell 1@100 in:0
        A cancel 1
        A oto buy 1@9 > sell 1@100
        B oto buy 1@9 > sell 1@100
        B oto buy 1@9 > sell 1@100
        A replace 2 with buy 5@10 show:1
        ",
        expect![[r#"
            filters orders_max=3 stop_orders_max=1 iceberg_orders_max=1 order_lists_max=1
                market set
            A buy 1@10 sl:20
                #1 A buys 1 at 10 StopLossLimit
            A buy 1@10 sl:21
                refused: max_stop_orders
            A buy 5@10 show:1
                #2 A buys 5 at 10
            A buy 5@10 show:1
                refused: max_iceberg_orders
            A oto buy 1@9 > sell 1@100
                refused: max_orders
            A oto buy 1@9 > sell 1@100 in:0
                refused: max_orders
            A cancel 1
                #1 Canceled (User), filled 0 for 0, left 1
            A oto buy 1@9 > sell 1@100
                list 1 Oto: #3 #4
                #3 A buys 1 at 9
                #4 A sells 1 at 100, pending
            B oto buy 1@9 > sell 1@100
                list 2 Oto: #5 #6
                #5 B buys 1 at 9
                #6 B sells 1 at 100, pending
            B oto buy 1@9 > sell 1@100
                refused: max_orders
            A replace 2 with buy 5@10 show:1
                #2 Canceled (User), filled 0 for 0, left 5
                #7 A buys 5 at 10
        "#]],
    );
}

#[test]
fn parts_and_distances() {
    check(
        "
        filters iceberg_parts_max=3 trail_min=100 trail_max=500
        A buy 7@10 show:2
        A buy 6@10 show:2
        A sell 1@10 sl trail:99
        A sell 1@10 sl trail:501
        A sell 1@10 sl trail:500
        filters trail_min=0 trail_max=0
        A sell 1@10 sl trail:10000
        ",
        expect![[r#"
            filters iceberg_parts_max=3 trail_min=100 trail_max=500
                market set
            A buy 7@10 show:2
                refused: iceberg_parts
            A buy 6@10 show:2
                #1 A buys 6 at 10
            A sell 1@10 sl trail:99
                refused: trailing_delta
            A sell 1@10 sl trail:501
                refused: trailing_delta
            A sell 1@10 sl trail:500
                #2 A sells 1 at 10 StopLossLimit
            filters trail_min=0 trail_max=0
                market set
            A sell 1@10 sl trail:10000
                refused: trailing_delta
        "#]],
    );
}

#[test]
fn position() {
    check(
        "
        filters position_max=1005
        A buy 6@10
        A buy 3@10
        A buy 3@10
        A oto buy 2@9 > buy 2@8
        A sell 500@50
        A replace 1 with buy 5@10
        A buy quote:10
        ",
        expect![[r#"
            filters position_max=1005
                market set
            A buy 6@10
                refused: max_position
            A buy 3@10
                #1 A buys 3 at 10
            A buy 3@10
                refused: max_position
            A oto buy 2@9 > buy 2@8
                list 1 Oto: #2 #3
                #2 A buys 2 at 9
                #3 A buys 2 at 8, pending
            A sell 500@50
                #4 A sells 500 at 50
            A replace 1 with buy 5@10
                refused: max_position
            A buy quote:10
                #5 A buys for 10 Market
                #5 Expired (Unfilled), filled 0 for 0, left 0
        "#]],
    );
}

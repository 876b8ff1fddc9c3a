//! `allin demo-user`: an account with play money on a running demo exchange, and how to use it.

use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

use allin_runtime::auth::InternalToken;
use allin_runtime::config::NodeSection;
use clap::{Args as ClapArgs, ValueEnum};

use crate::demo::{self, Account, Amount, Api};
use crate::node::{Failure, RunFile};
use crate::settings::SettingsArgs;
use crate::{Outcome, print};

/// Makes an account with funds on a running demo exchange, and prints its API key
///
/// It registers in the ordinary way, with the code from the mail in DIR/outbox, and is funded by the house. Refused unless
/// `allin up` runs with the demo on, in the folder that --data names.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// What the house gives, as ASSET=AMOUNT, separated by commas
    #[arg(long, value_name = "FUNDS", default_value = "BTC=10,ETH=100,USDT=1000000", value_parser = demo::parse_amounts)]
    fund: Funds,

    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    settings: SettingsArgs,
}

type Funds = Vec<Amount>;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// With examples to paste
    Text,
    /// One object
    Json,
}

pub fn run(args: &Args) -> Outcome {
    let node: NodeSection = args.settings.load()?.section()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let made: Result<(Account, RunFile), Failure> = runtime.block_on(async {
        let run = RunFile::read(&node.data)?;
        if !run.demo {
            return Err("the demo is off on this exchange: start it without `--demo off`".into());
        }
        let token = InternalToken::read(&node.data)?;
        let api = Api::new(run.clone(), token, node.data.clone(), own_address());
        let account = demo::open(&api, "demo").await?;
        demo::fund(&api, account.user_id, &args.fund).await?;
        Ok((account, run))
    });
    let (account, run) = made.map_err(|error| error as Box<dyn std::error::Error>)?;
    print(&match args.format {
        Format::Json => format!("{}\n", serde_json::to_string(&account)?),
        Format::Text => text(&account, &run),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Registrations are limited by address. Each run of this command is another somebody, so it comes from an address of its
/// own of the loopback network, as far as there are such.
fn own_address() -> IpAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    // 127.20.0.0/16 is the services' own.
    IpAddr::V4(Ipv4Addr::new(127, 128 | high, middle, low.max(1)))
}

fn text(account: &Account, run: &RunFile) -> String {
    let Account { user_id, email, password, api_key, api_secret } = account;
    let base = run.public;
    format!(
        r#"user id     {user_id}
email       {email}
password    {password}
API key     {api_key}
API secret  {api_secret}

# curl
BASE=http://{base} KEY={api_key} SECRET={api_secret}
Q="symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001&timestamp=$(date +%s000)"
SIG=$(printf %s "$Q" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.* //')
curl -H "X-MBX-APIKEY: $KEY" -X POST "$BASE/api/v3/order?$Q&signature=$SIG"

# Python: pip install ccxt
import ccxt
base = "http://{base}"
exchange = ccxt.binance({{
    "apiKey": "{api_key}",
    "secret": "{api_secret}",
    "options": {{"fetchMarkets": {{"types": ["spot"]}}, "fetchMargins": False, "fetchCurrencies": False}},
    "urls": {{"api": {{"public": base + "/api/v3", "private": base + "/api/v3", "sapi": base + "/sapi/v1"}}}},
}})
print(exchange.fetch_balance()["total"])
print(exchange.create_order("BTC/USDT", "market", "buy", 0.001))
"#
    )
}

//! A demo account, made in the way in which everybody gets one: registration, the code from the mail, an API key.

use std::time::Duration;

use allin_landry::userserver::{OUTBOX, latest_code};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, hex};
use crate::node::Failure;

const USERSERVER: &str = "landry-userserver-web";
/// Where mails of demo accounts would go; nobody has this domain.
const MAIL_DOMAIN: &str = "demo.allin.localhost";
/// How often the outbox is looked into, and how many times.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 200;

/// Credentials of a demo account. Printed and kept on purpose: its money is worth nothing.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    pub user_id: u64,
    pub email: String,
    pub password: String,
    pub api_key: String,
    pub api_secret: String,
}

/// Registers an account, marks it as demo, and makes a key that reads and trades.
pub async fn open(api: &Api, label: &str) -> Result<Account, Failure> {
    let email = format!("{label}-{}@{MAIL_DOMAIN}", random()?);
    let password = format!("Demo-{}-{}", random()?, random()?);
    let begun = api.user("/api/v1/register", None, &json!({ "email": email, "password": password })).await?;
    let begun = begun.good("registration")?;
    let code = mailed_code(api, &email).await?;
    let confirm = json!({ "registration": begun["registration"], "code": code, "device": "allin demo" });
    let session = api.user("/api/v1/register/confirm", None, &confirm).await?.good("confirmation")?;
    let user_id = session["user_id"].as_u64().ok_or("the confirmation names no user")?;
    let token = session["token"].as_str().ok_or("the confirmation opens no session")?;
    let path = format!("/internal/v1/users/{user_id}/demo");
    api.internal(USERSERVER, &path, &Value::Null).await?.good("marking as demo")?;
    let wanted = json!({
        "label": label, "kind": "hmac", "permissions": ["read", "spot_trade", "futures_trade"], "password": password,
    });
    let key = api.user("/api/v1/api-keys", Some(token), &wanted).await?.good("API key")?;
    let text = |name: &str| key[name].as_str().map(str::to_owned).ok_or_else(|| format!("the API key has no {name}"));
    Ok(Account { user_id, email, password, api_key: text("api_key")?, api_secret: text("api_secret")? })
}

/// The code in the mail, which in the embedded mode is a file.
async fn mailed_code(api: &Api, email: &str) -> Result<String, Failure> {
    let outbox = api.data.join(OUTBOX);
    for _ in 0..LOOKS_MAX {
        let (outbox, email) = (outbox.clone(), email.to_owned());
        if let Some(code) = tokio::task::spawn_blocking(move || latest_code(&outbox, &email)).await?? {
            return Ok(code);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Err(format!("no mail to {email} in {}; are mails sent elsewhere (users.smtp_url)?", outbox.display()).into())
}

/// Eight hexadecimal digits.
fn random() -> Result<String, Failure> {
    let mut bytes = [0; 4];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "the system has no random numbers")?;
    Ok(hex(&bytes))
}

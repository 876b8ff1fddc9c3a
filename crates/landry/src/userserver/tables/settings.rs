//! Profile, preferences and notifications: a row for whoever changed one of them, defaults for the rest.

use allin_core::ids::UserId;
use allin_runtime::args;
use allin_runtime::store::{StoreError, Tx};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub nickname: String,
    pub country: String,
    pub language: String,
    pub theme: String,
    pub currency: String,
    pub notify_login: bool,
    pub notify_trade: bool,
    pub notify_news: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            nickname: String::new(),
            country: String::new(),
            language: "en".to_owned(),
            theme: "system".to_owned(),
            currency: "USDT".to_owned(),
            notify_login: true,
            notify_trade: false,
            notify_news: false,
        }
    }
}

const COLUMNS: &str = "nickname, country, language, theme, currency, notify_login, notify_trade, notify_news";

pub async fn load(tx: &mut Tx, user: UserId) -> Result<Settings, StoreError> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM userserver_settings WHERE user_id = ?"), args![user]).await?;
    let Some(row) = rows.first() else { return Ok(Settings::default()) };
    Ok(Settings {
        nickname: row.text(0)?,
        country: row.text(1)?,
        language: row.text(2)?,
        theme: row.text(3)?,
        currency: row.text(4)?,
        notify_login: row.flag(5)?,
        notify_trade: row.flag(6)?,
        notify_news: row.flag(7)?,
    })
}

pub async fn save(tx: &mut Tx, user: UserId, settings: &Settings) -> Result<(), StoreError> {
    let s = settings.clone();
    tx.execute("DELETE FROM userserver_settings WHERE user_id = ?", args![user]).await?;
    let sql = format!("INSERT INTO userserver_settings ({COLUMNS}, user_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let values = args![
        s.nickname,
        s.country,
        s.language,
        s.theme,
        s.currency,
        s.notify_login,
        s.notify_trade,
        s.notify_news,
        user
    ];
    tx.execute(&sql, values).await.map(|_| ())
}

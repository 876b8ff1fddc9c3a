//! A new session, after whatever has proved who it is.

use allin_core::ids::UserId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::userserver::account::ms;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::http::caller::{Client, expiry};
use crate::userserver::http::text::{Label, Token};
use crate::userserver::limits::subscriber_name;
use crate::userserver::mail::texts;
use crate::userserver::secrets::random;
use crate::userserver::tables::logins::{self, LoginMethod, LoginRow, Outcome};
use crate::userserver::tables::sessions::{self, SessionRow};
use crate::userserver::tables::{accounts, known_addresses, settings};
use crate::userserver::write::Write;

/// Sessions of one user; a further one ends the oldest.
const SESSIONS_MAX: usize = 50;

#[derive(Serialize, ToSchema)]
pub struct NewSession {
    user_id: u64,
    /// Shown once; goes into `Authorization: Bearer …`.
    #[schema(value_type = Token)]
    token: String,
    session_id: String,
    /// Unless it is used before, milliseconds since the Unix epoch.
    expires_at: u64,
}

pub async fn open(
    app: &App,
    write: &mut Write<'_>,
    user: UserId,
    client: &Client,
    device: Option<&Label>,
    method: LoginMethod,
) -> Result<NewSession, Problem> {
    let (now, token) = (app.now(), random::token());
    let row = SessionRow {
        session: random::hex(&random::bytes::<16>()),
        user,
        device: device.map_or(String::new(), |device| device.0.clone()),
        agent: client.agent.clone(),
        address: client.address.to_string(),
        created_at: now,
        seen_at: now,
        expires_at: expiry(app, now),
    };
    for old in sessions::of_user(&mut write.tx, user, now).await?.iter().skip(SESSIONS_MAX - 1) {
        sessions::delete(&mut write.tx, user, &old.session).await?;
    }
    sessions::insert(&mut write.tx, &row, &random::fingerprint(&token)).await?;
    known_addresses::remember(&mut write.tx, user, &subscriber_name(client.address), now).await?;
    notify_new_address(app, write, user, &row.address).await?;
    let login = LoginRow { at: now, outcome: Outcome::Succeeded, method, address: row.address, agent: row.agent };
    logins::insert(&mut write.tx, user, &login).await?;
    Ok(NewSession { user_id: user.0, token, session_id: row.session, expires_at: ms(row.expires_at) })
}

/// A mail to whoever wants one, when his other logins came from elsewhere.
async fn notify_new_address(app: &App, write: &mut Write<'_>, user: UserId, address: &str) -> Result<(), Problem> {
    let before = logins::of_user(&mut write.tx, user).await?;
    let succeeded: Vec<LoginRow> = before.into_iter().filter(|login| login.outcome == Outcome::Succeeded).collect();
    if succeeded.is_empty() || succeeded.iter().any(|login| login.address == address) {
        return Ok(());
    }
    let wanted = settings::load(&mut write.tx, user).await?.notify_login;
    let account = accounts::by_id(&mut write.tx, user).await?.filter(|_| wanted);
    if let Some(account) = account {
        let email = accounts::email(&mut write.tx, user).await?;
        let what = format!("Somebody logged in from {address}, which was not seen before.");
        app.mail.notify(texts::security(&email, &what, &account.anti_phishing));
    }
    Ok(())
}

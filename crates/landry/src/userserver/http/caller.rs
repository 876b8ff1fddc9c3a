//! Who calls: the address and program for records and limits, and the session or the internal token.

use std::net::IpAddr;
use std::sync::Arc;

use allin_core::ids::{Timestamp, UserId};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::serve::Peer;
use crate::userserver::app::App;
use crate::userserver::error::Problem;
use crate::userserver::secrets::random;
use crate::userserver::tables::{accounts, sessions};

const AGENT_CHARS_MAX: usize = 255;
/// The time of the last use is written so much later at most.
const SEEN_STEP_US: u64 = Timestamp::MINUTE;

/// Who may call an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Anyone,
    /// Whoever is logged in.
    Session,
    /// Services of this deployment, with the internal token.
    Internal,
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: IpAddr,
    pub agent: String,
}

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Session {
    pub user: UserId,
    pub session: String,
}

/// Lets through whom the route table lets through.
pub async fn guard(State((app, who)): State<(Arc<App>, Who)>, mut request: Request, next: Next) -> Response {
    let admitted = match who {
        Who::Anyone => Ok(()),
        Who::Internal => match app.token.admits(authorization(request.headers()).map(HeaderValue::as_bytes)) {
            true => Ok(()),
            false => Err(Problem::unauthorized()),
        },
        Who::Session => session(&app, request.headers()).await.map(|session| {
            request.extensions_mut().insert(session);
        }),
    };
    match admitted {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The only `Authorization` header; with two of them nobody is meant.
fn authorization(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    values.next().filter(|_| values.next().is_none())
}

async fn session(app: &App, headers: &HeaderMap) -> Result<Session, Problem> {
    let value = authorization(headers).and_then(|value| value.to_str().ok()).unwrap_or("");
    let token = match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => token,
        _ => return Err(Problem::unauthorized()),
    };
    let now = app.now();
    let mut tx = app.read().await?;
    // Found by its hash: how long the search takes tells nothing of the token.
    let row = sessions::by_fingerprint(&mut tx, &random::fingerprint(token)).await?;
    let row = row.filter(|row| row.expires_at > now).ok_or_else(Problem::unauthorized)?;
    let account = accounts::by_id(&mut tx, row.user).await?;
    tx.commit().await?;
    if account.is_none_or(|account| account.closed) {
        return Err(Problem::unauthorized());
    }
    if now.0 >= row.seen_at.0 + SEEN_STEP_US {
        let expires = expiry(app, row.created_at);
        let mut write = app.write().await?;
        sessions::touch(&mut write.tx, &row.session, now, expires).await?;
        write.commit().await?;
    }
    Ok(Session { user: row.user, session: row.session })
}

/// When a session that is used now ends.
pub fn expiry(app: &App, created_at: Timestamp) -> Timestamp {
    let idle = app.after(app.config.session_idle_s);
    let end = Timestamp(created_at.0 + app.config.session_life_s * Timestamp::SECOND);
    idle.min(end)
}

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().ok_or_else(|| Problem::broken("find the peer", "no address"))?;
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
        let agent = agent.chars().take(AGENT_CHARS_MAX).collect();
        Ok(Client { address: address(&parts.headers, peer.0, app.config.proxies), agent })
    }
}

/// The entry of `X-Forwarded-For` that the outermost of our proxies wrote. Entries before it are the caller's own words.
fn address(headers: &HeaderMap, peer: IpAddr, proxies: u32) -> IpAddr {
    let Some(back) = (proxies as usize).checked_sub(1) else { return peer.to_canonical() };
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let entries: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let entry = entries.len().checked_sub(1 + back).and_then(|at| entries[at].parse::<IpAddr>().ok());
    entry.unwrap_or(peer).to_canonical()
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Put there by the guard of the route.
        parts.extensions.get::<Session>().cloned().ok_or_else(Problem::unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_what_our_own_proxy_says() {
        let rows: [(u32, &[&str], &str); 9] = [
            (0, &["1.1.1.1"], "9.9.9.9"),
            (1, &[], "9.9.9.9"),
            (1, &["1.1.1.1"], "1.1.1.1"),
            (1, &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            (1, &["6.6.6.6", "1.1.1.1"], "1.1.1.1"),
            (2, &["6.6.6.6, 1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (2, &["1.1.1.1"], "9.9.9.9"),
            (1, &["nonsense"], "9.9.9.9"),
            (1, &["::ffff:1.1.1.1"], "1.1.1.1"),
        ];
        for (proxies, lines, expected) in rows {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| {
                headers.append("x-forwarded-for", HeaderValue::from_str(line).expect("ASCII"));
            });
            let peer = "9.9.9.9".parse().expect("an address");
            assert_eq!(address(&headers, peer, proxies).to_string(), expected, "{proxies} {lines:?}");
        }
    }
}
